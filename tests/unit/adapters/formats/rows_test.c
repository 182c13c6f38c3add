/* CSV, TSV and NDJSON through the door that the engine uses: a file, row by row. */
#include "adapters/formats/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const columns[] = {"id", "name", "note"};
static const bool is_optional[] = {false, false, true};

struct fixture {
    struct adapters_decoder *decoder;
    struct adapters_rows *rows;
    struct adapters_layout layout;
    int file;
    struct adapters_row row;
    struct adapters_refusal refusal;
    bool is_end;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct bus_error error;
    fixture.layout = (struct adapters_layout){.format = ADAPTERS_FORMAT_CSV,
                                              .separator = ',',
                                              .quote = '"',
                                              .has_header = true,
                                              .columns = columns,
                                              .is_optional = is_optional,
                                              .column_count = 3};
    if (adapters_decoder_create(&fixture.decoder, &error) != BUS_OK)
        return 1;
    fixture.rows = adapters_rows_create(fixture.decoder);
    fixture.file = memfd_create("rows", 0);
    *state = &fixture;
    return fixture.rows == NULL || fixture.file < 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->file);
    adapters_rows_destroy(fixture->rows);
    adapters_decoder_destroy(fixture->decoder);
    return 0;
}

static void put(struct fixture *fixture, const char *bytes, size_t length)
{
    assert_int_equal(write(fixture->file, bytes, length), length);
}

static void fill(struct fixture *fixture, char byte, size_t count)
{
    char *bytes = malloc(count);
    assert_non_null(bytes);
    memset(bytes, byte, count);
    put(fixture, bytes, count);
    free(bytes);
}

static enum bus_status start(struct fixture *fixture)
{
    struct bus_error error;
    lseek(fixture->file, 0, SEEK_SET);
    return adapters_rows_start(fixture->rows, &fixture->layout, fixture->file, ADAPTERS_ENCODING_UTF8,
                               &fixture->refusal, &error);
}

static void start_with(struct fixture *fixture, const char *text)
{
    put(fixture, text, strlen(text));
    assert_int_equal(start(fixture), BUS_OK);
}

static enum bus_status next(struct fixture *fixture)
{
    struct bus_error error;
    return adapters_rows_next(fixture->rows, &fixture->row, &fixture->is_end, &fixture->refusal, &error);
}

static void assert_row(struct fixture *fixture, int64_t line, const char *id, const char *name, const char *note)
{
    const char *const expected[] = {id, name, note};
    assert_int_equal(next(fixture), BUS_OK);
    assert_false(fixture->is_end);
    assert_int_equal(fixture->row.line, line);
    for (size_t i = 0; i < 3; i++) {
        if (expected[i] == NULL)
            assert_null(fixture->row.fields[i].data);
        else
            assert_true(bus_bytes_equal_text(fixture->row.fields[i], expected[i]));
    }
}

static void assert_refused(struct fixture *fixture, int64_t line, const char *code)
{
    assert_int_equal(next(fixture), BUS_REJECT);
    assert_string_equal(fixture->refusal.code, code);
    assert_int_equal(fixture->row.line, line);
}

static void assert_end(struct fixture *fixture)
{
    assert_int_equal(next(fixture), BUS_OK);
    assert_true(fixture->is_end);
}

static void reads_quotes_line_ends_and_empty_lines(void **state)
{
    struct fixture *fixture = *state;
    start_with(fixture, "\xef\xbb\xbf"
                        "id,name,note\r\n1,柳州,\r\n\r\n2,\"a \"\"b\"\", c\",\"x\ny\"\n3,,\"\"\n4,q\"q,last");
    assert_row(fixture, 2, "1", "柳州", "");
    assert_row(fixture, 4, "2", "a \"b\", c", "x\ny");
    assert_row(fixture, 6, "3", "", "");
    assert_row(fixture, 7, "4", "q\"q", "last");
    assert_end(fixture);
}

static void finds_columns_by_name_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    start_with(fixture, "NAME, id \nx,1\n");
    assert_row(fixture, 2, "1", "x", NULL);
    assert_end(fixture);
}

static void keeps_the_original_text_of_a_row(void **state)
{
    struct fixture *fixture = *state;
    start_with(fixture, "id,name,note\n1,\"a\"\"b\",\"c\nd\"\r\n");
    assert_row(fixture, 2, "1", "a\"b", "c\nd");
    assert_true(bus_bytes_equal_text(fixture->row.original, "1,\"a\"\"b\",\"c\nd\""));
}

