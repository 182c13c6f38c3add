#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/datum.h"
#include "bus/receipt.h"

enum { FIELDS = 17 };

static struct bus_key *key;

static struct bus_receipt applied(void)
{
    struct bus_receipt receipt = {
        .kind = BUS_RECEIPT_APPLIED,
        .exchange = bus_bytes_text("xinqiao-demo"),
        .subscriber = bus_bytes_text("court"),
        .log = bus_bytes_text("xq.out.court/3"),
        .size = UINT64_C(5000000000),
        .offset = INT64_C(5000000123),
        .at_ms = 1795500000000,
    };
    memset(receipt.root, 0xab, sizeof receipt.root);
    return receipt;
}

static struct bus_receipt refused(void)
{
    struct bus_receipt receipt = applied();
    receipt.kind = BUS_RECEIPT_REFUSED;
    receipt.size = 0;
    memset(receipt.root, 0, sizeof receipt.root);
    receipt.leaf = 41;
    memset(receipt.record, 0xcd, sizeof receipt.record);
    receipt.department = bus_bytes_text("market");
    receipt.item = bus_bytes_text("penalty.decision");
    receipt.code = bus_bytes_text("FIELD_TOO_LONG");
    receipt.words = bus_bytes_text("处罚内容超过2048字");
    return receipt;
}

static struct bus_receipt of_kind(enum bus_receipt_kind kind)
{
    return kind == BUS_RECEIPT_APPLIED ? applied() : refused();
}

static void write_one(const struct bus_receipt *receipt, struct bus_buffer *buffer)
{
    struct bus_error error;
    bus_buffer_init(buffer, BUS_RECEIPT_MAX_SIZE);
    assert_int_equal(bus_receipt_encode(receipt, key, buffer, &error), BUS_OK);
}

static void a_receipt_is_a_datum_of_its_schema(void **unused)
{
    (void)unused;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_span spans[FIELDS];
    struct bus_receipt receipt = refused();
    write_one(&receipt, &buffer);
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/receipt.avsc", &schema, &error), BUS_OK);
    assert_int_equal(bus_schema_fingerprint(schema), BUS_RECEIPT_FINGERPRINT);
    assert_int_equal(bus_schema_field_count(schema), FIELDS);
    for (int kind = 0; kind < BUS_RECEIPT_KIND_COUNT; kind++)
        assert_string_equal(bus_schema_field(schema, 0)->value->symbols[kind],
                            bus_receipt_kind_name((enum bus_receipt_kind)kind));
    assert_int_equal(bus_datum_walk(schema, bus_buffer_view(&buffer), spans, &error), BUS_OK);
    assert_int_equal(bus_datum_value(bus_schema_field(schema, 6), bus_buffer_view(&buffer), spans[6]).integer, 41);
    assert_int_equal(bus_datum_value(bus_schema_field(schema, 13), bus_buffer_view(&buffer), spans[13]).integer,
                     receipt.at_ms);
    bus_schema_destroy(schema);
    bus_buffer_release(&buffer);
}

static void a_receipt_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < BUS_RECEIPT_KIND_COUNT; kind++) {
        struct bus_receipt receipt = of_kind((enum bus_receipt_kind)kind), read;
        struct bus_error error;
        struct bus_buffer buffer;
        write_one(&receipt, &buffer);
        assert_int_equal(bus_receipt_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
        assert_int_equal(read.kind, kind);
        assert_true(bus_bytes_equal(read.exchange, receipt.exchange));
        assert_true(bus_bytes_equal(read.subscriber, receipt.subscriber));
        assert_true(bus_bytes_equal(read.log, receipt.log));
        assert_int_equal(read.size, receipt.size);
        assert_memory_equal(read.root, receipt.root, sizeof read.root);
        assert_int_equal(read.leaf, receipt.leaf);
        assert_int_equal(read.offset, receipt.offset);
        assert_memory_equal(read.record, receipt.record, sizeof read.record);
        assert_true(bus_bytes_equal(read.department, receipt.department));
        assert_true(bus_bytes_equal(read.item, receipt.item));
        assert_true(bus_bytes_equal(read.code, receipt.code));
        assert_true(bus_bytes_equal(read.words, receipt.words));
        assert_int_equal(read.at_ms, receipt.at_ms);
        assert_int_equal(read.suite, bus_key_suite(key));
        assert_true(bus_bytes_equal_text(read.key_id, bus_key_id_view(key)));
        bus_buffer_release(&buffer);
    }
}

