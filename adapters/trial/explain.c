#include "adapters/trial/explain.h"

#include <stdio.h>

#include "adapters/mapping/plan.h"
#include "adapters/mapping/transform.h"
#include "adapters/trial/foretell.h"
#include "bus/subject.h"

/* A row being explained. */
struct explaining {
    const struct adapters_mapping *mapping;
    const struct bus_catalogue *catalogue;
    const struct adapters_row *row;
    struct bus_arena *arena;
    struct bus_value *values;
    struct adapters_explained *lines;
    size_t count;
    bool is_used[ADAPTERS_COLUMNS_MAX];
    bool is_withdrawn, is_person;
};

/* A line for a field of the envelope or the item; NULL when there is no room. */
static struct adapters_explained *add_line(struct explaining *explaining, int field)
{
    if (explaining->count == ADAPTERS_EXPLAINED_MAX)
        return NULL;
    struct adapters_explained *line = &explaining->lines[explaining->count++];
    *line = (struct adapters_explained){.value = {.type = BUS_TYPE_NULL}};
    if (field >= 0)
        line->field = bus_schema_field(explaining->mapping->schema, (size_t)field);
    bool is_subject = field == BUS_ENVELOPE_SUBJECT_ID || field == BUS_ENVELOPE_SUBJECT_NAME;
    line->is_personal = is_subject ? explaining->is_person : line->field != NULL && line->field->personal;
    return line;
}

static void show_column(struct explaining *explaining, struct adapters_explained *line, size_t column)
{
    explaining->is_used[column] = true;
    line->columns = bus_bytes_text(explaining->mapping->columns[column]);
    line->source = explaining->row->fields[column];
}

static struct bus_bytes join_texts(struct bus_arena *arena, struct bus_bytes left, struct bus_bytes right)
{
    static const char plus[] = " + ";
    uint8_t *joined = bus_arena_allocate(arena, left.length + strlen(plus) + right.length);
    if (joined == NULL)
        return left;
    if (left.length > 0)
        memcpy(joined, left.data, left.length);
    memcpy(joined + left.length, plus, strlen(plus));
    if (right.length > 0)
        memcpy(joined + left.length + strlen(plus), right.data, right.length);
    return bus_bytes_of(joined, left.length + strlen(plus) + right.length);
}

/* The column that gave the value, or all that are joined. */
static void show_sources(struct explaining *explaining, struct adapters_explained *line,
                         const struct adapters_sources *from, bool is_joined)
{
    size_t shown = 0;
    for (size_t i = 0; i < from->count; i++) {
        explaining->is_used[from->columns[i]] = true;
        bool has = adapters_plan_column(explaining->mapping, from->columns[i], explaining->row).length > 0;
        if (!is_joined && has && shown == 0 && i > 0)
            show_column(explaining, line, from->columns[i]);
        shown += has;
    }
    if (line->columns.length == 0 && from->count > 0)
        show_column(explaining, line, from->columns[0]);
    for (size_t i = 1; is_joined && i < from->count; i++) {
        struct bus_bytes name = bus_bytes_text(explaining->mapping->columns[from->columns[i]]);
        line->columns = join_texts(explaining->arena, line->columns, name);
        line->source = join_texts(explaining->arena, line->source, explaining->row->fields[from->columns[i]]);
    }
}

static void settle(struct explaining *explaining, struct adapters_explained *line, enum bus_status status)
{
    if (status != BUS_OK) {
        line->complaint = ADAPTERS_COMPLAINT_HERE;
        line->value.type = BUS_TYPE_NULL;
    } else if (line->field != NULL &&
               adapters_foretell(explaining->catalogue, line->field, &line->value, &line->refusal) != BUS_OK) {
        line->complaint = ADAPTERS_COMPLAINT_GATEWAY;
        if (line->columns.length > 0) /* the clerk knows the column, the gateway the field */
            snprintf(line->refusal.column, sizeof line->refusal.column, "%.*s", (int)line->columns.length,
                     (const char *)line->columns.data);
    }
}

/* --- the envelope --- */

static void explain_foreign(struct explaining *explaining)
{
    const struct adapters_mapping *mapping = explaining->mapping;
    struct adapters_refusal refusal;
    if (adapters_mapping_pass_foreign(mapping, explaining->row, &refusal) == BUS_OK)
        return;
    struct adapters_explained *line = add_line(explaining, -1);
    if (line == NULL)
        return;
    for (size_t i = 0; i < mapping->refusal_count; i++)
        if (strcmp(mapping->columns[mapping->refusals[i].column], refusal.column) == 0)
            show_column(explaining, line, mapping->refusals[i].column);
    line->refusal = refusal;
    line->complaint = ADAPTERS_COMPLAINT_HERE;
}

static void explain_operation(struct explaining *explaining)
{
    const struct adapters_mapping *mapping = explaining->mapping;
    struct adapters_explained *line = add_line(explaining, BUS_ENVELOPE_OPERATION);
    if (line == NULL)
        return;
    enum bus_status status = adapters_mapping_operation(mapping, explaining->row, &line->value, &line->refusal);
    explaining->is_withdrawn = status == BUS_OK && line->value.integer == BUS_OPERATION_WITHDRAW;
    if (mapping->has_operation)
        show_column(explaining, line, mapping->operation_column);
    settle(explaining, line, status);
}

