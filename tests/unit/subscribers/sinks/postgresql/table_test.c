#include "subscribers/sinks/postgresql/table.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/delivery_builder.h"

static struct test_deliveries made;
static struct postgresql_tables *tables;

static int set_up(void **state)
{
    (void)state;
    struct bus_error error;
    test_deliveries_open(&made);
    return postgresql_tables_create(made.catalogues, "c\"ourt", false, &tables, &error) == BUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    postgresql_tables_destroy(tables);
    test_deliveries_close(&made);
    return 0;
}

static const struct postgresql_table *find(const char *name)
{
    const struct postgresql_table *found = NULL;
    for (size_t i = 0; i < postgresql_tables_count(tables); i++)
        if (strcmp(postgresql_tables_at(tables, i)->name, name) == 0) {
            assert_null(found);
            found = postgresql_tables_at(tables, i);
        }
    return found;
}

static void a_table_an_item_named_by_it(void **state)
{
    (void)state;
    assert_non_null(find("registration_basic"));
    assert_non_null(find("arrears"));
}

static void departments_with_different_schemas_have_tables_of_their_own(void **state)
{
    (void)state;
    assert_non_null(find("traffic_violation_decision"));
    assert_non_null(find("transport_violation_decision"));
    assert_null(find("violation_decision"));
}

static void departments_with_one_schema_share_a_table(void **state)
{
    (void)state;
    assert_non_null(find("penalty"));
    assert_null(find("market_penalty"));
}

static void every_granted_field_has_its_column(void **state)
{
    (void)state;
    const struct postgresql_view *view = postgresql_tables_find(tables, made.view);
    assert_non_null(view);
    assert_string_equal(view->table->name, "arrears");
    assert_int_equal(view->table->column_count, made.view->grant->field_count);
    for (size_t i = 0; i < view->table->column_count; i++)
        assert_int_equal(view->field_of_column[i], (int)i);
}

static void names_are_quoted(void **state)
{
    (void)state;
    assert_non_null(strstr(find("arrears")->sql.upsert, "\"c\"\"ourt\".\"arrears\""));
}

static void a_view_of_another_subscriber_has_no_table(void **state)
{
    (void)state;
    const struct bus_views *views = subscribers_catalogues_views_at(made.catalogues, 0);
    for (size_t i = 0; i < bus_views_count(views); i++) {
        const struct bus_view *view = bus_views_at(views, i);
        bool ours = strcmp(view->grant->subscriber->name, "court") == 0;
        assert_int_equal(postgresql_tables_find(tables, view) != NULL, ours);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_an_item_named_by_it),
        cmocka_unit_test(departments_with_different_schemas_have_tables_of_their_own),
        cmocka_unit_test(departments_with_one_schema_share_a_table),
        cmocka_unit_test(every_granted_field_has_its_column),
        cmocka_unit_test(names_are_quoted),
        cmocka_unit_test(a_view_of_another_subscriber_has_no_table),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
