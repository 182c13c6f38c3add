#include "adapters/formats/ndjson.h"

#include "bus/utf8.h"

#include <stdio.h>

enum { SHOWN_MAX = 64 * 1024 };

/* Where the parse of a line stands. `column`: the member whose value is read. */
struct parse {
    struct adapters_ndjson *ndjson;
    const uint8_t *at, *end;
    size_t expected; /* the column that the last row's order leads to expect */
    struct adapters_refusal *refusal;
};

static enum bus_status refuse_syntax(struct parse *parse)
{
    return adapters_refuse(parse->refusal, "JSON_SYNTAX", "该行不是一个完整的 JSON 对象",
                           "the line is not one whole JSON object");
}

static void skip_blanks(struct parse *parse)
{
    while (parse->at < parse->end &&
           (*parse->at == ' ' || *parse->at == '\t' || *parse->at == '\r' || *parse->at == '\n'))
        parse->at++;
}

/* Passes `byte`, with blanks around it. */
static bool take(struct parse *parse, uint8_t byte)
{
    skip_blanks(parse);
    if (parse->at == parse->end || *parse->at != byte)
        return false;
    parse->at++;
    skip_blanks(parse);
    return true;
}

static int hex_value(const uint8_t *four)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t byte = four[i];
        int digit = byte >= '0' && byte <= '9'                 ? byte - '0'
                    : (byte | 32) >= 'a' && (byte | 32) <= 'f' ? (byte | 32) - 'a' + 10
                                                               : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The character of an escape \uXXXX, of two for what lies beyond the basic plane; -1 when it is none. */
static int32_t unicode_escape(const uint8_t **at, const uint8_t *end)
{
    int high = end - *at >= 4 ? hex_value(*at) : -1;
    *at += high >= 0 ? 4 : 0;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return -1;
    int low = hex_value(*at + 2);
    *at += 6;
    return low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static bool unfold(struct parse *parse, struct bus_bytes raw, struct bus_bytes *out_text)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint8_t *text = bus_arena_allocate(parse->ndjson->arena, raw.length);
    const uint8_t *at = raw.data, *end = raw.data + raw.length;
    size_t length = 0;
    if (text == NULL)
        return false;
    while (at < end) {
        if (*at != '\\') {
            text[length++] = *at++;
            continue;
        }
        at++;
        const char *name = at < end && *at != 0 ? strchr(names, *at) : NULL;
        if (name != NULL) {
            text[length++] = (uint8_t)values[name - names];
            at++;
            continue;
        }
        if (at == end || *at++ != 'u')
            return false;
        int32_t character = unicode_escape(&at, end);
        if (character <= 0) /* U+0000 has no place in a text */
            return false;
        length += bus_utf8_put(text + length, (uint32_t)character);
    }
    *out_text = bus_bytes_of(text, length);
    return true;
}

/* A string after its opening quote; passes the closing one. */
static bool take_string(struct parse *parse, struct bus_bytes *out_text)
{
    const uint8_t *from = parse->at;
    bool has_escapes = false;
    while (parse->at < parse->end && *parse->at != '"') {
        if (*parse->at < 0x20)
            return false;
        if (*parse->at == '\\') {
            has_escapes = true;
            parse->at++;
        }
        parse->at++;
    }
    if (parse->at >= parse->end)
        return false;
    *out_text = bus_bytes_of(from, (size_t)(parse->at - from));
    parse->at++;
    return !has_escapes || unfold(parse, *out_text, out_text);
}

