#include "subscribers/sinks/province/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/folder.h"
#include "tests/support/province_builder.h"

enum { PATH_SIZE = 256 };

static char folder[TEST_FOLDER_SIZE], path[PATH_SIZE];
static struct bus_error error;
static struct province_mapping *mapping;

static int make_folder(void **state)
{
    (void)state;
    test_folder_make(folder);
    snprintf(path, sizeof path, "%s/mapping.cfg", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static enum bus_status open_text(const char *fields, const char *rest)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "layouts = ( { name = \"l\"; type = \"CF\"; items = [\"penalty\"];\nfields = (\n%s ); } );\n%s\n",
            fields, rest);
    fclose(file);
    mapping = NULL;
    return province_mapping_open(path, &mapping, &error);
}

static void assert_refused(const char *fields, const char *rest, const char *what)
{
    assert_int_equal(open_text(fields, rest), BUS_FATAL);
    assert_null(mapping);
    if (strstr(error.message, what) == NULL)
        fail_msg("%s", error.message);
    assert_non_null(strstr(error.message, "mapping.cfg"));
}

static void what_cannot_be_meant_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("{ code = \"A\"; }", "", "from");
    assert_non_null(strstr(error.message, ":3"));
    assert_refused("{ code = \"A\"; from = \"a\"; constant = \"b\"; }", "", "either");
    assert_refused("{ code = \"A\"; from = \"a\"; tabel = \"b\"; }", "", "table");
    assert_refused("{ code = \"A\"; from = \"a\"; table = \"b\"; }", "", "no table \"b\"");
    assert_refused("{ code = \"A\"; from = \"a\"; separator = \";\"; }", "", "no table");
    assert_refused("{ code = \"A\"; from = \"a\"; }, { code = \"A\"; from = \"b\"; }", "", "already");
    assert_refused("{ code = \"A\"; from = \"a\"; required_when = \"B=1\"; }", "", "stands before");
    assert_refused("{ code = \"A\"; from = \"a\"; transform = \"money\"; }", "", "transform");
    assert_refused("", "", "1 to");
}

static void fields_may_refer_to_tables_and_to_those_before(void **state)
{
    (void)state;
    assert_int_equal(
        open_text("{ code = \"B\"; from = \"b\"; table = \"t\"; separator = \";\"; }, { code = \"A\"; from = \"a\"; "
                  "required_when = \"B=x\"; max_length = 7; }",
                  "tables = ( { name = \"t\"; codes = ( { from = \"1\"; to = \"x\"; } ); } );"),
        BUS_OK);
    struct bus_department department = {.name = "market"};
    struct bus_item item = {.name = "penalty", .department = &department};
    const struct province_layout *layout = province_mapping_find(mapping, &item);
    assert_non_null(layout);
    assert_string_equal(layout->type, "CF");
    assert_string_equal(layout->fields[0].table->codes[0].to, "x");
    assert_ptr_equal(layout->fields[1].when, &layout->fields[0]);
    assert_string_equal(layout->fields[1].when_value, "x");
    assert_int_equal(layout->fields[1].max_length, 7);
    assert_int_equal(layout->order[0], 1);
    item.name = "licence";
    assert_null(province_mapping_find(mapping, &item));
    province_mapping_destroy(mapping);
}

static void a_departments_own_layout_comes_first(void **state)
{
    (void)state;
    struct test_province province;
    test_province_open(&province);
    const struct province_layout *own =
        province_mapping_find(province.mapping, bus_catalogue_find_item(province.catalogue, "tax", "credit.grade"));
    assert_string_equal(own->name, "tax credit grade");
    for (const char *const *name = (const char *const[]){"market", "food", NULL}; *name != NULL; name++)
        assert_string_equal(
            province_mapping_find(province.mapping, bus_catalogue_find_item(province.catalogue, *name, "penalty"))
                ->name,
            "penalty");
    test_province_close(&province);
}

/* In both directions: what is granted and not needed should not leave. */
static void the_grants_are_exactly_what_the_mapping_needs(void **state)
{
    (void)state;
    struct test_province province;
    test_province_open(&province);
    assert_int_equal(province_mapping_check(province.mapping, province.catalogues, &error), BUS_OK);
    const struct bus_views *views = subscribers_catalogues_views_at(province.catalogues, 0);
    for (size_t i = 0; i < bus_views_count(views); i++) {
        const struct bus_view *view = bus_views_at(views, i);
        if (strcmp(view->grant->subscriber->name, "province") != 0)
            continue;
        const struct province_layout *layout = province_mapping_find(province.mapping, view->item);
        for (size_t j = 0; j < view->grant->field_count; j++) {
            bool is_needed = false;
            for (size_t k = 0; k < layout->field_count; k++)
                is_needed = is_needed || strcmp(layout->fields[k].from, view->grant->fields[j]) == 0;
            if (!is_needed)
                fail_msg("%s gives %s, which no row needs", view->grant->name, view->grant->fields[j]);
        }
    }
    test_province_close(&province);
}

static void a_grant_without_a_layout_or_its_fields_is_refused(void **state)
{
    (void)state;
    struct test_province province;
    test_province_open(&province);
    assert_int_equal(open_text("{ code = \"A\"; from = \"subject_name\"; }", ""), BUS_OK);
    assert_int_equal(province_mapping_check(mapping, province.catalogues, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "no layout for"));
    province_mapping_destroy(mapping);
    assert_int_equal(open_text("{ code = \"A\"; from = \"informant\"; }", ""), BUS_OK);
    assert_int_equal(province_mapping_check(mapping, province.catalogues, &error), BUS_FATAL);
    province_mapping_destroy(mapping);
    test_province_close(&province);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_meant_is_refused_with_its_line),
        cmocka_unit_test(fields_may_refer_to_tables_and_to_those_before),
        cmocka_unit_test(a_departments_own_layout_comes_first),
        cmocka_unit_test(the_grants_are_exactly_what_the_mapping_needs),
        cmocka_unit_test(a_grant_without_a_layout_or_its_fields_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
