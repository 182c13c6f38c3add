#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/audit.h"
#include "bus/schema.h"

static const uint8_t subject[BUS_SUBJECT_KEY_SIZE] = {1}, record[BUS_IDENTITY_SIZE] = {2},
                     event[BUS_IDENTITY_SIZE] = {3};

static void write_two(struct bus_buffer *buffer)
{
    struct bus_disclosure disclosure = {
        .subject_key = subject,
        .record = record,
        .event_id = event,
        .subscriber = bus_bytes_text("court"),
        .grant = bus_bytes_text("court-penalty"),
        .leaf = 7,
        .previous = -1,
    };
    bus_buffer_init(buffer, 4096);
    bus_audit_begin(buffer, 1234);
    bus_audit_add(buffer, &disclosure);
    disclosure.leaf = 8;
    disclosure.previous = 55;
    bus_audit_add(buffer, &disclosure);
    bus_audit_end(buffer);
    assert_false(buffer->failed);
}

static void the_fingerprint_is_that_of_the_schema(void **unused)
{
    (void)unused;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/audit.avsc", &schema, &error), BUS_OK);
    assert_true(bus_schema_fingerprint(schema) == BUS_AUDIT_FINGERPRINT);
    bus_schema_destroy(schema);
}

static void disclosures_read_back_in_order(void **unused)
{
    (void)unused;
    struct bus_buffer buffer;
    struct bus_audit_reader reader;
    struct bus_disclosure disclosure;
    write_two(&buffer);
    assert_int_equal(bus_audit_open(bus_buffer_view(&buffer), &reader, NULL), BUS_OK);
    assert_int_equal(reader.at_ms, 1234);
    assert_true(bus_audit_next(&reader, &disclosure));
    assert_int_equal(disclosure.leaf, 7);
    assert_int_equal(disclosure.previous, -1);
    assert_true(bus_audit_next(&reader, &disclosure));
    assert_memory_equal(disclosure.subject_key, subject, sizeof subject);
    assert_memory_equal(disclosure.record, record, sizeof record);
    assert_memory_equal(disclosure.event_id, event, sizeof event);
    assert_true(bus_bytes_equal_text(disclosure.subscriber, "court"));
    assert_true(bus_bytes_equal_text(disclosure.grant, "court-penalty"));
    assert_int_equal(disclosure.leaf, 8);
    assert_int_equal(disclosure.previous, 55);
    assert_false(bus_audit_next(&reader, &disclosure));
    assert_false(reader.cursor.failed);
    bus_buffer_release(&buffer);
}

static void a_cut_record_ends_in_failure_wherever_it_is_cut(void **unused)
{
    (void)unused;
    struct bus_buffer buffer;
    write_two(&buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        struct bus_audit_reader reader;
        struct bus_disclosure disclosure;
        if (bus_audit_open(bus_bytes_of(buffer.data, length), &reader, NULL) != BUS_OK)
            continue;
        while (bus_audit_next(&reader, &disclosure))
            ;
        assert_true(reader.cursor.failed);
    }
    bus_buffer_release(&buffer);
}

static void refuses_what_is_no_audit_record(void **unused)
{
    (void)unused;
    struct bus_audit_reader reader;
    struct bus_error error;
    assert_int_equal(bus_audit_open(bus_bytes_text("no audit record"), &reader, &error), BUS_REJECT);
    assert_string_equal(error.code, "AUDIT_MALFORMED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fingerprint_is_that_of_the_schema),
        cmocka_unit_test(disclosures_read_back_in_order),
        cmocka_unit_test(a_cut_record_ends_in_failure_wherever_it_is_cut),
        cmocka_unit_test(refuses_what_is_no_audit_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
