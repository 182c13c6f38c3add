#include "subscribers/serve/proofs.h"

#include "bus/clock.h"
#include "bus/log.h"
#include "bus/prove.h"

/* Why a record has no proof, in its answer. */
static const char missing_number[] = "TOO_MANY", missing_time[] = "TIME_OVER", missing_log[] = "NOT_IN_LOG",
                  missing_other[] = "LOG_DIFFERS", missing_room[] = "TOO_LARGE";

struct search {
    const struct serve_settings *settings;
    char topic[BUS_TOPIC_SIZE];
    struct bus_prover *prover; /* of the partition at hand */
    int32_t partition;
    int64_t deadline_ms;
    struct bus_buffer text;
    struct bus_arena *arena;
};

/* A subject's records lie in one partition, but for those of days when it had another identifier. */
static enum bus_status open_partition(struct search *search, int32_t partition, struct bus_error *error)
{
    if (search->prover != NULL && search->partition == partition)
        return BUS_OK;
    bus_prover_close(search->prover);
    search->prover = NULL;
    search->partition = partition;
    return bus_prover_open(&search->settings->agent->kafka.kafka, search->topic, partition, &search->prover, error);
}

static bool is_of(const struct bus_proof *proof, const struct serve_record *record)
{
    uint8_t identity[BUS_IDENTITY_SIZE];
    return bus_unhex(record->fixed[POSTGRESQL_RECORD], identity, sizeof identity) &&
           bus_bytes_equal(bus_buffer_view(&proof->key), bus_bytes_of(identity, sizeof identity));
}

static void keep(struct search *search, const struct bus_proof *proof, struct serve_record *record)
{
    bus_buffer_reset(&search->text);
    bus_proof_write(proof, &search->text);
    record->proof =
        search->text.failed ? bus_bytes_of(NULL, 0) : bus_arena_copy(search->arena, bus_buffer_view(&search->text));
    if (record->proof.length == 0)
        record->proof_missing = missing_room;
}

/* RETRY: Kafka is away. */
static enum bus_status find_one(struct search *search, struct serve_record *record, struct bus_error *error)
{
    struct bus_proof proof;
    enum bus_status status = open_partition(search, record->partition, error);
    if (status != BUS_OK)
        return status;
    bus_proof_init(&proof);
    status = bus_prover_find(search->prover, record->leaf, search->deadline_ms, &proof, error);
    if (status == BUS_OK)
        status = bus_proof_check(&proof, search->settings->agent->keys_folder, error);
    if (status == BUS_REJECT)
        record->proof_missing = missing_log;
    else if (status == BUS_OK && !is_of(&proof, record))
        record->proof_missing = missing_other;
    else if (status == BUS_OK)
        keep(search, &proof, record);
    bus_proof_release(&proof);
    return status == BUS_REJECT ? BUS_OK : status;
}

static void leave_rest(struct serve_holding *holding, size_t from, const char *why)
{
    for (size_t i = from; i < holding->count; i++)
        holding->records[i].proof_missing = why;
}

static enum serve_proofs outcome_of(const struct serve_holding *holding)
{
    for (size_t i = 0; i < holding->count; i++)
        if (holding->records[i].proof.length == 0)
            return SERVE_PROOFS_PARTIAL;
    return SERVE_PROOFS_COMPLETE;
}

enum serve_proofs serve_proofs_find(const struct serve_settings *settings, struct serve_holding *holding,
                                    struct bus_arena *arena, struct bus_error *out_reason)
{
    struct search search = {.settings = settings, .arena = arena};
    search.deadline_ms = bus_clock_monotonic_ms() + settings->proofs_ms;
    bus_topic_out(settings->agent->kafka.prefix, settings->agent->subscriber, search.topic);
    bus_buffer_init(&search.text, BUS_PROOF_MAX_SIZE);
    enum bus_status status = BUS_OK;
    size_t at = 0;
    for (; status == BUS_OK && at < holding->count && at < settings->max_proofs; at++)
        status = find_one(&search, &holding->records[at], out_reason);
    bool is_late = bus_clock_monotonic_ms() >= search.deadline_ms;
    if (status != BUS_OK)
        leave_rest(holding, at - 1, missing_time);
    else
        leave_rest(holding, at, missing_number);
    bus_prover_close(search.prover);
    bus_buffer_release(&search.text);
    if (status != BUS_OK && (!is_late || at == 1)) {
        leave_rest(holding, 0, NULL);
        bus_log_failure(BUS_LOG_INFO, "proofs cannot be found now", status, out_reason);
        return SERVE_PROOFS_UNAVAILABLE;
    }
    return outcome_of(holding);
}
