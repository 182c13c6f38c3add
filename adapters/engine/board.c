#include "adapters/engine/board.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/consumer.h"
#include "bus/log.h"
#include "bus/stop.h"
#include "bus/topics.h"

enum {
    OWN_PARTITION = 0,
    STATUS_LIMIT = 64 * 1024,
    PREFETCH_BYTES = 1024 * 1024,
    POLL_MS = 500,
    QUIET_MS = 15000,  /* a reader that hears nothing for so long gives up */
    POLL_ORDERS = 100, /* orders taken in one poll */
    MAX_STALE = ADAPTERS_MAX_FEEDS,
    KEY_SIZE = 2 * BUS_FEED_TEXT_SIZE,
};

#define WHAT_TO_DO                                                                                                     \
    "create it with `xinqiao topics create` and give the adapter the right to it, then restart the adapter"

struct board_feed {
    const char *name;
    struct bus_feed_status now, kept; /* kept: as last committed */
    bool is_changed;

    /* Of what officers ordered; not taken back with a transaction. */
    bool is_paused;
    uint8_t decided[BUS_DIGEST_SIZE];
    int64_t decided_held_at_ms;
    enum adapters_decision decision;
};

struct adapters_board {
    struct adapters_board_options options;
    char feeds_topic[BUS_TOPIC_SIZE], orders_topic[BUS_TOPIC_SIZE];
    struct bus_consumer *orders; /* NULL: nobody can order */
    bool is_seen;                /* statuses can be written */
    bool is_open;                /* what comes now is new */
    struct board_feed feeds[ADAPTERS_MAX_FEEDS];
    size_t count;
    char stale[MAX_STALE][BUS_FEED_TEXT_SIZE]; /* feeds that this adapter had once */
    size_t stale_count;
    struct bus_buffer buffer;
};

/* --- the feeds --- */

static void set_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

#define SET(array, text) set_text(array, sizeof(array), text)

/* What the mapping and the configuration say of a feed, whatever was told of it before. */
static void describe(const struct adapters_board *board, struct board_feed *feed,
                     const struct adapters_mapping *mapping)
{
    const struct adapters_delivery *delivery = adapters_mapping_delivery(mapping);
    struct bus_feed_status *status = &feed->now;
    feed->name = adapters_mapping_feed_view(mapping);
    SET(status->adapter, board->options.adapter);
    SET(status->department, board->options.department);
    SET(status->item, adapters_mapping_item(mapping)->name);
    SET(status->feed, feed->name);
    SET(status->source, board->options.source);
    SET(status->cadence, delivery->cadence);
    SET(status->due_by, delivery->due_by);
    SET(status->trouble_zh, "");
    SET(status->trouble_en, "");
    status->is_full_list = delivery->is_full_list;
    status->is_paused = feed->is_paused;
    feed->is_changed = true;
}

static void describe_all(struct adapters_board *board)
{
    for (size_t i = 0; i < board->count; i++) {
        describe(board, &board->feeds[i], board->options.feeds->mappings[i]);
        board->feeds[i].kept = board->feeds[i].now;
    }
}

struct adapters_board *adapters_board_create(const struct adapters_board_options *options)
{
    struct adapters_board *board = calloc(1, sizeof *board);
    if (board == NULL)
        return NULL;
    board->options = *options;
    board->count = options->feeds->count;
    bus_buffer_init(&board->buffer, STATUS_LIMIT);
    describe_all(board);
    return board;
}

void adapters_board_close(struct adapters_board *board)
{
    if (board == NULL)
        return;
    bus_consumer_close(board->orders);
    bus_buffer_release(&board->buffer);
    free(board);
}

static struct board_feed *find_feed(struct adapters_board *board, struct bus_bytes name)
{
    for (size_t i = 0; i < board->count; i++)
        if (bus_bytes_equal_text(name, board->feeds[i].name))
            return &board->feeds[i];
    return NULL;
}

/* --- orders --- */

static void pause_feed(const struct adapters_board *board, struct board_feed *feed, bool is_paused)
{
    if (feed->is_paused == is_paused)
        return;
    feed->is_paused = is_paused;
    feed->now.is_paused = is_paused;
    feed->is_changed = true;
    if (board->is_open)
        bus_log(BUS_LOG_INFO, is_paused ? "feed is paused" : "feed is resumed", "feed=%s", feed->name);
}

