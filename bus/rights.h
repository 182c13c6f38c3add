/* Rights: dispute, request for correction, repair and restriction, as events of the department "rights" (docs/rights.md,
 * schemas/rights/). The envelope's subject is the subject of the record that they are about; the record key is "rights|<case number>". */
#ifndef BUS_RIGHTS_H
#define BUS_RIGHTS_H

#include "bus/catalogue.h"

/* The steps of a case. Values are stored in state. */
enum bus_rights_step {
    BUS_RIGHTS_NO_STEP,
    BUS_RIGHTS_OPENED,   /* dispute, correction */
    BUS_RIGHTS_UPHELD,   /* dispute, correction: the department owes a correction */
    BUS_RIGHTS_REJECTED, /* dispute, correction */
    BUS_RIGHTS_DECIDED,  /* repair */
    BUS_RIGHTS_REVOKED,  /* repair */
    BUS_RIGHTS_IMPOSED,  /* restriction */
    BUS_RIGHTS_LIFTED,   /* restriction */
    BUS_RIGHTS_STEP_COUNT
};

/* A rights event's own fields; views borrow from the datum. */
struct bus_rights {
    enum bus_rights_kind kind;
    enum bus_rights_step step;
    struct bus_bytes case_number, target_department, target_item, target_record_key;
    struct bus_bytes authority; /* a department's name, or "exchange" */
    struct bus_bytes document_number;
    int32_t decided_on; /* days since 1970-01-01 */
    bool public_only;   /* restriction: scope PUBLIC */
};

/* dispute, correction, repair, restriction: the item's name; and back, NONE when it is none. */
const char *bus_rights_kind_name(enum bus_rights_kind kind);
enum bus_rights_kind bus_rights_kind_parse(struct bus_bytes name);
const char *bus_rights_step_name(enum bus_rights_step step); /* OPENED, … */
/* Whether `step` may follow `last` (NO_STEP: a new case) in a case of this kind. The same step once more is a correction of the
 * case's particulars (another document number, a longer term to answer): it may follow, and does nothing to the record. */
bool bus_rights_may_follow(enum bus_rights_kind kind, enum bus_rights_step last, enum bus_rights_step step);
/* Reads a walked PUT of a rights item, whose required fields are validated. REJECT RIGHTS_STEP: a step that this kind does not have. */
BUS_MUST_CHECK enum bus_status bus_rights_read(const struct bus_item *item, const struct bus_item_version *version,
                                               struct bus_bytes datum, const struct bus_span *spans,
                                               struct bus_rights *out_rights, struct bus_error *error);
/* The authority that an officer of the exchange acts for. */
#define BUS_RIGHTS_EXCHANGE "exchange"
/* In a rule of the catalogue: the department whose record it is. */
#define BUS_RIGHTS_OWN "own"
/* Whether `authority` may take part in such a case about a record of `target`. */
bool bus_rights_may(const struct bus_rights_rule *rule, struct bus_bytes authority, const struct bus_item *target);

#endif
