/* Publisher: events, refused rows, positions and the books, in Kafka transactions of this adapter alone.
 *
 * transactional.id "xq-adapter-<adapter>": a second process of the same adapter fences the first. What was added since the last
 * commit counts only with the next; after an abort the journal stands where the last commit left it. A transaction has one time, the
 * published_at of all its events, so that it belongs to one day of the books. */
#ifndef ADAPTERS_ENGINE_PUBLISHER_H
#define ADAPTERS_ENGINE_PUBLISHER_H

#include "adapters/engine/journal.h"
#include "adapters/engine/row.h"
#include "bus/clock.h"
#include "bus/subject.h"

enum { ADAPTERS_PUBLISHER_MAX_ITEMS = 64 };

struct adapters_publisher_options {
    const struct bus_kafka *kafka;
    const char *prefix;
    int32_t partitions;
    const char *adapter;
    const struct bus_item *items[ADAPTERS_PUBLISHER_MAX_ITEMS]; /* each once */
    size_t item_count;
    const struct bus_subject_keyer *keyer;
    bool tells_ends; /* adapters_publisher_end is asked; costs a report from Kafka for each event */
    struct bus_clock clock;
};

struct adapters_publisher;

/* Opens the producer, waiting for the broker while no stop is requested, and loads the journal. Options are copied, what
 * they point to is borrowed. RETRY when the broker is away, FATAL when it refuses us. */
BUS_MUST_CHECK enum bus_status adapters_publisher_open(const struct adapters_publisher_options *options,
                                                       struct adapters_publisher **out_publisher,
                                                       struct bus_error *error);
/* One that settles and prepares rows and has no Kafka: nothing can be sent with it. NULL when out of memory. */
struct adapters_publisher *adapters_publisher_rehearse(const struct adapters_publisher_options *options);
void adapters_publisher_close(struct adapters_publisher *publisher);

struct adapters_journal *adapters_publisher_journal(struct adapters_publisher *publisher);

/* Makes subject_id canonical; it is valid until the next row. REJECT: the codes of bus/identifier.h, with `refusal`. */
BUS_MUST_CHECK enum bus_status adapters_publisher_settle_subject(struct adapters_publisher *publisher,
                                                                 struct bus_value *values,
                                                                 struct adapters_refusal *refusal);
/* Makes a mapped row, its subject settled, into the event of items[item] that adapters_publisher_send sends. `values` are those of
 * the item's current schema; event_id, sequence and published_at are filled in here. REJECT: the row goes no further (RECORD_KEY,
 * EVENT_TOO_LONG, VALUE_TYPE), with `refusal`. */
BUS_MUST_CHECK enum bus_status adapters_publisher_prepare(struct adapters_publisher *publisher, size_t item,
                                                          struct bus_value *values, struct adapters_refusal *refusal);
/* Publishes the event prepared last. `feed`: for the header of feeds that have an image, else NULL. RETRY: abort. */
BUS_MUST_CHECK enum bus_status adapters_publisher_send(struct adapters_publisher *publisher, const char *feed,
                                                       struct bus_error *error);
/* Sends a refused row to quarantine. `stage` is adapter.read or adapter.map. */
BUS_MUST_CHECK enum bus_status adapters_publisher_refuse(struct adapters_publisher *publisher, size_t item,
                                                         const char *stage, const char *file_name,
                                                         const struct adapters_row *row,
                                                         const struct adapters_refusal *refusal,
                                                         struct bus_error *error);
/* Notes in the transaction that the journal finished this file. */
BUS_MUST_CHECK enum bus_status adapters_publisher_finish(struct adapters_publisher *publisher,
                                                         const struct adapters_file_position *file,
                                                         struct bus_error *error);

/* The transaction's time: it begins with the first row that asks. */
int64_t adapters_publisher_time_ms(struct adapters_publisher *publisher);
/* What was added since the last commit. */
size_t adapters_publisher_rows(const struct adapters_publisher *publisher);
size_t adapters_publisher_size_bytes(const struct adapters_publisher *publisher);
/* Milliseconds since the transaction began, 0 when none has. */
int64_t adapters_publisher_age_ms(const struct adapters_publisher *publisher);

/* Adds a record of another topic to the transaction, such as a feed's status. RETRY: abort. */
BUS_MUST_CHECK enum bus_status adapters_publisher_add(struct adapters_publisher *publisher,
                                                      const struct bus_record *record, struct bus_error *error);
/* Adds position and the day's book and commits; nothing when nothing was added and no cursor was set. OK: durable. RETRY: abort. FATAL: start over. */
BUS_MUST_CHECK enum bus_status adapters_publisher_commit(struct adapters_publisher *publisher, struct bus_error *error);
/* After a commit: where its last event of an item stands in a partition; the event's id lives until the next event. False when it had none
 * there. */
bool adapters_publisher_end(const struct adapters_publisher *publisher, size_t item, int32_t partition,
                            int64_t *out_offset, const uint8_t **out_event_id);
/* Gives up what was added since the last commit. OK or FATAL. */
BUS_MUST_CHECK enum bus_status adapters_publisher_abort(struct adapters_publisher *publisher, struct bus_error *error);

#endif
