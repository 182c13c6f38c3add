/* Catalogue, the inside that the files which load it share. */
#ifndef BUS_CATALOGUE_PRIVATE_H
#define BUS_CATALOGUE_PRIVATE_H

#include "bus/arena.h"
#include "bus/catalogue.h"
#include "bus/settings.h"

enum {
    BUS_CATALOGUE_MAX_FILES = 512,
    BUS_CATALOGUE_MAX_ITEMS = 1024,
    BUS_CATALOGUE_PATH_SIZE = 1024,
    BUS_CATALOGUE_VERSION_SIZE = 16, /* hex digits */
};

struct bus_catalogue {
    struct bus_arena *arena;                             /* arrays; texts live in the settings */
    struct bus_settings *files[BUS_CATALOGUE_MAX_FILES]; /* every file read, until destroy */
    size_t file_count;
    struct bus_schema *schemas[BUS_CATALOGUE_MAX_ITEMS]; /* each once, also when several items share it */
    const char *schema_paths[BUS_CATALOGUE_MAX_ITEMS];
    size_t schema_count;
    const char *folder, *codes_folder, *receivers_folder, *exchange;
    char version[BUS_CATALOGUE_VERSION_SIZE + 1];
    struct bus_department *departments;
    size_t department_count;
    struct bus_item *items;
    size_t item_count;
    struct bus_subscriber *subscribers;
    size_t subscriber_count;
    const struct bus_rights_rule *rights[BUS_RIGHTS_RESTRICTION + 1]; /* by kind */
    struct bus_code_list *lists;
    size_t list_count;
    struct bus_area *areas; /* ascending by code */
    size_t area_count;
    struct bus_calendar *calendar;
};

/* Zeroed memory of the catalogue; NULL out of memory. */
void *bus_catalogue_allocate(struct bus_catalogue *catalogue, size_t count, size_t size);
/* A text of the catalogue; NULL out of memory. */
const char *bus_catalogue_copy(struct bus_catalogue *catalogue, const char *text);
/* Reads a settings file that stays open until destroy. */
BUS_MUST_CHECK enum bus_status bus_catalogue_read(struct bus_catalogue *catalogue, const char *path,
                                                  const struct bus_settings **out_settings, struct bus_error *error);
/* Texts of an array node (NULL = none). */
BUS_MUST_CHECK enum bus_status bus_catalogue_texts(struct bus_catalogue *catalogue,
                                                   const struct bus_settings_node *node, const char *const **out_texts,
                                                   size_t *out_count, struct bus_error *error);
/* FATAL at `node`: `what` 'name' is unknown, with the nearest of `names`. */
enum bus_status bus_catalogue_unknown(const struct bus_settings_node *node, const char *what, const char *name,
                                      const char *const *names, size_t count, struct bus_error *error);

/* The folder of code lists; areas.cfg and calendar.cfg among them. */
BUS_MUST_CHECK enum bus_status bus_catalogue_load_codes(struct bus_catalogue *catalogue, const char *folder,
                                                        struct bus_error *error);
/* Departments and items of the catalogue's own file, with their schemas. */
BUS_MUST_CHECK enum bus_status bus_catalogue_load_items(struct bus_catalogue *catalogue,
                                                        const struct bus_settings *settings,
                                                        const struct bus_settings_node *departments,
                                                        const struct bus_settings_node *items, struct bus_error *error);
/* Which right an item is, and its terms; its versions are loaded. */
BUS_MUST_CHECK enum bus_status bus_catalogue_load_item_rules(struct bus_catalogue *catalogue,
                                                             const struct bus_settings_node *node,
                                                             struct bus_item *item, struct bus_error *error);
/* The rules of rights (`list` may be NULL), after all items. */
BUS_MUST_CHECK enum bus_status bus_catalogue_load_rights(struct bus_catalogue *catalogue,
                                                         const struct bus_settings *settings,
                                                         const struct bus_settings_node *list, struct bus_error *error);
/* The folder of subscribers, each a folder with grants.cfg. */
BUS_MUST_CHECK enum bus_status bus_catalogue_load_subscribers(struct bus_catalogue *catalogue, const char *folder,
                                                              struct bus_error *error);
/* FATAL at `node`: the schema has no such field, with the nearest name. */
enum bus_status bus_catalogue_unknown_field(const struct bus_settings_node *node, const struct bus_schema *schema,
                                            const char *name, struct bus_error *error);
/* `fields` and `where` of the grant `node`, whose item and department are known. */
BUS_MUST_CHECK enum bus_status bus_catalogue_load_fields(struct bus_catalogue *catalogue,
                                                         const struct bus_settings_node *node, struct bus_grant *grant,
                                                         struct bus_error *error);
BUS_MUST_CHECK enum bus_status bus_catalogue_load_conditions(struct bus_catalogue *catalogue,
                                                             const struct bus_settings_node *node,
                                                             struct bus_grant *grant, struct bus_error *error);
/* Last of all: catalogue->version, from everything that was read. */
BUS_MUST_CHECK enum bus_status bus_catalogue_find_version(struct bus_catalogue *catalogue, struct bus_error *error);

#endif
