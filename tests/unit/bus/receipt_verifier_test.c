#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "bus/receipt.h"
#include "tests/support/folder.h"

static char around[TEST_FOLDER_SIZE], folder[TEST_FOLDER_SIZE + 8]; /* the keys lie in a folder of that one */
static struct bus_key *court, *bank;                                /* each pinned under its name */

static void key_path(const char *subscriber, const struct bus_key *key, char out_path[256])
{
    snprintf(out_path, 256, "%s/%s/%s.pem", folder, subscriber, bus_key_id_view(key));
}

static void pin(const char *subscriber, const struct bus_key *key)
{
    char path[256];
    struct bus_error error;
    snprintf(path, sizeof path, "%s/%s", folder, subscriber);
    mkdir(path, 0700);
    key_path(subscriber, key, path);
    unlink(path);
    assert_int_equal(bus_key_save_public(key, path, &error), BUS_OK);
}

static void unpin(const char *subscriber, const struct bus_key *key)
{
    char path[256];
    key_path(subscriber, key, path);
    assert_int_equal(unlink(path), 0);
}

/* A receipt of the court, signed by `key`; the views borrow from `buffer`. */
static void write_one(const struct bus_key *key, struct bus_buffer *buffer, struct bus_receipt *out_receipt)
{
    struct bus_error error;
    struct bus_receipt receipt = {.kind = BUS_RECEIPT_APPLIED,
                                  .exchange = bus_bytes_text("xinqiao-demo"),
                                  .subscriber = bus_bytes_text("court"),
                                  .log = bus_bytes_text("xq.out.court/3"),
                                  .size = 7,
                                  .at_ms = 1795500000000};
    bus_buffer_init(buffer, BUS_RECEIPT_MAX_SIZE);
    assert_int_equal(bus_receipt_encode(&receipt, key, buffer, &error), BUS_OK);
    assert_int_equal(bus_receipt_decode(bus_buffer_view(buffer), out_receipt, &error), BUS_OK);
}

static void expect(struct bus_receipt_verifier *verifier, const struct bus_receipt *receipt, const char *code)
{
    struct bus_error error;
    enum bus_status status = bus_receipt_verify(verifier, receipt, &error);
    assert_int_equal(status, code == NULL ? BUS_OK : BUS_REJECT);
    if (code != NULL)
        assert_string_equal(error.code, code);
}

static void a_receipt_of_a_pinned_key_is_genuine(void **unused)
{
    (void)unused;
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create(folder);
    struct bus_receipt receipt;
    struct bus_buffer buffer;
    write_one(court, &buffer, &receipt);
    expect(verifier, &receipt, NULL);
    expect(verifier, &receipt, NULL);
    bus_buffer_release(&buffer);
    bus_receipt_verifier_destroy(verifier);
}

static void whatever_is_altered_shows(void **unused)
{
    (void)unused;
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create(folder);
    struct bus_receipt receipt, altered[6];
    struct bus_buffer buffer;
    write_one(court, &buffer, &receipt);
    for (size_t i = 0; i < 6; i++)
        altered[i] = receipt;
    altered[0].size++;
    altered[1].root[31] ^= 1;
    altered[2].at_ms++;
    altered[3].log = bus_bytes_text("xq.out.court/4");
    altered[4].exchange = bus_bytes_text("xinqiao-other");
    altered[5].offset++;
    for (size_t i = 0; i < 6; i++)
        expect(verifier, &altered[i], "RECEIPT_SIGNATURE");
    bus_buffer_release(&buffer);
    bus_receipt_verifier_destroy(verifier);
}

static void the_key_of_another_subscriber_is_none(void **unused)
{
    (void)unused;
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create(folder);
    struct bus_receipt receipt;
    struct bus_buffer buffer;
    write_one(bank, &buffer, &receipt);
    expect(verifier, &receipt, "RECEIPT_KEY");
    receipt.subscriber = bus_bytes_text("nobody");
    expect(verifier, &receipt, "RECEIPT_KEY");
    bus_buffer_release(&buffer);
    bus_receipt_verifier_destroy(verifier);
}

static void names_that_would_leave_the_folder_are_no_subscribers(void **unused)
{
    (void)unused;
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create(folder);
    struct bus_receipt receipt;
    struct bus_buffer buffer;
    const char *const names[] = {"", "..", "../court", "court/../court", ".", "court/"};
    write_one(court, &buffer, &receipt);
    pin("..", court); /* beside the folder, where it must not be looked for */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        receipt.subscriber = bus_bytes_text(names[i]);
        expect(verifier, &receipt, "RECEIPT_KEY");
    }
    receipt.subscriber = bus_bytes_text("court");
    receipt.key_id = bus_bytes_text("../../../../etc/");
    expect(verifier, &receipt, "RECEIPT_KEY");
    bus_buffer_release(&buffer);
    bus_receipt_verifier_destroy(verifier);
}

static void a_key_counts_from_when_it_is_pinned_to_when_it_is_taken_away(void **unused)
{
    (void)unused;
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create(folder);
    struct bus_receipt receipt;
    struct bus_buffer buffer;
    write_one(bank, &buffer, &receipt);
    expect(verifier, &receipt, "RECEIPT_KEY");
    pin("court", bank);
    expect(verifier, &receipt, NULL);
    unpin("court", bank);
    expect(verifier, &receipt, "RECEIPT_KEY");
    bus_buffer_release(&buffer);
    bus_receipt_verifier_destroy(verifier);
}

