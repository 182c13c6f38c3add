#include "gateway/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/clock.h"
#include "bus/stop.h"
#include "gateway/keyholder.h"
#include "gateway/worker.h"

enum {
    KEYHOLDER = 0, /* index among the children; workers follow */
    MAX_CHILDREN = 1 + GATEWAY_MAX_WORKERS,
    LOOK_MS = 100,
    FIRST_BACKOFF_MS = 20, /* a first death is an accident: back at once */
    LAST_BACKOFF_MS = 5000,
    STEADY_MS = 10000,       /* a child that lived so long starts with the first back-off again */
    STUCK_MS = 120000,       /* a worker that shows no sign of life so long is killed; longer than any wait on Kafka */
    STOP_WORKERS_MS = 25000, /* for workers to finish their transactions */
    STOP_KEYHOLDER_MS = 3000,
    EXIT_FAILED = 2,
};

struct child {
    pid_t pid; /* 0 = not running */
    int64_t started_ms, due_ms, backoff_ms;
    uint64_t seen_beat;
    int64_t seen_ms;
};

/* Memory that the workers see. */
struct shared {
    volatile uint64_t beats[GATEWAY_MAX_WORKERS];
    volatile char approved[GATEWAY_APPROVED_SIZE]; /* version of the catalogue in force */
};

struct supervisor {
    const struct gateway_settings *settings;
    struct gateway_policy *policy;
    struct child children[MAX_CHILDREN];
    int count;
    struct shared *shared;
};

static void name_child(int index, char out_name[32])
{
    if (index == KEYHOLDER)
        snprintf(out_name, 32, "gateway/keyholder");
    else
        snprintf(out_name, 32, "gateway/worker-%d", index - 1);
}

static enum bus_status run_keyholder(const struct supervisor *supervisor, struct bus_error *error)
{
    struct gateway_keyholder_options options = {
        .key_path = supervisor->settings->private_key,
        .socket_path = supervisor->settings->socket,
        .exchange = bus_catalogue_exchange_view(supervisor->policy->catalogue),
    };
    return gateway_keyholder_run(&options, error);
}

static enum bus_status run_worker(const struct supervisor *supervisor, int index, struct bus_error *error)
{
    struct gateway_worker_options options = {
        .settings = supervisor->settings,
        .take_policy = *supervisor->policy,
        .index = index,
        .heartbeat = &supervisor->shared->beats[index],
        .approved = supervisor->shared->approved,
    };
    return gateway_worker_run(&options, error);
}

/* The child's life. It dies with its parent, and a terminal's Ctrl-C reaches only the parent, which stops things in order. */
static _Noreturn void live(const struct supervisor *supervisor, int index, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILED);
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    char name[32];
    name_child(index, name);
    prctl(PR_SET_NAME, index == KEYHOLDER ? "xq-keyholder" : "xq-worker");
    bus_log_open(name, supervisor->settings->log_level);
    struct bus_error error;
    enum bus_status status =
        index == KEYHOLDER ? run_keyholder(supervisor, &error) : run_worker(supervisor, index - 1, &error);
    if (status != BUS_OK)
        bus_log_failure(BUS_LOG_ERROR, "stopped by a failure", status, &error);
    _exit(status == BUS_OK ? EXIT_SUCCESS : EXIT_FAILED);
}

static enum bus_status start_child(struct supervisor *supervisor, int index, struct bus_error *error)
{
    struct child *child = &supervisor->children[index];
    pid_t parent = getpid();
    child->pid = fork();
    if (child->pid == 0)
        live(supervisor, index, parent);
    if (child->pid < 0) {
        child->pid = 0;
        return bus_fail(error, BUS_FATAL, "cannot start a process: %s", strerror(errno));
    }
    child->started_ms = child->seen_ms = bus_clock_monotonic_ms();
    return BUS_OK;
}

static enum bus_status start_due(struct supervisor *supervisor, struct bus_error *error)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    enum bus_status status = BUS_OK;
    for (int i = 0; status == BUS_OK && i < supervisor->count; i++)
        if (supervisor->children[i].pid == 0 && supervisor->children[i].due_ms <= now_ms)
            status = start_child(supervisor, i, error);
    return status;
}

static void tell_death(int index, int how, int64_t lived_ms, int64_t backoff_ms)
{
    char name[32];
    name_child(index, name);
    bool killed = WIFSIGNALED(how);
    bus_log(BUS_LOG_WARN, "process died, will be started again", "name=%s %s=%d lived_ms=%lld after_ms=%lld", name,
            killed ? "signal" : "exit", killed ? WTERMSIG(how) : WEXITSTATUS(how), (long long)lived_ms,
            (long long)backoff_ms);
}

/* Takes note of one dead child; its next start is due after the back-off. */
static void bury(struct supervisor *supervisor, pid_t pid, int how)
{
    for (int i = 0; i < supervisor->count; i++) {
        struct child *child = &supervisor->children[i];
        if (child->pid != pid)
            continue;
        int64_t now_ms = bus_clock_monotonic_ms(), lived_ms = now_ms - child->started_ms;
        child->pid = 0;
        if (lived_ms >= STEADY_MS || child->backoff_ms == 0)
            child->backoff_ms = FIRST_BACKOFF_MS;
        else
            child->backoff_ms = child->backoff_ms * 2 < LAST_BACKOFF_MS ? child->backoff_ms * 2 : LAST_BACKOFF_MS;
        child->due_ms = now_ms + child->backoff_ms;
        if (!bus_stop_requested())
            tell_death(i, how, lived_ms, child->backoff_ms);
    }
}

