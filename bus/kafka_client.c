#include "bus/kafka_client.h"

#include <stdio.h>

#include "bus/clock.h"
#include "bus/log.h"

enum { ASK_EVERY_MS = 2000, ASK_TIMEOUT_MS = 500, TELL_EVERY_MS = 30000, SYSLOG_WARNING = 4 };

/* Short time-outs, so that a dead broker costs seconds; measured against killed and stopped brokers. */
static const struct bus_kafka_setting shared_settings[] = {
    {"socket.nagle.disable", "true"},      {"socket.keepalive.enable", "true"},
    {"socket.timeout.ms", "6000"},         {"socket.connection.setup.timeout.ms", "5000"},
    {"reconnect.backoff.ms", "100"},       {"reconnect.backoff.max.ms", "1000"},
    {"log.connection.close", "false"},     {"statistics.interval.ms", "0"},
    {"allow.auto.create.topics", "false"}, {NULL, NULL},
};

static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque);
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text);

static enum bus_status set_all(rd_kafka_conf_t *conf, const struct bus_kafka_setting *settings, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (; status == BUS_OK && settings != NULL && settings->name != NULL; settings++)
        status = bus_kafka_set(conf, settings->name, settings->value, error);
    return status;
}

rd_kafka_conf_t *bus_kafka_conf(const struct bus_kafka *kafka, enum bus_status *out_status, struct bus_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum bus_status status = set_all(conf, shared_settings, error);
    if (status == BUS_OK)
        status = bus_kafka_set(conf, "bootstrap.servers", kafka->bootstrap, error);
    if (status == BUS_OK && kafka->client_id != NULL)
        status = bus_kafka_set(conf, "client.id", kafka->client_id, error);
    if (status == BUS_OK)
        status = set_all(conf, kafka->settings, error);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    *out_status = status;
    if (status == BUS_OK)
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

enum bus_status bus_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct bus_error *error)
{
    char reason[BUS_KAFKA_REASON_SIZE];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return BUS_OK;
    /* librdkafka's reason may quote the value, which may be a password: the name must do. */
    size_t size = 0;
    bool known = rd_kafka_conf_get(conf, name, NULL, &size) == RD_KAFKA_CONF_OK;
    return bus_fail(error, BUS_FATAL, "set Kafka property %s: %s; correct it in the configuration", name,
                    known ? "the value is not accepted" : "there is no such property");
}

enum bus_status bus_kafka_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, struct bus_error *error)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return bus_kafka_set(conf, name, text, error);
}

enum bus_status bus_kafka_client_open(struct bus_kafka_client *client, rd_kafka_type_t type, rd_kafka_conf_t *take_conf,
                                      const char *role, void *owner, struct bus_error *error)
{
    char reason[BUS_KAFKA_REASON_SIZE];
    *client = (struct bus_kafka_client){.owner = owner};
    snprintf(client->role, sizeof client->role, "%s", role);
    rd_kafka_conf_set_opaque(take_conf, client);
    client->handle = rd_kafka_new(type, take_conf, reason, sizeof reason);
    if (client->handle != NULL)
        return BUS_OK;
    rd_kafka_conf_destroy(take_conf);
    return bus_fail(error, BUS_FATAL, "create Kafka %s: %s", role, reason);
}

void bus_kafka_client_back(struct bus_kafka_client *client)
{
    if (!client->away)
        return;
    client->away = false;
    client->refused = false;
    bus_log(BUS_LOG_INFO, "kafka is back", "client=\"%s\"", client->role);
}

