/* Promises of bus/producer.h and bus/consumer.h that only a real broker can prove.
 *
 *     kafka_wrappers BOOTSTRAP        runs all of it on topics of its own, "wrappers-<pid>-…" */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/clock.h"
#include "bus/consumer.h"
#include "bus/topics.h"

enum { PARTITIONS = 6, WAIT_MS = 60000, COPY_RECORDS = 40000, BATCH = 5000, MAX_HELD = BATCH };

static struct bus_kafka kafka = {.client_id = "kafka-wrappers"};
static char source[BUS_TOPIC_SIZE], target[BUS_TOPIC_SIZE], group[64];

/* --- helpers --- */

static void must(enum bus_status status, const struct bus_error *error)
{
    if (status != BUS_OK)
        fail_msg("%s: %s", bus_status_name(status), error->message);
}

static struct bus_producer *producer_of(const char *id)
{
    struct bus_error error;
    struct bus_producer *producer = NULL;
    must(bus_producer_open(&kafka, &(struct bus_producer_options){.transactional_id = id}, &producer, &error), &error);
    return producer;
}

static struct bus_consumer *reader_of(const char *topic, int64_t offset, bool uncommitted)
{
    struct bus_error error;
    struct bus_consumer *consumer = NULL;
    struct bus_partition partitions[PARTITIONS];
    must(bus_consumer_open(&kafka, &(struct bus_consumer_options){.uncommitted = uncommitted}, &consumer, &error),
         &error);
    for (int32_t i = 0; i < PARTITIONS; i++)
        partitions[i] = (struct bus_partition){topic, i, offset};
    must(bus_consumer_assign(consumer, partitions, PARTITIONS, &error), &error);
    return consumer;
}

static void produce_text(struct bus_producer *producer, const char *topic, int32_t partition, const char *text)
{
    struct bus_error error;
    struct bus_record record = {
        .topic = topic, .partition = partition, .key = bus_bytes_text("key"), .value = bus_bytes_text(text)};
    must(bus_producer_produce(producer, &record, &error), &error);
}

/* Records up to the end of all partitions. */
static int count_records(const char *topic, bool uncommitted)
{
    struct bus_error error;
    struct bus_consumer *consumer = reader_of(topic, BUS_OFFSET_BEGINNING, uncommitted);
    int records = 0, ends = 0;
    int64_t deadline = bus_clock_monotonic_ms() + WAIT_MS;
    while (ends < PARTITIONS && bus_clock_monotonic_ms() < deadline) {
        struct bus_message message;
        must(bus_consumer_poll(consumer, 200, &message, &error), &error);
        if (message.handle != NULL)
            records++;
        else if (message.partition >= 0)
            ends++;
        bus_message_release(&message);
    }
    bus_consumer_close(consumer);
    assert_int_equal(ends, PARTITIONS);
    return records;
}

/* A transaction's markers are written after its commit or abort was answered, so what can be read may lag a moment. */
static void assert_records(const char *topic, bool uncommitted, int expected)
{
    int records = count_records(topic, uncommitted);
    for (int64_t end = bus_clock_monotonic_ms() + WAIT_MS; records != expected && bus_clock_monotonic_ms() < end;) {
        bus_clock_sleep_ms(100);
        records = count_records(topic, uncommitted);
    }
    assert_int_equal(records, expected);
}

static struct bus_message next_record(struct bus_consumer *consumer)
{
    struct bus_error error;
    struct bus_message message = {0};
    for (int64_t deadline = bus_clock_monotonic_ms() + WAIT_MS; bus_clock_monotonic_ms() < deadline;) {
        must(bus_consumer_poll(consumer, 200, &message, &error), &error);
        if (message.handle != NULL)
            return message;
    }
    fail_msg("no record came");
    return message;
}

/* --- the promises --- */

static void committed_records_are_seen_and_aborted_ones_are_not(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_producer *producer = producer_of("wrappers-abort");
    int before = count_records(target, false);
    must(bus_producer_begin(producer, &error), &error);
    for (int i = 0; i < 10; i++)
        produce_text(producer, target, i % PARTITIONS, "kept");
    must(bus_producer_commit(producer, &error), &error);
    must(bus_producer_begin(producer, &error), &error);
    for (int i = 0; i < 7; i++)
        produce_text(producer, target, i % PARTITIONS, "thrown away");
    must(bus_producer_abort(producer, &error), &error);
    assert_records(target, false, before + 10);
    assert_records(target, true, before + 17);
    bus_producer_close(producer);
}