void adapters_board_take_order(struct adapters_board *board, const struct bus_feed_order *order)
{
    struct board_feed *feed = find_feed(board, order->feed);
    if (feed == NULL || !bus_bytes_equal_text(order->adapter, board->options.adapter))
        return;
    if (order->kind == BUS_FEED_PAUSE || order->kind == BUS_FEED_RESUME) {
        pause_feed(board, feed, order->kind == BUS_FEED_PAUSE);
        return;
    }
    memcpy(feed->decided, order->digest, sizeof feed->decided);
    feed->decided_held_at_ms = order->held_at_ms;
    feed->decision = order->kind == BUS_FEED_APPROVE ? ADAPTERS_APPROVED : ADAPTERS_REJECTED;
}

static void take_order(struct adapters_board *board, const struct bus_message *message)
{
    struct bus_feed_order order;
    struct bus_error error;
    if (message->value.data == NULL)
        return;
    if (bus_feed_order_decode(message->value, &order, &error) == BUS_OK)
        adapters_board_take_order(board, &order);
    else
        bus_log(BUS_LOG_WARN, "order about a feed cannot be read", "topic=%s offset=%lld", board->orders_topic,
                (long long)message->offset);
}

/* Reads what there is, until nothing comes. */
void adapters_board_poll(struct adapters_board *board)
{
    struct bus_message message;
    struct bus_error error;
    for (int i = 0; board->orders != NULL && i < POLL_ORDERS; i++) {
        if (bus_consumer_poll(board->orders, 0, &message, &error) != BUS_OK ||
            (message.handle == NULL && message.partition < 0))
            return;
        if (message.handle != NULL)
            take_order(board, &message);
        bus_message_release(&message);
    }
}

bool adapters_board_is_paused(const struct adapters_board *board, size_t feed)
{
    return board->feeds[feed].is_paused;
}

enum adapters_decision adapters_board_decision(const struct adapters_board *board, size_t feed,
                                               const uint8_t digest[BUS_DIGEST_SIZE])
{
    const struct board_feed *of = &board->feeds[feed];
    const struct bus_feed_held *held = &of->now.held;
    bool is_it = held->is_held && memcmp(held->digest, digest, BUS_DIGEST_SIZE) == 0 &&
                 memcmp(of->decided, digest, BUS_DIGEST_SIZE) == 0 && of->decided_held_at_ms == held->at_ms;
    return is_it ? of->decision : ADAPTERS_UNDECIDED;
}

/* --- statuses --- */

struct bus_feed_status *adapters_board_status(struct adapters_board *board, size_t feed)
{
    return &board->feeds[feed].now;
}

void adapters_board_tell(struct adapters_board *board, size_t feed)
{
    board->feeds[feed].is_changed = true;
}

void adapters_board_delivered(struct adapters_board *board, size_t feed, const struct adapters_delivered *delivered)
{
    struct bus_feed_status *status = &board->feeds[feed].now;
    SET(status->last_delivery, delivered->name);
    status->last_delivery_at_ms = bus_clock_now_ms(&board->options.clock);
    status->last_rows = delivered->rows;
    status->last_published = delivered->published;
    status->last_unchanged = delivered->unchanged;
    status->last_withdrawn = delivered->withdrawn;
    status->last_quarantined = delivered->quarantined;
    SET(status->trouble_zh, "");
    SET(status->trouble_en, "");
    board->feeds[feed].is_changed = true;
}

void adapters_board_trouble(struct adapters_board *board, size_t feed, const char *zh, const char *en)
{
    struct board_feed *of = &board->feeds[feed];
    if (strncmp(of->now.trouble_en, en, sizeof of->now.trouble_en - 1) == 0)
        return;
    SET(of->now.trouble_zh, zh);
    SET(of->now.trouble_en, en);
    of->is_changed = true;
}

bool adapters_board_is_changed(const struct adapters_board *board)
{
    for (size_t i = 0; i < board->count; i++)
        if (board->feeds[i].is_changed)
            return true;
    return false;
}

static void make_key(const struct adapters_board *board, const char *feed, char out_key[KEY_SIZE])
{
    snprintf(out_key, KEY_SIZE, "%s/%s", board->options.adapter, feed);
}

