/* Loading a mapping: every name in the file is resolved, or said with its line. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "adapters/mapping/load.h"

static const char *const usual_missing[] = {"暂无", "\\N", "无", "N/A",  "NA",   "-",
                                            "--",   "/",   "空", "null", "none", "不详"};

/* --- words and columns --- */

void adapters_load_measure(struct adapters_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        if (strlen(words->words[i]) > words->longest)
            words->longest = strlen(words->words[i]);
}

enum bus_status adapters_load_words(const struct bus_settings_node *group, const char *name,
                                    struct adapters_words *words, struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(group, name);
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    if (count > ADAPTERS_WORDS_MAX)
        return bus_settings_fail(list, error, "more than %d values in %s", ADAPTERS_WORDS_MAX, name);
    for (size_t i = 0; i < count; i++)
        words->words[i] = bus_settings_as_text(bus_settings_at(list, i));
    words->count = count;
    adapters_load_measure(words);
    return BUS_OK;
}

enum bus_status adapters_load_column(const struct adapters_mapping *mapping, const struct bus_settings_node *node,
                                     const char *name, size_t *out_column, struct bus_error *error)
{
    for (size_t i = 0; i < mapping->layout.column_count; i++) {
        if (strcmp(mapping->columns[i], name) != 0)
            continue;
        *out_column = i;
        return BUS_OK;
    }
    const char *nearest = bus_settings_nearest_name(mapping->columns, mapping->layout.column_count, name);
    return bus_settings_fail(node, error, "unknown column %s%s%s", name,
                             nearest != NULL ? "; the nearest known is " : "", nearest != NULL ? nearest : "");
}

enum bus_status adapters_load_sources(const struct adapters_mapping *mapping, const struct bus_settings_node *group,
                                      const char *name, struct adapters_sources *sources, struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(group, name);
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    if (count > ADAPTERS_SOURCES_MAX)
        return bus_settings_fail(list, error, "more than %d columns in %s", ADAPTERS_SOURCES_MAX, name);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        const struct bus_settings_node *node = bus_settings_at(list, i);
        status = adapters_load_column(mapping, node, bus_settings_as_text(node), &sources->columns[i], error);
    }
    sources->count = count;
    return status;
}

static enum bus_status read_ignored(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                    struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(root, "ignored");
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    if (count > ADAPTERS_COLUMNS_MAX)
        return bus_settings_fail(list, error, "more than %d columns in ignored", ADAPTERS_COLUMNS_MAX);
    for (size_t i = 0; i < count; i++)
        mapping->ignored[i] = bus_settings_as_text(bus_settings_at(list, i));
    mapping->layout.ignored_count = count;
    return BUS_OK;
}

static enum bus_status read_columns(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                    struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(root, "columns"),
                                   *optional = bus_settings_child(root, "optional");
    size_t count = bus_settings_count(list);
    if (count == 0 || count > ADAPTERS_COLUMNS_MAX)
        return bus_settings_fail(list, error, "a feed has 1 to %d columns", ADAPTERS_COLUMNS_MAX);
    for (size_t i = 0; i < count; i++) {
        mapping->columns[i] = bus_settings_as_text(bus_settings_at(list, i));
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(mapping->columns[j], mapping->columns[i]) == 0)
                return bus_settings_fail(bus_settings_at(list, i), error, "column %s is named twice",
                                         mapping->columns[i]);
    }
    mapping->layout.column_count = count;
    for (size_t i = 0; optional != NULL && i < bus_settings_count(optional); i++) {
        size_t column = 0;
        const struct bus_settings_node *node = bus_settings_at(optional, i);
        enum bus_status status = adapters_load_column(mapping, node, bus_settings_as_text(node), &column, error);
        if (status != BUS_OK)
            return status;
        mapping->is_optional[column] = true;
    }
    return read_ignored(mapping, root, error);
}

static bool is_time_of_day(const char *text)
{
    unsigned hour, minute;
    int length = 0;
    return sscanf(text, "%2u:%2u%n", &hour, &minute, &length) == 2 && text[length] == '\0' && length == 5 &&
           hour < 24 && minute < 60;
}

static enum bus_status read_delivery(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                     struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_options;
    mapping->delivery = (struct adapters_delivery){
        .is_full_list = bus_settings_text(root, options, "list")[0] == 'f',
        .max_withdraw_percent = bus_settings_integer(root, options, "max_withdraw"),
        .max_withdraw_rows = bus_settings_integer(root, options, "max_withdraw_rows"),
        .table = bus_settings_text(root, options, "table"),
        .cadence = bus_settings_text(root, options, "cadence"),
        .due_by = bus_settings_text(root, options, "due_by"),
    };
    const struct adapters_delivery *delivery = &mapping->delivery;
    if ((delivery->table[0] != '\0') != (mapping->layout.format == ADAPTERS_FORMAT_TABLE))
        return bus_settings_fail(root, error, "format = \"table\" and the table's name go together");
    if (delivery->due_by[0] != '\0' && !is_time_of_day(delivery->due_by))
        return bus_settings_fail(bus_settings_child(root, "due_by"), error, "due_by is a time of day, such as 08:30");
    return adapters_poll_read(root, &mapping->poll, error);
}

