#include <stdio.h>
#include <stdlib.h>

#include "bus/utf8.h"
#include "cli/rights.h"

enum { MAX_FIELDS = 256, CASE_NUMBER_MAX = 256, BEIJING_MS = 8 * 3600 * 1000 };

#define DEPARTMENT "rights"
#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* --- names --- */

bool cli_rights_case_key(const char *case_number, char out_key[BUS_RECORD_KEY_MAX + 1])
{
    size_t length = strlen(case_number);
    snprintf(out_key, BUS_RECORD_KEY_MAX + 1, DEPARTMENT "|%.*s", CASE_NUMBER_MAX, case_number);
    return length > 0 && length <= CASE_NUMBER_MAX;
}

void cli_rights_case_identity(enum bus_rights_kind kind, const char *case_number,
                              uint8_t out_identity[BUS_IDENTITY_SIZE])
{
    char key[BUS_RECORD_KEY_MAX + 1];
    cli_rights_case_key(case_number, key);
    bus_event_identity(bus_bytes_text(bus_rights_kind_name(kind)), bus_bytes_text(key), out_identity);
}

const struct bus_item *cli_rights_item(const struct bus_catalogue *catalogue, enum bus_rights_kind kind)
{
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++)
        if (bus_catalogue_item(catalogue, i)->rights == kind)
            return bus_catalogue_item(catalogue, i);
    return NULL;
}

/* --- reading --- */

static enum bus_status walk(const struct bus_item *item, struct bus_bytes datum,
                            const struct bus_item_version **out_version, struct bus_span spans[MAX_FIELDS],
                            struct bus_error *error)
{
    uint64_t fingerprint;
    enum bus_status status = bus_frame_fingerprint(datum, &fingerprint, error);
    if (status != BUS_OK)
        return status;
    *out_version = bus_item_version_by_fingerprint(item, fingerprint);
    if (*out_version == NULL || bus_schema_field_count((*out_version)->schema) > MAX_FIELDS)
        return bus_reject(error, "SCHEMA_UNKNOWN", "本机目录没有该记录所用的模式，请更新目录",
                          "this catalogue lacks the schema of the record; use the exchange's current one");
    return bus_datum_walk((*out_version)->schema, datum, spans, error);
}

enum bus_status cli_rights_read_event(const struct bus_item *item, struct bus_bytes datum, struct bus_event *out_event,
                                      struct bus_error *error)
{
    struct bus_span spans[MAX_FIELDS];
    const struct bus_item_version *version;
    enum bus_status status = walk(item, datum, &version, spans, error);
    if (status == BUS_OK)
        bus_event_read(version->schema, datum, spans, out_event);
    return status;
}

/* Null when the schema lacks the field. */
static struct bus_value value_of(const struct bus_schema *schema, const char *name, struct bus_bytes datum,
                                 const struct bus_span *spans)
{
    int index = bus_schema_find(schema, name);
    if (index < 0)
        return (struct bus_value){.type = BUS_TYPE_NULL};
    return bus_datum_value(bus_schema_field(schema, (size_t)index), datum, spans[index]);
}

enum bus_status cli_rights_read_content(const struct bus_item *item, struct bus_bytes datum,
                                        struct cli_rights_content *out_content, struct bus_error *error)
{
    struct bus_span spans[MAX_FIELDS];
    const struct bus_item_version *version;
    struct cli_rights_content content = {0};
    enum bus_status status = walk(item, datum, &version, spans, error);
    if (status == BUS_OK)
        status = bus_rights_read(item, version, datum, spans, &content.rights, error);
    if (status != BUS_OK)
        return status;
    const struct bus_schema *schema = version->schema;
    struct bus_value answer_due = value_of(schema, "answer_due_on", datum, spans);
    struct bus_value until = value_of(schema, "until", datum, spans);
    bus_event_read(schema, datum, spans, &content.event);
    content.reason = value_of(schema, "reason", datum, spans).bytes;
    content.ground = value_of(schema, "ground", datum, spans).bytes;
    content.scope = value_of(schema, "scope", datum, spans).bytes;
    content.has_answer_due = answer_due.type != BUS_TYPE_NULL;
    content.answer_due = (int32_t)answer_due.integer;
    content.has_until = until.type != BUS_TYPE_NULL;
    content.until = (int32_t)until.integer;
    *out_content = content;
    return BUS_OK;
}

/* --- writing --- */

/* The values of one event, a value a field; what is not set stays null. */
struct draft {
    const struct bus_schema *schema;
    struct bus_value values[MAX_FIELDS];
};

