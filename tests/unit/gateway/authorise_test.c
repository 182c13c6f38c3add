#include "gateway/authorise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "tests/support/stage.h"

/* Subscribers of tests/scenarios/catalogue by their numbers. */
enum { DATED = 63, MIXED = 2, PLACED = 3, ORGANISATIONS = 4, PERSONS = 5, PUBLIC = 6, INTERNAL = 7 };

#define NOTHING TEST_FIELDS({NULL, NULL})
#define PERSON                                                                                                         \
    {"subject_kind", "PERSON"},                                                                                        \
    {                                                                                                                  \
        "subject_id", "11010519491231002X"                                                                             \
    }
#define HOLDS(number) (UINT64_C(1) << (number))

/* 2026-12-01 and 2027-01-01 begin in Beijing */
#define FROM_MS INT64_C(1796054400000)
#define TO_MS INT64_C(1798732800000)

static struct test_stage stage;

static int set_up(void **unused)
{
    (void)unused;
    test_stage_open(&stage, "tests/scenarios/catalogue/catalogue.cfg");
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_stage_close(&stage);
    return 0;
}

static struct gateway_exchange event_of(const char *item, const struct test_field *fields, uint64_t holders)
{
    struct gateway_exchange exchange = test_stage_decoded(&stage, item, 0, fields);
    exchange.holders_before = holders;
    return exchange;
}

static struct gateway_exchange authorised(struct gateway_exchange exchange)
{
    struct bus_error error;
    exchange.entry.version = exchange.event.version;
    exchange.entry.subject_kind = (uint8_t)exchange.event.subject_kind;
    exchange.entry.status = exchange.event.operation == BUS_OPERATION_PUT ? BUS_RECORD_LIVE : BUS_RECORD_WITHDRAWN;
    if (exchange.is_minor)
        exchange.entry.marks |= 1u << BUS_MARK_MINOR;
    assert_int_equal(gateway_authorise(&(struct gateway_authorise){.views = stage.views}, &exchange, &error), BUS_OK);
    return exchange;
}

/* The one delivery, by this grant; and the bits of the holders afterwards. */
static void assert_one(struct gateway_exchange exchange, enum bus_delivery_operation operation,
                       enum bus_delivery_reason reason, const char *grant, uint64_t holders)
{
    exchange = authorised(exchange);
    assert_int_equal(exchange.delivery_count, 1);
    const struct gateway_delivery *delivery = &exchange.deliveries[0];
    assert_int_equal(delivery->content.operation, operation);
    assert_int_equal(delivery->content.reason, reason);
    assert_int_equal(delivery->content.version, exchange.event.version);
    assert_int_equal(delivery->content.delivered_at_ms, exchange.now_ms);
    assert_int_equal(delivery->content.flags, exchange.flags);
    assert_string_equal(delivery->view->grant->name, grant);
    assert_ptr_equal(delivery->view->version, exchange.version);
    assert_int_equal(exchange.entry.holders, holders);
}

static void assert_none(struct gateway_exchange exchange, uint64_t holders)
{
    exchange = authorised(exchange);
    assert_int_equal(exchange.delivery_count, 0);
    assert_int_equal(exchange.entry.holders, holders);
}

static void a_put_goes_by_a_grant_in_force_and_makes_a_holder(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = event_of("bureau/dated", TEST_FIELDS({"version", "7"}), 0);
    exchange.flags = 1u << BUS_FLAG_AREA_ENDED;
    exchange.now_ms = FROM_MS - 1;
    assert_none(exchange, 0);
    exchange.now_ms = FROM_MS;
    assert_one(exchange, BUS_DELIVERY_PUT, BUS_REASON_NONE, "dated", HOLDS(DATED));
    exchange.now_ms = TO_MS - 1;
    assert_one(exchange, BUS_DELIVERY_PUT, BUS_REASON_NONE, "dated", HOLDS(DATED));
    exchange.now_ms = TO_MS;
    assert_none(exchange, 0);
}

static void a_put_that_a_holder_may_not_have_is_a_withdrawal_to_it(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = event_of("bureau/dated", NOTHING, HOLDS(DATED));
    exchange.now_ms = TO_MS;
    assert_one(exchange, BUS_DELIVERY_WITHDRAW, BUS_REASON_GRANT_ENDED, "dated", 0);
    exchange.now_ms = FROM_MS - 1;
    assert_one(exchange, BUS_DELIVERY_WITHDRAW, BUS_REASON_GRANT_ENDED, "dated", 0);
    assert_one(event_of("bureau/placed", TEST_FIELDS({"area_code", "450102"}), HOLDS(PLACED)), BUS_DELIVERY_WITHDRAW,
               BUS_REASON_GRANT_ENDED, "placed", 0);
}

static void a_withdrawal_goes_to_holders_whatever_their_grants_say_now(void **unused)
{
    (void)unused;
    static const struct test_field withdraw = {"operation", "WITHDRAW"};
    struct gateway_exchange exchange = event_of("bureau/dated", TEST_FIELDS(withdraw), HOLDS(DATED));
    exchange.now_ms = TO_MS + 1;
    assert_one(exchange, BUS_DELIVERY_WITHDRAW, BUS_REASON_WITHDRAWN, "dated", 0);
    exchange.holders_before = 0;
    exchange.now_ms = FROM_MS;
    assert_none(exchange, 0);
    assert_one(event_of("bureau/placed", TEST_FIELDS(withdraw, {"area_code", ""}), HOLDS(PLACED)),
               BUS_DELIVERY_WITHDRAW, BUS_REASON_WITHDRAWN, "placed", 0);
}

