/* Reading how agents stand and what they were ordered: the last partition of each xq.agent.<subscriber>, all at once. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/topics.h"
#include "cli/agents.h"
#include "cli/scan.h"

enum { FIRST_CAPACITY = 4 };

/* Room for one more; NULL past `most` or out of memory. */
static void *make_room(void *of, size_t count, size_t *capacity, size_t size, size_t most)
{
    if (count < *capacity)
        return of;
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
    void *grown = count < most ? realloc(of, wanted * size) : NULL;
    if (grown != NULL)
        *capacity = wanted;
    return grown;
}

static void copy_text(struct bus_bytes text, char *out_text, size_t size)
{
    size_t length = text.length < size - 1 ? text.length : size - 1;
    if (length > 0)
        memcpy(out_text, text.data, length);
    out_text[length] = '\0';
}

static enum bus_status take_order(struct cli_subscriber_agents *agents, struct bus_bytes value, struct bus_error *error)
{
    struct bus_agent_order order;
    if (bus_agent_order_decode(value, &order, error) != BUS_OK)
        return BUS_OK; /* its agents leave it aside too */
    struct cli_agent_order *grown =
        make_room(agents->orders, agents->order_count, &agents->order_capacity, sizeof *agents->orders, CLI_ORDERS_MAX);
    if (grown == NULL)
        return bus_fail(error, BUS_FATAL, "more than %d orders, or out of memory", CLI_ORDERS_MAX);
    agents->orders = grown;
    struct cli_agent_order *kept = &agents->orders[agents->order_count++];
    *kept = (struct cli_agent_order){
        .kind = order.kind, .partition = order.partition, .leaf = order.leaf, .at_ms = order.at_ms};
    copy_text(order.subject, kept->subject, sizeof kept->subject);
    copy_text(order.officer, kept->officer, sizeof kept->officer);
    copy_text(order.reason, kept->reason, sizeof kept->reason);
    return BUS_OK;
}

static void forget(struct cli_subscriber_agents *agents, size_t index)
{
    bus_agent_status_release(&agents->of[index]);
    agents->of[index] = agents->of[--agents->count];
}

/* The last of an instance counts; a null takes it away. */
static enum bus_status take_status(struct cli_subscriber_agents *agents, struct bus_bytes instance,
                                   struct bus_bytes value, struct bus_error *error)
{
    struct bus_agent_status told;
    for (size_t i = 0; i < agents->count; i++)
        if (bus_bytes_equal_text(instance, agents->of[i].instance)) {
            forget(agents, i);
            break;
        }
    if (value.data == NULL)
        return BUS_OK;
    enum bus_status status = bus_agent_status_decode(value, &told, error);
    if (status == BUS_REJECT)
        return BUS_OK; /* of another release */
    if (status != BUS_OK)
        return status;
    struct bus_agent_status *grown =
        make_room(agents->of, agents->count, &agents->capacity, sizeof *agents->of, CLI_AGENTS_MAX);
    if (grown == NULL) {
        bus_agent_status_release(&told);
        return bus_fail(error, BUS_FATAL, "more than %d agents of one subscriber, or out of memory", CLI_AGENTS_MAX);
    }
    agents->of = grown;
    agents->of[agents->count++] = told;
    return BUS_OK;
}

static enum bus_status take_record(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct cli_agents *agents = self;
    size_t at = 0;
    while (at < agents->count && strcmp(agents->of[at].topic, message->topic) != 0)
        at++;
    if (at == agents->count || message->key.length == 0)
        return BUS_OK;
    struct bus_bytes rest = bus_bytes_of(message->key.data + 1, message->key.length - 1);
    switch (message->key.data[0]) {
    case 'S': return take_status(&agents->of[at], rest, message->value, error);
    case 'O': return message->value.data == NULL ? BUS_OK : take_order(&agents->of[at], message->value, error);
    default: return BUS_OK;
    }
}

static enum bus_status list_subscribers(const struct cli_context *context, const struct bus_catalogue *catalogue,
                                        const struct bus_subscriber *only, struct cli_agents *agents,
                                        struct bus_error *error)
{
    size_t count = bus_catalogue_subscriber_count(catalogue);
    agents->of = calloc(count + 1, sizeof *agents->of);
    if (agents->of == NULL)
        return bus_fail(error, BUS_FATAL, "read agents: out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        if (only != NULL && subscriber != only)
            continue;
        struct cli_subscriber_agents *of = &agents->of[agents->count++];
        of->subscriber = subscriber;
        bus_topic_agent(context->prefix, subscriber->name, of->topic);
    }
    return BUS_OK;
}

/* Fills the partitions of those whose topic exists. */
static enum bus_status find_topics(const struct cli_context *context, struct cli_agents *agents,
                                   struct bus_error *error)
{
    char prefix[BUS_AGENT_TOPIC_SIZE];
    struct bus_topic_found *found = NULL;
    size_t count = 0;
    bus_topic_agent(context->prefix, "", prefix);
    enum bus_status status = bus_topics_list(&context->kafka, prefix, &found, &count, error);
    for (size_t i = 0; status == BUS_OK && i < agents->count; i++)
        for (size_t j = 0; j < count; j++)
            if (strcmp(found[j].name, agents->of[i].topic) == 0)
                agents->of[i].partitions = found[j].partitions - 1;
    free(found);
    return status;
}

static enum bus_status read_topics(const struct cli_context *context, struct cli_agents *agents,
                                   struct bus_error *error)
{
    struct bus_partition *places = calloc(agents->count + 1, sizeof *places);
    size_t count = 0;
    if (places == NULL)
        return bus_fail(error, BUS_FATAL, "read agents: out of memory");
    for (size_t i = 0; i < agents->count; i++)
        if (agents->of[i].partitions > 0)
            places[count++] =
                (struct bus_partition){agents->of[i].topic, agents->of[i].partitions, BUS_OFFSET_BEGINNING};
    enum bus_status status =
        count == 0 ? BUS_OK : cli_scan_places(&context->kafka, places, count, take_record, agents, error);
    free(places);
    return status;
}

static int by_instance(const void *left, const void *right)
{
    return strcmp(((const struct bus_agent_status *)left)->instance,
                  ((const struct bus_agent_status *)right)->instance);
}

enum bus_status cli_agents_read(struct cli_context *context, const struct bus_catalogue *catalogue,
                                const struct bus_subscriber *only, struct cli_agents *out_agents,
                                struct bus_error *error)
{
    *out_agents = (struct cli_agents){.now_ms = bus_clock_now_ms(&context->clock)};
    enum bus_status status = list_subscribers(context, catalogue, only, out_agents, error);
    if (status == BUS_OK)
        status = find_topics(context, out_agents, error);
    if (status == BUS_OK)
        status = read_topics(context, out_agents, error);
    for (size_t i = 0; status == BUS_OK && i < out_agents->count; i++)
        if (out_agents->of[i].count > 1)
            qsort(out_agents->of[i].of, out_agents->of[i].count, sizeof *out_agents->of[i].of, by_instance);
    return status;
}

void cli_agents_release(struct cli_agents *agents)
{
    for (size_t i = 0; i < agents->count; i++) {
        for (size_t j = 0; j < agents->of[i].count; j++)
            bus_agent_status_release(&agents->of[i].of[j]);
        free(agents->of[i].of);
        free(agents->of[i].orders);
    }
    free(agents->of);
    *agents = (struct cli_agents){0};
}
