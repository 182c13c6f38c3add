#include "adapters/formats/encoding.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#include "bus/utf8.h"

/* A file with fewer well-formed characters for each bad byte than this is not damaged UTF-8 but another encoding. */
enum { CHARACTERS_PER_BAD_BYTE = 10 };

enum { LEAD_FIRST = 0x81, LEAD_LAST = 0xfe, TRAIL_FIRST = 0x40, TRAIL_LAST = 0xfe };
enum { TRAILS = TRAIL_LAST - TRAIL_FIRST + 1, PAIRS = (LEAD_LAST - LEAD_FIRST + 1) * TRAILS };

struct adapters_decoder {
    uint8_t pairs[PAIRS][ADAPTERS_CHARACTER_MAX]; /* two-byte characters as UTF-8, zero where there is none */
    iconv_t converter;                            /* for the characters of four bytes, which are rare */
};

const char *adapters_encoding_name(enum adapters_encoding encoding, bool bom)
{
    if (encoding == ADAPTERS_ENCODING_GB18030)
        return "GB18030";
    return bom ? "UTF-8-BOM" : "UTF-8";
}

size_t adapters_utf8_tail(const uint8_t *text, size_t length)
{
    for (size_t back = 1; back < ADAPTERS_CHARACTER_MAX && back <= length; back++) {
        uint8_t byte = text[length - back];
        if ((byte & 0xc0) == 0x80)
            continue;
        size_t needed = byte < 0xc2 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 1;
        return needed > back ? back : 0;
    }
    return 0;
}

/* Bytes of plain ASCII at the start, eight at a time. */
static size_t ascii_run(const uint8_t *text, size_t length)
{
    size_t run = 0;
    while (run + 8 <= length) {
        uint64_t word;
        memcpy(&word, text + run, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
        run += 8;
    }
    while (run < length && text[run] < 0x80)
        run++;
    return run;
}

static void probe_count(struct adapters_encoding_probe *probe, const uint8_t *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        at += ascii_run(text + at, length - at);
        if (at == length)
            break;
        size_t character = bus_utf8_sequence(bus_bytes_of(text + at, length - at));
        if (character == 0) {
            probe->bad_bytes++;
            at++;
        } else {
            probe->characters++;
            at += character;
        }
    }
}

/* Completes the character that the last piece cut off; returns how many bytes of this piece it took. */
static size_t probe_join(struct adapters_encoding_probe *probe, struct bus_bytes bytes)
{
    uint8_t joined[2 * ADAPTERS_CHARACTER_MAX];
    size_t pending = probe->pending_length;
    size_t extra = bytes.length < ADAPTERS_CHARACTER_MAX ? bytes.length : ADAPTERS_CHARACTER_MAX;
    memcpy(joined, probe->pending, pending);
    memcpy(joined + pending, bytes.data, extra);
    size_t character = bus_utf8_sequence(bus_bytes_of(joined, pending + extra));
    probe->pending_length = 0;
    if (character > pending) {
        probe->characters++;
        return character - pending;
    }
    if (pending + extra < ADAPTERS_CHARACTER_MAX && adapters_utf8_tail(joined, pending + extra) == pending + extra) {
        memcpy(probe->pending, joined, pending + extra);
        probe->pending_length = pending + extra;
        return extra;
    }
    probe->bad_bytes += pending;
    return 0;
}

void adapters_encoding_probe_add(struct adapters_encoding_probe *probe, struct bus_bytes bytes)
{
    if (probe->position == 0 && bytes.length >= 3 && memcmp(bytes.data, "\xef\xbb\xbf", 3) == 0)
        probe->bom = true;
    probe->position += bytes.length;
    if (probe->pending_length > 0) {
        size_t taken = probe_join(probe, bytes);
        bytes = bus_bytes_of(bytes.data + taken, bytes.length - taken);
        if (probe->pending_length > 0)
            return;
    }
    size_t tail = adapters_utf8_tail(bytes.data, bytes.length);
    probe_count(probe, bytes.data, bytes.length - tail);
    if (tail > 0)
        memcpy(probe->pending, bytes.data + bytes.length - tail, tail);
    probe->pending_length = tail;
}

enum adapters_encoding adapters_encoding_probe_finish(struct adapters_encoding_probe *probe)
{
    probe->bad_bytes += probe->pending_length;
    probe->pending_length = 0;
    bool is_utf8 =
        probe->bom || probe->bad_bytes == 0 || probe->bad_bytes < probe->characters / CHARACTERS_PER_BAD_BYTE;
    return is_utf8 ? ADAPTERS_ENCODING_UTF8 : ADAPTERS_ENCODING_GB18030;
}

