/* The https sink alone, without Kafka: sealed deliveries of tax.arrears to a receiver, batch after batch, in several partitions at once, as the
 * engine would.
 *
 *     https_push CONFIG KEY KEYS [NAME=NUMBER]…
 *
 * CONFIG: the group of the sink; KEY: private key of the exchange, made when missing; KEYS: folder for its public half. NAMEs: partitions,
 * deliveries (of each partition), seal (deliveries under one), from (the first so many were sent before), version (of the records), seconds and
 * retries (then it gives up), body (1: writes the first request's body to standard output and ends). Tells what happens, a line each, and last "settled=N refused=N retries=N ms=N". */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "subscribers/sinks/https/event.h"
#include "subscribers/sinks/https/https.h"
#include "subscribers/sinks/https/proof.h"
#include "tests/support/sealed_log.h"

#define TOPIC "xq.out.court"

enum {
    MAX_PARTITIONS = 64,
    MAX_WAIT_MS = 2000,
    STEP_MS = 50,
    BODY_LIMIT = 512 * 1024 * 1024,
    WITHDRAW_EVERY = 7,
    STATUS_EVERY = 11
};

static struct {
    int partitions, deliveries, seal, seconds, body, from, version, retries;
} numbers = {.partitions = 3, .deliveries = 1000, .seal = 400, .seconds = 60, .version = 1};

struct lane {
    struct test_log log;
    struct subscribers_delivery *deliveries; /* of the piece */
    size_t count;
    struct subscribers_piece *piece;
    struct subscribers_batch batch;
    bool is_under_way;
    int sealed; /* deliveries so far */
    int64_t not_before_ms, wait_ms;
};

static struct test_deliveries made;
static struct lane lanes[MAX_PARTITIONS];
static size_t settled, refused, retries;

static void must(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "%s: %s\n", bus_status_name(status), error->message);
    exit(EXIT_FAILURE);
}

static struct bus_key *exchange_key(const char *path, const char *folder)
{
    struct bus_error error;
    struct bus_key *key = NULL;
    char public_path[4096];
    if (access(path, F_OK) != 0) {
        must(bus_key_generate(BUS_SUITE_SM2_SM3, &key, &error), &error);
        must(bus_key_save_private(key, path, &error), &error);
        snprintf(public_path, sizeof public_path, "%s/%s.pem", folder, bus_key_id_view(key));
        must(bus_key_save_public(key, public_path, &error), &error);
        return key;
    }
    must(bus_key_load(path, &key, &error), &error);
    return key;
}

/* The same deliveries in every run. */
static struct subscribers_delivery make_delivery(int32_t partition, int number)
{
    struct test_delivery wanted = {.operation = BUS_DELIVERY_PUT,
                                   .number = 1000000 * partition + number,
                                   .version = numbers.version,
                                   .partition = partition,
                                   .leaf = (uint64_t)number};
    if (number > 0 && number % WITHDRAW_EVERY == 0) {
        wanted.operation = BUS_DELIVERY_WITHDRAW;
        wanted.reason = BUS_REASON_REPAIRED;
        wanted.number--;
    } else if (number > 0 && number % STATUS_EVERY == 0) {
        wanted.operation = BUS_DELIVERY_STATUS;
        wanted.reason = BUS_REASON_DISPUTED;
        wanted.number--;
    }
    return test_delivery_of(&made, &wanted);
}

static void drop_piece(struct lane *lane)
{
    if (lane->piece == NULL)
        return;
    for (size_t i = 0; i < lane->count; i++)
        free(lane->deliveries[i].words);
    test_deliveries_free(lane->deliveries, lane->count);
    free(lane->deliveries);
    subscribers_piece_destroy(lane->piece);
    lane->piece = NULL;
}

