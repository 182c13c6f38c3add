#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus/identifier.h"
#include "cli/rights.h"
#include "tests/support/sample.h"

enum { MAX_WORDS = 40, LINE_SIZE = 1024, IDENTITY_TEXT = 2 * BUS_IDENTITY_SIZE + 1 };

#define CASE "异议〔2026〕1号"
#define RECORD "00112233445566778899aabbccddeeff"

static struct bus_catalogue *catalogue;

static int load(void **unused)
{
    (void)unused;
    struct bus_error error;
    return bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK ? 0 : -1;
}

static int unload(void **unused)
{
    (void)unused;
    bus_catalogue_destroy(catalogue);
    return 0;
}

static int32_t day(int year, int month, int of_month)
{
    int32_t days = 0;
    assert_true(bus_date_days(year, month, of_month, &days));
    return days;
}

/* 2026-11-24 10:00 in Beijing. */
static int64_t now_ms(void *unused)
{
    (void)unused;
    return (int64_t)day(2026, 11, 24) * 24 * 3600 * 1000 + (int64_t)2 * 3600 * 1000;
}

/* --- a case's event --- */

static struct cli_rights_content restriction(void)
{
    return (struct cli_rights_content){
        .event =
            {
                .record_key = bus_bytes_text("rights|" CASE),
                .version = 1795500000123,
                .subject_kind = BUS_SUBJECT_ORGANISATION,
                .subject_id = bus_bytes_text(TEST_SAMPLE_USCC),
                .subject_name = bus_bytes_text(TEST_SAMPLE_NAME),
                .source_committed_at_ms = 1795500000123,
                .published_at_ms = 1795500000123,
                .rule_version = bus_bytes_text(""),
                .area_code = bus_bytes_text("450200"),
            },
        .rights =
            {
                .kind = BUS_RIGHTS_RESTRICTION,
                .step = BUS_RIGHTS_IMPOSED,
                .case_number = bus_bytes_text(CASE),
                .target_department = bus_bytes_text("market"),
                .target_item = bus_bytes_text("penalty"),
                .target_record_key = bus_bytes_text("market|1|2"),
                .authority = bus_bytes_text("court"),
                .document_number = bus_bytes_text("文1号"),
                .decided_on = day(2026, 11, 23),
            },
        .reason = bus_bytes_text("法院裁定"),
        .ground = bus_bytes_text("COURT_ORDER"),
        .scope = bus_bytes_text("PUBLIC"),
        .has_until = true,
        .until = day(2027, 11, 23),
    };
}

static void an_event_says_what_was_put_into_it(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    struct cli_rights_content content = restriction(), read;
    uint8_t event_id[BUS_IDENTITY_SIZE];
    const struct bus_item *item = cli_rights_item(catalogue, BUS_RIGHTS_RESTRICTION);
    bus_buffer_init(&buffer, CLI_RIGHTS_RECORD_LIMIT);
    assert_int_equal(cli_rights_encode(item, &content, &buffer, &error), BUS_OK);
    assert_int_equal(cli_rights_read_content(item, bus_buffer_view(&buffer), &read, &error), BUS_OK);
    bus_event_make_id(bus_bytes_text("restriction"), content.event.record_key, content.event.version, event_id);
    assert_memory_equal(read.event.event_id, event_id, sizeof event_id);
    assert_int_equal(read.event.version, content.event.version);
    assert_int_equal(read.event.sequence, 0);
    assert_int_equal(read.event.operation, BUS_OPERATION_PUT);
    assert_true(bus_bytes_equal(read.event.subject_id, content.event.subject_id));
    assert_true(bus_bytes_equal(read.event.area_code, content.event.area_code));
    assert_int_equal(read.rights.step, BUS_RIGHTS_IMPOSED);
    assert_true(read.rights.public_only);
    assert_true(bus_bytes_equal(read.rights.target_record_key, content.rights.target_record_key));
    assert_int_equal(read.rights.decided_on, content.rights.decided_on);
    assert_true(bus_bytes_equal(read.reason, content.reason));
    assert_true(bus_bytes_equal(read.ground, content.ground));
    assert_int_equal(read.until, content.until);
    assert_false(read.has_answer_due);
    bus_buffer_release(&buffer);
}

