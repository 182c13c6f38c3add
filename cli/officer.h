/* Officer: who answers for what a command asks or orders, and why; both go into the record of it and stay there. */
#ifndef CLI_OFFICER_H
#define CLI_OFFICER_H

#include <stdbool.h>

enum { CLI_OFFICER_MAX_TEXT = 300 }; /* bytes of either */

/* Whether both are given and short enough; otherwise says that `what` ("指令", "an order") needs them, and the caller returns CLI_WRONG_USE. */
bool cli_is_answered_for(const char *what_zh, const char *what_en, const char *officer, const char *reason);

#endif
