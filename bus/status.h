/* Status and error: how every fallible function of Xinqiao answers.
 *
 * A function that can fail returns `enum bus_status` and takes a `struct bus_error *` last. The caller owns the error
 * and initialises nothing: it is written only when the status is not BUS_OK. The message says what was tried, on what,
 * why it failed and what the reader can do; it never holds personal data or a secret. */
#ifndef BUS_STATUS_H
#define BUS_STATUS_H

enum bus_status {
    BUS_OK = 0,
    BUS_RETRY,  /* the world: a broker, disk or peer is away; the same call may succeed later */
    BUS_REJECT, /* this record, row or file is bad; the next one may be good */
    BUS_FATAL,  /* us, or our configuration: stop, say why */
};

enum { BUS_ERROR_CODE_SIZE = 40, BUS_ERROR_TEXT_SIZE = 400 };

struct bus_error {
    char code[BUS_ERROR_CODE_SIZE];       /* upper-case reason code, e.g. USCC_CHECK_DIGIT; "" when there is none */
    char message[BUS_ERROR_TEXT_SIZE];    /* English */
    char message_zh[BUS_ERROR_TEXT_SIZE]; /* Chinese; "" when the message is for engineers only */
};

#define BUS_MUST_CHECK __attribute__((warn_unused_result))
#define BUS_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

/* Fills `error` (may be NULL) with an English message, clears code and Chinese text, and returns `status`. */
enum bus_status bus_fail(struct bus_error *error, enum bus_status status, const char *format, ...) BUS_PRINTF(3, 4);

/* A refusal that department staff will read: code, Chinese and English sentence. Returns BUS_REJECT. */
enum bus_status bus_reject(struct bus_error *error, const char *code, const char *message_zh, const char *message_en);

/* Puts "<text>: " in front of the English message, so that each level adds its context. */
void bus_error_prefix(struct bus_error *error, const char *format, ...) BUS_PRINTF(2, 3);

/* "OK", "RETRY", "REJECT" or "FATAL". */
const char *bus_status_name(enum bus_status status);

#endif
