/* What receivers sign: genuine receipts become the state's word about what is applied, others change nothing and are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "bus/calendar.h"
#include "bus/state_receipt.h"
#include "gateway/receipts.h"
#include "gateway/refusals.h"
#include "tests/support/folder.h"

enum { MIB = 1024 * 1024, PARTITION = 1, LEAVES = 100, PATH_SIZE = 512 };

#define TOPIC "xq.receipts"
#define LOG "xq.out.court/1"
#define NOW_MS INT64_C(1795500000000)

static char folder[TEST_FOLDER_SIZE];
static struct bus_catalogue *catalogue;
static struct gateway_state *state, *list[PARTITION + 1];
static struct gateway_states states = {.of = list, .count = PARTITION + 1};
static struct gateway_batch *batch;
static struct gateway_receipts *receipts;
static struct bus_key *court, *stranger;
static int64_t now_ms, next_offset;
/* The batch borrows what it takes. */
static struct bus_buffer taken[64];
static size_t taken_count;

static int64_t read_clock(void *self)
{
    (void)self;
    return now_ms;
}

static struct bus_clock test_clock = {read_clock, NULL};

static void open_receipts(const char *keys)
{
    struct gateway_receipts_options options = {
        .catalogue = catalogue, .prefix = "xq.", .keys = keys, .states = &states, .clock = &test_clock};
    gateway_receipts_destroy(receipts);
    receipts = gateway_receipts_create(&options);
    assert_non_null(receipts);
}

static void pin(const struct bus_key *key)
{
    char path[PATH_SIZE];
    struct bus_error error;
    snprintf(path, sizeof path, "%s/court", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/court/%s.pem", folder, bus_key_id_view(key));
    assert_int_equal(bus_key_save_public(key, path, &error), BUS_OK);
}

static void grow_log(void)
{
    struct bus_error error;
    struct bus_merkle *log = NULL;
    struct bus_arena *arena = bus_arena_create(MIB);
    static bus_digest_bytes leaves[LEAVES];
    assert_int_equal(gateway_state_log(state, LOG, &log, &error), BUS_OK);
    assert_int_equal(bus_merkle_append(log, BUS_HASH_SM3, leaves, LEAVES, arena, &error), BUS_OK);
    bus_arena_destroy(arena);
}

static int set_up(void **unused)
{
    (void)unused;
    struct bus_error error;
    now_ms = NOW_MS;
    next_offset = 7;
    test_folder_make(folder);
    assert_int_equal(bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error), BUS_OK);
    struct gateway_state_options options = {
        .folder = folder, .partition = PARTITION, .map_bytes = 64 * MIB, .overlay_bytes = 16 * MIB};
    assert_int_equal(gateway_state_open(&options, &state, &error), BUS_OK);
    list[PARTITION] = state;
    struct gateway_batch_options batch_options = {
        .catalogue = catalogue, .prefix = "xq.", .partitions = PARTITION + 1, .max_records = 10, .max_bytes = MIB};
    batch = gateway_batch_create(&batch_options);
    assert_int_equal(bus_key_generate(BUS_SUITE_SM2_SM3, &court, &error), BUS_OK);
    assert_int_equal(bus_key_generate(BUS_SUITE_SM2_SM3, &stranger, &error), BUS_OK);
    pin(court);
    grow_log();
    open_receipts(folder);
    return batch != NULL ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_receipts_destroy(receipts);
    receipts = NULL;
    gateway_batch_destroy(batch);
    for (size_t i = 0; i < taken_count; i++)
        bus_buffer_release(&taken[i]);
    taken_count = 0;
    bus_key_destroy(court);
    bus_key_destroy(stranger);
    gateway_state_close(state, false);
    bus_catalogue_destroy(catalogue);
    test_folder_remove(folder);
    return 0;
}

static struct bus_receipt applied(uint64_t size, int64_t at_ms)
{
    return (struct bus_receipt){.kind = BUS_RECEIPT_APPLIED,
                                .exchange = bus_bytes_text(bus_catalogue_exchange_view(catalogue)),
                                .subscriber = bus_bytes_text("court"),
                                .log = bus_bytes_text(LOG),
                                .size = size,
                                .offset = 123,
                                .at_ms = at_ms};
}

