#include "cli/trail.h"

#include "bus/audit.h"
#include "bus/topics.h"
#include "cli/fetch.h"

enum { FIRST_CAPACITY = 8 };

/* Grants that were copied, so that each stands in the arena once. */
struct known_grant {
    struct known_grant *next;
    struct cli_trail_grant grant;
};

struct walk {
    const uint8_t *subject_key;
    struct cli_trail *trails;
    size_t trail_count, total;
    struct bus_arena *arena;
    struct known_grant *grants;
    struct bus_audit_reader reader;
    const struct cli_trail_grant *copied[BUS_AUDIT_MAX_GRANTS]; /* of the reader's grants */
};

static enum bus_status too_many(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "walk the audit: more than %d disclosures, or out of memory", CLI_TRAIL_MAX);
}

/* --- grants --- */

static bool is_text(const char *text, struct bus_bytes bytes)
{
    return bus_bytes_equal_text(bytes, text);
}

static bool has_fields(const struct cli_trail_grant *known, struct bus_audit_grant grant)
{
    struct bus_bytes name;
    enum bus_transform transform;
    size_t i = 0;
    for (; bus_audit_next_field(&grant, &name, &transform); i++)
        if (i == known->field_count || known->fields[i].transform != transform || !is_text(known->fields[i].name, name))
            return false;
    return i == known->field_count;
}

static bool is_same(const struct cli_trail_grant *known, const struct bus_audit_grant *grant,
                    struct bus_bytes catalogue)
{
    return is_text(known->catalogue, catalogue) && is_text(known->subscriber, grant->subscriber) &&
           is_text(known->grant, grant->grant) && is_text(known->department, grant->department) &&
           is_text(known->item, grant->item) && is_text(known->purpose, grant->purpose) &&
           is_text(known->legal_basis, grant->legal_basis) && has_fields(known, *grant);
}

static const char *copy_text(struct bus_arena *arena, struct bus_bytes text)
{
    char *copy = bus_arena_allocate(arena, text.length + 1);
    if (copy == NULL)
        return NULL;
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return copy;
}

static bool copy_fields(struct bus_arena *arena, struct bus_audit_grant grant, struct cli_trail_grant *copy)
{
    struct bus_audit_grant counted = grant;
    struct bus_bytes name;
    enum bus_transform transform;
    size_t count = 0;
    while (bus_audit_next_field(&counted, &name, &transform))
        count++;
    struct cli_trail_field *fields = bus_arena_allocate(arena, (count + 1) * sizeof *fields);
    if (fields == NULL)
        return false;
    for (size_t i = 0; i < count && bus_audit_next_field(&grant, &name, &transform); i++) {
        fields[i] = (struct cli_trail_field){copy_text(arena, name), transform};
        if (fields[i].name == NULL)
            return false;
    }
    copy->fields = fields;
    copy->field_count = count;
    return true;
}

static const struct cli_trail_grant *copy_grant(struct walk *walk, const struct bus_audit_grant *grant)
{
    struct bus_bytes catalogue = walk->reader.catalogue;
    for (const struct known_grant *known = walk->grants; known != NULL; known = known->next)
        if (is_same(&known->grant, grant, catalogue))
            return &known->grant;
    struct known_grant *known = bus_arena_allocate(walk->arena, sizeof *known);
    if (known == NULL)
        return NULL;
    known->grant = (struct cli_trail_grant){
        .subscriber = copy_text(walk->arena, grant->subscriber),
        .grant = copy_text(walk->arena, grant->grant),
        .department = copy_text(walk->arena, grant->department),
        .item = copy_text(walk->arena, grant->item),
        .purpose = copy_text(walk->arena, grant->purpose),
        .legal_basis = copy_text(walk->arena, grant->legal_basis),
        .catalogue = copy_text(walk->arena, catalogue),
    };
    const struct cli_trail_grant *copy = &known->grant;
    if (copy->subscriber == NULL || copy->grant == NULL || copy->department == NULL || copy->item == NULL ||
        copy->purpose == NULL || copy->legal_basis == NULL || copy->catalogue == NULL ||
        !copy_fields(walk->arena, *grant, &known->grant))
        return NULL;
    known->next = walk->grants;
    walk->grants = known;
    return copy;
}

static const struct cli_trail_grant *grant_at(struct walk *walk, size_t index)
{
    if (walk->copied[index] == NULL)
        walk->copied[index] = copy_grant(walk, &walk->reader.grants[index]);
    return walk->copied[index];
}

/* --- disclosures --- */

static struct cli_disclosure *add(struct walk *walk, struct cli_trail *trail)
{
    if (walk->total++ == CLI_TRAIL_MAX)
        return NULL;
    if (trail->count == trail->capacity) {
        size_t capacity = trail->capacity == 0 ? FIRST_CAPACITY : 2 * trail->capacity;
        struct cli_disclosure *grown = bus_arena_allocate(walk->arena, capacity * sizeof *grown);
        if (grown == NULL)
            return NULL;
        if (trail->count > 0)
            memcpy(grown, trail->disclosures, trail->count * sizeof *grown);
        trail->disclosures = grown;
        trail->capacity = capacity;
    }
    return &trail->disclosures[trail->count++];
}

