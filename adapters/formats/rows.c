#include "adapters/formats/rows.h"

#include "adapters/engine/transform.h"
#include "bus/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

enum { ROW_ARENA_SIZE = 2 * ADAPTERS_ROW_MAX, IGNORED_COLUMN = -1 };

struct adapters_rows {
    const struct adapters_layout *layout;
    struct adapters_text text;
    struct bus_arena *arena;
    struct adapters_csv csv;
    struct adapters_ndjson ndjson;
    int place[ADAPTERS_COLUMNS_MAX]; /* of a column in the file: its index in the mapping, or IGNORED_COLUMN */
    size_t file_columns;
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
    bus_arena_destroy(rows->arena);
    free(rows);
}

uint64_t adapters_rows_size_bytes(const struct adapters_rows *rows)
{
    return rows->text.size_bytes;
}

static enum bus_status refuse_name(struct adapters_refusal *refusal, const char *code, const char *column,
                                   const char *zh, const char *en)
{
    adapters_refuse_column(refusal, code, column, "", "");
    snprintf(refusal->zh, sizeof refusal->zh, "%s：%s；整份文件未接收，请改正后重新报送", zh, column);
    snprintf(refusal->en, sizeof refusal->en, "%s: %s; nothing of the file was taken: correct it and send it again", en,
             column);
    return BUS_REJECT;
}

/* Where the column named in the header goes; names are compared without regard to ASCII case and outer blanks. */
static enum bus_status place_column(struct adapters_rows *rows, size_t index, bool *seen,
                                    struct adapters_refusal *refusal)
{
    const struct adapters_layout *layout = rows->layout;
    struct bus_bytes text = adapters_trim(rows->csv.fields[index]);
    char name[ADAPTERS_COLUMN_NAME_SIZE];
    snprintf(name, sizeof name, "%.*s", (int)(text.length < 80 ? text.length : 80), (const char *)text.data);
    rows->place[index] = IGNORED_COLUMN;
    if (name[0] == '\0')
        return BUS_OK;
    for (size_t i = 0; i < layout->column_count; i++) {
        if (strcasecmp(name, layout->columns[i]) != 0)
            continue;
        if (seen[i])
            return refuse_name(refusal, "COLUMN_TWICE", name, "表头中该列出现两次", "the header names a column twice");
        seen[i] = true;
        rows->place[index] = (int)i;
        return BUS_OK;
    }
    refuse_name(refusal, "COLUMN_UNKNOWN", name, "表头中有映射不认识的列",
                "the header names a column that the mapping does not know");
    const char *nearest = bus_settings_nearest_name(layout->columns, layout->column_count, name);
    if (nearest != NULL) {
        size_t used_zh = strlen(refusal->zh), used_en = strlen(refusal->en);
        snprintf(refusal->zh + used_zh, sizeof refusal->zh - used_zh, "；最接近的已知列是%s", nearest);
        snprintf(refusal->en + used_en, sizeof refusal->en - used_en, "; the nearest known is %s", nearest);
    }
    return BUS_REJECT;
}

static bool knows_a_column(const struct adapters_rows *rows)
{
    for (size_t i = 0; i < rows->file_columns; i++) {
        if (rows->place[i] != IGNORED_COLUMN)
            return true;
    }
    return false;
}

static enum bus_status read_header(struct adapters_rows *rows, struct adapters_refusal *refusal)
{
    bool seen[ADAPTERS_COLUMNS_MAX] = {false};
    enum bus_status status = BUS_OK;
    rows->file_columns = rows->csv.field_count < ADAPTERS_COLUMNS_MAX ? rows->csv.field_count : ADAPTERS_COLUMNS_MAX;
    for (size_t i = 0; i < rows->file_columns; i++) {
        struct adapters_refusal found;
        if (place_column(rows, i, seen, &found) == BUS_OK)
            continue;
        if (status == BUS_OK)
            *refusal = found;
        status = BUS_REJECT;
    }
    if (!knows_a_column(rows))
        return adapters_refuse(refusal, "HEADER_MISSING", "第一行不是表头，没有一个已知的列名；请加上表头后重新报送",
                               "the first line is no header: it holds none of the known column names; add one and "
                               "send the file again");
    if (status != BUS_OK)
        return status;
    for (size_t i = 0; i < rows->layout->column_count; i++) {
        if (!seen[i] && !rows->layout->is_optional[i])
            return refuse_name(refusal, "COLUMN_MISSING", rows->layout->columns[i], "表头缺少列",
                               "the header lacks a column");
    }
    return BUS_OK;
}

static enum bus_status start_csv(struct adapters_rows *rows, struct adapters_refusal *refusal, struct bus_error *error)
{
    rows->csv =
        (struct adapters_csv){.separator = rows->layout->separator, .quote = rows->layout->quote, .arena = rows->arena};
    rows->file_columns = rows->layout->column_count;
    for (size_t i = 0; i < rows->file_columns; i++)
        rows->place[i] = (int)i;
    if (!rows->layout->has_header)
        return BUS_OK;
    bool is_end;
    enum bus_status status = adapters_csv_next(&rows->csv, &rows->text, &is_end, refusal, error);
    if (status == BUS_OK && is_end)
        return adapters_refuse(refusal, "FILE_EMPTY", "文件为空，请重新导出后报送",
                               "the file is empty; export it again");
    return status == BUS_OK ? read_header(rows, refusal) : status;
}

/* "Unicode text" of spreadsheets, told by its mark: all of its rows would look as if they were damaged. */
static bool is_utf16(int file)
{
    uint8_t mark[2];
    return pread(file, mark, sizeof mark, 0) == (ssize_t)sizeof mark &&
           ((mark[0] == 0xff && mark[1] == 0xfe) || (mark[0] == 0xfe && mark[1] == 0xff));
}

enum bus_status adapters_rows_start(struct adapters_rows *rows, const struct adapters_layout *layout, int file,
                                    enum adapters_encoding encoding, struct adapters_refusal *refusal,
                                    struct bus_error *error)
{
    rows->layout = layout;
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
    snprintf(refusal->zh, sizeof refusal->zh, "该行有 %zu 列，应为 %zu 列", rows->csv.field_count, rows->file_columns);
    snprintf(refusal->en, sizeof refusal->en, "the row has %zu columns instead of %zu", rows->csv.field_count,
             rows->file_columns);
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
    if (csv->field_count != rows->file_columns)
        return refuse_count(rows, refusal);
    memset(rows->fields, 0, rows->layout->column_count * sizeof rows->fields[0]);
    for (size_t i = 0; i < csv->field_count; i++) {
        if (rows->place[i] != IGNORED_COLUMN)
            rows->fields[rows->place[i]] = csv->fields[i];
    }
    return BUS_OK;
}

enum bus_status adapters_rows_next(struct adapters_rows *rows, struct adapters_row *out_row, bool *out_end,
                                   struct adapters_refusal *refusal, struct bus_error *error)
{
    if (rows->layout->format != ADAPTERS_FORMAT_NDJSON)
        return next_csv(rows, out_row, out_end, refusal, error);
    enum bus_status status = adapters_ndjson_next(&rows->ndjson, &rows->text, out_end, refusal, error);
    *out_row = (struct adapters_row){
        .line = rows->ndjson.line, .original = rows->ndjson.original, .fields = rows->ndjson.fields};
    return status;
}
