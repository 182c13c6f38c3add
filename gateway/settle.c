#include "gateway/settle.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/audit.h"
#include "bus/quarantine.h"
#include "bus/topics.h"

enum {
    AUDIT_SPLIT = 768 * 1024, /* bytes of one audit record, well below what a broker takes */
    AUDIT_LIMIT = 1024 * 1024,
    QUARANTINE_LIMIT = 2 * 1024 * 1024,
    BOOK_NAME_SIZE = 32,
};

/* What a batch does to one partition. */
struct part {
    struct gateway_state *state;
    struct bus_buffer audit; /* the audit record under construction */
    size_t audit_from;       /* index of the first exchange whose disclosures it holds */
    int64_t audit_offset;    /* of the record once it was produced, -1 before */
    bool touched;
};

struct gateway_settle {
    struct gateway_settle_options options;
    char audit_topic[BUS_TOPIC_SIZE], quarantine_topic[BUS_TOPIC_SIZE], state_topic[BUS_TOPIC_SIZE],
        books_topic[BUS_TOPIC_SIZE];
    struct bus_buffer scratch;
    struct part parts[]; /* by partition */
};

struct gateway_settle *gateway_settle_create(const struct gateway_settle_options *options)
{
    struct gateway_settle *settle = calloc(1, sizeof *settle + (size_t)options->partitions * sizeof settle->parts[0]);
    if (settle == NULL)
        return NULL;
    settle->options = *options;
    bus_topic_named(options->prefix, BUS_TOPIC_AUDIT, settle->audit_topic);
    bus_topic_named(options->prefix, BUS_TOPIC_QUARANTINE, settle->quarantine_topic);
    bus_topic_named(options->prefix, BUS_TOPIC_STATE, settle->state_topic);
    bus_topic_named(options->prefix, BUS_TOPIC_BOOKS, settle->books_topic);
    bus_buffer_init(&settle->scratch, QUARANTINE_LIMIT);
    for (int32_t i = 0; i < options->partitions; i++)
        bus_buffer_init(&settle->parts[i].audit, AUDIT_LIMIT);
    return settle;
}

void gateway_settle_destroy(struct gateway_settle *settle)
{
    if (settle == NULL)
        return;
    for (int32_t i = 0; i < settle->options.partitions; i++)
        bus_buffer_release(&settle->parts[i].audit);
    bus_buffer_release(&settle->scratch);
    free(settle);
}

static void begin_parts(struct gateway_settle *settle, struct gateway_batch *batch)
{
    for (int32_t i = 0; i < settle->options.partitions; i++)
        settle->parts[i].touched = false;
    for (size_t i = 0; i < gateway_batch_source_count(batch); i++) {
        int32_t partition = gateway_batch_source(batch, i)->partition;
        struct part *part = &settle->parts[partition];
        part->state = settle->options.states->of[partition];
        part->touched = true;
        part->audit_from = 0;
        part->audit_offset = -1;
        bus_buffer_reset(&part->audit);
    }
}

static enum bus_status produce(struct gateway_settle *settle, const struct bus_record *record, struct bus_error *error)
{
    return settle->options.outlet.produce(settle->options.outlet.self, record, error);
}

static enum bus_status fail_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_bytes");
}

/* --- quarantine ------------------------------------------------------------------------------------------------------- */

