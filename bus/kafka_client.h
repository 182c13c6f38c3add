/* Kafka client: what producer, consumer and administration share of librdkafka: settings, callbacks, the reading of errors.
 *
 * Private to the wrappers of librdkafka. Whether the brokers are away is told once, and once when they are back; librdkafka
 * reconnects by itself. */
#ifndef BUS_KAFKA_CLIENT_H
#define BUS_KAFKA_CLIENT_H

#include <stdatomic.h>

#include <librdkafka/rdkafka.h>

#include "bus/producer.h"

enum {
    BUS_KAFKA_REQUEST_MS = 5000,     /* a question to the brokers outside transactions */
    BUS_KAFKA_RETRY_PAUSE_MS = 50,   /* between two tries of a call that librdkafka says to repeat */
    BUS_KAFKA_MAX_RETRIES = 2400,    /* two minutes of them: longer than any transaction lives */
    BUS_KAFKA_MAX_MESSAGE = 4194304, /* bytes of one message with its framing; topics are created to fit */
    BUS_KAFKA_REASON_SIZE = 256
};

struct bus_kafka_client {
    rd_kafka_t *handle;
    void *owner;                        /* the producer or consumer */
    char role[64];                      /* in logs and messages: "producer xq-gateway-0" */
    bool away;                          /* all brokers are down, as far as we know */
    bool refused;                       /* a broker refuses what we are (TLS, password): it will not mend itself */
    char reason[BUS_KAFKA_REASON_SIZE]; /* the last connection failure */
    int64_t asked_ms;                   /* when we last asked whether they are back */
    _Atomic int64_t told_ms;            /* when a failed connection was last logged; librdkafka's threads write it */
};

/* A configuration with what all clients share, then the properties of `kafka`. NULL with FATAL in *out_status. The caller
 * adds its own properties and gives it to bus_kafka_client_open. */
rd_kafka_conf_t *bus_kafka_conf(const struct bus_kafka *kafka, enum bus_status *out_status, struct bus_error *error);
/* One property. FATAL when librdkafka knows it not or refuses the value. */
BUS_MUST_CHECK enum bus_status bus_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                             struct bus_error *error);
BUS_MUST_CHECK enum bus_status bus_kafka_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value,
                                                    struct bus_error *error);
/* Creates the handle; takes `take_conf` whatever happens. `client` must stay where it is until the handle is destroyed. */
BUS_MUST_CHECK enum bus_status bus_kafka_client_open(struct bus_kafka_client *client, rd_kafka_type_t type,
                                                     rd_kafka_conf_t *take_conf, const char *role, void *owner,
                                                     struct bus_error *error);

/* Something succeeded: the brokers are there. */
void bus_kafka_client_back(struct bus_kafka_client *client);
/* Asks them, at most once in two seconds, when they are thought to be away. */
void bus_kafka_client_ask(struct bus_kafka_client *client);

/* What to do about an error of a transactional call, by its flags and in this order, never by its code alone. */
enum bus_kafka_verdict { BUS_KAFKA_FINE, BUS_KAFKA_FATAL, BUS_KAFKA_ABORT, BUS_KAFKA_AGAIN };
/* Takes `take_error` (NULL = fine) and writes its text to `error` unless fine. What has no flag is fatal. */
enum bus_kafka_verdict bus_kafka_settle(struct bus_kafka_client *client, rd_kafka_error_t *take_error,
                                        const char *tried, struct bus_error *error);
/* The status of a plain error code: FATAL when the client is in its fatal state, or the code says that we are refused or what
 * we ask for does not exist; RETRY otherwise. OK for no error. */
enum bus_status bus_kafka_code(struct bus_kafka_client *client, rd_kafka_resp_err_t code, const char *tried,
                               struct bus_error *error);
/* Whether repeating cannot help: refused, unknown topic or partition, message too large or not accepted. */
bool bus_kafka_is_permanent(rd_kafka_resp_err_t code);

/* The group metadata of a consumer, for its transactions (KIP-447); NULL without a group. The caller destroys it. */
rd_kafka_consumer_group_metadata_t *bus_consumer_group_metadata(struct bus_consumer *consumer);

#endif
