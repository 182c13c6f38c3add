#include "adapters/engine/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/catalogue.h"
#include "tests/support/folder.h"
#include "tests/support/sample.h"

enum { PENALTIES, OTHERS, MAX_FIELDS = 96 };

static struct bus_catalogue *catalogue;

struct world {
    char folder[TEST_FOLDER_SIZE];
    const struct bus_item *item;
    const struct bus_schema *schema;
    struct adapters_image *image;
    struct bus_buffer event;
    struct bus_arena *arena;
    struct bus_value values[MAX_FIELDS];
    uint8_t key[ADAPTERS_IMAGE_KEY_SIZE];
};

static int load_catalogue(void **state)
{
    (void)state;
    struct bus_error error;
    return bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK ? 0 : -1;
}

static int release_catalogue(void **state)
{
    (void)state;
    bus_catalogue_destroy(catalogue);
    return 0;
}

static void open_image(struct world *world)
{
    struct bus_error error;
    const struct adapters_image_options options = {
        .state = world->folder,
        .prefix = "xq.",
        .partitions = 2,
        .adapter = "market",
        .feed_count = 2,
        .feeds = {{"penalty", world->item}, {"other", world->item}},
    };
    assert_int_equal(adapters_image_open(&options, &world->image, &error), BUS_OK);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    test_folder_make(world->folder);
    world->item = bus_catalogue_find_item(catalogue, "market", "penalty");
    world->schema = bus_item_current(world->item)->schema;
    world->arena = bus_arena_create(1024 * 1024);
    bus_buffer_init(&world->event, BUS_DATUM_MAX_SIZE);
    open_image(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    adapters_image_close(world->image);
    test_folder_remove(world->folder);
    bus_arena_destroy(world->arena);
    bus_buffer_release(&world->event);
    free(world);
    return 0;
}

/* The values of an event of record `key` that says `facts`. */
static void make(struct world *world, const char *key, const char *version, const char *operation, const char *facts)
{
    struct bus_span spans[MAX_FIELDS];
    struct bus_error error;
    char problem[TEST_SAMPLE_PROBLEM_SIZE];
    const struct test_field given[] = {{"record_key", key}, {"version", version},  {"operation", operation},
                                       {"facts", facts},    {"sequence", version}, {"document_number", key},
                                       {NULL, NULL}};
    bus_buffer_reset(&world->event);
    assert_true(
        test_sample_event(catalogue, world->item, bus_item_current(world->item), given, &world->event, problem));
    assert_int_equal(bus_datum_walk(world->schema, bus_buffer_view(&world->event), spans, &error), BUS_OK);
    for (size_t i = 0; i < bus_schema_field_count(world->schema); i++)
        world->values[i] =
            bus_datum_value(bus_schema_field(world->schema, i), bus_buffer_view(&world->event), spans[i]);
    adapters_image_key(bus_bytes_text(key), world->key);
}

static void note(struct world *world, size_t feed, const char *key, const char *version, const char *operation,
                 const char *facts)
{
    uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE];
    struct bus_error error;
    make(world, key, version, operation, facts);
    assert_int_equal(adapters_image_content(world->image, world->item, world->values, content, &error), BUS_OK);
    assert_int_equal(adapters_image_note(world->image, feed, world->values, content, &error), BUS_OK);
}

static void keep(struct world *world)
{
    struct bus_error error;
    assert_int_equal(adapters_image_keep(world->image, &error), BUS_OK);
}

static bool find(struct world *world, size_t feed, const char *key, struct adapters_image_entry *out_entry)
{
    uint8_t name[ADAPTERS_IMAGE_KEY_SIZE];
    adapters_image_key(bus_bytes_text(key), name);
    return adapters_image_find(world->image, feed, name, out_entry);
}

static void content_is_what_is_said_and_not_when(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    uint8_t one[ADAPTERS_IMAGE_CONTENT_SIZE], later[ADAPTERS_IMAGE_CONTENT_SIZE], other[ADAPTERS_IMAGE_CONTENT_SIZE];
    make(world, "k", "1", "PUT", "one");
    assert_int_equal(adapters_image_content(world->image, world->item, world->values, one, &error), BUS_OK);
    make(world, "k", "2", "PUT", "one");
    assert_int_equal(adapters_image_content(world->image, world->item, world->values, later, &error), BUS_OK);
    make(world, "k", "2", "PUT", "other");
    assert_int_equal(adapters_image_content(world->image, world->item, world->values, other, &error), BUS_OK);
    assert_memory_equal(one, later, sizeof one);
    assert_memory_not_equal(one, other, sizeof one);
}

static void what_was_noted_is_found_and_kept(void **state)
{
    struct world *world = *state;
    struct adapters_image_entry entry;
    note(world, PENALTIES, "k", "7", "PUT", "one");
    assert_true(find(world, PENALTIES, "k", &entry));
    assert_int_equal(adapters_image_count(world->image, PENALTIES), 0);
    keep(world);
    assert_true(find(world, PENALTIES, "k", &entry));
    assert_int_equal(entry.version, 7);
    assert_false(entry.is_withdrawn);
    assert_int_equal(adapters_image_count(world->image, PENALTIES), 1);
    assert_false(find(world, PENALTIES, "unknown", &entry));
}

static void what_was_noted_and_given_up_is_gone(void **state)
{
    struct world *world = *state;
    struct adapters_image_entry entry;
    note(world, PENALTIES, "k", "7", "PUT", "one");
    keep(world);
    note(world, PENALTIES, "k", "8", "WITHDRAW", "one");
    adapters_image_forget(world->image);
    keep(world);
    assert_true(find(world, PENALTIES, "k", &entry));
    assert_int_equal(entry.version, 7);
}

