#include "tests/support/made_events.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/clock.h"

enum {
    MAX_PARTITIONS = 64,
    MAX_ITEMS = 64,
    MAX_FIELDS = 128,
    TEXT_SIZE = 160,
    MAX_RUN = 100, /* records of one item in a row, as an adapter would bring them */
    SUBJECT_SHARE = 3,
};

/* Shares as tests/generate has them; an item that is not listed is made only when it is asked for alone, and weighs 1. */
static const struct {
    const char *department, *item;
    int weight;
} shares[] = {
    {"market", "registration.basic", 12},
    {"market", "registration.change", 8},
    {"market", "abnormal.operation", 3},
    {"market", "licence", 10},
    {"market", "penalty", 5},
    {"transport", "penalty", 3},
    {"tax", "credit.grade", 6},
    {"tax", "arrears", 5},
    {"tax", "payment", 8},
    {"social", "employer.insurance", 8},
    {"social", "contribution", 10},
    {"traffic", "violation.decision", 10},
    {"transport", "violation.decision", 5},
    {"court", "enforcement.case", 3},
    {"court", "dishonest.debtor", 2},
};

struct stream {
    const struct bus_item *item;
    int weight;
    long made;
    long sequences[MAX_PARTITIONS];
    char topic[BUS_TOPIC_SIZE], adapter[64];
};

struct record {
    long number, subject; /* the number is one among its item's */
    int item;
    int64_t version;
    char uscc[19];
    char texts[MAX_FIELDS][TEXT_SIZE];
    uint8_t scratch[MAX_FIELDS][16];
    struct bus_value values[MAX_FIELDS];
};

struct made_events {
    struct made_options options;
    struct bus_clock clock;
    struct stream streams[MAX_ITEMS], *current;
    size_t stream_count;
    int weight_sum, run, in_run;
    long made;
    int64_t last_version;
    struct record record;
    struct bus_buffer buffer;
};

static void need(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "made events: %s\n", error->message);
    exit(EXIT_FAILURE);
}

/* GB 11714 inside GB 32100: "91" 450200, eight digits and their check, and the check of all. */
void made_events_subject(long number, char out_uscc[19])
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    static const int body_weights[] = {3, 7, 9, 10, 5, 8, 4, 2};
    static const int weights[] = {1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28};
    snprintf(out_uscc, 19, "91450200%08ld", number % 100000000);
    int sum = 0;
    for (int i = 0; i < 8; i++)
        sum += body_weights[i] * (out_uscc[8 + i] - '0');
    out_uscc[16] = "0X987654321"[sum % 11];
    sum = 0;
    for (int i = 0; i < 17; i++)
        sum += weights[i] * (int)(strchr(alphabet, out_uscc[i]) - alphabet);
    out_uscc[17] = alphabet[(31 - sum % 31) % 31];
    out_uscc[18] = '\0';
}

/* --- one value a field --- */

