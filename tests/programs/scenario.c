/* Scenario: runs scenario files (tests/scenarios/README.md) against the real pipeline, state and settle. A line a file, then
 * "N passed, N failed". Each file runs in a process of its own, so that one that crashes is one that failed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/log.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include "tests/support/sample.h"
#include "tests/support/script.h"

enum { MAX_LINE = 8192, MAX_SEQUENCES = 256, MAX_KEYS = 512, MAX_GIVEN = 48, DEFAULT_PARTITIONS = 3 };

#define DEFAULT_TIME "2026-11-24T09:00:00Z"

/* The last sequence number that an adapter gave in a topic and partition. */
struct sequence {
    char name[512];
    int64_t last;
};

struct scenario {
    const char *path;
    int line;
    char problem[2 * MAX_LINE];
    char folder[TEST_FOLDER_SIZE];
    struct test_world_options options;
    char catalogue_path[512];
    struct bus_catalogue *catalogue; /* as the world's, but it lives through restarts */
    struct bus_views *views;
    struct test_world *world; /* NULL before the first line that needs it */
    struct test_outcome *outcome;
    struct sequence sequences[MAX_SEQUENCES];
    size_t sequence_count;
    char *record_keys[MAX_KEYS]; /* none of them may ever leave */
    size_t record_key_count;
    struct bus_buffer text;
};

static bool fail(struct scenario *scenario, const char *format, ...) BUS_PRINTF(2, 3);
static bool fail(struct scenario *scenario, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scenario->problem, sizeof scenario->problem, format, arguments);
    va_end(arguments);
    return false;
}

/* --- the world --- */

static bool open_world(struct scenario *scenario)
{
    struct bus_error error;
    if (scenario->world != NULL)
        return true;
    scenario->options.catalogue = scenario->catalogue_path;
    scenario->options.state_folder = scenario->folder;
    if (scenario->catalogue == NULL &&
        (bus_catalogue_load(scenario->catalogue_path, &scenario->catalogue, &error) != BUS_OK ||
         bus_views_create(scenario->catalogue, &scenario->views, &error) != BUS_OK))
        return fail(scenario, "%s", error.message);
    if (scenario->outcome == NULL)
        scenario->outcome = test_outcome_create(scenario->views);
    scenario->world = test_world_create(&scenario->options);
    return true;
}

static void release(struct scenario *scenario)
{
    test_world_destroy(scenario->world);
    test_outcome_destroy(scenario->outcome);
    bus_views_destroy(scenario->views);
    bus_catalogue_destroy(scenario->catalogue);
    bus_buffer_release(&scenario->text);
    for (size_t i = 0; i < scenario->record_key_count; i++)
        free(scenario->record_keys[i]);
    test_folder_remove(scenario->folder);
}

/* --- setting the stage: catalogue, partitions, suite, at, restart, trouble --- */

static bool set_catalogue(struct scenario *scenario, const struct test_word *words, int count)
{
    if (count != 2 || scenario->world != NULL)
        return fail(scenario, "catalogue demo|test comes once, first");
    const char *path = strcmp(words[1].name, "test") == 0 ? "tests/scenarios/catalogue" : "schemas";
    snprintf(scenario->catalogue_path, sizeof scenario->catalogue_path, "%s/%s/catalogue.cfg", XINQIAO_SOURCE, path);
    return true;
}

static bool set_partitions(struct scenario *scenario, const struct test_word *words, int count)
{
    scenario->options.partitions = count == 2 ? atoi(words[1].name) : 0;
    return (scenario->world == NULL && scenario->options.partitions > 0) || fail(scenario, "partitions N comes first");
}

static bool set_suite(struct scenario *scenario, const struct test_word *words, int count)
{
    struct bus_error error = {.message = "suite NAME comes first"};
    bool good = count == 2 && scenario->world == NULL &&
                bus_suite_parse(words[1].name, &scenario->options.suite, &error) == BUS_OK;
    return good || fail(scenario, "%s", error.message);
}

static bool set_time(struct scenario *scenario, const struct test_word *words, int count)
{
    if (count != 2 || !test_script_time(words[1].name, &scenario->options.now_ms))
        return fail(scenario, "at needs a time such as " DEFAULT_TIME);
    if (scenario->world != NULL)
        test_world_set_time(scenario->world, scenario->options.now_ms);
    return true;
}

