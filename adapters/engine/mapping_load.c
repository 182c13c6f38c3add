/* Loading a mapping: every name in the file is resolved, or said with its line. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "adapters/engine/number.h"
#include "adapters/engine/plan.h"

static const struct {
    const char *name;
    unsigned step;
} steps[] = {
    {"half_width", ADAPTERS_STEP_HALF_WIDTH},
    {"upper", ADAPTERS_STEP_UPPER},
    {"without_blanks", ADAPTERS_STEP_WITHOUT_BLANKS},
    {"one_line", ADAPTERS_STEP_ONE_LINE},
    {"round_brackets", ADAPTERS_STEP_ROUND_BRACKETS},
    {"excel_tail", ADAPTERS_STEP_EXCEL_TAIL},
    {"month", ADAPTERS_STEP_MONTH},
    {"amount", ADAPTERS_STEP_AMOUNT},
    {"currency", ADAPTERS_STEP_CURRENCY},
};
enum { STEPS = sizeof steps / sizeof *steps };

static const char *const usual_missing[] = {"暂无", "\\N", "无", "N/A",  "NA",   "-",
                                            "--",   "/",   "空", "null", "none", "不详"};

/* Filled by the engine or by the mapping's groups, not by `fields`. */
static const enum bus_envelope own_fields[] = {
    BUS_ENVELOPE_EVENT_ID,     BUS_ENVELOPE_RECORD_KEY,   BUS_ENVELOPE_VERSION,    BUS_ENVELOPE_SEQUENCE,
    BUS_ENVELOPE_OPERATION,    BUS_ENVELOPE_SUBJECT_KIND, BUS_ENVELOPE_SUBJECT_ID, BUS_ENVELOPE_SOURCE_COMMITTED_AT,
    BUS_ENVELOPE_PUBLISHED_AT, BUS_ENVELOPE_AREA_CODE,
};

static bool is_own(size_t index)
{
    for (size_t i = 0; i < sizeof own_fields / sizeof *own_fields; i++)
        if (own_fields[i] == (enum bus_envelope)index)
            return true;
    return false;
}

/* --- words and columns --- */

static void measure_words(struct adapters_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        if (strlen(words->words[i]) > words->longest)
            words->longest = strlen(words->words[i]);
}

static enum bus_status read_words(const struct bus_settings_node *group, const char *name, struct adapters_words *words,
                                  struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(group, name);
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    if (count > ADAPTERS_WORDS_MAX)
        return bus_settings_fail(list, error, "more than %d values in %s", ADAPTERS_WORDS_MAX, name);
    for (size_t i = 0; i < count; i++)
        words->words[i] = bus_settings_as_text(bus_settings_at(list, i));
    words->count = count;
    measure_words(words);
    return BUS_OK;
}

static enum bus_status find_column(const struct adapters_mapping *mapping, const struct bus_settings_node *node,
                                   const char *name, size_t *out_column, struct bus_error *error)
{
    for (size_t i = 0; i < mapping->layout.column_count; i++) {
        if (strcmp(mapping->columns[i], name) != 0)
            continue;
        *out_column = i;
        return BUS_OK;
    }
    const char *nearest = bus_settings_nearest_name(mapping->columns, mapping->layout.column_count, name);
    return bus_settings_fail(node, error, "unknown column %s%s%s", name,
                             nearest != NULL ? "; the nearest known is " : "", nearest != NULL ? nearest : "");
}

static enum bus_status read_sources(const struct adapters_mapping *mapping, const struct bus_settings_node *group,
                                    const char *name, struct adapters_sources *sources, struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(group, name);
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    if (count > ADAPTERS_SOURCES_MAX)
        return bus_settings_fail(list, error, "more than %d columns in %s", ADAPTERS_SOURCES_MAX, name);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        const struct bus_settings_node *node = bus_settings_at(list, i);
        status = find_column(mapping, node, bus_settings_as_text(node), &sources->columns[i], error);
    }
    sources->count = count;
    return status;
}