/* A number, true, false or null, as it is written. */
static bool take_word(struct parse *parse, struct bus_bytes *out_text)
{
    const uint8_t *from = parse->at;
    while (parse->at < parse->end && strchr(",}] \t\r\n", *parse->at) == NULL)
        parse->at++;
    struct bus_bytes word = bus_bytes_of(from, (size_t)(parse->at - from));
    bool is_number = word.length > 0 && strchr("-0123456789", word.data[0]) != NULL;
    for (size_t i = 0; is_number && i < word.length; i++)
        is_number = word.data[i] != 0 && strchr("+-.eE0123456789", word.data[i]) != NULL;
    *out_text = bus_bytes_equal_text(word, "null") ? bus_bytes_of(NULL, 0) : word;
    return is_number || bus_bytes_equal_text(word, "null") || bus_bytes_equal_text(word, "true") ||
           bus_bytes_equal_text(word, "false");
}

static enum bus_status take_value(struct parse *parse, const char *column, struct bus_bytes *out_text)
{
    if (parse->at < parse->end && (*parse->at == '{' || *parse->at == '['))
        return adapters_refuse_column(parse->refusal, "JSON_NESTED", column, "该列是嵌套的对象或数组，应为单个值",
                                      "the column holds an object or an array; a single value is expected");
    bool is_string = parse->at < parse->end && *parse->at == '"';
    parse->at += is_string;
    if (!(is_string ? take_string(parse, out_text) : take_word(parse, out_text)))
        return refuse_syntax(parse);
    if (out_text->length > ADAPTERS_FIELD_MAX)
        return adapters_refuse_column(parse->refusal, "FIELD_TOO_LONG", column, "该列超过 1 MiB",
                                      "the column is longer than 1 MiB");
    return BUS_OK;
}

/* The column of that name; most rows have their members in one order, so the next one is tried first. */
static size_t find_column(const struct parse *parse, struct bus_bytes name)
{
    size_t count = parse->ndjson->column_count;
    for (size_t i = 0; i < count; i++) {
        size_t column = (parse->expected + i) % count;
        if (bus_bytes_equal_text(name, parse->ndjson->columns[column]))
            return column;
    }
    return count;
}

static enum bus_status refuse_unknown(struct parse *parse, struct bus_bytes name)
{
    char column[ADAPTERS_COLUMN_NAME_SIZE];
    snprintf(column, sizeof column, "%.*s", (int)(name.length < 60 ? name.length : 60), (const char *)name.data);
    return adapters_refuse_column(parse->refusal, "COLUMN_UNKNOWN",
                                  bus_utf8_valid(bus_bytes_text(column)) ? column : "", "该行含有映射中没有的列",
                                  "the row holds a column that the mapping does not know");
}

static enum bus_status take_member(struct parse *parse, bool *seen)
{
    struct bus_bytes name;
    if (!take(parse, '"') || !take_string(parse, &name))
        return refuse_syntax(parse);
    if (!take(parse, ':'))
        return refuse_syntax(parse);
    size_t column = find_column(parse, name);
    if (column == parse->ndjson->column_count)
        return refuse_unknown(parse, name);
    if (seen[column])
        return adapters_refuse_column(parse->refusal, "COLUMN_TWICE", parse->ndjson->columns[column],
                                      "该列在一行中出现两次", "the row holds the column twice");
    seen[column] = true;
    parse->expected = column + 1;
    return take_value(parse, parse->ndjson->columns[column], &parse->ndjson->fields[column]);
}

static enum bus_status parse_object(struct parse *parse)
{
    bool seen[ADAPTERS_COLUMNS_MAX] = {false};
    memset(parse->ndjson->fields, 0, parse->ndjson->column_count * sizeof parse->ndjson->fields[0]);
    if (!take(parse, '{'))
        return refuse_syntax(parse);
    do {
        enum bus_status status = take_member(parse, seen);
        if (status != BUS_OK)
            return status;
    } while (take(parse, ','));
    return take(parse, '}') && parse->at == parse->end ? BUS_OK : refuse_syntax(parse);
}

