/* Fuzzes a whole workbook, its parts being written one behind the other: a line `#name`, then the part up to the next such line. */
#include "adapters/formats/xlsx/excel.h"
#include "adapters/formats/xlsx/other.h"
#include "tests/fuzz/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct adapters_excel *excel;

/* There is no archive whose beginning could be looked at. */
enum bus_status adapters_xlsx_other_check(int file, struct adapters_refusal *refusal, struct bus_error *error)
{
    (void)file, (void)refusal, (void)error;
    return BUS_OK;
}

static void part(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    parts_package.count = 0;
    while (at < end && *at == '#') {
        const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
        if (line == NULL)
            return;
        const uint8_t *next = memmem(line, (size_t)(end - line), "\n#", 2);
        const uint8_t *from = line + 1 < end && next != line ? line + 1 : line;
        next = next != NULL ? next : end;
        parts_add((const char *)at + 1, (size_t)(line - at - 1), bus_bytes_of(from, (size_t)(next - from)));
        at = next < end ? next + 1 : end;
    }
}

static void read_all(const struct adapters_layout *layout)
{
    struct adapters_refusal refusal;
    struct bus_error error;
    struct adapters_row row;
    struct bus_bytes fields[ADAPTERS_COLUMNS_MAX];
    bool is_end = false;
    enum bus_status status = adapters_excel_start(excel, layout, -1, &refusal, &error);
    if (status == BUS_REJECT && (refusal.code[0] == '\0' || refusal.zh[0] == '\0'))
        abort();
    while (status == BUS_OK && !is_end) {
        status = adapters_excel_next(excel, fields, &row, &is_end, &refusal, &error);
        if (status == BUS_REJECT)
            status = BUS_OK;
        else if (status == BUS_OK && !is_end && row.line <= 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const columns[] = {"id", "name", "day"}, *const ignored[] = {"note"};
    static const bool is_optional[] = {false, false, true};
    struct adapters_layout layout = {.format = ADAPTERS_FORMAT_XLSX,
                                     .has_header = true,
                                     .columns = columns,
                                     .is_optional = is_optional,
                                     .column_count = 3,
                                     .ignored = ignored,
                                     .ignored_count = 1,
                                     .excel = {.sheet = "", .header_rows = 5}};
    if (excel == NULL)
        excel = adapters_excel_create();
    if (excel == NULL || size == 0)
        return 0;
    layout.excel.sheets = (enum adapters_sheets)(data[0] % 3);
    layout.has_header = data[0] % 8 != 7;
    part(data + 1, size - 1);
    read_all(&layout);
    return 0;
}
