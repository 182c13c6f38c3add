/* Round: what a worker does over and over. It gathers the events that wait, then a slice of what falls due by the calendar and a slice of
 * the resyncs under way, sends all through the pipeline, and settles it in one transaction.
 *
 * Slices are small while events come, so that none waits long behind one, and grow while none do. */
#ifndef GATEWAY_ROUND_H
#define GATEWAY_ROUND_H

#include "bus/clock.h"
#include "gateway/changelog.h"
#include "gateway/meter.h"
#include "gateway/outlet.h"
#include "gateway/policy.h"
#include "gateway/settings.h"
#include "gateway/settle.h"

struct gateway_round_options {
    const struct gateway_settings *settings;
    const struct bus_subject_keyer *keyer;
    const struct gateway_states *states;
    struct gateway_changelog_reader *reader;
    struct gateway_kafka_outlet *outlet;
    struct gateway_settle *settle;
    struct gateway_meter *meter;
    struct bus_clock *clock;
    void (*alive)(void *self); /* called now and then */
    void *self;
};

struct gateway_round;

/* Everything is borrowed. FATAL: out of memory, or a catalogue that the pipeline cannot run. */
BUS_MUST_CHECK enum bus_status gateway_round_create(const struct gateway_round_options *options,
                                                    const struct gateway_policy *policy,
                                                    const struct bus_portfolios *portfolios,
                                                    struct gateway_round **out_round, struct bus_error *error);
void gateway_round_destroy(struct gateway_round *round);
/* Another policy from the next round on; when it fails the one before stays in force. */
BUS_MUST_CHECK enum bus_status gateway_round_set_policy(struct gateway_round *round,
                                                        const struct gateway_policy *policy,
                                                        const struct bus_portfolios *portfolios,
                                                        struct bus_error *error);

/* One round; waits a moment for events when there is nothing else to do. Aborted transactions are told, waited for and done again by the
 * rounds that follow. FATAL: the process must end. */
BUS_MUST_CHECK enum bus_status gateway_round_run(struct gateway_round *round, struct bus_error *error);

/* Forgets what was gathered: it is read again by whoever owns it next. */
void gateway_round_drop(struct gateway_round *round);
/* Other partitions, or another portfolio: what is due is looked for anew. */
void gateway_round_look_again(struct gateway_round *round);

#endif
