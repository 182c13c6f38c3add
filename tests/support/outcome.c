#include "tests/support/outcome.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/audit.h"
#include "bus/seal.h"
#include "bus/topics.h"

enum { MAX_TOPICS = BUS_CATALOGUE_MAX_SUBSCRIBERS + 2, MAX_LOGS = 256, ARENA_BYTES = 64 << 20 };

/* An output log as its agent reads it. */
struct log {
    char name[BUS_SEAL_MAX_TEXT];
    struct bus_seal_reader reader;
    bus_digest_bytes leaves[TEST_OUTCOME_MAX];
    size_t pending; /* leaves that no seal has covered yet */
};

struct test_outcome {
    const struct bus_views *views;
    struct bus_arena *arena;
    size_t taken[MAX_TOPICS]; /* records of each topic that were looked at: subscribers, then quarantine and audit */
    int64_t delivered[BUS_CATALOGUE_MAX_SUBSCRIBERS];
    struct log logs[MAX_LOGS];
    size_t log_count;
    struct test_delivery deliveries[TEST_OUTCOME_MAX];
    size_t delivery_count;
    struct test_refusal refusals[TEST_OUTCOME_MAX];
    size_t refusal_count;
};

struct test_outcome *test_outcome_create(const struct bus_views *views)
{
    struct test_outcome *outcome = calloc(1, sizeof *outcome);
    if (outcome == NULL)
        abort();
    outcome->views = views;
    outcome->arena = bus_arena_create(ARENA_BYTES);
    return outcome;
}

void test_outcome_destroy(struct test_outcome *outcome)
{
    if (outcome == NULL)
        return;
    bus_arena_destroy(outcome->arena);
    free(outcome);
}

void test_outcome_set_views(struct test_outcome *outcome, const struct bus_views *views)
{
    outcome->views = views;
    outcome->delivery_count = 0;
    outcome->refusal_count = 0;
}

void test_outcome_restart(struct test_outcome *outcome)
{
    memset(outcome->taken, 0, sizeof outcome->taken);
    outcome->delivery_count = 0;
    outcome->refusal_count = 0;
}

static bool tell(char problem[TEST_OUTCOME_TEXT_SIZE], const char *what, const char *where, const char *why)
{
    snprintf(problem, TEST_OUTCOME_TEXT_SIZE, "%.80s (%.100s): %.380s", what, where, why);
    return false;
}

/* --- deliveries --- */

static bool read_fields(struct test_delivery *delivery, struct bus_error *error)
{
    const struct bus_schema *schema = delivery->view->schema;
    struct bus_span span = delivery->head[BUS_DELIVERY_FIELDS];
    const struct bus_field *field = bus_schema_field(schema, BUS_DELIVERY_FIELDS);
    struct bus_value value = bus_datum_value(field, delivery->record->value, span);
    if (value.type == BUS_TYPE_NULL)
        return true;
    struct bus_span inner = {span.offset + 1, span.length - 1}; /* behind the branch */
    return bus_datum_walk_record(field->value, delivery->record->value, inner, delivery->fields, error) == BUS_OK;
}

static bool take_delivery(struct test_outcome *outcome, const struct bus_subscriber *subscriber,
                          const struct test_record *record, char problem[TEST_OUTCOME_TEXT_SIZE])
{
    struct bus_error error = {.message = "no view of this subscriber has its fingerprint"};
    uint64_t fingerprint;
    if (outcome->delivery_count == TEST_OUTCOME_MAX)
        return tell(problem, "too many deliveries", record->topic, "for a scenario");
    struct test_delivery *delivery = &outcome->deliveries[outcome->delivery_count];
    *delivery = (struct test_delivery){.subscriber = subscriber, .record = record};
    if (bus_frame_fingerprint(record->value, &fingerprint, &error) != BUS_OK)
        return tell(problem, "delivery cannot be read", record->topic, error.message);
    delivery->view = bus_views_find(outcome->views, subscriber->name, fingerprint);
    if (delivery->view == NULL ||
        bus_datum_walk(delivery->view->schema, record->value, delivery->head, &error) != BUS_OK ||
        !read_fields(delivery, &error))
        return tell(problem, "delivery cannot be read", record->topic, error.message);
    outcome->delivery_count++;
    outcome->delivered[subscriber->number]++;
    return true;
}

/* --- logs --- */

static struct log *log_of(struct test_outcome *outcome, const struct test_record *record)
{
    char name[BUS_SEAL_MAX_TEXT];
    snprintf(name, sizeof name, "%.200s/%d", record->topic, record->partition);
    for (size_t i = 0; i < outcome->log_count; i++)
        if (strcmp(outcome->logs[i].name, name) == 0)
            return &outcome->logs[i];
    if (outcome->log_count == MAX_LOGS)
        abort();
    struct log *log = &outcome->logs[outcome->log_count++];
    memcpy(log->name, name, sizeof name);
    return log;
}

