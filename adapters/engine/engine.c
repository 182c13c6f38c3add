#include "adapters/engine/engine.h"

#include <stdlib.h>

#include "adapters/engine/source.h"
#include "bus/stop.h"

enum {
    ROW_ARENA_LIMIT = 16 * 1024 * 1024,
    WAIT_MS = 1000,
    FIRST_BACKOFF_MS = 200,
    LAST_BACKOFF_MS = 10000,
    BACKOFF_STEP_MS = 100, /* so that a stop is seen soon */
};

struct adapters_engine {
    const struct adapters_settings *settings;
    const struct adapters_source_type *type;
    struct bus_catalogue *catalogue;
    struct bus_subject_keyer *keyer;
    struct adapters_decoder *decoder;
    struct adapters_feeds feeds;
    struct adapters_intake intake; /* publisher, image and board in it are opened by run */

    void *source;     /* opened by run */
    bool needs_rest;  /* the source could not do all it had to behind a commit */
    bool is_troubled; /* the board says why nothing comes */
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

static const struct adapters_source_type *choose_source(const struct adapters_settings *settings)
{
    if (settings->inbox[0] != '\0')
        return &adapters_source_files;
    if (settings->replication != NULL)
        return &adapters_source_replication;
    if (settings->odbc != NULL)
        return &adapters_source_odbc;
    if (settings->push != NULL)
        return &adapters_source_push;
    return NULL;
}

/* Which feeds have an image, and whether each of them can tell which of two rows is the newer. */
static enum bus_status settle_images(struct adapters_engine *engine, struct bus_error *error)
{
    struct adapters_feeds *feeds = &engine->feeds;
    for (size_t i = 0; i < feeds->count; i++) {
        const struct adapters_mapping *mapping = feeds->mappings[i];
        feeds->has_image[i] = engine->type->needs_image || adapters_mapping_delivery(mapping)->is_full_list;
        if (!feeds->has_image[i] && !adapters_mapping_has_changed_at(mapping))
            return bus_fail(error, BUS_FATAL,
                            "feed %s: changed_at is needed: nothing else tells which of two rows of a record is "
                            "the newer",
                            adapters_mapping_feed_view(mapping));
        if (feeds->has_image[i] && engine->settings->state[0] == '\0')
            return bus_fail(error, BUS_FATAL,
                            "feed %s: state is needed: a folder in which the adapter keeps what was said",
                            adapters_mapping_feed_view(mapping));
    }
    return BUS_OK;
}

static enum bus_status prepare(struct adapters_engine *engine, struct bus_error *error)
{
    const struct adapters_settings *settings = engine->settings;
    struct adapters_intake *intake = &engine->intake;
    enum bus_status status = bus_catalogue_load(settings->catalogue, &engine->catalogue, error);
    if (status == BUS_OK && bus_catalogue_find_department(engine->catalogue, settings->department) == NULL)
        status = bus_fail(error, BUS_FATAL, "department %s is not in %s", settings->department, settings->catalogue);
    if (status == BUS_OK)
        status = adapters_feeds_load(settings->mappings, settings->feeds, engine->catalogue, settings->department,
                                     &engine->feeds, error);
    if (status == BUS_OK)
        status = settle_images(engine, error);
    if (status == BUS_OK)
        status = bus_subject_keyer_load(settings->pepper, &engine->keyer, error);
    if (status == BUS_OK)
        status = adapters_decoder_create(&engine->decoder, error);
    if (status != BUS_OK)
        return status;
    intake->arena = bus_arena_create(ROW_ARENA_LIMIT);
    intake->values = calloc(widest_schema(&engine->feeds), sizeof *intake->values);
    intake->decoder = engine->decoder;
    return intake->arena != NULL && intake->values != NULL
               ? BUS_OK
               : bus_fail(error, BUS_FATAL, "cannot prepare the adapter: out of memory");
}

/* --- transactions --- */

static enum bus_status keep_image(struct adapters_engine *engine, struct bus_error *error)
{
    const struct adapters_intake *intake = &engine->intake;
    for (size_t item = 0; item < engine->feeds.distinct_count; item++)
        for (int32_t partition = 0; partition < engine->settings->partitions; partition++) {
            int64_t offset;
            const uint8_t *event_id;
            if (adapters_publisher_end(intake->publisher, item, partition, &offset, &event_id))
                adapters_image_reach(intake->image, engine->feeds.distinct[item], partition, offset, event_id);
        }
    return adapters_image_keep(intake->image, error);
}

static enum bus_status commit(void *self, struct bus_error *error)
{
    struct adapters_engine *engine = self;
    struct adapters_intake *intake = &engine->intake;
    enum bus_status status = adapters_board_publish(intake->board, intake->publisher, error);
    if (status == BUS_OK)
        status = adapters_publisher_commit(intake->publisher, error);
    if (status == BUS_OK)
        adapters_board_keep(intake->board);
    if (status == BUS_OK && intake->image != NULL)
        status = keep_image(engine, error);
    adapters_board_poll(intake->board);
    if (status == BUS_OK && !engine->type->committed(engine->source))
        engine->needs_rest = true;
    return status;
}

enum bus_status adapters_engine_create(const struct adapters_settings *settings, struct adapters_engine **out_engine,
                                       struct bus_error *error)
{
    struct adapters_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the adapter: out of memory");
    engine->settings = settings;
    engine->type = choose_source(settings);
    engine->intake = (struct adapters_intake){
        .settings = settings, .feeds = &engine->feeds, .clock = bus_clock_real(), .commit = commit, .self = engine};
    enum bus_status status = prepare(engine, error);
    if (status == BUS_OK)
        *out_engine = engine;
    else
        adapters_engine_destroy(engine);
    return status;
}

static void close_outside(struct adapters_engine *engine)
{
    if (engine->source != NULL)
        engine->type->close(engine->source);
    adapters_board_close(engine->intake.board);
    adapters_image_close(engine->intake.image);
    adapters_publisher_close(engine->intake.publisher);
    engine->source = NULL;
    engine->intake.board = NULL;
    engine->intake.image = NULL;
    engine->intake.publisher = NULL;
}

void adapters_engine_destroy(struct adapters_engine *engine)
{
    if (engine == NULL)
        return;
    close_outside(engine);
    free(engine->intake.values);
    bus_arena_destroy(engine->intake.arena);
    adapters_decoder_destroy(engine->decoder);
    bus_subject_keyer_destroy(engine->keyer);
    adapters_feeds_release(&engine->feeds);
    bus_catalogue_destroy(engine->catalogue);
    free(engine);
}

/* --- opening what is outside --- */

static bool needs_image(const struct adapters_engine *engine)
{
    for (size_t i = 0; i < engine->feeds.count; i++)
        if (engine->feeds.has_image[i])
            return true;
    return false;
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
        .tells_ends = needs_image(engine),
        .clock = bus_clock_real(),
    };
    memcpy(options.items, engine->feeds.distinct, sizeof options.items);
    return adapters_publisher_open(&options, &engine->intake.publisher, error);
}

