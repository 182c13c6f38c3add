#include "bus/view.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { VIEW_TEXT_LIMIT = 256 * 1024, MAX_NAMESPACE = 512 };

static const char *const operation_names[] = {"PUT", "WITHDRAW", "STATUS", "RESYNC_BEGIN", "RESYNC_END"};
static const char *const reason_names[] = {
    [BUS_REASON_NONE] = "NONE",
    [BUS_REASON_CORRECTED] = "CORRECTED",
    [BUS_REASON_WITHDRAWN] = "WITHDRAWN",
    [BUS_REASON_DISPUTED] = "DISPUTED",
    [BUS_REASON_DISPUTE_RESOLVED] = "DISPUTE_RESOLVED",
    [BUS_REASON_REPAIRED] = "REPAIRED",
    [BUS_REASON_RESTRICTED] = "RESTRICTED",
    [BUS_REASON_EXPIRED] = "EXPIRED",
    [BUS_REASON_GRANT_ENDED] = "GRANT_ENDED",
};
static const char *const flag_names[BUS_FLAG_COUNT] = {
    [BUS_FLAG_USCC_INNER_CHECK] = "USCC_INNER_CHECK",
    [BUS_FLAG_NAME_MISMATCH] = "NAME_MISMATCH",
    [BUS_FLAG_DEREGISTERED] = "DEREGISTERED",
    [BUS_FLAG_AREA_ENDED] = "AREA_ENDED",
    [BUS_FLAG_DATE_IN_FUTURE] = "DATE_IN_FUTURE",
    [BUS_FLAG_OLD_CITIZEN_NUMBER] = "OLD_CITIZEN_NUMBER",
    [BUS_FLAG_DISPUTED] = "DISPUTED",
    [BUS_FLAG_RESTRICTED] = "RESTRICTED",
    [BUS_FLAG_PUBLICITY_ENDED] = "PUBLICITY_ENDED",
};

const char *bus_flag_name(enum bus_flag flag)
{
    return flag_names[flag];
}

const char *bus_delivery_operation_name(enum bus_delivery_operation operation)
{
    return operation_names[operation];
}

const char *bus_delivery_reason_name(enum bus_delivery_reason reason)
{
    return reason_names[reason];
}

/* A view and what project copies for each of its deliveries. */
struct view {
    struct bus_view public;
    struct bus_bytes words; /* grant, purpose, legal basis and catalogue version, encoded */
};

struct range {
    const struct bus_item_version *version;
    size_t first, count;
};

struct bus_views {
    struct view *views;
    const struct bus_view **pointers;
    size_t count, capacity;
    struct range *ranges;
    size_t range_count;
};

/* Avro names have letters, digits and underscores only. */
static void append_name(char *text, size_t size, const char *name)
{
    size_t length = strlen(text);
    for (; *name != '\0' && length + 1 < size; name++)
        text[length++] = isalnum((unsigned char)*name) ? *name : '_';
    text[length] = '\0';
}

static void write_enum(struct bus_buffer *text, const char *namespace, const char *name, const char *const *symbols,
                       size_t count)
{
    bus_buffer_printf(text, "{\"name\":\"%s.%s\",\"type\":\"enum\",\"symbols\":[", namespace, name);
    for (size_t i = 0; i < count; i++)
        bus_buffer_printf(text, "%s\"%s\"", i == 0 ? "" : ",", symbols[i]);
    bus_buffer_printf(text, "]}");
}

