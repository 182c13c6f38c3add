#include "cli/standing.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/consumer.h"

enum { MAX_STANDINGS = 100000, POLL_MS = 500, QUIET_MS = 15000 };

void cli_standings_release(struct cli_standings *standings)
{
    free(standings->of);
    free(standings->topics);
    *standings = (struct cli_standings){0};
}

/* --- who reads what --- */

/* The group that reads the topic; false when none of ours does. */
static bool group_of(const struct cli_context *context, const char *topic, char group[CLI_GROUP_SIZE])
{
    const char *name = topic + strlen(context->prefix);
    if (strncmp(name, "in.", 3) == 0)
        snprintf(group, CLI_GROUP_SIZE, "%s", context->gateway_group);
    else if (strncmp(name, "out.", 4) == 0)
        snprintf(group, CLI_GROUP_SIZE, "%s%s", context->agent_group_prefix, name + 4);
    else
        return false;
    return true;
}

static enum bus_status find_readers(const struct cli_context *context, const char *prefix,
                                    struct cli_standings *standings, struct bus_error *error)
{
    char group[CLI_GROUP_SIZE];
    size_t total = 0;
    enum bus_status status =
        bus_topics_list(&context->kafka, prefix, &standings->topics, &standings->topic_count, error);
    if (status != BUS_OK)
        return status;
    for (size_t i = 0; i < standings->topic_count; i++)
        total += (size_t)standings->topics[i].partitions;
    if (total > MAX_STANDINGS)
        return bus_fail(error, BUS_FATAL, "look at %zu partitions: at most %d", total, MAX_STANDINGS);
    standings->of = calloc(total + 1, sizeof *standings->of);
    if (standings->of == NULL)
        return bus_fail(error, BUS_FATAL, "look at %zu partitions: out of memory", total);
    /* Topics come by name, so in topics stand before out topics, and those of one group together. */
    for (size_t i = 0; i < standings->topic_count; i++) {
        if (!group_of(context, standings->topics[i].name, group))
            continue;
        for (int32_t partition = 0; partition < standings->topics[i].partitions; partition++) {
            struct cli_standing *standing = &standings->of[standings->count++];
            *standing = (struct cli_standing){.topic = standings->topics[i].name, .partition = partition};
            memcpy(standing->group, group, sizeof group);
        }
    }
    return BUS_OK;
}

/* --- positions and ends --- */

/* All are one group's. Read uncommitted: an offset that a transaction is about to move is the old one still. */
static enum bus_status ask_positions(const struct bus_kafka *kafka, struct cli_standing *list, size_t count,
                                     struct bus_error *error)
{
    struct bus_consumer *consumer = NULL;
    struct bus_consumer_options options = {.group = list[0].group, .uncommitted = true};
    struct bus_partition *partitions = calloc(count, sizeof *partitions);
    if (partitions == NULL)
        return bus_fail(error, BUS_FATAL, "ask for positions: out of memory");
    for (size_t i = 0; i < count; i++)
        partitions[i] = (struct bus_partition){list[i].topic, list[i].partition, BUS_OFFSET_STORED};
    enum bus_status status = bus_consumer_open(kafka, &options, &consumer, error);
    if (status == BUS_OK)
        status = bus_consumer_committed(consumer, partitions, count, error);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        list[i].position = partitions[i].offset;
    bus_consumer_close(consumer);
    free(partitions);
    return status;
}

static enum bus_status ask_all_positions(const struct bus_kafka *kafka, struct cli_standings *standings,
                                         struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    struct cli_standing *of = standings->of;
    for (size_t first = 0, end; status == BUS_OK && first < standings->count; first = end) {
        for (end = first + 1; end < standings->count && strcmp(of[end].group, of[first].group) == 0;)
            end++;
        status = ask_positions(kafka, &of[first], end - first, error);
    }
    return status;
}

static enum bus_status ask_ends(struct bus_consumer *consumer, struct cli_standings *standings, struct bus_error *error)
{
    for (size_t i = 0; i < standings->count; i++) {
        struct cli_standing *standing = &standings->of[i];
        int64_t high;
        enum bus_status status = bus_consumer_watermarks(consumer, standing->topic, standing->partition,
                                                         &standing->first, &standing->stable, &high, error);
        if (status != BUS_OK)
            return status;
        standing->next = standing->stable;
    }
    return BUS_OK;
}

