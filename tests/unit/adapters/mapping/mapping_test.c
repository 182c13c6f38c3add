#include "adapters/mapping/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/folder.h"

enum { MAX_VALUES = 64 };

/* Columns of the mapping below, in order. */
enum { KIND, USCC, OLD, CITIZEN, NAME, KINDS, FINE, GRADE, DECIDED, UNTIL, AREA, FLAG, CHANGED, COLUMNS };

static const char good[] =
    "item = \"penalty\";\n"
    "format = \"csv\";\n"
    "columns = [\"KIND\", \"USCC\", \"OLD\", \"CITIZEN\", \"NAME\", \"KINDS\", \"FINE\", \"GRADE\", \"DECIDED\", \"UNTIL\",\n"
    "           \"AREA\", \"FLAG\", \"CHANGED\"];\n"
    "refuse = ( { column = \"GRADE\"; values = [\"test\"]; code = \"TEST_ROW\"; zh = \"测试\"; en = \"test\"; } );\n"
    "operation = { column = \"FLAG\"; put = [\"\", \"0\"]; withdraw = [\"D\"]; };\n"
    "changed_at = \"CHANGED\";\n"
    "area = \"AREA\";\n"
    "subject = { kind_column = \"KIND\"; person_kinds = [\"自然人\"]; organisation_kinds = [\"个体工商户\"];\n"
    "            person = [\"CITIZEN\"]; organisation = [\"USCC\", \"OLD\"]; };\n"
    "fields = (\n"
    "  { name = \"subject_name\"; from = [\"NAME\"]; },\n"
    "  { name = \"occurred_at\"; from = [\"DECIDED\", \"CHANGED\"]; },\n"
    "  { name = \"conduct_end_date\"; constant = \"\"; },\n"
    "  { name = \"publicity_until\"; from = [\"UNTIL\"]; none = [\"2099-12-31\"]; },\n"
    "  { name = \"rule_version\"; constant = \"R-1\"; },\n"
    "  { name = \"party_kind\"; from = [\"KIND\"]; },\n"
    "  { name = \"credit_code\"; from = [\"USCC\"]; },\n"
    "  { name = \"registration_number\"; from = [\"OLD\", \"USCC\"]; join = \"/\"; },\n"
    "  { name = \"organisation_code\"; constant = \"\"; },\n"
    "  { name = \"tax_number\"; from = [\"OLD\"]; only = \"ORGANISATION\"; },\n"
    "  { name = \"institution_number\"; from = [\"NAME\"]; split = \"·\"; part = 2; },\n"
    "  { name = \"social_organisation_number\"; from = [\"GRADE\"]; pad = 4; },\n"
    "  { name = \"legal_representative\"; from = [\"GRADE\"]; table = ( [\"一\", \"甲\"] ); },\n"
    "  { name = \"legal_representative_document_kind\"; constant = \"\"; },\n"
    "  { name = \"legal_representative_document_number\"; constant = \"\"; },\n"
    "  { name = \"party_document_kind\"; constant = \"\"; },\n"
    "  { name = \"party_document_number\"; from = [\"CITIZEN\"]; },\n"
    "  { name = \"document_number\"; from = [\"NAME\"]; },\n"
    "  { name = \"violation\"; constant = \"v\"; },\n"
    "  { name = \"facts\"; constant = \"f\"; },\n"
    "  { name = \"basis\"; constant = \"b\"; },\n"
    "  { name = \"penalty_kinds\"; from = [\"KINDS\"]; },\n"
    "  { name = \"content\"; constant = \"c\"; },\n"
    "  { name = \"fine_amount\"; from = [\"FINE\"]; steps = [\"amount\"]; unit = \"万\"; },\n"
    "  { name = \"confiscated_amount\"; constant = \"\"; },\n"
    "  { name = \"revoked_licence\"; constant = \"o\"; only = \"ORGANISATION\"; },\n"
    "  { name = \"revoked_licence\"; constant = \"p\"; only = \"PERSON\"; },\n"
    "  { name = \"decided_on\"; from = [\"DECIDED\"]; },\n"
    "  { name = \"valid_until\"; from = [\"DECIDED\"]; },\n"
    "  { name = \"publicity_ends_on\"; from = [\"DECIDED\"]; },\n"
    "  { name = \"authority\"; constant = \"a\"; },\n"
    "  { name = \"authority_code\"; constant = \"\"; },\n"
    "  { name = \"source_unit\"; constant = \"s\"; },\n"
    "  { name = \"source_unit_code\"; constant = \"\"; },\n"
    "  { name = \"informant\"; constant = \"\"; },\n"
    "  { name = \"remarks\"; constant = \"\"; }\n"
    ");\n";

