/* State: all the gateway remembers about the subjects of one partition (design section 5).
 *
 * Reads go to the overlay of the running batch, then to the store. What a batch changes is written to xq.state in its
 * transaction (gateway_state_changes) and, after the commit, goes to the store, some batches at a time, together with the changelog
 * offset that it ends at (gateway_state_commit); an aborted batch is forgotten (gateway_state_discard). So the store is never
 * ahead of Kafka. Knows
 * nothing of Kafka: the worker replays the topic through gateway_state_replay. */
#ifndef GATEWAY_STATE_STATE_H
#define GATEWAY_STATE_STATE_H

#include "bus/books.h"
#include "bus/overlay.h"
#include "bus/state_entry.h"

enum { GATEWAY_STATE_MAX_LOGS = 64 }; /* one a subscriber */

struct gateway_state_options {
    const char *folder; /* of all partitions; this one's is <folder>/<partition> */
    int32_t partition;
    size_t map_bytes;
    size_t overlay_bytes; /* bounds what one batch may read and change */
};

struct gateway_state;

/* The states of the partitions that this worker owns, by partition; NULL where it does not. */
struct gateway_states {
    struct gateway_state **of;
    int32_t count;
};

/* RETRY: another process holds the partition. FATAL as bus_store_open. */
BUS_MUST_CHECK enum bus_status gateway_state_open(const struct gateway_state_options *options,
                                                  struct gateway_state **out_state, struct bus_error *error);
void gateway_state_close(struct gateway_state *state, bool clean);

int32_t gateway_state_partition(const struct gateway_state *state);
/* The first xq.state offset that the store does not contain yet; 0 when it is empty. */
int64_t gateway_state_changelog_next(const struct gateway_state *state);

/* One record of xq.state, in the order of the topic; data NULL = a tombstone. Complete once gateway_state_replayed has said up
 * to which offset. Writes to the store in slices by itself. */
BUS_MUST_CHECK enum bus_status gateway_state_replay(struct gateway_state *state, struct bus_bytes key,
                                                    struct bus_bytes value, int64_t offset, struct bus_error *error);
BUS_MUST_CHECK enum bus_status gateway_state_replayed(struct gateway_state *state, int64_t next_offset,
                                                      struct bus_error *error);
/* Forgets everything, for a topic that was made anew. */
BUS_MUST_CHECK enum bus_status gateway_state_clear(struct gateway_state *state, struct bus_error *error);

/* The batch's place for a record, a registered name (NULL: out of memory) or the last sequence number of an adapter on an in topic;
 * lives until commit or discard. Asking reads nothing: either gateway_state_fetch reads all that was asked for in key order, which is
 * several times faster, or the first read of each place does. */
struct bus_slot *gateway_state_record(struct gateway_state *state, const uint8_t *subject_key, const uint8_t *record);
struct bus_slot *gateway_state_name(struct gateway_state *state, const uint8_t *subject_key);
BUS_MUST_CHECK enum bus_status gateway_state_sequence(struct gateway_state *state, struct bus_bytes adapter,
                                                      const char *topic, struct bus_slot **out_slot,
                                                      struct bus_error *error);
BUS_MUST_CHECK enum bus_status gateway_state_fetch(struct gateway_state *state, struct bus_error *error);

/* Reading and writing a place. slot->changed: this batch has written it. FATAL: the batch's memory bound, or the store. */
BUS_MUST_CHECK enum bus_status gateway_state_read_record(struct gateway_state *state, struct bus_slot *slot,
                                                         struct bus_state_entry *out_entry, bool *out_found,
                                                         struct bus_error *error);
/* `event` (framed) is borrowed until commit or discard. */
BUS_MUST_CHECK enum bus_status gateway_state_write_record(struct gateway_state *state, struct bus_slot *slot,
                                                          const struct bus_state_entry *entry, struct bus_bytes event,
                                                          struct bus_error *error);
/* A change of status: the record's event stays as xq.state has it. */
BUS_MUST_CHECK enum bus_status gateway_state_write_status(struct gateway_state *state, struct bus_slot *slot,
                                                          const struct bus_state_entry *entry, struct bus_error *error);
/* The entry stays, and the record's event is given up: it disappears from xq.state by compaction. */
BUS_MUST_CHECK enum bus_status gateway_state_erase_event(struct gateway_state *state, struct bus_slot *slot,
                                                         const struct bus_state_entry *entry, struct bus_error *error);