static struct bus_receipt refused(uint64_t leaf, int64_t at_ms)
{
    struct bus_receipt receipt = applied(0, at_ms);
    receipt.kind = BUS_RECEIPT_REFUSED;
    receipt.leaf = leaf;
    receipt.department = bus_bytes_text("tax");
    receipt.item = bus_bytes_text("arrears");
    receipt.code = bus_bytes_text("TOO_LONG");
    receipt.words = bus_bytes_text("内容过长");
    memset(receipt.record, 0xcd, sizeof receipt.record);
    return receipt;
}

static void take_value(struct bus_bytes value)
{
    struct bus_error error;
    struct gateway_input input = {.topic = TOPIC,
                                  .partition = PARTITION,
                                  .offset = next_offset++,
                                  .key = bus_bytes_text("court"),
                                  .value = value};
    assert_int_equal(gateway_receipts_take(receipts, batch, &input, &error), BUS_OK);
    assert_int_equal(gateway_batch_source(batch, 0)->next, next_offset);
    assert_int_equal(gateway_batch_count(batch), 0);
}

static struct bus_buffer *sign(const struct bus_receipt *receipt, const struct bus_key *key)
{
    struct bus_error error;
    struct bus_buffer *buffer = &taken[taken_count++];
    bus_buffer_init(buffer, BUS_RECEIPT_MAX_SIZE);
    assert_int_equal(bus_receipt_encode(receipt, key, buffer, &error), BUS_OK);
    return buffer;
}

static void take_by(struct bus_receipt receipt, const struct bus_key *key)
{
    take_value(bus_buffer_view(sign(&receipt, key)));
}

static void take(struct bus_receipt receipt)
{
    take_by(receipt, court);
}

/* What the state says of the court; false when it says nothing. */
static bool entry_is(struct bus_state_receipt *out_entry)
{
    struct bus_error error;
    struct bus_bytes value;
    struct bus_slot *slot;
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    assert_int_equal(bus_state_receipt_key("court", key, &length, &error), BUS_OK);
    assert_int_equal(gateway_state_place(state, bus_bytes_of(key, length), &slot, &error), BUS_OK);
    assert_int_equal(gateway_state_read_place(state, slot, &value, &error), BUS_OK);
    return value.data != NULL && bus_state_receipt_read(value, out_entry, &error) == BUS_OK;
}

static size_t told_count(void)
{
    size_t count = 0;
    for (const struct gateway_told *told = gateway_batch_told_view(batch); told != NULL; told = told->next)
        count++;
    return count;
}

/* Nothing but one notice under the subscriber's name came of it. */
static void expect_refused(const char *department, const char *code)
{
    struct bus_state_receipt entry;
    const struct gateway_told *told = gateway_batch_told_view(batch);
    assert_false(entry_is(&entry));
    assert_int_equal(told_count(), 1);
    assert_int_equal(told->quarantined.severity, BUS_SEVERITY_NOTICE);
    assert_true(bus_bytes_equal_text(told->quarantined.department, department));
    assert_true(bus_bytes_equal_text(told->quarantined.stage, "receipt"));
    assert_true(bus_bytes_equal_text(told->quarantined.code, code));
    assert_true(bus_bytes_equal_text(told->quarantined.topic, TOPIC));
    assert_int_equal(told->quarantined.offset, next_offset - 1);
    assert_true(told->quarantined.reason_zh.length > 0 && told->quarantined.reason_en.length > 0);
}

static void a_genuine_receipt_says_what_is_applied(void **unused)
{
    (void)unused;
    struct bus_state_receipt entry;
    take(applied(40, NOW_MS));
    take(applied(60, NOW_MS + 1));
    assert_true(entry_is(&entry));
    assert_int_equal(entry.size, 60);
    assert_int_equal(entry.offset, 123);
    assert_int_equal(entry.at_ms, NOW_MS + 1);
    assert_int_equal(entry.last_ms, NOW_MS + 1);
    assert_int_equal(entry.receipt_offset, next_offset - 1);
    assert_int_equal(entry.refused, -1);
    assert_true(bus_bytes_equal(entry.receipt, bus_buffer_view(&taken[1])));
    assert_int_equal(told_count(), 0);
}

