/* Reading for a subject report: the subject's entries from the gateway's environment (or the whole of its partition of xq.state), then
 * for each record its last event and the versions before it, and the trail of its disclosures. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/state_reader.h"
#include "bus/topics.h"
#include "cli/fetch.h"
#include "cli/scan.h"
#include "cli/subject_report.h"

enum { FIRST_CAPACITY = 16, FIRST_VERSIONS = 2, ITEM_SIZE = BUS_TOPIC_SIZE };

struct reading {
    struct cli_subject_report *report;
    struct cli_subject_record *records; /* records and cases, until they are told apart */
    size_t count, capacity;
    struct cli_subject_record **wanted; /* by the offset that is fetched */
    size_t wanted_count, heard;
};

static enum bus_status fail_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "report about a subject: more than %d records, or out of memory",
                    CLI_SUBJECT_MAX_RECORDS);
}

/* --- entries --- */

static struct cli_subject_record *find_record(struct reading *reading, const uint8_t *identity)
{
    for (size_t i = 0; i < reading->count; i++)
        if (memcmp(reading->records[i].identity, identity, BUS_IDENTITY_SIZE) == 0)
            return &reading->records[i];
    return NULL;
}

static struct cli_subject_record *add_record(struct reading *reading, const uint8_t *identity)
{
    if (reading->count == CLI_SUBJECT_MAX_RECORDS)
        return NULL;
    if (reading->count == reading->capacity) {
        size_t capacity = reading->capacity == 0 ? FIRST_CAPACITY : 2 * reading->capacity;
        struct cli_subject_record *grown = realloc(reading->records, capacity * sizeof *grown);
        if (grown == NULL)
            return NULL;
        reading->records = grown;
        reading->capacity = capacity;
    }
    struct cli_subject_record *record = &reading->records[reading->count++];
    *record = (struct cli_subject_record){.event_offset = -1, .earlier_offset = -1};
    memcpy(record->identity, identity, BUS_IDENTITY_SIZE);
    return record;
}

/* An entry of the environment: the state as of its snapshot. */
static enum bus_status take_entry(void *self, struct bus_bytes key, struct bus_bytes value, struct bus_error *error)
{
    struct reading *reading = self;
    if (!bus_state_is_record(key))
        return BUS_OK; /* what the register says of the subject */
    struct cli_subject_record *record = add_record(reading, key.data + 1 + BUS_SUBJECT_KEY_SIZE);
    if (record == NULL)
        return fail_memory(error);
    enum bus_status status = bus_state_record_read(value, &record->entry, NULL, error);
    record->event_offset = record->entry.state_offset;
    return status;
}

static bool is_ours(const struct reading *reading, struct bus_bytes key)
{
    return (bus_state_is_record(key) || bus_state_is_status(key)) &&
           memcmp(key.data + 1, reading->report->subject_key, BUS_SUBJECT_KEY_SIZE) == 0;
}

static void forget(struct reading *reading, const uint8_t *identity)
{
    struct cli_subject_record *record = find_record(reading, identity);
    if (record != NULL)
        *record = reading->records[--reading->count];
}

/* An entry of the topic: what happened since the snapshot, in order. */
static enum bus_status take_change(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct reading *reading = self;
    struct bus_state_entry entry;
    struct bus_bytes event;
    if (!is_ours(reading, message->key))
        return BUS_OK;
    const uint8_t *identity = message->key.data + 1 + BUS_SUBJECT_KEY_SIZE;
    bool is_status = bus_state_is_status(message->key);
    if (message->value.data == NULL) {
        if (!is_status)
            forget(reading, identity);
        return BUS_OK;
    }
    enum bus_status status = bus_state_record_read(message->value, &entry, &event, error);
    struct cli_subject_record *record = find_record(reading, identity);
    if (status == BUS_OK && record == NULL)
        record = add_record(reading, identity);
    if (status != BUS_OK)
        return status;
    if (record == NULL)
        return fail_memory(error);
    record->entry = entry;
    record->event_offset = is_status ? entry.state_offset : event.length > 0 ? message->offset : -1;
    return BUS_OK;
}

