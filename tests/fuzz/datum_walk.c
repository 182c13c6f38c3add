/* Fuzzes the span walk and what reads through its spans: whatever the bytes, nothing beyond them is read, spans lie one behind the
 * other up to the last byte, and each value can be written as text. The first byte chooses the schema. */
#include <stdint.h>
#include <stdlib.h>

#include "bus/datum.h"

enum { MAX_FIELDS = 256, TEXT_LIMIT = 8 * 1024 * 1024 };

static const char *const paths[] = {
    XINQIAO_SOURCE "/schemas/shared/penalty-1.avsc", XINQIAO_SOURCE "/schemas/seal.avsc",
    XINQIAO_SOURCE "/schemas/internal/books.avsc",   XINQIAO_SOURCE "/schemas/internal/position.avsc",
    XINQIAO_SOURCE "/tests/fuzz/every_type.avsc",
};

static struct bus_schema *schemas[sizeof paths / sizeof *paths];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (bus_schema_load(paths[i], &schemas[i], NULL) != BUS_OK)
            abort();
    }
    return 0;
}

static void read_values(const struct bus_schema *schema, struct bus_bytes datum, const struct bus_span *spans)
{
    struct bus_buffer text;
    bus_buffer_init(&text, TEXT_LIMIT);
    size_t at = BUS_FRAME_SIZE;
    for (size_t i = 0; i < bus_schema_field_count(schema); i++) {
        const struct bus_field *field = bus_schema_field(schema, i);
        if (spans[i].offset != at)
            abort();
        at += spans[i].length;
        struct bus_value value = bus_datum_value(field, datum, spans[i]);
        bus_buffer_reset(&text);
        bus_datum_text(field->value, &value, &text);
        /* What was read can be written, and is then the same, but for varints that were longer than needed. */
        bus_buffer_reset(&text);
        if (bus_datum_append(&text, field, &value, NULL) != BUS_OK || text.length > spans[i].length)
            abort();
    }
    if (at != datum.length)
        abort();
    bus_buffer_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_span spans[MAX_FIELDS];
    struct bus_error error;
    if (size == 0)
        return 0;
    const struct bus_schema *schema = schemas[data[0] % (sizeof paths / sizeof *paths)];
    uint8_t *datum = malloc(BUS_FRAME_SIZE + size - 1); /* of the exact size, so that a step too far shows */
    if (datum == NULL)
        return 0;
    datum[0] = 0xc3;
    datum[1] = 0x01;
    bus_put_u64le(datum + 2, bus_schema_fingerprint(schema));
    memcpy(datum + BUS_FRAME_SIZE, data + 1, size - 1);
    struct bus_bytes bytes = bus_bytes_of(datum, BUS_FRAME_SIZE + size - 1);
    if (bus_datum_walk(schema, bytes, spans, &error) == BUS_OK)
        read_values(schema, bytes, spans);
    else if (error.code[0] == '\0' || error.message_zh[0] == '\0')
        abort();
    free(datum);
    return 0;
}
