/* Workbooks through the door that the engine uses: a file, row by row. */
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

#include "tests/support/workbook.h"

/* The header of the test's workbooks, which its shared strings hold. */
#define HEADER                                                                                                         \
    "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c><c r=\"C1\" t=\"s\"><v>2</v></c></row>"

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
    fixture.layout = (struct adapters_layout){.format = ADAPTERS_FORMAT_XLSX,
                                              .has_header = true,
                                              .columns = columns,
                                              .is_optional = is_optional,
                                              .column_count = 3,
                                              .excel = {.sheet = "", .header_rows = 20}};
    if (adapters_decoder_create(&fixture.decoder, &error) != BUS_OK)
        return 1;
    fixture.rows = adapters_rows_create(fixture.decoder);
    fixture.file = -1;
    *state = &fixture;
    return fixture.rows == NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->file >= 0)
        close(fixture->file);
    adapters_rows_destroy(fixture->rows);
    adapters_decoder_destroy(fixture->decoder);
    return 0;
}

/* Takes the file, which is closed with the next one. */
static enum bus_status start(struct fixture *fixture, int file)
{
    struct bus_error error;
    if (fixture->file >= 0)
        close(fixture->file);
    fixture->file = file;
    return adapters_rows_start(fixture->rows, &fixture->layout, file, ADAPTERS_ENCODING_AUTO, &fixture->refusal,
                               &error);
}

static void start_sheet(struct fixture *fixture, const char *rows, const char *behind)
{
    assert_int_equal(start(fixture, test_workbook_sheet(rows, behind)), BUS_OK);
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
        if (!bus_bytes_equal_text(fixture->row.fields[i], expected[i]))
            fail_msg("column %zu of row %lld is \"%.*s\" instead of \"%s\"", i, (long long)line,
                     (int)fixture->row.fields[i].length, (const char *)fixture->row.fields[i].data, expected[i]);
    }
}

static void assert_refused(struct fixture *fixture, int64_t line, const char *code, const char *column,
                           const char *place)
{
    assert_int_equal(next(fixture), BUS_REJECT);
    assert_string_equal(fixture->refusal.code, code);
    assert_string_equal(fixture->refusal.column, column);
    assert_int_equal(fixture->row.line, line);
    assert_non_null(strstr(fixture->refusal.zh, place));
    assert_non_null(strstr(fixture->refusal.en, place));
}

static void assert_end(struct fixture *fixture)
{
    assert_int_equal(next(fixture), BUS_OK);
    assert_true(fixture->is_end);
}

static void assert_held(struct fixture *fixture, int file, const char *code)
{
    assert_int_equal(start(fixture, file), BUS_REJECT);
    assert_string_equal(fixture->refusal.code, code);
    assert_true(fixture->refusal.zh[0] != '\0' && fixture->refusal.en[0] != '\0');
}

/* --- cells --- */

static void reads_texts_numbers_days_and_marks(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(
        fixture,
        HEADER
        "<row r=\"2\"><c r=\"A2\"><v>12</v></c><c r=\"B2\" t=\"s\"><v>3</v></c><c r=\"C2\" s=\"1\"><v>44000</v></c></row>"
        "<row r=\"3\"><c r=\"A3\"><v>45000.099999999999</v></c><c r=\"B3\" t=\"inlineStr\"><is><t> x &amp; y </t></is></c>"
        "<c r=\"C3\" s=\"5\"><v>44000.79173611111</v></c></row>"
        "<row r=\"4\"><c r=\"A4\" s=\"4\"><v>701</v></c><c r=\"B4\" t=\"str\"><f>A1</f><v>z</v></c><c r=\"C4\" t=\"b\"><v>1</v></c></row>"
        "<row r=\"5\"><c r=\"A5\" s=\"2\"><v>0.75</v></c><c r=\"B5\" t=\"s\"><v>4</v></c><c r=\"C5\" s=\"3\"><v>1.25</v></c></row>"
        "<row r=\"6\"><c r=\"A6\" t=\"inlineStr\"><is><r><t>a</t></r><r><t>b</t></r><rPh sb=\"0\" eb=\"1\"><t>c</t></rPh></is></c>"
        "<c r=\"B6\" t=\"d\"><v>2020-06-18</v></c></row>",
        "");
    assert_row(fixture, 2, "12", "柳州", "2020-06-18");
    assert_row(fixture, 3, "45000.1", " x & y ", "2020-06-18 19:00:06");
    assert_row(fixture, 4, "000701", "z", "TRUE");
    assert_row(fixture, 5, "18:00:00", "a\nb", "30:00:00");
    assert_row(fixture, 6, "ab", "2020-06-18", "");
    assert_end(fixture);
}