/* Where there is no environment to look into the topic tells the same. */
static enum bus_status read_entries(const struct cli_context *context, struct reading *reading, struct bus_error *error)
{
    struct cli_subject_report *report = reading->report;
    char topic[BUS_TOPIC_SIZE];
    int64_t next = 0;
    if (context->state_path != NULL) {
        uint8_t prefix[BUS_STATE_NAME_KEY_SIZE]; /* the register's key begins every key of the subject */
        bus_state_name_key(report->subject_key, prefix);
        enum bus_status status =
            bus_state_reader_look(context->state_path, report->partition, bus_bytes_of(prefix, sizeof prefix),
                                  take_entry, reading, &next, error);
        if (status == BUS_FATAL)
            return status;
        report->from_state = status == BUS_OK;
        if (status != BUS_OK)
            reading->count = 0;
        if (status != BUS_OK)
            next = 0;
    }
    bus_topic_named(report->prefix, BUS_TOPIC_STATE, topic);
    return cli_scan_from(&context->kafka, topic, report->partition, next, take_change, reading, error);
}

/* --- events and versions --- */

static bool add_version(const struct cli_subject_report *report, struct cli_subject_record *record,
                        struct cli_subject_version version)
{
    size_t count = record->version_count;
    bool is_full = count == 0 || (count >= FIRST_VERSIONS && (count & (count - 1)) == 0);
    if (is_full) {
        size_t capacity = count == 0 ? FIRST_VERSIONS : 2 * count;
        struct cli_subject_version *grown = bus_arena_allocate(report->arena, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        if (count > 0)
            memcpy(grown, record->versions, count * sizeof *grown);
        record->versions = grown;
    }
    record->versions[record->version_count++] = version;
    return true;
}

static bool keep_event(const struct cli_subject_report *report, struct cli_subject_record *record,
                       struct bus_bytes event)
{
    uint64_t fingerprint;
    struct bus_error ignored;
    record->datum = bus_arena_copy(report->arena, event);
    struct bus_span *spans = bus_arena_allocate(report->arena, CLI_SUBJECT_MAX_FIELDS * sizeof *spans);
    if (record->datum.data == NULL || spans == NULL)
        return false;
    if (record->item == NULL || bus_frame_fingerprint(event, &fingerprint, &ignored) != BUS_OK)
        return true;
    const struct bus_item_version *version = bus_item_version_by_fingerprint(record->item, fingerprint);
    if (version == NULL || bus_schema_field_count(version->schema) > CLI_SUBJECT_MAX_FIELDS ||
        bus_datum_walk(version->schema, record->datum, spans, &ignored) != BUS_OK)
        return true;
    record->version = version;
    record->spans = spans;
    return true;
}

/* Compaction may have taken an earlier version away: then the rest of them too. */
static enum bus_status take_state(void *self, int64_t offset, const struct bus_message *message,
                                  struct bus_error *error)
{
    struct reading *reading = self;
    struct cli_subject_record *record = reading->wanted[reading->heard++];
    struct bus_state_entry entry;
    struct bus_bytes event;
    (void)offset;
    record->earlier_offset = -1;
    if (message == NULL || message->value.data == NULL || !is_ours(reading, message->key) ||
        memcmp(message->key.data + 1 + BUS_SUBJECT_KEY_SIZE, record->identity, BUS_IDENTITY_SIZE) != 0)
        return BUS_OK;
    enum bus_status status = bus_state_record_read(message->value, &entry, &event, error);
    if (status != BUS_OK)
        return status;
    if (record->version_count == 0 && event.length > 0 && !keep_event(reading->report, record, event))
        return fail_memory(error);
    struct cli_subject_version version = {entry.version, entry.changed_ms, entry.status == BUS_RECORD_WITHDRAWN};
    if (!add_version(reading->report, record, version))
        return fail_memory(error);
    if (record->version_count < CLI_SUBJECT_MAX_VERSIONS && entry.state_offset < message->offset)
        record->earlier_offset = entry.state_offset;
    return BUS_OK;
}

static int by_offset(const void *left, const void *right)
{
    int64_t a = (*(const struct cli_subject_record *const *)left)->earlier_offset;
    int64_t b = (*(const struct cli_subject_record *const *)right)->earlier_offset;
    return a < b ? -1 : a > b;
}

/* The entries at every record's earlier_offset, in the order of the topic. */
static enum bus_status fetch_round(struct reading *reading, struct cli_fetch *fetch, int64_t *offsets,
                                   struct bus_error *error)
{
    reading->wanted_count = reading->heard = 0;
    for (size_t i = 0; i < reading->count; i++)
        if (reading->records[i].earlier_offset >= 0)
            reading->wanted[reading->wanted_count++] = &reading->records[i];
    qsort(reading->wanted, reading->wanted_count, sizeof(struct cli_subject_record *), by_offset);
    for (size_t i = 0; i < reading->wanted_count; i++)
        offsets[i] = reading->wanted[i]->earlier_offset;
    return cli_fetch_at(fetch, offsets, reading->wanted_count, take_state, reading, error);
}

/* Round by round one version further back. */
static enum bus_status read_events(const struct cli_context *context, struct reading *reading, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    struct cli_fetch *fetch = NULL;
    int64_t *offsets = calloc(reading->count + 1, sizeof *offsets);
    reading->wanted = calloc(reading->count + 1, sizeof(struct cli_subject_record *));
    bus_topic_named(reading->report->prefix, BUS_TOPIC_STATE, topic);
    enum bus_status status = offsets != NULL && reading->wanted != NULL ? BUS_OK : fail_memory(error);
    if (status == BUS_OK)
        status = cli_fetch_open(&context->kafka, topic, reading->report->partition, &fetch, error);
    for (size_t i = 0; i < reading->count; i++) {
        struct cli_subject_record *record = &reading->records[i];
        record->item = bus_catalogue_item_by_number(reading->report->catalogue, record->entry.item);
        record->earlier_offset = record->event_offset;
    }
    do {
        if (status == BUS_OK)
            status = fetch_round(reading, fetch, offsets, error);
    } while (status == BUS_OK && reading->wanted_count > 0);
    cli_fetch_close(fetch);
    free(reading->wanted);
    free(offsets);
    return status;
}

/* --- records and cases --- */

static int by_item(const void *left, const void *right)
{
    const struct cli_subject_record *a = left, *b = right;
    if (a->entry.item != b->entry.item)
        return a->entry.item < b->entry.item ? -1 : 1;
    if (a->entry.changed_ms != b->entry.changed_ms)
        return a->entry.changed_ms > b->entry.changed_ms ? -1 : 1;
    return memcmp(a->identity, b->identity, BUS_IDENTITY_SIZE);
}

static bool is_case(const struct cli_subject_record *record)
{
    return record->item != NULL && record->item->rights != BUS_RIGHTS_NONE;
}

static void read_rights(const struct cli_subject_report *report, struct cli_subject_record *matter)
{
    struct bus_error ignored;
    struct bus_rights *rights = &matter->rights;
    if (matter->version == NULL ||
        bus_rights_read(matter->item, matter->version, matter->datum, matter->spans, rights, &ignored) != BUS_OK) {
        rights->kind = BUS_RIGHTS_NONE;
        return;
    }
    bus_event_identity(rights->target_item, rights->target_record_key, matter->target);
    char *item = bus_arena_allocate(report->arena, ITEM_SIZE);
    if (item != NULL)
        snprintf(item, ITEM_SIZE, "%.*s/%.*s", (int)rights->target_department.length,
                 (const char *)rights->target_department.data, (int)rights->target_item.length,
                 (const char *)rights->target_item.data);
    matter->target_item = item;
}

static enum bus_status tell_apart(const struct reading *reading, struct bus_error *error)
{
    struct cli_subject_report *report = reading->report;
    size_t size = (reading->count + 1) * sizeof *report->records;
    report->records = bus_arena_allocate(report->arena, size);
    report->cases = bus_arena_allocate(report->arena, size);
    if (report->records == NULL || report->cases == NULL)
        return fail_memory(error);
    if (reading->count > 0)
        qsort(reading->records, reading->count, sizeof *reading->records, by_item);
    for (size_t i = 0; i < reading->count; i++) {
        struct cli_subject_record *record = &reading->records[i];
        if (is_case(record)) {
            read_rights(report, record);
            report->cases[report->case_count++] = *record;
        } else {
            report->records[report->record_count++] = *record;
        }
    }
    return BUS_OK;
}

static bool has_version(const struct cli_subject_record *record, int64_t version)
{
    for (size_t i = 0; i < record->version_count; i++)
        if (record->versions[i].version == version)
            return true;
    return false;
}

static int by_version(const void *left, const void *right)
{
    const struct cli_subject_version *a = left, *b = right;
    return a->version > b->version ? -1 : a->version < b->version;
}

/* A version that xq.state has let go, or never held because the next came in the same transaction, is known by its disclosures. */
static enum bus_status add_disclosed_versions(const struct cli_subject_report *report,
                                              struct cli_subject_record *record, struct bus_error *error)
{
    for (size_t i = 0; i < record->trail->count; i++) {
        const struct cli_disclosure *disclosure = &record->trail->disclosures[i];
        bool withdrawn = disclosure->operation == BUS_DELIVERY_WITHDRAW && disclosure->reason == BUS_REASON_WITHDRAWN;
        if ((disclosure->operation != BUS_DELIVERY_PUT && !withdrawn) || has_version(record, disclosure->version))
            continue;
        struct cli_subject_version version = {disclosure->version, disclosure->at_ms, withdrawn};
        if (record->version_count >= CLI_SUBJECT_MAX_VERSIONS)
            break;
        if (!add_version(report, record, version))
            return fail_memory(error);
    }
    if (record->version_count > 1)
        qsort(record->versions, record->version_count, sizeof *record->versions, by_version);
    return BUS_OK;
}

static enum bus_status read_trails(const struct cli_context *context, struct cli_subject_report *report,
                                   struct bus_error *error)
{
    struct cli_trail *trails = bus_arena_allocate(report->arena, (report->record_count + 1) * sizeof *trails);
    if (trails == NULL)
        return fail_memory(error);
    for (size_t i = 0; i < report->record_count; i++) {
        trails[i] = (struct cli_trail){.next = report->records[i].entry.audit_offset};
        memcpy(trails[i].record, report->records[i].identity, BUS_IDENTITY_SIZE);
        report->records[i].trail = &trails[i];
    }
    enum bus_status status = cli_trails_walk(&context->kafka, report->prefix, report->partition, report->subject_key,
                                             trails, report->record_count, report->arena, error);
    for (size_t i = 0; status == BUS_OK && i < report->record_count; i++)
        status = add_disclosed_versions(report, &report->records[i], error);
    return status;
}

enum bus_status cli_subject_read(const struct cli_context *context, struct cli_subject_report *report,
                                 struct bus_error *error)
{
    struct reading reading = {.report = report};
    enum bus_status status = read_entries(context, &reading, error);
    if (status == BUS_OK)
        status = read_events(context, &reading, error);
    if (status == BUS_OK)
        status = tell_apart(&reading, error);
    if (status == BUS_OK)
        status = read_trails(context, report, error);
    free(reading.records);
    return status;
}

bool cli_subject_is_open(const struct cli_subject_report *report, const struct cli_subject_record *matter)
{
    if (matter->entry.marks == BUS_RIGHTS_OPENED)
        return true;
    if (matter->entry.marks != BUS_RIGHTS_UPHELD)
        return false;
    for (size_t i = 0; i < report->record_count; i++)
        if (memcmp(report->records[i].identity, matter->target, BUS_IDENTITY_SIZE) == 0)
            return bus_state_has_mark(&report->records[i].entry, BUS_MARK_CORRECTING);
    return false;
}
