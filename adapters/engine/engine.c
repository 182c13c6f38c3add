#include "adapters/engine/engine.h"

#include <stdlib.h>

#include "adapters/sources/taking.h"
#include "adapters/formats/rows.h"
#include "bus/stop.h"

enum {
    MAX_TAKEN = 256, /* files in one transaction: each is kept open until it is committed */
    ROW_ARENA_LIMIT = 16 * 1024 * 1024,
    FIRST_BACKOFF_MS = 200,
    LAST_BACKOFF_MS = 10000,
    BACKOFF_STEP_MS = 100, /* so that a stop is seen soon */
};

struct adapters_engine {
    const struct adapters_settings *settings;
    struct bus_catalogue *catalogue;
    struct bus_subject_keyer *keyer;
    struct adapters_decoder *decoder;
    struct adapters_rows *rows;
    struct bus_arena *arena;
    struct bus_value *values;
    struct adapters_feeds feeds;

    /* Opened by run. */
    struct adapters_drop *drop;
    struct adapters_publisher *publisher;

    struct adapters_taken taken[MAX_TAKEN]; /* finished in the transaction at hand */
    size_t taken_count;
    bool has_unmoved; /* a file taken in this round is still in the inbox */
};

/* --- preparing --- */

static size_t widest_schema(const struct adapters_feeds *feeds)
{
    size_t widest = 0;
    for (size_t i = 0; i < feeds->distinct_count; i++) {
        size_t count = bus_schema_field_count(bus_item_current(feeds->distinct[i])->schema);
        if (count > widest)
            widest = count;
    }
    return widest;
}

