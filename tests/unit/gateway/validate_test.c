#include "gateway/validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka wants the five above first */
#include <cmocka.h>

#include "gateway/identify.h"
#include "tests/support/stage.h"

static struct test_stage stage;
static struct gateway_validate *validate;

static int set_up(void **unused)
{
    (void)unused;
    struct bus_error error;
    test_stage_open(&stage, "schemas/catalogue.cfg");
    return gateway_validate_create(stage.catalogue, TEST_STAGE_PARTITIONS, &validate, &error) == BUS_OK ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_validate_destroy(validate);
    test_stage_close(&stage);
    return 0;
}

/* As the pipeline does. */
static enum bus_status run(struct gateway_exchange *exchange, struct bus_error *error)
{
    gateway_identify(stage.keyer, &exchange, 1);
    return gateway_validate(validate, exchange, error);
}

static void assert_refused(const char *item, const struct test_field *fields, const char *code, const char *names)
{
    struct bus_error error = {.code = "none"};
    struct gateway_exchange exchange = test_stage_decoded(&stage, item, 0, fields);
    enum bus_status status = run(&exchange, &error);
    if (status != BUS_REJECT || strcmp(error.code, code) != 0)
        print_error("%s: %s where %s was expected\n", fields[0].name, error.code, code);
    assert_int_equal(status, BUS_REJECT);
    assert_string_equal(error.code, code);
    assert_non_null(strstr(error.message, names));
    assert_non_null(strstr(error.message_zh, names));
    assert_true(error.message_zh[0] != '\0');
}

/* Validated, as it goes on. */
static struct gateway_exchange good(const char *item, const struct test_field *fields)
{
    struct bus_error error = {.message = ""};
    struct gateway_exchange exchange = test_stage_decoded(&stage, item, 0, fields);
    enum bus_status status = run(&exchange, &error);
    if (status != BUS_OK)
        print_error("%s %s\n", error.code, error.message);
    assert_int_equal(status, BUS_OK);
    return exchange;
}

static void assert_flags(const char *item, const struct test_field *fields, uint32_t flags)
{
    assert_int_equal(good(item, fields).flags, flags);
}

/* One field of an event at a time, the rest as it should be. */
struct refusal {
    const char *item;
    struct test_field field;
    const char *code;
    bool named; /* in the sentence */
};

static void assert_all_refused(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(refusals[i].item, TEST_FIELDS(refusals[i].field), refusals[i].code,
                       refusals[i].named ? refusals[i].field.name : "");
}

static void a_good_event_of_every_item_and_version_passes(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < bus_catalogue_item_count(stage.catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(stage.catalogue, i);
        for (size_t v = 1; v <= item->version_count; v++) {
            char name[128];
            struct bus_error error = {.message = ""};
            snprintf(name, sizeof name, "%s/%s", item->department->name, item->name);
            struct gateway_exchange exchange = test_stage_decoded(&stage, name, (int)v, TEST_FIELDS({NULL, NULL}));
            assert_int_equal(run(&exchange, &error), BUS_OK);
            assert_int_equal(exchange.flags, 0);
            assert_false(exchange.is_minor);
            assert_memory_equal(exchange.subject_key, exchange.key.data, BUS_SUBJECT_KEY_SIZE);
        }
    }
}

static void refuses_an_identity_that_does_not_follow(void **unused)
{
    (void)unused;
    static const struct refusal refusals[] = {
        {"tax/arrears", {"event_id", "0"}, "EVENT_ID", false},
        {"tax/arrears", {"record_key", ""}, "RECORD_KEY", false},
        {"tax/arrears", {"record_key", "repeat:tax|:129"}, "RECORD_KEY", false},
        {"tax/arrears", {"record_key", "market|1"}, "RECORD_KEY", false}, /* another department's */
        {"tax/arrears", {"record_key", "tax"}, "RECORD_KEY", false},
        {"tax/arrears", {"record_key", "taxes|1"}, "RECORD_KEY", false},
        {"tax/arrears", {"version", "-1"}, "VERSION", false},
        {"tax/arrears", {"version", "-9223372036854775808"}, "VERSION", false},
    };
    assert_all_refused(refusals, sizeof refusals / sizeof refusals[0]);
    good("tax/arrears", TEST_FIELDS({"record_key", "repeat:tax|:128"}));
    good("tax/arrears", TEST_FIELDS({"version", "9223372036854775807"}));
    good("tax/arrears", TEST_FIELDS({"version", "0"}));
}