static enum bus_status read_missing(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                    struct bus_error *error)
{
    if (bus_settings_child(root, "missing") != NULL)
        return adapters_load_words(root, "missing", &mapping->missing, error);
    mapping->missing.count = sizeof usual_missing / sizeof *usual_missing;
    memcpy(mapping->missing.words, usual_missing, sizeof usual_missing);
    adapters_load_measure(&mapping->missing);
    return BUS_OK;
}

/* --- groups --- */

static enum bus_status read_refusal(struct adapters_mapping *mapping, const struct bus_settings_node *node,
                                    struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_refuse_options;
    if (mapping->refusal_count == ADAPTERS_REFUSALS_MAX)
        return bus_settings_fail(node, error, "more than %d kinds of rows in refuse", ADAPTERS_REFUSALS_MAX);
    struct adapters_refusal_plan *plan = &mapping->refusals[mapping->refusal_count++];
    enum bus_status status = bus_settings_check(node, options, error);
    if (status == BUS_OK)
        status = adapters_load_column(mapping, node, bus_settings_text(node, options, "column"), &plan->column, error);
    if (status == BUS_OK)
        status = adapters_load_words(node, "values", &plan->values, error);
    if (status != BUS_OK)
        return status;
    plan->when_missing = bus_settings_boolean(node, options, "when_missing");
    plan->code = bus_settings_text(node, options, "code");
    plan->zh = bus_settings_text(node, options, "zh");
    plan->en = bus_settings_text(node, options, "en");
    return BUS_OK;
}

static enum bus_status read_refusals(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                     struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(root, "refuse");
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && list != NULL && i < bus_settings_count(list); i++)
        status = read_refusal(mapping, bus_settings_at(list, i), error);
    return status;
}

static enum bus_status read_operation(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                      struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_operation_options;
    const struct bus_settings_node *group = bus_settings_child(root, "operation");
    mapping->has_operation = group != NULL;
    if (group == NULL)
        return BUS_OK;
    enum bus_status status = bus_settings_check(group, options, error);
    if (status == BUS_OK)
        status = adapters_load_column(mapping, group, bus_settings_text(group, options, "column"),
                                      &mapping->operation_column, error);
    if (status == BUS_OK)
        status = adapters_load_words(group, "put", &mapping->put, error);
    return status == BUS_OK ? adapters_load_words(group, "withdraw", &mapping->withdraw, error) : status;
}

int adapters_load_kind(const char *name)
{
    return name[0] == '\0' ? -1 : name[0] == 'P' ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
}

static bool can_be(const struct adapters_mapping *mapping, enum bus_subject_kind kind,
                   const struct adapters_words *kinds)
{
    return mapping->subject_kind >= 0 ? mapping->subject_kind == (int)kind : kinds->count > 0;
}

static enum bus_status read_subject(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                    struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_subject_options;
    const struct bus_settings_node *group = bus_settings_child(root, "subject");
    enum bus_status status = bus_settings_check(group, options, error);
    if (status != BUS_OK)
        return status;
    const char *kind = bus_settings_text(group, options, "kind"),
               *column = bus_settings_text(group, options, "kind_column");
    if ((kind[0] == '\0') == (column[0] == '\0'))
        return bus_settings_fail(group, error, "a subject has either a kind or a kind_column");
    mapping->subject_kind = adapters_load_kind(kind);
    if (column[0] != '\0')
        status = adapters_load_column(mapping, group, column, &mapping->kind_column, error);
    if (status == BUS_OK)
        status = adapters_load_words(group, "person_kinds", &mapping->person_kinds, error);
    if (status == BUS_OK)
        status = adapters_load_words(group, "organisation_kinds", &mapping->organisation_kinds, error);
    if (status == BUS_OK)
        status = adapters_load_sources(mapping, group, "person", &mapping->person_ids, error);
    if (status == BUS_OK)
        status = adapters_load_sources(mapping, group, "organisation", &mapping->organisation_ids, error);
    if (status != BUS_OK)
        return status;
    if (can_be(mapping, BUS_SUBJECT_PERSON, &mapping->person_kinds) && mapping->person_ids.count == 0)
        return bus_settings_fail(group, error, "subjects can be persons: person must name a column with their number");
    if (can_be(mapping, BUS_SUBJECT_ORGANISATION, &mapping->organisation_kinds) && mapping->organisation_ids.count == 0)
        return bus_settings_fail(group, error,
                                 "subjects can be organisations: organisation must name a column with their code");
    return BUS_OK;
}

