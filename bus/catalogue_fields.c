/* The fields of a grant: which may leave, and how. */
#include <stdio.h>

#include "bus/catalogue_private.h"
#include "bus/transform.h"

enum { NAMES = 1024 };

static enum bus_status fail_no_item(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                    const struct bus_grant *grant, struct bus_error *error)
{
    const char *names[NAMES];
    for (size_t i = 0; i < catalogue->item_count; i++) {
        names[i] = catalogue->items[i].name;
        if (grant->department != NULL && strcmp(names[i], grant->item) == 0)
            return bus_settings_fail(node, error, "'%s' does not deliver the item '%s'", grant->department->name,
                                     grant->item);
    }
    return bus_catalogue_unknown(bus_settings_child(node, "item"), "item", grant->item, names, catalogue->item_count,
                                 error);
}

enum bus_status bus_catalogue_unknown_field(const struct bus_settings_node *node, const struct bus_schema *schema,
                                            const char *name, struct bus_error *error)
{
    const char *names[NAMES];
    for (size_t i = 0; i < bus_schema_field_count(schema); i++)
        names[i] = bus_schema_field(schema, i)->name;
    return bus_catalogue_unknown(node, "field", name, names, bus_schema_field_count(schema), error);
}

/* Whether a field may be granted at all, and to a subscriber that is open to everyone. */
static enum bus_status check_may_grant(const struct bus_settings_node *node, const struct bus_grant *grant,
                                       const struct bus_field *field, enum bus_transform transform,
                                       struct bus_error *error)
{
    bool hides = transform == BUS_TRANSFORM_MASK || transform == BUS_TRANSFORM_PRESENT;
    if (field->classification == BUS_CLASS_SECRET)
        return bus_settings_fail(node, error, "grant '%s': field '%s' is secret and can never be granted", grant->name,
                                 field->name);
    if (!bus_transform_fits(transform, field))
        return bus_settings_fail(
            node, error, "grant '%s': '%s' does not fit field '%s'; %s", grant->name, bus_transform_name(transform),
            field->name, transform == BUS_TRANSFORM_MASK ? "mask is for texts" : "year is for dates and timestamps");
    if (!grant->subscriber->is_public)
        return BUS_OK;
    if (field->classification != BUS_CLASS_PUBLIC)
        return bus_settings_fail(node, error,
                                 "grant '%s': field '%s' is %s; a public subscriber may have public fields only",
                                 grant->name, field->name, bus_classification_name(field->classification));
    if (field->personal && grant->persons && !hides)
        return bus_settings_fail(
            node, error,
            "grant '%s': field '%s' is personal; a public subscriber may have it of organisations only "
            "(subject_kinds = [\"ORGANISATION\"]), or of persons as '%s:mask' or '%s:present'",
            grant->name, field->name, field->name, field->name);
    return BUS_OK;
}

/* A granted field: in the current schema, and allowed by every version that has it. */
static enum bus_status check_field(const struct bus_settings_node *node, const struct bus_grant *grant,
                                   const struct bus_item *item, size_t which, struct bus_error *error)
{
    const char *name = grant->fields[which];
    if (bus_schema_find(bus_item_current(item)->schema, name) < 0)
        return bus_catalogue_unknown_field(node, bus_item_current(item)->schema, name, error);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < item->version_count && status == BUS_OK; i++) {
        const struct bus_schema *schema = item->versions[i].schema;
        int index = bus_schema_find(schema, name);
        if (index >= 0)
            status =
                check_may_grant(node, grant, bus_schema_field(schema, (size_t)index), grant->transforms[which], error);
    }
    return status;
}

/* An older version that has none of the granted fields would make a view without fields. */
static enum bus_status check_versions(const struct bus_settings_node *node, const struct bus_grant *grant,
                                      const struct bus_item *item, struct bus_error *error)
{
    for (size_t i = 0; i < item->version_count; i++) {
        size_t found = 0;
        for (size_t j = 0; j < grant->field_count; j++)
            found += bus_schema_find(item->versions[i].schema, grant->fields[j]) >= 0;
        if (found == 0)
            return bus_settings_fail(node, error, "grant '%s': version %d of '%s' has none of its fields", grant->name,
                                     item->versions[i].number, item->name);
    }
    return BUS_OK;
}

