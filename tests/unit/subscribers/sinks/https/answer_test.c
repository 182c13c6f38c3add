#include "subscribers/sinks/https/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/sealed_log.h"

enum { COUNT = 5, FIRST = 7, TEXT = 4096 };
#define LOG "xq.out.court/2"

static struct subscribers_delivery deliveries[COUNT];
static struct bus_seal seal = {.log = LOG, .size = FIRST + COUNT};
static struct subscribers_piece piece = {.seal = &seal, .first_leaf = FIRST, .count = COUNT};
static struct subscribers_batch batch;
static struct bus_error error;

static int set_up(void **state)
{
    (void)state;
    memset(deliveries, 0, sizeof deliveries);
    for (uint64_t i = 0; i < COUNT; i++)
        deliveries[i].leaf = FIRST + i;
    batch = (struct subscribers_batch){.deliveries = deliveries, .count = COUNT, .pieces = &piece, .settled = 99};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        free(deliveries[i].words);
    return 0;
}

static enum bus_status read_text(const char *text)
{
    return https_answer_read("receiver:1", bus_bytes_text(text), &batch, &error);
}

/* A letter a delivery: a applied, r refused, l later, - no result. */
static const char *results(const char *outcomes)
{
    static char text[TEXT];
    size_t length = (size_t)snprintf(text, sizeof text, "{\"results\":[");
    for (int i = 0; outcomes[i] != '\0'; i++) {
        const char *outcome = outcomes[i] == 'a' ? "applied" : outcomes[i] == 'r' ? "refused" : "later";
        if (outcomes[i] != '-')
            length +=
                (size_t)snprintf(text + length, sizeof text - length, "%s{\"id\":\"" LOG "/%d\",\"outcome\":\"%s\"}",
                                 text[length - 1] == '[' ? "" : ",", FIRST + i, outcome);
    }
    snprintf(text + length, sizeof text - length, "]}");
    return text;
}

static void assert_disbelieved(const char *text, const char *code)
{
    set_up(NULL);
    assert_int_equal(read_text(text), BUS_RETRY);
    assert_string_equal(error.code, code);
    assert_true(strstr(error.message, "receiver:1") != NULL && strstr(error.message_zh, "receiver:1") != NULL);
    assert_int_equal(batch.settled, 0);
    assert_true(batch.is_away);
    for (size_t i = 0; i < COUNT; i++)
        assert_false(subscribers_delivery_is_refused(&deliveries[i]));
}

static void an_answer_for_each_settles_all(void **state)
{
    (void)state;
    assert_int_equal(read_text(results("aaaaa")), BUS_OK);
    assert_int_equal(batch.settled, COUNT);
    assert_int_equal(read_text("{\"x\":1,\"results\":[{\"outcome\":\"applied\",\"id\":\"" LOG "/11\"},"
                               "{\"id\":\"" LOG "/8\",\"outcome\":\"applied\",\"code\":null},"
                               "{\"id\":\"" LOG "/7\",\"outcome\":\"applied\"},{\"id\":\"" LOG
                               "/10\",\"outcome\":\"applied\"},"
                               "{\"id\":\"" LOG "/9\",\"outcome\":\"applied\"}]}"),
                     BUS_OK);
    assert_int_equal(batch.settled, COUNT);
}

static void a_refusal_keeps_the_receivers_code_and_words(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"results\":[{\"id\":\"" LOG "/7\",\"outcome\":\"applied\"},"
                               "{\"id\":\"" LOG
                               "/8\",\"outcome\":\"refused\",\"code\":\"NO_PLACE\",\"reason\":\"没有\\u0007\\n档案\"},"
                               "{\"id\":\"" LOG "/9\",\"outcome\":\"refused\",\"code\":\"no place\"},"
                               "{\"id\":\"" LOG "/10\",\"outcome\":\"refused\",\"code\":7,\"reason\":8},"
                               "{\"id\":\"" LOG "/11\",\"outcome\":\"applied\"}]}"),
                     BUS_OK);
    assert_int_equal(batch.settled, COUNT);
    assert_string_equal(deliveries[1].refusal, "NO_PLACE");
    assert_string_equal(deliveries[1].words, "没有  档案");
    assert_string_equal(deliveries[2].refusal, "REFUSED");
    assert_string_equal(deliveries[3].refusal, "REFUSED");
    assert_false(subscribers_delivery_is_refused(&deliveries[0]) || subscribers_delivery_is_refused(&deliveries[4]));
}

static void long_words_are_cut_at_a_character(void **state)
{
    (void)state;
    char text[TEXT], words[3 * 400 + 1];
    for (size_t i = 0; i < 400; i++)
        memcpy(words + 3 * i, "长", 3);
    words[sizeof words - 1] = '\0';
    batch.count = 1;
    snprintf(text, sizeof text,
             "{\"results\":[{\"id\":\"" LOG "/7\",\"outcome\":\"refused\",\"code\":\"A\",\"reason\":\"%s\"}]}", words);
    assert_int_equal(read_text(text), BUS_OK);
    size_t length = strlen(deliveries[0].words);
    assert_true(length % 3 == 0 && length < SUBSCRIBERS_REASON_SIZE && length + 3 >= SUBSCRIBERS_REASON_SIZE);
}

