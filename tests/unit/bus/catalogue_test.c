#include "bus/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/catalogue_check.h"
#include "bus/catalogue_document.h"
#include "bus/identifier.h"
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

static void knows_departments_items_and_topics(void **state)
{
    (void)state;
    char topic[BUS_TOPIC_SIZE];
    assert_string_equal(bus_catalogue_exchange_view(catalogue), "liuzhou");
    assert_true(bus_catalogue_department_count(catalogue) >= 7);
    assert_true(bus_catalogue_item_count(catalogue) >= 21);
    const struct bus_item *item = bus_catalogue_find_item(catalogue, "tax", "credit.grade");
    assert_non_null(item);
    assert_ptr_equal(item->department, bus_catalogue_find_department(catalogue, "tax"));
    assert_int_equal(item->version_count, 2);
    assert_int_equal(bus_item_current(item)->number, 2);
    assert_ptr_equal(bus_item_version_by_fingerprint(item, bus_schema_fingerprint(item->versions[0].schema)),
                     &item->versions[0]);
    assert_null(bus_item_version_by_fingerprint(item, 1));
    assert_ptr_equal(bus_catalogue_item_by_number(catalogue, item->number), item);
    assert_null(bus_catalogue_item_by_number(catalogue, 9999));
    assert_null(bus_catalogue_find_item(catalogue, "market", "credit.grade"));
    assert_null(bus_catalogue_find_department(catalogue, "taxes"));
    bus_topic_in("xq.", item, topic);
    assert_string_equal(topic, "xq.in.tax.credit.grade");
    assert_ptr_equal(bus_topic_item(catalogue, "xq.", topic), item);
    assert_null(bus_topic_item(catalogue, "yq.", topic));
    assert_null(bus_topic_item(catalogue, "xq.", "xq.in.tax"));
    assert_null(bus_topic_item(catalogue, "xq.", "xq.in.tax.nothing"));
    assert_null(bus_topic_item(catalogue, "xq.", "xq.out.court"));
    bus_topic_out("xq.", "court", topic);
    assert_string_equal(topic, "xq.out.court");
}

static void one_name_in_two_departments_is_two_items(void **state)
{
    (void)state;
    const struct bus_item *police = bus_catalogue_find_item(catalogue, "traffic", "violation.decision");
    const struct bus_item *bureau = bus_catalogue_find_item(catalogue, "transport", "violation.decision");
    assert_true(police != NULL && bureau != NULL && police != bureau);
    assert_ptr_not_equal(bus_item_current(police)->schema, bus_item_current(bureau)->schema);
    const struct bus_item *market = bus_catalogue_find_item(catalogue, "market", "penalty");
    const struct bus_item *transport = bus_catalogue_find_item(catalogue, "transport", "penalty");
    assert_ptr_equal(bus_item_current(market)->schema, bus_item_current(transport)->schema);
}

static void the_register_says_who_exists_no_more(void **state)
{
    (void)state;
    const struct bus_item *item = bus_catalogue_find_item(catalogue, "market", "registration.basic");
    assert_true(item->is_register);
    assert_string_equal(item->register_status_field, "registration_status");
    assert_true(item->register_ended_count >= 1);
    assert_string_equal(item->register_ended[0], "注销");
    assert_false(bus_catalogue_find_item(catalogue, "tax", "arrears")->is_register);
}

static void knows_subscribers_and_their_grants(void **state)
{
    (void)state;
    const struct bus_subscriber *website = bus_catalogue_find_subscriber(catalogue, "website");
    assert_non_null(website);
    assert_true(website->is_public);
    assert_null(bus_catalogue_find_subscriber(catalogue, "nobody"));
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        assert_ptr_equal(bus_catalogue_find_subscriber(catalogue, subscriber->name), subscriber);
        assert_true(subscriber->grant_count > 0);
        for (size_t j = 0; j < subscriber->grant_count; j++)
            assert_ptr_equal(subscriber->grants[j].subscriber, subscriber);
    }
}