static void counts_days_from_1904_when_the_workbook_does(void **state)
{
    struct test_part parts[TEST_WORKBOOK_PARTS];
    struct fixture *fixture = *state;
    memcpy(parts, test_workbook_parts, sizeof parts);
    parts[TEST_WORKBOOK_BOOK].bytes = "<workbook><workbookPr date1904=\"1\"/><sheets><sheet name=\"S\" r:id=\"rId1\" "
                                      "xmlns:r=\"x\"/></sheets></workbook>";
    parts[TEST_WORKBOOK_SHEET].bytes =
        "<worksheet><sheetData>" HEADER
        "<row><c s=\"1\"><v>42538</v></c><c s=\"1\"><v>0</v></c></row></sheetData></worksheet>";
    assert_int_equal(start(fixture, test_workbook_zip(parts, TEST_WORKBOOK_PARTS)), BUS_OK);
    assert_row(fixture, 2, "2020-06-18", "1904-01-01", "");
}

static void cells_stand_where_they_say_or_behind_the_last(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(fixture,
                HEADER
                "<row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"C2\"><v>3</v></c></row>"
                "<row><c><v>1</v></c><c><v>2</v></c></row><row r=\"9\"><c r=\"B9\"><v>2</v></c><c><v>3</v></c></row>",
                "");
    assert_row(fixture, 2, "1", "", "3");
    assert_true(bus_bytes_equal_text(fixture->row.original, "1\t\t3"));
    assert_row(fixture, 3, "1", "2", "");
    assert_row(fixture, 9, "", "2", "3");
    assert_end(fixture);
    assert_end(fixture);
}

static void rows_of_formatting_or_blanks_are_none(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(fixture,
                HEADER
                "<row r=\"2\"/><row r=\"3\" hidden=\"1\"><c r=\"A3\"><v>1</v></c></row>"
                "<row r=\"4\"><c r=\"A4\" s=\"1\"/><c r=\"Z4\" s=\"1\"/></row>"
                "<row r=\"5\"><c r=\"A5\" t=\"inlineStr\"><is><t> \xe3\x80\x80</t></is></c></row>"
                "<row r=\"6\"><c r=\"A6\"><v>2</v></c><c r=\"F6\" s=\"1\"/></row><row r=\"1048576\"><c s=\"1\"/></row>",
                "");
    assert_row(fixture, 3, "1", "", "");
    assert_row(fixture, 6, "2", "", "");
    assert_end(fixture);
}

static void plain_and_other_writings_of_a_row_are_alike(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(
        fixture,
        HEADER
        "\n<!-- <row r=\"2\"> --><row r='2'><c r=\"A2\"><v><![CDATA[7]]></v></c>\r\n<c  r=\"B2\" t=\"inlineStr\"><is><t "
        "xml:space=\"preserve\">&#26611;&#x5dde;</t></is></c ></row>"
        "<row r=\"3\"><c r=\"A3\"><v>7</v></c><c r=\"B3\" t=\"inlineStr\"><is><t xml:space=\"preserve\">柳州</t></is></c></row>",
        "");
    assert_row(fixture, 2, "7", "柳州", "");
    assert_row(fixture, 3, "7", "柳州", "");
    assert_end(fixture);
}

static void what_xml_forbids_is_found_in_plain_rows(void **state)
{
    static const char *const cells[] = {
        "<c r=\"A2\" r=\"A2\"><v>1</v></c>",   "<c r=\"A2\" x=\"<\"><v>1</v></c>", "<c r=\"A2\" x=\"&b;\"><v>1</v></c>",
        "<c r=\"A2\"><v>]]></v></c>",          "<c r=\"A2\"><v>\x01</v></c>",      "<c r=\"A2\"><v>\xff</v></c>",
        "<c r=\"A2\"><v>\xef\xbf\xbf</v></c>", "<c r=\"A2\"><v>1</c></v>",         "<c r=\"A2\"><v>1</v></row>",
        "<c r=\"A2\"s=\"1\"><v>1</v></c>",     "<c r=\"A2\" 1=\"1\"><v>1</v></c>", "<c r=\"A2\"/ >",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        char rows[1024];
        snprintf(rows, sizeof rows, HEADER "<row r=\"2\">%s</row>", cells[i]);
        start_sheet(fixture, rows, "");
        struct bus_error error = {.message_zh = ""};
        if (adapters_rows_next(fixture->rows, &fixture->row, &fixture->is_end, &fixture->refusal, &error) != BUS_RETRY)
            fail_msg("%s was read", cells[i]);
        assert_non_null(strstr(error.message_zh, "XML 格式错误"));
    }
}

