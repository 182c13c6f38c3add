#include "adapters/sources/odbc/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void comes_back_as_it_was_written(void **state)
{
    (void)state;
    char text[ADAPTERS_CURSOR_TEXT_SIZE];
    struct odbc_place place = {.listed_at_ms = 1795533552966, .names = "0123abcd", .types = "ssdt"}, read;
    assert_true(odbc_mark_parse(ADAPTERS_POLL_TIMESTAMP, bus_bytes_text("2026-11-24 10:00:00.5"), &place.mark));
    odbc_place_write(ADAPTERS_POLL_TIMESTAMP, &place, text);
    assert_string_equal(text, "2026-11-24T10:00:00.5 1795533552966 0123abcd ssdt");
    assert_true(odbc_place_read(ADAPTERS_POLL_TIMESTAMP, text, &read));
    assert_int_equal(odbc_mark_compare(&read.mark, &place.mark), 0);
    assert_true(read.listed_at_ms == place.listed_at_ms);
    assert_string_equal(read.names, place.names);
    assert_string_equal(read.types, place.types);
}

static void begins_with_nothing(void **state)
{
    (void)state;
    char text[ADAPTERS_CURSOR_TEXT_SIZE];
    struct odbc_place place;
    assert_true(odbc_place_read(ADAPTERS_POLL_NUMBER, "", &place));
    odbc_place_write(ADAPTERS_POLL_NUMBER, &place, text);
    assert_true(odbc_place_read(ADAPTERS_POLL_NUMBER, text, &place));
    assert_false(place.mark.is_set);
    assert_string_equal(place.types, "");
}

static void refuses_a_place_of_another_kind(void **state)
{
    (void)state;
    struct odbc_place place;
    assert_false(odbc_place_read(ADAPTERS_POLL_TIMESTAMP, "12345 0 - -", &place));
    assert_false(odbc_place_read(ADAPTERS_POLL_NUMBER, "2026-11-24T10:00:00 0 - -", &place));
    assert_false(odbc_place_read(ADAPTERS_POLL_NUMBER, "1 0 - - more", &place));
    assert_false(odbc_place_read(ADAPTERS_POLL_NUMBER, "1 0", &place));
}

static void tells_texts_apart_by_their_borders(void **state)
{
    (void)state;
    char one[ODBC_COLUMNS_DIGEST_SIZE], other[ODBC_COLUMNS_DIGEST_SIZE];
    odbc_place_digest((const char *const[]){"ab", "c"}, 2, one);
    odbc_place_digest((const char *const[]){"a", "bc"}, 2, other);
    assert_int_equal(strlen(one), ODBC_COLUMNS_DIGEST_SIZE - 1);
    assert_string_not_equal(one, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was_written),
        cmocka_unit_test(begins_with_nothing),
        cmocka_unit_test(refuses_a_place_of_another_kind),
        cmocka_unit_test(tells_texts_apart_by_their_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
