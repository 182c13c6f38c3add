#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/state_entry.h"
#include "bus/state_reader.h"
#include "bus/store.h"
#include "tests/support/folder.h"

enum { MAP_BYTES = 64 << 20, MAX_TAKEN = 8, TEXT_SIZE = 64, PATH_SIZE = TEST_FOLDER_SIZE + 16 };

/* What a look found, as another process tells it: LMDB must not be opened twice in one. */
struct found {
    enum bus_status status;
    int64_t next;
    size_t count;
    char values[MAX_TAKEN][TEXT_SIZE];
};

static char folder[TEST_FOLDER_SIZE], partition_folder[PATH_SIZE];

static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
    snprintf(partition_folder, sizeof partition_folder, "%s/3", folder);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_folder_remove(folder);
    return 0;
}

static struct bus_store *open_store(void)
{
    struct bus_store *store = NULL;
    struct bus_error error;
    assert_int_equal(bus_store_open(partition_folder, MAP_BYTES, &store, &error), BUS_OK);
    return store;
}

static void write_one(struct bus_store *store, struct bus_bytes key, struct bus_bytes value)
{
    struct bus_slot slot = {.key = key, .value = (uint8_t *)(uintptr_t)value.data, .value_length = value.length};
    struct bus_slot *slots[] = {&slot};
    struct bus_error error;
    assert_int_equal(bus_store_write(store, slots, 1, &error), BUS_OK);
}

static void write_text(struct bus_store *store, const char *key, const char *value)
{
    write_one(store, bus_bytes_text(key), bus_bytes_text(value));
}

static void write_next(struct bus_store *store, int64_t next)
{
    uint8_t number[BUS_STATE_NUMBER_SIZE];
    bus_state_number_write(next, number);
    write_one(store, bus_bytes_text("M"), bus_bytes_of(number, sizeof number));
}

static enum bus_status keep(void *self, struct bus_bytes key, struct bus_bytes value, struct bus_error *error)
{
    struct found *found = self;
    (void)key;
    if (bus_bytes_equal_text(value, "stop"))
        return bus_fail(error, BUS_FATAL, "enough");
    if (found->count < MAX_TAKEN && value.length < TEXT_SIZE)
        memcpy(found->values[found->count], value.data, value.length);
    found->count++;
    return BUS_OK;
}

/* Removes and makes the environment anew, as a worker after a power cut does. */
static enum bus_status keep_and_replace(void *self, struct bus_bytes key, struct bus_bytes value,
                                        struct bus_error *error)
{
    char path[PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/data.mdb", partition_folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/lock.mdb", partition_folder);
    unlink(path);
    pid_t child = fork();
    if (child == 0) {
        struct bus_store *store = NULL;
        _exit(bus_store_open(partition_folder, MAP_BYTES, &store, error) == BUS_OK ? 0 : 1);
    }
    waitpid(child, NULL, 0);
    return keep(self, key, value, error);
}

static struct found look(enum bus_status (*take)(void *, struct bus_bytes, struct bus_bytes, struct bus_error *))
{
    struct found found = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct bus_error error;
        found.status = bus_state_reader_look(folder, 3, bus_bytes_text("Rab"), take, &found, &found.next, &error);
        _exit(write(ends[1], &found, sizeof found) == (ssize_t)sizeof found ? 0 : 1);
    }
    int code = 1;
    close(ends[1]);
    assert_int_equal(read(ends[0], &found, sizeof found), (ssize_t)sizeof found);
    close(ends[0]);
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    return found;
}

static void set_mark(const char *text)
{
    char path[PATH_SIZE + 8];
    snprintf(path, sizeof path, "%s/mark", partition_folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void fill(struct bus_store *store)
{
    write_text(store, "Raa1", "before");
    write_text(store, "Rab1", "one");
    write_text(store, "Rab2", "two");
    write_text(store, "Rac1", "behind");
    write_next(store, 4711);
}

static void gives_what_has_the_prefix_while_the_worker_has_it_open(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    fill(store);
    struct found found = look(keep);
    assert_int_equal(found.status, BUS_OK);
    assert_int_equal(found.next, 4711);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.values[0], "one");
    assert_string_equal(found.values[1], "two");
    write_text(store, "Rab3", "three");
    write_next(store, 4712);
    found = look(keep);
    assert_int_equal(found.count, 3);
    assert_int_equal(found.next, 4712);
    bus_store_close(store, true);
}

static void gives_the_same_when_the_worker_is_gone(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    fill(store);
    bus_store_close(store, false);
    assert_int_equal(look(keep).count, 2);
}

static void the_worker_goes_on_after_a_look(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    fill(store);
    look(keep);
    struct bus_bytes value;
    struct bus_error error;
    assert_int_equal(bus_store_get(store, bus_bytes_text("Rab1"), &value, &error), BUS_OK);
    assert_true(bus_bytes_equal_text(value, "one"));
    bus_store_close(store, true);
}

static void an_environment_without_content_is_complete_up_to_nothing(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    struct found found = look(keep);
    assert_int_equal(found.status, BUS_OK);
    assert_int_equal(found.next, 0);
    assert_int_equal(found.count, 0);
    bus_store_close(store, true);
}

static void no_environment_is_a_retry(void **unused)
{
    (void)unused;
    assert_int_equal(look(keep).status, BUS_RETRY);
    assert_int_equal(mkdir(partition_folder, 0700), 0);
    set_mark("clean\n");
    assert_int_equal(look(keep).status, BUS_RETRY);
}

static void an_environment_of_another_boot_is_a_retry(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    fill(store);
    bus_store_close(store, true);
    assert_int_equal(look(keep).status, BUS_OK);
    set_mark("open another-boot\n");
    assert_int_equal(look(keep).status, BUS_RETRY);
}

static void an_environment_made_anew_under_the_look_is_a_retry(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    fill(store);
    bus_store_close(store, true);
    assert_int_equal(look(keep_and_replace).status, BUS_RETRY);
}

static void a_file_that_is_no_environment_is_a_retry(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    bus_store_close(store, true);
    char path[PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/data.mdb", partition_folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 16384; i++)
        fputc('x', file);
    fclose(file);
    assert_int_equal(look(keep).status, BUS_RETRY);
}

static void a_taker_that_fails_ends_the_look_with_its_status(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    write_text(store, "Rab1", "stop");
    bus_store_close(store, true);
    assert_int_equal(look(keep).status, BUS_FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_what_has_the_prefix_while_the_worker_has_it_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_the_same_when_the_worker_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_worker_goes_on_after_a_look, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_environment_without_content_is_complete_up_to_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_environment_is_a_retry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_environment_of_another_boot_is_a_retry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_environment_made_anew_under_the_look_is_a_retry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_environment_is_a_retry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_taker_that_fails_ends_the_look_with_its_status, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
