#include "subscribers/serve/sheet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "subscribers/serve/code.h"

enum { PAGE_LIMIT = 4 * 1024 * 1024, RECORDS = 2 };

#define EVIL "<script>alert('x')</script>\"&"

/* The court's penalty table and two records of it, the first with what an attacker would write. */
struct world {
    struct subscribers_settings agent;
    struct serve_settings settings;
    struct serve_shelf *shelf;
    struct serve_question question;
    struct serve_record records[RECORDS];
    struct serve_answer answer;
    struct bus_key *key;
    struct bus_buffer page;
};

static const struct postgresql_table *table_of(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->shelf->count; i++)
        if (strcmp(world->shelf->entries[i].table->name, name) == 0)
            return world->shelf->entries[i].table;
    return NULL;
}

static void make_record(const struct world *world, struct serve_record *record, const char *status, const char *flags)
{
    *record = (struct serve_record){
        .table = table_of(world, "penalty"),
        .item = bus_catalogue_find_item(world->shelf->catalogue, "market", "penalty"),
        .fixed = {"00112233445566778899aabbccddeeff", "7", status, "f", flags, "court-penalty", "行政案件审理",
                  "《行政处罚法》", "0123456789abcdef", "market", "3", "41", "2026-09-21T14:13:20.123Z"},
        .partition = 3,
        .leaf = 41,
    };
    assert_non_null(record->table);
    record->values = calloc(record->table->column_count, sizeof *record->values);
}

static void set(struct serve_record *record, const char *name, const char *value)
{
    for (size_t i = 0; i < record->table->column_count; i++)
        if (strcmp(record->table->columns[i].name, name) == 0)
            record->values[i] = value;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct bus_error error;
    world->agent.subscriber = "court";
    snprintf(world->agent.catalogue_path, sizeof world->agent.catalogue_path, "%s",
             XINQIAO_SOURCE "/schemas/catalogue.cfg");
    world->settings.agent = &world->agent;
    snprintf(world->settings.schema, sizeof world->settings.schema, "court");
    assert_int_equal(serve_shelf_create(&world->settings, &world->shelf, &error), BUS_OK);
    assert_int_equal(bus_key_generate(BUS_SUITE_SM2_SM3, &world->key, &error), BUS_OK);
    make_record(world, &world->records[0], "NONE", "");
    make_record(world, &world->records[1], "NONE", "NAME_MISMATCH DISPUTED");
    set(&world->records[0], "subject_name", EVIL);
    set(&world->records[0], "violation", EVIL);
    set(&world->records[0], "fine_amount", "0.20");
    set(&world->records[0], "legal_representative", "张三丰");
    world->question = (struct serve_question){.form = SERVE_FORM_SHEET,
                                              .code = "91350100M000100Y43",
                                              .identifier = "M000100Y4",
                                              .stated = "91350100M000100Y43",
                                              .purpose = EVIL,
                                              .officer = "李四" EVIL,
                                              .client = "127.0.0.1",
                                              .asked_at_ms = 1795516200123};
    world->answer =
        (struct serve_answer){.question = &world->question,
                              .shelf = world->shelf,
                              .subscriber = "court",
                              .topic = "xq.out.court",
                              .holding = {.records = world->records, .count = RECORDS, .sealed_at_ms = 1795516199000},
                              .pulse = {.pace = SERVE_PACE_EVEN}};
    assert_int_equal(serve_answer_state(&world->answer, world->key, &error), BUS_OK);
    bus_buffer_init(&world->page, PAGE_LIMIT);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < RECORDS; i++)
        free(world->records[i].values);
    serve_shelf_destroy(world->shelf);
    bus_key_destroy(world->key);
    bus_buffer_release(&world->page);
    free(world);
    return 0;
}

static const char *sheet_of(struct world *world)
{
    struct bus_error error;
    bus_buffer_reset(&world->page);
    assert_int_equal(serve_sheet_write(&world->answer, &world->page, &error), BUS_OK);
    bus_buffer_u8(&world->page, 0);
    assert_false(world->page.failed);
    return (const char *)world->page.data;
}

static void whatever_a_field_holds_the_page_has_no_script(void **state)
{
    const char *page = sheet_of(*state);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "alert('"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
    assert_null(strstr(page, "javascript:"));
    assert_null(strstr(page, " src="));
    assert_null(strstr(page, " href="));
    assert_null(strstr(page, "url("));
}

static void a_disputed_record_is_shown_as_such_before_all(void **state)
{
    struct world *world = *state;
    const char *page = sheet_of(world);
    const char *alert = strstr(page, "其中 1 条存在异议");
    assert_non_null(alert);
    assert_true(alert < strstr(page, "<h3>"));
    assert_non_null(strstr(page, "<span class=\"mark\">异议中</span>"));
    assert_non_null(strstr(page, "名称与登记名称不符"));
    world->records[1].fixed[POSTGRESQL_FLAGS] = "NOT_DISPUTED DISPUTEDX";
    assert_null(strstr(sheet_of(world), "异议中"));
}

