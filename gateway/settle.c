#include "gateway/settle.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/topics.h"
#include "gateway/disclosures.h"
#include "gateway/refusals.h"
#include "gateway/state/ledger.h"

struct gateway_settle {
    struct gateway_settle_options options;
    char state_topic[BUS_TOPIC_SIZE], books_topic[BUS_TOPIC_SIZE];
    struct gateway_refusals refusals;
    struct gateway_disclosures *disclosures;
};

struct gateway_settle *gateway_settle_create(const struct gateway_settle_options *options)
{
    struct gateway_settle *settle = calloc(1, sizeof *settle);
    if (settle == NULL)
        return NULL;
    settle->options = *options;
    bus_topic_named(options->prefix, BUS_TOPIC_STATE, settle->state_topic);
    bus_topic_named(options->prefix, BUS_TOPIC_BOOKS, settle->books_topic);
    gateway_refusals_init(&settle->refusals, &settle->options.outlet, options->prefix);
    settle->disclosures = gateway_disclosures_create(&settle->options.outlet, options->prefix, options->states);
    if (settle->disclosures != NULL)
        return settle;
    gateway_settle_destroy(settle);
    return NULL;
}

void gateway_settle_destroy(struct gateway_settle *settle)
{
    if (settle == NULL)
        return;
    gateway_refusals_release(&settle->refusals);
    gateway_disclosures_destroy(settle->disclosures);
    free(settle);
}

static enum bus_status produce(struct gateway_settle *settle, const struct bus_record *record, struct bus_error *error)
{
    return settle->options.outlet.produce(settle->options.outlet.self, record, error);
}

static enum bus_status fail_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_bytes");
}

/* --- deliveries --- */

static enum bus_status produce_delivery(struct gateway_settle *settle, const struct gateway_output *output,
                                        size_t index, struct bus_bytes seal, struct bus_error *error)
{
    uint8_t leaf[8];
    gateway_seal_leaf_header(output->deliveries[index]->leaf, leaf);
    const struct bus_header headers[] = {
        {BUS_LEAF_HEADER, bus_bytes_of(leaf, sizeof leaf)},
        {BUS_SEAL_HEADER, seal},
    };
    struct bus_record record = {
        .topic = output->topic,
        .partition = output->partition,
        .key = output->keys[index],
        .value = output->values[index],
        .headers = headers,
        .header_count = seal.data != NULL ? 2 : 1,
        .borrowed = true,
    };
    return produce(settle, &record, error);
}

/* Which log each output is, and from which leaf on it grows. */
static enum bus_status find_logs(struct gateway_settle *settle, struct gateway_output *outputs, size_t count,
                                 struct gateway_seal_log *logs, struct bus_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct gateway_output *output = &outputs[i];
        logs[i] = (struct gateway_seal_log){
            .name = output->log, .keys = output->keys, .values = output->values, .count = output->count};
        enum bus_status status =
            gateway_state_log(settle->options.states->of[output->partition], output->log, &logs[i].log, error);
        if (status != BUS_OK)
            return status;
        for (size_t j = 0; j < output->count; j++)
            output->deliveries[j]->leaf = logs[i].log->size + j;
    }
    return BUS_OK;
}

static enum bus_status produce_unsealed(struct gateway_settle *settle, const struct gateway_output *outputs,
                                        size_t count, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; status == BUS_OK && j + 1 < outputs[i].count; j++)
            status = produce_delivery(settle, &outputs[i], j, (struct bus_bytes){NULL, 0}, error);
    return status;
}

static enum bus_status produce_sealed(struct gateway_settle *settle, const struct gateway_output *outputs,
                                      const struct gateway_seal_log *logs, size_t count, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = produce_delivery(settle, &outputs[i], outputs[i].count - 1, logs[i].seal, error);
    return status;
}

/* Audit needs the leaves' numbers and deliveries need the seal; hashing goes on while the first records are on their way. */
static enum bus_status settle_outputs(struct gateway_settle *settle, struct gateway_batch *batch, int64_t now_ms,
                                      struct bus_error *error)
{
    struct gateway_output *outputs;
    size_t count;
    enum bus_status status = gateway_batch_outputs(batch, &outputs, &count, error);
    if (status != BUS_OK)
        return status;
    struct bus_arena *arena = gateway_batch_arena(batch);
    struct gateway_seal_log *logs = bus_arena_allocate(arena, count * sizeof *logs);
    if (logs == NULL)
        return fail_memory(error);
    status = find_logs(settle, outputs, count, logs, error);
    if (status == BUS_OK)
        status = gateway_disclosures_produce(settle->disclosures, batch, error);
    if (status == BUS_OK)
        status = produce_unsealed(settle, outputs, count, error);
    gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_SETTLE);
    if (status == BUS_OK)
        status = gateway_seal_batch(settle->options.sealer, logs, count, now_ms, arena, error);
    gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_SEAL);
    if (status == BUS_OK)
        status = produce_sealed(settle, outputs, logs, count, error);
    return status == BUS_OK ? gateway_disclosures_finish(settle->disclosures, batch, error) : status;
}

/* --- state and books --- */

/* Entry and event in one piece. */
static enum bus_status join_value(struct bus_arena *arena, const struct bus_slot *slot, struct bus_bytes *out_value,
                                  struct bus_error *error)
{
    *out_value = bus_bytes_of(slot->value, slot->value_length);
    if (slot->value == NULL || slot->payload.length == 0)
        return BUS_OK;
    uint8_t *joined = bus_arena_allocate(arena, slot->value_length + slot->payload.length);
    if (joined == NULL)
        return fail_memory(error);
    memcpy(joined, slot->value, slot->value_length);
    memcpy(joined + slot->value_length, slot->payload.data, slot->payload.length);
    *out_value = bus_bytes_of(joined, slot->value_length + slot->payload.length);
    return BUS_OK;
}