static enum bus_status read_single_columns(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                           struct bus_error *error)
{
    const char *area = bus_settings_text(root, adapters_mapping_options, "area");
    mapping->has_area = area[0] != '\0';
    mapping->default_area = bus_settings_text(root, adapters_mapping_options, "default_area");
    const char *changed_at = bus_settings_text(root, adapters_mapping_options, "changed_at");
    enum bus_status status = BUS_OK;
    mapping->has_changed_at = changed_at[0] != '\0';
    if (mapping->has_changed_at)
        status = adapters_load_column(mapping, root, changed_at, &mapping->changed_at, error);
    return status == BUS_OK && mapping->has_area
               ? adapters_load_column(mapping, root, area, &mapping->area_column, error)
               : status;
}

/* --- the whole --- */

/* A department's rows become records of its own items, or events of a right, which is written rights/repair. */
static enum bus_status find_item(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                 const char *department, const struct bus_settings_node *root, struct bus_error *error)
{
    const char *name = bus_settings_text(root, adapters_mapping_options, "item");
    if (name[0] == '\0')
        name = mapping->feed;
    const char *slash = strchr(name, '/');
    char of[ADAPTERS_DEPARTMENT_SIZE];
    size_t length = slash != NULL ? (size_t)(slash - name) : strlen(department);
    snprintf(of, sizeof of, "%.*s", (int)(length < sizeof of ? length : sizeof of - 1),
             slash != NULL ? name : department);
    mapping->item = bus_catalogue_find_item(catalogue, of, slash != NULL ? slash + 1 : name);
    if (mapping->item == NULL)
        return bus_settings_fail(root, error, "department %s has no item %s in the catalogue", of,
                                 slash != NULL ? slash + 1 : name);
    if (strcmp(of, department) != 0 && mapping->item->rights == BUS_RIGHTS_NONE)
        return bus_settings_fail(root, error, "%s is neither an item of %s nor a right of subjects", name, department);
    mapping->schema = bus_item_current(mapping->item)->schema;
    return BUS_OK;
}

static enum bus_status read_file(struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                                 const char *department, struct bus_error *error)
{
    const struct bus_settings_node *root = bus_settings_root(mapping->file);
    enum bus_status status = bus_settings_check(root, adapters_mapping_options, error);
    if (status == BUS_OK)
        status = find_item(mapping, catalogue, department, root, error);
    if (status == BUS_OK)
        status = adapters_load_layout(mapping, root, error);
    if (status == BUS_OK)
        status = read_delivery(mapping, root, error);
    if (status == BUS_OK)
        status = read_columns(mapping, root, error);
    if (status == BUS_OK)
        status = read_missing(mapping, root, error);
    if (status == BUS_OK)
        status = read_refusals(mapping, root, error);
    if (status == BUS_OK)
        status = read_operation(mapping, root, error);
    if (status == BUS_OK)
        status = read_subject(mapping, root, error);
    if (status == BUS_OK)
        status = read_single_columns(mapping, root, error);
    if (status == BUS_OK)
        status = adapters_load_target(mapping, catalogue, department, root, error);
    return status == BUS_OK ? adapters_load_fields(mapping, catalogue, root, error) : status;
}

enum bus_status adapters_mapping_load(const char *path, const struct bus_catalogue *catalogue, const char *department,
                                      struct adapters_mapping **out_mapping, struct bus_error *error)
{
    struct adapters_mapping *mapping = calloc(1, sizeof *mapping);
    if (mapping == NULL)
        return bus_fail(error, BUS_FATAL, "read a mapping: out of memory");
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    snprintf(mapping->feed, sizeof mapping->feed, "%.*s", (int)(dot != NULL ? dot - name : (ptrdiff_t)strlen(name)),
             name);
    enum bus_status status = bus_settings_load(path, &mapping->file, error);
    if (status == BUS_OK)
        status = read_file(mapping, catalogue, department, error);
    if (status == BUS_OK)
        *out_mapping = mapping;
    else
        adapters_mapping_destroy(mapping);
    return status;
}

void adapters_mapping_destroy(struct adapters_mapping *mapping)
{
    if (mapping == NULL)
        return;
    bus_settings_destroy(mapping->file);
    for (size_t i = 0; i < mapping->code_table_count; i++)
        adapters_code_table_destroy(mapping->code_tables[i].table);
    free(mapping->fields);
    free(mapping->target.parts);
    free(mapping);
}