static void entities_and_carriage_returns_are_read_in_plain_rows(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(fixture,
                HEADER "<row r=\"2\"><c r=\"&#65;2\"><v>7</v></c><c r=\"B2\" t=\"str\"><v>a&lt;b</v></c></row>"
                       "<row r=\"3\"><c r=\"A3\"><v>7</v></c><c r=\"B3\" t=\"str\"><v>a\r\nb</v></c></row>",
                "");
    assert_row(fixture, 2, "7", "a<b", "");
    assert_row(fixture, 3, "7", "a\nb", "");
}

/* --- what is wrong in a row --- */

static void a_number_of_more_than_15_digits_is_told_by_its_cell(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(fixture,
                HEADER "<row r=\"2\"><c r=\"A2\"><v>9.145020012345678E+17</v></c></row>"
                       "<row r=\"3\"><c r=\"A3\"><v>450202198001010000</v></c></row>"
                       "<row r=\"4\"><c r=\"A4\"><v>450202198001010</v></c></row>",
                "");
    assert_refused(fixture, 2, "VALUE_SCIENTIFIC", "id", "A2");
    assert_non_null(strstr(fixture->refusal.zh, "单元格 A2 是数字，超过 15 位的数字已被 Excel 改写"));
    assert_non_null(strstr(fixture->refusal.zh, "请将该列设为文本后重新录入"));
    assert_refused(fixture, 3, "VALUE_SCIENTIFIC", "id", "A3");
    assert_row(fixture, 4, "450202198001010", "", "");
}

static void an_error_or_an_uncalculated_formula_is_told_by_its_cell(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(fixture,
                HEADER "<row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"B2\" t=\"e\"><f>X</f><v>#N/A</v></c></row>"
                       "<row r=\"3\"><c r=\"A3\"><f>B1+1</f><v></v></c></row>"
                       "<row r=\"4\"><c r=\"A4\" t=\"s\"><v>99</v></c></row>"
                       "<row r=\"5\"><c r=\"A5\" s=\"1\"><v>-1</v></c></row>"
                       "<row r=\"6\"><c r=\"A6\"><v>1e400</v></c></row>"
                       "<row r=\"7\"><c r=\"A7\"><f>B1+1</f><v>5</v></c></row>",
                "");
    assert_refused(fixture, 2, "CELL_ERROR", "name", "B2");
    assert_refused(fixture, 3, "CELL_FORMULA", "id", "A3");
    assert_refused(fixture, 4, "CELL_VALUE", "id", "A4");
    assert_refused(fixture, 5, "CELL_VALUE", "id", "A5");
    assert_refused(fixture, 6, "CELL_VALUE", "id", "A6");
    assert_row(fixture, 7, "5", "", "");
}

static void what_is_wrong_in_an_ignored_column_costs_nothing(void **state)
{
    static const char *const ignored[] = {"NAME"};
    struct fixture *fixture = *state;
    fixture->layout.columns = (const char *const[]){"id", "note", "x"};
    fixture->layout.is_optional = (const bool[]){false, false, true};
    fixture->layout.ignored = ignored;
    fixture->layout.ignored_count = 1;
    start_sheet(fixture, HEADER "<row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"B2\" t=\"e\"><v>#REF!</v></c></row>", "");
    assert_row(fixture, 2, "1", "", "");
}

static void only_the_first_cell_of_a_merged_area_has_its_value(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(
        fixture,
        HEADER "<row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"B2\"><v>2</v></c></row>"
               "<row r=\"3\"><c r=\"A3\"><v>1</v></c><c r=\"B3\" s=\"1\"/></row>"
               "<row r=\"4\"><c r=\"A4\"><v>1</v></c></row>"
               "<row r=\"5\"><c r=\"A5\"><v>1</v></c></row>",
        "<mergeCells count=\"3\"><mergeCell ref=\"E1:F9\"/><mergeCell ref=\"B2:B3\"/><mergeCell\nref='A4:C4'/></mergeCells>");
    assert_row(fixture, 2, "1", "2", "");
    assert_refused(fixture, 3, "CELL_MERGED", "name", "B3");
    assert_refused(fixture, 4, "CELL_MERGED", "name", "B4");
    assert_row(fixture, 5, "1", "", "");
}

