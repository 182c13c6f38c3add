/* Reading a report back (province_report.h). */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "bus/file.h"
#include "bus/json.h"
#include "subscribers/sinks/province/report.h"

enum { MAX_FILE_BYTES = 64 * 1024 * 1024, NAME_SIZE = 256 };

static void text_of(const struct bus_json_value *value, const char *name, char *out_text, size_t size)
{
    const struct bus_json_value *member = bus_json_member(value, name);
    struct bus_bytes text =
        member != NULL && bus_json_type(member) == BUS_JSON_STRING ? bus_json_as_text(member) : (struct bus_bytes){0};
    size_t length = text.length < size ? text.length : 0; /* what is too long is not ours */
    if (length > 0)
        memcpy(out_text, text.data, length);
    out_text[length] = '\0';
}

/* -1 when there is none. */
static int64_t number_of(const struct bus_json_value *value, const char *name)
{
    const struct bus_json_value *member = bus_json_member(value, name);
    return member != NULL && bus_json_type(member) == BUS_JSON_NUMBER ? bus_json_as_integer(member) : -1;
}

static bool read_finding(const struct bus_json_value *value, struct province_finding *finding)
{
    char kind[NAME_SIZE], key[NAME_SIZE];
    text_of(value, "kind", kind, sizeof kind);
    text_of(value, "rowKey", key, sizeof key);
    text_of(value, "govId", finding->gov_id, sizeof finding->gov_id);
    text_of(value, "outcome", finding->outcome, sizeof finding->outcome);
    finding->item = (int32_t)number_of(value, "itemNumber");
    finding->day = (int32_t)number_of(value, "dayNumber");
    finding->partition = (int32_t)number_of(value, "partition");
    finding->offset = number_of(value, "offset");
    finding->leaf = (uint64_t)number_of(value, "leaf");
    finding->named = (uint64_t)number_of(value, "named");
    for (int i = 0; i < PROVINCE_FINDING_KINDS; i++)
        if (strcmp(kind, province_finding_names[i]) == 0) {
            finding->kind = (enum province_finding_kind)i;
            return finding->partition >= 0 && bus_unhex(key, finding->record, BUS_IDENTITY_SIZE);
        }
    return false;
}

static enum bus_status no_report(struct bus_error *error)
{
    return bus_reject(error, "PROVINCE_REPORT", "没有该日的对账报告，或报告已损坏",
                      "there is no report of that day's comparison, or it is damaged");
}

static enum bus_status read_rows(const struct bus_json_value *root, struct province_report *report,
                                 struct bus_error *error)
{
    const struct bus_json_value *rows = bus_json_member(root, "rows");
    if (rows == NULL || bus_json_type(rows) != BUS_JSON_ARRAY)
        return no_report(error);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_json_count(rows); i++) {
        struct province_finding finding = {0};
        if (!read_finding(bus_json_at(rows, i), &finding))
            return no_report(error);
        status = province_report_find(report, &finding, error);
    }
    return status;
}

static void read_head(const struct bus_json_value *root, struct province_report *report)
{
    const struct bus_json_value *is_cut = bus_json_member(root, "isCut");
    text_of(root, "day", report->day, sizeof report->day);
    report->made_at_ms = number_of(root, "madeAt");
    report->from = (int32_t)number_of(root, "fromNumber");
    report->to = (int32_t)number_of(root, "toNumber");
    report->rows[PROVINCE_HERE] = (uint64_t)number_of(root, "here");
    report->rows[PROVINCE_THERE] = (uint64_t)number_of(root, "there");
    report->unknown_items = (uint64_t)number_of(root, "unknownItems");
    report->is_cut = is_cut != NULL && bus_json_type(is_cut) == BUS_JSON_BOOLEAN && bus_json_as_boolean(is_cut);
}

/* The differing items and days are told again only by their numbers. */
static enum bus_status read_cells(const struct bus_json_value *root, struct province_report *report,
                                  struct bus_error *error)
{
    const struct bus_json_value *items = bus_json_member(root, "items");
    if (items == NULL || bus_json_type(items) != BUS_JSON_ARRAY)
        return no_report(error);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_json_count(items); i++) {
        const struct bus_json_value *value = bus_json_at(items, i);
        struct province_cell cell = {.item = (int32_t)number_of(value, "itemNumber"),
                                     .day = (int32_t)number_of(value, "dayNumber")};
        cell.count[PROVINCE_HERE] = (uint64_t)number_of(value, "here");
        cell.count[PROVINCE_THERE] = (uint64_t)number_of(value, "there");
        status = province_report_cells(report, &cell, 1, error);
    }
    return status;
}

enum bus_status province_report_read(const char *folder, const char *day, struct province_report *out_report,
                                     struct bus_error *error)
{
    char path[PATH_MAX + NAME_SIZE];
    struct bus_buffer buffer;
    struct bus_json_document *document = NULL;
    *out_report = (struct province_report){0};
    snprintf(path, sizeof path, "%s/compare-%s.json", folder, day);
    if (access(path, R_OK) != 0)
        return no_report(error);
    bus_buffer_init(&buffer, MAX_FILE_BYTES);
    enum bus_status status = bus_file_read(path, &buffer, error);
    if (status == BUS_OK)
        status = bus_json_parse(bus_buffer_view(&buffer), &document, error);
    if (status == BUS_OK) {
        read_head(bus_json_root(document), out_report);
        status = read_cells(bus_json_root(document), out_report, error);
    }
    if (status == BUS_OK)
        status = read_rows(bus_json_root(document), out_report, error);
    if (status == BUS_OK && strcmp(out_report->day, day) != 0)
        status = no_report(error);
    bus_json_destroy(document);
    bus_buffer_release(&buffer);
    return status;
}