/* As docs/formats-receipts.md lays it out, so that openssl alone can check the signature. */
static void the_signed_text_is_lines_that_anyone_can_write(void **unused)
{
    (void)unused;
    struct bus_receipt receipts[] = {applied(), refused()};
    static const char *const texts[] = {
        "xinqiao receipt v1\nxinqiao-demo\ncourt\nxq.out.court/3\nAPPLIED\n5000000000\n"
        "abababababababababababababababababababababababababababababababab\n0\n5000000123\n\n\n\n\n\n1795500000000\n",
        "xinqiao receipt v1\nxinqiao-demo\ncourt\nxq.out.court/3\nREFUSED\n0\n\n41\n5000000123\n"
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\nmarket\npenalty.decision\nFIELD_TOO_LONG\n处罚内容超过2048字\n"
        "1795500000000\n",
    };
    for (size_t i = 0; i < 2; i++) {
        struct bus_buffer text, record;
        struct bus_receipt read;
        struct bus_error error;
        bus_buffer_init(&text, BUS_RECEIPT_MAX_SIZE);
        bus_receipt_signed_text(&receipts[i], &text);
        assert_true(bus_bytes_equal_text(bus_buffer_view(&text), texts[i]));
        write_one(&receipts[i], &record);
        assert_int_equal(bus_receipt_decode(bus_buffer_view(&record), &read, &error), BUS_OK);
        assert_int_equal(bus_key_verify(key, bus_buffer_view(&text), read.signature, &error), BUS_OK);
        bus_buffer_release(&text);
        bus_buffer_release(&record);
    }
}

static void expect_malformed(struct bus_bytes value)
{
    struct bus_receipt receipt;
    struct bus_error error;
    assert_int_equal(bus_receipt_decode(value, &receipt, &error), BUS_REJECT);
    assert_string_equal(error.code, "RECEIPT_MALFORMED");
}

static void a_cut_or_longer_receipt_is_refused(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < BUS_RECEIPT_KIND_COUNT; kind++) {
        struct bus_receipt receipt = of_kind((enum bus_receipt_kind)kind);
        struct bus_buffer buffer;
        write_one(&receipt, &buffer);
        for (size_t length = 0; length < buffer.length; length++)
            expect_malformed(bus_bytes_of(buffer.data, length));
        bus_buffer_u8(&buffer, 0);
        expect_malformed(bus_buffer_view(&buffer));
        bus_buffer_release(&buffer);
    }
}

static void a_kind_that_says_what_the_other_says_is_refused(void **unused)
{
    (void)unused;
    struct bus_receipt receipt = refused();
    struct bus_buffer buffer;
    write_one(&receipt, &buffer);
    buffer.data[BUS_FRAME_SIZE] = 2 * BUS_RECEIPT_APPLIED; /* zig-zag */
    expect_malformed(bus_buffer_view(&buffer));
    buffer.data[BUS_FRAME_SIZE] = 2 * BUS_RECEIPT_KIND_COUNT;
    expect_malformed(bus_buffer_view(&buffer));
    buffer.data[BUS_FRAME_SIZE] = 2 * BUS_RECEIPT_REFUSED;
    buffer.data[2] ^= 1;
    expect_malformed(bus_buffer_view(&buffer));
    bus_buffer_release(&buffer);
}

/* Where `text` stands in the record. */
static size_t place_of(const struct bus_buffer *buffer, const char *text)
{
    const uint8_t *at = memmem(buffer->data, buffer->length, text, strlen(text));
    assert_non_null(at);
    return (size_t)(at - buffer->data);
}

