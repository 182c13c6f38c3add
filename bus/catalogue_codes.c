/* The catalogue's code lists and areas. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/catalogue_options.h"
#include "bus/catalogue_private.h"
#include "bus/identifier.h"

enum { MAX_CODES = 16384, AREA_LENGTH = 6 };

const struct bus_option bus_catalogue_code_list_options[] = {
    {"name_zh", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in Chinese"},
    {"name_en", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in English"},
    {"values", BUS_OPTION_LIST, NULL, 0, 0, NULL, "the codes"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

const struct bus_option bus_catalogue_code_options[] = {
    {"code", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "the code as it stands in records"},
    {"zh", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "meaning in Chinese"},
    {"en", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "meaning in English"},
    {"from", BUS_OPTION_TEXT, "", 0, 0, NULL, "first month, YYYY-MM"},
    {"to", BUS_OPTION_TEXT, "", 0, 0, NULL, "month in which it ended, YYYY-MM"},
    {"successors", BUS_OPTION_TEXTS, "", 0, 0, NULL, "codes that took over"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

static enum bus_status fail_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "cannot load the code lists: out of memory");
}

/* FNV-1a: codes are short. */
static size_t hash_code(struct bus_bytes code)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < code.length; i++)
        hash = (hash ^ code.data[i]) * 16777619u;
    return hash;
}

static const struct bus_code *find_code(const struct bus_code_list *list, struct bus_bytes value)
{
    for (size_t slot = hash_code(value) & list->slot_mask; list->slots[slot] != 0;
         slot = (slot + 1) & list->slot_mask) {
        const struct bus_code *code = &list->codes[list->slots[slot] - 1];
        if (bus_bytes_equal_text(value, code->value))
            return code;
    }
    return NULL;
}

bool bus_code_list_has(const struct bus_code_list *list, struct bus_bytes value)
{
    return find_code(list, value) != NULL;
}

/* Fills list->slots; a code that stands twice is refused. */
static enum bus_status index_codes(struct bus_catalogue *catalogue, struct bus_code_list *list,
                                   const struct bus_settings_node *values, struct bus_error *error)
{
    size_t size = 4;
    while (size < 2 * list->count)
        size *= 2;
    uint16_t *slots = bus_catalogue_allocate(catalogue, size, sizeof *slots);
    if (slots == NULL)
        return fail_memory(error);
    list->slots = slots;
    list->slot_mask = size - 1;
    for (size_t i = 0; i < list->count; i++) {
        struct bus_bytes code = bus_bytes_text(list->codes[i].value);
        if (find_code(list, code) != NULL)
            return bus_settings_fail(bus_settings_at(values, i), error, "code '%s' stands twice", list->codes[i].value);
        size_t slot = hash_code(code) & list->slot_mask;
        while (slots[slot] != 0)
            slot = (slot + 1) & list->slot_mask;
        slots[slot] = (uint16_t)(i + 1);
    }
    return BUS_OK;
}

static enum bus_status check_values(const struct bus_settings_node *values, struct bus_error *error)
{
    if (bus_settings_count(values) > MAX_CODES)
        return bus_settings_fail(values, error, "more than %d codes", MAX_CODES);
    for (size_t i = 0; i < bus_settings_count(values); i++) {
        enum bus_status status = bus_settings_check(bus_settings_at(values, i), bus_catalogue_code_options, error);
        if (status != BUS_OK)
            return status;
    }
    return BUS_OK;
}

