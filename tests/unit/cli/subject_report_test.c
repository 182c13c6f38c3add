#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/subject_content.h"
#include "tests/support/sample.h"

enum { LIMIT = 16 * 1024 * 1024, AT = 1795500000 };

#define HOSTILE "<script>alert('x')</script>&\"\x01</td>"

static struct bus_catalogue *catalogue;
static struct bus_arena *arena;
static struct bus_buffer event, document;
static struct bus_span spans[CLI_SUBJECT_MAX_FIELDS];
static struct cli_subject_version version = {7, (int64_t)AT * 1000, false};
static const struct cli_trail_field fields[] = {{"subject_name", BUS_TRANSFORM_MASK},
                                                {"fine_amount", BUS_TRANSFORM_NONE}};
static const struct cli_trail_grant grant = {
    .subscriber = "website",
    .grant = "website-penalty",
    .department = "market",
    .item = "penalty",
    .purpose = HOSTILE,
    .legal_basis = "《行政处罚法》第四十八条",
    .catalogue = "0123456789abcdef",
    .fields = fields,
    .field_count = 2,
};
static struct cli_disclosure disclosures[2];
static struct cli_trail trail;
static struct cli_subject_record record;
static struct cli_subject_report report;

static int load(void **unused)
{
    (void)unused;
    struct bus_error error;
    assert_int_equal(bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error), BUS_OK);
    arena = bus_arena_create(LIMIT);
    assert_non_null(arena);
    return 0;
}

static int unload(void **unused)
{
    (void)unused;
    bus_arena_destroy(arena);
    bus_catalogue_destroy(catalogue);
    return 0;
}

/* A report about one penalty, disclosed twice. */
static int set_up(void **unused)
{
    (void)unused;
    struct bus_error error;
    char problem[TEST_SAMPLE_PROBLEM_SIZE];
    const struct bus_item *item = bus_catalogue_find_item(catalogue, "market", "penalty");
    const struct test_field given[] = {
        {"record_key", "market|a secret key"}, {"content", HOSTILE}, {"informant", "a secret informant"}, {NULL, NULL}};
    bus_buffer_init(&event, LIMIT);
    bus_buffer_init(&document, LIMIT);
    assert_true(test_sample_event(catalogue, item, bus_item_current(item), given, &event, problem));
    assert_int_equal(bus_datum_walk(bus_item_current(item)->schema, bus_buffer_view(&event), spans, &error), BUS_OK);
    disclosures[0] = (struct cli_disclosure){.grant = &grant,
                                             .offset = 9,
                                             .at_ms = (int64_t)AT * 1000,
                                             .version = 7,
                                             .operation = BUS_DELIVERY_WITHDRAW,
                                             .reason = BUS_REASON_REPAIRED,
                                             .leaf = 12};
    disclosures[1] = (struct cli_disclosure){.grant = &grant,
                                             .offset = 4,
                                             .at_ms = (int64_t)AT * 1000 - 5000,
                                             .version = 7,
                                             .operation = BUS_DELIVERY_PUT,
                                             .leaf = 3,
                                             .proved = true};
    trail = (struct cli_trail){.next = -1, .disclosures = disclosures, .count = 2};
    record = (struct cli_subject_record){
        .entry = {.version = 7,
                  .marks = 1 << BUS_MARK_REPAIRED,
                  .disputes = 1,
                  .item = (uint16_t)item->number,
                  .publicity_days = 20000,
                  .retention_days = INT32_MAX,
                  .watch_days = INT32_MAX},
        .item = item,
        .datum = bus_buffer_view(&event),
        .version = bus_item_current(item),
        .spans = spans,
        .versions = &version,
        .version_count = 1,
        .trail = &trail,
    };
    report = (struct cli_subject_report){
        .catalogue = catalogue,
        .prefix = "xq.",
        .officer = HOSTILE,
        .reason = "依申请",
        .at_ms = (int64_t)AT * 1000,
        .kind = BUS_SUBJECT_ORGANISATION,
        .identifier = "198229141",
        .partition = 3,
        .arena = arena,
        .records = &record,
        .record_count = 1,
    };
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    bus_buffer_release(&event);
    bus_buffer_release(&document);
    return 0;
}

static bool holds(const char *text)
{
    return memmem(document.data, document.length, text, strlen(text)) != NULL;
}

static void the_page_escapes_whatever_data_say(void **unused)
{
    (void)unused;
    cli_subject_write_html(&report, &document);
    assert_false(document.failed);
    assert_false(holds("<script"));
    assert_false(holds("\x01"));
    assert_true(holds("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;&lt;/td&gt;"));
}

