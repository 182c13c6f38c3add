/* Verify: the statement of a check on the spot, held against pinned keys. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "cli/command.h"

/* Prints whether the statement is its subscriber's, and, with the file of the answer in JSON, whether that holds the records that were signed
 * and proofs that are good. Returns an enum cli_exit. */
int cli_verify_statement(const struct cli_context *context, struct bus_bytes text, const char *answer_path);

#endif
