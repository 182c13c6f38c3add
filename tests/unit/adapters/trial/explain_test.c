#include "adapters/trial/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/trial/show.h"
#include "tests/support/folder.h"

enum { MAX_VALUES = 64, DEBTOR, CODE, PERSON, NAME, KIND, AMOUNT, DAY, UNUSED, CHANGED, FLAG, COLUMNS = 10 };

struct world {
    char folder[TEST_FOLDER_SIZE];
    struct bus_catalogue *catalogue;
    struct adapters_mapping *mapping;
    struct bus_arena *arena;
    struct bus_value values[MAX_VALUES];
    struct bus_bytes fields[COLUMNS];
    struct adapters_row row;
    struct adapters_explained lines[ADAPTERS_EXPLAINED_MAX];
    size_t count;
};

/* Of the tax authority's arrears, with a person as debtor and a column that nothing uses. */
static const char text[] =
    "item = \"arrears\"; format = \"csv\";\n"
    "columns = [\"debtor\", \"code\", \"person\", \"name\", \"kind\", \"amount\", \"day\", \"unused\", \"changed\", \"flag\"];\n"
    "refuse = ( { column = \"name\"; values = [\"test\"]; code = \"TEST_ROW\"; zh = \"测试\"; en = \"test\"; } );\n"
    "operation = { column = \"flag\"; put = [\"i\"]; withdraw = [\"d\"]; };\n"
    "changed_at = \"changed\"; area = \"code\";\n"
    "subject = { kind_column = \"debtor\"; person_kinds = [\"1\"]; organisation_kinds = [\"2\"]; person = [\"person\"];\n"
    "            organisation = [\"code\"]; };\n"
    "fields = ({ name = \"subject_name\"; from = [\"name\"]; },\n"
    "  { name = \"occurred_at\"; from = [\"day\", \"changed\"]; },\n"
    "  { name = \"conduct_end_date\"; constant = \"\"; },\n"
    "  { name = \"publicity_until\"; constant = \"\"; },\n"
    "  { name = \"rule_version\"; constant = \"R-1\"; },\n"
    "  { name = \"taxpayer_number\"; from = [\"code\", \"person\"]; },\n"
    "  { name = \"credit_code\"; from = [\"code\"]; only = \"ORGANISATION\"; },\n"
    "  { name = \"legal_representative\"; from = [\"name\"]; },\n"
    "  { name = \"business_address\"; from = [\"name\", \"kind\"]; join = \"/\"; },\n"
    "  { name = \"tax_kind\"; from = [\"kind\"]; },\n"
    "  { name = \"arrears_amount\"; from = [\"amount\"]; },\n"
    "  { name = \"new_arrears_amount\"; from = [\"amount\"]; },\n"
    "  { name = \"authority\"; constant = \"a\"; },\n"
    "  { name = \"as_of_month\"; from = [\"day\"]; steps = [\"month\"]; });\n";

static void put(struct world *world, size_t column, const char *value)
{
    world->fields[column - DEBTOR] = value != NULL ? bus_bytes_text(value) : bus_bytes_of(NULL, 0);
}

static void explain(struct world *world)
{
    bus_arena_reset(world->arena);
    world->count =
        adapters_explain(world->mapping, world->catalogue, &world->row, world->arena, world->values, world->lines);
}

static const struct adapters_explained *find(const struct world *world, const char *field)
{
    for (size_t i = 0; i < world->count; i++)
        if (world->lines[i].field != NULL && strcmp(world->lines[i].field->name, field) == 0)
            return &world->lines[i];
    fail_msg("no line for %s", field);
    return NULL;
}

