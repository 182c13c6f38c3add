#include "bus/catalogue_difference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/folder.h"

enum { PATH_SIZE = 512, COMMAND_SIZE = 2048, TEXT_LIMIT = 1 << 20 };

/* The small catalogue as it is, and a copy in which a script changes something. */
struct fixture {
    char folder[TEST_FOLDER_SIZE];
    struct bus_catalogue *old, *changed;
    struct bus_buffer text;
    struct bus_error error;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    char command[COMMAND_SIZE];
    fixture = (struct fixture){.error = {.message = ""}};
    bus_buffer_init(&fixture.text, TEXT_LIMIT);
    test_folder_make(fixture.folder);
    snprintf(command, sizeof command,
             "mkdir -p '%s/a/b' && cp -r '" XINQIAO_SOURCE "/schemas' '%s/schemas' && cp -r '" XINQIAO_SOURCE
             "/tests/scenarios/catalogue' '%s/a/b/catalogue'",
             fixture.folder, fixture.folder, fixture.folder);
    *state = &fixture;
    return system(command) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    bus_catalogue_destroy(fixture->old);
    bus_catalogue_destroy(fixture->changed);
    bus_buffer_release(&fixture->text);
    test_folder_remove(fixture->folder);
    return 0;
}

static void load(struct fixture *fixture, struct bus_catalogue **out_catalogue)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/a/b/catalogue/catalogue.cfg", fixture->folder);
    if (bus_catalogue_load(path, out_catalogue, &fixture->error) != BUS_OK)
        fail_msg("%s", fixture->error.message);
}

/* Loads, runs `script` in the catalogue's folder, loads again and compares. */
static enum bus_status compare(struct fixture *fixture, const char *script)
{
    char command[COMMAND_SIZE];
    load(fixture, &fixture->old);
    snprintf(command, sizeof command, "cd '%s/a/b/catalogue' && %s", fixture->folder, script);
    if (system(command) != 0)
        fail_msg("%s", command);
    load(fixture, &fixture->changed);
    enum bus_status status = bus_catalogue_difference(fixture->old, fixture->changed, &fixture->text, &fixture->error);
    bus_buffer_u8(&fixture->text, 0);
    return status;
}

static void assert_says(const struct fixture *fixture, const char *words)
{
    if (strstr((const char *)fixture->text.data, words) == NULL)
        fail_msg("'%s' is not in:\n%s", words, (const char *)fixture->text.data);
}

static void nothing_changed_is_said_in_one_line(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(compare(fixture, "true"), BUS_OK);
    assert_says(fixture, bus_catalogue_version_view(fixture->old));
    assert_says(fixture, "没有变化 nothing has changed\n");
    assert_null(strpbrk((const char *)fixture->text.data, "+~"));
}

static void a_comment_changes_the_version_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(compare(fixture, "echo '# word' >>catalogue.cfg"), BUS_OK);
    assert_says(fixture, bus_catalogue_version_view(fixture->changed));
    assert_says(fixture, "授权和目录项没有变化");
}

static const struct {
    const char *script;
    const char *says[3];
} allowed[] = {
    {"sed -i 's/fields = .\"subject_name\", \"document_number\", \"content\"/fields = [\"document_number\", \"content:mask\", "
     "\"version\"/' receivers/plain/grants.cfg",
     {"~ 授权 grant plain\n", "减少字段 fields no more: subject_name, content\n",
      "增加字段 fields added: content:mask, version\n"}},
    {"sed -i 's/from = \"2020-01-01\";/from = \"2020-01-01\"; to = \"2026-12-31\"; on_end = \"keep\";/' "
     "receivers/plain/grants.cfg",
     {"期限 in force: 2020-01-01 –  → 2020-01-01 – 2026-12-31\n", "到期处理 on_end: 撤回 withdraw → 保留 keep\n"}},
    {"sed -i 's/amount >= 5/amount >= 9/' receivers/large/grants.cfg",
     {"~ 授权 grant large\n", "条件 where: amount >= 5; decided_on present → amount >= 9; decided_on present\n"}},
    {"sed -i 's/ portfolio = \"customers.txt\";//' receivers/customers/grants.cfg",
     {"名单 portfolio: customers.txt → 无 none\n"}},
    {"sed -i 's/areas = .\"4502\"./areas = [\"45\", \"46\"]/' receivers/placed/grants.cfg",
     {"区域 areas: 4502 → 45, 46\n"}},
    {"sed -i 's/\"PERSON\"/\"ORGANISATION\"/' receivers/persons/grants.cfg",
     {"主体 subjects: 自然人 persons → 组织 organisations\n"}},
    {"sed -i 's/purpose = \"测试\"/purpose = \"核查\"/' receivers/plain/grants.cfg", {"用途 purpose: 测试 → 核查\n"}},
    {"cp -r receivers/plain receivers/fresh && sed -i 's/number = 0/number = 40/; s/name = \"plain\"/name = \"fresh\"/' "
     "receivers/fresh/grants.cfg",
     {"+ 订阅方 subscriber fresh 普通接收方", "+ 授权 grant fresh: *.plain\n",
      "字段 fields: subject_name, document_number, content, amount\n"}},
    {"sed -i 's/public = true/public = false/' receivers/public/grants.cfg",
     {"~ 订阅方 subscriber public: 不再面向社会公开"}},
    {"sed -i '0,/openness = \"public\"; sharing = \"unconditional\"; register/s//openness = \"shared\"; sharing = "
     "\"unconditional\"; register/' catalogue.cfg",
     {"~ 目录项 item registry.register\n", "公开属性 openness: public → shared\n"}},
    {"sed -i '0,/months = 3/s//months = 4/' catalogue.cfg", {"期限规则已更改"}},
    {"cp schemas/open-1.avsc schemas/open-2.avsc && sed -i '/name = \"open\"/s/version = 1/version = 2/' catalogue.cfg",
     {"~ 目录项 item bureau.open\n", "模式版本 version: 1 → 2\n"}},
    {"sed -i '0,/answer_days = [0-9]*/s//answer_days = 99/' catalogue.cfg",
     {"~ 权益规则已更改 the rule has changed for "}},
    {"sed -i '/code = \"警告\"/d; /code = \"通报批评\"/d' ../../../schemas/codes/penalty_kind.cfg",
     {"~ 代码表 code list penalty_kind: 增加 0 项、减少 2 项"}},
};

