/* Journal: what this adapter has taken and numbered, in memory: loaded from Kafka at the start, and changed with each transaction.
 *
 * Changes count from adapters_journal_mark on and are taken back by adapters_journal_rewind, so that the journal is never
 * ahead of what is committed. */
#ifndef ADAPTERS_ENGINE_JOURNAL_H
#define ADAPTERS_ENGINE_JOURNAL_H

#include "adapters/engine/position.h"
#include "bus/ledger.h"
#include "bus/producer.h"

enum { ADAPTERS_JOURNAL_MAX_FINISHED = 4 * 1024 * 1024 };

/* A finished file; lives until the journal changes. */
struct adapters_finished {
    uint8_t digest[BUS_DIGEST_SIZE];
    uint64_t name_hash; /* adapters_journal_name_hash */
    int64_t at_ms, rows;
};

/* Of a feed and a file's name in it: whether a file that was taken before came under another name. */
uint64_t adapters_journal_name_hash(const char *feed, const char *name);

struct adapters_journal;

/* NULL when out of memory. `topics` are the in topics this adapter writes. */
struct adapters_journal *adapters_journal_create(const char *adapter, const char *const *topics, size_t topic_count,
                                                 int32_t partitions);
void adapters_journal_destroy(struct adapters_journal *journal);

/* Reads positions and the books "adapter/<adapter>" of the last days from Kafka. Call it after the adapter's producer was opened: then no transaction
 * of an earlier process can still commit. RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status adapters_journal_load(struct adapters_journal *journal, const struct bus_kafka *kafka,
                                                     const char *prefix, struct bus_error *error);

/* The number for the next event in that partition of topic `topic_index`; the caller adds one for each event. */
int64_t *adapters_journal_next_sequence(struct adapters_journal *journal, size_t topic_index, int32_t partition);
/* The file of that content when it is taken in part, to be changed by the caller; else NULL. Valid until the next
 * begin, finish or rewind. */
struct adapters_file_position *adapters_journal_open_file(struct adapters_journal *journal,
                                                          const uint8_t digest[BUS_DIGEST_SIZE]);
/* A file whose taking begins. NULL when ADAPTERS_POSITION_MAX_FILES are taken in part, or out of memory. */
struct adapters_file_position *adapters_journal_begin_file(struct adapters_journal *journal,
                                                           const struct adapters_file_position *file);
/* NULL when no file of that content is finished. */
const struct adapters_finished *adapters_journal_find_finished(const struct adapters_journal *journal,
                                                               const uint8_t digest[BUS_DIGEST_SIZE]);
/* Moves an open file to the finished ones. False when out of memory. */
BUS_MUST_CHECK bool adapters_journal_finish_file(struct adapters_journal *journal,
                                                 const uint8_t digest[BUS_DIGEST_SIZE], int64_t at_ms);
/* Forgets a file that was begun and will not be finished, with the next commit. */
void adapters_journal_drop_file(struct adapters_journal *journal, const uint8_t digest[BUS_DIGEST_SIZE]);

/* The text under that name, "" when there is none; valid until the journal changes. */
const char *adapters_journal_cursor(const struct adapters_journal *journal, const char *name);
/* Puts a text under that name, of the next commit; "" takes it away. FATAL: too long, or more than ADAPTERS_POSITION_MAX_CURSORS. */
BUS_MUST_CHECK enum bus_status adapters_journal_set_cursor(struct adapters_journal *journal, const char *name,
                                                           const char *text, struct bus_error *error);

/* Whether a cursor was set or a file dropped since the last mark. */
bool adapters_journal_has_moved(const struct adapters_journal *journal);

struct bus_ledger *adapters_journal_ledger(struct adapters_journal *journal);

/* What stands in the journal now, borrowed: the files taken in part, the sequence numbers in use and the cursors. */
struct adapters_position adapters_journal_position(struct adapters_journal *journal, int64_t at_ms);

void adapters_journal_mark(struct adapters_journal *journal);
void adapters_journal_rewind(struct adapters_journal *journal);

#endif