/* False at the end of the log. */
static bool next_piece(struct lane *lane)
{
    if (lane->piece != NULL && lane->piece->done < lane->piece->count)
        return true;
    drop_piece(lane);
    int left = numbers.deliveries - lane->sealed;
    if (left == 0)
        return false;
    lane->count = (size_t)(left < numbers.seal ? left : numbers.seal);
    lane->deliveries = calloc(lane->count, sizeof *lane->deliveries);
    for (size_t i = 0; i < lane->count; i++)
        lane->deliveries[i] = make_delivery(lane->log.partition, lane->sealed++);
    lane->piece = test_log_seal(&lane->log, lane->deliveries, lane->count);
    size_t first = (size_t)lane->piece->first_leaf, from = (size_t)numbers.from;
    size_t skipped = from <= first ? 0 : from - first < lane->count ? from - first : lane->count;
    test_log_done(&lane->log, lane->piece, skipped);
    settled += skipped;
    return next_piece(lane);
}

static void fill_batch(struct lane *lane, size_t records)
{
    size_t left = lane->piece->count - lane->piece->done;
    lane->batch = test_log_batch(lane->piece, lane->deliveries, left < records ? left : records);
    lane->batch.courier = NULL;
}

static void send_all(void *sink, size_t records)
{
    struct bus_error error;
    for (int i = 0; i < numbers.partitions; i++) {
        struct lane *lane = &lanes[i];
        if (lane->is_under_way || bus_clock_monotonic_ms() < lane->not_before_ms || !next_piece(lane))
            continue;
        fill_batch(lane, records);
        must(subscribers_https.send(sink, &lane->batch, &error), &error);
        lane->is_under_way = true;
    }
}

static void tell(const struct subscribers_batch *batch, enum bus_status status, const struct bus_error *error)
{
    for (size_t i = 0; i < batch->settled; i++) {
        const struct subscribers_delivery *delivery = &batch->deliveries[i];
        if (subscribers_delivery_is_refused(delivery))
            printf("refused partition=%d leaf=%llu code=%s words=%s\n", (int)delivery->partition,
                   (unsigned long long)delivery->leaf, delivery->refusal,
                   delivery->words != NULL ? delivery->words : "");
    }
    if (status != BUS_OK)
        printf("%s partition=%d leaf=%llu settled=%zu away=%d retry_ms=%lld code=%s message=%s zh=%s\n",
               bus_status_name(status), (int)batch->deliveries[0].partition,
               (unsigned long long)batch->deliveries[0].leaf, batch->settled, batch->is_away,
               (long long)batch->retry_ms, error->code, error->message, error->message_zh);
    fflush(stdout);
}

static void settle(struct lane *lane, enum bus_status status, const struct bus_error *error)
{
    struct subscribers_batch *batch = &lane->batch;
    tell(batch, status, error);
    lane->is_under_way = false;
    settled += batch->settled;
    for (size_t i = 0; i < batch->settled; i++)
        refused += subscribers_delivery_is_refused(&batch->deliveries[i]);
    test_log_done(&lane->log, lane->piece, batch->settled);
    lane->wait_ms = status == BUS_OK ? 0 : lane->wait_ms == 0 ? STEP_MS : 2 * lane->wait_ms;
    if (lane->wait_ms > MAX_WAIT_MS)
        lane->wait_ms = MAX_WAIT_MS;
    int64_t wait_ms = batch->retry_ms > lane->wait_ms ? batch->retry_ms : lane->wait_ms;
    lane->not_before_ms = bus_clock_monotonic_ms() + wait_ms;
    retries += status != BUS_OK;
    if (status == BUS_FATAL)
        exit(EXIT_FAILURE);
}

static bool has_enough(void)
{
    return numbers.retries > 0 && retries >= (size_t)numbers.retries;
}

static bool is_done(void)
{
    return settled == (size_t)numbers.partitions * (size_t)numbers.deliveries;
}

