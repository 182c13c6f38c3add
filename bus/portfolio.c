#include "bus/portfolio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "bus/log.h"

enum { LINE_SIZE = 256, READ_SIZE = 64 * 1024, FIRST_CAPACITY = 1024, IDENTIFIER_SIZE = 19 };

struct key {
    uint8_t bytes[BUS_SUBJECT_KEY_SIZE];
};

/* What tells that a file has changed. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed_at;
};

struct subjects {
    struct key *keys; /* ascending, each once */
    size_t count, capacity;
};

struct portfolio {
    const char *path; /* of the catalogue */
    struct stamp stamp;
    struct subjects subjects;
    size_t refused; /* lines */
    uint64_t digest;
    bool is_lost; /* it could not be read when it was looked at last, and that has been told */
};

/* Several grants may share a file. */
struct follower {
    const struct bus_grant *grant;
    size_t portfolio;
};

struct bus_portfolios {
    struct portfolio *list;
    size_t count;
    struct follower *followers;
    size_t follower_count;
};

/* ── one file ── */

struct reader {
    const char *path;
    const struct bus_subject_keyer *keyer;
    struct subjects subjects;
    size_t line, bad;
};

static void complain(struct reader *reader, const char *code, const char *reason)
{
    if (++reader->bad <= BUS_PORTFOLIO_MAX_COMPLAINTS)
        bus_log(BUS_LOG_WARN, "portfolio line refused", "file=%s line=%zu code=%s reason=\"%s\"", reader->path,
                reader->line, code, reason);
}

static bool add_subject(struct subjects *subjects, const uint8_t *key)
{
    if (subjects->count == subjects->capacity) {
        size_t capacity = subjects->capacity == 0 ? FIRST_CAPACITY : 2 * subjects->capacity;
        struct key *keys = realloc(subjects->keys, capacity * sizeof *keys);
        if (keys == NULL)
            return false;
        subjects->keys = keys;
        subjects->capacity = capacity;
    }
    memcpy(subjects->keys[subjects->count++].bytes, key, BUS_SUBJECT_KEY_SIZE);
    return true;
}

/* The words of a line: without comment, and without spaces at either end. */
static struct bus_bytes trim(const char *line)
{
    size_t length = strcspn(line, "#\r\n");
    for (; length > 0 && (*line == ' ' || *line == '\t'); line++)
        length--;
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
        length--;
    return bus_bytes_of(line, length);
}

static enum bus_status read_line(struct reader *reader, const char *line, struct bus_error *error)
{
    enum bus_subject_kind kind;
    char identifier[IDENTIFIER_SIZE];
    uint8_t key[BUS_SUBJECT_KEY_SIZE];
    struct bus_error reason;
    struct bus_bytes text = trim(line);
    if (text.length == 0)
        return BUS_OK;
    enum bus_status status;
    bool says_kind = text.length > 2 && text.data[1] == ' ' && (text.data[0] == 'P' || text.data[0] == 'O');
    if (says_kind) {
        kind = text.data[0] == 'P' ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
        status = bus_subject_identifier(kind, bus_bytes_of(text.data + 2, text.length - 2), identifier, &reason);
    } else {
        status = bus_subject_either(text, &kind, identifier, &reason);
    }
    if (status != BUS_OK) {
        complain(reader, reason.code, reason.message);
        return BUS_OK;
    }
    bus_subject_key(reader->keyer, kind, identifier, key);
    bus_wipe(identifier, sizeof identifier);
    if (!add_subject(&reader->subjects, key))
        return bus_fail(error, BUS_FATAL, "%s: cannot read the portfolio: out of memory", reader->path);
    return BUS_OK;
}

/* What lies behind a line that is too long. */
static void skip_line(FILE *file)
{
    int character = fgetc(file);
    while (character != '\n' && character != EOF)
        character = fgetc(file);
}

