#include "subscribers/sinks/province/plan.h"

#include <stdio.h>

/* ── refusing ── */

static void refuse_with(const struct province_planner *planner, struct province_entry *entry, const char *code,
                        const char *words)
{
    snprintf(entry->refusal, sizeof entry->refusal, "%s", code);
    entry->words = bus_arena_text(planner->arena, words);
    if (entry->words == NULL)
        entry->words = ""; /* the code stands for itself */
    entry->next = PROVINCE_SETTLED;
}

/* We refuse what the province would. */
static void refuse_ourselves(const struct province_planner *planner, struct province_entry *entry,
                             const struct bus_error *reason)
{
    char words[2 * BUS_ERROR_TEXT_SIZE + 4];
    snprintf(words, sizeof words, "%s / %s", reason->message_zh, reason->message);
    refuse_with(planner, entry, reason->code, words);
}

static enum bus_status contradicts(struct bus_error *error)
{
    return bus_reject(error, "PROVINCE_ANSWER", "平台对同一行的应答前后矛盾",
                      "the answers about one row contradict each other");
}

/* ── planning ── */

static void send_as(struct province_entry *entry, enum province_operation operation)
{
    entry->row.operation = operation;
    memcpy(entry->row.gov_id, entry->note.gov_id, sizeof entry->row.gov_id);
    entry->next = PROVINCE_SEND;
}

/* What the province holds stays as it is; that it is this version's content, too, is noted. */
static void note_content(struct province_entry *entry)
{
    entry->note.version = entry->delivery->version;
    entry->note.offset = entry->delivery->offset;
    entry->note.leaf = entry->delivery->leaf;
}

static void mark_if_new(struct province_entry *entry)
{
    if (entry->row.mark != entry->note.mark)
        send_as(entry, PROVINCE_MARK);
}

static bool is_same(const struct province_entry *entry)
{
    return memcmp(entry->row.digest, entry->note.digest, BUS_DIGEST_SIZE) == 0;
}

static enum bus_status plan_put(const struct province_planner *planner, struct province_entry *entry,
                                struct bus_error *error)
{
    if (province_row_is_from_province(planner->mapping, entry->delivery))
        return BUS_OK;
    struct bus_error reason;
    enum bus_status status = province_row_make(planner->mapping, entry->delivery, planner->arena, &entry->row, &reason);
    if (status == BUS_REJECT) {
        refuse_ourselves(planner, entry, &reason);
        return BUS_OK;
    }
    if (status != BUS_OK) {
        *error = reason;
        return status;
    }
    switch (entry->note.state) {
    case PROVINCE_ABSENT:
    case PROVINCE_WITHDRAWN: send_as(entry, PROVINCE_ADD); break;
    case PROVINCE_PENDING: entry->next = PROVINCE_ASK; break;
    case PROVINCE_REPORTED:
        if (!is_same(entry)) {
            send_as(entry, PROVINCE_UPDATE);
            break;
        }
        note_content(entry);
        mark_if_new(entry);
        break;
    }
    return BUS_OK;
}

static void plan_other(const struct province_planner *planner, struct province_entry *entry)
{
    province_row_name(planner->mapping, entry->delivery, &entry->row);
    if (entry->note.state == PROVINCE_PENDING)
        entry->next = PROVINCE_ASK;
    else if (entry->note.state == PROVINCE_REPORTED && entry->delivery->operation == BUS_DELIVERY_WITHDRAW)
        send_as(entry, PROVINCE_TAKE_BACK);
    else if (entry->note.state == PROVINCE_REPORTED)
        mark_if_new(entry);
}

static void plan_sweep(struct province_entry *entry)
{
    if (entry->note.state == PROVINCE_PENDING)
        entry->next = PROVINCE_ASK;
    else if (entry->note.state == PROVINCE_REPORTED)
        send_as(entry, PROVINCE_TAKE_BACK);
}

enum bus_status province_plan(const struct province_planner *planner, struct province_entry *entry,
                              struct bus_error *error)
{
    entry->next = PROVINCE_SETTLED;
    entry->is_noted = entry->is_noted || entry->note.state != PROVINCE_ABSENT;
    if (entry->delivery == NULL) {
        plan_sweep(entry);
        return BUS_OK;
    }
    entry->row.record = entry->delivery->record;
    if (subscribers_delivery_is_marker(entry->delivery))
        return BUS_OK;
    entry->note.named = entry->delivery->leaf;
    if (subscribers_delivery_is_refused(entry->delivery))
        return BUS_OK;
    if (entry->delivery->operation == BUS_DELIVERY_PUT)
        return plan_put(planner, entry, error);
    plan_other(planner, entry);
    return BUS_OK;
}