static enum bus_status check_item(const struct bus_settings_node *node, const struct bus_grant *grant,
                                  const struct bus_item *item, struct bus_error *error)
{
    const struct bus_settings_node *fields = bus_settings_child(node, "fields");
    if (item->rights != BUS_RIGHTS_NONE)
        return bus_settings_fail(bus_settings_child(node, "item"), error,
                                 "grant '%s': '%s' is a right of the subject and can never be granted", grant->name,
                                 item->name);
    if (grant->subscriber->is_public && strcmp(item->openness, "public") != 0)
        return bus_settings_fail(node, error, "grant '%s': item '%s' of '%s' is %s, not public", grant->name,
                                 item->name, item->department->name, item->openness);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < grant->field_count && status == BUS_OK; i++)
        status = check_field(bus_settings_at(fields, i), grant, item, i, error);
    return status == BUS_OK ? check_versions(node, grant, item, error) : status;
}

static enum bus_status check_items(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                   const struct bus_grant *grant, struct bus_error *error)
{
    size_t covered = 0;
    for (size_t i = 0; i < catalogue->item_count; i++) {
        if (!bus_grant_covers(grant, &catalogue->items[i]))
            continue;
        covered++;
        enum bus_status status = check_item(node, grant, &catalogue->items[i], error);
        if (status != BUS_OK)
            return status;
    }
    return covered > 0 ? BUS_OK : fail_no_item(catalogue, node, grant, error);
}

static bool share_an_item(const struct bus_catalogue *catalogue, const struct bus_grant *left,
                          const struct bus_grant *right)
{
    for (size_t i = 0; i < catalogue->item_count; i++)
        if (bus_grant_covers(left, &catalogue->items[i]) && bus_grant_covers(right, &catalogue->items[i]))
            return true;
    return false;
}

/* A subscriber keeps an item in one table, whichever of its grants a record came by: a field has one type there. */
static enum bus_status check_type(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                  const struct bus_grant *grant, const struct bus_grant *other, struct bus_error *error)
{
    if (!share_an_item(catalogue, grant, other))
        return BUS_OK;
    for (size_t i = 0; i < grant->field_count; i++)
        for (size_t j = 0; j < other->field_count; j++)
            if (strcmp(grant->fields[i], other->fields[j]) == 0 &&
                !bus_transform_same_type(grant->transforms[i], other->transforms[j]))
                return bus_settings_fail(bus_settings_at(bus_settings_child(node, "fields"), i), error,
                                         "grant '%s': field '%s' would have another type than by grant '%s'",
                                         grant->name, grant->fields[i], other->name);
    return BUS_OK;
}

static enum bus_status check_types(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                   const struct bus_grant *grant, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (const struct bus_grant *other = grant->subscriber->grants; other < grant && status == BUS_OK; other++)
        status = check_type(catalogue, node, grant, other, error);
    return status;
}

/* "field" or "field:transform". */
static enum bus_status read_field(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                  const char **out_name, enum bus_transform *out_transform, struct bus_error *error)
{
    const char *text = bus_settings_as_text(node), *colon = strchr(text, ':');
    *out_name = text;
    *out_transform = BUS_TRANSFORM_NONE;
    if (colon == NULL)
        return BUS_OK;
    char *name = bus_catalogue_allocate(catalogue, (size_t)(colon - text) + 1, 1);
    if (name == NULL)
        return bus_fail(error, BUS_FATAL, "cannot load the grants: out of memory");
    memcpy(name, text, (size_t)(colon - text));
    *out_name = name;
    if (bus_transform_parse(colon + 1, out_transform))
        return BUS_OK;
    size_t count;
    const char *const *names = bus_transform_names(&count);
    return bus_catalogue_unknown(node, "transform", colon + 1, names, count, error);
}

enum bus_status bus_catalogue_load_fields(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                          struct bus_grant *grant, struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(node, "fields");
    size_t count = bus_settings_count(list);
    const char **fields = bus_catalogue_allocate(catalogue, count, sizeof *fields);
    enum bus_transform *transforms = bus_catalogue_allocate(catalogue, count, sizeof *transforms);
    if (fields == NULL || transforms == NULL)
        return bus_fail(error, BUS_FATAL, "cannot load the grants: out of memory");
    if (count == 0)
        return bus_settings_fail(node, error, "grant '%s' names no field", grant->name);
    for (size_t i = 0; i < count; i++) {
        enum bus_status status = read_field(catalogue, bus_settings_at(list, i), &fields[i], &transforms[i], error);
        if (status != BUS_OK)
            return status;
        for (size_t j = 0; j < i; j++)
            if (strcmp(fields[i], fields[j]) == 0)
                return bus_settings_fail(bus_settings_at(list, i), error, "field '%s' stands twice", fields[i]);
    }
    grant->fields = fields;
    grant->transforms = transforms;
    grant->field_count = count;
    enum bus_status status = check_items(catalogue, node, grant, error);
    return status == BUS_OK ? check_types(catalogue, node, grant, error) : status;
}
