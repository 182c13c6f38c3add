/* Foretell: what the gateway will say of a value that the adapter lets pass, as far as it can be known of one value alone: code lists, lengths,
 * check digits. The gateway's word counts (gateway/validate.h); this one only saves a bureau the way. */
#ifndef ADAPTERS_TRIAL_FORETELL_H
#define ADAPTERS_TRIAL_FORETELL_H

#include "adapters/engine/row.h"
#include "bus/catalogue.h"
#include "bus/datum.h"

/* REJECT with the gateway's code in `refusal` (FIELD_TOO_LONG, CODE_UNKNOWN, the codes of bus/identifier.h), its column the field's name. */
BUS_MUST_CHECK enum bus_status adapters_foretell(const struct bus_catalogue *catalogue, const struct bus_field *field,
                                                 const struct bus_value *value, struct adapters_refusal *refusal);

#endif
