/* Makes much state in little time: writes into xq.state what the gateway would have written for made events that are all new.
 *
 *     bench_state --bootstrap HOST:PORT --catalogue FILE --pepper FILE --partitions N --records N --scratch FOLDER --to TOPIC
 *                 [--round N] [--item DEPARTMENT/ITEM] [--prefix P] [--first N] [--day N] [--rule VERSION] [--published MS]
 *                 [--share I --shares N]   only partitions p with p % N == I, so that several may run side by side
 *
 * The gateway's own pipeline decides over a state that stays empty, and what it would change of records and registered names is
 * produced; nothing is delivered, sealed or audited, so that the entries name no audit record. Prints one line of JSON. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/portfolio.h"
#include "bus/producer.h"
#include "bus/stop.h"
#include "gateway/pipeline.h"
#include "tests/support/made_events.h"

enum {
    BATCH_RECORDS = 10000,
    BATCH_BYTES = 16 << 20,
    MAP_BYTES = 16 << 20,
    OVERLAY_BYTES = 64 << 20,
    VALUE_SIZE = BUS_STATE_RECORD_SIZE + BUS_DATUM_MAX_SIZE,
};

static struct made_options made = {
    .prefix = "xq.", .partitions = 6, .round = 1, .subject = -1, .rule_version = "2024", .shares = 1};
static const char *bootstrap, *catalogue_path, *pepper, *scratch, *to;

static struct bus_producer *producer;
static struct gateway_states states;
static struct gateway_batch *batch;
static struct gateway_pipeline *pipeline;
static struct gateway_meter meter;
static uint8_t held[BATCH_BYTES]; /* keys and values of the batch */
static size_t held_length;
static long long events_taken, records_written, bytes;

static void need(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "bench_state: %s\n", error->message);
    exit(EXIT_FAILURE);
}

static struct bus_bytes hold(const void *data, size_t length)
{
    memcpy(held + held_length, data, length);
    held_length += length;
    return bus_bytes_of(held + held_length - length, length);
}

static void add(const struct made_event *event)
{
    struct bus_error error;
    struct gateway_input input = {
        .topic = event->topic,
        .partition = event->partition,
        .offset = events_taken++,
        .key = hold(event->key, sizeof event->key),
        .value = hold(event->value.data, event->value.length),
        .adapter = bus_bytes_text(event->adapter),
    };
    need(gateway_batch_add(batch, &input, &error), &error);
}

static void produce(int32_t partition, const struct bus_slot *slot)
{
    static uint8_t value[VALUE_SIZE];
    struct bus_error error;
    memcpy(value, slot->value, slot->value_length);
    if (slot->payload.length > 0)
        memcpy(value + slot->value_length, slot->payload.data, slot->payload.length);
    struct bus_record record = {
        .topic = to,
        .partition = partition,
        .key = slot->key,
        .value = bus_bytes_of(value, slot->value_length + slot->payload.length),
    };
    need(bus_producer_produce(producer, &record, &error), &error);
    records_written++;
    bytes += (long long)(record.key.length + record.value.length);
}

static void write_changes(int32_t partition, int64_t now_ms)
{
    struct bus_error error;
    struct bus_slot *const *slots;
    size_t count;
    need(gateway_state_changes(states.of[partition], now_ms, &slots, &count, &error), &error);
    for (size_t i = 0; i < count; i++)
        if (slots[i]->key.data[0] == BUS_STATE_SUBJECT)
            produce(partition, slots[i]);
    gateway_state_discard(states.of[partition]);
}

static void settle(void)
{
    struct bus_error error;
    struct bus_clock clock = bus_clock_real();
    int64_t now_ms = bus_clock_now_ms(&clock);
    need(gateway_pipeline_run(pipeline, batch, now_ms, &error), &error);
    for (size_t i = 0; i < gateway_batch_count(batch); i++) {
        const struct gateway_refusal *refusal = gateway_batch_exchange(batch, i)->refusal;
        if (refusal != NULL)
            need(bus_fail(&error, BUS_FATAL, "refused: %s %s", refusal->code, refusal->reason_en), &error);
    }
    for (int32_t i = 0; i < states.count; i++)
        if (gateway_batch_touches(batch, i))
            write_changes(i, now_ms);
    gateway_batch_reset(batch);
    held_length = 0;
}

static void run(struct made_events *events)
{
    struct bus_error error;
    struct made_event event;
    while (!bus_stop_requested() && made_events_next(events, &event)) {
        if (gateway_batch_is_full(batch) || held_length + sizeof event.key + event.value.length > sizeof held)
            settle();
        add(&event);
    }
    settle();
    need(bus_producer_flush(producer, &error), &error);
}

