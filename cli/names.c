#include "cli/names.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 256, MAX_SHOWN = 20 };

static void say_unknown(const char *what_zh, const char *what_en, const char *name, const char *nearest)
{
    fprintf(stderr, "✗ 未知%s / unknown %s: %s", what_zh, what_en, name);
    if (nearest != NULL)
        fprintf(stderr, "；是否 / did you mean %s?", nearest);
    fputc('\n', stderr);
}

bool cli_is_known(const char *what_zh, const char *what_en, const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    say_unknown(what_zh, what_en, name, bus_settings_nearest_name(names, count, name));
    fputs("  可用 / known:", stderr);
    for (size_t i = 0; i < count && i < MAX_SHOWN; i++)
        fprintf(stderr, " %s", names[i]);
    fputs(count > MAX_SHOWN ? " …\n" : "\n", stderr);
    return false;
}

/* Says that `name` is none of the catalogue's names; `name_of` gives them one by one. */
static void say_nearest(const struct bus_catalogue *catalogue, const char *what_zh, const char *what_en,
                        const char *name, size_t count,
                        const char *(*name_of)(const struct bus_catalogue *catalogue, size_t index))
{
    const char **names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = name_of(catalogue, i);
    say_unknown(what_zh, what_en, name, names != NULL ? bus_settings_nearest_name(names, count, name) : NULL);
    free(names);
}

static const char *subscriber_name(const struct bus_catalogue *catalogue, size_t index)
{
    return bus_catalogue_subscriber(catalogue, index)->name;
}

const struct bus_subscriber *cli_subscriber(const struct bus_catalogue *catalogue, const char *name)
{
    const struct bus_subscriber *subscriber = bus_catalogue_find_subscriber(catalogue, name);
    if (subscriber == NULL)
        say_nearest(catalogue, "订阅方", "subscriber", name, bus_catalogue_subscriber_count(catalogue),
                    subscriber_name);
    return subscriber;
}

static const char *department_name(const struct bus_catalogue *catalogue, size_t index)
{
    return bus_catalogue_department(catalogue, index)->name;
}

const struct bus_department *cli_department(const struct bus_catalogue *catalogue, const char *name)
{
    const struct bus_department *department = bus_catalogue_find_department(catalogue, name);
    if (department == NULL)
        say_nearest(catalogue, "部门", "department", name, bus_catalogue_department_count(catalogue), department_name);
    return department;
}

const struct bus_item *cli_item(const struct bus_catalogue *catalogue, const char *department, const char *item)
{
    const struct bus_department *owner = cli_department(catalogue, department);
    const struct bus_item *found = owner == NULL ? NULL : bus_catalogue_find_item(catalogue, department, item);
    if (owner == NULL || found != NULL)
        return found;
    size_t count = 0, items = bus_catalogue_item_count(catalogue);
    const char **names = calloc(items + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < items; i++)
        if (bus_catalogue_item(catalogue, i)->department == owner)
            names[count++] = bus_catalogue_item(catalogue, i)->name;
    say_unknown("目录项", "item of this department", item,
                names != NULL ? bus_settings_nearest_name(names, count, item) : NULL);
    free(names);
    return NULL;
}

const struct bus_item *cli_item_path(const struct bus_catalogue *catalogue, const char *path)
{
    char department[PATH_SIZE];
    size_t length = strcspn(path, "/");
    if (path[length] != '/' || length >= sizeof department) {
        cli_say(CLI_WRONG_USE, "目录项写作 部门/目录项，例如 market/penalty",
                "an item is written DEPARTMENT/ITEM, such as market/penalty");
        return NULL;
    }
    snprintf(department, sizeof department, "%.*s", (int)length, path);
    return cli_item(catalogue, department, path + length + 1);
}

bool cli_record_identity(const struct bus_catalogue *catalogue, const char *department, const char *item,
                         const char *key, uint8_t out_identity[BUS_IDENTITY_SIZE])
{
    char record_key[BUS_RECORD_KEY_MAX + 1];
    if (cli_item(catalogue, department, item) == NULL)
        return false;
    size_t length = strlen(department);
    bool whole = strncmp(key, department, length) == 0 && key[length] == '|';
    snprintf(record_key, sizeof record_key, "%s%s%s", whole ? "" : department, whole ? "" : "|", key);
    bus_event_identity(bus_bytes_text(item), bus_bytes_text(record_key), out_identity);
    return true;
}
