/* The conditions of a grant: which records it is about, by what their fields say. */
#include <stdio.h>

#include "bus/catalogue_private.h"
#include "bus/condition.h"

enum { NAMES = 1024, MAX_VALUES = 256 };

/* One condition on its way in. */
struct reading {
    struct bus_catalogue *catalogue;
    const struct bus_settings_node *node;
    const struct bus_grant *grant;
    struct bus_condition *condition;
    const char *rest; /* what the field is compared with */
    bool has_number;
};

static enum bus_status fail_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "cannot load the conditions: out of memory");
}

/* Texts of the arena without the spaces around them. */
static const char *copy_trimmed(struct bus_catalogue *catalogue, const char *from, size_t length)
{
    for (; length > 0 && *from == ' '; from++)
        length--;
    while (length > 0 && from[length - 1] == ' ')
        length--;
    char *copy = bus_catalogue_allocate(catalogue, length + 1, 1);
    if (copy != NULL)
        memcpy(copy, from, length);
    return copy;
}

/* "a|b|c" */
static enum bus_status split_values(struct reading *reading, struct bus_error *error)
{
    struct bus_condition *condition = reading->condition;
    const char *text = reading->rest;
    const char **values = bus_catalogue_allocate(reading->catalogue, MAX_VALUES, sizeof *values);
    if (values == NULL)
        return fail_memory(error);
    condition->values = values;
    for (;;) {
        size_t length = strcspn(text, "|");
        if (condition->value_count == MAX_VALUES)
            return bus_settings_fail(reading->node, error, "a condition has at most %d values", MAX_VALUES);
        const char *value = copy_trimmed(reading->catalogue, text, length);
        if (value == NULL)
            return fail_memory(error);
        if (value[0] == '\0')
            return bus_settings_fail(reading->node, error, "condition '%s' has a value without text", condition->text);
        values[condition->value_count++] = value;
        if (text[length] == '\0')
            return BUS_OK;
        text += length + 1;
    }
}

/* Longer ones first. */
static const struct {
    const char *text;
    enum bus_comparison comparison;
    bool is_alone; /* nothing follows it */
} operators[] = {
    {"!=", BUS_COMPARISON_IS_NOT, false},      {">=", BUS_COMPARISON_AT_LEAST, false},
    {"<=", BUS_COMPARISON_AT_MOST, false},     {"=", BUS_COMPARISON_IS, false},
    {"present", BUS_COMPARISON_PRESENT, true}, {"absent", BUS_COMPARISON_ABSENT, true},
};
enum { OPERATORS = sizeof operators / sizeof operators[0] };

/* Splits "FIELD OPERATOR REST". */
static enum bus_status split(struct reading *reading, struct bus_error *error)
{
    struct bus_condition *condition = reading->condition;
    const char *text = condition->text + strspn(condition->text, " ");
    size_t length = strcspn(text, " =!<>"), i = 0;
    const char *rest = text + length + strspn(text + length, " ");
    while (i < OPERATORS && strncmp(rest, operators[i].text, strlen(operators[i].text)) != 0)
        i++;
    rest += i < OPERATORS ? strlen(operators[i].text) : 0;
    condition->field = copy_trimmed(reading->catalogue, text, length);
    reading->rest = copy_trimmed(reading->catalogue, rest, strlen(rest));
    if (condition->field == NULL || reading->rest == NULL)
        return fail_memory(error);
    if (length == 0 || i == OPERATORS || operators[i].is_alone != (reading->rest[0] == '\0'))
        return bus_settings_fail(reading->node, error,
                                 "a condition is \"FIELD = VALUE|VALUE\", \"FIELD != VALUE\", \"FIELD >= NUMBER\", "
                                 "\"FIELD <= NUMBER\", \"FIELD present\" or \"FIELD absent\", not '%s'",
                                 condition->text);
    condition->comparison = operators[i].comparison;
    return BUS_OK;
}

/* A condition says something about the field to whoever gets the record. */
static enum bus_status check_class(const struct reading *reading, const struct bus_field *field,
                                   struct bus_error *error)
{
    if (field->classification == BUS_CLASS_SECRET)
        return bus_settings_fail(reading->node, error, "grant '%s': field '%s' is secret; a condition would tell of it",
                                 reading->grant->name, field->name);
    if (reading->grant->subscriber->is_public && field->classification != BUS_CLASS_PUBLIC)
        return bus_settings_fail(reading->node, error,
                                 "grant '%s': field '%s' is %s; a condition would tell the public of it",
                                 reading->grant->name, field->name, bus_classification_name(field->classification));
    return BUS_OK;
}

