#include "bus/catalogue_check.h"

#include <stdarg.h>
#include <stdio.h>

#include "bus/digest.h"
#include "bus/file.h"
#include "bus/portfolio.h"
#include "bus/view.h"

enum {
    PATH_SIZE = 1024,
    TEXT_SIZE = 2 * BUS_ERROR_TEXT_SIZE + PATH_SIZE,
    MAX_FILE_SIZE = 4 * 1024 * 1024,
    HEX_LENGTH = 2 * BUS_DIGEST_SIZE,
};

struct check {
    const struct bus_catalogue_report *report;
    size_t wrong;
};

static void say(struct check *check, enum bus_finding finding, const char *zh, const char *format, ...)
    BUS_PRINTF(4, 5);

/* `zh` is whole already; the English text is formatted. */
static void say(struct check *check, enum bus_finding finding, const char *zh, const char *format, ...)
{
    char en[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(en, sizeof en, format, arguments);
    va_end(arguments);
    check->wrong += finding == BUS_FINDING_WRONG;
    check->report->found(check->report->self, finding, zh, en);
}

static void check_loaded(struct check *check, const struct bus_catalogue *catalogue)
{
    char zh[TEXT_SIZE];
    size_t grants = 0;
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++)
        grants += bus_catalogue_subscriber(catalogue, i)->grant_count;
    size_t items = bus_catalogue_item_count(catalogue), subscribers = bus_catalogue_subscriber_count(catalogue);
    snprintf(zh, sizeof zh, "%zu个目录项均有模式，信封字段在前；%zu个订阅方的%zu项授权所列字段均存在且允许授权", items,
             subscribers, grants);
    say(check, BUS_FINDING_GOOD, zh,
        "%zu items have their schemas, envelope first; the fields of %zu grants to %zu subscribers exist and may be granted",
        items, grants, subscribers);
}

/* One line of `published`: whether the file still has that digest. */
static void check_published_line(struct check *check, const char *folder, const char *line, size_t *out_unchanged)
{
    char path[PATH_SIZE], zh[TEXT_SIZE];
    uint8_t expected[BUS_DIGEST_SIZE], found[BUS_DIGEST_SIZE];
    char hex[HEX_LENGTH + 1];
    snprintf(hex, sizeof hex, "%.*s", HEX_LENGTH, line);
    if (strlen(line) < HEX_LENGTH + 3 || line[HEX_LENGTH] != ' ' || !bus_unhex(hex, expected, sizeof expected)) {
        snprintf(zh, sizeof zh, "已发布清单中有无法识别的一行：%.80s", line);
        say(check, BUS_FINDING_WRONG, zh, "published: a line that is not 'digest  path': %.80s", line);
        return;
    }
    const char *name = line + HEX_LENGTH + 2;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct bus_buffer file;
    struct bus_error error;
    bus_buffer_init(&file, MAX_FILE_SIZE);
    enum bus_status status = bus_file_read(path, &file, &error);
    bus_digest(BUS_HASH_SHA256, bus_buffer_view(&file), found);
    bus_buffer_release(&file);
    if (status != BUS_OK) {
        snprintf(zh, sizeof zh, "已发布的模式%s无法读取", name);
        say(check, BUS_FINDING_WRONG, zh, "published schema cannot be read: %s", error.message);
    } else if (memcmp(expected, found, sizeof found) != 0) {
        snprintf(zh, sizeof zh, "已发布的模式%s被改动；请恢复原文件，改动应作为新版本发布", name);
        say(check, BUS_FINDING_WRONG, zh,
            "published schema %s was changed; restore it and publish the change as a new version", name);
    } else {
        ++*out_unchanged;
    }
}

/* Whether `published` names the schema at `path`. */
static bool is_published(const char *published, const char *folder, const char *path)
{
    size_t length = strlen(folder);
    const char *name = strncmp(path, folder, length) == 0 && path[length] == '/' ? path + length + 1 : path;
    for (const char *at = strstr(published, name); at != NULL; at = strstr(at + 1, name)) {
        char after = at[strlen(name)];
        if (at > published && at[-1] == ' ' && (after == '\n' || after == '\0'))
            return true;
    }
    return false;
}

static void note_unpublished(struct check *check, const struct bus_catalogue *catalogue, const char *published)
{
    const char *folder = bus_catalogue_folder_view(catalogue);
    char zh[TEXT_SIZE];
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        for (size_t j = 0; j < item->version_count; j++) {
            if (is_published(published, folder, item->versions[j].path))
                continue;
            snprintf(zh, sizeof zh, "模式%s尚未列入已发布清单", item->versions[j].path);
            say(check, BUS_FINDING_NOTE, zh, "schema %s is not in 'published' yet", item->versions[j].path);
        }
    }
}

static void check_published(struct check *check, const struct bus_catalogue *catalogue)
{
    char path[PATH_SIZE], zh[TEXT_SIZE];
    struct bus_buffer published;
    struct bus_error error;
    size_t unchanged = 0, wrong = check->wrong;
    snprintf(path, sizeof path, "%s/published", bus_catalogue_folder_view(catalogue));
    bus_buffer_init(&published, MAX_FILE_SIZE);
    enum bus_status status = bus_file_read(path, &published, &error);
    bus_buffer_u8(&published, 0);
    if (status != BUS_OK || published.failed) {
        snprintf(zh, sizeof zh, "无法读取已发布清单%s", path);
        say(check, BUS_FINDING_WRONG, zh, "the list of published schemas: %s",
            status != BUS_OK ? error.message : "too long");
        goto out;
    }
    note_unpublished(check, catalogue, (const char *)published.data);
    for (char *line = (char *)published.data; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        char *next = line + length + (line[length] == '\n' ? 1 : 0);
        line[length] = '\0';
        if (length > 0)
            check_published_line(check, bus_catalogue_folder_view(catalogue), line, &unchanged);
        line = next;
    }
    if (check->wrong == wrong) {
        snprintf(zh, sizeof zh, "%zu个已发布的模式均未改动", unchanged);
        say(check, BUS_FINDING_GOOD, zh, "%zu published schemas are unchanged", unchanged);
    }
out:
    bus_buffer_release(&published);
}