static bool restart(struct scenario *scenario, const struct test_word *words, int count)
{
    (void)words;
    if (count != 1 || scenario->world == NULL)
        return fail(scenario, "restart stands alone, after something was done");
    test_world_destroy(scenario->world);
    scenario->world = NULL;
    test_outcome_restart(scenario->outcome);
    return open_world(scenario);
}

static bool make_trouble(struct scenario *scenario, const struct test_word *words, int count)
{
    static const char *const steps[TEST_STEP_COUNT] = {"begin", "produce", "flush", "offsets", "commit", "abort"};
    if (count != 2 || !open_world(scenario))
        return fail(scenario, "trouble needs a step: begin, produce, flush, offsets, commit, abort");
    for (int i = 0; i < TEST_STEP_COUNT; i++)
        if (strcmp(steps[i], words[1].name) == 0) {
            test_world_fail(scenario->world, (enum test_step)i, BUS_RETRY, 0);
            return true;
        }
    return fail(scenario, "no step is called %s", words[1].name);
}

/* --- given --- */

/* What a given line says, beside the item's own fields. */
struct given {
    const struct bus_item *item;
    const struct bus_item_version *version;
    struct test_field fields[MAX_GIVEN + 8]; /* ends with a NULL name */
    size_t field_count;
    const char *key, *subject, *kind, *adapter, *sequence;
    bool replay, other_partition;
    const char *topic_key;                  /* hex, instead of the subject's key */
    const char *cut, *append, *fingerprint; /* damage to the whole */
    const char *bytes_field, *bytes_hex;    /* damage to one field: bytes.FIELD=HEX */
    char record_key[1200], sequence_text[24];
};