static void tabs_part_and_quotes_are_text_in_tsv(void **state)
{
    struct fixture *fixture = *state;
    fixture->layout.format = ADAPTERS_FORMAT_TSV;
    fixture->layout.separator = '\t';
    fixture->layout.quote = 0;
    start_with(fixture, "id\tname\tnote\n1\t\"a\tb,c\n");
    assert_row(fixture, 2, "1", "\"a", "b,c");
    assert_end(fixture);
}

static void any_character_may_part_fields(void **state)
{
    struct fixture *fixture = *state;
    fixture->layout.separator = ';';
    start_with(fixture, "id;name;note\n1;a,b;\"c;d\"\n");
    assert_row(fixture, 2, "1", "a,b", "c;d");
    assert_end(fixture);
}

static void passes_over_columns_that_are_ignored(void **state)
{
    static const char *const ignored[] = {"Phone"};
    struct fixture *fixture = *state;
    fixture->layout.ignored = ignored;
    fixture->layout.ignored_count = 1;
    start_with(fixture, "id, phone,name,\n1,2,3,4\n");
    assert_row(fixture, 2, "1", "3", NULL);
    assert_end(fixture);
}

static void a_quote_never_closed_costs_its_line_only(void **state)
{
    struct fixture *fixture = *state;
    start_with(fixture, "id,name,note\n1,\"open,x\n2,b,c\n3,d,e\n");
    assert_refused(fixture, 2, "QUOTE_NOT_CLOSED");
    assert_row(fixture, 3, "2", "b", "c");
    assert_row(fixture, 4, "3", "d", "e");
    assert_end(fixture);
}

static void text_after_a_closing_quote_costs_its_line_only(void **state)
{
    struct fixture *fixture = *state;
    start_with(fixture, "id,name,note\n1,\"open,x\n2,\"b\",c\n3,d,e\n");
    assert_refused(fixture, 2, "QUOTE_MISPLACED");
    assert_row(fixture, 3, "2", "b", "c");
    assert_row(fixture, 4, "3", "d", "e");
}

static void refuses_a_row_with_missing_or_further_columns(void **state)
{
    struct fixture *fixture = *state;
    start_with(fixture, "id,name,note\n1,a\n2,b,c,d\n3,e,f\n");
    assert_refused(fixture, 2, "COLUMN_COUNT");
    assert_refused(fixture, 3, "COLUMN_COUNT");
    assert_row(fixture, 4, "3", "e", "f");
}

static void refuses_nul_and_bytes_that_are_no_text(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "id,name,note\n1,a\0b,c\n2,\xc1,d\n3,e,f\n", 34);
    assert_int_equal(start(fixture), BUS_OK);
    assert_refused(fixture, 2, "ROW_NUL");
    assert_refused(fixture, 3, "ROW_ENCODING");
    assert_row(fixture, 4, "3", "e", "f");
}

static void ten_megabytes_in_one_field_cost_one_row(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "id,name,note\n1,", 15);
    fill(fixture, 'x', 10 * 1024 * 1024);
    put(fixture, ",c\n2,\"", 6);
    fill(fixture, 'y', 10 * 1024 * 1024);
    put(fixture, "\",c\n3,", 6);
    fill(fixture, 'z', ADAPTERS_FIELD_MAX + 1);
    put(fixture, ",c\n4,e,f\n", 9);
    assert_int_equal(start(fixture), BUS_OK);
    assert_refused(fixture, 2, "ROW_TOO_LONG");
    assert_refused(fixture, 3, "ROW_TOO_LONG");
    assert_refused(fixture, 4, "FIELD_TOO_LONG");
    assert_row(fixture, 5, "4", "e", "f");
    assert_end(fixture);
}

static void rows_across_the_window_are_whole(void **state)
{
    struct fixture *fixture = *state;
    char line[64], id[16];
    put(fixture, "id,name,note\n", 13);
    for (int i = 0; i < 60000; i++)
        put(fixture, line, (size_t)snprintf(line, sizeof line, "%d,\"柳\n\"\"州\",e\n", i));
    assert_int_equal(start(fixture), BUS_OK);
    for (int i = 0; i < 60000; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_row(fixture, 2 + 2 * (int64_t)i, id, "柳\n\"州", "e");
    }
    assert_end(fixture);
}

