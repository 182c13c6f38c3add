#include "adapters/sources/push/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdlib.h>

#include "tests/support/folder.h"

static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

/* Adds `length` bytes in pieces, and finds them again. */
static void round_trip(const char *folder, size_t length, bool in_memory)
{
    struct adapters_push_body body;
    struct bus_error error;
    uint8_t *sent = malloc(length + 1), digest[BUS_DIGEST_SIZE], expected[BUS_DIGEST_SIZE];
    for (size_t i = 0; i < length; i++)
        sent[i] = (uint8_t)(i * 31 + i / 257);
    adapters_push_body_init(&body, folder);
    for (size_t at = 0; at < length; at += 1000) {
        size_t piece = length - at < 1000 ? length - at : 1000;
        assert_int_equal(adapters_push_body_add(&body, bus_bytes_of(sent + at, piece), &error), BUS_OK);
    }
    assert_int_equal(body.file < 0, in_memory);
    assert_int_equal(files_in(folder), 0);
    struct bus_bytes view;
    assert_int_equal(adapters_push_body_finish(&body, digest, &view, &error), BUS_OK);
    assert_true(bus_bytes_equal(view, bus_bytes_of(sent, length)));
    bus_digest(BUS_HASH_SM3, bus_bytes_of(sent, length), expected);
    assert_memory_equal(digest, expected, sizeof digest);
    adapters_push_body_release(&body);
    free(sent);
}

static int set_up(void **state)
{
    char *folder = malloc(TEST_FOLDER_SIZE);
    test_folder_make(folder);
    *state = folder;
    return 0;
}

static int tear_down(void **state)
{
    test_folder_remove(*state);
    free(*state);
    return 0;
}

static void short_bodies_stay_in_memory(void **state)
{
    round_trip(*state, 0, true);
    round_trip(*state, ADAPTERS_PUSH_BODY_IN_MEMORY, true);
}

static void long_bodies_go_to_a_file_without_a_name(void **state)
{
    round_trip(*state, ADAPTERS_PUSH_BODY_IN_MEMORY + 1, false);
    round_trip(*state, 1000 * 1000, false);
}

static void a_folder_that_is_gone_is_told(void **state)
{
    (void)state;
    struct adapters_push_body body;
    struct bus_error error;
    uint8_t piece[1024] = {0};
    enum bus_status status = BUS_OK;
    adapters_push_body_init(&body, "/nowhere/at/all");
    for (int i = 0; i < 65 && status == BUS_OK; i++)
        status = adapters_push_body_add(&body, bus_bytes_of(piece, sizeof piece), &error);
    assert_int_equal(status, BUS_RETRY);
    assert_non_null(strstr(error.message, "/nowhere/at/all"));
    adapters_push_body_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(short_bodies_stay_in_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_bodies_go_to_a_file_without_a_name, set_up, tear_down),
        cmocka_unit_test(a_folder_that_is_gone_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