static int set_up(void **state)
{
    struct bus_error error;
    char path[TEST_FOLDER_SIZE + 16];
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    test_folder_make(world->folder);
    snprintf(path, sizeof path, "%s/arrears.cfg", world->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    assert_int_equal(bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &world->catalogue, &error), BUS_OK);
    if (adapters_mapping_load(path, world->catalogue, "tax", &world->mapping, &error) != BUS_OK)
        fail_msg("%s", error.message);
    world->arena = bus_arena_create(1 << 20);
    world->row.fields = world->fields;
    put(world, DEBTOR, "2");
    put(world, CODE, "91450225MAAF3L7T43");
    put(world, PERSON, "11010519491231002X");
    put(world, NAME, "张三");
    put(world, KIND, "增值税");
    put(world, AMOUNT, "1,234.50");
    put(world, DAY, "2026-09-01");
    put(world, UNUSED, "see 11010519491231002X, page 3");
    put(world, CHANGED, "2026-09-01 08:00:00");
    put(world, FLAG, "i");
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    bus_arena_destroy(world->arena);
    adapters_mapping_destroy(world->mapping);
    bus_catalogue_destroy(world->catalogue);
    test_folder_remove(world->folder);
    free(world);
    return 0;
}

static void a_good_row_is_explained_without_complaint(void **state)
{
    struct world *world = *state;
    explain(world);
    for (size_t i = 0; i < world->count; i++)
        assert_int_equal(world->lines[i].complaint, ADAPTERS_NO_COMPLAINT);
    assert_true(bus_bytes_equal_text(find(world, "arrears_amount")->source, "1,234.50"));
    assert_true(bus_bytes_equal_text(find(world, "subject_id")->value.bytes, "MAAF3L7T4"));
    assert_true(bus_bytes_equal_text(find(world, "subject_id")->columns, "code"));
}

static void every_complaint_of_a_row_is_told_not_only_the_first(void **state)
{
    struct world *world = *state;
    put(world, FLAG, "?");
    put(world, CHANGED, "yesterday");
    put(world, CODE, "91450225MAAF3L7T44");
    put(world, AMOUNT, "much");
    put(world, DAY, "2026-02-30");
    explain(world);
    assert_string_equal(find(world, "operation")->refusal.code, "OPERATION_UNKNOWN");
    assert_string_equal(find(world, "source_committed_at")->refusal.code, "VALUE_DATE");
    assert_string_equal(find(world, "subject_id")->refusal.code, "USCC_CHECK_DIGIT");
    assert_string_equal(find(world, "arrears_amount")->refusal.code, "VALUE_NUMBER");
    assert_string_equal(find(world, "as_of_month")->refusal.code, "VALUE_DATE");
    assert_string_equal(find(world, "arrears_amount")->refusal.column, "amount");
}

static void what_the_gateway_will_refuse_is_told_beforehand(void **state)
{
    struct world *world = *state;
    put(world, KIND, "no tax");
    explain(world);
    assert_int_equal(find(world, "tax_kind")->complaint, ADAPTERS_COMPLAINT_GATEWAY);
    assert_string_equal(find(world, "tax_kind")->refusal.code, "CODE_UNKNOWN");
    assert_string_equal(find(world, "tax_kind")->refusal.column, "kind");
}

static void a_row_of_another_kind_is_told_with_its_column(void **state)
{
    struct world *world = *state;
    put(world, NAME, "test");
    explain(world);
    assert_null(world->lines[0].field);
    assert_string_equal(world->lines[0].refusal.code, "TEST_ROW");
    assert_true(bus_bytes_equal_text(world->lines[0].columns, "name"));
}

static void the_column_that_gave_the_value_is_named_and_joined_ones_all(void **state)
{
    struct world *world = *state;
    put(world, DEBTOR, "1");
    put(world, CODE, "");
    put(world, DAY, "");
    explain(world);
    assert_true(bus_bytes_equal_text(find(world, "subject_id")->columns, "person"));
    assert_true(bus_bytes_equal_text(find(world, "occurred_at")->columns, "changed"));
    assert_true(bus_bytes_equal_text(find(world, "taxpayer_number")->columns, "person"));
    assert_true(bus_bytes_equal_text(find(world, "business_address")->columns, "name + kind"));
    assert_true(bus_bytes_equal_text(find(world, "business_address")->source, "张三 + 增值税"));
    for (size_t i = 0; i < world->count; i++)
        assert_false(world->lines[i].field != NULL && strcmp(world->lines[i].field->name, "credit_code") == 0);
}

