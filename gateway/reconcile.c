#include "gateway/reconcile.h"

#include "bus/log.h"
#include "gateway/batch.h"
#include "gateway/expiry.h"
#include "gateway/rights.h"

static struct gateway_state *state_of(const struct gateway_reconcile *reconcile,
                                      const struct gateway_exchange *exchange)
{
    return reconcile->states->of[exchange->partition];
}

enum bus_status gateway_reconcile_want(void *self, struct gateway_exchange *exchange, struct bus_error *error)
{
    const struct gateway_reconcile *reconcile = self;
    struct gateway_state *state = state_of(reconcile, exchange);
    bool organisation = exchange->event.subject_kind == BUS_SUBJECT_ORGANISATION;
    exchange->record_slot = gateway_state_record(state, exchange->subject_key, exchange->record);
    exchange->name_slot = organisation ? gateway_state_name(state, exchange->subject_key) : NULL;
    if (exchange->record_slot == NULL || (organisation && exchange->name_slot == NULL))
        return bus_fail(error, BUS_FATAL, "the batch's memory for state is used up; lower batch_records");
    return BUS_OK;
}

/* The verdict on the event's version, given what is known of its record. */
static enum bus_status judge(struct gateway_exchange *exchange, const struct bus_state_entry *known, uint64_t digest,
                             struct bus_error *error)
{
    exchange->verdict = GATEWAY_ACCEPTED;
    if (exchange->event.version > known->version)
        return BUS_OK;
    if (exchange->event.version < known->version)
        exchange->verdict = GATEWAY_STALE;
    else if (digest == known->digest)
        exchange->verdict = GATEWAY_DUPLICATE;
    else
        return bus_reject(
            error, "VERSION_CONFLICT", "同一记录的同一版本已有不同内容，请以更高的版本重新发送更正后的记录",
            "this version of the record is known with another content; send the right one with a higher version");
    return BUS_OK;
}

/* A PUT after a withdrawal is a new life: what was disputed, repaired or restricted was the old one. */
static void fill_marks(struct gateway_exchange *exchange, const struct bus_state_entry *known)
{
    struct bus_state_entry *entry = &exchange->entry;
    bool is_put = exchange->event.operation == BUS_OPERATION_PUT;
    bool is_new_life = known != NULL && is_put && known->status == BUS_RECORD_WITHDRAWN;
    if (known != NULL)
        entry->life = (uint8_t)(known->life + is_new_life);
    if (known != NULL && !is_new_life) {
        entry->marks = known->marks;
        entry->disputes = known->disputes;
        entry->repairs = known->repairs;
        entry->restrictions = known->restrictions;
        entry->public_restrictions = known->public_restrictions;
    }
    if (!is_put)
        return;
    unsigned cleared = 1u << BUS_MARK_CORRECTING | 1u << BUS_MARK_MINOR; /* this version is the correction */
    entry->marks = (uint8_t)((entry->marks & ~cleared) | (exchange->is_minor ? 1u << BUS_MARK_MINOR : 0));
}

static enum bus_status fill_terms(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                                  struct bus_error *error)
{
    struct bus_state_entry *entry = &exchange->entry;
    struct bus_term_days days;
    int32_t *today = &exchange->source->today;
    enum bus_status status = BUS_OK;
    if (exchange->event.operation != BUS_OPERATION_PUT)
        return BUS_OK;
    bus_terms_find(reconcile->terms, exchange->version, &exchange->event, exchange->value, exchange->spans, &days);
    entry->publicity_days = days.publicity;
    entry->retention_days = days.retention;
    entry->watch_days = days.watch;
    if (*today == 0)
        status = gateway_expiry_today(state_of(reconcile, exchange), exchange->now_ms, today, error);
    if (status == BUS_OK)
        gateway_expiry_mark(entry, *today);
    return status;
}

