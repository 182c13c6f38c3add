/* Sequence, the first of stage 3: the gap-free numbers that each adapter gives the events of each in topic and partition. A jump proves
 * that events vanished on the way. */
#ifndef GATEWAY_SEQUENCE_H
#define GATEWAY_SEQUENCE_H

#include "gateway/exchange.h"
#include "gateway/state/state.h"

/* For every event in the order of its topic, refused ones too; does nothing with a replayed one, one without an adapter's name, or an
 * exchange of another cause. Numbers begin with 1; an event that has none, because it could not be decoded, took the next. Writes
 * exchange->gap, counts what is missing in its source, and keeps the number in the state. A number that went back is logged and no loss:
 * numbers go on from there. FATAL: the state, or memory. */
BUS_MUST_CHECK enum bus_status gateway_sequence(const struct gateway_states *states, struct gateway_exchange *exchange,
                                                struct bus_error *error);

#endif
