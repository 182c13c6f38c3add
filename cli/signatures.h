/* Signatures: which agents' books their subscribers have signed (docs/formats-receipts.md, Books). */
#ifndef CLI_SIGNATURES_H
#define CLI_SIGNATURES_H

#include "cli/shelf.h"

/* Marks each agent's book of the part. A subscriber that has no folder of keys below `keys` signs nothing, and its books stay unmarked. FATAL:
 * a pinned key cannot be read. */
BUS_MUST_CHECK enum bus_status cli_signatures_check(const char *keys, const char *exchange, struct cli_shelf *shelf,
                                                    const struct cli_shelf_part *part, struct bus_error *error);
/* Whether a book of the part was found to be forged. */
bool cli_signatures_has_forged(const struct cli_shelf *shelf, const struct cli_shelf_part *part);

#endif