static const char **setting_of(struct given *given, const char *name)
{
    const struct {
        const char *name;
        const char **place;
    } settings[] = {
        {"key", &given->key},         {"subject", &given->subject},   {"kind", &given->kind},
        {"adapter", &given->adapter}, {"sequence", &given->sequence}, {"topic-key", &given->topic_key},
        {"cut", &given->cut},         {"append", &given->append},     {"fingerprint", &given->fingerprint},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (strcmp(settings[i].name, name) == 0)
            return settings[i].place;
    return NULL;
}

static void add_field(struct given *given, const char *name, const char *value)
{
    given->fields[given->field_count++] = (struct test_field){name, value};
}

static bool read_word(struct scenario *scenario, struct given *given, const struct test_word *word)
{
    if (word->value == NULL)
        return fail(scenario, "%s is not NAME=VALUE", word->name);
    if (given->field_count == MAX_GIVEN)
        return fail(scenario, "too many fields");
    const char **setting = setting_of(given, word->name);
    if (setting != NULL) {
        *setting = word->value;
    } else if (strcmp(word->name, "schema") == 0) {
        size_t number = strtoul(word->value, NULL, 10);
        if (number == 0 || number > given->item->version_count)
            return fail(scenario, "%s has no schema %s", given->item->name, word->value);
        given->version = &given->item->versions[number - 1];
    } else if (strcmp(word->name, "replay") == 0) {
        given->replay = strcmp(word->value, "yes") == 0;
    } else if (strcmp(word->name, "partition") == 0) {
        given->other_partition = strcmp(word->value, "other") == 0;
    } else if (strncmp(word->name, "bytes.", 6) == 0) {
        given->bytes_field = word->name + 6;
        given->bytes_hex = word->value;
    } else {
        const char *name = strcmp(word->name, "name") == 0   ? "subject_name"
                           : strcmp(word->name, "area") == 0 ? "area_code"
                                                             : word->name;
        add_field(given, name, word->value);
    }
    return true;
}

static const struct bus_item *find_item(struct scenario *scenario, const char *text)
{
    char department[128];
    const char *slash = strchr(text, '/');
    if (slash == NULL || (size_t)(slash - text) >= sizeof department)
        return NULL;
    snprintf(department, sizeof department, "%.*s", (int)(slash - text), text);
    return bus_catalogue_find_item(scenario->catalogue, department, slash + 1);
}

/* Counts up, unless the line names a number or is a replay; what is named is counted on from. */
static int64_t next_sequence(struct scenario *scenario, const struct given *given, int32_t partition)
{
    char name[512];
    snprintf(name, sizeof name, "%s %s.%s %d", given->adapter, given->item->department->name, given->item->name,
             partition);
    struct sequence *sequence = NULL;
    for (size_t i = 0; i < scenario->sequence_count; i++)
        if (strcmp(scenario->sequences[i].name, name) == 0)
            sequence = &scenario->sequences[i];
    if (sequence == NULL) {
        if (scenario->sequence_count == MAX_SEQUENCES)
            abort();
        sequence = &scenario->sequences[scenario->sequence_count++];
        memcpy(sequence->name, name, sizeof name);
    }
    if (given->sequence != NULL)
        sequence->last = strtoll(given->sequence, NULL, 10);
    else if (!given->replay)
        sequence->last++;
    return sequence->last;
}

static size_t unhex(const char *hex, uint8_t *bytes, size_t most)
{
    size_t length = strlen(hex) / 2;
    return length <= most && bus_unhex(hex, bytes, length) ? length : 0;
}

/* Puts other bytes in the place of one field. */
static bool damage_field(struct scenario *scenario, const struct given *given, struct bus_buffer *datum)
{
    struct bus_span spans[256];
    struct bus_error error;
    const struct bus_schema *schema = given->version->schema;
    int index = bus_schema_find(schema, given->bytes_field);
    uint8_t bytes[512];
    size_t length = unhex(given->bytes_hex, bytes, sizeof bytes);
    if (index < 0 || length == 0 || bus_datum_walk(schema, bus_buffer_view(datum), spans, &error) != BUS_OK)
        return fail(scenario, "bytes.FIELD=HEX: no field %s, or no hex", given->bytes_field);
    struct bus_buffer damaged;
    bus_buffer_init(&damaged, 2 * BUS_DATUM_MAX_SIZE);
    size_t behind = spans[index].offset + spans[index].length;
    bus_buffer_append(&damaged, datum->data, spans[index].offset);
    bus_buffer_append(&damaged, bytes, length);
    bus_buffer_append(&damaged, datum->data + behind, datum->length - behind);
    bus_buffer_release(datum);
    *datum = damaged;
    return true;
}

static bool damage(struct scenario *scenario, const struct given *given, struct bus_buffer *datum)
{
    uint8_t bytes[512];
    if (given->bytes_field != NULL && !damage_field(scenario, given, datum))
        return false;
    if (given->fingerprint != NULL && !bus_unhex(given->fingerprint, datum->data + 2, 8))
        return fail(scenario, "fingerprint=16 hex digits");
    if (given->cut != NULL)
        datum->length -= strtoul(given->cut, NULL, 10);
    if (given->append != NULL)
        bus_buffer_append(datum, bytes, unhex(given->append, bytes, sizeof bytes));
    return true;
}

static void feed(struct scenario *scenario, const struct given *given, int32_t partition,
                 const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE], struct bus_bytes value)
{
    uint8_t other_key[BUS_SUBJECT_KEY_SIZE];
    bool is_other = given->topic_key != NULL && bus_unhex(given->topic_key, other_key, sizeof other_key);
    test_world_feed(scenario->world, given->item, partition,
                    bus_bytes_of(is_other ? other_key : subject_key, BUS_SUBJECT_KEY_SIZE), value, given->adapter,
                    given->replay);
}

/* The subject's key and partition; a subject_id that is none goes where the sample subject goes. */
static int32_t place_subject(const struct scenario *scenario, const struct given *given,
                             uint8_t subject_key[BUS_SUBJECT_KEY_SIZE])
{
    struct bus_error error;
    char identifier[19];
    bool is_person = strcmp(given->kind, "PERSON") == 0;
    enum bus_subject_kind kind = is_person ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
    const char *subject = given->subject;
    if (bus_subject_identifier(kind, bus_bytes_text(subject), identifier, &error) != BUS_OK) {
        kind = BUS_SUBJECT_ORGANISATION;
        subject = TEST_SAMPLE_USCC;
    }
    int32_t partition = test_world_subject(scenario->world, kind, subject, subject_key);
    return given->other_partition ? (partition + 1) % scenario->options.partitions : partition;
}