static enum bus_status produce_book(struct gateway_settle *settle, int32_t partition, struct bus_bytes key,
                                    struct bus_bytes book, struct bus_error *error)
{
    char name[BUS_BOOK_NAME_SIZE];
    gateway_ledger_name(partition, key, name);
    struct bus_record record = {
        .topic = settle->books_topic,
        .partition = partition,
        .key = bus_bytes_text(name),
        .value = book,
    };
    return produce(settle, &record, error);
}

static enum bus_status produce_slot(struct gateway_settle *settle, struct gateway_batch *batch, int32_t partition,
                                    struct bus_slot *slot, struct bus_error *error)
{
    slot->offset = -1;
    struct bus_record record = {
        .topic = settle->state_topic,
        .partition = partition,
        .key = slot->key,
        .borrowed = true,
        .opaque = &slot->offset,
    };
    if (slot->status_only) {
        uint8_t *key = bus_arena_allocate(gateway_batch_arena(batch), BUS_STATE_RECORD_KEY_SIZE);
        if (key == NULL)
            return fail_memory(error);
        record.key = gateway_state_topic_key(slot, key);
    }
    enum bus_status status = join_value(gateway_batch_arena(batch), slot, &record.value, error);
    if (status == BUS_OK)
        status = produce(settle, &record, error);
    if (status == BUS_OK && slot->key.data[0] == BUS_STATE_BOOK)
        status = produce_book(settle, partition, slot->key, record.value, error);
    return status;
}

static enum bus_status settle_state(struct gateway_settle *settle, struct gateway_batch *batch, int64_t now_ms,
                                    struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (int32_t i = 0; status == BUS_OK && i < settle->options.states->count; i++) {
        if (!gateway_batch_touches(batch, i))
            continue;
        struct bus_slot *const *slots;
        size_t count = 0;
        gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_SETTLE);
        status = gateway_state_changes(settle->options.states->of[i], now_ms, &slots, &count, error);
        gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_BOOKS);
        for (size_t j = 0; status == BUS_OK && j < count; j++)
            status = produce_slot(settle, batch, i, slots[j], error);
    }
    return status;
}

static enum bus_status settle_offsets(struct gateway_settle *settle, struct gateway_batch *batch,
                                      struct bus_error *error)
{
    size_t count = gateway_batch_source_count(batch);
    struct bus_offset *offsets = bus_arena_allocate(gateway_batch_arena(batch), count * sizeof *offsets);
    if (offsets == NULL)
        return fail_memory(error);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct gateway_source *source = gateway_batch_source(batch, i);
        if (source->next >= 0)
            offsets[used++] = (struct bus_offset){source->topic, source->partition, source->next};
    }
    return used > 0 ? settle->options.outlet.send_offsets(settle->options.outlet.self, offsets, used, error) : BUS_OK;
}

static enum bus_status write_states(struct gateway_settle *settle, const struct gateway_batch *batch,
                                    struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (int32_t i = 0; status == BUS_OK && i < settle->options.states->count; i++)
        if (gateway_batch_touches(batch, i))
            status = gateway_state_commit(settle->options.states->of[i], error);
    gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_STATE);
    return status;
}

/* --- the transaction --- */

static enum bus_status fill_transaction(struct gateway_settle *settle, struct gateway_batch *batch, int64_t now_ms,
                                        struct bus_error *error)
{
    enum bus_status status = gateway_refusals_produce(&settle->refusals, batch, error);
    if (status == BUS_OK)
        status = settle_outputs(settle, batch, now_ms, error);
    if (status == BUS_OK)
        status = settle_state(settle, batch, now_ms, error);
    if (status == BUS_OK)
        status = settle_offsets(settle, batch, error);
    gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_SETTLE);
    return status;
}

void gateway_settle_discard(struct gateway_settle *settle, struct gateway_batch *batch)
{
    for (int32_t i = 0; i < settle->options.states->count; i++)
        if (gateway_batch_touches(batch, i) && settle->options.states->of[i] != NULL)
            gateway_state_discard(settle->options.states->of[i]);
}

/* Nothing of the batch stays. What cannot be aborted is left to the next start, which fences it. */
static enum bus_status give_up(struct gateway_settle *settle, struct gateway_batch *batch, enum bus_status status,
                               struct bus_error *error)
{
    if (status == BUS_RETRY) {
        struct bus_error reason = *error;
        status = settle->options.outlet.abort(settle->options.outlet.self, error);
        if (status == BUS_OK) {
            *error = reason;
            status = BUS_RETRY;
        }
    }
    gateway_settle_discard(settle, batch);
    return status == BUS_RETRY ? BUS_RETRY : BUS_FATAL;
}

enum bus_status gateway_settle(struct gateway_settle *settle, struct gateway_batch *batch, int64_t now_ms,
                               struct bus_error *error)
{
    struct gateway_outlet *outlet = &settle->options.outlet;
    enum bus_status status = outlet->begin(outlet->self, error);
    if (status == BUS_OK)
        status = fill_transaction(settle, batch, now_ms, error);
    if (status == BUS_OK)
        status = outlet->commit(outlet->self, error);
    gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_COMMIT);
    if (status != BUS_OK)
        return give_up(settle, batch, status, error);
    return write_states(settle, batch, error);
}
