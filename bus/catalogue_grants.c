/* The catalogue's subscribers and their grants: who may have which fields. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/catalogue_options.h"
#include "bus/catalogue_private.h"
#include "bus/identifier.h"

enum { NAMES = 1024 };

static const int64_t MS_A_DAY = 86400000;
static const int64_t BEIJING_MS = 8 * 3600000; /* dates of law are days in Beijing */

const struct bus_option bus_catalogue_subscriber_options[] = {
    {"number", BUS_OPTION_INTEGER, NULL, 0, BUS_CATALOGUE_MAX_SUBSCRIBERS - 1, NULL,
     "never changes and is never used again"},
    {"name_zh", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in Chinese"},
    {"name_en", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in English"},
    {"public", BUS_OPTION_BOOLEAN, "false", 0, 0, NULL, "what it receives is open to everyone"},
    {"grants", BUS_OPTION_LIST, NULL, 0, 0, NULL, "what it may have"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

const struct bus_option bus_catalogue_grant_options[] = {
    {"name", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name of the grant, unique in the exchange"},
    {"item", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "item"},
    {"department", BUS_OPTION_TEXT, "", 0, 0, NULL, "whose item; every department's by default"},
    {"fields", BUS_OPTION_TEXTS, NULL, 0, 0, NULL,
     "the fields that may leave; name:mask, name:year or name:present to cut one down"},
    {"purpose", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "what for"},
    {"legal_basis", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "by which law"},
    {"from", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "first day in force, YYYY-MM-DD in Beijing"},
    {"to", BUS_OPTION_TEXT, "", 0, 0, NULL, "last day in force, YYYY-MM-DD in Beijing; open by default"},
    {"subject_kinds", BUS_OPTION_TEXTS, "", 0, 0, NULL, "ORGANISATION, PERSON; both by default"},
    {"areas", BUS_OPTION_TEXTS, "", 0, 0, NULL, "area codes or their beginnings; everywhere by default"},
    {"where", BUS_OPTION_TEXTS, "", 0, 0, NULL, "conditions on the record's fields, which all must hold"},
    {"portfolio", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "file of subject identifiers, relative to this one: only about these"},
    {"on_end", BUS_OPTION_TEXT, "withdraw", 0, 0, "withdraw|keep",
     "what becomes of what was given when the grant ends"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

static enum bus_status fail_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "cannot load the grants: out of memory");
}

static bool is_plain_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= 80 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

/* A day, or `absent` for ""; milliseconds of its beginning in Beijing. */
static enum bus_status read_day(const struct bus_settings_node *node, const char *name, int64_t absent, int64_t *out_ms,
                                struct bus_error *error)
{
    const char *text = bus_settings_text(node, bus_catalogue_grant_options, name);
    int year, month, day, used = 0;
    int32_t days;
    *out_ms = absent;
    if (text[0] == '\0' && absent == INT64_MAX)
        return BUS_OK;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || text[used] != '\0' ||
        !bus_date_days(year, month, day, &days))
        return bus_settings_fail(node, error, "'%s' must be a day YYYY-MM-DD, not '%s'", name, text);
    *out_ms = days * MS_A_DAY - BEIJING_MS;
    return BUS_OK;
}

static enum bus_status read_term(const struct bus_settings_node *node, struct bus_grant *grant, struct bus_error *error)
{
    enum bus_status status = read_day(node, "from", 0, &grant->from_ms, error);
    if (status == BUS_OK)
        status = read_day(node, "to", INT64_MAX, &grant->to_ms, error);
    if (status == BUS_OK && grant->to_ms != INT64_MAX)
        grant->to_ms += MS_A_DAY; /* the last day is included */
    if (status == BUS_OK && grant->from_ms >= grant->to_ms)
        return bus_settings_fail(node, error, "grant '%s' ends before it begins", grant->name);
    return status;
}

static enum bus_status read_kinds(const struct bus_settings_node *node, struct bus_grant *grant,
                                  struct bus_error *error)
{
    const struct bus_settings_node *kinds = bus_settings_child(node, "subject_kinds");
    size_t count = kinds != NULL ? bus_settings_count(kinds) : 0;
    grant->organisations = grant->persons = count == 0;
    for (size_t i = 0; i < count; i++) {
        const char *kind = bus_settings_as_text(bus_settings_at(kinds, i));
        if (strcmp(kind, "ORGANISATION") == 0)
            grant->organisations = true;
        else if (strcmp(kind, "PERSON") == 0)
            grant->persons = true;
        else
            return bus_settings_fail(bus_settings_at(kinds, i), error,
                                     "a subject kind is ORGANISATION or PERSON, not '%s'", kind);
    }
    return BUS_OK;
}

static enum bus_status read_areas(struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                  struct bus_grant *grant, struct bus_error *error)
{
    const struct bus_settings_node *areas = bus_settings_child(node, "areas");
    enum bus_status status = bus_catalogue_texts(catalogue, areas, &grant->areas, &grant->area_count, error);
    for (size_t i = 0; i < grant->area_count && status == BUS_OK; i++) {
        size_t length = strlen(grant->areas[i]);
        if (length < 2 || length > 12 || strspn(grant->areas[i], "0123456789") != length)
            status = bus_settings_fail(bus_settings_at(areas, i), error, "an area is 2 to 12 digits, not '%s'",
                                       grant->areas[i]);
    }
    return status;
}

/* The file itself is for the gateway alone: others load the catalogue without it. */
static enum bus_status read_portfolio(struct bus_catalogue *catalogue, const struct bus_settings *settings,
                                      const struct bus_settings_node *node, struct bus_grant *grant,
                                      struct bus_error *error)
{
    char path[BUS_CATALOGUE_PATH_SIZE];
    const char *name = bus_settings_text(node, bus_catalogue_grant_options, "portfolio");
    if (name[0] == '\0')
        return BUS_OK;
    enum bus_status status = bus_settings_resolve(settings, name, path, sizeof path, error);
    if (status != BUS_OK)
        return status;
    grant->portfolio = bus_catalogue_copy(catalogue, path);
    return grant->portfolio != NULL ? BUS_OK : fail_memory(error);
}

static enum bus_status find_department(const struct bus_catalogue *catalogue, const struct bus_settings_node *node,
                                       struct bus_grant *grant, struct bus_error *error)
{
    const char *name = bus_settings_text(node, bus_catalogue_grant_options, "department");
    if (name[0] == '\0')
        return BUS_OK;
    grant->department = bus_catalogue_find_department(catalogue, name);
    if (grant->department != NULL)
        return BUS_OK;
    const char *names[NAMES];
    size_t count = catalogue->department_count < NAMES ? catalogue->department_count : NAMES;
    for (size_t i = 0; i < count; i++)
        names[i] = catalogue->departments[i].name;
    return bus_catalogue_unknown(bus_settings_child(node, "department"), "department", name, names, count, error);
}

/* Grant names become schema names with '-' as '_', so they must differ in that form too. */
static bool same_name(const char *a, const char *b)
{
    for (; *a != '\0' || *b != '\0'; a++, b++) {
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
            return false;
    }
    return true;
}

static bool is_taken(const struct bus_catalogue *catalogue, const struct bus_subscriber *subscriber, size_t before,
                     const char *name)
{
    for (size_t i = 0; i < before; i++) {
        if (same_name(subscriber->grants[i].name, name))
            return true;
    }
    for (size_t i = 0; i < catalogue->subscriber_count; i++) {
        for (size_t j = 0; j < catalogue->subscribers[i].grant_count; j++) {
            if (same_name(catalogue->subscribers[i].grants[j].name, name))
                return true;
        }
    }
    return false;
}

static enum bus_status load_grant(struct bus_catalogue *catalogue, const struct bus_settings *settings,
                                  const struct bus_settings_node *node, struct bus_grant *grant,
                                  struct bus_error *error)
{
    grant->name = bus_settings_text(node, bus_catalogue_grant_options, "name");
    grant->item = bus_settings_text(node, bus_catalogue_grant_options, "item");
    grant->purpose = bus_settings_text(node, bus_catalogue_grant_options, "purpose");
    grant->legal_basis = bus_settings_text(node, bus_catalogue_grant_options, "legal_basis");
    grant->keeps_at_end = strcmp(bus_settings_text(node, bus_catalogue_grant_options, "on_end"), "keep") == 0;
    if (!is_plain_name(grant->name))
        return bus_settings_fail(node, error, "a grant's name has small letters, digits, '_' and '-' only, not '%s'",
                                 grant->name);
    enum bus_status status = find_department(catalogue, node, grant, error);
    if (status == BUS_OK)
        status = read_term(node, grant, error);
    if (status == BUS_OK)
        status = read_kinds(node, grant, error);
    if (status == BUS_OK)
        status = read_areas(catalogue, node, grant, error);
    if (status == BUS_OK)
        status = read_portfolio(catalogue, settings, node, grant, error);
    if (status == BUS_OK)
        status = bus_catalogue_load_fields(catalogue, node, grant, error);
    return status == BUS_OK ? bus_catalogue_load_conditions(catalogue, node, grant, error) : status;
}

static enum bus_status load_grants(struct bus_catalogue *catalogue, const struct bus_settings *settings,
                                   struct bus_subscriber *subscriber, struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(bus_settings_root(settings), "grants");
    size_t count = bus_settings_count(list);
    if (count > BUS_CATALOGUE_MAX_GRANTS)
        return bus_settings_fail(list, error, "more than %d grants", BUS_CATALOGUE_MAX_GRANTS);
    struct bus_grant *grants = bus_catalogue_allocate(catalogue, count, sizeof *grants);
    if (grants == NULL)
        return fail_memory(error);
    subscriber->grants = grants;
    for (size_t i = 0; i < count; i++) {
        const struct bus_settings_node *node = bus_settings_at(list, i);
        grants[i].subscriber = subscriber;
        enum bus_status status = bus_settings_check(node, bus_catalogue_grant_options, error);
        if (status == BUS_OK)
            status = load_grant(catalogue, settings, node, &grants[i], error);
        if (status != BUS_OK)
            return status;
        if (is_taken(catalogue, subscriber, i, grants[i].name))
            return bus_settings_fail(node, error, "grant '%s' stands twice", grants[i].name);
    }
    subscriber->grant_count = count;
    return BUS_OK;
}

static enum bus_status load_subscriber(struct bus_catalogue *catalogue, const char *folder, const char *name,
                                       struct bus_error *error)
{
    char path[BUS_CATALOGUE_PATH_SIZE + 300];
    const struct bus_settings *settings;
    char *copy = bus_catalogue_allocate(catalogue, strlen(name) + 1, 1);
    if (copy == NULL)
        return fail_memory(error);
    memcpy(copy, name, strlen(name));
    snprintf(path, sizeof path, "%s/%s/grants.cfg", folder, name);
    if (!is_plain_name(name))
        return bus_fail(error, BUS_FATAL, "%s: a subscriber's name has small letters, digits, '_' and '-' only", path);
    enum bus_status status = bus_catalogue_read(catalogue, path, &settings, error);
    if (status == BUS_OK)
        status = bus_settings_check(bus_settings_root(settings), bus_catalogue_subscriber_options, error);
    if (status != BUS_OK)
        return status;
    const struct bus_settings_node *root = bus_settings_root(settings);
    struct bus_subscriber *subscriber = &catalogue->subscribers[catalogue->subscriber_count];
    *subscriber = (struct bus_subscriber){
        .name = copy,
        .name_zh = bus_settings_text(root, bus_catalogue_subscriber_options, "name_zh"),
        .name_en = bus_settings_text(root, bus_catalogue_subscriber_options, "name_en"),
        .number = (int)bus_settings_integer(root, bus_catalogue_subscriber_options, "number"),
        .is_public = bus_settings_boolean(root, bus_catalogue_subscriber_options, "public"),
    };
    for (size_t i = 0; i < catalogue->subscriber_count; i++) {
        if (catalogue->subscribers[i].number == subscriber->number)
            return bus_settings_fail(bus_settings_child(root, "number"), error, "number %d is that of '%s' already",
                                     subscriber->number, catalogue->subscribers[i].name);
    }
    status = load_grants(catalogue, settings, subscriber, error);
    if (status == BUS_OK)
        catalogue->subscriber_count++;
    return status;
}

static int is_folder(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           (entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN);
}

enum bus_status bus_catalogue_load_subscribers(struct bus_catalogue *catalogue, const char *folder,
                                               struct bus_error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_folder, alphasort);
    if (count < 0)
        return bus_fail(error, BUS_FATAL, "%s: cannot read the folder of subscribers: %s", folder, strerror(errno));
    enum bus_status status = BUS_OK;
    catalogue->subscribers =
        bus_catalogue_allocate(catalogue, BUS_CATALOGUE_MAX_SUBSCRIBERS, sizeof *catalogue->subscribers);
    if (catalogue->subscribers == NULL)
        status = fail_memory(error);
    else if (count > BUS_CATALOGUE_MAX_SUBSCRIBERS)
        status = bus_fail(error, BUS_FATAL, "%s: more than %d subscribers", folder, BUS_CATALOGUE_MAX_SUBSCRIBERS);
    for (int i = 0; i < count; i++) {
        if (status == BUS_OK)
            status = load_subscriber(catalogue, folder, entries[i]->d_name, error);
        free(entries[i]);
    }
    free(entries);
    return status;
}