/* The record's trail, when it has led to this audit record. */
static struct cli_trail *trail_of(struct walk *walk, const struct bus_disclosure *disclosure, int64_t offset)
{
    if (memcmp(disclosure->subject_key, walk->subject_key, BUS_SUBJECT_KEY_SIZE) != 0)
        return NULL;
    for (size_t i = 0; i < walk->trail_count; i++)
        if (walk->trails[i].next == offset &&
            memcmp(walk->trails[i].record, disclosure->record, BUS_IDENTITY_SIZE) == 0)
            return &walk->trails[i];
    return NULL;
}

static enum bus_status take_disclosures(struct walk *walk, int64_t offset, struct bus_error *error)
{
    struct bus_disclosure disclosure;
    while (bus_audit_next(&walk->reader, &disclosure)) {
        struct cli_trail *trail = trail_of(walk, &disclosure, offset);
        if (trail == NULL)
            continue;
        const struct cli_trail_grant *grant = grant_at(walk, disclosure.grant);
        struct cli_disclosure *kept = grant != NULL ? add(walk, trail) : NULL;
        if (kept == NULL)
            return too_many(error);
        *kept = (struct cli_disclosure){
            .grant = grant,
            .offset = offset,
            .at_ms = walk->reader.at_ms,
            .version = disclosure.version,
            .operation = disclosure.operation,
            .reason = disclosure.reason,
            .leaf = disclosure.leaf,
        };
    }
    return BUS_OK;
}

/* Where each trail goes on, which the record's disclosures say alike. */
static void find_next(struct walk *walk, struct bus_bytes value, int64_t offset)
{
    struct bus_disclosure disclosure;
    struct bus_error ignored;
    if (bus_audit_open(value, &walk->reader, &ignored) != BUS_OK)
        return;
    while (bus_audit_next(&walk->reader, &disclosure)) {
        struct cli_trail *trail = trail_of(walk, &disclosure, offset);
        if (trail != NULL)
            trail->next = disclosure.previous < offset ? disclosure.previous : -1;
    }
}

/* An audit record lists what left in the order of time; the newest comes first here. */
static void reverse(struct cli_disclosure *disclosures, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct cli_disclosure swapped = disclosures[i];
        disclosures[i] = disclosures[count - 1 - i];
        disclosures[count - 1 - i] = swapped;
    }
}

static void put_newest_first(struct walk *walk, int64_t offset)
{
    for (size_t i = 0; i < walk->trail_count; i++) {
        struct cli_trail *trail = &walk->trails[i];
        size_t from = trail->count;
        while (from > 0 && trail->disclosures[from - 1].offset == offset)
            from--;
        if (from < trail->count)
            reverse(trail->disclosures + from, trail->count - from);
    }
}

/* Trails that still wait for this offset have found nothing there. */
static void cut(struct walk *walk, int64_t offset)
{
    for (size_t i = 0; i < walk->trail_count; i++)
        if (walk->trails[i].next == offset) {
            walk->trails[i].next = -1;
            walk->trails[i].cut = true;
        }
}

static enum bus_status take_audit(void *self, int64_t offset, const struct bus_message *message,
                                  struct bus_error *error)
{
    struct walk *walk = self;
    enum bus_status status = BUS_OK;
    if (message != NULL) {
        memset(walk->copied, 0, sizeof walk->copied);
        status = bus_audit_open(message->value, &walk->reader, error);
        if (status == BUS_OK)
            status = take_disclosures(walk, offset, error);
        if (status == BUS_OK && walk->reader.cursor.failed)
            status = bus_fail(error, BUS_REJECT, "it breaks off");
        if (status != BUS_OK)
            bus_error_prefix(error, "audit record %s %d:%lld", message->topic, (int)message->partition,
                             (long long)offset);
        if (status != BUS_OK)
            return status;
        put_newest_first(walk, offset);
        find_next(walk, message->value, offset);
    }
    cut(walk, offset);
    return status;
}

/* --- the walk --- */

static int64_t newest(const struct walk *walk)
{
    int64_t offset = -1;
    for (size_t i = 0; i < walk->trail_count; i++)
        if (walk->trails[i].next > offset)
            offset = walk->trails[i].next;
    return offset;
}

/* From the newest audit record that any trail leads to, back; each step leads to a lower offset, so this ends. */
enum bus_status cli_trails_walk(const struct bus_kafka *kafka, const char *prefix, int32_t partition,
                                const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE], struct cli_trail *trails, size_t count,
                                struct bus_arena *arena, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    struct cli_fetch *fetch = NULL;
    struct walk *walk = bus_arena_allocate(arena, sizeof *walk);
    if (walk == NULL)
        return too_many(error);
    *walk = (struct walk){.subject_key = subject_key, .trails = trails, .trail_count = count, .arena = arena};
    bus_topic_named(prefix, BUS_TOPIC_AUDIT, topic);
    int64_t offset = newest(walk);
    enum bus_status status = offset >= 0 ? cli_fetch_open(kafka, topic, partition, &fetch, error) : BUS_OK;
    for (; status == BUS_OK && offset >= 0; offset = newest(walk))
        status = cli_fetch_at(fetch, &offset, 1, take_audit, walk, error);
    cli_fetch_close(fetch);
    return status;
}
