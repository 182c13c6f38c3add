#include "subscribers/sinks/ndjson/position_text.h"

#include <stdlib.h>

static void append_hex(struct bus_json *json, const uint8_t *data, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    struct bus_buffer text;
    bus_buffer_init(&text, 2 * length);
    for (size_t i = 0; i < length; i++) {
        bus_buffer_u8(&text, (uint8_t)digits[data[i] >> 4]);
        bus_buffer_u8(&text, (uint8_t)digits[data[i] & 15]);
    }
    bus_json_text(json, bus_buffer_view(&text));
    json->buffer->failed = json->buffer->failed || text.failed;
    bus_buffer_release(&text);
}

void ndjson_position_write(struct bus_json *json, const struct subscribers_position *position)
{
    bus_json_object(json);
    bus_json_name(json, "partition");
    bus_json_integer(json, position->partition);
    bus_json_name(json, "next");
    bus_json_integer(json, position->next);
    bus_json_name(json, "hash");
    bus_json_string(json, position->hash == BUS_HASH_SM3 ? "sm3" : "sha256");
    bus_json_name(json, "size");
    bus_json_integer(json, (int64_t)position->log.size);
    bus_json_name(json, "peaks");
    bus_json_array(json);
    for (size_t i = 0; i < bus_merkle_peak_count(position->log.size); i++)
        append_hex(json, position->log.peaks[i], BUS_DIGEST_SIZE);
    bus_json_end_array(json);
    bus_json_name(json, "book");
    append_hex(json, position->books.data, position->books.length);
    bus_json_end_object(json);
}

static bool read_hex(const struct bus_json_value *value, uint8_t *out_data, size_t length)
{
    struct bus_bytes text = value != NULL ? bus_json_as_text(value) : (struct bus_bytes){NULL, 0};
    if (text.length != 2 * length)
        return false;
    char pair[3] = {0};
    for (size_t i = 0; i < length; i++) {
        memcpy(pair, text.data + 2 * i, 2);
        if (!bus_unhex(pair, out_data + i, 1))
            return false;
    }
    return true;
}

static int64_t member_integer(const struct bus_json_value *object, const char *name)
{
    const struct bus_json_value *value = bus_json_member(object, name);
    return value != NULL && bus_json_type(value) == BUS_JSON_NUMBER ? bus_json_as_integer(value) : -1;
}

static bool read_log(const struct bus_json_value *object, struct bus_merkle *out_log)
{
    int64_t size = member_integer(object, "size");
    const struct bus_json_value *peaks = bus_json_member(object, "peaks");
    if (size < 0 || peaks == NULL || bus_json_count(peaks) != bus_merkle_peak_count((uint64_t)size))
        return false;
    out_log->size = (uint64_t)size;
    for (size_t i = 0; i < bus_json_count(peaks); i++)
        if (!read_hex(bus_json_at(peaks, i), out_log->peaks[i], BUS_DIGEST_SIZE))
            return false;
    return true;
}

static bool read_book(const struct bus_json_value *value, struct bus_buffer *book)
{
    size_t length = value != NULL ? bus_json_as_text(value).length / 2 : 0;
    uint8_t *bytes = malloc(length + 1);
    bool good = value != NULL && bytes != NULL && read_hex(value, bytes, length);
    bus_buffer_reset(book);
    if (good)
        bus_buffer_append(book, bytes, length);
    free(bytes);
    return good && !book->failed;
}

bool ndjson_position_partition(const struct bus_json_value *object, int32_t *out_partition)
{
    int64_t partition = member_integer(object, "partition");
    *out_partition = (int32_t)partition;
    return partition >= 0 && partition <= INT32_MAX;
}

bool ndjson_position_read(const struct bus_json_value *object, struct subscribers_position *position)
{
    const struct bus_json_value *hash = bus_json_member(object, "hash");
    position->next = member_integer(object, "next");
    if (position->next < 0 || hash == NULL)
        return false;
    position->hash = bus_bytes_equal_text(bus_json_as_text(hash), "sm3") ? BUS_HASH_SM3 : BUS_HASH_SHA256;
    return read_log(object, &position->log) && read_book(bus_json_member(object, "book"), &position->books);
}
