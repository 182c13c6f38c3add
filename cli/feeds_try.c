/* xinqiao feeds try: what a mapping makes of a file, without sending anything. The adapter itself tells it: it stands beside this program and
 * takes this one's place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/feeds.h"

enum { PATH_SIZE = 4096, NUMBER_SIZE = 24, MAX_ARGUMENTS = 16 };

#define USAGE "feeds try --config ADAPTER.cfg FEED FILE [--rows N] [--only-complaints] [--html FILE] [--show-personal]"
#define ADAPTER "xinqiao-adapter"

/* The adapter of this installation. */
static bool find_adapter(char out_path[PATH_SIZE])
{
    ssize_t length = readlink("/proc/self/exe", out_path, PATH_SIZE - sizeof ADAPTER);
    if (length <= 0)
        return false;
    out_path[length] = '\0';
    char *slash = strrchr(out_path, '/');
    if (slash == NULL)
        return false;
    strcpy(slash + 1, ADAPTER);
    return true;
}

int cli_feeds_try(struct cli_context *context, int argc, char **argv)
{
    const char *html = NULL;
    bool only_complaints = false, show_personal = false;
    int64_t rows = -1;
    const struct cli_option options[] = {
        {"rows", CLI_OPTION_INTEGER, &rows},
        {"only-complaints", CLI_OPTION_FLAG, &only_complaints},
        {"show-personal", CLI_OPTION_FLAG, &show_personal},
        {"html", CLI_OPTION_TEXT, &html},
        {0},
    };
    char path[PATH_SIZE], number[NUMBER_SIZE];
    const char *arguments[MAX_ARGUMENTS] = {path, "--config", context->foreign_config, "--try"};
    size_t count = 4;
    int rest = cli_arguments(argc, argv, options);
    if (rest != 2 || context->foreign_config == NULL)
        return rest < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    arguments[count++] = argv[1];
    snprintf(number, sizeof number, "%lld", (long long)rows);
    if (rows >= 0) {
        arguments[count++] = "--rows";
        arguments[count++] = number;
    }
    if (html != NULL) {
        arguments[count++] = "--html";
        arguments[count++] = html;
    }
    if (only_complaints)
        arguments[count++] = "--only-complaints";
    if (show_personal)
        arguments[count++] = "--show-personal";
    if (context->json)
        arguments[count++] = "--json";
    arguments[count++] = "--";
    arguments[count++] = argv[2];
    if (find_adapter(path))
        execv(path, (char *const *)arguments);
    fprintf(stderr, "✗ 无法运行 %s / cannot run it: %s\n", path, strerror(errno));
    return CLI_WRONG_USE;
}