static void later_stops_there_and_keeps_what_is_in_front(void **state)
{
    (void)state;
    assert_int_equal(read_text(results("arlll")), BUS_RETRY);
    assert_string_equal(error.code, "ANSWER_LATER");
    assert_int_equal(batch.settled, 2);
    assert_false(batch.is_away);
    assert_string_equal(deliveries[1].refusal, "REFUSED");
    assert_int_equal(read_text(results("l-lll")), BUS_RETRY);
}

static void what_is_refused_already_is_settled_and_needs_no_result(void **state)
{
    (void)state;
    subscribers_delivery_refuse(&deliveries[0], "SKIPPED");
    subscribers_delivery_refuse(&deliveries[4], "DATUM_END");
    assert_int_equal(read_text(results("-aaa-")), BUS_OK);
    assert_int_equal(batch.settled, COUNT);
    assert_string_equal(deliveries[0].refusal, "SKIPPED");
    assert_int_equal(read_text(results("-al l")), BUS_RETRY);
    assert_int_equal(read_text(results("aaaa-")), BUS_RETRY);
    assert_string_equal(error.code, "ANSWER_NOT_SENT");
    for (size_t i = 0; i < COUNT; i++)
        subscribers_delivery_refuse(&deliveries[i], "SKIPPED");
    assert_int_equal(read_text(results("")), BUS_OK);
}

static void an_answer_that_cannot_be_true_settles_nothing(void **state)
{
    (void)state;
    assert_disbelieved("", "ANSWER_NOT_JSON");
    assert_disbelieved("OK", "ANSWER_NOT_JSON");
    assert_disbelieved("{\"results\":[]", "ANSWER_NOT_JSON");
    assert_disbelieved("[]", "ANSWER_RESULTS");
    assert_disbelieved("null", "ANSWER_RESULTS");
    assert_disbelieved("{\"results\":{}}", "ANSWER_RESULTS");
    assert_disbelieved(results(""), "ANSWER_MISSING");
    assert_disbelieved(results("aaaa"), "ANSWER_MISSING");
    assert_disbelieved(results("a-aaa"), "ANSWER_MISSING");
    assert_disbelieved(results("aaaaaa"), "ANSWER_NOT_SENT");
    assert_disbelieved(results("rlarl"), "ANSWER_ORDER");
    assert_disbelieved("{\"results\":[null]}", "ANSWER_NOT_SENT");
    assert_disbelieved("{\"results\":[{\"id\":\"" LOG "/7\",\"outcome\":\"Applied\"}]}", "ANSWER_OUTCOME");
    assert_disbelieved("{\"results\":[{\"id\":\"" LOG "/7\",\"outcome\":\"refused\"},{\"id\":\"" LOG
                       "/7\",\"outcome\":\"refused\"}]}",
                       "ANSWER_TWICE");
}

static void an_id_is_ours_to_the_letter(void **state)
{
    (void)state;
    static const char *const ids[] = {LOG,
                                      LOG "/",
                                      LOG "/6",
                                      LOG "/12",
                                      LOG "/07",
                                      LOG "/+7",
                                      LOG "/7 ",
                                      LOG "/7/7",
                                      LOG "/-1",
                                      "xq.out.court/1/7",
                                      "xq.out.court/22/7",
                                      "7",
                                      "",
                                      LOG "/18446744073709551623", /* 7, with 64 bits */
                                      LOG "/99999999999999999999999999"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char text[TEXT];
        snprintf(text, sizeof text, "{\"results\":[{\"id\":\"%s\",\"outcome\":\"applied\"}]}", ids[i]);
        assert_disbelieved(text, "ANSWER_NOT_SENT");
    }
}

static void a_refusals_code_is_a_word_or_nothing(void **state)
{
    (void)state;
    char code[BUS_ERROR_CODE_SIZE];
    https_answer_code(bus_bytes_text("{\"code\":\"GAP\"}"), code);
    assert_string_equal(code, "GAP");
    static const char *const others[] = {"",
                                         "x",
                                         "{}",
                                         "[]",
                                         "{\"code\":1}",
                                         "{\"code\":\"a b\"}",
                                         "{\"code\":\"\"}",
                                         "{\"code\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        https_answer_code(bus_bytes_text(others[i]), code);
        assert_string_equal(code, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_for_each_settles_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_keeps_the_receivers_code_and_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_words_are_cut_at_a_character, set_up, tear_down),
        cmocka_unit_test_setup_teardown(later_stops_there_and_keeps_what_is_in_front, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused_already_is_settled_and_needs_no_result, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_cannot_be_true_settles_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_id_is_ours_to_the_letter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusals_code_is_a_word_or_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
