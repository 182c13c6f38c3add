/* xinqiao-adapter: takes the files that a department puts into its inbox into Kafka, every row once. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/engine.h"
#include "bus/stop.h"

enum { EXIT_WRONG_USE = 2 };

struct arguments {
    const char *config;
    bool check_only, once;
};

static void print_help(void)
{
    puts("xinqiao-adapter: 部门适配器 / the adapter of a department\n"
         "\n"
         "  --config FILE   配置文件 / configuration\n"
         "  --once          取完现有文件即退出 / takes what is in the inbox and ends\n"
         "  --check         只检查配置、目录和映射 / check configuration, catalogue and mappings only\n"
         "  --help          本说明 / this text\n"
         "  --version       版本 / version\n"
         "\n"
         "SIGTERM 或 SIGINT：提交已取的行后停止 / commits the rows taken and stops.\n"
         "Options of the configuration:");
    for (const struct bus_option *option = adapters_options; option->name != NULL; option++)
        printf("  %-14s %s%s%s%s\n", option->name, option->help, option->default_text != NULL ? " (" : "",
               option->default_text != NULL ? option->default_text : "", option->default_text != NULL ? ")" : "");
}

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *out_arguments)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"once", no_argument, NULL, 'o'},
        {"check", no_argument, NULL, 'k'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    *out_arguments = (struct arguments){0};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': out_arguments->config = optarg; break;
        case 'o': out_arguments->once = true; break;
        case 'k': out_arguments->check_only = true; break;
        case 'h': print_help(); return EXIT_SUCCESS;
        case 'v': puts("xinqiao-adapter " XINQIAO_VERSION); return EXIT_SUCCESS;
        default: return EXIT_WRONG_USE;
        }
    }
    if (out_arguments->config != NULL && optind == argc)
        return -1;
    fputs("xinqiao-adapter: --config FILE is needed; --help tells more\n", stderr);
    return EXIT_WRONG_USE;
}

static enum bus_status run(const struct arguments *arguments, struct bus_error *error)
{
    static struct adapters_settings settings;
    struct adapters_engine *engine = NULL;
    enum bus_status status = adapters_settings_load(arguments->config, &settings, error);
    if (status != BUS_OK)
        return status;
    char process[160];
    snprintf(process, sizeof process, "adapter/%.128s", settings.name);
    bus_log_open(process, settings.log_level);
    status = adapters_engine_create(&settings, &engine, error);
    if (status == BUS_OK && !arguments->check_only)
        status = adapters_engine_run(engine, arguments->once, error);
    adapters_engine_destroy(engine);
    adapters_settings_release(&settings);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int exit_status = read_arguments(argc, argv, &arguments);
    if (exit_status >= 0)
        return exit_status;
    bus_stop_install();
    bus_log_open("adapter", BUS_LOG_INFO);
    struct bus_error error;
    enum bus_status status = run(&arguments, &error);
    if (status != BUS_OK)
        bus_log_failure(BUS_LOG_ERROR, "adapter failed", status, &error);
    else if (arguments.check_only)
        printf("%s: 配置可用 / configuration is good\n", arguments.config);
    return status == BUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
