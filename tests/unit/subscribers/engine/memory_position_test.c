#include "subscribers/engine/memory_position.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the two above first */
#include <cmocka.h>

static struct subscribers_position made(void)
{
    struct subscribers_position position;
    subscribers_position_init(&position, 3);
    position.next = 12345678901;
    position.is_sealed = true;
    position.hash = BUS_HASH_SHA256;
    position.log.size = 7; /* three peaks */
    memset(position.log.peaks, 0xA5, 3 * BUS_DIGEST_SIZE);
    bus_buffer_append(&position.books, "books", 5);
    return position;
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct subscribers_position position = made(), read;
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, SUBSCRIBERS_POSITION_MAX_SIZE);
    subscribers_position_init(&read, 3);
    assert_int_equal(subscribers_position_encode(&position, &buffer, &error), BUS_OK);
    assert_int_equal(subscribers_position_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
    assert_int_equal(read.next, position.next);
    assert_true(read.is_sealed);
    assert_int_equal(read.hash, BUS_HASH_SHA256);
    assert_int_equal(read.log.size, 7);
    assert_memory_equal(read.log.peaks, position.log.peaks, 3 * BUS_DIGEST_SIZE);
    assert_int_equal(read.books.length, 5);
    assert_memory_equal(read.books.data, "books", 5);
    bus_buffer_release(&buffer);
    subscribers_position_release(&read);
    subscribers_position_release(&position);
}

static void what_is_cut_off_or_of_another_layout_is_fatal(void **state)
{
    (void)state;
    struct subscribers_position position = made(), read;
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, SUBSCRIBERS_POSITION_MAX_SIZE);
    assert_int_equal(subscribers_position_encode(&position, &buffer, &error), BUS_OK);
    size_t needed = buffer.length - 5;
    subscribers_position_init(&read, 3);
    for (size_t length = 0; length < needed; length++)
        assert_int_equal(subscribers_position_decode(bus_bytes_of(buffer.data, length), &read, &error), BUS_FATAL);
    buffer.data[0] = 2;
    assert_int_equal(subscribers_position_decode(bus_buffer_view(&buffer), &read, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
    subscribers_position_release(&read);
    subscribers_position_release(&position);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(what_is_cut_off_or_of_another_layout_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
