#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/datum.h"
#include "bus/feed_status.h"
#include "bus/identifier.h"

enum { FIELDS = 20 };

static const struct bus_feed_status whole = {
    .adapter = "tax",
    .department = "tax",
    .item = "arrears",
    .feed = "arrears",
    .source = "files",
    .cadence = "daily",
    .due_by = "08:30",
    .is_full_list = true,
    .is_paused = true,
    .last_delivery_at_ms = 1795400000000,
    .last_delivery = "arrears-20261124.csv",
    .last_rows = 10,
    .last_published = 1,
    .last_unchanged = 7,
    .last_withdrawn = 2,
    .last_quarantined = 3,
    .trouble_zh = "\xe6\x97\xa0\xe6\xb3\x95\xe8\xaf\xbb\xe5\x8f\x96",
    .trouble_en = "cannot read",
    .held = {true, "arrears-20261125.csv", {9, 8, 7}, 1795500000000, 5, 1, 2, 300, 400},
    .at_ms = 1795500000001,
};

static struct bus_calendar *calendar;

static void write_one(const struct bus_feed_status *status, struct bus_buffer *buffer)
{
    struct bus_error error;
    bus_buffer_init(buffer, 16 * 1024);
    assert_int_equal(bus_feed_status_encode(status, buffer, &error), BUS_OK);
}

static void a_status_is_a_datum_of_its_schema(void **unused)
{
    (void)unused;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_span spans[FIELDS];
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/feed_status.avsc", &schema, &error), BUS_OK);
    assert_true(bus_schema_fingerprint(schema) == BUS_FEED_STATUS_FINGERPRINT);
    assert_int_equal(bus_schema_field_count(schema), FIELDS);
    for (int held = 0; held <= 1; held++) {
        struct bus_feed_status status = whole;
        status.held.is_held = held == 1;
        write_one(&status, &buffer);
        assert_int_equal(bus_datum_walk(schema, bus_buffer_view(&buffer), spans, &error), BUS_OK);
        assert_int_equal(bus_datum_value(bus_schema_field(schema, 19), bus_buffer_view(&buffer), spans[19]).integer,
                         whole.at_ms);
        bus_buffer_release(&buffer);
    }
    bus_schema_destroy(schema);
}

static void a_status_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    struct bus_feed_status status;
    struct bus_error error;
    struct bus_buffer buffer, again;
    write_one(&whole, &buffer);
    assert_int_equal(bus_feed_status_decode(bus_buffer_view(&buffer), &status, &error), BUS_OK);
    assert_string_equal(status.due_by, "08:30");
    assert_string_equal(status.trouble_en, "cannot read");
    assert_true(status.is_full_list && status.is_paused && status.held.is_held);
    assert_string_equal(status.held.name, whole.held.name);
    assert_int_equal(status.held.digest[2], 7);
    assert_int_equal(status.held.standing, 400);
    write_one(&status, &again);
    assert_true(bus_bytes_equal(bus_buffer_view(&buffer), bus_buffer_view(&again)));
    bus_buffer_release(&buffer);
    bus_buffer_release(&again);
}

