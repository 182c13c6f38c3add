/* xinqiao-gateway: decides who may have which event, seals what is delivered, and keeps the state of every record. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bus/clock.h"
#include "bus/stop.h"
#include "bus/subject.h"
#include "gateway/supervisor.h"

enum { EXIT_WRONG_USE = 2 };

static void print_help(void)
{
    puts("xinqiao-gateway: 信桥网关 / the gateway of a Xinqiao exchange\n"
         "\n"
         "  --config FILE   配置文件 / configuration\n"
         "  --check         只检查配置、目录和密钥文件 / check configuration, catalogue and key files only\n"
         "  --help          本说明 / this text\n"
         "  --version       版本 / version\n"
         "\n"
         "SIGTERM 或 SIGINT：完成当前事务后停止 / finishes the running transaction and stops.\n"
         "SIGHUP：重新读取目录，有误则保留原目录 / reads the catalogue anew; a bad one leaves the old in force.\n"
         "Options of the configuration:");
    for (const struct bus_option *option = gateway_options; option->name != NULL; option++)
        printf("  %-24s %s%s%s%s\n", option->name, option->help, option->default_text != NULL ? " (" : "",
               option->default_text != NULL ? option->default_text : "", option->default_text != NULL ? ")" : "");
}

/* What can be known to be wrong before anything starts. The keys are looked at and let go: parent and workers hold none. */
static enum bus_status check_files(const struct gateway_settings *settings, struct bus_error *error)
{
    struct bus_subject_keyer *keyer = NULL;
    enum bus_status status = bus_subject_keyer_load(settings->pepper, &keyer, error);
    bus_subject_keyer_destroy(keyer);
    struct stat file;
    if (status == BUS_OK && stat(settings->private_key, &file) != 0)
        status = bus_fail(error, BUS_FATAL, "private_key %s: %s; make one with xinqiao keys new", settings->private_key,
                          strerror(errno));
    if (status == BUS_OK && mkdir(settings->run, 0700) != 0 && errno != EEXIST)
        status = bus_fail(error, BUS_FATAL, "run folder %s: %s", settings->run, strerror(errno));
    return status;
}

static enum bus_status run(const char *path, bool check_only, struct bus_error *error)
{
    static struct gateway_settings settings;
    struct gateway_policy policy = {NULL, NULL};
    struct bus_clock clock = bus_clock_real();
    enum bus_status status = gateway_settings_load(path, &settings, error);
    if (status != BUS_OK)
        return status;
    bus_log_open("gateway", settings.log_level);
    status = gateway_policy_load(settings.catalogue, &policy, error);
    if (status == BUS_OK)
        status = check_files(&settings, error);
    if (status == BUS_OK)
        gateway_policy_check_calendar(&policy, bus_clock_now_ms(&clock));
    if (status == BUS_OK && !check_only)
        status = gateway_supervisor_run(&settings, &policy, error);
    gateway_policy_release(&policy);
    gateway_settings_release(&settings);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    const char *path = NULL;
    bool check_only = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': path = optarg; break;
        case 'k': check_only = true; break;
        case 'h': print_help(); return EXIT_SUCCESS;
        case 'v': puts("xinqiao-gateway " XINQIAO_VERSION); return EXIT_SUCCESS;
        default: return EXIT_WRONG_USE;
        }
    }
    if (path == NULL || optind != argc) {
        fputs("xinqiao-gateway: --config FILE is needed; --help tells more\n", stderr);
        return EXIT_WRONG_USE;
    }
    bus_stop_install();
    bus_reload_install();
    struct bus_error error;
    enum bus_status status = run(path, check_only, &error);
    if (status != BUS_OK)
        bus_log_failure(BUS_LOG_ERROR, "gateway failed", status, &error);
    else if (check_only)
        puts("OK");
    return status == BUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
