#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/agent_order.h"
#include "bus/topics.h"

enum { PARTITIONS = 8 };

static struct bus_catalogue *catalogue;

static int load(void **unused)
{
    (void)unused;
    struct bus_error error;
    return bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK ? 0 : -1;
}

static int unload(void **unused)
{
    (void)unused;
    bus_catalogue_destroy(catalogue);
    return 0;
}

static struct bus_topic_plan *plan(size_t *out_count)
{
    struct bus_topic_plan *plans = NULL;
    struct bus_error error;
    assert_int_equal(bus_topics_plan(catalogue, "xq.", PARTITIONS, &plans, out_count, &error), BUS_OK);
    return plans;
}

static const struct bus_topic_plan *find(const struct bus_topic_plan *plans, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(plans[i].name, name) == 0)
            return &plans[i];
    return NULL;
}

static void every_topic_is_planned_once_and_says_what_it_is_for(void **unused)
{
    (void)unused;
    size_t count;
    struct bus_topic_plan *plans = plan(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(find(plans, count, plans[i].name), &plans[i]);
        assert_true(plans[i].meaning_zh[0] != '\0' && plans[i].meaning_en[0] != '\0');
    }
    free(plans);
}

static void every_item_and_subscriber_has_its_topic(void **unused)
{
    (void)unused;
    size_t count;
    char topic[BUS_TOPIC_SIZE];
    struct bus_topic_plan *plans = plan(&count);
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        bus_topic_in("xq.", bus_catalogue_item(catalogue, i), topic);
        assert_non_null(find(plans, count, topic));
    }
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        bus_topic_out("xq.", bus_catalogue_subscriber(catalogue, i)->name, topic);
        assert_non_null(find(plans, count, topic));
    }
    free(plans);
}

/* One partition of memory beside each of the log, and one for what all agents say and are told. */
static void every_subscriber_has_a_compacted_topic_of_its_agents_with_one_partition_more(void **unused)
{
    (void)unused;
    size_t count;
    char topic[BUS_AGENT_TOPIC_SIZE];
    struct bus_topic_plan *plans = plan(&count);
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        bus_topic_agent("xq.", bus_catalogue_subscriber(catalogue, i)->name, topic);
        const struct bus_topic_plan *agent = find(plans, count, topic);
        assert_non_null(agent);
        assert_int_equal(agent->partitions, PARTITIONS + 1);
        assert_true(agent->compacted);
        assert_int_equal(agent->retention_ms, -1);
    }
    free(plans);
}

/* A worker meets a request in each partition that it owns, and who asked can be read for years. */
static void requests_have_every_partition_and_are_kept_for_years(void **unused)
{
    (void)unused;
    size_t count;
    struct bus_topic_plan *plans = plan(&count);
    const struct bus_topic_plan *requests = find(plans, count, "xq." BUS_TOPIC_REQUESTS);
    assert_non_null(requests);
    assert_int_equal(requests->partitions, PARTITIONS);
    assert_false(requests->compacted);
    assert_true(requests->retention_ms >= INT64_C(3) * 365 * 24 * 3600 * 1000);
    free(plans);
}

static void state_books_and_positions_are_compacted_for_ever(void **unused)
{
    (void)unused;
    static const char *const names[] = {"xq.state", "xq.books", "xq.positions"};
    size_t count;
    struct bus_topic_plan *plans = plan(&count);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct bus_topic_plan *found = find(plans, count, names[i]);
        assert_non_null(found);
        assert_true(found->compacted);
        assert_int_equal(found->retention_ms, -1);
    }
    assert_int_equal(find(plans, count, "xq.positions")->partitions, 1);
    free(plans);
}

/* What was ordered once still counts, and who ordered it can always be read; of the statuses the last counts. */
static void orders_are_kept_for_ever_and_statuses_of_feeds_compacted(void **unused)
{
    (void)unused;
    size_t count;
    struct bus_topic_plan *plans = plan(&count);
    const struct bus_topic_plan *orders = find(plans, count, "xq." BUS_TOPIC_ORDERS);
    const struct bus_topic_plan *feeds = find(plans, count, "xq." BUS_TOPIC_FEEDS);
    assert_non_null(orders);
    assert_non_null(feeds);
    assert_int_equal(orders->partitions, 1);
    assert_false(orders->compacted);
    assert_int_equal(orders->retention_ms, -1);
    assert_int_equal(feeds->partitions, 1);
    assert_true(feeds->compacted);
    free(plans);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_topic_is_planned_once_and_says_what_it_is_for),
        cmocka_unit_test(every_item_and_subscriber_has_its_topic),
        cmocka_unit_test(every_subscriber_has_a_compacted_topic_of_its_agents_with_one_partition_more),
        cmocka_unit_test(requests_have_every_partition_and_are_kept_for_years),
        cmocka_unit_test(state_books_and_positions_are_compacted_for_ever),
        cmocka_unit_test(orders_are_kept_for_ever_and_statuses_of_feeds_compacted),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