/* --- the first record that waits --- */

static int64_t start_of(const struct cli_standing *standing)
{
    return standing->position < standing->first ? standing->first : standing->position; /* also when there is none */
}

static struct cli_standing *standing_of(struct cli_standings *standings, const struct bus_message *message)
{
    for (size_t i = 0; i < standings->count; i++)
        if (standings->of[i].partition == message->partition && strcmp(standings->of[i].topic, message->topic) == 0)
            return &standings->of[i];
    return NULL;
}

/* The partition has told its first record, or that there is none but markers. */
static enum bus_status take_answer(struct bus_consumer *consumer, struct cli_standings *standings, bool *answered,
                                   const struct bus_message *message, size_t *waiting, struct bus_error *error)
{
    struct cli_standing *standing = standing_of(standings, message);
    if (standing == NULL || answered[standing - standings->of])
        return BUS_OK;
    answered[standing - standings->of] = true;
    --*waiting;
    if (message->handle != NULL && message->offset < standing->stable) {
        standing->next = message->offset;
        standing->oldest_ms = message->timestamp_ms;
    }
    struct bus_partition place = {standing->topic, standing->partition, 0};
    return bus_consumer_pause(consumer, &place, 1, error);
}

static enum bus_status look_for_first(struct bus_consumer *consumer, struct cli_standings *standings, bool *answered,
                                      size_t waiting, struct bus_error *error)
{
    int64_t heard_ms = bus_clock_monotonic_ms();
    while (waiting > 0) {
        struct bus_message message;
        enum bus_status status = bus_consumer_poll(consumer, POLL_MS, &message, error);
        if (status == BUS_OK && message.partition >= 0) {
            heard_ms = bus_clock_monotonic_ms();
            status = take_answer(consumer, standings, answered, &message, &waiting, error);
        }
        bus_message_release(&message);
        if (status == BUS_OK && bus_clock_monotonic_ms() - heard_ms > QUIET_MS)
            status = bus_fail(error, BUS_RETRY, "look for the first record that waits: Kafka does not answer");
        if (status != BUS_OK)
            return status;
    }
    return BUS_OK;
}

static enum bus_status find_first(struct bus_consumer *consumer, struct cli_standings *standings,
                                  struct bus_error *error)
{
    struct bus_partition *partitions = calloc(standings->count + 1, sizeof *partitions);
    bool *answered = calloc(standings->count + 1, sizeof *answered);
    size_t waiting = 0;
    enum bus_status status = BUS_OK;
    if (partitions == NULL || answered == NULL)
        status = bus_fail(error, BUS_FATAL, "look for what waits: out of memory");
    for (size_t i = 0; status == BUS_OK && i < standings->count; i++) {
        const struct cli_standing *standing = &standings->of[i];
        if (start_of(standing) < standing->stable)
            partitions[waiting++] = (struct bus_partition){standing->topic, standing->partition, start_of(standing)};
    }
    if (status == BUS_OK && waiting > 0)
        status = bus_consumer_assign(consumer, partitions, waiting, error);
    if (status == BUS_OK && waiting > 0)
        status = look_for_first(consumer, standings, answered, waiting, error);
    free(partitions);
    free(answered);
    return status;
}

/* Positions before ends, so that a reader that moves meanwhile is never ahead of its topic. */
enum bus_status cli_standings_read(const struct cli_context *context, const char *prefix,
                                   struct cli_standings *out_standings, struct bus_error *error)
{
    struct bus_consumer *consumer = NULL;
    *out_standings = (struct cli_standings){0};
    enum bus_status status = find_readers(context, prefix, out_standings, error);
    if (status == BUS_OK)
        status = ask_all_positions(&context->kafka, out_standings, error);
    if (status == BUS_OK)
        status = bus_consumer_open(&context->kafka, &(struct bus_consumer_options){0}, &consumer, error);
    if (status == BUS_OK)
        status = ask_ends(consumer, out_standings, error);
    if (status == BUS_OK)
        status = find_first(consumer, out_standings, error);
    out_standings->now_ms = bus_clock_now_ms(&context->clock);
    bus_consumer_close(consumer);
    return status;
}
