#include <stdio.h>
#include <stdlib.h>

#include "bus/topics.h"
#include "cli/quarantine.h"
#include "cli/scan.h"

enum { MAX_ENTRIES = 4000000, MAX_DIGITS = 18 };

#define ARENA_LIMIT ((size_t)2 * 1024 * 1024 * 1024)

/* A growing array of entries. */
struct pile {
    struct cli_quarantined *entries;
    size_t count, capacity;
};

struct reading {
    const struct cli_quarantine_filter *filter;
    struct bus_arena *arena;
    struct pile wanted;
    struct pile decisions; /* their ids are those of what they decide */
};

/* --- identifiers --- */

/* Digits up to `end`; false when there are none or too many. */
static bool take_number(struct bus_cursor *cursor, uint8_t end, int64_t *out_number)
{
    int digits = 0;
    *out_number = 0;
    while (bus_cursor_left(cursor) > 0 && *cursor->at != end) {
        uint8_t digit = bus_cursor_u8(cursor);
        if (digit < '0' || digit > '9' || ++digits > MAX_DIGITS)
            return false;
        *out_number = *out_number * 10 + (digit - '0');
    }
    return digits > 0;
}

bool cli_quarantine_parse_id(struct bus_bytes text, struct cli_quarantine_id *out_id)
{
    struct bus_cursor cursor = bus_cursor_of(text);
    int64_t partition;
    if (!take_number(&cursor, ':', &partition) || partition > INT32_MAX || bus_cursor_u8(&cursor) != ':')
        return false;
    out_id->partition = (int32_t)partition;
    return take_number(&cursor, '\0', &out_id->offset) && bus_cursor_left(&cursor) == 0;
}

void cli_quarantine_print_id(struct cli_quarantine_id id, char out_text[CLI_QUARANTINE_ID_SIZE])
{
    snprintf(out_text, CLI_QUARANTINE_ID_SIZE, "%d:%lld", (int)id.partition, (long long)id.offset);
}

/* --- reading --- */

static bool matches(struct bus_bytes text, const char *wanted)
{
    return wanted == NULL || bus_bytes_equal_text(text, wanted);
}

static bool is_wanted(const struct cli_quarantine_filter *filter, const struct bus_quarantined *record,
                      struct cli_quarantine_id id)
{
    bool named = filter->id_count == 0;
    for (size_t i = 0; i < filter->id_count && !named; i++)
        named = filter->ids[i].partition == id.partition && filter->ids[i].offset == id.offset;
    return named && matches(record->department, filter->department) && matches(record->item, filter->item) &&
           matches(record->stage, filter->stage) && matches(record->code, filter->code);
}

/* Moves every view of the record into the arena; false when it is full. */
static bool keep(struct bus_arena *arena, struct bus_quarantined *record)
{
    struct bus_bytes *views[] = {&record->department, &record->item,      &record->stage,    &record->code,
                                 &record->reason_zh,  &record->reason_en, &record->source,   &record->column,
                                 &record->topic,      &record->adapter,   &record->original, &record->original_key,
                                 &record->decides,    &record->action,    &record->officer};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        struct bus_bytes copy = bus_arena_copy(arena, *views[i]);
        if (copy.data == NULL)
            return false;
        *views[i] = copy;
    }
    return true;
}

