#include "adapters/formats/xlsx/quick.h"

#include "bus/utf8.h"

/* What may stand in a text as it is: no tag, no entity, no `>` (which may end "]]>"), no control but tab and line feed. */
enum byte_class { BYTE_STOP, BYTE_PLAIN, BYTE_HIGH };

static enum byte_class class_of(uint8_t byte)
{
    if (byte >= 0x80)
        return BYTE_HIGH;
    if (byte < 0x20)
        return byte == '\t' || byte == '\n' ? BYTE_PLAIN : BYTE_STOP;
    return byte == '<' || byte == '&' || byte == '>' ? BYTE_STOP : BYTE_PLAIN;
}

static void settle(struct adapters_xlsx_quick *quick, enum adapters_xlsx_quick_result result)
{
    if (quick->result == ADAPTERS_XLSX_QUICK_GOOD)
        quick->result = result;
}

bool adapters_xlsx_quick_take(struct adapters_xlsx_quick *quick, const char *token)
{
    const uint8_t *at = quick->at;
    for (; *token != '\0'; token++, at++) {
        if (at == quick->end) {
            settle(quick, ADAPTERS_XLSX_QUICK_SHORT);
            return false;
        }
        if (*at != (uint8_t)*token)
            return false;
    }
    if (quick->result != ADAPTERS_XLSX_QUICK_GOOD)
        return false;
    quick->at = at;
    return true;
}

static bool is_name_byte(uint8_t byte, bool is_first)
{
    uint8_t lower = byte | 32;
    return (lower >= 'a' && lower <= 'z') || byte == '_' ||
           (!is_first && ((byte >= '0' && byte <= '9') || byte == ':' || byte == '-' || byte == '.'));
}

/* ` name="value"`, the blank being taken already. */
static void take_attribute(struct adapters_xlsx_quick *quick, struct adapters_xlsx_quick_attribute *attribute)
{
    const uint8_t *from = quick->at, *at = from, *end = quick->end;
    while (at < end && is_name_byte(*at, at == from))
        at++;
    attribute->name = bus_bytes_of(from, (size_t)(at - from));
    if (end - at < 2) {
        settle(quick, ADAPTERS_XLSX_QUICK_SHORT);
        return;
    }
    if (at == from || at[0] != '=' || at[1] != '"') {
        settle(quick, ADAPTERS_XLSX_QUICK_OTHER);
        return;
    }
    at += 2;
    from = at;
    while (at < end && *at != '"' && *at >= 0x20 && *at < 0x7f && *at != '<' && *at != '&')
        at++;
    attribute->value = bus_bytes_of(from, (size_t)(at - from));
    if (at == end)
        settle(quick, ADAPTERS_XLSX_QUICK_SHORT);
    else if (*at != '"')
        settle(quick, ADAPTERS_XLSX_QUICK_OTHER);
    else
        quick->at = at + 1;
}

static bool is_twice(const struct adapters_xlsx_quick_tag *tag, struct bus_bytes name)
{
    for (size_t i = 0; i < tag->count; i++) {
        if (bus_bytes_equal(tag->attributes[i].name, name))
            return true;
    }
    return false;
}

void adapters_xlsx_quick_tag(struct adapters_xlsx_quick *quick, struct adapters_xlsx_quick_tag *tag)
{
    tag->count = 0;
    tag->is_empty = false;
    while (quick->result == ADAPTERS_XLSX_QUICK_GOOD) {
        if (quick->at == quick->end) {
            settle(quick, ADAPTERS_XLSX_QUICK_SHORT);
        } else if (*quick->at == '>') {
            quick->at++;
            return;
        } else if (*quick->at == '/') {
            tag->is_empty = adapters_xlsx_quick_take(quick, "/>");
            if (!tag->is_empty)
                settle(quick, ADAPTERS_XLSX_QUICK_OTHER);
            return;
        } else if (*quick->at == ' ' && tag->count < ADAPTERS_XLSX_QUICK_ATTRIBUTES) {
            struct adapters_xlsx_quick_attribute attribute;
            quick->at++;
            take_attribute(quick, &attribute);
            if (quick->result != ADAPTERS_XLSX_QUICK_GOOD)
                return;
            if (is_twice(tag, attribute.name))
                settle(quick, ADAPTERS_XLSX_QUICK_OTHER);
            tag->attributes[tag->count++] = attribute;
        } else {
            settle(quick, ADAPTERS_XLSX_QUICK_OTHER);
        }
    }
}

/* XML leaves out U+FFFE and U+FFFF, which are well-formed UTF-8. */
static bool is_character_data(struct bus_bytes text)
{
    return bus_utf8_valid(text) && memmem(text.data, text.length, "\xef\xbf\xbe", 3) == NULL &&
           memmem(text.data, text.length, "\xef\xbf\xbf", 3) == NULL;
}

struct bus_bytes adapters_xlsx_quick_text(struct adapters_xlsx_quick *quick)
{
    const uint8_t *from = quick->at, *at = from;
    bool is_high = false;
    if (quick->result != ADAPTERS_XLSX_QUICK_GOOD)
        return bus_bytes_of(NULL, 0);
    for (enum byte_class class; at < quick->end && (class = class_of(*at)) != BYTE_STOP; at++)
        is_high = is_high || class == BYTE_HIGH;
    struct bus_bytes text = bus_bytes_of(from, (size_t)(at - from));
    if (at == quick->end)
        settle(quick, ADAPTERS_XLSX_QUICK_SHORT);
    else if (*at != '<' || (is_high && !is_character_data(text)))
        settle(quick, ADAPTERS_XLSX_QUICK_OTHER);
    else
        quick->at = at;
    return text;
}
