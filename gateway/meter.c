#include "gateway/meter.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "bus/clock.h"
#include "bus/log.h"

enum { LINE_SIZE = 512 };

static int64_t thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void gateway_meter_start(struct gateway_meter *meter)
{
    meter->lap_ns = thread_cpu_ns();
}

void gateway_meter_lap(struct gateway_meter *meter, enum gateway_phase phase)
{
    int64_t now_ns = thread_cpu_ns();
    meter->cpu_ns[phase] += now_ns - meter->lap_ns;
    meter->lap_ns = now_ns;
}

void gateway_meter_lap_divided(struct gateway_meter *meter, enum gateway_phase first, uint64_t first_ticks,
                               enum gateway_phase second, uint64_t second_ticks)
{
    int64_t now_ns = thread_cpu_ns(), spent_ns = now_ns - meter->lap_ns;
    double share = (double)first_ticks / (double)(first_ticks + second_ticks + 1);
    int64_t first_ns = (int64_t)((double)spent_ns * share);
    meter->cpu_ns[first] += first_ns;
    meter->cpu_ns[second] += spent_ns - first_ns;
    meter->lap_ns = now_ns;
}

uint64_t gateway_meter_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void gateway_meter_tell(struct gateway_meter *meter, int64_t every_ms)
{
    static const char *const names[GATEWAY_PHASE_COUNT] = {"gather",    "decode",  "validate", "reconcile",
                                                           "authorise", "project", "books",    "seal",
                                                           "settle",    "commit",  "state"};
    int64_t now_ms = bus_clock_monotonic_ms();
    if (meter->events == 0 ||
        (every_ms > 0 && (now_ms - meter->told_ms < every_ms || meter->events == meter->told_events)))
        return;
    meter->told_ms = now_ms;
    meter->told_events = meter->events;
    char line[LINE_SIZE];
    int length = 0;
    for (int i = 0; i < GATEWAY_PHASE_COUNT && length < LINE_SIZE; i++)
        length += snprintf(line + length, (size_t)(LINE_SIZE - length), " %s_cpu_s=%.3f", names[i],
                           (double)meter->cpu_ns[i] / 1e9);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    bus_log(BUS_LOG_INFO, "gateway meter",
            "batches=%lld events=%lld deliveries=%lld%s process_cpu_s=%.3f resident_kib=%ld", (long long)meter->batches,
            (long long)meter->events, (long long)meter->deliveries, line,
            seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), usage.ru_maxrss);
}
