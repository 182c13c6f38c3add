#include "adapters/sources/push/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/datum.h"
#include "bus/json.h"
#include "bus/schema.h"

static const uint8_t body[BUS_DIGEST_SIZE] = {1, 2, 3};

static void add(struct adapters_push_answer *answer, enum adapters_row_outcome outcome, const char *code,
                const char *column)
{
    struct bus_error error;
    struct adapters_refusal refusal;
    adapters_refuse_column(&refusal, code, column, "原因", "reason");
    assert_int_equal(adapters_push_answer_add(answer, outcome, &refusal, &error), BUS_OK);
}

static void encode(struct adapters_push_answer *answer, struct bus_buffer *record)
{
    struct bus_error error;
    bus_buffer_init(record, ADAPTERS_PUSH_ANSWER_MAX);
    assert_int_equal(adapters_push_answer_encode(answer, "penalty", body, 1764000000123, record, &error), BUS_OK);
}

static void rows_are_told_in_their_order(void **state)
{
    (void)state;
    struct adapters_push_answer answer;
    struct bus_buffer record, json;
    struct bus_error error;
    adapters_push_answer_init(&answer);
    add(&answer, ADAPTERS_ROW_PUBLISHED, "", "");
    add(&answer, ADAPTERS_ROW_PUBLISHED, "", "");
    add(&answer, ADAPTERS_ROW_REFUSED, "VALUE_DATE", "cf_jdrq");
    add(&answer, ADAPTERS_ROW_UNCHANGED, "", "");
    encode(&answer, &record);
    bus_buffer_init(&json, 1 << 20);
    assert_int_equal(adapters_push_answer_write(bus_buffer_view(&record), &json, &error), BUS_OK);
    assert_true(bus_bytes_equal_text(
        bus_buffer_view(&json),
        "{\"feed\":\"penalty\",\"taken_at\":\"2025-11-24T16:00:00.123Z\",\"rows\":4,\"accepted\":2,\"duplicate\":1,"
        "\"refused\":1,\"results\":[{\"row\":1,\"status\":\"accepted\"},{\"row\":2,\"status\":\"accepted\"},{\"row\":3,"
        "\"status\":\"refused\",\"code\":\"VALUE_DATE\",\"column\":\"cf_jdrq\",\"reason_zh\":\"原因\",\"reason_en\":"
        "\"reason\"},{\"row\":4,\"status\":\"duplicate\"}]}"));
    bus_buffer_release(&record);
    bus_buffer_release(&json);
    adapters_push_answer_release(&answer);
}

static void the_record_is_a_datum_of_its_schema(void **state)
{
    (void)state;
    struct adapters_push_answer answer;
    struct bus_buffer record;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    uint64_t fingerprint;
    adapters_push_answer_init(&answer);
    add(&answer, ADAPTERS_ROW_REFUSED, "VALUE_DATE", "cf_jdrq");
    encode(&answer, &record);
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/push_answer.avsc", &schema, &error), BUS_OK);
    assert_int_equal(bus_frame_fingerprint(bus_buffer_view(&record), &fingerprint, &error), BUS_OK);
    assert_true(bus_schema_fingerprint(schema) == fingerprint);
    struct bus_span spans[8];
    assert_int_equal(bus_schema_field_count(schema), 5);
    assert_int_equal(bus_datum_walk(schema, bus_buffer_view(&record), spans, &error), BUS_OK);
    uint8_t found[BUS_DIGEST_SIZE];
    int64_t at_ms;
    assert_int_equal(adapters_push_answer_read(bus_buffer_view(&record), found, &at_ms, &error), BUS_OK);
    assert_memory_equal(found, body, sizeof body);
    assert_int_equal(at_ms, 1764000000123);
    bus_schema_destroy(schema);
    bus_buffer_release(&record);
    adapters_push_answer_release(&answer);
}

static void a_record_cut_off_or_changed_is_none(void **state)
{
    (void)state;
    struct adapters_push_answer answer;
    struct bus_buffer record, json;
    struct bus_error error;
    adapters_push_answer_init(&answer);
    add(&answer, ADAPTERS_ROW_PUBLISHED, "", "");
    add(&answer, ADAPTERS_ROW_REFUSED, "VALUE_DATE", "cf_jdrq");
    encode(&answer, &record);
    bus_buffer_init(&json, 1 << 20);
    for (size_t length = 0; length < record.length; length++)
        assert_int_equal(adapters_push_answer_write(bus_bytes_of(record.data, length), &json, &error), BUS_REJECT);
    for (size_t at = 0; at < record.length; at++) { /* whatever it is, it is read within its bounds */
        record.data[at] ^= 0x55;
        bus_buffer_reset(&json);
        enum bus_status status = adapters_push_answer_write(bus_buffer_view(&record), &json, &error);
        assert_true(status == BUS_OK || status == BUS_REJECT || status == BUS_FATAL);
        record.data[at] ^= 0x55;
    }
    bus_buffer_release(&record);
    bus_buffer_release(&json);
    adapters_push_answer_release(&answer);
}

static void a_reason_that_is_not_there_makes_no_record(void **state)
{
    (void)state;
    struct adapters_push_answer answer;
    struct bus_buffer record, json;
    struct bus_error error;
    adapters_push_answer_init(&answer);
    add(&answer, ADAPTERS_ROW_REFUSED, "VALUE_DATE", "cf_jdrq");
    answer.reason_count = 0;
    encode(&answer, &record);
    bus_buffer_init(&json, 1 << 20);
    assert_int_equal(adapters_push_answer_write(bus_buffer_view(&record), &json, &error), BUS_REJECT);
    bus_buffer_release(&record);
    bus_buffer_release(&json);
    adapters_push_answer_release(&answer);
}

static void the_most_that_can_be_refused_fits_into_a_record(void **state)
{
    (void)state;
    struct adapters_push_answer answer;
    struct bus_buffer record;
    struct bus_error error;
    struct adapters_refusal refusal;
    char code[BUS_ERROR_CODE_SIZE], column[ADAPTERS_COLUMN_NAME_SIZE], text[BUS_ERROR_TEXT_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    adapters_push_answer_init(&answer);
    for (int row = 0; row < 50000; row++) {
        snprintf(code, sizeof code, "CODE_%d", row % 50);
        snprintf(column, sizeof column, "%0120d", row);
        adapters_refuse_column(&refusal, code, column, text, text);
        assert_int_equal(adapters_push_answer_add(&answer, row % 2 == 0 ? ADAPTERS_ROW_REFUSED : ADAPTERS_ROW_PUBLISHED,
                                                  &refusal, &error),
                         BUS_OK);
    }
    encode(&answer, &record);
    assert_true(record.length < ADAPTERS_PUSH_ANSWER_MAX);
    assert_int_equal(answer.counts.refused, 25000);
    bus_buffer_release(&record);
    adapters_push_answer_release(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_told_in_their_order),
        cmocka_unit_test(the_record_is_a_datum_of_its_schema),
        cmocka_unit_test(a_record_cut_off_or_changed_is_none),
        cmocka_unit_test(a_reason_that_is_not_there_makes_no_record),
        cmocka_unit_test(the_most_that_can_be_refused_fits_into_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
