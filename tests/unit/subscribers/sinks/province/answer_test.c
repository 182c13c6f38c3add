#include "subscribers/sinks/province/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#define KEY_1 "01000000000000000000000000000000"
#define KEY_2 "02000000000000000000000000000000"
#define KEY_3 "03000000000000000000000000000000"
#define DIGEST "00000000000000000000000000000000000000000000000000000000000000ff"

static const uint8_t records[2][BUS_IDENTITY_SIZE] = {{1}, {2}};
static struct province_row rows[2];
static const struct province_row *const row_list[2] = {&rows[0], &rows[1]};
static struct province_ack acks[2];
static struct bus_error error;

static int set_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        rows[i] = (struct province_row){.operation = PROVINCE_ADD, .record = records[i]};
    return 0;
}

static enum bus_status read_acks(const char *body)
{
    return province_answer_acks(bus_bytes_text(body), row_list, 2, acks, &error);
}

#define ACK(key, id, state) "{\"rowKey\":\"" key "\",\"govId\":" id ",\"state\":\"" state "\"}"

static void assert_not_agreed(const char *body, const char *what)
{
    assert_int_equal(read_acks(body), BUS_REJECT);
    assert_string_equal(error.code, "PROVINCE_ANSWER");
    if (strstr(error.message, what) == NULL)
        fail_msg("%s: %s", body, error.message);
    assert_true(error.message_zh[0] != '\0');
}

static void acknowledgements_come_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(read_acks("{\"acks\":[" ACK(KEY_2, "\"G2\"", "reported") "," ACK(KEY_1, "null", "pending") "]}"),
                     BUS_OK);
    assert_int_equal(acks[0].state, PROVINCE_PENDING);
    assert_string_equal(acks[0].gov_id, "");
    assert_int_equal(acks[1].state, PROVINCE_REPORTED);
    assert_string_equal(acks[1].gov_id, "G2");
}

static void every_row_is_acknowledged_once_and_no_other(void **state)
{
    (void)state;
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "\"G1\"", "reported") "]}", "every row");
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "\"G1\"", "reported") "," ACK(KEY_1, "\"G1\"", "reported") "]}",
                      "twice");
    assert_not_agreed("{\"acks\":[" ACK(KEY_3, "\"G1\"", "reported") "]}", "not sent");
}

static void states_fit_what_was_asked(void **state)
{
    (void)state;
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "\"G1\"", "withdrawn") "]}", "state");
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "\"G1\"", "lost") "]}", "state");
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "null", "reported") "]}", "no govId");
    rows[0].operation = PROVINCE_TAKE_BACK;
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "\"G1\"", "reported") "]}", "state");
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "null", "pending") "]}", "state");
}

static void a_gov_id_stays_the_rows(void **state)
{
    (void)state;
    snprintf(rows[0].gov_id, sizeof rows[0].gov_id, "G1");
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "\"G9\"", "reported") "]}", "has changed");
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "\"G 1\"", "reported") "]}", "no good");
    assert_not_agreed("{\"acks\":[" ACK(KEY_1, "7", "reported") "]}", "no good");
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    assert_not_agreed("", "no JSON");
    assert_not_agreed("<html></html>", "no JSON");
    assert_not_agreed("[]", "no JSON object");
    assert_not_agreed("{\"acks\":{}}", "no acks");
    assert_not_agreed("{\"acks\":[1]}", "no good");
}

static size_t bad_row(const char *body)
{
    struct province_refusal refusal;
    assert_int_equal(province_answer_refusal(bus_bytes_text(body), row_list, 2, &refusal, &error), BUS_OK);
    return refusal.row;
}

static void a_bad_row_is_named_by_number_and_key(void **state)
{
    (void)state;
    assert_int_equal(bad_row("{\"row\":1,\"rowKey\":\"" KEY_2 "\",\"code\":\"A\",\"message\":\"b\"}"), 1);
    assert_int_equal(bad_row("{\"row\":0,\"rowKey\":\"" KEY_2 "\"}"), 2);
    assert_int_equal(bad_row("{\"row\":2,\"rowKey\":\"" KEY_2 "\"}"), 2);
    assert_int_equal(bad_row("{\"row\":-1,\"rowKey\":\"" KEY_2 "\"}"), 2);
    assert_int_equal(bad_row("{\"row\":\"1\",\"rowKey\":\"" KEY_2 "\"}"), 2);
    assert_int_equal(bad_row("{}"), 2);
}