static enum bus_status read_lines(struct reader *reader, FILE *file, struct bus_error *error)
{
    static const char mark[] = "\xef\xbb\xbf"; /* editors on Windows begin a file with it */
    char line[LINE_SIZE];
    enum bus_status status = BUS_OK;
    while (status == BUS_OK && fgets(line, sizeof line, file) != NULL) {
        reader->line++;
        if (strchr(line, '\n') == NULL && strlen(line) == sizeof line - 1) {
            complain(reader, "LINE_LENGTH", "the line is too long");
            skip_line(file);
        } else if (reader->subjects.count == BUS_PORTFOLIO_MAX_SUBJECTS) {
            complain(reader, "PORTFOLIO_SIZE", "the portfolio is full");
        } else {
            bool begins = reader->line == 1 && strncmp(line, mark, 3) == 0;
            status = read_line(reader, line + (begins ? 3 : 0), error);
        }
    }
    if (status == BUS_OK && ferror(file))
        status = bus_fail(error, BUS_FATAL, "%s: cannot read the portfolio: %s", reader->path, strerror(errno));
    bus_wipe(line, sizeof line);
    return status;
}

static int compare_keys(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct key));
}

static void sort_subjects(struct subjects *subjects)
{
    size_t kept = 0;
    if (subjects->count > 0)
        qsort(subjects->keys, subjects->count, sizeof *subjects->keys, compare_keys);
    for (size_t i = 0; i < subjects->count; i++)
        if (kept == 0 || compare_keys(&subjects->keys[kept - 1], &subjects->keys[i]) != 0)
            subjects->keys[kept++] = subjects->keys[i];
    subjects->count = kept;
}

/* Takes the file as it is now; `portfolio` stays as it was unless the status is OK. */
static enum bus_status read_portfolio(struct portfolio *portfolio, const struct bus_subject_keyer *keyer,
                                      struct bus_error *error)
{
    struct reader reader = {.path = portfolio->path, .keyer = keyer};
    struct stat status_of_file;
    enum bus_status status;
    char *buffer = malloc(READ_SIZE); /* ours, so that it can be wiped */
    FILE *file = fopen(portfolio->path, "re");
    if (buffer == NULL || file == NULL || fstat(fileno(file), &status_of_file) != 0 ||
        !S_ISREG(status_of_file.st_mode)) {
        status = bus_fail(error, BUS_FATAL, "%s: cannot read the portfolio: %s", portfolio->path,
                          file != NULL && errno == 0 ? "not a file" : strerror(errno));
        goto out;
    }
    setvbuf(file, buffer, _IOFBF, READ_SIZE);
    status = read_lines(&reader, file, error);
    if (status != BUS_OK)
        goto out;
    sort_subjects(&reader.subjects);
    bus_log(reader.bad > 0 || reader.subjects.count == 0 ? BUS_LOG_WARN : BUS_LOG_INFO, "portfolio read",
            "file=%s subjects=%zu refused=%zu", portfolio->path, reader.subjects.count, reader.bad);
    free(portfolio->subjects.keys);
    portfolio->subjects = reader.subjects;
    portfolio->refused = reader.bad;
    portfolio->digest = XXH3_64bits(reader.subjects.keys, reader.subjects.count * sizeof(struct key));
    portfolio->stamp =
        (struct stamp){status_of_file.st_dev, status_of_file.st_ino, status_of_file.st_size, status_of_file.st_mtim};
    reader.subjects = (struct subjects){0};
out:
    free(reader.subjects.keys);
    if (file != NULL)
        fclose(file);
    if (buffer != NULL)
        bus_wipe(buffer, READ_SIZE);
    free(buffer);
    return status;
}

/* ── all of them ── */

static size_t find_or_add(struct bus_portfolios *portfolios, const char *path)
{
    size_t i = 0;
    while (i < portfolios->count && strcmp(portfolios->list[i].path, path) != 0)
        i++;
    if (i == portfolios->count)
        portfolios->list[portfolios->count++].path = path;
    return i;
}

static void gather(struct bus_portfolios *portfolios, const struct bus_catalogue *catalogue)
{
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        for (size_t j = 0; j < subscriber->grant_count; j++) {
            const struct bus_grant *grant = &subscriber->grants[j];
            if (grant->portfolio != NULL)
                portfolios->followers[portfolios->follower_count++] =
                    (struct follower){grant, find_or_add(portfolios, grant->portfolio)};
        }
    }
}

static size_t count_grants(const struct bus_catalogue *catalogue)
{
    size_t count = 0;
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++)
        count += bus_catalogue_subscriber(catalogue, i)->grant_count;
    return count;
}

