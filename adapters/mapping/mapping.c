#include "adapters/mapping/mapping.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/mapping/date.h"
#include "adapters/mapping/plan.h"
#include "adapters/mapping/transform.h"
#include "bus/subject.h"

enum { USCC_LENGTH = 18, USCC_AREA_AT = 2, AREA_LENGTH = 6 };

const char *adapters_mapping_feed_view(const struct adapters_mapping *mapping)
{
    return mapping->feed;
}

const struct bus_item *adapters_mapping_item(const struct adapters_mapping *mapping)
{
    return mapping->item;
}

const struct adapters_layout *adapters_mapping_layout(const struct adapters_mapping *mapping)
{
    return &mapping->layout;
}

enum adapters_encoding adapters_mapping_encoding(const struct adapters_mapping *mapping)
{
    return mapping->encoding;
}

enum adapters_completion adapters_mapping_completion(const struct adapters_mapping *mapping)
{
    return mapping->completion;
}

const struct adapters_delivery *adapters_mapping_delivery(const struct adapters_mapping *mapping)
{
    return &mapping->delivery;
}

const struct adapters_poll *adapters_mapping_poll(const struct adapters_mapping *mapping)
{
    return &mapping->poll;
}

bool adapters_mapping_has_changed_at(const struct adapters_mapping *mapping)
{
    return mapping->has_changed_at;
}

/* --- the row as a whole --- */

enum bus_status adapters_mapping_pass_foreign(const struct adapters_mapping *mapping, const struct adapters_row *row,
                                              struct adapters_refusal *refusal)
{
    for (size_t i = 0; i < mapping->refusal_count; i++) {
        const struct adapters_refusal_plan *plan = &mapping->refusals[i];
        struct bus_bytes text = adapters_plan_column(mapping, plan->column, row);
        if (text.length == 0 ? plan->when_missing : adapters_words_have(&plan->values, text))
            return adapters_refuse_column(refusal, plan->code, mapping->columns[plan->column], plan->zh, plan->en);
    }
    return BUS_OK;
}

enum bus_status adapters_mapping_operation(const struct adapters_mapping *mapping, const struct adapters_row *row,
                                           struct bus_value *out_value, struct adapters_refusal *refusal)
{
    *out_value = (struct bus_value){.type = BUS_TYPE_ENUM, .integer = BUS_OPERATION_PUT};
    if (row->operation == ADAPTERS_ROW_WITHDRAW)
        out_value->integer = BUS_OPERATION_WITHDRAW;
    if (row->operation != ADAPTERS_ROW_BY_MAPPING || !mapping->has_operation)
        return BUS_OK;
    struct bus_bytes text = adapters_trim(row->fields[mapping->operation_column]);
    if (adapters_words_have(&mapping->withdraw, text))
        out_value->integer = BUS_OPERATION_WITHDRAW;
    else if (!adapters_words_have(&mapping->put, text))
        return adapters_refuse_value(refusal, "OPERATION_UNKNOWN", mapping->columns[mapping->operation_column], text,
                                     "不认识的操作标志", "an unknown mark of operation");
    return BUS_OK;
}

/* The moment at which the source last changed the row: its version. What the source itself knows comes first. */
enum bus_status adapters_mapping_version(const struct adapters_mapping *mapping, const struct adapters_row *row,
                                         struct bus_value *values, struct adapters_refusal *refusal)
{
    values[BUS_ENVELOPE_VERSION] = (struct bus_value){.type = BUS_TYPE_LONG, .integer = row->version};
    values[BUS_ENVELOPE_SOURCE_COMMITTED_AT] =
        (struct bus_value){.type = BUS_TYPE_LONG, .integer = row->committed_at_ms};
    if (!mapping->has_changed_at)
        return BUS_OK;
    const char *column = mapping->columns[mapping->changed_at];
    struct bus_bytes text = adapters_plan_column(mapping, mapping->changed_at, row);
    struct adapters_date date;
    if (text.length == 0)
        return adapters_refuse_column(refusal, "VALUE_MISSING", column, "必填列为空",
                                      "a column that is needed is empty");
    if (adapters_date_parse(text, &date) != ADAPTERS_DATE_GOOD)
        return adapters_refuse_value(refusal, "VALUE_DATE", column, text, "不是时间", "no time");
    if (row->version == 0)
        values[BUS_ENVELOPE_VERSION].integer = date.moment_ms;
    if (row->committed_at_ms == 0)
        values[BUS_ENVELOPE_SOURCE_COMMITTED_AT].integer = date.moment_ms;
    return BUS_OK;
}

