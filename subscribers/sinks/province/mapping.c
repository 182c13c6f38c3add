#include "subscribers/sinks/province/mapping.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/arena.h"
#include "bus/settings.h"
#include "subscribers/engine/delivery.h"
#include "subscribers/sinks/province/mapping_field.h"

enum { MAPPING_MAX_BYTES = 4 * 1024 * 1024, MAX_LAYOUTS = 64, MAX_TABLES = 64, MAX_CODES = 4096, ITEM_NAME_SIZE = 200 };

const struct bus_option province_mapping_options[] = {
    {"layouts", BUS_OPTION_LIST, NULL, 0, 0, NULL, "kinds of row"},
    {"tables", BUS_OPTION_LIST, "", 0, 0, NULL, "our codes and the province's"},
    {"origin", BUS_OPTION_GROUP, "", 0, 0, NULL, "what came from the province itself and does not go back"},
    {0},
};
const struct bus_option province_layout_options[] = {
    {"name", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "for messages"},
    {"type", BUS_OPTION_TEXT, NULL, 0, 0, "XK|CF|LIST|GRADE|DEBTOR", "the province's kind of row"},
    {"items", BUS_OPTION_TEXTS, NULL, 0, 0, NULL,
     "department/item, or item of every department that has no layout of its own"},
    {"fields", BUS_OPTION_LIST, NULL, 0, 0, NULL, "the row's fields, in the province's order"},
    {0},
};
const struct bus_option province_table_options[] = {
    {"name", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "by which fields name the table"},
    {"codes", BUS_OPTION_LIST, NULL, 0, 0, NULL, "a code that is not here is refused"},
    {0},
};
const struct bus_option province_code_options[] = {
    {"from", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "our code"},
    {"to", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "the province's"},
    {0},
};
const struct bus_option province_origin_options[] = {
    {"departments", BUS_OPTION_TEXTS, "", 0, 0, NULL, "departments whose feeds are the province's"},
    {"fields", BUS_OPTION_TEXTS, "", 0, 0, NULL, "fields that name the source of a record"},
    {"units", BUS_OPTION_TEXTS, "", 0, 0, NULL, "their values that are the province's: names and credit codes"},
    {0},
};

struct province_mapping {
    struct bus_settings *settings; /* the texts are its own */
    struct bus_arena *arena;
    struct province_table *tables;
    size_t table_count;
    struct province_layout *layouts;
    size_t layout_count;
    struct province_origin origin;
};

static enum bus_status no_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "out of memory for the mapping of the province");
}

/* ── tables ── */

static enum bus_status read_codes(struct bus_arena *arena, const struct bus_settings_node *list,
                                  struct province_table *table, struct bus_error *error)
{
    size_t count = bus_settings_count(list);
    if (count == 0 || count > MAX_CODES)
        return bus_settings_fail(list, error, "a table has 1 to %d codes", MAX_CODES);
    struct province_code *codes = bus_arena_allocate(arena, count * sizeof *codes);
    if (codes == NULL)
        return no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct bus_settings_node *node = bus_settings_at(list, i);
        enum bus_status status = bus_settings_check(node, province_code_options, error);
        if (status != BUS_OK)
            return status;
        codes[i] = (struct province_code){bus_settings_text(node, province_code_options, "from"),
                                          bus_settings_text(node, province_code_options, "to")};
    }
    table->codes = codes;
    table->count = count;
    return BUS_OK;
}

static enum bus_status read_tables(struct province_mapping *mapping, const struct bus_settings_node *list,
                                   struct bus_error *error)
{
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    if (count > MAX_TABLES)
        return bus_settings_fail(list, error, "%zu tables, at most %d are read", count, MAX_TABLES);
    mapping->tables = bus_arena_allocate(mapping->arena, (count + 1) * sizeof *mapping->tables);
    if (mapping->tables == NULL)
        return no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct bus_settings_node *node = bus_settings_at(list, i);
        struct province_table *table = &mapping->tables[mapping->table_count];
        enum bus_status status = bus_settings_check(node, province_table_options, error);
        if (status == BUS_OK)
            status = read_codes(mapping->arena, bus_settings_child(node, "codes"), table, error);
        if (status != BUS_OK)
            return status;
        table->name = bus_settings_text(node, province_table_options, "name");
        mapping->table_count++;
    }
    return BUS_OK;
}