static void what_is_no_status_is_refused(void **unused)
{
    (void)unused;
    struct bus_feed_status status;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(&whole, &buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        assert_int_equal(bus_feed_status_decode(bus_bytes_of(buffer.data, length), &status, &error), BUS_REJECT);
        assert_string_equal(error.code, "FEED_STATUS_MALFORMED");
    }
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(bus_feed_status_decode(bus_buffer_view(&buffer), &status, &error), BUS_REJECT);
    buffer.length--;
    buffer.data[BUS_FRAME_SIZE - 1] ^= 1;
    assert_int_equal(bus_feed_status_decode(bus_buffer_view(&buffer), &status, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

/* A file's name may be longer than there is room, and end in the middle of a character. */
static void a_text_that_is_cut_in_a_character_ends_before_it(void **unused)
{
    (void)unused;
    struct bus_feed_status status = whole, read;
    struct bus_error error;
    struct bus_buffer buffer;
    memset(status.last_delivery, 'a', sizeof status.last_delivery);
    memcpy(status.last_delivery + sizeof status.last_delivery - 3, "\xe6\x97", 3);
    write_one(&status, &buffer);
    assert_int_equal(bus_feed_status_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
    assert_int_equal(strlen(read.last_delivery), sizeof status.last_delivery - 3);
    bus_buffer_release(&buffer);
}

static void a_full_buffer_is_our_fault(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 16);
    assert_int_equal(bus_feed_status_encode(&whole, &buffer, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
}

/* --- when it is due --- */

/* A moment in Beijing. */
static int64_t at(int year, int month, int day, int hour, int minute)
{
    int32_t days;
    assert_true(bus_date_days(year, month, day, &days));
    return ((int64_t)days * 24 + hour - 8) * 3600000 + minute * 60000;
}

static int64_t due(const char *cadence, const char *due_by, int64_t last_ms)
{
    struct bus_feed_status status = {.last_delivery_at_ms = last_ms};
    strcpy(status.cadence, cadence);
    strcpy(status.due_by, due_by);
    return bus_feed_due_ms(&status, calendar);
}

static void a_daily_feed_is_due_on_the_next_working_day(void **unused)
{
    (void)unused;
    assert_int_equal(due("daily", "08:30", at(2026, 11, 24, 2, 0)), at(2026, 11, 25, 8, 30));
    assert_int_equal(due("daily", "", at(2026, 11, 24, 2, 0)), at(2026, 11, 26, 0, 0));
    assert_int_equal(due("daily", "08:30", at(2026, 11, 27, 2, 0)), at(2026, 11, 30, 8, 30)); /* Friday, Monday */
    assert_int_equal(due("realtime", "18:00", at(2026, 11, 28, 2, 0)), at(2026, 11, 30, 18, 0));
    /* The National Day of 2026: 1 to 7 October rest. */
    assert_int_equal(due("daily", "08:30", at(2026, 9, 30, 2, 0)), at(2026, 10, 8, 8, 30));
}

static void longer_cadences_are_due_on_the_last_working_day_of_their_next_period(void **unused)
{
    (void)unused;
    assert_int_equal(due("weekly", "12:00", at(2026, 11, 24, 2, 0)), at(2026, 12, 4, 12, 0));
    assert_int_equal(due("monthly", "", at(2026, 11, 24, 2, 0)), at(2027, 1, 1, 0, 0));
    assert_int_equal(due("monthly", "12:00", at(2026, 12, 31, 2, 0)), at(2027, 1, 29, 12, 0)); /* a Friday */
    assert_int_equal(due("yearly", "12:00", at(2026, 3, 1, 2, 0)), at(2027, 12, 31, 12, 0));
    assert_int_equal(due("weekly", "12:00", at(1969, 12, 31, 2, 0)), 0);
}

static void an_hourly_feed_is_due_at_the_end_of_the_next_hour(void **unused)
{
    (void)unused;
    assert_int_equal(due("hourly", "", at(2026, 11, 28, 10, 7)), at(2026, 11, 28, 12, 0));
}

static void nothing_is_due_without_a_cadence_or_a_first_delivery(void **unused)
{
    (void)unused;
    assert_int_equal(due("", "", at(2026, 11, 24, 2, 0)), 0);
    assert_int_equal(due("daily", "", 0), 0);
    assert_int_equal(due("now and then", "", at(2026, 11, 24, 2, 0)), 0);
}

static void a_feed_is_overdue_behind_its_time_unless_it_is_paused(void **unused)
{
    (void)unused;
    struct bus_feed_status status = {.cadence = "daily", .last_delivery_at_ms = at(2026, 11, 24, 2, 0)};
    int64_t due_ms = bus_feed_due_ms(&status, calendar);
    assert_false(bus_feed_is_overdue(&status, calendar, due_ms));
    assert_true(bus_feed_is_overdue(&status, calendar, due_ms + 1));
    status.is_paused = true;
    assert_false(bus_feed_is_overdue(&status, calendar, due_ms + 1));
    status = (struct bus_feed_status){.last_delivery_at_ms = 1};
    assert_false(bus_feed_is_overdue(&status, calendar, due_ms + 1));
}

static int load_calendar(void **unused)
{
    (void)unused;
    struct bus_error error;
    return bus_calendar_load(XINQIAO_SOURCE "/schemas/codes/calendar.cfg", &calendar, &error) == BUS_OK ? 0 : -1;
}

static int free_calendar(void **unused)
{
    (void)unused;
    bus_calendar_destroy(calendar);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_is_a_datum_of_its_schema),
        cmocka_unit_test(a_status_reads_back_as_it_was_written),
        cmocka_unit_test(what_is_no_status_is_refused),
        cmocka_unit_test(a_text_that_is_cut_in_a_character_ends_before_it),
        cmocka_unit_test(a_full_buffer_is_our_fault),
        cmocka_unit_test(a_daily_feed_is_due_on_the_next_working_day),
        cmocka_unit_test(longer_cadences_are_due_on_the_last_working_day_of_their_next_period),
        cmocka_unit_test(an_hourly_feed_is_due_at_the_end_of_the_next_hour),
        cmocka_unit_test(nothing_is_due_without_a_cadence_or_a_first_delivery),
        cmocka_unit_test(a_feed_is_overdue_behind_its_time_unless_it_is_paused),
    };
    return cmocka_run_group_tests(tests, load_calendar, free_calendar);
}