static void it_happened_when_the_day_of_the_decision_began_in_Beijing(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    struct cli_rights_content content = restriction(), read;
    const struct bus_item *item = cli_rights_item(catalogue, BUS_RIGHTS_RESTRICTION);
    bus_buffer_init(&buffer, CLI_RIGHTS_RECORD_LIMIT);
    assert_int_equal(cli_rights_encode(item, &content, &buffer, &error), BUS_OK);
    assert_int_equal(cli_rights_read_content(item, bus_buffer_view(&buffer), &read, &error), BUS_OK);
    assert_true(read.event.occurred_at_ms == (int64_t)day(2026, 11, 22) * 86400000 + (int64_t)16 * 3600000);
    bus_buffer_release(&buffer);
}

static void a_text_longer_than_the_schema_allows_is_named(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    char document[600];
    struct cli_rights_content content = restriction();
    memset(document, 'a', sizeof document - 1);
    document[sizeof document - 1] = '\0';
    content.rights.document_number = bus_bytes_text(document);
    bus_buffer_init(&buffer, CLI_RIGHTS_RECORD_LIMIT);
    assert_int_equal(cli_rights_encode(cli_rights_item(catalogue, BUS_RIGHTS_RESTRICTION), &content, &buffer, &error),
                     BUS_REJECT);
    assert_string_equal(error.code, "FIELD_TOO_LONG");
    assert_non_null(strstr(error.message, "document_number"));
    bus_buffer_release(&buffer);
}

static void bytes_of_another_item_are_no_case(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    struct cli_rights_content content = restriction(), read;
    bus_buffer_init(&buffer, CLI_RIGHTS_RECORD_LIMIT);
    assert_int_equal(cli_rights_encode(cli_rights_item(catalogue, BUS_RIGHTS_RESTRICTION), &content, &buffer, &error),
                     BUS_OK);
    assert_int_equal(
        cli_rights_read_content(cli_rights_item(catalogue, BUS_RIGHTS_REPAIR), bus_buffer_view(&buffer), &read, &error),
        BUS_REJECT);
    assert_string_equal(error.code, "SCHEMA_UNKNOWN");
    bus_buffer_release(&buffer);
}

static void each_kind_has_cases_of_its_own_under_one_number(void **unused)
{
    (void)unused;
    uint8_t dispute[BUS_IDENTITY_SIZE], repair[BUS_IDENTITY_SIZE], same[BUS_IDENTITY_SIZE];
    cli_rights_case_identity(BUS_RIGHTS_DISPUTE, CASE, dispute);
    cli_rights_case_identity(BUS_RIGHTS_REPAIR, CASE, repair);
    bus_event_identity(bus_bytes_text("dispute"), bus_bytes_text("rights|" CASE), same);
    assert_memory_equal(dispute, same, sizeof same);
    assert_memory_not_equal(dispute, repair, sizeof repair);
}

static void an_answer_is_due_only_while_the_case_is_open(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = {.watch_days = 21000};
    struct cli_rights_content content = {.rights = {.kind = BUS_RIGHTS_DISPUTE, .step = BUS_RIGHTS_OPENED}};
    assert_int_equal(cli_rights_due(&content, &entry), 21000);
    content.has_answer_due = true;
    content.answer_due = 20900;
    assert_int_equal(cli_rights_due(&content, &entry), 20900);
    content.rights.step = BUS_RIGHTS_REJECTED;
    assert_int_equal(cli_rights_due(&content, &entry), INT32_MAX);
}

/* --- xq.state --- */

static bool wants_all(void *unused, const uint8_t identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *entry)
{
    (void)unused;
    (void)identity;
    (void)entry;
    return true;
}

/* What xq.state says of record `record` of subject `subject`; `letter` R or S, `event` behind the entry. */
static void say(struct cli_rights_records *records, char letter, uint8_t subject, uint8_t record,
                const struct bus_state_entry *entry, const char *event)
{
    struct bus_error error;
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE] = {subject}, identity[BUS_IDENTITY_SIZE] = {record};
    uint8_t key[BUS_STATE_RECORD_KEY_SIZE], value[BUS_STATE_RECORD_SIZE + 64];
    bus_state_record_key(subject_key, identity, key);
    key[0] = (uint8_t)letter;
    bus_state_record_write(entry, value);
    memcpy(value + BUS_STATE_RECORD_SIZE, event, strlen(event));
    struct bus_message message = {.topic = "xq.state",
                                  .partition = 3,
                                  .key = bus_bytes_of(key, sizeof key),
                                  .value = bus_bytes_of(value, BUS_STATE_RECORD_SIZE + strlen(event))};
    assert_int_equal(cli_rights_take(records, &message, wants_all, NULL, true, &error), BUS_OK);
}

