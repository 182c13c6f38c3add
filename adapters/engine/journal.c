#include "adapters/engine/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/consumer.h"
#include "bus/log.h"
#include "bus/stop.h"
#include "bus/topics.h"

enum {
    POLL_MS = 500,
    QUIET_MS = 30000,
    OPEN_TRANSACTION_MS = 150000, /* longer than any transaction stays open */
    FIRST_SLOTS = 1024,
    KEEP_DAYS = 60, /* of books: how far back a clock may be set without counts being lost */
};

struct adapters_journal {
    char adapter[ADAPTERS_FEED_NAME_SIZE];
    struct bus_ledger *ledger;

    size_t topic_count;
    int32_t partitions;
    struct adapters_sequence *sequences, *marked_sequences; /* topic_count * partitions, by topic, then partition */
    struct adapters_sequence *used;                         /* those that have been used, for a position */

    struct adapters_file_position *files, *marked_files; /* taken in part */
    size_t file_count, marked_file_count;

    struct adapters_cursor *cursors, *marked_cursors;
    size_t cursor_count, marked_cursor_count;
    bool has_moved; /* a cursor was set or a file dropped since the mark */

    /* Finished files in the order they were finished, so that a rewind is a cut; `slots` finds them: index + 1, 0 = free. */
    struct adapters_finished *finished;
    size_t finished_count, finished_capacity, marked_finished_count;
    uint32_t *slots;
    size_t slot_count; /* a power of two, at least twice finished_count */
};

struct adapters_journal *adapters_journal_create(const char *adapter, const char *const *topics, size_t topic_count,
                                                 int32_t partitions)
{
    struct adapters_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return NULL;
    size_t count = topic_count * (size_t)partitions;
    char name[ADAPTERS_FEED_NAME_SIZE + 16];
    snprintf(journal->adapter, sizeof journal->adapter, "%s", adapter);
    snprintf(name, sizeof name, "adapter/%s", adapter);
    journal->topic_count = topic_count;
    journal->partitions = partitions;
    journal->ledger = bus_ledger_create(name, KEEP_DAYS);
    journal->sequences = calloc(count + 1, sizeof *journal->sequences);
    journal->marked_sequences = calloc(count + 1, sizeof *journal->sequences);
    journal->used = calloc(count + 1, sizeof *journal->sequences);
    journal->files = calloc(ADAPTERS_POSITION_MAX_FILES, sizeof *journal->files);
    journal->marked_files = calloc(ADAPTERS_POSITION_MAX_FILES, sizeof *journal->files);
    journal->cursors = calloc(ADAPTERS_POSITION_MAX_CURSORS, sizeof *journal->cursors);
    journal->marked_cursors = calloc(ADAPTERS_POSITION_MAX_CURSORS, sizeof *journal->cursors);
    if (journal->cursors == NULL || journal->marked_cursors == NULL || journal->ledger == NULL ||
        journal->sequences == NULL || journal->marked_sequences == NULL || journal->used == NULL ||
        journal->files == NULL || journal->marked_files == NULL) {
        adapters_journal_destroy(journal);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct adapters_sequence *sequence = &journal->sequences[i];
        snprintf(sequence->topic, sizeof sequence->topic, "%s", topics[i / (size_t)partitions]);
        sequence->partition = (int32_t)(i % (size_t)partitions);
        sequence->next = 1;
    }
    return journal;
}

void adapters_journal_destroy(struct adapters_journal *journal)
{
    if (journal == NULL)
        return;
    bus_ledger_destroy(journal->ledger);
    free(journal->sequences);
    free(journal->marked_sequences);
    free(journal->used);
    free(journal->files);
    free(journal->marked_files);
    free(journal->cursors);
    free(journal->marked_cursors);
    free(journal->finished);
    free(journal->slots);
    free(journal);
}

/* --- finished files --- */

/* A digest is uniform already. */
static size_t home_slot(const struct adapters_journal *journal, const uint8_t digest[BUS_DIGEST_SIZE])
{
    return bus_get_u64le(digest) & (journal->slot_count - 1);
}

static void place(struct adapters_journal *journal, size_t index)
{
    size_t slot = home_slot(journal, journal->finished[index].digest);
    while (journal->slots[slot] != 0)
        slot = (slot + 1) & (journal->slot_count - 1);
    journal->slots[slot] = (uint32_t)(index + 1);
}

static void place_all(struct adapters_journal *journal)
{
    memset(journal->slots, 0, journal->slot_count * sizeof *journal->slots);
    for (size_t i = 0; i < journal->finished_count; i++)
        place(journal, i);
}

