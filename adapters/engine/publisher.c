#include "adapters/engine/publisher.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/calendar.h"
#include "bus/quarantine.h"
#include "bus/topics.h"

enum {
    /* Rows, positions and books are in one partition each, so that a key's records keep their order. */
    OWN_PARTITION = 0,
    POSITION_LIMIT = 8 * 1024 * 1024,
};

/* An event that may be sent; its value is in the buffer. */
struct prepared {
    size_t item;
    int32_t partition;
    uint8_t key[BUS_SUBJECT_KEY_SIZE];
    char identifier[19]; /* of the subject */
};

/* The last event of the transaction in a partition; offset -1: none, or not known yet. */
struct end {
    int64_t offset;
    uint8_t event_id[BUS_IDENTITY_SIZE];
};

struct adapters_publisher {
    struct adapters_publisher_options options;
    struct bus_producer *producer;
    struct adapters_journal *journal;
    char topics[ADAPTERS_PUBLISHER_MAX_ITEMS][BUS_TOPIC_SIZE];
    char quarantine_topic[BUS_TOPIC_SIZE], books_topic[BUS_TOPIC_SIZE], positions_topic[BUS_TOPIC_SIZE];
    struct bus_buffer buffer; /* the value at hand */
    struct prepared prepared;
    struct end *ends; /* NULL: nobody asks; one for each partition of each item */

    bool has_begun;
    int64_t begun_ms;
    int64_t at_ms; /* the transaction's time, 0 before its first event or row */
    size_t rows, size_bytes;
};

struct adapters_publisher *adapters_publisher_rehearse(const struct adapters_publisher_options *options)
{
    const char *topics[ADAPTERS_PUBLISHER_MAX_ITEMS];
    struct adapters_publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL)
        return NULL;
    publisher->options = *options;
    bus_buffer_init(&publisher->buffer, POSITION_LIMIT);
    for (size_t i = 0; i < options->item_count; i++) {
        bus_topic_in(options->prefix, options->items[i], publisher->topics[i]);
        topics[i] = publisher->topics[i];
    }
    bus_topic_named(options->prefix, BUS_TOPIC_QUARANTINE, publisher->quarantine_topic);
    bus_topic_named(options->prefix, BUS_TOPIC_BOOKS, publisher->books_topic);
    bus_topic_named(options->prefix, BUS_TOPIC_POSITIONS, publisher->positions_topic);
    publisher->journal = adapters_journal_create(options->adapter, topics, options->item_count, options->partitions);
    if (publisher->journal != NULL)
        return publisher;
    adapters_publisher_close(publisher);
    return NULL;
}

/* --- where events end --- */

static struct end *end_of(const struct adapters_publisher *publisher, size_t item, int32_t partition)
{
    return &publisher->ends[item * (size_t)publisher->options.partitions + (size_t)partition];
}

/* Events carry the name of their topic, which tells their item. */
static void note_end(void *self, void *opaque, int32_t partition, int64_t offset)
{
    struct adapters_publisher *publisher = self;
    const char(*topic)[BUS_TOPIC_SIZE] = opaque;
    const char(*first)[BUS_TOPIC_SIZE] = publisher->topics;
    struct end *end = end_of(publisher, (size_t)(topic - first), partition);
    if (offset > end->offset)
        end->offset = offset;
}

static void forget_ends(struct adapters_publisher *publisher)
{
    size_t count = publisher->options.item_count * (size_t)publisher->options.partitions;
    for (size_t i = 0; publisher->ends != NULL && i < count; i++)
        publisher->ends[i].offset = -1;
}

bool adapters_publisher_end(const struct adapters_publisher *publisher, size_t item, int32_t partition,
                            int64_t *out_offset, const uint8_t **out_event_id)
{
    const struct end *end = end_of(publisher, item, partition);
    *out_offset = end->offset;
    *out_event_id = end->event_id;
    return end->offset >= 0;
}

static enum bus_status open_kafka(struct adapters_publisher *publisher, struct bus_error *error)
{
    const struct adapters_publisher_options *options = &publisher->options;
    char transactional_id[ADAPTERS_FEED_NAME_SIZE + 16];
    snprintf(transactional_id, sizeof transactional_id, "xq-adapter-%s", options->adapter);
    struct bus_producer_options producer = {.transactional_id = transactional_id, .self = publisher};
    if (options->tells_ends) {
        producer.on_delivered = note_end;
        publisher->ends = calloc(options->item_count * (size_t)options->partitions, sizeof *publisher->ends);
        if (publisher->ends == NULL)
            return bus_fail(error, BUS_FATAL, "cannot prepare the publisher: out of memory");
        forget_ends(publisher);
    }
    enum bus_status status = bus_producer_open(options->kafka, &producer, &publisher->producer, error);
    if (status == BUS_OK)
        status = adapters_journal_load(publisher->journal, options->kafka, options->prefix, error);
    return status;
}

