#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/agent_status.h"
#include "bus/datum.h"

enum { FIELDS = 14, AT_FIELD = 12, STATE_FIELD = 3, LANES = 2 };

static struct bus_agent_lane lanes[LANES] = {
    {.partition = 0, .next = -1},
    {.partition = 5,
     .next = 70,
     .size = 60,
     .waits_since_ms = 1795500000000,
     .waits_leaf = 61,
     .reason = "HTTP 503: \xe6\xad\xa3\xe5\x9c\xa8\xe7\xbb\xb4\xe6\x8a\xa4"},
};

static const struct bus_agent_status whole = {
    .subscriber = "court",
    .instance = "2",
    .sink = "https",
    .state = BUS_AGENT_WAITING,
    .since_ms = 1795400000000,
    .reason_zh = "\xe6\x97\xa0\xe6\xb3\x95\xe8\xaf\xbb\xe5\x8f\x96",
    .reason_en = "cannot connect",
    .applied = 100,
    .refused = 3,
    .last_applied_at_ms = 1795399999000,
    .seal_at_ms = 1795399998000,
    .started_at_ms = 1795300000000,
    .at_ms = 1795500000001,
    .lanes = lanes,
    .lane_count = LANES,
};

static void write_one(const struct bus_agent_status *status, struct bus_buffer *buffer)
{
    struct bus_error error;
    bus_buffer_init(buffer, 4 * 1024 * 1024);
    assert_int_equal(bus_agent_status_encode(status, buffer, &error), BUS_OK);
}

static void a_status_is_a_datum_of_its_schema(void **unused)
{
    (void)unused;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_span spans[FIELDS];
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/agent_status.avsc", &schema, &error), BUS_OK);
    assert_true(bus_schema_fingerprint(schema) == BUS_AGENT_STATUS_FINGERPRINT);
    assert_int_equal(bus_schema_field_count(schema), FIELDS);
    assert_int_equal(bus_schema_field(schema, STATE_FIELD)->value->symbol_count, BUS_AGENT_STATE_COUNT);
    for (int state = 0; state < BUS_AGENT_STATE_COUNT; state++)
        assert_string_equal(bus_schema_field(schema, STATE_FIELD)->value->symbols[state],
                            bus_agent_state_name((enum bus_agent_state)state));
    for (size_t count = 0; count <= LANES; count++) {
        struct bus_agent_status status = whole;
        status.lane_count = count;
        write_one(&status, &buffer);
        assert_int_equal(bus_datum_walk(schema, bus_buffer_view(&buffer), spans, &error), BUS_OK);
        assert_int_equal(
            bus_datum_value(bus_schema_field(schema, AT_FIELD), bus_buffer_view(&buffer), spans[AT_FIELD]).integer,
            whole.at_ms);
        bus_buffer_release(&buffer);
    }
    bus_schema_destroy(schema);
}

static void a_status_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    struct bus_agent_status status;
    struct bus_error error;
    struct bus_buffer buffer, again;
    write_one(&whole, &buffer);
    assert_int_equal(bus_agent_status_decode(bus_buffer_view(&buffer), &status, &error), BUS_OK);
    assert_string_equal(status.subscriber, "court");
    assert_string_equal(status.instance, "2");
    assert_string_equal(status.sink, "https");
    assert_int_equal(status.state, BUS_AGENT_WAITING);
    assert_string_equal(status.reason_en, "cannot connect");
    assert_int_equal(status.refused, 3);
    assert_int_equal(status.lane_count, LANES);
    assert_int_equal(status.lanes[0].next, -1);
    assert_int_equal(status.lanes[1].partition, 5);
    assert_int_equal(status.lanes[1].waits_leaf, 61);
    assert_string_equal(status.lanes[1].reason, lanes[1].reason);
    write_one(&status, &again);
    assert_true(bus_bytes_equal(bus_buffer_view(&buffer), bus_buffer_view(&again)));
    bus_buffer_release(&buffer);
    bus_buffer_release(&again);
    bus_agent_status_release(&status);
}