static void write_head(struct bus_buffer *text, const char *namespace)
{
    bus_buffer_printf(
        text,
        "{\"name\":\"operation\",\"doc\":\"操作：写入、撤回、状态变化、全量同步的开始与结束 / put, withdraw, change of status, begin and end of a resync\",\"type\":");
    write_enum(text, namespace, "delivery_operation", operation_names,
               sizeof operation_names / sizeof operation_names[0]);
    bus_buffer_printf(text, "},{\"name\":\"reason\",\"doc\":\"原因 / why\",\"type\":");
    write_enum(text, namespace, "delivery_reason", reason_names, sizeof reason_names / sizeof reason_names[0]);
    bus_buffer_printf(
        text, "},{\"name\":\"grant\",\"doc\":\"授权 / grant\",\"type\":\"string\"}"
              ",{\"name\":\"purpose\",\"doc\":\"用途 / purpose\",\"type\":\"string\"}"
              ",{\"name\":\"legal_basis\",\"doc\":\"法律依据 / legal basis\",\"type\":\"string\"}"
              ",{\"name\":\"catalogue\",\"doc\":\"目录版本 / version of the catalogue in force\",\"type\":\"string\"}"
              ",{\"name\":\"flags\",\"doc\":\"提示 / what to be aware of\",\"type\":{\"type\":\"array\",\"items\":");
    write_enum(text, namespace, "delivery_flag", flag_names, BUS_FLAG_COUNT);
    bus_buffer_printf(text, "}},{\"name\":\"version\",\"doc\":\"记录版本 / version of the record\",\"type\":\"long\"}"
                            ",{\"name\":\"delivered_at\",\"doc\":\"投递时间 / when it was delivered\","
                            "\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}");
}

static void write_doc(struct bus_buffer *text, const char *doc)
{
    bus_buffer_printf(text, ",\"doc\":\"");
    for (; *doc != '\0'; doc++)
        bus_buffer_printf(text, *doc == '"' || *doc == '\\' ? "\\%c" : "%c", *doc);
    bus_buffer_printf(text, "\"");
}

static void write_fields(struct bus_buffer *text, const struct bus_view *view, const char *namespace,
                         const char *record)
{
    struct bus_schema_names names = {0};
    bus_buffer_printf(
        text,
        ",{\"name\":\"fields\",\"doc\":\"授权字段，撤回和状态变化时为空 / the granted fields, null unless put\","
        "\"type\":[\"null\",{\"name\":\"%s.%s_fields\",\"type\":\"record\",\"fields\":[",
        namespace, record);
    for (size_t i = 0; i < view->field_count; i++) {
        const struct bus_field *field = bus_schema_field(view->version->schema, view->field_indexes[i]);
        bus_buffer_printf(text, "%s{\"name\":\"%s\",\"type\":", i == 0 ? "" : ",", field->name);
        bus_schema_write_type(text, &field->type, false, &names);
        write_doc(text, field->doc);
        bus_buffer_printf(text, field->default_null ? ",\"default\":null}" : "}");
    }
    bus_buffer_printf(text, "]}],\"default\":null}");
}

/* The schema of docs/formats.md, derived: the same text wherever it is made. */
static void write_schema(struct bus_buffer *text, const struct bus_view *view)
{
    char namespace[MAX_NAMESPACE] = "xinqiao.view.", record[BUS_TOPIC_SIZE] = "";
    append_name(namespace, sizeof namespace, view->grant->subscriber->name);
    strncat(namespace, ".", sizeof namespace - strlen(namespace) - 1);
    append_name(namespace, sizeof namespace, view->grant->name);
    strncat(namespace, ".", sizeof namespace - strlen(namespace) - 1);
    append_name(namespace, sizeof namespace, view->item->department->name);
    append_name(record, sizeof record, view->item->name);
    bus_buffer_printf(text, "{\"name\":\"%s.%s\",\"type\":\"record\"", namespace, record);
    char doc[BUS_ERROR_TEXT_SIZE];
    snprintf(doc, sizeof doc, "%s / %s", view->item->name_zh, view->item->name_en);
    write_doc(text, doc);
    bus_buffer_printf(text, ",\"fields\":[");
    write_head(text, namespace);
    write_fields(text, view, namespace, record);
    bus_buffer_printf(text, "]}");
}

static bool is_granted(const struct bus_grant *grant, const char *field)
{
    for (size_t i = 0; i < grant->field_count; i++)
        if (strcmp(grant->fields[i], field) == 0)
            return true;
    return false;
}

