#include "gateway/topics.h"

#include <stdlib.h>

static enum bus_status compare(const struct bus_topic_plan *plans, size_t plan_count,
                               const struct bus_topic_found *found, size_t found_count, struct bus_error *error)
{
    for (size_t i = 0; i < plan_count; i++) {
        size_t j = 0;
        while (j < found_count && strcmp(found[j].name, plans[i].name) != 0)
            j++;
        if (j == found_count)
            return bus_fail(error, BUS_RETRY, "topic %s does not exist: run xinqiao topics create", plans[i].name);
        if (found[j].partitions != plans[i].partitions)
            return bus_fail(error, BUS_FATAL, "topic %s has %d partitions, the configuration says %d", plans[i].name,
                            found[j].partitions, plans[i].partitions);
    }
    return BUS_OK;
}

enum bus_status gateway_topics_check(const struct bus_kafka *kafka, const struct bus_catalogue *catalogue,
                                     const char *prefix, int32_t partitions, struct bus_error *error)
{
    struct bus_topic_plan *plans = NULL;
    struct bus_topic_found *found = NULL;
    size_t plan_count = 0, found_count = 0;
    enum bus_status status = bus_topics_plan(catalogue, prefix, partitions, &plans, &plan_count, error);
    if (status == BUS_OK)
        status = bus_topics_list(kafka, prefix, &found, &found_count, error);
    if (status == BUS_OK)
        status = compare(plans, plan_count, found, found_count, error);
    free(plans);
    free(found);
    return status;
}