enum bus_status adapters_publisher_open(const struct adapters_publisher_options *options,
                                        struct adapters_publisher **out_publisher, struct bus_error *error)
{
    struct adapters_publisher *publisher = adapters_publisher_rehearse(options);
    if (publisher == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the publisher: out of memory");
    enum bus_status status = open_kafka(publisher, error);
    if (status == BUS_OK)
        *out_publisher = publisher;
    else
        adapters_publisher_close(publisher);
    return status;
}

void adapters_publisher_close(struct adapters_publisher *publisher)
{
    if (publisher == NULL)
        return;
    bus_producer_close(publisher->producer);
    adapters_journal_destroy(publisher->journal);
    bus_buffer_release(&publisher->buffer);
    free(publisher->ends);
    free(publisher);
}

struct adapters_journal *adapters_publisher_journal(struct adapters_publisher *publisher)
{
    return publisher->journal;
}

size_t adapters_publisher_rows(const struct adapters_publisher *publisher)
{
    return publisher->rows;
}

size_t adapters_publisher_size_bytes(const struct adapters_publisher *publisher)
{
    return publisher->size_bytes;
}

int64_t adapters_publisher_age_ms(const struct adapters_publisher *publisher)
{
    return publisher->has_begun ? bus_clock_monotonic_ms() - publisher->begun_ms : 0;
}

static enum bus_status produce(struct adapters_publisher *publisher, const struct bus_record *record,
                               struct bus_error *error)
{
    if (!publisher->has_begun) {
        enum bus_status status = bus_producer_begin(publisher->producer, error);
        if (status != BUS_OK)
            return status;
        publisher->has_begun = true;
        forget_ends(publisher);
        publisher->begun_ms = bus_clock_monotonic_ms();
    }
    publisher->size_bytes += record->value.length;
    return bus_producer_produce(publisher->producer, record, error);
}

int64_t adapters_publisher_time_ms(struct adapters_publisher *publisher)
{
    if (publisher->at_ms == 0)
        publisher->at_ms = bus_clock_now_ms(&publisher->options.clock);
    return publisher->at_ms;
}

static enum bus_status count(struct adapters_publisher *publisher, size_t item, enum bus_measure measure,
                             struct bus_error *error)
{
    const struct bus_item *of = publisher->options.items[item];
    struct bus_ledger *ledger = adapters_journal_ledger(publisher->journal);
    struct bus_book *book =
        bus_ledger_open(ledger, bus_ledger_day(ledger, bus_calendar_day(adapters_publisher_time_ms(publisher))));
    if (book != NULL && bus_book_add(book, of->department->name, of->name, "", BUS_MEASURE_READ, 1) &&
        bus_book_add(book, of->department->name, of->name, "", measure, 1)) {
        publisher->rows++;
        return BUS_OK;
    }
    return bus_fail(error, BUS_FATAL, "cannot count a row: out of memory");
}

/* --- events --- */

static enum bus_status refuse_with(struct adapters_refusal *refusal, const char *column, const struct bus_error *error)
{
    const char *code = error->code[0] != '\0' ? error->code : "VALUE_TYPE";
    const char *zh = error->message_zh[0] != '\0' ? error->message_zh : "该行的值不符合目录项的格式";
    return adapters_refuse_column(refusal, code, column, zh, error->message);
}

enum bus_status adapters_publisher_settle_subject(struct adapters_publisher *publisher, struct bus_value *values,
                                                  struct adapters_refusal *refusal)
{
    struct bus_error error;
    struct prepared *prepared = &publisher->prepared;
    enum bus_subject_kind kind = (enum bus_subject_kind)values[BUS_ENVELOPE_SUBJECT_KIND].integer;
    struct bus_value *subject_id = &values[BUS_ENVELOPE_SUBJECT_ID];
    enum bus_status status = bus_subject_identifier(kind, subject_id->bytes, prepared->identifier, &error);
    if (status != BUS_OK)
        return refuse_with(refusal, "subject_id", &error);
    subject_id->bytes = bus_bytes_text(prepared->identifier);
    bus_subject_key(publisher->options.keyer, kind, prepared->identifier, prepared->key);
    return BUS_OK;
}

static enum bus_status encode_event(struct adapters_publisher *publisher, const struct bus_item *item,
                                    struct bus_value *values, int64_t sequence, struct adapters_refusal *refusal)
{
    struct bus_error error;
    uint8_t event_id[BUS_IDENTITY_SIZE];
    struct bus_bytes record_key = values[BUS_ENVELOPE_RECORD_KEY].bytes;
    if (record_key.length == 0 || record_key.length > BUS_RECORD_KEY_MAX)
        return adapters_refuse(refusal, "RECORD_KEY", "记录键为空或超过512字节",
                               "the record key is empty or longer than 512 bytes");
    bus_event_make_id(bus_bytes_text(item->name), record_key, values[BUS_ENVELOPE_VERSION].integer, event_id);
    values[BUS_ENVELOPE_EVENT_ID] =
        (struct bus_value){.type = BUS_TYPE_FIXED, .bytes = bus_bytes_of(event_id, sizeof event_id)};
    values[BUS_ENVELOPE_SEQUENCE] = (struct bus_value){.type = BUS_TYPE_LONG, .integer = sequence};
    values[BUS_ENVELOPE_PUBLISHED_AT] =
        (struct bus_value){.type = BUS_TYPE_LONG, .integer = adapters_publisher_time_ms(publisher)};
    bus_buffer_reset(&publisher->buffer);
    enum bus_status status = bus_datum_encode(&publisher->buffer, bus_item_current(item)->schema, values, &error);
    if (status != BUS_OK)
        return refuse_with(refusal, "", &error);
    if (publisher->buffer.length > BUS_DATUM_MAX_SIZE)
        return adapters_refuse(refusal, "EVENT_TOO_LONG", "该行作为变更事件超过 1 MiB",
                               "the row makes an event of more than 1 MiB");
    return BUS_OK;
}

enum bus_status adapters_publisher_prepare(struct adapters_publisher *publisher, size_t item, struct bus_value *values,
                                           struct adapters_refusal *refusal)
{
    struct prepared *prepared = &publisher->prepared;
    prepared->item = item;
    prepared->partition = bus_subject_partition(prepared->key, publisher->options.partitions);
    int64_t sequence = *adapters_journal_next_sequence(publisher->journal, item, prepared->partition);
    return encode_event(publisher, publisher->options.items[item], values, sequence, refusal);
}

enum bus_status adapters_publisher_send(struct adapters_publisher *publisher, const char *feed, struct bus_error *error)
{
    const struct prepared *prepared = &publisher->prepared;
    const struct bus_header headers[] = {
        {BUS_ADAPTER_HEADER, bus_bytes_text(publisher->options.adapter)},
        {BUS_FEED_HEADER, bus_bytes_text(feed != NULL ? feed : "")},
    };
    const struct bus_record record = {
        .topic = publisher->topics[prepared->item],
        .partition = prepared->partition,
        .key = bus_bytes_of(prepared->key, sizeof prepared->key),
        .value = bus_buffer_view(&publisher->buffer),
        .headers = headers,
        .header_count = feed != NULL ? 2 : 1,
        .opaque = publisher->ends != NULL ? publisher->topics[prepared->item] : NULL,
    };
    enum bus_status status = produce(publisher, &record, error);
    if (status != BUS_OK)
        return status;
    if (publisher->ends != NULL)
        memcpy(end_of(publisher, prepared->item, prepared->partition)->event_id,
               publisher->buffer.data + BUS_FRAME_SIZE, BUS_IDENTITY_SIZE);
    ++*adapters_journal_next_sequence(publisher->journal, prepared->item, prepared->partition);
    return count(publisher, prepared->item, BUS_MEASURE_PUBLISHED, error);
}

/* --- refused rows --- */

enum bus_status adapters_publisher_refuse(struct adapters_publisher *publisher, size_t item, const char *stage,
                                          const char *file_name, const struct adapters_row *row,
                                          const struct adapters_refusal *refusal, struct bus_error *error)
{
    const struct bus_item *of = publisher->options.items[item];
    const struct bus_quarantined quarantined = {
        .severity = BUS_SEVERITY_REFUSED,
        .department = bus_bytes_text(of->department->name),
        .item = bus_bytes_text(of->name),
        .stage = bus_bytes_text(stage),
        .code = bus_bytes_text(refusal->code),
        .reason_zh = bus_bytes_text(refusal->zh),
        .reason_en = bus_bytes_text(refusal->en),
        .source = bus_bytes_text(file_name),
        .line = row->line,
        .column = bus_bytes_text(refusal->column),
        .offset = -1,
        .adapter = bus_bytes_text(publisher->options.adapter),
        .at_ms = bus_clock_now_ms(&publisher->options.clock),
        .original = row->original,
    };
    bus_buffer_reset(&publisher->buffer);
    enum bus_status status = bus_quarantine_encode(&quarantined, &publisher->buffer, error);
    if (status != BUS_OK)
        return status;
    const struct bus_record record = {
        .topic = publisher->quarantine_topic,
        .partition = OWN_PARTITION,
        .key = quarantined.department,
        .value = bus_buffer_view(&publisher->buffer),
    };
    status = produce(publisher, &record, error);
    return status == BUS_OK ? count(publisher, item, BUS_MEASURE_QUARANTINED, error) : status;
}

/* --- positions, books, the end of a transaction --- */

enum bus_status adapters_publisher_add(struct adapters_publisher *publisher, const struct bus_record *record,
                                       struct bus_error *error)
{
    return produce(publisher, record, error);
}

static enum bus_status produce_position(struct adapters_publisher *publisher, const char *key,
                                        const struct adapters_position *position, struct bus_error *error)
{
    bus_buffer_reset(&publisher->buffer);
    enum bus_status status = adapters_position_encode(publisher->options.adapter, position, &publisher->buffer, error);
    if (status != BUS_OK)
        return status;
    const struct bus_record record = {
        .topic = publisher->positions_topic,
        .partition = OWN_PARTITION,
        .key = bus_bytes_text(key),
        .value = bus_buffer_view(&publisher->buffer),
    };
    return produce(publisher, &record, error);
}

enum bus_status adapters_publisher_finish(struct adapters_publisher *publisher,
                                          const struct adapters_file_position *file, struct bus_error *error)
{
    struct adapters_file_position done = *file;
    char hex[2 * BUS_DIGEST_SIZE + 1], key[ADAPTERS_FEED_NAME_SIZE + sizeof hex + 1];
    done.is_done = true;
    bus_hex(file->digest, sizeof file->digest, hex);
    snprintf(key, sizeof key, "%s/%s", publisher->options.adapter, hex);
    const struct adapters_position position = {
        .at_ms = bus_clock_now_ms(&publisher->options.clock),
        .files = &done,
        .file_count = 1,
    };
    return produce_position(publisher, key, &position, error);
}

static enum bus_status produce_book(struct adapters_publisher *publisher, const struct bus_book *book,
                                    struct bus_error *error)
{
    bus_buffer_reset(&publisher->buffer);
    enum bus_status status =
        bus_book_encode(book, bus_clock_now_ms(&publisher->options.clock), &publisher->buffer, error);
    if (status != BUS_OK)
        return status;
    const struct bus_record record = {
        .topic = publisher->books_topic,
        .partition = OWN_PARTITION,
        .key = bus_bytes_text(bus_book_name_view(book)),
        .value = bus_buffer_view(&publisher->buffer),
    };
    return produce(publisher, &record, error);
}

static enum bus_status produce_books(struct adapters_publisher *publisher, struct bus_error *error)
{
    const struct bus_ledger *ledger = adapters_journal_ledger(publisher->journal);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_ledger_count(ledger); i++)
        if (bus_ledger_is_open(ledger, i))
            status = produce_book(publisher, bus_ledger_book_at(ledger, i), error);
    return status;
}