static enum bus_status add(struct reading *reading, struct pile *pile, const struct bus_quarantined *record,
                           struct cli_quarantine_id id, struct bus_error *error)
{
    if (pile->count == pile->capacity) {
        size_t capacity = pile->capacity == 0 ? 256 : pile->capacity * 2;
        struct cli_quarantined *entries =
            capacity > MAX_ENTRIES ? NULL : realloc(pile->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return bus_fail(error, BUS_FATAL,
                            "read the quarantine: too much for memory; narrow it with --department or --code");
        pile->entries = entries;
        pile->capacity = capacity;
    }
    struct cli_quarantined *entry = &pile->entries[pile->count];
    *entry = (struct cli_quarantined){id, *record, NULL};
    if (!keep(reading->arena, &entry->record))
        return bus_fail(error, BUS_FATAL,
                        "read the quarantine: too much for memory; narrow it with --department or --code");
    pile->count++;
    return BUS_OK;
}

static enum bus_status take_record(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct reading *reading = self;
    struct bus_quarantined record;
    struct cli_quarantine_id id = {message->partition, message->offset}, decided;
    enum bus_status status = bus_quarantine_decode(message->value, &record, error);
    if (status != BUS_OK) {
        bus_error_prefix(error, "%s %d:%lld", message->topic, (int)message->partition, (long long)message->offset);
        return status;
    }
    if (!reading->filter->with_original) {
        record.original = bus_bytes_of("", 0);
        record.original_key = bus_bytes_of("", 0);
    }
    if (record.severity == BUS_SEVERITY_DECISION)
        return cli_quarantine_parse_id(record.decides, &decided)
                   ? add(reading, &reading->decisions, &record, decided, error)
                   : BUS_OK;
    return is_wanted(reading->filter, &record, id) ? add(reading, &reading->wanted, &record, id, error) : BUS_OK;
}

static int by_id(const void *left, const void *right)
{
    const struct cli_quarantine_id a = ((const struct cli_quarantined *)left)->id;
    const struct cli_quarantine_id b = ((const struct cli_quarantined *)right)->id;
    if (a.partition != b.partition)
        return a.partition < b.partition ? -1 : 1;
    return a.offset < b.offset ? -1 : a.offset > b.offset;
}

static int by_time(const void *left, const void *right)
{
    int64_t a = ((const struct cli_quarantined *)left)->record.at_ms,
            b = ((const struct cli_quarantined *)right)->record.at_ms;
    return a != b ? (a < b ? -1 : 1) : by_id(left, right);
}

/* Joins decisions with what they decide. The later one wins. Decisions move into the arena, where they stay. */
static enum bus_status fold(struct reading *reading, struct bus_error *error)
{
    struct pile *wanted = &reading->wanted;
    if (wanted->count == 0)
        return BUS_OK;
    qsort(wanted->entries, wanted->count, sizeof *wanted->entries, by_id);
    for (size_t i = 0; i < reading->decisions.count; i++) {
        const struct cli_quarantined *decision = &reading->decisions.entries[i];
        struct cli_quarantined *entry =
            bsearch(decision, wanted->entries, wanted->count, sizeof *wanted->entries, by_id);
        if (entry == NULL || (entry->decision != NULL && entry->decision->at_ms > decision->record.at_ms))
            continue;
        struct bus_bytes kept =
            bus_arena_copy(reading->arena, bus_bytes_of(&decision->record, sizeof decision->record));
        if (kept.data == NULL)
            return bus_fail(error, BUS_FATAL, "read the quarantine: too much for memory");
        entry->decision = (const void *)kept.data;
    }
    qsort(wanted->entries, wanted->count, sizeof *wanted->entries, by_time);
    return BUS_OK;
}

/* The only partition that the ids name, or all. */
static int32_t partition_of(const struct cli_quarantine_filter *filter)
{
    for (size_t i = 1; i < filter->id_count; i++)
        if (filter->ids[i].partition != filter->ids[0].partition)
            return CLI_ALL_PARTITIONS;
    return filter->id_count > 0 ? filter->ids[0].partition : CLI_ALL_PARTITIONS;
}

enum bus_status cli_quarantine_read(const struct cli_context *context, const struct cli_quarantine_filter *filter,
                                    struct cli_quarantine_list *out_list, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    struct reading reading = {.filter = filter, .arena = bus_arena_create(ARENA_LIMIT)};
    *out_list = (struct cli_quarantine_list){.arena = reading.arena};
    if (reading.arena == NULL)
        return bus_fail(error, BUS_FATAL, "read the quarantine: out of memory");
    bus_topic_named(context->prefix, BUS_TOPIC_QUARANTINE, topic);
    enum bus_status status = cli_scan(&context->kafka, topic, partition_of(filter), take_record, &reading, error);
    if (status == BUS_OK)
        status = fold(&reading, error);
    free(reading.decisions.entries);
    out_list->entries = reading.wanted.entries;
    out_list->count = reading.wanted.count;
    return status;
}

void cli_quarantine_release(struct cli_quarantine_list *list)
{
    free(list->entries);
    bus_arena_destroy(list->arena);
    *list = (struct cli_quarantine_list){0};
}

const struct cli_quarantined *cli_quarantine_find(const struct cli_quarantine_list *list, struct cli_quarantine_id id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->entries[i].id.partition == id.partition && list->entries[i].id.offset == id.offset)
            return &list->entries[i];
    return NULL;
}