static void a_change_that_may_be_is_told_with_what_was_and_what_is(void **state)
{
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        struct fixture *fixture = *state;
        if (compare(fixture, allowed[i].script) != BUS_OK)
            fail_msg("%s: %s", allowed[i].script, fixture->error.message);
        for (size_t j = 0; j < 3 && allowed[i].says[j] != NULL; j++)
            assert_says(fixture, allowed[i].says[j]);
        tear_down(state);
        assert_int_equal(set_up(state), 0);
    }
}

static const struct {
    const char *script, *says;
} refused[] = {
    {"sed -i 's/exchange = \"scenario\"/exchange = \"another\"/' catalogue.cfg", "the exchange's name cannot change"},
    {"sed -i 's/departments = (/departments = ( { name = \"fresh\"; name_zh = \"新\"; name_en = \"Fresh\"; },/' "
     "catalogue.cfg",
     "fresh：部门不能在运行中增加"},
    {"sed -i '/name = \"placed\"/,+1d' catalogue.cfg && rm -r receivers/placed",
     "bureau.placed：目录项不能在运行中删除"},
    {"cp schemas/open-1.avsc schemas/fresh-1.avsc && sed -i 's/^items = (/items = ( { number = 90; department = "
     "\"bureau\"; name = \"fresh\"; folder = \"schemas\"; version = 1; key = [\"document_number\"]; name_zh = \"新\"; "
     "name_en = \"Fresh\"; class_zh = \"行政管理\"; },/' catalogue.cfg",
     "bureau.fresh：目录项不能在运行中增加"},
    {"sed -i 's/number = 7;/number = 77;/' catalogue.cfg", "bureau.open：目录项的编号不能更改"},
    {"sed -i '/name = \"open\"/s/key = .\"document_number\"./key = [\"content\"]/' catalogue.cfg",
     "bureau.open：目录项的键不能更改"},
    {"sed -i '/name = \"plain\"/s/version = 2/version = 1/' catalogue.cfg", "bureau.plain：已发布的模式版本不能减少"},
    {"sed -i 's/\"name\": \"officer\"/\"name\": \"officers\"/' schemas/open-1.avsc",
     "bureau.open：已发布的模式不能更改"},
    {"rm -r receivers/plain", "plain：订阅方不能删除"},
    {"sed -i 's/number = 0/number = 41/' receivers/plain/grants.cfg", "plain：订阅方的编号不能更改"},
    {"sed -i 's/name = \"plain\"/name = \"plainer\"/' receivers/plain/grants.cfg", "plain：授权不能删除"},
    {"sed -i 's/item = \"plain\"/item = \"plain\"; department = \"bureau\"/' receivers/plain/grants.cfg",
     "plain：授权的目录项不能更改"},
    {"sed -i 's/\"amount\"/\"amount:present\"/' receivers/plain/grants.cfg",
     "plain amount：字段的类型不能在运行中更改"},
};

static void a_change_that_needs_a_restart_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct fixture *fixture = *state;
        assert_int_equal(compare(fixture, refused[i].script), BUS_REJECT);
        assert_says(fixture, refused[i].says);
        assert_says(fixture, "✗ ");
        assert_string_equal(fixture->error.code, "CATALOGUE_RELOAD");
        assert_true(fixture->error.message_zh[0] != '\0');
        tear_down(state);
        assert_int_equal(set_up(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_changed_is_said_in_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_comment_changes_the_version_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_that_may_be_is_told_with_what_was_and_what_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_that_needs_a_restart_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