/* Values of an enum or a code list must be among its symbols or codes. */
static enum bus_status check_values(const struct reading *reading, const struct bus_field *field,
                                    struct bus_error *error)
{
    const char *names[NAMES];
    const struct bus_condition *condition = reading->condition;
    const struct bus_code_list *list =
        field->code_list[0] != '\0' ? bus_catalogue_code_list(reading->catalogue, field->code_list) : NULL;
    size_t count = field->value->type == BUS_TYPE_ENUM ? field->value->symbol_count : list != NULL ? list->count : 0;
    count = count < NAMES ? count : NAMES;
    for (size_t i = 0; i < count; i++)
        names[i] = list != NULL ? list->codes[i].value : field->value->symbols[i];
    for (size_t i = 0; i < condition->value_count && count > 0; i++) {
        size_t j = 0;
        while (j < count && strcmp(names[j], condition->values[i]) != 0)
            j++;
        if (j == count)
            return bus_catalogue_unknown(reading->node, "value", condition->values[i], names, count, error);
    }
    return BUS_OK;
}

static enum bus_status read_number(struct reading *reading, const struct bus_field *field, struct bus_error *error)
{
    struct bus_condition *condition = reading->condition;
    int64_t number;
    if (!bus_condition_number(condition->comparison, field, reading->rest, &number))
        return bus_settings_fail(reading->node, error,
                                 "condition '%s': '%s' is neither a number nor, for a date, a day YYYY-MM-DD",
                                 condition->text, reading->rest);
    if (reading->has_number && number != condition->number)
        return bus_settings_fail(reading->node, error,
                                 "condition '%s' means different things in different items or versions",
                                 condition->text);
    condition->number = number;
    reading->has_number = true;
    return BUS_OK;
}

/* Number and values as this field of one version has them. */
static enum bus_status check_field(struct reading *reading, const struct bus_field *field, struct bus_error *error)
{
    struct bus_condition *condition = reading->condition;
    bool is_ordered =
        condition->comparison == BUS_COMPARISON_AT_LEAST || condition->comparison == BUS_COMPARISON_AT_MOST;
    if (!bus_condition_fits(condition->comparison, field))
        return bus_settings_fail(reading->node, error, "condition '%s' does not fit: field '%s' is %s", condition->text,
                                 field->name,
                                 is_ordered ? "neither a number nor a date" : "no text, code, whole number or date");
    enum bus_status status = is_ordered ? read_number(reading, field, error) : BUS_OK;
    if (status == BUS_OK)
        status = check_class(reading, field, error);
    return status == BUS_OK ? check_values(reading, field, error) : status;
}

static enum bus_status check_item(struct reading *reading, const struct bus_item *item, struct bus_error *error)
{
    const char *name = reading->condition->field;
    if (bus_schema_find(bus_item_current(item)->schema, name) < 0)
        return bus_catalogue_unknown_field(reading->node, bus_item_current(item)->schema, name, error);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < item->version_count && status == BUS_OK; i++) {
        const struct bus_schema *schema = item->versions[i].schema;
        int index = bus_schema_find(schema, name);
        if (index >= 0)
            status = check_field(reading, bus_schema_field(schema, (size_t)index), error);
    }
    return status;
}

static enum bus_status load_condition(struct reading *reading, struct bus_error *error)
{
    const struct bus_catalogue *catalogue = reading->catalogue;
    struct bus_condition *condition = reading->condition;
    condition->text = bus_settings_as_text(reading->node);
    enum bus_status status = split(reading, error);
    if (status == BUS_OK &&
        (condition->comparison == BUS_COMPARISON_IS || condition->comparison == BUS_COMPARISON_IS_NOT))
        status = split_values(reading, error);
    for (size_t i = 0; i < catalogue->item_count && status == BUS_OK; i++)
        if (bus_grant_covers(reading->grant, &catalogue->items[i]))
            status = check_item(reading, &catalogue->items[i], error);
    return status;
}

enum bus_status bus_catalogue_load_conditions(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                              struct bus_grant *grant, struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(node, "where");
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    struct bus_condition *conditions = bus_catalogue_allocate(catalogue, count, sizeof *conditions);
    if (conditions == NULL)
        return fail_memory(error);
    grant->conditions = conditions;
    grant->condition_count = count;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < count && status == BUS_OK; i++) {
        struct reading reading = {
            .catalogue = catalogue, .node = bus_settings_at(list, i), .grant = grant, .condition = &conditions[i]};
        status = load_condition(&reading, error);
    }
    return status;
}
