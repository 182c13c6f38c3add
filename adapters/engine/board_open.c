/* Opening a board: what was told and ordered before is read, and all feeds are told. */
#include <stdio.h>

#include "adapters/engine/board_private.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    PREFETCH_BYTES = 1024 * 1024,
    POLL_MS = 500,
    QUIET_MS = 15000, /* a reader that hears nothing for so long gives up */
};

#define WHAT_TO_DO "create it with `xinqiao topics create`, give the adapter the right to it, and restart the adapter"

/* --- reading --- */

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
    struct adapters_board_feed *feed = adapters_board_find(board, name);
    if (feed != NULL && message->value.data != NULL &&
        bus_feed_status_decode(message->value, &status, &error) == BUS_OK)
        feed->now = status;
    if (feed != NULL || board->stale_count == ADAPTERS_BOARD_MAX_STALE)
        return;
    for (size_t i = 0; i < board->stale_count; i++)
        if (bus_bytes_equal_text(name, board->stale[i]))
            return;
    snprintf(board->stale[board->stale_count++], BUS_FEED_TEXT_SIZE, "%.*s", (int)name.length, (const char *)name.data);
}

/* Reads partition 0 of a topic to its end, as found; *out_end is where that was. */
static enum bus_status read_all(struct adapters_board *board, struct bus_consumer *consumer, const char *topic,
                                void (*take)(struct adapters_board *board, const struct bus_message *message),
                                int64_t *out_end, struct bus_error *error)
{
    struct bus_partition start = {topic, ADAPTERS_BOARD_PARTITION, BUS_OFFSET_BEGINNING};
    struct bus_message message = {0};
    int64_t heard_ms = bus_clock_monotonic_ms();
    enum bus_status status = bus_consumer_find(consumer, topic, error);
    if (status == BUS_OK)
        status = bus_consumer_assign(consumer, &start, 1, error);
    for (bool is_end = false; status == BUS_OK && !is_end;) {
        status = bus_consumer_poll(consumer, POLL_MS, &message, error);
        if (status != BUS_OK)
            break;
        is_end = message.handle == NULL && message.partition >= 0;
        *out_end = message.offset;
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

/* --- telling --- */

/* Writes all statuses at once, outside transactions: whether we may is known before any transaction depends on it. */
static enum bus_status write_all(struct adapters_board *board, struct bus_error *error)
{
    struct bus_producer *producer = NULL;
    struct bus_record record;
    char key[ADAPTERS_BOARD_KEY_SIZE];
    enum bus_status status =
        bus_producer_open(board->options.kafka, &(struct bus_producer_options){0}, &producer, error);
    for (size_t i = 0; status == BUS_OK && i < board->count; i++) {
        status = adapters_board_record(board, &board->feeds[i], key, &record, error);
        if (status == BUS_OK)
            status = bus_producer_produce(producer, &record, error);
    }
    for (size_t i = 0; status == BUS_OK && i < board->stale_count; i++) {
        adapters_board_key(board, board->stale[i], key);
        record = (struct bus_record){
            .topic = board->feeds_topic, .partition = ADAPTERS_BOARD_PARTITION, .key = bus_bytes_text(key)};
        status = bus_producer_produce(producer, &record, error);
    }
    if (status == BUS_OK)
        status = bus_producer_flush(producer, error);
    bus_producer_close(producer);
    return status;
}

/* What was aborted is read as well: the status that follows sets it right, and nobody waits for another adapter's open transaction. */
static enum bus_status open_feeds(struct adapters_board *board, struct bus_consumer *consumer, struct bus_error *error)
{
    int64_t end;
    enum bus_status status = read_all(board, consumer, board->feeds_topic, take_status, &end, error);
    adapters_board_describe(board);
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

/* Officers write orders outside transactions: nothing of the topic is ever aborted. *out_next is -1 when it is not for us. */
static enum bus_status read_orders(struct adapters_board *board, struct bus_consumer *consumer, int64_t *out_next,
                                   struct bus_error *error)
{
    enum bus_status status =
        read_all(board, consumer, board->orders_topic, adapters_board_take_message, out_next, error);
    if (status != BUS_FATAL)
        return status;
    *out_next = -1;
    bus_log(BUS_LOG_WARN, "nobody can order about the feeds", "topic=%s reason=\"%s\" then=\"" WHAT_TO_DO "\"",
            board->orders_topic, error->message);
    return BUS_OK;
}

/* One consumer for both: it reads the orders that there are, the statuses, and then what is ordered from there on. */
static enum bus_status open_both(struct adapters_board *board, struct bus_error *error)
{
    const struct bus_consumer_options options = {.uncommitted = true, .prefetch_bytes = PREFETCH_BYTES};
    struct bus_consumer *consumer = NULL;
    int64_t next = -1;
    enum bus_status status = bus_consumer_open(board->options.kafka, &options, &consumer, error);
    if (status == BUS_OK)
        status = read_orders(board, consumer, &next, error);
    if (status == BUS_OK)
        status = open_feeds(board, consumer, error);
    if (status == BUS_OK && next >= 0) {
        const struct bus_partition from = {board->orders_topic, ADAPTERS_BOARD_PARTITION, next};
        status = bus_consumer_assign(consumer, &from, 1, error);
    }
    if (status == BUS_OK && next >= 0)
        board->orders = consumer;
    else
        bus_consumer_close(consumer);
    return status;
}

enum bus_status adapters_board_open(const struct adapters_board_options *options, struct adapters_board **out_board,
                                    struct bus_error *error)
{
    struct adapters_board *board = adapters_board_create(options);
    if (board == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the board of feeds: out of memory");
    bus_topic_named(options->prefix, BUS_TOPIC_FEEDS, board->feeds_topic);
    bus_topic_named(options->prefix, BUS_TOPIC_ORDERS, board->orders_topic);
    enum bus_status status = open_both(board, error);
    board->is_open = status == BUS_OK;
    if (board->is_open)
        *out_board = board;
    else
        adapters_board_close(board);
    return status;
}
