/* Province memory: what the sink notes of each record that the province has taken, in the agent's memory (docs/province.md).
 *
 *     'G' | record identity (16)   the note below, of every record that the province has ever taken
 *     'R' | item number (u32be)    leaf (u64be) at which a resync of the item began
 *     'S'                          rows (u32be) of the next request */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_MEMORY_H
#define SUBSCRIBERS_SINKS_PROVINCE_MEMORY_H

#include "bus/digest.h"
#include "bus/event.h"
#include "subscribers/engine/batch.h"
#include "subscribers/engine/memory.h"

enum province_state {
    PROVINCE_ABSENT, /* the province never took the record; nothing is noted */
    PROVINCE_REPORTED,
    PROVINCE_WITHDRAWN,
    PROVINCE_PENDING, /* taken, but the province has not said its govId yet */
};

/* What the province is told to say beside a record. */
enum province_mark {
    PROVINCE_UNMARKED,
    PROVINCE_DISPUTED,
    PROVINCE_OUTDATED, /* a correction that may not be passed on any more */
    PROVINCE_NOT_PUBLIC,
    PROVINCE_PUBLICITY_OVER,
};

enum {
    PROVINCE_GOV_ID_SIZE = 65, /* terminator included */
    PROVINCE_KEY_SIZE = 1 + BUS_IDENTITY_SIZE,
    PROVINCE_NOTE_MAX_SIZE = 256,
    PROVINCE_RESYNC_KEY_SIZE = 1 + 4,
};

struct province_note {
    enum province_state state;
    int32_t item;                      /* the catalogue's number of it */
    int32_t day;                       /* days since 1970-01-01 in Beijing: `day` of the row as the province holds it */
    int64_t version;                   /* of the record, as the province holds it */
    int64_t offset;                    /* in the output topic, of the PUT that the province holds, */
    uint64_t leaf;                     /* and its leaf */
    uint64_t named;                    /* leaf of the last delivery about the record */
    enum province_mark mark;           /* as the province holds it */
    uint8_t digest[BUS_DIGEST_SIZE];   /* of the row as it was sent (docs/openapi/province.yaml) */
    char gov_id[PROVINCE_GOV_ID_SIZE]; /* "" = not known */
};

void province_note_key(const uint8_t record[BUS_IDENTITY_SIZE], uint8_t out_key[PROVINCE_KEY_SIZE]);
/* Appends the value. */
void province_note_write(const struct province_note *note, struct bus_buffer *buffer);
/* FATAL when the bytes are no note of ours: the memory was written by another version or is damaged. */
BUS_MUST_CHECK enum bus_status province_note_read(struct bus_bytes value, struct province_note *out_note,
                                                  struct bus_error *error);
/* What is noted of the record; state ABSENT when nothing is. `memory` NULL: nothing is. FATAL. */
BUS_MUST_CHECK enum bus_status province_memory_find(struct subscribers_memory *memory, int32_t partition,
                                                    const uint8_t record[BUS_IDENTITY_SIZE],
                                                    struct province_note *out_note, struct bus_error *error);

/* Rows of the partition's next request, at most `limit`; that when nothing is noted. FATAL. */
BUS_MUST_CHECK enum bus_status province_memory_size(struct subscribers_memory *memory, int32_t partition, size_t limit,
                                                    size_t *out_size, struct bus_error *error);
BUS_MUST_CHECK enum bus_status province_memory_note_size(struct subscribers_batch *batch, size_t size,
                                                         struct bus_error *error);

void province_resync_key(int32_t item, uint8_t out_key[PROVINCE_RESYNC_KEY_SIZE]);

#endif
