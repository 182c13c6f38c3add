#include "bus/portfolio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "bus/file.h"
#include "tests/support/folder.h"

enum { PATH_SIZE = 512, COMMAND_SIZE = 1024 };

/* Synthetic, with good check digits. */
#define PERSON "450202199003070011"
#define OTHER_PERSON "450202198512310023"
#define COMPANY "914403001922038216"

/* A copy of the small catalogue, whose subscriber "customers" has a portfolio. */
struct fixture {
    char folder[TEST_FOLDER_SIZE], path[PATH_SIZE], log[PATH_SIZE];
    struct bus_catalogue *catalogue;
    struct bus_subject_keyer *keyer;
    struct bus_portfolios *portfolios;
    const struct bus_grant *grant;
};

static void write_portfolio(const struct fixture *fixture, const char *text)
{
    char fresh[PATH_SIZE + 8];
    snprintf(fresh, sizeof fresh, "%s.new", fixture->path);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
    assert_int_equal(rename(fresh, fixture->path), 0);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    char command[COMMAND_SIZE], path[PATH_SIZE];
    struct bus_error error;
    fixture = (struct fixture){0};
    test_folder_make(fixture.folder);
    snprintf(command, sizeof command,
             "mkdir -p '%s/a/b' && cp -r '" XINQIAO_SOURCE "/schemas' '%s/schemas' && cp -r '" XINQIAO_SOURCE
             "/tests/scenarios/catalogue' '%s/a/b/catalogue'",
             fixture.folder, fixture.folder, fixture.folder);
    if (system(command) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/a/b/catalogue/catalogue.cfg", fixture.folder);
    snprintf(fixture.path, sizeof fixture.path, "%s/a/b/catalogue/receivers/customers/customers.txt", fixture.folder);
    snprintf(fixture.log, sizeof fixture.log, "%s/log", fixture.folder);
    if (bus_catalogue_load(path, &fixture.catalogue, &error) != BUS_OK) {
        print_error("%s\n", error.message);
        return -1;
    }
    fixture.keyer = bus_subject_keyer_create(bus_bytes_text("0123456789abcdef0123456789abcdef"));
    fixture.grant = &bus_catalogue_find_subscriber(fixture.catalogue, "customers")->grants[0];
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    bus_portfolios_destroy(fixture->portfolios);
    bus_subject_keyer_destroy(fixture->keyer);
    bus_catalogue_destroy(fixture->catalogue);
    test_folder_remove(fixture->folder);
    return 0;
}

/* Loads with standard error in a file, and gives what was logged. */
static void load(struct fixture *fixture, const char *text, struct bus_buffer *log)
{
    struct bus_error error;
    write_portfolio(fixture, text);
    fflush(stderr);
    int before = dup(STDERR_FILENO);
    FILE *file = freopen(fixture->log, "w", stderr);
    assert_non_null(file);
    enum bus_status status = bus_portfolios_load(fixture->catalogue, fixture->keyer, &fixture->portfolios, &error);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    assert_int_equal(status, BUS_OK);
    bus_buffer_init(log, 1 << 20);
    assert_int_equal(bus_file_read(fixture->log, log, &error), BUS_OK);
    bus_buffer_u8(log, 0);
}

static bool has(const struct fixture *fixture, enum bus_subject_kind kind, const char *id)
{
    char identifier[19];
    uint8_t key[BUS_SUBJECT_KEY_SIZE];
    struct bus_error error;
    assert_int_equal(bus_subject_identifier(kind, bus_bytes_text(id), identifier, &error), BUS_OK);
    bus_subject_key(fixture->keyer, kind, identifier, key);
    return bus_portfolios_has(fixture->portfolios, fixture->grant, key);
}

static void knows_those_listed_and_nobody_else(void **state)
{
    struct fixture *fixture = *state;
    struct bus_buffer log;
    load(fixture, "\xef\xbb\xbf# customers\r\n" COMPANY "\r\n  " PERSON "  # since 2024\n\n" COMPANY "\nO D2143569-X\n",
         &log);
    assert_true(has(fixture, BUS_SUBJECT_PERSON, PERSON));
    assert_true(has(fixture, BUS_SUBJECT_ORGANISATION, COMPANY));
    assert_true(has(fixture, BUS_SUBJECT_ORGANISATION, "D2143569X"));
    assert_false(has(fixture, BUS_SUBJECT_PERSON, OTHER_PERSON));
    assert_non_null(strstr((const char *)log.data, "subjects=3 refused=0"));
    bus_buffer_release(&log);
}

static void a_bad_line_is_told_without_its_identifier_and_the_rest_is_used(void **state)
{
    struct fixture *fixture = *state;
    struct bus_buffer log;
    load(fixture, PERSON "\n450202199003070012\nP " COMPANY "\nnonsense\n" OTHER_PERSON "\n", &log);
    assert_true(has(fixture, BUS_SUBJECT_PERSON, PERSON));
    assert_true(has(fixture, BUS_SUBJECT_PERSON, OTHER_PERSON));
    const char *text = (const char *)log.data;
    assert_non_null(strstr(text, "customers.txt line=2 code=CITIZEN_NUMBER_CHECK_DIGIT"));
    assert_non_null(strstr(text, "line=3"));
    assert_non_null(strstr(text, "line=4"));
    assert_null(strstr(text, "line=5"));
    assert_null(strstr(text, "450202"));
    assert_null(strstr(text, COMPANY));
    assert_null(strstr(text, "nonsense"));
    assert_non_null(strstr(text, "subjects=2 refused=3"));
    bus_buffer_release(&log);
}

static void complaints_have_an_end(void **state)
{
    struct fixture *fixture = *state;
    struct bus_buffer lines, log;
    bus_buffer_init(&lines, 1 << 20);
    for (int i = 0; i < 300; i++)
        bus_buffer_printf(&lines, "nonsense\n");
    for (int i = 0; i < 1000; i++)
        bus_buffer_printf(&lines, "9");
    bus_buffer_printf(&lines, "\n" PERSON);
    bus_buffer_u8(&lines, 0);
    load(fixture, (const char *)lines.data, &log);
    const char *text = (const char *)log.data;
    assert_non_null(strstr(text, "line=100 "));
    assert_null(strstr(text, "line=101 "));
    assert_non_null(strstr(text, "subjects=1 refused=301"));
    assert_true(has(fixture, BUS_SUBJECT_PERSON, PERSON));
    bus_buffer_release(&lines);
    bus_buffer_release(&log);
}

static void what_may_be_either_needs_its_kind_said(void **state)
{
    struct fixture *fixture = *state;
    struct bus_buffer log;
    /* 15 digits that are an old citizen number, and end in an organisation code with a good check digit. */
    static const char either[] = "450202900307008";
    char identifier[19], text[64];
    struct bus_error error;
    bool is_both =
        bus_subject_identifier(BUS_SUBJECT_PERSON, bus_bytes_text(either), identifier, &error) == BUS_OK &&
        bus_subject_identifier(BUS_SUBJECT_ORGANISATION, bus_bytes_text(either), identifier, &error) == BUS_OK;
    assert_true(is_both);
    snprintf(text, sizeof text, "%s\nP %s\n", either, either);
    load(fixture, text, &log);
    assert_non_null(strstr((const char *)log.data, "line=1 code=SUBJECT_KIND"));
    assert_true(has(fixture, BUS_SUBJECT_PERSON, either));
    assert_false(has(fixture, BUS_SUBJECT_ORGANISATION, either));
    bus_buffer_release(&log);
}

static void a_file_that_changes_is_read_anew(void **state)
{
    struct fixture *fixture = *state;
    struct bus_buffer log;
    load(fixture, PERSON "\n", &log);
    uint64_t before = bus_portfolios_digest(fixture->portfolios, fixture->grant);
    assert_true(before != 0);
    assert_false(bus_portfolios_refresh(fixture->portfolios, fixture->keyer));
    write_portfolio(fixture, "# the same\n" PERSON "\n");
    assert_false(bus_portfolios_refresh(fixture->portfolios, fixture->keyer)); /* nobody came or went */
    assert_true(bus_portfolios_digest(fixture->portfolios, fixture->grant) == before);
    write_portfolio(fixture, OTHER_PERSON "\n");
    assert_true(bus_portfolios_refresh(fixture->portfolios, fixture->keyer));
    assert_true(has(fixture, BUS_SUBJECT_PERSON, OTHER_PERSON));
    assert_false(has(fixture, BUS_SUBJECT_PERSON, PERSON));
    assert_true(bus_portfolios_digest(fixture->portfolios, fixture->grant) != before);
    bus_buffer_release(&log);
}

static void a_file_that_went_away_stays_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct bus_buffer log;
    load(fixture, PERSON "\n", &log);
    assert_int_equal(unlink(fixture->path), 0);
    assert_false(bus_portfolios_refresh(fixture->portfolios, fixture->keyer));
    assert_false(bus_portfolios_refresh(fixture->portfolios, fixture->keyer));
    assert_true(has(fixture, BUS_SUBJECT_PERSON, PERSON));
    write_portfolio(fixture, "");
    assert_true(bus_portfolios_refresh(fixture->portfolios, fixture->keyer));
    assert_false(has(fixture, BUS_SUBJECT_PERSON, PERSON));
    bus_buffer_release(&log);
}

static void a_file_that_is_missing_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error = {.message = ""};
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(bus_portfolios_load(fixture->catalogue, fixture->keyer, &fixture->portfolios, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "customers.txt"));
}

static void a_grant_without_portfolio_has_none(void **state)
{
    struct fixture *fixture = *state;
    struct bus_buffer log;
    uint8_t key[BUS_SUBJECT_KEY_SIZE] = {0};
    load(fixture, PERSON "\n", &log);
    const struct bus_grant *other = &bus_catalogue_find_subscriber(fixture->catalogue, "plain")->grants[0];
    assert_true(bus_portfolios_digest(fixture->portfolios, other) == 0);
    assert_false(bus_portfolios_has(fixture->portfolios, other, key));
    bus_buffer_release(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(knows_those_listed_and_nobody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_line_is_told_without_its_identifier_and_the_rest_is_used, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(complaints_have_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_may_be_either_needs_its_kind_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_changes_is_read_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_went_away_stays_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_missing_is_fatal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_grant_without_portfolio_has_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
