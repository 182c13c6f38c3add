#include "gateway/refusals.h"

#include <stdio.h>

#include "bus/quarantine.h"
#include "bus/topics.h"

enum {
    SCRATCH_LIMIT = 2 * 1024 * 1024, /* above what an encoded record can need */
    KEY_LIMIT = 1024,                /* a key of ours has 16 bytes */
    RANGE_SIZE = 48,
};

void gateway_refusals_init(struct gateway_refusals *refusals, const struct gateway_outlet *outlet, const char *prefix)
{
    refusals->outlet = outlet;
    bus_topic_named(prefix, BUS_TOPIC_QUARANTINE, refusals->topic);
    bus_buffer_init(&refusals->scratch, SCRATCH_LIMIT);
}

void gateway_refusals_release(struct gateway_refusals *refusals)
{
    bus_buffer_release(&refusals->scratch);
}

static enum bus_status produce_quarantined(struct gateway_refusals *refusals, const struct gateway_exchange *exchange,
                                           const struct bus_department *department, struct bus_quarantined *quarantined,
                                           struct bus_error *error)
{
    quarantined->department = bus_bytes_text(department->name);
    quarantined->item = bus_bytes_text(exchange->source->item->name);
    quarantined->topic = bus_bytes_text(exchange->topic);
    quarantined->partition = exchange->partition;
    quarantined->offset = exchange->offset;
    quarantined->adapter = exchange->adapter;
    quarantined->at_ms = exchange->now_ms;
    bus_buffer_reset(&refusals->scratch);
    enum bus_status status = bus_quarantine_encode(quarantined, &refusals->scratch, error);
    if (status != BUS_OK)
        return status;
    struct bus_record record = {
        .topic = refusals->topic,
        .partition = exchange->partition,
        .key = bus_bytes_text(department->name),
        .value = bus_buffer_view(&refusals->scratch),
    };
    return refusals->outlet->produce(refusals->outlet->self, &record, error);
}

/* The encoder cuts it when it is too long. */
static void add_original(const struct gateway_exchange *exchange, struct bus_quarantined *quarantined)
{
    quarantined->original = exchange->value;
    quarantined->original_key = exchange->key;
    if (quarantined->original_key.length > KEY_LIMIT)
        quarantined->original_key.length = KEY_LIMIT;
}

static enum bus_status produce_refusal(struct gateway_refusals *refusals, const struct gateway_exchange *exchange,
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
    add_original(exchange, &quarantined);
    return produce_quarantined(refusals, exchange, exchange->source->item->department, &quarantined, error);
}

static enum bus_status produce_notice(struct gateway_refusals *refusals, const struct gateway_exchange *exchange,
                                      const struct gateway_notice *notice, struct bus_error *error)
{
    struct bus_quarantined quarantined = {
        .severity = BUS_SEVERITY_NOTICE,
        .stage = bus_bytes_text("reconcile"),
        .code = bus_bytes_text(notice->code),
        .reason_zh = bus_bytes_text(notice->text_zh),
        .reason_en = bus_bytes_text(notice->text_en),
    };
    if (notice->department == exchange->source->item->department)
        add_original(exchange, &quarantined);
    else /* no grant gives another department the event: whom it is about, by key, is all that it needs to compare */
        quarantined.original_key = bus_bytes_of(exchange->subject_key, sizeof exchange->subject_key);
    return produce_quarantined(refusals, exchange, notice->department, &quarantined, error);
}

/* The event at that place is none of those that are missing, and stays out of it. */
static enum bus_status produce_gap(struct gateway_refusals *refusals, const struct gateway_exchange *exchange,
                                   struct bus_error *error)
{
    const struct gateway_gap *gap = exchange->gap;
    char range[RANGE_SIZE];
    snprintf(range, sizeof range, "%lld..%lld", (long long)gap->from, (long long)gap->to);
    struct bus_quarantined quarantined = {
        .severity = BUS_SEVERITY_NOTICE,
        .stage = bus_bytes_text("reconcile"),
        .code = bus_bytes_text(BUS_QUARANTINE_GAP),
        .reason_zh = bus_bytes_text(gap->text_zh),
        .reason_en = bus_bytes_text(gap->text_en),
        .source = bus_bytes_text(range),
    };
    return produce_quarantined(refusals, exchange, exchange->source->item->department, &quarantined, error);
}

/* What is about no event of the batch. */
static enum bus_status produce_told(struct gateway_refusals *refusals, const struct gateway_told *told,
                                    struct bus_error *error)
{
    bus_buffer_reset(&refusals->scratch);
    enum bus_status status = bus_quarantine_encode(&told->quarantined, &refusals->scratch, error);
    if (status != BUS_OK)
        return status;
    struct bus_record record = {
        .topic = refusals->topic,
        .partition = told->partition,
        .key = told->quarantined.department,
        .value = bus_buffer_view(&refusals->scratch),
    };
    return refusals->outlet->produce(refusals->outlet->self, &record, error);
}

enum bus_status gateway_refusals_produce(struct gateway_refusals *refusals, struct gateway_batch *batch,
                                         struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < gateway_batch_count(batch); i++) {
        const struct gateway_exchange *exchange = gateway_batch_exchange(batch, i);
        if (exchange->gap != NULL)
            status = produce_gap(refusals, exchange, error);
        if (status == BUS_OK && exchange->refusal != NULL)
            status = produce_refusal(refusals, exchange, error);
        for (size_t j = 0; status == BUS_OK && exchange->refusal == NULL && j < exchange->notice_count; j++)
            status = produce_notice(refusals, exchange, &exchange->notices[j], error);
    }
    const struct gateway_told *told = gateway_batch_told_view(batch);
    for (; status == BUS_OK && told != NULL; told = told->next)
        status = produce_told(refusals, told, error);
    return status;
}
