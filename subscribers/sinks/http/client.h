/* HTTP client: requests to one receiver over TLS, several at once, through libcurl. Only http_client*.c know it.
 *
 * HTTP/2 where the receiver offers it (ALPN), else HTTP/1.1; TLS 1.2 or later; the certificate's chain and host name are always
 * checked; our own certificate is shown. Redirects are never followed, and no proxy of the environment is used. */
#ifndef SUBSCRIBERS_SINKS_HTTP_CLIENT_H
#define SUBSCRIBERS_SINKS_HTTP_CLIENT_H

#include "bus/bytes.h"
#include "bus/settings.h"

struct http_client;

/* Keys that every sink over HTTPS has in its group, in front of its own: url, authority (CA file), certificate, private_key, timeout_ms,
 * connect_timeout_ms, max_answer_bytes, compress. A macro, because tables are constant. */
#define HTTP_CLIENT_OPTIONS                                                                                              \
    {"url", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "address of the receiver, https://host[:port]/path"},                     \
        {"authority",                                                                                                    \
         BUS_OPTION_TEXT,                                                                                                \
         NULL,                                                                                                           \
         0,                                                                                                              \
         0,                                                                                                              \
         NULL,                                                                                                           \
         "PEM file of the authority that signed the receiver's certificate"},                                            \
        {"certificate", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "PEM file of our certificate and its chain"},                 \
        {"private_key", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "PEM file of its private key, mode 0600"},                    \
        {"timeout_ms", BUS_OPTION_INTEGER, "30000", 100, 600000, NULL, "longest time for one request, answer included"}, \
        {"connect_timeout_ms", BUS_OPTION_INTEGER, "5000", 100, 60000, NULL, "longest time to connect"},                 \
        {"max_answer_bytes",                                                                                             \
         BUS_OPTION_INTEGER,                                                                                             \
         "8388608",                                                                                                      \
         1024,                                                                                                           \
         268435456,                                                                                                      \
         NULL,                                                                                                           \
         "an answer of more bytes (after decompression) is cut off and refused"},                                        \
    {                                                                                                                    \
        "compress", BUS_OPTION_BOOLEAN, "true", 0, 0, NULL, "send bodies compressed (gzip)"                              \
    }

/* Reads the options above from `group`, whose table is `options`. FATAL with file and line: no https address, a file that is missing or
 * (the key) readable by others. */
BUS_MUST_CHECK enum bus_status http_client_open(const struct bus_settings *settings,
                                                const struct bus_settings_node *group, const struct bus_option *options,
                                                struct http_client **out_client, struct bus_error *error);
void http_client_close(struct http_client *client);

struct http_header {
    const char *name, *value;
};

struct http_request {
    const char *method; /* GET, POST, DELETE */
    const char *path;   /* appended to the url; "" = the url itself; begins with '/' or '?' otherwise */
    const struct http_header *headers;
    size_t header_count;
    struct bus_bytes body; /* empty = none; copied (and compressed) */
    void *opaque;          /* given back with the answer */
};

struct http_answer {
    void *opaque;
    int status;                          /* of HTTP */
    struct bus_bytes body, content_type; /* borrowed until the next call */
    int64_t retry_after_ms;              /* of Retry-After, seconds or date, at most a day; 0 = none */
};

/* Puts a request under way. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status http_client_send(struct http_client *client, const struct http_request *request,
                                                struct bus_error *error);
/* Drives all for at most `timeout_ms`. *out_found: one is done. OK: the receiver answered, whatever its status. RETRY: it did not, or not in
 * a way that can be used (answer->opaque says which request): no connection, TLS refused (certificate wrong, expired, other host name, version),
 * timeout, an answer that is too long or cut off, a redirect; the error says what, with the receiver's address, in both languages, and what can
 * be done. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status http_client_wait(struct http_client *client, int timeout_ms, bool *out_found,
                                                struct http_answer *out_answer, struct bus_error *error);
/* Gives up the request with that opaque. */
void http_client_cancel(struct http_client *client, const void *opaque);
/* host:port, for messages; lives as long as the client. */
const char *http_client_name_view(const struct http_client *client);

#endif
