/* Meter: where a worker's processor time goes, by stage, and how much went through.
 *
 * Stages run over many events where they can, so that the clock is read now and then and not a few times an event. */
#ifndef GATEWAY_METER_H
#define GATEWAY_METER_H

#include <stdint.h>

enum gateway_phase {
    GATEWAY_PHASE_GATHER, /* taking records from the consumer */
    GATEWAY_PHASE_DECODE,
    GATEWAY_PHASE_VALIDATE,
    GATEWAY_PHASE_RECONCILE, /* reading state included */
    GATEWAY_PHASE_AUTHORISE,
    GATEWAY_PHASE_PROJECT,
    GATEWAY_PHASE_BOOKS, /* counting, and the books' new bytes */
    GATEWAY_PHASE_SEAL,
    GATEWAY_PHASE_SETTLE, /* audit, quarantine, producing */
    GATEWAY_PHASE_COMMIT,
    GATEWAY_PHASE_STATE, /* writing state after the commit */
    GATEWAY_PHASE_COUNT
};

struct gateway_meter {
    int64_t
        cpu_ns[GATEWAY_PHASE_COUNT]; /* of the worker's own thread; librdkafka's threads are in the process's total */
    int64_t batches, events, deliveries;
    int64_t lap_ns;
    int64_t told_ms, told_events;
};

/* Starts the clock; what the thread did before belongs to nobody. */
void gateway_meter_start(struct gateway_meter *meter);
/* What the thread used since the last start or lap goes to `phase`. */
void gateway_meter_lap(struct gateway_meter *meter, enum gateway_phase phase);
/* The same, divided between two phases that ran in turns, in the proportion of `first_ticks` to `second_ticks`. */
void gateway_meter_lap_divided(struct gateway_meter *meter, enum gateway_phase first, uint64_t first_ticks,
                               enum gateway_phase second, uint64_t second_ticks);
/* A cheap counter for that proportion. */
uint64_t gateway_meter_ticks(void);

/* One INFO line "gateway meter" with the totals since the start; `every_ms` > 0: only when that long has passed and something
 * went through. */
void gateway_meter_tell(struct gateway_meter *meter, int64_t every_ms);

#endif
