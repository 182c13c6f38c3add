#include "bus/settings.h"

#include <assert.h>
#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_LENGTH = 64, VISIBLE_NAMES = 160 };

/* A node is libconfig's setting: the opaque type of the header is never completed. */
struct bus_settings {
    config_t config;
    char *path;
    char *folder;
};

static const config_setting_t *raw(const struct bus_settings_node *node)
{
    return (const config_setting_t *)node;
}

static const struct bus_settings_node *node_of(const config_setting_t *setting)
{
    return (const struct bus_settings_node *)setting;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static enum bus_status read_file(struct bus_settings *settings, struct bus_error *error)
{
    struct stat status;
    if (stat(settings->path, &status) != 0)
        return bus_fail(error, BUS_FATAL, "%s: cannot read the settings: %s", settings->path, strerror(errno));
    /* libconfig's scanner ends the process when it reads a directory. */
    if (!S_ISREG(status.st_mode))
        return bus_fail(error, BUS_FATAL, "%s: cannot read the settings: not a file", settings->path);
    if (config_read_file(&settings->config, settings->path) == CONFIG_TRUE)
        return BUS_OK;
    if (config_error_type(&settings->config) != CONFIG_ERR_PARSE)
        return bus_fail(error, BUS_FATAL, "%s: cannot read the settings: %s", settings->path, strerror(errno));
    const char *file = config_error_file(&settings->config);
    return bus_fail(error, BUS_FATAL, "%s:%d: %s", file != NULL ? file : settings->path,
                    config_error_line(&settings->config), config_error_text(&settings->config));
}

enum bus_status bus_settings_load(const char *path, struct bus_settings **out_settings, struct bus_error *error)
{
    enum bus_status status;
    struct bus_settings *settings = calloc(1, sizeof *settings);
    if (settings == NULL)
        return bus_fail(error, BUS_FATAL, "%s: cannot read the settings: out of memory", path);
    config_init(&settings->config);
    settings->path = strdup(path);
    settings->folder = folder_of(path);
    if (settings->path == NULL || settings->folder == NULL) {
        status = bus_fail(error, BUS_FATAL, "%s: cannot read the settings: out of memory", path);
        goto out;
    }
    config_set_include_dir(&settings->config, settings->folder);
    status = read_file(settings, error);
    if (status != BUS_OK)
        goto out;
    *out_settings = settings;
    settings = NULL;
out:
    bus_settings_destroy(settings);
    return status;
}

void bus_settings_destroy(struct bus_settings *settings)
{
    if (settings == NULL)
        return;
    config_destroy(&settings->config);
    free(settings->path);
    free(settings->folder);
    free(settings);
}

const struct bus_settings_node *bus_settings_root(const struct bus_settings *settings)
{
    return node_of(config_root_setting(&settings->config));
}

const char *bus_settings_path_view(const struct bus_settings *settings)
{
    return settings->path;
}

const char *bus_settings_folder_view(const struct bus_settings *settings)
{
    return settings->folder;
}

const struct bus_settings_node *bus_settings_child(const struct bus_settings_node *node, const char *name)
{
    if (!config_setting_is_group(raw(node)))
        return NULL;
    return node_of(config_setting_get_member(raw(node), name));
}

size_t bus_settings_count(const struct bus_settings_node *node)
{
    return (size_t)config_setting_length(raw(node));
}

const struct bus_settings_node *bus_settings_at(const struct bus_settings_node *node, size_t index)
{
    return node_of(config_setting_get_elem(raw(node), (unsigned)index));
}

const char *bus_settings_name(const struct bus_settings_node *node)
{
    const char *name = config_setting_name(raw(node));
    return name != NULL ? name : "";
}

int bus_settings_line(const struct bus_settings_node *node)
{
    return (int)config_setting_source_line(raw(node));
}

const char *bus_settings_file(const struct bus_settings_node *node)
{
    const char *file = config_setting_source_file(raw(node));
    return file != NULL ? file : "";
}

const char *bus_settings_as_text(const struct bus_settings_node *node)
{
    return config_setting_type(raw(node)) == CONFIG_TYPE_STRING ? config_setting_get_string(raw(node)) : NULL;
}

static bool is_texts(const config_setting_t *setting)
{
    if (!config_setting_is_array(setting) && !config_setting_is_list(setting))
        return false;
    for (int i = 0; i < config_setting_length(setting); i++) {
        if (config_setting_type(config_setting_get_elem(setting, (unsigned)i)) != CONFIG_TYPE_STRING)
            return false;
    }
    return true;
}

enum bus_option_type bus_settings_type(const struct bus_settings_node *node)
{
    switch (config_setting_type(raw(node))) {
    case CONFIG_TYPE_STRING: return BUS_OPTION_TEXT;
    case CONFIG_TYPE_BOOL: return BUS_OPTION_BOOLEAN;
    case CONFIG_TYPE_GROUP: return BUS_OPTION_GROUP;
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST: return is_texts(raw(node)) ? BUS_OPTION_TEXTS : BUS_OPTION_LIST;
    default: return BUS_OPTION_INTEGER;
    }
}

enum bus_status bus_settings_fail(const struct bus_settings_node *node, struct bus_error *error, const char *format,
                                  ...)
{
    char message[BUS_ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return bus_fail(error, BUS_FATAL, "%s:%d: %s", bus_settings_file(node), bus_settings_line(node), message);
}

static const char *type_name(enum bus_option_type type)
{
    static const char *const names[] = {"a text",        "a whole number", "true or false", "a list of texts [\"…\"]",
                                        "a group { … }", "a list ( … )"};
    return names[type];
}

static bool has_type(const config_setting_t *setting, enum bus_option_type type)
{
    int found = config_setting_type(setting);
    switch (type) {
    case BUS_OPTION_TEXT: return found == CONFIG_TYPE_STRING;
    case BUS_OPTION_INTEGER: return found == CONFIG_TYPE_INT || found == CONFIG_TYPE_INT64;
    case BUS_OPTION_BOOLEAN: return found == CONFIG_TYPE_BOOL;
    case BUS_OPTION_TEXTS: return is_texts(setting);
    case BUS_OPTION_GROUP: return found == CONFIG_TYPE_GROUP;
    case BUS_OPTION_LIST: return found == CONFIG_TYPE_LIST || found == CONFIG_TYPE_ARRAY;
    }
    return false;
}

/* Whether `text` is one of "a|b|c". */
static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = choices;; at++) {
        size_t part = strcspn(at, "|");
        if (part == length && memcmp(at, text, length) == 0)
            return true;
        at += part;
        if (*at == '\0')
            return false;
    }
}