static enum bus_status read_columns(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                    struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(root, "columns"),
                                   *optional = bus_settings_child(root, "optional");
    size_t count = bus_settings_count(list);
    if (count == 0 || count > ADAPTERS_COLUMNS_MAX)
        return bus_settings_fail(list, error, "a feed has 1 to %d columns", ADAPTERS_COLUMNS_MAX);
    for (size_t i = 0; i < count; i++) {
        mapping->columns[i] = bus_settings_as_text(bus_settings_at(list, i));
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(mapping->columns[j], mapping->columns[i]) == 0)
                return bus_settings_fail(bus_settings_at(list, i), error, "column %s is named twice",
                                         mapping->columns[i]);
    }
    mapping->layout.column_count = count;
    for (size_t i = 0; optional != NULL && i < bus_settings_count(optional); i++) {
        size_t column = 0;
        const struct bus_settings_node *node = bus_settings_at(optional, i);
        enum bus_status status = find_column(mapping, node, bus_settings_as_text(node), &column, error);
        if (status != BUS_OK)
            return status;
        mapping->is_optional[column] = true;
    }
    return BUS_OK;
}

static void read_layout(struct adapters_mapping *mapping, const struct bus_settings_node *root)
{
    const char *format = bus_settings_text(root, adapters_mapping_options, "format");
    const char *encoding = bus_settings_text(root, adapters_mapping_options, "encoding");
    const char *complete = bus_settings_text(root, adapters_mapping_options, "complete");
    const char *quotes = bus_settings_text(root, adapters_mapping_options, "quotes");
    struct adapters_layout *layout = &mapping->layout;
    layout->format = format[0] == 'c'   ? ADAPTERS_FORMAT_CSV
                     : format[0] == 't' ? ADAPTERS_FORMAT_TSV
                                        : ADAPTERS_FORMAT_NDJSON;
    layout->separator = layout->format == ADAPTERS_FORMAT_TSV ? '\t' : ',';
    bool has_quotes = quotes[0] == 'a' ? layout->format == ADAPTERS_FORMAT_CSV : quotes[0] == 'y';
    layout->quote = has_quotes ? '"' : 0;
    layout->has_header = bus_settings_boolean(root, adapters_mapping_options, "header");
    layout->columns = mapping->columns;
    layout->is_optional = mapping->is_optional;
    mapping->encoding = encoding[0] == 'a'   ? ADAPTERS_ENCODING_AUTO
                        : encoding[0] == 'u' ? ADAPTERS_ENCODING_UTF8
                                             : ADAPTERS_ENCODING_GB18030;
    mapping->completion = complete[0] == 'r'   ? ADAPTERS_COMPLETE_RENAME
                          : complete[0] == 'm' ? ADAPTERS_COMPLETE_MARK
                                               : ADAPTERS_COMPLETE_STABLE;
}

static enum bus_status read_missing(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                    struct bus_error *error)
{
    if (bus_settings_child(root, "missing") != NULL)
        return read_words(root, "missing", &mapping->missing, error);
    mapping->missing.count = sizeof usual_missing / sizeof *usual_missing;
    memcpy(mapping->missing.words, usual_missing, sizeof usual_missing);
    measure_words(&mapping->missing);
    return BUS_OK;
}

/* --- groups --- */

static enum bus_status read_refusal(struct adapters_mapping *mapping, const struct bus_settings_node *node,
                                    struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_refuse_options;
    if (mapping->refusal_count == ADAPTERS_REFUSALS_MAX)
        return bus_settings_fail(node, error, "more than %d kinds of rows in refuse", ADAPTERS_REFUSALS_MAX);
    struct adapters_refusal_plan *plan = &mapping->refusals[mapping->refusal_count++];
    enum bus_status status = bus_settings_check(node, options, error);
    if (status == BUS_OK)
        status = find_column(mapping, node, bus_settings_text(node, options, "column"), &plan->column, error);
    if (status == BUS_OK)
        status = read_words(node, "values", &plan->values, error);
    if (status != BUS_OK)
        return status;
    plan->when_missing = bus_settings_boolean(node, options, "when_missing");
    plan->code = bus_settings_text(node, options, "code");
    plan->zh = bus_settings_text(node, options, "zh");
    plan->en = bus_settings_text(node, options, "en");
    return BUS_OK;
}

static enum bus_status read_refusals(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                     struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(root, "refuse");
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && list != NULL && i < bus_settings_count(list); i++)
        status = read_refusal(mapping, bus_settings_at(list, i), error);
    return status;
}

static enum bus_status read_operation(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                      struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_operation_options;
    const struct bus_settings_node *group = bus_settings_child(root, "operation");
    mapping->has_operation = group != NULL;
    if (group == NULL)
        return BUS_OK;
    enum bus_status status = bus_settings_check(group, options, error);
    if (status == BUS_OK)
        status =
            find_column(mapping, group, bus_settings_text(group, options, "column"), &mapping->operation_column, error);
    if (status == BUS_OK)
        status = read_words(group, "put", &mapping->put, error);
    return status == BUS_OK ? read_words(group, "withdraw", &mapping->withdraw, error) : status;
}