/* A whole line at the start of the window, without taking it. NULL: longer than a row may be. */
static enum bus_status find_line(struct adapters_text *text, const uint8_t **out_end, bool *out_at_end,
                                 struct bus_error *error)
{
    size_t searched = 0;
    for (;;) {
        size_t length = (size_t)(text->end - text->at);
        *out_end = memchr(text->at + searched, '\n', length - searched);
        *out_at_end = length == 0 && text->at_end;
        if (*out_end != NULL || length > ADAPTERS_ROW_MAX)
            return BUS_OK;
        if (text->at_end) {
            *out_end = text->end;
            return BUS_OK;
        }
        searched = length;
        enum bus_status status = adapters_text_more(text, error);
        if (status != BUS_OK)
            return status;
    }
}

static enum bus_status take_line(struct adapters_ndjson *ndjson, struct adapters_text *text, const uint8_t *end,
                                 struct adapters_refusal *refusal)
{
    struct parse parse = {.ndjson = ndjson, .at = text->at, .end = end, .refusal = refusal};
    ndjson->original = bus_bytes_of(text->at, (size_t)(end - text->at));
    text->at = end < text->end ? end + 1 : end;
    text->line++;
    enum bus_status status = adapters_text_check(ndjson->original, refusal);
    return status == BUS_OK ? parse_object(&parse) : status;
}

static bool is_blank(const uint8_t *from, const uint8_t *to)
{
    while (from < to && (*from == ' ' || *from == '\r' || *from == '\t'))
        from++;
    return from == to;
}

enum bus_status adapters_ndjson_next(struct adapters_ndjson *ndjson, struct adapters_text *text, bool *out_end,
                                     struct adapters_refusal *refusal, struct bus_error *error)
{
    for (;;) {
        const uint8_t *end;
        enum bus_status status = find_line(text, &end, out_end, error);
        if (status != BUS_OK || *out_end)
            return status;
        ndjson->line = text->line;
        bus_arena_reset(ndjson->arena);
        if (end == NULL) {
            status = adapters_text_skip_line(text, ndjson->arena, &ndjson->original, error);
            return status != BUS_OK
                       ? status
                       : adapters_refuse(refusal, "ROW_TOO_LONG", "该行超过 2 MiB", "the row is longer than 2 MiB");
        }
        if (!is_blank(text->at, end))
            return take_line(ndjson, text, end, refusal);
        text->at = end < text->end ? end + 1 : end;
        text->line++;
    }
}

/* What is shown of a row that is no text, or longer than a row may be. */
static struct bus_bytes shown(const struct adapters_ndjson *ndjson, const struct adapters_decoder *decoder,
                              struct bus_bytes text)
{
    if (text.length > SHOWN_MAX)
        text.length = SHOWN_MAX;
    uint8_t *to = bus_arena_allocate(ndjson->arena, text.length * ADAPTERS_DECODE_GROWTH + ADAPTERS_CHARACTER_MAX);
    if (to == NULL)
        return bus_bytes_of(NULL, 0);
    size_t length, taken;
    adapters_decoder_run(decoder, ADAPTERS_ENCODING_UTF8, text, true, to, &length, &taken);
    return bus_bytes_of(to, length);
}

enum bus_status adapters_ndjson_read(struct adapters_ndjson *ndjson, const struct adapters_decoder *decoder,
                                     struct bus_bytes text, int64_t line, struct adapters_refusal *refusal)
{
    struct parse parse = {.ndjson = ndjson, .at = text.data, .end = text.data + text.length, .refusal = refusal};
    bus_arena_reset(ndjson->arena);
    ndjson->line = line;
    ndjson->original = text;
    if (text.length > ADAPTERS_ROW_MAX) {
        ndjson->original = shown(ndjson, decoder, text);
        return adapters_refuse(refusal, "ROW_TOO_LONG", "该行超过 2 MiB", "the row is longer than 2 MiB");
    }
    if (!bus_utf8_valid(text)) {
        ndjson->original = shown(ndjson, decoder, text);
        enum bus_status status = adapters_text_check(ndjson->original, refusal);
        if (status != BUS_OK)
            return status;
    }
    return parse_object(&parse);
}