static void without_a_folder_no_key_is_known(void **unused)
{
    (void)unused;
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create("");
    struct bus_receipt receipt;
    struct bus_buffer buffer;
    write_one(court, &buffer, &receipt);
    expect(verifier, &receipt, "RECEIPT_KEY");
    bus_buffer_release(&buffer);
    bus_receipt_verifier_destroy(verifier);
}

static void a_folder_that_is_gone_is_our_fault(void **unused)
{
    (void)unused;
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create("/tmp/no.such.folder.of.keys");
    struct bus_receipt receipt;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(court, &buffer, &receipt);
    assert_int_equal(bus_receipt_verify(verifier, &receipt, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
    bus_receipt_verifier_destroy(verifier);
}

static void a_file_that_holds_another_key_is_our_fault(void **unused)
{
    (void)unused;
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create(folder);
    struct bus_receipt receipt;
    struct bus_error error;
    struct bus_buffer buffer;
    char from[256], to[256];
    write_one(court, &buffer, &receipt);
    expect(verifier, &receipt, NULL); /* so the right key of that name is remembered */
    key_path("bank", court, to);
    key_path("bank", bank, from);
    assert_int_equal(link(from, to), 0);
    receipt.subscriber = bus_bytes_text("bank");
    assert_int_equal(bus_receipt_verify(verifier, &receipt, &error), BUS_FATAL);
    unlink(to);
    bus_buffer_release(&buffer);
    bus_receipt_verifier_destroy(verifier);
}

/* --- books --- */

static void expect_book(struct bus_receipt_verifier *verifier, const char *exchange, const char *subscriber,
                        const char *name, const char *value, struct bus_bytes header, const char *code)
{
    struct bus_error error;
    enum bus_status status = bus_receipt_verify_book(verifier, exchange, bus_bytes_text(subscriber),
                                                     bus_bytes_text(name), bus_bytes_text(value), header, &error);
    assert_int_equal(status, code == NULL ? BUS_OK : BUS_REJECT);
    if (code != NULL)
        assert_string_equal(error.code, code);
}

static void a_signed_book_is_genuine_in_its_exchange_under_its_name_with_its_counts(void **unused)
{
    (void)unused;
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create(folder);
    struct bus_buffer header;
    struct bus_error error;
    const char *name = "agent/court/3/2026-11-24";
    bus_buffer_init(&header, BUS_RECEIPT_MAX_SIZE);
    assert_int_equal(
        bus_receipt_sign_book(court, "demo", bus_bytes_text(name), bus_bytes_text("counts"), &header, &error), BUS_OK);
    struct bus_bytes view = bus_buffer_view(&header);
    expect_book(verifier, "demo", "court", name, "counts", view, NULL);
    expect_book(verifier, "other", "court", name, "counts", view, "RECEIPT_SIGNATURE");
    expect_book(verifier, "demo", "court", "agent/court/3/2026-11-25", "counts", view, "RECEIPT_SIGNATURE");
    expect_book(verifier, "demo", "court", name, "Counts", view, "RECEIPT_SIGNATURE");
    expect_book(verifier, "demo", "bank", name, "counts", view, "RECEIPT_KEY");
    expect_book(verifier, "demo", "court", name, "counts", bus_bytes_of(view.data, 15), "RECEIPT_MALFORMED");
    expect_book(verifier, "demo", "court", name, "counts", bus_bytes_of(view.data, 16), "RECEIPT_SIGNATURE");
    bus_buffer_u8(&header, 0);
    expect_book(verifier, "demo", "court", name, "counts", bus_buffer_view(&header), "RECEIPT_SIGNATURE");
    bus_buffer_release(&header);
    bus_receipt_verifier_destroy(verifier);
}

static int set_up(void **unused)
{
    (void)unused;
    struct bus_error error;
    test_folder_make(around);
    snprintf(folder, sizeof folder, "%s/keys", around);
    mkdir(folder, 0700);
    if (bus_key_generate(BUS_SUITE_SM2_SM3, &court, &error) != BUS_OK ||
        bus_key_generate(BUS_SUITE_ED25519_SHA256, &bank, &error) != BUS_OK)
        return -1;
    pin("court", court);
    pin("bank", bank);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    bus_key_destroy(court);
    bus_key_destroy(bank);
    test_folder_remove(around);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_of_a_pinned_key_is_genuine),
        cmocka_unit_test(whatever_is_altered_shows),
        cmocka_unit_test(the_key_of_another_subscriber_is_none),
        cmocka_unit_test(names_that_would_leave_the_folder_are_no_subscribers),
        cmocka_unit_test(a_key_counts_from_when_it_is_pinned_to_when_it_is_taken_away),
        cmocka_unit_test(without_a_folder_no_key_is_known),
        cmocka_unit_test(a_folder_that_is_gone_is_our_fault),
        cmocka_unit_test(a_file_that_holds_another_key_is_our_fault),
        cmocka_unit_test(a_signed_book_is_genuine_in_its_exchange_under_its_name_with_its_counts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
