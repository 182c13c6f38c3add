#include "bus/http_server.h"

#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bus/bucket.h"
#include "bus/clock.h"
#include "bus/digest.h"
#include "bus/file.h"
#include "bus/http_watch.h"
#include "bus/log.h"

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

enum {
    CALL_MEMORY = 16 * 1024,   /* of a connection: request line and headers are no longer */
    DISCARD_MAX = 1024 * 1024, /* bytes read of a body that is refused already */
    PEM_MAX = 1024 * 1024,
    OTHER_FILES = 256, /* descriptors for all but connections and bodies */
    STOP_MS = 2000,
    STOP_STEP_MS = 20,
    LOG_PER_MINUTE = 60,
    LOG_BURST = 20,
    PORT_SIZE = 8,
};

struct bus_http_server {
    struct bus_http_handler handler;
    struct MHD_Daemon *daemon;
    struct bus_http_watch *watch;
    atomic_size_t calls; /* under way */
    pthread_mutex_t log_lock;
    struct bus_bucket log_bucket;
};

struct bus_http_call {
    struct bus_http_server *http;
    struct MHD_Connection *connection;
    size_t place; /* in the watch */
    void *context;
    struct bus_http_reply reply;
    bool has_reply, is_ended;
    bool is_suspended; /* changed by the receiving thread only */
    size_t discarded;
};

/* --- calls --- */

const char *bus_http_call_header_view(struct bus_http_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

const char *bus_http_call_query_view(struct bus_http_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
}

void *bus_http_call_session(struct bus_http_call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info != NULL ? info->tls_session : NULL;
}

void bus_http_call_address(struct bus_http_call *call, char out_address[BUS_HTTP_ADDRESS_SIZE])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    snprintf(out_address, BUS_HTTP_ADDRESS_SIZE, "-");
    if (info == NULL || info->client_addr == NULL)
        return;
    socklen_t size =
        info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    getnameinfo(info->client_addr, size, out_address, BUS_HTTP_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST);
}

void bus_http_call_suspend(struct bus_http_call *call)
{
    bus_http_watch_phase(call->http->watch, call->place, BUS_HTTP_WAITING);
    call->is_suspended = true;
    MHD_suspend_connection(call->connection);
}

/* A suspended call is not touched again here: once it is resumed it may be gone. */
void bus_http_call_answer(struct bus_http_call *call, struct bus_http_reply *take_reply)
{
    call->reply = *take_reply;
    *take_reply = (struct bus_http_reply){0};
    call->has_reply = true;
    if (call->is_suspended)
        MHD_resume_connection(call->connection);
}

