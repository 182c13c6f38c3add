#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const struct bus_option cli_options[] = {
    {"catalogue", BUS_OPTION_TEXT, "", 0, 0, NULL, "catalogue file, relative to this one"},
    {"kafka", BUS_OPTION_GROUP, "", 0, 0, NULL, "where Kafka is"},
    {"keys", BUS_OPTION_TEXT, "", 0, 0, NULL, "folder of pinned public keys, <key_id>.pem, relative to this file"},
    {"receipt_keys", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "folder of the subscribers' pinned public keys, <subscriber>/<key_id>.pem; empty: receipts are not checked"},
    {"state", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "the gateway's state folder when it is on this machine, relative to this file: subject reports need no scan then"},
    {"pepper", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "file of the exchange's pepper, relative to this file: to find a subject"},
    {"gateway_group", BUS_OPTION_TEXT, "xq-gateway", 0, 0, NULL, "consumer group of the gateway"},
    {"agent_group_prefix", BUS_OPTION_TEXT, "xq-agent-", 0, 0, NULL,
     "agents' consumer groups: this and the subscriber's name"},
    {0},
};

enum { MAX_OPTIONS = 32 };

/* --- the context --- */

const struct bus_catalogue *cli_catalogue(struct cli_context *context)
{
    struct bus_error error;
    if (context->loaded != NULL)
        return context->loaded;
    if (context->catalogue_path == NULL) {
        cli_say(CLI_WRONG_USE, "没有指定目录：请用 --catalogue 文件、XQ_CATALOGUE 或 --config",
                "no catalogue given: use --catalogue FILE, XQ_CATALOGUE or --config");
        return NULL;
    }
    enum bus_status status = bus_catalogue_load(context->catalogue_path, &context->loaded, &error);
    if (status == BUS_OK)
        return context->loaded;
    cli_fail(status, &error);
    context->loaded = NULL;
    return NULL;
}

const struct bus_kafka *cli_kafka(const struct cli_context *context)
{
    if (context->kafka.bootstrap != NULL)
        return &context->kafka;
    cli_say(CLI_WRONG_USE, "没有指定 Kafka：请用 --bootstrap 主机:端口、XQ_BOOTSTRAP 或 --config",
            "no Kafka given: use --bootstrap HOST:PORT, XQ_BOOTSTRAP or --config");
    return NULL;
}

/* --- arguments --- */

static const struct cli_option *find_option(const struct cli_option *options, const char *name, size_t length)
{
    for (; options->name != NULL; options++)
        if (strlen(options->name) == length && strncmp(options->name, name, length) == 0)
            return options;
    return NULL;
}

static int unknown_option(const char *argument, const struct cli_option *options)
{
    struct bus_option known[MAX_OPTIONS + 1] = {0};
    for (size_t i = 0; i < MAX_OPTIONS && options[i].name != NULL; i++)
        known[i].name = options[i].name;
    const char *nearest = bus_settings_nearest(known, argument + 2);
    fprintf(stderr, "✗ 未知选项 / unknown option: %s", argument);
    if (nearest != NULL)
        fprintf(stderr, "；是否 / did you mean --%s?", nearest);
    fputc('\n', stderr);
    return -1;
}

static bool read_value(const struct cli_option *option, char *value)
{
    if (option->kind == CLI_OPTION_TEXT) {
        *(const char **)option->out = value;
        return true;
    }
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || number < 0) {
        fprintf(stderr, "✗ --%s 需要一个非负整数 / --%s needs a number that is not negative: %s\n", option->name,
                option->name, value);
        return false;
    }
    *(int64_t *)option->out = number;
    return true;
}

/* Reads the option at argv[at]; the number of arguments it took, or -1. */
static int read_option(int argc, char **argv, int at, const struct cli_option *options)
{
    char *name = argv[at] + 2, *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *option = find_option(options, name, length);
    if (option == NULL)
        return unknown_option(argv[at], options);
    if (option->kind == CLI_OPTION_FLAG && equals == NULL) {
        *(bool *)option->out = true;
        return 1;
    }
    char *value = equals != NULL ? equals + 1 : at + 1 < argc ? argv[at + 1] : NULL;
    if (value == NULL || option->kind == CLI_OPTION_FLAG) {
        fprintf(stderr, "✗ --%s %s\n", option->name,
                value == NULL ? "缺少值 / needs a value" : "不带值 / takes no value");
        return -1;
    }
    return read_value(option, value) ? (equals != NULL ? 1 : 2) : -1;
}

int cli_arguments(int argc, char **argv, const struct cli_option *options)
{
    int rest = 0;
    for (int at = 1; at < argc;) {
        if (strncmp(argv[at], "--", 2) != 0) {
            argv[1 + rest++] = argv[at++];
            continue;
        }
        int taken = read_option(argc, argv, at, options);
        if (taken < 0)
            return -1;
        at += taken;
    }
    return rest;
}

int cli_usage(const char *usage)
{
    fputs("用法 / usage:\n", stderr);
    for (const char *line = usage; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        fprintf(stderr, "  xinqiao %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    return CLI_WRONG_USE;
}

/* --- endings --- */

int cli_fail(enum bus_status status, const struct bus_error *error)
{
    if (error->message_zh[0] != '\0')
        fprintf(stderr, "✗ %s\n  %s\n", error->message_zh, error->message);
    else
        fprintf(stderr, "✗ %s%s\n", status == BUS_RETRY ? "无法连接 / cannot reach: " : "", error->message);
    switch (status) {
    case BUS_OK: return CLI_DONE;
    case BUS_RETRY: return CLI_CANNOT_REACH;
    case BUS_REJECT: return CLI_NO;
    case BUS_FATAL: break;
    }
    return CLI_WRONG_USE;
}

int cli_say(int code, const char *text_zh, const char *text_en)
{
    fprintf(stderr, "%s %s\n  %s\n", code == CLI_DONE ? "✓" : "✗", text_zh, text_en);
    return code;
}

int cli_print(const struct bus_buffer *buffer)
{
    if (buffer->failed)
        return cli_say(CLI_CANNOT_REACH, "答案太长，内存不足", "the answer is too long for memory");
    fwrite(buffer->data, 1, buffer->length, stdout);
    putchar('\n');
    if (fflush(stdout) == 0)
        return CLI_DONE;
    return cli_say(CLI_CANNOT_REACH, "无法写到标准输出", "cannot write to standard output");
}

void cli_time(int64_t at_ms, char out_text[CLI_TIME_SIZE])
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL || strftime(out_text, CLI_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        snprintf(out_text, CLI_TIME_SIZE, "%lld", (long long)at_ms);
}
