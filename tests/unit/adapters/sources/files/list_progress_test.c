#include "adapters/sources/files/list_progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_written_is_read(void **state)
{
    (void)state;
    char text[ADAPTERS_LIST_PROGRESS_SIZE];
    struct adapters_list_progress read, written = {.is_done = true,
                                                   .begun_ms = 1795500000000,
                                                   .digest = {1, 2, 3},
                                                   .rows = 5,
                                                   .published = 3,
                                                   .withdrawn = 2,
                                                   .name = " 黑名单 2026.csv"};
    adapters_list_progress_write(&written, text);
    assert_true(adapters_list_progress_read(text, &read));
    assert_true(read.is_done);
    assert_int_equal(read.begun_ms, written.begun_ms);
    assert_memory_equal(read.digest, written.digest, sizeof read.digest);
    assert_int_equal(read.rows, 5);
    assert_int_equal(read.published, 3);
    assert_int_equal(read.withdrawn, 2);
    assert_string_equal(read.name, written.name);
}

static void another_text_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "done", "open 1 2 3 4 5 name", "0/1A2B3C"};
    struct adapters_list_progress progress;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(adapters_list_progress_read(texts[i], &progress));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(another_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
