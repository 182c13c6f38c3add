#include "bus/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop_flag, reload_flag;

static void on_signal(int number)
{
    (void)number;
    stop_flag = 1;
}

void bus_stop_install(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: a blocking call returns and sees the flag */
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
}

bool bus_stop_requested(void)
{
    return stop_flag != 0;
}

void bus_stop_request(void)
{
    stop_flag = 1;
}

static void on_reload(int number)
{
    (void)number;
    reload_flag = 1;
}

void bus_reload_install(void)
{
    struct sigaction action = {.sa_handler = on_reload};
    sigemptyset(&action.sa_mask);
    sigaction(SIGHUP, &action, NULL);
}

bool bus_reload_requested(void)
{
    if (reload_flag == 0)
        return false;
    reload_flag = 0; /* a signal that comes before this line is served by this answer as well */
    return true;
}
