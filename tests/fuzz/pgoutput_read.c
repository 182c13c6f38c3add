/* Fuzzes the reading of replication messages: whatever the bytes, nothing beyond them is read, all that is lent lies within them, and a message
 * that is refused says why and shows none of its bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "adapters/sources/replication/pgoutput.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct adapters_pgoutput_message message;

static void check_within(struct bus_bytes inner, struct bus_bytes outer)
{
    if (inner.length > 0 && (inner.data < outer.data || inner.data + inner.length > outer.data + outer.length))
        abort();
}

static void check_tuple(const struct adapters_pgoutput_tuple *tuple, struct bus_bytes bytes)
{
    if (tuple->count > ADAPTERS_PGOUTPUT_COLUMNS_MAX || tuple->count > bytes.length)
        abort();
    for (size_t i = 0; i < tuple->count; i++)
        check_within(tuple->values[i].text, bytes);
}

static void check_message(struct bus_bytes bytes)
{
    check_within(message.schema, bytes);
    check_within(message.name, bytes);
    check_within(message.prefix, bytes);
    check_within(message.truncated, bytes);
    check_tuple(&message.old_row, bytes);
    check_tuple(&message.new_row, bytes);
    if (message.column_count > ADAPTERS_PGOUTPUT_COLUMNS_MAX)
        abort();
    for (size_t i = 0; i < message.column_count; i++)
        check_within(message.columns[i].name, bytes);
    uint32_t last = 0;
    for (size_t i = 0; i < message.truncated_count; i++)
        last ^= adapters_pgoutput_truncated(&message, i);
    if (message.kind != ADAPTERS_PGOUTPUT_TRUNCATE && last != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_error error;
    uint8_t *copy = malloc(size > 0 ? size : 1); /* of the exact size, so that a step too far shows */
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    struct bus_bytes bytes = bus_bytes_of(copy, size);
    enum bus_status status = adapters_pgoutput_read(bytes, &message, &error);
    if (status == BUS_OK)
        check_message(bytes);
    else if (status != BUS_FATAL || error.message[0] == '\0')
        abort();
    free(copy);
    return 0;
}
