#include "subscribers/serve/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_label_is_the_chinese_of_a_doc_alone(void **state)
{
    (void)state;
    static const char *const docs[][2] = {
        {"XK_WSH 行政许可决定书文号 / number of the decision", "行政许可决定书文号"},
        {"信用主体名称或姓名 / name of the subject", "信用主体名称或姓名"},
        {"公示截止日期，空为无期限 / last day of publicity", "公示截止日期"},
        {"行政区划代码(GB/T 2260，6位)，未知为空 / area code", "行政区划代码"},
        {"名单类别：红名单 / kind", "名单类别"},
        {"plain words", "plain words"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof docs / sizeof *docs; i++)
        assert_true(bus_bytes_equal_text(serve_doc_zh(docs[i][0]), docs[i][1]));
}

static void moments_are_told_in_beijing(void **state)
{
    (void)state;
    char text[SERVE_MOMENT_SIZE];
    static const char *const moments[][2] = {
        {"2026-11-24T08:30:05.123Z", "2026-11-24 16:30:05"},
        {"2023-04-19T16:00:00.000Z", "2023-04-20"},
        {"not a time", "not a time"},
    };
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        serve_moment_of(moments[i][0], text);
        assert_string_equal(text, moments[i][1]);
    }
    serve_moment(0, text);
    assert_string_equal(text, "—");
}

static void every_status_and_flag_has_its_words_and_unknown_ones_stand_for_themselves(void **state)
{
    (void)state;
    char name[64];
    assert_string_equal(serve_status_word("DISPUTED").zh, "异议中");
    assert_string_equal(serve_status_word("NEW").zh, "NEW");
    assert_string_equal(serve_flag_word(bus_bytes_text("DEREGISTERED"), name).zh, "主体已注销");
    assert_string_equal(serve_flag_word(bus_bytes_text("NEW"), name).zh, "NEW");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_is_the_chinese_of_a_doc_alone),
        cmocka_unit_test(moments_are_told_in_beijing),
        cmocka_unit_test(every_status_and_flag_has_its_words_and_unknown_ones_stand_for_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