static bool give_event(struct scenario *scenario, struct given *given)
{
    char problem[TEST_SAMPLE_PROBLEM_SIZE] = "";
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
    int32_t partition = place_subject(scenario, given, subject_key);
    snprintf(given->sequence_text, sizeof given->sequence_text, "%lld",
             (long long)next_sequence(scenario, given, partition));
    snprintf(given->record_key, sizeof given->record_key, "%s|%s", given->item->department->name, given->key);
    add_field(given, "sequence", given->sequence_text);
    add_field(given, "subject_kind", given->kind);
    add_field(given, "subject_id", given->subject);
    add_field(given, "record_key", given->record_key); /* a field named in the line comes first and wins */
    if (scenario->record_key_count < MAX_KEYS && strlen(given->key) > 1)
        scenario->record_keys[scenario->record_key_count++] = strdup(given->record_key);
    struct bus_buffer datum;
    bus_buffer_init(&datum, 2 * BUS_DATUM_MAX_SIZE);
    bool good = test_sample_event(scenario->catalogue, given->item, given->version, given->fields, &datum, problem) ||
                fail(scenario, "%s", problem);
    good = good && damage(scenario, given, &datum);
    if (good)
        feed(scenario, given, partition, subject_key, bus_buffer_view(&datum));
    bus_buffer_release(&datum);
    return good;
}

static bool begin_given(struct scenario *scenario, const struct test_word *words, int count, struct given *given)
{
    if (!open_world(scenario))
        return false;
    *given = (struct given){.key = "1", .subject = TEST_SAMPLE_USCC, .kind = "ORGANISATION"};
    given->item = count >= 3 ? find_item(scenario, words[1].name) : NULL;
    if (given->item == NULL)
        return fail(scenario, "no item is called %s", count >= 2 ? words[1].name : "");
    given->version = bus_item_current(given->item);
    given->adapter = given->item->department->name;
    return true;
}

static bool give(struct scenario *scenario, const struct test_word *words, int count)
{
    struct given given;
    if (!begin_given(scenario, words, count, &given))
        return false;
    add_field(&given, "operation", words[2].name);
    for (int i = 3; i < count; i++)
        if (!read_word(scenario, &given, &words[i]))
            return false;
    return give_event(scenario, &given);
}

/* given-bytes ITEM HEX|null|empty|huge: something in an event's place. */
static bool give_bytes(struct scenario *scenario, const struct test_word *words, int count)
{
    struct given given;
    static uint8_t bytes[BUS_DATUM_MAX_SIZE + 2];
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
    if (!begin_given(scenario, words, count, &given))
        return false;
    const char *hex = words[2].name;
    struct bus_bytes value = bus_bytes_of(bytes, 0);
    if (strcmp(hex, "null") == 0)
        value.data = NULL;
    else if (strcmp(hex, "huge") == 0) {
        value.length = sizeof bytes;
        memcpy(bytes, "\xc3\x01", 2);
    } else if (strcmp(hex, "empty") != 0) {
        value.length = unhex(hex, bytes, sizeof bytes);
    }
    int32_t partition = place_subject(scenario, &given, subject_key);
    next_sequence(scenario, &given, partition);
    feed(scenario, &given, partition, subject_key, value);
    return true;
}

/* --- commit --- */

static int64_t book_count(const struct scenario *scenario, const struct bus_item *item, const char *subscriber,
                          enum bus_measure measure)
{
    int64_t count = 0;
    for (int32_t i = 0; i < scenario->options.partitions; i++)
        count += bus_book_count(gateway_state_book(test_world_state(scenario->world, i)), item->department->name,
                                item->name, subscriber, measure);
    return count;
}

/* Each item: consumed = accepted + duplicate + stale + quarantined; each subscriber: what the books say is in its topic. */
static bool books_balance(struct scenario *scenario)
{
    const struct bus_catalogue *catalogue = scenario->catalogue;
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        int64_t consumed = book_count(scenario, item, "", BUS_MEASURE_CONSUMED), ended = 0;
        static const enum bus_measure ends[] = {BUS_MEASURE_ACCEPTED, BUS_MEASURE_DUPLICATE, BUS_MEASURE_STALE,
                                                BUS_MEASURE_QUARANTINED};
        for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++)
            ended += book_count(scenario, item, "", ends[j]);
        if (consumed != ended)
            return fail(scenario, "the books of %s do not balance: %lld consumed, %lld ended", item->name,
                        (long long)consumed, (long long)ended);
    }
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        int64_t booked = 0;
        for (size_t j = 0; j < bus_catalogue_item_count(catalogue); j++)
            booked += book_count(scenario, bus_catalogue_item(catalogue, j), subscriber->name, BUS_MEASURE_DELIVERED);
        if (booked != test_outcome_delivered(scenario->outcome, subscriber))
            return fail(scenario, "the books have %lld deliveries to %s, its topic %lld", (long long)booked,
                        subscriber->name, (long long)test_outcome_delivered(scenario->outcome, subscriber));
    }
    return true;
}

