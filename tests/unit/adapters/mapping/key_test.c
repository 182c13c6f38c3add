#include "adapters/mapping/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <strings.h>

static struct bus_catalogue *catalogue;

/* A mapping of the catalogue, and a row of it that is empty at first. */
struct world {
    struct adapters_mapping *mapping;
    struct bus_arena *arena;
    struct bus_bytes fields[ADAPTERS_COLUMNS_MAX];
    struct adapters_refusal refusal;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct bus_error error;
    assert_non_null(world);
    world->arena = bus_arena_create(1 << 20);
    assert_int_equal(adapters_mapping_load(XINQIAO_SOURCE "/adapters/departments/market/penalty.cfg", catalogue,
                                           "market", &world->mapping, &error),
                     BUS_OK);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    adapters_mapping_destroy(world->mapping);
    bus_arena_destroy(world->arena);
    free(world);
    return 0;
}

static size_t column(const struct world *world, const char *name)
{
    const struct adapters_layout *layout = adapters_mapping_layout(world->mapping);
    for (size_t i = 0; i < layout->column_count; i++)
        if (strcasecmp(layout->columns[i], name) == 0)
            return i;
    fail_msg("no column %s", name);
    return 0;
}

static enum bus_status make_key(struct world *world, struct bus_bytes *out_key)
{
    const struct adapters_row row = {.fields = world->fields};
    return adapters_mapping_key(world->mapping, &row, world->arena, out_key, &world->refusal);
}

static void the_key_takes_its_own_columns_only(void **state)
{
    struct world *world = *state;
    bool needed[ADAPTERS_COLUMNS_MAX];
    adapters_mapping_key_columns(world->mapping, needed);
    for (size_t i = 0; i < ADAPTERS_COLUMNS_MAX; i++)
        assert_int_equal(needed[i], i == column(world, "CF_WSH") || i == column(world, "CF_XDR_MC"));
}

static void a_row_with_nothing_but_its_key_has_the_key_of_the_whole_row(void **state)
{
    struct world *world = *state;
    struct bus_bytes key;
    world->fields[column(world, "CF_WSH")] = bus_bytes_text(" 柳市监处罚〔2026〕1号 ");
    world->fields[column(world, "CF_XDR_MC")] = bus_bytes_text("某甲机械有限公司");
    assert_int_equal(make_key(world, &key), BUS_OK);
    /* Cleaned as the field itself is. */
    assert_int_equal(key.length, strlen("market|柳市监处罚〔2026〕1号|某甲机械有限公司"));
    assert_memory_equal(key.data, "market|柳市监处罚〔2026〕1号|某甲机械有限公司", key.length);
}

static void a_row_without_its_key_has_none(void **state)
{
    struct world *world = *state;
    struct bus_bytes key;
    world->fields[column(world, "CF_XDR_MC")] = bus_bytes_text("某甲机械有限公司");
    assert_int_equal(make_key(world, &key), BUS_REJECT);
    assert_string_equal(world->refusal.code, "VALUE_MISSING");
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
        cmocka_unit_test_setup_teardown(the_key_takes_its_own_columns_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_with_nothing_but_its_key_has_the_key_of_the_whole_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_without_its_key_has_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