static struct bus_catalogue *catalogue;

struct world {
    char folder[TEST_FOLDER_SIZE];
    struct adapters_mapping *mapping;
    struct bus_arena *arena;
    struct bus_value values[MAX_VALUES];
    const char *row[COLUMNS];
    struct adapters_refusal refusal;
};

static int load_catalogue(void **state)
{
    (void)state;
    struct bus_error error;
    return bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) != BUS_OK;
}

static int drop_catalogue(void **state)
{
    (void)state;
    bus_catalogue_destroy(catalogue);
    return 0;
}

static enum bus_status load(struct world *world, const char *text, struct bus_error *error)
{
    char path[TEST_FOLDER_SIZE + 32];
    snprintf(path, sizeof path, "%s/feed.one.cfg", world->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    return adapters_mapping_load(path, catalogue, "market", &world->mapping, error);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct bus_error error;
    test_folder_make(world->folder);
    world->arena = bus_arena_create(1 << 20);
    assert_int_equal(load(world, good, &error), BUS_OK);
    static const char *const row[COLUMNS] = {
        "个体工商户", "92450202MATH261259", "45020200001", "",          "某甲·二", "罚款；警告",         "2,000(万元)",
        "7",          "2025-6-3",           "2099-12-31",  "450203000", "",        "2026-09-01 08:01:00"};
    memcpy(world->row, row, sizeof row);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    adapters_mapping_destroy(world->mapping);
    bus_arena_destroy(world->arena);
    test_folder_remove(world->folder);
    free(world);
    return 0;
}

static enum bus_status apply(struct world *world)
{
    struct bus_bytes fields[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        fields[i] = world->row[i] != NULL ? bus_bytes_text(world->row[i]) : bus_bytes_of(NULL, 0);
    struct adapters_row row = {.line = 2, .fields = fields};
    bus_arena_reset(world->arena);
    return adapters_mapping_apply(world->mapping, &row, world->arena, world->values, &world->refusal);
}

static const struct bus_value *value_of(const struct world *world, const char *field)
{
    int index = bus_schema_find(bus_item_current(adapters_mapping_item(world->mapping))->schema, field);
    assert_true(index >= 0);
    return &world->values[index];
}

static void is_text(const struct world *world, const char *field, const char *wanted)
{
    const struct bus_value *value = value_of(world, field);
    assert_int_equal(value->type, BUS_TYPE_STRING);
    assert_int_equal(value->bytes.length, strlen(wanted));
    assert_memory_equal(value->bytes.data, wanted, strlen(wanted));
}

static void is_null(const struct world *world, const char *field)
{
    assert_int_equal(value_of(world, field)->type, BUS_TYPE_NULL);
}

static void is_refused(struct world *world, const char *code, const char *column)
{
    assert_int_equal(apply(world), BUS_REJECT);
    assert_string_equal(world->refusal.code, code);
    assert_string_equal(world->refusal.column, column);
}

/* --- rows --- */

static void a_good_row_fills_every_field(void **state)
{
    struct world *world = *state;
    assert_int_equal(apply(world), BUS_OK);
    is_text(world, "subject_name", "某甲·二");
    is_text(world, "subject_id", "92450202MATH261259");
    is_text(world, "area_code", "450203");
    is_text(world, "rule_version", "R-1");
    is_text(world, "penalty_kinds", "罚款;警告");
    is_text(world, "registration_number", "45020200001/92450202MATH261259");
    is_text(world, "tax_number", "45020200001");
    is_text(world, "institution_number", "二");
    is_text(world, "social_organisation_number", "0007");
    is_text(world, "legal_representative", "7");
    is_text(world, "record_key", "market|某甲·二|某甲·二");
    is_null(world, "publicity_until");
    is_null(world, "conduct_end_date");
    assert_int_equal(value_of(world, "operation")->integer, BUS_OPERATION_PUT);
    assert_int_equal(value_of(world, "decided_on")->integer, 20242);
    assert_true(value_of(world, "version")->integer == INT64_C(1788220860000));
    int64_t fine = 0;
    assert_true(bus_decimal_value(value_of(world, "fine_amount")->bytes, &fine));
    assert_true(fine == INT64_C(2000000000)); /* 2,000 万, six decimals */
}

static void identifiers_are_cleaned_of_width_case_and_blanks(void **state)
{
    struct world *world = *state;
    world->row[USCC] = "\xe3\x80\x80９２450202math 261259 ";
    assert_int_equal(apply(world), BUS_OK);
    is_text(world, "credit_code", "92450202MATH261259");
    is_text(world, "subject_id", "92450202MATH261259");
}

static void words_for_nothing_are_nothing(void **state)
{
    struct world *world = *state;
    static const char *const words[] = {"", "暂无", "\\N", "n/a", "-", "无"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        world->row[FINE] = words[i];
        assert_int_equal(apply(world), BUS_OK);
        is_null(world, "fine_amount");
    }
}

static void a_table_changes_what_it_names(void **state)
{
    struct world *world = *state;
    world->row[GRADE] = "一";
    assert_int_equal(apply(world), BUS_OK);
    is_text(world, "legal_representative", "甲");
}

static enum bus_status load_with_table_file(struct world *world, const char *field, const char *table,
                                            struct bus_error *error)
{
    char path[TEST_FOLDER_SIZE + 32], *text = strdup(good), whole[sizeof good + 256];
    snprintf(path, sizeof path, "%s/kinds.csv", world->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(table, file) >= 0);
    assert_int_equal(fclose(file), 0);
    char *at = strstr(text, field);
    assert_non_null(at);
    *at = '\0';
    snprintf(whole, sizeof whole, "%s%s table_file = \"kinds.csv\";%s", text, field, at + strlen(field));
    free(text);
    adapters_mapping_destroy(world->mapping);
    world->mapping = NULL;
    return load(world, whole, error);
}

static void a_table_may_stand_in_a_file_of_its_own(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    assert_int_equal(load_with_table_file(world, "from = [\"KINDS\"];",
                                          "from,to\n罚,罚款\n没收,没收违法所得、没收非法财物\n", &error),
                     BUS_OK);
    world->row[KINDS] = "没收; 罚；警告";
    assert_int_equal(apply(world), BUS_OK);
    is_text(world, "penalty_kinds", "没收违法所得、没收非法财物;罚款;警告");
    assert_int_equal(load_with_table_file(world, "from = [\"KINDS\"];", "from,to\n,1\n", &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "kinds.csv:2: from is empty"));
    assert_int_equal(load_with_table_file(world, "table = ( [\"一\", \"甲\"] );", "from,to\n", &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "either a table or a table_file"));
}

static void columns_are_tried_in_order(void **state)
{
    struct world *world = *state;
    world->row[USCC] = "暂无";
    world->row[OLD] = "MATH26125";
    assert_int_equal(apply(world), BUS_OK);
    is_text(world, "subject_id", "MATH26125");
    world->row[OLD] = NULL;
    is_refused(world, "SUBJECT_MISSING", "USCC");
}

static void a_person_has_a_persons_fields_only(void **state)
{
    struct world *world = *state;
    world->row[KIND] = "自然人";
    world->row[CITIZEN] = "11010519491231002x";
    assert_int_equal(apply(world), BUS_OK);
    is_text(world, "subject_id", "11010519491231002X");
    is_null(world, "tax_number");
    is_text(world, "revoked_licence", "p");
    world->row[CITIZEN] = "110105194912310021";
    is_refused(world, "CITIZEN_NUMBER_CHECK_DIGIT", "CITIZEN");
}

static void area_falls_back_to_the_credit_code_then_to_the_mapping(void **state)
{
    struct world *world = *state;
    world->row[AREA] = "";
    assert_int_equal(apply(world), BUS_OK);
    is_text(world, "area_code", "450202");
    is_text(world, "revoked_licence", "o");
    world->row[USCC] = "";
    world->row[OLD] = "MATH26125";
    assert_int_equal(apply(world), BUS_OK);
    is_text(world, "area_code", "450200");
}

static void a_withdrawn_record_needs_its_key_only(void **state)
{
    struct world *world = *state;
    world->row[FLAG] = "d";
    world->row[KINDS] = world->row[DECIDED] = "";
    assert_int_equal(apply(world), BUS_OK);
    assert_int_equal(value_of(world, "operation")->integer, BUS_OPERATION_WITHDRAW);
    is_text(world, "penalty_kinds", "");
    is_null(world, "decided_on");
    world->row[NAME] = "";
    is_refused(world, "VALUE_MISSING", "NAME");
}

static void what_is_wrong_is_told_by_column_and_never_by_value(void **state)
{
    struct world *world = *state;
    world->row[KINDS] = "";
    is_refused(world, "VALUE_MISSING", "KINDS");
    world->row[KINDS] = "罚款";
    world->row[DECIDED] = "2025-13-45";
    is_refused(world, "VALUE_DATE", "DECIDED");
    assert_null(strstr(world->refusal.en, "2025"));
    world->row[DECIDED] = "2025-06-03";
    world->row[FINE] = "莫某甲";
    is_refused(world, "VALUE_AMOUNT", "FINE");
    assert_null(strstr(world->refusal.zh, "莫"));
    world->row[FINE] = "";
    world->row[FLAG] = "?";
    is_refused(world, "OPERATION_UNKNOWN", "FLAG");
    world->row[FLAG] = "";
    world->row[KIND] = "其他";
    is_refused(world, "SUBJECT_KIND", "KIND");
    world->row[KIND] = "个体工商户";
    world->row[CHANGED] = "";
    is_refused(world, "VALUE_MISSING", "CHANGED");
    world->row[CHANGED] = "yesterday";
    is_refused(world, "VALUE_DATE", "CHANGED");
    world->row[CHANGED] = "20260901";
    world->row[GRADE] = "TEST";
    is_refused(world, "TEST_ROW", "GRADE");
}

static void a_number_in_scientific_notation_is_refused(void **state)
{
    struct world *world = *state;
    world->row[KIND] = "自然人";
    world->row[CITIZEN] = "4.50202E+17";
    assert_int_equal(apply(world), BUS_REJECT);
    world->row[KIND] = "个体工商户";
    world->row[USCC] = "9.24502E+17";
    world->row[OLD] = "MATH26125";
    assert_int_equal(apply(world), BUS_REJECT);
}

static void reload(struct world *world, const char *from, const char *to)
{
    char text[sizeof good + 256];
    struct bus_error error;
    const char *found = strstr(good, from);
    assert_non_null(found);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(found - good), good, to, found + strlen(from));
    adapters_mapping_destroy(world->mapping);
    world->mapping = NULL;
    assert_int_equal(load(world, text, &error), BUS_OK);
}

static void codes_may_grow_by_the_table(void **state)
{
    struct world *world = *state;
    reload(world, "from = [\"KINDS\"];",
           "from = [\"KINDS\"]; table = ( [\"1\", \"通报批评通报批评通报批评通报批评\"] );");
    world->row[KINDS] = "1；1|1;警告";
    assert_int_equal(apply(world), BUS_OK);
    is_text(world, "penalty_kinds",
            "通报批评通报批评通报批评通报批评;通报批评通报批评通报批评通报批评;通报批评通报批评通报批评通报批评;警告");
}

/* Never as if the column had been empty. */
static void what_is_too_long_to_be_cleaned_is_refused(void **state)
{
    struct world *world = *state;
    char *text = malloc(600 * 1024);
    assert_non_null(text);
    memset(text, 'k', 600 * 1024 - 1);
    text[600 * 1024 - 1] = '\0';
    world->row[KINDS] = text; /* the arena of this test holds 1 MiB */
    is_refused(world, "FIELD_TOO_LONG", "KINDS");
    world->row[KINDS] = "警告";
    world->row[OLD] = text;
    world->row[USCC] = text;
    reload(world, "[\"USCC\", \"OLD\"]", "[\"CITIZEN\", \"AREA\"]");
    world->row[AREA] = "MATH26125";
    assert_int_equal(apply(world), BUS_REJECT);
    assert_string_equal(world->refusal.code, "FIELD_TOO_LONG");
    free(text);
}

static void a_long_record_key_is_shortened_by_digests(void **state)
{
    struct world *world = *state;
    char name[700];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    world->row[NAME] = name;
    assert_int_equal(apply(world), BUS_OK);
    struct bus_bytes first = value_of(world, "record_key")->bytes;
    assert_true(first.length <= BUS_RECORD_KEY_MAX);
    char kept[BUS_RECORD_KEY_MAX];
    memcpy(kept, first.data, first.length);
    name[600] = 'm';
    assert_int_equal(apply(world), BUS_OK);
    struct bus_bytes second = value_of(world, "record_key")->bytes;
    assert_int_equal(second.length, first.length);
    assert_memory_not_equal(second.data, kept, second.length);
}

/* --- files --- */

static void is_bad(struct world *world, const char *from, const char *to, const char *wanted)
{
    char text[sizeof good + 256];
    struct bus_error error;
    const char *found = strstr(good, from);
    assert_non_null(found);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(found - good), good, to, found + strlen(from));
    adapters_mapping_destroy(world->mapping);
    world->mapping = NULL;
    assert_int_equal(load(world, text, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "feed.one.cfg"));
    if (strstr(error.message, wanted) == NULL)
        fail_msg("'%s' does not say '%s'", error.message, wanted);
}