/* Granted fields that this version of the item has, in the order of its schema. */
static enum bus_status find_fields(struct bus_view *view, struct bus_error *error)
{
    size_t count = bus_schema_field_count(view->version->schema);
    size_t *indexes = calloc(count, sizeof *indexes);
    if (indexes == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    view->field_indexes = indexes;
    for (size_t i = 0; i < count; i++)
        if (is_granted(view->grant, bus_schema_field(view->version->schema, i)->name))
            indexes[view->field_count++] = i;
    return BUS_OK;
}

static enum bus_status encode_words(struct view *view, const char *catalogue_version, struct bus_error *error)
{
    const struct bus_grant *grant = view->public.grant;
    struct bus_buffer words;
    bus_buffer_init(&words, VIEW_TEXT_LIMIT);
    bus_datum_append_bytes(&words, bus_bytes_text(grant->name));
    bus_datum_append_bytes(&words, bus_bytes_text(grant->purpose));
    bus_datum_append_bytes(&words, bus_bytes_text(grant->legal_basis));
    bus_datum_append_bytes(&words, bus_bytes_text(catalogue_version));
    if (words.failed) {
        bus_buffer_release(&words);
        return bus_fail(error, BUS_FATAL, "grant %s: purpose and legal basis are too long", grant->name);
    }
    view->words = bus_buffer_view(&words); /* the buffer's memory is the view's now */
    return BUS_OK;
}

static enum bus_status build_view(struct view *view, const char *catalogue_version, struct bus_error *error)
{
    enum bus_status status = find_fields(&view->public, error);
    if (status == BUS_OK)
        status = encode_words(view, catalogue_version, error);
    if (status != BUS_OK)
        return status;
    struct bus_buffer text;
    bus_buffer_init(&text, VIEW_TEXT_LIMIT);
    write_schema(&text, &view->public);
    status = text.failed
                 ? bus_fail(error, BUS_FATAL, "the view of grant %s is too large", view->public.grant->name)
                 : bus_schema_parse(bus_buffer_view(&text), view->public.grant->name, &view->public.schema, error);
    bus_buffer_release(&text);
    return status == BUS_REJECT ? BUS_FATAL : status; /* a derived schema that is none is our mistake */
}

static enum bus_status append_view(struct bus_views *views, const struct bus_catalogue *catalogue,
                                   const struct bus_grant *grant, const struct bus_item *item,
                                   const struct bus_item_version *version, struct bus_error *error)
{
    if (views->count == views->capacity) {
        size_t capacity = views->capacity == 0 ? 64 : 2 * views->capacity;
        struct view *grown = realloc(views->views, capacity * sizeof *grown);
        if (grown == NULL)
            return bus_fail(error, BUS_FATAL, "out of memory");
        views->views = grown;
        views->capacity = capacity;
    }
    struct view *view = &views->views[views->count++];
    *view = (struct view){.public = {.grant = grant, .item = item, .version = version}};
    return build_view(view, bus_catalogue_version_view(catalogue), error);
}

static bool grant_is_on(const struct bus_grant *grant, const struct bus_item *item)
{
    return strcmp(grant->item, item->name) == 0 && (grant->department == NULL || grant->department == item->department);
}

static enum bus_status append_version(struct bus_views *views, const struct bus_catalogue *catalogue,
                                      const struct bus_item *item, const struct bus_item_version *version,
                                      struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    struct range *range = &views->ranges[views->range_count++];
    *range = (struct range){.version = version, .first = views->count};
    for (size_t s = 0; s < bus_catalogue_subscriber_count(catalogue); s++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, s);
        for (size_t g = 0; g < subscriber->grant_count && status == BUS_OK; g++)
            if (grant_is_on(&subscriber->grants[g], item))
                status = append_view(views, catalogue, &subscriber->grants[g], item, version, error);
    }
    range->count = views->count - range->first;
    return status;
}

static enum bus_status point_at_views(struct bus_views *views, struct bus_error *error)
{
    views->pointers = calloc(views->count + 1, sizeof(const struct bus_view *));
    if (views->pointers == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; i < views->count; i++)
        views->pointers[i] = &views->views[i].public;
    return BUS_OK;
}

