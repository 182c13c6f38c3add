/* Loading the fields of a mapping: how each is filled, and of which record a right speaks. */
#include <stdlib.h>

#include "adapters/mapping/load.h"
#include "adapters/mapping/number.h"

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

enum { FIELDS_MAX = 256 };

/* Filled by the engine or by the mapping's groups, not by `fields`. */
static const enum bus_envelope own_fields[] = {
    BUS_ENVELOPE_EVENT_ID,     BUS_ENVELOPE_RECORD_KEY,   BUS_ENVELOPE_VERSION,    BUS_ENVELOPE_SEQUENCE,
    BUS_ENVELOPE_OPERATION,    BUS_ENVELOPE_SUBJECT_KIND, BUS_ENVELOPE_SUBJECT_ID, BUS_ENVELOPE_SOURCE_COMMITTED_AT,
    BUS_ENVELOPE_PUBLISHED_AT, BUS_ENVELOPE_AREA_CODE,
};

/* The fields of one item, as they are filled one after another. */
struct filling {
    const struct bus_item *item;
    const struct bus_schema *schema;
    struct adapters_field_plan *plans;
    size_t count;
    unsigned filled[FIELDS_MAX]; /* for which kinds of subject */
    bool is_own[FIELDS_MAX];     /* not filled here */
};

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
    adapters_load_measure(&plan->table_to);
    return BUS_OK;
}

/* The file `table_file`, once for all fields that name it. */
static enum bus_status read_table_file(struct adapters_mapping *mapping, const struct bus_settings_node *node,
                                       struct adapters_field_plan *plan, struct bus_error *error)
{
    char path[BUS_ERROR_TEXT_SIZE];
    const char *name = bus_settings_text(node, adapters_mapping_field_options, "table_file");
    if (name[0] == '\0')
        return BUS_OK;
    if (plan->table_from.count > 0)
        return bus_settings_fail(node, error, "a field has either a table or a table_file");
    for (size_t i = 0; i < mapping->code_table_count; i++)
        if (strcmp(mapping->code_tables[i].name, name) == 0)
            plan->code_table = mapping->code_tables[i].table;
    if (plan->code_table != NULL)
        return BUS_OK;
    if (mapping->code_table_count == ADAPTERS_CODE_TABLES_MAX)
        return bus_settings_fail(node, error, "more than %d files in table_file", ADAPTERS_CODE_TABLES_MAX);
    struct adapters_code_table *table = NULL;
    enum bus_status status = bus_settings_resolve_existing(mapping->file, node, adapters_mapping_field_options,
                                                           "table_file", path, sizeof path, error);
    if (status == BUS_OK)
        status = adapters_code_table_load(path, &table, error);
    if (status != BUS_OK)
        return status;
    mapping->code_tables[mapping->code_table_count].name = name;
    mapping->code_tables[mapping->code_table_count++].table = table;
    plan->code_table = table;
    return BUS_OK;
}

static const char *text_or_null(const struct bus_settings_node *node, const char *name)
{
    return bus_settings_child(node, name) != NULL ? bus_settings_text(node, adapters_mapping_field_options, name)
                                                  : NULL;
}

static enum bus_status read_field_words(struct adapters_mapping *mapping, const struct bus_settings_node *node,
                                        struct adapters_field_plan *plan, struct bus_error *error)
{
    enum bus_status status = adapters_load_sources(mapping, node, "from", &plan->from, error);
    if (status == BUS_OK)
        status = read_steps(node, plan, error);
    if (status == BUS_OK)
        status = read_table(node, plan, error);
    if (status == BUS_OK)
        status = read_table_file(mapping, node, plan, error);
    if (status == BUS_OK)
        status = adapters_load_words(node, "none", &plan->none, error);
    if (status == BUS_OK && (plan->from.count == 0) == (plan->constant == NULL))
        return bus_settings_fail(node, error, "a field comes either from columns or is a constant");
    return status;
}

enum { BOTH_KINDS = 1u << BUS_SUBJECT_ORGANISATION | 1u << BUS_SUBJECT_PERSON };

