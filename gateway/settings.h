/* Settings of xinqiao-gateway: one libconfig file (deploy/ has an example; docs/configuration.md lists the options). */
#ifndef GATEWAY_SETTINGS_H
#define GATEWAY_SETTINGS_H

#include "bus/kafka_settings.h"
#include "bus/log.h"

enum { GATEWAY_MAX_WORKERS = 64, GATEWAY_PATH_SIZE = 1024 };

extern const struct bus_option gateway_options[];

struct gateway_settings {
    struct bus_settings *file; /* owns the texts below */
    struct bus_kafka_settings kafka;
    const char *node; /* this machine's name in the exchange: transactional ids and static members are made from it */
    const char *group;
    int workers;
    int32_t partitions;
    char catalogue[GATEWAY_PATH_SIZE], state[GATEWAY_PATH_SIZE], run[GATEWAY_PATH_SIZE], private_key[GATEWAY_PATH_SIZE],
        pepper[GATEWAY_PATH_SIZE];
    char receipt_keys[GATEWAY_PATH_SIZE]; /* "" = receipts are passed over */
    char socket[GATEWAY_PATH_SIZE + 32];  /* of the keyholder, in `run` */
    size_t batch_records, batch_bytes;
    int64_t batch_ms;
    size_t state_map_bytes;
    int64_t session_timeout_ms, transaction_timeout_ms;
    enum bus_log_level log_level;
    char rehearsal_clock[GATEWAY_PATH_SIZE]; /* "" = none */
};

/* FATAL with file and line. `out_settings` must not be moved afterwards. */
BUS_MUST_CHECK enum bus_status gateway_settings_load(const char *path, struct gateway_settings *out_settings,
                                                     struct bus_error *error);
void gateway_settings_release(struct gateway_settings *settings);

#endif
