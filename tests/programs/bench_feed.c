/* Fills the in topics with events of every item of the catalogue, for the benchmarks: what adapters would publish of
 * tests/generate, in the same proportions, at the speed of the broker.
 *
 *     bench_feed --bootstrap HOST:PORT --catalogue FILE --pepper FILE --partitions N --records N
 *                [--round N] [--item DEPARTMENT/ITEM] [--prefix P] [--first N]
 *
 * Every value is good: codes of the lists, numbers with true check digits, texts of usual lengths. The same records each
 * time; a higher --round makes each an update, and sequence numbers go on. Three records a subject on average.
 * Prints one line of JSON. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/catalogue.h"
#include "bus/clock.h"
#include "bus/producer.h"
#include "bus/stop.h"
#include "bus/subject.h"

enum {
    MAX_PARTITIONS = 64,
    MAX_ITEMS = 64,
    MAX_FIELDS = 128,
    TEXT_SIZE = 160,
    BATCH = 5000,
    RUN = 100, /* records of one item in a row, as an adapter would bring them */
};

/* Shares as tests/generate has them; an item that is not listed weighs 1. */
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
    long sent;
    long sequences[MAX_PARTITIONS];
    char topic[BUS_TOPIC_SIZE], adapter[64];
};

static struct {
    const char *bootstrap, *catalogue, *pepper, *item, *prefix;
    int32_t partitions;
    long records, round, first;
} settings = {.prefix = "xq.", .partitions = 6, .round = 1};

static struct bus_catalogue *catalogue;
static struct bus_subject_keyer *keyer;
static struct bus_producer *producer;
static struct stream streams[MAX_ITEMS];
static size_t stream_count;
static int weight_sum;
static struct bus_clock wall_clock;
static long long sent, bytes;

static void need(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "bench_feed: %s\n", error->message);
    exit(EXIT_FAILURE);
}

/* GB 11714 inside GB 32100: "91" 450200, eight digits and their check, and the check of all. */
static void make_uscc(long number, char out_uscc[19])
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

struct record {
    long number, subject;
    char uscc[19];
    char texts[MAX_FIELDS][TEXT_SIZE];
    uint8_t scratch[MAX_FIELDS][16];
    struct bus_value values[MAX_FIELDS];
};

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
    size_t most = field->max_length != 0 ? field->max_length : 64;
    size_t characters = most <= 16 ? most / 2 : most <= 64 ? 10 : most <= 300 ? 16 : 40;
    if (strcmp(field->name, "subject_name") == 0)
        characters = 14;
    size_t length = 0;
    for (size_t i = 0; i + 2 <= characters && length + 8 < TEXT_SIZE; i += 2)
        length += (size_t)snprintf(text + length, TEXT_SIZE - length, "%s",
                                   words[(record->subject + (long)(index + i)) % 16 & 15]);
    if (length == 0)
        snprintf(text, TEXT_SIZE, "%ld", record->number % 10);
}