static void a_row_wider_than_the_header_is_told_by_its_last_cell(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(fixture,
                HEADER "<row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"AB2\"><v>2</v></c></row>"
                       "<row r=\"3\"><c r=\"XFD3\"><v>2</v></c></row>",
                "");
    assert_refused(fixture, 2, "COLUMN_COUNT", "", "AB2");
    assert_refused(fixture, 3, "COLUMN_COUNT", "", "XFD3");
}

static void cells_and_rows_out_of_order_are_refused(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(fixture,
                HEADER "<row r=\"2\"><c r=\"B2\"><v>1</v></c><c r=\"A2\"><v>2</v></c></row>"
                       "<row r=\"3\"><c r=\"12\"><v>1</v></c></row>"
                       "<row r=\"4\"><c r=\"XFE4\"><v>1</v></c></row>"
                       "<row r=\"2\"><c r=\"A2\"><v>1</v></c></row>"
                       "<row r=\"9\"><c r=\"A9\"><v>1</v></c></row>",
                "");
    assert_refused(fixture, 2, "CELL_PLACE", "", "");
    assert_refused(fixture, 3, "CELL_PLACE", "", "");
    assert_refused(fixture, 4, "CELL_PLACE", "", "");
    assert_refused(fixture, 5, "CELL_PLACE", "", "");
    assert_row(fixture, 9, "1", "", "");
}

/* `count` bytes in one cell. */
static char *long_row(size_t cells, size_t count)
{
    char *rows = malloc(cells * (count + 100) + 1000);
    assert_non_null(rows);
    char *at = rows + sprintf(rows, HEADER "<row r=\"2\">");
    for (size_t i = 0; i < cells; i++) {
        at += sprintf(at, "<c r=\"%c2\" t=\"inlineStr\"><is><t>", (char)('A' + i));
        memset(at, 'x', count);
        at += count;
        at += sprintf(at, "</t></is></c>");
    }
    sprintf(at, "</row><row r=\"3\"><c r=\"A3\"><v>1</v></c></row>");
    return rows;
}

static void a_field_or_row_that_is_too_long_costs_its_row(void **state)
{
    struct fixture *fixture = *state;
    char *rows = long_row(1, ADAPTERS_FIELD_MAX + 1);
    start_sheet(fixture, rows, "");
    assert_refused(fixture, 2, "FIELD_TOO_LONG", "id", "A2");
    assert_row(fixture, 3, "1", "", "");
    free(rows);
    rows = long_row(3, ADAPTERS_FIELD_MAX - 10);
    start_sheet(fixture, rows, "");
    assert_refused(fixture, 2, "ROW_TOO_LONG", "", "");
    assert_row(fixture, 3, "1", "", "");
    free(rows);
}

/* --- headers and sheets --- */

#define TITLES                                                                                                         \
    "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>note</t></is></c></row><row r=\"3\"><c r=\"A3\" "                 \
    "t=\"inlineStr\"><is><t>2026</t></is></c></row>"

static void finds_the_header_below_titles(void **state)
{
    struct fixture *fixture = *state;
    start_sheet(fixture,
                TITLES "<row r=\"5\"><c r=\"B5\" t=\"s\"><v>1</v></c><c r=\"C5\" t=\"s\"><v>0</v></c></row>"
                       "<row r=\"6\"><c r=\"B6\"><v>1</v></c><c r=\"C6\"><v>2</v></c></row>",
                "<mergeCells><mergeCell ref=\"A1:C2\"/></mergeCells>");
    assert_row(fixture, 6, "2", "1", "");
    assert_end(fixture);
}

static void holds_a_sheet_whose_header_does_not_fit(void **state)
{
    struct fixture *fixture = *state;
    assert_held(fixture, test_workbook_sheet("", ""), "HEADER_MISSING");
    assert_held(fixture, test_workbook_sheet("<row r=\"2\"><c r=\"A2\"><v>1</v></c></row>", ""), "HEADER_MISSING");
    assert_held(
        fixture,
        test_workbook_sheet("<row r=\"2\"><c r=\"A2\" t=\"s\"><v>0</v></c><c r=\"B2\" t=\"s\"><v>2</v></c></row>", ""),
        "COLUMN_MISSING");
    assert_string_equal(fixture->refusal.column, "name");
    assert_non_null(strstr(fixture->refusal.zh, "（工作表“S”第 2 行）"));
    assert_held(fixture,
                test_workbook_sheet("<row r=\"1\"><c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c><c "
                                    "t=\"inlineStr\"><is><t>namee</t></is></c></row>",
                                    ""),
                "COLUMN_UNKNOWN");
    assert_string_equal(fixture->refusal.column, "namee");
    fixture->layout.excel.header_rows = 4;
    assert_held(fixture, test_workbook_sheet("<row r=\"5\"><c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c></row>", ""),
                "HEADER_MISSING");
}