static void a_mistake_is_named_with_its_line_and_the_nearest_name(void **state)
{
    is_bad(*state, "changed_at", "chnged_at", "changed_at");
    is_bad(*state, "\"KINDS\"]; }", "\"KNDS\"]; }", "unknown column KNDS; the nearest known is KINDS");
    is_bad(*state, "\"amount\"", "\"amont\"", "unknown step amont; the nearest known is amount");
    is_bad(*state, "\"KINDS\"]; }", "\"KNDS\"]; }", ":33");
}

static void fields_are_filled_once_each_and_all(void **state)
{
    is_bad(*state, "  { name = \"violation\"; constant = \"v\"; },\n", "", "nothing fills field violation");
    is_bad(*state, "name = \"violation\"", "name = \"facts\"", "filled twice");
    is_bad(*state, "name = \"violation\"", "name = \"sequence\"", "no field sequence that a mapping fills");
    is_bad(*state, "name = \"violation\"", "name = \"nothing\"", "no field nothing");
    is_bad(*state, "name = \"violation\"; constant = \"v\"", "name = \"violation\"",
           "either from columns or is a constant");
}

static void contradictions_are_refused(void **state)
{
    is_bad(*state, "item = \"penalty\"", "item = \"payment\"", "no item payment");
    is_bad(*state, "subject = {", "subject = { kind = \"PERSON\";", "either a kind or a kind_column");
    is_bad(*state, "unit = \"万\"", "unit = \"斤\"", "unknown unit");
    is_bad(*state, "{ name = \"party_kind\"; from = [\"KIND\"];",
           "{ name = \"party_kind\"; from = [\"KIND\"]; only = \"PERSON\";", "cannot be null");
    is_bad(*state, "[\"一\", \"甲\"]", "[\"一\"]", "a pair of table");
}