/* The image of the feeds that have one; its feeds stand under the same numbers. */
static enum bus_status open_image(struct adapters_engine *engine, struct bus_error *error)
{
    const struct adapters_settings *settings = engine->settings;
    struct adapters_image_options options = {
        .state = settings->state,
        .kafka = &settings->kafka.kafka,
        .prefix = settings->kafka.prefix,
        .partitions = settings->partitions,
        .adapter = settings->name,
        .feed_count = engine->feeds.count,
    };
    for (size_t i = 0; i < engine->feeds.count; i++) {
        options.feeds[i].name = adapters_mapping_feed_view(engine->feeds.mappings[i]);
        options.feeds[i].item = engine->feeds.has_image[i] ? adapters_mapping_item(engine->feeds.mappings[i]) : NULL;
    }
    if (!needs_image(engine))
        return BUS_OK;
    enum bus_status status = adapters_image_open(&options, &engine->intake.image, error);
    return status == BUS_OK ? adapters_image_catch_up(engine->intake.image, error) : status;
}

static enum bus_status open_board(struct adapters_engine *engine, struct bus_error *error)
{
    const struct adapters_board_options options = {
        .kafka = &engine->settings->kafka.kafka,
        .prefix = engine->settings->kafka.prefix,
        .adapter = engine->settings->name,
        .department = engine->settings->department,
        .source = engine->type->name,
        .feeds = &engine->feeds,
        .clock = engine->intake.clock,
    };
    return adapters_board_open(&options, &engine->intake.board, error);
}

/* Says on the board why nothing comes from the source; what was added since the last commit is given up. */
static void tell_trouble(struct adapters_engine *engine, const struct bus_error *failure)
{
    struct adapters_intake *intake = &engine->intake;
    struct bus_error error;
    if (intake->board == NULL || adapters_publisher_abort(intake->publisher, &error) != BUS_OK)
        return;
    adapters_board_forget(intake->board);
    engine->is_troubled = true;
    const char *zh = failure->message_zh[0] != '\0' ? failure->message_zh : "数据源读取失败，详见适配器日志";
    for (size_t i = 0; i < engine->feeds.count; i++)
        adapters_board_trouble(intake->board, i, zh, failure->message);
    enum bus_status status = adapters_board_publish(intake->board, intake->publisher, &error);
    if (status == BUS_OK)
        status = adapters_publisher_commit(intake->publisher, &error);
    if (status == BUS_OK)
        adapters_board_keep(intake->board);
    else if (adapters_publisher_abort(intake->publisher, &error) != BUS_OK)
        bus_log_failure(BUS_LOG_WARN, "trouble of the feeds cannot be told", BUS_RETRY, &error);
}

