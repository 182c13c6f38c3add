#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/command.h"

enum { MAX_WORDS = 16, LINE_SIZE = 1024, LONG_TEXT = 301 };

static struct bus_catalogue *catalogue;

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

/* Runs `xinqiao resync <line>`, words split at blanks, against a broker that is not there. */
static int run(const char *line)
{
    char text[LINE_SIZE], *words[MAX_WORDS], *save = NULL;
    struct cli_context context = {
        .kafka = {.bootstrap = "127.0.0.1:1", .client_id = "test"},
        .prefix = "xq.",
        .catalogue_path = XINQIAO_SOURCE "/schemas/catalogue.cfg",
        .loaded = catalogue,
        .clock = bus_clock_real(),
    };
    int count = 0;
    snprintf(text, sizeof text, "resync %s", line);
    for (char *word = strtok_r(text, " ", &save); word != NULL && count < MAX_WORDS; word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    return cli_resync(&context, count, words);
}

#define WHO " --officer 王 --reason 重建"

static void wrong_use_is_said_before_Kafka_is_asked(void **unused)
{
    (void)unused;
    static const char *const lines[] = {
        WHO,
        "curt" WHO,
        "court penalty" WHO,
        "court market/penalti" WHO,
        "court market/penalty more" WHO,
        "court --officer 王",
        "court --reason 重建",
        "court --offizer 王 --reason 重建",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(run(lines[i]), CLI_WRONG_USE);
}

static void an_officer_has_a_name_and_no_treatise(void **unused)
{
    (void)unused;
    char name[LONG_TEXT + 1], line[LINE_SIZE];
    memset(name, 'a', LONG_TEXT);
    name[LONG_TEXT] = '\0';
    snprintf(line, sizeof line, "court --officer %s --reason 重建", name);
    assert_int_equal(run(line), CLI_WRONG_USE);
}

static void an_item_that_no_grant_is_about_is_refused(void **unused)
{
    (void)unused;
    assert_int_equal(run("website tax/payment" WHO), CLI_NO);
}

static void what_is_well_said_goes_on_to_the_exchange(void **unused)
{
    (void)unused;
    assert_int_equal(run("court market/penalty" WHO), CLI_CANNOT_REACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_use_is_said_before_Kafka_is_asked),
        cmocka_unit_test(an_officer_has_a_name_and_no_treatise),
        cmocka_unit_test(an_item_that_no_grant_is_about_is_refused),
        cmocka_unit_test(what_is_well_said_goes_on_to_the_exchange),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
