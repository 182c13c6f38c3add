#include "bus/utf8.h"

static const uint64_t HIGH_BITS = 0x8080808080808080u;
static const uint64_t LOW_BITS = 0x0101010101010101u;

/* Whether the byte continues a sequence. */
static bool continues(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t bus_utf8_sequence(struct bus_bytes text)
{
    const uint8_t *at = text.data;
    if (text.length == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xe0)
        return at[0] >= 0xc2 && text.length >= 2 && continues(at[1]) ? 2 : 0;
    if (at[0] < 0xf0) {
        if (text.length < 3 || !continues(at[1]) || !continues(at[2]))
            return 0;
        if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0))
            return 0;
        return 3;
    }
    if (at[0] > 0xf4 || text.length < 4 || !continues(at[1]) || !continues(at[2]) || !continues(at[3]))
        return 0;
    if ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] >= 0x90))
        return 0;
    return 4;
}

/* The first byte that is neither in a run of eight ASCII bytes nor in a run of common three-byte characters (U+1000 to U+CFFF,
 * where Chinese lies): the two shapes that nearly all text has, taken in large steps. */
static const uint8_t *skip_common(const uint8_t *at, const uint8_t *end)
{
    for (;;) {
        if (end - at < 8)
            return at;
        uint64_t word;
        memcpy(&word, at, sizeof word);
        if ((word & HIGH_BITS) == 0) {
            if (((word - LOW_BITS) & HIGH_BITS) != 0)
                return at; /* a zero byte */
            at += 8;
            continue;
        }
        /* Lead bytes e1 to ec, two continuations each, two characters at once. */
        uint64_t shape = word & 0x0000c0c0f0c0c0f0u;
        unsigned first = (unsigned)(word & 0x0f) - 1, second = (unsigned)(word >> 24 & 0x0f) - 1;
        if (shape != 0x00008080e08080e0u || first > 0x0b || second > 0x0b)
            return at;
        at += 6;
    }
}

bool bus_utf8_valid(struct bus_bytes text)
{
    if (text.length == 0)
        return true;
    const uint8_t *at = text.data, *end = text.data + text.length;
    while (at < end) {
        at = skip_common(at, end);
        if (at == end)
            break;
        if (*at == 0)
            return false;
        size_t length = *at < 0x80 ? 1 : bus_utf8_sequence(bus_bytes_of(at, (size_t)(end - at)));
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

size_t bus_utf8_characters(struct bus_bytes text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += !continues(text.data[i]);
    return count;
}

size_t bus_utf8_put(uint8_t *to, uint32_t code_point)
{
    size_t length;
    if (code_point < 0x80) {
        to[0] = (uint8_t)code_point;
        length = 1;
    } else if (code_point < 0x800) {
        to[0] = (uint8_t)(0xc0 | code_point >> 6);
        length = 2;
    } else if (code_point < 0x10000) {
        to[0] = (uint8_t)(0xe0 | code_point >> 12);
        length = 3;
    } else {
        to[0] = (uint8_t)(0xf0 | code_point >> 18);
        length = 4;
    }
    for (size_t i = 1; i < length; i++)
        to[i] = (uint8_t)(0x80 | (code_point >> (6 * (length - 1 - i)) & 0x3f));
    return length;
}

void bus_utf8_append(struct bus_buffer *buffer, uint32_t code_point)
{
    uint8_t bytes[4];
    size_t length = bus_utf8_put(bytes, code_point);
    bus_buffer_append(buffer, bytes, length);
}
