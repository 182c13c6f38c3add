#include "gateway/rights.h"

#include <stdio.h>

#include "bus/digest.h"

static struct gateway_state *state_of(const struct gateway_reconcile *reconcile,
                                      const struct gateway_exchange *exchange)
{
    return reconcile->states->of[exchange->partition];
}

/* --- may it be? --- */

static enum bus_status reject_step(const struct bus_rights *rights, enum bus_rights_step last, struct bus_error *error)
{
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    const char *was = last == BUS_RIGHTS_NO_STEP ? "-" : bus_rights_step_name(last);
    snprintf(zh, sizeof zh, "事项当前步骤为%s，不能再作%s；请核对事项编号，或以新编号另立事项", was,
             bus_rights_step_name(rights->step));
    snprintf(en, sizeof en,
             "the case stands at %s and cannot become %s; check its number, or open a case of another number", was,
             bus_rights_step_name(rights->step));
    return bus_reject(error, "RIGHTS_STEP", zh, en);
}

static enum bus_status reject_matter(struct bus_error *error)
{
    return bus_reject(
        error, "RIGHTS_STEP", "该事项此前所指的是另一条记录或另一范围；请按原记录和原范围办理，或以新编号另立事项",
        "the case was about another record or had another scope; take the step about that one, or open a case "
        "of another number");
}

static enum bus_status reject_unknown(struct bus_error *error)
{
    return bus_reject(
        error, "RIGHTS_UNKNOWN_RECORD",
        "所指记录不存在，或不属于该信用主体；请核对目录项与记录键，记录到达后可重放本条",
        "no such record of this subject is known; check item and record key, and replay this once the record has come");
}

