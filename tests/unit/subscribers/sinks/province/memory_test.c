#include "subscribers/sinks/province/memory.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above first */
#include <cmocka.h>

static struct province_note example(void)
{
    struct province_note note = {
        .state = PROVINCE_REPORTED,
        .item = 5,
        .day = 20781,
        .version = 1790000000123,
        .offset = 7000000000,
        .leaf = 8000000000,
        .named = 9000000000,
        .mark = PROVINCE_DISPUTED,
        .digest = {1, 2, 3},
        .gov_id = "GX4500000000000017",
    };
    return note;
}

static void a_note_comes_back_as_it_was(void **state)
{
    (void)state;
    struct province_note note = example(), read;
    struct bus_buffer buffer;
    struct bus_error error;
    bus_buffer_init(&buffer, PROVINCE_NOTE_MAX_SIZE);
    province_note_write(&note, &buffer);
    assert_false(buffer.failed);
    assert_int_equal(province_note_read(bus_buffer_view(&buffer), &read, &error), BUS_OK);
    assert_int_equal(read.state, note.state);
    assert_int_equal(read.item, note.item);
    assert_int_equal(read.day, note.day);
    assert_true(read.version == note.version && read.offset == note.offset);
    assert_true(read.leaf == note.leaf && read.named == note.named);
    assert_int_equal(read.mark, note.mark);
    assert_memory_equal(read.digest, note.digest, sizeof note.digest);
    assert_string_equal(read.gov_id, note.gov_id);
    bus_buffer_release(&buffer);
}

/* docs/province.md lays the bytes down. */
static void the_layout_is_as_documented(void **state)
{
    (void)state;
    struct province_note note = example();
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, PROVINCE_NOTE_MAX_SIZE);
    province_note_write(&note, &buffer);
    assert_int_equal(buffer.length, 44 + 32 + 18);
    assert_int_equal(buffer.data[0], 1);
    assert_int_equal(buffer.data[1], PROVINCE_REPORTED);
    assert_int_equal(bus_get_u32be(buffer.data + 2), 5);
    assert_true(bus_get_u64be(buffer.data + 34) == 9000000000);
    assert_int_equal(buffer.data[42], PROVINCE_DISPUTED);
    assert_int_equal(buffer.data[43], 1); /* digest */
    assert_int_equal(buffer.data[75], 18);
    bus_buffer_release(&buffer);
}

static void damaged_notes_are_fatal(void **state)
{
    (void)state;
    struct province_note note = example(), read;
    struct bus_buffer buffer;
    struct bus_error error;
    bus_buffer_init(&buffer, PROVINCE_NOTE_MAX_SIZE);
    province_note_write(&note, &buffer);
    for (size_t length = 0; length < buffer.length; length++)
        assert_int_equal(province_note_read(bus_bytes_of(buffer.data, length), &read, &error), BUS_FATAL);
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(province_note_read(bus_buffer_view(&buffer), &read, &error), BUS_FATAL);
    buffer.length--;
    buffer.data[1] = 9;
    assert_int_equal(province_note_read(bus_buffer_view(&buffer), &read, &error), BUS_FATAL);
    buffer.data[1] = PROVINCE_REPORTED;
    buffer.data[0] = 2;
    assert_int_equal(province_note_read(bus_buffer_view(&buffer), &read, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
}

static void keys_do_not_meet(void **state)
{
    (void)state;
    const uint8_t record[BUS_IDENTITY_SIZE] = {7};
    uint8_t note[PROVINCE_KEY_SIZE], resync[PROVINCE_RESYNC_KEY_SIZE];
    province_note_key(record, note);
    province_resync_key(5, resync);
    assert_int_equal(note[0], 'G');
    assert_memory_equal(note + 1, record, sizeof record);
    assert_int_equal(resync[0], 'R');
    assert_int_equal(bus_get_u32be(resync + 1), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_comes_back_as_it_was),
        cmocka_unit_test(the_layout_is_as_documented),
        cmocka_unit_test(damaged_notes_are_fatal),
        cmocka_unit_test(keys_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