static bool check_seal(struct test_outcome *outcome, const struct test_world *world, struct log *log,
                       struct bus_bytes bytes, char problem[TEST_OUTCOME_TEXT_SIZE])
{
    struct bus_error error;
    struct bus_seal seal;
    const char *exchange = bus_catalogue_exchange_view(test_world_catalogue(world));
    if (bus_seal_decode(bytes, &seal, &error) != BUS_OK ||
        bus_seal_expect(&seal, exchange, log->name, &error) != BUS_OK ||
        bus_seal_verify(&seal, test_world_key(world), &error) != BUS_OK ||
        bus_seal_reader_check(&log->reader, &seal, log->leaves, log->pending, outcome->arena, &error) != BUS_OK)
        return tell(problem, "seal", log->name, error.message);
    log->pending = 0;
    return true;
}

static bool check_log(struct test_outcome *outcome, const struct test_world *world, const struct test_record *record,
                      char problem[TEST_OUTCOME_TEXT_SIZE])
{
    struct log *log = log_of(outcome, record);
    struct bus_error error;
    if (record->leaf.length != 8 || bus_get_u64be(record->leaf.data) != log->reader.log.size + log->pending)
        return tell(problem, "leaf", log->name, "its number is not the next one");
    enum bus_hash hash = bus_suite_hash(bus_key_suite(test_world_key(world)));
    if (bus_merkle_leaves(hash, &record->key, &record->value, 1, outcome->arena, &log->leaves[log->pending++],
                          &error) != BUS_OK)
        return tell(problem, "leaf", log->name, error.message);
    return record->seal.data == NULL || check_seal(outcome, world, log, record->seal, problem);
}

static bool all_sealed(const struct test_outcome *outcome, char problem[TEST_OUTCOME_TEXT_SIZE])
{
    for (size_t i = 0; i < outcome->log_count; i++)
        if (outcome->logs[i].pending != 0)
            return tell(problem, "seal", outcome->logs[i].name, "the transaction's last records have none");
    return true;
}

/* --- quarantine and audit --- */

static bool take_refusal(struct test_outcome *outcome, const struct test_record *record,
                         char problem[TEST_OUTCOME_TEXT_SIZE])
{
    struct bus_error error = {.message = "too many"};
    if (outcome->refusal_count == TEST_OUTCOME_MAX ||
        bus_quarantine_decode(record->value, &outcome->refusals[outcome->refusal_count].content, &error) != BUS_OK)
        return tell(problem, "quarantine record", record->topic, error.message);
    outcome->refusals[outcome->refusal_count++].seen = false;
    return true;
}

static int64_t head_number(const struct test_delivery *delivery, enum bus_delivery_field field)
{
    return bus_datum_value(bus_schema_field(delivery->view->schema, field), delivery->record->value,
                           delivery->head[field])
        .integer;
}

/* Begin and end of a resync tell nobody anything about a record. */
static bool is_disclosure(const struct test_delivery *delivery)
{
    return head_number(delivery, BUS_DELIVERY_OPERATION) < BUS_DELIVERY_RESYNC_BEGIN;
}

/* The delivery that the disclosure is about says the same of itself. */
static bool says_the_same(const struct test_delivery *delivery, const struct bus_disclosure *disclosure,
                          const struct bus_audit_grant *grant)
{
    return bus_bytes_equal_text(grant->grant, delivery->view->grant->name) &&
           bus_bytes_equal_text(grant->item, delivery->view->item->name) &&
           bus_bytes_equal_text(grant->department, delivery->view->item->department->name) &&
           memcmp(delivery->record->key.data, disclosure->record, BUS_IDENTITY_SIZE) == 0 &&
           head_number(delivery, BUS_DELIVERY_VERSION) == disclosure->version &&
           head_number(delivery, BUS_DELIVERY_OPERATION) == (int64_t)disclosure->operation &&
           head_number(delivery, BUS_DELIVERY_REASON) == (int64_t)disclosure->reason;
}

static bool was_delivered(const struct test_outcome *outcome, const struct bus_disclosure *disclosure,
                          const struct bus_audit_grant *grant, int32_t partition)
{
    for (size_t i = 0; i < outcome->delivery_count; i++) {
        const struct test_delivery *delivery = &outcome->deliveries[i];
        if (delivery->record->partition == partition &&
            bus_bytes_equal_text(grant->subscriber, delivery->subscriber->name) &&
            bus_get_u64be(delivery->record->leaf.data) == disclosure->leaf)
            return is_disclosure(delivery) && says_the_same(delivery, disclosure, grant);
    }
    return false;
}

