/* HTTP client, failure: what libcurl says went wrong, in words that tell an operator whose fault it is and what can be done. */
#ifndef SUBSCRIBERS_SINKS_HTTP_CLIENT_FAILURE_H
#define SUBSCRIBERS_SINKS_HTTP_CLIENT_FAILURE_H

#include <curl/curl.h>

#include "bus/bytes.h"

/* Codes of the errors, for tests and logs. */
#define HTTP_CLIENT_CERTIFICATE "TLS_CERTIFICATE"     /* not signed by `authority`, or not for servers */
#define HTTP_CLIENT_EXPIRED "TLS_CERTIFICATE_EXPIRED" /* or not valid yet */
#define HTTP_CLIENT_HOST_NAME "TLS_HOST_NAME"         /* it is another host's */
#define HTTP_CLIENT_TLS_VERSION "TLS_VERSION"         /* older than 1.2 */
#define HTTP_CLIENT_TLS "TLS_FAILED"                  /* no TLS at all, or broken */
#define HTTP_CLIENT_REFUSED_US                                                                                         \
    "TLS_CLIENT_CERTIFICATE" /* the receiver does not take our certificate, or it cannot be used */
#define HTTP_CLIENT_RESOLVE "HTTP_NO_SUCH_HOST"
#define HTTP_CLIENT_CONNECT "HTTP_NOT_CONNECTED"
#define HTTP_CLIENT_TIMEOUT "HTTP_TIMEOUT"
#define HTTP_CLIENT_CUT_OFF "HTTP_CUT_OFF"
#define HTTP_CLIENT_TOO_LONG "HTTP_ANSWER_TOO_LONG"
#define HTTP_CLIENT_REDIRECT "HTTP_REDIRECT"
#define HTTP_CLIENT_OTHER "HTTP_FAILED"

/* What is known of a request that got no answer that can be used. */
struct http_client_end {
    const char *name; /* host:port */
    CURL *easy;
    CURLcode code;
    const char *detail; /* libcurl's own words; "" = none */
    size_t max_answer_bytes;
    bool is_too_long; /* we cut it off */
};

/* RETRY with a code above and both texts; FATAL when memory is used up. */
enum bus_status http_client_failure(const struct http_client_end *end, struct bus_error *error);
/* RETRY: the receiver sends us elsewhere, where nobody has said that we may go. */
enum bus_status http_client_redirect(const char *name, int http_status, struct bus_error *error);

#endif
