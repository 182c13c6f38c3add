/* World: a whole gateway without Kafka. The real pipeline, state and settle, with a list in memory for topics and a clock that stands
 * still until it is moved; for unit tests and scenarios. */
#ifndef TEST_SUPPORT_WORLD_H
#define TEST_SUPPORT_WORLD_H

#include "bus/key.h"
#include "gateway/batch.h"
#include "gateway/state/state.h"

struct test_world;

struct test_world_options {
    const char *catalogue; /* path of catalogue.cfg */
    int32_t partitions;
    enum bus_suite suite;
    const char *state_folder; /* kept by the caller; a second world on it goes on where the first ended */
    int64_t now_ms;
};

/* Steps of a transaction that may be told to fail. */
enum test_step { TEST_BEGIN, TEST_PRODUCE, TEST_FLUSH, TEST_SEND_OFFSETS, TEST_COMMIT, TEST_ABORT, TEST_STEP_COUNT };

/* A record as the gateway wrote it; committed only. Lives as long as the world. */
struct test_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    struct bus_bytes key, value; /* data NULL = null */
    struct bus_bytes leaf, seal; /* headers, data NULL = none */
};

/* Aborts with a message when anything is wrong with the world itself. Topics have the prefix "xq.". */
struct test_world *test_world_create(const struct test_world_options *options);
void test_world_destroy(struct test_world *world);

const struct bus_catalogue *test_world_catalogue(const struct test_world *world);
const struct bus_subject_keyer *test_world_keyer(const struct test_world *world);
const struct bus_key *test_world_key(const struct test_world *world);
struct gateway_state *test_world_state(const struct test_world *world, int32_t partition);
void test_world_set_time(struct test_world *world, int64_t now_ms);

/* The key and partition that an adapter would choose for a subject. Aborts when `subject_id` is none. */
int32_t test_world_subject(const struct test_world *world, enum bus_subject_kind kind, const char *subject_id,
                           uint8_t out_key[BUS_SUBJECT_KEY_SIZE]);
/* Appends a record to the in topic of the running batch; everything is copied. Offsets are given by the world. Returns the offset. */
int64_t test_world_feed(struct test_world *world, const struct bus_item *item, int32_t partition, struct bus_bytes key,
                        struct bus_bytes value, const char *adapter, bool replay);
/* Runs the batch and settles it. After RETRY the batch is still there and may be settled again. */
BUS_MUST_CHECK enum bus_status test_world_settle(struct test_world *world, struct bus_error *error);
/* The same, with what falls due by the calendar and the resyncs under way, in slices of `limit`. *out_more: there is more to do. */
BUS_MUST_CHECK enum bus_status test_world_tick(struct test_world *world, size_t limit, bool *out_more,
                                               struct bus_error *error);
/* Another catalogue from now on, between batches. Aborts when it cannot be loaded. */
void test_world_reload(struct test_world *world, const char *catalogue);
/* An officer asks for a resync in every partition; the next settle or tick commits it. `item` NULL = everything. */
BUS_MUST_CHECK enum bus_status test_world_ask_resync(struct test_world *world, const char *subscriber,
                                                     const struct bus_item *item, struct bus_error *error);
/* The next `step` answers `status`, once, `after` calls from now. */
void test_world_fail(struct test_world *world, enum test_step step, enum bus_status status, int after);

/* Committed records of a topic, in order. */
size_t test_world_count(const struct test_world *world, const char *topic);
const struct test_record *test_world_record(const struct test_world *world, const char *topic, size_t index);
/* The consumed position that was committed for an in topic; 0 when none. */
int64_t test_world_position(const struct test_world *world, const char *topic, int32_t partition);

#endif