static void finds_codes_and_only_codes(void **state)
{
    (void)state;
    const struct bus_code_list *list = bus_catalogue_code_list(catalogue, "penalty_kind");
    assert_non_null(list);
    for (size_t i = 0; i < list->count; i++)
        assert_true(bus_code_list_has(list, bus_bytes_text(list->codes[i].value)));
    assert_false(bus_code_list_has(list, bus_bytes_text("罚")));
    assert_false(bus_code_list_has(list, bus_bytes_text("")));
    assert_null(bus_catalogue_code_list(catalogue, "nothing"));
}

static void areas_have_lives(void **state)
{
    (void)state;
    int32_t in_1990 = 0, in_2010 = 0, in_2020 = 0;
    assert_true(bus_date_days(1990, 6, 1, &in_1990) && bus_date_days(2010, 6, 1, &in_2010) &&
                bus_date_days(2020, 6, 1, &in_2020));
    struct bus_bytes liujiang = bus_bytes_text("450206"), county = bus_bytes_text("450221");
    assert_true(bus_catalogue_area_existed(catalogue, liujiang));
    assert_true(bus_catalogue_area_existed(catalogue, bus_bytes_text("450206100")));
    assert_true(bus_catalogue_area_existed(catalogue, bus_bytes_text("450206100001")));
    assert_true(bus_catalogue_area_exists_on(catalogue, liujiang, in_1990));
    assert_false(bus_catalogue_area_exists_on(catalogue, liujiang, in_2010));
    assert_true(bus_catalogue_area_exists_on(catalogue, liujiang, in_2020));
    assert_true(bus_catalogue_area_exists_on(catalogue, county, in_2010));
    assert_false(bus_catalogue_area_exists_on(catalogue, county, in_2020));
    assert_true(bus_catalogue_area_existed(catalogue, county));
    static const char *const bad[] = {"", "450299", "45020", "4502061", "450206x00", "45020610000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(bus_catalogue_area_existed(catalogue, bus_bytes_text(bad[i])));
}

/* A copy of the catalogue in which a script changes something. */
struct copy {
    char folder[TEST_FOLDER_SIZE];
    char catalogue[PATH_SIZE];
};

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

static void make_copy(struct copy *copy)
{
    char command[COMMAND_SIZE];
    test_folder_make(copy->folder);
    snprintf(copy->catalogue, sizeof copy->catalogue, "%s/schemas/catalogue.cfg", copy->folder);
    snprintf(command, sizeof command,
             "mkdir -p '%s/subscribers' && cp -r '" XINQIAO_SOURCE "/schemas' '%s/schemas' && "
             "cp -r '" XINQIAO_SOURCE "/subscribers/receivers' '%s/subscribers/receivers'",
             copy->folder, copy->folder, copy->folder);
    run(command);
}

/* sed over one file of the copy, relative to its folder. */
static void edit(const struct copy *copy, const char *script, const char *file)
{
    char command[COMMAND_SIZE];
    snprintf(command, sizeof command, "cp '%s/%s' '%s/before' && sed -i '%s' '%s/%s' && ! cmp -s '%s/%s' '%s/before'",
             copy->folder, file, copy->folder, script, copy->folder, file, copy->folder, file, copy->folder);
    run(command);
}

static const struct {
    const char *script, *file; /* what is broken */
    const char *place, *words; /* what the message must say */
} faults[] = {
#define COURT "subscribers/receivers/court/grants.cfg"
#define WEBSITE "subscribers/receivers/website/grants.cfg"
#define CATALOGUE "schemas/catalogue.cfg"
    {"s/^exchange =/exchnge =/", CATALOGUE, "catalogue.cfg:", "did you mean 'exchange'"},
    {"0,/conduct_zh =/s//conduct_cn =/", CATALOGUE, "catalogue.cfg:", "did you mean 'conduct_zh'"},
    {"0,/department = \"tax\"/s//department = \"taxx\"/", CATALOGUE,
     "catalogue.cfg:", "unknown department 'taxx'; did you mean 'tax'"},
    {"0,/number = 2;/s//number = 1;/", CATALOGUE, "catalogue.cfg:", "number 1 is used twice"},
    {"0,/version = 1;/s//version = 2;/", CATALOGUE, "catalogue.cfg:", "registration.basic-2.avsc"},
    {"0,/version = 1;/s//version = \"1\";/", CATALOGUE, "catalogue.cfg:", "'version' must be a whole number"},
    {"0,/key = \\[\"entity_id\"\\]/s//key = [\"entity_idd\"]/", CATALOGUE,
     "catalogue.cfg:", "did you mean 'entity_id'"},
    {"0,/key = \\[\"entity_id\"\\]/s//key = []/", CATALOGUE, "catalogue.cfg:", "one field at least"},
    {"0,/register_status = \"registration_status\"/s//register_status = \"registration_state\"/", CATALOGUE,
     "catalogue.cfg:", "did you mean 'registration_status'"},
    {"0,/class_zh = \"登记注册基本信息\"/s//class_zh = \"登记注册\"/", CATALOGUE, "catalogue.cfg:", "unknown class"},
    {"0,/openness = \"public\"/s//openness = \"open\"/", CATALOGUE, "catalogue.cfg:", "public|shared|authorised"},
    {"0,/name = \"registration.change\"/s//name = \"registration.basic\"/", CATALOGUE,
     "catalogue.cfg:", "stands twice"},
    {"0,/name = \"tax\"/s//name = \"market\"/", CATALOGUE, "catalogue.cfg:", "stands twice"},
    {"s/\"record_key\"/\"record_keys\"/", "schemas/court/dishonest.debtor-1.avsc", "dishonest.debtor-1.avsc",
     "record_key"},
    {"s/\"code_list\": \"performance\"/\"code_list\": \"performanc\"/", "schemas/court/dishonest.debtor-1.avsc",
     "catalogue.cfg:", "did you mean 'performance'"},
    {"s/\"check\": \"case_number\"/\"check\": \"case_numbers\"/", "schemas/court/dishonest.debtor-1.avsc",
     "catalogue.cfg:", "nearest is 'case_number'"},
    {"0,/\"classification\": \"public\", /s///", "schemas/court/dishonest.debtor-1.avsc",
     "catalogue.cfg:", "needs a doc and a classification"},
    {"0,/code = /s//cod = /", "schemas/codes/penalty_kind.cfg", "penalty_kind.cfg:", "did you mean 'code'"},
    {"s/code = \"通报批评\"/code = \"警告\"/", "schemas/codes/penalty_kind.cfg", "penalty_kind.cfg:", "stands twice"},
    {"s/code = \"110000\"/code = \"11000\"/", "schemas/codes/areas.cfg", "areas.cfg:", "six digits"},
    {"/code = /d", "schemas/codes/areas.cfg", "areas.cfg:", "no areas"},
    {"0,/from = \"1992-10\"/s//from = \"1992-13\"/", "schemas/codes/areas.cfg", "areas.cfg:", "YYYY-MM"},
    {"0,/\"occurred_at\"/s//\"ocurred_at\"/", COURT, "grants.cfg:", "did you mean 'occurred_at'"},
    {"0,/\"occurred_at\"/s//\"record_key\"/", COURT, "grants.cfg:", "secret"},
    {"0,/\"occurred_at\"/s//\"subject_id\"/", COURT, "grants.cfg:", "stands twice"},
    {"0,/item = \"registration.basic\"/s//item = \"registration.basics\"/", COURT,
     "grants.cfg:", "did you mean 'registration.basic'"},
    {"0,/department = \"market\"/s//department = \"tax\"/", COURT, "grants.cfg:", "does not deliver"},
    {"0,/department = \"market\"/s//department = \"markt\"/", COURT, "grants.cfg:", "did you mean 'market'"},
    {"0,/legal_basis =/s//legalbasis =/", COURT, "grants.cfg:", "did you mean 'legal_basis'"},
    {"0,/from = \"2023-05-01\"/s//from = \"2023-02-30\"/", COURT, "grants.cfg:", "YYYY-MM-DD"},
    {"0,/from = \"2023-05-01\"/s//from = \"2023-05-01\"; to = \"2023-04-30\"/", COURT,
     "grants.cfg:", "ends before it begins"},
    {"0,/from = \"2023-05-01\"/s//from = \"2023-05-01\"; subject_kinds = [\"FIRM\"]/", COURT,
     "grants.cfg:", "ORGANISATION or PERSON"},
    {"0,/from = \"2023-05-01\"/s//from = \"2023-05-01\"; areas = [\"x\"]/", COURT, "grants.cfg:", "2 to 12 digits"},
    {"0,/name = \"court-registration\"/s//name = \"court-licence\"/", COURT, "grants.cfg:", "stands twice"},
    {"s/^number = 0/number = 1/", COURT, "grants.cfg:", "number 1 is that of"},
    {"s/^number = 0/number = 64/", COURT, "grants.cfg:", "from 0 to 63"},
    {"0,/\"subject_name\"/s//\"subject_id\"/", WEBSITE, "grants.cfg:", "public fields only"},
    {"0,/subject_kinds = \\[\"ORGANISATION\"\\]/s//subject_kinds = [\"PERSON\"]/", WEBSITE,
     "grants.cfg:", "of organisations only"},
    {"0,/openness = \"public\"/s//openness = \"shared\"/", CATALOGUE, "grants.cfg:", "not public"},
    {"0,/\"occurred_at\"/s//\"occurred_at:yeer\"/", COURT,
     "grants.cfg:", "unknown transform 'yeer'; did you mean 'year'"},
    {"0,/\"occurred_at\"/s//\"occurred_at:mask\"/", COURT, "grants.cfg:", "mask is for texts"},
    {"0,/\"subject_name\"/s//\"subject_name:year\"/", COURT, "grants.cfg:", "year is for dates and timestamps"},
    {"0,/\"occurred_at\"/s//\"record_key:present\"/", COURT, "grants.cfg:", "secret"},
    {"$s/);/, { name = \"court-more\"; item = \"penalty\"; fields = [\"document_number\", \"fine_amount:present\"]; "
     "purpose = \"x\"; legal_basis = \"x\"; from = \"2023-05-01\"; } );/",
     COURT, "grants.cfg:", "'fine_amount' would have another type than by grant 'court-penalty'"},
    {"0,/\"occurred_at\"/s//\"subject_name:mask\"/", COURT, "grants.cfg:", "stands twice"},
    {"0,/\"subject_name\"/s//\"subject_id:mask\"/", WEBSITE, "grants.cfg:", "public fields only"},
    {"0,/item = \"registration.basic\"; department = \"market\"/s//item = \"dispute\"; department = \"rights\"/", COURT,
     "grants.cfg:", "can never be granted"},
    {"0,/from = \"2023-05-01\"/s//from = \"2023-05-01\"; on_end = \"kept\"/", COURT, "grants.cfg:", "withdraw|keep"},
#define WHERE(condition) "0,/from = \"2023-05-01\"/s//from = \"2023-05-01\"; where = [\"" condition "\"]/"
    {WHERE("entity_typo = 1"), COURT, "grants.cfg:", "did you mean 'entity_type'"},
    {WHERE("entity_type"), COURT, "grants.cfg:", "a condition is"},
    {WHERE("entity_type present 1"), COURT, "grants.cfg:", "a condition is"},
    {WHERE("= 1"), COURT, "grants.cfg:", "a condition is"},
    {WHERE("entity_type = 1|"), COURT, "grants.cfg:", "a value without text"},
    {WHERE("subject_name >= 3"), COURT, "grants.cfg:", "neither a number nor a date"},
    {WHERE("registered_capital = 3"), COURT, "grants.cfg:", "no text, code, whole number or date"},
    {WHERE("registered_capital >= many"), COURT, "grants.cfg:", "a day YYYY-MM-DD"},
    {WHERE("registration_status = 注消"), COURT, "grants.cfg:", "did you mean '注销'"},
    {WHERE("record_key present"), COURT, "grants.cfg:", "a condition would tell of it"},
    {WHERE("subject_id present"), WEBSITE, "grants.cfg:", "would tell the public of it"},
};

static void names_place_and_reason_of_every_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct copy copy;
        struct bus_catalogue *broken = NULL;
        struct bus_error error = {.message = ""};
        make_copy(&copy);
        edit(&copy, faults[i].script, faults[i].file);
        enum bus_status status = bus_catalogue_load(copy.catalogue, &broken, &error);
        test_folder_remove(copy.folder);
        if (status != BUS_FATAL || strstr(error.message, faults[i].place) == NULL ||
            strstr(error.message, faults[i].words) == NULL) {
            bus_catalogue_destroy(broken);
            fail_msg("%s: '%s' lacks '%s' or '%s'", faults[i].script, error.message, faults[i].place, faults[i].words);
        }
    }
}