static void reads_by_place_when_there_is_no_header(void **state)
{
    struct fixture *fixture = *state;
    fixture->layout.has_header = false;
    start_sheet(fixture, HEADER, "");
    assert_row(fixture, 1, "id", "name", "no\nte");
    assert_end(fixture);
}

/* A workbook of three sheets: A and C hold rows, B only a text; C is hidden when asked for. */
static int three_sheets(bool is_hidden)
{
    static char book[1024];
    snprintf(book, sizeof book,
             "<workbook><sheets><sheet name=\"A\" id=\"a\"/><sheet name=\"B\" id=\"b\"/><sheet name=\"C\" id=\"c\" "
             "state=\"%s\"/></sheets></workbook>",
             is_hidden ? "hidden" : "visible");
    const struct test_part parts[] = {
        test_workbook_parts[TEST_WORKBOOK_RELS],
        {"xl/workbook.xml", book, 0},
        {"xl/_rels/workbook.xml.rels",
         "<Relationships><Relationship Id=\"a\" Type=\"/worksheet\" Target=\"/xl/a.xml\"/><Relationship Id=\"b\" "
         "Type=\"/worksheet\" Target=\"../xl/./b.xml\"/><Relationship Id=\"c\" Type=\"/worksheet\" Target=\"C.XML\"/>"
         "<Relationship Id=\"d\" Type=\"/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>",
         0},
        test_workbook_parts[TEST_WORKBOOK_STRINGS],
        {"xl/a.xml", "<worksheet><sheetData>" HEADER "<row><c><v>1</v></c></row></sheetData></worksheet>", 0},
        {"xl/b.xml", "<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>", 0},
        {"xl/c.xml",
         "<worksheet><sheetData>" TITLES "<row r=\"4\"><c t=\"s\"><v>1</v></c><c t=\"s\"><v>0</v></c></row>"
         "<row r=\"5\"><c><v>7</v></c><c t=\"e\"/></row><row r=\"6\"><c><v>7</v></c><c t=\"e\"><v>#N/A</v></c></row></sheetData></worksheet>",
         0},
    };
    return test_workbook_zip(parts, sizeof parts / sizeof *parts);
}

static void reads_the_one_visible_sheet_that_holds_the_header(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(start(fixture, three_sheets(true)), BUS_OK);
    assert_row(fixture, 2, "1", "", "");
    assert_end(fixture);
    assert_held(fixture, three_sheets(false), "SHEET_SEVERAL");
    assert_non_null(strstr(fixture->refusal.zh, "A、B、C"));
}

static void reads_the_sheet_that_is_named_even_when_hidden(void **state)
{
    struct fixture *fixture = *state;
    fixture->layout.excel.sheet = "C";
    assert_int_equal(start(fixture, three_sheets(true)), BUS_OK);
    assert_row(fixture, 5, "", "7", "");
    fixture->layout.excel.sheet = "D";
    assert_held(fixture, three_sheets(true), "SHEET_MISSING");
}

static void reads_the_first_or_all_sheets(void **state)
{
    struct fixture *fixture = *state;
    fixture->layout.excel.sheets = ADAPTERS_SHEETS_FIRST;
    assert_int_equal(start(fixture, three_sheets(false)), BUS_OK);
    assert_row(fixture, 2, "1", "", "");
    assert_end(fixture);
    fixture->layout.excel.sheets = ADAPTERS_SHEETS_ALL;
    assert_int_equal(start(fixture, three_sheets(false)), BUS_OK);
    assert_row(fixture, 2, "1", "", "");
    assert_row(fixture, 5, "", "7", "");
    assert_refused(fixture, 6, "CELL_ERROR", "id", "B6");
    assert_non_null(strstr(fixture->refusal.zh, "工作表“C”"));
    assert_end(fixture);
}

