#include "bus/terms.h"

#include <stdlib.h>

#include "bus/rights.h"

enum { KINDS = BUS_TERM_WATCH + 1, ABSENT = -1 };

/* A term with the places of its fields in one version's schema. */
struct clause {
    const struct bus_term *term;
    size_t from;
    int field; /* ABSENT: asks for no value */
};

/* What runs for the records of one version; versions without any are not listed. */
struct rules {
    const struct bus_item *item;
    const struct bus_item_version *version;
    struct clause *clauses;
    size_t count;
};

struct bus_terms {
    const struct bus_catalogue *catalogue;
    const struct bus_calendar *calendar;
    struct rules *rules;
    size_t count;
};

/* One PUT, while its terms are looked for. */
struct record {
    const struct bus_event *event;
    const struct bus_schema *schema;
    struct bus_bytes datum;
    const struct bus_span *spans;
};

/* A version that lacks a field has nothing for the term to run from, or to be judged by. */
static bool compile_clause(const struct bus_schema *schema, const struct bus_term *term, struct clause *out_clause)
{
    int from = bus_schema_find(schema, term->from);
    int field = term->field[0] != '\0' ? bus_schema_find(schema, term->field) : ABSENT;
    if (from < 0 || (term->field[0] != '\0' && field < 0))
        return false;
    *out_clause = (struct clause){term, (size_t)from, field};
    return true;
}

static enum bus_status compile_version(struct bus_terms *terms, const struct bus_item *item,
                                       const struct bus_item_version *version, struct bus_error *error)
{
    struct rules rules = {.item = item, .version = version};
    rules.clauses = calloc(item->term_count + 1, sizeof *rules.clauses);
    if (rules.clauses == NULL)
        return bus_fail(error, BUS_FATAL, "cannot load the terms: out of memory");
    for (size_t i = 0; i < item->term_count; i++)
        rules.count += compile_clause(version->schema, &item->terms[i], &rules.clauses[rules.count]);
    terms->rules[terms->count++] = rules;
    return BUS_OK;
}

static bool has_rules(const struct bus_item *item)
{
    return item->term_count > 0 || item->rights != BUS_RIGHTS_NONE;
}

enum bus_status bus_terms_create(const struct bus_catalogue *catalogue, const struct bus_calendar *calendar,
                                 struct bus_terms **out_terms, struct bus_error *error)
{
    size_t items = bus_catalogue_item_count(catalogue), capacity = 0;
    for (size_t i = 0; i < items; i++)
        capacity += bus_catalogue_item(catalogue, i)->version_count;
    struct bus_terms *terms = calloc(1, sizeof *terms);
    if (terms != NULL) {
        *terms = (struct bus_terms){.catalogue = catalogue, .calendar = calendar};
        terms->rules = calloc(capacity + 1, sizeof *terms->rules);
    }
    enum bus_status status = BUS_OK;
    if (terms == NULL || terms->rules == NULL)
        status = bus_fail(error, BUS_FATAL, "cannot load the terms: out of memory");
    for (size_t i = 0; i < items && status == BUS_OK; i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        for (size_t v = 0; has_rules(item) && v < item->version_count && status == BUS_OK; v++)
            status = compile_version(terms, item, &item->versions[v], error);
    }
    if (status == BUS_OK)
        *out_terms = terms;
    else
        bus_terms_destroy(terms);
    return status;
}

void bus_terms_destroy(struct bus_terms *terms)
{
    if (terms == NULL)
        return;
    for (size_t i = 0; i < terms->count; i++)
        free(terms->rules[i].clauses);
    free(terms->rules);
    free(terms);
}

/* The day in a date or timestamp field; false when it is null. */
static bool read_day(const struct record *record, size_t index, int32_t *out_day)
{
    const struct bus_field *field = bus_schema_field(record->schema, index);
    struct bus_value value = bus_datum_value(field, record->datum, record->spans[index]);
    if (value.type == BUS_TYPE_NULL)
        return false;
    *out_day = field->value->logical == BUS_LOGICAL_DATE ? (int32_t)value.integer : bus_calendar_day(value.integer);
    return true;
}

static bool is_listed(const struct bus_term *term, struct bus_bytes code)
{
    for (size_t i = 0; i < term->value_count; i++)
        if (bus_bytes_equal_text(code, term->values[i]))
            return true;
    return false;
}

