#include "bus/event.h"

#include <stdio.h>
#include <xxhash.h>

#include "bus/digest.h"

/* What each envelope field is, in order (schemas/envelope.avsc). */
static const struct {
    const char *name;
    enum bus_type type;
    bool nullable;
} envelope[BUS_ENVELOPE_FIELDS] = {
    {"event_id", BUS_TYPE_FIXED, false},     {"record_key", BUS_TYPE_STRING, false},
    {"version", BUS_TYPE_LONG, false},       {"sequence", BUS_TYPE_LONG, false},
    {"operation", BUS_TYPE_ENUM, false},     {"subject_kind", BUS_TYPE_ENUM, false},
    {"subject_id", BUS_TYPE_STRING, false},  {"subject_name", BUS_TYPE_STRING, false},
    {"occurred_at", BUS_TYPE_LONG, false},   {"source_committed_at", BUS_TYPE_LONG, false},
    {"published_at", BUS_TYPE_LONG, false},  {"conduct_end_date", BUS_TYPE_INT, true},
    {"publicity_until", BUS_TYPE_INT, true}, {"rule_version", BUS_TYPE_STRING, false},
    {"area_code", BUS_TYPE_STRING, false},
};

static bool symbols_are(const struct bus_schema_type *type, const char *first, const char *second)
{
    return type->symbol_count == 2 && strcmp(type->symbols[0], first) == 0 && strcmp(type->symbols[1], second) == 0;
}

static bool field_fits(const struct bus_field *field, size_t index)
{
    if (strcmp(field->name, envelope[index].name) != 0 || field->value->type != envelope[index].type ||
        field->nullable != envelope[index].nullable)
        return false;
    switch (index) {
    case BUS_ENVELOPE_EVENT_ID: return field->value->fixed_size == BUS_IDENTITY_SIZE;
    case BUS_ENVELOPE_OPERATION: return symbols_are(field->value, "PUT", "WITHDRAW");
    case BUS_ENVELOPE_SUBJECT_KIND: return symbols_are(field->value, "ORGANISATION", "PERSON");
    default: return true;
    }
}

enum bus_status bus_event_check_schema(const struct bus_schema *schema, struct bus_error *error)
{
    for (size_t i = 0; i < BUS_ENVELOPE_FIELDS; i++) {
        if (i < bus_schema_field_count(schema) && field_fits(bus_schema_field(schema, i), i))
            continue;
        char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
        snprintf(zh, sizeof zh, "数据格式须以信封字段开头：第%zu个字段应为%s（schemas/envelope.avsc）", i + 1,
                 envelope[i].name);
        snprintf(en, sizeof en, "%s: field %zu must be the envelope's \"%s\" (schemas/envelope.avsc)",
                 bus_schema_full_name_view(schema), i + 1, envelope[i].name);
        return bus_reject(error, "ENVELOPE", zh, en);
    }
    return BUS_OK;
}

void bus_event_read(const struct bus_schema *schema, struct bus_bytes datum, const struct bus_span *spans,
                    struct bus_event *out_event)
{
    struct bus_value values[BUS_ENVELOPE_FIELDS];
    for (size_t i = 0; i < BUS_ENVELOPE_FIELDS; i++)
        values[i] = bus_datum_value(bus_schema_field(schema, i), datum, spans[i]);
    *out_event = (struct bus_event){
        .record_key = values[BUS_ENVELOPE_RECORD_KEY].bytes,
        .version = values[BUS_ENVELOPE_VERSION].integer,
        .sequence = values[BUS_ENVELOPE_SEQUENCE].integer,
        .operation = (enum bus_operation)values[BUS_ENVELOPE_OPERATION].integer,
        .subject_kind = (enum bus_subject_kind)values[BUS_ENVELOPE_SUBJECT_KIND].integer,
        .subject_id = values[BUS_ENVELOPE_SUBJECT_ID].bytes,
        .subject_name = values[BUS_ENVELOPE_SUBJECT_NAME].bytes,
        .occurred_at_ms = values[BUS_ENVELOPE_OCCURRED_AT].integer,
        .source_committed_at_ms = values[BUS_ENVELOPE_SOURCE_COMMITTED_AT].integer,
        .published_at_ms = values[BUS_ENVELOPE_PUBLISHED_AT].integer,
        .has_conduct_end_date = values[BUS_ENVELOPE_CONDUCT_END_DATE].type != BUS_TYPE_NULL,
        .conduct_end_date = (int32_t)values[BUS_ENVELOPE_CONDUCT_END_DATE].integer,
        .has_publicity_until = values[BUS_ENVELOPE_PUBLICITY_UNTIL].type != BUS_TYPE_NULL,
        .publicity_until = (int32_t)values[BUS_ENVELOPE_PUBLICITY_UNTIL].integer,
        .rule_version = values[BUS_ENVELOPE_RULE_VERSION].bytes,
        .area_code = values[BUS_ENVELOPE_AREA_CODE].bytes,
    };
    memcpy(out_event->event_id, values[BUS_ENVELOPE_EVENT_ID].bytes.data, BUS_IDENTITY_SIZE);
}

/* First 16 bytes of SM3 over the parts with 0x00 between them. */
static void identify(struct bus_bytes item, struct bus_bytes record_key, struct bus_bytes version,
                     uint8_t out_identity[BUS_IDENTITY_SIZE])
{
    uint8_t digest[BUS_DIGEST_SIZE];
    const struct bus_bytes separator = bus_bytes_of("", 1);
    const struct bus_bytes parts[] = {item, separator, record_key, separator, version};
    bus_digest_parts(BUS_HASH_SM3, parts, version.length == 0 ? 3 : 5, digest);
    memcpy(out_identity, digest, BUS_IDENTITY_SIZE);
}

void bus_event_identity(struct bus_bytes item, struct bus_bytes record_key, uint8_t out_identity[BUS_IDENTITY_SIZE])
{
    identify(item, record_key, bus_bytes_of(NULL, 0), out_identity);
}

void bus_event_make_id(struct bus_bytes item, struct bus_bytes record_key, int64_t version,
                       uint8_t out_event_id[BUS_IDENTITY_SIZE])
{
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long)version);
    identify(item, record_key, bus_bytes_of(text, (size_t)length), out_event_id);
}

uint64_t bus_event_digest(struct bus_bytes datum, const struct bus_span *spans)
{
    size_t what = spans[BUS_ENVELOPE_OPERATION].offset, clocks = spans[BUS_ENVELOPE_SOURCE_COMMITTED_AT].offset,
           rest = spans[BUS_ENVELOPE_CONDUCT_END_DATE].offset;
    uint64_t seed = XXH3_64bits(datum.data + what, clocks - what);
    return XXH3_64bits_withSeed(datum.data + rest, datum.length - rest, seed);
}
