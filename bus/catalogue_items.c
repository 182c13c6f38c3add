/* The catalogue's departments and items, with the schemas that they name. */
#include <stdio.h>

#include "bus/catalogue_options.h"
#include "bus/catalogue_private.h"
#include "bus/rights.h"

enum { MAX_NUMBER = 65535, NAMES = 512 };

const struct bus_option bus_catalogue_department_options[] = {
    {"name", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in topics and folders"},
    {"name_zh", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in Chinese"},
    {"name_en", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in English"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

const struct bus_option bus_catalogue_item_options[] = {
    {"number", BUS_OPTION_INTEGER, NULL, 1, MAX_NUMBER, NULL, "never changes and is never used again"},
    {"department", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "who delivers it"},
    {"name", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in topics, such as registration.change"},
    {"folder", BUS_OPTION_TEXT, "", 0, 0, NULL, "folder of its schemas; the department's own by default"},
    {"version", BUS_OPTION_INTEGER, NULL, 1, BUS_CATALOGUE_MAX_VERSIONS, NULL, "newest published version"},
    {"key", BUS_OPTION_TEXTS, NULL, 0, 0, NULL, "the fields that name a record"},
    {"name_zh", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in Chinese"},
    {"name_en", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in English"},
    {"class_zh", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "class of the national catalogue"},
    {"conduct_zh", BUS_OPTION_TEXT, "", 0, 0, NULL, "what is recorded"},
    {"openness", BUS_OPTION_TEXT, "authorised", 0, 0, "public|shared|authorised", "who may see it"},
    {"sharing", BUS_OPTION_TEXT, "conditional", 0, 0, "unconditional|conditional",
     "how it is shared between public bodies"},
    {"source", BUS_OPTION_TEXT, "", 0, 0, NULL, "where it comes from"},
    {"cadence", BUS_OPTION_TEXT, "daily", 0, 0, "realtime|daily|weekly|monthly|yearly", "how often it is delivered"},
    {"register", BUS_OPTION_BOOLEAN, "false", 0, 0, NULL, "it tells which names are registered"},
    {"register_status", BUS_OPTION_TEXT, "", 0, 0, NULL, "field that says whether an organisation exists still"},
    {"register_ended", BUS_OPTION_TEXTS, "", 0, 0, NULL, "values of it that mean no more"},
    {"rights", BUS_OPTION_TEXT, "", 0, 0, "dispute|correction|repair|restriction", "it is this right of the subject"},
    {"terms", BUS_OPTION_LIST, "", 0, 0, NULL, "what falls due for its records"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

/* Names that become parts of topics and folders. */
static bool is_topic_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= 80 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length &&
           name[0] != '.' && name[length - 1] != '.';
}

static enum bus_status load_department(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                       struct bus_error *error)
{
    enum bus_status status = bus_settings_check(node, bus_catalogue_department_options, error);
    if (status != BUS_OK)
        return status;
    const char *name = bus_settings_text(node, bus_catalogue_department_options, "name");
    if (!is_topic_name(name) || strchr(name, '.') != NULL)
        return bus_settings_fail(node, error,
                                 "a department's name has small letters, digits, '_' and '-' only, not '%s'", name);
    if (bus_catalogue_find_department(catalogue, name) != NULL)
        return bus_settings_fail(node, error, "department '%s' stands twice", name);
    if (strcmp(name, BUS_RIGHTS_EXCHANGE) == 0 || strcmp(name, BUS_RIGHTS_OWN) == 0)
        return bus_settings_fail(node, error, "'%s' names an authority, and can be no department", name);
    catalogue->departments[catalogue->department_count++] =
        (struct bus_department){name, bus_settings_text(node, bus_catalogue_department_options, "name_zh"),
                                bus_settings_text(node, bus_catalogue_department_options, "name_en")};
    return BUS_OK;
}

static enum bus_status load_departments(struct bus_catalogue *catalogue, const struct bus_settings_node *list,
                                        struct bus_error *error)
{
    size_t count = bus_settings_count(list);
    catalogue->departments = bus_catalogue_allocate(catalogue, count, sizeof *catalogue->departments);
    if (catalogue->departments == NULL)
        return bus_fail(error, BUS_FATAL, "cannot load the catalogue: out of memory");
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < count && status == BUS_OK; i++)
        status = load_department(catalogue, bus_settings_at(list, i), error);
    return status;
}

/* The schema at `path`, read once however many items share it. */
static enum bus_status load_schema(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                   const char *path, struct bus_schema **out_schema, const char **out_path,
                                   struct bus_error *error)
{
    for (size_t i = 0; i < catalogue->schema_count; i++) {
        if (strcmp(catalogue->schema_paths[i], path) == 0) {
            *out_schema = catalogue->schemas[i];
            *out_path = catalogue->schema_paths[i];
            return BUS_OK;
        }
    }
    if (catalogue->schema_count == BUS_CATALOGUE_MAX_ITEMS)
        return bus_settings_fail(node, error, "more than %d schemas", BUS_CATALOGUE_MAX_ITEMS);
    char *copy = bus_catalogue_allocate(catalogue, strlen(path) + 1, 1);
    if (copy == NULL)
        return bus_fail(error, BUS_FATAL, "cannot load the catalogue: out of memory");
    memcpy(copy, path, strlen(path));
    struct bus_error inner;
    if (bus_schema_load(path, out_schema, &inner) != BUS_OK)
        return bus_settings_fail(node, error, "%s", inner.message);
    catalogue->schemas[catalogue->schema_count] = *out_schema;
    catalogue->schema_paths[catalogue->schema_count++] = copy;
    *out_path = copy;
    return BUS_OK;
}

static enum bus_status check_field(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                   const char *path, const struct bus_field *field, struct bus_error *error)
{
    static const char *const checks[] = {"uscc",  "organisation_code", "citizen_number", "area",
                                         "plate", "violation_code",    "case_number"};
    const size_t check_count = sizeof checks / sizeof *checks;
    if (field->classification == BUS_CLASS_NONE || field->doc[0] == '\0')
        return bus_settings_fail(node, error, "%s: field '%s' needs a doc and a classification", path, field->name);
    size_t i = 0;
    while (i < check_count && strcmp(checks[i], field->check) != 0)
        i++;
    if (field->check[0] != '\0' && i == check_count) {
        const char *nearest = bus_settings_nearest_name(checks, check_count, field->check);
        return bus_settings_fail(node, error, "%s: field '%s' has the unknown check '%s'; nearest is '%s'", path,
                                 field->name, field->check, nearest != NULL ? nearest : checks[0]);
    }
    if (field->code_list[0] == '\0' || bus_catalogue_code_list(catalogue, field->code_list) != NULL)
        return BUS_OK;
    const char *names[NAMES];
    size_t count = catalogue->list_count < NAMES ? catalogue->list_count : NAMES;
    for (i = 0; i < count; i++)
        names[i] = catalogue->lists[i].name;
    const char *nearest = bus_settings_nearest_name(names, count, field->code_list);
    return bus_settings_fail(node, error, "%s: field '%s' has the unknown code list '%s'%s%s%s", path, field->name,
                             field->code_list, nearest != NULL ? "; did you mean '" : "",
                             nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static enum bus_status load_version(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                    const struct bus_item *item, struct bus_item_version *version,
                                    struct bus_error *error)
{
    char path[BUS_CATALOGUE_PATH_SIZE];
    int length =
        snprintf(path, sizeof path, "%s/%s/%s-%d.avsc", catalogue->folder, item->folder, item->name, version->number);
    if (length < 0 || (size_t)length >= sizeof path)
        return bus_settings_fail(node, error, "the path of a schema is longer than %zu bytes", sizeof path - 1);
    enum bus_status status = load_schema(catalogue, node, path, &version->schema, &version->path, error);
    if (status != BUS_OK)
        return status;
    struct bus_error inner;
    if (bus_event_check_schema(version->schema, &inner) != BUS_OK)
        return bus_settings_fail(node, error, "%s: %s", path, inner.message);
    for (size_t i = 0; i < bus_schema_field_count(version->schema) && status == BUS_OK; i++)
        status = check_field(catalogue, node, path, bus_schema_field(version->schema, i), error);
    return status;
}

static enum bus_status load_versions(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                     struct bus_item *item, struct bus_error *error)
{
    item->version_count = (size_t)bus_settings_integer(node, bus_catalogue_item_options, "version");
    struct bus_item_version *versions = bus_catalogue_allocate(catalogue, item->version_count, sizeof *versions);
    if (versions == NULL)
        return bus_fail(error, BUS_FATAL, "cannot load the catalogue: out of memory");
    item->versions = versions;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < item->version_count && status == BUS_OK; i++) {
        versions[i].number = (int)i + 1;
        status = load_version(catalogue, node, item, &versions[i], error);
    }
    return status;
}

/* A field that the catalogue names must be in the item's current schema. */
static enum bus_status check_has_field(const struct bus_settings_node *node, const struct bus_item *item,
                                       const char *field, struct bus_error *error)
{
    const struct bus_schema *schema = bus_item_current(item)->schema;
    if (bus_schema_find(schema, field) >= 0)
        return BUS_OK;
    const char *names[NAMES];
    for (size_t i = 0; i < bus_schema_field_count(schema); i++)
        names[i] = bus_schema_field(schema, i)->name;
    return bus_catalogue_unknown(node, "field", field, names, bus_schema_field_count(schema), error);
}

static enum bus_status load_fields(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                   struct bus_item *item, struct bus_error *error)
{
    const struct bus_settings_node *key = bus_settings_child(node, "key");
    enum bus_status status = bus_catalogue_texts(catalogue, key, &item->key_fields, &item->key_field_count, error);
    if (status == BUS_OK && item->key_field_count == 0)
        return bus_settings_fail(key, error, "a key needs one field at least");
    for (size_t i = 0; i < item->key_field_count && status == BUS_OK; i++)
        status = check_has_field(bus_settings_at(key, i), item, item->key_fields[i], error);
    if (status == BUS_OK)
        status = bus_catalogue_texts(catalogue, bus_settings_child(node, "register_ended"), &item->register_ended,
                                     &item->register_ended_count, error);
    item->is_register = bus_settings_boolean(node, bus_catalogue_item_options, "register");
    item->register_status_field = bus_settings_text(node, bus_catalogue_item_options, "register_status");
    if (status == BUS_OK && item->register_status_field[0] != '\0')
        status = check_has_field(bus_settings_child(node, "register_status"), item, item->register_status_field, error);
    return status;
}

static enum bus_status check_class(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                   const char *class_zh, struct bus_error *error)
{
    const struct bus_code_list *list = bus_catalogue_code_list(catalogue, "catalogue_class");
    if (list == NULL || bus_code_list_has(list, bus_bytes_text(class_zh)))
        return BUS_OK;
    const char *names[NAMES];
    size_t count = list->count < NAMES ? list->count : NAMES;
    for (size_t i = 0; i < count; i++)
        names[i] = list->codes[i].value;
    return bus_catalogue_unknown(bus_settings_child(node, "class_zh"), "class", class_zh, names, count, error);
}

static enum bus_status find_department(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                       const struct bus_department **out_department, struct bus_error *error)
{
    const char *name = bus_settings_text(node, bus_catalogue_item_options, "department");
    *out_department = bus_catalogue_find_department(catalogue, name);
    if (*out_department != NULL)
        return BUS_OK;
    const char *names[NAMES];
    size_t count = catalogue->department_count < NAMES ? catalogue->department_count : NAMES;
    for (size_t i = 0; i < count; i++)
        names[i] = catalogue->departments[i].name;
    return bus_catalogue_unknown(bus_settings_child(node, "department"), "department", name, names, count, error);
}

static enum bus_status load_item(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                 struct bus_error *error)
{
    const struct bus_department *department;
    enum bus_status status = bus_settings_check(node, bus_catalogue_item_options, error);
    if (status == BUS_OK)
        status = find_department(catalogue, node, &department, error);
    if (status == BUS_OK)
        status = check_class(catalogue, node, bus_settings_text(node, bus_catalogue_item_options, "class_zh"), error);
    if (status != BUS_OK)
        return status;
    struct bus_item *item = &catalogue->items[catalogue->item_count];
    const char *folder = bus_settings_text(node, bus_catalogue_item_options, "folder");
    *item = (struct bus_item){
        .name = bus_settings_text(node, bus_catalogue_item_options, "name"),
        .department = department,
        .number = (int)bus_settings_integer(node, bus_catalogue_item_options, "number"),
        .name_zh = bus_settings_text(node, bus_catalogue_item_options, "name_zh"),
        .name_en = bus_settings_text(node, bus_catalogue_item_options, "name_en"),
        .class_zh = bus_settings_text(node, bus_catalogue_item_options, "class_zh"),
        .conduct_zh = bus_settings_text(node, bus_catalogue_item_options, "conduct_zh"),
        .openness = bus_settings_text(node, bus_catalogue_item_options, "openness"),
        .sharing = bus_settings_text(node, bus_catalogue_item_options, "sharing"),
        .source = bus_settings_text(node, bus_catalogue_item_options, "source"),
        .cadence = bus_settings_text(node, bus_catalogue_item_options, "cadence"),
        .folder = folder[0] != '\0' ? folder : department->name,
    };
    if (!is_topic_name(item->name))
        return bus_settings_fail(
            node, error, "an item's name has small letters, digits, '.', '_' and '-' only, not '%s'", item->name);
    if (bus_catalogue_find_item(catalogue, department->name, item->name) != NULL)
        return bus_settings_fail(node, error, "item '%s' of '%s' stands twice", item->name, department->name);
    if (bus_catalogue_item_by_number(catalogue, item->number) != NULL)
        return bus_settings_fail(node, error, "number %d is used twice", item->number);
    status = load_versions(catalogue, node, item, error);
    if (status == BUS_OK)
        status = load_fields(catalogue, node, item, error);
    if (status == BUS_OK)
        status = bus_catalogue_load_item_rules(catalogue, node, item, error);
    if (status == BUS_OK)
        catalogue->item_count++;
    return status;
}

enum bus_status bus_catalogue_load_items(struct bus_catalogue *catalogue, const struct bus_settings *settings,
                                         const struct bus_settings_node *departments,
                                         const struct bus_settings_node *items, struct bus_error *error)
{
    size_t count = bus_settings_count(items);
    if (count > BUS_CATALOGUE_MAX_ITEMS)
        return bus_settings_fail(items, error, "more than %d items", BUS_CATALOGUE_MAX_ITEMS);
    enum bus_status status = load_departments(catalogue, departments, error);
    catalogue->items = bus_catalogue_allocate(catalogue, count, sizeof *catalogue->items);
    if (status == BUS_OK && catalogue->items == NULL)
        status = bus_fail(error, BUS_FATAL, "%s: out of memory", bus_settings_path_view(settings));
    for (size_t i = 0; i < count && status == BUS_OK; i++)
        status = load_item(catalogue, bus_settings_at(items, i), error);
    return status;
}
