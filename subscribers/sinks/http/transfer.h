/* HTTP client, transfer: one request on its way, and what comes back. */
#ifndef SUBSCRIBERS_SINKS_HTTP_CLIENT_TRANSFER_H
#define SUBSCRIBERS_SINKS_HTTP_CLIENT_TRANSFER_H

#include <curl/curl.h>
#include <limits.h>

#include "subscribers/sinks/http/client.h"

/* Who is called, and how. */
struct http_client_peer {
    char *url;
    char authority[PATH_MAX], certificate[PATH_MAX], private_key[PATH_MAX];
    long timeout_ms, connect_timeout_ms;
    size_t max_answer_bytes;
    bool compresses;
};

struct http_client_transfer {
    struct http_client_transfer *next;
    CURL *easy; /* with the transfer as its CURLOPT_PRIVATE */
    struct curl_slist *headers;
    struct bus_buffer body, answer;
    size_t header_bytes;
    char *url;
    void *opaque;
    bool is_too_long;
    char detail[CURL_ERROR_SIZE]; /* libcurl's own words about a failure */
};

/* Ready to be driven. FATAL out of memory. `peer` must outlive it. */
BUS_MUST_CHECK enum bus_status http_client_transfer_create(const struct http_client_peer *peer,
                                                           const struct http_request *request,
                                                           struct http_client_transfer **out_transfer,
                                                           struct bus_error *error);
/* Whoever drives it has let it go. */
void http_client_transfer_destroy(struct http_client_transfer *transfer);

#endif