static enum bus_status check_value(const struct bus_settings_node *node, const struct bus_option *option,
                                   struct bus_error *error)
{
    if (!has_type(raw(node), option->type))
        return bus_settings_fail(node, error, "'%s' must be %s", option->name, type_name(option->type));
    if (option->type == BUS_OPTION_TEXT && option->choices != NULL &&
        !is_choice(option->choices, config_setting_get_string(raw(node))))
        return bus_settings_fail(node, error, "'%s' must be one of %s, not '%s'", option->name, option->choices,
                                 config_setting_get_string(raw(node)));
    if (option->type != BUS_OPTION_INTEGER || (option->minimum == 0 && option->maximum == 0))
        return BUS_OK;
    long long value = config_setting_get_int64(raw(node));
    if (value < option->minimum || value > option->maximum)
        return bus_settings_fail(node, error, "'%s' must be from %lld to %lld, not %lld", option->name,
                                 (long long)option->minimum, (long long)option->maximum, value);
    return BUS_OK;
}

static const struct bus_option *find_option(const struct bus_option *options, const char *name)
{
    for (const struct bus_option *option = options; option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0)
            return option;
    }
    return NULL;
}

static enum bus_status fail_unknown(const struct bus_settings_node *node, const struct bus_option *options,
                                    struct bus_error *error)
{
    const char *name = bus_settings_name(node);
    const char *nearest = bus_settings_nearest(options, name);
    if (nearest != NULL)
        return bus_settings_fail(node, error, "unknown key '%s'; did you mean '%s'?", name, nearest);
    char known[VISIBLE_NAMES] = "";
    size_t used = 0;
    for (const struct bus_option *option = options; option->name != NULL && used < sizeof known; option++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", option->name);
    return bus_settings_fail(node, error, "unknown key '%s'; known are %s%s", name, known,
                             used >= sizeof known ? " …" : "");
}

enum bus_status bus_settings_check(const struct bus_settings_node *node, const struct bus_option *options,
                                   struct bus_error *error)
{
    if (!config_setting_is_group(raw(node)))
        return bus_settings_fail(node, error, "a group { … } is expected here");
    for (size_t i = 0; i < bus_settings_count(node); i++) {
        const struct bus_settings_node *member = bus_settings_at(node, i);
        const struct bus_option *option = find_option(options, bus_settings_name(member));
        enum bus_status status =
            option == NULL ? fail_unknown(member, options, error) : check_value(member, option, error);
        if (status != BUS_OK)
            return status;
    }
    for (const struct bus_option *option = options; option->name != NULL; option++) {
        if (option->default_text == NULL && bus_settings_child(node, option->name) == NULL)
            return bus_settings_fail(node, error, "'%s' is missing: %s", option->name, option->help);
    }
    return BUS_OK;
}

/* The setting of `name`, or NULL when its default counts; in both cases *out_option is its row of the table. */
static const config_setting_t *look_up(const struct bus_settings_node *node, const struct bus_option *options,
                                       const char *name, enum bus_option_type type,
                                       const struct bus_option **out_option)
{
    *out_option = find_option(options, name);
    assert(*out_option != NULL && (*out_option)->type == type);
    (void)type;
    return raw(bus_settings_child(node, name));
}

const char *bus_settings_text(const struct bus_settings_node *node, const struct bus_option *options, const char *name)
{
    const struct bus_option *option;
    const config_setting_t *setting = look_up(node, options, name, BUS_OPTION_TEXT, &option);
    return setting != NULL ? config_setting_get_string(setting) : option->default_text;
}

int64_t bus_settings_integer(const struct bus_settings_node *node, const struct bus_option *options, const char *name)
{
    const struct bus_option *option;
    const config_setting_t *setting = look_up(node, options, name, BUS_OPTION_INTEGER, &option);
    return setting != NULL ? config_setting_get_int64(setting) : strtoll(option->default_text, NULL, 10);
}

bool bus_settings_boolean(const struct bus_settings_node *node, const struct bus_option *options, const char *name)
{
    const struct bus_option *option;
    const config_setting_t *setting = look_up(node, options, name, BUS_OPTION_BOOLEAN, &option);
    return setting != NULL ? config_setting_get_bool(setting) != 0 : strcmp(option->default_text, "true") == 0;
}

enum bus_status bus_settings_resolve(const struct bus_settings *settings, const char *path, char *out_path, size_t size,
                                     struct bus_error *error)
{
    int length = path[0] == '/' ? snprintf(out_path, size, "%s", path)
                                : snprintf(out_path, size, "%s/%s", settings->folder, path);
    if (length < 0 || (size_t)length >= size)
        return bus_fail(error, BUS_FATAL, "%s: a path is longer than %zu bytes: %.60s…", settings->path, size - 1,
                        path);
    return BUS_OK;
}

enum bus_status bus_settings_resolve_existing(const struct bus_settings *settings, const struct bus_settings_node *node,
                                              const struct bus_option *options, const char *name, char *out_path,
                                              size_t size, struct bus_error *error)
{
    enum bus_status status =
        bus_settings_resolve(settings, bus_settings_text(node, options, name), out_path, size, error);
    if (status == BUS_OK && access(out_path, R_OK) != 0)
        return bus_settings_fail(bus_settings_child(node, name), error, "%s: cannot read %s: %s", name, out_path,
                                 strerror(errno));
    return status;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance of two names of at most NAME_MAX_LENGTH bytes. */
static size_t edit_distance(const char *from, const char *to)
{
    size_t row[NAME_MAX_LENGTH + 1];
    size_t width = strlen(to);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; from[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t replaced = diagonal + (from[i - 1] != to[j - 1]);
            diagonal = row[j];
            row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[width];
}

/* Keeps `candidate` when it is nearer to `name` than what was found before and near enough to be meant. */
static void consider(const char *candidate, const char *name, const char **nearest, size_t *distance)
{
    if (strlen(name) > NAME_MAX_LENGTH || strlen(candidate) > NAME_MAX_LENGTH)
        return;
    size_t found = edit_distance(name, candidate);
    if (found > 1 + strlen(name) / 3 || (*nearest != NULL && found >= *distance))
        return;
    *nearest = candidate;
    *distance = found;
}

const char *bus_settings_nearest(const struct bus_option *options, const char *name)
{
    const char *nearest = NULL;
    size_t distance = 0;
    for (const struct bus_option *option = options; option->name != NULL; option++)
        consider(option->name, name, &nearest, &distance);
    return nearest;
}

const char *bus_settings_nearest_name(const char *const *names, size_t count, const char *name)
{
    const char *nearest = NULL;
    size_t distance = 0;
    for (size_t i = 0; i < count; i++)
        consider(names[i], name, &nearest, &distance);
    return nearest;
}

static void document_values(struct bus_buffer *buffer, const struct bus_option *option)
{
    if (option->type == BUS_OPTION_TEXT && option->choices != NULL) {
        for (const char *at = option->choices; *at != '\0'; at++) {
            size_t part = strcspn(at, "|");
            bus_buffer_printf(buffer, "%s`%.*s`", at == option->choices ? "" : ", ", (int)part, at);
            at += part;
            if (*at == '\0')
                break;
        }
    } else if (option->type == BUS_OPTION_INTEGER && (option->minimum != 0 || option->maximum != 0)) {
        bus_buffer_printf(buffer, "%lld … %lld", (long long)option->minimum, (long long)option->maximum);
    } else {
        bus_buffer_printf(buffer, "%s", type_name(option->type));
    }
}

void bus_settings_document(struct bus_buffer *buffer, const char *heading, const char *meaning,
                           const struct bus_option *options)
{
    bus_buffer_printf(buffer, "## %s\n\n%s%s| key | value | default | meaning |\n|---|---|---|---|\n", heading, meaning,
                      meaning[0] != '\0' ? "\n\n" : "");
    for (const struct bus_option *option = options; option->name != NULL; option++) {
        bus_buffer_printf(buffer, "| `%s` | ", option->name);
        document_values(buffer, option);
        if (option->default_text == NULL)
            bus_buffer_printf(buffer, " | **required**");
        else if (option->default_text[0] == '\0')
            bus_buffer_printf(buffer, " | –");
        else
            bus_buffer_printf(buffer, " | `%s`", option->default_text);
        bus_buffer_printf(buffer, " | %s |\n", option->help);
    }
    bus_buffer_printf(buffer, "\n");
}
