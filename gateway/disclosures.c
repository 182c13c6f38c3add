#include "gateway/disclosures.h"

#include <stdlib.h>

#include "bus/audit.h"
#include "bus/topics.h"

enum {
    AUDIT_SPLIT = 768 * 1024, /* bytes of one audit record, well below what a broker takes */
    AUDIT_LIMIT = 1024 * 1024,
};

/* What a batch discloses in one partition. */
struct part {
    struct gateway_state *state;
    struct bus_buffer audit; /* the audit record under construction */
    size_t audit_from;       /* index of the first exchange whose disclosures it holds */
    int64_t audit_offset;    /* of the record once it was produced, -1 before */
    bool touched;
};

struct gateway_disclosures {
    const struct gateway_outlet *outlet;
    const struct gateway_states *states;
    char topic[BUS_TOPIC_SIZE];
    struct part parts[]; /* by partition */
};

struct gateway_disclosures *gateway_disclosures_create(const struct gateway_outlet *outlet, const char *prefix,
                                                       const struct gateway_states *states)
{
    struct gateway_disclosures *disclosures =
        calloc(1, sizeof *disclosures + (size_t)states->count * sizeof disclosures->parts[0]);
    if (disclosures == NULL)
        return NULL;
    disclosures->outlet = outlet;
    disclosures->states = states;
    bus_topic_named(prefix, BUS_TOPIC_AUDIT, disclosures->topic);
    for (int32_t i = 0; i < states->count; i++)
        bus_buffer_init(&disclosures->parts[i].audit, AUDIT_LIMIT);
    return disclosures;
}

void gateway_disclosures_destroy(struct gateway_disclosures *disclosures)
{
    if (disclosures == NULL)
        return;
    for (int32_t i = 0; i < disclosures->states->count; i++)
        bus_buffer_release(&disclosures->parts[i].audit);
    free(disclosures);
}

static void begin_parts(struct gateway_disclosures *disclosures, struct gateway_batch *batch)
{
    for (int32_t i = 0; i < disclosures->states->count; i++)
        disclosures->parts[i].touched = false;
    for (size_t i = 0; i < gateway_batch_source_count(batch); i++) {
        int32_t partition = gateway_batch_source(batch, i)->partition;
        struct part *part = &disclosures->parts[partition];
        part->state = disclosures->states->of[partition];
        part->touched = true;
        part->audit_from = 0;
        part->audit_offset = -1;
        bus_buffer_reset(&part->audit);
    }
}

static enum bus_status produce_audit(struct gateway_disclosures *disclosures, int32_t partition,
                                     struct bus_error *error)
{
    struct part *part = &disclosures->parts[partition];
    bus_audit_end(&part->audit);
    if (part->audit.failed)
        return bus_fail(error, BUS_FATAL, "an audit record of partition %d is over %d bytes", partition, AUDIT_LIMIT);
    part->audit_offset = -1;
    struct bus_record record = {
        .topic = disclosures->topic,
        .partition = partition,
        .value = bus_buffer_view(&part->audit),
        .opaque = &part->audit_offset,
    };
    return disclosures->outlet->produce(disclosures->outlet->self, &record, error);
}

/* The audit record's offset into the state of every record that it names. */
static enum bus_status note_audit(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                  int32_t partition, size_t upto, struct bus_error *error)
{
    struct part *part = &disclosures->parts[partition];
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
static enum bus_status split_audit(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                   int32_t partition, size_t upto, struct bus_error *error)
{
    enum bus_status status = produce_audit(disclosures, partition, error);
    if (status == BUS_OK)
        status = disclosures->outlet->flush(disclosures->outlet->self, error);
    if (status == BUS_OK)
        status = note_audit(disclosures, batch, partition, upto, error);
    bus_buffer_reset(&disclosures->parts[partition].audit);
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

static enum bus_status disclose(struct gateway_disclosures *disclosures, const struct gateway_exchange *exchange,
                                struct bus_error *error)
{
    struct part *part = &disclosures->parts[exchange->partition];
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

enum bus_status gateway_disclosures_produce(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                            struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    begin_parts(disclosures, batch);
    for (size_t i = 0; status == BUS_OK && i < gateway_batch_count(batch); i++) {
        const struct gateway_exchange *exchange = gateway_batch_exchange(batch, i);
        if (exchange->delivery_count == 0)
            continue;
        status = disclose(disclosures, exchange, error);
        if (status == BUS_OK && disclosures->parts[exchange->partition].audit.length >= AUDIT_SPLIT)
            status = split_audit(disclosures, batch, exchange->partition, i + 1, error);
    }
    for (int32_t i = 0; status == BUS_OK && i < disclosures->states->count; i++)
        if (disclosures->parts[i].touched && disclosures->parts[i].audit.length > 0)
            status = produce_audit(disclosures, i, error);
    return status;
}

enum bus_status gateway_disclosures_finish(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                           struct bus_error *error)
{
    disclosures->outlet->poll(disclosures->outlet->self);
    bool waits = false;
    for (int32_t i = 0; i < disclosures->states->count; i++) {
        const struct part *part = &disclosures->parts[i];
        waits = waits || (part->touched && part->audit.length > 0 && part->audit_offset < 0);
    }
    enum bus_status status = waits ? disclosures->outlet->flush(disclosures->outlet->self, error) : BUS_OK;
    for (int32_t i = 0; status == BUS_OK && i < disclosures->states->count; i++)
        if (disclosures->parts[i].touched && disclosures->parts[i].audit.length > 0)
            status = note_audit(disclosures, batch, i, gateway_batch_count(batch), error);
    return status;
}
