/* Replication stream: what a walsender sends once START_REPLICATION is given, and what it must hear.
 *
 * Changes come as they committed. The server keeps its log from the position that was confirmed last, and ends a connection that it
 * hears nothing of for wal_sender_timeout; a server that says nothing for REPLICATION_SILENCE_MS is taken for gone. */
#ifndef ADAPTERS_SOURCES_REPLICATION_STREAM_H
#define ADAPTERS_SOURCES_REPLICATION_STREAM_H

#include "adapters/sources/replication/client.h"

enum { REPLICATION_STATUS_MS = 5000, REPLICATION_SILENCE_MS = 60000 };

struct replication_stream {
    struct replication_client *client; /* a walsender, borrowed */
    uint64_t confirmed;                /* all before it is durable in Kafka */
    uint64_t passed;                   /* the server has nothing more to send before it */
    int64_t told_at_ms, heard_at_ms;
};

/* Starts from `from`, which is confirmed. */
BUS_MUST_CHECK enum bus_status replication_stream_start(struct replication_stream *stream,
                                                        struct replication_client *client, const char *slot,
                                                        const char *publication, uint64_t from,
                                                        struct bus_error *error);
/* The next message of pgoutput and its place in the log, valid until the next call; length 0 when none is here. Never waits, and answers the server
 * on the way. */
BUS_MUST_CHECK enum bus_status replication_stream_next(struct replication_stream *stream, uint64_t *out_lsn,
                                                       struct bus_bytes *out_message, struct bus_error *error);
/* Without reading: what must be told while nothing is taken. */
BUS_MUST_CHECK enum bus_status replication_stream_rest(struct replication_stream *stream, struct bus_error *error);
/* Tells the server what is durable now. */
BUS_MUST_CHECK enum bus_status replication_stream_confirm(struct replication_stream *stream, uint64_t confirmed,
                                                          struct bus_error *error);

#endif
