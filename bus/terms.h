/* Terms: when a record's publicity and retention end, and when its department is to be reminded, by the rules of the catalogue
 * (bus_term). Standards: NDRC Order 36 (repair, publicity), the five years of the credit bureaus' rule, list terms (docs/rights.md). */
#ifndef BUS_TERMS_H
#define BUS_TERMS_H

#include "bus/calendar.h"
#include "bus/catalogue.h"

struct bus_terms; /* the catalogue's terms, their fields found in every version's schema */

/* Last days, days since 1970-01-01; INT32_MAX = none. */
struct bus_term_days {
    int32_t publicity, retention, watch;
};

/* Borrows both. FATAL: out of memory. */
BUS_MUST_CHECK enum bus_status bus_terms_create(const struct bus_catalogue *catalogue,
                                                const struct bus_calendar *calendar, struct bus_terms **out_terms,
                                                struct bus_error *error);
void bus_terms_destroy(struct bus_terms *terms);
/* Of a PUT. publicity_until of the envelope goes before the rules. Of a case of rights the only clock is `watch`: while it is open the
 * day by which it must be answered (answer_due_on, else the catalogue's rule), of a restriction its last day. Cheap when the item has no
 * terms. */
void bus_terms_find(const struct bus_terms *terms, const struct bus_item_version *version,
                    const struct bus_event *event, struct bus_bytes datum, const struct bus_span *spans,
                    struct bus_term_days *out_days);

#endif
