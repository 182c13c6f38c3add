#include "cli/subject_content.h"

#include <stdio.h>

#include "bus/transform.h"

enum { NAME_SIZE = 128 };

/* Of the envelope the subject sees what it says of the conduct, not what carries the event. */
static bool is_transport(size_t index)
{
    return index < BUS_ENVELOPE_SUBJECT_ID || index == BUS_ENVELOPE_SOURCE_COMMITTED_AT ||
           index == BUS_ENVELOPE_PUBLISHED_AT;
}

/* The first code of a text that holds one of a list. */
static const char *meaning_of(const struct cli_subject_report *report, const struct bus_field *field,
                              struct bus_bytes value)
{
    const struct bus_code_list *list =
        field->code_list[0] != '\0' ? bus_catalogue_code_list(report->catalogue, field->code_list) : NULL;
    for (size_t i = 0; list != NULL && i < list->count; i++)
        if (bus_bytes_equal_text(value, list->codes[i].value))
            return list->codes[i].name_zh;
    return NULL;
}

static bool names_somebody(const char *check)
{
    return strcmp(check, "uscc") == 0 || strcmp(check, "organisation_code") == 0 ||
           strcmp(check, "citizen_number") == 0;
}

/* Other numbers and free text may hold it as well. */
static bool holds(struct bus_bytes value, const char *identifier)
{
    return value.length > 0 && memmem(value.data, value.length, identifier, strlen(identifier)) != NULL;
}

bool cli_subject_next_field(const struct cli_subject_report *report, const struct cli_subject_record *record,
                            size_t *index, struct bus_buffer *text, struct cli_subject_field *out_field)
{
    if (record->version == NULL)
        return false;
    const struct bus_schema *schema = record->version->schema;
    for (; *index < bus_schema_field_count(schema); ++*index) {
        const struct bus_field *field = bus_schema_field(schema, *index);
        if (is_transport(*index) || field->classification == BUS_CLASS_SECRET)
            continue;
        struct bus_value value = bus_datum_value(field, record->datum, record->spans[(*index)++]);
        bus_buffer_reset(text);
        if (value.type != BUS_TYPE_NULL)
            bus_datum_text(field->value, &value, text);
        *out_field = (struct cli_subject_field){
            .field = field,
            .value = bus_buffer_view(text),
            .is_null = value.type == BUS_TYPE_NULL,
            .hides = field->personal || names_somebody(field->check),
        };
        out_field->hides |= holds(out_field->value, report->identifier);
        if (!out_field->is_null && field->value->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
            cli_moment(value.integer, out_field->moment);
        out_field->meaning_zh = meaning_of(report, field, out_field->value);
        cli_doc_words(field->doc, &out_field->zh, &out_field->en);
        return true;
    }
    return false;
}

struct bus_bytes cli_subject_short(struct bus_bytes words)
{
    static const char *const ends[] = {"，", "："};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const uint8_t *end = words.length > 0 ? memmem(words.data, words.length, ends[i], strlen(ends[i])) : NULL;
        if (end != NULL)
            words.length = (size_t)(end - words.data);
    }
    return words;
}

void cli_subject_field_words(const struct cli_subject_report *report, const struct cli_trail_grant *grant,
                             const char *field, struct bus_bytes *out_zh, struct bus_bytes *out_en)
{
    const struct bus_item *item = bus_catalogue_find_item(report->catalogue, grant->department, grant->item);
    *out_zh = *out_en = bus_bytes_text(field);
    for (size_t i = item != NULL ? item->version_count : 0; i-- > 0;) {
        int index = bus_schema_find(item->versions[i].schema, field);
        if (index >= 0) {
            cli_doc_words(bus_schema_field(item->versions[i].schema, (size_t)index)->doc, out_zh, out_en);
            return;
        }
    }
}

void cli_subject_subscriber_words(const struct cli_subject_report *report, const char *name, const char **out_zh,
                                  const char **out_en)
{
    const struct bus_subscriber *subscriber = bus_catalogue_find_subscriber(report->catalogue, name);
    *out_zh = subscriber != NULL ? subscriber->name_zh : name;
    *out_en = subscriber != NULL ? subscriber->name_en : name;
}

const char *cli_subject_department_zh(const struct cli_subject_report *report, struct bus_bytes name)
{
    char text[NAME_SIZE];
    if (bus_bytes_equal_text(name, BUS_RIGHTS_EXCHANGE))
        return "信用信息共享平台";
    snprintf(text, sizeof text, "%.*s", (int)name.length, (const char *)name.data);
    const struct bus_department *department = bus_catalogue_find_department(report->catalogue, text);
    return department != NULL ? department->name_zh : "";
}

void cli_subject_mask(const struct cli_subject_report *report, struct bus_buffer *text)
{
    bus_transform_mask(bus_bytes_text(report->identifier), text);
}
