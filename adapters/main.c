/* xinqiao-adapter: takes what a department delivers into Kafka, every row once. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/engine.h"
#include "adapters/trial/trial.h"
#include "bus/stop.h"

enum { EXIT_WRONG_USE = 2 };

struct arguments {
    const char *config;
    bool check_only, once;
    struct adapters_trial_options trial; /* feed NULL: none is asked for */
};

static void print_help(void)
{
    puts(
        "xinqiao-adapter: 部门适配器 / the adapter of a department\n"
        "\n"
        "  --config FILE   配置文件 / configuration\n"
        "  --once          取完现有文件即退出 / takes what is in the inbox and ends\n"
        "  --check         只检查配置、目录和映射 / check configuration, catalogue and mappings only\n"
        "  --try FEED FILE 试映射一个文件，不发送任何数据，不需要 Kafka / maps a file, sends nothing, needs no Kafka:\n"
        "     --rows N         显示前N行，默认20；全部行都映射并计数 / shows N rows; all are mapped and counted\n"
        "     --only-complaints 只显示有意见的行 / only rows with complaints\n"
        "     --html FILE      写成网页给部门看 / writes a page for the bureau\n"
        "     --show-personal  不遮盖个人信息 / masks nothing\n"
        "     --json           以 JSON 回答 / answers in JSON\n"
        "     退出码 exit: 0 全部通过 all is taken, 1 有意见 there are complaints, 2 用法或配置错误 wrong use\n"
        "  --help          本说明 / this text\n"
        "  --version       版本 / version\n"
        "\n"
        "SIGTERM 或 SIGINT：提交已取的行后停止 / commits the rows taken and stops.\n"
        "Options of the configuration:");
    for (const struct bus_option *option = adapters_options; option->name != NULL; option++)
        printf("  %-14s %s%s%s%s\n", option->name, option->help, option->default_text != NULL ? " (" : "",
               option->default_text != NULL ? option->default_text : "", option->default_text != NULL ? ")" : "");
}

static bool read_rows(const char *text, int64_t *out_rows)
{
    char *end;
    errno = 0;
    *out_rows = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *out_rows >= 0)
        return true;
    fputs("xinqiao-adapter: --rows 需要非负整数 / needs a number that is not negative\n", stderr);
    return false;
}

/* A trial needs one file, everything else none. */
static bool are_whole(struct arguments *arguments, int argc, char **argv)
{
    bool is_trial = arguments->trial.feed != NULL;
    if (is_trial && optind + 1 == argc)
        arguments->trial.file = argv[optind];
    if (arguments->config != NULL && optind + is_trial == argc)
        return true;
    fputs("xinqiao-adapter: --config FILE is needed, and with --try FEED one FILE; --help tells more\n", stderr);
    return false;
}

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *out_arguments)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"once", no_argument, NULL, 'o'},
        {"check", no_argument, NULL, 'k'},        {"try", required_argument, NULL, 't'},
        {"rows", required_argument, NULL, 'r'},   {"only-complaints", no_argument, NULL, 'l'},
        {"html", required_argument, NULL, 'p'},   {"show-personal", no_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},         {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    *out_arguments = (struct arguments){.trial = {.rows = ADAPTERS_TRIAL_ROWS}};
    struct adapters_trial_options *trial = &out_arguments->trial;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': out_arguments->config = optarg; break;
        case 'o': out_arguments->once = true; break;
        case 'k': out_arguments->check_only = true; break;
        case 't': trial->feed = optarg; break;
        case 'l': trial->only_complaints = true; break;
        case 'p': trial->html = optarg; break;
        case 's': trial->show_personal = true; break;
        case 'j': trial->json = true; break;
        case 'h': print_help(); return EXIT_SUCCESS;
        case 'v': puts("xinqiao-adapter " XINQIAO_VERSION); return EXIT_SUCCESS;
        case 'r':
            if (!read_rows(optarg, &trial->rows))
                return EXIT_WRONG_USE;
            break;
        default: return EXIT_WRONG_USE;
        }
    }
    return are_whole(out_arguments, argc, argv) ? -1 : EXIT_WRONG_USE;
}

/* What is wrong is for a person at a terminal, not for a log. */
static int run_trial(const struct arguments *arguments)
{
    static struct adapters_settings settings;
    struct bus_error error;
    bool is_clean = false;
    bus_log_open("adapter", BUS_LOG_ERROR);
    enum bus_status status = adapters_settings_load(arguments->config, &settings, &error);
    if (status == BUS_OK) {
        status = adapters_trial_run(&settings, &arguments->trial, &is_clean, &error);
        adapters_settings_release(&settings);
    }
    if (status == BUS_OK)
        return is_clean ? EXIT_SUCCESS : EXIT_FAILURE;
    fprintf(stderr, "✗ %s%s%s\n", error.message_zh, error.message_zh[0] != '\0' ? "\n  " : "", error.message);
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
    if (arguments.trial.feed != NULL)
        return run_trial(&arguments);
    bus_log_open("adapter", BUS_LOG_INFO);
    struct bus_error error;
    enum bus_status status = run(&arguments, &error);
    if (status != BUS_OK)
        bus_log_failure(BUS_LOG_ERROR, "adapter failed", status, &error);
    else if (arguments.check_only)
        printf("%s: 配置可用 / configuration is good\n", arguments.config);
    return status == BUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
