#include "bus/datum.h"

#include <stdio.h>

#include "bus/schema_private.h"
#include "bus/utf8.h"

/* Why a walk stops; WALK_OK goes on. */
enum walk {
    WALK_OK,
    WALK_TRUNCATED,
    WALK_TRAILING,
    WALK_ENUM_RANGE,
    WALK_UNION_RANGE,
    WALK_LENGTH,
    WALK_ITEMS,
    WALK_VARINT,
    WALK_UTF8,
};

static const struct {
    const char *code, *zh, *en;
} walk_reasons[] = {
    [WALK_OK] = {"", "", ""},
    [WALK_TRUNCATED] = {"DATUM_TRUNCATED", "数据在此字段处中断", "the datum ends within it"},
    [WALK_TRAILING] = {"DATUM_TRAILING", "最后一个字段之后仍有多余字节", "bytes follow the last field"},
    [WALK_ENUM_RANGE] = {"DATUM_ENUM_RANGE", "枚举序号超出范围", "an enum index out of range"},
    [WALK_UNION_RANGE] = {"DATUM_UNION_RANGE", "联合分支序号超出范围", "a union branch out of range"},
    [WALK_LENGTH] = {"DATUM_LENGTH", "长度为负或超出数据末尾", "a length that is negative or goes beyond the end"},
    [WALK_ITEMS] = {"DATUM_ITEMS", "数组或映射的元素过多", "too many array or map items"},
    [WALK_VARINT] = {"DATUM_VARINT", "整数编码错误或超出范围", "an integer badly encoded or out of range"},
    [WALK_UTF8] = {"DATUM_UTF8", "文本不是有效的UTF-8，或含有NUL字符", "a text that is not UTF-8 or holds U+0000"},
};

struct walker {
    const uint8_t *at, *end;
    size_t items; /* array and map items so far */
};

void bus_frame_append(struct bus_buffer *buffer, uint64_t fingerprint)
{
    uint8_t frame[BUS_FRAME_SIZE] = {0xc3, 0x01};
    bus_put_u64le(frame + 2, fingerprint);
    bus_buffer_append(buffer, frame, sizeof frame);
}

enum bus_status bus_frame_fingerprint(struct bus_bytes datum, uint64_t *out_fingerprint, struct bus_error *error)
{
    if (datum.length < BUS_FRAME_SIZE || datum.data[0] != 0xc3 || datum.data[1] != 0x01)
        return bus_reject(error, "DATUM_FRAME", "数据不是Avro单对象编码（缺少C3 01帧头）",
                          "not in Avro single-object encoding (no C3 01 frame)");
    if (datum.length > BUS_DATUM_MAX_SIZE)
        return bus_reject(error, "DATUM_TOO_LONG", "数据超过1 MiB", "the datum is longer than 1 MiB");
    *out_fingerprint = bus_get_u64le(datum.data + 2);
    return BUS_OK;
}

static enum walk take_varint_slow(struct walker *walker, int64_t *out_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (walker->at == walker->end)
            return WALK_TRUNCATED;
        uint8_t byte = *walker->at++;
        if (shift == 63 && byte > 1)
            return WALK_VARINT;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out_value = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
            return WALK_OK;
        }
    }
    return WALK_VARINT;
}

/* Most varints are one byte. */
static inline enum walk take_varint(struct walker *walker, int64_t *out_value)
{
    if (walker->at < walker->end && *walker->at < 0x80) {
        uint8_t byte = *walker->at++;
        *out_value = (byte >> 1) ^ -(byte & 1);
        return WALK_OK;
    }
    return take_varint_slow(walker, out_value);
}

static inline enum walk skip(struct walker *walker, size_t length)
{
    if (length > (size_t)(walker->end - walker->at))
        return WALK_TRUNCATED;
    walker->at += length;
    return WALK_OK;
}

/* A string or bytes. */
static inline enum walk walk_bytes(struct walker *walker, bool is_text)
{
    int64_t length;
    enum walk walk = take_varint(walker, &length);
    if (walk != WALK_OK)
        return walk;
    if (length < 0 || length > walker->end - walker->at)
        return WALK_LENGTH;
    if (is_text && !bus_utf8_valid(bus_bytes_of(walker->at, (size_t)length)))
        return WALK_UTF8;
    walker->at += length;
    return WALK_OK;
}

static inline enum walk walk_int(struct walker *walker)
{
    int64_t value;
    enum walk walk = take_varint(walker, &value);
    return walk == WALK_OK && (value < INT32_MIN || value > INT32_MAX) ? WALK_VARINT : walk;
}

