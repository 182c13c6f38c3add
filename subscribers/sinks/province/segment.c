#include "subscribers/sinks/province/segment.h"

#include <stdlib.h>

#include "bus/log.h"
#include "subscribers/sinks/province/sweep.h"

void province_segments_init(struct province_segments *segments, struct subscribers_batch *batch,
                            struct subscribers_memory *memory, const struct province_planner *planner)
{
    *segments = (struct province_segments){.batch = batch,
                                           .memory = memory,
                                           .planner = planner,
                                           .leaf = batch->count > 0 ? batch->deliveries[0].leaf : 0,
                                           .deliveries = batch->count};
}

void province_segments_release(struct province_segments *segments)
{
    for (size_t i = 0; i < segments->count; i++)
        free(segments->entries[i]);
    free(segments->entries);
    segments->entries = NULL;
    segments->count = 0;
}

/* What an officer has skipped since is not to be sent. */
static bool is_skipped(const struct province_entry *entry, const struct subscribers_delivery *delivery)
{
    return entry->next != PROVINCE_SETTLED && entry->delivery != NULL && subscribers_delivery_is_refused(delivery);
}

static void move_entry(struct province_entry *entry, const struct subscribers_delivery *delivery)
{
    entry->row.item = delivery->view->item;
    if (entry->delivery == NULL)
        return;
    entry->delivery = delivery;
    entry->row.record = delivery->record;
    if (!subscribers_delivery_is_marker(delivery))
        entry->row.reason = subscribers_delivery_reason(delivery);
}

bool province_segments_move(struct province_segments *segments, struct subscribers_batch *batch)
{
    if (batch->count == 0 || batch->count != segments->deliveries || batch->deliveries[0].leaf != segments->leaf)
        return false;
    for (size_t i = 0; i < segments->count; i++)
        if (is_skipped(segments->entries[i], &batch->deliveries[segments->entries[i]->at]))
            return false;
    for (size_t i = 0; i < segments->count; i++)
        move_entry(segments->entries[i], &batch->deliveries[segments->entries[i]->at]);
    segments->batch = batch;
    return true;
}

static enum bus_status no_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "out of memory for the rows of a batch");
}

/* A new entry at the end, for the delivery `at`. */
static enum bus_status add_entry(struct province_segments *segments, size_t at, struct province_entry **out_entry,
                                 struct bus_error *error)
{
    if (segments->count == segments->capacity) {
        size_t capacity = segments->capacity == 0 ? 128 : 2 * segments->capacity;
        struct province_entry **entries = realloc(segments->entries, capacity * sizeof(struct province_entry *));
        if (entries == NULL)
            return no_memory(error);
        segments->entries = entries;
        segments->capacity = capacity;
    }
    struct province_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return no_memory(error);
    entry->at = at;
    entry->words = "";
    segments->entries[segments->count++] = entry;
    *out_entry = entry;
    return BUS_OK;
}

/* ── what is known of a record ── */

/* The last entry about the record among those before `end`; NULL when there is none. */
static const struct province_entry *find_entry(const struct province_segments *segments, size_t begin, size_t end,
                                               const uint8_t *record)
{
    for (size_t i = end; i > begin; i--)
        if (memcmp(segments->entries[i - 1]->row.record, record, BUS_IDENTITY_SIZE) == 0)
            return segments->entries[i - 1];
    return NULL;
}

static enum bus_status find_note(const struct province_segments *segments, const struct subscribers_delivery *delivery,
                                 struct province_entry *entry, struct bus_error *error)
{
    const struct province_entry *earlier = find_entry(segments, 0, segments->first, delivery->record);
    if (earlier == NULL)
        return province_memory_find(segments->memory, delivery->partition, delivery->record, &entry->note, error);
    entry->note = earlier->note;
    entry->is_noted = earlier->is_noted;
    return BUS_OK;
}

/* ── parts ── */

bool province_segments_at_end(const struct province_segments *segments)
{
    return segments->next == segments->batch->count;
}

static enum bus_status add_delivery(struct province_segments *segments, size_t at, struct bus_error *error)
{
    struct province_entry *entry;
    enum bus_status status = add_entry(segments, at, &entry, error);
    if (status != BUS_OK)
        return status;
    entry->delivery = &segments->batch->deliveries[at];
    entry->row.record = entry->delivery->record;
    if (!subscribers_delivery_is_marker(entry->delivery))
        status = find_note(segments, entry->delivery, entry, error);
    return status == BUS_OK ? province_plan(segments->planner, entry, error) : status;
}

/* ── a resync's end: a part of its own ── */

