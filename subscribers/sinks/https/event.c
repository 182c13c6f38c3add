#include "subscribers/sinks/https/event.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "bus/base64.h"
#include "subscribers/sinks/delivery_json.h"
#include "subscribers/sinks/https/proof.h"

enum { ID_SIZE = BUS_SEAL_MAX_TEXT + 64, SOURCE_SIZE = 8 * BUS_SEAL_MAX_TEXT, LEAF_SIZE = 24 };

static void write_text(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void write_base64(struct bus_json *json, const char *name, struct bus_bytes bytes)
{
    bus_json_name(json, name);
    bus_json_raw(json, bus_bytes_text("\""));
    bus_base64_append(json->buffer, bytes);
    bus_buffer_u8(json->buffer, '"');
}

/* A URI reference: "/<exchange>/<topic>", percent-encoded (RFC 3986). */
static void make_source(const struct bus_seal *seal, char out_source[SOURCE_SIZE])
{
    size_t at = 0, topic_length = (size_t)(strrchr(seal->log, '/') - seal->log);
    const struct bus_bytes parts[] = {bus_bytes_text(seal->exchange), bus_bytes_of(seal->log, topic_length)};
    for (size_t part = 0; part < 2; part++) {
        out_source[at++] = '/';
        for (size_t i = 0; i < parts[part].length; i++) {
            uint8_t byte = parts[part].data[i];
            bool is_plain = byte < 0x80 && (isalnum(byte) || strchr("-._~", byte) != NULL);
            at += (size_t)snprintf(out_source + at, SOURCE_SIZE - at, is_plain ? "%c" : "%%%02X", byte);
        }
    }
    out_source[at] = '\0';
}

/* What every event begins with. */
static void write_head(struct bus_json *json, const char *source, const char *id, const char *type)
{
    write_text(json, "specversion", "1.0");
    write_text(json, "id", id);
    write_text(json, "source", source);
    write_text(json, "type", type);
}

static const char *type_of(const struct subscribers_delivery *delivery)
{
    static const char *const types[] = {
        [BUS_DELIVERY_PUT] = "cn.xinqiao.delivery.put",
        [BUS_DELIVERY_WITHDRAW] = "cn.xinqiao.delivery.withdraw",
        [BUS_DELIVERY_STATUS] = "cn.xinqiao.delivery.status",
        [BUS_DELIVERY_RESYNC_BEGIN] = "cn.xinqiao.delivery.resync-begin",
        [BUS_DELIVERY_RESYNC_END] = "cn.xinqiao.delivery.resync-end",
    };
    return subscribers_delivery_is_refused(delivery) ? "cn.xinqiao.delivery.refused" : types[delivery->operation];
}

/* The sealed key is the record's identity, zeros in a marker, which has no subject. */
static void write_subject(struct bus_json *json, const uint8_t record[BUS_IDENTITY_SIZE])
{
    static const uint8_t none[BUS_IDENTITY_SIZE];
    char hex[2 * BUS_IDENTITY_SIZE + 1];
    if (memcmp(record, none, sizeof none) == 0)
        return;
    bus_hex(record, BUS_IDENTITY_SIZE, hex);
    write_text(json, "subject", hex);
}

static void write_extensions(struct bus_json *json, const struct subscribers_delivery *delivery)
{
    char leaf[LEAF_SIZE]; /* an integer of CloudEvents has 32 bits only */
    snprintf(leaf, sizeof leaf, "%" PRIu64, delivery->leaf);
    bus_json_name(json, "xqpartition");
    bus_json_integer(json, delivery->partition);
    write_text(json, "xqleaf", leaf);
    write_text(json, "xqdepartment", delivery->view->item->department->name);
    write_text(json, "xqitem", delivery->view->item->name);
}

static void write_data(struct bus_json *json, const struct subscribers_delivery *delivery, struct bus_bytes value,
                       enum https_event_format format)
{
    bool is_refused = subscribers_delivery_is_refused(delivery);
    if (is_refused)
        write_text(json, "xqrefused", delivery->refusal);
    if (is_refused || format == HTTPS_EVENT_JSON)
        write_base64(json, "xqvalue", value);
    if (is_refused)
        return;
    write_text(json, "datacontenttype", format == HTTPS_EVENT_JSON ? "application/json" : "application/avro");
    if (format == HTTPS_EVENT_AVRO) {
        write_base64(json, "data_base64", value);
        return;
    }
    bus_json_name(json, "data");
    bus_json_object(json);
    delivery_json_members(json, delivery);
    bus_json_end_object(json);
}

static void write_delivery(struct bus_json *json, const struct subscribers_batch *batch, size_t index,
                           const char *source, enum https_event_format format)
{
    const struct subscribers_delivery *delivery = &batch->deliveries[index];
    const struct subscribers_piece *piece = batch->pieces;
    char id[ID_SIZE];
    snprintf(id, sizeof id, "%s/%" PRIu64, piece->seal->log, delivery->leaf);
    bus_json_object(json);
    write_head(json, source, id, type_of(delivery));
    write_subject(json, delivery->record);
    if (delivery->delivered_at_ms != 0)
        delivery_json_time(json, "time", delivery->delivered_at_ms);
    write_extensions(json, delivery);
    write_data(json, delivery, subscribers_piece_value_view(piece, (size_t)(delivery->leaf - piece->first_leaf)),
               format);
    bus_json_end_object(json);
}

static enum bus_status write_seal(struct bus_json *json, const struct subscribers_batch *batch, const char *source,
                                  struct bus_arena *arena, struct bus_error *error)
{
    const struct bus_seal *seal = batch->pieces->seal;
    char id[ID_SIZE];
    snprintf(id, sizeof id, "%s/%" PRIu64 "/seal/%" PRIu64, seal->log, batch->deliveries[batch->count - 1].leaf,
             seal->size);
    bus_json_object(json);
    write_head(json, source, id, "cn.xinqiao.seal");
    delivery_json_time(json, "time", seal->sealed_at_ms);
    write_text(json, "datacontenttype", "application/json");
    bus_json_name(json, "data");
    enum bus_status status = https_proof_write(batch, arena, json, error);
    bus_json_end_object(json);
    return status;
}

enum bus_status https_event_body(const struct subscribers_batch *batch, enum https_event_format format,
                                 struct bus_arena *arena, struct bus_buffer *buffer, struct bus_error *error)
{
    https_proof_assert(batch);
    struct bus_json json;
    char source[SOURCE_SIZE];
    make_source(batch->pieces->seal, source);
    bus_json_init(&json, buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < batch->count && !buffer->failed; i++)
        write_delivery(&json, batch, i, source, format);
    enum bus_status status = write_seal(&json, batch, source, arena, error);
    bus_json_end_array(&json);
    if (status == BUS_OK && buffer->failed)
        return bus_fail(error, BUS_FATAL,
                        "a request with %zu deliveries is longer than %zu bytes, or out of memory: set fewer `records`",
                        batch->count, buffer->limit);
    return status;
}

void https_event_key(const struct subscribers_batch *batch, char out_key[HTTPS_EVENT_KEY_SIZE])
{
    const struct bus_seal *seal = batch->pieces->seal;
    const bus_digest_bytes *leaves = https_proof_leaves_view(batch);
    uint8_t numbers[2 * sizeof(uint64_t)], digest[BUS_DIGEST_SIZE];
    bus_put_u64be(numbers, batch->before.size);
    bus_put_u64be(numbers + sizeof(uint64_t), batch->count);
    struct bus_digest_stream stream;
    bus_digest_stream_init(&stream, batch->pieces->hash);
    bus_digest_stream_update(&stream, bus_bytes_of(seal->log, strlen(seal->log) + 1));
    bus_digest_stream_update(&stream, bus_bytes_of(numbers, sizeof numbers));
    for (size_t i = 0; i < batch->count; i++) {
        uint8_t is_refused = subscribers_delivery_is_refused(&batch->deliveries[i]);
        bus_digest_stream_update(&stream, bus_bytes_of(leaves[i], BUS_DIGEST_SIZE));
        bus_digest_stream_update(&stream, bus_bytes_of(&is_refused, 1));
    }
    bus_digest_stream_final(&stream, digest);
    bus_hex(digest, sizeof digest, out_key);
}
