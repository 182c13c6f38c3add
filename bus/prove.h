/* Prove: finds the proof of one delivery in its log on Kafka (bus/proof.h says what a proof is). */
#ifndef BUS_PROVE_H
#define BUS_PROVE_H

#include "bus/producer.h"
#include "bus/proof.h"

/* A reader of one log, for many proofs: opening takes a second, going to another place in the log half of one. */
struct bus_prover;
BUS_MUST_CHECK enum bus_status bus_prover_open(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                               struct bus_prover **out_prover, struct bus_error *error);
void bus_prover_close(struct bus_prover *prover);
/* A leaf whose proof is wanted. */
struct bus_prover_wish {
    uint64_t leaf;
    struct bus_proof *proof; /* initialised */
    /* OK: the proof is whole, and its path good. REJECT: there is no such sealed leaf, or the log no longer holds what is needed. RETRY: it was
     * not come to. */
    enum bus_status *status;
};
/* Reads the log up to the seals that cover the leaves, which rise from wish to wish. OK: each status says what became of it. RETRY: Kafka is
 * away, or the deadline (bus_clock_monotonic_ms, 0 = none) is over. When a status is REJECT the error says why, of the last one. */
BUS_MUST_CHECK enum bus_status bus_prover_find_all(struct bus_prover *prover, const struct bus_prover_wish *wishes,
                                                   size_t count, int64_t deadline_ms, struct bus_error *error);
/* All three, for a single proof: statuses as above. */
BUS_MUST_CHECK enum bus_status bus_prove_leaf(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                              uint64_t leaf, struct bus_proof *proof, struct bus_error *error);

#endif
