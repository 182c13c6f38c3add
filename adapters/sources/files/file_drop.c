#include "adapters/sources/files/file_drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/file.h"
#include "bus/log.h"

#define MARK_SUFFIX ".ok"
#define REPORT_SUFFIX ".report.csv"

enum {
    PATH_SIZE = 4096,
    FOLDER_MODE = 0770,     /* the department's group may put files in */
    REPORT_NAME_ROOM = 200, /* so much of a file's name goes into its report's */
    MAX_SAME_NAMES = 10000,
    EVENTS_SIZE = 16 * 1024,
};

static const char *const outcome_folders[] = {"done", "held"};

struct adapters_drop {
    struct adapters_drop_options options;
    int folders[ADAPTERS_MAX_FEEDS]; /* open <inbox>/<feed> */
    int watch;                       /* inotify */
    char *names[ADAPTERS_DROP_MAX_LISTED];
    size_t name_count;
};

static void forget_names(struct adapters_drop *drop)
{
    for (size_t i = 0; i < drop->name_count; i++)
        free(drop->names[i]);
    drop->name_count = 0;
}

/* Makes a folder and those above it. */
static enum bus_status make_folder(const char *path, struct bus_error *error)
{
    char part[PATH_SIZE];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return bus_fail(error, BUS_FATAL, "folder %.100s…: the path is too long", path);
    for (char *at = part + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(part, FOLDER_MODE) != 0 && errno != EEXIST)
            return bus_fail(error, BUS_FATAL, "make folder %s: %s", part, strerror(errno));
        *at = kept;
        if (kept == '\0')
            return BUS_OK;
    }
}

static enum bus_status open_feed(struct adapters_drop *drop, size_t feed, struct bus_error *error)
{
    char path[PATH_SIZE];
    const char *inbox = drop->options.inbox, *name = drop->options.feeds[feed].name;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < sizeof outcome_folders / sizeof *outcome_folders; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", inbox, name, outcome_folders[i]);
        status = make_folder(path, error);
    }
    if (status != BUS_OK)
        return status;
    snprintf(path, sizeof path, "%s/%s", inbox, name);
    drop->folders[feed] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (drop->folders[feed] < 0)
        return bus_fail(error, BUS_FATAL, "open folder %s: %s", path, strerror(errno));
    if (inotify_add_watch(drop->watch, path, IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE) < 0)
        bus_log(BUS_LOG_WARN, "folder is not watched, only looked at from time to time", "folder=\"%s\" reason=\"%s\"",
                path, strerror(errno));
    return BUS_OK;
}

enum bus_status adapters_drop_open(const struct adapters_drop_options *options, struct adapters_drop **out_drop,
                                   struct bus_error *error)
{
    struct adapters_drop *drop = calloc(1, sizeof *drop);
    if (drop == NULL)
        return bus_fail(error, BUS_FATAL, "cannot watch the inbox: out of memory");
    drop->options = *options;
    for (size_t i = 0; i < ADAPTERS_MAX_FEEDS; i++)
        drop->folders[i] = -1;
    drop->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    enum bus_status status =
        drop->watch >= 0 ? BUS_OK : bus_fail(error, BUS_FATAL, "cannot watch the inbox: %s", strerror(errno));
    for (size_t i = 0; status == BUS_OK && i < options->feed_count; i++)
        status = open_feed(drop, i, error);
    if (status == BUS_OK)
        *out_drop = drop;
    else
        adapters_drop_close(drop);
    return status;
}

void adapters_drop_close(struct adapters_drop *drop)
{
    if (drop == NULL)
        return;
    forget_names(drop);
    for (size_t i = 0; i < ADAPTERS_MAX_FEEDS; i++)
        if (drop->folders[i] >= 0)
            close(drop->folders[i]);
    if (drop->watch >= 0)
        close(drop->watch);
    free(drop);
}

/* --- what is there --- */

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name), tail = strlen(suffix);
    return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

/* Hidden, or still under its working name. */
static bool is_unfinished(const char *name)
{
    return name[0] == '.' || ends_with(name, ".tmp") || ends_with(name, ".part");
}

