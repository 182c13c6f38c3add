#include <stdlib.h>

#include "bus/topics.h"
#include "cli/rights.h"
#include "cli/scan.h"

enum { MAX_ENTRIES = 8000000, FIRST_CAPACITY = 64 };

#define ARENA_LIMIT ((size_t)2 * 1024 * 1024 * 1024)

struct reading {
    cli_rights_wants *wants;
    void *self;
    bool with_events;
    struct cli_rights_records *records;
};

static enum bus_status too_many(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "read xq.state: more cases than fit into memory");
}

enum bus_status cli_rights_open_records(struct cli_rights_records *out_records, struct bus_error *error)
{
    *out_records = (struct cli_rights_records){.arena = bus_arena_create(ARENA_LIMIT)};
    return out_records->arena != NULL ? BUS_OK : too_many(error);
}

static enum bus_status add(struct cli_rights_records *records, const struct cli_rights_record *record,
                           struct bus_error *error)
{
    if (records->count == records->capacity) {
        size_t capacity = records->capacity == 0 ? FIRST_CAPACITY : records->capacity * 2;
        struct cli_rights_record *grown =
            capacity > MAX_ENTRIES ? NULL : realloc(records->records, capacity * sizeof *grown);
        if (grown == NULL)
            return too_many(error);
        records->records = grown;
        records->capacity = capacity;
    }
    struct cli_rights_record kept = *record;
    if (record->event.length > 0)
        kept.event = bus_arena_copy(records->arena, record->event);
    if (record->event.length > 0 && kept.event.data == NULL)
        return too_many(error);
    records->records[records->count++] = kept;
    return BUS_OK;
}

/* Records and their changes of status; the order of offsets is the order in which they count. */
enum bus_status cli_rights_take(struct cli_rights_records *records, const struct bus_message *message,
                                cli_rights_wants *wants, void *self, bool with_events, struct bus_error *error)
{
    struct cli_rights_record record = {.partition = message->partition};
    record.is_status = bus_state_is_status(message->key);
    if ((!record.is_status && !bus_state_is_record(message->key)) || message->value.data == NULL)
        return BUS_OK;
    enum bus_status status = bus_state_record_read(message->value, &record.entry, &record.event, error);
    if (status != BUS_OK)
        return status;
    memcpy(record.subject_key, message->key.data + 1, sizeof record.subject_key);
    memcpy(record.identity, message->key.data + 1 + sizeof record.subject_key, sizeof record.identity);
    if (!with_events)
        record.event = bus_bytes_of(NULL, 0);
    return wants(self, record.identity, &record.entry) ? add(records, &record, error) : BUS_OK;
}

static enum bus_status take(void *self, const struct bus_message *message, struct bus_error *error)
{
    const struct reading *reading = self;
    return cli_rights_take(reading->records, message, reading->wants, reading->self, reading->with_events, error);
}

static int compare_names(const struct cli_rights_record *a, const struct cli_rights_record *b)
{
    int order = memcmp(a->identity, b->identity, sizeof a->identity);
    return order != 0 ? order : memcmp(a->subject_key, b->subject_key, sizeof a->subject_key);
}

/* qsort promises no order among equals, and here the order of the topic counts: the place in the array, noted in state_offset, which
 * nobody asks of these entries, decides. */
static int by_name(const void *left, const void *right)
{
    const struct cli_rights_record *a = left, *b = right;
    int order = compare_names(a, b);
    if (order != 0)
        return order;
    return a->entry.state_offset < b->entry.state_offset ? -1 : a->entry.state_offset > b->entry.state_offset;
}

/* Of all entries of a name the last one counts; a change of status leaves the event as it was. */
void cli_rights_fold(struct cli_rights_records *records)
{
    size_t count = 0;
    for (size_t i = 0; i < records->count; i++)
        records->records[i].entry.state_offset = (int64_t)i;
    if (records->count > 0)
        qsort(records->records, records->count, sizeof *records->records, by_name);
    for (size_t i = 0; i < records->count; i++) {
        const struct cli_rights_record *next = &records->records[i];
        if (count > 0 && compare_names(&records->records[count - 1], next) == 0) {
            struct cli_rights_record *last = &records->records[count - 1];
            struct bus_bytes event = next->is_status ? last->event : next->event;
            *last = *next;
            last->event = event;
        } else {
            records->records[count++] = *next;
        }
    }
    records->count = count;
}

enum bus_status cli_rights_read(const struct cli_context *context, int32_t partition, cli_rights_wants *wants,
                                void *self, bool with_events, struct cli_rights_records *out_records,
                                struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    struct reading reading = {.wants = wants, .self = self, .with_events = with_events, .records = out_records};
    bus_topic_named(context->prefix, BUS_TOPIC_STATE, topic);
    enum bus_status status = cli_rights_open_records(out_records, error);
    if (status == BUS_OK)
        status = cli_scan(&context->kafka, topic, partition, take, &reading, error);
    if (status == BUS_OK)
        cli_rights_fold(out_records);
    return status;
}

void cli_rights_release(struct cli_rights_records *records)
{
    free(records->records);
    bus_arena_destroy(records->arena);
    *records = (struct cli_rights_records){0};
}

/* --- finding --- */

/* The first record that is not before the name; subject NULL: of any subject. */
static size_t lower(const struct cli_rights_records *records, const uint8_t *identity, const uint8_t *subject_key)
{
    size_t low = 0, high = records->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct cli_rights_record *record = &records->records[middle];
        int order = memcmp(record->identity, identity, BUS_IDENTITY_SIZE);
        if (order == 0 && subject_key != NULL)
            order = memcmp(record->subject_key, subject_key, BUS_SUBJECT_KEY_SIZE);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool goes_before(const struct bus_state_entry *a, const struct bus_state_entry *b)
{
    if (a->status != b->status)
        return a->status == BUS_RECORD_LIVE;
    return a->changed_ms > b->changed_ms;
}

const struct cli_rights_record *cli_rights_find(const struct cli_rights_records *records,
                                                const uint8_t identity[BUS_IDENTITY_SIZE])
{
    const struct cli_rights_record *best = NULL;
    for (size_t i = lower(records, identity, NULL); i < records->count; i++) {
        const struct cli_rights_record *record = &records->records[i];
        if (memcmp(record->identity, identity, BUS_IDENTITY_SIZE) != 0)
            break;
        if (best == NULL || goes_before(&record->entry, &best->entry))
            best = record;
    }
    return best;
}

const struct cli_rights_record *cli_rights_find_of(const struct cli_rights_records *records,
                                                   const uint8_t identity[BUS_IDENTITY_SIZE],
                                                   const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE])
{
    size_t at = lower(records, identity, subject_key);
    if (at == records->count || memcmp(records->records[at].identity, identity, BUS_IDENTITY_SIZE) != 0 ||
        memcmp(records->records[at].subject_key, subject_key, BUS_SUBJECT_KEY_SIZE) != 0)
        return NULL;
    return &records->records[at];
}
