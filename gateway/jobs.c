#include "gateway/jobs.h"

#include <stdlib.h>

#include "bus/log.h"

struct gateway_jobs {
    const struct bus_catalogue *catalogue;
    const struct bus_portfolios *portfolios;
    const struct gateway_states *states;
    int64_t looked_ms, next_look_ms; /* what the last look saw holds from the one to the other */
    uint64_t *digests;               /* [subscriber's index][item's index], as of the last look */
    size_t writes;                   /* so far */
    bool *looked;                    /* by partition: a look has found nothing more to write */
    uint64_t *may_have;              /* by partition: bit = number of a subscriber that may have a job */
    struct bus_state_resync scratch; /* too large for the stack */
};

struct gateway_jobs *gateway_jobs_create(const struct bus_catalogue *catalogue, const struct bus_portfolios *portfolios,
                                         const struct gateway_states *states)
{
    struct gateway_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL)
        return NULL;
    jobs->states = states;
    jobs->digests = calloc(BUS_CATALOGUE_MAX_SUBSCRIBERS * BUS_STATE_RESYNC_MAX_ITEMS, sizeof *jobs->digests);
    jobs->looked = calloc((size_t)states->count, sizeof *jobs->looked);
    jobs->may_have = calloc((size_t)states->count, sizeof *jobs->may_have);
    gateway_jobs_set_catalogue(jobs, catalogue, portfolios);
    if (jobs->digests != NULL && jobs->looked != NULL && jobs->may_have != NULL)
        return jobs;
    gateway_jobs_destroy(jobs);
    return NULL;
}

void gateway_jobs_destroy(struct gateway_jobs *jobs)
{
    if (jobs == NULL)
        return;
    free(jobs->digests);
    free(jobs->looked);
    free(jobs->may_have);
    free(jobs);
}

void gateway_jobs_set_catalogue(struct gateway_jobs *jobs, const struct bus_catalogue *catalogue,
                                const struct bus_portfolios *portfolios)
{
    jobs->catalogue = catalogue;
    jobs->portfolios = portfolios;
    gateway_jobs_look_again(jobs);
}

void gateway_jobs_look_again(struct gateway_jobs *jobs)
{
    jobs->next_look_ms = INT64_MIN;
}

bool gateway_jobs_covers(const struct bus_subscriber *subscriber, const struct bus_item *item)
{
    for (size_t i = 0; i < subscriber->grant_count; i++)
        if (bus_grant_covers(&subscriber->grants[i], item))
            return true;
    return false;
}

static uint64_t *digest_at(const struct gateway_jobs *jobs, size_t subscriber, size_t item)
{
    return &jobs->digests[subscriber * BUS_STATE_RESYNC_MAX_ITEMS + item];
}

/* A value that the store or topic holds but cannot be read is nobody's request. */
static enum bus_status broken(enum bus_status status, int32_t partition, struct bus_error *error)
{
    if (status != BUS_REJECT)
        return status;
    bus_error_prefix(error, "state of partition %d", partition);
    return BUS_FATAL;
}

/* --- the job of a subscriber in a partition --- */

static enum bus_status read_job(const struct gateway_jobs *jobs, struct gateway_job *job, bool *out_found,
                                struct bus_error *error)
{
    struct gateway_state *state = jobs->states->of[job->partition];
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    struct bus_bytes value = {NULL, 0};
    enum bus_status status = bus_state_resync_key(job->subscriber->name, key, &length, error);
    if (status == BUS_OK)
        status = gateway_state_place(state, bus_bytes_of(key, length), &job->slot, error);
    if (status == BUS_OK)
        status = gateway_state_read_place(state, job->slot, &value, error);
    *out_found = value.data != NULL;
    if (status == BUS_OK && *out_found)
        status = bus_state_resync_read(value, job->resync, error);
    return broken(status, job->partition, error);
}

enum bus_status gateway_jobs_write(struct gateway_jobs *jobs, struct gateway_batch *batch,
                                   const struct gateway_job *job, struct bus_error *error)
{
    uint8_t value[BUS_STATE_RESYNC_SIZE];
    size_t size = bus_state_resync_write(job->resync, value);
    gateway_batch_touch(batch, job->partition);
    jobs->writes++;
    return gateway_state_write_place(jobs->states->of[job->partition], job->slot, bus_bytes_of(value, size), error);
}

/* A job under way begins anew, since what was read already was read without this item, or by other grants. */
static void add_item(struct bus_state_resync *resync, const struct bus_item *item)
{
    resync->phase = BUS_RESYNC_DUE;
    resync->next = 0;
    resync->end = -1;
    if (!bus_state_resync_has(resync, (uint16_t)item->number) && resync->item_count < BUS_STATE_RESYNC_MAX_ITEMS)
        resync->items[resync->item_count++] = (struct bus_state_resync_item){(uint16_t)item->number, 0};
}

