/* Subject input: how an identifier gets to the command without ever standing in an argument list, where shell histories and process lists
 * would keep it. */
#ifndef CLI_SUBJECT_INPUT_H
#define CLI_SUBJECT_INPUT_H

#include "bus/event.h"

enum { CLI_SUBJECT_INPUT_SIZE = 64 };

/* Whether there is something in an argument that looks like a citizen number, credit code or organisation code. */
bool cli_subject_looks_named(const char *argument);

/* The only line of a file, of standard input ("-"), or, with `path` NULL, what is typed at the terminal without echo. `out_text` without
 * spaces at either end, in capitals; the caller wipes it. REJECT: nothing was given, or more than one line, or it was too long. FATAL: the
 * file cannot be read, or there is no terminal. */
BUS_MUST_CHECK enum bus_status cli_subject_input(const char *path, char out_text[CLI_SUBJECT_INPUT_SIZE],
                                                 struct bus_error *error);

#endif