static bool no_record_key_left(struct scenario *scenario)
{
    for (size_t i = 0; i < test_outcome_delivery_count(scenario->outcome); i++) {
        struct bus_bytes value = test_outcome_delivery(scenario->outcome, i)->record->value;
        for (size_t j = 0; j < scenario->record_key_count; j++)
            if (memmem(value.data, value.length, scenario->record_keys[j], strlen(scenario->record_keys[j])) != NULL)
                return fail(scenario, "a delivery contains the record key %s", scenario->record_keys[j]);
    }
    return true;
}

/* What the last transaction published and no line has asked for. */
static bool nothing_left_over(struct scenario *scenario)
{
    if (scenario->outcome == NULL)
        return true;
    for (size_t i = 0; i < test_outcome_delivery_count(scenario->outcome); i++) {
        const struct test_delivery *delivery = test_outcome_delivery(scenario->outcome, i);
        bus_buffer_reset(&scenario->text);
        test_delivery_text(delivery, "operation", &scenario->text);
        if (!delivery->seen)
            return fail(scenario, "not expected: %s %.*s (grant %s)", delivery->subscriber->name,
                        (int)scenario->text.length, (const char *)scenario->text.data, delivery->view->grant->name);
    }
    for (size_t i = 0; i < test_outcome_refusal_count(scenario->outcome); i++) {
        const struct test_refusal *refusal = test_outcome_refusal(scenario->outcome, i);
        const struct bus_quarantined *content = &refusal->content;
        if (!refusal->seen)
            return fail(scenario, "not expected: quarantine %.*s %.*s: %.*s", (int)content->stage.length,
                        (const char *)content->stage.data, (int)content->code.length, (const char *)content->code.data,
                        (int)content->reason_en.length, (const char *)content->reason_en.data);
    }
    return true;
}

static bool commit(struct scenario *scenario, const struct test_word *words, int count)
{
    struct bus_error error;
    char problem[TEST_OUTCOME_TEXT_SIZE];
    if (!open_world(scenario) || !nothing_left_over(scenario))
        return false;
    enum bus_status wanted = count == 2 && strcmp(words[1].name, "aborted") == 0 ? BUS_RETRY : BUS_OK;
    enum bus_status status = test_world_settle(scenario->world, &error);
    if (status != wanted)
        return fail(scenario, "the transaction ended with %s%s%s", bus_status_name(status),
                    status != BUS_OK ? ": " : "", status != BUS_OK ? error.message : "");
    return (test_outcome_take(scenario->outcome, scenario->world, problem) || fail(scenario, "%s", problem)) &&
           books_balance(scenario) && no_record_key_left(scenario);
}

/* --- expect --- */

/* ["A","B"] as A,B and [] as none: quotes mean something else in a scenario. */
static void append_flags(const struct test_delivery *delivery, struct bus_buffer *text)
{
    size_t kept = 0;
    test_delivery_text(delivery, "flags", text);
    for (size_t i = 0; i < text->length; i++)
        if (strchr("[]\"", text->data[i]) == NULL)
            text->data[kept++] = text->data[i];
    text->length = kept;
    if (kept == 0)
        bus_buffer_printf(text, "none");
}

/* Whether the delivery is as the words say; if not, `why` has the first difference. */
static bool fits(struct scenario *scenario, const struct test_delivery *delivery, const struct test_word *words,
                 int count, char why[TEST_OUTCOME_TEXT_SIZE])
{
    for (int i = 0; i < count; i++) {
        const char *name = i == 0 ? "operation" : words[i].name, *value = i == 0 ? words[0].name : words[i].value;
        struct bus_bytes datum = delivery->record->value;
        bool hides = strcmp(name, "hides") == 0;
        bus_buffer_reset(&scenario->text);
        if (hides)
            bus_buffer_printf(&scenario->text, "%s",
                              memmem(datum.data, datum.length, value, strlen(value)) == NULL ? value : "shown");
        else if (strcmp(name, "leaf") == 0)
            bus_buffer_printf(&scenario->text, "%llu", (unsigned long long)bus_get_u64be(delivery->record->leaf.data));
        else if (strcmp(name, "flags") == 0)
            append_flags(delivery, &scenario->text);
        else
            test_delivery_text(delivery, name, &scenario->text);
        if (value == NULL || bus_bytes_equal_text(bus_buffer_view(&scenario->text), value))
            continue;
        snprintf(why, TEST_OUTCOME_TEXT_SIZE, "%s is %.*s", name, (int)scenario->text.length,
                 (const char *)scenario->text.data);
        return false;
    }
    return true;
}