void bus_kafka_client_ask(struct bus_kafka_client *client)
{
    int64_t now = bus_clock_monotonic_ms();
    if (!client->away || now - client->asked_ms < ASK_EVERY_MS)
        return;
    client->asked_ms = now;
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(client->handle, 0, NULL, &metadata, ASK_TIMEOUT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_metadata_destroy(metadata);
    bus_kafka_client_back(client);
}

enum bus_kafka_verdict bus_kafka_settle(struct bus_kafka_client *client, rd_kafka_error_t *take_error,
                                        const char *tried, struct bus_error *error)
{
    if (take_error == NULL)
        return BUS_KAFKA_FINE;
    enum bus_kafka_verdict verdict = BUS_KAFKA_FATAL;
    if (rd_kafka_error_is_fatal(take_error))
        verdict = BUS_KAFKA_FATAL;
    else if (rd_kafka_error_txn_requires_abort(take_error))
        verdict = BUS_KAFKA_ABORT;
    else if (rd_kafka_error_is_retriable(take_error))
        verdict = BUS_KAFKA_AGAIN;
    bus_fail(error, verdict == BUS_KAFKA_FATAL ? BUS_FATAL : BUS_RETRY, "%s: %s: %s (%s)", client->role, tried,
             rd_kafka_error_string(take_error), rd_kafka_error_name(take_error));
    rd_kafka_error_destroy(take_error);
    return verdict;
}

bool bus_kafka_is_permanent(rd_kafka_resp_err_t code)
{
    switch ((int)code) { /* the enum has hundreds: the rest is not permanent */
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: return true;
    default: return false;
    }
}

enum bus_status bus_kafka_code(struct bus_kafka_client *client, rd_kafka_resp_err_t code, const char *tried,
                               struct bus_error *error)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return BUS_OK;
    char reason[BUS_KAFKA_REASON_SIZE];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client->handle, reason, sizeof reason);
    if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR)
        return bus_fail(error, BUS_FATAL, "%s: %s: %s (%s)", client->role, tried, reason, rd_kafka_err2name(fatal));
    if (bus_kafka_is_permanent(code))
        return bus_fail(error, BUS_FATAL, "%s: %s: %s (%s); check topics with `xinqiao topics check`, and rights",
                        client->role, tried, rd_kafka_err2str(code), rd_kafka_err2name(code));
    return bus_fail(error, BUS_RETRY, "%s: %s: %s (%s)%s%s", client->role, tried, rd_kafka_err2str(code),
                    rd_kafka_err2name(code), client->away ? "; brokers away: " : "",
                    client->away ? client->reason : "");
}

/* Runs inside poll. A single connection's failure is only remembered: it matters when no broker is left, or when we are
 * refused, for librdkafka then tries for ever. */
static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    (void)handle;
    struct bus_kafka_client *client = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        if (!client->away)
            bus_log(BUS_LOG_ERROR, "kafka is away", "client=\"%s\" reason=\"%s\" then=\"reconnects by itself\"",
                    client->role, client->reason[0] != '\0' ? client->reason : reason);
        client->away = true;
        return;
    }
    snprintf(client->reason, sizeof client->reason, "%s", reason);
    bool refused = code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                   code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
    if (refused && !client->refused) {
        client->refused = true;
        bus_log(BUS_LOG_ERROR, "kafka refuses us", "client=\"%s\" reason=\"%s\"", client->role, reason);
    }
}

/* What comes through on_error or as the status of a call as well. */
static bool is_told_elsewhere(const char *facility)
{
    static const char *const facilities[] = {"ERROR", "FATAL", "TXNERR", "GETPID", "COORDINATOR"};
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++)
        if (strcmp(facility, facilities[i]) == 0)
            return true;
    return false;
}

/* A commit that waits for a broker serves no callbacks, so on_error comes late: this is the first word of a failed
 * connection, and one in half a minute is enough. */
static void tell_failed_connection(struct bus_kafka_client *client, const char *text)
{
    int64_t now = bus_clock_monotonic_ms(), told = client->told_ms;
    if (told != 0 && now - told < TELL_EVERY_MS)
        return;
    if (atomic_compare_exchange_strong(&client->told_ms, &told, now))
        bus_log(BUS_LOG_WARN, "kafka connection failed", "client=\"%s\" reason=\"%s\" then=\"tries again by itself\"",
                client->role, text);
}

/* Runs on librdkafka's threads. */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    struct bus_kafka_client *client = rd_kafka_opaque(handle);
    if (is_told_elsewhere(facility))
        return;
    if (strcmp(facility, "FAIL") == 0) {
        tell_failed_connection(client, text);
        return;
    }
    bus_log(level <= SYSLOG_WARNING ? BUS_LOG_WARN : BUS_LOG_DEBUG, "librdkafka",
            "client=\"%s\" facility=%s text=\"%s\"", client->role, facility, text);
}
