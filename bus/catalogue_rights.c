/* The catalogue's rules about rights and terms: who may raise and decide what, and what falls due when. */
#include "bus/catalogue_options.h"
#include "bus/catalogue_private.h"
#include "bus/rights.h"

enum { MAX_YEARS = 100, MAX_MONTHS = 1200, MAX_DAYS = 36500, NAMES = 512, MAX_TERMS = 32 };

const struct bus_option bus_catalogue_right_options[] = {
    {"kind", BUS_OPTION_TEXT, NULL, 0, 0, "dispute|correction|repair|restriction", "which right"},
    {"by", BUS_OPTION_TEXTS, NULL, 0, 0, NULL, "own, exchange and names of departments"},
    {"answer_days", BUS_OPTION_INTEGER, "0", 0, MAX_DAYS, NULL, "within which it must be answered; 0 = no clock"},
    {"working_days", BUS_OPTION_BOOLEAN, "false", 0, 0, NULL, "answer_days counts working days"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

const struct bus_option bus_catalogue_term_options[] = {
    {"kind", BUS_OPTION_TEXT, NULL, 0, 0, "publicity|retention|watch", "what ends"},
    {"from", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "date or timestamp field from which it runs"},
    {"years", BUS_OPTION_INTEGER, "0", 0, MAX_YEARS, NULL, "so many years after it"},
    {"months", BUS_OPTION_INTEGER, "0", 0, MAX_MONTHS, NULL, "and so many months"},
    {"days", BUS_OPTION_INTEGER, "0", 0, MAX_DAYS, NULL, "and so many days"},
    {"grace_working_days", BUS_OPTION_INTEGER, "0", 0, MAX_DAYS, NULL, "working days before the reminder of a watch"},
    {"rule_version", BUS_OPTION_TEXT, "", 0, 0, NULL, "only for records with this rule_version"},
    {"field", BUS_OPTION_TEXT, "", 0, 0, NULL, "only for records in which this text field"},
    {"values", BUS_OPTION_TEXTS, "", 0, 0, NULL, "has one of these values"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

static enum bus_status fail_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "cannot load the catalogue: out of memory");
}

/* The fields that bus_rights_read reads. */
static const struct {
    const char *name;
    enum bus_type type;
    enum bus_logical logical;
    bool of_restriction;
} rights_fields[] = {
    {"case_number", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    {"step", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    {"target_department", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    {"target_item", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    {"target_record_key", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    {"authority", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    {"document_number", BUS_TYPE_STRING, BUS_LOGICAL_NONE, false},
    {"decided_on", BUS_TYPE_INT, BUS_LOGICAL_DATE, false},
    {"answer_due_on", BUS_TYPE_INT, BUS_LOGICAL_DATE, false},
    {"scope", BUS_TYPE_STRING, BUS_LOGICAL_NONE, true},
    {"until", BUS_TYPE_INT, BUS_LOGICAL_DATE, true},
};

static enum bus_status check_rights_schema(const struct bus_settings_node *node, enum bus_rights_kind kind,
                                           const struct bus_item_version *version, struct bus_error *error)
{
    for (size_t i = 0; i < sizeof rights_fields / sizeof *rights_fields; i++) {
        if (rights_fields[i].of_restriction && kind != BUS_RIGHTS_RESTRICTION)
            continue;
        int index = bus_schema_find(version->schema, rights_fields[i].name);
        const struct bus_field *field = index >= 0 ? bus_schema_field(version->schema, (size_t)index) : NULL;
        if (field == NULL || field->value->type != rights_fields[i].type ||
            field->value->logical != rights_fields[i].logical)
            return bus_settings_fail(node, error, "%s: an item of rights needs the field '%s', a %s", version->path,
                                     rights_fields[i].name,
                                     rights_fields[i].logical == BUS_LOGICAL_DATE ? "date" : "string");
    }
    return BUS_OK;
}

static enum bus_status load_item_rights(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                        struct bus_item *item, struct bus_error *error)
{
    const struct bus_settings_node *rights = bus_settings_child(node, "rights");
    if (rights == NULL)
        return BUS_OK;
    item->rights = bus_rights_kind_parse(bus_bytes_text(bus_settings_as_text(rights)));
    for (size_t i = 0; i < catalogue->item_count; i++)
        if (catalogue->items[i].rights == item->rights)
            return bus_settings_fail(rights, error, "'%s' is item '%s' already", bus_settings_as_text(rights),
                                     catalogue->items[i].name);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < item->version_count && status == BUS_OK; i++)
        status = check_rights_schema(rights, item->rights, &item->versions[i], error);
    return status;
}

static enum bus_status find_field(const struct bus_settings_node *node, const struct bus_item *item, const char *name,
                                  const struct bus_field **out_field, struct bus_error *error)
{
    const struct bus_schema *schema = bus_item_current(item)->schema;
    int index = bus_schema_find(schema, name);
    if (index >= 0) {
        *out_field = bus_schema_field(schema, (size_t)index);
        return BUS_OK;
    }
    const char *names[NAMES];
    for (size_t i = 0; i < bus_schema_field_count(schema); i++)
        names[i] = bus_schema_field(schema, i)->name;
    return bus_catalogue_unknown(node, "field", name, names, bus_schema_field_count(schema), error);
}

static enum bus_status check_term_fields(const struct bus_settings_node *node, const struct bus_item *item,
                                         const struct bus_term *term, struct bus_error *error)
{
    const struct bus_field *field;
    enum bus_status status = find_field(bus_settings_child(node, "from"), item, term->from, &field, error);
    if (status != BUS_OK)
        return status;
    if (field->value->logical != BUS_LOGICAL_DATE && field->value->logical != BUS_LOGICAL_TIMESTAMP_MILLIS)
        return bus_settings_fail(bus_settings_child(node, "from"), error,
                                 "a term runs from a date or timestamp; '%s' is none", term->from);
    if ((term->field[0] != '\0') != (term->value_count > 0))
        return bus_settings_fail(node, error, "'field' and 'values' go together");
    if (term->field[0] == '\0')
        return BUS_OK;
    status = find_field(bus_settings_child(node, "field"), item, term->field, &field, error);
    if (status == BUS_OK && field->value->type != BUS_TYPE_STRING)
        return bus_settings_fail(bus_settings_child(node, "field"), error, "'%s' is no text", term->field);
    return status;
}

static enum bus_term_kind term_kind(const char *name)
{
    return strcmp(name, "publicity") == 0   ? BUS_TERM_PUBLICITY
           : strcmp(name, "retention") == 0 ? BUS_TERM_RETENTION
                                            : BUS_TERM_WATCH;
}

static enum bus_status load_term(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                 const struct bus_item *item, struct bus_term *term, struct bus_error *error)
{
    enum bus_status status = bus_settings_check(node, bus_catalogue_term_options, error);
    if (status != BUS_OK)
        return status;
    *term = (struct bus_term){
        .kind = term_kind(bus_settings_text(node, bus_catalogue_term_options, "kind")),
        .from = bus_settings_text(node, bus_catalogue_term_options, "from"),
        .years = (int)bus_settings_integer(node, bus_catalogue_term_options, "years"),
        .months = (int)bus_settings_integer(node, bus_catalogue_term_options, "months"),
        .days = (int)bus_settings_integer(node, bus_catalogue_term_options, "days"),
        .grace_working_days = (int)bus_settings_integer(node, bus_catalogue_term_options, "grace_working_days"),
        .rule_version = bus_settings_text(node, bus_catalogue_term_options, "rule_version"),
        .field = bus_settings_text(node, bus_catalogue_term_options, "field"),
    };
    status =
        bus_catalogue_texts(catalogue, bus_settings_child(node, "values"), &term->values, &term->value_count, error);
    if (status == BUS_OK && term->grace_working_days > 0 && term->kind != BUS_TERM_WATCH)
        return bus_settings_fail(bus_settings_child(node, "grace_working_days"), error, "only a watch has grace");
    return status == BUS_OK ? check_term_fields(node, item, term, error) : status;
}

static enum bus_status load_terms(struct bus_catalogue *catalogue, const struct bus_settings_node *list,
                                  struct bus_item *item, struct bus_error *error)
{
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    if (count > MAX_TERMS)
        return bus_settings_fail(list, error, "more than %d terms", MAX_TERMS);
    struct bus_term *terms = bus_catalogue_allocate(catalogue, count, sizeof *terms);
    if (terms == NULL)
        return fail_memory(error);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < count && status == BUS_OK; i++)
        status = load_term(catalogue, bus_settings_at(list, i), item, &terms[i], error);
    item->terms = terms;
    item->term_count = count;
    return status;
}

enum bus_status bus_catalogue_load_item_rules(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                              struct bus_item *item, struct bus_error *error)
{
    enum bus_status status = load_item_rights(catalogue, node, item, error);
    return status == BUS_OK ? load_terms(catalogue, bus_settings_child(node, "terms"), item, error) : status;
}

static enum bus_status add_authority(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                     struct bus_rights_rule *rule, const struct bus_department **departments,
                                     struct bus_error *error)
{
    const char *name = bus_settings_as_text(node);
    if (strcmp(name, BUS_RIGHTS_OWN) == 0) {
        rule->by_own = true;
        return BUS_OK;
    }
    if (strcmp(name, BUS_RIGHTS_EXCHANGE) == 0) {
        rule->by_exchange = true;
        return BUS_OK;
    }
    const struct bus_department *department = bus_catalogue_find_department(catalogue, name);
    if (department != NULL) {
        departments[rule->department_count++] = department;
        return BUS_OK;
    }
    const char *names[NAMES] = {BUS_RIGHTS_OWN, BUS_RIGHTS_EXCHANGE};
    size_t count = 2;
    for (size_t i = 0; i < catalogue->department_count && count < NAMES; i++)
        names[count++] = catalogue->departments[i].name;
    return bus_catalogue_unknown(node, "authority", name, names, count, error);
}

static enum bus_status load_rule(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                 struct bus_error *error)
{
    enum bus_status status = bus_settings_check(node, bus_catalogue_right_options, error);
    if (status != BUS_OK)
        return status;
    const struct bus_settings_node *by = bus_settings_child(node, "by");
    const char *name = bus_settings_text(node, bus_catalogue_right_options, "kind");
    enum bus_rights_kind kind = bus_rights_kind_parse(bus_bytes_text(name));
    const struct bus_department **departments =
        bus_catalogue_allocate(catalogue, bus_settings_count(by), sizeof *departments);
    struct bus_rights_rule *rule = bus_catalogue_allocate(catalogue, 1, sizeof *rule);
    if (departments == NULL || rule == NULL)
        return fail_memory(error);
    if (catalogue->rights[kind] != NULL)
        return bus_settings_fail(node, error, "the rule of '%s' stands twice", name);
    *rule = (struct bus_rights_rule){
        .kind = kind,
        .departments = departments,
        .answer_days = (int)bus_settings_integer(node, bus_catalogue_right_options, "answer_days"),
        .working_days = bus_settings_boolean(node, bus_catalogue_right_options, "working_days"),
    };
    for (size_t i = 0; i < bus_settings_count(by) && status == BUS_OK; i++)
        status = add_authority(catalogue, bus_settings_at(by, i), rule, departments, error);
    catalogue->rights[kind] = rule;
    return status;
}

enum bus_status bus_catalogue_load_rights(struct bus_catalogue *catalogue, const struct bus_settings *settings,
                                          const struct bus_settings_node *list, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; list != NULL && i < bus_settings_count(list) && status == BUS_OK; i++)
        status = load_rule(catalogue, bus_settings_at(list, i), error);
    for (size_t i = 0; i < catalogue->item_count && status == BUS_OK; i++) {
        enum bus_rights_kind kind = catalogue->items[i].rights;
        if (kind != BUS_RIGHTS_NONE && catalogue->rights[kind] == NULL)
            status = bus_fail(error, BUS_FATAL, "%s: the list 'rights' needs a rule of '%s', for item '%s' is of it",
                              bus_settings_path_view(settings), bus_rights_kind_name(kind), catalogue->items[i].name);
    }
    return status;
}

const struct bus_rights_rule *bus_catalogue_rights(const struct bus_catalogue *catalogue, enum bus_rights_kind kind)
{
    return catalogue->rights[kind];
}