/* The status as a record; it borrows `key` and the board's buffer. */
static enum bus_status make_record(struct adapters_board *board, struct board_feed *feed, char key[KEY_SIZE],
                                   struct bus_record *out_record, struct bus_error *error)
{
    make_key(board, feed->name, key);
    feed->now.at_ms = bus_clock_now_ms(&board->options.clock);
    bus_buffer_reset(&board->buffer);
    enum bus_status status = bus_feed_status_encode(&feed->now, &board->buffer, error);
    *out_record = (struct bus_record){
        .topic = board->feeds_topic,
        .partition = OWN_PARTITION,
        .key = bus_bytes_text(key),
        .value = bus_buffer_view(&board->buffer),
    };
    return status;
}

enum bus_status adapters_board_publish(struct adapters_board *board, struct adapters_publisher *publisher,
                                       struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; board->is_seen && status == BUS_OK && i < board->count; i++) {
        char key[KEY_SIZE];
        struct bus_record record;
        if (!board->feeds[i].is_changed)
            continue;
        status = make_record(board, &board->feeds[i], key, &record, error);
        if (status == BUS_OK)
            status = adapters_publisher_add(publisher, &record, error);
    }
    return status;
}

void adapters_board_keep(struct adapters_board *board)
{
    for (size_t i = 0; i < board->count; i++) {
        board->feeds[i].kept = board->feeds[i].now;
        board->feeds[i].is_changed = false;
    }
}

/* Orders and troubles are no part of the transaction: they still hold. */
static void forget_feed(struct board_feed *feed)
{
    struct bus_feed_status kept = feed->kept;
    SET(kept.trouble_zh, feed->now.trouble_zh);
    SET(kept.trouble_en, feed->now.trouble_en);
    kept.is_paused = feed->is_paused;
    feed->now = kept;
    feed->is_changed = kept.is_paused != feed->kept.is_paused || strcmp(kept.trouble_en, feed->kept.trouble_en) != 0;
}

void adapters_board_forget(struct adapters_board *board)
{
    for (size_t i = 0; i < board->count; i++)
        forget_feed(&board->feeds[i]);
}

/* --- opening --- */

static enum bus_status has_topic(struct adapters_board *board, const char *topic, bool *out_has,
                                 struct bus_error *error)
{
    struct bus_topic_found *found = NULL;
    size_t count = 0;
    enum bus_status status = bus_topics_list(board->options.kafka, topic, &found, &count, error);
    *out_has = false;
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        *out_has = *out_has || strcmp(found[i].name, topic) == 0;
    free(found);
    return status;
}

/* A status that this adapter wrote earlier. */
static void take_status(struct adapters_board *board, const struct bus_message *message)
{
    struct bus_feed_status status;
    struct bus_error error;
    struct bus_bytes key = message->key;
    size_t length = strlen(board->options.adapter);
    if (key.length <= length + 1 || key.length - length - 1 >= BUS_FEED_TEXT_SIZE || key.data[length] != '/' ||
        memcmp(key.data, board->options.adapter, length) != 0)
        return;
    struct bus_bytes name = bus_bytes_of(key.data + length + 1, key.length - length - 1);
    struct board_feed *feed = find_feed(board, name);
    if (feed != NULL && message->value.data != NULL &&
        bus_feed_status_decode(message->value, &status, &error) == BUS_OK)
        feed->now = status;
    if (feed != NULL || board->stale_count == MAX_STALE)
        return;
    for (size_t i = 0; i < board->stale_count; i++)
        if (bus_bytes_equal_text(name, board->stale[i]))
            return;
    snprintf(board->stale[board->stale_count++], BUS_FEED_TEXT_SIZE, "%.*s", (int)name.length, (const char *)name.data);
}

/* Reads partition 0 of a topic to its end, as found. */
static enum bus_status read_all(struct adapters_board *board, struct bus_consumer *consumer, const char *topic,
                                void (*take)(struct adapters_board *board, const struct bus_message *message),
                                struct bus_error *error)
{
    struct bus_partition start = {topic, OWN_PARTITION, BUS_OFFSET_BEGINNING};
    struct bus_message message = {0};
    int64_t heard_ms = bus_clock_monotonic_ms();
    enum bus_status status = bus_consumer_assign(consumer, &start, 1, error);
    for (bool is_end = false; status == BUS_OK && !is_end;) {
        status = bus_consumer_poll(consumer, POLL_MS, &message, error);
        if (status != BUS_OK)
            break;
        is_end = message.handle == NULL && message.partition >= 0;
        if (message.handle != NULL) {
            take(board, &message);
            heard_ms = bus_clock_monotonic_ms();
        }
        bus_message_release(&message);
        if (bus_stop_requested() || bus_clock_monotonic_ms() - heard_ms > QUIET_MS)
            status = bus_fail(error, BUS_RETRY, "read topic %s: Kafka does not answer", topic);
    }
    return status;
}

