#include "adapters/sources/replication/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { RELATION = 16385, TEXT_TYPE = 25 };

static struct bus_catalogue *catalogue;

/* The feed of a department that is followed, and what the stream says of its table. */
struct world {
    struct adapters_feeds feeds;
    struct replication_tables tables;
    struct replication_table *table;
    struct adapters_pgoutput_message message;
    struct bus_buffer signatures;
};

static void name_column(struct adapters_pgoutput_column *column, const char *name, bool is_key)
{
    *column = (struct adapters_pgoutput_column){
        .is_key = is_key, .name = bus_bytes_text(name), .type = TEXT_TYPE, .modifier = ADAPTERS_PGOUTPUT_ANY_LENGTH};
}

/* As if the table had been looked at: every column of the mapping is there. */
static void describe(struct world *world)
{
    const struct adapters_layout *layout = adapters_mapping_layout(world->feeds.mappings[0]);
    struct replication_table *table = world->table;
    bool needed[ADAPTERS_COLUMNS_MAX];
    adapters_mapping_key_columns(world->feeds.mappings[0], needed);
    table->relation = RELATION;
    table->identity = 'd';
    for (size_t i = 0; i < layout->column_count; i++) {
        struct replication_column *column = &table->columns[table->column_count++];
        *column = (struct replication_column){
            .type = TEXT_TYPE, .modifier = ADAPTERS_PGOUTPUT_ANY_LENGTH, .is_key = needed[i], .place = i};
        snprintf(column->name, sizeof column->name, "%s", layout->columns[i]);
        name_column(&world->message.columns[i], column->name, needed[i]);
    }
    world->message.kind = ADAPTERS_PGOUTPUT_RELATION;
    world->message.relation = RELATION;
    world->message.identity = 'd';
    world->message.schema = bus_bytes_text(table->schema);
    world->message.name = bus_bytes_text(table->name);
    world->message.column_count = layout->column_count;
    replication_tables_write(&world->tables, 0, &world->signatures);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct bus_error error;
    assert_non_null(world);
    assert_int_equal(adapters_feeds_load(XINQIAO_SOURCE "/adapters/departments/housingfund", NULL, catalogue,
                                         "housingfund", &world->feeds, &error),
                     BUS_OK);
    assert_int_equal(replication_tables_init(&world->tables, &world->feeds, &error), BUS_OK);
    world->table = &world->tables.tables[0];
    bus_buffer_init(&world->signatures, 1 << 20);
    describe(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    bus_buffer_release(&world->signatures);
    replication_tables_release(&world->tables);
    adapters_feeds_release(&world->feeds);
    free(world);
    return 0;
}

static void binds(struct world *world)
{
    struct bus_error error;
    assert_int_equal(replication_tables_bind(&world->tables, &world->message, &error), BUS_OK);
    assert_true(world->table->is_bound);
}

static void stops(struct world *world, const char *what)
{
    struct bus_error error;
    assert_int_equal(replication_tables_bind(&world->tables, &world->message, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, what));
    assert_non_null(strstr(error.message, world->table->name));
    assert_false(world->table->is_bound);
}

static void differs(struct world *world, const char *what)
{
    struct bus_error error;
    bool is_new;
    assert_int_equal(replication_tables_compare(&world->tables, bus_buffer_view(&world->signatures), &is_new, &error),
                     BUS_FATAL);
    assert_non_null(strstr(error.message, what));
    assert_non_null(strstr(error.message, "replication.slot"));
}

static void a_table_as_it_was_is_bound_column_by_column(void **state)
{
    struct world *world = *state;
    struct adapters_pgoutput_column first = world->message.columns[0];
    world->message.columns[0] = world->message.columns[1]; /* in another order */
    world->message.columns[1] = first;
    binds(world);
    assert_int_equal(world->table->bound[0], 1);
    assert_int_equal(world->table->bound[1], 0);
    assert_int_equal(world->table->tuple_count, world->message.column_count);
    assert_true(world->table->key_count > 0);
}

static void a_table_of_no_feed_is_passed_over(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    world->message.relation = 99;
    world->message.name = bus_bytes_text("elsewhere");
    assert_int_equal(replication_tables_bind(&world->tables, &world->message, &error), BUS_OK);
    assert_false(world->table->is_bound);
}

static void a_column_that_came_stops(void **state)
{
    struct world *world = *state;
    name_column(&world->message.columns[world->message.column_count++], "neu", false);
    stops(world, "neu");
}

static void a_column_that_went_stops(void **state)
{
    struct world *world = *state;
    world->message.column_count--;
    stops(world, world->table->columns[world->table->column_count - 1].name);
}

static void a_column_of_another_type_or_length_stops(void **state)
{
    struct world *world = *state;
    world->message.columns[1].type = 1043;
    stops(world, "type");
    world->message.columns[1].type = TEXT_TYPE;
    world->message.columns[1].modifier = 24;
    stops(world, "type");
}

static void another_identity_stops(void **state)
{
    struct world *world = *state;
    world->message.identity = 'f';
    stops(world, "replica identity");
    world->message.identity = 'd';
    world->message.columns[0].is_key = !world->message.columns[0].is_key;
    stops(world, "replica identity");
}

static void a_table_renamed_or_made_anew_stops(void **state)
{
    struct world *world = *state;
    struct bus_bytes name = world->message.name;
    world->message.name = bus_bytes_text("old");
    stops(world, "renamed");
    world->message.name = name;
    world->message.relation++;
    stops(world, "made again");
}

static void signatures_of_the_same_tables_are_the_same(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    bool is_new = true;
    assert_int_equal(replication_tables_compare(&world->tables, bus_buffer_view(&world->signatures), &is_new, &error),
                     BUS_OK);
    assert_false(is_new);
    assert_int_equal(replication_tables_compare(&world->tables, bus_bytes_of(NULL, 0), &is_new, &error), BUS_OK);
    assert_true(is_new);
}

static void what_differs_from_the_signature_is_named(void **state)
{
    struct world *world = *state;
    world->table->columns[0].type++;
    differs(world, world->table->columns[0].name);
    world->table->columns[0].type--;
    world->table->relation++;
    differs(world, "made again");
    world->table->relation--;
    world->table->identity = 'f';
    differs(world, "identity");
    world->table->identity = 'd';
    world->table->column_count--;
    differs(world, "dropped");
}

static void the_digest_tells_tables_apart(void **state)
{
    struct world *world = *state;
    uint8_t one[REPLICATION_TABLES_DIGEST], other[REPLICATION_TABLES_DIGEST];
    struct bus_error error;
    assert_int_equal(replication_tables_digest(&world->tables, one, &error), BUS_OK);
    world->table->columns[0].modifier = 8;
    assert_int_equal(replication_tables_digest(&world->tables, other, &error), BUS_OK);
    assert_memory_not_equal(one, other, sizeof one);
}

static void feeds_that_are_no_tables_are_refused(void **state)
{
    (void)state;
    struct adapters_feeds feeds;
    struct replication_tables tables;
    struct bus_error error;
    assert_int_equal(
        adapters_feeds_load(XINQIAO_SOURCE "/adapters/departments/market", NULL, catalogue, "market", &feeds, &error),
        BUS_OK);
    assert_int_equal(replication_tables_init(&tables, &feeds, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "format = \"table\""));
    replication_tables_release(&tables);
    adapters_feeds_release(&feeds);
}

static int load_catalogue(void **state)
{
    (void)state;
    struct bus_error error;
    return bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) != BUS_OK;
}

static int drop_catalogue(void **state)
{
    (void)state;
    bus_catalogue_destroy(catalogue);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_table_as_it_was_is_bound_column_by_column, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_of_no_feed_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_column_that_came_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_column_that_went_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_column_of_another_type_or_length_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_identity_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_renamed_or_made_anew_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signatures_of_the_same_tables_are_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_differs_from_the_signature_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_digest_tells_tables_apart, set_up, tear_down),
        cmocka_unit_test(feeds_that_are_no_tables_are_refused),
    };
    return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
