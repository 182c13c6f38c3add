#include "tests/support/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/expiry.h"
#include "gateway/pipeline.h"
#include "gateway/resync.h"
#include "gateway/settle.h"

enum {
    MAX_POSITIONS = 256,
    MAX_OFFSETS = 1024,
    MAP_BYTES = 256 << 20,
    MAX_BATCH = 20000,
    MAX_REQUESTS = 16,
    MAX_BATCH_BYTES = 32 << 20
};

#define PREFIX "xq."

struct place {
    char topic[BUS_TOPIC_SIZE];
    int32_t partition;
    int64_t offset;
};

struct owned_input {
    struct gateway_input input;
    char topic[BUS_TOPIC_SIZE], adapter[128];
    uint8_t *bytes;
};

struct test_world {
    struct bus_catalogue *catalogue;
    struct bus_views *views;
    struct bus_subject_keyer *keyer;
    struct bus_key *key;
    struct gateway_signer signer;
    struct gateway_sealer *sealer;
    struct gateway_states states;
    struct gateway_meter meter;
    struct bus_portfolios *portfolios;
    struct gateway_pipeline *pipeline;
    struct gateway_expiry *expiry;
    struct gateway_resync *resync;
    struct gateway_settle *settle;
    struct gateway_batch *batch;
    int64_t now_ms;
    struct owned_input inputs[MAX_BATCH];
    size_t input_count;
    struct {
        const struct bus_subscriber *subscriber;
        const struct bus_item *item;
    } requests[MAX_REQUESTS];
    size_t request_count;
    struct test_record *records;
    int64_t **reports; /* where a record's offset is wanted, by record; told at the next flush, as Kafka does */
    size_t record_count, committed_count, reported_count, capacity;
    struct place ends[MAX_OFFSETS]; /* next offset of every topic and partition, in and out */
    size_t end_count;
    struct place positions[MAX_POSITIONS], pending[MAX_POSITIONS];
    size_t position_count, pending_count;
    struct {
        enum bus_status status;
        int after;
    } failures[TEST_STEP_COUNT];
};

static void need(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "test world: %s %s\n", bus_status_name(status), error->message);
    abort();
}

static struct place *place_of(struct place *places, size_t *count, size_t most, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < *count; i++)
        if (places[i].partition == partition && strcmp(places[i].topic, topic) == 0)
            return &places[i];
    if (*count == most)
        abort();
    struct place *place = &places[(*count)++];
    *place = (struct place){.partition = partition};
    snprintf(place->topic, sizeof place->topic, "%s", topic);
    return place;
}

/* --- the outlet --- */

static enum bus_status step(struct test_world *world, enum test_step which, struct bus_error *error)
{
    if (world->failures[which].status == BUS_OK || world->failures[which].after-- > 0)
        return BUS_OK;
    enum bus_status status = world->failures[which].status;
    world->failures[which].status = BUS_OK;
    return bus_fail(error, status, "told to fail");
}

static enum bus_status world_begin(void *self, struct bus_error *error)
{
    struct test_world *world = self;
    world->pending_count = 0;
    return step(world, TEST_BEGIN, error);
}

static struct bus_bytes own(struct bus_bytes bytes)
{
    if (bytes.data == NULL)
        return bytes;
    uint8_t *copy = malloc(bytes.length + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes.data, bytes.length);
    return bus_bytes_of(copy, bytes.length);
}

static void disown(struct bus_bytes bytes)
{
    union {
        const uint8_t *data;
        void *owned;
    } cast = {.data = bytes.data};
    free(cast.owned);
}

static struct bus_bytes header_of(const struct bus_record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return own(record->headers[i].value);
    return (struct bus_bytes){NULL, 0};
}

static enum bus_status world_produce(void *self, const struct bus_record *record, struct bus_error *error)
{
    struct test_world *world = self;
    enum bus_status status = step(world, TEST_PRODUCE, error);
    if (status != BUS_OK)
        return status;
    if (world->record_count == world->capacity) {
        world->capacity = world->capacity * 2 + 1024;
        world->records = realloc(world->records, world->capacity * sizeof *world->records);
        world->reports = realloc(world->reports, world->capacity * sizeof *world->reports);
        if (world->records == NULL || world->reports == NULL)
            abort();
    }
    struct place *end = place_of(world->ends, &world->end_count, MAX_OFFSETS, record->topic, record->partition);
    world->reports[world->record_count] = record->opaque;
    world->records[world->record_count++] = (struct test_record){
        .topic = end->topic,
        .partition = record->partition,
        .offset = end->offset,
        .key = own(record->key),
        .value = own(record->value),
        .leaf = header_of(record, BUS_LEAF_HEADER),
        .seal = header_of(record, BUS_SEAL_HEADER),
    };
    end->offset++;
    return BUS_OK;
}

