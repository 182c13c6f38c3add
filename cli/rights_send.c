#include <stdio.h>

#include "bus/books.h"
#include "bus/calendar.h"
#include "bus/topics.h"
#include "cli/rights.h"
#include "cli/scan.h"

enum {
    BOOK_LIMIT = 1024 * 1024,
    BOOKS_PARTITION = 0,
    POLL_MS = 100,
    TRANSACTION_MS = 60000,
    MAX_ATTEMPTS = 6,
    PAUSE_MS = 250,
};

/* Of two officers who send at once, the second to begin fences the first, which begins again: neither's count in the book is lost. */
#define TRANSACTIONAL_ID "xq-rights-command"
#define WRITER "adapter/rights-command"

struct sending {
    const struct cli_context *context;
    const struct bus_item *item;
    const struct cli_rights_record *target;
    const struct cli_rights_content *content;
    const char *officer;
    char in_topic[BUS_TOPIC_SIZE], state_topic[BUS_TOPIC_SIZE], quarantine_topic[BUS_TOPIC_SIZE],
        books_topic[BUS_TOPIC_SIZE];
    uint8_t identity[BUS_IDENTITY_SIZE]; /* of the case */
    char book_name[BUS_BOOK_NAME_SIZE];
    struct bus_buffer event, count; /* the two records' values */
    struct bus_book *book;
    struct bus_producer *producer;
    struct cli_rights_outcome *outcome;
};

static void on_delivered(void *self, void *opaque, int32_t partition, int64_t offset)
{
    struct sending *sending = self;
    if (opaque != &sending->outcome)
        return;
    sending->outcome->partition = partition;
    sending->outcome->offset = offset;
}

/* --- the book of the day --- */

static enum bus_status take_book(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct sending *sending = self;
    int64_t at_ms;
    if (!bus_bytes_equal_text(message->key, sending->book_name) || message->value.data == NULL)
        return BUS_OK;
    return bus_book_decode(message->value, sending->book, &at_ms, error);
}

static enum bus_status count(struct sending *sending, struct bus_error *error)
{
    const struct bus_item *item = sending->item;
    bus_book_name(WRITER, bus_calendar_day(sending->content->event.published_at_ms), sending->book_name);
    bus_book_destroy(sending->book);
    sending->book = bus_book_create(sending->book_name);
    bus_buffer_reset(&sending->count);
    if (sending->book == NULL)
        return bus_fail(error, BUS_FATAL, "count the event: out of memory");
    enum bus_status status =
        cli_scan(&sending->context->kafka, sending->books_topic, BOOKS_PARTITION, take_book, sending, error);
    if (status != BUS_OK)
        return status;
    if (!bus_book_add(sending->book, item->department->name, item->name, "", BUS_MEASURE_READ, 1) ||
        !bus_book_add(sending->book, item->department->name, item->name, "", BUS_MEASURE_PUBLISHED, 1))
        return bus_fail(error, BUS_FATAL, "count the event: out of memory");
    return bus_book_encode(sending->book, sending->content->event.published_at_ms, &sending->count, error);
}

/* --- writing --- */

static enum bus_status produce_event(struct sending *sending, struct bus_error *error)
{
    /* No header xq-adapter: an officer's events have no sequence, and none is measured. */
    struct bus_header officer = {CLI_RIGHTS_OFFICER_HEADER, bus_bytes_text(sending->officer)};
    struct bus_record record = {
        .topic = sending->in_topic,
        .partition = sending->target->partition,
        .key = bus_bytes_of(sending->target->subject_key, BUS_SUBJECT_KEY_SIZE),
        .value = bus_buffer_view(&sending->event),
        .headers = &officer,
        .header_count = 1,
        .opaque = &sending->outcome,
    };
    return bus_producer_produce(sending->producer, &record, error);
}

static enum bus_status produce_book(struct sending *sending, struct bus_error *error)
{
    struct bus_record record = {
        .topic = sending->books_topic,
        .partition = BOOKS_PARTITION,
        .key = bus_bytes_text(sending->book_name),
        .value = bus_buffer_view(&sending->count),
    };
    return bus_producer_produce(sending->producer, &record, error);
}

static enum bus_status write_all(struct sending *sending, struct bus_error *error)
{
    enum bus_status status = bus_producer_begin(sending->producer, error);
    if (status == BUS_OK)
        status = produce_event(sending, error);
    if (status == BUS_OK)
        status = produce_book(sending, error);
    if (status == BUS_OK)
        status = bus_producer_commit(sending->producer, error);
    /* An open transaction would hold up every reader of the in topic until its time is over. */
    struct bus_error ignored;
    if (status == BUS_RETRY && bus_producer_abort(sending->producer, &ignored) != BUS_OK)
        status = BUS_FATAL;
    return status;
}

/* --- the gateway's word --- */

/* A reader of what the gateway writes from now on about the subject's partition. */
static enum bus_status open_listener(const struct sending *sending, struct bus_consumer **out_consumer,
                                     struct bus_error *error)
{
    struct bus_partition places[] = {{sending->state_topic, sending->target->partition, 0},
                                     {sending->quarantine_topic, sending->target->partition, 0}};
    enum bus_status status =
        bus_consumer_open(&sending->context->kafka, &(struct bus_consumer_options){0}, out_consumer, error);
    for (size_t i = 0; status == BUS_OK && i < 2; i++) {
        int64_t first, high;
        status = bus_consumer_watermarks(*out_consumer, places[i].topic, places[i].partition, &first, &places[i].offset,
                                         &high, error);
    }
    return status == BUS_OK ? bus_consumer_assign(*out_consumer, places, 2, error) : status;
}