static void bury_all(struct supervisor *supervisor)
{
    int how;
    pid_t pid;
    while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
        bury(supervisor, pid, how);
}

/* Polling Kafka hides a stuck worker from the group, so life is told by a counter of our own. */
static void kill_stuck(struct supervisor *supervisor)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    for (int i = KEYHOLDER + 1; i < supervisor->count; i++) {
        struct child *child = &supervisor->children[i];
        uint64_t beat = supervisor->shared->beats[i - 1];
        if (beat != child->seen_beat) {
            child->seen_beat = beat;
            child->seen_ms = now_ms;
        }
        if (child->pid == 0 || now_ms - child->seen_ms < STUCK_MS)
            continue;
        bus_log(BUS_LOG_ERROR, "worker shows no sign of life, killing it", "worker=%d for_ms=%lld", i - 1,
                (long long)(now_ms - child->seen_ms));
        kill(child->pid, SIGKILL);
        child->seen_ms = now_ms;
    }
}

/* Sleeps until a child dies, a signal comes or LOOK_MS have passed. */
static void wait_for_news(void)
{
    sigset_t deaths;
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    struct timespec wait = {0, LOOK_MS * 1000000L};
    sigtimedwait(&deaths, NULL, &wait);
}

static bool any_runs(const struct supervisor *supervisor, int first, int end)
{
    for (int i = first; i < end; i++)
        if (supervisor->children[i].pid != 0)
            return true;
    return false;
}

static void signal_children(const struct supervisor *supervisor, int first, int end, int number)
{
    for (int i = first; i < end; i++)
        if (supervisor->children[i].pid != 0)
            kill(supervisor->children[i].pid, number);
}

static void approve(struct supervisor *supervisor)
{
    const char *version = bus_catalogue_version_view(supervisor->policy->catalogue);
    for (size_t i = 0; i < GATEWAY_APPROVED_SIZE; i++) {
        supervisor->shared->approved[i] = *version;
        version += *version != '\0';
    }
}

static void reload(struct supervisor *supervisor)
{
    struct gateway_policy next;
    struct bus_error error;
    bool has_changed = false;
    enum bus_status status = gateway_policy_load_next(supervisor->policy, supervisor->settings->catalogue, true, &next,
                                                      &has_changed, &error);
    if (status != BUS_OK) {
        bus_log_failure(BUS_LOG_ERROR, "catalogue not taken, the old one stays in force", status, &error);
        return;
    }
    if (has_changed) {
        gateway_policy_release(supervisor->policy);
        *supervisor->policy = next;
        approve(supervisor);
    }
    struct bus_clock clock = bus_clock_real();
    gateway_policy_check_calendar(supervisor->policy, bus_clock_now_ms(&clock));
    bus_log(BUS_LOG_INFO, has_changed ? "catalogue taken" : "catalogue unchanged", "version=%s",
            bus_catalogue_version_view(supervisor->policy->catalogue));
    signal_children(supervisor, KEYHOLDER + 1, supervisor->count, SIGHUP);
}

/* False when one had to be killed. */
static bool stop_children(struct supervisor *supervisor, int first, int end, int64_t patience_ms)
{
    int64_t until_ms = bus_clock_monotonic_ms() + patience_ms;
    signal_children(supervisor, first, end, SIGTERM);
    while (any_runs(supervisor, first, end) && bus_clock_monotonic_ms() < until_ms) {
        wait_for_news();
        bury_all(supervisor);
    }
    bool in_order = !any_runs(supervisor, first, end);
    signal_children(supervisor, first, end, SIGKILL);
    while (any_runs(supervisor, first, end)) {
        wait_for_news();
        bury_all(supervisor);
    }
    return in_order;
}

/* Workers need the keyholder until their last transaction is sealed. */
static enum bus_status stop_all(struct supervisor *supervisor, struct bus_error *error)
{
    bool in_order = stop_children(supervisor, KEYHOLDER + 1, supervisor->count, STOP_WORKERS_MS);
    in_order = stop_children(supervisor, KEYHOLDER, KEYHOLDER + 1, STOP_KEYHOLDER_MS) && in_order;
    bus_log(BUS_LOG_INFO, "gateway stopped", "in_order=%d", in_order);
    return in_order ? BUS_OK : bus_fail(error, BUS_FATAL, "a process did not stop in time and was killed");
}

enum bus_status gateway_supervisor_run(const struct gateway_settings *settings, struct gateway_policy *policy,
                                       struct bus_error *error)
{
    struct supervisor supervisor = {
        .settings = settings,
        .policy = policy,
        .count = 1 + settings->workers,
    };
    void *shared = mmap(NULL, sizeof *supervisor.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return bus_fail(error, BUS_FATAL, "cannot share memory with the workers: %s", strerror(errno));
    supervisor.shared = shared;
    approve(&supervisor);
    sigset_t deaths;
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    sigprocmask(SIG_BLOCK, &deaths, NULL);

    enum bus_status status = BUS_OK;
    while (!bus_stop_requested() && status == BUS_OK) {
        status = start_due(&supervisor, error);
        wait_for_news();
        bury_all(&supervisor);
        kill_stuck(&supervisor);
        if (bus_reload_requested())
            reload(&supervisor);
    }
    struct bus_error failure = *error;
    enum bus_status stopped = stop_all(&supervisor, error);
    munmap(shared, sizeof *supervisor.shared);
    if (status == BUS_OK)
        return stopped;
    *error = failure;
    return status;
}