static void refuses_a_subject_that_is_none(void **unused)
{
    (void)unused;
    static const struct refusal refusals[] = {
        {"tax/arrears", {"subject_id", ""}, "SUBJECT_ID", false},
        {"tax/arrears", {"subject_id", "12345"}, "SUBJECT_ID", false},
        {"tax/arrears", {"subject_id", "91100000100003962A"}, "USCC_CHECK_DIGIT", false},
        {"tax/arrears", {"subject_id", "91350100M000100Y4Z"}, "USCC_ALPHABET", false},
        {"tax/arrears", {"subject_id", "94450200198229141F"}, "USCC_CATEGORY", false},
    };
    assert_all_refused(refusals, sizeof refusals / sizeof refusals[0]);
    static const struct test_field person = {"subject_kind", "PERSON"};
    assert_refused("tax/arrears", TEST_FIELDS(person, {"subject_id", "110105194912310021"}),
                   "CITIZEN_NUMBER_CHECK_DIGIT", "");
    assert_refused("tax/arrears", TEST_FIELDS(person, {"subject_id", "110105194913310021"}), "CITIZEN_NUMBER_DATE", "");
    assert_refused("tax/arrears", TEST_FIELDS(person, {"subject_id", "91450200198229141F"}), "CITIZEN_NUMBER_FORMAT",
                   "");
}

static void the_declared_kind_decides_what_a_number_is(void **unused)
{
    (void)unused;
    good("tax/arrears", TEST_FIELDS({"subject_kind", "PERSON"}, {"subject_id", "440524188001010014"}));
    good("tax/arrears", TEST_FIELDS({"subject_id", "D2143569-X"}));
}

static void refuses_a_key_or_partition_that_is_not_the_subjects(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange = test_stage_decoded(&stage, "tax/arrears", 0, TEST_FIELDS({NULL, NULL}));
    struct gateway_exchange other = exchange;
    other.partition = (exchange.partition + 1) % TEST_STAGE_PARTITIONS;
    assert_int_equal(run(&other, &error), BUS_REJECT);
    assert_string_equal(error.code, "PARTITION");
    other = exchange;
    other.key.length--;
    assert_int_equal(run(&other, &error), BUS_REJECT);
    assert_string_equal(error.code, "SUBJECT_KEY");
    static const uint8_t foreign[BUS_SUBJECT_KEY_SIZE] = {1};
    other.key = bus_bytes_of(foreign, sizeof foreign);
    assert_int_equal(run(&other, &error), BUS_REJECT);
    assert_string_equal(error.code, "SUBJECT_KEY");
}

static void refuses_areas_and_times_outside_the_world(void **unused)
{
    (void)unused;
    static const struct refusal refusals[] = {
        {"tax/arrears", {"area_code", "459999"}, "AREA_UNKNOWN", false},
        {"tax/arrears", {"area_code", "4502"}, "AREA_UNKNOWN", false},
        {"tax/arrears", {"occurred_at", "1899-12-31T23:59:59.999Z"}, "DATE_RANGE", false},
        {"tax/arrears", {"occurred_at", "2200-01-01T00:00:00Z"}, "DATE_RANGE", false},
        {"tax/arrears", {"source_committed_at", "-9223372036854775808"}, "DATE_RANGE", false},
        {"tax/arrears", {"published_at", "9223372036854775807"}, "DATE_RANGE", false},
        {"tax/arrears", {"conduct_end_date", "9999-09-09"}, "DATE_RANGE", false},
        {"tax/arrears", {"publicity_until", "1899-12-31"}, "DATE_RANGE", false},
        {"tax/arrears", {"subject_name", "repeat:名:201"}, "FIELD_TOO_LONG", false},
        {"tax/arrears", {"rule_version", "repeat:r:201"}, "FIELD_TOO_LONG", false},
    };
    assert_all_refused(refusals, sizeof refusals / sizeof refusals[0]);
    good("tax/arrears", TEST_FIELDS({"area_code", ""}, {"occurred_at", "1900-01-01T00:00:00Z"},
                                    {"publicity_until", "2199-12-31"}, {"subject_name", "repeat:名:200"}));
    good("tax/arrears", TEST_FIELDS({"area_code", "450202001"})); /* nine digits, as some feeds have */
}