static void reads_strict_namespaces_and_prefixes(void **state)
{
    static const struct test_part parts[] = {
        {"_rels/.rels",
         "<p:Relationships xmlns:p=\"x\"><p:Relationship Id=\"r\" "
         "Type=\"http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument\" "
         "Target=\"/main/book.xml\"/></p:Relationships>",
         0},
        {"main/book.xml",
         "<x:workbook xmlns:x=\"http://purl.oclc.org/ooxml/spreadsheetml/main\" xmlns:q=\"y\"><x:sheets><x:sheet "
         "name=\"S\" q:id=\"a\"/></x:sheets></x:workbook>",
         0},
        {"main/_rels/book.xml.rels",
         "<Relationships><Relationship Id=\"a\" "
         "Type=\"http://purl.oclc.org/ooxml/officeDocument/relationships/worksheet\" "
         "Target=\"s.xml\"/></Relationships>",
         0},
        {"main/s.xml",
         "<x:worksheet xmlns:x=\"http://purl.oclc.org/ooxml/spreadsheetml/main\"><x:sheetData><x:row r=\"1\"><x:c "
         "t=\"inlineStr\"><x:is><x:t>ID</x:t></x:is></x:c><x:c t=\"inlineStr\"><x:is><x:t>Name</x:t></x:is></x:c></x:row>"
         "<x:row r=\"2\"><x:c><x:v>1</x:v></x:c><x:c><x:v>2</x:v></x:c></x:row></x:sheetData><x:mergeCells><x:mergeCell ref=\"B1:B2\"/></x:mergeCells></x:worksheet>",
         0},
    };
    struct fixture *fixture = *state;
    assert_int_equal(start(fixture, test_workbook_zip(parts, sizeof parts / sizeof *parts)), BUS_OK);
    assert_refused(fixture, 2, "CELL_MERGED", "name", "B2");
    assert_end(fixture);
}

/* --- files that are none --- */

static int file_of(const void *bytes, size_t length)
{
    int file = memfd_create("file", 0);
    assert_true(file >= 0 && write(file, bytes, length) == (ssize_t)length);
    return file;
}

static int file_of_text(const char *text)
{
    return file_of(text, strlen(text));
}

/* An OLE compound file whose directory has one entry of that name. */
static int compound(const char *name)
{
    uint8_t bytes[2048] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
    bytes[30] = 9;
    bytes[48] = 1;
    for (size_t i = 0; name[i] != '\0'; i++)
        bytes[1024 + 128 + 2 * i] = (uint8_t)name[i];
    return file_of(bytes, sizeof bytes);
}

