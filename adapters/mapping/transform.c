#include "adapters/mapping/transform.h"

struct pattern {
    const char *from;
    const char *to; /* never longer than `from` */
};

/* Blanks of more than one byte. */
static const char *const wide_blanks[] = {"\xe3\x80\x80", "\xc2\xa0", "\xe2\x80\x8b", "\xef\xbb\xbf"};
enum { WIDE_BLANKS = sizeof wide_blanks / sizeof *wide_blanks };

static bool starts_with(struct bus_bytes text, const char *pattern)
{
    size_t length = strlen(pattern);
    return text.length >= length && memcmp(text.data, pattern, length) == 0;
}

/* Bytes of the blank that the text begins with, or 0. */
static size_t leading_blank(struct bus_bytes text)
{
    if (text.length == 0)
        return 0;
    if (text.data[0] <= ' ' || text.data[0] == 0x7f)
        return 1;
    for (size_t i = 0; text.data[0] >= 0x80 && i < WIDE_BLANKS; i++)
        if (starts_with(text, wide_blanks[i]))
            return strlen(wide_blanks[i]);
    return 0;
}

static size_t trailing_blank(struct bus_bytes text)
{
    if (text.length == 0)
        return 0;
    uint8_t last = text.data[text.length - 1];
    if (last <= ' ' || last == 0x7f)
        return 1;
    for (size_t i = 0; last >= 0x80 && i < WIDE_BLANKS; i++) {
        size_t length = strlen(wide_blanks[i]);
        if (text.length >= length && memcmp(text.data + text.length - length, wide_blanks[i], length) == 0)
            return length;
    }
    return 0;
}

struct bus_bytes adapters_trim(struct bus_bytes text)
{
    for (size_t blank; (blank = leading_blank(text)) > 0;)
        text = bus_bytes_of(text.data + blank, text.length - blank);
    for (size_t blank; (blank = trailing_blank(text)) > 0;)
        text.length -= blank;
    return text;
}

/* --- one pass that replaces --- */

/* What stands at the start of `text`: its length, and what to write for it (NULL: as it is). */
typedef size_t look(struct bus_bytes text, char out_replacement[8], size_t *out_length);

static struct bus_bytes rewrite(struct bus_bytes text, struct bus_arena *arena, look *look_at)
{
    uint8_t *copy = NULL;
    size_t written = 0;
    for (size_t at = 0; at < text.length;) {
        char replacement[8];
        size_t length = 0;
        size_t used = look_at(bus_bytes_of(text.data + at, text.length - at), replacement, &length);
        if (used > 0 && copy == NULL) {
            copy = bus_arena_allocate(arena, text.length);
            if (copy == NULL)
                return bus_bytes_of(NULL, 0);
            memcpy(copy, text.data, at);
            written = at;
        }
        if (used > 0)
            memcpy(copy + written, replacement, length);
        else if (copy != NULL)
            copy[written] = text.data[at];
        written += used > 0 ? length : 1;
        at += used > 0 ? used : 1;
    }
    return copy != NULL ? bus_bytes_of(copy, written) : text;
}

static size_t look_wide(struct bus_bytes text, char out_replacement[8], size_t *out_length)
{
    if (text.data[0] < 0xe3 || text.length < 3)
        return 0;
    uint32_t code = (text.data[0] & 0x0fu) << 12 | (text.data[1] & 0x3fu) << 6 | (text.data[2] & 0x3fu);
    bool is_wide = text.data[0] == 0xef && code >= 0xff01 && code <= 0xff5e;
    if (!is_wide && !starts_with(text, "\xe3\x80\x80"))
        return 0;
    out_replacement[0] = is_wide ? (char)(code - 0xff00 + 0x20) : ' ';
    *out_length = 1;
    return 3;
}

struct bus_bytes adapters_half_width(struct bus_bytes text, struct bus_arena *arena)
{
    return rewrite(text, arena, look_wide);
}

static size_t look_lower(struct bus_bytes text, char out_replacement[8], size_t *out_length)
{
    if (text.data[0] < 'a' || text.data[0] > 'z')
        return 0;
    out_replacement[0] = (char)(text.data[0] - 'a' + 'A');
    *out_length = 1;
    return 1;
}

struct bus_bytes adapters_upper(struct bus_bytes text, struct bus_arena *arena)
{
    return rewrite(text, arena, look_lower);
}

static size_t look_blank(struct bus_bytes text, char out_replacement[8], size_t *out_length)
{
    (void)out_replacement;
    *out_length = 0;
    return leading_blank(text);
}

struct bus_bytes adapters_without_blanks(struct bus_bytes text, struct bus_arena *arena)
{
    return rewrite(text, arena, look_blank);
}

static size_t look_pattern(struct bus_bytes text, const struct pattern *patterns, size_t count, char out_replacement[8],
                           size_t *out_length)
{
    for (size_t i = 0; i < count; i++) {
        if (!starts_with(text, patterns[i].from))
            continue;
        *out_length = strlen(patterns[i].to);
        memcpy(out_replacement, patterns[i].to, *out_length);
        return strlen(patterns[i].from);
    }
    return 0;
}

static size_t look_line_end(struct bus_bytes text, char out_replacement[8], size_t *out_length)
{
    static const struct pattern line_ends[] = {{"\r\n", " "}, {"\n", " "}, {"\r", " "}, {"\\r\\n", " "}, {"\\n", " "}};
    if (text.data[0] != '\r' && text.data[0] != '\n' && text.data[0] != '\\')
        return 0;
    return look_pattern(text, line_ends, sizeof line_ends / sizeof *line_ends, out_replacement, out_length);
}

struct bus_bytes adapters_one_line(struct bus_bytes text, struct bus_arena *arena)
{
    return rewrite(text, arena, look_line_end);
}

static size_t look_bracket(struct bus_bytes text, char out_replacement[8], size_t *out_length)
{
    static const struct pattern brackets[] = {{"〔", "("}, {"〕", ")"}, {"【", "("}, {"】", ")"}, {"［", "("},
                                              {"］", ")"}, {"（", "("}, {"）", ")"}, {"[", "("},  {"]", ")"}};
    if (text.data[0] < 0xe3 && text.data[0] != '[' && text.data[0] != ']')
        return 0;
    return look_pattern(text, brackets, sizeof brackets / sizeof *brackets, out_replacement, out_length);
}

struct bus_bytes adapters_round_brackets(struct bus_bytes text, struct bus_arena *arena)
{
    return rewrite(text, arena, look_bracket);
}

/* --- codes --- */

struct bus_bytes adapters_without_excel_tail(struct bus_bytes text)
{
    if (text.length < 3 || memcmp(text.data + text.length - 2, ".0", 2) != 0)
        return text;
    for (size_t i = 0; i < text.length - 2; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return text;
    return bus_bytes_of(text.data, text.length - 2);
}

struct bus_bytes adapters_padded(struct bus_bytes text, size_t length, struct bus_arena *arena)
{
    if (text.length >= length)
        return text;
    uint8_t *padded = bus_arena_allocate(arena, length);
    if (padded == NULL)
        return bus_bytes_of(NULL, 0);
    memset(padded, '0', length - text.length);
    memcpy(padded + length - text.length, text.data, text.length);
    return bus_bytes_of(padded, length);
}
