#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/agents.h"

enum { NOW_MS = 1000000 };

static struct cli_agent_order orders[] = {
    {.kind = BUS_AGENT_PAUSE, .partition = -1, .leaf = -1, .at_ms = 1},
    {.kind = BUS_AGENT_RESUME, .partition = -1, .leaf = -1, .at_ms = 2},
    {.kind = BUS_AGENT_SKIP, .partition = 3, .leaf = 70, .at_ms = 3},
    {.kind = BUS_AGENT_PAUSE, .partition = -1, .leaf = -1, .at_ms = 4},
    {.kind = BUS_AGENT_RESEND, .partition = -1, .leaf = -1, .at_ms = 5},
};

static struct cli_subscriber_agents with_orders(size_t count)
{
    return (struct cli_subscriber_agents){.orders = orders, .order_count = count};
}

static void the_last_pause_or_resume_counts(void **unused)
{
    (void)unused;
    for (size_t count = 0; count <= sizeof orders / sizeof orders[0]; count++) {
        struct cli_subscriber_agents agents = with_orders(count);
        const struct cli_agent_order *pause = cli_agents_pause(&agents);
        assert_ptr_equal(pause, count == 1 ? &orders[0] : count >= 4 ? &orders[3] : NULL);
    }
}

static void a_skip_is_of_one_delivery_alone(void **unused)
{
    (void)unused;
    struct cli_subscriber_agents agents = with_orders(5);
    assert_ptr_equal(cli_agents_skip_of(&agents, 3, 70), &orders[2]);
    assert_null(cli_agents_skip_of(&agents, 3, 71));
    assert_null(cli_agents_skip_of(&agents, 2, 70));
}

/* A partition that moved from one agent to another was told of by both. */
static void the_newest_word_about_a_partition_counts(void **unused)
{
    (void)unused;
    struct bus_agent_lane old = {.partition = 2, .size = 10}, new = {.partition = 2, .size = 12};
    struct bus_agent_status of[] = {
        {.at_ms = 5, .lanes = &new, .lane_count = 1},
        {.at_ms = 4, .lanes = &old, .lane_count = 1},
    };
    struct cli_subscriber_agents agents = {.of = of, .count = 2};
    assert_ptr_equal(cli_agents_lane(&agents, 2), &new);
    assert_null(cli_agents_lane(&agents, 3));
}

static void an_agent_is_silent_when_its_status_is_old_unless_it_stopped(void **unused)
{
    (void)unused;
    struct bus_agent_status status = {.state = BUS_AGENT_WORKING, .at_ms = NOW_MS - CLI_AGENT_SILENT_MS};
    assert_string_equal(cli_agent_state(&status, NOW_MS)->name, "WORKING");
    assert_string_equal(cli_agent_state(&status, NOW_MS + 1)->name, "SILENT");
    status.state = BUS_AGENT_PAUSED;
    assert_string_equal(cli_agent_state(&status, NOW_MS + 1)->name, "SILENT");
    status.state = BUS_AGENT_STOPPED;
    assert_string_equal(cli_agent_state(&status, NOW_MS + 1)->name, "STOPPED");
}

static void the_lane_that_waits_longest_is_told(void **unused)
{
    (void)unused;
    struct bus_agent_lane lanes[] = {
        {.partition = 0}, {.partition = 1, .waits_since_ms = 30}, {.partition = 2, .waits_since_ms = 20}};
    struct bus_agent_status status = {.lanes = lanes, .lane_count = 3};
    size_t count;
    assert_ptr_equal(cli_agent_waiting(&status, &count), &lanes[2]);
    assert_int_equal(count, 2);
    status.lane_count = 1;
    assert_null(cli_agent_waiting(&status, &count));
    assert_int_equal(count, 0);
}

static void every_state_and_order_has_its_word(void **unused)
{
    (void)unused;
    for (int state = 0; state < BUS_AGENT_STATE_COUNT; state++) {
        struct bus_agent_status status = {.state = (enum bus_agent_state)state, .at_ms = NOW_MS};
        assert_string_equal(cli_agent_state(&status, NOW_MS)->name, bus_agent_state_name(status.state));
    }
    for (int kind = 0; kind < BUS_AGENT_ORDER_COUNT; kind++)
        assert_string_equal(cli_agent_order_word((enum bus_agent_order_kind)kind)->name,
                            bus_agent_order_name((enum bus_agent_order_kind)kind));
    assert_string_equal(cli_agent_sink("province")->zh, "省平台");
    assert_string_equal(cli_agent_sink("pigeon")->zh, "pigeon");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_pause_or_resume_counts),
        cmocka_unit_test(a_skip_is_of_one_delivery_alone),
        cmocka_unit_test(the_newest_word_about_a_partition_counts),
        cmocka_unit_test(an_agent_is_silent_when_its_status_is_old_unless_it_stopped),
        cmocka_unit_test(the_lane_that_waits_longest_is_told),
        cmocka_unit_test(every_state_and_order_has_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
