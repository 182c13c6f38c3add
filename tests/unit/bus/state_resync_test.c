/* Keys and values of resyncs in the state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/state_resync.h"

static struct bus_state_resync job, read_back;
static uint8_t value[BUS_STATE_RESYNC_SIZE];

static void a_job_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    struct bus_error error;
    job = (struct bus_state_resync){
        .phase = BUS_RESYNC_UNDER_WAY,
        .next = INT64_C(0x123456789abc),
        .end = -1,
        .item_count = 2,
        .items = {{7, UINT64_C(0xfedcba9876543210)}, {65535, 1}},
    };
    size_t size = bus_state_resync_write(&job, value);
    assert_int_equal(size, 24 + 2 * 16);
    assert_int_equal(bus_state_resync_read(bus_bytes_of(value, size), &read_back, &error), BUS_OK);
    assert_int_equal(read_back.phase, BUS_RESYNC_UNDER_WAY);
    assert_int_equal(read_back.next, job.next);
    assert_int_equal(read_back.end, -1);
    assert_int_equal(read_back.item_count, 2);
    assert_memory_equal(read_back.items, job.items, 2 * sizeof job.items[0]);
}

static void a_job_of_another_size_phase_or_layout_is_refused(void **unused)
{
    (void)unused;
    struct bus_error error;
    job = (struct bus_state_resync){.item_count = 1, .items = {{7, 7}}};
    size_t size = bus_state_resync_write(&job, value);
    for (size_t length = 0; length < size; length++)
        assert_int_equal(bus_state_resync_read(bus_bytes_of(value, length), &read_back, &error), BUS_REJECT);
    assert_int_equal(bus_state_resync_read(bus_bytes_of(value, size + 16), &read_back, &error), BUS_REJECT);
    value[1] = 2;
    assert_int_equal(bus_state_resync_read(bus_bytes_of(value, size), &read_back, &error), BUS_REJECT);
    value[1] = 1;
    value[0] = 9;
    assert_int_equal(bus_state_resync_read(bus_bytes_of(value, size), &read_back, &error), BUS_REJECT);
    assert_string_equal(error.code, "STATE_ENTRY");
}

static void keys_of_two_subscribers_and_items_differ(void **unused)
{
    (void)unused;
    struct bus_error error;
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    assert_int_equal(bus_state_resync_key("court", key, &length, &error), BUS_OK);
    assert_int_equal(length, 6);
    assert_memory_equal(key, "Jcourt", 6);
    assert_int_equal(bus_state_grants_key("court", 0x0102, key, &length, &error), BUS_OK);
    assert_int_equal(length, 9);
    assert_memory_equal(key, "Gcourt\0\x02\x01", 9);
}

static void a_name_that_fits_no_key_is_refused(void **unused)
{
    (void)unused;
    struct bus_error error;
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    char name[BUS_STATE_KEY_MAX + 1];
    memset(name, 'a', sizeof name);
    name[BUS_STATE_KEY_MAX - 1] = '\0';
    assert_int_equal(bus_state_resync_key(name, key, &length, &error), BUS_OK);
    assert_int_equal(bus_state_grants_key(name, 1, key, &length, &error), BUS_REJECT);
    name[BUS_STATE_KEY_MAX - 1] = 'a';
    name[BUS_STATE_KEY_MAX] = '\0';
    assert_int_equal(bus_state_resync_key(name, key, &length, &error), BUS_REJECT);
}

static void a_digest_reads_back_and_nothing_else_does(void **unused)
{
    (void)unused;
    struct bus_error error;
    uint8_t written[BUS_STATE_GRANTS_SIZE];
    uint64_t digest;
    bus_state_grants_write(UINT64_C(0x8877665544332211), written);
    assert_int_equal(written[0], 0x11);
    assert_int_equal(bus_state_grants_read(bus_bytes_of(written, sizeof written), &digest, &error), BUS_OK);
    assert_true(digest == UINT64_C(0x8877665544332211));
    assert_int_equal(bus_state_grants_read(bus_bytes_of(written, 7), &digest, &error), BUS_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_reads_back_as_it_was_written),
        cmocka_unit_test(a_job_of_another_size_phase_or_layout_is_refused),
        cmocka_unit_test(keys_of_two_subscribers_and_items_differ),
        cmocka_unit_test(a_name_that_fits_no_key_is_refused),
        cmocka_unit_test(a_digest_reads_back_and_nothing_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