/* Two versions that follow each other. */
static void check_pair(struct check *check, const struct bus_item *item, const struct bus_item_version *old,
                       const struct bus_item_version *new)
{
    struct bus_error error;
    char zh[TEXT_SIZE];
    const char *department = item->department->name;
    if (bus_schema_resolves(new->schema, old->schema, &error) != BUS_OK) {
        snprintf(zh, sizeof zh, "%s.%s第%d版无法读取第%d版的数据：%s", department, item->name, new->number, old->number,
                 error.message);
        say(check, BUS_FINDING_WRONG, zh, "%s.%s: version %d cannot read data of version %d: %s", department,
            item->name, new->number, old->number, error.message);
        return;
    }
    bool forward = bus_schema_resolves(old->schema, new->schema, &error) == BUS_OK;
    snprintf(zh, sizeof zh, "%s.%s第%d版可读取第%d版的数据%s", department, item->name, new->number, old->number,
             forward ? "，反之亦可" : "；但旧版无法读取新版的数据");
    say(check, forward ? BUS_FINDING_GOOD : BUS_FINDING_NOTE, zh, "%s.%s: version %d reads data of version %d%s%s",
        department, item->name, new->number, old->number,
        forward ? ", and the other way round" : "; not the other way round: ", forward ? "" : error.message);
}

static void check_versions(struct check *check, const struct bus_catalogue *catalogue)
{
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        for (size_t j = 1; j < item->version_count; j++)
            check_pair(check, item, &item->versions[j - 1], &item->versions[j]);
    }
}

static void check_views(struct check *check, const struct bus_catalogue *catalogue)
{
    struct bus_views *views = NULL;
    struct bus_error error;
    char zh[TEXT_SIZE];
    if (bus_views_create(catalogue, &views, &error) != BUS_OK) {
        snprintf(zh, sizeof zh, "无法由授权生成视图：%s", error.message);
        say(check, BUS_FINDING_WRONG, zh, "a grant makes no view: %s", error.message);
        return;
    }
    snprintf(zh, sizeof zh, "授权共生成%zu个视图", bus_views_count(views));
    say(check, BUS_FINDING_GOOD, zh, "the grants make %zu views", bus_views_count(views));
    bus_views_destroy(views);
}

static void check_portfolio(struct check *check, const struct bus_portfolios *portfolios, const struct bus_grant *grant)
{
    char zh[TEXT_SIZE];
    size_t subjects, refused;
    bus_portfolios_count(portfolios, grant, &subjects, &refused);
    bool is_good = subjects > 0 && refused == 0;
    snprintf(zh, sizeof zh, "授权%s的关注名单有%zu个主体，%zu行无法识别", grant->name, subjects, refused);
    say(check, is_good ? BUS_FINDING_GOOD : BUS_FINDING_NOTE, zh,
        "the portfolio of grant %s has %zu subjects, %zu lines refused", grant->name, subjects, refused);
}

/* Only the gateway has the exchange's pepper, but any will do to read the files. */
static void check_portfolios(struct check *check, const struct bus_catalogue *catalogue)
{
    struct bus_portfolios *portfolios = NULL;
    struct bus_error error;
    char zh[TEXT_SIZE];
    uint8_t pepper[BUS_PEPPER_MIN_SIZE];
    bus_random(pepper, sizeof pepper);
    struct bus_subject_keyer *keyer = bus_subject_keyer_create(bus_bytes_of(pepper, sizeof pepper));
    if (keyer == NULL || bus_portfolios_load(catalogue, keyer, &portfolios, &error) != BUS_OK) {
        snprintf(zh, sizeof zh, "关注名单无法读取：%s", keyer != NULL ? error.message : "");
        say(check, BUS_FINDING_NOTE, zh, "a portfolio cannot be read: %s", keyer != NULL ? error.message : "");
    }
    for (size_t i = 0; portfolios != NULL && i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        for (size_t j = 0; j < subscriber->grant_count; j++)
            if (subscriber->grants[j].portfolio != NULL)
                check_portfolio(check, portfolios, &subscriber->grants[j]);
    }
    bus_portfolios_destroy(portfolios);
    bus_subject_keyer_destroy(keyer);
}

enum bus_status bus_catalogue_check(const char *path, const struct bus_catalogue_report *report,
                                    struct bus_error *error)
{
    struct check check = {.report = report};
    struct bus_catalogue *catalogue = NULL;
    struct bus_error reason;
    char zh[TEXT_SIZE];
    if (bus_catalogue_load(path, &catalogue, &reason) != BUS_OK) {
        snprintf(zh, sizeof zh, "目录无法装载：%s", reason.message);
        say(&check, BUS_FINDING_WRONG, zh, "%s", reason.message);
    } else {
        check_loaded(&check, catalogue);
        check_published(&check, catalogue);
        check_versions(&check, catalogue);
        check_views(&check, catalogue);
        check_portfolios(&check, catalogue);
    }
    bus_catalogue_destroy(catalogue);
    if (check.wrong > 0)
        return bus_fail(error, BUS_REJECT, "%s: %zu findings are wrong; see above", path, check.wrong);
    return BUS_OK;
}