static void a_copy_that_went_back_says_so(void **unused)
{
    (void)unused;
    struct bus_state_receipt entry;
    take(applied(60, NOW_MS));
    take(applied(40, NOW_MS + 1));
    assert_true(entry_is(&entry));
    assert_int_equal(entry.size, 40);
}

static void a_forged_receipt_is_refused_and_shown(void **unused)
{
    (void)unused;
    take_by(applied(40, NOW_MS), stranger);
    expect_refused("court", "RECEIPT_KEY");
}

static void an_altered_receipt_is_refused_and_shown(void **unused)
{
    (void)unused;
    struct bus_receipt receipt = applied(40, NOW_MS);
    struct bus_buffer *buffer = sign(&receipt, court);
    buffer->data[buffer->length - 1] ^= 1; /* of the signature */
    take_value(bus_buffer_view(buffer));
    expect_refused("court", "RECEIPT_SIGNATURE");
}

static void a_replayed_receipt_is_refused_and_shown(void **unused)
{
    (void)unused;
    struct bus_state_receipt entry;
    take(applied(40, NOW_MS));
    take(applied(60, NOW_MS + 5));
    take_value(bus_buffer_view(&taken[0]));
    take_value(bus_buffer_view(&taken[1]));
    assert_true(entry_is(&entry));
    assert_int_equal(entry.size, 60);
    assert_int_equal(told_count(), 2);
    assert_true(bus_bytes_equal_text(gateway_batch_told_view(batch)->quarantined.code, "RECEIPT_REPLAYED"));
}

static void a_receipt_of_another_log_exchange_or_subscriber_is_foreign(void **unused)
{
    (void)unused;
    struct bus_receipt foreign[] = {applied(40, NOW_MS), applied(40, NOW_MS), applied(40, NOW_MS), applied(40, NOW_MS),
                                    refused(4, NOW_MS)};
    foreign[0].log = bus_bytes_text("xq.out.court/0");
    foreign[1].exchange = bus_bytes_text("another");
    foreign[2].subscriber = bus_bytes_text("nobody");
    foreign[3].subscriber = bus_bytes_text("bank");
    foreign[4].item = bus_bytes_text("nothing");
    static const char *const shown_to[] = {"court", "court", GATEWAY_RECEIPTS_NOBODY, "bank", "court"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        gateway_batch_reset(batch);
        take(foreign[i]);
        expect_refused(shown_to[i], "RECEIPT_FOREIGN");
    }
}

static void a_receipt_beyond_the_log_is_refused_and_shown(void **unused)
{
    (void)unused;
    take(applied(LEAVES + 1, NOW_MS));
    expect_refused("court", "RECEIPT_BEYOND");
    gateway_batch_reset(batch);
    take(refused(LEAVES, NOW_MS));
    expect_refused("court", "RECEIPT_BEYOND");
}

static void a_clock_far_ahead_is_refused_and_blocks_nothing(void **unused)
{
    (void)unused;
    struct bus_state_receipt entry;
    take(applied(40, NOW_MS + GATEWAY_RECEIPTS_AHEAD_MS + 1));
    expect_refused("court", "RECEIPT_AHEAD");
    take(applied(LEAVES, NOW_MS + GATEWAY_RECEIPTS_AHEAD_MS));
    assert_true(entry_is(&entry));
    assert_int_equal(entry.size, LEAVES);
}

static void what_is_no_receipt_is_shown_under_whom_its_key_names(void **unused)
{
    (void)unused;
    take_value(bus_bytes_text("no receipt"));
    expect_refused("court", "RECEIPT_MALFORMED");
    gateway_batch_reset(batch);
    take_value((struct bus_bytes){NULL, 0});
    expect_refused("court", "RECEIPT_MALFORMED");
}