static bool take_audit(const struct test_outcome *outcome, const struct test_record *record, size_t *disclosures,
                       char problem[TEST_OUTCOME_TEXT_SIZE])
{
    struct bus_error error;
    struct bus_audit_reader reader;
    struct bus_disclosure disclosure;
    if (bus_audit_open(record->value, &reader, &error) != BUS_OK)
        return tell(problem, "audit record", record->topic, error.message);
    for (; bus_audit_next(&reader, &disclosure); ++*disclosures)
        if (!was_delivered(outcome, &disclosure, &reader.grants[disclosure.grant], record->partition))
            return tell(problem, "audit", record->topic, "it names a delivery that was not made, or not like this");
    return !reader.cursor.failed || tell(problem, "audit record", record->topic, "it breaks off");
}

static size_t count_disclosures(const struct test_outcome *outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < outcome->delivery_count; i++)
        count += is_disclosure(&outcome->deliveries[i]);
    return count;
}

/* --- all together --- */

static bool take_subscriber(struct test_outcome *outcome, const struct test_world *world,
                            const struct bus_subscriber *subscriber, char problem[TEST_OUTCOME_TEXT_SIZE])
{
    char topic[BUS_TOPIC_SIZE];
    bus_topic_out("xq.", subscriber->name, topic);
    for (size_t *taken = &outcome->taken[subscriber->number]; *taken < test_world_count(world, topic); ++*taken) {
        const struct test_record *record = test_world_record(world, topic, *taken);
        if (!take_delivery(outcome, subscriber, record, problem) || !check_log(outcome, world, record, problem))
            return false;
    }
    return true;
}

bool test_outcome_take(struct test_outcome *outcome, const struct test_world *world,
                       char problem[TEST_OUTCOME_TEXT_SIZE])
{
    const struct bus_catalogue *catalogue = test_world_catalogue(world);
    size_t *quarantined = &outcome->taken[BUS_CATALOGUE_MAX_SUBSCRIBERS], *audited = quarantined + 1, disclosures = 0;
    outcome->delivery_count = 0;
    outcome->refusal_count = 0;
    bus_arena_reset(outcome->arena);
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++)
        if (!take_subscriber(outcome, world, bus_catalogue_subscriber(catalogue, i), problem))
            return false;
    for (; *quarantined < test_world_count(world, "xq." BUS_TOPIC_QUARANTINE); ++*quarantined)
        if (!take_refusal(outcome, test_world_record(world, "xq." BUS_TOPIC_QUARANTINE, *quarantined), problem))
            return false;
    for (; *audited < test_world_count(world, "xq." BUS_TOPIC_AUDIT); ++*audited)
        if (!take_audit(outcome, test_world_record(world, "xq." BUS_TOPIC_AUDIT, *audited), &disclosures, problem))
            return false;
    if (disclosures != count_disclosures(outcome))
        return tell(problem, "audit", "xq.audit", "it does not name every delivery once");
    return all_sealed(outcome, problem);
}

size_t test_outcome_delivery_count(const struct test_outcome *outcome)
{
    return outcome->delivery_count;
}

struct test_delivery *test_outcome_delivery(struct test_outcome *outcome, size_t index)
{
    return &outcome->deliveries[index];
}

size_t test_outcome_refusal_count(const struct test_outcome *outcome)
{
    return outcome->refusal_count;
}

struct test_refusal *test_outcome_refusal(struct test_outcome *outcome, size_t index)
{
    return &outcome->refusals[index];
}

int64_t test_outcome_delivered(const struct test_outcome *outcome, const struct bus_subscriber *subscriber)
{
    return outcome->delivered[subscriber->number];
}

/* --- a delivery as text --- */

static void append_value(const struct bus_field *field, struct bus_bytes datum, struct bus_span span,
                         struct bus_buffer *text)
{
    struct bus_value value = bus_datum_value(field, datum, span);
    if (value.type == BUS_TYPE_NULL)
        bus_buffer_printf(text, "null");
    else
        bus_datum_text(field->value, &value, text);
}

void test_delivery_text(const struct test_delivery *delivery, const char *name, struct bus_buffer *text)
{
    const struct bus_schema *schema = delivery->view->schema;
    struct bus_bytes datum = delivery->record->value;
    int index = bus_schema_find(schema, name);
    if (index >= 0) {
        append_value(bus_schema_field(schema, (size_t)index), datum, delivery->head[index], text);
        return;
    }
    const struct bus_field *fields = bus_schema_field(schema, BUS_DELIVERY_FIELDS);
    bool is_put = bus_datum_value(fields, datum, delivery->head[BUS_DELIVERY_FIELDS]).type != BUS_TYPE_NULL;
    for (size_t i = 0; is_put && i < fields->value->field_count; i++)
        if (strcmp(fields->value->fields[i].name, name) == 0) {
            append_value(&fields->value->fields[i], datum, delivery->fields[i], text);
            return;
        }
    bus_buffer_printf(text, "absent");
}