static const struct cli_rights_record *find(const struct cli_rights_records *records, uint8_t record)
{
    uint8_t identity[BUS_IDENTITY_SIZE] = {record};
    return cli_rights_find(records, identity);
}

static void open_records(struct cli_rights_records *records)
{
    struct bus_error error;
    assert_int_equal(cli_rights_open_records(records, &error), BUS_OK);
}

static void the_last_entry_of_a_record_counts(void **unused)
{
    (void)unused;
    struct cli_rights_records records;
    struct bus_state_entry entry = {.version = 1, .holders = 1};
    open_records(&records);
    for (uint8_t i = 9; i > 0; i--)
        say(&records, 'R', i, i, &entry, "first");
    entry = (struct bus_state_entry){.version = 2, .holders = 6};
    say(&records, 'R', 5, 5, &entry, "second");
    cli_rights_fold(&records);
    assert_int_equal(records.count, 9);
    assert_int_equal(find(&records, 5)->entry.version, 2);
    assert_true(bus_bytes_equal_text(find(&records, 5)->event, "second"));
    assert_int_equal(find(&records, 5)->partition, 3);
    assert_true(bus_bytes_equal_text(find(&records, 4)->event, "first"));
    assert_null(find(&records, 10));
    cli_rights_release(&records);
}

static void a_change_of_status_leaves_the_event(void **unused)
{
    (void)unused;
    struct cli_rights_records records;
    struct bus_state_entry entry = {.version = 1};
    open_records(&records);
    say(&records, 'R', 1, 1, &entry, "event");
    entry.disputes = 1;
    say(&records, 'S', 1, 1, &entry, "");
    cli_rights_fold(&records);
    assert_int_equal(records.count, 1);
    assert_int_equal(find(&records, 1)->entry.disputes, 1);
    assert_true(bus_bytes_equal_text(find(&records, 1)->event, "event"));
    cli_rights_release(&records);
}

static void an_event_that_is_kept_no_longer_is_gone(void **unused)
{
    (void)unused;
    struct cli_rights_records records;
    struct bus_state_entry entry = {.version = 1};
    open_records(&records);
    say(&records, 'R', 1, 1, &entry, "event");
    say(&records, 'R', 1, 1, &entry, "");
    cli_rights_fold(&records);
    assert_int_equal(find(&records, 1)->event.length, 0);
    cli_rights_release(&records);
}

static void of_a_record_sent_about_two_subjects_the_live_one_is_found(void **unused)
{
    (void)unused;
    struct cli_rights_records records;
    struct bus_state_entry live = {.version = 1, .changed_ms = 1};
    struct bus_state_entry withdrawn = {.version = 2, .changed_ms = 2, .status = BUS_RECORD_WITHDRAWN};
    uint8_t subject[BUS_SUBJECT_KEY_SIZE] = {8}, identity[BUS_IDENTITY_SIZE] = {1};
    open_records(&records);
    say(&records, 'R', 7, 1, &live, "live");
    say(&records, 'R', 8, 1, &withdrawn, "withdrawn");
    cli_rights_fold(&records);
    assert_int_equal(records.count, 2);
    assert_int_equal(find(&records, 1)->subject_key[0], 7);
    assert_int_equal(cli_rights_find_of(&records, identity, subject)->entry.version, 2);
    subject[0] = 9;
    assert_null(cli_rights_find_of(&records, identity, subject));
    cli_rights_release(&records);
}

/* --- what is refused before Kafka is asked --- */