BUS_MUST_CHECK enum bus_status gateway_state_read_name(struct gateway_state *state, struct bus_slot *slot,
                                                       struct bus_state_name *out_name, bool *out_found,
                                                       struct bus_error *error);
/* `name` NULL: the register withdrew it. */
BUS_MUST_CHECK enum bus_status gateway_state_write_name(struct gateway_state *state, struct bus_slot *slot,
                                                        const struct bus_state_name *name, struct bus_error *error);
BUS_MUST_CHECK enum bus_status gateway_state_read_sequence(struct gateway_state *state, struct bus_slot *slot,
                                                           int64_t *out_last, bool *out_found, struct bus_error *error);
BUS_MUST_CHECK enum bus_status gateway_state_write_sequence(struct gateway_state *state, struct bus_slot *slot,
                                                            int64_t last, struct bus_error *error);
/* The batch's place for anything else, by its whole key (grants, resync, sweep). `value` of a read: data NULL = absent; valid until the place
 * is written or the batch ends. `value` of a write: data NULL = gone. */
BUS_MUST_CHECK enum bus_status gateway_state_place(struct gateway_state *state, struct bus_bytes key,
                                                   struct bus_slot **out_slot, struct bus_error *error);
BUS_MUST_CHECK enum bus_status gateway_state_read_place(struct gateway_state *state, struct bus_slot *slot,
                                                        struct bus_bytes *out_value, struct bus_error *error);
BUS_MUST_CHECK enum bus_status gateway_state_write_place(struct gateway_state *state, struct bus_slot *slot,
                                                         struct bus_bytes value, struct bus_error *error);
/* Gives committed records to `take`, in the order of their keys, from the first after `after` (a record's key; length 0: from the very first),
 * until it answers false or there are no more (*out_end). It may ask for places, but neither read nor write them; key and entry are
 * valid during the call. What was committed last is left out unless gateway_state_write_through was called first. FATAL: the store. */
typedef bool gateway_state_take(void *self, struct bus_bytes key, const struct bus_state_entry *entry);
BUS_MUST_CHECK enum bus_status gateway_state_walk(struct gateway_state *state, struct bus_bytes after,
                                                  gateway_state_take *take, void *self, bool *out_end,
                                                  struct bus_error *error);
/* Everything that was committed goes to the store now. FATAL: the store. */
BUS_MUST_CHECK enum bus_status gateway_state_write_through(struct gateway_state *state, struct bus_error *error);
/* The output log "<topic>/<partition>" as this batch leaves it: the caller appends to it. NULL: FATAL, too many logs. Lives as
 * long as the state. */
BUS_MUST_CHECK enum bus_status gateway_state_log(struct gateway_state *state, const char *name,
                                                 struct bus_merkle **out_log, struct bus_error *error);
/* The book of a day to count in, "gateway/<partition>/<day>", until commit or discard; discard takes the counts back. FATAL: the
 * store. */
BUS_MUST_CHECK enum bus_status gateway_state_book(struct gateway_state *state, int32_t day, struct bus_book **out_book,
                                                  struct bus_error *error);

/* What goes to xq.state: every changed slot, logs and books included, each key once; value and payload make the record's value, under
 * the key of gateway_state_topic_key. The caller sets each slot's offset once it is known. Valid until the next call on the state. */
BUS_MUST_CHECK enum bus_status gateway_state_changes(struct gateway_state *state, int64_t now_ms,
                                                     struct bus_slot *const **out_slots, size_t *out_count,
                                                     struct bus_error *error);
/* The key of a changed slot in xq.state: its own, or the status key of its record; `out_key` holds BUS_STATE_RECORD_KEY_SIZE bytes. */
struct bus_bytes gateway_state_topic_key(const struct bus_slot *slot, uint8_t *out_key);
/* The offset of the xq.audit entry in this transaction that names a record which this batch has written. */
void gateway_state_note_audit(struct bus_slot *slot, int64_t audit_offset);

/* After the Kafka commit. `changes` as given out, with offsets. FATAL: the store could not take it; the topic has it. */
BUS_MUST_CHECK enum bus_status gateway_state_commit(struct gateway_state *state, struct bus_error *error);
void gateway_state_discard(struct gateway_state *state);

#endif
