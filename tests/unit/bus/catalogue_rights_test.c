#include "bus/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the first two above first */
#include <cmocka.h>

#include "bus/catalogue_document.h"
#include "tests/support/folder.h"

enum { PATH_SIZE = 512, COMMAND_SIZE = 2048 };

static struct bus_catalogue *catalogue;

static int load(void **state)
{
    struct bus_error error;
    (void)state;
    if (bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK)
        return 0;
    print_error("%s\n", error.message);
    return -1;
}

static int unload(void **state)
{
    (void)state;
    bus_catalogue_destroy(catalogue);
    return 0;
}

static void every_right_is_an_item_with_a_rule(void **state)
{
    (void)state;
    size_t found = 0;
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        if (item->rights == BUS_RIGHTS_NONE)
            continue;
        found++;
        assert_string_equal(item->department->name, "rights");
        assert_string_equal(item->openness, "authorised");
        assert_int_equal(bus_catalogue_rights(catalogue, item->rights)->kind, item->rights);
    }
    assert_int_equal(found, 4);
    assert_null(bus_catalogue_rights(catalogue, BUS_RIGHTS_NONE));
}

static void a_rule_says_who_and_in_how_many_days(void **state)
{
    (void)state;
    const struct bus_rights_rule *dispute = bus_catalogue_rights(catalogue, BUS_RIGHTS_DISPUTE);
    assert_true(dispute->by_own && dispute->by_exchange);
    assert_int_equal(dispute->department_count, 0);
    assert_int_equal(dispute->answer_days, 20);
    assert_false(dispute->working_days);
    const struct bus_rights_rule *repair = bus_catalogue_rights(catalogue, BUS_RIGHTS_REPAIR);
    assert_true(repair->by_own && !repair->by_exchange);
    assert_int_equal(repair->answer_days, 0);
    const struct bus_rights_rule *restriction = bus_catalogue_rights(catalogue, BUS_RIGHTS_RESTRICTION);
    assert_int_equal(restriction->department_count, 1);
    assert_string_equal(restriction->departments[0]->name, "court");
}

static void a_term_is_as_it_is_written(void **state)
{
    (void)state;
    const struct bus_item *penalty = bus_catalogue_find_item(catalogue, "market", "penalty");
    assert_int_equal(penalty->term_count, 4);
    assert_int_equal(penalty->terms[0].kind, BUS_TERM_PUBLICITY);
    assert_string_equal(penalty->terms[0].from, "decided_on");
    assert_int_equal(penalty->terms[0].years, 3);
    assert_string_equal(penalty->terms[0].rule_version, "NDRC-36-2026");
    assert_string_equal(penalty->terms[0].field, "penalty_kinds");
    assert_int_equal(penalty->terms[0].value_count, 5);
    assert_int_equal(penalty->terms[2].months, 3);
    assert_int_equal(penalty->terms[2].value_count, 0);
    assert_int_equal(penalty->terms[3].kind, BUS_TERM_RETENTION);
    assert_string_equal(penalty->terms[3].rule_version, "");
    const struct bus_item *debtor = bus_catalogue_find_item(catalogue, "court", "dishonest.debtor");
    assert_int_equal(debtor->terms[0].kind, BUS_TERM_WATCH);
    assert_int_equal(debtor->terms[0].grace_working_days, 3);
    assert_int_equal(bus_catalogue_find_item(catalogue, "market", "registration.basic")->term_count, 0);
}

static void the_document_says_who_may_and_what_ends_when(void **state)
{
    (void)state;
    static const char *const words[] = {
        "| `dispute` | 记录所属部门 own; 交换平台 exchange; | 20 日 days |",
        "| `repair` | 记录所属部门 own; | – |",
        "柳州市中级人民法院 `court`;",
        "| 公示 publicity | `decided_on` | 3 年 years | `rule_version` = NDRC-36-2026 · 暂扣或者吊销许可证、执照, ",
        "| 公示 publicity | `decided_on` | 3 个月 months | `rule_version` = NDRC-36-2026 |",
        "| 提醒 watch | `published_on` | 2 年 years + 3 个工作日 working days | |",
    };
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 16 * 1024 * 1024);
    bus_catalogue_document(catalogue, &buffer);
    bus_buffer_u8(&buffer, 0);
    assert_false(buffer.failed);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr((const char *)buffer.data, words[i]) == NULL)
            fail_msg("the document lacks '%s'", words[i]);
    bus_buffer_release(&buffer);
}

/* --- faults --- */

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* A copy of the catalogue in which sed changes one file. */
static enum bus_status load_changed(const char *script, const char *file, struct bus_error *error)
{
    char folder[TEST_FOLDER_SIZE], path[PATH_SIZE], command[COMMAND_SIZE];
    struct bus_catalogue *changed = NULL;
    test_folder_make(folder);
    snprintf(command, sizeof command,
             "mkdir -p '%s/subscribers' && cp -r '" XINQIAO_SOURCE "/schemas' '%s/schemas' && "
             "cp -r '" XINQIAO_SOURCE "/subscribers/receivers' '%s/subscribers/receivers'",
             folder, folder, folder);
    run(command);
    snprintf(command, sizeof command, "cp '%s/%s' '%s/before' && sed -i '%s' '%s/%s' && ! cmp -s '%s/%s' '%s/before'",
             folder, file, folder, script, folder, file, folder, file, folder);
    run(command);
    snprintf(path, sizeof path, "%s/schemas/catalogue.cfg", folder);
    enum bus_status status = bus_catalogue_load(path, &changed, error);
    bus_catalogue_destroy(changed);
    test_folder_remove(folder);
    return status;
}

