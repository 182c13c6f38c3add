#include "adapters/sources/odbc/wide.h"

#include "bus/utf8.h"

enum { HIGH_FIRST = 0xd800, LOW_FIRST = 0xdc00, LOW_LAST = 0xdfff, BEYOND = 0x10000, UNKNOWN = 0xfffd };

/* The character that `sequence` bytes of good UTF-8 are. */
static uint32_t character_of(const uint8_t *text, size_t sequence)
{
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t character = text[0] & first_bits[sequence];
    for (size_t i = 1; i < sequence; i++)
        character = character << 6 | (text[i] & 0x3f);
    return character;
}

static void append_unit(uint16_t unit, struct bus_buffer *buffer)
{
    bus_buffer_append(buffer, &unit, sizeof unit);
}

void odbc_wide_append(const char *text, struct bus_buffer *buffer)
{
    struct bus_bytes left = bus_bytes_text(text);
    while (left.length > 0) {
        size_t sequence = bus_utf8_sequence(left);
        uint32_t character = sequence > 0 ? character_of(left.data, sequence) : UNKNOWN;
        if (character >= BEYOND) {
            append_unit((uint16_t)(HIGH_FIRST + ((character - BEYOND) >> 10)), buffer);
            append_unit((uint16_t)(LOW_FIRST + ((character - BEYOND) & 0x3ff)), buffer);
        } else {
            append_unit((uint16_t)character, buffer);
        }
        size_t taken = sequence > 0 ? sequence : 1;
        left = bus_bytes_of(left.data + taken, left.length - taken);
    }
    append_unit(0, buffer);
}

void odbc_narrow_append(struct odbc_narrow *narrow, const uint16_t *units, size_t count, struct bus_buffer *buffer)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t unit = units[i];
        bool is_low = unit >= LOW_FIRST && unit <= LOW_LAST;
        if (is_low && narrow->high != 0) {
            bus_utf8_append(buffer, (uint32_t)(BEYOND + ((narrow->high - HIGH_FIRST) << 10) + (unit - LOW_FIRST)));
            narrow->high = 0;
            continue;
        }
        odbc_narrow_finish(narrow);
        narrow->is_bad = narrow->is_bad || is_low || unit == 0;
        if (unit >= HIGH_FIRST && unit < LOW_FIRST)
            narrow->high = unit;
        else
            bus_utf8_append(buffer, is_low ? UNKNOWN : unit);
    }
}

void odbc_narrow_finish(struct odbc_narrow *narrow)
{
    narrow->is_bad = narrow->is_bad || narrow->high != 0;
    narrow->high = 0;
}
