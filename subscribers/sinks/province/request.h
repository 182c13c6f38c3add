/* Province request: what is asked of the province, and who waits for the answer.
 *
 * All requests of the sink go through here, whatever they are for: an answer is given to the call that waits for it. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_REQUEST_H
#define SUBSCRIBERS_SINKS_PROVINCE_REQUEST_H

#include "bus/key.h"
#include "subscribers/sinks/http/client.h"
#include "subscribers/sinks/province/row.h"

enum { PROVINCE_MAX_BODY_BYTES = 64 * 1024 * 1024 };

/* What came back; views until `take` returns. */
struct province_reply {
    enum bus_status status; /* OK: answered; RETRY: not, or not in a way that can be used: `error` says why */
    int http_status;
    struct bus_bytes body;
    int64_t retry_after_ms;
    const struct bus_error *error; /* NULL when answered */
};

/* Put at the beginning of whatever waits for an answer. One request at a time. */
struct province_call {
    /* FATAL. */
    enum bus_status (*take)(struct province_call *call, const struct province_reply *reply, struct bus_error *error);
};

struct province_line; /* the way to the province */

/* Reads http_client's options and `signing_key` (path, "" = none) from the group. FATAL with file and line. */
BUS_MUST_CHECK enum bus_status province_line_open(const struct bus_settings *settings,
                                                  const struct bus_settings_node *group,
                                                  const struct bus_option *options, struct province_line **out_line,
                                                  struct bus_error *error);
void province_line_close(struct province_line *line);
/* host:port. */
const char *province_line_name_view(const struct province_line *line);

/* Reports the rows, `count` of the pointers, in this order; no more of them than fit into `limit_bytes`, at least one: *out_sent. The
 * idempotency key is the digest of the body, so it is the same whenever the same rows are sent on the same occasion ("" = because they were
 * delivered). FATAL. */
BUS_MUST_CHECK enum bus_status province_line_report(struct province_line *line, const struct province_row *const *rows,
                                                    size_t count, size_t limit_bytes, const char *occasion,
                                                    struct province_call *call, size_t *out_sent,
                                                    struct bus_error *error);
/* GET of a path such as /rows?rowKey=…, which is copied. FATAL. */
BUS_MUST_CHECK enum bus_status province_line_ask(struct province_line *line, const char *path,
                                                 struct province_call *call, struct bus_error *error);
void province_line_cancel(struct province_line *line, struct province_call *call);
/* Drives all requests for at most `timeout_ms`, and gives one answer to its call; *out_found whether there was one. FATAL. */
BUS_MUST_CHECK enum bus_status province_line_drive(struct province_line *line, int timeout_ms, bool *out_found,
                                                   struct bus_error *error);

#endif
