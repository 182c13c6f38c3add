/* Command: what every subcommand of `xinqiao` is given, how it reads its arguments, and how it ends.
 *
 * A subcommand is `int cli_<name>(struct cli_context *context, int argc, char **argv)`, listed in cli/main.c. argv[0] is its
 * name; the options that all commands share (--config, --bootstrap, --prefix, --catalogue, --keys, --receipt-keys, --state,
 * --pepper, --json) are taken out
 * before. It prints its answer to standard output, what went wrong to standard error, and returns an enum cli_exit. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "bus/catalogue.h"
#include "bus/clock.h"
#include "bus/producer.h"
#include "bus/settings.h"

enum cli_exit {
    CLI_DONE = 0,
    CLI_NO = 1,           /* the answer is no: books do not balance, nothing found, a proof fails */
    CLI_WRONG_USE = 2,    /* arguments, configuration, catalogue */
    CLI_CANNOT_REACH = 3, /* Kafka is away or refuses us */
};

struct cli_context {
    struct bus_settings *settings;  /* of --config or XQ_CONFIG, NULL without */
    struct bus_kafka kafka;         /* bootstrap NULL when it was not given: use cli_kafka */
    const char *prefix;             /* of topics, "xq." */
    const char *catalogue_path;     /* NULL when it was not given: use cli_catalogue */
    struct bus_catalogue *loaded;   /* by cli_catalogue */
    const char *keys_path;          /* folder of pinned public keys, NULL when it was not given */
    const char *receipt_keys_path;  /* folder of subscribers' public keys, <subscriber>/<key_id>.pem; NULL as above */
    const char *state_path;         /* the gateway's state folder on this machine, NULL when it was not given */
    const char *pepper_path;        /* file of the exchange's pepper, NULL when it was not given */
    const char *gateway_group;      /* consumer group of the gateway, "xq-gateway" */
    const char *agent_group_prefix; /* agents' groups are this and the subscriber's name, "xq-agent-" */
    const char *foreign_config;     /* --config of a command that passes it on to another program, else NULL */
    bool json;                      /* answer in JSON */
    struct bus_clock clock;
};

struct cli_command {
    const char *name;
    int (*run)(struct cli_context *context, int argc, char **argv);
    const char *usage; /* one line a form, after "xinqiao " */
    const char *meaning_zh, *meaning_en;
};

/* --- the context --- */

/* The catalogue, loaded at the first call; it belongs to the context. NULL after printing why; then return CLI_WRONG_USE. */
const struct bus_catalogue *cli_catalogue(struct cli_context *context);
/* Where Kafka is. NULL after printing that no bootstrap was given; then return CLI_WRONG_USE. */
const struct bus_kafka *cli_kafka(const struct cli_context *context);

/* --- arguments --- */

enum cli_option_kind { CLI_OPTION_TEXT, CLI_OPTION_INTEGER, CLI_OPTION_FLAG };

/* One option of a subcommand: "--name VALUE", "--name=VALUE" or, a flag, "--name". */
struct cli_option {
    const char *name; /* without "--"; NULL ends the table */
    enum cli_option_kind kind;
    void *out; /* const char **, int64_t * (not negative) or bool *; left as it is when absent */
};

/* Reads options, which may stand anywhere, and moves the other arguments to the front of argv + 1. Returns how many there
 * are, or -1 after printing what is wrong (an unknown option is answered with the nearest one); then return CLI_WRONG_USE. */
int cli_arguments(int argc, char **argv, const struct cli_option *options);
/* Prints "用法 / usage: xinqiao …" and returns CLI_WRONG_USE. */
int cli_usage(const char *usage);

/* --- endings --- */

/* Prints the error and returns the exit of its status: RETRY CLI_CANNOT_REACH, REJECT CLI_NO, FATAL CLI_WRONG_USE. */
int cli_fail(enum bus_status status, const struct bus_error *error);
/* One sentence in Chinese and English to standard error; returns `code`. */
int cli_say(int code, const char *text_zh, const char *text_en);
/* Writes the buffer and a newline to standard output; CLI_DONE, or CLI_CANNOT_REACH when it cannot be written or the
 * buffer failed. */
int cli_print(const struct bus_buffer *buffer);

/* A time as people read it: 2026-11-24T08:30:00Z. */
enum { CLI_TIME_SIZE = 32 };
void cli_time(int64_t at_ms, char out_text[CLI_TIME_SIZE]);

/* Options of the command's configuration file. */
extern const struct bus_option cli_options[];

/* --- the commands --- */

int cli_topics(struct cli_context *context, int argc, char **argv);
int cli_catalogue_command(struct cli_context *context, int argc, char **argv);
int cli_feeds_command(struct cli_context *context, int argc, char **argv);
int cli_books(struct cli_context *context, int argc, char **argv);
int cli_lag(struct cli_context *context, int argc, char **argv);
int cli_quarantine(struct cli_context *context, int argc, char **argv);
int cli_agents_command(struct cli_context *context, int argc, char **argv);
int cli_receipts(struct cli_context *context, int argc, char **argv);
int cli_laggards(struct cli_context *context, int argc, char **argv);
int cli_record(struct cli_context *context, int argc, char **argv);
int cli_why_command(struct cli_context *context, int argc, char **argv);
int cli_rights(struct cli_context *context, int argc, char **argv);
int cli_resync(struct cli_context *context, int argc, char **argv);
int cli_subject(struct cli_context *context, int argc, char **argv);
int cli_prove(struct cli_context *context, int argc, char **argv);
int cli_verify(struct cli_context *context, int argc, char **argv);
int cli_keys(struct cli_context *context, int argc, char **argv);

#endif