static enum bus_status fill_entry(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                                  const struct bus_state_entry *known, uint64_t digest, struct bus_error *error)
{
    const struct bus_event *event = &exchange->event;
    exchange->entry = (struct bus_state_entry){
        .version = event->version,
        .digest = digest,
        .status = event->operation == BUS_OPERATION_PUT ? BUS_RECORD_LIVE : BUS_RECORD_WITHDRAWN,
        .subject_kind = (uint8_t)event->subject_kind,
        .item = (uint16_t)exchange->item->number,
        .publicity_days = INT32_MAX,
        .retention_days = INT32_MAX,
        .watch_days = INT32_MAX,
        .holders = known != NULL ? known->holders : 0,
        .state_offset = known != NULL ? known->state_offset : -1,
        .audit_offset = known != NULL ? known->audit_offset : -1,
        .first_seen_ms = known != NULL ? known->first_seen_ms : exchange->now_ms,
        .changed_ms = exchange->now_ms,
    };
    fill_marks(exchange, known);
    exchange->holders_before = exchange->entry.holders;
    exchange->writes = true;
    return fill_terms(reconcile, exchange, error);
}

/* Does this PUT of the register say that the organisation exists no more? */
static bool register_ended(const struct gateway_exchange *exchange)
{
    const struct bus_item *item = exchange->item;
    const struct bus_schema *schema = exchange->version->schema;
    int index = bus_schema_find(schema, item->register_status_field);
    if (index < 0)
        return false; /* no such field, or a version from before it */
    struct bus_value value =
        bus_datum_value(bus_schema_field(schema, (size_t)index), exchange->value, exchange->spans[index]);
    for (size_t i = 0; i < item->register_ended_count; i++)
        if (value.type == BUS_TYPE_STRING && bus_bytes_equal_text(value.bytes, item->register_ended[i]))
            return true;
    return false;
}

/* The register speaks: its newest word counts, whichever of its records it is in. */
static enum bus_status note_register(struct gateway_state *state, const struct gateway_exchange *exchange,
                                     const struct bus_state_name *known, struct bus_error *error)
{
    const struct bus_event *event = &exchange->event;
    if (known != NULL && known->item == exchange->item->number && known->version > event->version)
        return BUS_OK;
    if (event->operation == BUS_OPERATION_WITHDRAW)
        return known != NULL ? gateway_state_write_name(state, exchange->name_slot, NULL, error) : BUS_OK;
    struct bus_state_name name = {
        .ended = register_ended(exchange),
        .item = (uint16_t)exchange->item->number,
        .name_digest = bus_state_name_digest(event->subject_name),
        .version = event->version,
    };
    return gateway_state_write_name(state, exchange->name_slot, &name, error);
}

void gateway_reconcile_notice(struct gateway_exchange *exchange, const char *code, const char *text_zh,
                              const char *text_en, const struct bus_department *department)
{
    if (exchange->notice_count < GATEWAY_MAX_NOTICES)
        exchange->notices[exchange->notice_count++] = (struct gateway_notice){code, text_zh, text_en, department};
}

static void tell_both(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                      const struct bus_state_name *known, const char *code, const char *text_zh, const char *text_en)
{
    const struct bus_item *keeper = bus_catalogue_item_by_number(reconcile->catalogue, known->item);
    gateway_reconcile_notice(exchange, code, text_zh, text_en, exchange->item->department);
    if (keeper != NULL && keeper->department != exchange->item->department)
        gateway_reconcile_notice(exchange, code, text_zh, text_en, keeper->department);
}

static void compare_register(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                             const struct bus_state_name *known)
{
    if (exchange->event.operation != BUS_OPERATION_PUT)
        return;
    if (bus_state_name_digest(exchange->event.subject_name) != known->name_digest) {
        exchange->flags |= 1u << BUS_FLAG_NAME_MISMATCH;
        tell_both(reconcile, exchange, known, "NAME_MISMATCH", "记录中的名称与登记机关登记的名称不一致，请双方核对",
                  "the name in the record is not the registered one; both departments should compare");
    }
    if (known->ended) {
        exchange->flags |= 1u << BUS_FLAG_DEREGISTERED;
        tell_both(reconcile, exchange, known, "DEREGISTERED", "记录涉及的组织已注销或被撤销登记，请双方核对",
                  "the record is about an organisation that is deregistered; both departments should compare");
    }
}

