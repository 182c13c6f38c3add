/* xinqiao catalogue: proves the catalogue whole, documents it, and writes the schemas of its views. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bus/json.h"
#include "bus/view.h"
#include "cli/command.h"

enum { PATH_SIZE = 4096, DOCUMENT_LIMIT = 64 * 1024 * 1024 };

#define USAGE                                                                                                          \
    "catalogue check\n"                                                                                                \
    "catalogue doc\n"                                                                                                  \
    "catalogue views FOLDER"

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

int cli_catalogue_command(struct cli_context *context, int argc, char **argv)
{
    const struct cli_option options[] = {{0}};
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    const char *form = rest > 0 ? argv[1] : "";
    if (rest == 2 && strcmp(form, "views") == 0)
        return write_views(context, argv[2]);
    return cli_usage(USAGE);
}
