#include "adapters/formats/csv.h"

enum scan_result { SCAN_RECORD, SCAN_CUT, SCAN_QUOTE_OPEN, SCAN_QUOTE_MISPLACED };

/* Where the scan of a record stands. */
struct scan {
    const uint8_t *at, *end;
    bool is_last_field;
    bool is_too_long; /* a field of the record is */
};

static void add_field(struct adapters_csv *csv, struct scan *scan, const uint8_t *from, size_t length)
{
    if (length > ADAPTERS_FIELD_MAX)
        scan->is_too_long = true;
    if (csv->field_count < ADAPTERS_COLUMNS_MAX)
        csv->fields[csv->field_count] = bus_bytes_of(from, length);
    csv->field_count++;
}

/* Up to the separator or line end, neither of which it passes. */
static enum scan_result scan_plain(struct adapters_csv *csv, struct scan *scan)
{
    const uint8_t *at = scan->at;
    uint8_t separator = csv->separator;
    while (at < scan->end && *at != separator && *at != '\n')
        at++;
    size_t length = (size_t)(at - scan->at);
    if ((at == scan->end || *at == '\n') && length > 0 && at[-1] == '\r')
        length--;
    add_field(csv, scan, scan->at, length);
    scan->at = at;
    return SCAN_RECORD;
}

static struct bus_bytes unfold(struct adapters_csv *csv, const uint8_t *from, size_t length)
{
    uint8_t *to = bus_arena_allocate(csv->arena, length);
    size_t written = 0;
    for (size_t i = 0; to != NULL && i < length; i++) {
        to[written++] = from[i];
        if (from[i] == csv->quote)
            i++; /* its double */
    }
    return bus_bytes_of(to, written);
}

/* A quoted field, from its opening quote to the separator or line end after its closing one. */
static enum scan_result scan_quoted(struct adapters_csv *csv, struct scan *scan)
{
    const uint8_t *from = scan->at + 1;
    const uint8_t *at = from;
    bool has_doubles = false;
    for (;;) {
        at = at < scan->end ? memchr(at, csv->quote, (size_t)(scan->end - at)) : NULL;
        if (at == NULL)
            return SCAN_QUOTE_OPEN;
        if (at + 1 >= scan->end || at[1] != csv->quote)
            break;
        has_doubles = true;
        at += 2;
    }
    struct bus_bytes field = bus_bytes_of(from, (size_t)(at - from));
    if (has_doubles)
        field = unfold(csv, field.data, field.length);
    add_field(csv, scan, field.data, field.length);
    at++;
    if (at < scan->end && *at == '\r')
        at++;
    if (at < scan->end && *at != '\n' && (*at != csv->separator || at[-1] == '\r'))
        return SCAN_QUOTE_MISPLACED;
    scan->at = at;
    return SCAN_RECORD;
}

/* One record at the start of the window. CUT: the window may end before the record does. */
static enum scan_result scan_record(struct adapters_csv *csv, struct scan *scan)
{
    csv->field_count = 0;
    bus_arena_reset(csv->arena);
    for (;;) {
        bool is_quoted = csv->quote != 0 && scan->at < scan->end && *scan->at == csv->quote;
        enum scan_result result = is_quoted ? scan_quoted(csv, scan) : scan_plain(csv, scan);
        if (result != SCAN_RECORD)
            return result;
        if (scan->at == scan->end)
            return SCAN_CUT;
        if (*scan->at++ == '\n')
            return SCAN_RECORD;
    }
}

static int64_t count_lines(const uint8_t *from, const uint8_t *to)
{
    int64_t lines = 0;
    while (from < to && (from = memchr(from, '\n', (size_t)(to - from))) != NULL) {
        lines++;
        from++;
    }
    return lines;
}

/* Takes the record that the scan has passed. */
static enum bus_status take_record(struct adapters_csv *csv, struct adapters_text *text, const struct scan *scan,
                                   struct adapters_refusal *refusal)
{
    const uint8_t *end = scan->at;
    csv->line = text->line;
    if (end > text->at && end[-1] == '\n')
        end--;
    if (end > text->at && end[-1] == '\r')
        end--;
    csv->original = bus_bytes_of(text->at, (size_t)(end - text->at));
    text->line += 1 + count_lines(text->at, end);
    text->at = scan->at;
    if (scan->is_too_long)
        return adapters_refuse(refusal, "FIELD_TOO_LONG", "该行有字段超过 1 MiB",
                               "a field of the row is longer than 1 MiB");
    return adapters_text_check(csv->original, refusal);
}

/* Takes the first line of what could not be read as a record. */
static enum bus_status take_line(struct adapters_csv *csv, struct adapters_text *text, struct bus_error *error)
{
    csv->line = text->line;
    csv->field_count = 0;
    bus_arena_reset(csv->arena);
    return adapters_text_skip_line(text, csv->arena, &csv->original, error);
}

static enum bus_status refuse_record(struct adapters_csv *csv, struct adapters_text *text, enum scan_result result,
                                     struct adapters_refusal *refusal, struct bus_error *error)
{
    bool is_one_line = memchr(text->at, '\n', (size_t)(text->end - text->at)) == NULL;
    size_t length = (size_t)(text->end - text->at);
    enum bus_status status = take_line(csv, text, error);
    if (status != BUS_OK)
        return status;
    if (result == SCAN_CUT || (result == SCAN_QUOTE_OPEN && is_one_line && length > ADAPTERS_ROW_MAX))
        return adapters_refuse(refusal, "ROW_TOO_LONG", "该行超过 2 MiB", "the row is longer than 2 MiB");
    if (result == SCAN_QUOTE_MISPLACED)
        return adapters_refuse(
            refusal, "QUOTE_MISPLACED", "引号之后还有内容，本行按一行隔离，其后各行照常读取",
            "something follows a closing quote; this line is set aside and reading goes on with the next");
    return adapters_refuse(
        refusal, "QUOTE_NOT_CLOSED", "自本行开始的引号没有闭合，本行隔离，其后各行照常读取",
        "a quote opened on this line is never closed; the line is set aside and reading goes on with the next");
}

/* Reads on until the window holds a character that is no line end; false at the end of the text. */
static enum bus_status skip_empty_lines(struct adapters_text *text, bool *out_end, struct bus_error *error)
{
    for (;;) {
        for (; text->at < text->end && (*text->at == '\n' || *text->at == '\r'); text->at++)
            text->line += *text->at == '\n';
        *out_end = text->at == text->end && text->at_end;
        if (text->at < text->end || text->at_end)
            return BUS_OK;
        enum bus_status status = adapters_text_more(text, error);
        if (status != BUS_OK)
            return status;
    }
}

enum bus_status adapters_csv_next(struct adapters_csv *csv, struct adapters_text *text, bool *out_end,
                                  struct adapters_refusal *refusal, struct bus_error *error)
{
    enum bus_status status = skip_empty_lines(text, out_end, error);
    if (status != BUS_OK || *out_end)
        return status;
    for (;;) {
        struct scan scan = {.at = text->at, .end = text->end};
        enum scan_result result = scan_record(csv, &scan);
        if (result == SCAN_RECORD || (result == SCAN_CUT && text->at_end))
            return take_record(csv, text, &scan, refusal);
        bool is_full = (size_t)(text->end - text->at) > ADAPTERS_ROW_MAX;
        if (result == SCAN_QUOTE_MISPLACED || text->at_end || is_full)
            return refuse_record(csv, text, result, refusal, error);
        status = adapters_text_more(text, error);
        if (status != BUS_OK)
            return status;
    }
}