static bool has_mark(const struct adapters_drop *drop, size_t feed, const char *name)
{
    char mark[ADAPTERS_FILE_NAME_SIZE + sizeof MARK_SUFFIX];
    struct stat found;
    snprintf(mark, sizeof mark, "%s" MARK_SUFFIX, name);
    return fstatat(drop->folders[feed], mark, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

static int64_t milliseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static bool is_complete(const struct adapters_drop *drop, size_t feed, const char *name)
{
    struct stat file;
    enum adapters_completion completion = drop->options.feeds[feed].completion;
    if (is_unfinished(name) || fstatat(drop->folders[feed], name, &file, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(file.st_mode))
        return false;
    if (completion == ADAPTERS_COMPLETE_MARK)
        return !ends_with(name, MARK_SUFFIX) && has_mark(drop, feed, name);
    if (completion == ADAPTERS_COMPLETE_RENAME)
        return true;
    int64_t modified_ms = milliseconds(file.st_mtim), changed_ms = milliseconds(file.st_ctim);
    int64_t last_ms = modified_ms > changed_ms ? modified_ms : changed_ms;
    return bus_clock_now_ms(&drop->options.clock) - last_ms >= drop->options.stable_ms;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Keeps the first names when there are more than a list holds. */
static bool add_name(struct adapters_drop *drop, const char *name)
{
    if (drop->name_count == ADAPTERS_DROP_MAX_LISTED) {
        size_t last = 0;
        for (size_t i = 1; i < drop->name_count; i++)
            if (strcmp(drop->names[i], drop->names[last]) > 0)
                last = i;
        if (strcmp(name, drop->names[last]) >= 0)
            return true;
        free(drop->names[last]);
        drop->names[last] = drop->names[--drop->name_count];
    }
    char *copy = strdup(name);
    if (copy != NULL)
        drop->names[drop->name_count++] = copy;
    return copy != NULL;
}

enum bus_status adapters_drop_list(struct adapters_drop *drop, size_t feed, const char *const **out_names,
                                   size_t *out_count, struct bus_error *error)
{
    const char *feed_name = drop->options.feeds[feed].name;
    forget_names(drop);
    int folder = openat(drop->folders[feed], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = folder >= 0 ? fdopendir(folder) : NULL;
    if (listing == NULL) {
        int reason = errno;
        if (folder >= 0)
            close(folder);
        return bus_fail(error, BUS_RETRY, "read folder %s/%s: %s", drop->options.inbox, feed_name, strerror(reason));
    }
    bool has_room = true;
    for (struct dirent *entry; has_room && (entry = readdir(listing)) != NULL;)
        if (entry->d_type != DT_DIR && is_complete(drop, feed, entry->d_name))
            has_room = add_name(drop, entry->d_name);
    closedir(listing);
    if (!has_room)
        return bus_fail(error, BUS_RETRY, "read folder %s/%s: out of memory", drop->options.inbox, feed_name);
    qsort(drop->names, drop->name_count, sizeof *drop->names, compare_names);
    *out_names = (const char *const *)drop->names;
    *out_count = drop->name_count;
    return BUS_OK;
}

void adapters_drop_wait(struct adapters_drop *drop, int64_t timeout_ms)
{
    struct pollfd watch = {.fd = drop->watch, .events = POLLIN};
    char events[EVENTS_SIZE];
    if (poll(&watch, 1, (int)timeout_ms) > 0)
        while (read(drop->watch, events, sizeof events) > 0)
            ;
}

enum bus_status adapters_drop_open_file(const struct adapters_drop *drop, size_t feed, const char *path, int *out_file,
                                        struct bus_error *error)
{
    struct stat found;
    *out_file = openat(drop->folders[feed], path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*out_file < 0 && (errno == ENOENT || errno == ELOOP))
        return BUS_OK;
    if (*out_file < 0)
        return bus_fail(error, BUS_RETRY, "open %s/%s: %s", drop->options.feeds[feed].name, path, strerror(errno));
    if (fstat(*out_file, &found) != 0 || !S_ISREG(found.st_mode)) {
        close(*out_file);
        *out_file = -1;
    }
    return BUS_OK;
}

static bool exists(int folder, const char *path)
{
    struct stat found;
    return fstatat(folder, path, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

bool adapters_drop_has(const struct adapters_drop *drop, size_t feed, const char *name)
{
    return exists(drop->folders[feed], name);
}

bool adapters_drop_has_done(const struct adapters_drop *drop, size_t feed, const char *name)
{
    char path[ADAPTERS_FILE_NAME_SIZE + 8];
    snprintf(path, sizeof path, "done/%s", name);
    return exists(drop->folders[feed], path);
}

/* --- where it ends --- */

/* A path below the feed's folder that is free: <outcome>/<name>, or with a number behind it. */
static bool find_place(int folder, const char *outcome, const char *name, char out_path[PATH_SIZE])
{
    snprintf(out_path, PATH_SIZE, "%s/%s", outcome, name);
    for (int number = 2; exists(folder, out_path) && number <= MAX_SAME_NAMES; number++)
        snprintf(out_path, PATH_SIZE, "%s/%.*s.%d", outcome, REPORT_NAME_ROOM, name, number);
    return !exists(folder, out_path);
}

static enum bus_status fail_place(const struct adapters_drop *drop, size_t feed, const char *name,
                                  enum adapters_outcome outcome, struct bus_error *error)
{
    return bus_fail(error, BUS_RETRY, "move %s/%s to %s: more than %d files of that name are there",
                    drop->options.feeds[feed].name, name, outcome_folders[outcome], MAX_SAME_NAMES);
}

enum bus_status adapters_drop_held_name(const struct adapters_drop *drop, size_t feed, const char *name,
                                        char out_name[ADAPTERS_FILE_NAME_SIZE], struct bus_error *error)
{
    char path[PATH_SIZE];
    if (!find_place(drop->folders[feed], outcome_folders[ADAPTERS_OUTCOME_HELD], name, path))
        return fail_place(drop, feed, name, ADAPTERS_OUTCOME_HELD, error);
    snprintf(out_name, ADAPTERS_FILE_NAME_SIZE, "%.255s", strchr(path, '/') + 1);
    return BUS_OK;
}

static void report_path(const char *path, char out_path[PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    snprintf(out_path, PATH_SIZE, "%.*s/%.*s" REPORT_SUFFIX, (int)(slash - path), path, REPORT_NAME_ROOM, slash + 1);
}

/* Beside `path`, by rename: a report is whole or not there. */
static bool write_report(int folder, const char *path, struct bus_bytes report)
{
    char to[PATH_SIZE], part[] = ".report.part";
    report_path(path, to);
    int file = openat(folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (file < 0)
        return false;
    bool is_written = bus_file_write(file, report) && fdatasync(file) == 0;
    int reason = errno;
    is_written = close(file) == 0 && is_written;
    if (is_written)
        return renameat(folder, part, folder, to) == 0;
    unlinkat(folder, part, 0);
    errno = reason;
    return false;
}

static bool is_same_file(int folder, const char *path, int file)
{
    struct stat named, opened;
    return fstatat(folder, path, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(file, &opened) == 0 &&
           named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

static void remove_mark(const struct adapters_drop *drop, size_t feed, const char *name)
{
    char mark[ADAPTERS_FILE_NAME_SIZE + sizeof MARK_SUFFIX];
    snprintf(mark, sizeof mark, "%s" MARK_SUFFIX, name);
    if (drop->options.feeds[feed].completion == ADAPTERS_COMPLETE_MARK)
        unlinkat(drop->folders[feed], mark, 0);
}

static enum bus_status fail_move(const struct adapters_drop *drop, size_t feed, const char *what, const char *path,
                                 struct bus_error *error)
{
    return bus_fail(error, BUS_RETRY, "%s %s/%s: %s", what, drop->options.feeds[feed].name, path, strerror(errno));
}

static void tell_replaced(const struct adapters_drop *drop, size_t feed, const char *path)
{
    bus_log(BUS_LOG_WARN, "file was removed or replaced while it was taken", "feed=%s file=\"%s\"",
            drop->options.feeds[feed].name, path);
}

static enum bus_status remove_done(const struct adapters_drop *drop, size_t feed, const char *path, int file,
                                   struct bus_error *error)
{
    int folder = drop->folders[feed];
    char report[PATH_SIZE];
    if (!is_same_file(folder, path, file)) {
        tell_replaced(drop, feed, path);
        return BUS_OK;
    }
    if (strchr(path, '/') != NULL) {
        report_path(path, report);
        unlinkat(folder, report, 0);
    }
    if (unlinkat(folder, path, 0) != 0 || fsync(folder) != 0)
        return fail_move(drop, feed, "remove", path, error);
    return BUS_OK;
}

static enum bus_status move_file(const struct adapters_drop *drop, size_t feed, const char *path, const char *to,
                                 int file, struct bus_error *error)
{
    char report[PATH_SIZE];
    int folder = drop->folders[feed];
    bool was_held = strchr(path, '/') != NULL;
    if (!is_same_file(folder, path, file)) {
        tell_replaced(drop, feed, path);
        return BUS_OK;
    }
    if (renameat(folder, path, folder, to) != 0)
        return fail_move(drop, feed, "move", path, error);
    if (was_held) {
        report_path(path, report);
        unlinkat(folder, report, 0);
    } else {
        remove_mark(drop, feed, path);
    }
    return fsync(folder) == 0 && (!was_held || bus_file_sync_folder(folder, outcome_folders[ADAPTERS_OUTCOME_HELD]))
               ? BUS_OK
               : fail_move(drop, feed, "move", path, error);
}

enum bus_status adapters_drop_finish(const struct adapters_drop *drop, size_t feed, const char *path, int file,
                                     enum adapters_outcome outcome, struct bus_bytes report, struct bus_error *error)
{
    char to[PATH_SIZE];
    int folder = drop->folders[feed];
    const char *slash = strchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    bool stays = slash != NULL && outcome == ADAPTERS_OUTCOME_HELD;
    if (outcome == ADAPTERS_OUTCOME_DONE && drop->options.removes_done)
        return remove_done(drop, feed, path, file, error);
    if (stays)
        snprintf(to, sizeof to, "%s", path);
    else if (!find_place(folder, outcome_folders[outcome], name, to))
        return fail_place(drop, feed, name, outcome, error);
    if (!write_report(folder, to, report))
        return fail_move(drop, feed, "write the report of", path, error);
    enum bus_status status = stays ? BUS_OK : move_file(drop, feed, path, to, file, error);
    if (status == BUS_OK && !bus_file_sync_folder(folder, outcome_folders[outcome]))
        status = fail_move(drop, feed, "move", path, error);
    return status;
}
