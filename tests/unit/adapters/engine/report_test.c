#include "adapters/engine/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static const char *text_of(const struct adapters_report *report, const struct adapters_report_summary *summary,
                           struct bus_buffer *buffer)
{
    bus_buffer_init(buffer, ADAPTERS_REPORT_LIMIT);
    adapters_report_write(report, summary, buffer);
    bus_buffer_u8(buffer, 0);
    assert_false(buffer->failed);
    return (const char *)buffer->data;
}

static void names_line_column_and_reason_of_a_refused_row(void **state)
{
    (void)state;
    struct adapters_report report;
    struct adapters_refusal refusal;
    struct bus_buffer buffer;
    adapters_report_init(&report);
    adapters_refuse_column(&refusal, "USCC_CHECK_DIGIT", "CF_XDR_SHXYM", "校验码不符", "check \"digit\" differs");
    adapters_report_add(&report, 42, &refusal);
    struct adapters_report_summary summary = {.encoding = "GB18030", .rows = 10, .published = 9, .quarantined = 1};
    const char *text = text_of(&report, &summary, &buffer);
    assert_memory_equal(text, "\xef\xbb\xbf", 3);
    assert_non_null(
        strstr(text, "42,\"CF_XDR_SHXYM\",\"USCC_CHECK_DIGIT\",\"校验码不符\",\"check \"\"digit\"\" differs\"\n"));
    assert_non_null(strstr(text, "GB18030, 10 rows, 9 published, 1 refused"));
    bus_buffer_release(&buffer);
    adapters_report_release(&report);
}

static void is_bounded_and_says_how_many_are_left_out(void **state)
{
    (void)state;
    struct adapters_report report;
    struct adapters_refusal refusal;
    struct bus_buffer buffer;
    adapters_report_init(&report);
    adapters_refuse(&refusal, "ROW_NUL", "空字节", "NUL");
    for (int i = 0; i < ADAPTERS_REPORT_MAX_ROWS + 7; i++)
        adapters_report_add(&report, i, &refusal);
    struct adapters_report_summary summary = {.encoding = "UTF-8"};
    assert_non_null(strstr(text_of(&report, &summary, &buffer), "7 more rows were refused"));
    assert_int_equal(report.count, ADAPTERS_REPORT_MAX_ROWS + 7);
    bus_buffer_release(&buffer);
    adapters_report_release(&report);
}

static void tells_a_held_file_and_a_repeated_one(void **state)
{
    (void)state;
    struct adapters_report report;
    struct adapters_refusal refusal;
    struct bus_buffer buffer;
    adapters_report_init(&report);
    adapters_refuse(&refusal, "FILE_EMPTY", "文件为空", "the file is empty");
    struct adapters_report_summary held = {.held = &refusal}, repeated = {.is_duplicate = true};
    assert_non_null(strstr(text_of(&report, &held, &buffer), "\"FILE_EMPTY\",\"文件为空\""));
    bus_buffer_release(&buffer);
    assert_non_null(strstr(text_of(&report, &repeated, &buffer), "FILE_TAKEN_BEFORE"));
    bus_buffer_release(&buffer);
    adapters_report_release(&report);
}

static void tells_what_a_full_list_left_and_withdrew(void **state)
{
    (void)state;
    struct adapters_report report;
    struct adapters_refusal doubtful;
    struct bus_buffer buffer;
    adapters_report_init(&report);
    adapters_refuse(&doubtful, "LIST_DOUBTFUL", "有疑", "doubtful");
    adapters_report_add(&report, 0, &doubtful);
    struct adapters_report_summary summary = {
        .encoding = "UTF-8", .rows = 10, .published = 2, .unchanged = 7, .withdrawn = 3, .quarantined = 1};
    const char *text = text_of(&report, &summary, &buffer);
    assert_non_null(strstr(text, "未变 7 行；清单已没有而撤回 3 条"));
    assert_non_null(strstr(text, "7 unchanged; 3 records that the list lacks were withdrawn"));
    assert_non_null(strstr(text, "\n,\"\",\"LIST_DOUBTFUL\""));
    bus_buffer_release(&buffer);
    adapters_report_release(&report);
}

/* A header may hold anything, and the report is opened by double click. */
static void gives_a_spreadsheet_no_formula(void **state)
{
    (void)state;
    static const char *const columns[] = {"=1+1", "+1", "-1", "@SUM", "\t=1", "\r=1"};
    struct adapters_report_summary summary = {.encoding = "UTF-8"};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        struct adapters_report report;
        struct adapters_refusal refusal;
        struct bus_buffer buffer;
        char wanted[32];
        adapters_report_init(&report);
        adapters_refuse_column(&refusal, "COLUMN_UNKNOWN", columns[i], "不认识的列", "unknown column");
        adapters_report_add(&report, 1, &refusal);
        snprintf(wanted, sizeof wanted, "\"'%s\"", columns[i]);
        assert_non_null(strstr(text_of(&report, &summary, &buffer), wanted));
        bus_buffer_release(&buffer);
        adapters_report_release(&report);
    }
}

static void counts_what_a_list_did(void **state)
{
    (void)state;
    struct adapters_report report;
    struct bus_buffer buffer;
    adapters_report_init(&report);
    struct adapters_report_summary summary = {
        .encoding = "UTF-8", .rows = 10, .published = 2, .unchanged = 7, .quarantined = 1, .withdrawn = 3};
    const char *text = text_of(&report, &summary, &buffer);
    assert_non_null(strstr(text, "10 rows, 2 published, 1 refused, 7 unchanged; 3 records"));
    assert_non_null(strstr(text, "未变 7 行；清单已没有而撤回 3 条"));
    bus_buffer_release(&buffer);
    adapters_report_release(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_line_column_and_reason_of_a_refused_row),
        cmocka_unit_test(is_bounded_and_says_how_many_are_left_out),
        cmocka_unit_test(tells_a_held_file_and_a_repeated_one),
        cmocka_unit_test(gives_a_spreadsheet_no_formula),
        cmocka_unit_test(counts_what_a_list_did),
        cmocka_unit_test(tells_what_a_full_list_left_and_withdrew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
