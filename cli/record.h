/* Record: a record's life written out by `xinqiao record show`. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "cli/life.h"
#include "cli/receipts.h"

extern const char *const cli_record_operations[]; /* by enum bus_operation */

/* Open disputes and requests about the record; a case has none. */
unsigned cli_record_disputes(const struct cli_life *life, const struct bus_state_entry *entry);
/* How the record stood then, the weightiest word first; at least one. */
size_t cli_record_status(const struct cli_life *life, const struct cli_life_state *state,
                         const struct cli_word *out_words[CLI_STATUS_MAX]);
/* The subscriber at `index` of the catalogue when it is among the holders, NULL otherwise. */
const struct bus_subscriber *cli_record_holder(const struct bus_catalogue *catalogue, uint64_t holders, size_t index);
/* How its last delivery to that subscriber stands; UNSIGNED when there is none. */
enum cli_arrival cli_record_arrival(const struct cli_life *life, const struct cli_arrivals *arrivals,
                                    const struct bus_subscriber *subscriber);
void cli_record_write_json(const struct bus_catalogue *catalogue, const struct cli_life *life,
                           const struct cli_arrivals *arrivals, struct bus_buffer *buffer);

#endif