static void fill_text(struct record *record, const struct bus_field *field, size_t index)
{
    char *text = record->texts[index];
    const struct bus_code_list *list = bus_catalogue_code_list(catalogue, field->code_list);
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

static int64_t number_of(const struct bus_field *field, const struct record *record)
{
    if (field->value->logical == BUS_LOGICAL_DATE)
        return 20000 + record->number % 365;
    if (field->value->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
        return 1790000000000 + settings.round * 1000;
    return field->value->type == BUS_TYPE_ENUM || field->value->type == BUS_TYPE_BOOLEAN ? 0 : 2026;
}

static void fill_field(struct record *record, const struct bus_field *field, size_t index)
{
    struct bus_value *value = &record->values[index];
    *value = (struct bus_value){.type = field->value->type};
    if (field->nullable && !field->required && index % 4 == 3)
        value->type = BUS_TYPE_NULL; /* one in four is not known */
    else if (value->type == BUS_TYPE_STRING)
        fill_text(record, field, index);
    else if (value->type == BUS_TYPE_BYTES) {
        size_t length;
        bus_decimal_bytes(100000 + record->number % 1000000 + settings.round, record->scratch[index], &length);
        value->bytes = bus_bytes_of(record->scratch[index], length);
    } else
        value->integer = number_of(field, record);
}

static void put_text(struct record *record, enum bus_envelope index, const char *text)
{
    snprintf(record->texts[index], TEXT_SIZE, "%s", text);
    record->values[index] = (struct bus_value){.type = BUS_TYPE_STRING, .bytes = bus_bytes_text(record->texts[index])};
}

static void fill_envelope(struct record *record, const struct stream *stream, long sequence)
{
    char key[TEXT_SIZE];
    snprintf(key, sizeof key, "%s|%ld", stream->item->department->name, record->number);
    put_text(record, BUS_ENVELOPE_RECORD_KEY, key);
    put_text(record, BUS_ENVELOPE_SUBJECT_ID, record->uscc);
    put_text(record, BUS_ENVELOPE_AREA_CODE, "450202");
    put_text(record, BUS_ENVELOPE_RULE_VERSION, "2024");
    record->values[BUS_ENVELOPE_VERSION].integer = 1790000000000 + settings.round;
    record->values[BUS_ENVELOPE_SEQUENCE].integer = sequence;
    record->values[BUS_ENVELOPE_OPERATION].integer = BUS_OPERATION_PUT;
    record->values[BUS_ENVELOPE_SUBJECT_KIND].integer = BUS_SUBJECT_ORGANISATION;
    record->values[BUS_ENVELOPE_PUBLISHED_AT].integer = bus_clock_now_ms(&wall_clock);
    bus_event_make_id(bus_bytes_text(stream->item->name), record->values[BUS_ENVELOPE_RECORD_KEY].bytes,
                      record->values[BUS_ENVELOPE_VERSION].integer, record->scratch[BUS_ENVELOPE_EVENT_ID]);
    record->values[BUS_ENVELOPE_EVENT_ID].bytes =
        bus_bytes_of(record->scratch[BUS_ENVELOPE_EVENT_ID], BUS_IDENTITY_SIZE);
}

static void send(struct stream *stream, struct bus_buffer *buffer)
{
    static struct record record;
    struct bus_error error;
    uint8_t key[BUS_SUBJECT_KEY_SIZE];
    char subject[19];
    const struct bus_schema *schema = bus_item_current(stream->item)->schema;
    record.number = settings.first + stream->sent++;
    /* Subjects are shared by all items and spread over the whole range. */
    long subjects = settings.records / 3 + 1;
    record.subject = record.number * 7919 % subjects;
    make_uscc(record.subject, record.uscc);
    for (size_t i = 0; i < bus_schema_field_count(schema); i++)
        fill_field(&record, bus_schema_field(schema, i), i);
    need(bus_subject_identifier(BUS_SUBJECT_ORGANISATION, bus_bytes_text(record.uscc), subject, &error), &error);
    bus_subject_key(keyer, BUS_SUBJECT_ORGANISATION, subject, key);
    int32_t partition = bus_subject_partition(key, settings.partitions);
    fill_envelope(&record, stream, ++stream->sequences[partition]);
    bus_buffer_reset(buffer);
    need(bus_datum_encode(buffer, schema, record.values, &error), &error);
    const struct bus_header header = {BUS_ADAPTER_HEADER, bus_bytes_text(stream->adapter)};
    struct bus_record out = {
        .topic = stream->topic,
        .partition = partition,
        .key = bus_bytes_of(key, sizeof key),
        .value = bus_buffer_view(buffer),
        .headers = &header,
        .header_count = 1,
    };
    need(bus_producer_produce(producer, &out, &error), &error);
    sent++;
    bytes += (long long)(out.key.length + out.value.length);
}

/* --- the mix --- */

static void add_stream(const struct bus_item *item)
{
    struct stream *stream = &streams[stream_count++];
    *stream = (struct stream){.item = item, .weight = 1};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
        if (strcmp(shares[i].department, item->department->name) == 0 && strcmp(shares[i].item, item->name) == 0)
            stream->weight = shares[i].weight;
    weight_sum += stream->weight;
    bus_topic_in(settings.prefix, item, stream->topic);
    snprintf(stream->adapter, sizeof stream->adapter, "bench-%s-%ld", item->department->name, settings.round);
}

static void choose_streams(void)
{
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue) && stream_count < MAX_ITEMS; i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        char name[BUS_TOPIC_SIZE];
        snprintf(name, sizeof name, "%s/%s", item->department->name, item->name);
        if (settings.item == NULL || strcmp(settings.item, name) == 0)
            add_stream(item);
    }
    if (stream_count == 0) {
        fprintf(stderr, "bench_feed: no such item: %s\n", settings.item);
        exit(2);
    }
}

