/* State entry: keys and values of xq.state and of the gateway's LMDB environments (docs/formats-state.md).
 *
 * Every key begins with a letter that says what it names. All integers are little endian. The value of a record in xq.state is
 * its entry followed by the framed bytes of its last event; in LMDB it is the entry alone. */
#ifndef BUS_STATE_ENTRY_H
#define BUS_STATE_ENTRY_H

#include "bus/event.h"
#include "bus/merkle.h"
#include "bus/subject.h"

enum bus_state_kind {
    BUS_STATE_SUBJECT =
        'R', /* subject key | record identity: a record; subject key alone: what the register says of it */
    BUS_STATE_STATUS =
        'S', /* xq.state only; subject key | record identity: the record's entry as a change of status left it */
    BUS_STATE_LOG = 'L',      /* log name: size and peaks of an output log */
    BUS_STATE_SEQUENCE = 'Q', /* adapter | 0x00 | topic: the last sequence number seen */
    BUS_STATE_BOOK = 'C',     /* day: the partition's book of that day, as in xq.books */
    BUS_STATE_GRANTS = 'G',   /* subscriber | 0x00 | item number: digest of the grants by which it was served last */
    BUS_STATE_RESYNC = 'J',   /* subscriber: the resync that is due or under way */
    BUS_STATE_SWEEP = 'D',    /* how far, and up to which day, what fell due has been settled */
    BUS_STATE_RECEIPT = 'A',  /* subscriber: what it has signed for in this partition */
    BUS_STATE_META = 'M',     /* LMDB only: the changelog offset up to which the environment is complete */
};

enum {
    BUS_STATE_RECORD_KEY_SIZE = 1 + BUS_SUBJECT_KEY_SIZE + BUS_IDENTITY_SIZE,
    BUS_STATE_NAME_KEY_SIZE = 1 + BUS_SUBJECT_KEY_SIZE,
    BUS_STATE_KEY_MAX = 511, /* LMDB's limit */
    BUS_STATE_RECORD_SIZE = 84,
    BUS_STATE_NAME_SIZE = 24,
    BUS_STATE_LOG_MAX = 8 + BUS_MERKLE_MAX_PEAKS * BUS_DIGEST_SIZE,
    BUS_STATE_NUMBER_SIZE = 8, /* sequence and meta */
    BUS_STATE_VERSION = 2,     /* first byte of records and names */
};

enum bus_record_status {
    BUS_RECORD_LIVE,
    BUS_RECORD_WITHDRAWN, /* a tombstone: beats late older events */
};

/* What has happened to a record beside its versions, as bits of bus_state_entry.marks. A new life of the record (a PUT after a
 * withdrawal) begins without any. */
enum bus_mark {
    BUS_MARK_CORRECTING,        /* a dispute or request was upheld: the department's correction is awaited */
    BUS_MARK_REPAIRED,          /* its repair was decided: nobody may hold it */
    BUS_MARK_RESTRICTED,        /* nobody may hold it */
    BUS_MARK_RESTRICTED_PUBLIC, /* no public subscriber may hold it */
    BUS_MARK_PUBLICITY_ENDED,   /* its term of publicity is over: no public subscriber may hold it */
    BUS_MARK_RETENTION_ENDED,   /* it may be kept no longer: nobody may hold it */
    BUS_MARK_MINOR,             /* the subject was under 18 at the conduct, or is: no public subscriber may hold it */
};

/* What the gateway remembers of a record. */
struct bus_state_entry {
    int64_t version;
    uint64_t digest;
    uint8_t status;       /* enum bus_record_status */
    uint8_t subject_kind; /* enum bus_subject_kind */
    uint8_t marks;        /* bit = enum bus_mark; of a rights case: enum bus_rights_step */
    uint16_t item;        /* bus_item.number */
    uint16_t disputes;    /* open disputes and requests for correction about it */
    uint8_t repairs, restrictions, public_restrictions; /* cases that stand: the last one that ends clears the mark */
    uint8_t life;   /* how often the record was listed again, modulo 256; of a rights case: the life that it is about */
    uint32_t flags; /* bit = enum bus_flag, those of the last event */
    int32_t publicity_days; /* last day of publicity, days since 1970-01-01; INT32_MAX = no end */
    int32_t retention_days; /* last day on which it may be kept; INT32_MAX = the clock has not started */
    int32_t
        watch_days;   /* last day before its department is reminded: list term, answer to a dispute; INT32_MAX = none */
    uint64_t holders; /* bit = bus_subscriber.number */
    int64_t
        state_offset; /* LMDB: of the last xq.state entry that holds the record's event; in xq.state itself: of the one
                               before it; -1 = none */
    int64_t audit_offset;  /* of the record's last xq.audit entry, -1 = none */
    int64_t first_seen_ms; /* when the gateway first accepted the record */
    int64_t changed_ms;    /* when it last accepted a version */
};

