#include "subscribers/engine/orders.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "bus/stop.h"
#include "subscribers/engine/back_off.h"

enum { POLL_MS = 100, PREFETCH_BYTES = 1024 * 1024 };

static void copy(struct bus_bytes text, char out_text[SUBSCRIBERS_SKIP_REASON_SIZE])
{
    size_t length = text.length < SUBSCRIBERS_SKIP_REASON_SIZE - 1 ? text.length : SUBSCRIBERS_SKIP_REASON_SIZE - 1;
    while (length > 0 && length < text.length && (text.data[length] & 0xC0) == 0x80)
        length--;
    if (length > 0)
        memcpy(out_text, text.data, length);
    out_text[length] = '\0';
}

const char *subscribers_orders_skip_reason(const struct subscribers_orders *orders, int32_t partition, uint64_t leaf)
{
    for (size_t i = 0; i < orders->skip_count; i++)
        if (orders->skips[i].partition == partition && orders->skips[i].leaf == leaf)
            return orders->skips[i].reason;
    return NULL;
}

static enum bus_status add_skip(struct subscribers_orders *orders, const struct bus_agent_order *order,
                                struct bus_error *error)
{
    if (orders->skip_count == SUBSCRIBERS_MAX_SKIPS)
        return bus_fail(error, BUS_FATAL, "more than %d deliveries were ordered to be skipped", SUBSCRIBERS_MAX_SKIPS);
    if (orders->skip_count == orders->skip_capacity) {
        size_t capacity = orders->skip_capacity == 0 ? 16 : 2 * orders->skip_capacity;
        struct subscribers_skip *skips = realloc(orders->skips, capacity * sizeof *skips);
        if (skips == NULL)
            return bus_fail(error, BUS_FATAL, "out of memory");
        orders->skips = skips;
        orders->skip_capacity = capacity;
    }
    struct subscribers_skip *skip = &orders->skips[orders->skip_count++];
    skip->partition = order->partition;
    skip->leaf = (uint64_t)order->leaf;
    copy(order->reason, skip->reason);
    return BUS_OK;
}

static enum bus_status obey(struct subscribers_orders *orders, const struct bus_agent_order *order,
                            struct bus_error *error)
{
    if (orders->is_caught_up)
        bus_log(BUS_LOG_INFO, "收到指令 / an order came", "order=%s partition=%d leaf=%lld",
                bus_agent_order_name(order->kind), (int)order->partition, (long long)order->leaf);
    switch (order->kind) {
    case BUS_AGENT_PAUSE:
        orders->is_paused = true;
        orders->paused_since_ms = order->at_ms;
        copy(order->reason, orders->pause_reason);
        return BUS_OK;
    case BUS_AGENT_RESUME: orders->is_paused = false; return BUS_OK;
    case BUS_AGENT_SKIP: return add_skip(orders, order, error);
    case BUS_AGENT_RESEND: /* one of the past was obeyed, or its agent says what it still misses */
        return orders->is_caught_up && orders->on_resend != NULL
                   ? orders->on_resend(orders->self, order->subject, error)
                   : BUS_OK;
    case BUS_AGENT_ORDER_COUNT: break;
    }
    return BUS_OK;
}

/* Status stands in the same partition, under other keys. */
static enum bus_status take(struct subscribers_orders *orders, const struct bus_message *message,
                            struct bus_error *error)
{
    struct bus_agent_order order;
    if (message->key.length == 0 || message->key.data[0] != 'O' || message->value.data == NULL)
        return BUS_OK;
    enum bus_status status = bus_agent_order_decode(message->value, &order, error);
    if (status == BUS_OK)
        return obey(orders, &order, error);
    bus_log(BUS_LOG_WARN, "指令无法读取 / an order cannot be read", "partition=%d offset=%lld code=%s",
            (int)message->partition, (long long)message->offset, error->code);
    return BUS_OK;
}

/* One record or none; *out_ended: there is no more for now. */
static enum bus_status read_one(struct subscribers_orders *orders, int timeout_ms, bool *out_came, bool *out_ended,
                                struct bus_error *error)
{
    struct bus_message message;
    *out_came = *out_ended = false;
    enum bus_status status = bus_consumer_poll(orders->consumer, timeout_ms, &message, error);
    if (status != BUS_OK)
        return status;
    *out_came = message.handle != NULL;
    *out_ended = message.handle == NULL && message.partition >= 0;
    if (*out_came)
        status = take(orders, &message, error);
    bus_message_release(&message);
    return status;
}

static enum bus_status find_topic(struct subscribers_orders *orders, const char *topic, struct bus_error *error)
{
    enum bus_status status;
    struct subscribers_back_off back_off = {0};
    while ((status = bus_consumer_find(orders->consumer, topic, error)) != BUS_OK && !bus_stop_requested()) {
        bus_error_prefix(error, "xinqiao topics create makes it");
        bus_log_failure(BUS_LOG_WARN, "等待主题 / waiting for the topic", status, error);
        subscribers_back_off_sleep(&back_off);
    }
    return status;
}

static enum bus_status catch_up(struct subscribers_orders *orders, struct bus_error *error)
{
    bool came, ended = false;
    while (!ended && !bus_stop_requested()) {
        enum bus_status status = read_one(orders, POLL_MS, &came, &ended, error);
        if (status == BUS_FATAL)
            return status;
    }
    orders->is_caught_up = ended;
    return ended ? BUS_OK : bus_fail(error, BUS_RETRY, "stopped");
}

enum bus_status subscribers_orders_open(struct subscribers_orders *orders, const struct subscribers_settings *settings,
                                        struct bus_error *error)
{
    struct bus_consumer_options options = {.prefetch_bytes = PREFETCH_BYTES};
    char topic[BUS_AGENT_TOPIC_SIZE];
    orders->settings = settings;
    bus_topic_agent(settings->kafka.prefix, settings->subscriber, topic);
    struct bus_partition start = {topic, settings->partitions, BUS_OFFSET_BEGINNING};
    enum bus_status status = bus_consumer_open(&settings->kafka.kafka, &options, &orders->consumer, error);
    if (status == BUS_OK)
        status = find_topic(orders, topic, error);
    if (status == BUS_OK)
        status = bus_consumer_assign(orders->consumer, &start, 1, error);
    return status == BUS_OK ? catch_up(orders, error) : status;
}

void subscribers_orders_close(struct subscribers_orders *orders)
{
    bus_consumer_close(orders->consumer);
    free(orders->skips);
    *orders = (struct subscribers_orders){0};
}

enum bus_status subscribers_orders_poll(struct subscribers_orders *orders, struct bus_error *error)
{
    bool came, ended;
    enum bus_status status;
    do {
        status = read_one(orders, 0, &came, &ended, error);
    } while (status == BUS_OK && came);
    return status == BUS_RETRY ? BUS_OK : status;
}