static void aborts_an_empty_transaction_and_goes_on(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_producer *producer = producer_of("wrappers-empty");
    must(bus_producer_begin(producer, &error), &error);
    must(bus_producer_abort(producer, &error), &error);
    for (int i = 0; i < 20; i++) { /* an abort right behind the first record: librdkafka issue 4849 */
        must(bus_producer_begin(producer, &error), &error);
        produce_text(producer, target, i % PARTITIONS, "thrown away");
        must(bus_producer_abort(producer, &error), &error);
    }
    must(bus_producer_begin(producer, &error), &error);
    must(bus_producer_commit(producer, &error), &error);
    bus_producer_close(producer);
}

static void watermarks_differ_while_a_transaction_is_open(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_producer *producer = producer_of("wrappers-watermarks");
    struct bus_consumer *consumer = reader_of(target, BUS_OFFSET_END, false);
    int64_t first, stable, high, stable_after, high_after;
    /* The markers of the promise before this one may still be on their way. */
    for (int64_t end = bus_clock_monotonic_ms() + WAIT_MS;;) {
        must(bus_consumer_watermarks(consumer, target, 0, &first, &stable, &high, &error), &error);
        if (stable == high || bus_clock_monotonic_ms() >= end)
            break;
        bus_clock_sleep_ms(100);
    }
    assert_int_equal(stable, high);
    must(bus_producer_begin(producer, &error), &error);
    produce_text(producer, target, 0, "one");
    produce_text(producer, target, 0, "two");
    must(bus_producer_flush(producer, &error), &error);
    must(bus_consumer_watermarks(consumer, target, 0, &first, &stable_after, &high_after, &error), &error);
    assert_int_equal(stable_after, stable);
    assert_int_equal(high_after, high + 2);
    must(bus_producer_commit(producer, &error), &error);
    /* The marker is written after the answer. */
    for (int64_t end = bus_clock_monotonic_ms() + WAIT_MS;
         stable_after != high + 3 && bus_clock_monotonic_ms() < end;) {
        bus_clock_sleep_ms(100);
        must(bus_consumer_watermarks(consumer, target, 0, &first, &stable_after, &high_after, &error), &error);
    }
    assert_int_equal(stable_after, high + 3);
    assert_int_equal(high_after, high + 3);
    bus_consumer_close(consumer);
    bus_producer_close(producer);
}

static void headers_nulls_and_timestamps_arrive_as_sent(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_producer *producer = producer_of(NULL);
    struct bus_consumer *consumer = reader_of(target, BUS_OFFSET_END, false);
    struct bus_message message;
    int ends = 0; /* until the end is known at all partitions */
    for (int64_t end = bus_clock_monotonic_ms() + WAIT_MS; ends < PARTITIONS && bus_clock_monotonic_ms() < end;) {
        must(bus_consumer_poll(consumer, 100, &message, &error), &error);
        ends += message.handle == NULL && message.partition >= 0;
        bus_message_release(&message);
    }
    assert_int_equal(ends, PARTITIONS);
    struct bus_header headers[] = {
        {"xq-a", bus_bytes_text("first")}, {"xq-b", {NULL, 0}}, {"xq-a", bus_bytes_text("last")}};
    struct bus_record record = {.topic = target,
                                .partition = 3,
                                .key = bus_bytes_of("\0\1", 2),
                                .headers = headers,
                                .header_count = 3,
                                .timestamp_ms = 1700000000123};
    must(bus_producer_produce(producer, &record, &error), &error);
    record.value = bus_bytes_of("", 0);
    must(bus_producer_produce(producer, &record, &error), &error);
    must(bus_producer_flush(producer, &error), &error);
    message = next_record(consumer);
    assert_null(message.value.data);
    assert_int_equal(message.timestamp_ms, 1700000000123);
    assert_int_equal(message.partition, 3);
    assert_memory_equal(message.key.data, "\0\1", 2);
    assert_true(bus_bytes_equal_text(bus_message_header(&message, "xq-a"), "last"));
    assert_null(bus_message_header(&message, "xq-c").data);
    bus_message_release(&message);
    message = next_record(consumer);
    assert_non_null(message.value.data);
    assert_int_equal(message.value.length, 0);
    bus_message_release(&message);
    bus_consumer_close(consumer);
    bus_producer_close(producer);
}

