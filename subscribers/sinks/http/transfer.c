#include "subscribers/sinks/http/transfer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "subscribers/sinks/http/gzip.h"

enum {
    MAX_HEADER_BYTES = 64 * 1024, /* of one answer */
    MAX_HEADER_TEXT = 1024,       /* of one header that we send */
    MAX_BODY_BYTES = 1024 * 1024 * 1024,
    COMPRESS_FROM_BYTES = 512,
    AUTHORITY_SECONDS = 60, /* libcurl would keep the file for a day */
};

/* After decompression, so that a small answer cannot become a large one. */
static size_t take_answer(char *data, size_t size, size_t count, void *self)
{
    struct http_client_transfer *transfer = self;
    bus_buffer_append(&transfer->answer, data, size * count);
    transfer->is_too_long = transfer->answer.failed;
    return transfer->is_too_long ? 0 : size * count;
}

static size_t take_header(char *data, size_t size, size_t count, void *self)
{
    (void)data;
    struct http_client_transfer *transfer = self;
    transfer->header_bytes += size * count;
    transfer->is_too_long = transfer->header_bytes > MAX_HEADER_BYTES;
    return transfer->is_too_long ? 0 : size * count;
}

static bool add_header(struct http_client_transfer *transfer, const char *name, const char *value)
{
    char line[MAX_HEADER_TEXT];
    assert(strpbrk(value, "\r\n") == NULL);
    int length = snprintf(line, sizeof line, "%s: %s", name, value);
    assert((size_t)length < sizeof line);
    struct curl_slist *headers = curl_slist_append(transfer->headers, line);
    if (headers != NULL)
        transfer->headers = headers;
    return headers != NULL && length > 0;
}

static bool fill_url(struct http_client_transfer *transfer, const char *url, const char *path)
{
    int length = (int)strlen(url);
    if (path[0] == '/' && url[length - 1] == '/')
        length--;
    return asprintf(&transfer->url, "%.*s%s", length, url, path) >= 0;
}

static bool fill_headers(struct http_client_transfer *transfer, const struct http_request *request, bool is_compressed)
{
    bool is_good = true;
    for (size_t i = 0; is_good && i < request->header_count; i++)
        is_good = add_header(transfer, request->headers[i].name, request->headers[i].value);
    if (is_good && is_compressed)
        is_good = add_header(transfer, "Content-Encoding", "gzip");
    struct curl_slist *headers =
        is_good ? curl_slist_append(transfer->headers, "Expect:") : NULL; /* no round trip more */
    if (headers != NULL)
        transfer->headers = headers;
    return headers != NULL;
}

static enum bus_status fill_body(struct http_client_transfer *transfer, const struct http_request *request,
                                 bool is_compressed, struct bus_error *error)
{
    if (is_compressed)
        return http_client_gzip(request->body, &transfer->body, error);
    bus_buffer_append_bytes(&transfer->body, request->body);
    return transfer->body.failed ? bus_fail(error, BUS_FATAL, "out of memory for a request") : BUS_OK;
}

/* Where it goes, and by what it is known that it is the right place. */
static bool set_peer(CURL *easy, const struct http_client_peer *peer)
{
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAINFO, peer->authority) == CURLE_OK &&
           /* or every authority of the machine would do as well */
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)AUTHORITY_SECONDS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLCERT, peer->certificate) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLKEY, peer->private_key) == CURLE_OK;
}

static bool set_exchange(CURL *easy, const struct http_client_peer *peer, struct http_client_transfer *transfer)
{
    return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, peer->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, peer->connect_timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)peer->max_answer_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "xinqiao-agent/" XINQIAO_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->detail) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
}

static bool set_request(CURL *easy, const struct http_client_transfer *transfer, const struct http_request *request)
{
    bool is_good = curl_easy_setopt(easy, CURLOPT_URL, transfer->url) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
    if (is_good && (transfer->body.length > 0 || strcmp(request->method, "POST") == 0)) {
        const void *body = transfer->body.length > 0 ? (const void *)transfer->body.data : "";
        is_good = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.length) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body) == CURLE_OK;
    }
    return is_good && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static enum bus_status prepare(struct http_client_transfer *transfer, const struct http_client_peer *peer,
                               const struct http_request *request, struct bus_error *error)
{
    bool is_compressed = peer->compresses && request->body.length >= COMPRESS_FROM_BYTES;
    enum bus_status status = fill_body(transfer, request, is_compressed, error);
    if (status != BUS_OK)
        return status;
    bool is_ready = fill_url(transfer, peer->url, request->path) && fill_headers(transfer, request, is_compressed) &&
                    (transfer->easy = curl_easy_init()) != NULL && set_peer(transfer->easy, peer) &&
                    set_exchange(transfer->easy, peer, transfer) && set_request(transfer->easy, transfer, request);
    return is_ready ? BUS_OK : bus_fail(error, BUS_FATAL, "libcurl takes no request, or out of memory");
}

enum bus_status http_client_transfer_create(const struct http_client_peer *peer, const struct http_request *request,
                                            struct http_client_transfer **out_transfer, struct bus_error *error)
{
    struct http_client_transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for a request");
    transfer->opaque = request->opaque;
    bus_buffer_init(&transfer->body, MAX_BODY_BYTES);
    bus_buffer_init(&transfer->answer, peer->max_answer_bytes);
    enum bus_status status = prepare(transfer, peer, request, error);
    if (status == BUS_OK)
        *out_transfer = transfer;
    else
        http_client_transfer_destroy(transfer);
    return status;
}

void http_client_transfer_destroy(struct http_client_transfer *transfer)
{
    if (transfer == NULL)
        return;
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    bus_buffer_release(&transfer->body);
    bus_buffer_release(&transfer->answer);
    free(transfer->url);
    free(transfer);
}
