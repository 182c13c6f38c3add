/* xinqiao subject: what the exchange holds about a subject, and to whom it was disclosed. */
#include "cli/command.h"

int cli_subject(struct cli_context *context, int argc, char **argv)
{
    (void)context;
    (void)argc;
    (void)argv;
    return cli_say(CLI_WRONG_USE, "尚不可用", "not available yet");
}