static void explain_version(struct explaining *explaining)
{
    const struct adapters_mapping *mapping = explaining->mapping;
    if (!mapping->has_changed_at)
        return;
    struct adapters_explained *line = add_line(explaining, BUS_ENVELOPE_SOURCE_COMMITTED_AT);
    if (line == NULL)
        return;
    show_column(explaining, line, mapping->changed_at);
    enum bus_status status = adapters_mapping_version(mapping, explaining->row, explaining->values, &line->refusal);
    line->value = explaining->values[BUS_ENVELOPE_SOURCE_COMMITTED_AT];
    settle(explaining, line, status);
}

/* The identifier as the event carries it. */
static void show_identifier(struct explaining *explaining, struct adapters_explained *line, enum bus_subject_kind kind)
{
    struct bus_error error;
    char identifier[19];
    if (bus_subject_identifier(kind, explaining->values[BUS_ENVELOPE_SUBJECT_ID].bytes, identifier, &error) == BUS_OK)
        line->value = (struct bus_value){.type = BUS_TYPE_STRING,
                                         .bytes = bus_arena_copy(explaining->arena, bus_bytes_text(identifier))};
}

static void explain_subject(struct explaining *explaining)
{
    const struct adapters_mapping *mapping = explaining->mapping;
    struct bus_value *kind = &explaining->values[BUS_ENVELOPE_SUBJECT_KIND];
    struct adapters_refusal refusal;
    kind->type = BUS_TYPE_NULL;
    explaining->values[BUS_ENVELOPE_SUBJECT_ID] = (struct bus_value){.type = BUS_TYPE_NULL};
    enum bus_status status =
        adapters_mapping_subject(mapping, explaining->row, explaining->arena, explaining->values, &refusal);
    bool has_kind = kind->type != BUS_TYPE_NULL || mapping->subject_kind >= 0;
    int of = kind->type != BUS_TYPE_NULL ? (int)kind->integer : mapping->subject_kind;
    explaining->is_person = !has_kind || of == BUS_SUBJECT_PERSON; /* what is not known is masked */
    struct adapters_explained *line = add_line(explaining, BUS_ENVELOPE_SUBJECT_ID);
    if (line == NULL)
        return;
    if (has_kind)
        show_sources(explaining, line, of == BUS_SUBJECT_PERSON ? &mapping->person_ids : &mapping->organisation_ids,
                     false);
    else
        show_column(explaining, line, mapping->kind_column);
    if (mapping->subject_kind < 0)
        explaining->is_used[mapping->kind_column] = true;
    line->refusal = refusal;
    if (status == BUS_OK)
        show_identifier(explaining, line, (enum bus_subject_kind)of);
    settle(explaining, line, status);
}

static void explain_area(struct explaining *explaining)
{
    const struct adapters_mapping *mapping = explaining->mapping;
    struct adapters_explained *line = add_line(explaining, BUS_ENVELOPE_AREA_CODE);
    if (line == NULL)
        return;
    if (mapping->has_area)
        show_column(explaining, line, mapping->area_column);
    adapters_mapping_area(mapping, explaining->row, explaining->arena, explaining->values);
    line->value = explaining->values[BUS_ENVELOPE_AREA_CODE];
    settle(explaining, line, BUS_OK);
}

/* --- the fields --- */

static void explain_field(struct explaining *explaining, const struct adapters_field_plan *plan)
{
    struct adapters_explained *line = add_line(explaining, (int)plan->index);
    if (line == NULL)
        return;
    if (plan->constant == NULL)
        show_sources(explaining, line, &plan->from, plan->join != NULL);
    enum bus_status status = adapters_value_fill(explaining->mapping, plan, explaining->row, explaining->is_withdrawn,
                                                 explaining->arena, &line->value, &line->refusal);
    settle(explaining, line, status);
}

static void explain_unused(struct explaining *explaining)
{
    for (size_t i = 0; i < explaining->mapping->layout.column_count; i++) {
        struct adapters_explained *line = explaining->is_used[i] ? NULL : add_line(explaining, -1);
        if (line != NULL)
            show_column(explaining, line, i);
    }
}

size_t adapters_explain(const struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                        const struct adapters_row *row, struct bus_arena *arena, struct bus_value *values,
                        struct adapters_explained *out_lines)
{
    struct explaining explaining = {
        .mapping = mapping,
        .catalogue = catalogue,
        .row = row,
        .arena = arena,
        .values = values,
        .lines = out_lines,
    };
    explain_foreign(&explaining);
    explain_operation(&explaining);
    explain_version(&explaining);
    explain_subject(&explaining);
    explain_area(&explaining);
    int kind = explaining.is_person ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
    for (size_t i = 0; i < mapping->field_count; i++) {
        const struct adapters_field_plan *plan = &mapping->fields[i];
        for (size_t j = 0; j < plan->from.count; j++)
            explaining.is_used[plan->from.columns[j]] = true;
        if (plan->only_kind < 0 || plan->only_kind == kind)
            explain_field(&explaining, plan);
    }
    explain_unused(&explaining);
    return explaining.count;
}
