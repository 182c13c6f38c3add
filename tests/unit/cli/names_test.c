#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/names.h"

enum { SAID_SIZE = 1024 };

static struct bus_catalogue *catalogue;
static char said[SAID_SIZE]; /* on standard error since hear() */
static FILE *ear;
static int mouth;

static int load(void **unused)
{
    (void)unused;
    struct bus_error error;
    return bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK ? 0 : -1;
}

static int unload(void **unused)
{
    (void)unused;
    bus_catalogue_destroy(catalogue);
    return 0;
}

static void hear(void)
{
    fflush(stderr);
    ear = tmpfile();
    assert_non_null(ear);
    mouth = dup(STDERR_FILENO);
    assert_true(dup2(fileno(ear), STDERR_FILENO) >= 0);
}

static bool heard(const char *text)
{
    fflush(stderr);
    dup2(mouth, STDERR_FILENO);
    close(mouth);
    rewind(ear);
    said[fread(said, 1, sizeof said - 1, ear)] = '\0';
    fclose(ear);
    return strstr(said, text) != NULL;
}

static void a_known_name_is_found_in_silence(void **unused)
{
    (void)unused;
    hear();
    assert_string_equal(cli_subscriber(catalogue, "court")->name, "court");
    assert_string_equal(cli_department(catalogue, "tax")->name, "tax");
    assert_string_equal(cli_item(catalogue, "tax", "arrears")->name, "arrears");
    assert_string_equal(cli_item_path(catalogue, "market/penalty")->name, "penalty");
    assert_true(heard("") && said[0] == '\0');
}

static void an_unknown_name_is_answered_with_the_nearest(void **unused)
{
    (void)unused;
    hear();
    assert_null(cli_subscriber(catalogue, "curt"));
    assert_true(heard("did you mean court?"));
    hear();
    assert_null(cli_department(catalogue, "markte"));
    assert_true(heard("did you mean market?"));
    hear();
    assert_null(cli_item(catalogue, "market", "penalti"));
    assert_true(heard("did you mean penalty?"));
}

/* tax has arrears, market has not: its name is no help. */
static void an_item_of_another_department_is_not_offered(void **unused)
{
    (void)unused;
    hear();
    assert_null(cli_item(catalogue, "market", "arrears"));
    assert_false(heard("did you mean arrears?"));
    assert_true(strstr(said, "unknown item") != NULL);
}

static void an_item_is_written_with_its_department(void **unused)
{
    (void)unused;
    hear();
    assert_null(cli_item_path(catalogue, "penalty"));
    assert_true(heard("DEPARTMENT/ITEM"));
}

static void a_short_list_is_shown_whole(void **unused)
{
    (void)unused;
    static const char *const names[] = {"PUBLIC", "ALL"};
    hear();
    assert_true(cli_is_known("范围", "scope", "ALL", names, 2));
    assert_false(cli_is_known("范围", "scope", "nobody", names, 2));
    assert_true(heard("known: PUBLIC ALL"));
}

static void the_department_may_stand_before_the_key_or_not(void **unused)
{
    (void)unused;
    uint8_t with[BUS_IDENTITY_SIZE], without[BUS_IDENTITY_SIZE], expected[BUS_IDENTITY_SIZE];
    bus_event_identity(bus_bytes_text("penalty"), bus_bytes_text("market|1|2"), expected);
    assert_true(cli_record_identity(catalogue, "market", "penalty", "market|1|2", with));
    assert_true(cli_record_identity(catalogue, "market", "penalty", "1|2", without));
    assert_memory_equal(with, expected, sizeof expected);
    assert_memory_equal(without, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_name_is_found_in_silence),
        cmocka_unit_test(an_unknown_name_is_answered_with_the_nearest),
        cmocka_unit_test(an_item_of_another_department_is_not_offered),
        cmocka_unit_test(an_item_is_written_with_its_department),
        cmocka_unit_test(a_short_list_is_shown_whole),
        cmocka_unit_test(the_department_may_stand_before_the_key_or_not),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
