#include "subscribers/sinks/http_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bus/clock.h"
#include "subscribers/sinks/http_client_failure.h"
#include "subscribers/sinks/http_client_gzip.h"

enum {
    MAX_CONNECTIONS = 32,
    MAX_HEADER_BYTES = 64 * 1024, /* of one answer */
    MAX_HEADER_TEXT = 1024,       /* of one header that we send */
    MAX_BODY_BYTES = 1024 * 1024 * 1024,
    COMPRESS_FROM_BYTES = 512,
    AUTHORITY_SECONDS = 60, /* libcurl would keep the file for a day */
    RETRY_AFTER_MAX_SECONDS = 86400,
    NAME_SIZE = 300,
};

struct transfer {
    struct http_client *client;
    struct transfer *next;
    CURL *easy;
    struct curl_slist *headers;
    struct bus_buffer body, answer;
    size_t header_bytes;
    char *url;
    void *opaque;
    bool is_too_long;
    char detail[CURL_ERROR_SIZE];
};

struct http_client {
    CURLM *multi;
    struct transfer *transfers; /* under way */
    struct transfer *answered;  /* the one that was given back last */
    char *url;
    char name[NAME_SIZE];
    char authority[PATH_MAX], certificate[PATH_MAX], private_key[PATH_MAX];
    long timeout_ms, connect_timeout_ms;
    size_t max_answer_bytes;
    bool compresses;
};

/* --- open and close --- */

/* The name for messages, when the address is what it must be. */
static bool read_address(struct http_client *client)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *other = NULL;
    CURLU *address = curl_url();
    bool is_good = address != NULL && curl_url_set(address, CURLUPART_URL, client->url, 0) == CURLUE_OK &&
                   curl_url_get(address, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "https") == 0 &&
                   curl_url_get(address, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                   curl_url_get(address, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                   curl_url_get(address, CURLUPART_PATH, &path, 0) == CURLUE_OK;
    static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT};
    for (size_t i = 0; is_good && i < sizeof unwanted / sizeof unwanted[0]; i++) {
        is_good = curl_url_get(address, unwanted[i], &other, 0) != CURLUE_OK;
        curl_free(other);
        other = NULL;
    }
    if (is_good)
        snprintf(client->name, sizeof client->name, "%s:%s", host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_url_cleanup(address);
    return is_good;
}

static enum bus_status read_options(struct http_client *client, const struct bus_settings *settings,
                                    const struct bus_settings_node *group, const struct bus_option *options,
                                    struct bus_error *error)
{
    client->url = strdup(bus_settings_text(group, options, "url"));
    if (client->url == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    if (!read_address(client))
        return bus_settings_fail(bus_settings_child(group, "url"), error,
                                 "url must be https://host[:port]/path, without user, '?' or '#'");
    client->timeout_ms = (long)bus_settings_integer(group, options, "timeout_ms");
    client->connect_timeout_ms = (long)bus_settings_integer(group, options, "connect_timeout_ms");
    client->max_answer_bytes = (size_t)bus_settings_integer(group, options, "max_answer_bytes");
    client->compresses = bus_settings_boolean(group, options, "compress");
    const struct {
        const char *name;
        char *out_path;
    } files[] = {
        {"authority", client->authority}, {"certificate", client->certificate}, {"private_key", client->private_key}};
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < sizeof files / sizeof files[0]; i++)
        status =
            bus_settings_resolve_existing(settings, group, options, files[i].name, files[i].out_path, PATH_MAX, error);
    struct stat about;
    if (status == BUS_OK && stat(client->private_key, &about) == 0 && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return bus_settings_fail(bus_settings_child(group, "private_key"), error,
                                 "private_key may be read by others: chmod 600 %s", client->private_key);
    return status;
}

enum bus_status http_client_open(const struct bus_settings *settings, const struct bus_settings_node *group,
                                 const struct bus_option *options, struct http_client **out_client,
                                 struct bus_error *error)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return bus_fail(error, BUS_FATAL, "libcurl cannot be used");
    struct http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        curl_global_cleanup();
        return bus_fail(error, BUS_FATAL, "out of memory");
    }
    enum bus_status status = read_options(client, settings, group, options, error);
    if (status == BUS_OK && (client->multi = curl_multi_init()) == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK) {
        curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MAX_CONNECTIONS);
        curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
        *out_client = client;
    } else {
        http_client_close(client);
    }
    return status;
}

