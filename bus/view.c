#include "bus/view.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/transform.h"

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
    bool transforms_any;    /* false: spans are copied and nothing more */
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

static void write_escaped(struct bus_buffer *text, const char *words, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bus_buffer_printf(text, words[i] == '"' || words[i] == '\\' ? "\\%c" : "%c", words[i]);
}

/* "Chinese / English", each followed by what is said of it. */
static void write_doc(struct bus_buffer *text, const char *doc, const char *zh, const char *en)
{
    const char *slash = strstr(doc, " / ");
    size_t length = slash != NULL ? (size_t)(slash - doc) : strlen(doc);
    bus_buffer_printf(text, ",\"doc\":\"");
    write_escaped(text, doc, length);
    bus_buffer_printf(text, "%s", zh);
    write_escaped(text, doc + length, strlen(doc + length));
    bus_buffer_printf(text, "%s\"", en);
}

static void write_field(struct bus_buffer *text, const struct bus_field *field, enum bus_transform transform,
                        struct bus_schema_names *names)
{
    bool null_default = field->default_null;
    bus_buffer_printf(text, "{\"name\":\"%s\",\"type\":", field->name);
    if (transform == BUS_TRANSFORM_NONE) {
        bus_schema_write_type(text, &field->type, false, names);
    } else {
        bus_transform_write_type(transform, field, text);
        null_default = bus_transform_is_nullable(transform, field);
    }
    write_doc(text, field->doc, bus_transform_zh(transform), bus_transform_en(transform));
    bus_buffer_printf(text, null_default ? ",\"default\":null}" : "}");
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
        bus_buffer_printf(text, i == 0 ? "" : ",");
        write_field(text, bus_schema_field(view->version->schema, view->field_indexes[i]), view->transforms[i], &names);
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
    write_doc(text, doc, "", "");
    bus_buffer_printf(text, ",\"fields\":[");
    write_head(text, namespace);
    write_fields(text, view, namespace, record);
    bus_buffer_printf(text, "]}");
}

/* Position among the grant's fields, or field_count. */
static size_t find_granted(const struct bus_grant *grant, const char *field)
{
    size_t i = 0;
    while (i < grant->field_count && strcmp(grant->fields[i], field) != 0)
        i++;
    return i;
}

/* Granted fields that this version of the item has, in the order of its schema. */
static enum bus_status find_fields(struct view *view, struct bus_error *error)
{
    const struct bus_grant *grant = view->public.grant;
    const struct bus_schema *schema = view->public.version->schema;
    size_t count = bus_schema_field_count(schema);
    size_t *indexes = calloc(count, sizeof *indexes);
    enum bus_transform *transforms = calloc(count, sizeof *transforms);
    view->public.field_indexes = indexes;
    view->public.transforms = transforms;
    if (indexes == NULL || transforms == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        size_t granted = find_granted(grant, bus_schema_field(schema, i)->name);
        if (granted == grant->field_count)
            continue;
        view->transforms_any |= grant->transforms[granted] != BUS_TRANSFORM_NONE;
        transforms[view->public.field_count] = grant->transforms[granted];
        indexes[view->public.field_count++] = i;
    }
    return BUS_OK;
}

/* Where the conditions look in this version of the item. */
static enum bus_status find_conditions(struct bus_view *view, struct bus_error *error)
{
    const struct bus_grant *grant = view->grant;
    int *indexes = calloc(grant->condition_count + 1, sizeof *indexes);
    if (indexes == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    view->condition_indexes = indexes;
    for (size_t i = 0; i < grant->condition_count; i++)
        indexes[i] = bus_schema_find(view->version->schema, grant->conditions[i].field);
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
    enum bus_status status = find_fields(view, error);
    if (status == BUS_OK)
        status = find_conditions(&view->public, error);
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
            if (bus_grant_covers(&subscriber->grants[g], item))
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
        free((void *)(uintptr_t)views->views[i].public.transforms);
        free((void *)(uintptr_t)views->views[i].public.condition_indexes);
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

static void append_fields(const struct bus_view *view, struct bus_bytes datum, const struct bus_span *spans,
                          struct bus_buffer *buffer)
{
    const size_t *indexes = view->field_indexes;
    for (size_t first = 0, next; first < view->field_count; first = next) {
        struct bus_span span = spans[indexes[first]];
        for (next = first + 1; next < view->field_count && indexes[next] == indexes[next - 1] + 1; next++)
            span.length += spans[indexes[next]].length; /* neighbours lie side by side and go in one piece */
        bus_buffer_append(buffer, datum.data + span.offset, span.length);
    }
}

static void append_transformed(const struct bus_view *view, struct bus_bytes datum, const struct bus_span *spans,
                               struct bus_buffer *buffer)
{
    for (size_t i = 0; i < view->field_count; i++) {
        size_t index = view->field_indexes[i];
        bus_transform_append(view->transforms[i], bus_schema_field(view->version->schema, index), datum, spans[index],
                             buffer);
    }
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
    if (has_fields && whole->transforms_any)
        append_transformed(view, datum, spans, buffer);
    else if (has_fields)
        append_fields(view, datum, spans, buffer);
    return buffer->failed
               ? bus_fail(error, BUS_FATAL, "a delivery of grant %s does not fit its buffer", view->grant->name)
               : BUS_OK;
}
