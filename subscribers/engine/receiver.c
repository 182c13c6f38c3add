#include "subscribers/engine/receiver.h"

#include <stdlib.h>

#include "bus/log.h"
#include "bus/stop.h"
#include "subscribers/engine/back_off.h"

struct subscribers_receiver {
    const struct subscribers_settings *settings;
    const char *topic;
    struct subscribers_catalogues *catalogues;
    const struct subscribers_sink *sink;
    void *sink_self;
    struct subscribers_memory *memory;
};

static struct subscribers_sink_context context_of(const struct subscribers_receiver *receiver)
{
    return (struct subscribers_sink_context){
        .subscriber = receiver->settings->subscriber,
        .topic = receiver->topic,
        .catalogues = receiver->catalogues,
        .settings = receiver->settings->file,
        .memory = receiver->memory,
        .kafka = &receiver->settings->kafka.kafka,
        .state_folder = receiver->settings->state_folder,
    };
}

enum bus_status subscribers_receiver_open(const struct subscribers_settings *settings, const char *topic,
                                          struct subscribers_memory *memory, struct subscribers_receiver **out_receiver,
                                          struct bus_error *error)
{
    struct subscribers_receiver *receiver = calloc(1, sizeof *receiver);
    if (receiver == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    receiver->settings = settings;
    receiver->topic = topic;
    receiver->memory = memory;
    receiver->sink = settings->sink;
    enum bus_status status =
        subscribers_catalogues_open(settings->catalogue_path, settings->subscriber, &receiver->catalogues, error);
    if (status == BUS_OK) {
        struct subscribers_sink_context context = context_of(receiver);
        status = receiver->sink->open(&context, settings->sink_group, &receiver->sink_self, error);
    }
    if (status == BUS_OK)
        *out_receiver = receiver;
    else
        subscribers_receiver_close(receiver);
    return status;
}

void subscribers_receiver_close(struct subscribers_receiver *receiver)
{
    if (receiver == NULL)
        return;
    if (receiver->sink_self != NULL)
        receiver->sink->close(receiver->sink_self);
    subscribers_catalogues_close(receiver->catalogues);
    free(receiver);
}

const struct subscribers_catalogues *subscribers_receiver_catalogues(const struct subscribers_receiver *receiver)
{
    return receiver->catalogues;
}

struct subscribers_sink_bounds subscribers_receiver_bounds(const struct subscribers_receiver *receiver)
{
    struct subscribers_sink_bounds bounds;
    receiver->sink->bounds(receiver->sink_self, &bounds);
    if (bounds.records == 0)
        bounds.records = receiver->settings->batch_records;
    if (bounds.bytes == 0)
        bounds.bytes = receiver->settings->batch_bytes;
    return bounds;
}

typedef enum bus_status attempt(struct subscribers_receiver *receiver, void *argument, struct bus_error *error);

/* Tries until the sink answers. RETRY: we were stopped. */
static enum bus_status insist(struct subscribers_receiver *receiver, attempt *try, void *argument,
                              struct bus_error *error)
{
    enum bus_status status = try(receiver, argument, error);
    struct subscribers_back_off back_off = {0};
    for (; status == BUS_RETRY && !bus_stop_requested(); status = try(receiver, argument, error)) {
        bus_log_failure(BUS_LOG_WARN, "接收端不可用，稍后重试 / receiver is away, trying again", status, error);
        subscribers_back_off_sleep(&back_off);
    }
    return status;
}

static enum bus_status try_load(struct subscribers_receiver *receiver, void *position, struct bus_error *error)
{
    return receiver->sink->load(receiver->sink_self, position, error);
}

static enum bus_status try_prepare(struct subscribers_receiver *receiver, void *nothing, struct bus_error *error)
{
    (void)nothing;
    return receiver->sink->prepare(receiver->sink_self, error);
}

enum bus_status subscribers_receiver_load(struct subscribers_receiver *receiver, struct subscribers_position *position,
                                          struct bus_error *error)
{
    return insist(receiver, try_load, position, error);
}

enum bus_status subscribers_receiver_prepare(struct subscribers_receiver *receiver, struct bus_error *error)
{
    return receiver->sink->prepare != NULL ? insist(receiver, try_prepare, NULL, error) : BUS_OK;
}

enum bus_status subscribers_receiver_find_out(struct subscribers_receiver *receiver,
                                              const struct subscribers_batch *batch, bool *out_applied,
                                              struct bus_error *error)
{
    const struct subscribers_advance *advance = &batch->advances[0];
    struct subscribers_position stored;
    subscribers_position_init(&stored, advance->position.partition);
    enum bus_status status = receiver->sink->load(receiver->sink_self, &stored, error);
    *out_applied = status == BUS_OK && stored.next == advance->position.next;
    subscribers_position_release(&stored);
    return status;
}

enum bus_status subscribers_receiver_apply(struct subscribers_receiver *receiver, struct subscribers_batch *batch,
                                           struct bus_error *error)
{
    return receiver->sink->apply(receiver->sink_self, batch, error);
}

/* ── a courier ── */

enum bus_status subscribers_receiver_send(struct subscribers_receiver *receiver, struct subscribers_batch *batch,
                                          struct bus_error *error)
{
    return receiver->sink->send(receiver->sink_self, batch, error);
}

enum bus_status subscribers_receiver_collect(struct subscribers_receiver *receiver, int timeout_ms,
                                             struct subscribers_batch **out_batch, struct bus_error *error)
{
    *out_batch = NULL;
    return receiver->sink->collect(receiver->sink_self, timeout_ms, out_batch, error);
}

void subscribers_receiver_abandon(struct subscribers_receiver *receiver, struct subscribers_batch *batch)
{
    receiver->sink->abandon(receiver->sink_self, batch);
}

enum bus_status subscribers_receiver_idle(struct subscribers_receiver *receiver, const int32_t *partitions,
                                          size_t count, struct bus_error *error)
{
    return receiver->sink->idle != NULL ? receiver->sink->idle(receiver->sink_self, partitions, count, error) : BUS_OK;
}

enum bus_status subscribers_receiver_order(struct subscribers_receiver *receiver, struct bus_bytes kind,
                                           struct bus_bytes subject, struct bus_error *error)
{
    return receiver->sink->order != NULL ? receiver->sink->order(receiver->sink_self, kind, subject, error) : BUS_OK;
}

/* ── another catalogue ── */

static enum bus_status try_renew(struct subscribers_receiver *receiver, void *context, struct bus_error *error)
{
    return receiver->sink->renew != NULL ? receiver->sink->renew(receiver->sink_self, context, error) : BUS_OK;
}

void subscribers_receiver_reload(struct subscribers_receiver *receiver)
{
    struct subscribers_sink_context context = context_of(receiver);
    struct bus_error error = {0};
    bool changed;
    enum bus_status status = subscribers_catalogues_load(receiver->catalogues, &changed, &error);
    if (changed) {
        status = insist(receiver, try_renew, &context, &error);
        subscribers_catalogues_settle(receiver->catalogues, status == BUS_OK);
    }
    const char *version = bus_catalogue_version_view(subscribers_catalogues_at(receiver->catalogues, 0));
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO,
                changed ? "目录已更新 / the catalogue is renewed" : "目录没有变化 / the catalogue is what it was",
                "version=%s", version);
    else
        bus_log_failure(BUS_LOG_ERROR, "新目录不可用，仍用原目录 / the new catalogue is not taken, the old one stays",
                        status, &error);
}
