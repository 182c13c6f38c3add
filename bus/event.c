#include "bus/event.h"

#include <inttypes.h>
#include <stdio.h>

#define XXH_STATIC_LINKING_ONLY /* the streaming state on the stack */
#include <xxhash.h>

#include "bus/digest.h"

enum { SHORT_DATUM = 8192 };

static const struct {
    const char *name;
    enum bus_type type;
    enum bus_logical logical;
    bool nullable;
} envelope[BUS_ENVELOPE_FIELDS] = {
    [BUS_ENVELOPE_EVENT_ID] = {"event_id", BUS_TYPE_FIXED, BUS_LOGICAL_NONE, false},
    [BUS_ENVELOPE_RECORD_KEY] = {"record_key", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    [BUS_ENVELOPE_VERSION] = {"version", BUS_TYPE_LONG, BUS_LOGICAL_NONE, false},
    [BUS_ENVELOPE_SEQUENCE] = {"sequence", BUS_TYPE_LONG, BUS_LOGICAL_NONE, false},
    [BUS_ENVELOPE_OPERATION] = {"operation", BUS_TYPE_ENUM, BUS_LOGICAL_NONE, false},
    [BUS_ENVELOPE_SUBJECT_KIND] = {"subject_kind", BUS_TYPE_ENUM, BUS_LOGICAL_NONE, false},
    [BUS_ENVELOPE_SUBJECT_ID] = {"subject_id", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    [BUS_ENVELOPE_SUBJECT_NAME] = {"subject_name", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    [BUS_ENVELOPE_OCCURRED_AT] = {"occurred_at", BUS_TYPE_LONG, BUS_LOGICAL_TIMESTAMP_MILLIS, false},
    [BUS_ENVELOPE_SOURCE_COMMITTED_AT] = {"source_committed_at", BUS_TYPE_LONG, BUS_LOGICAL_TIMESTAMP_MILLIS, false},
    [BUS_ENVELOPE_PUBLISHED_AT] = {"published_at", BUS_TYPE_LONG, BUS_LOGICAL_TIMESTAMP_MILLIS, false},
    [BUS_ENVELOPE_CONDUCT_END_DATE] = {"conduct_end_date", BUS_TYPE_INT, BUS_LOGICAL_DATE, true},
    [BUS_ENVELOPE_PUBLICITY_UNTIL] = {"publicity_until", BUS_TYPE_INT, BUS_LOGICAL_DATE, true},
    [BUS_ENVELOPE_RULE_VERSION] = {"rule_version", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    [BUS_ENVELOPE_AREA_CODE] = {"area_code", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
};

static bool has_symbols(const struct bus_schema_type *type, const char *first, const char *second)
{
    return type->symbol_count == 2 && strcmp(type->symbols[0], first) == 0 && strcmp(type->symbols[1], second) == 0;
}

static bool matches(const struct bus_field *field, size_t index)
{
    const struct bus_schema_type *value = field->value;
    if (strcmp(field->name, envelope[index].name) != 0 || value->type != envelope[index].type ||
        value->logical != envelope[index].logical || field->nullable != envelope[index].nullable)
        return false;
    switch (index) {
    case BUS_ENVELOPE_EVENT_ID: return value->fixed_size == BUS_IDENTITY_SIZE;
    case BUS_ENVELOPE_OPERATION: return has_symbols(value, "PUT", "WITHDRAW");
    case BUS_ENVELOPE_SUBJECT_KIND: return has_symbols(value, "ORGANISATION", "PERSON");
    default: return true;
    }
}

enum bus_status bus_event_check_schema(const struct bus_schema *schema, struct bus_error *error)
{
    for (size_t i = 0; i < BUS_ENVELOPE_FIELDS; i++) {
        if (i < bus_schema_field_count(schema) && matches(bus_schema_field(schema, i), i))
            continue;
        char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
        snprintf(zh, sizeof zh, "模式%s的第%zu个字段应为信封字段“%s”", bus_schema_full_name_view(schema), i + 1,
                 envelope[i].name);
        snprintf(en, sizeof en, "field %zu of schema %s must be the envelope's '%s', as in schemas/envelope.avsc",
                 i + 1, bus_schema_full_name_view(schema), envelope[i].name);
        return bus_reject(error, "ENVELOPE", zh, en);
    }
    return BUS_OK;
}

static int64_t integer_in(struct bus_bytes datum, struct bus_span span)
{
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(datum.data + span.offset, span.length));
    return bus_cursor_varint(&cursor);
}

static struct bus_bytes text_in(struct bus_bytes datum, struct bus_span span)
{
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(datum.data + span.offset, span.length));
    return bus_datum_take_bytes(&cursor, SIZE_MAX);
}

/* A nullable date; false when it is null. */
static bool date_in(const struct bus_schema *schema, struct bus_bytes datum, const struct bus_span *spans,
                    enum bus_envelope index, int32_t *out_days)
{
    struct bus_value value = bus_datum_value(bus_schema_field(schema, index), datum, spans[index]);
    *out_days = (int32_t)value.integer;
    return value.type != BUS_TYPE_NULL;
}

void bus_event_read(const struct bus_schema *schema, struct bus_bytes datum, const struct bus_span *spans,
                    struct bus_event *out_event)
{
    struct bus_event *event = out_event;
    memcpy(event->event_id, datum.data + spans[BUS_ENVELOPE_EVENT_ID].offset, BUS_IDENTITY_SIZE);
    event->record_key = text_in(datum, spans[BUS_ENVELOPE_RECORD_KEY]);
    event->version = integer_in(datum, spans[BUS_ENVELOPE_VERSION]);
    event->sequence = integer_in(datum, spans[BUS_ENVELOPE_SEQUENCE]);
    event->operation = (enum bus_operation)integer_in(datum, spans[BUS_ENVELOPE_OPERATION]);
    event->subject_kind = (enum bus_subject_kind)integer_in(datum, spans[BUS_ENVELOPE_SUBJECT_KIND]);
    event->subject_id = text_in(datum, spans[BUS_ENVELOPE_SUBJECT_ID]);
    event->subject_name = text_in(datum, spans[BUS_ENVELOPE_SUBJECT_NAME]);
    event->occurred_at_ms = integer_in(datum, spans[BUS_ENVELOPE_OCCURRED_AT]);
    event->source_committed_at_ms = integer_in(datum, spans[BUS_ENVELOPE_SOURCE_COMMITTED_AT]);
    event->published_at_ms = integer_in(datum, spans[BUS_ENVELOPE_PUBLISHED_AT]);
    event->has_conduct_end_date =
        date_in(schema, datum, spans, BUS_ENVELOPE_CONDUCT_END_DATE, &event->conduct_end_date);
    event->has_publicity_until = date_in(schema, datum, spans, BUS_ENVELOPE_PUBLICITY_UNTIL, &event->publicity_until);
    event->rule_version = text_in(datum, spans[BUS_ENVELOPE_RULE_VERSION]);
    event->area_code = text_in(datum, spans[BUS_ENVELOPE_AREA_CODE]);
}

/* First 16 bytes of SM3 over the parts with a zero byte between them. */
static void identify(const struct bus_bytes *names, size_t count, uint8_t out_identity[BUS_IDENTITY_SIZE])
{
    struct bus_bytes parts[5];
    uint8_t digest[BUS_DIGEST_SIZE];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            parts[used++] = bus_bytes_of("", 1);
        parts[used++] = names[i];
    }
    bus_digest_parts(BUS_HASH_SM3, parts, used, digest);
    memcpy(out_identity, digest, BUS_IDENTITY_SIZE);
}

void bus_event_identity(struct bus_bytes item, struct bus_bytes record_key, uint8_t out_identity[BUS_IDENTITY_SIZE])
{
    identify((struct bus_bytes[]){item, record_key}, 2, out_identity);
}

void bus_event_make_id(struct bus_bytes item, struct bus_bytes record_key, int64_t version,
                       uint8_t out_event_id[BUS_IDENTITY_SIZE])
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, version);
    identify((struct bus_bytes[]){item, record_key, bus_bytes_text(text)}, 3, out_event_id);
}