static void a_refusal_is_told_to_its_department_once(void **unused)
{
    (void)unused;
    struct bus_state_receipt entry;
    struct bus_book *book = NULL;
    struct bus_error error;
    take(refused(4, NOW_MS));
    take(refused(9, NOW_MS + 1));
    take(refused(4, NOW_MS + 2)); /* again, after a crash */
    take(refused(9, NOW_MS + 3));
    assert_int_equal(told_count(), 2);
    const struct bus_quarantined *notice = &gateway_batch_told_view(batch)->quarantined;
    assert_int_equal(notice->severity, BUS_SEVERITY_NOTICE);
    assert_true(bus_bytes_equal_text(notice->department, "tax"));
    assert_true(bus_bytes_equal_text(notice->item, "arrears"));
    assert_true(bus_bytes_equal_text(notice->code, "TOO_LONG"));
    assert_true(bus_bytes_equal_text(notice->reason_zh, "内容过长"));
    assert_true(bus_bytes_equal_text(notice->topic, "xq.out.court"));
    assert_true(bus_bytes_equal_text(notice->adapter, "court"));
    assert_true(bus_bytes_equal_text(notice->source, "4"));
    assert_int_equal(notice->offset, 123);
    assert_true(entry_is(&entry));
    assert_int_equal(entry.refused, 9);
    assert_int_equal(entry.size, 0);
    assert_int_equal(entry.receipt.length, 0);
    assert_int_equal(entry.last_ms, NOW_MS + 3);
    assert_int_equal(gateway_state_book(state, bus_calendar_day(NOW_MS), &book, &error), BUS_OK);
    assert_int_equal(bus_book_count(book, "tax", "arrears", "", BUS_MEASURE_NOTICE), 2);
}

static void a_refusal_keeps_what_is_applied_and_the_other_way_round(void **unused)
{
    (void)unused;
    struct bus_state_receipt entry;
    take(applied(5, NOW_MS));
    take(refused(7, NOW_MS + 1));
    take(applied(10, NOW_MS + 2));
    assert_true(entry_is(&entry));
    assert_int_equal(entry.size, 10);
    assert_int_equal(entry.refused, 7);
    take(refused(8, NOW_MS + 3));
    assert_true(entry_is(&entry));
    assert_int_equal(entry.size, 10);
    assert_int_equal(entry.at_ms, NOW_MS + 2);
    assert_true(bus_bytes_equal(entry.receipt, bus_buffer_view(&taken[2])));
}

static void a_refusal_never_told_is_taken_whatever_its_clock(void **unused)
{
    (void)unused;
    struct bus_state_receipt entry;
    take(applied(5, NOW_MS));
    take(refused(7, NOW_MS - 60000));
    assert_true(entry_is(&entry));
    assert_int_equal(entry.refused, 7);
    assert_int_equal(entry.last_ms, NOW_MS);
    take(refused(7, NOW_MS - 60000));
    assert_int_equal(told_count(), 2);
    assert_true(bus_bytes_equal_text(gateway_batch_told_view(batch)->next->quarantined.code, "RECEIPT_REPLAYED"));
}

static void a_flood_of_forged_receipts_fills_nothing(void **unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++)
        take_value(bus_bytes_text("forged"));
    assert_int_equal(told_count(), GATEWAY_RECEIPTS_SHOWN);
    now_ms += 60000;
    take_value(bus_bytes_text("forged"));
    assert_int_equal(told_count(), GATEWAY_RECEIPTS_SHOWN + 1);
}

static void a_key_pinned_later_counts_from_then_on(void **unused)
{
    (void)unused;
    struct bus_state_receipt entry;
    take_by(applied(40, NOW_MS), stranger);
    assert_false(entry_is(&entry));
    pin(stranger);
    take_by(applied(41, NOW_MS + 1), stranger);
    assert_true(entry_is(&entry));
    assert_int_equal(entry.size, 41);
}

