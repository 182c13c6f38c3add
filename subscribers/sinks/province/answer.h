/* Province answer: what the province answers (docs/openapi/province.yaml), believed only as far as it fits what was sent.
 *
 * Whatever does not fit is REJECT with code PROVINCE_ANSWER and a message in both languages without content: then nothing of the answer
 * counts. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_ANSWER_H
#define SUBSCRIBERS_SINKS_PROVINCE_ANSWER_H

#include "subscribers/sinks/province/row.h"

enum { PROVINCE_CODE_SIZE = 65, PROVINCE_WORDS_SIZE = 400 };

struct province_ack {
    enum province_state state;
    char gov_id[PROVINCE_GOV_ID_SIZE]; /* "" while pending */
};

/* Reads the acknowledgements of a batch into `out_acks`, one a row in the order of `rows`. REJECT: no JSON, a row that was not sent or is
 * acknowledged twice or not at all, a state that does not fit its operation, a govId that is missing or is not the row's. FATAL. */
BUS_MUST_CHECK enum bus_status province_answer_acks(struct bus_bytes body, const struct province_row *const *rows,
                                                    size_t count, struct province_ack *out_acks,
                                                    struct bus_error *error);

/* The first bad row of a batch: its place among those that were sent; their count when the province did not say which, or its number and key do
 * not fit together. */
struct province_refusal {
    size_t row;
    char code[PROVINCE_CODE_SIZE];
    char words[PROVINCE_WORDS_SIZE]; /* code and message, cut at a character */
};
/* REJECT: no JSON, or no object, or (count > 0) it names a row that was not sent: it answers another request. FATAL. */
BUS_MUST_CHECK enum bus_status province_answer_refusal(struct bus_bytes body, const struct province_row *const *rows,
                                                       size_t count, struct province_refusal *out_refusal,
                                                       struct bus_error *error);

/* A row that the province holds. */
struct province_held {
    uint8_t record[BUS_IDENTITY_SIZE];
    enum province_state state;
    char gov_id[PROVINCE_GOV_ID_SIZE]; /* "" while pending */
    uint8_t digest[BUS_DIGEST_SIZE];
};
/* Gives the rows of an answer to /rows to `take`, in order, until it answers false; *out_more: there are more pages. REJECT; FATAL. */
BUS_MUST_CHECK enum bus_status province_answer_rows(struct bus_bytes body,
                                                    bool (*take)(void *self, const struct province_held *held),
                                                    void *self, bool *out_more, struct bus_error *error);

#endif