static inline enum walk walk_index(struct walker *walker, size_t count, enum walk out_of_range, int64_t *out_index)
{
    enum walk walk = take_varint(walker, out_index);
    return walk == WALK_OK && (*out_index < 0 || (uint64_t)*out_index >= count) ? out_of_range : walk;
}

static enum walk walk_type(struct walker *walker, const struct bus_schema_type *type);

/* One element; a map's has its key in front. */
static enum walk walk_item(struct walker *walker, const struct bus_schema_type *type)
{
    if (++walker->items > BUS_DATUM_MAX_ITEMS)
        return WALK_ITEMS;
    enum walk walk = type->type == BUS_TYPE_MAP ? walk_bytes(walker, true) : WALK_OK;
    return walk == WALK_OK ? walk_type(walker, type->element) : walk;
}

/* Blocks of items until one of none; a negative count has the block's size in bytes behind it, which must be true. */
static enum walk walk_blocks(struct walker *walker, const struct bus_schema_type *type)
{
    for (;;) {
        int64_t count, size = -1;
        enum walk walk = take_varint(walker, &count);
        if (walk != WALK_OK || count == 0)
            return walk;
        if (count < 0) {
            walk = take_varint(walker, &size);
            if (walk != WALK_OK)
                return walk;
            if (size < 0 || size > walker->end - walker->at)
                return WALK_LENGTH;
            count = count == INT64_MIN ? INT64_MAX : -count;
        }
        if (count > BUS_DATUM_MAX_ITEMS)
            return WALK_ITEMS;
        const uint8_t *first = walker->at;
        for (int64_t i = 0; i < count; i++) {
            walk = walk_item(walker, type);
            if (walk != WALK_OK)
                return walk;
        }
        if (size >= 0 && walker->at - first != size)
            return WALK_LENGTH;
    }
}

/* Any value; recursion is as deep as the schema, which is bounded. */
static enum walk walk_type(struct walker *walker, const struct bus_schema_type *type)
{
    int64_t integer;
    enum walk walk;
    switch (type->type) {
    case BUS_TYPE_NULL: return WALK_OK;
    case BUS_TYPE_BOOLEAN: return walker->at<walker->end && * walker->at> 1 ? WALK_VARINT : skip(walker, 1);
    case BUS_TYPE_INT: return walk_int(walker);
    case BUS_TYPE_LONG: return take_varint(walker, &integer);
    case BUS_TYPE_FLOAT: return skip(walker, 4);
    case BUS_TYPE_DOUBLE: return skip(walker, 8);
    case BUS_TYPE_BYTES: return walk_bytes(walker, false);
    case BUS_TYPE_STRING: return walk_bytes(walker, true);
    case BUS_TYPE_FIXED: return skip(walker, type->fixed_size);
    case BUS_TYPE_ENUM: return walk_index(walker, type->symbol_count, WALK_ENUM_RANGE, &integer);
    case BUS_TYPE_ARRAY:
    case BUS_TYPE_MAP: return walk_blocks(walker, type);
    case BUS_TYPE_UNION:
        walk = walk_index(walker, type->branch_count, WALK_UNION_RANGE, &integer);
        return walk == WALK_OK ? walk_type(walker, &type->branches[integer]) : walk;
    case BUS_TYPE_RECORD:
        for (size_t i = 0; i < type->field_count; i++) {
            walk = walk_type(walker, &type->fields[i].type);
            if (walk != WALK_OK)
                return walk;
        }
        return WALK_OK;
    }
    return WALK_LENGTH;
}

/* One field by its step: the flat types that records are made of without recursion. */
static inline enum walk walk_step(struct walker *walker, const struct bus_schema_step *step)
{
    int64_t integer;
    if (step->null_branch >= 0) {
        enum walk walk = walk_index(walker, 2, WALK_UNION_RANGE, &integer);
        if (walk != WALK_OK || integer == step->null_branch)
            return walk;
    }
    switch (step->type) {
    case BUS_TYPE_STRING: return walk_bytes(walker, true);
    case BUS_TYPE_INT: return walk_int(walker);
    case BUS_TYPE_LONG: return take_varint(walker, &integer);
    case BUS_TYPE_BYTES: return walk_bytes(walker, false);
    case BUS_TYPE_FIXED: return skip(walker, step->argument);
    case BUS_TYPE_ENUM: return walk_index(walker, step->argument, WALK_ENUM_RANGE, &integer);
    default: return walk_type(walker, step->whole);
    }
}

static enum bus_status fail(const struct bus_schema_type *record, size_t field, enum walk walk, struct bus_error *error)
{
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    const char *name = record->fields[field].name;
    snprintf(zh, sizeof zh, "字段“%s”：%s", name, walk_reasons[walk].zh);
    snprintf(en, sizeof en, "field '%s': %s", name, walk_reasons[walk].en);
    return bus_reject(error, walk_reasons[walk].code, zh, en);
}

