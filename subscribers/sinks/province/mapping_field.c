#include "subscribers/sinks/province/mapping_field.h"

static const char *const transforms[] = {"text", "date", "date_8", "date_zh", "amount", "yuan"};

const struct bus_option province_field_options[] = {
    {"code", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "the province's name of the field"},
    {"from", BUS_OPTION_TEXT, "", 0, 0, NULL, "our field; or `constant`"},
    {"constant", BUS_OPTION_TEXT, "", 0, 0, NULL, "the same in every row"},
    {"none", BUS_OPTION_TEXT, "", 0, 0, NULL, "what stands for nothing, such as 2099-12-31"},
    {"transform", BUS_OPTION_TEXT, "text", 0, 0, "text|date|date_8|date_zh|amount|yuan",
     "how it is written: date YYYY-MM-DD, date_8 YYYYMMDD, date_zh 2019年07月13日; amount (of 10,000 yuan) and yuan as 10,000 "
     "yuan with six decimals"},
    {"table", BUS_OPTION_TEXT, "", 0, 0, NULL, "table by which codes are written"},
    {"separator", BUS_OPTION_TEXT, "", 0, 0, NULL, "several codes in one text, joined by this"},
    {"required", BUS_OPTION_BOOLEAN, "false", 0, 0, NULL, "without it the row is not sent, but refused"},
    {"required_when", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "CODE=VALUE: required when that field, which stands before, is or contains this code"},
    {"max_length", BUS_OPTION_INTEGER, "20000", 1, PROVINCE_MAX_LENGTH, NULL, "characters; longer is refused"},
    {0},
};

static const char *text(const struct bus_settings_node *node, const char *name)
{
    return bus_settings_text(node, province_field_options, name);
}

static enum bus_status find_table(const struct bus_settings_node *node, const struct province_field_place *place,
                                  const struct province_table **out_table, struct bus_error *error)
{
    const char *name = text(node, "table");
    *out_table = NULL;
    if (name[0] == '\0')
        return BUS_OK;
    for (size_t i = 0; i < place->table_count; i++)
        if (strcmp(place->tables[i].name, name) == 0)
            *out_table = &place->tables[i];
    return *out_table != NULL ? BUS_OK : bus_settings_fail(node, error, "there is no table \"%s\"", name);
}

/* The field of that code among the first `count`; NULL when there is none. */
static const struct province_field *find_code(const struct province_field *fields, size_t count, const char *code,
                                              size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(fields[i].code) == length && memcmp(fields[i].code, code, length) == 0)
            return &fields[i];
    return NULL;
}

static enum bus_status read_when(const struct bus_settings_node *node, const struct province_field_place *place,
                                 size_t index, struct bus_error *error)
{
    struct province_field *field = &place->fields[index];
    const char *when = text(node, "required_when");
    const char *equals = strchr(when, '=');
    if (when[0] == '\0')
        return BUS_OK;
    field->when = equals == NULL ? NULL : find_code(place->fields, index, when, (size_t)(equals - when));
    if (field->when == NULL)
        return bus_settings_fail(node, error, "required_when is CODE=VALUE, of a field that stands before; not \"%s\"",
                                 when);
    field->when_value = equals + 1;
    return BUS_OK;
}

static enum bus_status check(const struct bus_settings_node *node, const struct province_field_place *place,
                             size_t index, struct bus_error *error)
{
    const struct province_field *field = &place->fields[index];
    if ((field->from[0] == '\0') == (field->constant[0] == '\0'))
        return bus_settings_fail(node, error, "%s has either `from` or `constant`", field->code);
    if (field->separator[0] != '\0' && field->table == NULL)
        return bus_settings_fail(node, error, "%s has a separator, but no table", field->code);
    if (find_code(place->fields, index, field->code, strlen(field->code)) != NULL)
        return bus_settings_fail(node, error, "%s is there already", field->code);
    return BUS_OK;
}

enum bus_status province_field_read(const struct bus_settings_node *node, const struct province_field_place *place,
                                    size_t index, struct bus_error *error)
{
    enum bus_status status = bus_settings_check(node, province_field_options, error);
    if (status != BUS_OK)
        return status;
    struct province_field *field = &place->fields[index];
    *field = (struct province_field){
        .code = text(node, "code"),
        .from = text(node, "from"),
        .constant = text(node, "constant"),
        .none = text(node, "none"),
        .separator = text(node, "separator"),
        .required = bus_settings_boolean(node, province_field_options, "required"),
        .max_length = (size_t)bus_settings_integer(node, province_field_options, "max_length"),
    };
    for (size_t i = 0; i < sizeof transforms / sizeof transforms[0]; i++)
        if (strcmp(text(node, "transform"), transforms[i]) == 0)
            field->transform = (enum province_transform)i;
    status = find_table(node, place, &field->table, error);
    if (status == BUS_OK)
        status = read_when(node, place, index, error);
    return status == BUS_OK ? check(node, place, index, error) : status;
}

void province_fields_order(const struct province_field *fields, size_t count, uint8_t *out_order)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && strcmp(fields[out_order[at - 1]].code, fields[i].code) > 0; at--)
            out_order[at] = out_order[at - 1];
        out_order[at] = (uint8_t)i;
    }
}