static void refuses_a_field_by_the_attributes_of_its_schema(void **unused)
{
    (void)unused;
    static const struct refusal refusals[] = {
        {"market/licence", {"document_number", ""}, "FIELD_REQUIRED", true},
        {"market/licence", {"decided_on", "null"}, "FIELD_REQUIRED", true},
        {"market/licence", {"document_number", "repeat:号:129"}, "FIELD_TOO_LONG", true},
        {"market/licence", {"valid_until", "2200-01-01"}, "DATE_RANGE", true},
        {"market/licence", {"licence_kind", "随便"}, "CODE_UNKNOWN", true},
        {"market/licence", {"credit_code", "9145020019822914"}, "USCC_LENGTH", true},
        {"market/licence", {"credit_code", "91350100M000100Y4Z"}, "USCC_ALPHABET", true},
        {"market/licence", {"credit_code", "94450200198229141F"}, "USCC_CATEGORY", true},
        {"market/licence", {"credit_code", "91100000100003962A"}, "USCC_CHECK_DIGIT", true},
        {"market/licence", {"organisation_code", "空"}, "ORGANISATION_CODE_FORMAT", true},
        {"market/licence", {"organisation_code", "D2143569-0"}, "ORGANISATION_CODE_CHECK_DIGIT", true},
        {"market/penalty", {"penalty_kinds", "警告;关门"}, "CODE_UNKNOWN", true},
        {"market/penalty", {"penalty_kinds", "警告;;罚款"}, "CODE_UNKNOWN", true},
        {"market/penalty", {"penalty_kinds", ";"}, "CODE_UNKNOWN", true},
        {"court/enforcement.case", {"citizen_number", "110105194912310021"}, "CITIZEN_NUMBER_CHECK_DIGIT", true},
        {"court/enforcement.case", {"citizen_number", "110105194913310021"}, "CITIZEN_NUMBER_DATE", true},
        {"court/enforcement.case", {"citizen_number", "1101051949"}, "CITIZEN_NUMBER_FORMAT", true},
        {"court/enforcement.case", {"case_number", "2019桂0202执1194号"}, "CASE_NUMBER_FORMAT", true},
        {"traffic/violation.decision", {"plate", "柳B12345"}, "PLATE_FORMAT", true},
        {"traffic/violation.decision", {"violation_code", "9039"}, "VIOLATION_CODE_FORMAT", true},
        {"traffic/violation.decision", {"fine_amount", "100000000.00"}, "NUMBER_RANGE", true},
        {"traffic/violation.decision", {"fine_amount", "-100000000.00"}, "NUMBER_RANGE", true},
        {"traffic/violation.decision", {"processed_at", "2200-01-01T00:00:00Z"}, "DATE_RANGE", true},
    };
    assert_all_refused(refusals, sizeof refusals / sizeof refusals[0]);
}

static void what_is_just_within_its_limits_passes(void **unused)
{
    (void)unused;
    good("market/licence", TEST_FIELDS({"document_number", "repeat:号:128"}, {"valid_until", "2199-12-31"}));
    good("market/penalty", TEST_FIELDS({"penalty_kinds", "警告;罚款;没收违法所得、没收非法财物"}));
    good("traffic/violation.decision",
         TEST_FIELDS({"fine_amount", "99999999.99"}, {"processed_at", "2199-12-31T23:59:59.999Z"}));
    good("traffic/violation.decision", TEST_FIELDS({"fine_amount", "-99999999.99"}, {"plate", "粤Z1234港"}));
    good("court/enforcement.case", TEST_FIELDS({"amount_claimed", "9999999999999999.99"}));
}