enum bus_status bus_portfolios_load(const struct bus_catalogue *catalogue, const struct bus_subject_keyer *keyer,
                                    struct bus_portfolios **out_portfolios, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    size_t grants = count_grants(catalogue) + 1;
    struct bus_portfolios *portfolios = calloc(1, sizeof *portfolios);
    if (portfolios != NULL) {
        portfolios->list = calloc(grants, sizeof *portfolios->list);
        portfolios->followers = calloc(grants, sizeof *portfolios->followers);
    }
    if (portfolios == NULL || portfolios->list == NULL || portfolios->followers == NULL) {
        status = bus_fail(error, BUS_FATAL, "cannot read the portfolios: out of memory");
        goto out;
    }
    gather(portfolios, catalogue);
    for (size_t i = 0; i < portfolios->count && status == BUS_OK; i++)
        status = read_portfolio(&portfolios->list[i], keyer, error);
    if (status != BUS_OK)
        goto out;
    *out_portfolios = portfolios;
    portfolios = NULL;
out:
    bus_portfolios_destroy(portfolios);
    return status;
}

void bus_portfolios_destroy(struct bus_portfolios *portfolios)
{
    if (portfolios == NULL)
        return;
    for (size_t i = 0; i < portfolios->count; i++)
        free(portfolios->list[i].subjects.keys);
    free(portfolios->list);
    free(portfolios->followers);
    free(portfolios);
}

static bool has_changed(const struct stamp *stamp, const struct stat *now)
{
    return stamp->device != now->st_dev || stamp->inode != now->st_ino || stamp->size != now->st_size ||
           stamp->changed_at.tv_sec != now->st_mtim.tv_sec || stamp->changed_at.tv_nsec != now->st_mtim.tv_nsec;
}

/* True when a subject came or went. A file that is away is told once. */
static bool refresh(struct portfolio *portfolio, const struct bus_subject_keyer *keyer)
{
    struct stat now;
    struct bus_error error;
    uint64_t digest = portfolio->digest;
    enum bus_status status = BUS_OK;
    if (stat(portfolio->path, &now) != 0)
        status = bus_fail(&error, BUS_FATAL, "%s: cannot read the portfolio: %s", portfolio->path, strerror(errno));
    else if (!has_changed(&portfolio->stamp, &now) && !portfolio->is_lost)
        return false;
    if (status == BUS_OK)
        status = read_portfolio(portfolio, keyer, &error);
    if (status != BUS_OK && !portfolio->is_lost)
        bus_log_failure(BUS_LOG_WARN, "portfolio stays as it was", status, &error);
    portfolio->is_lost = status != BUS_OK;
    return portfolio->digest != digest;
}

bool bus_portfolios_refresh(struct bus_portfolios *portfolios, const struct bus_subject_keyer *keyer)
{
    bool changed = false;
    for (size_t i = 0; i < portfolios->count; i++)
        changed |= refresh(&portfolios->list[i], keyer);
    return changed;
}

static const struct portfolio *find(const struct bus_portfolios *portfolios, const struct bus_grant *grant)
{
    for (size_t i = 0; i < portfolios->follower_count; i++)
        if (portfolios->followers[i].grant == grant)
            return &portfolios->list[portfolios->followers[i].portfolio];
    return NULL;
}

bool bus_portfolios_has(const struct bus_portfolios *portfolios, const struct bus_grant *grant,
                        const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE])
{
    const struct portfolio *portfolio = find(portfolios, grant);
    return portfolio != NULL && portfolio->subjects.count > 0 &&
           bsearch(subject_key, portfolio->subjects.keys, portfolio->subjects.count, sizeof(struct key),
                   compare_keys) != NULL;
}

void bus_portfolios_count(const struct bus_portfolios *portfolios, const struct bus_grant *grant, size_t *out_subjects,
                          size_t *out_refused)
{
    const struct portfolio *portfolio = find(portfolios, grant);
    *out_subjects = portfolio != NULL ? portfolio->subjects.count : 0;
    *out_refused = portfolio != NULL ? portfolio->refused : 0;
}

uint64_t bus_portfolios_digest(const struct bus_portfolios *portfolios, const struct bus_grant *grant)
{
    const struct portfolio *portfolio = find(portfolios, grant);
    return portfolio != NULL ? portfolio->digest : 0;
}