/* A consumer that has read the topic, or NULL when the topic is missing or not for us. */
static enum bus_status open_topic(struct adapters_board *board, const char *topic, bool uncommitted,
                                  void (*take)(struct adapters_board *board, const struct bus_message *message),
                                  struct bus_consumer **out_consumer, struct bus_error *error)
{
    bool has;
    struct bus_consumer_options options = {.uncommitted = uncommitted, .prefetch_bytes = PREFETCH_BYTES};
    enum bus_status status = has_topic(board, topic, &has, error);
    *out_consumer = NULL;
    if (status == BUS_OK && !has)
        status = bus_fail(error, BUS_FATAL, "topic %s is missing", topic);
    if (status == BUS_OK)
        status = bus_consumer_open(board->options.kafka, &options, out_consumer, error);
    if (status == BUS_OK)
        status = read_all(board, *out_consumer, topic, take, error);
    if (status == BUS_OK)
        return BUS_OK;
    bus_consumer_close(*out_consumer);
    *out_consumer = NULL;
    return status;
}

/* Writes all statuses at once, outside transactions: whether we may is known before any transaction depends on it. */
static enum bus_status write_all(struct adapters_board *board, struct bus_error *error)
{
    struct bus_producer *producer = NULL;
    struct bus_record record;
    char key[KEY_SIZE];
    enum bus_status status =
        bus_producer_open(board->options.kafka, &(struct bus_producer_options){0}, &producer, error);
    for (size_t i = 0; status == BUS_OK && i < board->count; i++) {
        status = make_record(board, &board->feeds[i], key, &record, error);
        if (status == BUS_OK)
            status = bus_producer_produce(producer, &record, error);
    }
    for (size_t i = 0; status == BUS_OK && i < board->stale_count; i++) {
        make_key(board, board->stale[i], key);
        record =
            (struct bus_record){.topic = board->feeds_topic, .partition = OWN_PARTITION, .key = bus_bytes_text(key)};
        status = bus_producer_produce(producer, &record, error);
    }
    if (status == BUS_OK)
        status = bus_producer_flush(producer, error);
    bus_producer_close(producer);
    return status;
}

/* What was aborted is read as well: the status that follows sets it right, and nobody waits for another adapter's open transaction. */
static enum bus_status open_feeds(struct adapters_board *board, struct bus_error *error)
{
    struct bus_consumer *consumer;
    enum bus_status status = open_topic(board, board->feeds_topic, true, take_status, &consumer, error);
    bus_consumer_close(consumer);
    describe_all(board);
    if (status == BUS_OK)
        status = write_all(board, error);
    board->is_seen = status == BUS_OK;
    if (board->is_seen)
        adapters_board_keep(board);
    if (status != BUS_FATAL)
        return status;
    bus_log(BUS_LOG_WARN, "nobody can see how the feeds stand", "topic=%s reason=\"%s\" then=\"" WHAT_TO_DO "\"",
            board->feeds_topic, error->message);
    return BUS_OK;
}

static enum bus_status open_orders(struct adapters_board *board, struct bus_error *error)
{
    enum bus_status status = open_topic(board, board->orders_topic, false, take_order, &board->orders, error);
    if (status != BUS_FATAL)
        return status;
    bus_log(BUS_LOG_WARN, "nobody can order about the feeds", "topic=%s reason=\"%s\" then=\"" WHAT_TO_DO "\"",
            board->orders_topic, error->message);
    return BUS_OK;
}

enum bus_status adapters_board_open(const struct adapters_board_options *options, struct adapters_board **out_board,
                                    struct bus_error *error)
{
    struct adapters_board *board = adapters_board_create(options);
    if (board == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the board of feeds: out of memory");
    bus_topic_named(options->prefix, BUS_TOPIC_FEEDS, board->feeds_topic);
    bus_topic_named(options->prefix, BUS_TOPIC_ORDERS, board->orders_topic);
    enum bus_status status = open_orders(board, error);
    if (status == BUS_OK)
        status = open_feeds(board, error);
    board->is_open = status == BUS_OK;
    if (board->is_open)
        *out_board = board;
    else
        adapters_board_close(board);
    return status;
}