static void open_gateway(const struct bus_views *views, const struct bus_portfolios *portfolios)
{
    struct bus_error error;
    states = (struct gateway_states){calloc((size_t)made.partitions, sizeof *states.of), made.partitions};
    for (int32_t i = 0; i < made.partitions; i++) {
        struct gateway_state_options options = {scratch, i, MAP_BYTES, OVERLAY_BYTES};
        if (i % made.shares == made.share)
            need(gateway_state_open(&options, &states.of[i], &error), &error);
    }
    gateway_meter_start(&meter);
    struct gateway_pipeline_options options = {
        .catalogue = made.catalogue,
        .views = views,
        .portfolios = portfolios,
        .keyer = made.keyer,
        .prefix = made.prefix,
        .partitions = made.partitions,
        .states = &states,
        .meter = &meter,
    };
    need(gateway_pipeline_create(&options, &pipeline, &error), &error);
    struct gateway_batch_options batches = {made.catalogue, made.prefix, made.partitions, BATCH_RECORDS, BATCH_BYTES};
    batch = gateway_batch_create(&batches);
    if (batch == NULL)
        abort();
}

static void close_gateway(void)
{
    for (int32_t i = 0; i < states.count; i++)
        gateway_state_close(states.of[i], false);
    free(states.of);
    gateway_pipeline_destroy(pipeline);
    gateway_batch_destroy(batch);
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"bootstrap", 1, NULL, 'b'},  {"catalogue", 1, NULL, 'c'}, {"pepper", 1, NULL, 'p'},
        {"partitions", 1, NULL, 'n'}, {"records", 1, NULL, 'r'},   {"round", 1, NULL, 'v'},
        {"item", 1, NULL, 'i'},       {"prefix", 1, NULL, 'x'},    {"first", 1, NULL, 'f'},
        {"scratch", 1, NULL, 's'},    {"to", 1, NULL, 't'},        {"day", 1, NULL, 'd'},
        {"rule", 1, NULL, 'u'},       {"share", 1, NULL, 'h'},     {"shares", 1, NULL, 'H'},
        {"published", 1, NULL, 'm'},  {NULL, 0, NULL, 0},
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
        case 's': scratch = optarg; break;
        case 't': to = optarg; break;
        case 'd': made.day = (int32_t)strtol(optarg, NULL, 10); break;
        case 'u': made.rule_version = optarg; break;
        case 'h': made.share = (int32_t)strtol(optarg, NULL, 10); break;
        case 'H': made.shares = (int32_t)strtol(optarg, NULL, 10); break;
        case 'm': made.published_ms = strtoll(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
    if (bootstrap == NULL || catalogue_path == NULL || pepper == NULL || scratch == NULL || to == NULL ||
        made.records <= 0 || made.partitions < 1 || made.shares < 1) {
        fputs("bench_state: see the head of its source\n", stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct bus_error error;
    struct bus_catalogue *catalogue;
    struct bus_subject_keyer *keyer;
    struct bus_views *views;
    struct bus_portfolios *portfolios;
    parse(argc, argv);
    bus_stop_install();
    need(bus_catalogue_load(catalogue_path, &catalogue, &error), &error);
    need(bus_subject_keyer_load(pepper, &keyer, &error), &error);
    need(bus_views_create(catalogue, &views, &error), &error);
    need(bus_portfolios_load(catalogue, keyer, &portfolios, &error), &error);
    made.catalogue = catalogue;
    made.keyer = keyer;
    open_gateway(views, portfolios);
    struct made_events *events = made_events_create(&made);
    struct bus_kafka kafka = {.bootstrap = bootstrap, .client_id = "bench_state"};
    struct bus_producer_options options = {0};
    need(bus_producer_open(&kafka, &options, &producer, &error), &error);
    int64_t started = bus_clock_monotonic_ms();
    run(events);
    printf("{\"events\": %lld, \"records\": %lld, \"bytes\": %lld, \"ms\": %lld}\n", events_taken, records_written,
           bytes, (long long)(bus_clock_monotonic_ms() - started));
    bus_producer_close(producer);
    made_events_destroy(events);
    close_gateway();
    bus_portfolios_destroy(portfolios);
    bus_views_destroy(views);
    bus_subject_keyer_destroy(keyer);
    bus_catalogue_destroy(catalogue);
    return EXIT_SUCCESS;
}