static void world_poll(void *self)
{
    (void)self;
}

static void report(struct test_world *world)
{
    for (; world->reported_count < world->record_count; world->reported_count++)
        if (world->reports[world->reported_count] != NULL)
            *world->reports[world->reported_count] = world->records[world->reported_count].offset;
}

static enum bus_status world_flush(void *self, struct bus_error *error)
{
    struct test_world *world = self;
    enum bus_status status = step(world, TEST_FLUSH, error);
    if (status == BUS_OK)
        report(world);
    return status;
}

static enum bus_status world_send_offsets(void *self, const struct bus_offset *offsets, size_t count,
                                          struct bus_error *error)
{
    struct test_world *world = self;
    for (size_t i = 0; i < count; i++)
        place_of(world->pending, &world->pending_count, MAX_POSITIONS, offsets[i].topic, offsets[i].partition)->offset =
            offsets[i].next;
    return step(world, TEST_SEND_OFFSETS, error);
}

static enum bus_status world_commit(void *self, struct bus_error *error)
{
    struct test_world *world = self;
    enum bus_status status = step(world, TEST_COMMIT, error);
    if (status != BUS_OK)
        return status;
    report(world);
    world->committed_count = world->record_count;
    for (size_t i = 0; i < world->pending_count; i++)
        place_of(world->positions, &world->position_count, MAX_POSITIONS, world->pending[i].topic,
                 world->pending[i].partition)
            ->offset = world->pending[i].offset;
    return BUS_OK;
}

static void forget(struct test_world *world, size_t from)
{
    for (size_t i = from; i < world->record_count; i++) {
        disown(world->records[i].key);
        disown(world->records[i].value);
        disown(world->records[i].leaf);
        disown(world->records[i].seal);
    }
    world->record_count = from;
    world->reported_count = from;
}

/* Offsets of aborted records stay used up, as in Kafka. */
static enum bus_status world_abort(void *self, struct bus_error *error)
{
    struct test_world *world = self;
    forget(world, world->committed_count);
    return step(world, TEST_ABORT, error);
}

/* --- the changelog, as a resync reads it --- */

static enum bus_status world_read(void *self, int32_t partition, int64_t from, size_t limit,
                                  bool (*take)(void *taker, struct bus_bytes key, struct bus_bytes value,
                                               int64_t offset),
                                  void *taker, int64_t *out_next, struct bus_error *error)
{
    struct test_world *world = self;
    (void)error;
    for (size_t i = 0; i < world->committed_count && limit > 0; i++) {
        const struct test_record *record = &world->records[i];
        if (record->partition != partition || record->offset < from || strcmp(record->topic, PREFIX "state") != 0)
            continue;
        *out_next = record->offset + 1;
        if (!take(taker, record->key, record->value, record->offset))
            return BUS_OK;
        limit--;
    }
    if (limit > 0)
        *out_next = place_of(world->ends, &world->end_count, MAX_OFFSETS, PREFIX "state", partition)->offset;
    return BUS_OK;
}

/* --- making and ending --- */

static void open_states(struct test_world *world, const struct test_world_options *options)
{
    struct bus_error error;
    world->states.count = options->partitions;
    world->states.of = calloc((size_t)options->partitions, sizeof *world->states.of);
    if (world->states.of == NULL)
        abort();
    for (int32_t i = 0; i < options->partitions; i++) {
        struct gateway_state_options state = {
            .folder = options->state_folder, .partition = i, .map_bytes = MAP_BYTES, .overlay_bytes = MAP_BYTES};
        need(gateway_state_open(&state, &world->states.of[i], &error), &error);
        struct place *end = place_of(world->ends, &world->end_count, MAX_OFFSETS, PREFIX "state", i);
        end->offset = gateway_state_changelog_next(world->states.of[i]);
    }
}

/* What a catalogue decides, and is made anew with another one. */
static void make_pipeline(struct test_world *world)
{
    struct bus_error error;
    need(bus_portfolios_load(world->catalogue, world->keyer, &world->portfolios, &error), &error);
    struct gateway_pipeline_options pipeline = {
        .catalogue = world->catalogue,
        .views = world->views,
        .portfolios = world->portfolios,
        .keyer = world->keyer,
        .prefix = PREFIX,
        .partitions = world->states.count,
        .states = &world->states,
        .meter = &world->meter,
    };
    need(gateway_pipeline_create(&pipeline, &world->pipeline, &error), &error);
}

