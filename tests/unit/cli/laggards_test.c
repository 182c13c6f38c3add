#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/utf8.h"
#include "cli/laggards.h"

/* A delivery's first bytes, as a view begins. */
static struct bus_bytes begin(struct bus_buffer *buffer, int64_t operation, int64_t reason)
{
    bus_buffer_init(buffer, 100);
    bus_frame_append(buffer, 42);
    bus_buffer_varint(buffer, operation);
    bus_buffer_varint(buffer, reason);
    return bus_buffer_view(buffer);
}

static bool matters(int64_t operation, int64_t reason)
{
    struct bus_buffer buffer;
    struct cli_delivery_head head;
    assert_true(cli_delivery_read(begin(&buffer, operation, reason), &head));
    assert_int_equal(head.fingerprint, 42);
    assert_int_equal(head.operation, operation);
    assert_int_equal(head.reason, reason);
    bus_buffer_release(&buffer);
    return cli_delivery_matters(&head);
}

static void withdrawals_statuses_and_corrections_matter_and_nothing_else(void **unused)
{
    (void)unused;
    assert_true(matters(BUS_DELIVERY_WITHDRAW, BUS_REASON_REPAIRED));
    assert_true(matters(BUS_DELIVERY_STATUS, BUS_REASON_DISPUTED));
    assert_true(matters(BUS_DELIVERY_PUT, BUS_REASON_CORRECTED));
    assert_false(matters(BUS_DELIVERY_PUT, BUS_REASON_NONE));
    assert_false(matters(BUS_DELIVERY_RESYNC_BEGIN, BUS_REASON_NONE));
    assert_false(matters(BUS_DELIVERY_RESYNC_END, BUS_REASON_CORRECTED));
}

static void what_is_no_delivery_is_left_aside(void **unused)
{
    (void)unused;
    struct bus_buffer buffer;
    struct cli_delivery_head head;
    struct bus_bytes whole = begin(&buffer, BUS_DELIVERY_WITHDRAW, BUS_REASON_REPAIRED);
    for (size_t length = 0; length < whole.length; length++)
        assert_false(cli_delivery_read(bus_bytes_of(whole.data, length), &head));
    bus_buffer_release(&buffer);
    assert_false(cli_delivery_read(begin(&buffer, BUS_DELIVERY_RESYNC_END + 1, BUS_REASON_NONE), &head));
    bus_buffer_release(&buffer);
    assert_false(cli_delivery_read(begin(&buffer, BUS_DELIVERY_PUT, BUS_REASON_GRANT_ENDED + 1), &head));
    bus_buffer_release(&buffer);
}

static void the_words_of_a_delivery_are_text(void **unused)
{
    (void)unused;
    for (int operation = 0; operation <= BUS_DELIVERY_RESYNC_END; operation++)
        for (int reason = 0; reason <= BUS_REASON_GRANT_ENDED; reason++) {
            char text[CLI_DELIVERY_WORDS_SIZE];
            cli_delivery_words((enum bus_delivery_operation)operation, (enum bus_delivery_reason)reason, text);
            assert_true(text[0] != '\0' && bus_utf8_valid(bus_bytes_text(text)));
        }
}

/* Partitions come in turn, each in the order of time. */
static void the_oldest_are_listed_and_no_more_than_asked_for(void **unused)
{
    (void)unused;
    static const int64_t times[] = {50, 60, 10, 20, 55, 5, 70, 15};
    for (size_t limit = 0; limit <= 9; limit++) {
        struct cli_laggard listed[10] = {0};
        struct cli_laggards laggards = {.limit = limit, .listed = listed};
        static const int64_t sorted[] = {5, 10, 15, 20, 50, 55, 60, 70};
        for (size_t i = 0; i < 8; i++)
            cli_laggards_list(&laggards, &(struct cli_laggard){.at_ms = times[i]});
        assert_int_equal(laggards.listed_count, limit < 8 ? limit : 8);
        for (size_t i = 0; i < laggards.listed_count; i++)
            assert_int_equal(listed[i].at_ms, sorted[i]);
    }
}

static void who_is_not_expected_to_sign_is_no_laggard(void **unused)
{
    (void)unused;
    struct cli_lagging by[] = {{.kind = CLI_LAGGING_SIGNS, .deliveries = 5},
                               {.kind = CLI_LAGGING_NO_KEY, .deliveries = 9}};
    struct cli_laggards laggards = {.by = by, .by_count = 2};
    assert_false(cli_laggards_any(&laggards));
    by[0].laggards = 1;
    assert_true(cli_laggards_any(&laggards));
    by[0].laggards = 0;
    by[1].kind = CLI_LAGGING_SILENT;
    assert_true(cli_laggards_any(&laggards));
}

static void a_duration_has_a_number_and_a_unit(void **unused)
{
    (void)unused;
    int64_t ms;
    assert_true(cli_duration_read("90s", &ms));
    assert_int_equal(ms, 90000);
    assert_true(cli_duration_read("1h", &ms));
    assert_int_equal(ms, 3600000);
    assert_true(cli_duration_read("2d", &ms));
    assert_int_equal(ms, 172800000);
    static const char *const wrong[] = {
        "", "h", "1", "1w", "-1h", "1hh", "1.5h", "99999999999999999999s", "9223372036854775807d"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(cli_duration_read(wrong[i], &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(withdrawals_statuses_and_corrections_matter_and_nothing_else),
        cmocka_unit_test(what_is_no_delivery_is_left_aside),
        cmocka_unit_test(the_words_of_a_delivery_are_text),
        cmocka_unit_test(the_oldest_are_listed_and_no_more_than_asked_for),
        cmocka_unit_test(who_is_not_expected_to_sign_is_no_laggard),
        cmocka_unit_test(a_duration_has_a_number_and_a_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