static void names_missing_files_and_folders(void **state)
{
    (void)state;
    static const char *const missing[] = {"schemas/catalogue.cfg", "schemas/codes", "subscribers/receivers",
                                          "subscribers/receivers/court/grants.cfg", "schemas/tax/arrears-1.avsc"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        struct copy copy;
        struct bus_catalogue *broken = NULL;
        struct bus_error error = {.message = ""};
        char command[COMMAND_SIZE];
        make_copy(&copy);
        snprintf(command, sizeof command, "rm -r '%s/%s'", copy.folder, missing[i]);
        run(command);
        assert_int_equal(bus_catalogue_load(copy.catalogue, &broken, &error), BUS_FATAL);
        if (strstr(error.message, strrchr(missing[i], '/') + 1) == NULL)
            fail_msg("%s", error.message);
        test_folder_remove(copy.folder);
    }
}

/* The version of the catalogue at `copy`. */
static void find_version(const struct copy *copy, char out_version[32])
{
    struct bus_catalogue *loaded = NULL;
    struct bus_error error;
    if (bus_catalogue_load(copy->catalogue, &loaded, &error) != BUS_OK)
        fail_msg("%s", error.message);
    snprintf(out_version, 32, "%s", bus_catalogue_version_view(loaded));
    bus_catalogue_destroy(loaded);
}