static inline bool bus_state_has_mark(const struct bus_state_entry *entry, enum bus_mark mark)
{
    return (entry->marks >> mark & 1) != 0;
}
/* True when that changed the entry. */
static inline bool bus_state_set_mark(struct bus_state_entry *entry, enum bus_mark mark, bool on)
{
    uint8_t before = entry->marks, bit = (uint8_t)(1u << mark);
    entry->marks = (uint8_t)(on ? before | bit : before & ~bit);
    return entry->marks != before;
}

/* Whether its holders are to see it as disputed. */
static inline bool bus_state_is_disputed(const struct bus_state_entry *entry)
{
    return entry->disputes > 0 || bus_state_has_mark(entry, BUS_MARK_CORRECTING);
}

/* What the register says of an organisation: its name as a digest, and whether it still exists. */
struct bus_state_name {
    bool ended;
    uint16_t item; /* bus_item.number of the register */
    uint64_t name_digest;
    int64_t version; /* of the register's event */
};

/* Whether a key is that of a record, of a record's status. */
bool bus_state_is_record(struct bus_bytes key);
bool bus_state_is_status(struct bus_bytes key);
void bus_state_record_key(const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE], const uint8_t record[BUS_IDENTITY_SIZE],
                          uint8_t out_key[BUS_STATE_RECORD_KEY_SIZE]);
void bus_state_name_key(const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE], uint8_t out_key[BUS_STATE_NAME_KEY_SIZE]);
/* REJECT when the key would be longer than BUS_STATE_KEY_MAX; `out_key` holds that many. */
BUS_MUST_CHECK enum bus_status bus_state_log_key(const char *log, uint8_t *out_key, size_t *out_length,
                                                 struct bus_error *error);
BUS_MUST_CHECK enum bus_status bus_state_sequence_key(struct bus_bytes adapter, const char *topic, uint8_t *out_key,
                                                      size_t *out_length, struct bus_error *error);

void bus_state_record_write(const struct bus_state_entry *entry, uint8_t out_value[BUS_STATE_RECORD_SIZE]);
/* `out_event` (may be NULL) is what follows the entry. REJECT (code STATE_ENTRY): too short or another layout. */
BUS_MUST_CHECK enum bus_status bus_state_record_read(struct bus_bytes value, struct bus_state_entry *out_entry,
                                                     struct bus_bytes *out_event, struct bus_error *error);
/* One field of a written entry. */
void bus_state_record_set_state(uint8_t *value, int64_t state_offset);
void bus_state_record_set_audit(uint8_t *value, int64_t audit_offset);
void bus_state_name_write(const struct bus_state_name *name, uint8_t out_value[BUS_STATE_NAME_SIZE]);
BUS_MUST_CHECK enum bus_status bus_state_name_read(struct bus_bytes value, struct bus_state_name *out_name,
                                                   struct bus_error *error);
/* Returns the number of bytes written. */
size_t bus_state_log_write(const struct bus_merkle *log, uint8_t out_value[BUS_STATE_LOG_MAX]);
BUS_MUST_CHECK enum bus_status bus_state_log_read(struct bus_bytes value, struct bus_merkle *out_log,
                                                  struct bus_error *error);
void bus_state_number_write(int64_t number, uint8_t out_value[BUS_STATE_NUMBER_SIZE]);
BUS_MUST_CHECK enum bus_status bus_state_number_read(struct bus_bytes value, int64_t *out_number,
                                                     struct bus_error *error);

/* XXH3-64 of a registered name. */
uint64_t bus_state_name_digest(struct bus_bytes name);

#endif
