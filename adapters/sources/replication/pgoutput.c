#include "adapters/sources/replication/pgoutput.h"

enum { SECONDS_1970_TO_2000 = 946684800, RELATION_SIZE = 4 };

/* --- pieces --- */

static uint16_t take_u16(struct bus_cursor *cursor)
{
    uint8_t high = bus_cursor_u8(cursor);
    return (uint16_t)(high << 8 | bus_cursor_u8(cursor));
}

static uint32_t take_u32(struct bus_cursor *cursor)
{
    struct bus_bytes bytes = bus_cursor_take(cursor, 4);
    return bytes.length == 4 ? bus_get_u32be(bytes.data) : 0;
}

static uint64_t take_u64(struct bus_cursor *cursor)
{
    struct bus_bytes bytes = bus_cursor_take(cursor, 8);
    return bytes.length == 8 ? bus_get_u64be(bytes.data) : 0;
}

/* PostgreSQL's clock counts microseconds since 2000-01-01. */
static int64_t take_time(struct bus_cursor *cursor)
{
    return (int64_t)take_u64(cursor) / 1000 + (int64_t)SECONDS_1970_TO_2000 * 1000;
}

/* A text that ends with a zero byte. */
static struct bus_bytes take_text(struct bus_cursor *cursor)
{
    const uint8_t *end = bus_cursor_left(cursor) > 0 ? memchr(cursor->at, 0, bus_cursor_left(cursor)) : NULL;
    if (end == NULL) {
        cursor->failed = true;
        return bus_bytes_of(NULL, 0);
    }
    struct bus_bytes text = bus_cursor_take(cursor, (size_t)(end - cursor->at));
    (void)bus_cursor_u8(cursor);
    return text;
}

static void take_value(struct bus_cursor *cursor, struct adapters_pgoutput_value *out_value)
{
    *out_value = (struct adapters_pgoutput_value){.state = ADAPTERS_PGOUTPUT_NULL};
    switch (bus_cursor_u8(cursor)) {
    case 'n': return;
    case 'u': out_value->state = ADAPTERS_PGOUTPUT_UNCHANGED; return;
    case 't':
        out_value->state = ADAPTERS_PGOUTPUT_TEXT;
        out_value->text = bus_cursor_take(cursor, take_u32(cursor));
        return;
    default: cursor->failed = true; return; /* also 'b': binary values are never asked for */
    }
}

static void take_tuple(struct bus_cursor *cursor, struct adapters_pgoutput_tuple *tuple)
{
    tuple->count = take_u16(cursor);
    if (tuple->count > ADAPTERS_PGOUTPUT_COLUMNS_MAX)
        cursor->failed = true;
    for (size_t i = 0; i < tuple->count && !cursor->failed; i++)
        take_value(cursor, &tuple->values[i]);
    if (cursor->failed)
        tuple->count = 0;
}

/* --- messages --- */

static void read_begin(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    message->lsn = take_u64(cursor);
    message->at_ms = take_time(cursor);
    message->transaction = take_u32(cursor);
}

static void read_commit(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    (void)bus_cursor_u8(cursor); /* flags, none yet */
    message->lsn = take_u64(cursor);
    message->end_lsn = take_u64(cursor);
    message->at_ms = take_time(cursor);
}

static void read_origin(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    message->lsn = take_u64(cursor);
    (void)take_text(cursor);
}

static void read_relation(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    message->relation = take_u32(cursor);
    message->schema = take_text(cursor);
    message->name = take_text(cursor);
    message->identity = (char)bus_cursor_u8(cursor);
    message->column_count = take_u16(cursor);
    if (message->column_count > ADAPTERS_PGOUTPUT_COLUMNS_MAX)
        cursor->failed = true;
    for (size_t i = 0; i < message->column_count && !cursor->failed; i++) {
        struct adapters_pgoutput_column *column = &message->columns[i];
        column->is_key = (bus_cursor_u8(cursor) & 1) != 0;
        column->name = take_text(cursor);
        column->type = take_u32(cursor);
        column->modifier = (int32_t)take_u32(cursor);
    }
    if (cursor->failed)
        message->column_count = 0;
}

static void read_type(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    (void)message;
    (void)take_u32(cursor);
    (void)take_text(cursor);
    (void)take_text(cursor);
}

static void read_insert(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    message->relation = take_u32(cursor);
    if (bus_cursor_u8(cursor) != 'N')
        cursor->failed = true;
    take_tuple(cursor, &message->new_row);
}