enum bus_status province_plan_sweep(const struct province_planner *planner, const struct subscribers_delivery *end,
                                    const uint8_t record[BUS_IDENTITY_SIZE], const struct province_note *note,
                                    struct province_entry *out_entry, struct bus_error *error)
{
    struct bus_bytes copy = bus_arena_copy(planner->arena, bus_bytes_of(record, BUS_IDENTITY_SIZE));
    if (copy.data == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for what a resync takes back");
    *out_entry = (struct province_entry){.note = *note, .words = ""};
    province_row_name(planner->mapping, end, &out_entry->row);
    out_entry->row.record = copy.data;
    out_entry->row.reason = bus_delivery_reason_name(BUS_REASON_WITHDRAWN);
    return province_plan(planner, out_entry, error);
}

/* ── what the province says ── */

void province_plan_acknowledge(struct province_entry *entry, const struct province_ack *ack)
{
    struct province_note *note = &entry->note;
    entry->next = PROVINCE_SETTLED;
    entry->is_noted = true;
    note->state = ack->state;
    if (ack->gov_id[0] != '\0')
        memcpy(note->gov_id, ack->gov_id, sizeof note->gov_id);
    else if (ack->state == PROVINCE_PENDING && note->gov_id[0] != '\0')
        note->state = PROVINCE_REPORTED; /* it never changes */
    if (entry->row.operation == PROVINCE_TAKE_BACK)
        return;
    note->mark = entry->row.mark;
    if (entry->row.operation == PROVINCE_MARK)
        return;
    note->item = entry->row.item->number;
    note->day = entry->row.day;
    memcpy(note->digest, entry->row.digest, sizeof note->digest);
    note_content(entry);
}

static enum bus_status plan_again(const struct province_planner *planner, struct province_entry *entry,
                                  struct bus_error *error)
{
    if (++entry->asked > PROVINCE_MAX_ASKED)
        return contradicts(error);
    return province_plan(planner, entry, error);
}

/* It does not hold the record, so nothing is noted any more, unless it should hold it still: then the comparison is to find it. */
static enum bus_status plan_without(const struct province_planner *planner, struct province_entry *entry,
                                    struct bus_error *error)
{
    if (entry->delivery != NULL && entry->delivery->operation == BUS_DELIVERY_STATUS) {
        entry->note.mark = entry->row.mark;
        entry->next = PROVINCE_SETTLED;
        return BUS_OK;
    }
    entry->note = (struct province_note){.named = entry->note.named};
    entry->is_noted = true;
    return plan_again(planner, entry, error);
}

enum bus_status province_plan_learn(const struct province_planner *planner, struct province_entry *entry,
                                    const struct province_held *held, struct bus_error *error)
{
    struct province_note *note = &entry->note;
    if (held == NULL)
        return plan_without(planner, entry, error);
    if (note->gov_id[0] != '\0' && held->gov_id[0] != '\0' && strcmp(note->gov_id, held->gov_id) != 0)
        return bus_reject(error, "PROVINCE_ANSWER", "平台应答不符合约定：同一行的 govId 改变了",
                          "the answer is not what was agreed: the govId of a row has changed");
    if (held->state == PROVINCE_PENDING) {
        entry->next = PROVINCE_ASK;
        return BUS_OK;
    }
    note->state = held->state;
    memcpy(note->gov_id, held->gov_id,
           sizeof note->gov_id); /* not its digest: what is sent next must be the same after a crash */
    return plan_again(planner, entry, error);
}

enum bus_status province_plan_refuse(const struct province_planner *planner, struct province_entry *entry,
                                     const struct province_refusal *refusal, struct bus_error *error)
{
    bool is_add = entry->row.operation == PROVINCE_ADD;
    if ((is_add && strcmp(refusal->code, "ROW_EXISTS") == 0) || (!is_add && strcmp(refusal->code, "GOV_ID") == 0)) {
        entry->next = PROVINCE_ASK;
        return ++entry->asked > PROVINCE_MAX_ASKED ? contradicts(error) : BUS_OK;
    }
    if (!is_add && strcmp(refusal->code, "ROW_UNKNOWN") == 0)
        return plan_without(planner, entry, error);
    refuse_with(planner, entry, "PROVINCE_REFUSED", refusal->words);
    return BUS_OK;
}
