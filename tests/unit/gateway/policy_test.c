/* A catalogue is taken whole or not at all, with every file that it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/policy.h"
#include "tests/support/folder.h"

enum { PATH_SIZE = 400, COMMAND_SIZE = 4 * PATH_SIZE };

static char folder[TEST_FOLDER_SIZE], path[PATH_SIZE];

__attribute__((format(printf, 1, 0))) static void run(const char *format, const char *argument)
{
    char command[COMMAND_SIZE];
    snprintf(command, sizeof command, format, folder, argument);
    assert_int_equal(system(command), 0);
}

/* A copy of the scenarios' catalogue. */
static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
    snprintf(path, sizeof path, "%s/x/y/catalogue/catalogue.cfg", folder);
    run("mkdir -p %1$s/x/y && ln -s %2$s/schemas %1$s/schemas && cp -r %2$s/tests/scenarios/catalogue %1$s/x/y/",
        XINQIAO_SOURCE);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_folder_remove(folder);
    return 0;
}

static void a_catalogue_whose_portfolio_is_away_is_not_taken(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_policy policy, next;
    bool changed;
    assert_int_equal(gateway_policy_load(path, &policy, &error), BUS_OK);
    run("echo '# another version' >> %1$s/x/y/catalogue/receivers/%2$s/grants.cfg", "customers");
    assert_int_equal(gateway_policy_load_next(&policy, path, false, &next, &changed, &error), BUS_OK);
    assert_true(changed);
    gateway_policy_release(&next);
    run("rm %1$s/x/y/catalogue/receivers/%2$s/customers.txt", "customers");
    assert_int_equal(gateway_policy_load_next(&policy, path, false, &next, &changed, &error), BUS_FATAL);
    assert_false(changed);
    assert_non_null(strstr(error.message, "customers.txt"));
    gateway_policy_release(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_catalogue_whose_portfolio_is_away_is_not_taken, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