static void set(struct draft *draft, const char *name, struct bus_value value)
{
    int index = bus_schema_find(draft->schema, name);
    if (index >= 0)
        draft->values[index] = value;
}

static void set_text(struct draft *draft, const char *name, struct bus_bytes text)
{
    set(draft, name, (struct bus_value){.type = BUS_TYPE_STRING, .bytes = text});
}

static void set_number(struct draft *draft, const char *name, enum bus_type type, int64_t number)
{
    set(draft, name, (struct bus_value){.type = type, .integer = number});
}

static void set_day(struct draft *draft, const char *name, bool is_set, int32_t day)
{
    if (is_set)
        set_number(draft, name, BUS_TYPE_INT, day);
}

/* It happened on the day of the decision; that day begins in Beijing. */
static void set_envelope(struct draft *draft, const struct cli_rights_content *content, const uint8_t *event_id)
{
    const struct bus_event *event = &content->event;
    set(draft, "event_id",
        (struct bus_value){.type = BUS_TYPE_FIXED, .bytes = bus_bytes_of(event_id, BUS_IDENTITY_SIZE)});
    set_text(draft, "record_key", event->record_key);
    set_number(draft, "version", BUS_TYPE_LONG, event->version);
    set_number(draft, "sequence", BUS_TYPE_LONG, 0);
    set_number(draft, "operation", BUS_TYPE_ENUM, BUS_OPERATION_PUT);
    set_number(draft, "subject_kind", BUS_TYPE_ENUM, event->subject_kind);
    set_text(draft, "subject_id", event->subject_id);
    set_text(draft, "subject_name", event->subject_name);
    set_number(draft, "occurred_at", BUS_TYPE_LONG, content->rights.decided_on * DAY_MS - BEIJING_MS);
    set_number(draft, "source_committed_at", BUS_TYPE_LONG, event->source_committed_at_ms);
    set_number(draft, "published_at", BUS_TYPE_LONG, event->published_at_ms);
    set_text(draft, "rule_version", event->rule_version);
    set_text(draft, "area_code", event->area_code);
}

static void set_case(struct draft *draft, const struct cli_rights_content *content)
{
    const struct bus_rights *rights = &content->rights;
    set_text(draft, "case_number", rights->case_number);
    set_text(draft, "step", bus_bytes_text(bus_rights_step_name(rights->step)));
    set_text(draft, "target_department", rights->target_department);
    set_text(draft, "target_item", rights->target_item);
    set_text(draft, "target_record_key", rights->target_record_key);
    set_text(draft, "authority", rights->authority);
    set_text(draft, "document_number", rights->document_number);
    set_day(draft, "decided_on", true, rights->decided_on);
    set_text(draft, "reason", content->reason);
    set_day(draft, "answer_due_on", content->has_answer_due, content->answer_due);
    set_text(draft, "ground", content->ground);
    set_text(draft, "scope", content->scope);
    set_day(draft, "until", content->has_until, content->until);
}

static enum bus_status check_length(const struct bus_field *field, const struct bus_value *value,
                                    struct bus_error *error)
{
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    if (value->type != BUS_TYPE_STRING || field->max_length == 0 || !bus_utf8_valid(value->bytes) ||
        bus_utf8_characters(value->bytes) <= field->max_length)
        return BUS_OK;
    snprintf(zh, sizeof zh, "字段%s最多%zu个字符", field->name, field->max_length);
    snprintf(en, sizeof en, "field %s has at most %zu characters", field->name, field->max_length);
    return bus_reject(error, "FIELD_TOO_LONG", zh, en);
}

enum bus_status cli_rights_encode(const struct bus_item *item, const struct cli_rights_content *content,
                                  struct bus_buffer *buffer, struct bus_error *error)
{
    uint8_t event_id[BUS_IDENTITY_SIZE];
    struct draft draft = {.schema = bus_item_current(item)->schema};
    size_t count = bus_schema_field_count(draft.schema);
    if (count > MAX_FIELDS)
        return bus_fail(error, BUS_FATAL, "schema of %s has more than %d fields", item->name, MAX_FIELDS);
    bus_event_make_id(bus_bytes_text(item->name), content->event.record_key, content->event.version, event_id);
    set_envelope(&draft, content, event_id);
    set_case(&draft, content);
    for (size_t i = 0; i < count; i++) {
        enum bus_status status = check_length(bus_schema_field(draft.schema, i), &draft.values[i], error);
        if (status != BUS_OK)
            return status;
    }
    return bus_datum_encode(buffer, draft.schema, draft.values, error);
}
