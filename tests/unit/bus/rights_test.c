#include "bus/rights.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the two above first */
#include <cmocka.h>

#include "tests/support/sample.h"

static struct bus_catalogue *catalogue;

static int load(void **state)
{
    struct bus_error error;
    (void)state;
    if (bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK)
        return 0;
    print_error("%s\n", error.message);
    return -1;
}

static int unload(void **state)
{
    (void)state;
    bus_catalogue_destroy(catalogue);
    return 0;
}

/* One case of `kind`, built, walked and read; views stay valid until the next call. */
static enum bus_status read_case(const char *kind, const struct test_field *given, struct bus_rights *out_rights,
                                 struct bus_error *error)
{
    static struct bus_buffer buffer;
    static struct bus_span spans[64];
    char problem[TEST_SAMPLE_PROBLEM_SIZE];
    const struct bus_item *item = bus_catalogue_find_item(catalogue, "rights", kind);
    const struct bus_item_version *version = bus_item_current(item);
    bus_buffer_release(&buffer);
    bus_buffer_init(&buffer, 65536);
    if (!test_sample_event(catalogue, item, version, given, &buffer, problem))
        fail_msg("%s", problem);
    assert_int_equal(bus_datum_walk(version->schema, bus_buffer_view(&buffer), spans, error), BUS_OK);
    return bus_rights_read(item, version, bus_buffer_view(&buffer), spans, out_rights, error);
}

static void names_and_kinds_go_both_ways(void **state)
{
    (void)state;
    static const char *const names[] = {"dispute", "correction", "repair", "restriction"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        enum bus_rights_kind kind = bus_rights_kind_parse(bus_bytes_text(names[i]));
        assert_string_equal(bus_rights_kind_name(kind), names[i]);
        assert_int_equal(bus_catalogue_find_item(catalogue, "rights", names[i])->rights, kind);
    }
    assert_int_equal(bus_rights_kind_parse(bus_bytes_text("")), BUS_RIGHTS_NONE);
    assert_int_equal(bus_rights_kind_parse(bus_bytes_text("repairs")), BUS_RIGHTS_NONE);
    assert_string_equal(bus_rights_step_name(BUS_RIGHTS_OPENED), "OPENED");
    assert_string_equal(bus_rights_step_name(BUS_RIGHTS_LIFTED), "LIFTED");
}

static void every_step_is_in_the_code_list_and_no_other(void **state)
{
    (void)state;
    const struct bus_code_list *list = bus_catalogue_code_list(catalogue, "rights_step");
    assert_int_equal(list->count, BUS_RIGHTS_STEP_COUNT - 1);
    for (int step = BUS_RIGHTS_NO_STEP + 1; step < BUS_RIGHTS_STEP_COUNT; step++)
        assert_true(bus_code_list_has(list, bus_bytes_text(bus_rights_step_name((enum bus_rights_step)step))));
}

static void a_case_goes_from_its_first_step_to_one_end(void **state)
{
    (void)state;
    static const struct {
        enum bus_rights_kind kind;
        enum bus_rights_step last, step;
    } good[] = {
        {BUS_RIGHTS_DISPUTE, BUS_RIGHTS_NO_STEP, BUS_RIGHTS_OPENED},
        {BUS_RIGHTS_DISPUTE, BUS_RIGHTS_OPENED, BUS_RIGHTS_UPHELD},
        {BUS_RIGHTS_DISPUTE, BUS_RIGHTS_OPENED, BUS_RIGHTS_REJECTED},
        {BUS_RIGHTS_CORRECTION, BUS_RIGHTS_NO_STEP, BUS_RIGHTS_OPENED},
        {BUS_RIGHTS_CORRECTION, BUS_RIGHTS_OPENED, BUS_RIGHTS_UPHELD},
        {BUS_RIGHTS_CORRECTION, BUS_RIGHTS_OPENED, BUS_RIGHTS_REJECTED},
        {BUS_RIGHTS_REPAIR, BUS_RIGHTS_NO_STEP, BUS_RIGHTS_DECIDED},
        {BUS_RIGHTS_REPAIR, BUS_RIGHTS_DECIDED, BUS_RIGHTS_REVOKED},
        {BUS_RIGHTS_RESTRICTION, BUS_RIGHTS_NO_STEP, BUS_RIGHTS_IMPOSED},
        {BUS_RIGHTS_RESTRICTION, BUS_RIGHTS_IMPOSED, BUS_RIGHTS_LIFTED},
    };
    size_t allowed = 0;
    for (int kind = BUS_RIGHTS_DISPUTE; kind <= BUS_RIGHTS_RESTRICTION; kind++)
        for (int last = 0; last < BUS_RIGHTS_STEP_COUNT; last++)
            for (int step = 0; step < BUS_RIGHTS_STEP_COUNT; step++)
                allowed += last != step && bus_rights_may_follow((enum bus_rights_kind)kind, (enum bus_rights_step)last,
                                                                 (enum bus_rights_step)step);
    assert_int_equal(allowed, sizeof good / sizeof *good);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(bus_rights_may_follow(good[i].kind, good[i].last, good[i].step));
}

static void the_same_step_may_be_told_again_by_its_own_kind(void **state)
{
    (void)state;
    assert_true(bus_rights_may_follow(BUS_RIGHTS_DISPUTE, BUS_RIGHTS_OPENED, BUS_RIGHTS_OPENED));
    assert_true(bus_rights_may_follow(BUS_RIGHTS_REPAIR, BUS_RIGHTS_REVOKED, BUS_RIGHTS_REVOKED));
    assert_false(bus_rights_may_follow(BUS_RIGHTS_REPAIR, BUS_RIGHTS_OPENED, BUS_RIGHTS_OPENED));
    assert_false(bus_rights_may_follow(BUS_RIGHTS_DISPUTE, BUS_RIGHTS_NO_STEP, BUS_RIGHTS_NO_STEP));
}