static void the_version_is_that_of_the_files_wherever_they_lie(void **state)
{
    (void)state;
    struct copy copy;
    char before[32], after[32];
    make_copy(&copy);
    find_version(&copy, before);
    assert_int_equal(strlen(before), 16);
    assert_int_equal(strspn(before, "0123456789abcdef"), 16);
    assert_string_equal(before, bus_catalogue_version_view(catalogue));
    static const char *const files[] = {"schemas/catalogue.cfg", COURT, "schemas/codes/areas.cfg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        edit(&copy, "$s/$/ # a word/", files[i]);
        find_version(&copy, after);
        assert_string_not_equal(after, before);
        snprintf(before, sizeof before, "%s", after);
    }
    edit(&copy, "$s/$/ /", "schemas/tax/arrears-1.avsc");
    find_version(&copy, after);
    assert_string_not_equal(after, before);
    test_folder_remove(copy.folder);
}

static void a_grant_says_how_its_fields_leave_and_which_records_it_is_about(void **state)
{
    (void)state;
    struct bus_catalogue *small = NULL;
    struct bus_error error;
    if (bus_catalogue_load(XINQIAO_SOURCE "/tests/scenarios/catalogue/catalogue.cfg", &small, &error) != BUS_OK)
        fail_msg("%s", error.message);
    const struct bus_grant *masked = &bus_catalogue_find_subscriber(small, "masked")->grants[0];
    assert_string_equal(masked->fields[0], "document_number");
    assert_int_equal(masked->transforms[0], BUS_TRANSFORM_NONE);
    assert_string_equal(masked->fields[1], "subject_name");
    assert_int_equal(masked->transforms[1], BUS_TRANSFORM_MASK);
    assert_int_equal(masked->transforms[2], BUS_TRANSFORM_YEAR);
    assert_int_equal(masked->transforms[3], BUS_TRANSFORM_PRESENT);
    assert_true(masked->condition_count == 0 && masked->portfolio == NULL && !masked->keeps_at_end);
    const struct bus_subscriber *large = bus_catalogue_find_subscriber(small, "large");
    const struct bus_condition *conditions = large->grants[0].conditions;
    assert_int_equal(large->grants[0].condition_count, 2);
    assert_string_equal(conditions[0].text, "amount >= 5");
    assert_string_equal(conditions[0].field, "amount");
    assert_int_equal(conditions[0].comparison, BUS_COMPARISON_AT_LEAST);
    assert_int_equal(conditions[0].number, 5000000);
    assert_int_equal(conditions[1].comparison, BUS_COMPARISON_PRESENT);
    assert_int_equal(large->grants[1].conditions[0].value_count, 2);
    assert_string_equal(large->grants[1].conditions[0].values[1], "责令停产停业");
    const struct bus_grant *customers = &bus_catalogue_find_subscriber(small, "customers")->grants[0];
    assert_string_equal(customers->portfolio,
                        XINQIAO_SOURCE "/tests/scenarios/catalogue/receivers/customers/customers.txt");
    bus_catalogue_destroy(small);
}

