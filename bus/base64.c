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

static int value_of(uint8_t letter)
{
    const char *at = letter != '\0' ? strchr(alphabet, letter) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

bool bus_base64_read(struct bus_bytes text, struct bus_buffer *buffer)
{
    uint32_t bits = 0;
    size_t letters = 0;
    if (text.length % LETTERS != 0)
        return false;
    for (size_t i = 0; i < 2 && text.length > 0 && text.data[text.length - 1] == '='; i++)
        text.length--;
    for (size_t i = 0; i < text.length; i++) {
        int value = value_of(text.data[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        letters = (letters + 1) % LETTERS;
        if (letters != 1) /* the first letter of a group gives no whole byte */
            bus_buffer_u8(buffer, (uint8_t)(bits >> (2 * (LETTERS - letters) % 8)));
    }
    /* What is left over is nothing but zeros: one text for the same bytes. */
    return letters != 1 && (bits & ((1u << (letters == 2 ? 4 : letters == 3 ? 2 : 0)) - 1)) == 0 && !buffer->failed;
}