static enum bus_status produce_quarantined(struct gateway_settle *settle, const struct gateway_exchange *exchange,
                                           const struct bus_department *department, struct bus_quarantined *quarantined,
                                           struct bus_error *error)
{
    struct bus_bytes original = exchange->value, key = exchange->key;
    if (original.length > BUS_QUARANTINE_MAX_ORIGINAL)
        original.length = BUS_QUARANTINE_MAX_ORIGINAL;
    if (key.length > BUS_STATE_KEY_MAX)
        key.length = BUS_STATE_KEY_MAX;
    quarantined->department = bus_bytes_text(department->name);
    quarantined->item = bus_bytes_text(exchange->source->item->name);
    quarantined->topic = bus_bytes_text(exchange->topic);
    quarantined->partition = exchange->partition;
    quarantined->offset = exchange->offset;
    quarantined->adapter = exchange->adapter;
    quarantined->at_ms = exchange->now_ms;
    quarantined->original = original;
    quarantined->original_key = key;
    bus_buffer_reset(&settle->scratch);
    enum bus_status status = bus_quarantine_encode(quarantined, &settle->scratch, error);
    if (status != BUS_OK)
        return status;
    struct bus_record record = {
        .topic = settle->quarantine_topic,
        .partition = exchange->partition,
        .key = bus_bytes_text(department->name),
        .value = bus_buffer_view(&settle->scratch),
    };
    return produce(settle, &record, error);
}

static enum bus_status produce_refusal(struct gateway_settle *settle, const struct gateway_exchange *exchange,
                                       struct bus_error *error)
{
    const struct gateway_refusal *refusal = exchange->refusal;
    struct bus_quarantined quarantined = {
        .severity = BUS_SEVERITY_REFUSED,
        .stage = bus_bytes_text(refusal->stage),
        .code = bus_bytes_text(refusal->code),
        .reason_zh = bus_bytes_text(refusal->reason_zh),
        .reason_en = bus_bytes_text(refusal->reason_en),
    };
    return produce_quarantined(settle, exchange, exchange->source->item->department, &quarantined, error);
}

static enum bus_status produce_notice(struct gateway_settle *settle, const struct gateway_exchange *exchange,
                                      const struct gateway_notice *notice, struct bus_error *error)
{
    struct bus_quarantined quarantined = {
        .severity = BUS_SEVERITY_NOTICE,
        .stage = bus_bytes_text("reconcile"),
        .code = bus_bytes_text(notice->code),
        .reason_zh = bus_bytes_text(notice->text_zh),
        .reason_en = bus_bytes_text(notice->text_en),
    };
    return produce_quarantined(settle, exchange, notice->department, &quarantined, error);
}

static enum bus_status settle_quarantine(struct gateway_settle *settle, struct gateway_batch *batch,
                                         struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < gateway_batch_count(batch); i++) {
        const struct gateway_exchange *exchange = gateway_batch_exchange(batch, i);
        if (exchange->refusal != NULL)
            status = produce_refusal(settle, exchange, error);
        for (size_t j = 0; status == BUS_OK && exchange->refusal == NULL && j < exchange->notice_count; j++)
            status = produce_notice(settle, exchange, &exchange->notices[j], error);
    }
    return status;
}

/* --- audit ------------------------------------------------------------------------------------------------------------ */

static enum bus_status produce_audit(struct gateway_settle *settle, int32_t partition, struct bus_error *error)
{
    struct part *part = &settle->parts[partition];
    bus_audit_end(&part->audit);
    if (part->audit.failed)
        return bus_fail(error, BUS_FATAL, "an audit record of partition %d is over %d bytes", partition, AUDIT_LIMIT);
    part->audit_offset = -1;
    struct bus_record record = {
        .topic = settle->audit_topic,
        .partition = partition,
        .value = bus_buffer_view(&part->audit),
        .opaque = &part->audit_offset,
    };
    return produce(settle, &record, error);
}

/* The audit record's offset into the state of every record that it names. */
static enum bus_status note_audit(struct gateway_settle *settle, struct gateway_batch *batch, int32_t partition,
                                  size_t upto, struct bus_error *error)
{
    struct part *part = &settle->parts[partition];
    if (part->audit_offset < 0)
        return bus_fail(error, BUS_RETRY, "no delivery report for the audit record of partition %d", partition);
    enum bus_status status = BUS_OK;
    for (size_t i = part->audit_from; status == BUS_OK && i < upto; i++) {
        const struct gateway_exchange *exchange = gateway_batch_exchange(batch, i);
        if (exchange->partition == partition && exchange->delivery_count > 0)
            status = gateway_state_note_audit(part->state, exchange->subject_key, exchange->record, part->audit_offset,
                                              error);
    }
    part->audit_from = upto;
    return status;
}

