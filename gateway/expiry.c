#include "gateway/expiry.h"

#include <stdlib.h>

#include "bus/log.h"
#include "gateway/reconcile.h"

enum {
    LOOKED_A_SLICE = 20000, /* entries, due or not: some milliseconds */
    SWEEP_HEAD = 5,         /* day, under way or not */
    MOST_DAYS =
        1000, /* that a walk may settle at once: what it takes away does not come back, and a clock may be years wrong */
    SWEEP_MAX = SWEEP_HEAD + BUS_STATE_RECORD_KEY_SIZE,
};

struct gateway_expiry {
    const struct bus_catalogue *catalogue;
    const struct gateway_states *states;
    int32_t warned_day; /* on which a clock that stands before the walk was told */
};

/* How far a partition's walk has come (docs/formats-state.md). */
struct sweep {
    int32_t day; /* what fell due before it is settled, or is being settled */
    bool under_way;
    uint8_t last[BUS_STATE_RECORD_KEY_SIZE]; /* key of the last entry looked at */
    size_t last_length;
};

/* One slice of one partition. */
struct slice {
    const struct bus_catalogue *catalogue;
    struct gateway_batch *batch;
    struct gateway_state *state;
    struct sweep sweep;
    size_t looked, limit; /* entries that may still be looked at, exchanges that may still be added */
    enum bus_status status;
    struct bus_error *error;
};

struct gateway_expiry *gateway_expiry_create(const struct bus_catalogue *catalogue, const struct gateway_states *states)
{
    struct gateway_expiry *expiry = calloc(1, sizeof *expiry);
    if (expiry != NULL)
        *expiry = (struct gateway_expiry){catalogue, states, INT32_MIN};
    return expiry;
}

void gateway_expiry_destroy(struct gateway_expiry *expiry)
{
    free(expiry);
}

void gateway_expiry_set_catalogue(struct gateway_expiry *expiry, const struct bus_catalogue *catalogue)
{
    expiry->catalogue = catalogue;
}

/* --- the walk --- */

/* Of a case of rights the marks are its step, and only the watch may be due: bus/terms.h gives it no other days. */
static bool is_due(const struct bus_state_entry *entry, int32_t today)
{
    return entry->status == BUS_RECORD_LIVE &&
           (entry->watch_days < today ||
            (entry->publicity_days < today && !bus_state_has_mark(entry, BUS_MARK_PUBLICITY_ENDED)) ||
            (entry->retention_days < today && !bus_state_has_mark(entry, BUS_MARK_RETENTION_ENDED)));
}

static enum bus_status add_exchange(struct slice *slice, struct bus_bytes key, const struct bus_item *item)
{
    struct gateway_exchange *exchange;
    enum bus_status status =
        gateway_batch_append(slice->batch, GATEWAY_CAUSE_EXPIRY, item, gateway_state_partition(slice->state),
                             (struct bus_bytes){NULL, 0}, &exchange, slice->error);
    if (status != BUS_OK)
        return status;
    const uint8_t *subject_key = key.data + 1, *record = subject_key + BUS_SUBJECT_KEY_SIZE;
    memcpy(exchange->subject_key, subject_key, BUS_SUBJECT_KEY_SIZE);
    memcpy(exchange->record, record, BUS_IDENTITY_SIZE);
    exchange->key = bus_bytes_of(exchange->subject_key, sizeof exchange->subject_key);
    exchange->version = bus_item_current(item);
    exchange->record_slot = gateway_state_record(slice->state, subject_key, record);
    if (exchange->record_slot == NULL)
        return bus_fail(slice->error, BUS_FATAL, "the batch's memory for state is used up; lower batch_records");
    return BUS_OK;
}

static bool take_entry(void *self, struct bus_bytes key, const struct bus_state_entry *entry)
{
    struct slice *slice = self;
    if (is_due(entry, slice->sweep.day)) {
        const struct bus_item *item = bus_catalogue_item_by_number(slice->catalogue, entry->item);
        if (item != NULL) { /* one that the catalogue has given up goes nowhere anyway */
            if (slice->limit == 0 || gateway_batch_is_full(slice->batch))
                return false;
            slice->limit--;
            slice->status = add_exchange(slice, key, item);
            if (slice->status != BUS_OK)
                return false;
        }
    }
    memcpy(slice->sweep.last, key.data, key.length);
    slice->sweep.last_length = key.length;
    return --slice->looked > 0;
}

