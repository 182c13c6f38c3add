#include "adapters/formats/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* So much of a line that is skipped is kept to show. */
enum { SKIPPED_ORIGINAL = 64 * 1024 };

enum {
    RAW_SIZE = 256 * 1024,
    WINDOW_SIZE =
        ADAPTERS_ROW_MAX + (RAW_SIZE + ADAPTERS_CHARACTER_MAX) * ADAPTERS_DECODE_GROWTH + ADAPTERS_CHARACTER_MAX,
};

bool adapters_text_init(struct adapters_text *text, const struct adapters_decoder *decoder)
{
    *text = (struct adapters_text){.decoder = decoder};
    text->raw = malloc(RAW_SIZE + ADAPTERS_CHARACTER_MAX);
    text->window = malloc(WINDOW_SIZE);
    if (text->raw != NULL && text->window != NULL)
        return true;
    adapters_text_release(text);
    return false;
}

void adapters_text_release(struct adapters_text *text)
{
    free(text->raw);
    free(text->window);
    *text = (struct adapters_text){0};
}

void adapters_text_start(struct adapters_text *text, int file, enum adapters_encoding encoding)
{
    text->at = text->end = text->window;
    text->at_end = false;
    text->line = 1;
    text->file = file;
    text->size_bytes = 0;
    text->encoding = encoding;
    text->raw_length = 0;
    text->is_begun = false;
}

static enum bus_status read_raw(struct adapters_text *text, struct bus_error *error)
{
    ssize_t length;
    do
        length = read(text->file, text->raw + text->raw_length, RAW_SIZE);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return bus_fail(error, BUS_RETRY, "cannot read on after %llu bytes: %s", (unsigned long long)text->size_bytes,
                        strerror(errno));
    text->raw_length += (size_t)length;
    text->size_bytes += (uint64_t)length;
    text->at_end = length == 0;
    return BUS_OK;
}

static void skip_byte_order_mark(struct adapters_text *text)
{
    if (!text->is_begun && text->end - text->at >= 3 && memcmp(text->at, "\xef\xbb\xbf", 3) == 0)
        text->at += 3;
    text->is_begun = true;
}

enum bus_status adapters_text_more(struct adapters_text *text, struct bus_error *error)
{
    assert(!text->at_end && text->end - text->at <= ADAPTERS_ROW_MAX);
    enum bus_status status = read_raw(text, error);
    if (status != BUS_OK)
        return status;
    size_t kept = (size_t)(text->end - text->at);
    memmove(text->window, text->at, kept);
    size_t length, taken;
    adapters_decoder_run(text->decoder, text->encoding, bus_bytes_of(text->raw, text->raw_length), text->at_end,
                         text->window + kept, &length, &taken);
    text->raw_length -= taken;
    memmove(text->raw, text->raw + taken, text->raw_length);
    text->at = text->window;
    text->end = text->window + kept + length;
    if (text->end > text->at)
        skip_byte_order_mark(text);
    return BUS_OK;
}

enum bus_status adapters_text_skip_line(struct adapters_text *text, struct bus_arena *arena,
                                        struct bus_bytes *out_original, struct bus_error *error)
{
    size_t shown = (size_t)(text->end - text->at);
    const uint8_t *line_end = memchr(text->at, '\n', shown);
    if (line_end != NULL)
        shown = (size_t)(line_end - text->at);
    *out_original = bus_arena_copy(arena, bus_bytes_of(text->at, shown < SKIPPED_ORIGINAL ? shown : SKIPPED_ORIGINAL));
    while (line_end == NULL && !text->at_end) {
        text->at = text->end;
        enum bus_status status = adapters_text_more(text, error);
        if (status != BUS_OK)
            return status;
        line_end = memchr(text->at, '\n', (size_t)(text->end - text->at));
    }
    text->at = line_end != NULL ? line_end + 1 : text->end;
    text->line++;
    return BUS_OK;
}

enum bus_status adapters_text_check(struct bus_bytes original, struct adapters_refusal *refusal)
{
    if (memchr(original.data, 0, original.length) != NULL)
        return adapters_refuse(refusal, "ROW_NUL", "该行含有空字节（NUL），文件可能已损坏，请重新导出",
                               "the row holds a NUL byte: the file may be damaged; export it again");
    if (memchr(original.data, ADAPTERS_BAD_BYTE, original.length) != NULL)
        return adapters_refuse(
            refusal, "ROW_ENCODING", "该行含有无法按文件编码解读的字节，请核对导出编码",
            "the row holds bytes that are no text in the file's encoding; check the export's encoding");
    return BUS_OK;
}