enum bus_status bus_views_create(const struct bus_catalogue *catalogue, struct bus_views **out_views,
                                 struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    size_t item_count = bus_catalogue_item_count(catalogue);
    struct bus_views *views = calloc(1, sizeof *views);
    struct range *ranges = calloc(item_count * BUS_CATALOGUE_MAX_VERSIONS + 1, sizeof *ranges);
    if (views == NULL || ranges == NULL) {
        free(ranges);
        free(views);
        return bus_fail(error, BUS_FATAL, "out of memory");
    }
    views->ranges = ranges;
    for (size_t i = 0; i < item_count; i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        for (size_t v = 0; v < item->version_count && status == BUS_OK; v++)
            status = append_version(views, catalogue, item, &item->versions[v], error);
    }
    if (status == BUS_OK)
        status = point_at_views(views, error);
    if (status == BUS_OK)
        *out_views = views;
    else
        bus_views_destroy(views);
    return status;
}

void bus_views_destroy(struct bus_views *views)
{
    if (views == NULL)
        return;
    for (size_t i = 0; i < views->count; i++) {
        bus_schema_destroy(views->views[i].public.schema);
        free((void *)(uintptr_t)views->views[i].public.field_indexes);
        free((void *)(uintptr_t)views->views[i].words.data);
    }
    free(views->views);
    free(views->pointers);
    free(views->ranges);
    free(views);
}

size_t bus_views_count(const struct bus_views *views)
{
    return views->count;
}

const struct bus_view *bus_views_at(const struct bus_views *views, size_t index)
{
    return views->pointers[index];
}

const struct bus_view *const *bus_views_of(const struct bus_views *views, const struct bus_item_version *version,
                                           size_t *out_count)
{
    for (size_t i = 0; i < views->range_count; i++)
        if (views->ranges[i].version == version) {
            *out_count = views->ranges[i].count;
            return views->pointers + views->ranges[i].first;
        }
    *out_count = 0;
    return views->pointers;
}

const struct bus_view *bus_views_find(const struct bus_views *views, const char *subscriber, uint64_t fingerprint)
{
    for (size_t i = 0; i < views->count; i++)
        if (bus_schema_fingerprint(views->pointers[i]->schema) == fingerprint &&
            strcmp(views->pointers[i]->grant->subscriber->name, subscriber) == 0)
            return views->pointers[i];
    return NULL;
}

static void append_flags(struct bus_buffer *buffer, uint32_t flags)
{
    if (flags != 0)
        bus_buffer_varint(buffer, __builtin_popcount(flags));
    for (int i = 0; i < BUS_FLAG_COUNT; i++)
        if (flags >> i & 1)
            bus_buffer_varint(buffer, i);
    bus_buffer_varint(buffer, 0);
}

enum bus_status bus_view_project(const struct bus_view *view, const struct bus_delivery *delivery,
                                 struct bus_bytes datum, const struct bus_span *spans, struct bus_buffer *buffer,
                                 struct bus_error *error)
{
    const struct view *whole = (const struct view *)view; /* its first member */
    bool has_fields = delivery->operation == BUS_DELIVERY_PUT;
    bus_frame_append(buffer, bus_schema_fingerprint(view->schema));
    bus_buffer_varint(buffer, delivery->operation);
    bus_buffer_varint(buffer, delivery->reason);
    bus_buffer_append_bytes(buffer, whole->words);
    append_flags(buffer, delivery->flags);
    bus_buffer_varint(buffer, delivery->version);
    bus_buffer_varint(buffer, delivery->delivered_at_ms);
    bus_buffer_varint(buffer, has_fields);
    for (size_t i = 0; has_fields && i < view->field_count; i++) {
        struct bus_span span = spans[view->field_indexes[i]];
        bus_buffer_append(buffer, datum.data + span.offset, span.length);
    }
    return buffer->failed
               ? bus_fail(error, BUS_FATAL, "a delivery of grant %s does not fit its buffer", view->grant->name)
               : BUS_OK;
}