static enum bus_status prepare(struct adapters_engine *engine, struct bus_error *error)
{
    const struct adapters_settings *settings = engine->settings;
    enum bus_status status = bus_catalogue_load(settings->catalogue, &engine->catalogue, error);
    if (status == BUS_OK && bus_catalogue_find_department(engine->catalogue, settings->department) == NULL)
        status = bus_fail(error, BUS_FATAL, "department %s is not in %s", settings->department, settings->catalogue);
    if (status == BUS_OK)
        status =
            adapters_feeds_load(settings->mappings, engine->catalogue, settings->department, &engine->feeds, error);
    if (status == BUS_OK)
        status = bus_subject_keyer_load(settings->pepper, &engine->keyer, error);
    if (status == BUS_OK)
        status = adapters_decoder_create(&engine->decoder, error);
    if (status != BUS_OK)
        return status;
    engine->rows = adapters_rows_create(engine->decoder);
    engine->arena = bus_arena_create(ROW_ARENA_LIMIT);
    engine->values = calloc(widest_schema(&engine->feeds), sizeof *engine->values);
    if (engine->rows == NULL || engine->arena == NULL || engine->values == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the adapter: out of memory");
    return BUS_OK;
}

enum bus_status adapters_engine_create(const struct adapters_settings *settings, struct adapters_engine **out_engine,
                                       struct bus_error *error)
{
    struct adapters_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the adapter: out of memory");
    engine->settings = settings;
    enum bus_status status = prepare(engine, error);
    if (status == BUS_OK)
        *out_engine = engine;
    else
        adapters_engine_destroy(engine);
    return status;
}

static void forget_taken(struct adapters_engine *engine)
{
    for (size_t i = 0; i < engine->taken_count; i++)
        adapters_taken_release(&engine->taken[i]);
    engine->taken_count = 0;
}

static void close_outside(struct adapters_engine *engine)
{
    forget_taken(engine);
    adapters_publisher_close(engine->publisher);
    adapters_drop_close(engine->drop);
    engine->publisher = NULL;
    engine->drop = NULL;
}

void adapters_engine_destroy(struct adapters_engine *engine)
{
    if (engine == NULL)
        return;
    close_outside(engine);
    free(engine->values);
    bus_arena_destroy(engine->arena);
    adapters_rows_destroy(engine->rows);
    adapters_decoder_destroy(engine->decoder);
    bus_subject_keyer_destroy(engine->keyer);
    adapters_feeds_release(&engine->feeds);
    bus_catalogue_destroy(engine->catalogue);
    free(engine);
}

static enum bus_status open_drop(struct adapters_engine *engine, struct bus_error *error)
{
    struct adapters_drop_options options = {
        .inbox = engine->settings->inbox,
        .feed_count = engine->feeds.count,
        .stable_ms = engine->settings->stable_ms,
        .clock = bus_clock_real(),
    };
    for (size_t i = 0; i < engine->feeds.count; i++) {
        options.feeds[i].name = adapters_mapping_feed_view(engine->feeds.mappings[i]);
        options.feeds[i].completion = adapters_mapping_completion(engine->feeds.mappings[i]);
    }
    return adapters_drop_open(&options, &engine->drop, error);
}

static enum bus_status open_publisher(struct adapters_engine *engine, struct bus_error *error)
{
    struct adapters_publisher_options options = {
        .kafka = &engine->settings->kafka.kafka,
        .prefix = engine->settings->kafka.prefix,
        .partitions = engine->settings->partitions,
        .adapter = engine->settings->name,
        .item_count = engine->feeds.distinct_count,
        .keyer = engine->keyer,
        .clock = bus_clock_real(),
    };
    memcpy(options.items, engine->feeds.distinct, sizeof options.items);
    return adapters_publisher_open(&options, &engine->publisher, error);
}

/* --- transactions --- */

/* A file that cannot be moved is found again in the inbox, known as taken, and moved then. */
static void move_taken(struct adapters_engine *engine)
{
    for (size_t i = 0; i < engine->taken_count; i++) {
        struct bus_error error;
        const struct adapters_taken *taken = &engine->taken[i];
        enum bus_status status = adapters_drop_finish(engine->drop, taken->feed, taken->name, taken->file,
                                                      taken->outcome, bus_buffer_view(&taken->report), &error);
        if (status == BUS_OK)
            continue;
        engine->has_unmoved = true;
        bus_log_failure(BUS_LOG_ERROR, "file cannot be moved out of the inbox, will be tried again", status, &error);
    }
    forget_taken(engine);
}

static enum bus_status commit(void *self, struct bus_error *error)
{
    struct adapters_engine *engine = self;
    enum bus_status status = adapters_publisher_commit(engine->publisher, error);
    if (status == BUS_OK)
        move_taken(engine);
    return status;
}

static bool is_taken_now(void *self, const uint8_t *digest)
{
    const struct adapters_engine *engine = self;
    for (size_t i = 0; i < engine->taken_count; i++)
        if (memcmp(engine->taken[i].digest, digest, BUS_DIGEST_SIZE) == 0)
            return true;
    return false;
}

static enum bus_status take_feed(struct adapters_engine *engine, const struct adapters_taking_tools *tools, size_t feed,
                                 size_t *count, struct bus_error *error)
{
    const char *const *names;
    size_t name_count;
    enum bus_status status = adapters_drop_list(engine->drop, feed, &names, &name_count, error);
    for (size_t i = 0; status == BUS_OK && i < name_count && !bus_stop_requested(); i++) {
        enum adapters_taking_result result;
        struct adapters_taken taken;
        status = adapters_take_file(tools, feed, names[i], is_taken_now, &result, &taken, error);
        if (status != BUS_OK || result != ADAPTERS_TAKEN)
            continue;
        engine->taken[engine->taken_count++] = taken;
        ++*count;
        if (engine->taken_count == MAX_TAKEN || adapters_publisher_rows(engine->publisher) >= tools->batch_rows ||
            adapters_publisher_age_ms(engine->publisher) >= tools->batch_ms)
            status = commit(engine, error);
    }
    return status;
}

/* Everything that waits in the inbox now. */
static enum bus_status take_round(struct adapters_engine *engine, size_t *out_count, struct bus_error *error)
{
    const struct adapters_taking_tools tools = {
        .feeds = &engine->feeds,
        .drop = engine->drop,
        .publisher = engine->publisher,
        .rows = engine->rows,
        .arena = engine->arena,
        .values = engine->values,
        .clock = bus_clock_real(),
        .batch_rows = engine->settings->batch_rows,
        .batch_bytes = engine->settings->batch_bytes,
        .batch_ms = engine->settings->batch_ms,
        .commit = commit,
        .self = engine,
    };
    *out_count = 0;
    enum bus_status status = BUS_OK;
    for (size_t feed = 0; status == BUS_OK && feed < engine->feeds.count && !bus_stop_requested(); feed++)
        status = take_feed(engine, &tools, feed, out_count, error);
    return status == BUS_OK ? commit(engine, error) : status;
}

/* --- the loop --- */

static void back_off(int64_t *backoff_ms)
{
    for (int64_t waited_ms = 0; waited_ms < *backoff_ms && !bus_stop_requested(); waited_ms += BACKOFF_STEP_MS)
        bus_clock_sleep_ms(BACKOFF_STEP_MS);
    *backoff_ms = *backoff_ms * 2 < LAST_BACKOFF_MS ? *backoff_ms * 2 : LAST_BACKOFF_MS;
}

/* Gives up the transaction and waits; the next round begins where the last commit ended. */
static enum bus_status recover(struct adapters_engine *engine, int64_t *backoff_ms, struct bus_error *error)
{
    bus_log_failure(BUS_LOG_WARN, "transaction given up, will be done again", BUS_RETRY, error);
    forget_taken(engine);
    enum bus_status status = adapters_publisher_abort(engine->publisher, error);
    if (status == BUS_OK)
        back_off(backoff_ms);
    return status;
}

static enum bus_status run(struct adapters_engine *engine, bool once, struct bus_error *error)
{
    int64_t backoff_ms = FIRST_BACKOFF_MS;
    while (!bus_stop_requested()) {
        size_t count;
        engine->has_unmoved = false;
        enum bus_status status = take_round(engine, &count, error);
        if (status == BUS_OK && engine->has_unmoved) {
            back_off(&backoff_ms); /* the disk refuses: the files are looked at again, but not at once */
            continue;
        }
        if (status == BUS_OK) {
            backoff_ms = FIRST_BACKOFF_MS;
            if (count == 0 && once)
                return BUS_OK;
            if (count == 0)
                adapters_drop_wait(engine->drop, engine->settings->scan_ms);
            continue;
        }
        if (status == BUS_RETRY)
            status = recover(engine, &backoff_ms, error);
        if (status != BUS_OK)
            return status;
    }
    return BUS_OK;
}

enum bus_status adapters_engine_run(struct adapters_engine *engine, bool once, struct bus_error *error)
{
    enum bus_status status = open_drop(engine, error);
    int64_t backoff_ms = FIRST_BACKOFF_MS;
    while (status == BUS_OK && engine->publisher == NULL && !bus_stop_requested()) {
        status = open_publisher(engine, error);
        if (status != BUS_RETRY)
            break;
        bus_log_failure(BUS_LOG_WARN, "cannot begin yet, will be tried again", status, error);
        back_off(&backoff_ms);
        status = BUS_OK;
    }
    if (status == BUS_OK && engine->publisher != NULL) {
        bus_log(BUS_LOG_INFO, "adapter ready", "feeds=%zu inbox=\"%s\"", engine->feeds.count, engine->settings->inbox);
        status = run(engine, once, error);
    }
    if (bus_stop_requested() && status != BUS_FATAL)
        status = BUS_OK;
    close_outside(engine);
    return status;
}
