#include "gateway/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/batch.h"
#include "tests/support/folder.h"

enum { MAP_BYTES = 64 << 20, MEMORY = 16 << 20 };

static char folder[TEST_FOLDER_SIZE];
static struct bus_arena *arena;
static struct gateway_state *state;
static struct gateway_states states = {.of = &state, .count = 1};
static struct gateway_source source;

static int set_up(void **unused)
{
    (void)unused;
    struct bus_error error;
    test_folder_make(folder);
    source = (struct gateway_source){.partition = 0};
    arena = bus_arena_create(MEMORY);
    struct gateway_state_options options = {.folder = folder, .map_bytes = MAP_BYTES, .overlay_bytes = MEMORY};
    return gateway_state_open(&options, &state, &error) == BUS_OK ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_state_close(state, false);
    test_folder_remove(folder);
    bus_arena_destroy(arena);
    return 0;
}

static struct gateway_exchange event(int64_t sequence)
{
    return (struct gateway_exchange){
        .source = &source,
        .topic = "xq.in.tax.arrears",
        .adapter = bus_bytes_text("tax"),
        .arena = arena,
        .event.sequence = sequence,
        .decoded = true,
    };
}

/* How many are missing before it, as they are counted and as they are told. */
static int64_t missing(struct gateway_exchange exchange)
{
    struct bus_error error;
    int64_t before = source.missing;
    assert_int_equal(gateway_sequence(&states, &exchange, &error), BUS_OK);
    int64_t counted = source.missing - before;
    assert_int_equal(counted > 0, exchange.gap != NULL);
    return counted;
}

static void tells_what_is_missing_before_an_event(void **unused)
{
    (void)unused;
    assert_int_equal(missing(event(1)), 0);
    assert_int_equal(missing(event(2)), 0);
    struct gateway_exchange exchange = event(8);
    struct bus_error error;
    assert_int_equal(gateway_sequence(&states, &exchange, &error), BUS_OK);
    assert_non_null(exchange.gap);
    assert_int_equal(exchange.gap->from, 3);
    assert_int_equal(exchange.gap->to, 7);
    assert_int_equal(source.missing, 5);
    assert_non_null(strstr(exchange.gap->text_en, "events 3 to 7 of adapter tax in xq.in.tax.arrears, partition 0"));
    assert_non_null(strstr(exchange.gap->text_zh, "序号3至7"));
    assert_int_equal(missing(event(9)), 0);
}

static void numbers_begin_with_one(void **unused)
{
    (void)unused;
    assert_int_equal(missing(event(4)), 3);
}

static void what_could_not_be_decoded_took_the_next_number(void **unused)
{
    (void)unused;
    struct gateway_exchange broken = event(77);
    broken.decoded = false;
    assert_int_equal(missing(event(1)), 0);
    assert_int_equal(missing(broken), 0);
    assert_int_equal(missing(event(3)), 0);
    assert_int_equal(missing(event(INT64_MIN)), 0);
    assert_int_equal(missing(event(5)), 0);
}

static void a_replay_and_nobodys_event_have_no_number(void **unused)
{
    (void)unused;
    struct gateway_exchange replay = event(50), nobodys = event(60);
    replay.replay = true;
    nobodys.adapter = (struct bus_bytes){NULL, 0};
    assert_int_equal(missing(event(1)), 0);
    assert_int_equal(missing(replay), 0);
    assert_int_equal(missing(nobodys), 0);
    assert_int_equal(missing(event(2)), 0);
}

static void what_the_gateway_adds_itself_has_no_number(void **unused)
{
    (void)unused;
    struct gateway_exchange own = event(50);
    own.cause = GATEWAY_CAUSE_RESYNC;
    assert_int_equal(missing(event(1)), 0);
    assert_int_equal(missing(own), 0);
    assert_int_equal(missing(event(2)), 0);
}

static void a_number_that_goes_back_is_no_loss(void **unused)
{
    (void)unused;
    assert_int_equal(missing(event(1)), 0);
    assert_int_equal(missing(event(2)), 0);
    assert_int_equal(missing(event(1)), 0);
    assert_int_equal(missing(event(2)), 0);
}

static void a_hostile_jump_is_counted_within_bounds(void **unused)
{
    (void)unused;
    assert_int_equal(missing(event(INT64_MAX)), INT64_C(1) << 40);
    assert_int_equal(missing(event(1)), 0);
    assert_int_equal(missing(event(2)), 0);
}

static void each_adapter_and_topic_counts_for_itself(void **unused)
{
    (void)unused;
    struct gateway_exchange other_topic = event(1), second = event(1), later = event(4);
    other_topic.topic = "xq.in.tax.payment";
    second.adapter = later.adapter = bus_bytes_text("second");
    assert_int_equal(missing(event(1)), 0);
    source.sequence_slot = NULL; /* another topic has a source of its own */
    assert_int_equal(missing(other_topic), 0);
    source.sequence_slot = NULL;
    assert_int_equal(missing(second), 0);
    assert_int_equal(missing(later), 2);
    assert_int_equal(missing(event(2)), 0);
}

static void memory_that_is_used_up_is_fatal(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange = event(9);
    exchange.arena = bus_arena_create(1);
    assert_int_equal(gateway_sequence(&states, &exchange, &error), BUS_FATAL);
    bus_arena_destroy(exchange.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_what_is_missing_before_an_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_begin_with_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_could_not_be_decoded_took_the_next_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_replay_and_nobodys_event_have_no_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_gateway_adds_itself_has_no_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_that_goes_back_is_no_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hostile_jump_is_counted_within_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_adapter_and_topic_counts_for_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_that_is_used_up_is_fatal, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