/* A single row would be refused for good by the answer to another request. */
static void a_refusal_of_a_row_that_was_not_sent_is_no_answer(void **state)
{
    (void)state;
    struct province_refusal refusal;
    static const char other[] = "{\"row\":0,\"rowKey\":\"" KEY_3 "\",\"code\":\"A\"}";
    static const char none[] = "{\"row\":0,\"rowKey\":7}";
    assert_int_equal(province_answer_refusal(bus_bytes_text(other), row_list, 2, &refusal, &error), BUS_REJECT);
    assert_string_equal(error.code, "PROVINCE_ANSWER");
    assert_int_equal(province_answer_refusal(bus_bytes_text(none), row_list, 2, &refusal, &error), BUS_REJECT);
}

/* They go into receipts, logs and web pages. */
static void the_provinces_words_are_kept_clean_and_whole(void **state)
{
    (void)state;
    struct province_refusal refusal;
    char body[4096] = "{\"code\":\"CF_NR\\n\",\"message\":\"";
    for (int i = 0; i < 300; i++)
        strcat(body, "错");
    strcat(body, "\"}");
    assert_int_equal(province_answer_refusal(bus_bytes_text(body), row_list, 2, &refusal, &error), BUS_OK);
    assert_string_equal(refusal.code, "CF_NR ");
    assert_true(strlen(refusal.words) < PROVINCE_WORDS_SIZE);
    assert_int_equal((strlen(refusal.words) - strlen("CF_NR  ")) % 3, 0); /* whole characters */
}

static size_t seen;
static struct province_held last;

static bool see(void *self, const struct province_held *held)
{
    (void)self;
    seen++;
    last = *held;
    return true;
}

static void rows_that_are_held_are_read_in_order(void **state)
{
    (void)state;
    bool more;
    seen = 0;
    static const char body[] =
        "{\"more\":true,\"rows\":[{\"rowKey\":\"" KEY_1 "\",\"govId\":null,\"state\":\"pending\",\"digest\":\"" DIGEST
        "\"},{\"rowKey\":\"" KEY_2 "\",\"govId\":\"G2\",\"state\":\"withdrawn\",\"digest\":\"" DIGEST "\"}]}";
    assert_int_equal(province_answer_rows(bus_bytes_text(body), see, NULL, &more, &error), BUS_OK);
    assert_int_equal(seen, 2);
    assert_true(more);
    assert_int_equal(last.state, PROVINCE_WITHDRAWN);
    assert_string_equal(last.gov_id, "G2");
    assert_int_equal(last.digest[31], 0xff);
}

static void a_row_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    bool more;
    static const char *const bodies[] = {
        "{\"rows\":[{\"rowKey\":\"" KEY_1 "\",\"govId\":null,\"state\":\"reported\",\"digest\":\"" DIGEST "\"}]}",
        "{\"rows\":[{\"rowKey\":\"" KEY_1 "\",\"govId\":\"G1\",\"state\":\"pending\",\"digest\":\"" DIGEST "\"}]}",
        "{\"rows\":[{\"rowKey\":\"" KEY_1 "\",\"govId\":\"G1\",\"state\":\"reported\"}]}",
        "{\"rows\":[{\"rowKey\":\"0\",\"govId\":\"G1\",\"state\":\"reported\",\"digest\":\"" DIGEST "\"}]}",
        "{\"rows\":7}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_int_equal(province_answer_rows(bus_bytes_text(bodies[i]), see, NULL, &more, &error), BUS_REJECT);
}

#define PROMISE(name) cmocka_unit_test_setup(name, set_rows)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(acknowledgements_come_in_any_order),
        PROMISE(every_row_is_acknowledged_once_and_no_other),
        PROMISE(states_fit_what_was_asked),
        PROMISE(a_gov_id_stays_the_rows),
        PROMISE(what_is_no_answer_is_refused),
        PROMISE(a_bad_row_is_named_by_number_and_key),
        PROMISE(a_refusal_of_a_row_that_was_not_sent_is_no_answer),
        PROMISE(the_provinces_words_are_kept_clean_and_whole),
        PROMISE(rows_that_are_held_are_read_in_order),
        PROMISE(a_row_that_contradicts_itself_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
