#include "adapters/sources/push/rows.h"

#include <assert.h>
#include <stdio.h>

#include "bus/utf8.h"

enum { MAX_DEPTH = 64 };

/* Where the scan of JSON stands. `open`: bit n says whether level n is an object; else it is an array. */
struct scan {
    const uint8_t *start, *at, *end;
    uint64_t open;
    int depth;
    const char *reason; /* what was expected, once it failed */
};

static bool fail(struct scan *scan, const char *reason)
{
    scan->reason = reason;
    return false;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && is_blank(*scan->at))
        scan->at++;
}

static bool take(struct scan *scan, uint8_t byte)
{
    if (scan->at == scan->end || *scan->at != byte)
        return false;
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

static bool take_digits(struct scan *scan)
{
    const uint8_t *first = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > first;
}

static bool take_number(struct scan *scan)
{
    take(scan, '-');
    if (!take(scan, '0') && !take_digits(scan))
        return fail(scan, "a value is expected");
    if (take(scan, '.') && !take_digits(scan))
        return fail(scan, "a digit is expected after the decimal point");
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            take(scan, '-');
        if (!take_digits(scan))
            return fail(scan, "a digit is expected in the exponent");
    }
    return true;
}

/* Behind a backslash. */
static bool take_escape(struct scan *scan)
{
    if (!take(scan, 'u')) {
        if (scan->at == scan->end || *scan->at == 0 || strchr("\"\\/bfnrt", *scan->at) == NULL)
            return fail(scan, "an unknown escape");
        scan->at++;
        return true;
    }
    char digits[5] = {0};
    uint8_t bytes[2];
    if (scan->end - scan->at >= 4)
        memcpy(digits, scan->at, 4);
    if (strlen(digits) != 4 || !bus_unhex(digits, bytes, 2))
        return fail(scan, "four hex digits are expected after \\u");
    scan->at += 4;
    return true;
}

/* Behind the opening quote. */
static bool take_string(struct scan *scan)
{
    for (;;) {
        while (scan->at < scan->end && *scan->at >= 0x20 && *scan->at != '"' && *scan->at != '\\')
            scan->at++;
        if (take(scan, '"'))
            return true;
        if (!take(scan, '\\'))
            return fail(scan, scan->at == scan->end ? "a string without an end" : "a control character in a string");
        if (!take_escape(scan))
            return false;
    }
}

static bool open_level(struct scan *scan, bool is_object)
{
    if (scan->depth == MAX_DEPTH)
        return fail(scan, "nested deeper than 64");
    uint64_t bit = UINT64_C(1) << scan->depth++;
    scan->open = is_object ? scan->open | bit : scan->open & ~bit;
    return true;
}

static bool in_object(const struct scan *scan)
{
    return (scan->open >> (scan->depth - 1) & 1) != 0;
}

static bool take_name(struct scan *scan)
{
    skip_blanks(scan);
    if (!take(scan, '"'))
        return fail(scan, "a member's name is expected");
    if (!take_string(scan))
        return false;
    skip_blanks(scan);
    return take(scan, ':') || fail(scan, "':' is expected");
}

/* One value, or the beginning of a container that is not empty: then *out_whole is false. */
static bool take_begin(struct scan *scan, bool *out_whole)
{
    skip_blanks(scan);
    *out_whole = true;
    bool is_object = scan->at < scan->end && *scan->at == '{';
    if (is_object || (scan->at < scan->end && *scan->at == '[')) {
        if (!open_level(scan, is_object))
            return false;
        scan->at++;
        skip_blanks(scan);
        *out_whole = take(scan, is_object ? '}' : ']');
        scan->depth -= *out_whole;
        return *out_whole || !is_object || take_name(scan);
    }
    if (take(scan, '"'))
        return take_string(scan);
    return take_word(scan, "true") || take_word(scan, "false") || take_word(scan, "null") || take_number(scan);
}

/* Behind a value: closes what ends here, until a next value is due or the level `base` is reached. */
static bool take_ends(struct scan *scan, int base)
{
    while (scan->depth > base) {
        skip_blanks(scan);
        if (take(scan, ','))
            return !in_object(scan) || take_name(scan);
        if (!take(scan, in_object(scan) ? '}' : ']'))
            return fail(scan, in_object(scan) ? "',' or '}' is expected" : "',' or ']' is expected");
        scan->depth--;
    }
    return true;
}

/* A whole value of any depth, without recursion. */
static bool take_value(struct scan *scan)
{
    int base = scan->depth;
    do {
        bool is_whole;
        if (!take_begin(scan, &is_whole) || (is_whole && !take_ends(scan, base)))
            return false;
    } while (scan->depth > base);
    return true;
}

static struct bus_bytes without_mark(struct bus_bytes body)
{
    bool has_mark = body.length >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0;
    return has_mark ? bus_bytes_of(body.data + 3, body.length - 3) : body;
}

