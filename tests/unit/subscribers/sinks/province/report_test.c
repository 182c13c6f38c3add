#include "subscribers/sinks/province/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the two above first */
#include <cmocka.h>

#include "bus/file.h"
#include "tests/support/folder.h"

static struct bus_catalogue *catalogue;

static int load(void **state)
{
    struct bus_error error;
    (void)state;
    return bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    bus_catalogue_destroy(catalogue);
    return 0;
}

static struct province_report made(size_t findings)
{
    struct bus_error error;
    struct province_report report = {
        .day = "2026-11-24", .made_at_ms = 1795501800000, .from = 20000, .to = 20090, .rows = {70, 68}};
    struct province_cell cell = {.item = 5, .day = 20001, .count = {7, 5}};
    assert_int_equal(province_report_cells(&report, &cell, 1, &error), BUS_OK);
    assert_int_equal(province_report_cells(&report, &cell, 1, &error), BUS_OK); /* of another partition */
    for (size_t i = 0; i < findings; i++) {
        struct province_finding finding = {.kind = (enum province_finding_kind)(i % PROVINCE_FINDING_KINDS),
                                           .partition = 3,
                                           .item = 5,
                                           .day = 20001,
                                           .offset = (int64_t)i * 1000,
                                           .leaf = i,
                                           .named = i + 1,
                                           .gov_id = "GX1"};
        finding.record[0] = (uint8_t)i;
        assert_int_equal(province_report_find(&report, &finding, &error), BUS_OK);
    }
    return report;
}

static void what_is_written_is_read_again(void **state)
{
    char folder[TEST_FOLDER_SIZE];
    struct bus_error error;
    struct province_report report = made(9), read;
    (void)state;
    test_folder_make(folder);
    snprintf(report.findings[4].outcome, sizeof report.findings[4].outcome, "%s", PROVINCE_TAKEN);
    snprintf(report.findings[5].outcome, sizeof report.findings[5].outcome, "ROW_EXISTS \"该行\"");
    assert_int_equal(province_report_write(&report, folder, catalogue, &error), BUS_OK);
    assert_int_equal(province_report_read(folder, "2026-11-24", &read, &error), BUS_OK);
    assert_int_equal(read.finding_count, 9);
    assert_int_equal(read.made_at_ms, report.made_at_ms);
    assert_int_equal(read.from, report.from);
    assert_int_equal(read.rows[PROVINCE_THERE], 68);
    assert_int_equal(read.cell_count, 1);
    assert_int_equal(read.cells[0].count[PROVINCE_HERE], 14);
    for (size_t i = 0; i < 9; i++)
        assert_memory_equal(&read.findings[i], &report.findings[i], offsetof(struct province_finding, gov_id));
    assert_string_equal(read.findings[8].gov_id, "GX1");
    assert_string_equal(read.findings[5].outcome, "ROW_EXISTS \"该行\"");
    assert_int_equal(province_report_taken(&read), 1);
    assert_int_equal(province_report_count(&read, PROVINCE_MISSING), 3);
    assert_int_equal(province_report_count(&read, PROVINCE_UNKNOWN), 2);
    province_report_release(&report);
    province_report_release(&read);
    test_folder_remove(folder);
}

static void the_page_says_equal_only_when_nothing_differs(void **state)
{
    char folder[TEST_FOLDER_SIZE], path[TEST_FOLDER_SIZE + 64];
    struct bus_error error;
    (void)state;
    test_folder_make(folder);
    for (size_t count = 0; count < 2; count++) {
        struct province_report report = made(count);
        struct bus_buffer page;
        bus_buffer_init(&page, 1 << 20);
        assert_int_equal(province_report_write(&report, folder, catalogue, &error), BUS_OK);
        snprintf(path, sizeof path, "%s/compare-2026-11-24.html", folder);
        assert_int_equal(bus_file_read(path, &page, &error), BUS_OK);
        bus_buffer_u8(&page, '\0');
        assert_int_equal(strstr((const char *)page.data, "一致 / equal") != NULL, count == 0);
        assert_int_equal(strstr((const char *)page.data, "平台缺失 / missing there") != NULL, count == 1);
        assert_non_null(strstr((const char *)page.data, "market/penalty"));
        bus_buffer_release(&page);
        province_report_release(&report);
    }
    test_folder_remove(folder);
}

static void past_its_limit_a_report_says_that_there_is_more(void **state)
{
    struct bus_error error;
    struct province_report report = made(PROVINCE_MAX_FINDINGS);
    struct province_finding one = {0};
    (void)state;
    assert_false(report.is_cut);
    assert_int_equal(province_report_find(&report, &one, &error), BUS_OK);
    assert_true(report.is_cut);
    assert_int_equal(report.finding_count, PROVINCE_MAX_FINDINGS);
    province_report_release(&report);
}

static void a_day_without_a_report_or_with_a_broken_one_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "{}", "{\"day\":\"2026-11-23\",\"items\":[],\"rows\":[]}",
        "{\"day\":\"2026-11-24\",\"items\":[],\"rows\":[{\"kind\":\"MISSING\"}]}",
        ("{\"day\":\"2026-11-24\",\"items\":[],\"rows\":[{\"kind\":\"OTHER\",\"partition\":1,"
         "\"rowKey\":\"0c1b2a39485766758493a2b1c0dfeefd\"}]}")};
    char folder[TEST_FOLDER_SIZE], path[TEST_FOLDER_SIZE + 64];
    struct bus_error error;
    struct province_report report;
    (void)state;
    test_folder_make(folder);
    assert_int_equal(province_report_read(folder, "2026-11-24", &report, &error), BUS_REJECT);
    snprintf(path, sizeof path, "%s/compare-2026-11-24.json", folder);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        FILE *file = fopen(path, "w");
        fputs(bad[i], file);
        fclose(file);
        assert_int_equal(province_report_read(folder, "2026-11-24", &report, &error), BUS_REJECT);
        province_report_release(&report);
    }
    test_folder_remove(folder);
}

static void a_folder_that_is_not_there_is_for_later(void **state)
{
    struct bus_error error;
    struct province_report report = made(1);
    (void)state;
    assert_int_equal(province_report_write(&report, "/nowhere/at/all", catalogue, &error), BUS_RETRY);
    province_report_release(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(the_page_says_equal_only_when_nothing_differs),
        cmocka_unit_test(past_its_limit_a_report_says_that_there_is_more),
        cmocka_unit_test(a_day_without_a_report_or_with_a_broken_one_is_refused),
        cmocka_unit_test(a_folder_that_is_not_there_is_for_later),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