/* The record's fields from `walker` on, to its end exactly. */
static enum bus_status walk_fields(const struct bus_schema_type *record, struct walker *walker, const uint8_t *first,
                                   struct bus_span *out_spans, struct bus_error *error)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const uint8_t *start = walker->at;
        enum walk walk = walk_step(walker, &record->steps[i]);
        if (walk != WALK_OK)
            return fail(record, i, walk, error);
        out_spans[i] = (struct bus_span){(uint32_t)(start - first), (uint32_t)(walker->at - start)};
    }
    return walker->at == walker->end ? BUS_OK : fail(record, record->field_count - 1, WALK_TRAILING, error);
}

enum bus_status bus_datum_walk(const struct bus_schema *schema, struct bus_bytes datum, struct bus_span *out_spans,
                               struct bus_error *error)
{
    uint64_t fingerprint;
    enum bus_status status = bus_frame_fingerprint(datum, &fingerprint, error);
    if (status != BUS_OK)
        return status;
    struct walker walker = {.at = datum.data + BUS_FRAME_SIZE, .end = datum.data + datum.length};
    return walk_fields(&schema->root, &walker, datum.data, out_spans, error);
}

enum bus_status bus_datum_walk_record(const struct bus_schema_type *record, struct bus_bytes datum,
                                      struct bus_span span, struct bus_span *out_spans, struct bus_error *error)
{
    struct walker walker = {.at = datum.data + span.offset, .end = datum.data + span.offset + span.length};
    return walk_fields(record, &walker, datum.data, out_spans, error);
}

/* Reads a flat value from bytes that a walk has proved; nested ones stay encoded. */
static struct bus_value read_value(const struct bus_schema_type *type, struct bus_cursor cursor)
{
    struct bus_value value = {.type = type->type};
    float single;
    switch (type->type) {
    case BUS_TYPE_BOOLEAN: value.integer = bus_cursor_u8(&cursor); break;
    case BUS_TYPE_INT:
    case BUS_TYPE_LONG:
    case BUS_TYPE_ENUM: value.integer = bus_cursor_varint(&cursor); break;
    case BUS_TYPE_FLOAT:
        value.bytes = bus_cursor_take(&cursor, sizeof single);
        memcpy(&single, value.bytes.data, sizeof single);
        value.real = (double)single;
        break;
    case BUS_TYPE_DOUBLE:
        value.bytes = bus_cursor_take(&cursor, sizeof value.real);
        memcpy(&value.real, value.bytes.data, sizeof value.real);
        break;
    case BUS_TYPE_BYTES:
    case BUS_TYPE_STRING: value.bytes = bus_datum_take_bytes(&cursor, SIZE_MAX); break;
    case BUS_TYPE_UNION: value.integer = bus_cursor_varint(&cursor); /* fall through */
    default: value.bytes = bus_cursor_take(&cursor, bus_cursor_left(&cursor)); break;
    }
    return value;
}

struct bus_value bus_datum_value(const struct bus_field *field, struct bus_bytes datum, struct bus_span span)
{
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(datum.data + span.offset, span.length));
    if (field->nullable) {
        int64_t branch = bus_cursor_varint(&cursor);
        if (field->type.branches[branch == 0 ? 0 : 1].type == BUS_TYPE_NULL)
            return (struct bus_value){.type = BUS_TYPE_NULL};
    }
    return read_value(field->value, cursor);
}

static enum bus_status reject_value(const struct bus_field *field, struct bus_error *error, const char *code,
                                    const char *zh, const char *en)
{
    char whole_zh[BUS_ERROR_TEXT_SIZE], whole_en[BUS_ERROR_TEXT_SIZE];
    snprintf(whole_zh, sizeof whole_zh, "字段“%s”：%s", field->name, zh);
    snprintf(whole_en, sizeof whole_en, "field '%s': %s", field->name, en);
    return bus_reject(error, code, whole_zh, whole_en);
}

/* Whether already encoded bytes are a value of the type, no more and no less. */
static bool is_encoded(const struct bus_schema_type *type, struct bus_bytes bytes)
{
    struct bus_cursor cursor = bus_cursor_of(bytes);
    struct walker walker = {.at = cursor.at, .end = cursor.end};
    return walk_type(&walker, type) == WALK_OK && walker.at == walker.end;
}