/* -1 for none. */
static int read_kind(const char *name)
{
    return name[0] == '\0' ? -1 : name[0] == 'P' ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
}

static bool can_be(const struct adapters_mapping *mapping, enum bus_subject_kind kind,
                   const struct adapters_words *kinds)
{
    return mapping->subject_kind >= 0 ? mapping->subject_kind == (int)kind : kinds->count > 0;
}

static enum bus_status read_subject(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                    struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_subject_options;
    const struct bus_settings_node *group = bus_settings_child(root, "subject");
    enum bus_status status = bus_settings_check(group, options, error);
    if (status != BUS_OK)
        return status;
    const char *kind = bus_settings_text(group, options, "kind"),
               *column = bus_settings_text(group, options, "kind_column");
    if ((kind[0] == '\0') == (column[0] == '\0'))
        return bus_settings_fail(group, error, "a subject has either a kind or a kind_column");
    mapping->subject_kind = read_kind(kind);
    if (column[0] != '\0')
        status = find_column(mapping, group, column, &mapping->kind_column, error);
    if (status == BUS_OK)
        status = read_words(group, "person_kinds", &mapping->person_kinds, error);
    if (status == BUS_OK)
        status = read_words(group, "organisation_kinds", &mapping->organisation_kinds, error);
    if (status == BUS_OK)
        status = read_sources(mapping, group, "person", &mapping->person_ids, error);
    if (status == BUS_OK)
        status = read_sources(mapping, group, "organisation", &mapping->organisation_ids, error);
    if (status != BUS_OK)
        return status;
    if (can_be(mapping, BUS_SUBJECT_PERSON, &mapping->person_kinds) && mapping->person_ids.count == 0)
        return bus_settings_fail(group, error, "subjects can be persons: person must name a column with their number");
    if (can_be(mapping, BUS_SUBJECT_ORGANISATION, &mapping->organisation_kinds) && mapping->organisation_ids.count == 0)
        return bus_settings_fail(group, error,
                                 "subjects can be organisations: organisation must name a column with their code");
    return BUS_OK;
}

static enum bus_status read_single_columns(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                           struct bus_error *error)
{
    const char *area = bus_settings_text(root, adapters_mapping_options, "area");
    mapping->has_area = area[0] != '\0';
    mapping->default_area = bus_settings_text(root, adapters_mapping_options, "default_area");
    enum bus_status status = find_column(mapping, root, bus_settings_text(root, adapters_mapping_options, "changed_at"),
                                         &mapping->changed_at, error);
    return status == BUS_OK && mapping->has_area ? find_column(mapping, root, area, &mapping->area_column, error)
                                                 : status;
}

/* --- fields --- */

/* What the schema says of a field is known without being said again. */
static unsigned steps_by_schema(const struct bus_field *field)
{
    if (strcmp(field->check, "case_number") == 0)
        return ADAPTERS_STEP_ROUND_BRACKETS | ADAPTERS_STEP_WITHOUT_BLANKS;
    if (field->check[0] != '\0')
        return ADAPTERS_STEP_HALF_WIDTH | ADAPTERS_STEP_UPPER | ADAPTERS_STEP_WITHOUT_BLANKS |
               ADAPTERS_STEP_EXCEL_TAIL | ADAPTERS_STEP_IDENTIFIER;
    if (field->code_list[0] != '\0')
        return ADAPTERS_STEP_HALF_WIDTH | ADAPTERS_STEP_EXCEL_TAIL;
    return 0;
}

static enum bus_status read_steps(const struct bus_settings_node *node, struct adapters_field_plan *plan,
                                  struct bus_error *error)
{
    const char *known[STEPS];
    const struct bus_settings_node *list = bus_settings_child(node, "steps");
    plan->steps = steps_by_schema(plan->field);
    for (size_t i = 0; list != NULL && i < bus_settings_count(list); i++) {
        const struct bus_settings_node *step = bus_settings_at(list, i);
        size_t at = 0;
        while (at < STEPS && strcmp(bus_settings_as_text(step), steps[at].name) != 0)
            known[at] = steps[at].name, at++;
        if (at == STEPS) {
            const char *nearest = bus_settings_nearest_name(known, STEPS, bus_settings_as_text(step));
            return bus_settings_fail(step, error, "unknown step %s%s%s", bus_settings_as_text(step),
                                     nearest != NULL ? "; the nearest known is " : "", nearest != NULL ? nearest : "");
        }
        plan->steps |= steps[at].step;
    }
    return BUS_OK;
}

