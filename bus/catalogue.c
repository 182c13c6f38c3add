#include "bus/catalogue.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/catalogue_options.h"
#include "bus/catalogue_private.h"

enum { ARENA_LIMIT = 64 * 1024 * 1024 };

const struct bus_option bus_catalogue_options[] = {
    {"exchange", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name of the exchange, signed in every seal"},
    {"departments", BUS_OPTION_LIST, NULL, 0, 0, NULL, "who delivers records"},
    {"items", BUS_OPTION_LIST, NULL, 0, 0, NULL, "what may be recorded"},
    {"rights", BUS_OPTION_LIST, "", 0, 0, NULL, "who may raise and decide which right of a subject"},
    {"codes", BUS_OPTION_TEXT, "codes", 0, 0, NULL, "folder of code lists"},
    {"receivers", BUS_OPTION_TEXT, "../subscribers/receivers", 0, 0, NULL, "folder of subscribers"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

void *bus_catalogue_allocate(struct bus_catalogue *catalogue, size_t count, size_t size)
{
    void *memory = bus_arena_allocate(catalogue->arena, count * size);
    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

const char *bus_catalogue_copy(struct bus_catalogue *catalogue, const char *text)
{
    char *copy = bus_catalogue_allocate(catalogue, strlen(text) + 1, 1);
    return copy != NULL ? strcpy(copy, text) : NULL;
}

enum bus_status bus_catalogue_read(struct bus_catalogue *catalogue, const char *path,
                                   const struct bus_settings **out_settings, struct bus_error *error)
{
    if (catalogue->file_count == BUS_CATALOGUE_MAX_FILES)
        return bus_fail(error, BUS_FATAL, "%s: the catalogue has more than %d files", path, BUS_CATALOGUE_MAX_FILES);
    enum bus_status status = bus_settings_load(path, &catalogue->files[catalogue->file_count], error);
    if (status == BUS_OK)
        *out_settings = catalogue->files[catalogue->file_count++];
    return status;
}

enum bus_status bus_catalogue_texts(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                    const char *const **out_texts, size_t *out_count, struct bus_error *error)
{
    size_t count = node != NULL ? bus_settings_count(node) : 0;
    const char **texts = bus_catalogue_allocate(catalogue, count, sizeof *texts);
    if (texts == NULL)
        return bus_fail(error, BUS_FATAL, "cannot load the catalogue: out of memory");
    for (size_t i = 0; i < count; i++)
        texts[i] = bus_settings_as_text(bus_settings_at(node, i));
    *out_texts = texts;
    *out_count = count;
    return BUS_OK;
}

enum bus_status bus_catalogue_unknown(const struct bus_settings_node *node, const char *what, const char *name,
                                      const char *const *names, size_t count, struct bus_error *error)
{
    const char *nearest = bus_settings_nearest_name(names, count, name);
    if (nearest != NULL)
        return bus_settings_fail(node, error, "unknown %s '%s'; did you mean '%s'?", what, name, nearest);
    return bus_settings_fail(node, error, "unknown %s '%s'", what, name);
}

static enum bus_status load_parts(struct bus_catalogue *catalogue, const struct bus_settings *settings,
                                  struct bus_error *error)
{
    char codes[BUS_CATALOGUE_PATH_SIZE], receivers[BUS_CATALOGUE_PATH_SIZE];
    const struct bus_settings_node *root = bus_settings_root(settings);
    enum bus_status status = bus_settings_check(root, bus_catalogue_options, error);
    if (status == BUS_OK)
        status = bus_settings_resolve(settings, bus_settings_text(root, bus_catalogue_options, "codes"), codes,
                                      sizeof codes, error);
    if (status == BUS_OK)
        status = bus_settings_resolve(settings, bus_settings_text(root, bus_catalogue_options, "receivers"), receivers,
                                      sizeof receivers, error);
    if (status != BUS_OK)
        return status;
    catalogue->exchange = bus_settings_text(root, bus_catalogue_options, "exchange");
    catalogue->folder = bus_settings_folder_view(settings);
    catalogue->codes_folder = bus_catalogue_copy(catalogue, codes);
    catalogue->receivers_folder = bus_catalogue_copy(catalogue, receivers);
    if (catalogue->codes_folder == NULL || catalogue->receivers_folder == NULL)
        return bus_fail(error, BUS_FATAL, "cannot load the catalogue: out of memory");
    status = bus_catalogue_load_codes(catalogue, codes, error);
    if (status == BUS_OK)
        status = bus_catalogue_load_items(catalogue, settings, bus_settings_child(root, "departments"),
                                          bus_settings_child(root, "items"), error);
    if (status == BUS_OK)
        status = bus_catalogue_load_rights(catalogue, settings, bus_settings_child(root, "rights"), error);
    if (status == BUS_OK)
        status = bus_catalogue_load_subscribers(catalogue, receivers, error);
    return status == BUS_OK ? bus_catalogue_find_version(catalogue, error) : status;
}

enum bus_status bus_catalogue_load(const char *path, struct bus_catalogue **out_catalogue, struct bus_error *error)
{
    enum bus_status status;
    const struct bus_settings *settings;
    struct bus_catalogue *catalogue = calloc(1, sizeof *catalogue);
    if (catalogue != NULL)
        catalogue->arena = bus_arena_create(ARENA_LIMIT);
    if (catalogue == NULL || catalogue->arena == NULL) {
        status = bus_fail(error, BUS_FATAL, "%s: cannot load the catalogue: out of memory", path);
        goto out;
    }
    status = bus_catalogue_read(catalogue, path, &settings, error);
    if (status == BUS_OK)
        status = load_parts(catalogue, settings, error);
    if (status != BUS_OK)
        goto out;
    *out_catalogue = catalogue;
    catalogue = NULL;
out:
    bus_catalogue_destroy(catalogue);
    return status;
}

void bus_catalogue_destroy(struct bus_catalogue *catalogue)
{
    if (catalogue == NULL)
        return;
    for (size_t i = 0; i < catalogue->schema_count; i++)
        bus_schema_destroy(catalogue->schemas[i]);
    for (size_t i = 0; i < catalogue->file_count; i++)
        bus_settings_destroy(catalogue->files[i]);
    bus_calendar_destroy(catalogue->calendar);
    bus_arena_destroy(catalogue->arena);
    free(catalogue);
}

const char *bus_catalogue_folder_view(const struct bus_catalogue *catalogue)
{
    return catalogue->folder;
}

const char *bus_catalogue_exchange_view(const struct bus_catalogue *catalogue)
{
    return catalogue->exchange;
}

const char *bus_catalogue_version_view(const struct bus_catalogue *catalogue)
{
    return catalogue->version;
}

size_t bus_catalogue_department_count(const struct bus_catalogue *catalogue)
{
    return catalogue->department_count;
}

const struct bus_department *bus_catalogue_department(const struct bus_catalogue *catalogue, size_t index)
{
    return &catalogue->departments[index];
}

const struct bus_department *bus_catalogue_find_department(const struct bus_catalogue *catalogue, const char *name)
{
    for (size_t i = 0; i < catalogue->department_count; i++) {
        if (strcmp(catalogue->departments[i].name, name) == 0)
            return &catalogue->departments[i];
    }
    return NULL;
}

size_t bus_catalogue_item_count(const struct bus_catalogue *catalogue)
{
    return catalogue->item_count;
}

const struct bus_item *bus_catalogue_item(const struct bus_catalogue *catalogue, size_t index)
{
    return &catalogue->items[index];
}

const struct bus_item *bus_catalogue_find_item(const struct bus_catalogue *catalogue, const char *department,
                                               const char *item)
{
    for (size_t i = 0; i < catalogue->item_count; i++) {
        const struct bus_item *found = &catalogue->items[i];
        if (strcmp(found->name, item) == 0 && strcmp(found->department->name, department) == 0)
            return found;
    }
    return NULL;
}

const struct bus_item *bus_catalogue_item_by_number(const struct bus_catalogue *catalogue, int number)
{
    for (size_t i = 0; i < catalogue->item_count; i++) {
        if (catalogue->items[i].number == number)
            return &catalogue->items[i];
    }
    return NULL;
}

const struct bus_item_version *bus_item_version_by_fingerprint(const struct bus_item *item, uint64_t fingerprint)
{
    for (size_t i = item->version_count; i > 0; i--) {
        if (bus_schema_fingerprint(item->versions[i - 1].schema) == fingerprint)
            return &item->versions[i - 1];
    }
    return NULL;
}

const struct bus_item_version *bus_item_current(const struct bus_item *item)
{
    return &item->versions[item->version_count - 1];
}

bool bus_grant_covers(const struct bus_grant *grant, const struct bus_item *item)
{
    return strcmp(grant->item, item->name) == 0 && (grant->department == NULL || grant->department == item->department);
}

size_t bus_catalogue_subscriber_count(const struct bus_catalogue *catalogue)
{
    return catalogue->subscriber_count;
}

const struct bus_subscriber *bus_catalogue_subscriber(const struct bus_catalogue *catalogue, size_t index)
{
    return &catalogue->subscribers[index];
}

const struct bus_subscriber *bus_catalogue_find_subscriber(const struct bus_catalogue *catalogue, const char *name)
{
    for (size_t i = 0; i < catalogue->subscriber_count; i++) {
        if (strcmp(catalogue->subscribers[i].name, name) == 0)
            return &catalogue->subscribers[i];
    }
    return NULL;
}

void bus_topic_in(const char *prefix, const struct bus_item *item, char out_topic[BUS_TOPIC_SIZE])
{
    snprintf(out_topic, BUS_TOPIC_SIZE, "%sin.%s.%s", prefix, item->department->name, item->name);
}

void bus_topic_out(const char *prefix, const char *subscriber, char out_topic[BUS_TOPIC_SIZE])
{
    snprintf(out_topic, BUS_TOPIC_SIZE, "%sout.%s", prefix, subscriber);
}

const struct bus_item *bus_topic_item(const struct bus_catalogue *catalogue, const char *prefix, const char *topic)
{
    size_t length = strlen(prefix);
    if (strncmp(topic, prefix, length) != 0 || strncmp(topic + length, "in.", 3) != 0)
        return NULL;
    const char *department = topic + length + 3;
    size_t department_length = strcspn(department, ".");
    if (department[department_length] == '\0')
        return NULL;
    const char *name = department + department_length + 1;
    for (size_t i = 0; i < catalogue->item_count; i++) {
        const struct bus_item *item = &catalogue->items[i];
        if (strlen(item->department->name) == department_length &&
            memcmp(item->department->name, department, department_length) == 0 && strcmp(item->name, name) == 0)
            return item;
    }
    return NULL;
}