static enum bus_status refuse_syntax(const struct scan *scan, struct bus_error *error)
{
    size_t line = 1;
    const uint8_t *line_start = scan->start;
    for (const uint8_t *at = scan->start; at < scan->at; at++) {
        if (*at == '\n') {
            line++;
            line_start = at + 1;
        }
    }
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    size_t column = bus_utf8_characters(bus_bytes_of(line_start, (size_t)(scan->at - line_start))) + 1;
    snprintf(zh, sizeof zh, "请求体不是 JSON：第%zu行第%zu列有语法错误；全部未接收，请改正后重新推送", line, column);
    snprintf(en, sizeof en, "the body is not JSON: at line %zu, column %zu %s; nothing was taken", line, column,
             scan->reason);
    return bus_reject(error, "JSON_SYNTAX", zh, en);
}

static enum bus_status refuse_count(size_t max_rows, struct bus_error *error)
{
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    snprintf(zh, sizeof zh, "一次推送最多%zu行；请分批推送", max_rows);
    snprintf(en, sizeof en, "at most %zu rows in one delivery; send them in parts", max_rows);
    return bus_reject(error, "ROWS_TOO_MANY", zh, en);
}

static enum bus_status check_array(struct scan *scan, size_t max_rows, size_t *out_count, struct bus_error *error)
{
    skip_blanks(scan);
    if (!take(scan, '['))
        return bus_reject(error, "JSON_NO_ARRAY", "请求体应为由对象组成的 JSON 数组；逐行推送请用 application/x-ndjson",
                          "the body should be a JSON array of objects; for lines use application/x-ndjson");
    skip_blanks(scan);
    bool has_more = !take(scan, ']');
    while (has_more) {
        if (*out_count == max_rows)
            return refuse_count(max_rows, error);
        ++*out_count;
        if (!take_value(scan))
            return refuse_syntax(scan, error);
        skip_blanks(scan);
        has_more = take(scan, ',');
        if (!has_more && !take(scan, ']')) {
            scan->reason = "',' or ']' is expected";
            return refuse_syntax(scan, error);
        }
    }
    skip_blanks(scan);
    scan->reason = "the end is expected";
    return scan->at == scan->end ? BUS_OK : refuse_syntax(scan, error);
}

enum bus_status adapters_push_rows_check(enum adapters_push_form form, struct bus_bytes body, size_t max_rows,
                                         size_t *out_count, struct bus_error *error)
{
    *out_count = 0;
    if (form == ADAPTERS_PUSH_ARRAY) {
        struct bus_cursor cursor = bus_cursor_of(without_mark(body));
        struct scan scan = {.start = cursor.at, .at = cursor.at, .end = cursor.end};
        return check_array(&scan, max_rows, out_count, error);
    }
    struct adapters_push_rows rows;
    struct bus_bytes text;
    adapters_push_rows_start(&rows, form, body);
    while (adapters_push_rows_next(&rows, &text))
        if (++*out_count > max_rows)
            return refuse_count(max_rows, error);
    return BUS_OK;
}

void adapters_push_rows_start(struct adapters_push_rows *rows, enum adapters_push_form form, struct bus_bytes body)
{
    struct bus_cursor cursor = bus_cursor_of(without_mark(body));
    *rows =
        (struct adapters_push_rows){.form = form, .at = cursor.at, .end = cursor.end, .counted = cursor.at, .line = 1};
    while (form == ADAPTERS_PUSH_ARRAY && rows->at < rows->end && is_blank(*rows->at))
        rows->at++;
    if (form == ADAPTERS_PUSH_ARRAY && rows->at < rows->end && *rows->at == '[')
        rows->at++;
}

static void count_lines(struct adapters_push_rows *rows)
{
    for (; rows->counted < rows->at; rows->counted++)
        rows->line += *rows->counted == '\n';
}

static bool next_line(struct adapters_push_rows *rows, struct bus_bytes *out_text)
{
    while (rows->at < rows->end && is_blank(*rows->at))
        rows->at++;
    if (rows->at == rows->end)
        return false;
    count_lines(rows);
    const uint8_t *from = rows->at, *to = memchr(from, '\n', (size_t)(rows->end - from));
    if (to == NULL)
        to = rows->end;
    rows->at = to;
    while (is_blank(to[-1]))
        to--;
    *out_text = bus_bytes_of(from, (size_t)(to - from));
    return true;
}

bool adapters_push_rows_next(struct adapters_push_rows *rows, struct bus_bytes *out_text)
{
    if (rows->form == ADAPTERS_PUSH_LINES)
        return next_line(rows, out_text);
    while (rows->at < rows->end && (is_blank(*rows->at) || *rows->at == ','))
        rows->at++;
    if (rows->at == rows->end || *rows->at == ']')
        return false;
    count_lines(rows);
    struct scan scan = {.start = rows->at, .at = rows->at, .end = rows->end};
    bool is_whole = take_value(&scan);
    assert(is_whole); /* it was checked */
    *out_text = bus_bytes_of(rows->at, (size_t)(scan.at - rows->at));
    rows->at = is_whole ? scan.at : rows->end;
    return is_whole;
}
