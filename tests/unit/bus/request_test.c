#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/datum.h"
#include "bus/request.h"
#include "bus/topics.h"

static const struct bus_request asked = {
    .kind = BUS_REQUEST_RESYNC,
    .subscriber = {(const uint8_t *)"court", 5},
    .item = {(const uint8_t *)"tax/penalty", 11},
    .officer = {(const uint8_t *)"wang", 4},
    .reason = {(const uint8_t *)"\xe5\xba\x93\xe5\xb7\xb2\xe6\x8d\x9f", 9},
    .at_ms = 1795500000000,
};

static void write_one(struct bus_buffer *buffer)
{
    struct bus_error error;
    bus_buffer_init(buffer, 4096);
    assert_int_equal(bus_request_encode(&asked, buffer, &error), BUS_OK);
}

static void the_fingerprint_is_that_of_the_schema(void **unused)
{
    (void)unused;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/request.avsc", &schema, &error), BUS_OK);
    assert_true(bus_schema_fingerprint(schema) == BUS_REQUEST_FINGERPRINT);
    bus_schema_destroy(schema);
}

/* The schema's own reader takes what was written by hand. */
static void a_request_is_a_datum_of_its_schema(void **unused)
{
    (void)unused;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_span spans[6];
    write_one(&buffer);
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/request.avsc", &schema, &error), BUS_OK);
    assert_int_equal(bus_schema_field_count(schema), 6);
    assert_int_equal(bus_datum_walk(schema, bus_buffer_view(&buffer), spans, &error), BUS_OK);
    assert_int_equal(bus_datum_value(bus_schema_field(schema, 5), bus_buffer_view(&buffer), spans[5]).integer,
                     asked.at_ms);
    bus_schema_destroy(schema);
    bus_buffer_release(&buffer);
}

static void a_request_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    struct bus_request request;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(&buffer);
    assert_int_equal(bus_request_decode(bus_buffer_view(&buffer), &request, &error), BUS_OK);
    assert_int_equal(request.kind, BUS_REQUEST_RESYNC);
    assert_true(bus_bytes_equal(request.subscriber, asked.subscriber));
    assert_true(bus_bytes_equal(request.item, asked.item));
    assert_true(bus_bytes_equal(request.officer, asked.officer));
    assert_true(bus_bytes_equal(request.reason, asked.reason));
    assert_int_equal(request.at_ms, asked.at_ms);
    bus_buffer_release(&buffer);
}

static void a_cut_or_longer_request_is_refused(void **unused)
{
    (void)unused;
    struct bus_request request;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(&buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        assert_int_equal(bus_request_decode(bus_bytes_of(buffer.data, length), &request, &error), BUS_REJECT);
        assert_string_equal(error.code, "REQUEST_MALFORMED");
    }
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(bus_request_decode(bus_buffer_view(&buffer), &request, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void a_record_of_another_schema_is_refused(void **unused)
{
    (void)unused;
    struct bus_request request;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(&buffer);
    buffer.data[BUS_FRAME_SIZE - 1] ^= 1;
    assert_int_equal(bus_request_decode(bus_buffer_view(&buffer), &request, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void an_unknown_kind_is_refused(void **unused)
{
    (void)unused;
    struct bus_request request;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(&buffer);
    buffer.data[BUS_FRAME_SIZE] = 2; /* zig-zag of 1 */
    assert_int_equal(bus_request_decode(bus_buffer_view(&buffer), &request, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void a_text_too_long_is_refused_before_it_is_written(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_request request = asked;
    char *text = calloc(1, BUS_REQUEST_MAX_TEXT + 2);
    assert_non_null(text);
    memset(text, 'a', BUS_REQUEST_MAX_TEXT + 1);
    request.reason = bus_bytes_text(text);
    bus_buffer_init(&buffer, 16 * 1024);
    assert_int_equal(bus_request_encode(&request, &buffer, &error), BUS_REJECT);
    assert_string_equal(error.code, "REQUEST_TEXT");
    assert_int_equal(buffer.length, 0);
    bus_buffer_release(&buffer);
    free(text);
}

static void a_full_buffer_is_our_fault(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 16);
    assert_int_equal(bus_request_encode(&asked, &buffer, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fingerprint_is_that_of_the_schema),
        cmocka_unit_test(a_request_is_a_datum_of_its_schema),
        cmocka_unit_test(a_request_reads_back_as_it_was_written),
        cmocka_unit_test(a_cut_or_longer_request_is_refused),
        cmocka_unit_test(a_record_of_another_schema_is_refused),
        cmocka_unit_test(an_unknown_kind_is_refused),
        cmocka_unit_test(a_text_too_long_is_refused_before_it_is_written),
        cmocka_unit_test(a_full_buffer_is_our_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