static bool is_accepted(const struct sending *sending, const struct bus_message *message)
{
    struct bus_state_entry entry;
    struct bus_error ignored;
    uint8_t key[BUS_STATE_RECORD_KEY_SIZE];
    bus_state_record_key(sending->target->subject_key, sending->identity, key);
    return strcmp(message->topic, sending->state_topic) == 0 && message->value.data != NULL &&
           bus_bytes_equal(message->key, bus_bytes_of(key, sizeof key)) &&
           bus_state_record_read(message->value, &entry, NULL, &ignored) == BUS_OK &&
           entry.version >= sending->content->event.version;
}

static void copy_text(struct bus_bytes from, char *to, size_t size)
{
    snprintf(to, size, "%.*s", (int)from.length, (const char *)from.data);
}

static bool is_refused(const struct sending *sending, const struct bus_message *message)
{
    struct cli_rights_outcome *outcome = sending->outcome;
    struct bus_quarantined found;
    struct bus_error ignored;
    if (strcmp(message->topic, sending->quarantine_topic) != 0 ||
        bus_quarantine_decode(message->value, &found, &ignored) != BUS_OK || found.severity != BUS_SEVERITY_REFUSED ||
        !bus_bytes_equal_text(found.topic, sending->in_topic) || found.partition != outcome->partition ||
        found.offset != outcome->offset)
        return false;
    outcome->quarantined = (struct cli_quarantine_id){message->partition, message->offset};
    copy_text(found.code, outcome->code, sizeof outcome->code);
    copy_text(found.reason_zh, outcome->reason_zh, sizeof outcome->reason_zh);
    copy_text(found.reason_en, outcome->reason_en, sizeof outcome->reason_en);
    return true;
}

/* The broker's being away meanwhile is no failure: the event is published whatever comes. */
static void listen(const struct sending *sending, struct bus_consumer *consumer, int64_t wait_ms)
{
    int64_t until_ms = bus_clock_monotonic_ms() + wait_ms;
    struct cli_rights_outcome *outcome = sending->outcome;
    while (outcome->result == CLI_RIGHTS_PUBLISHED && bus_clock_monotonic_ms() < until_ms) {
        struct bus_message message;
        struct bus_error ignored;
        enum bus_status status = bus_consumer_poll(consumer, POLL_MS, &message, &ignored);
        if (status == BUS_FATAL)
            return;
        if (status != BUS_OK || message.handle == NULL)
            continue;
        if (is_accepted(sending, &message))
            outcome->result = CLI_RIGHTS_ACCEPTED;
        else if (is_refused(sending, &message))
            outcome->result = CLI_RIGHTS_REFUSED;
        bus_message_release(&message);
    }
}

/* --- all of it --- */

static void name_topics(struct sending *sending)
{
    const char *prefix = sending->context->prefix;
    bus_topic_in(prefix, sending->item, sending->in_topic);
    bus_topic_named(prefix, BUS_TOPIC_STATE, sending->state_topic);
    bus_topic_named(prefix, BUS_TOPIC_QUARANTINE, sending->quarantine_topic);
    bus_topic_named(prefix, BUS_TOPIC_BOOKS, sending->books_topic);
    bus_event_identity(bus_bytes_text(sending->item->name), sending->content->event.record_key, sending->identity);
}

/* The producer comes before the book: from then on nobody else writes what is read. */
static enum bus_status attempt(struct sending *sending, struct bus_error *error)
{
    struct bus_producer_options options = {.transactional_id = TRANSACTIONAL_ID,
                                           .transaction_timeout_ms = TRANSACTION_MS,
                                           .on_delivered = on_delivered,
                                           .self = sending};
    enum bus_status status = bus_producer_open(&sending->context->kafka, &options, &sending->producer, error);
    if (status == BUS_OK)
        status = count(sending, error);
    if (status == BUS_OK)
        status = write_all(sending, error);
    bus_producer_close(sending->producer);
    sending->producer = NULL;
    return status;
}

/* What did not come through was fenced by another officer's, as a rule. It goes again as it is: had it come through after all, the gateway
 * would find the same event twice and count a duplicate. */
static enum bus_status publish(struct sending *sending, struct bus_error *error)
{
    enum bus_status status = BUS_FATAL;
    for (int i = 0; i < MAX_ATTEMPTS && status != BUS_OK; i++) {
        if (i > 0)
            bus_clock_sleep_ms(PAUSE_MS * (1 + bus_clock_monotonic_ms() % (i + 1)));
        status = attempt(sending, error);
    }
    return status;
}

enum bus_status cli_rights_send(const struct cli_context *context, const struct bus_item *item,
                                const struct cli_rights_record *target, const struct cli_rights_content *content,
                                const char *officer, int64_t wait_ms, struct cli_rights_outcome *out_outcome,
                                struct bus_error *error)
{
    struct sending sending = {.context = context,
                              .item = item,
                              .target = target,
                              .content = content,
                              .officer = officer,
                              .outcome = out_outcome};
    struct bus_consumer *consumer = NULL;
    *out_outcome = (struct cli_rights_outcome){.offset = -1};
    name_topics(&sending);
    bus_buffer_init(&sending.event, CLI_RIGHTS_RECORD_LIMIT);
    bus_buffer_init(&sending.count, BOOK_LIMIT);
    enum bus_status status = cli_rights_encode(item, content, &sending.event, error);
    if (status == BUS_OK && wait_ms > 0)
        status = open_listener(&sending, &consumer, error);
    if (status == BUS_OK)
        status = publish(&sending, error);
    if (status == BUS_OK && wait_ms > 0)
        listen(&sending, consumer, wait_ms);
    bus_consumer_close(consumer);
    bus_book_destroy(sending.book);
    bus_buffer_release(&sending.event);
    bus_buffer_release(&sending.count);
    return status;
}