static void make_gateway(struct test_world *world, const struct test_world_options *options)
{
    struct bus_error error;
    need(gateway_sealer_create(bus_catalogue_exchange_view(world->catalogue), &world->signer, &world->sealer, &error),
         &error);
    make_pipeline(world);
    world->expiry = gateway_expiry_create(world->catalogue, &world->states);
    struct gateway_resync_options resync = {
        .catalogue = world->catalogue,
        .portfolios = world->portfolios,
        .states = &world->states,
        .changelog = {world_read, world},
    };
    world->resync = gateway_resync_create(&resync);
    struct gateway_settle_options settle = {
        .prefix = PREFIX,
        .states = &world->states,
        .sealer = world->sealer,
        .outlet = {world_begin, world_produce, world_poll, world_flush, world_send_offsets, world_commit, world_abort,
                   world},
        .meter = &world->meter,
    };
    world->settle = gateway_settle_create(&settle);
    struct gateway_batch_options batch = {
        .catalogue = world->catalogue,
        .prefix = PREFIX,
        .partitions = options->partitions,
        .max_records = MAX_BATCH,
        .max_bytes = MAX_BATCH_BYTES,
    };
    world->batch = gateway_batch_create(&batch);
    if (world->settle == NULL || world->batch == NULL || world->expiry == NULL || world->resync == NULL)
        abort();
}

struct test_world *test_world_create(const struct test_world_options *options)
{
    static const char pepper[] = "a pepper for tests and those only";
    struct bus_error error;
    struct test_world *world = calloc(1, sizeof *world);
    if (world == NULL)
        abort();
    world->now_ms = options->now_ms;
    need(bus_catalogue_load(options->catalogue, &world->catalogue, &error), &error);
    need(bus_views_create(world->catalogue, &world->views, &error), &error);
    world->keyer = bus_subject_keyer_create(bus_bytes_text(pepper));
    need(bus_key_generate(options->suite, &world->key, &error), &error);
    need(gateway_signer_local(world->key, &world->signer, &error), &error);
    open_states(world, options);
    make_gateway(world, options);
    return world;
}

static void drop_inputs(struct test_world *world)
{
    gateway_batch_reset(world->batch);
    for (size_t i = 0; i < world->input_count; i++)
        free(world->inputs[i].bytes);
    world->input_count = 0;
    world->request_count = 0;
}

void test_world_destroy(struct test_world *world)
{
    if (world == NULL)
        return;
    drop_inputs(world);
    forget(world, 0);
    gateway_settle_destroy(world->settle);
    gateway_pipeline_destroy(world->pipeline);
    gateway_resync_destroy(world->resync);
    gateway_expiry_destroy(world->expiry);
    bus_portfolios_destroy(world->portfolios);
    gateway_batch_destroy(world->batch);
    gateway_sealer_destroy(world->sealer);
    gateway_signer_release(&world->signer);
    for (int32_t i = 0; i < world->states.count; i++)
        gateway_state_close(world->states.of[i], false);
    bus_key_destroy(world->key);
    bus_subject_keyer_destroy(world->keyer);
    bus_views_destroy(world->views);
    bus_catalogue_destroy(world->catalogue);
    free(world->states.of);
    free(world->records);
    free(world->reports);
    free(world);
}

/* --- use --- */

const struct bus_catalogue *test_world_catalogue(const struct test_world *world)
{
    return world->catalogue;
}

const struct bus_subject_keyer *test_world_keyer(const struct test_world *world)
{
    return world->keyer;
}

const struct bus_key *test_world_key(const struct test_world *world)
{
    return world->key;
}

struct gateway_state *test_world_state(const struct test_world *world, int32_t partition)
{
    return world->states.of[partition];
}

void test_world_set_time(struct test_world *world, int64_t now_ms)
{
    world->now_ms = now_ms;
}

int32_t test_world_subject(const struct test_world *world, enum bus_subject_kind kind, const char *subject_id,
                           uint8_t out_key[BUS_SUBJECT_KEY_SIZE])
{
    struct bus_error error;
    char identifier[19];
    need(bus_subject_identifier(kind, bus_bytes_text(subject_id), identifier, &error), &error);
    bus_subject_key(world->keyer, kind, identifier, out_key);
    return bus_subject_partition(out_key, world->states.count);
}

int64_t test_world_feed(struct test_world *world, const struct bus_item *item, int32_t partition, struct bus_bytes key,
                        struct bus_bytes value, const char *adapter, bool replay)
{
    if (world->input_count == MAX_BATCH)
        abort();
    struct owned_input *owned = &world->inputs[world->input_count++];
    bus_topic_in(PREFIX, item, owned->topic);
    snprintf(owned->adapter, sizeof owned->adapter, "%s", adapter);
    owned->bytes = malloc(key.length + value.length + 1);
    if (owned->bytes == NULL)
        abort();
    if (key.length > 0)
        memcpy(owned->bytes, key.data, key.length);
    if (value.length > 0)
        memcpy(owned->bytes + key.length, value.data, value.length);
    owned->input = (struct gateway_input){
        .topic = owned->topic,
        .partition = partition,
        .offset = place_of(world->ends, &world->end_count, MAX_OFFSETS, owned->topic, partition)->offset++,
        .key = bus_bytes_of(owned->bytes, key.length),
        .value = bus_bytes_of(value.data != NULL ? owned->bytes + key.length : NULL, value.length),
        .adapter = bus_bytes_text(owned->adapter),
        .replay = replay,
    };
    return owned->input.offset;
}

