#include "subscribers/engine/catalogues.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/catalogue_copy.h"
#include "tests/support/folder.h"

#define GRANTS "subscribers/receivers/court/grants.cfg"
enum { MOST_KEPT = 8 };

static char folder[TEST_FOLDER_SIZE], path[TEST_CATALOGUE_PATH_SIZE];
static struct subscribers_catalogues *catalogues;
static struct bus_error error;

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder);
    test_catalogue_copy(folder, path);
    return subscribers_catalogues_open(path, "court", &catalogues, &error) == BUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    subscribers_catalogues_close(catalogues);
    test_folder_remove(folder);
    return 0;
}

static const char *version_view(void)
{
    return bus_catalogue_version_view(subscribers_catalogues_at(catalogues, 0));
}

/* Fingerprint of the court's view of tax.arrears by the catalogue in force. */
static uint64_t fingerprint_now(void)
{
    const struct bus_item *item = bus_catalogue_find_item(subscribers_catalogues_at(catalogues, 0), "tax", "arrears");
    size_t count;
    const struct bus_view *const *views =
        bus_views_of(subscribers_catalogues_views_at(catalogues, 0), bus_item_current(item), &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(views[i]->grant->subscriber->name, "court") == 0)
            return bus_schema_fingerprint(views[i]->schema);
    fail();
    return 0;
}

static bool load(void)
{
    bool changed;
    assert_int_equal(subscribers_catalogues_load(catalogues, &changed, &error), BUS_OK);
    return changed;
}

static void files_that_are_the_same_change_nothing(void **state)
{
    (void)state;
    assert_false(load());
    assert_int_equal(subscribers_catalogues_count(catalogues), 1);
}

static void the_views_of_the_former_catalogue_stay_known(void **state)
{
    (void)state;
    uint64_t former = fingerprint_now();
    test_catalogue_change(folder, GRANTS, "\"tax_kind\", \"arrears_amount\"", "\"arrears_amount\"");
    assert_true(load());
    subscribers_catalogues_settle(catalogues, true);
    assert_true(fingerprint_now() != former);
    assert_non_null(subscribers_catalogues_find(catalogues, fingerprint_now()));
    assert_non_null(subscribers_catalogues_find(catalogues, former));
    assert_null(subscribers_catalogues_find(catalogues, 1));
}

static void a_catalogue_that_cannot_be_used_is_taken_back(void **state)
{
    (void)state;
    uint64_t former = fingerprint_now();
    test_catalogue_change(folder, GRANTS, "\"tax_kind\", \"arrears_amount\"", "\"arrears_amount\"");
    assert_true(load());
    uint64_t refused = fingerprint_now();
    subscribers_catalogues_settle(catalogues, false);
    assert_int_equal(subscribers_catalogues_count(catalogues), 1);
    assert_true(fingerprint_now() == former);
    assert_null(subscribers_catalogues_find(catalogues, refused));
}

static void a_bad_catalogue_names_file_and_line_and_the_old_one_stays(void **state)
{
    (void)state;
    bool changed;
    uint64_t former = fingerprint_now();
    test_catalogue_change(folder, GRANTS, "\"tax_kind\", \"arrears_amount\"", "\"tax_kin\", \"arrears_amount\"");
    assert_int_equal(subscribers_catalogues_load(catalogues, &changed, &error), BUS_FATAL);
    assert_false(changed);
    assert_non_null(strstr(error.message, "court/grants.cfg:"));
    assert_int_equal(subscribers_catalogues_count(catalogues), 1);
    assert_true(fingerprint_now() == former);
}

static void a_subscriber_that_is_gone_or_another_exchange_is_refused(void **state)
{
    (void)state;
    bool changed;
    char former[17];
    memcpy(former, version_view(), sizeof former);
    test_catalogue_change(folder, "schemas/catalogue.cfg", "exchange = \"liuzhou\"", "exchange = \"guilin\"");
    assert_int_equal(subscribers_catalogues_load(catalogues, &changed, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "guilin"));
    test_catalogue_change(folder, "schemas/catalogue.cfg", "exchange = \"guilin\"", "exchange = \"liuzhou\"");
    char court[TEST_CATALOGUE_PATH_SIZE];
    snprintf(court, sizeof court, "%s/subscribers/receivers/court", folder);
    test_folder_remove(court);
    assert_int_equal(subscribers_catalogues_load(catalogues, &changed, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "court"));
    assert_string_equal(version_view(), former);
}

static void the_oldest_of_many_are_let_go(void **state)
{
    (void)state;
    for (int i = 0; i < MOST_KEPT + 2; i++) {
        bool even = i % 2 == 0;
        test_catalogue_change(folder, GRANTS, even ? "\"tax_kind\", \"arrears_amount\"" : "\"arrears_amount\"",
                              even ? "\"arrears_amount\"" : "\"tax_kind\", \"arrears_amount\"");
        assert_true(load());
        subscribers_catalogues_settle(catalogues, true);
    }
    assert_int_equal(subscribers_catalogues_count(catalogues), MOST_KEPT);
    assert_non_null(subscribers_catalogues_find(catalogues, fingerprint_now()));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(files_that_are_the_same_change_nothing),
        TEST(the_views_of_the_former_catalogue_stay_known),
        TEST(a_catalogue_that_cannot_be_used_is_taken_back),
        TEST(a_bad_catalogue_names_file_and_line_and_the_old_one_stays),
        TEST(a_subscriber_that_is_gone_or_another_exchange_is_refused),
        TEST(the_oldest_of_many_are_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