/* With the next commit. */
static void tell_well(struct adapters_engine *engine)
{
    for (size_t i = 0; engine->is_troubled && i < engine->feeds.count; i++)
        adapters_board_trouble(engine->intake.board, i, "", "");
    engine->is_troubled = false;
}

static enum bus_status open_outside(struct adapters_engine *engine, struct bus_error *error)
{
    enum bus_status status = open_publisher(engine, error);
    if (status == BUS_OK)
        status = open_image(engine, error);
    if (status == BUS_OK)
        status = open_board(engine, error);
    if (status == BUS_OK) {
        status = engine->type->open(&engine->intake, &engine->source, error);
        engine->is_troubled = true; /* perhaps told by an earlier process */
        if (status == BUS_OK)
            tell_well(engine);
        else
            tell_trouble(engine, error);
    }
    if (status != BUS_OK)
        close_outside(engine);
    return status;
}

/* --- the loop --- */

static void back_off(int64_t *backoff_ms)
{
    for (int64_t waited_ms = 0; waited_ms < *backoff_ms && !bus_stop_requested(); waited_ms += BACKOFF_STEP_MS)
        bus_clock_sleep_ms(BACKOFF_STEP_MS);
    *backoff_ms = *backoff_ms * 2 < LAST_BACKOFF_MS ? *backoff_ms * 2 : LAST_BACKOFF_MS;
}

/* Gives up the transaction and waits; the next round begins where the last commit ended. What fails once more is told on the board. */
static enum bus_status recover(struct adapters_engine *engine, int64_t *backoff_ms, struct bus_error *error)
{
    const struct bus_error failure = *error;
    bus_log_failure(BUS_LOG_WARN, "transaction given up, will be done again", BUS_RETRY, error);
    enum bus_status status = adapters_publisher_abort(engine->intake.publisher, error);
    if (engine->intake.image != NULL)
        adapters_image_forget(engine->intake.image);
    engine->type->aborted(engine->source);
    adapters_board_forget(engine->intake.board);
    if (status == BUS_OK && *backoff_ms > FIRST_BACKOFF_MS)
        tell_trouble(engine, &failure);
    if (status == BUS_OK)
        back_off(backoff_ms);
    return status;
}

static enum bus_status take_round(struct adapters_engine *engine, size_t *out_count, struct bus_error *error)
{
    engine->needs_rest = false;
    enum bus_status status = engine->type->take(engine->source, out_count, error);
    if (status == BUS_FATAL)
        tell_trouble(engine, error);
    if (status != BUS_OK)
        return status;
    tell_well(engine);
    return commit(engine, error);
}

static enum bus_status run(struct adapters_engine *engine, bool once, struct bus_error *error)
{
    int64_t backoff_ms = FIRST_BACKOFF_MS;
    while (!bus_stop_requested()) {
        size_t count;
        enum bus_status status = take_round(engine, &count, error);
        if (status == BUS_OK && engine->needs_rest) {
            back_off(&backoff_ms); /* such as files that the disk does not let go: looked at again, but not at once */
            continue;
        }
        if (status == BUS_OK) {
            backoff_ms = FIRST_BACKOFF_MS;
            if (count == 0 && once)
                return BUS_OK;
            if (count == 0)
                engine->type->wait(engine->source, WAIT_MS);
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
    enum bus_status status = BUS_OK;
    int64_t backoff_ms = FIRST_BACKOFF_MS;
    while (engine->source == NULL && !bus_stop_requested()) {
        status = open_outside(engine, error);
        if (status != BUS_RETRY)
            break;
        bus_log_failure(BUS_LOG_WARN, "cannot begin yet, will be tried again", status, error);
        back_off(&backoff_ms);
        status = BUS_OK;
    }
    if (status == BUS_OK && engine->source != NULL) {
        bus_log(BUS_LOG_INFO, "adapter ready", "source=%s feeds=%zu", engine->type->name, engine->feeds.count);
        status = run(engine, once, error);
    }
    if (bus_stop_requested() && status != BUS_FATAL)
        status = BUS_OK;
    close_outside(engine);
    return status;
}
