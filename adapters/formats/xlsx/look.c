#include "adapters/formats/xlsx/look.h"

#include <strings.h>

int adapters_xlsx_look_of_id(int64_t id)
{
    if (id >= 18 && id <= 21)
        return ADAPTERS_XLSX_TIME;
    if (id == 45 || id == 47)
        return ADAPTERS_XLSX_TIME;
    if (id == 46)
        return ADAPTERS_XLSX_ELAPSED;
    /* 32 to 35, 55 and 56 are times in some languages and days in others; what has a day shows it either way. */
    bool is_date = (id >= 14 && id <= 17) || id == 22 || (id >= 27 && id <= 36) || (id >= 50 && id <= 58);
    return is_date ? ADAPTERS_XLSX_DATE : ADAPTERS_XLSX_PLAIN;
}

/* What a format shows, gathered over its first section. */
struct looks {
    bool has_day, has_time, is_elapsed, has_minutes;
    size_t zeros;
    bool is_other;
};

static void look_at(struct looks *looks, uint8_t byte)
{
    uint8_t lower = byte | 32;
    looks->has_day = looks->has_day || lower == 'y' || lower == 'd';
    looks->has_time = looks->has_time || lower == 'h' || lower == 's';
    looks->has_minutes = looks->has_minutes || lower == 'm';
    looks->zeros += byte == '0';
    looks->is_other = looks->is_other || byte != '0';
}

/* [h], [mm] and [ss] count beyond a day; [Red], [$-804] and conditions say nothing of it. */
static void look_at_bracket(struct looks *looks, struct bus_bytes inside)
{
    uint8_t first = inside.length > 0 ? inside.data[0] | 32 : 0;
    bool is_elapsed = first == 'h' || first == 'm' || first == 's';
    for (size_t i = 0; i < inside.length; i++)
        is_elapsed = is_elapsed && (inside.data[i] | 32) == first;
    looks->is_elapsed = looks->is_elapsed || is_elapsed;
}

static const uint8_t *pass(const uint8_t *at, const uint8_t *end, uint8_t closing)
{
    const uint8_t *found = at < end ? memchr(at, closing, (size_t)(end - at)) : NULL;
    return found != NULL ? found : end;
}

enum { GENERAL_LENGTH = 7 };

static bool is_general(const uint8_t *at, const uint8_t *end)
{
    return end - at >= GENERAL_LENGTH && strncasecmp((const char *)at, "general", GENERAL_LENGTH) == 0;
}

static void look_at_section(struct looks *looks, struct bus_bytes code)
{
    const uint8_t *end = code.data + code.length;
    for (const uint8_t *at = code.data; at < end && *at != ';'; at++) {
        if (*at == '"') {
            at = pass(at + 1, end, '"');
            looks->is_other = true;
        } else if (*at == '[') {
            const uint8_t *closing = pass(at + 1, end, ']');
            look_at_bracket(looks, bus_bytes_of(at + 1, (size_t)(closing - at - 1)));
            at = closing;
        } else if (*at == '\\' || *at == '_' || *at == '*') {
            at++; /* the next character is shown, left as room or repeated */
            looks->is_other = true;
        } else if ((*at | 32) == 'e' && at + 1 < end && (at[1] == '+' || at[1] == '-')) {
            at++; /* scientific */
            looks->is_other = true;
        } else if (is_general(at, end)) {
            at += GENERAL_LENGTH - 1;
            looks->is_other = true;
        } else {
            look_at(looks, *at);
        }
        if (at >= end)
            break;
    }
}

int adapters_xlsx_look_of_format(struct bus_bytes code)
{
    struct looks looks = {0};
    look_at_section(&looks, code);
    if (looks.is_elapsed)
        return ADAPTERS_XLSX_ELAPSED;
    if (looks.has_day || (looks.has_minutes && !looks.has_time))
        return ADAPTERS_XLSX_DATE;
    if (looks.has_time)
        return ADAPTERS_XLSX_TIME;
    bool is_padded = !looks.is_other && looks.zeros >= 2 && looks.zeros <= ADAPTERS_XLSX_PADDED_MAX;
    return is_padded ? ADAPTERS_XLSX_PADDED + (int)looks.zeros : ADAPTERS_XLSX_PLAIN;
}
