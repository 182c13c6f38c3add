/* Answer: what the subscriber holds about a subject, in JSON (docs/formats-check.md), with the signed statement over it. */
#ifndef SUBSCRIBERS_SERVE_ANSWER_H
#define SUBSCRIBERS_SERVE_ANSWER_H

#include "bus/check.h"
#include "subscribers/serve/proofs.h"
#include "subscribers/serve/pulse.h"

#define SERVE_ANSWER_FORMAT "xinqiao check answer v1"

enum { SERVE_ANSWER_MAX = 64 * 1024 * 1024 };

struct serve_answer {
    const struct serve_question *question;
    const struct serve_shelf *shelf;
    const char *subscriber, *topic;
    struct serve_holding holding;
    struct serve_pulse_state pulse;
    enum serve_proofs proofs;
    struct bus_error proofs_reason; /* of UNAVAILABLE */
    struct bus_check check;
    bool is_signed;
};

/* Whether a record stands under a dispute, whatever its last delivery was. */
bool serve_record_is_disputed(const struct serve_record *record);

/* Fills the statement from what the answer holds, and signs it; `key` NULL: nobody signs. FATAL. */
BUS_MUST_CHECK enum bus_status serve_answer_state(struct serve_answer *answer, const struct bus_key *key,
                                                  struct bus_error *error);
/* Appends the whole; a buffer that fails keeps its mark. */
void serve_answer_write(const struct serve_answer *answer, struct bus_buffer *buffer);

#endif