static void names_place_and_reason_of_every_fault(void **state)
{
    (void)state;
#define CATALOGUE "schemas/catalogue.cfg"
    static const struct {
        const char *script, *file, *place, *words;
    } faults[] = {
        {"s/by = \\[\"own\"\\]/by = [\"owner\"]/", CATALOGUE, "catalogue.cfg:", "did you mean 'own'"},
        {"s/\"court\"\\]; }/\"curt\"]; }/", CATALOGUE,
         "catalogue.cfg:", "unknown authority 'curt'; did you mean 'court'"},
        {"s/answer_days = 20/answer_day = 20/", CATALOGUE, "catalogue.cfg:", "did you mean 'answer_days'"},
        {"s/{ kind = \"repair\";/{ kind = \"dispute\";/", CATALOGUE, "catalogue.cfg:", "'dispute' stands twice"},
        {"s/{ kind = \"repair\";/{ kind = \"mercy\";/", CATALOGUE, "catalogue.cfg:", "one of dispute|correction"},
        {"/{ kind = \"repair\";/d", CATALOGUE, "catalogue.cfg:", "needs a rule of 'repair'"},
        {"s/rights = \"repair\"/rights = \"dispute\"/", CATALOGUE, "catalogue.cfg:", "is item 'dispute' already"},
        {"s/number = 1; department = \"market\"/number = 1; rights = \"repair\"; department = \"market\"/", CATALOGUE,
         "catalogue.cfg:", "needs the field 'case_number'"},
        {"s/\"scope\"/\"scopes\"/", "schemas/rights/restriction-1.avsc",
         "catalogue.cfg:", "needs the field 'scope', a string"},
        {"s/\"name\": \"decided_on\", \"type\": \\[\"null\", {[^}]*}\\]/\"name\": \"decided_on\", \"type\": [\"null\", \"int\"]/",
         "schemas/rights/dispute-1.avsc", "catalogue.cfg:", "needs the field 'decided_on', a date"},
        {"s/name = \"court\";     /name = \"exchange\";     /", CATALOGUE, "catalogue.cfg:", "names an authority"},
        {"0,/from = \"decided_on\"/s//from = \"decided\"/", CATALOGUE, "catalogue.cfg:", "did you mean 'decided_on'"},
        {"0,/from = \"decided_on\"/s//from = \"content\"/", CATALOGUE,
         "catalogue.cfg:", "a date or timestamp; 'content'"},
        {"0,/field = \"penalty_kinds\"/s//field = \"penalty_kind\"/", CATALOGUE,
         "catalogue.cfg:", "did you mean 'penalty_kinds'"},
        {"0,/field = \"penalty_kinds\"/s//field = \"fine_amount\"/", CATALOGUE,
         "catalogue.cfg:", "'fine_amount' is no text"},
        {"0,/field = \"penalty_kinds\";/s///", CATALOGUE, "catalogue.cfg:", "go together"},
        {"0,/kind = \"retention\"/s//kind = \"retentio\"/", CATALOGUE, "catalogue.cfg:", "publicity|retention|watch"},
        {"0,/years = 5/s//years = 5; grace_working_days = 3/", CATALOGUE, "catalogue.cfg:", "only a watch has grace"},
        {"0,/years = 5/s//years = -5/", CATALOGUE, "catalogue.cfg:", "from 0 to 100"},
        {"s/\"2026-01-04\"/\"2026-01-05\"/", "schemas/codes/calendar.cfg", "calendar.cfg:", "no weekend"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct bus_error error = {.message = ""};
        enum bus_status status = load_changed(faults[i].script, faults[i].file, &error);
        if (status != BUS_FATAL || strstr(error.message, faults[i].place) == NULL ||
            strstr(error.message, faults[i].words) == NULL)
            fail_msg("%s: '%s' lacks '%s' or '%s'", faults[i].script, error.message, faults[i].place, faults[i].words);
    }
}

static void a_catalogue_without_rights_needs_no_rules(void **state)
{
    (void)state;
    struct bus_error error = {.message = ""};
    if (load_changed("/^rights = (/,/^);/d; s/rights = \"[a-z]*\";//", CATALOGUE, &error) != BUS_OK)
        fail_msg("%s", error.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_right_is_an_item_with_a_rule),
        cmocka_unit_test(a_rule_says_who_and_in_how_many_days),
        cmocka_unit_test(a_term_is_as_it_is_written),
        cmocka_unit_test(the_document_says_who_may_and_what_ends_when),
        cmocka_unit_test(names_place_and_reason_of_every_fault),
        cmocka_unit_test(a_catalogue_without_rights_needs_no_rules),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