static void holders_without_a_view_of_the_item_stay_as_they_are(void **unused)
{
    (void)unused;
    uint64_t others = HOLDS(0) | HOLDS(17) | HOLDS(DATED);
    assert_none(event_of("bureau/placed", TEST_FIELDS({"area_code", "450102"}), others), others);
    assert_one(event_of("bureau/placed", TEST_FIELDS({"operation", "WITHDRAW"}), others | HOLDS(PLACED)),
               BUS_DELIVERY_WITHDRAW, BUS_REASON_WITHDRAWN, "placed", others);
}

static void areas_are_beginnings_of_codes(void **unused)
{
    (void)unused;
    static const struct {
        const char *area;
        bool fits;
    } cases[] = {{"450200", true}, {"450203", true}, {"450203001", true}, {"450300", false},
                 {"4502", true},   {"450", false},   {"", false},         {"145020", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_exchange exchange = event_of("bureau/placed", TEST_FIELDS({"area_code", cases[i].area}), 0);
        assert_int_equal(authorised(exchange).delivery_count, cases[i].fits);
    }
}

static void the_kind_of_subject_decides(void **unused)
{
    (void)unused;
    assert_one(event_of("bureau/kinds", NOTHING, 0), BUS_DELIVERY_PUT, BUS_REASON_NONE, "organisations",
               HOLDS(ORGANISATIONS));
    assert_one(event_of("bureau/kinds", TEST_FIELDS(PERSON), 0), BUS_DELIVERY_PUT, BUS_REASON_NONE, "persons",
               HOLDS(PERSONS));
}

static void the_first_grant_in_the_files_order_decides_alone(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = event_of("bureau/mixed", TEST_FIELDS({"area_code", "450202"}), 0);
    assert_one(exchange, BUS_DELIVERY_PUT, BUS_REASON_NONE, "mixed-ended", HOLDS(MIXED));
    exchange.now_ms = FROM_MS;
    assert_one(exchange, BUS_DELIVERY_PUT, BUS_REASON_NONE, "mixed-district", HOLDS(MIXED));
    exchange = event_of("bureau/mixed", TEST_FIELDS({"area_code", "450300"}), HOLDS(MIXED));
    exchange.now_ms = FROM_MS;
    assert_one(exchange, BUS_DELIVERY_PUT, BUS_REASON_CORRECTED, "mixed-rest", HOLDS(MIXED));
    exchange = event_of("bureau/mixed", TEST_FIELDS(PERSON, {"area_code", "450102"}), 0);
    exchange.now_ms = FROM_MS;
    assert_one(exchange, BUS_DELIVERY_PUT, BUS_REASON_NONE, "mixed-persons", HOLDS(MIXED));
}

static void a_withdrawal_goes_by_the_grant_that_fits_or_else_by_the_first(void **unused)
{
    (void)unused;
    static const struct test_field withdraw = {"operation", "WITHDRAW"};
    struct gateway_exchange exchange =
        event_of("bureau/mixed", TEST_FIELDS(withdraw, {"area_code", "450300"}), HOLDS(MIXED));
    exchange.now_ms = FROM_MS;
    assert_one(exchange, BUS_DELIVERY_WITHDRAW, BUS_REASON_WITHDRAWN, "mixed-rest", 0);
    exchange = event_of("bureau/mixed", TEST_FIELDS(withdraw, {"area_code", "110105"}), HOLDS(MIXED));
    exchange.now_ms = FROM_MS;
    assert_one(exchange, BUS_DELIVERY_WITHDRAW, BUS_REASON_WITHDRAWN, "mixed-ended", 0);
}

static void a_minor_never_goes_to_a_public_subscriber(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = event_of("bureau/open", TEST_FIELDS(PERSON), 0);
    assert_int_equal(authorised(exchange).delivery_count, 2);
    exchange.is_minor = true;
    assert_one(exchange, BUS_DELIVERY_PUT, BUS_REASON_NONE, "internal", HOLDS(INTERNAL));
    exchange.holders_before = HOLDS(PUBLIC);
    exchange = authorised(exchange);
    assert_int_equal(exchange.delivery_count, 2); /* and from whom it was public before, it is taken back */
    assert_int_equal(exchange.entry.holders, HOLDS(INTERNAL));
}

static void an_item_that_nobody_may_have_goes_nowhere(void **unused)
{
    (void)unused;
    assert_none(event_of("registry/register", NOTHING, 0), 0);
}

static void a_full_arena_is_fatal(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange = event_of("bureau/mixed", NOTHING, 0);
    exchange.arena = bus_arena_create(8);
    assert_non_null(exchange.arena);
    assert_int_equal(gateway_authorise(&(struct gateway_authorise){.views = stage.views}, &exchange, &error),
                     BUS_FATAL);
    bus_arena_destroy(exchange.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_goes_by_a_grant_in_force_and_makes_a_holder),
        cmocka_unit_test(a_put_that_a_holder_may_not_have_is_a_withdrawal_to_it),
        cmocka_unit_test(a_withdrawal_goes_to_holders_whatever_their_grants_say_now),
        cmocka_unit_test(holders_without_a_view_of_the_item_stay_as_they_are),
        cmocka_unit_test(areas_are_beginnings_of_codes),
        cmocka_unit_test(the_kind_of_subject_decides),
        cmocka_unit_test(the_first_grant_in_the_files_order_decides_alone),
        cmocka_unit_test(a_withdrawal_goes_by_the_grant_that_fits_or_else_by_the_first),
        cmocka_unit_test(a_minor_never_goes_to_a_public_subscriber),
        cmocka_unit_test(an_item_that_nobody_may_have_goes_nowhere),
        cmocka_unit_test(a_full_arena_is_fatal),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
