#include "gateway/resync.h"

#include <stdlib.h>

#include "bus/log.h"
#include "gateway/jobs.h"

enum {
    SCAN_FACTOR = 4, /* records read for each one that may be delivered: most of a topic may be about other items */
    SLICE_BYTES = 4 * 1024 * 1024, /* of events, which are copied; the last may stand beyond */
};

struct gateway_resync {
    struct gateway_resync_options options;
    struct gateway_jobs *jobs;
    struct bus_state_resync job; /* the one that is looked at; too large for the stack */
};

struct gateway_resync *gateway_resync_create(const struct gateway_resync_options *options)
{
    struct gateway_resync *resync = calloc(1, sizeof *resync);
    if (resync == NULL)
        return NULL;
    resync->options = *options;
    resync->jobs = gateway_jobs_create(options->catalogue, options->portfolios, options->states);
    if (resync->jobs != NULL)
        return resync;
    gateway_resync_destroy(resync);
    return NULL;
}

void gateway_resync_destroy(struct gateway_resync *resync)
{
    if (resync == NULL)
        return;
    gateway_jobs_destroy(resync->jobs);
    free(resync);
}

void gateway_resync_set_catalogue(struct gateway_resync *resync, const struct bus_catalogue *catalogue,
                                  const struct bus_portfolios *portfolios)
{
    resync->options.catalogue = catalogue;
    resync->options.portfolios = portfolios;
    gateway_jobs_set_catalogue(resync->jobs, catalogue, portfolios);
}

void gateway_resync_look_again(struct gateway_resync *resync)
{
    gateway_jobs_look_again(resync->jobs);
}

enum bus_status gateway_resync_ask(struct gateway_resync *resync, struct gateway_batch *batch, int32_t partition,
                                   const struct bus_subscriber *subscriber, const struct bus_item *item,
                                   struct bus_error *error)
{
    return gateway_jobs_ask(resync->jobs, batch, partition, subscriber, item, error);
}

/* --- markers --- */

/* One for each item of the job. An item that the catalogue has no longer, or that no grant covers, reaches nobody. */
static enum bus_status append_markers(const struct gateway_resync *resync, struct gateway_batch *batch,
                                      const struct gateway_job *job, enum bus_delivery_operation marker,
                                      struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < job->resync->item_count; i++) {
        const struct bus_item *item =
            bus_catalogue_item_by_number(resync->options.catalogue, job->resync->items[i].item);
        struct gateway_exchange *exchange;
        if (item == NULL || !gateway_jobs_covers(job->subscriber, item))
            continue;
        status = gateway_batch_append(batch, GATEWAY_CAUSE_MARKER, item, job->partition, (struct bus_bytes){NULL, 0},
                                      &exchange, error);
        if (status != BUS_OK)
            return status;
        exchange->only = job->subscriber;
        exchange->version = bus_item_current(item);
        exchange->marker = marker;
    }
    return status;
}

static void tell(const struct gateway_job *job, const char *what)
{
    bus_log(BUS_LOG_INFO, what, "partition=%d subscriber=%s items=%zu next=%lld end=%lld", job->partition,
            job->subscriber->name, job->resync->item_count, (long long)job->resync->next, (long long)job->resync->end);
}

static enum bus_status begin(const struct gateway_resync *resync, struct gateway_batch *batch, struct gateway_job *job,
                             struct bus_error *error)
{
    gateway_jobs_note_digests(resync->jobs, job);
    enum bus_status status = append_markers(resync, batch, job, BUS_DELIVERY_RESYNC_BEGIN, error);
    job->resync->phase = BUS_RESYNC_UNDER_WAY;
    job->resync->next = 0;
    job->resync->end = -1;
    if (status == BUS_OK)
        status = gateway_jobs_write(resync->jobs, batch, job, error);
    tell(job, "resync begins");
    return status;
}

static enum bus_status end(const struct gateway_resync *resync, struct gateway_batch *batch, struct gateway_job *job,
                           struct bus_error *error)
{
    enum bus_status status = append_markers(resync, batch, job, BUS_DELIVERY_RESYNC_END, error);
    if (status == BUS_OK)
        status = gateway_jobs_finish(resync->jobs, batch, job, error);
    tell(job, "resync ends");
    return status;
}

/* --- a slice --- */

/* An event of xq.state that may be current. */
struct candidate {
    struct bus_slot *slot;
    const struct bus_item *item;
    struct bus_bytes event;
    int64_t offset;
};

struct slice {
    const struct gateway_resync *resync;
    struct gateway_batch *batch;
    const struct gateway_job *job;
    struct candidate *candidates;
    size_t count, limit;
    size_t bytes; /* of events */
    bool reached_end;
    enum bus_status status;
    struct bus_error *error;
};

static enum bus_status add_candidate(struct slice *slice, struct bus_bytes key, struct bus_bytes event,
                                     const struct bus_item *item, int64_t offset)
{
    struct gateway_state *state = slice->resync->options.states->of[slice->job->partition];
    struct candidate *candidate = &slice->candidates[slice->count++];
    *candidate = (struct candidate){
        .slot = gateway_state_record(state, key.data + 1, key.data + 1 + BUS_SUBJECT_KEY_SIZE),
        .item = item,
        .event = bus_arena_copy(gateway_batch_arena(slice->batch), event),
        .offset = offset,
    };
    slice->bytes += event.length;
    return candidate->slot != NULL && candidate->event.data != NULL
               ? BUS_OK
               : bus_fail(slice->error, BUS_FATAL, "the batch's memory is used up; lower batch_records");
}