static void push(void *sink)
{
    struct subscribers_sink_bounds bounds;
    struct bus_error error = {0};
    subscribers_https.bounds(sink, &bounds);
    int64_t until_ms = bus_clock_monotonic_ms() + 1000 * (int64_t)numbers.seconds;
    while (!is_done() && !has_enough() && bus_clock_monotonic_ms() < until_ms) {
        struct subscribers_batch *batch = NULL;
        send_all(sink, bounds.records);
        int64_t began_ms = bus_clock_monotonic_ms();
        enum bus_status status = subscribers_https.collect(sink, STEP_MS, &batch, &error);
        if (batch != NULL)
            settle(&lanes[batch->deliveries[0].partition], status, &error);
        else if (bus_clock_monotonic_ms() == began_ms)
            bus_clock_sleep_ms(STEP_MS / 2); /* nothing is under way */
    }
    for (int i = 0; i < numbers.partitions; i++)
        if (lanes[i].is_under_way)
            subscribers_https.abandon(sink, &lanes[i].batch);
}

static void print_body(void)
{
    struct bus_error error;
    struct bus_buffer body;
    struct bus_arena *arena = bus_arena_create(HTTPS_PROOF_ARENA);
    bus_buffer_init(&body, BODY_LIMIT);
    next_piece(&lanes[0]);
    fill_batch(&lanes[0], lanes[0].count / 2 + 1);
    must(https_event_body(&lanes[0].batch, HTTPS_EVENT_JSON, arena, &body, &error), &error);
    fwrite(body.data, 1, body.length, stdout);
    bus_buffer_release(&body);
    bus_arena_destroy(arena);
}

static void read_number(const char *text)
{
    const struct {
        const char *name;
        int *value;
    } known[] = {{"partitions", &numbers.partitions},
                 {"deliveries", &numbers.deliveries},
                 {"seal", &numbers.seal},
                 {"seconds", &numbers.seconds},
                 {"body", &numbers.body},
                 {"from", &numbers.from},
                 {"version", &numbers.version},
                 {"retries", &numbers.retries}};
    const char *equals = strchr(text, '=');
    for (size_t i = 0; equals != NULL && i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == (size_t)(equals - text) &&
            strncmp(known[i].name, text, (size_t)(equals - text)) == 0) {
            *known[i].value = atoi(equals + 1);
            return;
        }
    fprintf(stderr, "https_push: what is %s?\n", text);
    exit(2);
}

static void *open_sink(struct bus_settings *settings)
{
    struct bus_error error;
    void *sink = NULL;
    const struct bus_settings_node *group = bus_settings_root(settings);
    struct subscribers_sink_context context = {
        .subscriber = "court", .topic = TOPIC, .catalogues = made.catalogues, .settings = settings};
    must(bus_settings_check(group, subscribers_https.options, &error), &error);
    must(subscribers_https.open(&context, group, &sink, &error), &error);
    return sink;
}

int main(int count, char **arguments)
{
    struct bus_error error;
    struct bus_settings *settings = NULL;
    if (count < 4) {
        fprintf(stderr, "https_push CONFIG KEY KEYS [NAME=NUMBER]...\n");
        return 2;
    }
    for (int i = 4; i < count; i++)
        read_number(arguments[i]);
    struct bus_key *key = exchange_key(arguments[2], arguments[3]);
    test_deliveries_open(&made);
    for (int i = 0; i < numbers.partitions; i++)
        test_log_open(&lanes[i].log, key, TOPIC, i);
    int64_t began_ms = bus_clock_monotonic_ms();
    if (numbers.body != 0) {
        print_body();
    } else {
        must(bus_settings_load(arguments[1], &settings, &error), &error);
        void *sink = open_sink(settings);
        push(sink);
        subscribers_https.close(sink);
        printf("settled=%zu refused=%zu retries=%zu ms=%lld\n", settled, refused, retries,
               (long long)(bus_clock_monotonic_ms() - began_ms));
    }
    bool is_whole = numbers.body != 0 || is_done();
    for (int i = 0; i < numbers.partitions; i++) {
        drop_piece(&lanes[i]);
        test_log_close(&lanes[i].log);
    }
    bus_settings_destroy(settings);
    test_deliveries_close(&made);
    bus_key_destroy(key);
    return is_whole ? EXIT_SUCCESS : 1;
}