static void add_headers(struct MHD_Response *response, const struct bus_http_reply *reply)
{
    char seconds[16];
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (reply->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%d", reply->retry_after_s);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    for (size_t i = 0; i < BUS_HTTP_REPLY_HEADERS && reply->headers[i].name != NULL; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
}

static enum MHD_Result send_reply(struct bus_http_call *call)
{
    struct bus_http_reply *reply = &call->reply;
    bus_http_watch_phase(call->http->watch, call->place, BUS_HTTP_SENDING);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.length, reply->body.data, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        return MHD_NO;
    reply->body = (struct bus_buffer){0};
    add_headers(response, reply);
    enum MHD_Result result = MHD_queue_response(call->connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Whether a client that is refused already would go on sending more than we care to read. */
static bool must_answer_now(struct bus_http_call *call)
{
    const char *length = bus_http_call_header_view(call, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return bus_http_call_header_view(call, MHD_HTTP_HEADER_EXPECT) != NULL ||
           (length != NULL && strtoull(length, NULL, 10) > DISCARD_MAX);
}

static enum MHD_Result begin_call(struct bus_http_server *http, struct MHD_Connection *connection, const char *method,
                                  const char *path, void **out_call)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct bus_http_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return MHD_NO;
    *out_call = call;
    call->http = http;
    call->connection = connection;
    call->place = info != NULL ? (size_t)(uintptr_t)info->socket_context : 0;
    atomic_fetch_add(&http->calls, 1);
    bus_http_watch_phase(http->watch, call->place, BUS_HTTP_BODY);
    call->context = http->handler.begin(http->handler.self, call, method, path);
    if (call->context == NULL)
        return MHD_NO;
    return call->has_reply && must_answer_now(call) ? send_reply(call) : MHD_YES;
}

static enum MHD_Result on_piece(struct bus_http_call *call, struct bus_bytes piece)
{
    if (!call->has_reply) {
        call->http->handler.body(call->context, piece);
        return MHD_YES;
    }
    call->discarded += piece.length;
    return call->discarded <= DISCARD_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_length, void **context)
{
    struct bus_http_call *call = *context;
    (void)version;
    if (call == NULL)
        return begin_call(self, connection, method, path, context);
    if (*upload_length > 0) {
        struct bus_bytes piece = bus_bytes_of(upload, *upload_length);
        *upload_length = 0;
        return on_piece(call, piece);
    }
    call->is_suspended = false;
    if (!call->has_reply && !call->is_ended) {
        call->is_ended = true;
        call->http->handler.end(call->context);
    }
    /* When it was suspended, it may be answered already: then we are called again. */
    return call->is_suspended || !call->has_reply ? MHD_YES : send_reply(call);
}

static void on_completed(void *self, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct bus_http_server *http = self;
    struct bus_http_call *call = *context;
    (void)connection;
    (void)code;
    if (call == NULL)
        return;
    if (call->context != NULL)
        http->handler.gone(call->context);
    bus_http_watch_phase(http->watch, call->place, BUS_HTTP_HEADERS);
    bus_http_reply_release(&call->reply);
    free(call);
    *context = NULL;
    atomic_fetch_sub(&http->calls, 1);
}

/* A connection leaves the watch before libmicrohttpd closes its socket, so no other one that gets its number is cut off instead. */
static void on_connection(void *self, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct bus_http_server *http = self;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        bus_http_watch_leave(http->watch, (size_t)(uintptr_t)*context);
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = (void *)(uintptr_t)(info != NULL ? bus_http_watch_enter(http->watch, info->connect_fd) : 0);
}

/* What libmicrohttpd says is about single connections: of a flood of them enough is told. */
static void on_log(void *self, const char *format, va_list arguments)
{
    struct bus_http_server *http = self;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    pthread_mutex_lock(&http->log_lock);
    bool is_told = bus_bucket_take(&http->log_bucket, LOG_PER_MINUTE, LOG_BURST, bus_clock_monotonic_ms() * 1000) == 0;
    pthread_mutex_unlock(&http->log_lock);
    if (is_told)
        bus_log(BUS_LOG_INFO, "connection", "reason=\"%s\"", text);
}

/* --- start --- */

bool bus_http_address(const char *text, char *out_host, size_t size, uint16_t *out_port)
{
    const char *colon = strrchr(text, ':');
    char *end;
    if (colon == NULL || colon[1] == '\0')
        return false;
    long port = strtol(colon + 1, &end, 10);
    size_t length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (*end != '\0' || port < 0 || port > UINT16_MAX || length == 0 || length >= size)
        return false;
    snprintf(out_host, size, "%.*s", (int)length, text);
    *out_port = (uint16_t)port;
    return true;
}

static enum bus_status read_pem(const char *path, struct bus_buffer *pem, struct bus_error *error)
{
    bus_buffer_init(pem, PEM_MAX);
    enum bus_status status = bus_file_read(path, pem, error);
    bus_buffer_u8(pem, 0);
    return status == BUS_OK && pem->failed ? bus_fail(error, BUS_FATAL, "read %s: too long", path) : status;
}

static enum bus_status raise_limit(const struct bus_http_options *options, struct bus_error *error)
{
    struct rlimit limit;
    size_t wanted = options->max_connections + options->other_files + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return BUS_OK;
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max >= wanted && setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return BUS_OK;
    return bus_fail(error, BUS_FATAL,
                    "%s needs %zu open files (%s), %llu are allowed: lower "
                    "them, or raise LimitNOFILE",
                    options->name, wanted, options->files_words, (unsigned long long)limit.rlim_max);
}

static enum bus_status find_address(const struct bus_http_options *options, struct addrinfo **out_address,
                                    struct bus_error *error)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    char port[PORT_SIZE];
    snprintf(port, sizeof port, "%u", options->port);
    int failure = getaddrinfo(options->host, port, &hints, out_address);
    return failure == 0 ? BUS_OK
                        : bus_fail(error, BUS_FATAL, "%s: listen at %s: %s", options->name, options->host,
                                   gai_strerror(failure));
}

static enum bus_status start_daemon(struct bus_http_server *http, const struct bus_http_options *options,
                                    const struct bus_buffer pems[3], struct bus_error *error)
{
    struct addrinfo *address = NULL;
    enum bus_status status = find_address(options, &address, error);
    if (status != BUS_OK)
        return status;
    unsigned flags = MHD_USE_TLS | MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (address->ai_family == AF_INET6 ? MHD_USE_DUAL_STACK : 0);
    struct MHD_OptionItem more[3] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    size_t count = 0;
    if (options->threads > 1)
        more[count++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)options->threads, NULL};
    if (options->client_ca[0] != '\0')
        more[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, pems[2].data};
    http->daemon = MHD_start_daemon(
        flags, options->port, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, http,
        MHD_OPTION_SOCK_ADDR, address->ai_addr, MHD_OPTION_HTTPS_MEM_CERT, (const char *)pems[0].data,
        MHD_OPTION_HTTPS_MEM_KEY, (const char *)pems[1].data, MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)options->max_connections_per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CALL_MEMORY,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    freeaddrinfo(address);
    return http->daemon != NULL
               ? BUS_OK
               : bus_fail(
                     error, BUS_FATAL,
                     "%s: cannot listen at %s port %u with certificate %s: the lines above say why; is the address "
                     "taken, does the key fit the certificate?",
                     options->name, options->host, options->port, options->certificate);
}

static enum bus_status start_watch(struct bus_http_server *http, const struct bus_http_options *options,
                                   struct bus_error *error)
{
    const struct bus_http_watch_options limits = {
        .connections = options->max_connections,
        .limits_ms = {[BUS_HTTP_HEADERS] = options->header_ms,
                      [BUS_HTTP_BODY] = options->body_ms,
                      [BUS_HTTP_SENDING] = options->send_ms},
        .tick = http->handler.tick,
        .self = http->handler.self,
    };
    return bus_http_watch_start(&limits, &http->watch, error);
}

enum bus_status bus_http_server_start(const struct bus_http_options *options, const struct bus_http_handler *handler,
                                      struct bus_http_server **out_http, struct bus_error *error)
{
    const char *const paths[] = {options->certificate, options->key, options->client_ca};
    struct bus_buffer pems[3] = {{0}};
    struct bus_http_server *http = calloc(1, sizeof *http);
    if (http == NULL)
        return bus_fail(error, BUS_FATAL, "%s: cannot listen: out of memory", options->name);
    http->handler = *handler;
    pthread_mutex_init(&http->log_lock, NULL);
    enum bus_status status = raise_limit(options, error);
    for (int i = 0; status == BUS_OK && i < 3; i++)
        if (paths[i][0] != '\0')
            status = read_pem(paths[i], &pems[i], error);
    if (status == BUS_OK)
        status = start_watch(http, options, error);
    if (status == BUS_OK)
        status = start_daemon(http, options, pems, error);
    if (pems[1].data != NULL)
        bus_wipe(pems[1].data, pems[1].length);
    for (int i = 0; i < 3; i++)
        bus_buffer_release(&pems[i]);
    if (status == BUS_OK)
        *out_http = http;
    else
        bus_http_server_stop(http);
    return status;
}

void bus_http_server_stop(struct bus_http_server *http)
{
    if (http == NULL)
        return;
    for (int waited_ms = 0; waited_ms < STOP_MS && atomic_load(&http->calls) > 0; waited_ms += STOP_STEP_MS)
        bus_clock_sleep_ms(STOP_STEP_MS);
    if (http->daemon != NULL)
        MHD_stop_daemon(http->daemon);
    bus_http_watch_stop(http->watch);
    pthread_mutex_destroy(&http->log_lock);
    free(http);
}

uint16_t bus_http_server_port(const struct bus_http_server *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info != NULL ? info->port : 0;
}