/* The stream that lags most behind its share. */
static struct stream *next_stream(void)
{
    struct stream *best = &streams[0];
    for (size_t i = 1; i < stream_count; i++)
        if (streams[i].sent * best->weight < best->sent * streams[i].weight)
            best = &streams[i];
    return best;
}

static void run(void)
{
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, BUS_DATUM_MAX_SIZE);
    while (sent < settings.records) {
        need(bus_producer_begin(producer, &error), &error);
        for (long end = sent + BATCH; sent < end && sent < settings.records;) {
            struct stream *stream = next_stream();
            for (int i = 0; i < RUN && sent < settings.records; i++)
                send(stream, &buffer);
        }
        need(bus_producer_commit(producer, &error), &error);
    }
    bus_buffer_release(&buffer);
}

/* --- the command line --- */

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"bootstrap", 1, NULL, 'b'},  {"catalogue", 1, NULL, 'c'}, {"pepper", 1, NULL, 'p'},
        {"partitions", 1, NULL, 'n'}, {"records", 1, NULL, 'r'},   {"round", 1, NULL, 'v'},
        {"item", 1, NULL, 'i'},       {"prefix", 1, NULL, 'x'},    {"first", 1, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'b': settings.bootstrap = optarg; break;
        case 'c': settings.catalogue = optarg; break;
        case 'p': settings.pepper = optarg; break;
        case 'n': settings.partitions = (int32_t)strtol(optarg, NULL, 10); break;
        case 'r': settings.records = strtol(optarg, NULL, 10); break;
        case 'v': settings.round = strtol(optarg, NULL, 10); break;
        case 'i': settings.item = optarg; break;
        case 'x': settings.prefix = optarg; break;
        case 'f': settings.first = strtol(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
    if (settings.bootstrap == NULL || settings.catalogue == NULL || settings.pepper == NULL || settings.records <= 0 ||
        settings.partitions < 1 || settings.partitions > MAX_PARTITIONS) {
        fputs("bench_feed: --bootstrap, --catalogue, --pepper, --partitions and --records are needed\n", stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct bus_error error;
    parse(argc, argv);
    wall_clock = bus_clock_real();
    bus_stop_install();
    need(bus_catalogue_load(settings.catalogue, &catalogue, &error), &error);
    need(bus_subject_keyer_load(settings.pepper, &keyer, &error), &error);
    choose_streams();
    struct bus_kafka kafka = {.bootstrap = settings.bootstrap, .client_id = "bench_feed"};
    struct bus_producer_options options = {.transactional_id = "bench-feed"};
    need(bus_producer_open(&kafka, &options, &producer, &error), &error);
    int64_t started = bus_clock_monotonic_ms();
    run();
    printf("{\"records\": %lld, \"bytes\": %lld, \"ms\": %lld}\n", sent, bytes,
           (long long)(bus_clock_monotonic_ms() - started));
    bus_producer_close(producer);
    bus_subject_keyer_destroy(keyer);
    bus_catalogue_destroy(catalogue);
    return EXIT_SUCCESS;
}