static void what_could_never_be_taken_is_told_at_the_start(void **state)
{
    is_bad(*state, "\"AREA\", \"FLAG\"", "\"AREA\", \"flag\", \"FLAG\"", "column FLAG is named twice");
    is_bad(*state, "person = [\"CITIZEN\"]; ", "", "person must name a column");
    is_bad(*state, "organisation = [\"USCC\", \"OLD\"]; ", "", "organisation must name a column");
    is_bad(*state,
           "kind_column = \"KIND\"; person_kinds = [\"自然人\"]; organisation_kinds = [\"个体工商户\"];\n"
           "            person = [\"CITIZEN\"]; ",
           "kind = \"PERSON\"; ", "person must name a column");
}

static void a_layout_says_separator_sheet_and_header_rows(void **state)
{
    struct world *world = *state;
    const struct adapters_layout *layout;
    reload(world, "format = \"csv\";", "format = \"csv\"; separator = \";\";");
    assert_int_equal(adapters_mapping_layout(world->mapping)->separator, ';');
    reload(world, "format = \"csv\";",
           "format = \"xlsx\"; excel = { sheet = \"名单\"; sheets = \"all\"; header_rows = 7; };");
    layout = adapters_mapping_layout(world->mapping);
    assert_int_equal(layout->format, ADAPTERS_FORMAT_XLSX);
    assert_string_equal(layout->excel.sheet, "名单");
    assert_int_equal(layout->excel.sheets, ADAPTERS_SHEETS_ALL);
    assert_int_equal(layout->excel.header_rows, 7);
    reload(world, "format = \"csv\";", "format = \"xlsx\";");
    layout = adapters_mapping_layout(world->mapping);
    assert_string_equal(layout->excel.sheet, "");
    assert_int_equal(layout->excel.sheets, ADAPTERS_SHEETS_ONE);
    assert_int_equal(layout->excel.header_rows, 20);
    is_bad(world, "format = \"csv\";", "format = \"tsv\"; separator = \";\";", "separator is one ASCII character");
    is_bad(world, "format = \"csv\";", "format = \"csv\"; separator = \"；\";", "separator is one ASCII character");
    is_bad(world, "format = \"csv\";", "format = \"csv\"; excel = { };", "excel is for format");
    is_bad(world, "format = \"csv\";", "format = \"xlsx\"; excel = { shet = \"\"; };", "sheet");
}