static enum bus_status read_sweep(struct gateway_state *state, struct bus_slot **out_slot, struct sweep *out_sweep,
                                  struct bus_error *error)
{
    static const uint8_t sweep_key[] = {BUS_STATE_SWEEP};
    struct bus_bytes value = {NULL, 0};
    enum bus_status status = gateway_state_place(state, bus_bytes_of(sweep_key, sizeof sweep_key), out_slot, error);
    if (status == BUS_OK)
        status = gateway_state_read_place(state, *out_slot, &value, error);
    *out_sweep = (struct sweep){.day = INT32_MIN};
    if (status != BUS_OK || value.data == NULL)
        return status;
    if (value.length != SWEEP_HEAD && value.length != SWEEP_MAX)
        return bus_fail(error, BUS_FATAL, "the state of partition %d holds a position of expiry of %zu bytes",
                        gateway_state_partition(state), value.length);
    out_sweep->day = (int32_t)bus_get_u32le(value.data);
    out_sweep->under_way = value.data[4] != 0;
    out_sweep->last_length = value.length - SWEEP_HEAD;
    memcpy(out_sweep->last, value.data + SWEEP_HEAD, out_sweep->last_length);
    return BUS_OK;
}

static enum bus_status write_sweep(struct gateway_state *state, struct bus_slot *slot, const struct sweep *sweep,
                                   struct bus_error *error)
{
    uint8_t value[SWEEP_MAX];
    bus_put_u32le(value, (uint32_t)sweep->day);
    value[4] = sweep->under_way;
    memcpy(value + SWEEP_HEAD, sweep->last, sweep->last_length);
    return gateway_state_write_place(state, slot, bus_bytes_of(value, SWEEP_HEAD + sweep->last_length), error);
}

/* The day must not go back; once a day the operator hears why nothing falls due. */
static void tell_clock(struct gateway_expiry *expiry, const struct gateway_state *state, int32_t today, int32_t day)
{
    if (expiry->warned_day == today)
        return;
    expiry->warned_day = today;
    bus_log(BUS_LOG_WARN, "nothing falls due",
            "stage=expiry partition=%d days=%d reason=\"the clock stands so many days before the day up to which terms "
            "have been settled; set it right\"",
            gateway_state_partition(state), day - today);
}

/* A clock that is years ahead of the last walk is more likely wrong than right. */
static void tell_leap(struct gateway_expiry *expiry, const struct gateway_state *state, int32_t today, int32_t day)
{
    if (expiry->warned_day == today)
        return;
    expiry->warned_day = today;
    bus_log(
        BUS_LOG_ERROR, "nothing falls due while the clock is so far ahead",
        "stage=expiry partition=%d days=%d reason=\"the clock stands so many days after the day up to which terms have "
        "been settled; set it right\"",
        gateway_state_partition(state), today - day);
}

/* Goes on with the walk of the day, or begins it. Everything that was committed must be seen by a new one; what is committed later is held
 * against the same day when it is written. */
static enum bus_status walk_slice(struct slice *slice, struct bus_slot *slot, int32_t today)
{
    bool is_end = false;
    enum bus_status status = BUS_OK;
    if (slice->sweep.day < today) {
        slice->sweep = (struct sweep){.day = today, .under_way = true};
        status = gateway_state_write_through(slice->state, slice->error);
    }
    if (status == BUS_OK)
        status = gateway_state_walk(slice->state, bus_bytes_of(slice->sweep.last, slice->sweep.last_length), take_entry,
                                    slice, &is_end, slice->error);
    if (status == BUS_OK)
        status = slice->status;
    if (status != BUS_OK)
        return status;
    if (is_end)
        slice->sweep = (struct sweep){.day = slice->sweep.day};
    gateway_batch_touch(slice->batch, gateway_state_partition(slice->state));
    return write_sweep(slice->state, slot, &slice->sweep, slice->error);
}

