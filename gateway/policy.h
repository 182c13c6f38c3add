/* Policy: the catalogue in force and the views made from it, as one thing that is replaced whole or not at all. */
#ifndef GATEWAY_POLICY_H
#define GATEWAY_POLICY_H

#include "bus/view.h"

struct gateway_policy {
    struct bus_catalogue *catalogue;
    struct bus_views *views;
};

/* Statuses and messages of bus_catalogue_load and bus_views_create; FATAL also when a portfolio is not there to be read. */
BUS_MUST_CHECK enum bus_status gateway_policy_load(const char *path, struct gateway_policy *out_policy,
                                                   struct bus_error *error);
void gateway_policy_release(struct gateway_policy *policy);

/* Loads what is to take the place of `current`. FATAL: it cannot be loaded, or changes what a running gateway cannot change.
 * *out_changed: its version is another; otherwise `out_next` is empty. `tell`: what is different goes to the log. */
BUS_MUST_CHECK enum bus_status gateway_policy_load_next(const struct gateway_policy *current, const char *path,
                                                        bool tell, struct gateway_policy *out_next, bool *out_changed,
                                                        struct bus_error *error);

/* WARN for a year of `now_ms` or the months to come whose public holidays the calendar does not know. */
void gateway_policy_check_calendar(const struct gateway_policy *policy, int64_t now_ms);

#endif
