#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/bytes.h"
#include "cli/receipts.h"

static const struct bus_subscriber court = {.name = "court"}, bank = {.name = "bank"};

static struct cli_signed_log logs[] = {
    {.subscriber = &court, .partition = 0, .log_size = 20, .is_signed = true, .size = 10},
    {.subscriber = &court, .partition = 1, .log_size = 20},
    {.subscriber = &bank, .partition = 0, .log_size = 20},
};

/* Of the delivery at offset 7 of the court's partition 0. */
static struct cli_quarantined refusals[1];

static struct cli_arrivals arrivals = {
    .prefix = "xq.", .logs = {logs, 3, 2}, .refusals = {.entries = refusals, .count = 1}};

static int prepare(void **unused)
{
    (void)unused;
    refusals[0].record = (struct bus_quarantined){
        .topic = bus_bytes_text("xq.out.court"), .partition = 0, .offset = 7, .code = bus_bytes_text("TOO_LONG")};
    return 0;
}

static void a_delivery_below_the_signed_size_is_applied(void **unused)
{
    (void)unused;
    assert_int_equal(cli_arrival_of(&arrivals, &court, 0, 9, 9, NULL), CLI_ARRIVAL_APPLIED);
    assert_int_equal(cli_arrival_of(&arrivals, &court, 0, 10, 10, NULL), CLI_ARRIVAL_UNDER_WAY);
    assert_int_equal(cli_arrival_of(&arrivals, &court, 0, -1, 10, NULL), CLI_ARRIVAL_UNDER_WAY);
}

static void a_refused_delivery_is_not_applied_although_signed_for(void **unused)
{
    (void)unused;
    const struct bus_quarantined *refusal;
    assert_int_equal(cli_arrival_of(&arrivals, &court, 0, 5, 7, &refusal), CLI_ARRIVAL_REFUSED);
    assert_ptr_equal(refusal, &refusals[0].record);
    assert_int_equal(cli_arrival_of(&arrivals, &court, 0, 6, 8, &refusal), CLI_ARRIVAL_APPLIED);
    assert_null(refusal);
}

static void a_refusal_is_of_one_log_alone(void **unused)
{
    (void)unused;
    assert_int_equal(cli_arrival_of(&arrivals, &bank, 0, 5, 7, NULL), CLI_ARRIVAL_UNSIGNED);
    assert_int_equal(cli_arrival_of(&arrivals, &court, 1, 5, 7, NULL), CLI_ARRIVAL_UNSIGNED);
}

static void a_receiver_has_signed_when_any_log_is_signed(void **unused)
{
    (void)unused;
    assert_true(cli_signed_logs_has_signed(&arrivals.logs, &court));
    assert_false(cli_signed_logs_has_signed(&arrivals.logs, &bank));
    assert_ptr_equal(cli_signed_logs_find(&arrivals.logs, &court, 1), &logs[1]);
    assert_null(cli_signed_logs_find(&arrivals.logs, &bank, 1));
}

static void a_verdict_is_bad_when_somebody_lied_and_not_when_something_is_missing(void **unused)
{
    (void)unused;
    for (int verdict = 0; verdict < CLI_RECEIPT_VERDICTS; verdict++) {
        bool bad = verdict == CLI_RECEIPT_KEY || verdict == CLI_RECEIPT_SIGNATURE || verdict == CLI_RECEIPT_ROOT ||
                   verdict == CLI_RECEIPT_SEAL;
        const struct cli_word *word = cli_receipt_verdict_word((enum cli_receipt_verdict)verdict);
        assert_int_equal(cli_receipt_is_bad((enum cli_receipt_verdict)verdict), bad);
        assert_int_equal(strncmp(word->zh, "✗", strlen("✗")) == 0, bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delivery_below_the_signed_size_is_applied),
        cmocka_unit_test(a_refused_delivery_is_not_applied_although_signed_for),
        cmocka_unit_test(a_refusal_is_of_one_log_alone),
        cmocka_unit_test(a_receiver_has_signed_when_any_log_is_signed),
        cmocka_unit_test(a_verdict_is_bad_when_somebody_lied_and_not_when_something_is_missing),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