static bool take(void *self, struct bus_bytes key, struct bus_bytes value, int64_t offset)
{
    struct slice *slice = self;
    if (offset >= slice->job->resync->end) {
        slice->reached_end = true;
        return false;
    }
    if (!bus_state_is_record(key) || value.data == NULL)
        return true;
    struct bus_state_entry entry;
    struct bus_bytes event;
    slice->status = bus_state_record_read(value, &entry, &event, slice->error);
    if (slice->status != BUS_OK) {
        bus_error_prefix(slice->error, "xq.state/%d offset %lld", slice->job->partition, (long long)offset);
        slice->status = BUS_FATAL; /* what the topic holds is no event's fault */
        return false;
    }
    const struct bus_item *item = bus_catalogue_item_by_number(slice->resync->options.catalogue, entry.item);
    if (event.length == 0 || item == NULL || !bus_state_resync_has(slice->job->resync, entry.item))
        return true;
    slice->status = add_candidate(slice, key, event, item, offset);
    return slice->status == BUS_OK && slice->count < slice->limit && slice->bytes < SLICE_BYTES;
}

/* Only what is still the record's event. */
static enum bus_status append_candidate(const struct slice *slice, const struct candidate *candidate,
                                        struct bus_error *error)
{
    struct gateway_state *state = slice->resync->options.states->of[slice->job->partition];
    struct bus_state_entry entry;
    bool found;
    enum bus_status status = gateway_state_read_record(state, candidate->slot, &entry, &found, error);
    if (status != BUS_OK || !found || entry.state_offset != candidate->offset)
        return status;
    struct gateway_exchange *exchange;
    status = gateway_batch_append(slice->batch, GATEWAY_CAUSE_RESYNC, candidate->item, slice->job->partition,
                                  candidate->event, &exchange, error);
    if (status != BUS_OK)
        return status;
    const uint8_t *key = candidate->slot->key.data;
    exchange->only = slice->job->subscriber;
    exchange->record_slot = candidate->slot;
    memcpy(exchange->subject_key, key + 1, BUS_SUBJECT_KEY_SIZE);
    memcpy(exchange->record, key + 1 + BUS_SUBJECT_KEY_SIZE, BUS_IDENTITY_SIZE);
    return BUS_OK;
}

/* Reads, then asks the state about all in the order of its keys, then adds in the order of the topic. */
static enum bus_status fill_slice(struct slice *slice, int64_t *out_next, struct bus_error *error)
{
    const struct gateway_changelog *changelog = &slice->resync->options.changelog;
    const struct gateway_job *job = slice->job;
    enum bus_status status = changelog->read(changelog->self, job->partition, job->resync->next,
                                             slice->limit * SCAN_FACTOR, take, slice, out_next, error);
    if (status == BUS_OK)
        status = slice->status;
    if (status == BUS_OK)
        status = gateway_state_fetch(slice->resync->options.states->of[job->partition], error);
    for (size_t i = 0; status == BUS_OK && i < slice->count; i++)
        status = append_candidate(slice, &slice->candidates[i], error);
    return status;
}

static enum bus_status run(const struct gateway_resync *resync, struct gateway_batch *batch, struct gateway_job *job,
                           size_t limit, struct bus_error *error)
{
    struct slice slice = {
        .resync = resync,
        .batch = batch,
        .job = job,
        .candidates = bus_arena_allocate(gateway_batch_arena(batch), limit * sizeof *slice.candidates),
        .limit = limit,
        .error = error,
    };
    if (slice.candidates == NULL)
        return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_records");
    if (job->resync->end < 0)
        job->resync->end = gateway_state_changelog_next(resync->options.states->of[job->partition]);
    int64_t next = job->resync->next;
    enum bus_status status = fill_slice(&slice, &next, error);
    if (status != BUS_OK)
        return status == BUS_RETRY ? BUS_OK : status; /* it comes */
    job->resync->next = next;
    if (slice.reached_end || next >= job->resync->end)
        return end(resync, batch, job, error);
    return gateway_jobs_write(resync->jobs, batch, job, error);
}

/* --- gathering --- */

/* One job at a time: the reader goes through a partition in sequence, and starting it elsewhere costs more than a slice. */
enum bus_status gateway_resync_gather(struct gateway_resync *resync, struct gateway_batch *batch, int64_t now_ms,
                                      size_t limit, bool *out_more, struct bus_error *error)
{
    struct gateway_job job = {.resync = &resync->job};
    bool found = false;
    enum bus_status status = gateway_jobs_look(resync->jobs, batch, now_ms, error);
    if (status == BUS_OK)
        status = gateway_jobs_next(resync->jobs, &job, &found, error);
    *out_more = found;
    if (status != BUS_OK || !found)
        return status;
    return job.resync->phase == BUS_RESYNC_DUE ? begin(resync, batch, &job, error)
                                               : run(resync, batch, &job, limit, error);
}
