/* Fills the in topics with events (tests/support/made_events.h), at the speed of the broker or so many a second.
 *
 *     bench_feed --bootstrap HOST:PORT --catalogue FILE --pepper FILE --partitions N --records N
 *                [--round N] [--item DEPARTMENT/ITEM] [--prefix P] [--first N]
 *                [--population N]   updates spread over the records of an earlier run of N, versions = time in µs
 *                [--subject N]      all about one subject
 *                [--published MS]   published_at of every event
 *                [--rate N]         events a second, in a transaction each 20 ms
 *
 * A higher --round makes each record an update, by adapters of their own. Prints one line of JSON. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/catalogue.h"
#include "bus/clock.h"
#include "bus/producer.h"
#include "bus/stop.h"
#include "bus/subject.h"
#include "tests/support/made_events.h"

enum { BATCH = 5000, RATE_STEP_MS = 20 };

static struct made_options made = {
    .prefix = "xq.", .partitions = 6, .round = 1, .subject = -1, .rule_version = "2024", .shares = 1};
static const char *bootstrap, *catalogue_path, *pepper;
static long rate;

static struct bus_producer *producer;
static long long sent, bytes;

static void need(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "bench_feed: %s\n", error->message);
    exit(EXIT_FAILURE);
}

static void send(const struct made_event *event)
{
    struct bus_error error;
    const struct bus_header header = {BUS_ADAPTER_HEADER, bus_bytes_text(event->adapter)};
    struct bus_record record = {
        .topic = event->topic,
        .partition = event->partition,
        .key = bus_bytes_of(event->key, sizeof event->key),
        .value = event->value,
        .headers = &header,
        .header_count = 1,
    };
    need(bus_producer_produce(producer, &record, &error), &error);
    sent++;
    bytes += (long long)(record.key.length + record.value.length);
}

static void run(struct made_events *events)
{
    struct bus_error error;
    struct made_event event;
    long batch = rate > 0 ? (rate * RATE_STEP_MS + 999) / 1000 : BATCH;
    int64_t began_ms = bus_clock_monotonic_ms();
    for (bool has_more = true; has_more && !bus_stop_requested();) {
        int64_t due_ms = rate > 0 ? began_ms + sent * 1000 / rate : 0;
        if (due_ms > bus_clock_monotonic_ms())
            bus_clock_sleep_ms(due_ms - bus_clock_monotonic_ms());
        need(bus_producer_begin(producer, &error), &error);
        for (long i = 0; i < batch && (has_more = made_events_next(events, &event)); i++)
            send(&event);
        need(bus_producer_commit(producer, &error), &error);
    }
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"bootstrap", 1, NULL, 'b'},  {"catalogue", 1, NULL, 'c'}, {"pepper", 1, NULL, 'p'},
        {"partitions", 1, NULL, 'n'}, {"records", 1, NULL, 'r'},   {"round", 1, NULL, 'v'},
        {"item", 1, NULL, 'i'},       {"prefix", 1, NULL, 'x'},    {"first", 1, NULL, 'f'},
        {"population", 1, NULL, 'o'}, {"subject", 1, NULL, 's'},   {"published", 1, NULL, 'm'},
        {"rate", 1, NULL, 'a'},       {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'b': bootstrap = optarg; break;
        case 'c': catalogue_path = optarg; break;
        case 'p': pepper = optarg; break;
        case 'n': made.partitions = (int32_t)strtol(optarg, NULL, 10); break;
        case 'r': made.records = strtol(optarg, NULL, 10); break;
        case 'v': made.round = strtol(optarg, NULL, 10); break;
        case 'i': made.item = optarg; break;
        case 'x': made.prefix = optarg; break;
        case 'f': made.first = strtol(optarg, NULL, 10); break;
        case 'o': made.population = strtol(optarg, NULL, 10); break;
        case 's': made.subject = strtol(optarg, NULL, 10); break;
        case 'm': made.published_ms = strtoll(optarg, NULL, 10); break;
        case 'a': rate = strtol(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
    if (bootstrap == NULL || catalogue_path == NULL || pepper == NULL || made.records <= 0 || made.partitions < 1) {
        fputs("bench_feed: --bootstrap, --catalogue, --pepper, --partitions and --records are needed\n", stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct bus_error error;
    struct bus_catalogue *catalogue;
    struct bus_subject_keyer *keyer;
    parse(argc, argv);
    bus_stop_install();
    need(bus_catalogue_load(catalogue_path, &catalogue, &error), &error);
    need(bus_subject_keyer_load(pepper, &keyer, &error), &error);
    made.catalogue = catalogue;
    made.keyer = keyer;
    struct made_events *events = made_events_create(&made);
    struct bus_kafka kafka = {.bootstrap = bootstrap, .client_id = "bench_feed"};
    struct bus_producer_options options = {.transactional_id = "bench-feed"};
    need(bus_producer_open(&kafka, &options, &producer, &error), &error);
    int64_t started = bus_clock_monotonic_ms();
    run(events);
    printf("{\"records\": %lld, \"bytes\": %lld, \"ms\": %lld}\n", sent, bytes,
           (long long)(bus_clock_monotonic_ms() - started));
    bus_producer_close(producer);
    made_events_destroy(events);
    bus_subject_keyer_destroy(keyer);
    bus_catalogue_destroy(catalogue);
    return EXIT_SUCCESS;
}
