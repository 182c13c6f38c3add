/* Stage: what the unit tests of the gateway's stages stand on: a catalogue, and exchanges as the worker hands them to decode. */
#ifndef TEST_SUPPORT_STAGE_H
#define TEST_SUPPORT_STAGE_H

#include "gateway/decode.h"
#include "tests/support/sample.h"

enum { TEST_STAGE_PARTITIONS = 3 };

/* 2026-11-24T09:00:00Z */
#define TEST_STAGE_NOW_MS INT64_C(1795510800000)

struct test_stage {
    struct bus_catalogue *catalogue;
    struct bus_views *views;
    struct bus_subject_keyer *keyer;
    struct gateway_decode *decode;
    struct bus_arena *arena;
};

/* On the catalogue at `path`, below the source folder. Aborts when anything is wrong. */
void test_stage_open(struct test_stage *stage, const char *path);
void test_stage_close(struct test_stage *stage);

/* An exchange before decode: a sample event of "DEPARTMENT/ITEM" (tests/support/sample.h) with the given fields, in the schema version
 * `version` (0 = current), keyed and placed by its subject. Aborts when the fields are no event; the bytes live until close. */
struct gateway_exchange test_stage_event(struct test_stage *stage, const char *item, int version,
                                         const struct test_field *given);
/* The same, decoded. Aborts when it cannot be. */
struct gateway_exchange test_stage_decoded(struct test_stage *stage, const char *item, int version,
                                           const struct test_field *given);

/* The fields of an event, ending with a NULL name. */
#define TEST_FIELDS(...) ((const struct test_field[]){__VA_ARGS__, {NULL, NULL}})

#endif