static void every_department_of_the_catalogue_is_mapped(void **state)
{
    (void)state;
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        if (item->rights != BUS_RIGHTS_NONE)
            continue; /* in the folders of those who decide them */
        char path[512];
        struct adapters_mapping *mapping = NULL;
        struct bus_error error;
        snprintf(path, sizeof path, XINQIAO_SOURCE "/adapters/departments/%s/%s.cfg", item->department->name,
                 item->name);
        if (adapters_mapping_load(path, catalogue, item->department->name, &mapping, &error) != BUS_OK)
            fail_msg("%s", error.message);
        assert_ptr_equal(adapters_mapping_item(mapping), item);
        assert_string_equal(adapters_mapping_feed_view(mapping), item->name);
        adapters_mapping_destroy(mapping);
    }
}

/* --- rights --- */

enum { CASE, PARTY, CODE, PENALTY, DOCUMENT, DAY, STEP, WHY, AT, RIGHTS_COLUMNS };

static const char repair[] =
    "item = \"rights/repair\"; format = \"csv\";\n"
    "columns = [\"CASE\", \"PARTY\", \"CODE\", \"PENALTY\", \"DOCUMENT\", \"DAY\", \"STEP\", \"WHY\", \"AT\"];\n"
    "changed_at = \"AT\";\n"
    "subject = { kind = \"ORGANISATION\"; organisation = [\"CODE\"]; };\n"
    "target = { item = \"penalty\"; key = (\n"
    "  { name = \"subject_name\"; from = [\"PARTY\"]; },\n"
    "  { name = \"document_number\"; from = [\"PENALTY\"]; steps = [\"round_brackets\"]; } ); };\n"
    "fields = (\n"
    "  { name = \"subject_name\"; from = [\"PARTY\"]; },\n"
    "  { name = \"occurred_at\"; from = [\"DAY\", \"AT\"]; },\n"
    "  { name = \"conduct_end_date\"; constant = \"\"; },\n"
    "  { name = \"publicity_until\"; constant = \"\"; },\n"
    "  { name = \"rule_version\"; constant = \"R\"; },\n"
    "  { name = \"case_number\"; from = [\"CASE\"]; },\n"
    "  { name = \"step\"; from = [\"STEP\"]; table = ( [\"准予\", \"DECIDED\"] ); },\n"
    "  { name = \"authority\"; constant = \"market\"; },\n"
    "  { name = \"document_number\"; from = [\"DOCUMENT\"]; },\n"
    "  { name = \"decided_on\"; from = [\"DAY\"]; },\n"
    "  { name = \"reason\"; from = [\"WHY\"]; },\n"
    "  { name = \"answer_due_on\"; constant = \"\"; }\n"
    ");\n";

