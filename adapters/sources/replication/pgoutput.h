/* pgoutput: the messages of PostgreSQL's logical replication, protocol version 1 with values as text.
 *
 * As laid out in PostgreSQL's manual, "Logical Replication Message Formats". Views borrow from the message's bytes. */
#ifndef ADAPTERS_SOURCES_REPLICATION_PGOUTPUT_H
#define ADAPTERS_SOURCES_REPLICATION_PGOUTPUT_H

#include "bus/bytes.h"

enum {
    ADAPTERS_PGOUTPUT_COLUMNS_MAX = 1664, /* PostgreSQL's own limit of columns in a row */
    ADAPTERS_PGOUTPUT_ANY_LENGTH = -1,    /* type modifier of a type without one */
};

enum adapters_pgoutput_kind {
    ADAPTERS_PGOUTPUT_BEGIN,
    ADAPTERS_PGOUTPUT_COMMIT,
    ADAPTERS_PGOUTPUT_ORIGIN, /* the transaction came to the source by replication: nothing of it is kept */
    ADAPTERS_PGOUTPUT_RELATION,
    ADAPTERS_PGOUTPUT_TYPE, /* nothing of it is kept: a column's type is known by its number */
    ADAPTERS_PGOUTPUT_INSERT,
    ADAPTERS_PGOUTPUT_UPDATE,
    ADAPTERS_PGOUTPUT_DELETE,
    ADAPTERS_PGOUTPUT_TRUNCATE,
    ADAPTERS_PGOUTPUT_MESSAGE,
};

enum adapters_pgoutput_state {
    ADAPTERS_PGOUTPUT_NULL,
    ADAPTERS_PGOUTPUT_UNCHANGED, /* a long value that the update did not touch: not sent */
    ADAPTERS_PGOUTPUT_TEXT,
};

struct adapters_pgoutput_value {
    enum adapters_pgoutput_state state;
    struct bus_bytes text; /* TEXT only */
};

struct adapters_pgoutput_tuple {
    size_t count;
    struct adapters_pgoutput_value values[ADAPTERS_PGOUTPUT_COLUMNS_MAX];
};

struct adapters_pgoutput_column {
    bool is_key; /* part of the replica identity */
    struct bus_bytes name;
    uint32_t type;
    int32_t modifier;
};

/* What the old row of an update or delete holds. */
enum adapters_pgoutput_old {
    ADAPTERS_PGOUTPUT_OLD_NONE, /* an update that left the key as it was */
    ADAPTERS_PGOUTPUT_OLD_KEY,  /* the columns of the replica identity, all others null */
    ADAPTERS_PGOUTPUT_OLD_ROW,  /* REPLICA IDENTITY FULL */
};

/* One message. About 130 KB: keep it on the heap and use it again. */
struct adapters_pgoutput_message {
    enum adapters_pgoutput_kind kind;

    uint64_t lsn;     /* BEGIN, COMMIT: where the transaction's commit stands; MESSAGE: its own place */
    uint64_t end_lsn; /* COMMIT: behind it */
    int64_t at_ms;    /* BEGIN, COMMIT: when it committed, since 1970-01-01 */

    uint32_t transaction; /* BEGIN: its number */

    uint32_t relation; /* RELATION, INSERT, UPDATE, DELETE */

    struct bus_bytes schema, name; /* RELATION */
    char identity;                 /* RELATION: pg_class.relreplident: d, n, f or i */
    size_t column_count;
    struct adapters_pgoutput_column columns[ADAPTERS_PGOUTPUT_COLUMNS_MAX];

    enum adapters_pgoutput_old old_kind;
    struct adapters_pgoutput_tuple old_row; /* UPDATE, DELETE */
    struct adapters_pgoutput_tuple new_row; /* INSERT, UPDATE */

    size_t truncated_count;
    struct bus_bytes truncated; /* TRUNCATE: relations, see adapters_pgoutput_truncated */

    struct bus_bytes prefix; /* MESSAGE */
};

/* Reads one message whole. FATAL when the bytes are none: what it is and where it breaks off, never a value. */
BUS_MUST_CHECK enum bus_status adapters_pgoutput_read(struct bus_bytes bytes,
                                                      struct adapters_pgoutput_message *out_message,
                                                      struct bus_error *error);
/* The relation number `index` of a TRUNCATE. */
uint32_t adapters_pgoutput_truncated(const struct adapters_pgoutput_message *message, size_t index);

#endif
