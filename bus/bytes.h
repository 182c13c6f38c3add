/* Bytes: views, a bounds-checked cursor and a bounded growing buffer.
 *
 * A view borrows its bytes and is valid as long as what it points into. */
#ifndef BUS_BYTES_H
#define BUS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bus/status.h"

struct bus_bytes {
    const uint8_t *data;
    size_t length;
};

static inline struct bus_bytes bus_bytes_of(const void *data, size_t length)
{
    return (struct bus_bytes){data, length};
}

static inline struct bus_bytes bus_bytes_text(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool bus_bytes_equal(struct bus_bytes a, struct bus_bytes b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool bus_bytes_equal_text(struct bus_bytes a, const char *text)
{
    return bus_bytes_equal(a, bus_bytes_text(text));
}

/* Big- and little-endian integers at `to` / `from`. */
void bus_put_u32be(uint8_t *to, uint32_t value);
void bus_put_u64be(uint8_t *to, uint64_t value);
uint32_t bus_get_u32be(const uint8_t *from);
uint64_t bus_get_u64be(const uint8_t *from);
void bus_put_u32le(uint8_t *to, uint32_t value);
void bus_put_u64le(uint8_t *to, uint64_t value);
uint32_t bus_get_u32le(const uint8_t *from);
uint64_t bus_get_u64le(const uint8_t *from);

/* Lower-case hex; `out_text` holds 2 * length + 1 characters. */
void bus_hex(const uint8_t *data, size_t length, char *out_text);
/* Hex of either case back to bytes; false when `text` is not exactly 2 * length hex digits. */
bool bus_unhex(const char *text, uint8_t *out_data, size_t length);

/* Reads forward through borrowed bytes. After the first read past the end `failed` stays true and every read gives 0,
 * so that a reader may check once at the end. */
struct bus_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct bus_cursor bus_cursor_of(struct bus_bytes bytes)
{
    /* NULL + 0 is undefined in C. */
    return (struct bus_cursor){bytes.data, bytes.length > 0 ? bytes.data + bytes.length : bytes.data, false};
}

static inline size_t bus_cursor_left(const struct bus_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* The next `length` bytes, or a view of length 0 (and failed) when there are fewer. */
struct bus_bytes bus_cursor_take(struct bus_cursor *cursor, size_t length);
uint8_t bus_cursor_u8(struct bus_cursor *cursor);
/* Avro long: zig-zag, at most ten bytes, value within 64 bits; otherwise failed. */
int64_t bus_cursor_varint_long(struct bus_cursor *cursor);
static inline int64_t bus_cursor_varint(struct bus_cursor *cursor)
{
    if (cursor->failed || cursor->at == cursor->end || *cursor->at >= 0x80)
        return bus_cursor_varint_long(cursor);
    uint8_t byte = *cursor->at++; /* as most are: lengths of texts, codes, branches of unions */
    return (byte >> 1) ^ -(byte & 1);
}

/* A growing buffer, init/release. An append past `limit` bytes, or out of memory, sets `failed` and appends nothing
 * more, so that a writer may check once at the end. */
struct bus_buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
    size_t limit;
    bool failed;
};

void bus_buffer_init(struct bus_buffer *buffer, size_t limit);
void bus_buffer_release(struct bus_buffer *buffer);
/* Forgets the content and the failure, keeps the memory. */
void bus_buffer_reset(struct bus_buffer *buffer);
void bus_buffer_append(struct bus_buffer *buffer, const void *data, size_t length);
void bus_buffer_append_bytes(struct bus_buffer *buffer, struct bus_bytes bytes);
void bus_buffer_u8(struct bus_buffer *buffer, uint8_t value);
void bus_buffer_varint(struct bus_buffer *buffer, int64_t value);
void bus_buffer_printf(struct bus_buffer *buffer, const char *format, ...) BUS_PRINTF(2, 3);
/* The content; valid until the next change of the buffer. */
static inline struct bus_bytes bus_buffer_view(const struct bus_buffer *buffer)
{
    return (struct bus_bytes){buffer->data, buffer->length};
}

#endif