static void grants_are_in_force_on_days_in_beijing(void **state)
{
    (void)state;
    const struct bus_subscriber *procurement = bus_catalogue_find_subscriber(catalogue, "procurement");
    bool found = false;
    for (size_t i = 0; i < procurement->grant_count; i++) {
        const struct bus_grant *grant = &procurement->grants[i];
        if (strcmp(grant->name, "procurement-registration") == 0) {
            assert_true(grant->from_ms == 1682870400000); /* 2023-05-01 00:00 in Beijing */
            assert_true(grant->to_ms == INT64_MAX);
            assert_true(grant->organisations && !grant->persons);
        }
        if (grant->to_ms != INT64_MAX) {
            assert_true(grant->to_ms == 1767196800000); /* 2026-01-01 00:00 in Beijing: 2025-12-31 is the last day */
            found = true;
        }
    }
    assert_true(found);
}

/* --- the check --- */

struct findings {
    size_t count[BUS_FINDING_WRONG + 1];
    char last_wrong[1024], last_note[1024];
};

static void collect(void *self, enum bus_finding finding, const char *text_zh, const char *text_en)
{
    struct findings *findings = self;
    findings->count[finding]++;
    assert_true(text_zh[0] != '\0');
    if (finding == BUS_FINDING_WRONG)
        snprintf(findings->last_wrong, sizeof findings->last_wrong, "%s", text_en);
    if (finding == BUS_FINDING_NOTE)
        snprintf(findings->last_note, sizeof findings->last_note, "%s", text_en);
}