static void forget_transaction(struct adapters_publisher *publisher)
{
    publisher->has_begun = false;
    publisher->at_ms = 0;
    publisher->rows = 0;
    publisher->size_bytes = 0;
}

enum bus_status adapters_publisher_commit(struct adapters_publisher *publisher, struct bus_error *error)
{
    if (!publisher->has_begun && !adapters_journal_has_moved(publisher->journal))
        return BUS_OK;
    const struct adapters_position position =
        adapters_journal_position(publisher->journal, bus_clock_now_ms(&publisher->options.clock));
    enum bus_status status = produce_position(publisher, publisher->options.adapter, &position, error);
    if (status == BUS_OK)
        status = produce_books(publisher, error);
    if (status == BUS_OK)
        status = bus_producer_commit(publisher->producer, error);
    if (status != BUS_OK)
        return status;
    adapters_journal_mark(publisher->journal);
    forget_transaction(publisher);
    return BUS_OK;
}

enum bus_status adapters_publisher_abort(struct adapters_publisher *publisher, struct bus_error *error)
{
    enum bus_status status = publisher->has_begun ? bus_producer_abort(publisher->producer, error) : BUS_OK;
    adapters_journal_rewind(publisher->journal);
    forget_ends(publisher);
    forget_transaction(publisher);
    return status;
}
