/* Prove: finding the proof of one delivery in its log, and writing it to a file. */
#ifndef CLI_PROVE_H
#define CLI_PROVE_H

#include "bus/producer.h"
#include "cli/proof.h"

/* Reads the log up to the seal that covers the leaf; `proof` is initialised. REJECT: there is no such sealed leaf, or the log no longer
 * holds what is needed. RETRY: Kafka is away. */
BUS_MUST_CHECK enum bus_status cli_prove_leaf(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                              uint64_t leaf, struct cli_proof *proof, struct bus_error *error);
/* Writes text to a new file that only its owner reads: the whole of it or none. FATAL: it exists already, or the disk. */
BUS_MUST_CHECK enum bus_status cli_write_private(const char *path, const struct bus_buffer *text,
                                                 struct bus_error *error);
/* The proof as such a file. */
BUS_MUST_CHECK enum bus_status cli_prove_write(const struct cli_proof *proof, const char *path,
                                               struct bus_error *error);

#endif
