#include "subscribers/serve/serve.h"

#include "bus/clock.h"
#include "bus/log.h"
#include "bus/stop.h"
#include "subscribers/serve/front.h"

enum { STEP_MS = 200, PREPARE_AGAIN_MS = 5000 };

struct serve {
    struct serve_settings settings;
    struct bus_key *key;
    struct serve_pulse *pulse;
    struct serve_desk *desk;
    struct serve_front *front;
    struct bus_http_server *server;
    bool is_prepared, is_told;
    int64_t prepare_at_ms;
};

static enum bus_status load_key(struct serve *serve, struct bus_error *error)
{
    const char *path = serve->settings.agent->receipt_key_path;
    if (path[0] != '\0')
        return bus_key_load(path, &serve->key, error);
    bus_log(BUS_LOG_INFO, "checks are not signed", "reason=\"there is no receipt_key\"");
    return BUS_OK;
}

static enum bus_status listen_at(struct serve *serve, struct bus_error *error)
{
    const struct serve_settings *settings = &serve->settings;
    const struct bus_http_options options = {
        .name = "serve",
        .host = settings->host,
        .port = settings->port,
        .certificate = settings->certificate,
        .key = settings->key,
        .client_ca = settings->client_ca,
        .threads = 1,
        .max_connections = settings->max_connections,
        .max_connections_per_address = settings->max_connections_per_address,
        .files_words = "max_connections",
        .header_ms = settings->header_ms,
        .body_ms = settings->header_ms,
        .send_ms = settings->send_ms,
    };
    serve->front = serve_front_create(settings, serve->desk);
    if (serve->front == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    const struct bus_http_handler handler = serve_front_handler(serve->front);
    enum bus_status status = bus_http_server_start(&options, &handler, &serve->server, error);
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "listening", "address=%s port=%u certificates=%s persons=%s", settings->host,
                bus_http_server_port(serve->server), settings->client_ca[0] != '\0' ? "asked for" : "not asked for",
                settings->serves_persons ? "yes" : "no");
    return status;
}

static enum bus_status start(struct serve *serve, struct bus_error *error)
{
    enum bus_status status = load_key(serve, error);
    if (status == BUS_OK)
        status = serve_pulse_start(&serve->settings, &serve->pulse, error);
    if (status == BUS_OK)
        status = serve_desk_start(&serve->settings, serve->pulse, serve->key, &serve->desk, error);
    return status == BUS_OK ? listen_at(serve, error) : status;
}

/* The database may come later; until then questions are answered that it is away. */
static void prepare(struct serve *serve)
{
    struct bus_error error;
    if (serve->is_prepared || bus_clock_monotonic_ms() < serve->prepare_at_ms)
        return;
    enum bus_status status = serve_desk_prepare(serve->desk, &error);
    serve->is_prepared = status == BUS_OK;
    serve->prepare_at_ms = bus_clock_monotonic_ms() + PREPARE_AGAIN_MS;
    if (status != BUS_OK && !serve->is_told)
        bus_log_failure(BUS_LOG_WARN, "the store cannot be prepared for checks", status, &error);
    serve->is_told = status != BUS_OK;
}

static void reload(struct serve *serve)
{
    struct bus_error error;
    enum bus_status status = serve_desk_reload(serve->desk, &error);
    if (status != BUS_OK)
        bus_log_failure(BUS_LOG_ERROR, "新目录不可用，仍用原目录 / the new catalogue is not taken, the old one stays",
                        status, &error);
    else
        bus_log(BUS_LOG_INFO, "catalogue loaded anew", "%s", "");
    serve->is_prepared = serve->is_prepared && status != BUS_OK; /* new tables want indexes */
}

static void stop(struct serve *serve)
{
    serve_desk_close(serve->desk);
    bus_http_server_stop(serve->server);
    serve_front_destroy(serve->front);
    serve_desk_destroy(serve->desk);
    serve_pulse_stop(serve->pulse);
    bus_key_destroy(serve->key);
}

enum bus_status serve_run(const struct subscribers_settings *agent, bool check_only, struct bus_error *error)
{
    struct serve serve = {0};
    enum bus_status status = serve_settings_read(agent, &serve.settings, error);
    if (status != BUS_OK || check_only)
        return status;
    bus_stop_install();
    bus_reload_install();
    status = start(&serve, error);
    while (status == BUS_OK && !bus_stop_requested()) {
        if (bus_reload_requested())
            reload(&serve);
        prepare(&serve);
        bus_clock_sleep_ms(STEP_MS);
    }
    stop(&serve);
    return status;
}
