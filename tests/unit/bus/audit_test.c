#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/audit.h"
#include "bus/schema.h"

enum { LIMIT = 64 * 1024 };

static const uint8_t subject[BUS_SUBJECT_KEY_SIZE] = {1}, record[BUS_IDENTITY_SIZE] = {2};
static struct bus_catalogue *catalogue;
static struct bus_views *views;
static const struct bus_view *court, *website;

static const struct bus_view *view_of_grant(const char *name)
{
    for (size_t i = 0; i < bus_views_count(views); i++)
        if (strcmp(bus_views_at(views, i)->grant->name, name) == 0)
            return bus_views_at(views, i);
    return NULL;
}

static int load(void **unused)
{
    (void)unused;
    struct bus_error error;
    assert_int_equal(bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error), BUS_OK);
    assert_int_equal(bus_views_create(catalogue, &views, &error), BUS_OK);
    court = view_of_grant("court-dishonest-debtor");
    website = view_of_grant("website-penalty");
    assert_non_null(court);
    assert_non_null(website);
    return 0;
}

static int unload(void **unused)
{
    (void)unused;
    bus_views_destroy(views);
    bus_catalogue_destroy(catalogue);
    return 0;
}

/* Two grants, of which the second is used first. */
static struct bus_bytes write_three(struct bus_audit_writer *writer)
{
    struct bus_disclosure disclosure = {
        .subject_key = subject,
        .record = record,
        .version = 3,
        .operation = BUS_DELIVERY_PUT,
        .reason = BUS_REASON_CORRECTED,
        .leaf = 7,
        .previous = -1,
    };
    bus_audit_begin(writer, 1234, "0123456789abcdef");
    assert_int_equal(bus_audit_add_grant(writer, court), 0);
    disclosure.grant = bus_audit_add_grant(writer, website);
    assert_int_equal(disclosure.grant, 1);
    bus_audit_add(writer, &disclosure);
    disclosure.grant = 0;
    disclosure.leaf = 8;
    bus_audit_add(writer, &disclosure);
    disclosure.version = 4;
    disclosure.operation = BUS_DELIVERY_WITHDRAW;
    disclosure.reason = BUS_REASON_GRANT_ENDED;
    disclosure.previous = 55;
    bus_audit_add(writer, &disclosure);
    return bus_audit_end(writer);
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

static void the_bytes_are_a_datum_of_the_schema(void **unused)
{
    (void)unused;
    struct bus_audit_writer writer;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    struct bus_span spans[4];
    bus_audit_writer_init(&writer, LIMIT);
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/audit.avsc", &schema, &error), BUS_OK);
    assert_int_equal(bus_schema_field_count(schema), 4);
    assert_int_equal(bus_datum_walk(schema, write_three(&writer), spans, &error), BUS_OK);
    bus_schema_destroy(schema);
    bus_audit_writer_release(&writer);
}

static void disclosures_read_back_in_order(void **unused)
{
    (void)unused;
    struct bus_audit_writer writer;
    struct bus_audit_reader reader;
    struct bus_disclosure disclosure;
    bus_audit_writer_init(&writer, LIMIT);
    for (int time = 0; time < 2; time++) { /* begin forgets what was there */
        assert_int_equal(bus_audit_open(write_three(&writer), &reader, NULL), BUS_OK);
        assert_int_equal(reader.at_ms, 1234);
        assert_true(bus_bytes_equal_text(reader.catalogue, "0123456789abcdef"));
        assert_int_equal(reader.grant_count, 2);
        assert_true(bus_audit_next(&reader, &disclosure));
        assert_memory_equal(disclosure.subject_key, subject, sizeof subject);
        assert_memory_equal(disclosure.record, record, sizeof record);
        assert_int_equal(disclosure.version, 3);
        assert_int_equal(disclosure.operation, BUS_DELIVERY_PUT);
        assert_int_equal(disclosure.reason, BUS_REASON_CORRECTED);
        assert_int_equal(disclosure.grant, 1);
        assert_int_equal(disclosure.leaf, 7);
        assert_int_equal(disclosure.previous, -1);
        assert_true(bus_audit_next(&reader, &disclosure));
        assert_int_equal(disclosure.grant, 0);
        assert_int_equal(disclosure.leaf, 8);
        assert_true(bus_audit_next(&reader, &disclosure));
        assert_int_equal(disclosure.version, 4);
        assert_int_equal(disclosure.operation, BUS_DELIVERY_WITHDRAW);
        assert_int_equal(disclosure.reason, BUS_REASON_GRANT_ENDED);
        assert_int_equal(disclosure.previous, 55);
        assert_false(bus_audit_next(&reader, &disclosure));
        assert_false(reader.cursor.failed);
    }
    bus_audit_writer_release(&writer);
}

/* Every word of a grant is in the record, and its fields as the grant has them. */
static void a_record_explains_its_grants_without_a_catalogue(void **unused)
{
    (void)unused;
    struct bus_audit_writer writer;
    struct bus_audit_reader reader;
    bus_audit_writer_init(&writer, LIMIT);
    assert_int_equal(bus_audit_open(write_three(&writer), &reader, NULL), BUS_OK);
    const struct bus_view *const expected[] = {court, website};
    for (size_t i = 0; i < 2; i++) {
        struct bus_audit_grant grant = reader.grants[i];
        assert_true(bus_bytes_equal_text(grant.subscriber, expected[i]->grant->subscriber->name));
        assert_true(bus_bytes_equal_text(grant.grant, expected[i]->grant->name));
        assert_true(bus_bytes_equal_text(grant.department, expected[i]->item->department->name));
        assert_true(bus_bytes_equal_text(grant.item, expected[i]->item->name));
        assert_true(bus_bytes_equal_text(grant.purpose, expected[i]->grant->purpose));
        assert_true(bus_bytes_equal_text(grant.legal_basis, expected[i]->grant->legal_basis));
        struct bus_bytes name;
        enum bus_transform transform;
        for (size_t j = 0; j < expected[i]->field_count; j++) {
            assert_true(bus_audit_next_field(&grant, &name, &transform));
            const struct bus_schema *schema = expected[i]->version->schema;
            assert_true(bus_bytes_equal_text(name, bus_schema_field(schema, expected[i]->field_indexes[j])->name));
            assert_int_equal(transform, expected[i]->transforms[j]);
        }
        assert_false(bus_audit_next_field(&grant, &name, &transform));
    }
    bus_audit_writer_release(&writer);
}

static void a_field_that_was_cut_down_says_how(void **unused)
{
    (void)unused;
    struct bus_audit_writer writer;
    struct bus_audit_reader reader;
    struct bus_bytes name;
    enum bus_transform transform, transforms[] = {BUS_TRANSFORM_MASK, BUS_TRANSFORM_NONE, BUS_TRANSFORM_PRESENT};
    struct bus_view view = *court;
    view.transforms = transforms;
    view.field_count = 3;
    bus_audit_writer_init(&writer, LIMIT);
    bus_audit_begin(&writer, 1, "");
    bus_audit_add_grant(&writer, &view);
    assert_int_equal(bus_audit_open(bus_audit_end(&writer), &reader, NULL), BUS_OK);
    struct bus_audit_grant grant = reader.grants[0];
    for (size_t i = 0; i < 3; i++) {
        assert_true(bus_audit_next_field(&grant, &name, &transform));
        assert_int_equal(transform, transforms[i]);
        assert_null(memchr(name.data, ':', name.length));
    }
    assert_false(bus_audit_next_field(&grant, &name, &transform));
    bus_audit_writer_release(&writer);
}

static void a_cut_record_ends_in_failure_wherever_it_is_cut(void **unused)
{
    (void)unused;
    struct bus_audit_writer writer;
    bus_audit_writer_init(&writer, LIMIT);
    struct bus_bytes whole = write_three(&writer);
    for (size_t length = 0; length < whole.length; length++) {
        struct bus_audit_reader reader;
        struct bus_disclosure disclosure;
        if (bus_audit_open(bus_bytes_of(whole.data, length), &reader, NULL) != BUS_OK)
            continue;
        while (bus_audit_next(&reader, &disclosure))
            ;
        assert_true(reader.cursor.failed);
    }
    bus_audit_writer_release(&writer);
}

static void a_disclosure_by_a_grant_that_is_not_there_is_a_failure(void **unused)
{
    (void)unused;
    struct bus_audit_writer writer;
    struct bus_audit_reader reader;
    struct bus_disclosure disclosure = {.subject_key = subject, .record = record, .grant = 1};
    bus_audit_writer_init(&writer, LIMIT);
    bus_audit_begin(&writer, 1, "");
    bus_audit_add_grant(&writer, court);
    bus_audit_add(&writer, &disclosure);
    assert_int_equal(bus_audit_open(bus_audit_end(&writer), &reader, NULL), BUS_OK);
    assert_false(bus_audit_next(&reader, &disclosure));
    assert_true(reader.cursor.failed);
    bus_audit_writer_release(&writer);
}

static void a_record_past_its_limit_is_none(void **unused)
{
    (void)unused;
    struct bus_audit_writer writer;
    bus_audit_writer_init(&writer, 64);
    assert_null(write_three(&writer).data);
    bus_audit_writer_release(&writer);
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
        cmocka_unit_test(the_bytes_are_a_datum_of_the_schema),
        cmocka_unit_test(disclosures_read_back_in_order),
        cmocka_unit_test(a_record_explains_its_grants_without_a_catalogue),
        cmocka_unit_test(a_field_that_was_cut_down_says_how),
        cmocka_unit_test(a_cut_record_ends_in_failure_wherever_it_is_cut),
        cmocka_unit_test(a_disclosure_by_a_grant_that_is_not_there_is_a_failure),
        cmocka_unit_test(a_record_past_its_limit_is_none),
        cmocka_unit_test(refuses_what_is_no_audit_record),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