/* A full audit record goes out at once: the next one may have to name its offset as the previous of some record. */
static enum bus_status split_audit(struct gateway_settle *settle, struct gateway_batch *batch, int32_t partition,
                                   size_t upto, struct bus_error *error)
{
    enum bus_status status = produce_audit(settle, partition, error);
    if (status == BUS_OK)
        status = settle->options.outlet.flush(settle->options.outlet.self, error);
    if (status == BUS_OK)
        status = note_audit(settle, batch, partition, upto, error);
    bus_buffer_reset(&settle->parts[partition].audit);
    return status;
}

static enum bus_status previous_audit(const struct part *part, const struct gateway_exchange *exchange,
                                      int64_t *out_offset, struct bus_error *error)
{
    *out_offset = exchange->entry.audit_offset;
    if (part->audit_from == 0)
        return BUS_OK;
    struct bus_state_entry entry;
    bool found;
    enum bus_status status =
        gateway_state_find_record(part->state, exchange->subject_key, exchange->record, &entry, &found, error);
    if (status == BUS_OK && found)
        *out_offset = entry.audit_offset;
    return status;
}

static enum bus_status disclose(struct gateway_settle *settle, const struct gateway_exchange *exchange,
                                struct bus_error *error)
{
    struct part *part = &settle->parts[exchange->partition];
    int64_t previous;
    enum bus_status status = previous_audit(part, exchange, &previous, error);
    if (part->audit.length == 0)
        bus_audit_begin(&part->audit, exchange->now_ms);
    for (size_t i = 0; status == BUS_OK && i < exchange->delivery_count; i++) {
        const struct gateway_delivery *delivery = &exchange->deliveries[i];
        struct bus_disclosure disclosure = {
            .subject_key = exchange->subject_key,
            .record = exchange->record,
            .event_id = exchange->event.event_id,
            .subscriber = bus_bytes_text(delivery->view->grant->subscriber->name),
            .grant = bus_bytes_text(delivery->view->grant->name),
            .leaf = delivery->leaf,
            .previous = previous,
        };
        bus_audit_add(&part->audit, &disclosure);
    }
    return status;
}

static enum bus_status settle_audit(struct gateway_settle *settle, struct gateway_batch *batch, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < gateway_batch_count(batch); i++) {
        const struct gateway_exchange *exchange = gateway_batch_exchange(batch, i);
        if (exchange->delivery_count == 0)
            continue;
        status = disclose(settle, exchange, error);
        if (status == BUS_OK && settle->parts[exchange->partition].audit.length >= AUDIT_SPLIT)
            status = split_audit(settle, batch, exchange->partition, i + 1, error);
    }
    for (int32_t i = 0; status == BUS_OK && i < settle->options.partitions; i++)
        if (settle->parts[i].touched && settle->parts[i].audit.length > 0)
            status = produce_audit(settle, i, error);
    return status;
}

/* Waits for the offsets of the audit records, which are on their way since before the deliveries. */
static enum bus_status finish_audit(struct gateway_settle *settle, struct gateway_batch *batch, struct bus_error *error)
{
    settle->options.outlet.poll(settle->options.outlet.self);
    bool waits = false;
    for (int32_t i = 0; i < settle->options.partitions; i++) {
        const struct part *part = &settle->parts[i];
        waits = waits || (part->touched && part->audit.length > 0 && part->audit_offset < 0);
    }
    enum bus_status status = waits ? settle->options.outlet.flush(settle->options.outlet.self, error) : BUS_OK;
    for (int32_t i = 0; status == BUS_OK && i < settle->options.partitions; i++)
        if (settle->parts[i].touched && settle->parts[i].audit.length > 0)
            status = note_audit(settle, batch, i, gateway_batch_count(batch), error);
    return status;
}

