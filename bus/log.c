#include "bus/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2048 };

static struct {
    char process[64];
    enum bus_log_level level;
} sink = {"xinqiao", BUS_LOG_INFO};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

enum bus_log_level bus_log_level_of(const char *name)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(level_names[i], name) == 0)
            return (enum bus_log_level)i;
    return BUS_LOG_INFO;
}

void bus_log_open(const char *process, enum bus_log_level level)
{
    snprintf(sink.process, sizeof sink.process, "%s", process);
    sink.level = level;
}

static int line_head(char *line, enum bus_log_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    return snprintf(line, LINE_SIZE, "at=%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ level=%s process=%s pid=%d event=\"%s\"",
                    utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                    now.tv_nsec / 1000000, level_names[level], sink.process, (int)getpid(), event);
}

void bus_log(enum bus_log_level level, const char *event, const char *format, ...)
{
    if (level > sink.level)
        return;
    char line[LINE_SIZE + 1];
    int length = line_head(line, level, event);
    if (format[0] != '\0' && length < LINE_SIZE - 1) {
        line[length++] = ' ';
        va_list arguments;
        va_start(arguments, format);
        length += vsnprintf(line + length, (size_t)(LINE_SIZE - length), format, arguments);
        va_end(arguments);
    }
    if (length > LINE_SIZE - 1)
        length = LINE_SIZE - 1;
    for (int i = 0; i < length; i++)
        if (line[i] == '\n' || line[i] == '\r')
            line[i] = ' '; /* one event, one line, whatever a message holds */
    line[length++] = '\n';
    /* One write, so that lines of several processes do not mix. A log that cannot be written is nobody's error. */
    ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written;
}

void bus_log_failure(enum bus_log_level level, const char *event, enum bus_status status, const struct bus_error *error)
{
    bus_log(level, event, "status=%s code=%s reason=\"%s\"", bus_status_name(status),
            error->code[0] != '\0' ? error->code : "-", error->message);
}
