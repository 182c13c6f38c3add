#include "bus/base64.h"

enum { GROUP = 3, LETTERS = 4, CHUNK_GROUPS = 64 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One to three bytes become four letters. */
static void put_group(const uint8_t *bytes, size_t length, char *to)
{
    uint32_t bits = (uint32_t)bytes[0] << 16;
    if (length > 1)
        bits |= (uint32_t)bytes[1] << 8;
    if (length > 2)
        bits |= bytes[2];
    to[0] = alphabet[bits >> 18];
    to[1] = alphabet[bits >> 12 & 63];
    to[2] = length > 1 ? alphabet[bits >> 6 & 63] : '=';
    to[3] = length > 2 ? alphabet[bits & 63] : '=';
}

void bus_base64_append(struct bus_buffer *buffer, struct bus_bytes bytes)
{
    char text[LETTERS * CHUNK_GROUPS];
    size_t at = 0;
    while (at < bytes.length) {
        size_t written = 0;
        for (; at < bytes.length && written < sizeof text; at += GROUP, written += LETTERS)
            put_group(bytes.data + at, bytes.length - at < GROUP ? bytes.length - at : GROUP, text + written);
        bus_buffer_append(buffer, text, written);
    }
}