/* The mapping of a right, with something replaced. */
static enum bus_status load_repair(struct world *world, const char *from, const char *to, struct bus_error *error)
{
    char text[sizeof repair + 256];
    const char *found = strstr(repair, from);
    assert_non_null(found);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(found - repair), repair, to, found + strlen(from));
    adapters_mapping_destroy(world->mapping);
    world->mapping = NULL;
    return load(world, text, error);
}

static enum bus_status apply_repair(struct world *world, const char *party, const char *penalty)
{
    const char *const row[RIGHTS_COLUMNS] = {"X1",   party,  "92450202MATH261259", penalty, "修1号", "2026-09-14",
                                             "准予", "改正", "2026-09-15 09:00:00"};
    struct bus_bytes fields[RIGHTS_COLUMNS];
    for (size_t i = 0; i < RIGHTS_COLUMNS; i++)
        fields[i] = bus_bytes_text(row[i]);
    struct adapters_row line = {.line = 2, .fields = fields};
    bus_arena_reset(world->arena);
    return adapters_mapping_apply(world->mapping, &line, world->arena, world->values, &world->refusal);
}

static void a_department_decides_a_right_about_its_own_record(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    assert_int_equal(load_repair(world, "", "", &error), BUS_OK);
    assert_string_equal(adapters_mapping_item(world->mapping)->department->name, "rights");
    assert_int_equal(apply_repair(world, "甲公司", "罚〔2025〕1号 "), BUS_OK);
    is_text(world, "record_key", "rights|X1");
    is_text(world, "target_department", "market");
    is_text(world, "target_item", "penalty");
    is_text(world, "target_record_key", "market|罚(2025)1号|甲公司");
    is_text(world, "step", "DECIDED");
}

