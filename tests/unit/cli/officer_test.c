#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/officer.h"

static bool is_good(const char *officer, const char *reason)
{
    return cli_is_answered_for("指令", "an order", officer, reason);
}

static void an_order_needs_somebody_and_a_reason(void **unused)
{
    (void)unused;
    assert_true(is_good("王五", "已核实"));
    assert_false(is_good("王五", NULL));
    assert_false(is_good(NULL, "已核实"));
    assert_false(is_good("", "已核实"));
    assert_false(is_good("王五", ""));
}

static void a_text_too_long_is_refused(void **unused)
{
    (void)unused;
    char text[CLI_OFFICER_MAX_TEXT + 2] = "";
    memset(text, 'x', CLI_OFFICER_MAX_TEXT);
    assert_true(is_good(text, text));
    text[CLI_OFFICER_MAX_TEXT] = 'x';
    assert_false(is_good("王五", text));
    assert_false(is_good(text, "已核实"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_needs_somebody_and_a_reason),
        cmocka_unit_test(a_text_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
