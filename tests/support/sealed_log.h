/* Sealed log: a log of deliveries that the test itself seals, in pieces as the engine hands them to couriers. */
#ifndef TEST_SUPPORT_SEALED_LOG_H
#define TEST_SUPPORT_SEALED_LOG_H

#include "tests/support/delivery_builder.h"

#define TEST_EXCHANGE "柳州 test"

struct test_log {
    const struct bus_key *key; /* private */
    int32_t partition;
    char name[BUS_SEAL_MAX_TEXT]; /* <topic>/<partition> */
    struct bus_merkle log;
    struct bus_arena *arena;
};

/* Aborts when out of memory. */
void test_log_open(struct test_log *log, const struct bus_key *key, const char *topic, int32_t partition);
void test_log_close(struct test_log *log);
/* Seals `count` deliveries, which stand in the log's order, as one transaction. */
struct subscribers_piece *test_log_seal(struct test_log *log, const struct subscribers_delivery *deliveries,
                                        size_t count);
/* A courier's batch of `count` of the piece's `deliveries`, behind those that are done. */
struct subscribers_batch test_log_batch(const struct subscribers_piece *piece, struct subscribers_delivery *deliveries,
                                        size_t count);
/* Of the first deliveries that are not done, `count` are done now. */
void test_log_done(struct test_log *log, struct subscribers_piece *piece, size_t count);

#endif