static enum bus_status read_field(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                  const struct bus_settings_node *node, struct filling *filling,
                                  struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_field_options;
    enum bus_status status = bus_settings_check(node, options, error);
    if (status != BUS_OK)
        return status;
    const char *name = bus_settings_text(node, options, "name");
    const struct bus_item *item = filling->item;
    int index = bus_schema_find(filling->schema, name);
    if (index < 0 || filling->is_own[index])
        return bus_settings_fail(node, error, "%s.%s has no field %s that a mapping fills", item->department->name,
                                 item->name, name);
    int only_kind = adapters_load_kind(bus_settings_text(node, options, "only"));
    unsigned kinds = only_kind < 0 ? BOTH_KINDS : 1u << only_kind;
    if ((filling->filled[index] & kinds) != 0)
        return bus_settings_fail(node, error, "field %s is filled twice", name);
    filling->filled[index] |= kinds;
    struct adapters_field_plan *plan = &filling->plans[filling->count++];
    plan->index = (size_t)index;
    plan->field = bus_schema_field(filling->schema, plan->index);
    plan->constant = text_or_null(node, "constant");
    plan->join = text_or_null(node, "join");
    plan->split = text_or_null(node, "split");
    plan->part = (size_t)bus_settings_integer(node, options, "part");
    plan->pad = (size_t)bus_settings_integer(node, options, "pad");
    plan->unit_exponent = adapters_unit_exponent(bus_settings_text(node, options, "unit"));
    plan->codes = plan->field->code_list[0] != '\0' ? bus_catalogue_code_list(catalogue, plan->field->code_list) : NULL;
    for (size_t i = 0; i < item->key_field_count; i++)
        plan->is_key = plan->is_key || strcmp(item->key_fields[i], name) == 0;
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

static enum bus_status check_filled(const struct filling *filling, const struct bus_settings_node *list,
                                    struct bus_error *error)
{
    for (size_t i = 0; i < bus_schema_field_count(filling->schema); i++) {
        const struct bus_field *field = bus_schema_field(filling->schema, i);
        if (filling->is_own[i])
            continue;
        if (filling->filled[i] == 0)
            return bus_settings_fail(list, error, "nothing fills field %s", field->name);
        if (filling->filled[i] != BOTH_KINDS && !field->nullable)
            return bus_settings_fail(list, error, "field %s cannot be null, so it is filled for every kind of subject",
                                     field->name);
    }
    return BUS_OK;
}

/* Where the fields `names` of an item stand in its schema. */
static enum bus_status find_indexes(const struct bus_item *item, const char *const *names, size_t count,
                                    size_t *out_indexes, struct bus_error *error)
{
    for (size_t i = 0; i < count; i++) {
        int index = bus_schema_find(bus_item_current(item)->schema, names[i]);
        if (i == ADAPTERS_KEY_FIELDS_MAX || index < 0)
            return bus_fail(error, BUS_FATAL,
                            "item %s: field %s is not in its schema, or a key has more than %d fields", item->name,
                            names[i], ADAPTERS_KEY_FIELDS_MAX);
        out_indexes[i] = (size_t)index;
    }
    return BUS_OK;
}

static enum bus_status read_list(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                 const struct bus_settings_node *list, struct filling *filling, struct bus_error *error)
{
    filling->plans = calloc(2 * bus_schema_field_count(filling->schema), sizeof *filling->plans);
    if (filling->plans == NULL)
        return bus_fail(error, BUS_FATAL, "read a mapping: out of memory");
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_settings_count(list); i++)
        status = read_field(mapping, catalogue, bus_settings_at(list, i), filling, error);
    return status;
}

enum bus_status adapters_load_fields(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                     const struct bus_settings_node *root, struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(root, "fields");
    struct filling filling = {.item = mapping->item, .schema = mapping->schema};
    for (size_t i = 0; i < sizeof own_fields / sizeof *own_fields; i++)
        filling.is_own[own_fields[i]] = true;
    for (size_t i = 0; mapping->target.item != NULL && i < ADAPTERS_TARGET_FIELDS; i++)
        filling.is_own[mapping->target.indexes[i]] = true;
    enum bus_status status = read_list(mapping, catalogue, list, &filling, error);
    mapping->fields = filling.plans;
    mapping->field_count = filling.count;
    if (status == BUS_OK)
        status = check_filled(&filling, list, error);
    find_currencies(mapping);
    return status == BUS_OK ? find_indexes(mapping->item, mapping->item->key_fields, mapping->item->key_field_count,
                                           mapping->key_indexes, error)
                            : status;
}

/* --- the record that a right is about --- */

/* Every field of the key, once; in the key's order. */
static enum bus_status order_parts(struct adapters_target_plan *target, const struct bus_settings_node *list,
                                   const struct filling *filling, struct bus_error *error)
{
    const struct bus_item *item = target->item;
    target->parts = calloc(item->key_field_count, sizeof *target->parts);
    if (target->parts == NULL)
        return bus_fail(error, BUS_FATAL, "read a mapping: out of memory");
    for (size_t i = 0; i < item->key_field_count; i++) {
        size_t at = 0;
        while (at < filling->count && strcmp(filling->plans[at].field->name, item->key_fields[i]) != 0)
            at++;
        if (at == filling->count || filling->plans[at].only_kind >= 0)
            return bus_settings_fail(list, error, "the key of %s.%s needs its field %s, for every kind of subject",
                                     item->department->name, item->name, item->key_fields[i]);
        target->parts[i] = filling->plans[at];
    }
    if (filling->count != item->key_field_count)
        return bus_settings_fail(list, error, "a key is made of the %zu fields that the catalogue names",
                                 item->key_field_count);
    return BUS_OK;
}

enum bus_status adapters_load_target(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                     const char *department, const struct bus_settings_node *root,
                                     struct bus_error *error)
{
    static const char *const names[ADAPTERS_TARGET_FIELDS] = {"target_department", "target_item", "target_record_key"};
    const struct bus_option *options = adapters_mapping_target_options;
    const struct bus_settings_node *group = bus_settings_child(root, "target");
    struct adapters_target_plan *target = &mapping->target;
    if (group == NULL)
        return BUS_OK;
    enum bus_status status = bus_settings_check(group, options, error);
    if (status == BUS_OK && mapping->item->rights == BUS_RIGHTS_NONE)
        return bus_settings_fail(group, error, "only a right is about another record");
    if (status != BUS_OK)
        return status;
    const char *of = bus_settings_text(group, options, "department");
    of = of[0] != '\0' ? of : department;
    target->item = bus_catalogue_find_item(catalogue, of, bus_settings_text(group, options, "item"));
    if (target->item == NULL || target->item->rights != BUS_RIGHTS_NONE)
        return bus_settings_fail(group, error, "department %s records no item %s in the catalogue", of,
                                 bus_settings_text(group, options, "item"));
    status = find_indexes(mapping->item, names, ADAPTERS_TARGET_FIELDS, target->indexes, error);
    if (status != BUS_OK)
        return status;
    struct filling filling = {.item = target->item, .schema = bus_item_current(target->item)->schema};
    const struct bus_settings_node *list = bus_settings_child(group, "key");
    status = read_list(mapping, catalogue, list, &filling, error);
    if (status == BUS_OK)
        status = order_parts(target, list, &filling, error);
    free(filling.plans);
    return status;
}