static void note_offset(void *self, void *opaque, int32_t partition, int64_t offset)
{
    (void)self;
    (void)partition;
    *(int64_t *)opaque = offset;
}

static void delivery_reports_give_offsets(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_producer *producer = NULL;
    int64_t offsets[2] = {-1, -1};
    must(bus_producer_open(&kafka, &(struct bus_producer_options){"wrappers-reports", note_offset, NULL, 0}, &producer,
                           &error),
         &error);
    must(bus_producer_begin(producer, &error), &error);
    for (int i = 0; i < 2; i++) {
        struct bus_record record = {
            .topic = target, .partition = 5, .value = bus_bytes_text("x"), .opaque = &offsets[i], .borrowed = true};
        must(bus_producer_produce(producer, &record, &error), &error);
    }
    must(bus_producer_flush(producer, &error), &error);
    assert_true(offsets[0] >= 0);
    assert_int_equal(offsets[1], offsets[0] + 1);
    must(bus_producer_commit(producer, &error), &error);
    bus_producer_close(producer);
}

static void a_second_producer_fences_the_first(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_producer *old = producer_of("wrappers-fence");
    must(bus_producer_begin(old, &error), &error);
    produce_text(old, target, 1, "of the old one");
    must(bus_producer_flush(old, &error), &error);
    struct bus_producer *young = producer_of("wrappers-fence");
    assert_int_equal(bus_producer_commit(old, &error), BUS_FATAL);
    must(bus_producer_begin(young, &error), &error);
    produce_text(young, target, 1, "of the young one");
    must(bus_producer_commit(young, &error), &error);
    bus_producer_close(old);
    bus_producer_close(young);
}

static void an_unknown_topic_or_partition_is_fatal(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_producer *producer = producer_of("wrappers-unknown");
    must(bus_producer_begin(producer, &error), &error);
    struct bus_record record = {.topic = target, .partition = PARTITIONS + 1, .value = bus_bytes_text("x")};
    enum bus_status status = bus_producer_produce(producer, &record, &error);
    if (status == BUS_OK)
        status = bus_producer_commit(producer, &error);
    assert_int_equal(status, BUS_FATAL);
    bus_producer_close(producer);
}

static void an_unreachable_broker_is_retry_and_told(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_kafka nowhere = {.bootstrap = "127.0.0.1:1", .client_id = "kafka-wrappers"};
    struct bus_topic_found *found = NULL;
    size_t count;
    assert_int_equal(bus_topics_list(&nowhere, "", &found, &count, &error), BUS_RETRY);
    struct bus_consumer *consumer = NULL;
    must(bus_consumer_open(&nowhere, &(struct bus_consumer_options){0}, &consumer, &error), &error);
    enum bus_status status = BUS_OK;
    for (int64_t end = bus_clock_monotonic_ms() + WAIT_MS; status == BUS_OK && bus_clock_monotonic_ms() < end;) {
        struct bus_message message;
        status = bus_consumer_poll(consumer, 100, &message, &error);
    }
    assert_int_equal(status, BUS_RETRY);
    bus_consumer_close(consumer);
}

static void an_unknown_property_is_fatal_and_its_value_is_not_told(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_kafka_setting settings[] = {{"ssl.key.pasword", "s3cret"}, {NULL, NULL}};
    struct bus_kafka wrong = {.bootstrap = kafka.bootstrap, .settings = settings};
    struct bus_consumer *consumer = NULL;
    assert_int_equal(bus_consumer_open(&wrong, &(struct bus_consumer_options){0}, &consumer, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "ssl.key.pasword"));
    assert_null(strstr(error.message, "s3cret"));
}

/* --- a copy in transactions, with aborts and a rebalance in between --- */

struct copier {
    struct bus_consumer *consumer;
    struct bus_producer *producer;
    struct bus_message held[MAX_HELD];
    size_t held_count;
    int64_t next[PARTITIONS]; /* of what was read; -1 = not ours */
    int assigned, revoked;
};

