#include "subscribers/sinks/province/row.h"

#include <stdio.h>

#include "bus/calendar.h"
#include "bus/identifier.h"
#include "bus/utf8.h"
#include "subscribers/sinks/province/value.h"

enum { MAX_JSON_BYTES = 16 * 1024 * 1024, DAY_SIZE = 16 };

static const char *const operations[] = {"add", "update", "withdraw", "mark"};
static const char *const marks[] = {"NONE", "DISPUTED", "CORRECTED", "RESTRICTED", "EXPIRED"};

/* A row's values while they are made, one after the other in `text`. */
struct draft {
    const struct province_layout *layout;
    struct bus_buffer text;
    struct bus_span values[PROVINCE_MAX_FIELDS]; /* of the layout's fields; length 0 = nothing */
};

static struct bus_bytes value_view(const struct draft *draft, size_t index)
{
    return bus_bytes_of(draft->text.data + draft->values[index].offset, draft->values[index].length);
}

/* ── values ── */

/* -1 when the view does not have the field: an older version of the item. */
static int find_field(const struct bus_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return (int)i;
    return -1;
}

static enum bus_status append_value(struct draft *draft, const struct province_field *field,
                                    const struct subscribers_delivery *delivery, const struct bus_span *spans,
                                    struct bus_error *error)
{
    size_t count;
    const struct bus_field *fields = subscribers_delivery_view_fields(delivery->view, &count);
    size_t before = draft->text.length;
    int at = find_field(fields, count, field->from);
    enum bus_status status = BUS_OK;
    if (at >= 0) {
        struct bus_value value = bus_datum_value(&fields[at], delivery->value, spans[at]);
        status = province_value_append(field, fields[at].value, &value, &draft->text, error);
    }
    if (status == BUS_OK && draft->text.length == before)
        bus_buffer_append_bytes(&draft->text,
                                bus_bytes_text(field->constant[0] != '\0' ? field->constant : field->none));
    return status;
}

/* Whether `code` is one of those that are joined in `text`. */
static bool has_code(struct bus_bytes text, const char *separator, const char *code)
{
    size_t length = strlen(separator), from = 0;
    if (length == 0)
        return bus_bytes_equal_text(text, code);
    for (size_t i = 0; i <= text.length; i++) {
        bool at_separator = i + length <= text.length && memcmp(text.data + i, separator, length) == 0;
        if (!at_separator && i < text.length)
            continue;
        if (bus_bytes_equal_text(bus_bytes_of(text.data + from, i - from), code))
            return true;
        from = i + length;
    }
    return false;
}

static bool is_required(const struct draft *draft, const struct province_field *field)
{
    if (field->required || field->when == NULL)
        return field->required;
    size_t when = (size_t)(field->when - draft->layout->fields);
    return has_code(value_view(draft, when), field->when->separator, field->when_value);
}

static enum bus_status check_value(const struct draft *draft, size_t index, struct bus_error *error)
{
    const struct province_field *field = &draft->layout->fields[index];
    struct bus_bytes value = value_view(draft, index);
    if (value.length == 0 && is_required(draft, field))
        return province_value_refuse(field, "PROVINCE_REQUIRED", "必填，但为空", "must not be empty", error);
    if (value.length > field->max_length && bus_utf8_characters(value) > field->max_length)
        return province_value_refuse(field, "PROVINCE_LENGTH", "超过平台规定的长度",
                                     "is longer than the province allows", error);
    return BUS_OK;
}

static enum bus_status fill(struct draft *draft, const struct subscribers_delivery *delivery, struct bus_error *error)
{
    struct bus_span spans[SUBSCRIBERS_MAX_FIELDS];
    subscribers_delivery_spans(delivery, spans);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < draft->layout->field_count; i++) {
        size_t before = draft->text.length;
        status = append_value(draft, &draft->layout->fields[i], delivery, spans, error);
        draft->values[i] = (struct bus_span){(uint32_t)before, (uint32_t)(draft->text.length - before)};
        if (status == BUS_OK)
            status = check_value(draft, i, error);
    }
    return status == BUS_OK && draft->text.failed ? bus_fail(error, BUS_FATAL, "out of memory for a row") : status;
}

/* ── the row ── */

/* docs/openapi/province.yaml: type and fields, ascending by code, each ended by 0x00. */
static void digest_draft(const struct draft *draft, uint8_t out_digest[BUS_DIGEST_SIZE])
{
    static const struct bus_bytes end = {(const uint8_t *)"", 1};
    struct bus_bytes parts[4 * PROVINCE_MAX_FIELDS + 2];
    size_t count = 0;
    parts[count++] = bus_bytes_text(draft->layout->type);
    parts[count++] = end;
    for (size_t i = 0; i < draft->layout->field_count; i++) {
        size_t index = draft->layout->order[i];
        if (draft->values[index].length == 0)
            continue;
        parts[count++] = bus_bytes_text(draft->layout->fields[index].code);
        parts[count++] = end;
        parts[count++] = value_view(draft, index);
        parts[count++] = end;
    }
    bus_digest_parts(BUS_HASH_SM3, parts, count, out_digest);
}