static const char *checked_text(const struct record *record, const struct bus_field *field)
{
    static const struct {
        const char *check, *text;
    } texts[] = {
        {"area", "450202"},
        {"plate", "桂B12345"},
        {"violation_code", "13441"},
        {"case_number", "（2026）桂02执1234号"},
        {"citizen_number", "450202191001010019"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(field->check, texts[i].check) == 0)
            return texts[i].text;
    return record->uscc;
}

/* Chinese of a usual length: short where the layout is short, some forty characters where it is long. */
static void free_text(const struct record *record, const struct bus_field *field, size_t index, char *text)
{
    static const char *const words[] = {"柳州", "机械", "制造", "食品", "销售", "道路", "运输", "工程",
                                        "服务", "信息", "技术", "农业", "环保", "物流", "贸易", "许可"};
    if (strcmp(field->name, "document_number") == 0) { /* no two of one party are alike */
        snprintf(text, TEXT_SIZE, "柳文%d〔2026〕%ld号", record->item, record->number);
        return;
    }
    size_t most = field->max_length != 0 ? field->max_length : 64;
    size_t characters = most <= 16 ? most / 2 : most <= 64 ? 10 : most <= 300 ? 16 : 40;
    if (strcmp(field->name, "subject_name") == 0)
        characters = 14;
    size_t length = 0;
    for (size_t i = 0; i + 2 <= characters && length + 8 < TEXT_SIZE; i += 2) {
        const char *word = words[(record->subject + (long)(index + i)) % 16 & 15];
        size_t size = strlen(word);
        memcpy(text + length, word, size + 1);
        length += size;
    }
    if (length == 0)
        snprintf(text, TEXT_SIZE, "%ld", record->number % 10);
}

static void fill_text(struct made_events *events, const struct bus_field *field, size_t index)
{
    struct record *record = &events->record;
    char *text = record->texts[index];
    const struct bus_code_list *list = bus_catalogue_code_list(events->options.catalogue, field->code_list);
    if (list != NULL)
        snprintf(text, TEXT_SIZE, "%s", list->codes[0].value);
    else if (strcmp(field->check, "organisation_code") == 0)
        snprintf(text, TEXT_SIZE, "%.9s", record->uscc + 8);
    else if (field->check[0] != '\0')
        snprintf(text, TEXT_SIZE, "%s", checked_text(record, field));
    else
        free_text(record, field, index, text);
    record->values[index].bytes = bus_bytes_text(text);
}

static int64_t number_of(const struct made_events *events, const struct bus_field *field)
{
    const struct made_options *options = &events->options;
    if (field->value->logical == BUS_LOGICAL_DATE && options->day != 0)
        return options->day;
    if (field->value->logical == BUS_LOGICAL_DATE) /* what is not public any more would go to fewer subscribers */
        return (strcmp(field->name, "publicity_until") == 0 ? 22000 : 20000) + events->record.number % 365;
    if (field->value->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
        return 1790000000000 + options->round * 1000;
    return field->value->type == BUS_TYPE_ENUM || field->value->type == BUS_TYPE_BOOLEAN ? 0 : 2026;
}

static void fill_field(struct made_events *events, const struct bus_field *field, size_t index)
{
    struct record *record = &events->record;
    struct bus_value *value = &record->values[index];
    *value = (struct bus_value){.type = field->value->type};
    if (field->nullable && !field->required && index % 4 == 3)
        value->type = BUS_TYPE_NULL; /* one in four is not known */
    else if (value->type == BUS_TYPE_STRING)
        fill_text(events, field, index);
    else if (value->type == BUS_TYPE_BYTES) {
        size_t length;
        bus_decimal_bytes(100000 + record->number % 1000000 + events->options.round, record->scratch[index], &length);
        value->bytes = bus_bytes_of(record->scratch[index], length);
    } else
        value->integer = number_of(events, field);
}

static void put_text(struct record *record, enum bus_envelope index, const char *text)
{
    snprintf(record->texts[index], TEXT_SIZE, "%s", text);
    record->values[index] = (struct bus_value){.type = BUS_TYPE_STRING, .bytes = bus_bytes_text(record->texts[index])};
}

static void fill_envelope(struct made_events *events, const struct stream *stream, long sequence)
{
    struct record *record = &events->record;
    int64_t published_ms = events->options.published_ms;
    char key[TEXT_SIZE];
    snprintf(key, sizeof key, "%s|%ld", stream->item->department->name, record->number);
    put_text(record, BUS_ENVELOPE_RECORD_KEY, key);
    put_text(record, BUS_ENVELOPE_SUBJECT_ID, record->uscc);
    put_text(record, BUS_ENVELOPE_AREA_CODE, "450202");
    put_text(record, BUS_ENVELOPE_RULE_VERSION, events->options.rule_version);
    record->values[BUS_ENVELOPE_VERSION].integer = record->version;
    record->values[BUS_ENVELOPE_SEQUENCE].integer = sequence;
    record->values[BUS_ENVELOPE_OPERATION].integer = BUS_OPERATION_PUT;
    record->values[BUS_ENVELOPE_SUBJECT_KIND].integer = BUS_SUBJECT_ORGANISATION;
    record->values[BUS_ENVELOPE_PUBLISHED_AT].integer =
        published_ms != 0 ? published_ms : bus_clock_now_ms(&events->clock);
    bus_event_make_id(bus_bytes_text(stream->item->name), record->values[BUS_ENVELOPE_RECORD_KEY].bytes,
                      record->version, record->scratch[BUS_ENVELOPE_EVENT_ID]);
    record->values[BUS_ENVELOPE_EVENT_ID].bytes =
        bus_bytes_of(record->scratch[BUS_ENVELOPE_EVENT_ID], BUS_IDENTITY_SIZE);
}

/* --- which record --- */

static uint64_t mix(uint64_t value)
{
    value += 0x9E3779B97F4A7C15u;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

static void choose_record(struct made_events *events, struct stream *stream)
{
    const struct made_options *options = &events->options;
    struct record *record = &events->record;
    long made = stream->made++, all = options->population != 0 ? options->population : options->records;
    record->number = options->first + made;
    record->item = stream->item->number;
    record->version = 1790000000000 + options->round;
    if (options->population != 0) {
        long theirs = (long)((double)all * stream->weight / events->weight_sum);
        uint64_t dice = mix((uint64_t)made ^ (uint64_t)options->round << 40 ^ (uint64_t)stream->item->number << 56);
        record->number = options->first + (long)(dice % (uint64_t)(theirs > 0 ? theirs : 1));
        int64_t now_us = bus_clock_now_ms(&events->clock) * 1000;
        record->version = now_us > events->last_version ? now_us : events->last_version + 1;
        events->last_version = record->version;
    }
    /* Subjects are shared by all items and spread over the whole range. */
    record->subject = options->subject >= 0 ? options->subject : record->number * 7919 % (all / SUBJECT_SHARE + 1);
    made_events_subject(record->subject, record->uscc);
}

/* The stream that lags most behind its share. */
static struct stream *next_stream(struct made_events *events)
{
    struct stream *best = &events->streams[0];
    for (size_t i = 1; i < events->stream_count; i++)
        if (events->streams[i].made * best->weight < best->made * events->streams[i].weight)
            best = &events->streams[i];
    return best;
}

static void encode(struct made_events *events, struct stream *stream, struct made_event *out_event)
{
    struct bus_error error;
    const struct bus_schema *schema = bus_item_current(stream->item)->schema;
    for (size_t i = 0; i < bus_schema_field_count(schema); i++)
        fill_field(events, bus_schema_field(schema, i), i);
    fill_envelope(events, stream, ++stream->sequences[out_event->partition]);
    bus_buffer_reset(&events->buffer);
    need(bus_datum_encode(&events->buffer, schema, events->record.values, &error), &error);
    out_event->item = stream->item;
    out_event->topic = stream->topic;
    out_event->adapter = stream->adapter;
    out_event->value = bus_buffer_view(&events->buffer);
}

bool made_events_next(struct made_events *events, struct made_event *out_event)
{
    const struct made_options *options = &events->options;
    struct bus_error error;
    char subject[19];
    while (events->made < options->records) {
        if (events->in_run++ % events->run == 0)
            events->current = next_stream(events);
        events->made++;
        choose_record(events, events->current);
        need(bus_subject_identifier(BUS_SUBJECT_ORGANISATION, bus_bytes_text(events->record.uscc), subject, &error),
             &error);
        bus_subject_key(options->keyer, BUS_SUBJECT_ORGANISATION, subject, out_event->key);
        out_event->partition = bus_subject_partition(out_event->key, options->partitions);
        if (out_event->partition % options->shares == options->share) {
            encode(events, events->current, out_event);
            return true;
        }
    }
    return false;
}

/* --- making and ending --- */

/* 0: the item has no share in the whole. */
static int weight_of(const struct bus_item *item)
{
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
        if (strcmp(shares[i].department, item->department->name) == 0 && strcmp(shares[i].item, item->name) == 0)
            return shares[i].weight;
    return 0;
}

static void add_stream(struct made_events *events, const struct bus_item *item)
{
    struct stream *stream = &events->streams[events->stream_count++];
    int weight = weight_of(item);
    *stream = (struct stream){.item = item, .weight = weight > 0 ? weight : 1};
    events->weight_sum += stream->weight;
    bus_topic_in(events->options.prefix, item, stream->topic);
    snprintf(stream->adapter, sizeof stream->adapter, "bench-%s-%ld", item->department->name, events->options.round);
}

static void choose_streams(struct made_events *events)
{
    const struct made_options *options = &events->options;
    for (size_t i = 0; i < bus_catalogue_item_count(options->catalogue) && events->stream_count < MAX_ITEMS; i++) {
        const struct bus_item *item = bus_catalogue_item(options->catalogue, i);
        char name[BUS_TOPIC_SIZE];
        snprintf(name, sizeof name, "%s/%s", item->department->name, item->name);
        if (item->rights == BUS_RIGHTS_NONE &&
            (options->item == NULL ? weight_of(item) > 0 : strcmp(options->item, name) == 0))
            add_stream(events, item);
    }
    if (events->stream_count > 0)
        return;
    fprintf(stderr, "made events: no such item: %s\n", options->item);
    exit(2);
}

struct made_events *made_events_create(const struct made_options *options)
{
    struct made_events *events = calloc(1, sizeof *events);
    if (events == NULL || options->partitions > MAX_PARTITIONS)
        abort();
    events->options = *options;
    events->clock = bus_clock_real();
    choose_streams(events);
    /* Few records are to be of every item as well. */
    long run = options->records / (long)(events->stream_count * 10);
    events->run = run < 1 ? 1 : run > MAX_RUN ? MAX_RUN : (int)run;
    bus_buffer_init(&events->buffer, BUS_DATUM_MAX_SIZE);
    return events;
}

void made_events_destroy(struct made_events *events)
{
    bus_buffer_release(&events->buffer);
    free(events);
}