/* Runs `xinqiao rights <line>`, words split at blanks, against a broker that is not there. */
static int run(const char *line)
{
    char text[LINE_SIZE], *words[MAX_WORDS], *save = NULL;
    struct cli_context context = {
        .kafka = {.bootstrap = "127.0.0.1:1", .client_id = "test"},
        .prefix = "xq.",
        .catalogue_path = XINQIAO_SOURCE "/schemas/catalogue.cfg",
        .loaded = catalogue,
        .clock = {.now_ms = now_ms},
    };
    int count = 0;
    snprintf(text, sizeof text, "rights %s", line);
    for (char *word = strtok_r(text, " ", &save); word != NULL && count < MAX_WORDS; word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    return cli_rights(&context, count, words);
}

#define STEP " --document 文1 --officer 王 --reason 有误 "
#define GOOD " --case 1" STEP

static void wrong_use_is_said_at_once(void **unused)
{
    (void)unused;
    static const char *const lines[] = {
        "",
        "opne dispute " RECORD GOOD,
        "open",
        "open dispte " RECORD GOOD,
        "open dispute 123" GOOD,
        "open dispute " RECORD " " RECORD GOOD,
        "open dispute" GOOD,
        "open dispute --department market --item penalty" GOOD,
        "open dispute --department market --item penlty --key x" GOOD,
        "open dispute --department markt --item penalty --key x" GOOD,
        "open dispute " RECORD " --document 1 --officer 王 --reason x",
        "open dispute " RECORD " --case 1 --officer 王 --reason x",
        "open dispute " RECORD " --case 1 --document 1 --reason x",
        "open dispute " RECORD " --case 1 --document 1 --officer 王",
        "open dispute " RECORD GOOD "--authority nobody",
        "resolve 1" STEP,
        "resolve --step REJECTED" STEP,
        "resolve 1 --step OPENED" STEP,
        "resolve 1 --step REJECTED --kind dispte" STEP,
        "resolve 1 --step REJECTED --document 1 --officer 王",
        "list more",
        "list --kind dispte",
        "list --department markt",
        "show",
        "show 1 --kind dispte",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(run(lines[i]), CLI_WRONG_USE);
}

static void a_day_that_is_none_or_lies_ahead_is_refused(void **unused)
{
    (void)unused;
    static const char *const lines[] = {
        "--decided-on 2026-02-30", "--decided-on 24.11.2026", "--decided-on 1899-12-31",
        "--decided-on 2026-11-25", "--answer-due 2026-13-01", "--answer-due 2026-11-23",
    };
    char line[LINE_SIZE];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        snprintf(line, sizeof line, "open dispute " RECORD GOOD "%s", lines[i]);
        assert_int_equal(run(line), CLI_WRONG_USE);
    }
    assert_int_equal(run("resolve 1 --step REJECTED" STEP "--decided-on 2026-11-25"), CLI_WRONG_USE);
}

static void ground_and_scope_belong_to_a_restriction_which_needs_them(void **unused)
{
    (void)unused;
    assert_int_equal(run("open restriction " RECORD GOOD), CLI_WRONG_USE);
    assert_int_equal(run("open restriction " RECORD GOOD "--ground MINOR"), CLI_WRONG_USE);
    assert_int_equal(run("open restriction " RECORD GOOD "--ground MINR --scope ALL"), CLI_WRONG_USE);
    assert_int_equal(run("open restriction " RECORD GOOD "--ground MINOR --scope PUBLC"), CLI_WRONG_USE);
    assert_int_equal(run("open restriction " RECORD GOOD "--ground MINOR --scope ALL --until 2026-11-23"),
                     CLI_WRONG_USE);
    assert_int_equal(run("open restriction " RECORD GOOD "--ground MINOR --scope ALL --answer-due 2026-12-01"),
                     CLI_WRONG_USE);
    assert_int_equal(run("open dispute " RECORD GOOD "--scope PUBLIC"), CLI_WRONG_USE);
}

/* Then the broker is asked, which is not there. */
static void what_is_well_said_goes_on_to_the_exchange(void **unused)
{
    (void)unused;
    assert_int_equal(run("open restriction " RECORD GOOD "--ground MINOR --scope ALL --until 2030-01-01"),
                     CLI_CANNOT_REACH);
    assert_int_equal(run("resolve 1 --step rejected" STEP "--decided-on 2026-11-24"), CLI_CANNOT_REACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_says_what_was_put_into_it),
        cmocka_unit_test(it_happened_when_the_day_of_the_decision_began_in_Beijing),
        cmocka_unit_test(a_text_longer_than_the_schema_allows_is_named),
        cmocka_unit_test(bytes_of_another_item_are_no_case),
        cmocka_unit_test(each_kind_has_cases_of_its_own_under_one_number),
        cmocka_unit_test(an_answer_is_due_only_while_the_case_is_open),
        cmocka_unit_test(the_last_entry_of_a_record_counts),
        cmocka_unit_test(a_change_of_status_leaves_the_event),
        cmocka_unit_test(an_event_that_is_kept_no_longer_is_gone),
        cmocka_unit_test(of_a_record_sent_about_two_subjects_the_live_one_is_found),
        cmocka_unit_test(wrong_use_is_said_at_once),
        cmocka_unit_test(a_day_that_is_none_or_lies_ahead_is_refused),
        cmocka_unit_test(ground_and_scope_belong_to_a_restriction_which_needs_them),
        cmocka_unit_test(what_is_well_said_goes_on_to_the_exchange),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
