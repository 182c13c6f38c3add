#include "cli/losses.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/quarantine.h"
#include "bus/topics.h"
#include "cli/scan.h"

enum { MAX_LOSSES = 100000 };

void cli_losses_release(struct cli_losses *losses)
{
    free(losses->of);
    *losses = (struct cli_losses){0};
}

static void copy_name(char *to, size_t size, struct bus_bytes name)
{
    snprintf(to, size, "%.*s", (int)name.length, (const char *)name.data);
}

static struct cli_loss *add(struct cli_losses *losses)
{
    if (losses->count == losses->capacity) {
        size_t capacity = losses->capacity == 0 ? 16 : 2 * losses->capacity;
        struct cli_loss *of = capacity > MAX_LOSSES ? NULL : realloc(losses->of, capacity * sizeof *of);
        if (of == NULL)
            return NULL;
        losses->of = of;
        losses->capacity = capacity;
    }
    return &losses->of[losses->count++];
}

static enum bus_status take(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct bus_quarantined found;
    char range[CLI_LOSS_NAME_SIZE];
    long long from, to;
    if (message->value.data == NULL || bus_quarantine_decode(message->value, &found, error) != BUS_OK ||
        found.severity != BUS_SEVERITY_NOTICE || !bus_bytes_equal_text(found.code, BUS_QUARANTINE_GAP) ||
        !bus_bytes_equal_text(found.stage, "reconcile")) /* a receiver's own code may be any */
        return BUS_OK; /* what is no quarantine record is told by xinqiao quarantine */
    copy_name(range, sizeof range, found.source);
    if (sscanf(range, "%lld..%lld", &from, &to) != 2)
        return BUS_OK;
    struct cli_loss *loss = add(self);
    if (loss == NULL)
        return bus_fail(error, BUS_FATAL, "read the losses: out of memory, or more than %d", MAX_LOSSES);
    *loss = (struct cli_loss){
        .partition = found.partition, .from = from, .to = to, .offset = found.offset, .at_ms = found.at_ms};
    copy_name(loss->department, sizeof loss->department, found.department);
    copy_name(loss->item, sizeof loss->item, found.item);
    copy_name(loss->adapter, sizeof loss->adapter, found.adapter);
    copy_name(loss->topic, sizeof loss->topic, found.topic);
    return BUS_OK;
}

enum bus_status cli_losses_read(const struct cli_context *context, struct cli_losses *out_losses,
                                struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    *out_losses = (struct cli_losses){0};
    bus_topic_named(context->prefix, BUS_TOPIC_QUARANTINE, topic);
    return cli_scan(&context->kafka, topic, CLI_ALL_PARTITIONS, take, out_losses, error);
}