/* The next delivery of each partition is a candidate: within one they come in order. */
static bool expect_delivery(struct scenario *scenario, const char *subscriber, const struct test_word *words, int count)
{
    char why[TEST_OUTCOME_TEXT_SIZE] = "there is none";
    bool looked[256] = {false};
    for (size_t i = 0; i < test_outcome_delivery_count(scenario->outcome); i++) {
        struct test_delivery *delivery = test_outcome_delivery(scenario->outcome, i);
        if (delivery->seen || strcmp(delivery->subscriber->name, subscriber) != 0 ||
            looked[delivery->record->partition & 255])
            continue;
        looked[delivery->record->partition & 255] = true;
        if (fits(scenario, delivery, words, count, why)) {
            delivery->seen = true;
            return true;
        }
    }
    return fail(scenario, "no such delivery to %s: %s", subscriber, why);
}

static bool expect_no_delivery(struct scenario *scenario, const char *subscriber)
{
    for (size_t i = 0; i < test_outcome_delivery_count(scenario->outcome); i++) {
        const struct test_delivery *delivery = test_outcome_delivery(scenario->outcome, i);
        if (!delivery->seen && strcmp(delivery->subscriber->name, subscriber) == 0)
            return fail(scenario, "%s got something by grant %s", subscriber, delivery->view->grant->name);
    }
    return true;
}

/* expect quarantine STAGE CODE [department=… column=…], expect notice DEPARTMENT CODE, expect quarantine|notice nothing. */
static bool expect_refusal(struct scenario *scenario, enum bus_severity severity, const struct test_word *words,
                           int count)
{
    bool none = count == 1 && strcmp(words[0].name, "nothing") == 0;
    if (!none && count < 2)
        return fail(scenario, "expect quarantine STAGE CODE, expect notice DEPARTMENT CODE");
    for (size_t i = 0; i < test_outcome_refusal_count(scenario->outcome); i++) {
        struct test_refusal *refusal = test_outcome_refusal(scenario->outcome, i);
        const struct bus_quarantined *content = &refusal->content;
        if (refusal->seen || content->severity != severity)
            continue;
        struct bus_bytes first = severity == BUS_SEVERITY_NOTICE ? content->department : content->stage;
        if (none || !bus_bytes_equal_text(first, words[0].name) || !bus_bytes_equal_text(content->code, words[1].name))
            return fail(scenario, "found %.*s %.*s: %.*s", (int)first.length, (const char *)first.data,
                        (int)content->code.length, (const char *)content->code.data, (int)content->reason_en.length,
                        (const char *)content->reason_en.data);
        for (int j = 2; j < count; j++)
            if (memmem(content->reason_en.data, content->reason_en.length, words[j].value, strlen(words[j].value)) ==
                    NULL &&
                memmem(content->reason_zh.data, content->reason_zh.length, words[j].value, strlen(words[j].value)) ==
                    NULL)
                return fail(scenario, "the reason does not name %s: %.*s", words[j].value,
                            (int)content->reason_en.length, (const char *)content->reason_en.data);
        if (content->reason_zh.length == 0 || content->reason_en.length == 0)
            return fail(scenario, "the reason needs a sentence in both languages");
        refusal->seen = true;
        return true;
    }
    return none || fail(scenario, "there is no such record in quarantine");
}

static bool measure_named(const char *name, enum bus_measure *out_measure)
{
    for (int i = 0; i < BUS_MEASURE_COUNT; i++)
        if (strcmp(bus_measure_name((enum bus_measure)i), name) == 0) {
            *out_measure = (enum bus_measure)i;
            return true;
        }
    return false;
}

/* expect books DEPARTMENT/ITEM accepted=1 delivered.court=1 …: totals since the beginning. */
static bool expect_books(struct scenario *scenario, const struct test_word *words, int count)
{
    const struct bus_item *item = count >= 2 ? find_item(scenario, words[0].name) : NULL;
    if (item == NULL)
        return fail(scenario, "expect books DEPARTMENT/ITEM MEASURE=COUNT…");
    for (int i = 1; i < count; i++) {
        char measure_name[64];
        enum bus_measure measure;
        const char *dot = strchr(words[i].name, '.');
        snprintf(measure_name, sizeof measure_name, "%.*s", (int)strcspn(words[i].name, "."), words[i].name);
        if (words[i].value == NULL || !measure_named(measure_name, &measure))
            return fail(scenario, "%s is no measure", words[i].name);
        int64_t found = book_count(scenario, item, dot != NULL ? dot + 1 : "", measure);
        if (found != strtoll(words[i].value, NULL, 10))
            return fail(scenario, "%s is %lld in the books", words[i].name, (long long)found);
    }
    return true;
}