static enum bus_status add_swept(void *self, const uint8_t *record, const struct province_note *note,
                                 struct bus_error *error)
{
    struct province_segments *segments = self;
    struct province_entry *entry;
    size_t at = segments->next;
    enum bus_status status = add_entry(segments, at, &entry, error);
    if (status == BUS_OK)
        status = province_plan_sweep(segments->planner, &segments->batch->deliveries[at], record, note, entry, error);
    entry->at = at;
    return status;
}

/* Of the records that are noted; what this batch has said of one counts more. */
static const struct province_note *known_in_batch(void *self, const uint8_t *record)
{
    const struct province_segments *segments = self;
    const struct province_entry *entry = find_entry(segments, 0, segments->first, record);
    return entry != NULL ? &entry->note : NULL;
}

static enum bus_status begin_sweep(struct province_segments *segments, struct bus_error *error)
{
    const struct province_sweep sweep = {segments->batch, segments->memory, segments->next,
                                         known_in_batch,  add_swept,        segments};
    enum bus_status status = province_sweep(&sweep, error);
    if (status == BUS_OK)
        status = add_delivery(segments, segments->next, error);
    segments->next++;
    return status;
}

enum bus_status province_segments_begin(struct province_segments *segments, struct bus_error *error)
{
    const struct subscribers_batch *batch = segments->batch;
    segments->first = segments->count;
    if (batch->deliveries[segments->next].operation == BUS_DELIVERY_RESYNC_END)
        return begin_sweep(segments, error);
    enum bus_status status = BUS_OK;
    while (status == BUS_OK && segments->next < batch->count) {
        const struct subscribers_delivery *delivery = &batch->deliveries[segments->next];
        bool is_second = !subscribers_delivery_is_marker(delivery) &&
                         find_entry(segments, segments->first, segments->count, delivery->record) != NULL;
        if (is_second || delivery->operation == BUS_DELIVERY_RESYNC_END)
            break;
        status = add_delivery(segments, segments->next++, error);
    }
    return status;
}

struct province_entry *province_segments_next(struct province_segments *segments)
{
    struct province_entry *first = NULL;
    for (size_t i = segments->first; i < segments->count; i++) {
        struct province_entry *entry = segments->entries[i];
        if (entry->next == PROVINCE_ASK)
            return entry;
        if (entry->next == PROVINCE_SEND && first == NULL)
            first = entry;
    }
    return first;
}

size_t province_segments_pending(struct province_segments *segments, struct province_entry **out_entries, size_t limit)
{
    size_t count = 0;
    for (size_t i = segments->first; i < segments->count && count < limit; i++)
        if (segments->entries[i]->next == PROVINCE_SEND)
            out_entries[count++] = segments->entries[i];
    return count;
}

void province_segments_cut(struct province_segments *segments, const struct province_entry *entry)
{
    while (segments->count > segments->first) {
        struct province_entry *last = segments->entries[--segments->count];
        bool is_it = last == entry;
        free(last);
        if (is_it)
            break;
    }
}

/* ── the end ── */

static enum bus_status write_note(struct subscribers_batch *batch, const struct province_entry *entry,
                                  struct bus_error *error)
{
    uint8_t key[PROVINCE_KEY_SIZE];
    struct bus_buffer value;
    if (!entry->is_noted)
        return BUS_OK;
    province_note_key(entry->row.record, key);
    bus_buffer_init(&value, PROVINCE_NOTE_MAX_SIZE);
    if (entry->note.state != PROVINCE_ABSENT)
        province_note_write(&entry->note, &value);
    enum bus_status status =
        subscribers_batch_note(batch, bus_bytes_of(key, sizeof key), bus_buffer_view(&value), error);
    bus_buffer_release(&value);
    return status;
}

static void refuse(struct subscribers_batch *batch, const struct province_entry *entry)
{
    if (entry->refusal[0] == '\0')
        return;
    if (entry->delivery != NULL)
        subscribers_delivery_refuse_because(&batch->deliveries[entry->at], entry->refusal,
                                            bus_bytes_text(entry->words));
    else
        bus_log(BUS_LOG_WARN, "省级平台不肯撤回 / the province keeps a record", "code=%s reason=\"%s\"", entry->refusal,
                entry->words);
}

enum bus_status province_segments_settle(struct province_segments *segments, size_t settled, struct bus_error *error)
{
    struct subscribers_batch *batch = segments->batch;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < segments->count; i++) {
        const struct province_entry *entry = segments->entries[i];
        if (entry->at >= settled)
            break;
        refuse(batch, entry);
        if (entry->delivery != NULL && subscribers_delivery_is_marker(entry->delivery))
            status = province_sweep_note(batch, entry->at, error);
        else
            status = write_note(batch, entry, error);
    }
    return status;
}
