/* Pipeline: stages 1 to 5 in order over a batch (design section 5). It decides who goes on; the stages do the work.
 *
 * Usable without Kafka: what it needs of the world is in the options, and settle takes the result to an outlet of any kind. */
#ifndef GATEWAY_PIPELINE_H
#define GATEWAY_PIPELINE_H

#include "gateway/batch.h"
#include "gateway/meter.h"
#include "gateway/state/state.h"

struct gateway_pipeline_options {
    const struct bus_catalogue *catalogue;
    const struct bus_views *views;
    const struct bus_portfolios *portfolios; /* NULL when no grant has one */
    const struct bus_subject_keyer *keyer;
    const char *prefix;
    int32_t partitions;
    const struct gateway_states *states; /* those of every partition that a batch may hold */
    struct gateway_meter *meter;
};

struct gateway_pipeline;

/* All options are borrowed. FATAL: a schema asks for what does not exist, or out of memory. */
BUS_MUST_CHECK enum bus_status gateway_pipeline_create(const struct gateway_pipeline_options *options,
                                                       struct gateway_pipeline **out_pipeline, struct bus_error *error);
void gateway_pipeline_destroy(struct gateway_pipeline *pipeline);

/* Runs every exchange as far as it goes: refused (exchange->refusal), ended in reconcile (verdict), or with deliveries. Changes
 * states and counts; when it fails, or the transaction does, gateway_state_discard takes that back. RETRY, FATAL: no
 * verdict on the batch. */
BUS_MUST_CHECK enum bus_status gateway_pipeline_run(struct gateway_pipeline *pipeline, struct gateway_batch *batch,
                                                    int64_t now_ms, struct bus_error *error);

#endif
