/* The reader of bus/json.h: RFC 8259 by recursive descent, without a library, because a number must keep its text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/arena.h"
#include "bus/json.h"
#include "bus/utf8.h"

enum {
    MAX_DEPTH = 64,
    FEW_MEMBERS = 16,       /* up to here names are compared each with each */
    ARENA_PER_BYTE = 128,   /* a value needs two bytes of text at least */
    ARENA_BASE = 64 * 1024, /* for short texts */
};

struct bus_json_value {
    const char *name; /* of a member, else NULL */
    enum bus_json_type type;
    bool boolean;
    struct bus_bytes text;                 /* string: its content; number: as written */
    const struct bus_json_value *children; /* array, object */
    size_t count;
};

struct bus_json_document {
    struct bus_arena *arena;
    struct bus_json_value root;
};

struct parser {
    const uint8_t *start, *at, *end;
    struct bus_arena *arena;
    struct bus_buffer content;    /* of the string being read */
    struct bus_json_value *stack; /* values of the containers that are still open */
    size_t stack_count, stack_capacity;
    int depth;
    struct bus_error *error;
};

static enum bus_status fail(struct parser *parser, const char *reason)
{
    size_t line = 1;
    const uint8_t *line_start = parser->start;
    for (const uint8_t *at = parser->start; at < parser->at; at++) {
        if (*at == '\n') {
            line++;
            line_start = at + 1;
        }
    }
    size_t column = bus_utf8_characters(bus_bytes_of(line_start, (size_t)(parser->at - line_start))) + 1;
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    snprintf(zh, sizeof zh, "JSON 语法错误：第%zu行第%zu列", line, column);
    snprintf(en, sizeof en, "not JSON at line %zu, column %zu: %s", line, column, reason);
    return bus_reject(parser->error, "JSON_SYNTAX", zh, en);
}

static enum bus_status fail_memory(struct parser *parser)
{
    return bus_fail(parser->error, BUS_FATAL, "cannot read JSON: out of memory");
}

