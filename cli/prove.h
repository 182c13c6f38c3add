/* Prove: a proof as a file. */
#ifndef CLI_PROVE_H
#define CLI_PROVE_H

#include "bus/proof.h"

/* Writes text to a new file that only its owner reads: the whole of it or none. FATAL: it exists already, or the disk. */
BUS_MUST_CHECK enum bus_status cli_write_private(const char *path, const struct bus_buffer *text,
                                                 struct bus_error *error);
/* The proof as such a file. */
BUS_MUST_CHECK enum bus_status cli_prove_write(const struct bus_proof *proof, const char *path,
                                               struct bus_error *error);

#endif