static enum bus_status begin_batch(struct test_world *world, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    gateway_batch_reset(world->batch);
    for (size_t i = 0; status == BUS_OK && i < world->input_count; i++)
        status = gateway_batch_add(world->batch, &world->inputs[i].input, error);
    for (size_t i = 0; status == BUS_OK && i < world->request_count; i++)
        for (int32_t j = 0; status == BUS_OK && j < world->states.count; j++)
            status = gateway_resync_ask(world->resync, world->batch, j, world->requests[i].subscriber,
                                        world->requests[i].item, error);
    return status;
}

static enum bus_status end_batch(struct test_world *world, enum bus_status status, struct bus_error *error)
{
    if (status == BUS_OK)
        status = gateway_pipeline_run(world->pipeline, world->batch, world->now_ms, error);
    if (status == BUS_OK)
        status = gateway_settle(world->settle, world->batch, world->now_ms, error);
    else
        gateway_settle_discard(world->settle, world->batch);
    if (status == BUS_OK)
        drop_inputs(world);
    return status;
}

enum bus_status test_world_settle(struct test_world *world, struct bus_error *error)
{
    return end_batch(world, begin_batch(world, error), error);
}

enum bus_status test_world_tick(struct test_world *world, size_t limit, bool *out_more, struct bus_error *error)
{
    bool more_due = false, more_to_sync = false;
    enum bus_status status = begin_batch(world, error);
    if (status == BUS_OK)
        status = gateway_expiry_gather(world->expiry, world->batch, world->now_ms, limit, &more_due, error);
    if (status == BUS_OK)
        status = gateway_resync_gather(world->resync, world->batch, world->now_ms, limit, &more_to_sync, error);
    *out_more = more_due || more_to_sync;
    return end_batch(world, status, error);
}

void test_world_reload(struct test_world *world, const char *path)
{
    struct bus_error error;
    struct bus_catalogue *old_catalogue = world->catalogue;
    struct bus_views *old_views = world->views;
    struct bus_portfolios *old_portfolios = world->portfolios;
    need(bus_catalogue_load(path, &world->catalogue, &error), &error);
    need(bus_views_create(world->catalogue, &world->views, &error), &error);
    gateway_pipeline_destroy(world->pipeline);
    make_pipeline(world);
    gateway_batch_set_catalogue(world->batch, world->catalogue);
    gateway_expiry_set_catalogue(world->expiry, world->catalogue);
    gateway_resync_set_catalogue(world->resync, world->catalogue, world->portfolios);
    bus_portfolios_destroy(old_portfolios);
    bus_views_destroy(old_views);
    bus_catalogue_destroy(old_catalogue);
}

enum bus_status test_world_ask_resync(struct test_world *world, const char *subscriber, const struct bus_item *item,
                                      struct bus_error *error)
{
    if (world->request_count == MAX_REQUESTS)
        abort();
    const struct bus_subscriber *found = bus_catalogue_find_subscriber(world->catalogue, subscriber);
    if (found == NULL)
        return bus_reject(error, "REQUEST_NO_GRANT", "没有该订阅方", "no such subscriber");
    world->requests[world->request_count].subscriber = found;
    world->requests[world->request_count++].item =
        item != NULL ? bus_catalogue_item_by_number(world->catalogue, item->number) : NULL;
    return BUS_OK;
}

void test_world_fail(struct test_world *world, enum test_step which, enum bus_status status, int after)
{
    world->failures[which].status = status;
    world->failures[which].after = after;
}

size_t test_world_count(const struct test_world *world, const char *topic)
{
    size_t count = 0;
    for (size_t i = 0; i < world->committed_count; i++)
        count += strcmp(world->records[i].topic, topic) == 0;
    return count;
}

const struct test_record *test_world_record(const struct test_world *world, const char *topic, size_t index)
{
    for (size_t i = 0; i < world->committed_count; i++)
        if (strcmp(world->records[i].topic, topic) == 0 && index-- == 0)
            return &world->records[i];
    return NULL;
}

int64_t test_world_position(const struct test_world *world, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < world->position_count; i++)
        if (world->positions[i].partition == partition && strcmp(world->positions[i].topic, topic) == 0)
            return world->positions[i].offset;
    return 0;
}