static void the_key_of_a_target_is_that_of_the_record_however_long(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    char name[700];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    world->row[NAME] = name;
    assert_int_equal(apply(world), BUS_OK);
    struct bus_bytes key = value_of(world, "record_key")->bytes;
    char kept[BUS_RECORD_KEY_MAX + 1];
    snprintf(kept, sizeof kept, "%.*s", (int)key.length, (const char *)key.data);
    assert_int_equal(load_repair(world, "", "", &error), BUS_OK);
    assert_int_equal(apply_repair(world, name, name), BUS_OK);
    is_text(world, "target_record_key", kept);
}

static void a_right_without_the_key_of_its_record_is_refused(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    assert_int_equal(load_repair(world, "", "", &error), BUS_OK);
    assert_int_equal(apply_repair(world, "甲公司", ""), BUS_REJECT);
    assert_string_equal(world->refusal.code, "VALUE_MISSING");
    assert_string_equal(world->refusal.column, "PENALTY");
}

static void a_target_that_could_never_be_met_is_told_at_the_start(void **state)
{
    static const struct {
        const char *from, *to, *words;
    } mistakes[] = {
        {"item = \"rights/repair\"", "item = \"tax/arrears\"", "neither an item of market nor a right"},
        {"item = \"rights/repair\"", "item = \"rights/repairs\"", "department rights has no item repairs"},
        {"target = { item = \"penalty\"", "target = { item = \"penaltys\"", "records no item penaltys"},
        {"target = {", "target = { department = \"tax\";", "department tax records no item penalty"},
        {"{ name = \"subject_name\"; from = [\"PARTY\"]; },\n  { name = \"document", "{ name = \"document",
         "needs its field subject_name"},
        {"{ name = \"subject_name\"; from = [\"PARTY\"]; },\n  { name = \"document",
         "{ name = \"subject_name\"; from = [\"PARTY\"]; only = \"PERSON\"; },\n  { name = \"document",
         "for every kind of subject"},
        {"{ name = \"subject_name\"; from = [\"PARTY\"]; },\n  { name = \"document",
         "{ name = \"subject_name\"; from = [\"PARTY\"]; }, { name = \"violation\"; from = [\"WHY\"]; },\n"
         "  { name = \"document",
         "made of the 2 fields"},
        {"{ name = \"case_number\"; from = [\"CASE\"]; }",
         "{ name = \"case_number\"; from = [\"CASE\"]; }, { name = \"target_item\"; constant = \"x\"; }",
         "no field target_item that a mapping fills"},
    };
    struct world *world = *state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct bus_error error = {.message = ""};
        assert_int_equal(load_repair(world, mistakes[i].from, mistakes[i].to, &error), BUS_FATAL);
        if (strstr(error.message, mistakes[i].words) == NULL)
            fail_msg("'%s' does not say '%s'", error.message, mistakes[i].words);
    }
    struct bus_error error = {.message = ""};
    char text[sizeof good + 128];
    snprintf(text, sizeof text, "%starget = { item = \"penalty\"; key = (); };\n", good);
    adapters_mapping_destroy(world->mapping);
    world->mapping = NULL;
    assert_int_equal(load(world, text, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "only a right is about another record"));
}