static const struct bus_item *target_item(const struct gateway_reconcile *reconcile, const struct bus_rights *rights)
{
    for (size_t i = 0; i < bus_catalogue_item_count(reconcile->catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(reconcile->catalogue, i);
        if (item->rights == BUS_RIGHTS_NONE &&
            bus_bytes_equal_text(rights->target_department, item->department->name) &&
            bus_bytes_equal_text(rights->target_item, item->name))
            return item;
    }
    return NULL;
}

/* A case keeps to the record and the scope of its first step: the counts of a record, which a case has no use for itself, hold a digest
 * of both. */
static void note_matter(struct gateway_exchange *exchange, const uint8_t record[BUS_IDENTITY_SIZE])
{
    uint8_t digest[BUS_DIGEST_SIZE], scope = exchange->rights.public_only;
    const struct bus_bytes parts[] = {bus_bytes_of(record, BUS_IDENTITY_SIZE), bus_bytes_of(&scope, 1)};
    bus_digest_parts(BUS_HASH_SM3, parts, 2, digest);
    exchange->entry.disputes = (uint16_t)(digest[0] | digest[1] << 8);
    exchange->entry.repairs = digest[2];
    exchange->entry.restrictions = digest[3];
    exchange->entry.public_restrictions = digest[4];
}

static bool same_matter(const struct bus_state_entry *one, const struct bus_state_entry *other)
{
    return one->disputes == other->disputes && one->repairs == other->repairs &&
           one->restrictions == other->restrictions && one->public_restrictions == other->public_restrictions;
}

/* The record's place in the state; it is of the event's own subject, or unknown. */
static enum bus_status find_target(const struct gateway_reconcile *reconcile, const struct gateway_exchange *exchange,
                                   const struct bus_item *item, uint8_t out_record[BUS_IDENTITY_SIZE],
                                   struct bus_slot **out_slot, struct bus_state_entry *out_entry, bool *out_found,
                                   struct bus_error *error)
{
    bus_event_identity(bus_bytes_text(item->name), exchange->rights.target_record_key, out_record);
    struct gateway_state *state = state_of(reconcile, exchange);
    *out_slot = gateway_state_record(state, exchange->subject_key, out_record);
    if (*out_slot == NULL)
        return bus_fail(error, BUS_FATAL, "the batch's memory for state is used up; lower batch_records");
    return gateway_state_read_record(state, *out_slot, out_entry, out_found, error);
}

static enum bus_status judge_date(const struct gateway_exchange *exchange, struct bus_error *error)
{
    if (exchange->rights.decided_on <= bus_calendar_day(exchange->now_ms))
        return BUS_OK;
    return bus_reject(error, "RIGHTS_DATE", "日期晚于今天，请更正后重新发送",
                      "the date lies in the future; correct it and send again");
}

static enum bus_status judge_target(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                                    const struct bus_rights_rule *rule, uint8_t *out_life, struct bus_error *error)
{
    const struct bus_item *item = target_item(reconcile, &exchange->rights);
    if (item == NULL)
        return reject_unknown(error);
    if (!bus_rights_may(rule, exchange->rights.authority, item))
        return bus_reject(
            error, "RIGHTS_AUTHORITY", "该机关无权对此记录作出此项决定，请由作出原决定的部门或目录规定的机关办理",
            "this authority may not decide so about this record; the department that determined it, or who the catalogue "
            "names, may");
    uint8_t record[BUS_IDENTITY_SIZE];
    struct bus_slot *slot;
    struct bus_state_entry entry = {0};
    bool found = false;
    enum bus_status status = find_target(reconcile, exchange, item, record, &slot, &entry, &found, error);
    if (status == BUS_OK && (!found || entry.item != item->number)) /* the key may name another department's */
        status = reject_unknown(error);
    *out_life = entry.life;
    note_matter(exchange, record);
    return status;
}

enum bus_status gateway_rights_judge(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                                     const struct bus_state_entry *known, struct bus_error *error)
{
    if (exchange->event.operation != BUS_OPERATION_PUT)
        return bus_reject(error, "RIGHTS_WITHDRAWAL", "权益事项不能撤回，请以驳回、撤销或解除结束该事项",
                          "a case is not withdrawn; end it with REJECTED, REVOKED or LIFTED");
    const struct bus_rights_rule *rule = bus_catalogue_rights(reconcile->catalogue, exchange->item->rights);
    enum bus_rights_step last = known != NULL ? (enum bus_rights_step)known->marks : BUS_RIGHTS_NO_STEP;
    enum bus_status status =
        bus_rights_read(exchange->item, exchange->version, exchange->value, exchange->spans, &exchange->rights, error);
    if (status == BUS_OK && !bus_rights_may_follow(exchange->rights.kind, last, exchange->rights.step))
        status = reject_step(&exchange->rights, last, error);
    if (status == BUS_OK)
        status = judge_date(exchange, error);
    if (status == BUS_OK)
        status = judge_target(reconcile, exchange, rule, &exchange->life, error);
    if (status == BUS_OK && known != NULL && !same_matter(known, &exchange->entry))
        status = reject_matter(error);
    if (status != BUS_OK)
        return status;
    if (known != NULL)
        exchange->life = known->life; /* what it was about at first */
    exchange->entry.life = exchange->life;
    exchange->last_step = last;
    exchange->entry.marks = (uint8_t)exchange->rights.step;
    return BUS_OK;
}

/* --- what follows --- */

enum bus_status gateway_rights_follow(const struct gateway_reconcile *reconcile, struct gateway_batch *batch,
                                      size_t index, struct bus_error *error)
{
    const struct gateway_exchange *event = gateway_batch_exchange(batch, index);
    const struct bus_item *item = target_item(reconcile, &event->rights);
    struct gateway_exchange *consequence;
    enum bus_status status = gateway_batch_insert_after(batch, index, GATEWAY_CAUSE_RIGHTS, item, &consequence, error);
    if (status != BUS_OK)
        return status;
    consequence->version = bus_item_current(item);
    consequence->now_ms = event->now_ms;
    consequence->rights = event->rights;
    consequence->life = event->life;
    consequence->key = event->key;
    consequence->adapter = event->adapter;
    memcpy(consequence->subject_key, event->subject_key, sizeof consequence->subject_key);
    return BUS_OK;
}

/* One more case that sets the mark, or one less: the last one clears it. True when the mark changed. */
static bool count_case(struct bus_state_entry *entry, enum bus_mark mark, uint8_t *cases, bool stands)
{
    if (stands && *cases < UINT8_MAX)
        ++*cases;
    if (!stands && *cases > 0)
        --*cases;
    return bus_state_set_mark(entry, mark, *cases > 0);
}

static void tell(struct gateway_exchange *exchange, enum bus_delivery_reason change)
{
    exchange->tells = true;
    exchange->change = change;
}

/* A dispute that was answered: the last one clears the record, unless a correction is awaited. */
static void close_dispute(struct gateway_exchange *exchange)
{
    struct bus_state_entry *entry = &exchange->entry;
    bool was_disputed = bus_state_is_disputed(entry);
    if (entry->disputes > 0)
        entry->disputes--;
    if (exchange->rights.step == BUS_RIGHTS_UPHELD) {
        entry->marks |= 1u << BUS_MARK_CORRECTING;
        gateway_reconcile_notice(
            exchange, "RIGHTS_CORRECTION_DUE", "异议或更正申请成立，请以更高版本发送更正后的记录或撤回该记录",
            "a dispute or request was upheld; send the corrected record with a higher version, or withdraw it",
            exchange->item->department);
    }
    if (was_disputed && !bus_state_is_disputed(entry))
        tell(exchange, BUS_REASON_DISPUTE_RESOLVED);
}

static void open_dispute(struct gateway_exchange *exchange)
{
    if (!bus_state_is_disputed(&exchange->entry))
        tell(exchange, BUS_REASON_DISPUTED);
    if (exchange->entry.disputes < UINT16_MAX)
        exchange->entry.disputes++;
}

/* What was given back to nobody while the mark stood goes out again with the record's next version, or with a resync. */
static void ask_again(struct gateway_exchange *exchange)
{
    gateway_reconcile_notice(
        exchange, "RIGHTS_SEND_AGAIN", "修复已撤销或限制已解除，请以更高版本重新发送该记录",
        "a repair was revoked or a restriction lifted; send the record again with a higher version",
        exchange->item->department);
}

static bool count_repair(struct bus_state_entry *entry, bool stands)
{
    return count_case(entry, BUS_MARK_REPAIRED, &entry->repairs, stands);
}

static bool count_restriction(const struct gateway_exchange *exchange, struct bus_state_entry *entry, bool stands)
{
    return exchange->rights.public_only
               ? count_case(entry, BUS_MARK_RESTRICTED_PUBLIC, &entry->public_restrictions, stands)
               : count_case(entry, BUS_MARK_RESTRICTED, &entry->restrictions, stands);
}

static void take_step(struct gateway_exchange *exchange)
{
    struct bus_state_entry *entry = &exchange->entry;
    switch (exchange->rights.step) {
    case BUS_RIGHTS_OPENED: open_dispute(exchange); break;
    case BUS_RIGHTS_UPHELD:
    case BUS_RIGHTS_REJECTED: close_dispute(exchange); break;
    case BUS_RIGHTS_DECIDED:
        if (count_repair(entry, true))
            tell(exchange, BUS_REASON_REPAIRED);
        break;
    case BUS_RIGHTS_REVOKED:
        if (count_repair(entry, false))
            ask_again(exchange);
        break;
    case BUS_RIGHTS_IMPOSED:
        if (count_restriction(exchange, entry, true))
            tell(exchange, BUS_REASON_RESTRICTED);
        break;
    case BUS_RIGHTS_LIFTED:
        if (count_restriction(exchange, entry, false)) {
            tell(exchange, BUS_REASON_NONE); /* who holds it still loses the flag */
            ask_again(exchange);
        }
        break;
    case BUS_RIGHTS_NO_STEP:
    case BUS_RIGHTS_STEP_COUNT: break;
    }
}

enum bus_status gateway_rights_apply(const struct gateway_reconcile *reconcile, struct gateway_exchange *exchange,
                                     struct bus_error *error)
{
    bool found = false;
    enum bus_status status = find_target(reconcile, exchange, exchange->item, exchange->record, &exchange->record_slot,
                                         &exchange->entry, &found, error);
    if (status != BUS_OK)
        return status;
    exchange->again = exchange->record_slot->changed;
    exchange->holders_before = exchange->entry.holders;
    if (!found || exchange->entry.status != BUS_RECORD_LIVE || exchange->entry.life != exchange->life)
        return BUS_OK; /* what is withdrawn needs nothing more, and a new life is another matter; the case itself is kept */
    take_step(exchange);
    exchange->writes = true;
    return BUS_OK;
}