static enum bus_status load_list(struct bus_catalogue *catalogue, const char *name,
                                 const struct bus_settings_node *root, struct bus_error *error)
{
    const struct bus_settings_node *values = bus_settings_child(root, "values");
    struct bus_code_list *list = &catalogue->lists[catalogue->list_count];
    list->count = bus_settings_count(values);
    struct bus_code *codes = bus_catalogue_allocate(catalogue, list->count, sizeof *codes);
    if (codes == NULL)
        return fail_memory(error);
    for (size_t i = 0; i < list->count; i++) {
        const struct bus_settings_node *value = bus_settings_at(values, i);
        codes[i] = (struct bus_code){bus_settings_text(value, bus_catalogue_code_options, "code"),
                                     bus_settings_text(value, bus_catalogue_code_options, "zh"),
                                     bus_settings_text(value, bus_catalogue_code_options, "en")};
    }
    list->name = name;
    list->name_zh = bus_settings_text(root, bus_catalogue_code_list_options, "name_zh");
    list->name_en = bus_settings_text(root, bus_catalogue_code_list_options, "name_en");
    list->codes = codes;
    enum bus_status status = index_codes(catalogue, list, values, error);
    if (status == BUS_OK)
        catalogue->list_count++;
    return status;
}

/* "YYYY-MM" to the month's first day; `absent` for "". */
static enum bus_status read_month(const struct bus_settings_node *node, const char *name, int32_t absent,
                                  int32_t *out_days, struct bus_error *error)
{
    const char *text = bus_settings_text(node, bus_catalogue_code_options, name);
    int year, month, used = 0;
    *out_days = absent;
    if (text[0] == '\0')
        return BUS_OK;
    if (sscanf(text, "%4d-%2d%n", &year, &month, &used) != 2 || text[used] != '\0' ||
        !bus_date_days(year, month, 1, out_days))
        return bus_settings_fail(node, error, "'%s' must be a month YYYY-MM, not '%s'", name, text);
    return BUS_OK;
}

static int compare_areas(const void *a, const void *b)
{
    return strcmp(((const struct bus_area *)a)->code, ((const struct bus_area *)b)->code);
}

static enum bus_status load_area(const struct bus_settings_node *node, struct bus_area *area, struct bus_error *error)
{
    area->code = bus_settings_text(node, bus_catalogue_code_options, "code");
    if (strlen(area->code) != AREA_LENGTH || strspn(area->code, "0123456789") != AREA_LENGTH)
        return bus_settings_fail(node, error, "an area code has six digits, not '%s'", area->code);
    enum bus_status status = read_month(node, "from", INT32_MIN, &area->from_days, error);
    if (status == BUS_OK)
        status = read_month(node, "to", INT32_MAX, &area->to_days, error);
    if (status == BUS_OK && area->from_days >= area->to_days)
        return bus_settings_fail(node, error, "area '%s' ends before it begins", area->code);
    return status;
}

static enum bus_status load_areas(struct bus_catalogue *catalogue, const struct bus_settings_node *root,
                                  struct bus_error *error)
{
    const struct bus_settings_node *values = bus_settings_child(root, "values");
    catalogue->area_count = bus_settings_count(values);
    catalogue->areas = bus_catalogue_allocate(catalogue, catalogue->area_count, sizeof *catalogue->areas);
    if (catalogue->areas == NULL)
        return fail_memory(error);
    for (size_t i = 0; i < catalogue->area_count; i++) {
        enum bus_status status = load_area(bus_settings_at(values, i), &catalogue->areas[i], error);
        if (status != BUS_OK)
            return status;
    }
    qsort(catalogue->areas, catalogue->area_count, sizeof *catalogue->areas, compare_areas);
    return BUS_OK;
}

/* One file of the folder, "<list>.cfg"; the area table is areas.cfg, the calendar calendar.cfg. */
static enum bus_status load_file(struct bus_catalogue *catalogue, const char *folder, const char *file,
                                 struct bus_error *error)
{
    char path[BUS_CATALOGUE_PATH_SIZE + 256];
    const struct bus_settings *settings;
    size_t length = strlen(file) - strlen(".cfg");
    char *name = bus_catalogue_allocate(catalogue, length + 1, 1);
    if (name == NULL)
        return fail_memory(error);
    memcpy(name, file, length);
    snprintf(path, sizeof path, "%s/%s", folder, file);
    enum bus_status status = bus_catalogue_read(catalogue, path, &settings, error);
    if (status != BUS_OK)
        return status;
    if (strcmp(name, "calendar") == 0)
        return bus_calendar_read(settings, &catalogue->calendar, error);
    const struct bus_settings_node *root = bus_settings_root(settings);
    status = bus_settings_check(root, bus_catalogue_code_list_options, error);
    if (status == BUS_OK)
        status = check_values(bus_settings_child(root, "values"), error);
    if (status != BUS_OK)
        return status;
    return strcmp(name, "areas") == 0 ? load_areas(catalogue, root, error) : load_list(catalogue, name, root, error);
}

