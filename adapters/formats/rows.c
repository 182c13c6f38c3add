#include "adapters/formats/rows.h"

#include "adapters/formats/csv.h"
#include "adapters/formats/header.h"
#include "adapters/formats/ndjson.h"
#include "adapters/formats/xlsx/excel.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROW_ARENA_SIZE = 2 * ADAPTERS_ROW_MAX };

struct adapters_rows {
    const struct adapters_layout *layout;
    struct adapters_text text;
    struct bus_arena *arena;
    struct adapters_csv csv;
    struct adapters_ndjson ndjson;
    struct adapters_excel *excel; /* NULL until the first workbook */
    struct adapters_header header;
    struct bus_bytes fields[ADAPTERS_COLUMNS_MAX];
};

struct adapters_rows *adapters_rows_create(const struct adapters_decoder *decoder)
{
    struct adapters_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL)
        return NULL;
    rows->arena = bus_arena_create(ROW_ARENA_SIZE);
    if (rows->arena != NULL && adapters_text_init(&rows->text, decoder))
        return rows;
    adapters_rows_destroy(rows);
    return NULL;
}

void adapters_rows_destroy(struct adapters_rows *rows)
{
    if (rows == NULL)
        return;
    adapters_text_release(&rows->text);
    adapters_excel_destroy(rows->excel);
    bus_arena_destroy(rows->arena);
    free(rows);
}

uint64_t adapters_rows_size_bytes(const struct adapters_rows *rows)
{
    bool is_excel = rows->layout != NULL && rows->layout->format == ADAPTERS_FORMAT_XLSX && rows->excel != NULL;
    return is_excel ? adapters_excel_size_bytes(rows->excel) : rows->text.size_bytes;
}

static enum bus_status start_csv(struct adapters_rows *rows, struct adapters_refusal *refusal, struct bus_error *error)
{
    rows->csv =
        (struct adapters_csv){.separator = rows->layout->separator, .quote = rows->layout->quote, .arena = rows->arena};
    adapters_header_assume(&rows->header, rows->layout);
    if (!rows->layout->has_header)
        return BUS_OK;
    bool is_end;
    enum bus_status status = adapters_csv_next(&rows->csv, &rows->text, &is_end, refusal, error);
    if (status == BUS_OK && is_end)
        return adapters_refuse(refusal, "FILE_EMPTY", "文件为空，请重新导出后报送",
                               "the file is empty; export it again");
    if (status != BUS_OK)
        return status;
    return adapters_header_read(&rows->header, rows->layout, rows->csv.fields, rows->csv.field_count, refusal);
}

/* "Unicode text" of spreadsheets, told by its mark: all of its rows would look as if they were damaged. */
static bool is_utf16(int file)
{
    uint8_t mark[2];
    return pread(file, mark, sizeof mark, 0) == (ssize_t)sizeof mark &&
           ((mark[0] == 0xff && mark[1] == 0xfe) || (mark[0] == 0xfe && mark[1] == 0xff));
}

static enum bus_status start_excel(struct adapters_rows *rows, int file, struct adapters_refusal *refusal,
                                   struct bus_error *error)
{
    if (rows->excel == NULL)
        rows->excel = adapters_excel_create();
    if (rows->excel == NULL)
        return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
    return adapters_excel_start(rows->excel, rows->layout, file, refusal, error);
}

enum bus_status adapters_rows_start(struct adapters_rows *rows, const struct adapters_layout *layout, int file,
                                    enum adapters_encoding encoding, struct adapters_refusal *refusal,
                                    struct bus_error *error)
{
    rows->layout = layout;
    if (layout->format == ADAPTERS_FORMAT_XLSX)
        return start_excel(rows, file, refusal, error);
    if (is_utf16(file))
        return adapters_refuse(refusal, "FILE_ENCODING",
                               "文件编码是 UTF-16（电子表格的“Unicode 文本”）；请另存为 UTF-8 或 GB18030 后重新报送",
                               "the file is UTF-16, the \"Unicode text\" of spreadsheets; save it as UTF-8 or GB18030 "
                               "and send it again");
    adapters_text_start(&rows->text, file, encoding);
    if (layout->format != ADAPTERS_FORMAT_NDJSON)
        return start_csv(rows, refusal, error);
    rows->ndjson = (struct adapters_ndjson){
        .columns = layout->columns, .column_count = layout->column_count, .arena = rows->arena};
    return BUS_OK;
}

static enum bus_status refuse_count(const struct adapters_rows *rows, struct adapters_refusal *refusal)
{
    adapters_refuse(refusal, "COLUMN_COUNT", "", "");
    snprintf(refusal->zh, sizeof refusal->zh, "该行有 %zu 列，应为 %zu 列", rows->csv.field_count, rows->header.count);
    snprintf(refusal->en, sizeof refusal->en, "the row has %zu columns instead of %zu", rows->csv.field_count,
             rows->header.count);
    return BUS_REJECT;
}

static enum bus_status next_csv(struct adapters_rows *rows, struct adapters_row *out_row, bool *out_end,
                                struct adapters_refusal *refusal, struct bus_error *error)
{
    struct adapters_csv *csv = &rows->csv;
    enum bus_status status = adapters_csv_next(csv, &rows->text, out_end, refusal, error);
    *out_row = (struct adapters_row){.line = csv->line, .original = csv->original, .fields = rows->fields};
    if (status != BUS_OK || *out_end)
        return status;
    if (csv->field_count != rows->header.count)
        return refuse_count(rows, refusal);
    memset(rows->fields, 0, rows->layout->column_count * sizeof rows->fields[0]);
    for (size_t i = 0; i < csv->field_count; i++) {
        if (rows->header.place[i] != ADAPTERS_COLUMN_UNUSED)
            rows->fields[rows->header.place[i]] = csv->fields[i];
    }
    return BUS_OK;
}

enum bus_status adapters_rows_next(struct adapters_rows *rows, struct adapters_row *out_row, bool *out_end,
                                   struct adapters_refusal *refusal, struct bus_error *error)
{
    if (rows->layout->format == ADAPTERS_FORMAT_XLSX)
        return adapters_excel_next(rows->excel, rows->fields, out_row, out_end, refusal, error);
    if (rows->layout->format != ADAPTERS_FORMAT_NDJSON)
        return next_csv(rows, out_row, out_end, refusal, error);
    enum bus_status status = adapters_ndjson_next(&rows->ndjson, &rows->text, out_end, refusal, error);
    *out_row = (struct adapters_row){
        .line = rows->ndjson.line, .original = rows->ndjson.original, .fields = rows->ndjson.fields};
    return status;
}
