#include "bus/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void bus_put_u32be(uint8_t *to, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(to, &value, sizeof value);
}

void bus_put_u64be(uint8_t *to, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(to, &value, sizeof value);
}

uint32_t bus_get_u32be(const uint8_t *from)
{
    return __builtin_bswap32(bus_get_u32le(from));
}

uint64_t bus_get_u64be(const uint8_t *from)
{
    return __builtin_bswap64(bus_get_u64le(from));
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the byte order helpers assume a little-endian machine");

void bus_put_u32le(uint8_t *to, uint32_t value)
{
    memcpy(to, &value, sizeof value);
}

void bus_put_u64le(uint8_t *to, uint64_t value)
{
    memcpy(to, &value, sizeof value);
}

uint32_t bus_get_u32le(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

uint64_t bus_get_u64le(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

void bus_hex(const uint8_t *data, size_t length, char *out_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        out_text[2 * i] = digits[data[i] >> 4];
        out_text[2 * i + 1] = digits[data[i] & 15];
    }
    out_text[2 * length] = '\0';
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool bus_unhex(const char *text, uint8_t *out_data, size_t length)
{
    if (strlen(text) != 2 * length)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out_data[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

struct bus_bytes bus_cursor_take(struct bus_cursor *cursor, size_t length)
{
    if (cursor->failed || length > bus_cursor_left(cursor)) {
        cursor->failed = true;
        return (struct bus_bytes){cursor->end, 0};
    }
    struct bus_bytes taken = {cursor->at, length};
    cursor->at += length;
    return taken;
}

uint8_t bus_cursor_u8(struct bus_cursor *cursor)
{
    struct bus_bytes taken = bus_cursor_take(cursor, 1);
    return taken.length == 1 ? taken.data[0] : 0;
}

int64_t bus_cursor_varint_long(struct bus_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end && !cursor->failed; shift += 7) {
        uint8_t byte = *cursor->at++;
        if (shift == 63 && byte > 1)
            break; /* a tenth byte has room for one bit only */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
    }
    cursor->failed = true;
    return 0;
}

void bus_buffer_init(struct bus_buffer *buffer, size_t limit)
{
    *buffer = (struct bus_buffer){.limit = limit};
}

void bus_buffer_release(struct bus_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct bus_buffer){.limit = buffer->limit};
}

void bus_buffer_reset(struct bus_buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

static bool grow(struct bus_buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *data = realloc(buffer->data, capacity);
    if (data == NULL)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

/* Room for `length` more bytes at the end, or NULL (and failed). */
static inline uint8_t *buffer_room(struct bus_buffer *buffer, size_t length)
{
    bool fits = !buffer->failed && length <= buffer->limit - buffer->length;
    if (fits && length > buffer->capacity - buffer->length)
        fits = grow(buffer, buffer->length + length);
    buffer->failed = !fits;
    return fits ? buffer->data + buffer->length : NULL;
}

void bus_buffer_append(struct bus_buffer *buffer, const void *data, size_t length)
{
    if (length == 0)
        return;
    uint8_t *room = buffer_room(buffer, length);
    if (room == NULL)
        return;
    memcpy(room, data, length);
    buffer->length += length;
}

void bus_buffer_append_bytes(struct bus_buffer *buffer, struct bus_bytes bytes)
{
    bus_buffer_append(buffer, bytes.data, bytes.length);
}

void bus_buffer_u8(struct bus_buffer *buffer, uint8_t value)
{
    bus_buffer_append(buffer, &value, 1);
}

void bus_buffer_varint(struct bus_buffer *buffer, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    uint8_t bytes[10];
    size_t length = 0;
    while (rest >= 0x80) {
        bytes[length++] = (uint8_t)(rest | 0x80);
        rest >>= 7;
    }
    bytes[length++] = (uint8_t)rest;
    bus_buffer_append(buffer, bytes, length);
}

void bus_buffer_printf(struct bus_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    /* One byte more for the terminator, which is then not counted. */
    uint8_t *room = length < 0 ? NULL : buffer_room(buffer, (size_t)length + 1);
    if (room != NULL) {
        vsnprintf((char *)room, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}