static enum bus_status read_table(const struct bus_settings_node *node, struct adapters_field_plan *plan,
                                  struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(node, "table");
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    if (count > ADAPTERS_WORDS_MAX)
        return bus_settings_fail(list, error, "more than %d pairs in table", ADAPTERS_WORDS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct bus_settings_node *pair = bus_settings_at(list, i);
        const char *from = bus_settings_count(pair) == 2 ? bus_settings_as_text(bus_settings_at(pair, 0)) : NULL;
        const char *to = from != NULL ? bus_settings_as_text(bus_settings_at(pair, 1)) : NULL;
        if (to == NULL)
            return bus_settings_fail(pair, error, "a pair of table is [\"from\", \"to\"]");
        plan->table_from.words[i] = from;
        plan->table_to.words[i] = to;
    }
    plan->table_from.count = plan->table_to.count = count;
    measure_words(&plan->table_to);
    return BUS_OK;
}

static const char *text_or_null(const struct bus_settings_node *node, const char *name)
{
    return bus_settings_child(node, name) != NULL ? bus_settings_text(node, adapters_mapping_field_options, name)
                                                  : NULL;
}

static enum bus_status read_field_words(const struct adapters_mapping *mapping, const struct bus_settings_node *node,
                                        struct adapters_field_plan *plan, struct bus_error *error)
{
    enum bus_status status = read_sources(mapping, node, "from", &plan->from, error);
    if (status == BUS_OK)
        status = read_steps(node, plan, error);
    if (status == BUS_OK)
        status = read_table(node, plan, error);
    if (status == BUS_OK)
        status = read_words(node, "none", &plan->none, error);
    if (status == BUS_OK && (plan->from.count == 0) == (plan->constant == NULL))
        return bus_settings_fail(node, error, "a field comes either from columns or is a constant");
    return status;
}

enum { BOTH_KINDS = 1u << BUS_SUBJECT_ORGANISATION | 1u << BUS_SUBJECT_PERSON };

static enum bus_status read_field(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                  const struct bus_settings_node *node, unsigned *filled, struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_field_options;
    enum bus_status status = bus_settings_check(node, options, error);
    if (status != BUS_OK)
        return status;
    const char *name = bus_settings_text(node, options, "name");
    int index = bus_schema_find(mapping->schema, name);
    if (index < 0 || is_own((size_t)index))
        return bus_settings_fail(node, error, "%s.%s has no field %s that a mapping fills",
                                 mapping->item->department->name, mapping->item->name, name);
    int only_kind = read_kind(bus_settings_text(node, options, "only"));
    unsigned kinds = only_kind < 0 ? BOTH_KINDS : 1u << only_kind;
    if ((filled[index] & kinds) != 0)
        return bus_settings_fail(node, error, "field %s is filled twice", name);
    filled[index] |= kinds;
    struct adapters_field_plan *plan = &mapping->fields[mapping->field_count++];
    plan->index = (size_t)index;
    plan->field = bus_schema_field(mapping->schema, plan->index);
    plan->constant = text_or_null(node, "constant");
    plan->join = text_or_null(node, "join");
    plan->split = text_or_null(node, "split");
    plan->part = (size_t)bus_settings_integer(node, options, "part");
    plan->pad = (size_t)bus_settings_integer(node, options, "pad");
    plan->unit_exponent = adapters_unit_exponent(bus_settings_text(node, options, "unit"));
    plan->codes = plan->field->code_list[0] != '\0' ? bus_catalogue_code_list(catalogue, plan->field->code_list) : NULL;
    for (size_t i = 0; i < mapping->item->key_field_count; i++)
        plan->is_key = plan->is_key || strcmp(mapping->item->key_fields[i], name) == 0;
    plan->only_kind = only_kind;
    if (plan->unit_exponent < 0)
        return bus_settings_fail(node, error, "unknown unit; known are 元 百 千 万 亿");
    return read_field_words(mapping, node, plan, error);
}

/* An amount in any currency is one when another field takes the currency from the same column. */
static void find_currencies(struct adapters_mapping *mapping)
{
    for (size_t i = 0; i < mapping->field_count; i++) {
        struct adapters_field_plan *plan = &mapping->fields[i];
        for (size_t j = 0; j < mapping->field_count; j++) {
            const struct adapters_field_plan *other = &mapping->fields[j];
            if ((other->steps & ADAPTERS_STEP_CURRENCY) != 0 && plan->from.count > 0 && other->from.count > 0 &&
                plan->from.columns[0] == other->from.columns[0])
                plan->any_currency = true;
        }
    }
}