static bool grow_finished(struct adapters_journal *journal)
{
    if (journal->finished_count < journal->finished_capacity)
        return true;
    size_t capacity = journal->finished_capacity == 0 ? FIRST_SLOTS / 2 : journal->finished_capacity * 2;
    if (capacity > ADAPTERS_JOURNAL_MAX_FINISHED)
        return false;
    struct adapters_finished *finished = realloc(journal->finished, capacity * sizeof *finished);
    if (finished == NULL)
        return false;
    journal->finished = finished;
    uint32_t *slots = realloc(journal->slots, 2 * capacity * sizeof *slots);
    if (slots == NULL)
        return false;
    journal->slots = slots;
    journal->slot_count = 2 * capacity;
    journal->finished_capacity = capacity;
    place_all(journal);
    return true;
}

const struct adapters_finished *adapters_journal_find_finished(const struct adapters_journal *journal,
                                                               const uint8_t digest[BUS_DIGEST_SIZE])
{
    if (journal->slot_count == 0)
        return NULL;
    for (size_t slot = home_slot(journal, digest); journal->slots[slot] != 0;
         slot = (slot + 1) & (journal->slot_count - 1)) {
        const struct adapters_finished *finished = &journal->finished[journal->slots[slot] - 1];
        if (memcmp(finished->digest, digest, BUS_DIGEST_SIZE) == 0)
            return finished;
    }
    return NULL;
}

uint64_t adapters_journal_name_hash(const char *feed, const char *name)
{
    uint8_t digest[BUS_DIGEST_SIZE];
    const struct bus_bytes parts[] = {bus_bytes_of(feed, strlen(feed) + 1), bus_bytes_text(name)};
    bus_digest_parts(BUS_HASH_SM3, parts, 2, digest);
    return bus_get_u64le(digest);
}

static bool add_finished(struct adapters_journal *journal, const struct adapters_file_position *file, int64_t at_ms)
{
    if (adapters_journal_find_finished(journal, file->digest) != NULL)
        return true;
    if (!grow_finished(journal))
        return false;
    struct adapters_finished *finished = &journal->finished[journal->finished_count];
    memcpy(finished->digest, file->digest, BUS_DIGEST_SIZE);
    finished->name_hash = adapters_journal_name_hash(file->feed, file->name);
    finished->at_ms = at_ms;
    finished->rows = file->rows;
    place(journal, journal->finished_count++);
    return true;
}

/* --- files --- */

struct adapters_file_position *adapters_journal_open_file(struct adapters_journal *journal,
                                                          const uint8_t digest[BUS_DIGEST_SIZE])
{
    for (size_t i = 0; i < journal->file_count; i++)
        if (memcmp(journal->files[i].digest, digest, BUS_DIGEST_SIZE) == 0)
            return &journal->files[i];
    return NULL;
}

struct adapters_file_position *adapters_journal_begin_file(struct adapters_journal *journal,
                                                           const struct adapters_file_position *file)
{
    if (journal->file_count == ADAPTERS_POSITION_MAX_FILES)
        return NULL;
    struct adapters_file_position *begun = &journal->files[journal->file_count++];
    *begun = *file;
    return begun;
}

bool adapters_journal_finish_file(struct adapters_journal *journal, const uint8_t digest[BUS_DIGEST_SIZE],
                                  int64_t at_ms)
{
    struct adapters_file_position *file = adapters_journal_open_file(journal, digest);
    if (file == NULL || !add_finished(journal, file, at_ms))
        return false;
    *file = journal->files[--journal->file_count];
    return true;
}

/* --- cursors --- */

static struct adapters_cursor *find_cursor(const struct adapters_journal *journal, const char *name)
{
    for (size_t i = 0; i < journal->cursor_count; i++)
        if (strcmp(journal->cursors[i].name, name) == 0)
            return &journal->cursors[i];
    return NULL;
}

const char *adapters_journal_cursor(const struct adapters_journal *journal, const char *name)
{
    const struct adapters_cursor *cursor = find_cursor(journal, name);
    return cursor != NULL ? cursor->text : "";
}

enum bus_status adapters_journal_set_cursor(struct adapters_journal *journal, const char *name, const char *text,
                                            struct bus_error *error)
{
    struct adapters_cursor *cursor = find_cursor(journal, name);
    if (strlen(name) >= ADAPTERS_CURSOR_NAME_SIZE || strlen(text) >= ADAPTERS_CURSOR_TEXT_SIZE)
        return bus_fail(error, BUS_FATAL, "cursor %.100s is too long to be noted", name);
    journal->has_moved = true;
    if (text[0] == '\0') {
        if (cursor != NULL)
            *cursor = journal->cursors[--journal->cursor_count];
        return BUS_OK;
    }
    if (cursor == NULL && journal->cursor_count == ADAPTERS_POSITION_MAX_CURSORS)
        return bus_fail(error, BUS_FATAL, "more than %d cursors in one adapter", ADAPTERS_POSITION_MAX_CURSORS);
    if (cursor == NULL)
        cursor = &journal->cursors[journal->cursor_count++];
    snprintf(cursor->name, sizeof cursor->name, "%s", name);
    snprintf(cursor->text, sizeof cursor->text, "%s", text);
    return BUS_OK;
}