static void skip_space(struct parser *parser)
{
    while (parser->at < parser->end &&
           (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\r' || *parser->at == '\t'))
        parser->at++;
}

static bool take(struct parser *parser, char expected)
{
    if (parser->at == parser->end || *parser->at != (uint8_t)expected)
        return false;
    parser->at++;
    return true;
}

static bool take_word(struct parser *parser, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
        return false;
    parser->at += length;
    return true;
}

static size_t take_digits(struct parser *parser)
{
    const uint8_t *first = parser->at;
    while (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9')
        parser->at++;
    return (size_t)(parser->at - first);
}

static enum bus_status parse_number(struct parser *parser, struct bus_json_value *out_value)
{
    const uint8_t *first = parser->at;
    take(parser, '-');
    if (!take(parser, '0') && take_digits(parser) == 0)
        return fail(parser, "a value is expected");
    if (take(parser, '.') && take_digits(parser) == 0)
        return fail(parser, "a digit is expected after the decimal point");
    if (take(parser, 'e') || take(parser, 'E')) {
        if (!take(parser, '+'))
            take(parser, '-');
        if (take_digits(parser) == 0)
            return fail(parser, "a digit is expected in the exponent");
    }
    struct bus_bytes text = bus_arena_copy(parser->arena, bus_bytes_of(first, (size_t)(parser->at - first)));
    if (text.data == NULL)
        return fail_memory(parser);
    *out_value = (struct bus_json_value){.type = BUS_JSON_NUMBER, .text = text};
    return BUS_OK;
}

/* Four hex digits; false when there are fewer. */
static bool take_hex(struct parser *parser, uint32_t *out_unit)
{
    char digits[5] = {0};
    uint8_t bytes[2];
    if (parser->end - parser->at < 4)
        return false;
    memcpy(digits, parser->at, 4);
    if (strlen(digits) != 4 || !bus_unhex(digits, bytes, 2))
        return false;
    parser->at += 4;
    *out_unit = (uint32_t)(bytes[0] << 8 | bytes[1]);
    return true;
}

/* Behind "\u": one code point, of two units when it is a surrogate pair. */
static enum bus_status parse_unicode(struct parser *parser)
{
    uint32_t unit, low;
    if (!take_hex(parser, &unit))
        return fail(parser, "four hex digits are expected after \\u");
    if (unit >= 0xd800 && unit < 0xdc00) {
        if (!take_word(parser, "\\u") || !take_hex(parser, &low) || low < 0xdc00 || low > 0xdfff)
            return fail(parser, "half a surrogate pair");
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    } else if (unit >= 0xdc00 && unit < 0xe000) {
        return fail(parser, "half a surrogate pair");
    }
    bus_utf8_append(&parser->content, unit);
    return BUS_OK;
}

static enum bus_status parse_escape(struct parser *parser)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (take(parser, 'u'))
        return parse_unicode(parser);
    const char *letter = parser->at < parser->end && *parser->at != 0 ? strchr(letters, *parser->at) : NULL;
    if (letter == NULL)
        return fail(parser, "an unknown escape");
    parser->at++;
    bus_buffer_u8(&parser->content, (uint8_t)meanings[letter - letters]);
    return BUS_OK;
}

/* The string's content in parser->content. */
static enum bus_status parse_content(struct parser *parser)
{
    bus_buffer_reset(&parser->content);
    for (;;) {
        const uint8_t *plain = parser->at;
        while (parser->at < parser->end && *parser->at >= 0x20 && *parser->at != '"' && *parser->at != '\\')
            parser->at++;
        bus_buffer_append(&parser->content, plain, (size_t)(parser->at - plain));
        if (take(parser, '"'))
            return parser->content.failed ? fail_memory(parser) : BUS_OK;
        if (!take(parser, '\\'))
            return fail(parser,
                        parser->at == parser->end ? "a string without an end" : "a control character in a string");
        enum bus_status status = parse_escape(parser);
        if (status != BUS_OK)
            return status;
    }
}

/* Copies the content into the arena with a zero byte behind it, so that it is a C string as well. */
static enum bus_status keep_content(struct parser *parser, struct bus_bytes *out_text)
{
    size_t length = parser->content.length;
    uint8_t *text = bus_arena_allocate(parser->arena, length + 1);
    if (text == NULL)
        return fail_memory(parser);
    if (length > 0)
        memcpy(text, parser->content.data, length);
    text[length] = 0;
    *out_text = bus_bytes_of(text, length);
    return BUS_OK;
}

static enum bus_status parse_string(struct parser *parser, struct bus_bytes *out_text)
{
    enum bus_status status = parse_content(parser);
    return status == BUS_OK ? keep_content(parser, out_text) : status;
}

static enum bus_status push(struct parser *parser, const struct bus_json_value *value)
{
    if (parser->stack_count == parser->stack_capacity) {
        size_t capacity = parser->stack_capacity == 0 ? 64 : 2 * parser->stack_capacity;
        struct bus_json_value *stack = realloc(parser->stack, capacity * sizeof *stack);
        if (stack == NULL)
            return fail_memory(parser);
        parser->stack = stack;
        parser->stack_capacity = capacity;
    }
    parser->stack[parser->stack_count++] = *value;
    return BUS_OK;
}

/* Moves the values above `base` off the stack and into `container`. */
static enum bus_status collect(struct parser *parser, size_t base, struct bus_json_value *container)
{
    size_t count = parser->stack_count - base;
    struct bus_json_value *children = bus_arena_allocate(parser->arena, count * sizeof *children);
    if (children == NULL)
        return fail_memory(parser);
    if (count > 0)
        memcpy(children, parser->stack + base, count * sizeof *children);
    parser->stack_count = base;
    container->children = children;
    container->count = count;
    return BUS_OK;
}

static enum bus_status parse_value(struct parser *parser, struct bus_json_value *out_value);

static enum bus_status parse_array(struct parser *parser, struct bus_json_value *out_value)
{
    size_t base = parser->stack_count;
    skip_space(parser);
    bool more = !take(parser, ']');
    while (more) {
        struct bus_json_value value;
        enum bus_status status = parse_value(parser, &value);
        if (status == BUS_OK)
            status = push(parser, &value);
        if (status != BUS_OK)
            return status;
        more = take(parser, ',');
        if (!more && !take(parser, ']'))
            return fail(parser, "',' or ']' is expected");
    }
    *out_value = (struct bus_json_value){.type = BUS_JSON_ARRAY};
    return collect(parser, base, out_value);
}

static enum bus_status parse_member(struct parser *parser)
{
    struct bus_bytes name = {NULL, 0};
    struct bus_json_value value;
    skip_space(parser);
    if (!take(parser, '"'))
        return fail(parser, "a member's name is expected");
    enum bus_status status = parse_string(parser, &name);
    if (status != BUS_OK)
        return status;
    if (memchr(name.data, 0, name.length) != NULL)
        return fail(parser, "U+0000 in a member's name");
    skip_space(parser);
    if (!take(parser, ':'))
        return fail(parser, "':' is expected");
    status = parse_value(parser, &value);
    if (status != BUS_OK)
        return status;
    value.name = (const char *)name.data;
    return push(parser, &value);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether two members have one name; sorted when there are many, so that a hostile object costs no quadratic time. */
static bool has_duplicate(struct parser *parser, const struct bus_json_value *object)
{
    if (object->count <= FEW_MEMBERS) {
        for (size_t i = 1; i < object->count; i++) {
            for (size_t j = 0; j < i; j++) {
                if (strcmp(object->children[i].name, object->children[j].name) == 0)
                    return true;
            }
        }
        return false;
    }
    const char **names = bus_arena_allocate(parser->arena, object->count * sizeof *names);
    if (names == NULL)
        return true;
    for (size_t i = 0; i < object->count; i++)
        names[i] = object->children[i].name;
    qsort(names, object->count, sizeof *names, compare_names);
    for (size_t i = 1; i < object->count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            return true;
    }
    return false;
}

static enum bus_status parse_object(struct parser *parser, struct bus_json_value *out_value)
{
    size_t base = parser->stack_count;
    skip_space(parser);
    bool more = !take(parser, '}');
    while (more) {
        enum bus_status status = parse_member(parser);
        if (status != BUS_OK)
            return status;
        more = take(parser, ',');
        if (!more && !take(parser, '}'))
            return fail(parser, "',' or '}' is expected");
    }
    *out_value = (struct bus_json_value){.type = BUS_JSON_OBJECT};
    enum bus_status status = collect(parser, base, out_value);
    if (status == BUS_OK && has_duplicate(parser, out_value))
        return fail(parser, "an object names a member twice");
    return status;
}

static enum bus_status parse_container(struct parser *parser, struct bus_json_value *out_value)
{
    if (parser->depth == MAX_DEPTH)
        return fail(parser, "nested deeper than 64");
    parser->depth++;
    enum bus_status status = *parser->at++ == '{' ? parse_object(parser, out_value) : parse_array(parser, out_value);
    parser->depth--;
    return status;
}

static enum bus_status parse_value(struct parser *parser, struct bus_json_value *out_value)
{
    enum bus_status status = BUS_OK;
    skip_space(parser);
    *out_value = (struct bus_json_value){.type = BUS_JSON_NULL};
    if (parser->at < parser->end && (*parser->at == '{' || *parser->at == '[')) {
        status = parse_container(parser, out_value);
    } else if (take(parser, '"')) {
        out_value->type = BUS_JSON_STRING;
        status = parse_string(parser, &out_value->text);
    } else if (take_word(parser, "true")) {
        *out_value = (struct bus_json_value){.type = BUS_JSON_BOOLEAN, .boolean = true};
    } else if (take_word(parser, "false")) {
        out_value->type = BUS_JSON_BOOLEAN;
    } else if (!take_word(parser, "null")) {
        status = parse_number(parser, out_value);
    }
    skip_space(parser);
    return status;
}

static enum bus_status parse_text(struct parser *parser, struct bus_bytes text, struct bus_json_value *out_root)
{
    /* Good UTF-8 once for all, so that every string in it is; a zero byte is no JSON in any place. */
    if (!bus_utf8_valid(text))
        return fail(parser, "the text is not UTF-8");
    enum bus_status status = parse_value(parser, out_root);
    if (status == BUS_OK && parser->at != parser->end)
        return fail(parser, "something follows the value");
    return status;
}

enum bus_status bus_json_parse(struct bus_bytes text, struct bus_json_document **out_document, struct bus_error *error)
{
    enum bus_status status;
    struct bus_cursor cursor = bus_cursor_of(text);
    struct parser parser = {.start = cursor.at, .at = cursor.at, .end = cursor.end, .error = error};
    bus_buffer_init(&parser.content, text.length + 4);
    struct bus_json_document *document = calloc(1, sizeof *document);
    if (document != NULL)
        document->arena = bus_arena_create(ARENA_BASE + text.length * ARENA_PER_BYTE);
    if (document == NULL || document->arena == NULL) {
        status = fail_memory(&parser);
        goto out;
    }
    parser.arena = document->arena;
    status = parse_text(&parser, text, &document->root);
    if (status != BUS_OK)
        goto out;
    *out_document = document;
    document = NULL;
out:
    bus_json_destroy(document);
    bus_buffer_release(&parser.content);
    free(parser.stack);
    return status;
}

void bus_json_destroy(struct bus_json_document *document)
{
    if (document == NULL)
        return;
    bus_arena_destroy(document->arena);
    free(document);
}

const struct bus_json_value *bus_json_root(const struct bus_json_document *document)
{
    return &document->root;
}

enum bus_json_type bus_json_type(const struct bus_json_value *value)
{
    return value->type;
}

const struct bus_json_value *bus_json_member(const struct bus_json_value *value, const char *name)
{
    if (value->type != BUS_JSON_OBJECT)
        return NULL;
    for (size_t i = 0; i < value->count; i++) {
        if (strcmp(value->children[i].name, name) == 0)
            return &value->children[i];
    }
    return NULL;
}

size_t bus_json_count(const struct bus_json_value *value)
{
    return value->count;
}

const struct bus_json_value *bus_json_at(const struct bus_json_value *value, size_t index)
{
    return &value->children[index];
}

const char *bus_json_member_name(const struct bus_json_value *value, size_t index)
{
    return value->children[index].name;
}

const struct bus_json_value *bus_json_member_at(const struct bus_json_value *value, size_t index)
{
    return &value->children[index];
}

struct bus_bytes bus_json_as_text(const struct bus_json_value *value)
{
    return value->type == BUS_JSON_STRING ? value->text : bus_bytes_of("", 0);
}

struct bus_bytes bus_json_number_text(const struct bus_json_value *value)
{
    return value->type == BUS_JSON_NUMBER ? value->text : bus_bytes_of("", 0);
}

int64_t bus_json_as_integer(const struct bus_json_value *value)
{
    char digits[24], *end;
    if (value->type != BUS_JSON_NUMBER || value->text.length >= sizeof digits)
        return 0;
    memcpy(digits, value->text.data, value->text.length);
    digits[value->text.length] = '\0';
    errno = 0;
    long long integer = strtoll(digits, &end, 10);
    return *end == '\0' && errno == 0 ? integer : 0;
}

bool bus_json_as_boolean(const struct bus_json_value *value)
{
    return value->boolean;
}
