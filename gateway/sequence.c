#include "gateway/sequence.h"

#include <stdio.h>

#include "bus/log.h"
#include "gateway/batch.h"

enum { FIRST_SEQUENCE = 1, TEXT_SIZE = 600 };

/* Counted at once; a sender that jumps further is broken or hostile, and must not make the books overflow. */
static const int64_t MAX_MISSING = INT64_C(1) << 40;

/* The events of one source come from one adapter, nearly always. */
static enum bus_status find_slot(struct gateway_state *state, const struct gateway_exchange *exchange,
                                 struct bus_slot **out_slot, struct bus_error *error)
{
    struct gateway_source *source = exchange->source;
    enum bus_status status = BUS_OK;
    if (source->sequence_slot == NULL || !bus_bytes_equal(source->sequence_adapter, exchange->adapter))
        status = gateway_state_sequence(state, exchange->adapter, exchange->topic, &source->sequence_slot, error);
    source->sequence_adapter = exchange->adapter;
    *out_slot = source->sequence_slot;
    return status;
}

/* Numbers `from` to `to` never came. */
static enum bus_status note_gap(struct gateway_exchange *exchange, int64_t from, int64_t to, struct bus_error *error)
{
    char zh[TEXT_SIZE], en[TEXT_SIZE];
    int name_length = (int)exchange->adapter.length;
    const char *name = (const char *)exchange->adapter.data;
    snprintf(zh, sizeof zh,
             "适配器%.*s发往%s第%d分区的变更事件缺少序号%lld至%lld，共%lld条，到达网关前已丢失，请查明并重新报送",
             name_length, name, exchange->topic, exchange->partition, (long long)from, (long long)to,
             (long long)(to - from + 1));
    snprintf(
        en, sizeof en,
        "events %lld to %lld of adapter %.*s in %s, partition %d, are missing (%lld): lost before the gateway read them; "
        "find out which they were and send them again",
        (long long)from, (long long)to, name_length, name, exchange->topic, exchange->partition,
        (long long)(to - from + 1));
    struct gateway_gap *gap = bus_arena_allocate(exchange->arena, sizeof *gap);
    const char *text_zh = bus_arena_text(exchange->arena, zh), *text_en = bus_arena_text(exchange->arena, en);
    if (gap == NULL || text_zh == NULL || text_en == NULL)
        return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_bytes");
    *gap = (struct gateway_gap){from, to, text_zh, text_en};
    exchange->gap = gap;
    int64_t missing = to - from + 1;
    exchange->source->missing += missing < MAX_MISSING ? missing : MAX_MISSING;
    return BUS_OK;
}

static enum bus_status compare(struct gateway_exchange *exchange, int64_t last, int64_t expected, int64_t sequence,
                               struct bus_error *error)
{
    if (sequence == expected)
        return BUS_OK;
    bus_log(BUS_LOG_WARN, sequence > expected ? "sequence gap" : "sequence went back",
            "stage=reconcile topic=%s partition=%d offset=%lld adapter=\"%.*s\" last=%lld sequence=%lld",
            exchange->topic, exchange->partition, (long long)exchange->offset, (int)exchange->adapter.length,
            (const char *)exchange->adapter.data, (long long)last, (long long)sequence);
    return sequence > expected ? note_gap(exchange, expected, sequence - 1, error) : BUS_OK;
}

enum bus_status gateway_sequence(const struct gateway_states *states, struct gateway_exchange *exchange,
                                 struct bus_error *error)
{
    if (exchange->cause != GATEWAY_CAUSE_EVENT || exchange->replay || exchange->adapter.length == 0)
        return BUS_OK;
    struct gateway_state *state = states->of[exchange->partition];
    struct bus_slot *slot;
    int64_t last = 0;
    bool found;
    enum bus_status status = find_slot(state, exchange, &slot, error);
    if (status == BUS_OK)
        status = gateway_state_read_sequence(state, slot, &last, &found, error);
    if (status != BUS_OK)
        return status;
    if (!found)
        last = FIRST_SEQUENCE - 1;
    int64_t expected = last < INT64_MAX ? last + 1 : FIRST_SEQUENCE;
    bool numbered = exchange->decoded && exchange->event.sequence >= FIRST_SEQUENCE;
    int64_t sequence = numbered ? exchange->event.sequence : expected;
    status = compare(exchange, last, expected, sequence, error);
    return status == BUS_OK ? gateway_state_write_sequence(state, slot, sequence, error) : status;
}