static enum bus_status note_assigned(void *self, struct bus_partition *partitions, size_t count,
                                     struct bus_error *error)
{
    struct copier *copier = self;
    (void)error;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(partitions[i].offset, BUS_OFFSET_STORED);
    copier->assigned += (int)count;
    return BUS_OK;
}

static enum bus_status note_revoked(void *self, const struct bus_partition *partitions, size_t count, bool lost,
                                    struct bus_error *error)
{
    struct copier *copier = self;
    (void)partitions;
    (void)error;
    assert_false(lost);
    copier->revoked += (int)count;
    return BUS_OK;
}

static void release_held(struct copier *copier)
{
    for (size_t i = 0; i < copier->held_count; i++)
        bus_message_release(&copier->held[i]);
    copier->held_count = 0;
}

static void read_batch(struct copier *copier, int wait_ms)
{
    struct bus_error error;
    while (copier->held_count < BATCH) {
        struct bus_message *message = &copier->held[copier->held_count];
        must(bus_consumer_poll(copier->consumer, wait_ms, message, &error), &error);
        if (message->handle == NULL && message->partition < 0)
            return;
        if (message->handle == NULL)
            continue;
        copier->next[message->partition] = message->offset + 1;
        copier->held_count++;
    }
}

static void write_batch(struct copier *copier, bool abort)
{
    struct bus_error error;
    struct bus_offset offsets[PARTITIONS];
    size_t count = 0;
    must(bus_producer_begin(copier->producer, &error), &error);
    for (size_t i = 0; i < copier->held_count; i++) {
        struct bus_message *message = &copier->held[i];
        struct bus_record record = {.topic = target,
                                    .partition = message->partition,
                                    .key = message->key,
                                    .value = message->value,
                                    .borrowed = true};
        must(bus_producer_produce(copier->producer, &record, &error), &error);
    }
    for (int32_t i = 0; i < PARTITIONS; i++)
        if (copier->next[i] >= 0)
            offsets[count++] = (struct bus_offset){source, i, copier->next[i]};
    must(bus_producer_send_offsets(copier->producer, copier->consumer, offsets, count, &error), &error);
    if (abort)
        must(bus_producer_abort(copier->producer, &error), &error);
    else
        must(bus_producer_commit(copier->producer, &error), &error);
    release_held(copier);
}

/* Back to what the group has committed, as after every abort. */
static void rewind_copier(struct copier *copier)
{
    struct bus_error error;
    struct bus_partition partitions[PARTITIONS];
    for (int32_t i = 0; i < PARTITIONS; i++)
        partitions[i] = (struct bus_partition){source, i, 0};
    must(bus_consumer_committed(copier->consumer, partitions, PARTITIONS, &error), &error);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        copier->next[i] = partitions[i].offset >= 0 ? partitions[i].offset : -1;
        if (partitions[i].offset == BUS_OFFSET_STORED)
            partitions[i].offset = BUS_OFFSET_BEGINNING;
    }
    must(bus_consumer_seek(copier->consumer, partitions, PARTITIONS, &error), &error);
}

static void open_copier(struct copier *copier, const char *id)
{
    struct bus_error error;
    memset(copier, 0, sizeof *copier);
    for (int32_t i = 0; i < PARTITIONS; i++)
        copier->next[i] = -1;
    copier->producer = producer_of(id);
    struct bus_consumer_options options = {
        .group = group, .instance = id, .on_assigned = note_assigned, .on_revoked = note_revoked, .self = copier};
    must(bus_consumer_open(&kafka, &options, &copier->consumer, &error), &error);
    const char *topics[] = {source};
    must(bus_consumer_subscribe(copier->consumer, topics, 1, &error), &error);
}

static void close_copier(struct copier *copier)
{
    release_held(copier);
    bus_consumer_close(copier->consumer);
    bus_producer_close(copier->producer);
}

static void fill_source(void)
{
    struct bus_error error;
    struct bus_producer *producer = producer_of("wrappers-fill");
    char value[400];
    memset(value, 'v', sizeof value);
    must(bus_producer_begin(producer, &error), &error);
    for (uint32_t i = 0; i < COPY_RECORDS; i++) {
        uint8_t key[4];
        bus_put_u32be(key, i);
        struct bus_record record = {.topic = source,
                                    .partition = (int32_t)(i % PARTITIONS),
                                    .key = bus_bytes_of(key, sizeof key),
                                    .value = bus_bytes_of(value, sizeof value)};
        must(bus_producer_produce(producer, &record, &error), &error);
    }
    must(bus_producer_commit(producer, &error), &error);
    bus_producer_close(producer);
}