/* ── layouts ── */

static enum bus_status read_texts(struct bus_arena *arena, const struct bus_settings_node *list,
                                  const char *const **out_texts, size_t *out_count, struct bus_error *error)
{
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    const char **texts = bus_arena_allocate(arena, (count + 1) * sizeof *texts);
    if (texts == NULL)
        return no_memory(error);
    for (size_t i = 0; i < count; i++)
        texts[i] = bus_settings_as_text(bus_settings_at(list, i));
    *out_texts = texts;
    *out_count = count;
    return BUS_OK;
}

static enum bus_status read_fields(const struct province_mapping *mapping, const struct bus_settings_node *list,
                                   struct province_layout *layout, struct bus_error *error)
{
    size_t count = bus_settings_count(list);
    if (count == 0 || count > PROVINCE_MAX_FIELDS)
        return bus_settings_fail(list, error, "a layout has 1 to %d fields", PROVINCE_MAX_FIELDS);
    struct province_field *fields = bus_arena_allocate(mapping->arena, count * sizeof *fields);
    uint8_t *order = bus_arena_allocate(mapping->arena, count);
    if (fields == NULL || order == NULL)
        return no_memory(error);
    const struct province_field_place place = {mapping->tables, mapping->table_count, fields};
    for (size_t i = 0; i < count; i++) {
        enum bus_status status = province_field_read(bus_settings_at(list, i), &place, i, error);
        if (status != BUS_OK)
            return status;
    }
    province_fields_order(fields, count, order);
    layout->fields = fields;
    layout->field_count = count;
    layout->order = order;
    return BUS_OK;
}

static enum bus_status read_layouts(struct province_mapping *mapping, const struct bus_settings_node *list,
                                    struct bus_error *error)
{
    size_t count = bus_settings_count(list);
    if (count == 0 || count > MAX_LAYOUTS)
        return bus_settings_fail(list, error, "a mapping has 1 to %d layouts", MAX_LAYOUTS);
    mapping->layouts = bus_arena_allocate(mapping->arena, count * sizeof *mapping->layouts);
    if (mapping->layouts == NULL)
        return no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct bus_settings_node *node = bus_settings_at(list, i);
        struct province_layout *layout = &mapping->layouts[mapping->layout_count];
        *layout = (struct province_layout){0};
        enum bus_status status = bus_settings_check(node, province_layout_options, error);
        if (status == BUS_OK)
            status = read_texts(mapping->arena, bus_settings_child(node, "items"), &layout->items, &layout->item_count,
                                error);
        if (status == BUS_OK)
            status = read_fields(mapping, bus_settings_child(node, "fields"), layout, error);
        if (status != BUS_OK)
            return status;
        layout->name = bus_settings_text(node, province_layout_options, "name");
        layout->type = bus_settings_text(node, province_layout_options, "type");
        mapping->layout_count++;
    }
    return BUS_OK;
}

static enum bus_status read_origin(struct province_mapping *mapping, const struct bus_settings_node *group,
                                   struct bus_error *error)
{
    struct province_origin *origin = &mapping->origin;
    if (group == NULL)
        return BUS_OK;
    enum bus_status status = bus_settings_check(group, province_origin_options, error);
    if (status == BUS_OK)
        status = read_texts(mapping->arena, bus_settings_child(group, "departments"), &origin->departments,
                            &origin->department_count, error);
    if (status == BUS_OK)
        status = read_texts(mapping->arena, bus_settings_child(group, "fields"), &origin->fields, &origin->field_count,
                            error);
    if (status == BUS_OK)
        status =
            read_texts(mapping->arena, bus_settings_child(group, "units"), &origin->units, &origin->unit_count, error);
    return status;
}

