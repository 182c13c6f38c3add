/* xinqiao catalogue: proves the catalogue whole, documents it, and writes the schemas of its views. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bus/catalogue_check.h"
#include "bus/catalogue_difference.h"
#include "bus/catalogue_document.h"
#include "bus/json.h"
#include "bus/view.h"
#include "cli/command.h"

enum { PATH_SIZE = 4096, DOCUMENT_LIMIT = 64 * 1024 * 1024 };

#define USAGE                                                                                                          \
    "catalogue check\n"                                                                                                \
    "catalogue doc\n"                                                                                                  \
    "catalogue views FOLDER\n"                                                                                         \
    "catalogue diff FILE"

/* --- views --- */

static enum bus_status make_folder(const char *path, struct bus_error *error)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return BUS_OK;
    return bus_fail(error, BUS_FATAL, "make folder %s: %s", path, strerror(errno));
}

static enum bus_status write_file(const char *path, struct bus_bytes text, struct bus_error *error)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return bus_fail(error, BUS_FATAL, "write %s: %s", path, strerror(errno));
    bool whole = fwrite(text.data, 1, text.length, file) == text.length && fputc('\n', file) != EOF;
    if (fclose(file) == 0 && whole)
        return BUS_OK;
    return bus_fail(error, BUS_FATAL, "write %s: %s", path, strerror(errno));
}

static enum bus_status write_view(const char *folder, const struct bus_view *view, struct bus_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, view->grant->subscriber->name);
    enum bus_status status = make_folder(path, error);
    if (status != BUS_OK)
        return status;
    int length = snprintf(path, sizeof path, "%s/%s/%s-%s-%d.avsc", folder, view->grant->subscriber->name,
                          view->grant->name, view->item->department->name, view->version->number);
    if (length < 0 || length >= PATH_SIZE)
        return bus_fail(error, BUS_FATAL, "write a view below %s: path too long", folder);
    return write_file(path, bus_schema_text_view(view->schema), error);
}

static int write_views(struct cli_context *context, const char *folder)
{
    struct bus_error error;
    struct bus_views *views = NULL;
    const struct bus_catalogue *catalogue = cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = bus_views_create(catalogue, &views, &error);
    size_t count = status == BUS_OK ? bus_views_count(views) : 0;
    if (status == BUS_OK)
        status = make_folder(folder, &error);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = write_view(folder, bus_views_at(views, i), &error);
    bus_views_destroy(views);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    if (context->json)
        printf("{\"views\": %zu}\n", count);
    else
        printf("✓ 写出 %zu 个视图 / wrote %zu views: %s\n", count, count, folder);
    return CLI_DONE;
}

/* --- check --- */

static const struct {
    const char *name, *mark;
} findings[] = {
    [BUS_FINDING_GOOD] = {"good", "✓"},
    [BUS_FINDING_NOTE] = {"note", "·"},
    [BUS_FINDING_WRONG] = {"wrong", "✗"},
};

static void print_finding(void *self, enum bus_finding finding, const char *text_zh, const char *text_en)
{
    (void)self;
    printf("%s %s / %s\n", findings[finding].mark, text_zh, text_en);
}

static void write_finding(void *self, enum bus_finding finding, const char *text_zh, const char *text_en)
{
    struct bus_json *json = self;
    bus_json_object(json);
    bus_json_name(json, "finding");
    bus_json_string(json, findings[finding].name);
    bus_json_name(json, "text_zh");
    bus_json_string(json, text_zh);
    bus_json_name(json, "text_en");
    bus_json_string(json, text_en);
    bus_json_end_object(json);
}

static enum bus_status check_in_json(const char *path, struct bus_error *error)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, DOCUMENT_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    struct bus_catalogue_report report = {write_finding, &json};
    enum bus_status status = bus_catalogue_check(path, &report, error);
    bus_json_end_array(&json);
    if (cli_print(&buffer) != CLI_DONE && status == BUS_OK)
        status = bus_fail(error, BUS_FATAL, "print the findings: out of memory, or nowhere to print to");
    bus_buffer_release(&buffer);
    return status;
}

static int check(const struct cli_context *context)
{
    struct bus_error error;
    const struct bus_catalogue_report report = {print_finding, NULL};
    if (context->catalogue_path == NULL)
        return cli_say(CLI_WRONG_USE, "没有指定目录：请用 --catalogue 文件、XQ_CATALOGUE 或 --config",
                       "no catalogue given: use --catalogue FILE, XQ_CATALOGUE or --config");
    enum bus_status status = context->json ? check_in_json(context->catalogue_path, &error)
                                           : bus_catalogue_check(context->catalogue_path, &report, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    if (!context->json)
        puts("✓ 目录完整 / the catalogue is whole");
    return CLI_DONE;
}

/* --- document --- */

static int print_document(struct cli_context *context)
{
    struct bus_buffer buffer;
    const struct bus_catalogue *catalogue = cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    bus_buffer_init(&buffer, DOCUMENT_LIMIT);
    bus_catalogue_document(catalogue, &buffer);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* --- difference --- */

static void write_difference(const struct bus_catalogue *old, const struct bus_catalogue *new_one, bool allowed,
                             const struct bus_buffer *text, struct bus_buffer *buffer)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    bus_json_name(&json, "old");
    bus_json_string(&json, bus_catalogue_version_view(old));
    bus_json_name(&json, "new");
    bus_json_string(&json, bus_catalogue_version_view(new_one));
    bus_json_name(&json, "reload");
    bus_json_boolean(&json, allowed);
    bus_json_name(&json, "text");
    bus_json_text(&json, bus_buffer_view(text));
    bus_json_end_object(&json);
}

/* What the gateway would say to `path` at a reload. */
static int compare(struct cli_context *context, const char *path)
{
    struct bus_error error;
    struct bus_buffer text, json;
    struct bus_catalogue *other = NULL;
    const struct bus_catalogue *catalogue = cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = bus_catalogue_load(path, &other, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    bus_buffer_init(&text, DOCUMENT_LIMIT);
    bus_buffer_init(&json, DOCUMENT_LIMIT);
    status = bus_catalogue_difference(catalogue, other, &text, &error);
    if (context->json)
        write_difference(catalogue, other, status == BUS_OK, &text, &json);
    else
        bus_buffer_printf(&text, status == BUS_OK ? "✓ 可以不停机装载 / may be loaded without a restart"
                                                  : "✗ 不能不停机装载 / cannot be loaded without a restart");
    int code = cli_print(context->json ? &json : &text);
    if (code == CLI_DONE && status != BUS_OK)
        code = CLI_NO;
    bus_buffer_release(&text);
    bus_buffer_release(&json);
    bus_catalogue_destroy(other);
    return code;
}

int cli_catalogue_command(struct cli_context *context, int argc, char **argv)
{
    const struct cli_option options[] = {{0}};
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    const char *form = rest > 0 ? argv[1] : "";
    if (rest == 1 && strcmp(form, "check") == 0)
        return check(context);
    if (rest == 1 && strcmp(form, "doc") == 0)
        return print_document(context);
    if (rest == 2 && strcmp(form, "views") == 0)
        return write_views(context, argv[2]);
    if (rest == 2 && strcmp(form, "diff") == 0)
        return compare(context, argv[2]);
    return cli_usage(USAGE);
}
