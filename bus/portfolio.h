/* Portfolio: the subjects that a subscriber may follow under a grant, such as a bank its customers.
 *
 * A text file, one identifier a line (USCC, organisation code or citizen number; '#' begins a comment; kind follows from the shape,
 * or is given as "P " or "O " in front). Kept as sorted subject keys only: the identifiers are forgotten as soon as they are read. */
#ifndef BUS_PORTFOLIO_H
#define BUS_PORTFOLIO_H

#include "bus/catalogue.h"
#include "bus/subject.h"

enum { BUS_PORTFOLIO_MAX_SUBJECTS = 10000000, BUS_PORTFOLIO_MAX_COMPLAINTS = 100 };

struct bus_portfolios; /* those of all grants of a catalogue */

/* Loads every portfolio that the catalogue's grants name. Bad lines are logged as WARN with file, line and reason, never the
 * identifier, at most BUS_PORTFOLIO_MAX_COMPLAINTS a file and then their number; the rest is used. FATAL: a file cannot be read. */
BUS_MUST_CHECK enum bus_status bus_portfolios_load(const struct bus_catalogue *catalogue,
                                                   const struct bus_subject_keyer *keyer,
                                                   struct bus_portfolios **out_portfolios, struct bus_error *error);
void bus_portfolios_destroy(struct bus_portfolios *portfolios);
/* Looks whether files have changed on disk (size, mtime, inode) and reads those anew; one that cannot be read stays as it was, with a
 * WARN. True when any subject came or went. */
bool bus_portfolios_refresh(struct bus_portfolios *portfolios, const struct bus_subject_keyer *keyer);
bool bus_portfolios_has(const struct bus_portfolios *portfolios, const struct bus_grant *grant,
                        const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE]);
/* How many subjects the grant's portfolio has, and how many lines of its file were refused. */
void bus_portfolios_count(const struct bus_portfolios *portfolios, const struct bus_grant *grant, size_t *out_subjects,
                          size_t *out_refused);
/* XXH3-64 over the grant's subject keys; 0 when it has no portfolio. */
uint64_t bus_portfolios_digest(const struct bus_portfolios *portfolios, const struct bus_grant *grant);

#endif
