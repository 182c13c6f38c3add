#include "adapters/sources/replication/stream.h"

#include "bus/clock.h"

enum {
    DATA_HEADER = 1 + 8 + 8 + 8, /* mark, start of the data, end of the log, time */
    KEEPALIVE_SIZE = 1 + 8 + 8 + 1,
    STATUS_SIZE = 1 + 8 + 8 + 8 + 8 + 1,
    SQL_LIMIT = 1024,
};

static const int64_t us_1970_to_2000 = INT64_C(946684800000000);

/* Written, flushed and applied are one: durable in Kafka. */
static enum bus_status tell(struct replication_stream *stream, bool wants_answer, struct bus_error *error)
{
    uint8_t status[STATUS_SIZE];
    struct bus_clock clock = bus_clock_real();
    status[0] = 'r';
    bus_put_u64be(status + 1, stream->confirmed);
    bus_put_u64be(status + 9, stream->confirmed);
    bus_put_u64be(status + 17, stream->confirmed);
    bus_put_u64be(status + 25, (uint64_t)(bus_clock_now_ms(&clock) * 1000 - us_1970_to_2000));
    status[33] = wants_answer;
    stream->told_at_ms = bus_clock_monotonic_ms();
    return replication_client_reply(stream->client, bus_bytes_of(status, sizeof status), error);
}

enum bus_status replication_stream_start(struct replication_stream *stream, struct replication_client *client,
                                         const char *slot, const char *publication, uint64_t from,
                                         struct bus_error *error)
{
    struct bus_buffer sql, names;
    bus_buffer_init(&sql, SQL_LIMIT);
    bus_buffer_init(&names, SQL_LIMIT);
    replication_append_identifier(&names, publication);
    bus_buffer_u8(&names, '\0');
    bus_buffer_printf(&sql, "START_REPLICATION SLOT ");
    replication_append_identifier(&sql, slot);
    bus_buffer_printf(&sql, " LOGICAL %X/%X (proto_version '1', publication_names ", (uint32_t)(from >> 32),
                      (uint32_t)from);
    replication_append_literal(&sql, names.failed ? "" : (const char *)names.data);
    bus_buffer_append(&sql, ")", 2); /* and the terminator */
    *stream = (struct replication_stream){
        .client = client, .confirmed = from, .passed = from, .heard_at_ms = bus_clock_monotonic_ms()};
    enum bus_status status = sql.failed || names.failed
                                 ? bus_fail(error, BUS_FATAL, "out of memory")
                                 : replication_client_stream(client, (const char *)sql.data, error);
    bus_buffer_release(&sql);
    bus_buffer_release(&names);
    return status == BUS_OK ? tell(stream, true, error) : status;
}

static enum bus_status take_keepalive(struct replication_stream *stream, struct bus_bytes message,
                                      struct bus_error *error)
{
    uint64_t passed = bus_get_u64be(message.data + 1);
    if (passed > stream->passed)
        stream->passed = passed;
    return message.data[KEEPALIVE_SIZE - 1] != 0 ? tell(stream, false, error) : BUS_OK;
}

/* Nothing came: is the server still there, and does it know that we are? */
static enum bus_status look_around(struct replication_stream *stream, struct bus_error *error)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    if (now_ms - stream->heard_at_ms > REPLICATION_SILENCE_MS) {
        replication_client_disconnect(stream->client);
        return bus_fail(error, BUS_RETRY, "PostgreSQL has said nothing for %d s: is the network cut?",
                        REPLICATION_SILENCE_MS / 1000);
    }
    return now_ms - stream->told_at_ms >= REPLICATION_STATUS_MS ? tell(stream, true, error) : BUS_OK;
}

enum bus_status replication_stream_next(struct replication_stream *stream, uint64_t *out_lsn,
                                        struct bus_bytes *out_message, struct bus_error *error)
{
    for (;;) {
        struct bus_bytes message;
        *out_message = bus_bytes_of(NULL, 0);
        enum bus_status status = replication_client_next(stream->client, &message, error);
        if (status != BUS_OK)
            return status;
        if (message.length == 0)
            return look_around(stream, error);
        stream->heard_at_ms = bus_clock_monotonic_ms();
        if (message.data[0] == 'w' && message.length > DATA_HEADER) {
            *out_lsn = bus_get_u64be(message.data + 1);
            *out_message = bus_bytes_of(message.data + DATA_HEADER, message.length - DATA_HEADER);
            bool is_due = stream->heard_at_ms - stream->told_at_ms >= REPLICATION_STATUS_MS;
            return is_due ? tell(stream, false, error) : BUS_OK;
        }
        if (message.data[0] != 'k' || message.length != KEEPALIVE_SIZE)
            return bus_fail(error, BUS_FATAL,
                            "PostgreSQL sent a message of kind 0x%02x that its protocol does not have",
                            message.data[0]);
        status = take_keepalive(stream, message, error);
        if (status != BUS_OK)
            return status;
    }
}

enum bus_status replication_stream_rest(struct replication_stream *stream, struct bus_error *error)
{
    stream->heard_at_ms = bus_clock_monotonic_ms(); /* nobody listens */
    return stream->heard_at_ms - stream->told_at_ms >= REPLICATION_STATUS_MS ? tell(stream, false, error) : BUS_OK;
}

enum bus_status replication_stream_confirm(struct replication_stream *stream, uint64_t confirmed,
                                           struct bus_error *error)
{
    if (confirmed <= stream->confirmed)
        return BUS_OK;
    stream->confirmed = confirmed;
    return tell(stream, false, error);
}
