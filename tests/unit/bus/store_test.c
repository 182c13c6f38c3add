#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "bus/store.h"
#include "tests/support/folder.h"

enum { MAP_BYTES = 64 << 20, SMALL_MAP_BYTES = 1 << 20 };

static char folder[TEST_FOLDER_SIZE];

static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
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
    assert_int_equal(bus_store_open(folder, MAP_BYTES, &store, &error), BUS_OK);
    return store;
}

static void write_one(struct bus_store *store, const char *key, const char *value)
{
    struct bus_slot slot = {.key = bus_bytes_text(key)};
    uint8_t bytes[64];
    if (value != NULL) {
        memcpy(bytes, value, strlen(value));
        slot.value = bytes;
        slot.value_length = strlen(value);
    }
    struct bus_slot *slots[] = {&slot};
    struct bus_error error;
    assert_int_equal(bus_store_write(store, slots, 1, &error), BUS_OK);
}

static bool has(struct bus_store *store, const char *key, const char *value)
{
    struct bus_bytes found;
    struct bus_error error;
    assert_int_equal(bus_store_get(store, bus_bytes_text(key), &found, &error), BUS_OK);
    return value == NULL ? found.data == NULL : found.data != NULL && bus_bytes_equal_text(found, value);
}

static void set_mark(const char *text)
{
    char path[TEST_FOLDER_SIZE + 8];
    snprintf(path, sizeof path, "%s/mark", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void keeps_what_was_written(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    assert_true(has(store, "key", NULL));
    write_one(store, "key", "one");
    assert_true(has(store, "key", "one"));
    write_one(store, "key", "two");
    assert_true(has(store, "key", "two"));
    write_one(store, "key", NULL);
    assert_true(has(store, "key", NULL));
    write_one(store, "never there", NULL);
    bus_store_close(store, false);
}

/* As after kill -9: the file was written through the page cache, and the mark names this boot. */
static void survives_a_kill_within_one_boot(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    write_one(store, "key", "value");
    bus_store_close(store, false);
    store = open_store();
    assert_true(has(store, "key", "value"));
    bus_store_close(store, false);
}

static void throws_itself_away_after_a_power_cut(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    write_one(store, "key", "value");
    bus_store_close(store, false);
    set_mark("open 00000000-0000-0000-0000-000000000000\n");
    store = open_store();
    assert_true(has(store, "key", NULL));
    bus_store_close(store, false);
}

static void survives_a_reboot_after_an_orderly_close(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    write_one(store, "key", "value");
    bus_store_close(store, true);
    char path[TEST_FOLDER_SIZE + 8], mark[16] = "";
    snprintf(path, sizeof path, "%s/mark", folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(mark, sizeof mark, file));
    fclose(file);
    assert_string_equal(mark, "clean\n"); /* it names no boot, so any boot may open it */
    store = open_store();
    assert_true(has(store, "key", "value"));
    bus_store_close(store, false);
}

static void trusts_nothing_without_a_mark(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    write_one(store, "key", "value");
    bus_store_close(store, true);
    char path[TEST_FOLDER_SIZE + 8];
    snprintf(path, sizeof path, "%s/mark", folder);
    assert_int_equal(remove(path), 0);
    store = open_store();
    assert_true(has(store, "key", NULL));
    bus_store_close(store, false);
}

static void lets_nobody_else_in(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store(), *second = NULL;
    struct bus_error error;
    assert_int_equal(bus_store_open(folder, MAP_BYTES, &second, &error), BUS_RETRY);
    bus_store_close(store, false);
    second = open_store();
    bus_store_close(second, false);
}

static void says_when_the_map_is_full_and_keeps_the_rest(void **unused)
{
    (void)unused;
    struct bus_store *store = NULL;
    struct bus_error error;
    assert_int_equal(bus_store_open(folder, SMALL_MAP_BYTES, &store, &error), BUS_OK);
    write_one(store, "key", "value");
    static uint8_t big[2 * SMALL_MAP_BYTES];
    struct bus_slot slot = {.key = bus_bytes_text("big"), .value = big, .value_length = sizeof big};
    struct bus_slot *slots[] = {&slot};
    assert_int_equal(bus_store_write(store, slots, 1, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "state_map_mib"));
    assert_true(has(store, "key", "value"));
    assert_true(has(store, "big", NULL));
    bus_store_close(store, false);
}

static void says_which_folder_cannot_be_made(void **unused)
{
    (void)unused;
    struct bus_store *store = NULL;
    struct bus_error error;
    assert_int_equal(bus_store_open("/proc/none/0", MAP_BYTES, &store, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "/proc/none/0"));
}

static void clear_leaves_nothing(void **unused)
{
    (void)unused;
    struct bus_store *store = open_store();
    struct bus_error error;
    write_one(store, "key", "value");
    assert_true(has(store, "key", "value"));
    assert_int_equal(bus_store_clear(store, &error), BUS_OK);
    assert_true(has(store, "key", NULL));
    bus_store_close(store, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_what_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(survives_a_kill_within_one_boot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(throws_itself_away_after_a_power_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(survives_a_reboot_after_an_orderly_close, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trusts_nothing_without_a_mark, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lets_nobody_else_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_when_the_map_is_full_and_keeps_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_which_folder_cannot_be_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clear_leaves_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