static enum bus_status check(const char *path, struct findings *findings)
{
    struct bus_error error;
    struct bus_catalogue_report report = {collect, findings};
    *findings = (struct findings){.last_wrong = ""};
    return bus_catalogue_check(path, &report, &error);
}

static void the_catalogue_of_the_tree_is_whole(void **state)
{
    (void)state;
    struct findings findings;
    if (check(XINQIAO_SOURCE "/schemas/catalogue.cfg", &findings) != BUS_OK)
        fail_msg("%s", findings.last_wrong);
    assert_int_equal(findings.count[BUS_FINDING_WRONG], 0);
    assert_true(findings.count[BUS_FINDING_GOOD] >= 4);
}

static void a_published_schema_never_changes(void **state)
{
    (void)state;
    struct copy copy;
    struct findings findings;
    make_copy(&copy);
    edit(&copy, "0,/\"doc\": \"/s//\"doc\": \"x/", "schemas/tax/arrears-1.avsc");
    assert_int_equal(check(copy.catalogue, &findings), BUS_REJECT);
    assert_non_null(strstr(findings.last_wrong, "tax/arrears-1.avsc was changed"));
    test_folder_remove(copy.folder);
}

static void a_schema_not_yet_published_is_noted(void **state)
{
    (void)state;
    struct copy copy;
    struct findings findings;
    make_copy(&copy);
    edit(&copy, "/tax.arrears-1/d", "schemas/published");
    assert_int_equal(check(copy.catalogue, &findings), BUS_OK);
    assert_non_null(strstr(findings.last_note, "tax/arrears-1.avsc is not in"));
    edit(&copy, "1s/.*/nonsense/", "schemas/published");
    assert_int_equal(check(copy.catalogue, &findings), BUS_REJECT);
    assert_non_null(strstr(findings.last_wrong, "nonsense"));
    test_folder_remove(copy.folder);
}

