#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/words.h"

static void a_record_to_which_nothing_happened_is_live(void **unused)
{
    (void)unused;
    const struct cli_word *words[CLI_STATUS_MAX];
    struct bus_state_entry entry = {.status = BUS_RECORD_LIVE};
    assert_int_equal(cli_status_words(&entry, words), 1);
    assert_string_equal(words[0]->name, "LIVE");
}

static void every_mark_is_told_and_a_withdrawal_comes_first(void **unused)
{
    (void)unused;
    const struct cli_word *words[CLI_STATUS_MAX];
    struct bus_state_entry entry = {.status = BUS_RECORD_WITHDRAWN, .marks = 0x7f, .disputes = 2};
    assert_int_equal(cli_status_words(&entry, words), 9);
    assert_true(9 <= CLI_STATUS_MAX);
    assert_string_equal(words[0]->name, "WITHDRAWN");
    assert_string_equal(words[1]->name, "DISPUTED");
    for (size_t i = 0; i < 9; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(words[i]->name, words[j]->name);
}

static void a_moment_is_that_of_Beijing(void **unused)
{
    (void)unused;
    char text[CLI_MOMENT_SIZE];
    cli_moment(INT64_C(1795523637254), text);
    assert_string_equal(text, "2026-11-24 20:33:57");
    cli_moment(0, text);
    assert_string_equal(text, "1970-01-01 08:00:00");
}

static void a_day_that_never_comes_is_empty(void **unused)
{
    (void)unused;
    char text[CLI_MOMENT_SIZE];
    cli_day(20000, text);
    assert_string_equal(text, "2024-10-04");
    cli_day(INT32_MAX, text);
    assert_string_equal(text, "");
}

static void a_doc_is_split_in_its_two_languages(void **unused)
{
    (void)unused;
    struct bus_bytes zh, en;
    cli_doc_words("罚款金额（万元） / fine, in 10,000 yuan", &zh, &en);
    assert_true(bus_bytes_equal_text(zh, "罚款金额（万元）"));
    assert_true(bus_bytes_equal_text(en, "fine, in 10,000 yuan"));
    cli_doc_words("只有中文", &zh, &en);
    assert_true(bus_bytes_equal_text(zh, "只有中文"));
    assert_int_equal(en.length, 0);
}

static void every_operation_reason_and_transform_has_its_words(void **unused)
{
    (void)unused;
    for (int i = BUS_DELIVERY_PUT; i <= BUS_DELIVERY_RESYNC_END; i++)
        assert_string_equal(cli_operation_word((enum bus_delivery_operation)i)->name,
                            bus_delivery_operation_name((enum bus_delivery_operation)i));
    for (int i = BUS_REASON_NONE; i <= BUS_REASON_GRANT_ENDED; i++)
        assert_string_equal(cli_reason_word((enum bus_delivery_reason)i)->name,
                            bus_delivery_reason_name((enum bus_delivery_reason)i));
    for (int i = BUS_TRANSFORM_MASK; i <= BUS_TRANSFORM_PRESENT; i++)
        assert_true(cli_transform_word((enum bus_transform)i)->zh[0] != '\0');
}

static void an_age_is_told_in_the_largest_unit_of_which_there_are_two(void **unused)
{
    (void)unused;
    static const struct {
        int64_t ms;
        const char *text;
    } ages[] = {{-5, "0秒 s"},          {119999, "119秒 s"},  {120000, "2分 min"},
                {7199999, "119分 min"}, {7200000, "2小时 h"}, {172800000, "2日 d"}};
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        char text[CLI_AGE_SIZE];
        cli_age(ages[i].ms, text);
        assert_string_equal(text, ages[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_to_which_nothing_happened_is_live),
        cmocka_unit_test(every_mark_is_told_and_a_withdrawal_comes_first),
        cmocka_unit_test(a_moment_is_that_of_Beijing),
        cmocka_unit_test(a_day_that_never_comes_is_empty),
        cmocka_unit_test(a_doc_is_split_in_its_two_languages),
        cmocka_unit_test(every_operation_reason_and_transform_has_its_words),
        cmocka_unit_test(an_age_is_told_in_the_largest_unit_of_which_there_are_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