static void copies_exactly_once_across_aborts_and_a_restart(void **state)
{
    (void)state;
    static struct copier copier;
    int before = count_records(target, false);
    fill_source();
    open_copier(&copier, "wrappers-copier");
    int64_t started = bus_clock_monotonic_ms();
    int copied = 0, batches = 0;
    while (copied < COPY_RECORDS) {
        assert_true(bus_clock_monotonic_ms() - started < 3 * WAIT_MS);
        read_batch(&copier, 300);
        if (copier.held_count == 0)
            continue;
        bool abort = ++batches % 3 == 0;
        copied += abort ? 0 : (int)copier.held_count;
        write_batch(&copier, abort);
        if (abort)
            rewind_copier(&copier);
        if (batches == 5) { /* as after a kill: what was read and not committed is read again by the next member */
            assert_int_equal(copier.assigned, PARTITIONS);
            close_copier(&copier);
            assert_int_equal(copier.revoked, PARTITIONS);
            open_copier(&copier, "wrappers-copier");
        }
    }
    print_message("%d records in %lld ms\n", copied, (long long)(bus_clock_monotonic_ms() - started));
    close_copier(&copier);
    assert_int_equal(copied, COPY_RECORDS);
    assert_records(target, false, before + COPY_RECORDS);
}

/* --- two members of a group --- */

struct member {
    struct bus_consumer *consumer;
    bool holds[2][PARTITIONS]; /* of source and of target */
    size_t count;
};

static void mark(struct member *member, const struct bus_partition *partitions, size_t count, bool held)
{
    for (size_t i = 0; i < count; i++)
        member->holds[strcmp(partitions[i].topic, target) == 0][partitions[i].partition] = held;
    member->count = held ? count : 0;
}

static enum bus_status member_assigned(void *self, struct bus_partition *partitions, size_t count,
                                       struct bus_error *error)
{
    (void)error;
    mark(self, partitions, count, true);
    return BUS_OK;
}

static enum bus_status member_revoked(void *self, const struct bus_partition *partitions, size_t count, bool lost,
                                      struct bus_error *error)
{
    (void)error;
    assert_false(lost);
    mark(self, partitions, count, false);
    return BUS_OK;
}

static void join(struct member *member, const char *instance)
{
    struct bus_error error;
    const char *topics[] = {source, target};
    char two[sizeof group + 8];
    snprintf(two, sizeof two, "%s-two", group);
    struct bus_consumer_options options = {.group = two,
                                           .instance = instance,
                                           .on_assigned = member_assigned,
                                           .on_revoked = member_revoked,
                                           .self = member};
    must(bus_consumer_open(&kafka, &options, &member->consumer, &error), &error);
    must(bus_consumer_subscribe(member->consumer, topics, 2, &error), &error);
}

static void poll_once(struct member *member)
{
    struct bus_error error;
    struct bus_message message;
    must(bus_consumer_poll(member->consumer, 20, &message, &error), &error);
    bus_message_release(&message);
}

static void two_members_share_equal_partitions_of_all_topics(void **state)
{
    (void)state;
    struct member first = {0}, second = {0};
    join(&first, "wrappers-first");
    for (int64_t end = bus_clock_monotonic_ms() + WAIT_MS;
         first.count < 2 * PARTITIONS && bus_clock_monotonic_ms() < end;)
        poll_once(&first);
    assert_int_equal(first.count, 2 * PARTITIONS);
    join(&second, "wrappers-second");
    for (int64_t end = bus_clock_monotonic_ms() + WAIT_MS;
         (first.count != PARTITIONS || second.count != PARTITIONS) && bus_clock_monotonic_ms() < end;) {
        poll_once(&first);
        poll_once(&second);
    }
    assert_int_equal(first.count, PARTITIONS);
    assert_int_equal(second.count, PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_true(first.holds[0][i] != second.holds[0][i]);
        assert_int_equal(first.holds[0][i], first.holds[1][i]);
    }
    bus_consumer_close(first.consumer);
    bus_consumer_close(second.consumer);
}