static void people_who_are_not_asked_for_are_not_on_paper(void **state)
{
    assert_null(strstr(sheet_of(*state), "张三丰"));
}

static void what_is_not_known_for_sure_is_said(void **state)
{
    struct world *world = *state;
    assert_null(strstr(sheet_of(world), "积压"));
    world->answer.pulse = (struct serve_pulse_state){.pace = SERVE_PACE_BEHIND, .waiting_since_ms = 1795516199000};
    assert_non_null(strstr(sheet_of(world), "接收有积压"));
    world->answer.pulse.pace = SERVE_PACE_UNKNOWN;
    assert_non_null(strstr(sheet_of(world), "暂时无法确认"));
    world->answer.holding.is_cut = true;
    assert_non_null(strstr(sheet_of(world), "只列出一部分"));
    world->answer.is_signed = false;
    assert_non_null(strstr(sheet_of(world), "本单未签名"));
    assert_null(strstr(sheet_of(world), "<svg"));
}

static void nothing_on_record_is_an_answer(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    world->answer.holding.count = 0;
    assert_int_equal(serve_answer_state(&world->answer, world->key, &error), BUS_OK);
    assert_non_null(strstr(sheet_of(world), "未持有该主体的有效记录"));
}

static void the_answer_is_json_that_its_statement_was_signed_over(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    struct bus_check check;
    struct bus_json_document *document;
    serve_answer_write(&world->answer, &world->page);
    assert_int_equal(bus_json_parse(bus_buffer_view(&world->page), &document, &error), BUS_OK);
    const struct bus_json_value *answer = bus_json_root(document);
    assert_int_equal(bus_check_read(bus_json_as_text(bus_json_member(answer, "statement")), &check, &error), BUS_OK);
    assert_int_equal(bus_check_verify(&check, world->key, &error), BUS_OK);
    assert_int_equal(bus_check_answer(&check, answer, &error), BUS_OK);
    const struct bus_json_value *record = bus_json_at(bus_json_member(answer, "records"), 0);
    assert_true(bus_bytes_equal_text(
        bus_json_number_text(bus_json_member(bus_json_member(record, "fields"), "fine_amount")), "0.20"));
    assert_int_equal(bus_json_as_integer(bus_json_member(answer, "disputed_count")), 1);
    bus_json_destroy(document);
}

/* Rows of dark modules out of the path, so that the finder patterns can be looked at. */
static void a_code_has_its_quiet_zone_and_three_finders(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    int side = 0, column, row, width, first_row_strokes = 0;
    assert_int_equal(serve_code_append(&world->page, bus_bytes_text("xinqiao check v1\n"), &error), BUS_OK);
    bus_buffer_u8(&world->page, 0);
    const char *svg = (const char *)world->page.data;
    assert_int_equal(sscanf(strstr(svg, "viewBox"), "viewBox=\"0 0 %d", &side), 1);
    assert_int_equal((side - 8 - 17) % 4, 0);
    const char *path = strstr(svg, "fill=\"#000\" d=\"");
    assert_non_null(path);
    for (const char *at = path; (at = strchr(at, 'M')) != NULL; at++) {
        assert_int_equal(sscanf(at, "M%d %dh%dv1h-", &column, &row, &width), 3);
        assert_true(column >= 4 && column + width <= side - 4 && row >= 4 && row < side - 4);
        first_row_strokes += row == 4 && width == 7;
    }
    assert_int_equal(first_row_strokes, 2);
    char *longer = calloc(1, 4000);
    memset(longer, 'a', 3999);
    assert_int_equal(serve_code_append(&world->page, bus_bytes_text(longer), &error), BUS_FATAL);
    free(longer);
}

static void a_person_is_asked_for_by_subject_id_where_it_is_granted(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < world->shelf->count; i++) {
        const struct serve_table *entry = &world->shelf->entries[i];
        bool has_subject = strstr(entry->sql, "\"subject_id\"") != NULL;
        assert_true(has_subject == (strstr(entry->sql, "WHERE subject_id = $1") != NULL));
        assert_non_null(strstr(entry->sql, "AND NOT xq_withdrawn"));
    }
    assert_true(world->shelf->count > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_a_field_holds_the_page_has_no_script, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disputed_record_is_shown_as_such_before_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(people_who_are_not_asked_for_are_not_on_paper, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_known_for_sure_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_on_record_is_an_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_answer_is_json_that_its_statement_was_signed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_code_has_its_quiet_zone_and_three_finders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_person_is_asked_for_by_subject_id_where_it_is_granted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
