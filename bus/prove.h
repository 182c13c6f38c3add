/* Prove: finds the proof of one delivery in its log on Kafka (bus/proof.h says what a proof is). */
#ifndef BUS_PROVE_H
#define BUS_PROVE_H

#include "bus/producer.h"
#include "bus/proof.h"

/* A reader of one log, for one proof after the other: opening takes a second, finding the next one milliseconds. */
struct bus_prover;
BUS_MUST_CHECK enum bus_status bus_prover_open(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                               struct bus_prover **out_prover, struct bus_error *error);
void bus_prover_close(struct bus_prover *prover);
/* Reads the log up to the seal that covers the leaf; `proof` is initialised. REJECT: there is no such sealed leaf, or the log no longer
 * holds what is needed. RETRY: Kafka is away, or the deadline (bus_clock_monotonic_ms, 0 = none) is over. */
BUS_MUST_CHECK enum bus_status bus_prover_find(struct bus_prover *prover, uint64_t leaf, int64_t deadline_ms,
                                               struct bus_proof *proof, struct bus_error *error);
/* All three, for a single proof. */
BUS_MUST_CHECK enum bus_status bus_prove_leaf(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                              uint64_t leaf, struct bus_proof *proof, struct bus_error *error);

#endif