/* Bytes of a decimal field that the encoder would never write. */
static void refuses_a_decimal_that_is_empty_or_endless(void **unused)
{
    (void)unused;
    struct gateway_exchange whole =
        test_stage_decoded(&stage, "tax/arrears", 0, TEST_FIELDS({"arrears_amount", "1.00"}));
    int index = bus_schema_find(whole.version->schema, "arrears_amount");
    static const uint8_t empty[] = {0x02, 0x00}, endless[] = {0x02, 0x14, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const struct bus_bytes replacements[] = {{empty, sizeof empty}, {endless, sizeof endless}};
    for (size_t i = 0; i < 2; i++) {
        struct bus_span span = whole.spans[index];
        struct bus_buffer buffer;
        struct bus_error error;
        bus_buffer_init(&buffer, BUS_DATUM_MAX_SIZE);
        bus_buffer_append(&buffer, whole.value.data, span.offset);
        bus_buffer_append_bytes(&buffer, replacements[i]);
        bus_buffer_append(&buffer, whole.value.data + span.offset + span.length,
                          whole.value.length - span.offset - span.length);
        struct gateway_exchange exchange = whole;
        exchange.value = bus_arena_copy(stage.arena, bus_buffer_view(&buffer));
        bus_buffer_release(&buffer);
        assert_int_equal(gateway_decode(stage.decode, &exchange, &error), BUS_OK);
        assert_int_equal(run(&exchange, &error), BUS_REJECT);
        assert_string_equal(error.code, "NUMBER_RANGE");
    }
}

static void a_withdrawal_may_leave_required_fields_empty_but_not_wrong(void **unused)
{
    (void)unused;
    static const struct test_field withdraw = {"operation", "WITHDRAW"};
    good("market/licence", TEST_FIELDS(withdraw, {"document_number", ""}, {"decided_on", "null"}));
    assert_refused("market/licence", TEST_FIELDS(withdraw, {"credit_code", "91100000100003962A"}), "USCC_CHECK_DIGIT",
                   "credit_code");
}

static void what_is_doubtful_becomes_a_flag(void **unused)
{
    (void)unused;
    assert_flags("tax/arrears", TEST_FIELDS({"subject_id", "91310000631295002H"}), 1u << BUS_FLAG_USCC_INNER_CHECK);
    assert_flags("tax/arrears", TEST_FIELDS({"subject_id", "631295002"}), 1u << BUS_FLAG_USCC_INNER_CHECK);
    assert_flags("market/licence", TEST_FIELDS({"credit_code", "91310000631295002H"}), 1u << BUS_FLAG_USCC_INNER_CHECK);
    assert_flags("tax/arrears", TEST_FIELDS({"area_code", "450221"}), 1u << BUS_FLAG_AREA_ENDED);
    assert_flags("tax/arrears", TEST_FIELDS({"area_code", "450206"}), 0); /* ended once, exists again */
    assert_flags("tax/arrears", TEST_FIELDS({"occurred_at", "2026-11-25T09:00:00.001Z"}),
                 1u << BUS_FLAG_DATE_IN_FUTURE);
    assert_flags("tax/arrears", TEST_FIELDS({"occurred_at", "2026-11-25T09:00:00Z"}), 0);
    assert_flags("tax/arrears", TEST_FIELDS({"subject_kind", "PERSON"}, {"subject_id", "110105491231002"}),
                 1u << BUS_FLAG_OLD_CITIZEN_NUMBER);
    assert_flags("court/enforcement.case", TEST_FIELDS({"citizen_number", "110105491231002"}),
                 1u << BUS_FLAG_OLD_CITIZEN_NUMBER);
}

/* Born on 2008-11-24. */
/* Born on 2008-11-24, at `now_ms`, for what was done at `occurred_at`. */
static bool is_minor_at(int64_t now_ms, const char *occurred_at)
{
    struct bus_error error;
    struct gateway_exchange exchange = test_stage_decoded(
        &stage, "tax/arrears", 0,
        TEST_FIELDS({"subject_kind", "PERSON"}, {"subject_id", "110105200811240024"}, {"occurred_at", occurred_at}));
    exchange.now_ms = now_ms;
    assert_int_equal(run(&exchange, &error), BUS_OK);
    return exchange.is_minor;
}

static void a_person_is_of_age_on_the_eighteenth_birthday_in_beijing(void **unused)
{
    (void)unused;
    int64_t midnight = TEST_STAGE_NOW_MS - INT64_C(17) * 3600 * 1000; /* 2026-11-24 in Beijing begins */
    assert_true(is_minor_at(midnight - 1, "2026-11-23T16:00:00Z"));
    assert_false(is_minor_at(midnight, "2026-11-23T16:00:00Z"));
    assert_true(is_minor_at(0, "2026-11-23T16:00:00Z")); /* before the birth */
    assert_false(good("tax/arrears", TEST_FIELDS({NULL, NULL})).is_minor);
}

static void what_a_minor_did_stays_a_minors_for_ever(void **unused)
{
    (void)unused;
    int64_t years_later = TEST_STAGE_NOW_MS + INT64_C(3653) * 86400 * 1000;
    assert_true(is_minor_at(years_later, "2026-11-23T15:59:59Z"));
    assert_false(is_minor_at(years_later, "2026-11-23T16:00:00Z"));
}

static void a_reason_never_holds_the_value(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange =
        test_stage_decoded(&stage, "court/enforcement.case", 0, TEST_FIELDS({"citizen_number", "110105194912310021"}));
    assert_int_equal(run(&exchange, &error), BUS_REJECT);
    assert_null(strstr(error.message, "110105194912310021"));
    assert_null(strstr(error.message_zh, "110105194912310021"));
    assert_non_null(strstr(error.message_zh, "字段citizen_number（"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_event_of_every_item_and_version_passes),
        cmocka_unit_test(refuses_an_identity_that_does_not_follow),
        cmocka_unit_test(refuses_a_subject_that_is_none),
        cmocka_unit_test(the_declared_kind_decides_what_a_number_is),
        cmocka_unit_test(refuses_a_key_or_partition_that_is_not_the_subjects),
        cmocka_unit_test(refuses_areas_and_times_outside_the_world),
        cmocka_unit_test(refuses_a_field_by_the_attributes_of_its_schema),
        cmocka_unit_test(what_is_just_within_its_limits_passes),
        cmocka_unit_test(refuses_a_decimal_that_is_empty_or_endless),
        cmocka_unit_test(a_withdrawal_may_leave_required_fields_empty_but_not_wrong),
        cmocka_unit_test(what_is_doubtful_becomes_a_flag),
        cmocka_unit_test(a_person_is_of_age_on_the_eighteenth_birthday_in_beijing),
        cmocka_unit_test(what_a_minor_did_stays_a_minors_for_ever),
        cmocka_unit_test(a_reason_never_holds_the_value),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