static enum bus_status write_due(struct gateway_jobs *jobs, struct gateway_batch *batch, const struct gateway_job *job,
                                 struct bus_error *error)
{
    jobs->may_have[job->partition] |= (uint64_t)1 << job->subscriber->number;
    return gateway_jobs_write(jobs, batch, job, error);
}

/* --- what was served last --- */

static enum bus_status find_grants(const struct gateway_jobs *jobs, const struct gateway_job *job, uint16_t item,
                                   struct bus_slot **out_slot, struct bus_error *error)
{
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    enum bus_status status = bus_state_grants_key(job->subscriber->name, item, key, &length, error);
    if (status == BUS_OK)
        status = gateway_state_place(jobs->states->of[job->partition], bus_bytes_of(key, length), out_slot, error);
    return broken(status, job->partition, error);
}

static enum bus_status read_grants(const struct gateway_jobs *jobs, const struct gateway_job *job,
                                   struct bus_slot *slot, uint64_t *out_digest, struct bus_error *error)
{
    struct bus_bytes value;
    *out_digest = 0; /* never served: as if no grant had been in force */
    enum bus_status status = gateway_state_read_place(jobs->states->of[job->partition], slot, &value, error);
    if (status == BUS_OK && value.data != NULL)
        status = bus_state_grants_read(value, out_digest, error);
    return broken(status, job->partition, error);
}

static enum bus_status write_grants(struct gateway_jobs *jobs, struct gateway_batch *batch,
                                    const struct gateway_job *job, struct bus_slot *slot, uint64_t digest,
                                    struct bus_error *error)
{
    uint8_t value[BUS_STATE_GRANTS_SIZE];
    bus_state_grants_write(digest, value);
    gateway_batch_touch(batch, job->partition);
    jobs->writes++;
    return gateway_state_write_place(jobs->states->of[job->partition], slot, bus_bytes_of(value, sizeof value), error);
}

enum bus_status gateway_jobs_finish(struct gateway_jobs *jobs, struct gateway_batch *batch,
                                    const struct gateway_job *job, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < job->resync->item_count; i++) {
        const struct bus_state_resync_item *item = &job->resync->items[i];
        struct bus_slot *slot;
        status = find_grants(jobs, job, item->item, &slot, error);
        if (status == BUS_OK)
            status = write_grants(jobs, batch, job, slot, item->digest, error);
    }
    gateway_batch_touch(batch, job->partition);
    return status == BUS_OK ? gateway_state_write_place(jobs->states->of[job->partition], job->slot,
                                                        (struct bus_bytes){NULL, 0}, error)
                            : status;
}

/* --- looking --- */

static void find_digests(struct gateway_jobs *jobs)
{
    for (size_t s = 0; s < bus_catalogue_subscriber_count(jobs->catalogue); s++)
        for (size_t i = 0; i < bus_catalogue_item_count(jobs->catalogue); i++)
            *digest_at(jobs, s, i) =
                bus_entitlement_digest(jobs->catalogue, jobs->portfolios, bus_catalogue_subscriber(jobs->catalogue, s),
                                       bus_catalogue_item(jobs->catalogue, i), jobs->looked_ms);
}

/* The digest by which the job will have served the item when it ends. */
static bool job_serves(const struct bus_state_resync *resync, uint16_t item, uint64_t digest)
{
    for (size_t i = 0; i < resync->item_count; i++)
        if (resync->items[i].item == item)
            return resync->phase == BUS_RESYNC_DUE || resync->items[i].digest == digest;
    return false;
}

/* Where no record is, everyone has been served. */
static enum bus_status look_at_item(struct gateway_jobs *jobs, struct gateway_batch *batch, struct gateway_job *job,
                                    const struct bus_item *item, uint64_t digest, bool *out_due,
                                    struct bus_error *error)
{
    struct bus_slot *slot;
    uint64_t served;
    uint16_t number = (uint16_t)item->number;
    *out_due = false;
    enum bus_status status = find_grants(jobs, job, number, &slot, error);
    if (status == BUS_OK)
        status = read_grants(jobs, job, slot, &served, error);
    if (status != BUS_OK)
        return status;
    bool is_in_job = bus_state_resync_has(job->resync, number);
    if (is_in_job ? job_serves(job->resync, number, digest) : served == digest)
        return BUS_OK;
    if (gateway_state_changelog_next(jobs->states->of[job->partition]) == 0)
        return write_grants(jobs, batch, job, slot, digest, error);
    *out_due = true;
    return BUS_OK;
}

