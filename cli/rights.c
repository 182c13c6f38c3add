/* xinqiao rights: an officer opens a case about a record, takes its next step, lists cases, shows one. What can be known before is said
 * before anything is sent; the last word is the gateway's (gateway/rights.h). */
#include "cli/rights.h"

#define USAGE                                                                                                                 \
    "rights open dispute|correction|repair|restriction RECORD --case NUMBER --document NUMBER --officer NAME --reason TEXT\n" \
    "rights resolve CASE --step UPHELD|REJECTED|REVOKED|LIFTED --document NUMBER --officer NAME --reason TEXT\n"              \
    "rights list [--open] [--overdue] [--department D] [--kind K]\n"                                                          \
    "rights show CASE [--kind K]"

int cli_rights(struct cli_context *context, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct cli_context *context, int argc, char **argv);
    } forms[] = {
        {"open", cli_rights_open},
        {"resolve", cli_rights_resolve},
        {"list", cli_rights_list},
        {"show", cli_rights_show},
    };
    for (size_t i = 0; argc > 1 && i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(argv[1], forms[i].name) == 0)
            return forms[i].run(context, argc - 1, argv + 1);
    return cli_usage(USAGE);
}