static void assert_held(struct fixture *fixture, const char *text, const char *code, const char *column)
{
    assert_int_equal(ftruncate(fixture->file, 0), 0);
    lseek(fixture->file, 0, SEEK_SET);
    put(fixture, text, strlen(text));
    assert_int_equal(start(fixture), BUS_REJECT);
    assert_string_equal(fixture->refusal.code, code);
    assert_string_equal(fixture->refusal.column, column);
}

static void holds_a_file_whose_header_does_not_fit(void **state)
{
    struct fixture *fixture = *state;
    assert_held(fixture, "", "FILE_EMPTY", "");
    assert_held(fixture, "\n\n", "FILE_EMPTY", "");
    assert_held(fixture, "\xff\xfei", "FILE_ENCODING", "");
    assert_held(fixture, "\xfe\xffi", "FILE_ENCODING", "");
    assert_held(fixture, "1,a,b\n", "HEADER_MISSING", "");
    assert_held(fixture, "id,nam,note\n", "COLUMN_UNKNOWN", "nam");
    assert_non_null(strstr(fixture->refusal.en, "the nearest known is name"));
    assert_non_null(strstr(fixture->refusal.zh, "最接近的已知列是name"));
    assert_held(fixture, "id,note\n", "COLUMN_MISSING", "name");
    assert_held(fixture, "id,name,id\n", "COLUMN_TWICE", "id");
}

static void reads_json_lines_with_numbers_as_written(void **state)
{
    struct fixture *fixture = *state;
    fixture->layout.format = ADAPTERS_FORMAT_NDJSON;
    start_with(fixture, "{\"id\":0.20,\"name\":\"a\\\"\\u67f3\\ud842\\udfb7\\n\",\"note\":null}\n\n"
                        " { \"note\" : true , \"id\" : \"7\" } \r\n{\"name\":\"\",\"id\":-1e3}");
    assert_row(fixture, 1, "0.20", "a\"柳𠮷\n", NULL);
    assert_row(fixture, 3, "7", NULL, "true");
    assert_row(fixture, 4, "-1e3", "", NULL);
    assert_end(fixture);
}

static void refuses_json_that_is_no_flat_object(void **state)
{
    static const struct {
        const char *line, *code;
    } cases[] = {
        {"{\"id\":1", "JSON_SYNTAX"},
        {"[1]", "JSON_SYNTAX"},
        {"{\"id\":1}}", "JSON_SYNTAX"},
        {"{\"id\":tru}", "JSON_SYNTAX"},
        {"{\"id\":\"\\ud800\"}", "JSON_SYNTAX"},
        {"{\"id\":\"\\u0000\"}", "JSON_SYNTAX"},
        {"{\"id\":\"a", "JSON_SYNTAX"},
        {"{\"id\":\"a\\", "JSON_SYNTAX"},
        {"{\"id\":{\"x\":1}}", "JSON_NESTED"},
        {"{\"idd\":1}", "COLUMN_UNKNOWN"},
        {"{\"id\":1,\"id\":2}", "COLUMN_TWICE"},
        {"{\"id\":\"\xc1\"}", "ROW_ENCODING"},
        {"{\"id\":}", "JSON_SYNTAX"},
        {"{id:1}", "JSON_SYNTAX"},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    struct fixture *fixture = *state;
    fixture->layout.format = ADAPTERS_FORMAT_NDJSON;
    for (size_t i = 0; i < CASES; i++) {
        put(fixture, cases[i].line, strlen(cases[i].line));
        put(fixture, "\n", 1);
    }
    put(fixture, "{\"id\":1}\n", 9);
    assert_int_equal(start(fixture), BUS_OK);
    for (size_t i = 0; i < CASES; i++)
        assert_refused(fixture, (int64_t)i + 1, cases[i].code);
    assert_row(fixture, CASES + 1, "1", NULL, NULL);
    assert_end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_quotes_line_ends_and_empty_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_columns_by_name_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_original_text_of_a_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tabs_part_and_quotes_are_text_in_tsv, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_character_may_part_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(passes_over_columns_that_are_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_quote_never_closed_costs_its_line_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_after_a_closing_quote_costs_its_line_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_row_with_missing_or_further_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_nul_and_bytes_that_are_no_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ten_megabytes_in_one_field_cost_one_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_across_the_window_are_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holds_a_file_whose_header_does_not_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_json_lines_with_numbers_as_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_json_that_is_no_flat_object, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
