#include "subscribers/serve/proofs.h"

#include <stdlib.h>

#include "bus/clock.h"
#include "bus/log.h"
#include "bus/prove.h"

/* Why a record has no proof, in its answer. */
static const char missing_number[] = "TOO_MANY", missing_time[] = "TIME_OVER", missing_log[] = "NOT_IN_LOG",
                  missing_other[] = "LOG_DIFFERS", missing_room[] = "TOO_LARGE";

struct search {
    const struct serve_settings *settings;
    struct serve_holding *holding;
    struct bus_arena *arena;
    char topic[BUS_TOPIC_SIZE];
    int64_t deadline_ms;
    /* Of as many records as proofs are looked for: by partition and leaf. */
    size_t count;
    struct serve_record **records;
    struct bus_proof *proofs;
    enum bus_status *statuses;
    struct bus_prover_wish *wishes;
    struct bus_buffer text;
};

static int compare_places(const void *left, const void *right)
{
    const struct serve_record *a = *(struct serve_record *const *)left, *b = *(struct serve_record *const *)right;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return a->leaf < b->leaf ? -1 : a->leaf > b->leaf;
}

static bool make_wishes(struct search *search)
{
    size_t count = search->count + 1;
    search->records = bus_arena_allocate(search->arena, count * sizeof(struct serve_record *));
    search->statuses = bus_arena_allocate(search->arena, count * sizeof *search->statuses);
    search->wishes = bus_arena_allocate(search->arena, count * sizeof *search->wishes);
    search->proofs = calloc(count, sizeof *search->proofs);
    if (search->records == NULL || search->statuses == NULL || search->wishes == NULL || search->proofs == NULL)
        return false;
    for (size_t i = 0; i < search->count; i++)
        search->records[i] = &search->holding->records[i];
    qsort(search->records, search->count, sizeof(struct serve_record *), compare_places);
    for (size_t i = 0; i < search->count; i++) {
        bus_proof_init(&search->proofs[i]);
        search->statuses[i] = BUS_RETRY;
        search->wishes[i] =
            (struct bus_prover_wish){search->records[i]->leaf, &search->proofs[i], &search->statuses[i]};
    }
    return true;
}

static void release(struct search *search)
{
    for (size_t i = 0; search->proofs != NULL && i < search->count; i++)
        bus_proof_release(&search->proofs[i]);
    free(search->proofs);
    bus_buffer_release(&search->text);
}

/* --- looking --- */

static enum bus_status look_in_partition(struct search *search, size_t from, size_t to, struct bus_error *error)
{
    struct bus_prover *prover = NULL;
    enum bus_status status = bus_prover_open(&search->settings->agent->kafka.kafka, search->topic,
                                             search->records[from]->partition, &prover, error);
    if (status == BUS_OK)
        status = bus_prover_find_all(prover, search->wishes + from, to - from, search->deadline_ms, error);
    bus_prover_close(prover);
    return status;
}

/* A subject's records lie in one partition, but for those of days when it had another identifier. */
static enum bus_status look(struct search *search, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t from = 0, to; status == BUS_OK && from < search->count; from = to) {
        to = from;
        while (to < search->count && search->records[to]->partition == search->records[from]->partition)
            to++;
        status = look_in_partition(search, from, to, error);
    }
    return status;
}

/* --- keeping --- */

static bool is_of(const struct bus_proof *proof, const struct serve_record *record)
{
    uint8_t identity[BUS_IDENTITY_SIZE];
    return bus_unhex(record->fixed[POSTGRESQL_RECORD], identity, sizeof identity) &&
           bus_bytes_equal(bus_buffer_view(&proof->key), bus_bytes_of(identity, sizeof identity));
}

static const char *keep(struct search *search, const struct bus_proof *proof, struct serve_record *record)
{
    struct bus_error error;
    if (bus_proof_check(proof, search->settings->agent->keys_folder, &error) != BUS_OK) {
        bus_log_failure(BUS_LOG_ERROR, "a proof for a check is not good", BUS_REJECT, &error);
        return missing_log;
    }
    if (!is_of(proof, record))
        return missing_other;
    bus_buffer_reset(&search->text);
    bus_proof_write(proof, &search->text);
    if (!search->text.failed)
        record->proof = bus_arena_copy(search->arena, bus_buffer_view(&search->text));
    return record->proof.length > 0 ? NULL : missing_room;
}

/* How many are there. */
static size_t keep_all(struct search *search)
{
    size_t kept = 0;
    for (size_t i = 0; i < search->holding->count; i++)
        search->holding->records[i].proof_missing = missing_number;
    for (size_t i = 0; i < search->count; i++) {
        struct serve_record *record = search->records[i];
        switch (search->statuses[i]) {
        case BUS_OK: record->proof_missing = keep(search, &search->proofs[i], record); break;
        case BUS_REJECT: record->proof_missing = missing_log; break;
        default: record->proof_missing = missing_time;
        }
        kept += record->proof_missing == NULL;
    }
    return kept;
}

enum serve_proofs serve_proofs_find(const struct serve_settings *settings, struct serve_holding *holding,
                                    struct bus_arena *arena, struct bus_error *out_reason)
{
    struct search search = {.settings = settings, .holding = holding, .arena = arena};
    search.count = holding->count < settings->max_proofs ? holding->count : settings->max_proofs;
    search.deadline_ms = bus_clock_monotonic_ms() + settings->proofs_ms;
    bus_topic_out(settings->agent->kafka.prefix, settings->agent->subscriber, search.topic);
    bus_buffer_init(&search.text, BUS_PROOF_MAX_SIZE);
    enum bus_status status = make_wishes(&search)
                                 ? look(&search, out_reason)
                                 : bus_fail(out_reason, BUS_FATAL, "an answer takes more memory than it may");
    size_t kept = status == BUS_FATAL ? 0 : keep_all(&search);
    release(&search);
    if (status == BUS_OK || kept > 0)
        return kept == holding->count ? SERVE_PROOFS_COMPLETE : SERVE_PROOFS_PARTIAL;
    for (size_t i = 0; i < holding->count; i++)
        holding->records[i].proof_missing = NULL;
    bus_log_failure(BUS_LOG_INFO, "proofs cannot be found now", status, out_reason);
    return SERVE_PROOFS_UNAVAILABLE;
}