static void what_is_no_status_is_refused_and_leaves_nothing_behind(void **unused)
{
    (void)unused;
    struct bus_agent_status status;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(&whole, &buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        assert_int_equal(bus_agent_status_decode(bus_bytes_of(buffer.data, length), &status, &error), BUS_REJECT);
        assert_string_equal(error.code, "AGENT_STATUS_MALFORMED");
        assert_null(status.lanes);
    }
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(bus_agent_status_decode(bus_buffer_view(&buffer), &status, &error), BUS_REJECT);
    buffer.length--;
    buffer.data[BUS_FRAME_SIZE - 1] ^= 1;
    assert_int_equal(bus_agent_status_decode(bus_buffer_view(&buffer), &status, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void an_unknown_state_or_a_negative_partition_is_refused(void **unused)
{
    (void)unused;
    for (int turn = 0; turn < 2; turn++) {
        struct bus_agent_lane lane = {.partition = turn == 1 ? -1 : 0};
        struct bus_agent_status status = whole, read;
        struct bus_error error;
        struct bus_buffer buffer;
        status.lanes = &lane;
        status.lane_count = 1;
        if (turn == 0)
            status.state = BUS_AGENT_STATE_COUNT;
        write_one(&status, &buffer);
        assert_int_equal(bus_agent_status_decode(bus_buffer_view(&buffer), &read, &error), BUS_REJECT);
        bus_buffer_release(&buffer);
    }
}

/* A receiver's words may be longer than there is room, and end in the middle of a character. */
static void a_text_that_is_cut_in_a_character_ends_before_it(void **unused)
{
    (void)unused;
    struct bus_agent_status status = whole, read;
    struct bus_error error;
    struct bus_buffer buffer;
    memset(status.reason_zh, 'a', sizeof status.reason_zh);
    memcpy(status.reason_zh + sizeof status.reason_zh - 3, "\xe6\x97", 3);
    write_one(&status, &buffer);
    assert_int_equal(bus_agent_status_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
    assert_int_equal(strlen(read.reason_zh), sizeof status.reason_zh - 3);
    bus_buffer_release(&buffer);
    bus_agent_status_release(&read);
}

static void however_many_lanes_wait_the_status_fits_a_record(void **unused)
{
    (void)unused;
    struct bus_agent_status status = whole, read;
    struct bus_error error;
    struct bus_buffer buffer;
    status.lane_count = BUS_AGENT_MAX_PARTITIONS;
    status.lanes = calloc(status.lane_count, sizeof *status.lanes);
    assert_non_null(status.lanes);
    for (size_t i = 0; i < status.lane_count; i++) {
        status.lanes[i] = (struct bus_agent_lane){(int32_t)i, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, ""};
        memset(status.lanes[i].reason, 'x', sizeof status.lanes[i].reason - 1);
    }
    write_one(&status, &buffer);
    assert_true(buffer.length <= BUS_DATUM_MAX_SIZE);
    assert_int_equal(bus_agent_status_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
    assert_int_equal(read.lane_count, BUS_AGENT_MAX_PARTITIONS);
    assert_true(strlen(read.lanes[0].reason) > 100);
    free(status.lanes);
    bus_buffer_release(&buffer);
    bus_agent_status_release(&read);
}

static void a_full_buffer_is_our_fault(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 16);
    assert_int_equal(bus_agent_status_encode(&whole, &buffer, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_is_a_datum_of_its_schema),
        cmocka_unit_test(a_status_reads_back_as_it_was_written),
        cmocka_unit_test(what_is_no_status_is_refused_and_leaves_nothing_behind),
        cmocka_unit_test(an_unknown_state_or_a_negative_partition_is_refused),
        cmocka_unit_test(a_text_that_is_cut_in_a_character_ends_before_it),
        cmocka_unit_test(however_many_lanes_wait_the_status_fits_a_record),
        cmocka_unit_test(a_full_buffer_is_our_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