static void without_keys_receipts_are_passed_over(void **unused)
{
    (void)unused;
    struct bus_state_receipt entry;
    open_receipts("");
    take(applied(40, NOW_MS));
    take_value(bus_bytes_text("forged"));
    assert_false(entry_is(&entry));
    assert_int_equal(told_count(), 0);
}

static void keys_that_cannot_be_read_refuse_the_receipt_and_stop_nothing(void **unused)
{
    (void)unused;
    open_receipts("/tmp/no.such.folder.of.receipt.keys");
    take(applied(40, NOW_MS));
    expect_refused("court", "RECEIPT_KEY");
}

/* --- into the quarantine --- */

static struct bus_buffer produced;
static char produced_key[64];

static enum bus_status produce(void *self, const struct bus_record *record, struct bus_error *error)
{
    (void)self;
    (void)error;
    assert_string_equal(record->topic, "xq.quarantine");
    assert_int_equal(record->partition, PARTITION);
    snprintf(produced_key, sizeof produced_key, "%.*s", (int)record->key.length, (const char *)record->key.data);
    bus_buffer_reset(&produced);
    bus_buffer_append_bytes(&produced, record->value);
    return BUS_OK;
}

static void what_is_told_goes_to_the_quarantine_with_the_batch(void **unused)
{
    (void)unused;
    struct gateway_refusals refusals;
    struct gateway_outlet outlet = {.produce = produce};
    struct bus_quarantined read;
    struct bus_error error;
    bus_buffer_init(&produced, MIB);
    gateway_refusals_init(&refusals, &outlet, "xq.");
    take(refused(4, NOW_MS));
    assert_int_equal(gateway_refusals_produce(&refusals, batch, &error), BUS_OK);
    assert_string_equal(produced_key, "tax");
    assert_int_equal(bus_quarantine_decode(bus_buffer_view(&produced), &read, &error), BUS_OK);
    assert_true(bus_bytes_equal_text(read.stage, "receipt"));
    assert_true(bus_bytes_equal_text(read.code, "TOO_LONG"));
    assert_int_equal(read.original_key.length, BUS_IDENTITY_SIZE);
    for (size_t i = 0; i < BUS_IDENTITY_SIZE; i++)
        assert_int_equal(read.original_key.data[i], 0xcd);
    bus_buffer_reset(&produced);
    gateway_batch_reset(batch);
    assert_int_equal(gateway_refusals_produce(&refusals, batch, &error), BUS_OK);
    assert_int_equal(produced.length, 0);
    gateway_refusals_release(&refusals);
    bus_buffer_release(&produced);
}

#define RECEIPT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECEIPT_TEST(a_genuine_receipt_says_what_is_applied),
        RECEIPT_TEST(a_copy_that_went_back_says_so),
        RECEIPT_TEST(a_forged_receipt_is_refused_and_shown),
        RECEIPT_TEST(an_altered_receipt_is_refused_and_shown),
        RECEIPT_TEST(a_replayed_receipt_is_refused_and_shown),
        RECEIPT_TEST(a_receipt_of_another_log_exchange_or_subscriber_is_foreign),
        RECEIPT_TEST(a_receipt_beyond_the_log_is_refused_and_shown),
        RECEIPT_TEST(a_clock_far_ahead_is_refused_and_blocks_nothing),
        RECEIPT_TEST(what_is_no_receipt_is_shown_under_whom_its_key_names),
        RECEIPT_TEST(a_refusal_is_told_to_its_department_once),
        RECEIPT_TEST(a_refusal_keeps_what_is_applied_and_the_other_way_round),
        RECEIPT_TEST(a_refusal_never_told_is_taken_whatever_its_clock),
        RECEIPT_TEST(a_flood_of_forged_receipts_fills_nothing),
        RECEIPT_TEST(a_key_pinned_later_counts_from_then_on),
        RECEIPT_TEST(without_keys_receipts_are_passed_over),
        RECEIPT_TEST(keys_that_cannot_be_read_refuse_the_receipt_and_stop_nothing),
        RECEIPT_TEST(what_is_told_goes_to_the_quarantine_with_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