static uint64_t digest_long(struct bus_bytes before, struct bus_bytes after)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, before.data, before.length);
    XXH3_64bits_update(&state, after.data, after.length);
    return XXH3_64bits_digest(&state);
}

uint64_t bus_event_digest(struct bus_bytes datum, const struct bus_span *spans)
{
    size_t start = spans[BUS_ENVELOPE_OPERATION].offset, gap = spans[BUS_ENVELOPE_SOURCE_COMMITTED_AT].offset;
    size_t resume = spans[BUS_ENVELOPE_CONDUCT_END_DATE].offset;
    struct bus_bytes before = bus_bytes_of(datum.data + start, gap - start);
    struct bus_bytes after = bus_bytes_of(datum.data + resume, datum.length - resume);
    if (before.length + after.length > SHORT_DATUM)
        return digest_long(before, after);
    /* Most events are short: two copies and one call cost less than the streaming state. */
    uint8_t whole[SHORT_DATUM];
    memcpy(whole, before.data, before.length);
    memcpy(whole + before.length, after.data, after.length);
    return XXH3_64bits(whole, before.length + after.length);
}

void bus_event_content_digest(struct bus_bytes content, uint8_t out_digest[BUS_CONTENT_SIZE])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(content.data, content.length));
    memcpy(out_digest, canonical.digest, BUS_CONTENT_SIZE);
}