static enum bus_status write_fields(const struct draft *draft, struct bus_arena *arena, struct bus_bytes *out_fields,
                                    struct bus_error *error)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, MAX_JSON_BYTES);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    for (size_t i = 0; i < draft->layout->field_count; i++) {
        if (draft->values[i].length == 0)
            continue;
        bus_json_name(&json, draft->layout->fields[i].code);
        bus_json_text(&json, value_view(draft, i));
    }
    bus_json_end_object(&json);
    *out_fields = bus_arena_copy(arena, bus_buffer_view(&buffer));
    bool is_whole = !buffer.failed && out_fields->data != NULL;
    bus_buffer_release(&buffer);
    return is_whole ? BUS_OK : bus_fail(error, BUS_FATAL, "out of memory for a row");
}

/* What weighs most. */
static enum province_mark mark_of(const struct subscribers_delivery *delivery)
{
    if (delivery->flags >> BUS_FLAG_DISPUTED & 1)
        return PROVINCE_DISPUTED;
    if (delivery->operation == BUS_DELIVERY_STATUS && delivery->reason == BUS_REASON_CORRECTED)
        return PROVINCE_OUTDATED;
    if (delivery->flags >> BUS_FLAG_RESTRICTED & 1)
        return PROVINCE_NOT_PUBLIC;
    return delivery->flags >> BUS_FLAG_PUBLICITY_ENDED & 1 ? PROVINCE_PUBLICITY_OVER : PROVINCE_UNMARKED;
}

void province_row_name(const struct province_mapping *mapping, const struct subscribers_delivery *delivery,
                       struct province_row *out_row)
{
    const struct province_layout *layout = province_mapping_find(mapping, delivery->view->item);
    *out_row = (struct province_row){
        .record = delivery->record,
        .item = delivery->view->item,
        .type = layout != NULL ? layout->type : "",
        .day = bus_calendar_day(delivery->delivered_at_ms),
        .part = delivery->partition,
        .serial = delivery->leaf,
        .reason = subscribers_delivery_reason(delivery),
        .mark = mark_of(delivery),
    };
}

enum bus_status province_row_make(const struct province_mapping *mapping, const struct subscribers_delivery *delivery,
                                  struct bus_arena *arena, struct province_row *out_row, struct bus_error *error)
{
    struct draft draft = {.layout = province_mapping_find(mapping, delivery->view->item)};
    province_row_name(mapping, delivery, out_row);
    if (draft.layout == NULL)
        return bus_reject(error, "PROVINCE_LAYOUT", "省级平台没有该目录项的上报格式",
                          "the province has no layout for this item");
    bus_buffer_init(&draft.text, MAX_JSON_BYTES);
    enum bus_status status = fill(&draft, delivery, error);
    if (status == BUS_OK)
        status = write_fields(&draft, arena, &out_row->fields, error);
    if (status == BUS_OK)
        digest_draft(&draft, out_row->digest);
    bus_buffer_release(&draft.text);
    return status;
}

/* ── origin ── */

static bool is_one_of(struct bus_bytes text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bus_bytes_equal_text(text, list[i]))
            return true;
    return false;
}

bool province_row_is_from_province(const struct province_mapping *mapping, const struct subscribers_delivery *delivery)
{
    const struct province_origin *origin = province_mapping_origin(mapping);
    if (is_one_of(bus_bytes_text(delivery->view->item->department->name), origin->departments,
                  origin->department_count))
        return true;
    if (origin->unit_count == 0)
        return false;
    struct bus_span spans[SUBSCRIBERS_MAX_FIELDS];
    size_t count;
    const struct bus_field *fields = subscribers_delivery_view_fields(delivery->view, &count);
    subscribers_delivery_spans(delivery, spans);
    for (size_t i = 0; i < origin->field_count; i++) {
        int at = find_field(fields, count, origin->fields[i]);
        if (at < 0)
            continue;
        struct bus_value value = bus_datum_value(&fields[at], delivery->value, spans[at]);
        if (value.type == BUS_TYPE_STRING && is_one_of(value.bytes, origin->units, origin->unit_count))
            return true;
    }
    return false;
}

/* ── its text ── */

static void write_text(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void write_item(const struct province_row *row, struct bus_json *json)
{
    char key[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(row->record, BUS_IDENTITY_SIZE, key);
    write_text(json, "rowKey", key);
    if (row->operation != PROVINCE_ADD)
        write_text(json, "govId", row->gov_id);
    write_text(json, "type", row->type);
    bus_json_name(json, "item");
    struct bus_buffer name;
    bus_buffer_init(&name, 1024);
    bus_buffer_printf(&name, "%s/%s", row->item->department->name, row->item->name);
    bus_json_text(json, bus_buffer_view(&name));
    bus_buffer_release(&name);
}

void province_row_write(const struct province_row *row, struct bus_json *json)
{
    char date[DAY_SIZE * 3];
    int year, month, day;
    bus_date_civil(row->day, &year, &month, &day);
    snprintf(date, sizeof date, "%04d-%02d-%02d", year, month, day);
    bus_json_object(json);
    write_text(json, "op", operations[row->operation]);
    write_item(row, json);
    write_text(json, "day", date);
    bus_json_name(json, "part");
    bus_json_integer(json, row->part);
    bus_json_name(json, "serial");
    bus_json_integer(json, (int64_t)row->serial);
    if (row->operation == PROVINCE_TAKE_BACK)
        write_text(json, "reason", row->reason);
    else if (row->operation == PROVINCE_MARK || row->mark != PROVINCE_UNMARKED)
        write_text(json, "mark", marks[row->mark]);
    if (row->operation == PROVINCE_ADD || row->operation == PROVINCE_UPDATE) {
        bus_json_name(json, "fields");
        bus_json_raw(json, row->fields);
    }
    bus_json_end_object(json);
}
