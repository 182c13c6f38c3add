#include "subscribers/sinks/http/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bus/clock.h"
#include "subscribers/sinks/http/failure.h"
#include "subscribers/sinks/http/transfer.h"

enum { MAX_CONNECTIONS = 32, RETRY_AFTER_MAX_SECONDS = 86400, NAME_SIZE = 300 };

struct http_client {
    CURLM *multi;
    struct http_client_transfer *transfers; /* under way */
    struct http_client_transfer *answered;  /* the one that was given back last */
    char name[NAME_SIZE];
    struct http_client_peer peer;
};

/* --- open and close --- */

/* The name for messages, when the address is what it must be. */
static bool read_address(struct http_client *client)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *other = NULL;
    CURLU *address = curl_url();
    bool is_good = address != NULL && curl_url_set(address, CURLUPART_URL, client->peer.url, 0) == CURLUE_OK &&
                   curl_url_get(address, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "https") == 0 &&
                   curl_url_get(address, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                   curl_url_get(address, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
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
    curl_url_cleanup(address);
    return is_good;
}

static enum bus_status read_options(struct http_client *client, const struct bus_settings *settings,
                                    const struct bus_settings_node *group, const struct bus_option *options,
                                    struct bus_error *error)
{
    client->peer.url = strdup(bus_settings_text(group, options, "url"));
    if (client->peer.url == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    if (!read_address(client))
        return bus_settings_fail(bus_settings_child(group, "url"), error,
                                 "url must be https://host[:port]/path, without user, '?' or '#'");
    client->peer.timeout_ms = (long)bus_settings_integer(group, options, "timeout_ms");
    client->peer.connect_timeout_ms = (long)bus_settings_integer(group, options, "connect_timeout_ms");
    client->peer.max_answer_bytes = (size_t)bus_settings_integer(group, options, "max_answer_bytes");
    client->peer.compresses = bus_settings_boolean(group, options, "compress");
    const struct {
        const char *name;
        char *out_path;
    } files[] = {{"authority", client->peer.authority},
                 {"certificate", client->peer.certificate},
                 {"private_key", client->peer.private_key}};
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < sizeof files / sizeof files[0]; i++)
        status =
            bus_settings_resolve_existing(settings, group, options, files[i].name, files[i].out_path, PATH_MAX, error);
    struct stat about;
    if (status == BUS_OK && stat(client->peer.private_key, &about) == 0 && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return bus_settings_fail(bus_settings_child(group, "private_key"), error,
                                 "private_key may be read by others: chmod 600 %s", client->peer.private_key);
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

static void destroy(struct http_client *client, struct http_client_transfer *transfer)
{
    if (transfer != NULL)
        curl_multi_remove_handle(client->multi, transfer->easy);
    http_client_transfer_destroy(transfer);
}

void http_client_close(struct http_client *client)
{
    if (client == NULL)
        return;
    destroy(client, client->answered);
    while (client->transfers != NULL) {
        struct http_client_transfer *transfer = client->transfers;
        client->transfers = transfer->next;
        destroy(client, transfer);
    }
    curl_multi_cleanup(client->multi);
    free(client->peer.url);
    free(client);
    curl_global_cleanup();
}

const char *http_client_name_view(const struct http_client *client)
{
    return client->name;
}

/* --- requests and answers --- */

enum bus_status http_client_send(struct http_client *client, const struct http_request *request,
                                 struct bus_error *error)
{
    struct http_client_transfer *transfer = NULL;
    enum bus_status status = http_client_transfer_create(&client->peer, request, &transfer, error);
    if (status != BUS_OK)
        return status;
    if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK) {
        http_client_transfer_destroy(transfer);
        return bus_fail(error, BUS_FATAL, "libcurl takes no request, or out of memory");
    }
    transfer->next = client->transfers;
    client->transfers = transfer;
    return BUS_OK;
}

static void unlink_transfer(struct http_client *client, const struct http_client_transfer *transfer)
{
    struct http_client_transfer **at = &client->transfers;
    while (*at != transfer)
        at = &(*at)->next;
    *at = transfer->next;
}

static enum bus_status finish(struct http_client *client, struct http_client_transfer *transfer, CURLcode code,
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
        const struct http_client_end end = {
            client->name, transfer->easy, code, transfer->detail, client->peer.max_answer_bytes, transfer->is_too_long};
        return http_client_failure(&end, error);
    }
    return http_status / 100 == 3 ? http_client_redirect(client->name, (int)http_status, error) : BUS_OK;
}

enum bus_status http_client_wait(struct http_client *client, int timeout_ms, bool *out_found,
                                 struct http_answer *out_answer, struct bus_error *error)
{
    *out_found = false;
    destroy(client, client->answered);
    client->answered = NULL;
    int64_t until_ms = bus_clock_monotonic_ms() + timeout_ms;
    while (client->transfers != NULL) {
        int running, waiting;
        if (curl_multi_perform(client->multi, &running) != CURLM_OK)
            return bus_fail(error, BUS_FATAL, "libcurl failed, or out of memory");
        for (const CURLMsg *message; (message = curl_multi_info_read(client->multi, &waiting)) != NULL;)
            if (message->msg == CURLMSG_DONE) {
                struct http_client_transfer *transfer = NULL;
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
    for (struct http_client_transfer *transfer = client->transfers; transfer != NULL; transfer = transfer->next)
        if (transfer->opaque == opaque) {
            unlink_transfer(client, transfer);
            destroy(client, transfer);
            return;
        }
}