static void the_rights_that_departments_decide_are_mapped(void **state)
{
    (void)state;
    static const char *const feeds[][2] = {{"market", "repair"}, {"court", "restriction"}};
    for (size_t i = 0; i < sizeof feeds / sizeof *feeds; i++) {
        char path[512];
        struct adapters_mapping *mapping = NULL;
        struct bus_error error;
        snprintf(path, sizeof path, XINQIAO_SOURCE "/adapters/departments/%s/%s.cfg", feeds[i][0], feeds[i][1]);
        if (adapters_mapping_load(path, catalogue, feeds[i][0], &mapping, &error) != BUS_OK)
            fail_msg("%s", error.message);
        assert_ptr_equal(adapters_mapping_item(mapping), bus_catalogue_find_item(catalogue, "rights", feeds[i][1]));
        adapters_mapping_destroy(mapping);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_row_fills_every_field, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identifiers_are_cleaned_of_width_case_and_blanks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(words_for_nothing_are_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_changes_what_it_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_may_stand_in_a_file_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(columns_are_tried_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_person_has_a_persons_fields_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(area_falls_back_to_the_credit_code_then_to_the_mapping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_withdrawn_record_needs_its_key_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_told_by_column_and_never_by_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_in_scientific_notation_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(codes_may_grow_by_the_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_long_to_be_cleaned_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_record_key_is_shortened_by_digests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mistake_is_named_with_its_line_and_the_nearest_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_are_filled_once_each_and_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(contradictions_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_could_never_be_taken_is_told_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_layout_says_separator_sheet_and_header_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_department_decides_a_right_about_its_own_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_key_of_a_target_is_that_of_the_record_however_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_right_without_the_key_of_its_record_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_that_could_never_be_met_is_told_at_the_start, set_up, tear_down),
        cmocka_unit_test(the_rights_that_departments_decide_are_mapped),
        cmocka_unit_test(every_department_of_the_catalogue_is_mapped),
    };
    return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
