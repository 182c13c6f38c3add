/* Push answer: what became of each row of a delivery, short enough to be kept (schemas/internal/push_answer.avsc), and as the JSON that
 * the client reads. Both come from the same bytes, so that a repetition is answered the same. */
#ifndef ADAPTERS_SOURCES_PUSH_ANSWER_H
#define ADAPTERS_SOURCES_PUSH_ANSWER_H

#include "adapters/engine/intake.h"
#include "bus/digest.h"

enum {
    ADAPTERS_PUSH_REASONS_FULL = 192 * 1024, /* bytes of reasons; beyond, a reason is its code and column only */
    ADAPTERS_PUSH_REASONS_MAX = 512 * 1024,  /* beyond, the code only */
    ADAPTERS_PUSH_ANSWER_MAX = 960 * 1024,   /* a record of Kafka */
};

struct adapters_push_counts {
    int64_t rows, accepted, duplicate, refused;
};

struct adapters_push_answer {
    struct bus_buffer runs, reasons; /* as they are encoded, without their ends */
    size_t run_count, reason_count;
    uint64_t *reason_hashes;
    size_t reason_capacity;
    int64_t last_outcome, last_rows; /* the run that is not in `runs` yet */
    struct adapters_push_counts counts;
};

void adapters_push_answer_init(struct adapters_push_answer *answer);
void adapters_push_answer_release(struct adapters_push_answer *answer);
void adapters_push_answer_reset(struct adapters_push_answer *answer);
/* Adds the next row; `refusal` when it was refused. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status adapters_push_answer_add(struct adapters_push_answer *answer,
                                                        enum adapters_row_outcome outcome,
                                                        const struct adapters_refusal *refusal,
                                                        struct bus_error *error);
/* Appends the framed record. FATAL: the buffer's limit. */
BUS_MUST_CHECK enum bus_status adapters_push_answer_encode(struct adapters_push_answer *answer, const char *feed,
                                                           const uint8_t body[BUS_DIGEST_SIZE], int64_t at_ms,
                                                           struct bus_buffer *buffer, struct bus_error *error);

/* Of a record: the digest of its body and its time. REJECT when the bytes are none. */
BUS_MUST_CHECK enum bus_status adapters_push_answer_read(struct bus_bytes record, uint8_t out_body[BUS_DIGEST_SIZE],
                                                         int64_t *out_at_ms, struct bus_error *error);
/* Appends the JSON. REJECT when the bytes are no record. */
BUS_MUST_CHECK enum bus_status adapters_push_answer_write(struct bus_bytes record, struct bus_buffer *json,
                                                          struct bus_error *error);
/* A time as JSON has it: 2026-11-24T08:00:00.123Z. */
enum { ADAPTERS_PUSH_TIME_SIZE = 32 };
void adapters_push_time(int64_t at_ms, char out_text[ADAPTERS_PUSH_TIME_SIZE]);

#endif