static void a_column_that_nothing_uses_is_shown_last(void **state)
{
    struct world *world = *state;
    explain(world);
    const struct adapters_explained *last = &world->lines[world->count - 1];
    assert_null(last->field);
    assert_true(bus_bytes_equal_text(last->columns, "unused"));
    assert_int_equal(last->complaint, ADAPTERS_NO_COMPLAINT);
    assert_non_null(world->lines[world->count - 2].field);
}

/* --- what is shown of it --- */

static void source_of(struct world *world, const struct adapters_explained *line, bool personal, char out_text[256])
{
    const struct adapters_trial_options options = {.show_personal = personal};
    const struct adapters_trial trial = {.options = &options, .mapping = world->mapping};
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 4096);
    adapters_trial_source(&trial, line, &buffer);
    snprintf(out_text, 256, "%.*s", (int)buffer.length, (const char *)buffer.data);
    bus_buffer_release(&buffer);
}

static void what_tells_of_a_person_is_masked_unless_asked_for(void **state)
{
    struct world *world = *state;
    char shown[256];
    put(world, DEBTOR, "1");
    explain(world);
    source_of(world, find(world, "subject_id"), false, shown);
    assert_string_equal(shown, "110105********002X");
    source_of(world, find(world, "subject_name"), false, shown);
    assert_string_equal(shown, "张*");
    source_of(world, find(world, "subject_id"), true, shown);
    assert_string_equal(shown, "11010519491231002X");
}

static void an_organisation_is_no_person_but_its_representative_is(void **state)
{
    struct world *world = *state;
    char shown[256];
    explain(world);
    source_of(world, find(world, "subject_name"), false, shown);
    assert_string_equal(shown, "张三");
    source_of(world, find(world, "legal_representative"), false, shown);
    assert_string_equal(shown, "张*");
}

/* Who cannot be told may be a person. */
static void a_subject_of_unknown_kind_is_masked(void **state)
{
    struct world *world = *state;
    char shown[256];
    put(world, DEBTOR, "3");
    explain(world);
    assert_string_equal(find(world, "subject_id")->refusal.code, "SUBJECT_KIND");
    source_of(world, find(world, "subject_name"), false, shown);
    assert_string_equal(shown, "张*");
}

static void a_citizen_number_is_masked_wherever_it_stands(void **state)
{
    struct world *world = *state;
    char shown[256];
    explain(world);
    source_of(world, &world->lines[world->count - 1], false, shown);
    assert_string_equal(shown, "see 110105********002X, page 3");
}

static void a_field_is_called_by_its_chinese_name(void **state)
{
    struct world *world = *state;
    struct bus_bytes name, zh;
    explain(world);
    adapters_trial_field(find(world, "arrears_amount"), &name, &zh);
    assert_true(bus_bytes_equal_text(name, "arrears_amount"));
    assert_true(bus_bytes_equal_text(zh, "欠税余额"));
    adapters_trial_field(find(world, "conduct_end_date"), &name, &zh);
    assert_true(bus_bytes_equal_text(zh, "行为终止日期"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_row_is_explained_without_complaint),
        TEST(every_complaint_of_a_row_is_told_not_only_the_first),
        TEST(what_the_gateway_will_refuse_is_told_beforehand),
        TEST(a_row_of_another_kind_is_told_with_its_column),
        TEST(the_column_that_gave_the_value_is_named_and_joined_ones_all),
        TEST(a_column_that_nothing_uses_is_shown_last),
        TEST(what_tells_of_a_person_is_masked_unless_asked_for),
        TEST(an_organisation_is_no_person_but_its_representative_is),
        TEST(a_subject_of_unknown_kind_is_masked),
        TEST(a_citizen_number_is_masked_wherever_it_stands),
        TEST(a_field_is_called_by_its_chinese_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
