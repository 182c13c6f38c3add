/* Fuzzes the rows of a sheet: the quick reading of plain rows and the parser's must tell the same, in pieces of any size. The first byte is the
 * size of the pieces. */
#include "adapters/formats/xlsx/sheet.h"
#include "tests/fuzz/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char strings_xml[] = "<sst><si><t>a</t></si><si><r><t>b</t></r><r><t>c</t></r></si><si><t/></si></sst>";
static const char styles_xml[] =
    "<styleSheet><numFmts><numFmt numFmtId=\"170\" formatCode=\"000000\"/></numFmts><cellXfs><xf/><xf "
    "numFmtId=\"14\"/><xf numFmtId=\"21\"/><xf numFmtId=\"46\"/><xf numFmtId=\"170\"/></cellXfs></styleSheet>";

static struct adapters_xlsx_tools tools;
static struct adapters_xlsx_styles styles;
static struct adapters_xlsx_sheet *sheet;

static void need(bool is_true)
{
    if (!is_true)
        abort();
}

static void set_up(void)
{
    struct adapters_refusal refusal;
    struct bus_error error;
    parts_add("strings", 7, bus_bytes_text(strings_xml));
    parts_add("styles", 6, bus_bytes_text(styles_xml));
    parts_add("sheet", 5, bus_bytes_of(NULL, 0));
    tools = (struct adapters_xlsx_tools){.xml = adapters_xlsx_xml_create(),
                                         .strings = adapters_xlsx_strings_create(),
                                         .styles = &styles,
                                         .package = &parts_package};
    sheet = adapters_xlsx_sheet_create();
    need(tools.xml != NULL && tools.strings != NULL && sheet != NULL);
    need(adapters_xlsx_strings_read(tools.strings, tools.xml, &parts_package, "strings", &refusal, &error) == BUS_OK);
    need(adapters_xlsx_styles_read(&styles, tools.xml, &parts_package, "styles", &refusal, &error) == BUS_OK);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * 1099511628211u;
    return hash;
}

static uint64_t mix_row(uint64_t hash, const struct adapters_xlsx_row *row)
{
    hash = mix(hash, &row->line, sizeof row->line);
    hash = mix(hash, row->text.data, row->text.length);
    hash = mix(hash, &row->count, sizeof row->count);
    hash = mix(hash, &row->is_misplaced, 1);
    for (size_t i = 0; i < ADAPTERS_COLUMNS_MAX && i < row->count + 8; i++) {
        struct bus_bytes field = adapters_xlsx_row_field(row, i);
        need(field.length == 0 ||
             (field.data >= row->text.data && field.data + field.length <= row->text.data + row->text.length));
        hash = mix(hash, &row->cells[i].fault, sizeof row->cells[i].fault);
        hash = mix(hash, field.data, field.length);
    }
    return hash;
}

/* A digest of all that the sheet tells. */
static uint64_t read_all(bool is_without_quick, size_t piece)
{
    struct adapters_refusal refusal;
    struct bus_error error;
    struct adapters_xlsx_row row;
    bool is_end = false;
    uint64_t hash = 14695981039346656037u;
    parts_package.piece = piece;
    adapters_xlsx_xml_without_quick(tools.xml, is_without_quick);
    enum bus_status status = adapters_xlsx_sheet_open(sheet, &tools, "sheet", true, &refusal, &error);
    while (status == BUS_OK && !is_end) {
        status = adapters_xlsx_sheet_next(sheet, &row, &is_end, &refusal, &error);
        if (status == BUS_OK && !is_end)
            hash = mix_row(hash, &row);
    }
    need(status != BUS_REJECT || refusal.zh[0] != '\0');
    adapters_xlsx_sheet_close(sheet);
    return mix(hash, &status, sizeof status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (sheet == NULL)
        set_up();
    if (size == 0)
        return 0;
    parts_package.parts[2].bytes = bus_bytes_of(data + 1, size - 1);
    uint64_t quickly = read_all(false, data[0]);
    need(quickly == read_all(true, 0));
    return 0;
}
