/* Piece: the records of one log that one seal covers, copied out of Kafka's memory, waiting for a sink. */
#ifndef SUBSCRIBERS_ENGINE_PIECE_H
#define SUBSCRIBERS_ENGINE_PIECE_H

#include "bus/event.h"
#include "bus/merkle.h"
#include "bus/seal.h"

enum {
    SUBSCRIBERS_PIECE_MAX_RECORDS = 1000000,
    SUBSCRIBERS_PIECE_MAX_BYTES = 512 * 1024 * 1024,
};

struct subscribers_record {
    int64_t offset;
    size_t at;       /* of the key in `data`; the value follows */
    uint32_t length; /* of the value */
};

struct subscribers_piece {
    struct subscribers_piece *next;
    int32_t partition;
    struct bus_buffer data;
    struct subscribers_record *records;
    size_t count, capacity;
    uint64_t first_leaf;
    size_t done; /* of the first records: settled already, a batch begins behind them */
    /* Once sealed: the log after this piece, and where reading goes on. */
    struct bus_merkle log;
    enum bus_hash hash;
    int64_t next_offset;
    int64_t sealed_at_ms;
    /* For who passes the proof on (the engine keeps them for couriers only): the log before the first record that is not done, the leaves of
     * all records, and the seal, whose signature has been verified. */
    struct bus_merkle before;
    bus_digest_bytes *leaves; /* NULL: not kept */
    struct bus_seal *seal;    /* NULL: not kept */
};

/* NULL when out of memory. */
struct subscribers_piece *subscribers_piece_create(int32_t partition);
void subscribers_piece_destroy(struct subscribers_piece *piece);

/* FATAL when the piece is at its limit (a seal never came) or out of memory. */
BUS_MUST_CHECK enum bus_status subscribers_piece_append(struct subscribers_piece *piece, int64_t offset,
                                                        const uint8_t record[BUS_IDENTITY_SIZE], struct bus_bytes value,
                                                        struct bus_error *error);
struct bus_bytes subscribers_piece_key_view(const struct subscribers_piece *piece, size_t index);
struct bus_bytes subscribers_piece_value_view(const struct subscribers_piece *piece, size_t index);

#endif
