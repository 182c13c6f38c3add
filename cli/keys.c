/* xinqiao keys: makes a signing key, shows what key files hold. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bus/json.h"
#include "bus/key.h"
#include "bus/table.h"
#include "cli/command.h"

enum { PATH_SIZE = 4096, MAX_KEYS = 1000 };

static const char usage[] = "keys new --dir FOLDER [--suite sm2-sm3|ed25519-sha256]\n"
                            "keys new --private FILE --public FOLDER [--suite S]\n"
                            "keys show FILE|FOLDER";

/* --- new --- */

static enum bus_status make_path(char out_path[PATH_SIZE], const char *folder, const char *name, const char *ending,
                                 struct bus_error *error)
{
    int length = snprintf(out_path, PATH_SIZE, "%s/%s%s", folder, name, ending);
    if (length < 0 || length >= PATH_SIZE)
        return bus_fail(error, BUS_FATAL, "the path below %.80s… is too long", folder);
    return BUS_OK;
}

/* Only the last part of the path is made, so that a mistyped path is still told. */
static enum bus_status make_folder(const char *folder, mode_t mode, struct bus_error *error)
{
    if (mkdir(folder, mode) == 0 || errno == EEXIST)
        return BUS_OK;
    return bus_fail(error, BUS_FATAL, "make folder %s: %s", folder, strerror(errno));
}

/* The public half first: a private key without it would be of no use, and cannot be written again over itself. */
static enum bus_status save_pair(const struct bus_key *key, const char *private_path, const char *public_path,
                                 struct bus_error *error)
{
    enum bus_status status = bus_key_save_public(key, public_path, error);
    if (status != BUS_OK)
        return status;
    status = bus_key_save_private(key, private_path, error);
    if (status != BUS_OK)
        remove(public_path);
    return status;
}