static enum bus_status read_all(struct province_mapping *mapping, struct bus_error *error)
{
    const struct bus_settings_node *root = bus_settings_root(mapping->settings);
    enum bus_status status = bus_settings_check(root, province_mapping_options, error);
    if (status == BUS_OK)
        status = read_tables(mapping, bus_settings_child(root, "tables"), error);
    if (status == BUS_OK)
        status = read_layouts(mapping, bus_settings_child(root, "layouts"), error);
    if (status == BUS_OK)
        status = read_origin(mapping, bus_settings_child(root, "origin"), error);
    return status;
}

enum bus_status province_mapping_open(const char *path, struct province_mapping **out_mapping, struct bus_error *error)
{
    struct province_mapping *mapping = calloc(1, sizeof *mapping);
    if (mapping == NULL)
        return no_memory(error);
    mapping->arena = bus_arena_create(MAPPING_MAX_BYTES);
    enum bus_status status = mapping->arena != NULL ? BUS_OK : no_memory(error);
    if (status == BUS_OK)
        status = bus_settings_load(path, &mapping->settings, error);
    if (status == BUS_OK)
        status = read_all(mapping, error);
    if (status == BUS_OK)
        *out_mapping = mapping;
    else
        province_mapping_destroy(mapping);
    return status;
}

void province_mapping_destroy(struct province_mapping *mapping)
{
    if (mapping == NULL)
        return;
    bus_settings_destroy(mapping->settings);
    bus_arena_destroy(mapping->arena);
    free(mapping);
}

/* ── use ── */

const struct province_origin *province_mapping_origin(const struct province_mapping *mapping)
{
    return &mapping->origin;
}

static const struct province_layout *find_named(const struct province_mapping *mapping, const char *name)
{
    for (size_t i = 0; i < mapping->layout_count; i++)
        for (size_t j = 0; j < mapping->layouts[i].item_count; j++)
            if (strcmp(mapping->layouts[i].items[j], name) == 0)
                return &mapping->layouts[i];
    return NULL;
}

const struct province_layout *province_mapping_find(const struct province_mapping *mapping, const struct bus_item *item)
{
    char name[ITEM_NAME_SIZE];
    snprintf(name, sizeof name, "%s/%s", item->department->name, item->name);
    const struct province_layout *own = find_named(mapping, name);
    return own != NULL ? own : find_named(mapping, item->name);
}

static bool is_granted(const struct bus_view *view, const char *name)
{
    size_t count;
    const struct bus_field *fields = subscribers_delivery_view_fields(view, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return true;
    return false;
}

static enum bus_status check_view(const struct province_mapping *mapping, const struct bus_view *view,
                                  struct bus_error *error)
{
    const struct bus_item *item = view->item;
    const struct province_layout *layout = province_mapping_find(mapping, item);
    if (layout == NULL)
        return bus_fail(error, BUS_FATAL, "%s: no layout for %s/%s, which the grant \"%s\" gives",
                        bus_settings_path_view(mapping->settings), item->department->name, item->name,
                        view->grant->name);
    for (size_t i = 0; i < layout->field_count; i++) {
        const struct province_field *field = &layout->fields[i];
        if (field->from[0] != '\0' && !is_granted(view, field->from))
            return bus_fail(error, BUS_FATAL,
                            "%s: %s of layout \"%s\" comes from the field \"%s\", which the grant \"%s\" does not give",
                            bus_settings_path_view(mapping->settings), field->code, layout->name, field->from,
                            view->grant->name);
    }
    return BUS_OK;
}

enum bus_status province_mapping_check(const struct province_mapping *mapping,
                                       const struct subscribers_catalogues *catalogues, struct bus_error *error)
{
    const char *subscriber = subscribers_catalogues_subscriber_view(catalogues);
    const struct bus_views *views = subscribers_catalogues_views_at(catalogues, 0);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_views_count(views); i++) {
        const struct bus_view *view = bus_views_at(views, i);
        if (strcmp(view->grant->subscriber->name, subscriber) == 0 && view->version == bus_item_current(view->item))
            status = check_view(mapping, view, error);
    }
    return status;
}
