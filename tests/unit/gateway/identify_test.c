#include "gateway/identify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka wants the five above first */
#include <cmocka.h>

#include "tests/support/stage.h"

enum { COUNT = 150 };

static struct test_stage stage;
static struct gateway_exchange exchanges[COUNT];
static struct gateway_exchange *list[COUNT];

static int set_up(void **unused)
{
    (void)unused;
    test_stage_open(&stage, "schemas/catalogue.cfg");
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_stage_close(&stage);
    return 0;
}

/* Different items, kinds, keys of every length and versions of every number of digits. */
static void make_event(size_t index, const char *version)
{
    static const char *const items[] = {"tax/arrears", "market/licence", "market/registration.basic"};
    char key[32];
    snprintf(key, sizeof key, "repeat:k:%zu", index * 511 / COUNT + 1);
    bool person = index % 3 == 0;
    exchanges[index] = test_stage_decoded(
        &stage, items[index % 3], 0,
        TEST_FIELDS({"record_key", key}, {"version", version}, {"subject_kind", person ? "PERSON" : "ORGANISATION"},
                    {"subject_id", person ? "110105491231002" : "91100000100003962T"}));
    list[index] = &exchanges[index];
}

static void assert_identified(const struct gateway_exchange *exchange)
{
    const struct bus_event *event = &exchange->event;
    struct bus_bytes item = bus_bytes_text(exchange->item->name);
    uint8_t expected[BUS_IDENTITY_SIZE];
    bus_event_make_id(item, event->record_key, event->version, expected);
    assert_memory_equal(exchange->event_id, expected, sizeof expected);
    bus_event_identity(item, event->record_key, expected);
    assert_memory_equal(exchange->record, expected, sizeof expected);
    assert_int_equal(exchange->subject.kind, event->subject_kind);
    assert_string_equal(exchange->subject.identifier,
                        event->subject_kind == BUS_SUBJECT_PERSON ? "11010519491231002X" : "100003962");
    assert_memory_equal(exchange->subject_key, exchange->key.data, BUS_SUBJECT_KEY_SIZE);
}

static void hashes_of_many_equal_those_of_each(void **unused)
{
    (void)unused;
    static const char *const versions[] = {"0", "9", "10", "1795510800000", "9223372036854775807"};
    for (size_t i = 0; i < COUNT; i++)
        make_event(i, versions[i % 5]);
    gateway_identify(stage.keyer, list, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_identified(&exchanges[i]);
    gateway_identify(stage.keyer, list, 0);
}

static void a_subject_that_is_none_has_no_key_and_disturbs_no_other(void **unused)
{
    (void)unused;
    static const uint8_t none[BUS_SUBJECT_KEY_SIZE];
    for (size_t i = 0; i < 5; i++)
        make_event(i, "7");
    exchanges[2] = test_stage_decoded(&stage, "tax/arrears", 0, TEST_FIELDS({"subject_id", "91100000100003962A"}));
    gateway_identify(stage.keyer, list, 5);
    for (size_t i = 0; i < 5; i++)
        if (i != 2)
            assert_identified(&exchanges[i]);
    assert_string_equal(exchanges[2].subject.identifier, "");
    assert_memory_equal(exchanges[2].subject_key, none, sizeof none);
}

static void a_key_that_is_too_long_writes_nothing_beyond_its_place(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 3; i++)
        make_event(i, "7");
    exchanges[1] = test_stage_decoded(&stage, "tax/arrears", 0, TEST_FIELDS({"record_key", "repeat:x:60000"}));
    gateway_identify(stage.keyer, list, 3);
    assert_identified(&exchanges[0]);
    assert_identified(&exchanges[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_many_equal_those_of_each),
        cmocka_unit_test(a_subject_that_is_none_has_no_key_and_disturbs_no_other),
        cmocka_unit_test(a_key_that_is_too_long_writes_nothing_beyond_its_place),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
