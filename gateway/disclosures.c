#include "gateway/disclosures.h"

#include <stdlib.h>

#include "bus/audit.h"
#include "bus/topics.h"

enum {
    AUDIT_SPLIT = 128 * 1024, /* bytes of one audit record: a report reads one for each disclosure that it lists */
    AUDIT_LIMIT = 1024 * 1024,
    GRANT_SLOTS = 2 * BUS_AUDIT_MAX_GRANTS, /* a power of two */
};

/* Where the audit record under construction has the grant of a view. */
struct grant_slot {
    const struct bus_view *view; /* NULL: free */
    size_t index;
};

/* An audit record that was produced, over the disclosures of some exchanges; in the batch's arena. */
struct piece {
    struct piece *next;
    int64_t offset;    /* -1 until it is known */
    size_t from, upto; /* exchanges of the batch */
};

/* What a batch discloses in one partition. */
struct part {
    struct gateway_state *state;
    bool open;                     /* an audit record is under construction */
    struct bus_audit_writer audit; /* that record */
    struct grant_slot grants[GRANT_SLOTS];
    size_t from;          /* the first exchange whose disclosures it holds */
    struct piece *pieces; /* whose offsets are not in the state yet */
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
        bus_audit_writer_init(&disclosures->parts[i].audit, AUDIT_LIMIT);
    return disclosures;
}

void gateway_disclosures_destroy(struct gateway_disclosures *disclosures)
{
    if (disclosures == NULL)
        return;
    for (int32_t i = 0; i < disclosures->states->count; i++)
        bus_audit_writer_release(&disclosures->parts[i].audit);
    free(disclosures);
}

static void begin_parts(struct gateway_disclosures *disclosures, struct gateway_batch *batch)
{
    for (int32_t i = 0; i < disclosures->states->count; i++) {
        disclosures->parts[i].pieces = NULL;
        disclosures->parts[i].open = false; /* a batch that failed may have left something */
    }
    for (size_t i = 0; i < gateway_batch_source_count(batch); i++) {
        int32_t partition = gateway_batch_source(batch, i)->partition;
        struct part *part = &disclosures->parts[partition];
        part->state = disclosures->states->of[partition];
        part->from = 0;
    }
}

/* The record under construction goes out; it ends before exchange `upto`. */
static enum bus_status produce_piece(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                     int32_t partition, size_t upto, struct bus_error *error)
{
    struct part *part = &disclosures->parts[partition];
    struct piece *piece = bus_arena_allocate(gateway_batch_arena(batch), sizeof *piece);
    struct bus_bytes audit = bus_audit_end(&part->audit);
    part->open = false;
    if (piece == NULL || audit.data == NULL)
        return bus_fail(error, BUS_FATAL, "the batch's memory for its audit is used up; lower batch_records");
    *piece = (struct piece){.next = part->pieces, .offset = -1, .from = part->from, .upto = upto};
    part->pieces = piece;
    part->from = upto;
    struct bus_record record = {
        .topic = disclosures->topic,
        .partition = partition,
        .value = audit,
        .opaque = &piece->offset,
    };
    return disclosures->outlet->produce(disclosures->outlet->self, &record, error);
}

/* Begin and end of a resync are about no record and disclose nothing. */
static bool is_disclosed(const struct gateway_exchange *exchange)
{
    return exchange->delivery_count > 0 && exchange->cause != GATEWAY_CAUSE_MARKER;
}

/* A produced record's offset into the state of every record that it names. */
static enum bus_status note_piece(struct gateway_batch *batch, int32_t partition, const struct piece *piece,
                                  struct bus_error *error)
{
    if (piece->offset < 0)
        return bus_fail(error, BUS_RETRY, "no delivery report for an audit record of partition %d", partition);
    for (size_t i = piece->from; i < piece->upto; i++) {
        const struct gateway_exchange *exchange = gateway_batch_exchange(batch, i);
        if (exchange->partition == partition && is_disclosed(exchange))
            gateway_state_note_audit(exchange->record_slot, piece->offset);
    }
    return BUS_OK;
}

static bool is_waiting(const struct part *part)
{
    for (const struct piece *piece = part->pieces; piece != NULL; piece = piece->next)
        if (piece->offset < 0)
            return true;
    return false;
}

/* The last piece is first in the list: of several that name a record, the newest must be noted last. */
static void reverse(struct part *part)
{
    struct piece *reversed = NULL;
    for (struct piece *piece = part->pieces, *next; piece != NULL; piece = next) {
        next = piece->next;
        piece->next = reversed;
        reversed = piece;
    }
    part->pieces = reversed;
}