void adapters_journal_drop_file(struct adapters_journal *journal, const uint8_t digest[BUS_DIGEST_SIZE])
{
    struct adapters_file_position *file = adapters_journal_open_file(journal, digest);
    if (file == NULL)
        return;
    *file = journal->files[--journal->file_count];
    journal->has_moved = true;
}

bool adapters_journal_has_moved(const struct adapters_journal *journal)
{
    return journal->has_moved;
}

int64_t *adapters_journal_next_sequence(struct adapters_journal *journal, size_t topic_index, int32_t partition)
{
    return &journal->sequences[topic_index * (size_t)journal->partitions + (size_t)partition].next;
}

struct bus_ledger *adapters_journal_ledger(struct adapters_journal *journal)
{
    return journal->ledger;
}

struct adapters_position adapters_journal_position(struct adapters_journal *journal, int64_t at_ms)
{
    size_t count = 0;
    for (size_t i = 0; i < journal->topic_count * (size_t)journal->partitions; i++)
        if (journal->sequences[i].next > 1)
            journal->used[count++] = journal->sequences[i];
    return (struct adapters_position){
        .at_ms = at_ms,
        .files = journal->files,
        .file_count = journal->file_count,
        .sequences = journal->used,
        .sequence_count = count,
        .cursors = journal->cursors,
        .cursor_count = journal->cursor_count,
    };
}

void adapters_journal_mark(struct adapters_journal *journal)
{
    size_t count = journal->topic_count * (size_t)journal->partitions;
    memcpy(journal->marked_sequences, journal->sequences, count * sizeof *journal->sequences);
    memcpy(journal->marked_files, journal->files, journal->file_count * sizeof *journal->files);
    journal->marked_file_count = journal->file_count;
    memcpy(journal->marked_cursors, journal->cursors, journal->cursor_count * sizeof *journal->cursors);
    journal->marked_cursor_count = journal->cursor_count;
    journal->has_moved = false;
    journal->marked_finished_count = journal->finished_count;
    bus_ledger_mark(journal->ledger);
    bus_ledger_forget(journal->ledger);
}

void adapters_journal_rewind(struct adapters_journal *journal)
{
    size_t count = journal->topic_count * (size_t)journal->partitions;
    memcpy(journal->sequences, journal->marked_sequences, count * sizeof *journal->sequences);
    memcpy(journal->files, journal->marked_files, journal->marked_file_count * sizeof *journal->files);
    journal->file_count = journal->marked_file_count;
    memcpy(journal->cursors, journal->marked_cursors, journal->marked_cursor_count * sizeof *journal->cursors);
    journal->cursor_count = journal->marked_cursor_count;
    journal->has_moved = false;
    if (journal->finished_count != journal->marked_finished_count) {
        journal->finished_count = journal->marked_finished_count;
        place_all(journal);
    }
    bus_ledger_rewind(journal->ledger);
}

/* --- loading --- */

typedef enum bus_status take_record(struct adapters_journal *journal, const struct bus_message *message,
                                    struct bus_error *error);

/* Reads up to `high`, the end of the topic when the reading began: all that this adapter ever committed lies before it. The end that is told is
 * that of what is stable, and an open transaction of another adapter may keep it behind our own commits: then it is waited for. */
static enum bus_status read_to_end(struct adapters_journal *journal, struct bus_consumer *consumer, int64_t high,
                                   take_record *take, struct bus_error *error)
{
    int64_t heard_ms = bus_clock_monotonic_ms(), patience_ms = QUIET_MS;
    for (;;) {
        struct bus_message message;
        enum bus_status status = bus_consumer_poll(consumer, POLL_MS, &message, error);
        if (status != BUS_OK)
            return status;
        bool is_end = message.handle == NULL && message.partition >= 0;
        if (is_end && message.offset >= high)
            return BUS_OK;
        if (is_end) {
            bus_log(BUS_LOG_INFO, "waiting for another adapter's transaction", "stable=%lld of=%lld",
                    (long long)message.offset, (long long)high);
            patience_ms = OPEN_TRANSACTION_MS;
        }
        if (message.handle == NULL) {
            if (bus_stop_requested() || bus_clock_monotonic_ms() - heard_ms > patience_ms)
                return bus_fail(
                    error, BUS_RETRY,
                    "cannot read the adapter's position: Kafka does not answer, or a transaction stays open");
            continue;
        }
        heard_ms = bus_clock_monotonic_ms();
        status = take(journal, &message, error);
        bus_message_release(&message);
        if (status != BUS_OK)
            return status;
    }
}

