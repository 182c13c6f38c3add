/* Outcome: what one transaction of a test world published, to be looked at piece by piece; what nobody asked for is left over. */
#ifndef TEST_SUPPORT_OUTCOME_H
#define TEST_SUPPORT_OUTCOME_H

#include "bus/quarantine.h"
#include "bus/view.h"
#include "tests/support/world.h"

enum { TEST_OUTCOME_MAX = 1024, TEST_OUTCOME_TEXT_SIZE = 1200 };

struct test_delivery {
    const struct bus_subscriber *subscriber;
    const struct test_record *record;
    const struct bus_view *view;
    struct bus_span head[BUS_DELIVERY_FIELD_COUNT];
    struct bus_span fields[256]; /* of the granted fields, when it is a PUT */
    bool seen;
};

struct test_refusal {
    struct bus_quarantined content;
    bool seen;
};

struct test_outcome;

/* `views` are those of a catalogue as the world's, borrowed. Aborts when out of memory. */
struct test_outcome *test_outcome_create(const struct bus_views *views);
void test_outcome_destroy(struct test_outcome *outcome);
/* Those of another catalogue, for what comes from now on. What was taken before is forgotten. */
void test_outcome_set_views(struct test_outcome *outcome, const struct bus_views *views);
/* The world has begun anew: its topics are empty, its logs and their readers go on. */
void test_outcome_restart(struct test_outcome *outcome);

/* Takes what has been published since the last call. Checks each delivery against its view's schema, each log as an agent does (leaf
 * numbers without a gap, every seal genuine and of this log, no record without one), and that the audit names every delivery. False
 * with a sentence. */
bool test_outcome_take(struct test_outcome *outcome, const struct test_world *world,
                       char problem[TEST_OUTCOME_TEXT_SIZE]);

size_t test_outcome_delivery_count(const struct test_outcome *outcome);
struct test_delivery *test_outcome_delivery(struct test_outcome *outcome, size_t index);
size_t test_outcome_refusal_count(const struct test_outcome *outcome);
struct test_refusal *test_outcome_refusal(struct test_outcome *outcome, size_t index);
/* Deliveries to a subscriber since the beginning, restarts included. */
int64_t test_outcome_delivered(const struct test_outcome *outcome, const struct bus_subscriber *subscriber);

/* The text of a delivery's own field ("operation", "grant", "flags" …) or of a granted one; "null" for null, "absent" when the
 * view has no such field or the delivery no fields. */
void test_delivery_text(const struct test_delivery *delivery, const char *name, struct bus_buffer *text);

#endif
