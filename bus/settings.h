/* Settings: libconfig files read against tables of options.
 *
 * Each module owns a table: name, type, default, check, help. An unknown key, a wrong type, a missing mandatory key or a value
 * out of range is FATAL with file, line and, for an unknown key, the nearest known one. docs/configuration.md is generated
 * from the same tables. Strings live as long as the settings. */
#ifndef BUS_SETTINGS_H
#define BUS_SETTINGS_H

#include "bus/bytes.h"

struct bus_settings;      /* one file with its includes */
struct bus_settings_node; /* a place in it: group, list or array; lives as long as the settings */

enum bus_option_type {
    BUS_OPTION_TEXT,
    BUS_OPTION_INTEGER,
    BUS_OPTION_BOOLEAN,
    BUS_OPTION_TEXTS,
    BUS_OPTION_GROUP,
    BUS_OPTION_LIST
};

struct bus_option {
    const char *name;
    enum bus_option_type type;
    const char *default_text; /* NULL = mandatory; integers and booleans as text ("" = 0, false); "" = may be absent */
    int64_t minimum, maximum; /* integers; 0, 0 = any */
    const char *choices;      /* texts: "a|b|c", or NULL */
    const char *help;         /* one sentence: what it does, unit */
};

/* Reads the file and what it includes (@include "other.cfg", relative to the folder of this file). FATAL with file and line. */
BUS_MUST_CHECK enum bus_status bus_settings_load(const char *path, struct bus_settings **out_settings,
                                                 struct bus_error *error);
void bus_settings_destroy(struct bus_settings *settings);
const struct bus_settings_node *bus_settings_root(const struct bus_settings *settings);
const char *bus_settings_path_view(const struct bus_settings *settings);
/* Folder of the file, "." when the path has none; relative paths in settings are relative to it. */
const char *bus_settings_folder_view(const struct bus_settings *settings);

/* Holds the group `node` against `options` (ends with a NULL name): unknown, missing, wrong type, out of range. FATAL. */
BUS_MUST_CHECK enum bus_status bus_settings_check(const struct bus_settings_node *node,
                                                  const struct bus_option *options, struct bus_error *error);

/* Values of a checked group; the option's default when the key is absent. Asking for a name that the table lacks is our
 * mistake (assert). */
const char *bus_settings_text(const struct bus_settings_node *node, const struct bus_option *options, const char *name);
int64_t bus_settings_integer(const struct bus_settings_node *node, const struct bus_option *options, const char *name);
bool bus_settings_boolean(const struct bus_settings_node *node, const struct bus_option *options, const char *name);
/* NULL when absent. */
const struct bus_settings_node *bus_settings_child(const struct bus_settings_node *node, const char *name);
size_t bus_settings_count(const struct bus_settings_node *node);
const struct bus_settings_node *bus_settings_at(const struct bus_settings_node *node, size_t index);
/* Name of the node in its group, "" in lists. Line of the node in its file, for messages; its file. */
const char *bus_settings_name(const struct bus_settings_node *node);
int bus_settings_line(const struct bus_settings_node *node);
const char *bus_settings_file(const struct bus_settings_node *node);
/* The node itself as text (NULL when it is no text); scalar elements of arrays. */
const char *bus_settings_as_text(const struct bus_settings_node *node);
/* What the node is, for those who accept several types: TEXTS for an array or list of texts only. */
enum bus_option_type bus_settings_type(const struct bus_settings_node *node);
/* FATAL with file and line of `node` in front of the message. */
enum bus_status bus_settings_fail(const struct bus_settings_node *node, struct bus_error *error, const char *format,
                                  ...) BUS_PRINTF(3, 4);

/* `path` relative to the folder of the settings file, into `out_path` of `size` bytes. FATAL when too long. */
BUS_MUST_CHECK enum bus_status bus_settings_resolve(const struct bus_settings *settings, const char *path,
                                                    char *out_path, size_t size, struct bus_error *error);

/* The same for the mandatory path `name` of the group `node`, which must be there and readable: FATAL with file and line of the key
 * otherwise. */
BUS_MUST_CHECK enum bus_status bus_settings_resolve_existing(const struct bus_settings *settings,
                                                             const struct bus_settings_node *node,
                                                             const struct bus_option *options, const char *name,
                                                             char *out_path, size_t size, struct bus_error *error);

/* Of the known names in `options`, the one nearest to `name` by edit distance, or NULL when none is near. */
const char *bus_settings_nearest(const struct bus_option *options, const char *name);
/* The same over `count` names, for whoever looks names up elsewhere (columns, transforms, fields). */
const char *bus_settings_nearest_name(const char *const *names, size_t count, const char *name);

/* Appends a section of docs/configuration.md: a heading, `meaning` (a sentence or "") and a table of the options. */
void bus_settings_document(struct bus_buffer *buffer, const char *heading, const char *meaning,
                           const struct bus_option *options);

#endif
