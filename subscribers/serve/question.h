/* Question: what an officer asks: about whom, why, and who asks. */
#ifndef SUBSCRIBERS_SERVE_QUESTION_H
#define SUBSCRIBERS_SERVE_QUESTION_H

#include "bus/event.h"

enum {
    SERVE_CODE_SIZE = 24,
    SERVE_WORDS_SIZE = 256, /* of a purpose and of an officer, in bytes, terminator included */
    SERVE_WORDS_LEAST = 2,  /* characters */
    SERVE_STATED_SIZE = 80,
    SERVE_CLIENT_SIZE = 192,
};

enum serve_form { SERVE_FORM_ANSWER, SERVE_FORM_SHEET };

struct serve_question {
    enum serve_form form;
    bool wants_proofs;
    enum bus_subject_kind kind;
    char code[SERVE_CODE_SIZE]; /* credit code, organisation code without a dash, or citizen number of 18 digits */
    char identifier[SERVE_CODE_SIZE]; /* as records name the subject: subject_id */
    /* For statements and the log of accesses: the code, of a person "sm3:" and the digest of the citizen number. */
    char stated[SERVE_STATED_SIZE];
    char purpose[SERVE_WORDS_SIZE], officer[SERVE_WORDS_SIZE]; /* officer "": a certificate says who asks */
    char client[SERVE_CLIENT_SIZE];                            /* certificate, or address */
    int64_t asked_at_ms;
};

/* Whom the code names, by its check digits; small letters count as large ones. REJECT with the codes of bus/identifier.h, or
 * SUBJECT_LENGTH. */
BUS_MUST_CHECK enum bus_status serve_question_subject(struct serve_question *question, const char *code,
                                                      struct bus_error *error);
/* A purpose or an officer: text of 2 characters or more in UTF-8, without controls. False when it is none (or NULL). */
bool serve_question_words(const char *text, char out_words[SERVE_WORDS_SIZE]);

#endif