static void tells_what_a_file_is_that_is_no_xlsx(void **state)
{
    static const struct {
        const char *text, *code;
    } cases[] = {
        {"", "FILE_EMPTY"},
        {"\xef\xbb\xbf  <HTML><body><table>", "FILE_HTML"},
        {"<table><tr>", "FILE_HTML"},
        {"<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">", "FILE_XML"},
        {"id,name\n1,2\n", "FILE_TEXT"},
        {"\x09\x08\x10\x01\x06\x05", "FILE_NOT_XLSX"},
        {"%PDF-1.7\x01", "FILE_NOT_XLSX"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_held(fixture, file_of_text(cases[i].text), cases[i].code);
    assert_held(fixture, file_of("\x09\x08\x10\x00\x00\x06\x05\x00", 8), "FILE_XLS");
    assert_held(fixture, file_of("\xff\xfe<\0h\0t\0m\0l\0>\0", 14), "FILE_HTML");
    assert_held(fixture, compound("Workbook"), "FILE_XLS");
    assert_non_null(strstr(fixture->refusal.zh, "另存为 .xlsx"));
    assert_held(fixture, compound("EncryptedPackage"), "FILE_ENCRYPTED");
}

static void tells_what_an_archive_is_that_is_no_xlsx(void **state)
{
    const struct test_part binary[] = {{"xl/workbook.bin", "x", 1}};
    const struct test_part open_document[] = {{"mimetype", "x", 1}, {"content.xml", "x", 1}};
    const struct test_part other[] = {{"report.xlsx", "x", 1}};
    const struct test_part text[] = {
        {"_rels/.rels", "<R><Relationship Id=\"a\" Type=\"/officeDocument\" Target=\"word/document.xml\"/></R>", 0},
        {"word/document.xml", "<document/>", 0}};
    struct fixture *fixture = *state;
    assert_held(fixture, test_workbook_zip(binary, 1), "FILE_XLSB");
    assert_held(fixture, test_workbook_zip(open_document, 2), "FILE_ODS");
    assert_held(fixture, test_workbook_zip(other, 1), "FILE_NOT_XLSX");
    assert_held(fixture, test_workbook_zip(text, 2), "FILE_NOT_XLSX");
}

static void holds_an_archive_cut_off_anywhere(void **state)
{
    struct fixture *fixture = *state;
    int whole = test_workbook_sheet(HEADER "<row><c><v>1</v></c></row>", "");
    off_t size = lseek(whole, 0, SEEK_END);
    uint8_t *bytes = malloc((size_t)size);
    assert_int_equal(pread(whole, bytes, (size_t)size, 0), size);
    close(whole);
    for (off_t length = 4; length < size; length += 13)
        assert_held(fixture, file_of(bytes, (size_t)length), "FILE_DAMAGED");
    free(bytes);
}

static void holds_a_workbook_with_a_flipped_byte_before_any_row(void **state)
{
    struct fixture *fixture = *state;
    char rows[8192] = HEADER;
    size_t used = strlen(rows);
    for (int i = 0; i < 100; i++)
        used += (size_t)snprintf(rows + used, sizeof rows - used, "<row><c><v>%d</v></c></row>", 7919 * i);
    struct test_part parts[TEST_WORKBOOK_PARTS];
    memcpy(parts, test_workbook_parts, sizeof parts);
    char sheet[9000];
    snprintf(sheet, sizeof sheet, "<worksheet><sheetData>%s</sheetData></worksheet>", rows);
    parts[0] = (struct test_part){"xl/worksheets/sheet1.xml", sheet, 0};
    parts[TEST_WORKBOOK_SHEET] = test_workbook_parts[TEST_WORKBOOK_RELS];
    int file = test_workbook_zip(parts, TEST_WORKBOOK_PARTS);
    uint8_t byte;
    assert_int_equal(pread(file, &byte, 1, 300), 1);
    byte ^= 4;
    assert_int_equal(pwrite(file, &byte, 1, 300), 1);
    assert_held(fixture, file, "FILE_DAMAGED");
}

static void holds_a_workbook_that_lacks_a_part(void **state)
{
    struct fixture *fixture = *state;
    for (size_t missing = TEST_WORKBOOK_BOOK_RELS; missing < TEST_WORKBOOK_PARTS; missing++) {
        struct test_part parts[TEST_WORKBOOK_PARTS];
        memcpy(parts, test_workbook_parts, sizeof parts);
        parts[missing].name = "elsewhere";
        assert_held(fixture, test_workbook_zip(parts, TEST_WORKBOOK_PARTS), "FILE_DAMAGED");
    }
}

static void assert_part_held(struct fixture *fixture, size_t part, const char *text, const char *code)
{
    struct test_part parts[TEST_WORKBOOK_PARTS];
    memcpy(parts, test_workbook_parts, sizeof parts);
    parts[part].bytes = text;
    assert_held(fixture, test_workbook_zip(parts, TEST_WORKBOOK_PARTS), code);
}

static void refuses_document_types_and_broken_xml_in_any_part(void **state)
{
    static const char laughs[] =
        "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><sst><si><t>&b;</t></si></sst>";
    struct fixture *fixture = *state;
    for (size_t part = 0; part < TEST_WORKBOOK_PARTS; part++) {
        assert_part_held(fixture, part, laughs, "FILE_DTD");
        assert_part_held(fixture, part, "<worksheet><sheetData><row></sheetData>", "FILE_DAMAGED");
        assert_part_held(fixture, part, "no xml", "FILE_DAMAGED");
    }
    assert_part_held(fixture, TEST_WORKBOOK_SHEET,
                     "<worksheet><sheetData><row><c><v>&b;</v></c></row></sheetData></worksheet>", "FILE_DAMAGED");
}

static void refuses_xml_that_grows_in_memory(void **state)
{
    enum { SIZE = 4 * 1024 * 1024 };
    struct fixture *fixture = *state;
    char *text = malloc(SIZE + 100), *at = text;
    assert_non_null(text);
    at += sprintf(at, "<sst><si>"); /* deep */
    for (int i = 0; i < 100; i++)
        at += sprintf(at, "<r>");
    assert_part_held(fixture, TEST_WORKBOOK_STRINGS, text, "FILE_DAMAGED");
    assert_non_null(strstr(fixture->refusal.en, "nested too deeply"));
    at = text + sprintf(text, "<sst>"); /* many names */
    for (int i = 0; i < 4000; i++)
        at += sprintf(at, "<n%d/>", i);
    assert_part_held(fixture, TEST_WORKBOOK_STRINGS, text, "FILE_DAMAGED");
    assert_non_null(strstr(fixture->refusal.en, "different names"));
    at = text + sprintf(text, "<sst><si a=\""); /* one tag */
    memset(at, 'x', SIZE - 100);
    at[SIZE - 100] = '\0';
    assert_part_held(fixture, TEST_WORKBOOK_STRINGS, text, "FILE_DAMAGED");
    assert_non_null(strstr(fixture->refusal.en, "too long"));
    free(text);
}

static void refuses_a_zip_bomb(void **state)
{
    enum { SIZE = 64 * 1024 * 1024 };
    struct fixture *fixture = *state;
    struct test_part parts[TEST_WORKBOOK_PARTS];
    char *blanks = malloc(SIZE);
    assert_non_null(blanks);
    memset(blanks, ' ', SIZE);
    memcpy(blanks, "<worksheet>", 11);
    for (size_t part = TEST_WORKBOOK_STRINGS; part <= TEST_WORKBOOK_SHEET; part++) {
        memcpy(parts, test_workbook_parts, sizeof parts);
        parts[part].bytes = blanks;
        parts[part].length = SIZE;
        assert_held(fixture, test_workbook_zip(parts, TEST_WORKBOOK_PARTS), "FILE_BOMB");
    }
    free(blanks);
}

/* --- many shared strings --- */

static void shared_strings_beyond_memory_are_found(void **state)
{
    enum { TEXTS = 300000 };
    struct fixture *fixture = *state;
    struct test_part parts[TEST_WORKBOOK_PARTS];
    char *strings = malloc(TEXTS * 40 + 100), *rows = malloc(2000 * 100 + 1000), *at = strings;
    assert_true(strings != NULL && rows != NULL);
    at += sprintf(at, "<sst><si><t>id</t></si><si><t>name</t></si>");
    for (int i = 2; i < TEXTS; i++)
        at += sprintf(at, "<si><t>text %d</t></si>", i);
    sprintf(at, "</sst>");
    at = rows + sprintf(rows, "<worksheet><sheetData><row><c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c></row>");
    for (int i = 0; i < 2000; i++)
        at += sprintf(at, "<row><c t=\"s\"><v>%d</v></c><c t=\"s\"><v>%d</v></c></row>", 2 + i,
                      2 + (int)(7919L * i % (TEXTS - 2)));
    sprintf(at, "</sheetData></worksheet>");
    memcpy(parts, test_workbook_parts, sizeof parts);
    parts[TEST_WORKBOOK_STRINGS].bytes = strings;
    parts[TEST_WORKBOOK_SHEET].bytes = rows;
    assert_int_equal(start(fixture, test_workbook_zip(parts, TEST_WORKBOOK_PARTS)), BUS_OK);
    for (int i = 0; i < 2000; i++) {
        char id[32], name[32];
        snprintf(id, sizeof id, "text %d", 2 + i);
        snprintf(name, sizeof name, "text %d", 2 + (int)(7919L * i % (TEXTS - 2)));
        assert_row(fixture, i + 2, id, name, "");
    }
    assert_end(fixture);
    free(strings);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(reads_texts_numbers_days_and_marks),
        TEST(counts_days_from_1904_when_the_workbook_does),
        TEST(cells_stand_where_they_say_or_behind_the_last),
        TEST(rows_of_formatting_or_blanks_are_none),
        TEST(plain_and_other_writings_of_a_row_are_alike),
        TEST(what_xml_forbids_is_found_in_plain_rows),
        TEST(entities_and_carriage_returns_are_read_in_plain_rows),
        TEST(a_number_of_more_than_15_digits_is_told_by_its_cell),
        TEST(an_error_or_an_uncalculated_formula_is_told_by_its_cell),
        TEST(what_is_wrong_in_an_ignored_column_costs_nothing),
        TEST(only_the_first_cell_of_a_merged_area_has_its_value),
        TEST(a_row_wider_than_the_header_is_told_by_its_last_cell),
        TEST(cells_and_rows_out_of_order_are_refused),
        TEST(a_field_or_row_that_is_too_long_costs_its_row),
        TEST(finds_the_header_below_titles),
        TEST(holds_a_sheet_whose_header_does_not_fit),
        TEST(reads_by_place_when_there_is_no_header),
        TEST(reads_the_one_visible_sheet_that_holds_the_header),
        TEST(reads_the_sheet_that_is_named_even_when_hidden),
        TEST(reads_the_first_or_all_sheets),
        TEST(reads_strict_namespaces_and_prefixes),
        TEST(tells_what_a_file_is_that_is_no_xlsx),
        TEST(tells_what_an_archive_is_that_is_no_xlsx),
        TEST(holds_an_archive_cut_off_anywhere),
        TEST(holds_a_workbook_with_a_flipped_byte_before_any_row),
        TEST(holds_a_workbook_that_lacks_a_part),
        TEST(refuses_document_types_and_broken_xml_in_any_part),
        TEST(refuses_xml_that_grows_in_memory),
        TEST(refuses_a_zip_bomb),
        TEST(shared_strings_beyond_memory_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