static enum bus_status note_pieces(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                   int32_t partition, struct bus_error *error)
{
    struct part *part = &disclosures->parts[partition];
    if (part->pieces == NULL)
        return BUS_OK;
    disclosures->outlet->poll(disclosures->outlet->self);
    enum bus_status status = BUS_OK;
    if (is_waiting(part))
        status = disclosures->outlet->flush(disclosures->outlet->self, error);
    reverse(part);
    for (const struct piece *piece = part->pieces; status == BUS_OK && piece != NULL; piece = piece->next)
        status = note_piece(batch, partition, piece, error);
    part->pieces = NULL;
    return status;
}

/* Only a record that this batch disclosed before, in an audit record that is out already, makes us wait for that one's offset. */
static enum bus_status find_previous(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                     const struct gateway_exchange *exchange, int64_t *out_offset,
                                     struct bus_error *error)
{
    struct part *part = &disclosures->parts[exchange->partition];
    *out_offset = exchange->entry.audit_offset;
    if (!exchange->again || part->from == 0)
        return BUS_OK;
    struct bus_state_entry entry;
    bool found = false;
    enum bus_status status = note_pieces(disclosures, batch, exchange->partition, error);
    if (status == BUS_OK)
        status = gateway_state_read_record(part->state, exchange->record_slot, &entry, &found, error);
    if (status == BUS_OK && found)
        *out_offset = entry.audit_offset;
    return status;
}

/* At its first use in an audit record a grant is written into it. */
static size_t grant_of(struct part *part, const struct bus_view *view)
{
    size_t at = ((uintptr_t)view >> 4) * 0x9e3779b1u;
    for (;; at++) {
        struct grant_slot *slot = &part->grants[at & (GRANT_SLOTS - 1)];
        if (slot->view == view)
            return slot->index;
        if (slot->view != NULL)
            continue;
        *slot = (struct grant_slot){view, bus_audit_add_grant(&part->audit, view)};
        return slot->index;
    }
}

static void begin_audit(struct part *part, const struct gateway_exchange *exchange, const char *catalogue)
{
    if (part->open)
        return;
    part->open = true;
    memset(part->grants, 0, sizeof part->grants);
    bus_audit_begin(&part->audit, exchange->now_ms, catalogue);
}

static enum bus_status disclose(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                const struct gateway_exchange *exchange, struct bus_error *error)
{
    struct part *part = &disclosures->parts[exchange->partition];
    int64_t previous;
    enum bus_status status = find_previous(disclosures, batch, exchange, &previous, error);
    begin_audit(part, exchange, bus_catalogue_version_view(gateway_batch_catalogue(batch)));
    for (size_t i = 0; status == BUS_OK && i < exchange->delivery_count; i++) {
        const struct gateway_delivery *delivery = &exchange->deliveries[i];
        struct bus_disclosure disclosure = {
            .subject_key = exchange->subject_key,
            .record = exchange->record,
            .version = delivery->content.version,
            .operation = delivery->content.operation,
            .reason = delivery->content.reason,
            .grant = grant_of(part, delivery->view),
            .leaf = delivery->leaf,
            .previous = previous,
        };
        bus_audit_add(&part->audit, &disclosure);
    }
    return status;
}

/* Whether the record under construction has no room for what the exchange may bring. */
static bool is_full(const struct part *part, const struct gateway_exchange *exchange)
{
    return part->open && (bus_audit_size(&part->audit) >= AUDIT_SPLIT ||
                          part->audit.grant_count + exchange->delivery_count > BUS_AUDIT_MAX_GRANTS);
}

enum bus_status gateway_disclosures_produce(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                            struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    begin_parts(disclosures, batch);
    for (size_t i = 0; status == BUS_OK && i < gateway_batch_count(batch); i++) {
        const struct gateway_exchange *exchange = gateway_batch_exchange(batch, i);
        if (!is_disclosed(exchange))
            continue;
        if (is_full(&disclosures->parts[exchange->partition], exchange))
            status = produce_piece(disclosures, batch, exchange->partition, i, error);
        if (status == BUS_OK)
            status = disclose(disclosures, batch, exchange, error);
    }
    for (int32_t i = 0; status == BUS_OK && i < disclosures->states->count; i++)
        if (disclosures->parts[i].open)
            status = produce_piece(disclosures, batch, i, gateway_batch_count(batch), error);
    return status;
}

enum bus_status gateway_disclosures_finish(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                           struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (int32_t i = 0; status == BUS_OK && i < disclosures->states->count; i++)
        status = note_pieces(disclosures, batch, i, error);
    return status;
}