static bool expect(struct scenario *scenario, const struct test_word *words, int count)
{
    if (count < 3 || scenario->outcome == NULL)
        return fail(scenario, "expect SUBSCRIBER|quarantine|notice|books …, after a commit");
    const char *who = words[1].name;
    if (strcmp(who, "quarantine") == 0)
        return expect_refusal(scenario, BUS_SEVERITY_REFUSED, words + 2, count - 2);
    if (strcmp(who, "notice") == 0)
        return expect_refusal(scenario, BUS_SEVERITY_NOTICE, words + 2, count - 2);
    if (strcmp(who, "books") == 0)
        return expect_books(scenario, words + 2, count - 2);
    if (bus_catalogue_find_subscriber(scenario->catalogue, who) == NULL)
        return fail(scenario, "no subscriber is called %s", who);
    if (strcmp(words[2].name, "nothing") == 0)
        return expect_no_delivery(scenario, who);
    return expect_delivery(scenario, who, words + 2, count - 2);
}

/* --- running --- */

static bool run_line(struct scenario *scenario, char *line)
{
    static const struct {
        const char *name;
        bool (*run)(struct scenario *scenario, const struct test_word *words, int count);
    } commands[] = {
        {"catalogue", set_catalogue},
        {"partitions", set_partitions},
        {"suite", set_suite},
        {"at", set_time},
        {"restart", restart},
        {"trouble", make_trouble},
        {"given", give},
        {"given-bytes", give_bytes},
        {"commit", commit},
        {"expect", expect},
    };
    struct test_word words[TEST_SCRIPT_MAX_WORDS];
    int count = test_script_words(line, words);
    if (count == 0)
        return true;
    for (size_t i = 0; count > 0 && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, words[0].name) == 0)
            return commands[i].run(scenario, words, count);
    return fail(scenario, "%s", count < 0 ? "a quote is not closed, or too many words" : "no such command");
}

static bool run_file(struct scenario *scenario, FILE *file)
{
    static char line[MAX_LINE];
    bool good = true;
    while (good && fgets(line, sizeof line, file) != NULL) {
        scenario->line++;
        good = run_line(scenario, line);
    }
    if (!good)
        return false;
    return scenario->outcome != NULL ? nothing_left_over(scenario) : fail(scenario, "nothing happens");
}

/* In a process of its own. */
static bool run_scenario(const char *path)
{
    struct scenario scenario = {.path = path};
    scenario.options = (struct test_world_options){.partitions = DEFAULT_PARTITIONS, .suite = BUS_SUITE_SM2_SM3};
    test_script_time(DEFAULT_TIME, &scenario.options.now_ms);
    snprintf(scenario.catalogue_path, sizeof scenario.catalogue_path, "%s/schemas/catalogue.cfg", XINQIAO_SOURCE);
    bus_buffer_init(&scenario.text, 2 * BUS_DATUM_MAX_SIZE);
    test_folder_make(scenario.folder);
    FILE *file = fopen(path, "r");
    bool good = file != NULL ? run_file(&scenario, file) : fail(&scenario, "cannot be read");
    if (file != NULL)
        fclose(file);
    if (!good)
        printf("✗ %s:%d: %s\n", path, scenario.line, scenario.problem);
    release(&scenario);
    return good;
}

static bool run_apart(const char *path)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        bus_log_open("scenario", BUS_LOG_ERROR);
        bool good = run_scenario(path);
        fflush(stdout);
        exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) > EXIT_FAILURE)
        printf("✗ %s: the process died\n", path);
    return status == 0;
}

int main(int count, char **arguments)
{
    int passed = 0, failed = 0;
    for (int i = 1; i < count; i++) {
        const char *slash = strrchr(arguments[i], '/');
        if (run_apart(arguments[i])) {
            printf("✓ %s\n", slash != NULL ? slash + 1 : arguments[i]);
            passed++;
        } else {
            failed++;
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
