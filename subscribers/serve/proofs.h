/* Proofs: finds the proof of each record of an answer in the subscriber's topic, within bounds of number and time. */
#ifndef SUBSCRIBERS_SERVE_PROOFS_H
#define SUBSCRIBERS_SERVE_PROOFS_H

#include "subscribers/serve/store.h"

/* How it went with all of them. */
enum serve_proofs {
    SERVE_PROOFS_COMPLETE,
    SERVE_PROOFS_LEFT_OUT,    /* nobody asked for them */
    SERVE_PROOFS_PARTIAL,     /* each record without says why */
    SERVE_PROOFS_UNAVAILABLE, /* Kafka is away: none */
};

/* Fills `proof` or `proof_missing` of each record; texts live in the arena. Whatever happens the records stay. `out_reason`: why Kafka could
 * not be read, for UNAVAILABLE. */
enum serve_proofs serve_proofs_find(const struct serve_settings *settings, struct serve_holding *holding,
                                    struct bus_arena *arena, struct bus_error *out_reason);

#endif