static void destroy_transfer(struct transfer *transfer)
{
    if (transfer == NULL)
        return;
    if (transfer->easy != NULL) {
        curl_multi_remove_handle(transfer->client->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    bus_buffer_release(&transfer->body);
    bus_buffer_release(&transfer->answer);
    free(transfer->url);
    free(transfer);
}

void http_client_close(struct http_client *client)
{
    if (client == NULL)
        return;
    destroy_transfer(client->answered);
    while (client->transfers != NULL) {
        struct transfer *transfer = client->transfers;
        client->transfers = transfer->next;
        destroy_transfer(transfer);
    }
    curl_multi_cleanup(client->multi);
    free(client->url);
    free(client);
    curl_global_cleanup();
}

const char *http_client_name_view(const struct http_client *client)
{
    return client->name;
}

/* --- a request --- */

/* After decompression, so that a small answer cannot become a large one. */
static size_t take_answer(char *data, size_t size, size_t count, void *self)
{
    struct transfer *transfer = self;
    bus_buffer_append(&transfer->answer, data, size * count);
    transfer->is_too_long = transfer->answer.failed;
    return transfer->is_too_long ? 0 : size * count;
}

static size_t take_header(char *data, size_t size, size_t count, void *self)
{
    (void)data;
    struct transfer *transfer = self;
    transfer->header_bytes += size * count;
    transfer->is_too_long = transfer->header_bytes > MAX_HEADER_BYTES;
    return transfer->is_too_long ? 0 : size * count;
}

static bool add_header(struct transfer *transfer, const char *name, const char *value)
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

static bool fill_url(struct transfer *transfer, const char *path)
{
    const char *url = transfer->client->url;
    int length = (int)strlen(url);
    if (path[0] == '/' && url[length - 1] == '/')
        length--;
    return asprintf(&transfer->url, "%.*s%s", length, url, path) >= 0;
}

static bool fill_headers(struct transfer *transfer, const struct http_request *request, bool is_compressed)
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

static enum bus_status fill_body(struct transfer *transfer, const struct http_request *request, bool is_compressed,
                                 struct bus_error *error)
{
    if (is_compressed)
        return http_client_gzip(request->body, &transfer->body, error);
    bus_buffer_append_bytes(&transfer->body, request->body);
    return transfer->body.failed ? bus_fail(error, BUS_FATAL, "out of memory for a request") : BUS_OK;
}

/* Where it goes, and by what it is known that it is the right place. */
static bool set_peer(CURL *easy, const struct http_client *client)
{
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAINFO, client->authority) == CURLE_OK &&
           /* or every authority of the machine would do as well */
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)AUTHORITY_SECONDS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLCERT, client->certificate) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLKEY, client->private_key) == CURLE_OK;
}

static bool set_exchange(CURL *easy, const struct http_client *client, struct transfer *transfer)
{
    return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, client->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)client->max_answer_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "xinqiao-agent/" XINQIAO_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->detail) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
}

static bool set_request(CURL *easy, const struct transfer *transfer, const struct http_request *request)
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

enum bus_status http_client_send(struct http_client *client, const struct http_request *request,
                                 struct bus_error *error)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for a request");
    transfer->client = client;
    transfer->opaque = request->opaque;
    bus_buffer_init(&transfer->body, MAX_BODY_BYTES);
    bus_buffer_init(&transfer->answer, client->max_answer_bytes);
    bool is_compressed = client->compresses && request->body.length >= COMPRESS_FROM_BYTES;
    enum bus_status status = fill_body(transfer, request, is_compressed, error);
    if (status == BUS_OK &&
        (!fill_url(transfer, request->path) || !fill_headers(transfer, request, is_compressed) ||
         (transfer->easy = curl_easy_init()) == NULL || !set_peer(transfer->easy, client) ||
         !set_exchange(transfer->easy, client, transfer) || !set_request(transfer->easy, transfer, request) ||
         curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK))
        status = bus_fail(error, BUS_FATAL, "libcurl takes no request, or out of memory");
    if (status == BUS_OK) {
        transfer->next = client->transfers;
        client->transfers = transfer;
    } else {
        destroy_transfer(transfer);
    }
    return status;
}

/* --- answers --- */

static void unlink_transfer(struct http_client *client, const struct transfer *transfer)
{
    struct transfer **at = &client->transfers;
    while (*at != transfer)
        at = &(*at)->next;
    *at = transfer->next;
}

static enum bus_status finish(struct http_client *client, struct transfer *transfer, CURLcode code,
                              struct http_answer *out_answer, struct bus_error *error)
{
    unlink_transfer(client, transfer);
    client->answered = transfer;
    long http_status = 0;
    curl_off_t retry_after = 0;
    const char *content_type = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
    *out_answer = (struct http_answer){
        .opaque = transfer->opaque,
        .status = (int)http_status,
        .body = bus_buffer_view(&transfer->answer),
        .content_type = bus_bytes_text(content_type != NULL ? content_type : ""),
        .retry_after_ms =
            1000 * (int64_t)(retry_after < RETRY_AFTER_MAX_SECONDS ? retry_after : RETRY_AFTER_MAX_SECONDS),
    };
    if (code != CURLE_OK) {
        const struct http_client_end end = {client->name,     transfer->easy,           code,
                                            transfer->detail, client->max_answer_bytes, transfer->is_too_long};
        return http_client_failure(&end, error);
    }
    return http_status / 100 == 3 ? http_client_redirect(client->name, (int)http_status, error) : BUS_OK;
}

enum bus_status http_client_wait(struct http_client *client, int timeout_ms, bool *out_found,
                                 struct http_answer *out_answer, struct bus_error *error)
{
    *out_found = false;
    destroy_transfer(client->answered);
    client->answered = NULL;
    int64_t until_ms = bus_clock_monotonic_ms() + timeout_ms;
    while (client->transfers != NULL) {
        int running, waiting;
        if (curl_multi_perform(client->multi, &running) != CURLM_OK)
            return bus_fail(error, BUS_FATAL, "libcurl failed, or out of memory");
        for (const CURLMsg *message; (message = curl_multi_info_read(client->multi, &waiting)) != NULL;)
            if (message->msg == CURLMSG_DONE) {
                struct transfer *transfer = NULL;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
                *out_found = true;
                return finish(client, transfer, message->data.result, out_answer, error);
            }
        int64_t left_ms = until_ms - bus_clock_monotonic_ms();
        if (left_ms <= 0)
            break;
        if (curl_multi_poll(client->multi, NULL, 0, (int)left_ms, NULL) != CURLM_OK)
            return bus_fail(error, BUS_FATAL, "libcurl failed, or out of memory");
    }
    return BUS_OK;
}

void http_client_cancel(struct http_client *client, const void *opaque)
{
    for (struct transfer *transfer = client->transfers; transfer != NULL; transfer = transfer->next)
        if (transfer->opaque == opaque) {
            unlink_transfer(client, transfer);
            destroy_transfer(transfer);
            return;
        }
}