/* The mark behind the old row, when there is one; else the mark itself is given back. */
static uint8_t read_old(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    uint8_t mark = bus_cursor_u8(cursor);
    if (mark != 'K' && mark != 'O')
        return mark;
    message->old_kind = mark == 'K' ? ADAPTERS_PGOUTPUT_OLD_KEY : ADAPTERS_PGOUTPUT_OLD_ROW;
    take_tuple(cursor, &message->old_row);
    return 0;
}

static void read_update(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    message->relation = take_u32(cursor);
    uint8_t mark = read_old(cursor, message);
    if ((mark != 0 ? mark : bus_cursor_u8(cursor)) != 'N')
        cursor->failed = true;
    take_tuple(cursor, &message->new_row);
}

static void read_delete(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    message->relation = take_u32(cursor);
    if (read_old(cursor, message) != 0 || message->old_kind == ADAPTERS_PGOUTPUT_OLD_NONE)
        cursor->failed = true;
}

static void read_truncate(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    message->truncated_count = take_u32(cursor);
    (void)bus_cursor_u8(cursor); /* CASCADE, RESTART IDENTITY: all that is emptied is named */
    if (message->truncated_count > bus_cursor_left(cursor) / RELATION_SIZE)
        cursor->failed = true;
    else
        message->truncated = bus_cursor_take(cursor, message->truncated_count * RELATION_SIZE);
}

static void read_message(struct bus_cursor *cursor, struct adapters_pgoutput_message *message)
{
    (void)bus_cursor_u8(cursor); /* whether it is transactional */
    message->lsn = take_u64(cursor);
    message->prefix = take_text(cursor);
    (void)bus_cursor_take(cursor, take_u32(cursor));
}

static const struct {
    uint8_t mark;
    enum adapters_pgoutput_kind kind;
    const char *name;
    void (*read)(struct bus_cursor *cursor, struct adapters_pgoutput_message *message);
} kinds[] = {
    {'I', ADAPTERS_PGOUTPUT_INSERT, "INSERT", read_insert},
    {'U', ADAPTERS_PGOUTPUT_UPDATE, "UPDATE", read_update},
    {'D', ADAPTERS_PGOUTPUT_DELETE, "DELETE", read_delete},
    {'B', ADAPTERS_PGOUTPUT_BEGIN, "BEGIN", read_begin},
    {'C', ADAPTERS_PGOUTPUT_COMMIT, "COMMIT", read_commit},
    {'R', ADAPTERS_PGOUTPUT_RELATION, "RELATION", read_relation},
    {'Y', ADAPTERS_PGOUTPUT_TYPE, "TYPE", read_type},
    {'T', ADAPTERS_PGOUTPUT_TRUNCATE, "TRUNCATE", read_truncate},
    {'O', ADAPTERS_PGOUTPUT_ORIGIN, "ORIGIN", read_origin},
    {'M', ADAPTERS_PGOUTPUT_MESSAGE, "MESSAGE", read_message},
};

static void clear(struct adapters_pgoutput_message *message)
{
    message->lsn = message->end_lsn = 0;
    message->at_ms = 0;
    message->relation = message->transaction = 0;
    message->schema = message->name = message->prefix = message->truncated = bus_bytes_of(NULL, 0);
    message->identity = 0;
    message->column_count = message->truncated_count = 0;
    message->old_kind = ADAPTERS_PGOUTPUT_OLD_NONE;
    message->old_row.count = message->new_row.count = 0;
}

enum bus_status adapters_pgoutput_read(struct bus_bytes bytes, struct adapters_pgoutput_message *out_message,
                                       struct bus_error *error)
{
    struct bus_cursor cursor = bus_cursor_of(bytes);
    uint8_t mark = bus_cursor_u8(&cursor);
    clear(out_message);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].mark != mark || cursor.failed)
            continue;
        out_message->kind = kinds[i].kind;
        kinds[i].read(&cursor, out_message);
        if (!cursor.failed && bus_cursor_left(&cursor) == 0)
            return BUS_OK;
        return bus_fail(error, BUS_FATAL, "cannot read a %s message of %zu bytes from PostgreSQL: %s", kinds[i].name,
                        bytes.length, cursor.failed ? "it breaks off or is malformed" : "bytes are left over");
    }
    return bus_fail(error, BUS_FATAL,
                    "cannot read a replication message from PostgreSQL: unknown kind 0x%02x; is the slot's plug-in "
                    "pgoutput?",
                    mark);
}

uint32_t adapters_pgoutput_truncated(const struct adapters_pgoutput_message *message, size_t index)
{
    return bus_get_u32be(message->truncated.data + index * RELATION_SIZE);
}