static void texts_that_are_no_lines_and_counts_that_contradict_are_no_receipt(void **unused)
{
    (void)unused;
    struct bus_receipt receipt = refused(), read;
    struct bus_buffer buffer;
    struct bus_error error;
    write_one(&receipt, &buffer);
    size_t exchange = place_of(&buffer, "xinqiao-demo"), words = place_of(&buffer, "2048");
    size_t size = place_of(&buffer, "xq.out.court/3") + strlen("xq.out.court/3");
    const size_t places[] = {exchange, words, size};
    const uint8_t bad[] = {'\n', '\n', 2 /* a size of 1 */};
    for (size_t i = 0; i < 3; i++) {
        uint8_t good = buffer.data[places[i]];
        buffer.data[places[i]] = bad[i];
        expect_malformed(bus_buffer_view(&buffer));
        buffer.data[places[i]] = good;
    }
    assert_int_equal(bus_receipt_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
    bus_buffer_release(&buffer);
}

static void a_text_that_is_no_line_is_refused_before_it_is_signed(void **unused)
{
    (void)unused;
    static char longer[BUS_RECEIPT_MAX_TEXT + 2];
    memset(longer, 'x', sizeof longer - 1);
    const char *const bad[] = {longer, "two\nlines", "a\x7f", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bus_receipt receipt = refused();
        struct bus_error error;
        struct bus_buffer buffer;
        receipt.words = bus_bytes_text(bad[i]);
        bus_buffer_init(&buffer, BUS_RECEIPT_MAX_SIZE);
        assert_int_equal(bus_receipt_encode(&receipt, key, &buffer, &error), BUS_REJECT);
        assert_string_equal(error.code, "RECEIPT_TEXT");
        assert_int_equal(buffer.length, 0);
        bus_buffer_release(&buffer);
    }
}

static void names_and_a_reason_must_be_there(void **unused)
{
    (void)unused;
    struct bus_receipt receipts[4] = {refused(), refused(), refused(), refused()};
    receipts[0].exchange = receipts[1].subscriber = receipts[2].log = receipts[3].code = bus_bytes_text("");
    for (size_t i = 0; i < 4; i++) {
        struct bus_error error;
        struct bus_buffer buffer;
        bus_buffer_init(&buffer, BUS_RECEIPT_MAX_SIZE);
        assert_int_equal(bus_receipt_encode(&receipts[i], key, &buffer, &error), BUS_REJECT);
        assert_string_equal(error.code, "RECEIPT_TEXT");
        bus_buffer_release(&buffer);
    }
}

static void a_receipt_that_is_not_whole_is_our_fault(void **unused)
{
    (void)unused;
    struct bus_receipt receipts[] = {applied(), refused(), applied(), applied()};
    receipts[0].size = 0;
    receipts[1].size = 7;
    receipts[2].leaf = 7;
    receipts[3].words = bus_bytes_text("why");
    for (size_t i = 0; i < sizeof receipts / sizeof receipts[0]; i++) {
        struct bus_error error;
        struct bus_buffer buffer;
        bus_buffer_init(&buffer, BUS_RECEIPT_MAX_SIZE);
        assert_int_equal(bus_receipt_encode(&receipts[i], key, &buffer, &error), BUS_FATAL);
        bus_buffer_release(&buffer);
    }
}

static void the_longest_receipt_has_room_and_a_full_buffer_is_our_fault(void **unused)
{
    (void)unused;
    static char text[BUS_RECEIPT_MAX_TEXT + 1], name[256];
    memset(text, 'x', sizeof text - 1);
    memset(name, 'n', sizeof name - 1);
    struct bus_receipt receipt = refused(), read;
    struct bus_error error;
    struct bus_buffer buffer, small;
    receipt.exchange = receipt.subscriber = receipt.log = bus_bytes_text(name);
    receipt.department = receipt.item = receipt.code = receipt.words = bus_bytes_text(text);
    write_one(&receipt, &buffer);
    assert_int_equal(bus_receipt_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
    bus_buffer_init(&small, 64);
    assert_int_equal(bus_receipt_encode(&receipt, key, &small, &error), BUS_FATAL);
    bus_buffer_release(&small);
    bus_buffer_release(&buffer);
}

static int make_key(void **unused)
{
    (void)unused;
    struct bus_error error;
    return bus_key_generate(BUS_SUITE_SM2_SM3, &key, &error) == BUS_OK ? 0 : -1;
}

static int drop_key(void **unused)
{
    (void)unused;
    bus_key_destroy(key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_is_a_datum_of_its_schema),
        cmocka_unit_test(a_receipt_reads_back_as_it_was_written),
        cmocka_unit_test(the_signed_text_is_lines_that_anyone_can_write),
        cmocka_unit_test(a_cut_or_longer_receipt_is_refused),
        cmocka_unit_test(a_kind_that_says_what_the_other_says_is_refused),
        cmocka_unit_test(texts_that_are_no_lines_and_counts_that_contradict_are_no_receipt),
        cmocka_unit_test(a_text_that_is_no_line_is_refused_before_it_is_signed),
        cmocka_unit_test(names_and_a_reason_must_be_there),
        cmocka_unit_test(a_receipt_that_is_not_whole_is_our_fault),
        cmocka_unit_test(the_longest_receipt_has_room_and_a_full_buffer_is_our_fault),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
