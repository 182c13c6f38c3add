#include "bus/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum bus_status bus_fail(struct bus_error *error, enum bus_status status, const char *format, ...)
{
    if (error == NULL)
        return status;
    char message[BUS_ERROR_TEXT_SIZE]; /* the arguments may point into *error */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    memcpy(error->message, message, sizeof message);
    error->code[0] = '\0';
    error->message_zh[0] = '\0';
    return status;
}

enum bus_status bus_reject(struct bus_error *error, const char *code, const char *message_zh, const char *message_en)
{
    if (error != NULL) {
        snprintf(error->code, sizeof error->code, "%s", code);
        snprintf(error->message, sizeof error->message, "%s", message_en);
        snprintf(error->message_zh, sizeof error->message_zh, "%s", message_zh);
    }
    return BUS_REJECT;
}

void bus_error_prefix(struct bus_error *error, const char *format, ...)
{
    if (error == NULL)
        return;
    char context[BUS_ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
    char whole[2 * BUS_ERROR_TEXT_SIZE + 2];
    snprintf(whole, sizeof whole, "%s: %s", context, error->message);
    snprintf(error->message, sizeof error->message, "%.*s", BUS_ERROR_TEXT_SIZE - 1, whole);
}

const char *bus_status_name(enum bus_status status)
{
    static const char *const names[] = {"OK", "RETRY", "REJECT", "FATAL"};
    return names[status];
}