static enum bus_status scan(struct adapters_journal *journal, const struct bus_kafka *kafka, const char *topic,
                            take_record *take, struct bus_error *error)
{
    struct bus_consumer *consumer = NULL;
    struct bus_partition start = {topic, 0, BUS_OFFSET_BEGINNING};
    int64_t first, stable, high;
    enum bus_status status = bus_consumer_open(kafka, &(struct bus_consumer_options){0}, &consumer, error);
    if (status == BUS_OK)
        status = bus_consumer_watermarks(consumer, topic, 0, &first, &stable, &high, error);
    if (status == BUS_OK)
        status = bus_consumer_assign(consumer, &start, 1, error);
    if (status == BUS_OK)
        status = read_to_end(journal, consumer, high, take, error);
    bus_consumer_close(consumer);
    if (status != BUS_OK)
        bus_error_prefix(error, "topic %s", topic);
    return status;
}

/* Days come in order, nearly; what is older than the latest is let go on the way. */
static enum bus_status take_book(struct adapters_journal *journal, const struct bus_message *message,
                                 struct bus_error *error)
{
    int64_t at_ms;
    int32_t day;
    struct bus_bytes writer;
    if (message->value.data == NULL || !bus_book_name_read(message->key, &writer, &day) ||
        !bus_bytes_equal_text(writer, bus_ledger_writer_view(journal->ledger)))
        return BUS_OK;
    struct bus_book *book = bus_ledger_open(journal->ledger, day);
    if (book == NULL)
        return bus_fail(error, BUS_FATAL, "cannot read the books: out of memory");
    enum bus_status status = bus_book_decode(message->value, book, &at_ms, error);
    bus_ledger_mark(journal->ledger);
    bus_ledger_forget(journal->ledger);
    return status == BUS_REJECT ? BUS_FATAL : status;
}

static void take_sequences(struct adapters_journal *journal, const struct adapters_position *position)
{
    size_t count = journal->topic_count * (size_t)journal->partitions;
    for (size_t i = 0; i < position->sequence_count; i++) {
        const struct adapters_sequence *found = &position->sequences[i];
        for (size_t at = 0; at < count; at++)
            if (journal->sequences[at].partition == found->partition &&
                strcmp(journal->sequences[at].topic, found->topic) == 0)
                journal->sequences[at].next = found->next;
    }
}

static enum bus_status take_position(struct adapters_journal *journal, const struct bus_message *message,
                                     struct bus_error *error)
{
    size_t length = strlen(journal->adapter);
    struct bus_bytes key = message->key;
    bool is_own = key.length >= length && memcmp(key.data, journal->adapter, length) == 0;
    bool is_whole = is_own && key.length == length;
    bool is_finished = is_own && key.length == length + 1 + 2 * BUS_DIGEST_SIZE && key.data[length] == '/';
    if ((!is_whole && !is_finished) || message->value.data == NULL)
        return BUS_OK;
    struct adapters_position position;
    enum bus_status status = adapters_position_decode(message->value, &position, error);
    if (status != BUS_OK)
        return BUS_FATAL;
    if (is_whole) {
        if (position.file_count > 0)
            memcpy(journal->files, position.files, position.file_count * sizeof *journal->files);
        journal->file_count = position.file_count;
        take_sequences(journal, &position);
        if (position.cursor_count > 0)
            memcpy(journal->cursors, position.cursors, position.cursor_count * sizeof *journal->cursors);
        journal->cursor_count = position.cursor_count;
    }
    for (size_t i = 0; status == BUS_OK && is_finished && i < position.file_count; i++)
        if (!add_finished(journal, &position.files[i], position.at_ms))
            status = bus_fail(error, BUS_FATAL, "more than %d finished files, or out of memory",
                              ADAPTERS_JOURNAL_MAX_FINISHED);
    adapters_position_release(&position);
    return status;
}

enum bus_status adapters_journal_load(struct adapters_journal *journal, const struct bus_kafka *kafka,
                                      const char *prefix, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    bus_topic_named(prefix, BUS_TOPIC_POSITIONS, topic);
    enum bus_status status = scan(journal, kafka, topic, take_position, error);
    if (status != BUS_OK)
        return status;
    bus_topic_named(prefix, BUS_TOPIC_BOOKS, topic);
    status = scan(journal, kafka, topic, take_book, error);
    if (status != BUS_OK)
        return status;
    bus_log(BUS_LOG_INFO, "position loaded", "finished_files=%zu open_files=%zu", journal->finished_count,
            journal->file_count);
    adapters_journal_mark(journal);
    return BUS_OK;
}