/* Whether the field has one of the term's values; of several codes in one text, any. */
static bool value_fits(const struct record *record, const struct clause *clause)
{
    if (clause->field == ABSENT)
        return true;
    size_t index = (size_t)clause->field;
    const struct bus_field *field = bus_schema_field(record->schema, index);
    struct bus_bytes text = bus_datum_value(field, record->datum, record->spans[index]).bytes;
    const uint8_t *at = text.data, *end = text.length > 0 ? text.data + text.length : text.data;
    while (field->code_separator[0] != '\0' && at < end) {
        const uint8_t *stop = memchr(at, field->code_separator[0], (size_t)(end - at));
        if (stop == NULL)
            break;
        if (is_listed(clause->term, bus_bytes_of(at, (size_t)(stop - at))))
            return true;
        at = stop + 1;
    }
    return is_listed(clause->term, bus_bytes_of(at, (size_t)(end - at)));
}

static bool clause_fits(const struct record *record, const struct clause *clause, int32_t *out_day)
{
    const char *rule_version = clause->term->rule_version;
    return (rule_version[0] == '\0' || bus_bytes_equal_text(record->event->rule_version, rule_version)) &&
           value_fits(record, clause) && read_day(record, clause->from, out_day);
}

static int32_t end_of(const struct bus_terms *terms, const struct bus_term *term, int32_t from)
{
    int32_t last = bus_calendar_add(from, term->years, term->months, term->days);
    return bus_calendar_add_working_days(terms->calendar, last, term->grace_working_days);
}

static void find_by_clauses(const struct bus_terms *terms, const struct rules *rules, const struct record *record,
                            int32_t ends[KINDS])
{
    bool found[KINDS] = {[BUS_TERM_PUBLICITY] = record->event->has_publicity_until};
    for (size_t i = 0; i < rules->count; i++) {
        const struct bus_term *term = rules->clauses[i].term;
        int32_t from = 0;
        if (found[term->kind] || !clause_fits(record, &rules->clauses[i], &from))
            continue;
        found[term->kind] = true;
        ends[term->kind] = end_of(terms, term, from);
    }
}

/* A case is never public and is kept; what may fall due is its answer, or the end of a restriction. */
static int32_t find_answer(const struct bus_terms *terms, const struct rules *rules, const struct record *record)
{
    struct bus_rights rights;
    int32_t day = INT32_MAX;
    if (bus_rights_read(rules->item, rules->version, record->datum, record->spans, &rights, NULL) != BUS_OK)
        return INT32_MAX;
    if (rights.step == BUS_RIGHTS_IMPOSED)
        return read_day(record, (size_t)bus_schema_find(record->schema, "until"), &day) ? day : INT32_MAX;
    if (rights.step != BUS_RIGHTS_OPENED)
        return INT32_MAX;
    if (read_day(record, (size_t)bus_schema_find(record->schema, "answer_due_on"), &day))
        return day;
    const struct bus_rights_rule *rule = bus_catalogue_rights(terms->catalogue, rights.kind);
    if (rule->answer_days == 0)
        return INT32_MAX;
    return rule->working_days ? bus_calendar_add_working_days(terms->calendar, rights.decided_on, rule->answer_days)
                              : bus_calendar_add(rights.decided_on, 0, 0, rule->answer_days);
}

static const struct rules *find_rules(const struct bus_terms *terms, const struct bus_item_version *version)
{
    for (size_t i = 0; i < terms->count; i++)
        if (terms->rules[i].version == version)
            return &terms->rules[i];
    return NULL;
}

void bus_terms_find(const struct bus_terms *terms, const struct bus_item_version *version,
                    const struct bus_event *event, struct bus_bytes datum, const struct bus_span *spans,
                    struct bus_term_days *out_days)
{
    const struct rules *rules = find_rules(terms, version);
    struct record record = {event, version->schema, datum, spans};
    int32_t ends[KINDS] = {INT32_MAX, INT32_MAX, INT32_MAX};
    bool is_case = rules != NULL && rules->item->rights != BUS_RIGHTS_NONE;
    if (event->has_publicity_until && !is_case)
        ends[BUS_TERM_PUBLICITY] = event->publicity_until;
    if (is_case)
        ends[BUS_TERM_WATCH] = find_answer(terms, rules, &record);
    else if (rules != NULL)
        find_by_clauses(terms, rules, &record, ends);
    *out_days = (struct bus_term_days){ends[BUS_TERM_PUBLICITY], ends[BUS_TERM_RETENTION], ends[BUS_TERM_WATCH]};
}