static enum bus_status gather_partition(struct gateway_expiry *expiry, struct slice *slice, int32_t today,
                                        bool *out_more)
{
    struct bus_slot *slot = NULL;
    enum bus_status status = read_sweep(slice->state, &slot, &slice->sweep, slice->error);
    if (status != BUS_OK)
        return status;
    if (slice->sweep.day > today)
        tell_clock(expiry, slice->state, today, slice->sweep.day);
    if (slice->sweep.day != INT32_MIN && today - slice->sweep.day > MOST_DAYS) {
        tell_leap(expiry, slice->state, today, slice->sweep.day);
        return BUS_OK;
    }
    if (slice->sweep.day > today || (slice->sweep.day == today && !slice->sweep.under_way))
        return BUS_OK;
    if (slice->looked > 0 && slice->limit > 0)
        status = walk_slice(slice, slot, today);
    *out_more = *out_more || slice->sweep.day < today || slice->sweep.under_way;
    return status;
}

enum bus_status gateway_expiry_gather(struct gateway_expiry *expiry, struct gateway_batch *batch, int64_t now_ms,
                                      size_t limit, bool *out_more, struct bus_error *error)
{
    struct slice slice = {
        .catalogue = expiry->catalogue, .batch = batch, .looked = LOOKED_A_SLICE, .limit = limit, .error = error};
    enum bus_status status = BUS_OK;
    *out_more = false;
    for (int32_t i = 0; i < expiry->states->count && status == BUS_OK; i++) {
        slice.state = expiry->states->of[i];
        if (slice.state != NULL)
            status = gather_partition(expiry, &slice, bus_calendar_day(now_ms), out_more);
    }
    return status;
}

/* --- what is due --- */

enum bus_status gateway_expiry_today(struct gateway_state *state, int64_t now_ms, int32_t *out_today,
                                     struct bus_error *error)
{
    struct bus_slot *slot;
    struct sweep sweep;
    enum bus_status status = read_sweep(state, &slot, &sweep, error);
    *out_today = bus_calendar_day(now_ms);
    if (status == BUS_OK && sweep.day > *out_today)
        *out_today = sweep.day;
    return status;
}

bool gateway_expiry_mark(struct bus_state_entry *entry, int32_t today)
{
    bool publicity = bus_state_set_mark(entry, BUS_MARK_PUBLICITY_ENDED, entry->publicity_days < today);
    bool retention = bus_state_set_mark(entry, BUS_MARK_RETENTION_ENDED, entry->retention_days < today);
    return publicity || retention;
}

static void remind(struct gateway_exchange *exchange)
{
    exchange->entry.watch_days = INT32_MAX;
    exchange->writes = true;
    if (exchange->item->rights == BUS_RIGHTS_NONE)
        gateway_reconcile_notice(exchange, "LIST_TERM_ENDED", "列入名单的期限已满，请撤回该记录，或报送延长后的期限",
                                 "the term of the listing is over; withdraw the record, or send its extended term",
                                 exchange->item->department);
    else
        gateway_reconcile_notice(
            exchange, "RIGHTS_OVERDUE", "权益案件的答复期限或限制期限已过，请尽快答复或解除限制",
            "a case should have been answered, or a restriction lifted, by now; decide it without delay",
            exchange->item->department);
}

enum bus_status gateway_expiry_apply(const struct gateway_states *states, struct gateway_exchange *exchange,
                                     struct bus_error *error)
{
    struct bus_state_entry *entry = &exchange->entry;
    int32_t today = bus_calendar_day(exchange->now_ms);
    bool found = false;
    enum bus_status status =
        gateway_state_read_record(states->of[exchange->partition], exchange->record_slot, entry, &found, error);
    if (status != BUS_OK)
        return status;
    exchange->again = exchange->record_slot->changed;
    exchange->holders_before = found ? entry->holders : 0;
    if (!found || entry->status != BUS_RECORD_LIVE)
        return BUS_OK;
    unsigned before = entry->marks;
    if (exchange->item->rights == BUS_RIGHTS_NONE && gateway_expiry_mark(entry, today)) {
        exchange->writes = true;
        exchange->tells = (entry->marks & ~before) != 0;
        exchange->change = exchange->tells ? BUS_REASON_EXPIRED : BUS_REASON_NONE;
    }
    if (entry->watch_days < today)
        remind(exchange);
    return BUS_OK;
}