static int print_new(const struct cli_context *context, const struct bus_key *key, const char *private_path,
                     const char *public_path)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 4 * PATH_SIZE);
    if (context->json) {
        struct bus_json json;
        bus_json_init(&json, &buffer);
        bus_json_object(&json);
        bus_json_name(&json, "key_id");
        bus_json_string(&json, bus_key_id_view(key));
        bus_json_name(&json, "suite");
        bus_json_string(&json, bus_suite_name(bus_key_suite(key)));
        bus_json_name(&json, "private");
        bus_json_string(&json, private_path);
        bus_json_name(&json, "public");
        bus_json_string(&json, public_path);
        bus_json_end_object(&json);
    } else {
        bus_buffer_printf(&buffer,
                          "密钥标识 / key id: %s (%s)\n"
                          "私钥，只给签章进程 / private key, for the keyholder only: %s\n"
                          "公钥，发给核验方 / public key, for whoever verifies: %s",
                          bus_key_id_view(key), bus_suite_name(bus_key_suite(key)), private_path, public_path);
    }
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static int new_key(struct cli_context *context, int argc, char **argv)
{
    const char *suite_name = "sm2-sm3", *folder = NULL, *private_file = NULL, *public_folder = NULL;
    const struct cli_option options[] = {{"suite", CLI_OPTION_TEXT, &suite_name},
                                         {"dir", CLI_OPTION_TEXT, &folder},
                                         {"private", CLI_OPTION_TEXT, &private_file},
                                         {"public", CLI_OPTION_TEXT, &public_folder},
                                         {0}};
    char private_path[PATH_SIZE], public_path[PATH_SIZE];
    struct bus_key *key = NULL;
    enum bus_suite suite;
    struct bus_error error;

    int rest = cli_arguments(argc, argv, options);
    if (rest != 0 || (folder == NULL) == (private_file == NULL || public_folder == NULL))
        return rest < 0 ? CLI_WRONG_USE : cli_usage(usage);
    if (bus_suite_parse(suite_name, &suite, &error) != BUS_OK)
        return cli_fail(BUS_FATAL, &error);
    enum bus_status status = bus_key_generate(suite, &key, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    const char *key_id = bus_key_id_view(key);
    status = folder != NULL ? make_folder(folder, 0700, &error) : make_folder(public_folder, 0755, &error);
    if (status == BUS_OK)
        status = make_path(public_path, folder != NULL ? folder : public_folder, key_id, ".pem", &error);
    if (status == BUS_OK && folder != NULL)
        status = make_path(private_path, folder, key_id, ".key.pem", &error);
    else if (status == BUS_OK)
        snprintf(private_path, sizeof private_path, "%s", private_file);
    if (status == BUS_OK)
        status = save_pair(key, private_path, public_path, &error);
    int code = status == BUS_OK ? print_new(context, key, private_path, public_path) : cli_fail(status, &error);
    bus_key_destroy(key);
    return code;
}

/* --- show --- */

static bool is_pem(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && name[0] != '.' && strcmp(name + length - 4, ".pem") == 0;
}

static int only_pem(const struct dirent *entry)
{
    return is_pem(entry->d_name);
}

/* What is shown, as a table or as JSON. */
struct list {
    struct bus_table *table;
    struct bus_json json;
    struct bus_buffer buffer;
    bool as_json;
};

static void list_key(struct list *list, const struct bus_key *key, const char *path)
{
    const char *suite = bus_suite_name(bus_key_suite(key)), *half = bus_key_is_private(key) ? "private" : "public";
    if (!list->as_json) {
        bus_table_string(list->table, bus_key_id_view(key));
        bus_table_string(list->table, suite);
        bus_table_string(list->table, half);
        bus_table_string(list->table, path);
        return;
    }
    bus_json_object(&list->json);
    bus_json_name(&list->json, "key_id");
    bus_json_string(&list->json, bus_key_id_view(key));
    bus_json_name(&list->json, "suite");
    bus_json_string(&list->json, suite);
    bus_json_name(&list->json, "half");
    bus_json_string(&list->json, half);
    bus_json_name(&list->json, "path");
    bus_json_string(&list->json, path);
    bus_json_end_object(&list->json);
}

static enum bus_status list_file(struct list *list, const char *path, struct bus_error *error)
{
    struct bus_key *key = NULL;
    enum bus_status status = bus_key_load(path, &key, error);
    if (status == BUS_OK)
        list_key(list, key, path);
    bus_key_destroy(key);
    return status;
}

static enum bus_status list_folder(struct list *list, const char *folder, struct bus_error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, only_pem, alphasort);
    enum bus_status status = BUS_OK;

    if (count < 0)
        return bus_fail(error, BUS_FATAL, "read folder %s: %m", folder);
    if (count > MAX_KEYS)
        status = bus_fail(error, BUS_FATAL, "folder %s holds more than %d keys", folder, MAX_KEYS);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        if (status == BUS_OK)
            status = make_path(path, folder, entries[i]->d_name, "", error);
        if (status == BUS_OK)
            status = list_file(list, path, error);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int show_keys(struct cli_context *context, int argc, char **argv)
{
    const struct cli_option options[] = {{0}};
    struct list list = {.as_json = context->json};
    struct stat about;
    struct bus_error error;

    int rest = cli_arguments(argc, argv, options);
    const char *path = rest == 1 ? argv[1] : context->keys_path;
    if (rest < 0 || rest > 1 || path == NULL)
        return rest < 0 ? CLI_WRONG_USE : cli_usage(usage);
    bus_buffer_init(&list.buffer, MAX_KEYS * (PATH_SIZE + 200));
    bus_json_init(&list.json, &list.buffer);
    bus_json_array(&list.json);
    list.table = bus_table_create();
    bus_table_column(list.table, "密钥标识", "key id", BUS_TABLE_LEFT);
    bus_table_column(list.table, "套件", "suite", BUS_TABLE_LEFT);
    bus_table_column(list.table, "私钥或公钥", "half", BUS_TABLE_LEFT);
    bus_table_column(list.table, "文件", "file", BUS_TABLE_LEFT);
    bool is_folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    enum bus_status status = is_folder ? list_folder(&list, path, &error) : list_file(&list, path, &error);
    bus_json_end_array(&list.json);
    int code = CLI_DONE;
    if (status != BUS_OK)
        code = cli_fail(status, &error);
    else if (context->json)
        code = cli_print(&list.buffer);
    else if (!bus_table_print(list.table))
        code = CLI_CANNOT_REACH;
    bus_table_destroy(list.table);
    bus_buffer_release(&list.buffer);
    return code;
}

int cli_keys(struct cli_context *context, int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "new") == 0)
        return new_key(context, argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "show") == 0)
        return show_keys(context, argc - 1, argv + 1);
    return cli_usage(usage);
}
