/* Identify, between decode and validate: what follows from an event's own words. Its event id and record identity (bus/event.h), and
 * the canonical identifier and key of its subject (bus/subject.h).
 *
 * Works on many events, whose hashes are made side by side: one after the other they would be a fifth of the gateway's work.
 * It judges nothing; validate compares. */
#ifndef GATEWAY_IDENTIFY_H
#define GATEWAY_IDENTIFY_H

#include "gateway/exchange.h"

/* Of decoded events. Writes event_id, record, subject (its identifier is empty when the subject id is none) and subject_key. Of a
 * record key that is too long, which validate refuses, the two hashes are of no use. */
void gateway_identify(const struct bus_subject_keyer *keyer, struct gateway_exchange *const *exchanges, size_t count);

#endif