static enum bus_status read_subject_kind(const struct adapters_mapping *mapping, const struct adapters_row *row,
                                         int *out_kind, struct adapters_refusal *refusal)
{
    *out_kind = mapping->subject_kind;
    if (*out_kind >= 0)
        return BUS_OK;
    struct bus_bytes text = adapters_plan_column(mapping, mapping->kind_column, row);
    if (adapters_words_have(&mapping->person_kinds, text))
        *out_kind = BUS_SUBJECT_PERSON;
    else if (adapters_words_have(&mapping->organisation_kinds, text))
        *out_kind = BUS_SUBJECT_ORGANISATION;
    else
        return adapters_refuse_value(refusal, "SUBJECT_KIND", mapping->columns[mapping->kind_column], text,
                                     "不能判断主体是组织还是自然人",
                                     "cannot tell whether the subject is an organisation or a person");
    return BUS_OK;
}

/* The publisher makes it canonical; here it is only known which column is at fault. */
static enum bus_status check_identifier(enum bus_subject_kind kind, struct bus_bytes text, const char *column,
                                        struct adapters_refusal *refusal)
{
    char identifier[19];
    struct bus_error error;
    if (bus_subject_identifier(kind, text, identifier, &error) == BUS_OK)
        return BUS_OK;
    return adapters_refuse_value(refusal, error.code, column, text, error.message_zh, error.message);
}

enum bus_status adapters_mapping_subject(const struct adapters_mapping *mapping, const struct adapters_row *row,
                                         struct bus_arena *arena, struct bus_value *values,
                                         struct adapters_refusal *refusal)
{
    int kind;
    const char *column;
    enum bus_status status = read_subject_kind(mapping, row, &kind, refusal);
    if (status != BUS_OK)
        return status;
    bool is_person = kind == BUS_SUBJECT_PERSON;
    const struct adapters_sources *ids = is_person ? &mapping->person_ids : &mapping->organisation_ids;
    struct bus_bytes text = adapters_value_identifier(adapters_plan_text(mapping, ids, row, &column), arena);
    if (text.length == 0)
        return adapters_refuse_column(refusal, "SUBJECT_MISSING", column, "没有主体的代码或证件号码",
                                      "the subject has no code or number");
    values[BUS_ENVELOPE_SUBJECT_KIND] = (struct bus_value){.type = BUS_TYPE_ENUM, .integer = kind};
    values[BUS_ENVELOPE_SUBJECT_ID] = (struct bus_value){.type = BUS_TYPE_STRING, .bytes = text};
    return check_identifier((enum bus_subject_kind)kind, text, column, refusal);
}

static bool is_digits(struct bus_bytes text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (i >= text.length || text.data[i] < '0' || text.data[i] > '9')
            return false;
    return true;
}

/* The column's first six digits; else the area in the organisation's credit code; else the mapping's own. */
void adapters_mapping_area(const struct adapters_mapping *mapping, const struct adapters_row *row,
                           struct bus_arena *arena, struct bus_value *values)
{
    struct bus_bytes area = {NULL, 0}, subject_id = values[BUS_ENVELOPE_SUBJECT_ID].bytes;
    if (mapping->has_area)
        area = adapters_value_identifier(adapters_plan_column(mapping, mapping->area_column, row), arena);
    if (area.length > AREA_LENGTH && is_digits(area, area.length))
        area.length = AREA_LENGTH;
    if (area.length == 0 && values[BUS_ENVELOPE_SUBJECT_KIND].integer == BUS_SUBJECT_ORGANISATION &&
        subject_id.length == USCC_LENGTH)
        area = bus_bytes_of(subject_id.data + USCC_AREA_AT, AREA_LENGTH);
    if (area.length == 0)
        area = bus_bytes_text(mapping->default_area);
    values[BUS_ENVELOPE_AREA_CODE] = (struct bus_value){.type = BUS_TYPE_STRING, .bytes = area};
}