static enum bus_status consult_register(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                                        struct bus_error *error)
{
    if (exchange->name_slot == NULL)
        return BUS_OK; /* a person */
    struct gateway_state *state = state_of(reconcile, exchange);
    struct bus_state_name known;
    bool found;
    enum bus_status status = gateway_state_read_name(state, exchange->name_slot, &known, &found, error);
    if (status != BUS_OK)
        return status;
    if (exchange->item->is_register)
        return note_register(state, exchange, found ? &known : NULL, error);
    if (found)
        compare_register(reconcile, exchange, &known);
    return BUS_OK;
}

static enum bus_status reconcile_event(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                                       struct bus_error *error)
{
    struct bus_state_entry known;
    bool found;
    enum bus_status status =
        gateway_state_read_record(state_of(reconcile, exchange), exchange->record_slot, &known, &found, error);
    if (status != BUS_OK)
        return status;
    exchange->again = exchange->record_slot->changed;
    uint64_t digest = bus_event_digest(exchange->value, exchange->spans);
    if (found)
        status = judge(exchange, &known, digest, error);
    if (status != BUS_OK || exchange->verdict != GATEWAY_ACCEPTED)
        return status;
    status = fill_entry(reconcile, exchange, found ? &known : NULL, digest, error);
    if (status != BUS_OK)
        return status;
    if (exchange->item->rights != BUS_RIGHTS_NONE)
        status = gateway_rights_judge(reconcile, exchange, found ? &known : NULL, error);
    else
        status = consult_register(reconcile, exchange, error);
    exchange->entry.flags = exchange->flags;
    return status;
}

/* The event that xq.state holds is current only while nothing newer has come. */
static enum bus_status reconcile_resync(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                                        struct bus_error *error)
{
    bool found;
    enum bus_status status = gateway_state_read_record(state_of(reconcile, exchange), exchange->record_slot,
                                                       &exchange->entry, &found, error);
    exchange->again = exchange->record_slot->changed;
    if (!found || (exchange->record_slot->changed && !exchange->record_slot->status_only))
        exchange->verdict = GATEWAY_STALE;
    exchange->holders_before = exchange->entry.holders;
    return status;
}

enum bus_status gateway_reconcile(void *self, struct gateway_exchange *exchange, struct bus_error *error)
{
    const struct gateway_reconcile *reconcile = self;
    switch (exchange->cause) {
    case GATEWAY_CAUSE_EVENT: return reconcile_event(reconcile, exchange, error);
    case GATEWAY_CAUSE_RIGHTS: return gateway_rights_apply(reconcile, exchange, error);
    case GATEWAY_CAUSE_EXPIRY: return gateway_expiry_apply(reconcile->states, exchange, error);
    case GATEWAY_CAUSE_RESYNC: return reconcile_resync(reconcile, exchange, error);
    case GATEWAY_CAUSE_MARKER: break;
    }
    return BUS_OK;
}

enum bus_status gateway_reconcile_keep(const struct gateway_reconcile *reconcile,
                                       const struct gateway_exchange *exchange, struct bus_error *error)
{
    struct gateway_state *state = state_of(reconcile, exchange);
    const struct bus_state_entry *entry = &exchange->entry;
    if (exchange->cause == GATEWAY_CAUSE_EVENT)
        return gateway_state_write_record(state, exchange->record_slot, entry, exchange->value, error);
    if (!exchange->writes && entry->holders == exchange->holders_before && exchange->delivery_count == 0)
        return BUS_OK; /* a delivery leaves its audit offset in the entry, so that it must be written */
    if (exchange->cause == GATEWAY_CAUSE_EXPIRY && bus_state_has_mark(entry, BUS_MARK_RETENTION_ENDED))
        return gateway_state_erase_event(state, exchange->record_slot, entry, error);
    return gateway_state_write_status(state, exchange->record_slot, entry, error);
}
