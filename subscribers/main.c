/* xinqiao-agent: brings a subscriber's deliveries, verified, into its own database or files. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "bus/stop.h"
#include "subscribers/engine/agent.h"
#include "subscribers/serve/serve.h"

static const char usage[] =
    "xinqiao-agent --config FILE [--serve] [--check]\n"
    "\n"
    "接收端：读取本订阅方的投递，逐条验证签章后写入数据库或文件，不丢、不重。\n"
    "Reads a subscriber's deliveries, verifies their seals and applies them to its sink, exactly once.\n"
    "SIGHUP：重新读取目录与授权 / reads the catalogue and the grants anew.\n"
    "\n"
    "  --config FILE  配置文件 / configuration (docs/configuration.md)\n"
    "  --serve        不写入，只答复本机的现场核查 / answers checks on the spot from the store, applies nothing (docs/recipes/check.md)\n"
    "  --check        只检查配置、目录与授权 / checks configuration, catalogue and grants, then exits\n"
    "  --help         本说明 / this text\n"
    "  --version      版本 / version\n"
    "\n"
    "exit status: 0 stopped cleanly, or the check is good; 1 it had to stop: the last log line says why; 2 wrong use\n";

struct arguments {
    const char *config;
    bool check_only, serves;
};

/* -1: go on; otherwise the exit status. */
static int read_arguments(int count, char **values, struct arguments *out_arguments)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"serve", no_argument, NULL, 's'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {0},
    };
    *out_arguments = (struct arguments){0};
    for (int option; (option = getopt_long(count, values, "", options, NULL)) != -1;)
        switch (option) {
        case 'c': out_arguments->config = optarg; break;
        case 'k': out_arguments->check_only = true; break;
        case 's': out_arguments->serves = true; break;
        case 'h': fputs(usage, stdout); return 0;
        case 'v': puts("xinqiao-agent " XINQIAO_VERSION); return 0;
        default: fputs(usage, stderr); return 2;
        }
    if (out_arguments->config == NULL || optind != count) {
        fputs(usage, stderr);
        return 2;
    }
    return -1;
}

/* The last line of an agent that had to stop; people act on it, so it speaks both languages. */
static void tell_end(enum bus_status status, const struct bus_error *error)
{
    const char *event = status == BUS_REJECT
                            ? "签章验证失败，已停止，该批未写入 / broken seal: stopped, nothing of it was applied"
                            : "已停止 / stopped";
    bus_log(BUS_LOG_ERROR, event, "status=%s code=%s reason=\"%s\" reason_zh=\"%s\"", bus_status_name(status),
            error->code[0] != '\0' ? error->code : "-", error->message, error->message_zh);
}

static enum bus_status apply(const struct subscribers_settings *settings, bool check_only, struct bus_error *error)
{
    struct subscribers_agent *agent = NULL;
    enum bus_status status = subscribers_agent_open(settings, &agent, error);
    if (status == BUS_OK && !check_only) {
        bus_stop_install();
        bus_reload_install();
        status = subscribers_agent_run(agent, error);
    }
    subscribers_agent_close(agent);
    return status;
}

int main(int count, char **values)
{
    struct arguments arguments;
    int exit_status = read_arguments(count, values, &arguments);
    if (exit_status >= 0)
        return exit_status;

    struct subscribers_settings settings;
    struct bus_error error = {0};
    bus_log_open("agent", BUS_LOG_INFO);
    enum bus_status status = subscribers_settings_load(arguments.config, &settings, &error);
    if (status == BUS_OK) {
        bus_log_open(settings.group, settings.log_level);
        status = arguments.serves ? serve_run(&settings, arguments.check_only, &error)
                                  : apply(&settings, arguments.check_only, &error);
    }
    if (status == BUS_OK && arguments.check_only)
        printf("%s: 配置可用 / configuration is good\n", arguments.config);
    if (status != BUS_OK)
        tell_end(status, &error);
    subscribers_settings_release(&settings);
    return status == BUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
