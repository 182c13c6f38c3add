/* A source of events without adapters: tax arrears of many organisations, straight into the in topic, numbered as an adapter numbers
 * them. For trying the gateway alone.
 *
 *     event_source --bootstrap HOST:PORT --catalogue FILE --pepper FILE --partitions N --records N [--version N]
 *                  [--adapter NAME] [--pace-us N]
 *
 * The same records each time; a higher --version makes each an update. Numbers go on from --version: (version - 1) x records. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/producer.h"
#include "bus/stop.h"
#include "bus/subject.h"
#include "tests/support/event_builder.h"

enum { MAX_PARTITIONS = 1024, BATCH = 5000 };

struct source {
    const char *bootstrap, *catalogue_path, *pepper, *adapter;
    int32_t partitions;
    long records, version, pace_us;
    struct bus_catalogue *catalogue;
    const struct bus_item *item;
    struct bus_subject_keyer *keyer;
    struct bus_producer *producer;
    long sequences[MAX_PARTITIONS];
};

static void need(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "event_source: %s\n", error->message);
    exit(EXIT_FAILURE);
}

/* GB 11714: eight digits and their check character. */
static void organisation_code(long number, char out_code[10])
{
    static const int weights[] = {3, 7, 9, 10, 5, 8, 4, 2};
    snprintf(out_code, 10, "%08ld", number % 100000000);
    int sum = 0;
    for (int i = 0; i < 8; i++)
        sum += weights[i] * (out_code[i] - '0');
    int check = (11 - sum % 11) % 11;
    out_code[8] = (char)(check == 10 ? 'X' : '0' + check);
    out_code[9] = '\0';
}

static void build(const struct source *source, long number, const char *subject, long sequence,
                  struct bus_buffer *buffer)
{
    char version[24], sequence_text[24], key[48];
    snprintf(version, sizeof version, "%ld", source->version);
    snprintf(sequence_text, sizeof sequence_text, "%ld", sequence);
    snprintf(key, sizeof key, "tax|%ld", number);
    const struct test_field fields[] = {
        {"record_key", key},
        {"version", version},
        {"sequence", sequence_text},
        {"subject_id", subject},
        {"subject_name", "柳州市某某机械制造有限责任公司"},
        {"occurred_at", "1790000000000"},
        {"source_committed_at", "1790000000000"},
        {"published_at", "1790000000000"},
        {"rule_version", "2024"},
        {"area_code", "450200"},
        {"taxpayer_number", subject},
        {"tax_kind", "增值税"},
        {"arrears_amount", version},
        {"legal_representative", "张三"},
        {"business_address", "广西壮族自治区柳州市城中区文昌路1号"},
        {"authority", "国家税务总局柳州市税务局"},
        {"as_of_month", "202609"},
        {NULL, NULL},
    };
    test_event_build(source->item, bus_item_current(source->item), fields, buffer);
}

static void send(struct source *source, long number, struct bus_buffer *buffer)
{
    struct bus_error error;
    char subject[10], topic[BUS_TOPIC_SIZE];
    uint8_t key[BUS_SUBJECT_KEY_SIZE];
    organisation_code(number / 3, subject); /* three records a subject */
    bus_subject_key(source->keyer, BUS_SUBJECT_ORGANISATION, subject, key);
    int32_t partition = bus_subject_partition(key, source->partitions);
    bus_buffer_reset(buffer);
    build(source, number, subject, ++source->sequences[partition], buffer);
    bus_topic_in("xq.", source->item, topic);
    const struct bus_header header = {BUS_ADAPTER_HEADER, bus_bytes_text(source->adapter)};
    struct bus_record record = {
        .topic = topic,
        .partition = partition,
        .key = bus_bytes_of(key, sizeof key),
        .value = bus_buffer_view(buffer),
        .headers = &header,
        .header_count = 1,
    };
    need(bus_producer_produce(source->producer, &record, &error), &error);
}

/* Where an earlier version's run ended, each record having been numbered once. */
static void number_earlier(struct source *source)
{
    for (long i = 0; i < source->records; i++) {
        char subject[10];
        uint8_t key[BUS_SUBJECT_KEY_SIZE];
        organisation_code(i / 3, subject);
        bus_subject_key(source->keyer, BUS_SUBJECT_ORGANISATION, subject, key);
        source->sequences[bus_subject_partition(key, source->partitions)] += source->version - 1;
    }
}

static void run(struct source *source)
{
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, BUS_DATUM_MAX_SIZE);
    if (source->version > 1)
        number_earlier(source);
    for (long i = 0; i < source->records;) {
        need(bus_producer_begin(source->producer, &error), &error);
        long end = i + (source->pace_us > 0 ? 1 : BATCH);
        for (; i < end && i < source->records; i++)
            send(source, (i * 7919) % source->records,
                 &buffer); /* spread over the key space; 7919 divides no round number */
        need(bus_producer_commit(source->producer, &error), &error);
        if (source->pace_us > 0)
            usleep((useconds_t)source->pace_us);
    }
    bus_buffer_release(&buffer);
}

static void read_options(int argc, char **argv, struct source *source)
{
    static const struct option options[] = {
        {"bootstrap", required_argument, NULL, 'b'},
        {"catalogue", required_argument, NULL, 'c'},
        {"pepper", required_argument, NULL, 'p'},
        {"partitions", required_argument, NULL, 'n'},
        {"records", required_argument, NULL, 'r'},
        {"version", required_argument, NULL, 'v'},
        {"adapter", required_argument, NULL, 'a'},
        {"pace-us", required_argument, NULL, 'u'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'b': source->bootstrap = optarg; break;
        case 'c': source->catalogue_path = optarg; break;
        case 'p': source->pepper = optarg; break;
        case 'n': source->partitions = (int32_t)strtol(optarg, NULL, 10); break;
        case 'r': source->records = strtol(optarg, NULL, 10); break;
        case 'v': source->version = strtol(optarg, NULL, 10); break;
        case 'a': source->adapter = optarg; break;
        case 'u': source->pace_us = strtol(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
    if (source->bootstrap == NULL || source->catalogue_path == NULL || source->pepper == NULL || source->records <= 0 ||
        source->partitions <= 0 || source->partitions > MAX_PARTITIONS) {
        fputs("event_source: --bootstrap, --catalogue, --pepper, --partitions and --records are needed\n", stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static struct source source = {.adapter = "event_source", .version = 1};
    struct bus_error error;
    read_options(argc, argv, &source);
    bus_stop_install();
    need(bus_catalogue_load(source.catalogue_path, &source.catalogue, &error), &error);
    need(bus_subject_keyer_load(source.pepper, &source.keyer, &error), &error);
    source.item = bus_catalogue_find_item(source.catalogue, "tax", "arrears");
    struct bus_kafka kafka = {.bootstrap = source.bootstrap, .client_id = source.adapter};
    struct bus_producer_options options = {.transactional_id = source.adapter};
    need(bus_producer_open(&kafka, &options, &source.producer, &error), &error);
    run(&source);
    bus_producer_close(source.producer);
    bus_subject_keyer_destroy(source.keyer);
    bus_catalogue_destroy(source.catalogue);
    return EXIT_SUCCESS;
}