/* One character by iconv: its length in UTF-8, 0 when it is none. */
static size_t convert(const struct adapters_decoder *decoder, const uint8_t *input, size_t length,
                      uint8_t out_text[ADAPTERS_CHARACTER_MAX])
{
    char copy[ADAPTERS_CHARACTER_MAX];
    memcpy(copy, input, length);
    char *from = copy, *to = (char *)out_text;
    size_t from_left = length, to_left = ADAPTERS_CHARACTER_MAX;
    if (iconv(decoder->converter, &from, &from_left, &to, &to_left) == (size_t)-1) {
        iconv(decoder->converter, NULL, NULL, NULL, NULL);
        return 0;
    }
    return from_left == 0 ? ADAPTERS_CHARACTER_MAX - to_left : 0;
}

static void fill_pairs(struct adapters_decoder *decoder)
{
    for (int lead = LEAD_FIRST; lead <= LEAD_LAST; lead++) {
        for (int trail = TRAIL_FIRST; trail <= TRAIL_LAST; trail++) {
            const uint8_t pair[2] = {(uint8_t)lead, (uint8_t)trail};
            uint8_t *entry = decoder->pairs[(lead - LEAD_FIRST) * TRAILS + trail - TRAIL_FIRST];
            if (convert(decoder, pair, sizeof pair, entry) == 0)
                memset(entry, 0, ADAPTERS_CHARACTER_MAX);
        }
    }
}

enum bus_status adapters_decoder_create(struct adapters_decoder **out_decoder, struct bus_error *error)
{
    struct adapters_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the decoder: out of memory");
    decoder->converter = iconv_open("UTF-8", "GB18030");
    if (decoder->converter == (iconv_t)-1) {
        free(decoder);
        return bus_fail(error, BUS_FATAL, "cannot read GB18030: iconv: %s; install the C library's gconv modules",
                        strerror(errno));
    }
    fill_pairs(decoder);
    *out_decoder = decoder;
    return BUS_OK;
}

void adapters_decoder_destroy(struct adapters_decoder *decoder)
{
    if (decoder == NULL)
        return;
    iconv_close(decoder->converter);
    free(decoder);
}

static size_t put_bad_byte(uint8_t *to, uint8_t byte)
{
    char hex[3];
    bus_hex(&byte, 1, hex);
    to[0] = ADAPTERS_BAD_BYTE;
    memcpy(to + 1, hex, 2);
    return 3;
}

/* One character that is not ASCII: bytes used of the input, 0 when it is cut off. A bad lead byte is used alone, so that
 * the separator after it is still seen. */
static size_t decode_gb18030(const struct adapters_decoder *decoder, const uint8_t *input, size_t length, uint8_t **to)
{
    if (input[0] < LEAD_FIRST || input[0] > LEAD_LAST)
        goto bad;
    if (length < 2)
        return 0;
    if (input[1] >= TRAIL_FIRST && input[1] <= TRAIL_LAST) {
        const uint8_t *entry = decoder->pairs[(input[0] - LEAD_FIRST) * TRAILS + input[1] - TRAIL_FIRST];
        if (entry[0] == 0)
            goto bad;
        memcpy(*to, entry, ADAPTERS_CHARACTER_MAX);
        *to += entry[0] < 0xe0 ? 2 : entry[0] < 0xf0 ? 3 : 4;
        return 2;
    }
    if (input[1] < '0' || input[1] > '9')
        goto bad;
    if (length < 4)
        return 0;
    size_t written = convert(decoder, input, 4, *to);
    if (written > 0) {
        *to += written;
        return 4;
    }
bad:
    *to += put_bad_byte(*to, input[0]);
    return 1;
}

static size_t decode_utf8(const uint8_t *input, size_t length, bool last, uint8_t **to)
{
    size_t character = bus_utf8_sequence(bus_bytes_of(input, length));
    if (character > 0) {
        memcpy(*to, input, character);
        *to += character;
        return character;
    }
    if (!last && length < ADAPTERS_CHARACTER_MAX && adapters_utf8_tail(input, length) == length)
        return 0;
    *to += put_bad_byte(*to, input[0]);
    return 1;
}

void adapters_decoder_run(const struct adapters_decoder *decoder, enum adapters_encoding encoding,
                          struct bus_bytes input, bool last, uint8_t *out_text, size_t *out_length, size_t *out_taken)
{
    uint8_t *to = out_text;
    size_t at = 0;
    while (at < input.length) {
        const uint8_t *from = input.data + at;
        size_t left = input.length - at;
        size_t used;
        if (*from < 0x80) {
            used = ascii_run(from, left);
            memcpy(to, from, used);
            to += used;
        } else if (encoding == ADAPTERS_ENCODING_GB18030) {
            used = decode_gb18030(decoder, from, left, &to);
        } else {
            used = decode_utf8(from, left, last, &to);
        }
        if (used == 0) { /* a character cut off */
            if (!last)
                break;
            to += put_bad_byte(to, *from);
            used = 1;
        }
        at += used;
    }
    *out_length = (size_t)(to - out_text);
    *out_taken = at;
}