static void the_page_loads_nothing(void **unused)
{
    (void)unused;
    cli_subject_write_html(&report, &document);
    static const char *const never[] = {"src=", "href=", "url(", "@import", "http:", "https:", "javascript:"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        assert_false(holds(never[i]));
    assert_true(holds("default-src 'none'"));
    assert_true(holds("@media print"));
}

static void the_page_names_status_receiver_fields_and_proof(void **unused)
{
    (void)unused;
    cli_subject_write_html(&report, &document);
    static const char *const told[] = {"198229141", "已修复",         "异议处理中", "信用中国（广西柳州）网站",
                                       "（脱敏）",  "xq.out.website", "信用修复",   "website-3-3.json",
                                       "2024-10-04"};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (!holds(told[i]))
            fail_msg("not on the page: %s", told[i]);
}

static void no_document_holds_what_is_secret_or_carries_the_event(void **unused)
{
    (void)unused;
    cli_subject_write_html(&report, &document);
    cli_subject_write_json(&report, &document);
    assert_false(document.failed);
    assert_false(holds("a secret key"));
    assert_false(holds("a secret informant"));
    assert_false(holds("\"record_key\""));
    assert_false(holds("\"sequence\""));
}

static json_t *parsed(void)
{
    json_error_t error;
    cli_subject_write_json(&report, &document);
    assert_false(document.failed);
    json_t *root = json_loadb((const char *)document.data, document.length, 0, &error);
    if (root == NULL)
        fail_msg("%s", error.text);
    return root;
}

static void the_json_is_good_and_tells_each_disclosure(void **unused)
{
    (void)unused;
    json_t *root = parsed();
    json_t *told = json_array_get(json_object_get(root, "records"), 0);
    json_t *first = json_array_get(json_object_get(told, "disclosures"), 0);
    json_t *second = json_array_get(json_object_get(told, "disclosures"), 1);
    assert_string_equal(json_string_value(json_object_get(root, "officer")), HOSTILE);
    assert_int_equal(json_array_size(json_object_get(told, "statuses")), 2);
    assert_string_equal(json_string_value(json_object_get(told, "publicity_until")), "2024-10-04");
    assert_true(json_is_null(json_object_get(told, "retention_until")));
    assert_string_equal(json_string_value(json_object_get(first, "reason")), "REPAIRED");
    assert_int_equal(json_array_size(json_object_get(first, "fields")), 0); /* a withdrawal carries none */
    assert_null(json_object_get(json_object_get(first, "proof"), "file"));
    assert_int_equal(json_array_size(json_object_get(second, "fields")), 2);
    assert_string_equal(json_string_value(json_object_get(json_object_get(second, "proof"), "file")),
                        "website-3-3.json");
    assert_string_equal(json_string_value(json_object_get(json_object_get(second, "proof"), "command")),
                        "xinqiao prove xq.out.website 3 3");
    json_decref(root);
}

static void what_is_kept_no_more_is_said_to_be_gone(void **unused)
{
    (void)unused;
    record.version = NULL;
    record.datum = (struct bus_bytes){NULL, 0};
    trail.cut = true;
    cli_subject_write_html(&report, &document);
    assert_true(holds("内容已不再保存"));
    assert_true(holds("更早的提供情况已超过审计保存期"));
    bus_buffer_reset(&document);
    json_t *root = parsed(), *told = json_array_get(json_object_get(root, "records"), 0);
    assert_true(json_is_false(json_object_get(told, "content_is_kept")));
    assert_true(json_is_true(json_object_get(told, "older_disclosures_are_gone")));
    json_decref(root);
}

static void an_item_and_a_subscriber_that_are_gone_have_their_bare_names(void **unused)
{
    (void)unused;
    struct cli_trail_grant old = grant;
    const char *zh, *en;
    struct bus_bytes words, other;
    old.item = "no.such.item";
    cli_subject_subscriber_words(&report, "nobody", &zh, &en);
    assert_string_equal(zh, "nobody");
    cli_subject_field_words(&report, &old, "fine_amount", &words, &other);
    assert_true(bus_bytes_equal_text(words, "fine_amount"));
    record.item = NULL;
    cli_subject_write_html(&report, &document);
    assert_true(holds("目录已无此项"));
}

static void a_case_is_open_until_it_is_answered_and_corrected(void **unused)
{
    (void)unused;
    struct cli_subject_record matter = {.entry = {.marks = BUS_RIGHTS_OPENED}};
    memset(matter.target, 5, sizeof matter.target);
    memset(record.identity, 5, sizeof record.identity);
    assert_true(cli_subject_is_open(&report, &matter));
    matter.entry.marks = BUS_RIGHTS_UPHELD;
    assert_false(cli_subject_is_open(&report, &matter));
    record.entry.marks = 1 << BUS_MARK_CORRECTING;
    assert_true(cli_subject_is_open(&report, &matter));
    matter.entry.marks = BUS_RIGHTS_REJECTED;
    assert_false(cli_subject_is_open(&report, &matter));
}

static void a_field_that_names_somebody_is_hidden_at_the_terminal(void **unused)
{
    (void)unused;
    struct bus_buffer text;
    struct cli_subject_field field;
    size_t hidden = 0;
    bus_buffer_init(&text, LIMIT);
    for (size_t index = 0; cli_subject_next_field(&report, &record, &index, &text, &field);) {
        if (strcmp(field.field->name, "credit_code") == 0 || strcmp(field.field->name, "subject_name") == 0) {
            assert_true(field.hides);
            hidden++;
        }
        if (strcmp(field.field->name, "document_number") == 0)
            assert_false(field.hides);
    }
    assert_int_equal(hidden, 2);
    bus_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_page_escapes_whatever_data_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_page_loads_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_page_names_status_receiver_fields_and_proof, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_document_holds_what_is_secret_or_carries_the_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_json_is_good_and_tells_each_disclosure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_kept_no_more_is_said_to_be_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_item_and_a_subscriber_that_are_gone_have_their_bare_names, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_case_is_open_until_it_is_answered_and_corrected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_field_that_names_somebody_is_hidden_at_the_terminal, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