static void a_new_version_must_read_the_old(void **state)
{
    (void)state;
    struct copy copy;
    struct findings findings;
    char command[COMMAND_SIZE];
    make_copy(&copy);
    snprintf(command, sizeof command, "cp '%s/schemas/tax/arrears-1.avsc' '%s/schemas/tax/arrears-2.avsc'", copy.folder,
             copy.folder);
    run(command);
    edit(&copy, "/name = \"arrears\"/s/version = 1/version = 2/", "schemas/catalogue.cfg");
    assert_int_equal(check(copy.catalogue, &findings), BUS_OK);
    edit(&copy, "s/\"name\": \"authority\", \"type\": \"string\"/\"name\": \"authority\", \"type\": \"long\"/",
         "schemas/tax/arrears-2.avsc");
    assert_int_equal(check(copy.catalogue, &findings), BUS_REJECT);
    assert_non_null(strstr(findings.last_wrong, "version 2 cannot read data of version 1"));
    assert_non_null(strstr(findings.last_wrong, "authority"));
    test_folder_remove(copy.folder);
}

static void a_portfolio_with_bad_lines_or_none_is_noted(void **state)
{
    (void)state;
    struct copy copy;
    struct findings findings;
    make_copy(&copy);
    edit(&copy, "$s/$/\\nnonsense/", "subscribers/receivers/bank/customers.txt");
    assert_int_equal(check(copy.catalogue, &findings), BUS_OK);
    assert_non_null(strstr(findings.last_note, "13 subjects, 1 lines refused"));
    edit(&copy, "d", "subscribers/receivers/bank/customers.txt");
    assert_int_equal(check(copy.catalogue, &findings), BUS_OK);
    assert_non_null(strstr(findings.last_note, "0 subjects"));
    char command[COMMAND_SIZE];
    snprintf(command, sizeof command, "rm '%s/subscribers/receivers/bank/customers.txt'", copy.folder);
    run(command);
    assert_int_equal(check(copy.catalogue, &findings), BUS_OK);
    assert_non_null(strstr(findings.last_note, "cannot be read"));
    test_folder_remove(copy.folder);
}

static void a_catalogue_that_does_not_load_is_a_finding(void **state)
{
    (void)state;
    struct findings findings;
    assert_int_equal(check("/nonexistent/catalogue.cfg", &findings), BUS_REJECT);
    assert_non_null(strstr(findings.last_wrong, "/nonexistent/catalogue.cfg"));
}

static void the_document_names_everything(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 16 * 1024 * 1024);
    bus_catalogue_document(catalogue, &buffer);
    bus_buffer_u8(&buffer, 0);
    assert_false(buffer.failed);
    const char *text = (const char *)buffer.data;
    assert_non_null(strstr(text, "柳州市市场监督管理局"));
    assert_non_null(strstr(text, "`tax.credit.grade`"));
    assert_non_null(strstr(text, "`informant`"));
    assert_non_null(strstr(text, "保密 secret"));
    assert_non_null(strstr(text, "`procurement-registration`"));
    assert_non_null(strstr(text, " – 2025-12-31"));
    assert_non_null(strstr(text, "`penalty_kind`"));
    bus_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_departments_items_and_topics),
        cmocka_unit_test(one_name_in_two_departments_is_two_items),
        cmocka_unit_test(the_register_says_who_exists_no_more),
        cmocka_unit_test(knows_subscribers_and_their_grants),
        cmocka_unit_test(finds_codes_and_only_codes),
        cmocka_unit_test(areas_have_lives),
        cmocka_unit_test(names_place_and_reason_of_every_fault),
        cmocka_unit_test(names_missing_files_and_folders),
        cmocka_unit_test(the_version_is_that_of_the_files_wherever_they_lie),
        cmocka_unit_test(a_grant_says_how_its_fields_leave_and_which_records_it_is_about),
        cmocka_unit_test(grants_are_in_force_on_days_in_beijing),
        cmocka_unit_test(the_catalogue_of_the_tree_is_whole),
        cmocka_unit_test(a_published_schema_never_changes),
        cmocka_unit_test(a_schema_not_yet_published_is_noted),
        cmocka_unit_test(a_new_version_must_read_the_old),
        cmocka_unit_test(a_portfolio_with_bad_lines_or_none_is_noted),
        cmocka_unit_test(a_catalogue_that_does_not_load_is_a_finding),
        cmocka_unit_test(the_document_names_everything),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