static void reads_what_a_case_says(void **state)
{
    (void)state;
    struct bus_rights rights;
    struct bus_error error;
    const struct test_field given[] = {{"case_number", "XF-2026-7"},
                                       {"step", "DECIDED"},
                                       {"target_department", "market"},
                                       {"target_item", "penalty"},
                                       {"target_record_key", "market|柳市监罚〔2026〕1号|甲公司"},
                                       {"authority", "market"},
                                       {"document_number", "柳市监修〔2026〕7号"},
                                       {"decided_on", "1970-01-11"},
                                       {NULL, NULL}};
    assert_int_equal(read_case("repair", given, &rights, &error), BUS_OK);
    assert_int_equal(rights.kind, BUS_RIGHTS_REPAIR);
    assert_int_equal(rights.step, BUS_RIGHTS_DECIDED);
    assert_true(bus_bytes_equal_text(rights.case_number, "XF-2026-7"));
    assert_true(bus_bytes_equal_text(rights.target_department, "market"));
    assert_true(bus_bytes_equal_text(rights.target_item, "penalty"));
    assert_true(bus_bytes_equal_text(rights.target_record_key, "market|柳市监罚〔2026〕1号|甲公司"));
    assert_true(bus_bytes_equal_text(rights.authority, "market"));
    assert_true(bus_bytes_equal_text(rights.document_number, "柳市监修〔2026〕7号"));
    assert_int_equal(rights.decided_on, 10);
    assert_false(rights.public_only);
}

static void only_a_restriction_has_a_scope(void **state)
{
    (void)state;
    struct bus_rights rights;
    struct bus_error error;
    struct test_field given[] = {{"step", "IMPOSED"}, {"scope", "PUBLIC"}, {NULL, NULL}};
    assert_int_equal(read_case("restriction", given, &rights, &error), BUS_OK);
    assert_true(rights.public_only);
    given[1].value = "ALL";
    assert_int_equal(read_case("restriction", given, &rights, &error), BUS_OK);
    assert_false(rights.public_only);
}

static void refuses_a_step_of_another_kind(void **state)
{
    (void)state;
    struct bus_rights rights;
    struct bus_error error;
    static const char *const wrong[][2] = {
        {"dispute", "DECIDED"}, {"correction", "LIFTED"}, {"repair", "OPENED"}, {"restriction", "REVOKED"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct test_field given[] = {{"step", wrong[i][1]}, {NULL, NULL}};
        assert_int_equal(read_case(wrong[i][0], given, &rights, &error), BUS_REJECT);
        assert_string_equal(error.code, "RIGHTS_STEP");
        assert_true(error.message_zh[0] != '\0');
    }
}

static bool may(enum bus_rights_kind kind, const char *authority, const char *target_department)
{
    return bus_rights_may(bus_catalogue_rights(catalogue, kind), bus_bytes_text(authority),
                          bus_catalogue_find_item(catalogue, target_department, "penalty"));
}

static void only_who_determined_a_record_may_repair_it(void **state)
{
    (void)state;
    assert_true(may(BUS_RIGHTS_REPAIR, "market", "market"));
    assert_false(may(BUS_RIGHTS_REPAIR, "market", "transport"));
    assert_false(may(BUS_RIGHTS_REPAIR, "exchange", "market"));
    assert_false(may(BUS_RIGHTS_REPAIR, "court", "market"));
    assert_false(may(BUS_RIGHTS_REPAIR, "own", "market"));
    assert_false(may(BUS_RIGHTS_REPAIR, "", "market"));
}

static void the_court_may_restrict_any_record_and_decide_no_dispute(void **state)
{
    (void)state;
    assert_true(may(BUS_RIGHTS_RESTRICTION, "court", "market"));
    assert_true(may(BUS_RIGHTS_RESTRICTION, "exchange", "market"));
    assert_true(may(BUS_RIGHTS_RESTRICTION, "transport", "transport"));
    assert_false(may(BUS_RIGHTS_RESTRICTION, "transport", "market"));
    assert_true(may(BUS_RIGHTS_DISPUTE, "exchange", "market"));
    assert_true(may(BUS_RIGHTS_DISPUTE, "market", "market"));
    assert_false(may(BUS_RIGHTS_DISPUTE, "court", "market"));
}

static void a_rule_may_leave_out_the_department_itself(void **state)
{
    (void)state;
    const struct bus_department *court = bus_catalogue_find_department(catalogue, "court");
    const struct bus_rights_rule rule = {.departments = &court, .department_count = 1};
    const struct bus_item *target = bus_catalogue_find_item(catalogue, "market", "penalty");
    assert_false(bus_rights_may(&rule, bus_bytes_text("market"), target));
    assert_true(bus_rights_may(&rule, bus_bytes_text("court"), target));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_kinds_go_both_ways),
        cmocka_unit_test(every_step_is_in_the_code_list_and_no_other),
        cmocka_unit_test(a_case_goes_from_its_first_step_to_one_end),
        cmocka_unit_test(the_same_step_may_be_told_again_by_its_own_kind),
        cmocka_unit_test(reads_what_a_case_says),
        cmocka_unit_test(only_a_restriction_has_a_scope),
        cmocka_unit_test(refuses_a_step_of_another_kind),
        cmocka_unit_test(only_who_determined_a_record_may_repair_it),
        cmocka_unit_test(the_court_may_restrict_any_record_and_decide_no_dispute),
        cmocka_unit_test(a_rule_may_leave_out_the_department_itself),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
