#include "adapters/engine/position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void encode(const struct adapters_position *position, struct bus_buffer *buffer)
{
    struct bus_error error;
    bus_buffer_init(buffer, 1 << 20);
    assert_int_equal(adapters_position_encode("market", position, buffer, &error), BUS_OK);
}

static void reads_back_what_was_written(void **state)
{
    (void)state;
    struct adapters_file_position file = {.feed = "penalty",
                                          .name = "处罚-001.csv",
                                          .size_bytes = 12345,
                                          .rows = 17,
                                          .published = 15,
                                          .quarantined = 2,
                                          .is_done = true};
    memset(file.digest, 0xab, sizeof file.digest);
    struct adapters_sequence sequence = {.topic = "xq.in.market.penalty", .partition = 5, .next = 1000000000001};
    static const struct adapters_cursor kept = {.name = "replication", .text = "lsn=0/16B3748"};
    struct adapters_cursor cursor = kept;
    struct bus_buffer buffer;
    encode(&(struct adapters_position){.at_ms = 1700000000123,
                                       .files = &file,
                                       .file_count = 1,
                                       .sequences = &sequence,
                                       .sequence_count = 1,
                                       .cursors = &cursor,
                                       .cursor_count = 1},
           &buffer);

    struct adapters_position read;
    struct bus_error error;
    assert_int_equal(adapters_position_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
    assert_int_equal(read.at_ms, 1700000000123);
    assert_int_equal(read.file_count, 1);
    assert_string_equal(read.files[0].feed, file.feed);
    assert_string_equal(read.files[0].name, file.name);
    assert_memory_equal(read.files[0].digest, file.digest, sizeof file.digest);
    assert_int_equal(read.files[0].size_bytes, 12345);
    assert_int_equal(read.files[0].rows, 17);
    assert_int_equal(read.files[0].published, 15);
    assert_int_equal(read.files[0].quarantined, 2);
    assert_true(read.files[0].is_done);
    assert_int_equal(read.sequence_count, 1);
    assert_string_equal(read.sequences[0].topic, sequence.topic);
    assert_int_equal(read.sequences[0].partition, 5);
    assert_int_equal(read.sequences[0].next, sequence.next);
    assert_int_equal(read.cursor_count, 1);
    assert_string_equal(read.cursors[0].name, cursor.name);
    assert_string_equal(read.cursors[0].text, cursor.text);
    adapters_position_release(&read);
    bus_buffer_release(&buffer);
}

/* The layout is the schema's: an Avro reader of the schema file would find the same. */
static void fingerprint_is_that_of_the_schema_file(void **state)
{
    (void)state;
    struct bus_schema *schema;
    struct bus_error error;
    struct bus_buffer buffer;
    uint64_t fingerprint;
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/position.avsc", &schema, &error), BUS_OK);
    encode(&(struct adapters_position){0}, &buffer);
    assert_int_equal(bus_frame_fingerprint(bus_buffer_view(&buffer), &fingerprint, &error), BUS_OK);
    assert_true(fingerprint == bus_schema_fingerprint(schema));
    struct bus_span spans[8];
    assert_int_equal(bus_datum_walk(schema, bus_buffer_view(&buffer), spans, &error), BUS_OK);
    bus_schema_destroy(schema);
    bus_buffer_release(&buffer);
}

static void reads_what_was_written_before_there_were_cursors(void **state)
{
    (void)state;
    struct adapters_sequence sequence = {.topic = "xq.in.market.penalty", .next = 7};
    struct bus_buffer buffer;
    struct adapters_position read;
    struct bus_error error;
    encode(&(struct adapters_position){.at_ms = 1, .sequences = &sequence, .sequence_count = 1}, &buffer);
    bus_put_u64le(buffer.data + 2, 0xf5eec261f1c43331u);
    buffer.length--; /* the empty list of cursors */
    assert_int_equal(adapters_position_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
    assert_int_equal(read.sequences[0].next, 7);
    assert_int_equal(read.cursor_count, 0);
    adapters_position_release(&read);
    bus_buffer_release(&buffer);
}

static void refuses_every_cut(void **state)
{
    (void)state;
    struct adapters_file_position file = {.feed = "penalty", .name = "a.csv"};
    struct adapters_sequence sequence = {.topic = "xq.in.market.penalty", .next = 7};
    struct adapters_cursor cursor = {.name = "replication", .text = "lsn=0/16B3748"};
    struct bus_buffer buffer;
    struct adapters_position read;
    struct bus_error error;
    encode(&(struct adapters_position){.at_ms = 1,
                                       .files = &file,
                                       .file_count = 1,
                                       .sequences = &sequence,
                                       .sequence_count = 1,
                                       .cursors = &cursor,
                                       .cursor_count = 1},
           &buffer);
    for (size_t length = 0; length < buffer.length; length++)
        assert_int_equal(adapters_position_decode(bus_bytes_of(buffer.data, length), &read, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void refuses_trailing_bytes_and_another_schema(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    struct adapters_position read;
    struct bus_error error;
    encode(&(struct adapters_position){0}, &buffer);
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(adapters_position_decode(bus_buffer_view(&buffer), &read, &error), BUS_REJECT);
    buffer.length--;
    buffer.data[2] ^= 1;
    assert_int_equal(adapters_position_decode(bus_buffer_view(&buffer), &read, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(fingerprint_is_that_of_the_schema_file),
        cmocka_unit_test(reads_what_was_written_before_there_were_cursors),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(refuses_trailing_bytes_and_another_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