static int is_list_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".cfg") == 0;
}

enum bus_status bus_catalogue_load_codes(struct bus_catalogue *catalogue, const char *folder, struct bus_error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_list_file, alphasort);
    if (count < 0)
        return bus_fail(error, BUS_FATAL, "%s: cannot read the folder of code lists: %s", folder, strerror(errno));
    enum bus_status status = BUS_OK;
    catalogue->lists = bus_catalogue_allocate(catalogue, (size_t)count, sizeof *catalogue->lists);
    if (catalogue->lists == NULL)
        status = fail_memory(error);
    for (int i = 0; i < count; i++) {
        if (status == BUS_OK)
            status = load_file(catalogue, folder, entries[i]->d_name, error);
        free(entries[i]);
    }
    free(entries);
    if (status == BUS_OK && catalogue->area_count == 0) /* every event's area is looked up: all would be refused */
        status = bus_fail(error, BUS_FATAL, "%s/areas.cfg: holds no areas, or is missing; put the table of areas there",
                          folder);
    if (status == BUS_OK && catalogue->calendar == NULL)
        status =
            bus_fail(error, BUS_FATAL, "%s/calendar.cfg: is missing; put the calendar of working days there", folder);
    return status;
}

const struct bus_calendar *bus_catalogue_calendar_view(const struct bus_catalogue *catalogue)
{
    return catalogue->calendar;
}

size_t bus_catalogue_code_list_count(const struct bus_catalogue *catalogue)
{
    return catalogue->list_count;
}

const struct bus_code_list *bus_catalogue_code_list_at(const struct bus_catalogue *catalogue, size_t index)
{
    return &catalogue->lists[index];
}

const struct bus_code_list *bus_catalogue_code_list(const struct bus_catalogue *catalogue, const char *name)
{
    for (size_t i = 0; i < catalogue->list_count; i++) {
        if (strcmp(catalogue->lists[i].name, name) == 0)
            return &catalogue->lists[i];
    }
    return NULL;
}

/* The first life of the area, or NULL; its other lives follow. */
static const struct bus_area *find_area(const struct bus_catalogue *catalogue, struct bus_bytes code)
{
    if (code.length != 6 && code.length != 9 && code.length != 12)
        return NULL;
    size_t low = 0, high = catalogue->area_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(catalogue->areas[middle].code, code.data, AREA_LENGTH) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < catalogue->area_count && memcmp(catalogue->areas[low].code, code.data, AREA_LENGTH) == 0;
    for (size_t i = AREA_LENGTH; i < code.length; i++)
        found = found && code.data[i] >= '0' && code.data[i] <= '9';
    return found ? &catalogue->areas[low] : NULL;
}

bool bus_catalogue_area_existed(const struct bus_catalogue *catalogue, struct bus_bytes code)
{
    return find_area(catalogue, code) != NULL;
}

bool bus_catalogue_area_exists_on(const struct bus_catalogue *catalogue, struct bus_bytes code, int32_t day)
{
    const struct bus_area *area = find_area(catalogue, code);
    const struct bus_area *end = catalogue->areas + catalogue->area_count;
    for (; area != NULL && area < end && memcmp(area->code, code.data, AREA_LENGTH) == 0; area++) {
        if (day >= area->from_days && day < area->to_days)
            return true;
    }
    return false;
}