static enum bus_status look_at_subscriber(struct gateway_jobs *jobs, struct gateway_batch *batch, int32_t partition,
                                          size_t index, struct bus_error *error)
{
    struct gateway_job job = {
        .partition = partition,
        .subscriber = bus_catalogue_subscriber(jobs->catalogue, index),
        .resync = &jobs->scratch,
    };
    bool found, due = false;
    jobs->scratch.item_count = 0;
    enum bus_status status = read_job(jobs, &job, &found, error);
    if (found)
        jobs->may_have[partition] |= (uint64_t)1 << job.subscriber->number;
    for (size_t i = 0; status == BUS_OK && i < bus_catalogue_item_count(jobs->catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(jobs->catalogue, i);
        bool item_due = false;
        if (gateway_jobs_covers(job.subscriber, item))
            status = look_at_item(jobs, batch, &job, item, *digest_at(jobs, index, i), &item_due, error);
        if (item_due)
            add_item(job.resync, item);
        due = due || item_due;
    }
    return status == BUS_OK && due ? write_due(jobs, batch, &job, error) : status;
}

/* A partition counts as looked at when a look wrote nothing: one that wrote may be discarded with its batch. */
static enum bus_status look_at_partition(struct gateway_jobs *jobs, struct gateway_batch *batch, int32_t partition,
                                         struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    size_t writes = jobs->writes;
    for (size_t i = 0; status == BUS_OK && i < bus_catalogue_subscriber_count(jobs->catalogue); i++)
        status = look_at_subscriber(jobs, batch, partition, i, error);
    jobs->looked[partition] = jobs->writes == writes;
    return status;
}

enum bus_status gateway_jobs_look(struct gateway_jobs *jobs, struct gateway_batch *batch, int64_t now_ms,
                                  struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (now_ms < jobs->looked_ms || now_ms >= jobs->next_look_ms) {
        jobs->looked_ms = now_ms;
        jobs->next_look_ms = bus_entitlement_next_change_ms(jobs->catalogue, now_ms);
        find_digests(jobs);
        memset(jobs->looked, 0, (size_t)jobs->states->count * sizeof *jobs->looked);
    }
    for (int32_t i = 0; status == BUS_OK && i < jobs->states->count; i++)
        if (jobs->states->of[i] != NULL && !jobs->looked[i])
            status = look_at_partition(jobs, batch, i, error);
    return status;
}

enum bus_status gateway_jobs_ask(struct gateway_jobs *jobs, struct gateway_batch *batch, int32_t partition,
                                 const struct bus_subscriber *subscriber, const struct bus_item *item,
                                 struct bus_error *error)
{
    struct gateway_job job = {.partition = partition, .subscriber = subscriber, .resync = &jobs->scratch};
    bool found;
    jobs->scratch.item_count = 0;
    enum bus_status status = read_job(jobs, &job, &found, error);
    if (status != BUS_OK)
        return status;
    size_t asked = 0;
    for (size_t i = 0; i < bus_catalogue_item_count(jobs->catalogue); i++) {
        const struct bus_item *each = bus_catalogue_item(jobs->catalogue, i);
        if ((item != NULL && item != each) || !gateway_jobs_covers(subscriber, each))
            continue;
        add_item(job.resync, each);
        asked++;
    }
    if (asked == 0)
        return bus_reject(error, "REQUEST_NO_GRANT", "该接收方没有涉及该目录项的授权",
                          "no grant of the subscriber covers the item");
    return write_due(jobs, batch, &job, error);
}

/* --- going on --- */

static const struct bus_subscriber *subscriber_by_number(const struct bus_catalogue *catalogue, int number)
{
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++)
        if (bus_catalogue_subscriber(catalogue, i)->number == number)
            return bus_catalogue_subscriber(catalogue, i);
    return NULL;
}

enum bus_status gateway_jobs_next(struct gateway_jobs *jobs, struct gateway_job *out_job, bool *out_found,
                                  struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    *out_found = false;
    for (int32_t i = 0; status == BUS_OK && !*out_found && i < jobs->states->count; i++)
        while (jobs->states->of[i] != NULL && jobs->may_have[i] != 0) {
            int number = __builtin_ctzll(jobs->may_have[i]);
            out_job->partition = i;
            out_job->subscriber = subscriber_by_number(jobs->catalogue, number);
            if (out_job->subscriber != NULL)
                status = read_job(jobs, out_job, out_found, error);
            if (status != BUS_OK || *out_found)
                break;
            jobs->may_have[i] &= ~((uint64_t)1 << number);
        }
    return status;
}

static uint64_t digest_of(const struct gateway_jobs *jobs, size_t subscriber, uint16_t item)
{
    for (size_t i = 0; i < bus_catalogue_item_count(jobs->catalogue); i++)
        if (bus_catalogue_item(jobs->catalogue, i)->number == item)
            return *digest_at(jobs, subscriber, i);
    return 0;
}

void gateway_jobs_note_digests(const struct gateway_jobs *jobs, struct gateway_job *job)
{
    size_t subscriber = 0;
    while (bus_catalogue_subscriber(jobs->catalogue, subscriber) != job->subscriber)
        subscriber++;
    for (size_t i = 0; i < job->resync->item_count; i++)
        job->resync->items[i].digest = digest_of(jobs, subscriber, job->resync->items[i].item);
}
