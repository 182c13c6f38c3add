/* The catalogue's version: what was read, in a few digits. */
#include <stdlib.h>

#include "bus/catalogue_private.h"
#include "bus/digest.h"
#include "bus/file.h"

enum { MAX_FILE_SIZE = 16 * 1024 * 1024, MAX_NAMES = BUS_CATALOGUE_MAX_FILES + BUS_CATALOGUE_MAX_ITEMS };

/* One thing that was read: where it lies, told from the catalogue's folders, so that the version is the same on every machine. */
struct part {
    const char *role, *name; /* "codes", "receivers" or "", and the path below that folder */
    const char *path;        /* of a file to read, or */
    struct bus_bytes text;   /* what was read already */
};

struct parts {
    struct part list[MAX_NAMES];
    size_t count;
    bool is_full;
};

/* What follows `folder` in `path`, or NULL. */
static const char *below(const char *folder, const char *path)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && path[length] == '/' ? path + length + 1 : NULL;
}

static void add_part(const struct bus_catalogue *catalogue, struct parts *parts, const char *path,
                     struct bus_bytes text)
{
    struct part part = {.role = "", .path = path, .text = text, .name = below(catalogue->codes_folder, path)};
    for (size_t i = 0; i < parts->count; i++)
        if (strcmp(parts->list[i].path, path) == 0)
            return;
    parts->is_full = parts->is_full || parts->count == MAX_NAMES;
    if (parts->is_full)
        return;
    if (part.name != NULL)
        part.role = "codes";
    else if ((part.name = below(catalogue->receivers_folder, path)) != NULL)
        part.role = "receivers";
    else if ((part.name = below(catalogue->folder, path)) == NULL)
        part.name = path;
    parts->list[parts->count++] = part;
}

/* A settings file may include others: every value names the file that it stands in. */
static void add_files(const struct bus_catalogue *catalogue, struct parts *parts, const struct bus_settings_node *node)
{
    enum bus_option_type type = bus_settings_type(node);
    const char *file = bus_settings_file(node);
    if (file[0] != '\0')
        add_part(catalogue, parts, file, bus_bytes_of(NULL, 0));
    if (type != BUS_OPTION_GROUP && type != BUS_OPTION_LIST && type != BUS_OPTION_TEXTS)
        return;
    for (size_t i = 0; i < bus_settings_count(node); i++)
        add_files(catalogue, parts, bus_settings_at(node, i));
}

static int compare_parts(const void *left, const void *right)
{
    const struct part *a = left, *b = right;
    int order = strcmp(a->role, b->role);
    return order != 0 ? order : strcmp(a->name, b->name);
}

/* role | 0x00 | name | 0x00 | u64be(length) | bytes */
static enum bus_status add_to_digest(struct bus_digest_stream *stream, const struct part *part, struct bus_error *error)
{
    struct bus_buffer file;
    struct bus_bytes bytes = part->text;
    uint8_t length[8];
    enum bus_status status = BUS_OK;
    bus_buffer_init(&file, MAX_FILE_SIZE);
    if (part->text.data == NULL) {
        status = bus_file_read(part->path, &file, error);
        bytes = bus_buffer_view(&file);
    }
    if (status == BUS_OK) {
        bus_put_u64be(length, bytes.length);
        bus_digest_stream_update(stream, bus_bytes_of(part->role, strlen(part->role) + 1));
        bus_digest_stream_update(stream, bus_bytes_of(part->name, strlen(part->name) + 1));
        bus_digest_stream_update(stream, bus_bytes_of(length, sizeof length));
        bus_digest_stream_update(stream, bytes);
    }
    bus_buffer_release(&file);
    return status;
}

static enum bus_status digest_parts(struct bus_catalogue *catalogue, struct parts *parts, struct bus_error *error)
{
    uint8_t digest[BUS_DIGEST_SIZE];
    struct bus_digest_stream stream;
    enum bus_status status = BUS_OK;
    qsort(parts->list, parts->count, sizeof parts->list[0], compare_parts);
    bus_digest_stream_init(&stream, BUS_HASH_SM3);
    for (size_t i = 0; i < parts->count && status == BUS_OK; i++)
        status = add_to_digest(&stream, &parts->list[i], error);
    if (status == BUS_OK) {
        bus_digest_stream_final(&stream, digest);
        bus_hex(digest, BUS_CATALOGUE_VERSION_SIZE / 2, catalogue->version);
    }
    bus_digest_stream_release(&stream);
    return status;
}

enum bus_status bus_catalogue_find_version(struct bus_catalogue *catalogue, struct bus_error *error)
{
    struct parts *parts = calloc(1, sizeof *parts);
    if (parts == NULL)
        return bus_fail(error, BUS_FATAL, "cannot load the catalogue: out of memory");
    for (size_t i = 0; i < catalogue->file_count; i++) {
        add_part(catalogue, parts, bus_settings_path_view(catalogue->files[i]), bus_bytes_of(NULL, 0));
        add_files(catalogue, parts, bus_settings_root(catalogue->files[i]));
    }
    for (size_t i = 0; i < catalogue->schema_count; i++)
        add_part(catalogue, parts, catalogue->schema_paths[i], bus_schema_text_view(catalogue->schemas[i]));
    enum bus_status status = parts->is_full ? bus_fail(error, BUS_FATAL, "%s: the catalogue has more than %d files",
                                                       catalogue->folder, MAX_NAMES)
                                            : digest_parts(catalogue, parts, error);
    free(parts);
    return status;
}
