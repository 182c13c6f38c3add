/* Position: what an adapter has taken and numbered, as a record of xq.positions (schemas/internal/position.avsc).
 *
 * Key "<adapter>": files that are taken in part, all sequence numbers, and the cursors of sources that are no files. Key "<adapter>/<digest in hex>": one file that is
 * finished. The last record of a key wins. */
#ifndef ADAPTERS_ENGINE_POSITION_H
#define ADAPTERS_ENGINE_POSITION_H

#include "bus/catalogue.h"
#include "bus/digest.h"

enum { ADAPTERS_FILE_NAME_SIZE = 256, ADAPTERS_FEED_NAME_SIZE = 128, ADAPTERS_MAX_FEEDS = 64 };

/* One file, known by its content. */
struct adapters_file_position {
    char feed[ADAPTERS_FEED_NAME_SIZE];
    char name[ADAPTERS_FILE_NAME_SIZE];
    uint8_t digest[BUS_DIGEST_SIZE]; /* SM3 of the content */
    int64_t size_bytes;
    int64_t rows; /* taken so far, each published or quarantined */
    int64_t published, quarantined;
    bool is_done;
};

/* The next sequence number in one partition of one in topic. */
struct adapters_sequence {
    char topic[BUS_TOPIC_SIZE];
    int32_t partition;
    int64_t next;
};

/* How far a source is that is no file: a short text of its own under a name, "" when it is gone. */
enum { ADAPTERS_CURSOR_NAME_SIZE = 160, ADAPTERS_CURSOR_TEXT_SIZE = 4096, ADAPTERS_POSITION_MAX_CURSORS = 256 };
struct adapters_cursor {
    char name[ADAPTERS_CURSOR_NAME_SIZE];
    char text[ADAPTERS_CURSOR_TEXT_SIZE];
};

enum { ADAPTERS_POSITION_MAX_FILES = 1024, ADAPTERS_POSITION_MAX_SEQUENCES = 65536 };

/* Whoever encodes owns the arrays; decoded ones are released with adapters_position_release. */
struct adapters_position {
    int64_t at_ms;
    struct adapters_file_position *files;
    size_t file_count;
    struct adapters_sequence *sequences;
    size_t sequence_count;
    struct adapters_cursor *cursors;
    size_t cursor_count;
};

/* FATAL when the buffer's limit is reached. */
BUS_MUST_CHECK enum bus_status adapters_position_encode(const char *adapter, const struct adapters_position *position,
                                                        struct bus_buffer *buffer, struct bus_error *error);
/* REJECT when the bytes are no position, FATAL when out of memory. */
BUS_MUST_CHECK enum bus_status adapters_position_decode(struct bus_bytes value, struct adapters_position *out_position,
                                                        struct bus_error *error);
void adapters_position_release(struct adapters_position *position);

#endif
