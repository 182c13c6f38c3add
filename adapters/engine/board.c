#include "adapters/engine/board.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/board_private.h"
#include "bus/log.h"

enum {
    STATUS_LIMIT = 64 * 1024,
    POLL_ORDERS = 100, /* orders taken in one poll */
};

/* --- the feeds --- */

static void set_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

#define SET(array, text) set_text(array, sizeof(array), text)

/* What the mapping and the configuration say of a feed, whatever was told of it before. */
static void describe(const struct adapters_board *board, struct adapters_board_feed *feed,
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
    status->is_full_list = delivery->is_full_list;
    status->is_paused = feed->is_paused;
    feed->is_changed = true;
}

void adapters_board_describe(struct adapters_board *board)
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
    adapters_board_describe(board);
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

struct adapters_board_feed *adapters_board_find(struct adapters_board *board, struct bus_bytes name)
{
    for (size_t i = 0; i < board->count; i++)
        if (bus_bytes_equal_text(name, board->feeds[i].name))
            return &board->feeds[i];
    return NULL;
}

/* --- orders --- */

static void pause_feed(const struct adapters_board *board, struct adapters_board_feed *feed, bool is_paused)
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
    struct adapters_board_feed *feed = adapters_board_find(board, order->feed);
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

void adapters_board_take_message(struct adapters_board *board, const struct bus_message *message)
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
            adapters_board_take_message(board, &message);
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
    const struct adapters_board_feed *of = &board->feeds[feed];
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

/* On one line, as a library's message may not be. */
static void set_line(char to[BUS_FEED_TEXT_SIZE], const char *text)
{
    set_text(to, BUS_FEED_TEXT_SIZE, text);
    for (char *at = to; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
}

void adapters_board_trouble(struct adapters_board *board, size_t feed, const char *zh, const char *en)
{
    struct adapters_board_feed *of = &board->feeds[feed];
    char line[BUS_FEED_TEXT_SIZE];
    set_line(line, en);
    if (strcmp(of->now.trouble_en, line) == 0)
        return;
    set_line(of->now.trouble_zh, zh);
    SET(of->now.trouble_en, line);
    of->is_changed = true;
}

bool adapters_board_is_changed(const struct adapters_board *board)
{
    for (size_t i = 0; i < board->count; i++)
        if (board->feeds[i].is_changed)
            return true;
    return false;
}

void adapters_board_key(const struct adapters_board *board, const char *feed, char out_key[ADAPTERS_BOARD_KEY_SIZE])
{
    snprintf(out_key, ADAPTERS_BOARD_KEY_SIZE, "%s/%s", board->options.adapter, feed);
}

/* The status as a record; it borrows `key` and the board's buffer. */
enum bus_status adapters_board_record(struct adapters_board *board, struct adapters_board_feed *feed,
                                      char key[ADAPTERS_BOARD_KEY_SIZE], struct bus_record *out_record,
                                      struct bus_error *error)
{
    adapters_board_key(board, feed->name, key);
    feed->now.at_ms = bus_clock_now_ms(&board->options.clock);
    bus_buffer_reset(&board->buffer);
    enum bus_status status = bus_feed_status_encode(&feed->now, &board->buffer, error);
    *out_record = (struct bus_record){
        .topic = board->feeds_topic,
        .partition = ADAPTERS_BOARD_PARTITION,
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
        char key[ADAPTERS_BOARD_KEY_SIZE];
        struct bus_record record;
        if (!board->feeds[i].is_changed)
            continue;
        status = adapters_board_record(board, &board->feeds[i], key, &record, error);
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
static void forget_feed(struct adapters_board_feed *feed)
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