/* --- deliveries ------------------------------------------------------------------------------------------------------- */

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
            gateway_state_log(settle->parts[output->partition].state, output->log, &logs[i].log, error);
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
        status = settle_audit(settle, batch, error);
    if (status == BUS_OK)
        status = produce_unsealed(settle, outputs, count, error);
    gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_SETTLE);
    if (status == BUS_OK)
        status = gateway_seal_batch(settle->options.sealer, logs, count, now_ms, arena, error);
    gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_SEAL);
    if (status == BUS_OK)
        status = produce_sealed(settle, outputs, logs, count, error);
    return status == BUS_OK ? finish_audit(settle, batch, error) : status;
}

/* --- state and books -------------------------------------------------------------------------------------------------- */

/* Entry and event in one piece. */
static enum bus_status join_value(struct bus_arena *arena, const struct gateway_slot *slot, struct bus_bytes *out_value,
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

static enum bus_status produce_book(struct gateway_settle *settle, int32_t partition, struct bus_bytes book,
                                    struct bus_error *error)
{
    char name[BOOK_NAME_SIZE];
    snprintf(name, sizeof name, "gateway/%d", partition);
    struct bus_record record = {
        .topic = settle->books_topic,
        .partition = partition,
        .key = bus_bytes_text(name),
        .value = book,
    };
    return produce(settle, &record, error);
}

static enum bus_status produce_slot(struct gateway_settle *settle, struct gateway_batch *batch, int32_t partition,
                                    struct gateway_slot *slot, struct bus_error *error)
{
    slot->offset = -1;
    struct bus_record record = {
        .topic = settle->state_topic,
        .partition = partition,
        .key = slot->key,
        .borrowed = true,
        .opaque = &slot->offset,
    };
    enum bus_status status = join_value(gateway_batch_arena(batch), slot, &record.value, error);
    if (status == BUS_OK)
        status = produce(settle, &record, error);
    if (status == BUS_OK && slot->key.data[0] == BUS_STATE_BOOK)
        status = produce_book(settle, partition, record.value, error);
    return status;
}

static enum bus_status settle_state(struct gateway_settle *settle, struct gateway_batch *batch, int64_t now_ms,
                                    struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (int32_t i = 0; status == BUS_OK && i < settle->options.partitions; i++) {
        if (!settle->parts[i].touched)
            continue;
        struct gateway_slot *const *slots;
        size_t count = 0;
        status = gateway_state_changes(settle->parts[i].state, now_ms, &slots, &count, error);
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
    for (size_t i = 0; i < count; i++) {
        const struct gateway_source *source = gateway_batch_source(batch, i);
        offsets[i] = (struct bus_offset){source->topic, source->partition, source->next};
    }
    return settle->options.outlet.send_offsets(settle->options.outlet.self, offsets, count, error);
}

static enum bus_status write_states(struct gateway_settle *settle, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (int32_t i = 0; status == BUS_OK && i < settle->options.partitions; i++)
        if (settle->parts[i].touched)
            status = gateway_state_commit(settle->parts[i].state, error);
    gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_STATE);
    return status;
}

/* --- the transaction -------------------------------------------------------------------------------------------------- */

static enum bus_status fill_transaction(struct gateway_settle *settle, struct gateway_batch *batch, int64_t now_ms,
                                        struct bus_error *error)
{
    enum bus_status status = settle_quarantine(settle, batch, error);
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
    for (size_t i = 0; i < gateway_batch_source_count(batch); i++) {
        struct gateway_state *state = settle->options.states->of[gateway_batch_source(batch, i)->partition];
        if (state != NULL)
            gateway_state_discard(state);
    }
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
    begin_parts(settle, batch);
    enum bus_status status = outlet->begin(outlet->self, error);
    if (status == BUS_OK)
        status = fill_transaction(settle, batch, now_ms, error);
    if (status == BUS_OK)
        status = outlet->commit(outlet->self, error);
    gateway_meter_lap(settle->options.meter, GATEWAY_PHASE_COMMIT);
    if (status != BUS_OK)
        return give_up(settle, batch, status, error);
    return write_states(settle, error);
}