static enum bus_status read_fields(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                   const struct bus_settings_node *root, struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(root, "fields");
    unsigned filled[256] = {0}; /* for which kinds of subject */
    size_t count = bus_schema_field_count(mapping->schema);
    mapping->fields = calloc(2 * count, sizeof *mapping->fields);
    if (mapping->fields == NULL)
        return bus_fail(error, BUS_FATAL, "read a mapping: out of memory");
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_settings_count(list); i++)
        status = read_field(mapping, catalogue, bus_settings_at(list, i), filled, error);
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        const struct bus_field *field = bus_schema_field(mapping->schema, i);
        if (filled[i] == 0 && !is_own(i))
            status = bus_settings_fail(list, error, "nothing fills field %s", field->name);
        else if (filled[i] != BOTH_KINDS && !is_own(i) && !field->nullable)
            status = bus_settings_fail(
                list, error, "field %s cannot be null, so it is filled for every kind of subject", field->name);
    }
    find_currencies(mapping);
    return status;
}

static enum bus_status find_keys(struct adapters_mapping *mapping, struct bus_error *error)
{
    size_t room = sizeof mapping->key_indexes / sizeof *mapping->key_indexes;
    for (size_t i = 0; i < mapping->item->key_field_count; i++) {
        int index = bus_schema_find(mapping->schema, mapping->item->key_fields[i]);
        if (i == room || index < 0)
            return bus_fail(error, BUS_FATAL, "item %s: key field %s is not in its schema, or there are more than %zu",
                            mapping->item->name, mapping->item->key_fields[i], room);
        mapping->key_indexes[i] = (size_t)index;
    }
    return BUS_OK;
}

/* --- the whole --- */

static enum bus_status find_item(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                 const char *department, const struct bus_settings_node *root, struct bus_error *error)
{
    const char *name = bus_settings_text(root, adapters_mapping_options, "item");
    if (name[0] == '\0')
        name = mapping->feed;
    mapping->item = bus_catalogue_find_item(catalogue, department, name);
    if (mapping->item == NULL)
        return bus_settings_fail(root, error, "department %s has no item %s in the catalogue", department, name);
    mapping->schema = bus_item_current(mapping->item)->schema;
    return BUS_OK;
}

static enum bus_status read_file(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                 const char *department, struct bus_error *error)
{
    const struct bus_settings_node *root = bus_settings_root(mapping->file);
    enum bus_status status = bus_settings_check(root, adapters_mapping_options, error);
    if (status == BUS_OK)
        status = find_item(mapping, catalogue, department, root, error);
    if (status == BUS_OK) {
        read_layout(mapping, root);
        status = read_columns(mapping, root, error);
    }
    if (status == BUS_OK)
        status = read_missing(mapping, root, error);
    if (status == BUS_OK)
        status = read_refusals(mapping, root, error);
    if (status == BUS_OK)
        status = read_operation(mapping, root, error);
    if (status == BUS_OK)
        status = read_subject(mapping, root, error);
    if (status == BUS_OK)
        status = read_single_columns(mapping, root, error);
    if (status == BUS_OK)
        status = read_fields(mapping, catalogue, root, error);
    return status == BUS_OK ? find_keys(mapping, error) : status;
}

enum bus_status adapters_mapping_load(const char *path, const struct bus_catalogue *catalogue, const char *department,
                                      struct adapters_mapping **out_mapping, struct bus_error *error)
{
    struct adapters_mapping *mapping = calloc(1, sizeof *mapping);
    if (mapping == NULL)
        return bus_fail(error, BUS_FATAL, "read a mapping: out of memory");
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    snprintf(mapping->feed, sizeof mapping->feed, "%.*s", (int)(dot != NULL ? dot - name : (ptrdiff_t)strlen(name)),
             name);
    enum bus_status status = bus_settings_load(path, &mapping->file, error);
    if (status == BUS_OK)
        status = read_file(mapping, catalogue, department, error);
    if (status == BUS_OK)
        *out_mapping = mapping;
    else
        adapters_mapping_destroy(mapping);
    return status;
}

void adapters_mapping_destroy(struct adapters_mapping *mapping)
{
    if (mapping == NULL)
        return;
    bus_settings_destroy(mapping->file);
    free(mapping->fields);
    free(mapping);
}