/* --- the record key --- */

static enum bus_status fill_key(const struct adapters_mapping *mapping, struct bus_arena *arena,
                                struct bus_value *values, struct adapters_refusal *refusal)
{
    struct adapters_key_parts parts = {.item = mapping->item};
    for (size_t i = 0; i < mapping->item->key_field_count; i++) {
        parts.fields[i] = bus_schema_field(mapping->schema, mapping->key_indexes[i]);
        parts.values[i] = values[mapping->key_indexes[i]];
    }
    return adapters_key_make(&parts, arena, &values[BUS_ENVELOPE_RECORD_KEY], refusal);
}

/* The key of the record that a right is about, made of the row as that record's own feed makes it. */
static enum bus_status fill_target(const struct adapters_mapping *mapping, const struct adapters_row *row,
                                   struct bus_arena *arena, struct bus_value *values, struct adapters_refusal *refusal)
{
    const struct adapters_target_plan *target = &mapping->target;
    struct adapters_key_parts parts = {.item = target->item};
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < target->item->key_field_count && status == BUS_OK; i++) {
        parts.fields[i] = target->parts[i].field;
        status = adapters_value_fill(mapping, &target->parts[i], row, false, arena, &parts.values[i], refusal);
    }
    if (status != BUS_OK)
        return status;
    values[target->indexes[0]] =
        (struct bus_value){.type = BUS_TYPE_STRING, .bytes = bus_bytes_text(target->item->department->name)};
    values[target->indexes[1]] =
        (struct bus_value){.type = BUS_TYPE_STRING, .bytes = bus_bytes_text(target->item->name)};
    return adapters_key_make(&parts, arena, &values[target->indexes[2]], refusal);
}

enum bus_status adapters_mapping_apply(const struct adapters_mapping *mapping, const struct adapters_row *row,
                                       struct bus_arena *arena, struct bus_value *values,
                                       struct adapters_refusal *refusal)
{
    enum bus_status status = adapters_mapping_pass_foreign(mapping, row, refusal);
    if (status == BUS_OK)
        status = adapters_mapping_operation(mapping, row, &values[BUS_ENVELOPE_OPERATION], refusal);
    if (status == BUS_OK)
        status = adapters_mapping_version(mapping, row, values, refusal);
    if (status == BUS_OK)
        status = adapters_mapping_subject(mapping, row, arena, values, refusal);
    if (status != BUS_OK)
        return status;
    adapters_mapping_area(mapping, row, arena, values);
    enum bus_subject_kind kind = (enum bus_subject_kind)values[BUS_ENVELOPE_SUBJECT_KIND].integer;
    bool is_withdrawn = values[BUS_ENVELOPE_OPERATION].integer == BUS_OPERATION_WITHDRAW;
    /* A field may have one source for organisations and another for persons, or none for one of them. */
    for (size_t i = 0; i < mapping->field_count; i++)
        values[mapping->fields[i].index] = (struct bus_value){.type = BUS_TYPE_NULL};
    for (size_t i = 0; status == BUS_OK && i < mapping->field_count; i++) {
        const struct adapters_field_plan *plan = &mapping->fields[i];
        if (plan->only_kind < 0 || plan->only_kind == (int)kind)
            status = adapters_value_fill(mapping, plan, row, is_withdrawn, arena, &values[plan->index], refusal);
    }
    if (status == BUS_OK && mapping->target.item != NULL)
        status = fill_target(mapping, row, arena, values, refusal);
    return status == BUS_OK ? fill_key(mapping, arena, values, refusal) : status;
}
