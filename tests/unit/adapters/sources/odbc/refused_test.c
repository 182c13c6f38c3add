#include "adapters/sources/odbc/refused.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static struct bus_bytes row(int number)
{
    static char text[32];
    snprintf(text, sizeof text, "row %d", number);
    return bus_bytes_text(text);
}

static void knows_what_was_refused(void **state)
{
    (void)state;
    struct odbc_refused refused = {0};
    assert_false(odbc_refused_has(&refused, row(1)));
    for (int i = 0; i < 1000; i++)
        odbc_refused_add(&refused, row(i));
    for (int i = 0; i < 1000; i++)
        assert_true(odbc_refused_has(&refused, row(i)));
    assert_false(odbc_refused_has(&refused, row(1000)));
    odbc_refused_release(&refused);
}

static void the_newest_outlive_the_process(void **state)
{
    (void)state;
    char text[ADAPTERS_CURSOR_TEXT_SIZE], again[ADAPTERS_CURSOR_TEXT_SIZE];
    struct odbc_refused refused = {0};
    for (int i = 0; i < 1000; i++)
        odbc_refused_add(&refused, row(i));
    odbc_refused_write(&refused, text);
    odbc_refused_read(&refused, text);
    for (int i = 1000 - ODBC_REFUSED_KEPT; i < 1000; i++)
        assert_true(odbc_refused_has(&refused, row(i)));
    assert_false(odbc_refused_has(&refused, row(1)));
    odbc_refused_write(&refused, again);
    assert_string_equal(text, again);
    odbc_refused_release(&refused);
}

static void never_grows_beyond_its_bound(void **state)
{
    (void)state;
    struct odbc_refused refused = {0};
    for (int i = 0; i < 2 * ODBC_REFUSED_SLOTS; i++)
        odbc_refused_add(&refused, row(i));
    assert_true(refused.count <= ODBC_REFUSED_SLOTS / 2);
    assert_true(odbc_refused_has(&refused, row(2 * ODBC_REFUSED_SLOTS - 1)));
    odbc_refused_release(&refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_was_refused),
        cmocka_unit_test(the_newest_outlive_the_process),
        cmocka_unit_test(never_grows_beyond_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