static bool fits(const struct bus_schema_type *type, const struct bus_value *value)
{
    if (value->type != type->type)
        return false;
    switch (type->type) {
    case BUS_TYPE_BOOLEAN: return value->integer == 0 || value->integer == 1;
    case BUS_TYPE_INT: return value->integer >= INT32_MIN && value->integer <= INT32_MAX;
    case BUS_TYPE_STRING: return bus_utf8_valid(value->bytes);
    case BUS_TYPE_FIXED: return value->bytes.length == type->fixed_size;
    case BUS_TYPE_ARRAY:
    case BUS_TYPE_MAP:
    case BUS_TYPE_RECORD: return is_encoded(type, value->bytes);
    case BUS_TYPE_UNION:
        return value->integer >= 0 && (uint64_t)value->integer < type->branch_count &&
               is_encoded(&type->branches[value->integer], value->bytes);
    default: return true;
    }
}

static void append_value(struct bus_buffer *buffer, const struct bus_value *value)
{
    float single = (float)value->real;
    switch (value->type) {
    case BUS_TYPE_NULL: break;
    case BUS_TYPE_BOOLEAN: bus_buffer_u8(buffer, (uint8_t)value->integer); break;
    case BUS_TYPE_INT:
    case BUS_TYPE_LONG:
    case BUS_TYPE_ENUM: bus_buffer_varint(buffer, value->integer); break;
    case BUS_TYPE_FLOAT: bus_buffer_append(buffer, &single, sizeof single); break;
    case BUS_TYPE_DOUBLE: bus_buffer_append(buffer, &value->real, sizeof value->real); break;
    case BUS_TYPE_BYTES:
    case BUS_TYPE_STRING: bus_datum_append_bytes(buffer, value->bytes); break;
    case BUS_TYPE_UNION: bus_buffer_varint(buffer, value->integer); /* fall through */
    default: bus_buffer_append_bytes(buffer, value->bytes); break;
    }
}

enum bus_status bus_datum_append(struct bus_buffer *buffer, const struct bus_field *field,
                                 const struct bus_value *value, struct bus_error *error)
{
    bool is_null = value->type == BUS_TYPE_NULL;
    if (is_null && !field->nullable && field->value->type != BUS_TYPE_NULL)
        return reject_value(field, error, "DATUM_NULL", "不允许为空", "it must not be null");
    if (!is_null && field->value->type == BUS_TYPE_ENUM && value->type == BUS_TYPE_ENUM &&
        (value->integer < 0 || (uint64_t)value->integer >= field->value->symbol_count))
        return reject_value(field, error, "DATUM_ENUM_RANGE", walk_reasons[WALK_ENUM_RANGE].zh,
                            walk_reasons[WALK_ENUM_RANGE].en);
    if (!is_null && !fits(field->value, value))
        return reject_value(field, error, "DATUM_TYPE", "值与字段类型不符", "the value does not fit the field's type");
    if (field->nullable) {
        bool null_first = field->type.branches[0].type == BUS_TYPE_NULL;
        bus_buffer_u8(buffer, is_null == null_first ? 0 : 2);
    }
    append_value(buffer, value);
    return BUS_OK;
}

enum bus_status bus_datum_encode(struct bus_buffer *buffer, const struct bus_schema *schema,
                                 const struct bus_value *values, struct bus_error *error)
{
    bus_frame_append(buffer, schema->fingerprint);
    for (size_t i = 0; i < schema->root.field_count; i++) {
        enum bus_status status = bus_datum_append(buffer, &schema->root.fields[i], &values[i], error);
        if (status != BUS_OK)
            return status;
    }
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode a datum of schema %s: more than %zu bytes", schema->root.name,
                        buffer->limit);
    return BUS_OK;
}

void bus_datum_append_bytes(struct bus_buffer *buffer, struct bus_bytes bytes)
{
    bus_buffer_varint(buffer, (int64_t)bytes.length);
    bus_buffer_append_bytes(buffer, bytes);
}

struct bus_bytes bus_datum_take_bytes(struct bus_cursor *cursor, size_t limit)
{
    int64_t length = bus_cursor_varint(cursor);
    if (length < 0 || (uint64_t)length > limit) {
        cursor->failed = true;
        length = 0;
    }
    return bus_cursor_take(cursor, (size_t)length);
}

size_t bus_datum_take_block(struct bus_cursor *cursor, size_t limit)
{
    int64_t count = bus_cursor_varint(cursor);
    if (count < 0) {
        int64_t size = bus_cursor_varint(cursor);
        if (size < 0 || (uint64_t)size > bus_cursor_left(cursor) || count == INT64_MIN)
            cursor->failed = true;
        count = count == INT64_MIN ? 0 : -count;
    }
    if (cursor->failed || (uint64_t)count > limit) {
        cursor->failed = true;
        return 0;
    }
    return (size_t)count;
}