static void feeds_are_kept_apart(void **state)
{
    struct world *world = *state;
    struct adapters_image_entry entry;
    note(world, PENALTIES, "k", "7", "PUT", "one");
    keep(world);
    assert_false(find(world, OTHERS, "k", &entry));
    assert_int_equal(adapters_image_count(world->image, OTHERS), 0);
}

static void an_older_version_changes_nothing(void **state)
{
    struct world *world = *state;
    struct adapters_image_entry entry;
    note(world, PENALTIES, "k", "9", "WITHDRAW", "one");
    keep(world);
    note(world, PENALTIES, "k", "8", "PUT", "one");
    keep(world);
    assert_true(find(world, PENALTIES, "k", &entry));
    assert_int_equal(entry.version, 9);
    assert_true(entry.is_withdrawn);
}

static void a_withdrawal_says_which_record_and_no_more(void **state)
{
    struct world *world = *state;
    struct adapters_image_entry entry;
    struct bus_error error;
    struct bus_value values[MAX_FIELDS];
    struct bus_buffer event;
    note(world, PENALTIES, "k", "7", "PUT", "secret facts");
    keep(world);
    assert_true(find(world, PENALTIES, "k", &entry));
    assert_int_equal(adapters_image_withdrawal(world->item, &entry, world->arena, values, &error), BUS_OK);
    assert_int_equal(values[BUS_ENVELOPE_OPERATION].integer, BUS_OPERATION_WITHDRAW);
    assert_true(bus_bytes_equal_text(values[BUS_ENVELOPE_RECORD_KEY].bytes, "k"));
    assert_true(bus_bytes_equal(values[BUS_ENVELOPE_SUBJECT_ID].bytes, world->values[BUS_ENVELOPE_SUBJECT_ID].bytes));
    assert_true(bus_bytes_equal_text(values[bus_schema_find(world->schema, "document_number")].bytes, "k"));
    assert_int_equal(values[bus_schema_find(world->schema, "facts")].bytes.length, 0);
    bus_buffer_init(&event, BUS_DATUM_MAX_SIZE);
    assert_int_equal(bus_datum_encode(&event, world->schema, values, &error), BUS_OK);
    bus_buffer_release(&event);
}

struct seen {
    int count, stop_at;
    uint8_t last[ADAPTERS_IMAGE_KEY_SIZE];
};

static bool see(void *self, const uint8_t *key, const struct adapters_image_entry *entry)
{
    struct seen *seen = self;
    assert_false(entry->is_withdrawn);
    assert_true(seen->count == 0 || memcmp(seen->last, key, sizeof seen->last) < 0);
    memcpy(seen->last, key, sizeof seen->last);
    return ++seen->count != seen->stop_at;
}

static void a_walk_visits_what_stands_in_the_order_of_keys(void **state)
{
    struct world *world = *state;
    struct seen seen = {0}, some = {.stop_at = 2};
    struct bus_error error;
    char key[16];
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k%d", i);
        note(world, PENALTIES, key, "1", i < 5 ? "WITHDRAW" : "PUT", "one");
        note(world, OTHERS, key, "1", "PUT", "one");
    }
    keep(world);
    assert_int_equal(adapters_image_count(world->image, PENALTIES), 15);
    assert_int_equal(adapters_image_walk(world->image, PENALTIES, NULL, see, &seen, &error), BUS_OK);
    assert_int_equal(seen.count, 15);
    assert_int_equal(adapters_image_walk(world->image, PENALTIES, NULL, see, &some, &error), BUS_OK);
    assert_int_equal(some.count, 2);
}

static void reopened_it_knows_what_it_knew(void **state)
{
    struct world *world = *state;
    struct adapters_image_entry entry;
    note(world, PENALTIES, "k", "7", "PUT", "one");
    keep(world);
    adapters_image_close(world->image);
    open_image(world);
    assert_true(find(world, PENALTIES, "k", &entry));
    assert_int_equal(adapters_image_count(world->image, PENALTIES), 1);
}

/* As after a power cut: open, and another boot. */
static void what_another_boot_left_open_is_not_trusted(void **state)
{
    struct world *world = *state;
    struct adapters_image_entry entry;
    char path[TEST_FOLDER_SIZE + 32];
    note(world, PENALTIES, "k", "7", "PUT", "one");
    keep(world);
    adapters_image_close(world->image);
    snprintf(path, sizeof path, "%s/image/mark", world->folder);
    FILE *mark = fopen(path, "w");
    assert_non_null(mark);
    fputs("open another-boot\n", mark);
    fclose(mark);
    open_image(world);
    assert_false(find(world, PENALTIES, "k", &entry));
    assert_int_equal(adapters_image_count(world->image, PENALTIES), 0);
}

static void only_one_process_has_it(void **state)
{
    struct world *world = *state;
    struct adapters_image *second = NULL;
    struct bus_error error;
    const struct adapters_image_options options = {.state = world->folder, .prefix = "xq.", .partitions = 1};
    assert_int_equal(adapters_image_open(&options, &second, &error), BUS_RETRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(content_is_what_is_said_and_not_when, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_noted_is_found_and_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_noted_and_given_up_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(feeds_are_kept_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_version_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_withdrawal_says_which_record_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_walk_visits_what_stands_in_the_order_of_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reopened_it_knows_what_it_knew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_another_boot_left_open_is_not_trusted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_one_process_has_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, load_catalogue, release_catalogue);
}