static enum bus_status refuse_assignment(void *self, struct bus_partition *partitions, size_t count,
                                         struct bus_error *error)
{
    (void)self;
    (void)partitions;
    (void)count;
    return bus_fail(error, BUS_FATAL, "no room for more partitions");
}

static void a_failing_callback_comes_out_of_the_poll(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_consumer *consumer = NULL;
    const char *topics[] = {source};
    struct bus_consumer_options options = {.group = "wrappers-failing", .on_assigned = refuse_assignment};
    must(bus_consumer_open(&kafka, &options, &consumer, &error), &error);
    must(bus_consumer_subscribe(consumer, topics, 1, &error), &error);
    enum bus_status status = BUS_OK;
    for (int64_t end = bus_clock_monotonic_ms() + WAIT_MS; status == BUS_OK && bus_clock_monotonic_ms() < end;) {
        struct bus_message message;
        status = bus_consumer_poll(consumer, 100, &message, &error);
        bus_message_release(&message);
    }
    assert_int_equal(status, BUS_FATAL);
    assert_string_equal(error.message, "no room for more partitions");
    bus_consumer_close(consumer);
}

static void topics_are_created_once_and_listed_with_their_shape(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_topic_plan plans[] = {{.partitions = 2, .compacted = true, .retention_ms = -1},
                                     {.partitions = 3, .retention_ms = 1000000}};
    snprintf(plans[0].name, sizeof plans[0].name, "wrappers-%d-shape-a", (int)getpid());
    snprintf(plans[1].name, sizeof plans[1].name, "wrappers-%d-shape-b", (int)getpid());
    char prefix[64];
    snprintf(prefix, sizeof prefix, "wrappers-%d-shape-", (int)getpid());
    struct bus_topic_found *found = NULL;
    size_t created, count;
    must(bus_topics_create(&kafka, plans, 2, -1, &created, &error), &error);
    assert_int_equal(created, 2);
    must(bus_topics_create(&kafka, plans, 2, -1, &created, &error), &error);
    assert_int_equal(created, 0);
    must(bus_topics_list(&kafka, prefix, &found, &count, &error), &error);
    assert_int_equal(count, 2);
    assert_true(found[0].compacted && !found[1].compacted);
    assert_int_equal(found[0].partitions, 2);
    assert_int_equal(found[1].partitions, 3);
    free(found);
}

static int create_topics(void **state)
{
    (void)state;
    struct bus_error error;
    size_t created;
    struct bus_topic_plan plans[] = {{.partitions = PARTITIONS, .retention_ms = -1},
                                     {.partitions = PARTITIONS, .retention_ms = -1}};
    snprintf(source, sizeof source, "wrappers-%d-source", (int)getpid());
    snprintf(target, sizeof target, "wrappers-%d-target", (int)getpid());
    snprintf(group, sizeof group, "wrappers-%d", (int)getpid());
    memcpy(plans[0].name, source, sizeof source);
    memcpy(plans[1].name, target, sizeof target);
    must(bus_topics_create(&kafka, plans, 2, 1, &created, &error), &error);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "kafka_wrappers BOOTSTRAP\n");
        return 2;
    }
    kafka.bootstrap = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_created_once_and_listed_with_their_shape),
        cmocka_unit_test(committed_records_are_seen_and_aborted_ones_are_not),
        cmocka_unit_test(aborts_an_empty_transaction_and_goes_on),
        cmocka_unit_test(watermarks_differ_while_a_transaction_is_open),
        cmocka_unit_test(headers_nulls_and_timestamps_arrive_as_sent),
        cmocka_unit_test(delivery_reports_give_offsets),
        cmocka_unit_test(a_second_producer_fences_the_first),
        cmocka_unit_test(an_unknown_topic_or_partition_is_fatal),
        cmocka_unit_test(an_unreachable_broker_is_retry_and_told),
        cmocka_unit_test(an_unknown_property_is_fatal_and_its_value_is_not_told),
        cmocka_unit_test(two_members_share_equal_partitions_of_all_topics),
        cmocka_unit_test(a_failing_callback_comes_out_of_the_poll),
        cmocka_unit_test(copies_exactly_once_across_aborts_and_a_restart),
    };
    return cmocka_run_group_tests(tests, create_topics, NULL);
}
