#include "bus/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/support/folder.h"

enum { TEXT_LIMIT = 64 * 1024 };

struct world {
    char folder[TEST_FOLDER_SIZE];
    struct bus_key *keys[2]; /* by suite */
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct bus_error error;
    test_folder_make(world->folder);
    assert_int_equal(bus_key_generate(BUS_SUITE_SM2_SM3, &world->keys[0], &error), BUS_OK);
    assert_int_equal(bus_key_generate(BUS_SUITE_ED25519_SHA256, &world->keys[1], &error), BUS_OK);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    bus_key_destroy(world->keys[0]);
    bus_key_destroy(world->keys[1]);
    test_folder_remove(world->folder);
    free(world);
    return 0;
}

static struct bus_check make(const struct bus_key *key)
{
    struct bus_error error;
    struct bus_check check = {.exchange = "liuzhou",
                              .subscriber = "court",
                              .subject = "91450200MA5KA1B20X",
                              .asked_at_ms = 1795516200123,
                              .sealed_at_ms = 1795516199000,
                              .records = 12,
                              .complete = true};
    memset(check.root, 0xa5, sizeof check.root);
    assert_int_equal(bus_check_sign(&check, key, &error), BUS_OK);
    return check;
}

static void write(const struct bus_check *check, char out_text[BUS_CHECK_MAX_SIZE])
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, BUS_CHECK_MAX_SIZE);
    bus_check_write(check, &buffer);
    assert_false(buffer.failed);
    snprintf(out_text, BUS_CHECK_MAX_SIZE, "%.*s", (int)buffer.length, (const char *)buffer.data);
    bus_buffer_release(&buffer);
}

static void a_statement_is_read_as_it_was_written_and_verifies(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    char text[BUS_CHECK_MAX_SIZE], again[BUS_CHECK_MAX_SIZE];
    for (int suite = 0; suite < 2; suite++) {
        struct bus_check check = make(world->keys[suite]), read;
        write(&check, text);
        assert_true(bus_check_is_statement(bus_bytes_text(text)));
        assert_int_equal(bus_check_read(bus_bytes_text(text), &read, &error), BUS_OK);
        write(&read, again);
        assert_string_equal(text, again);
        assert_int_equal(read.asked_at_ms, check.asked_at_ms);
        assert_int_equal(read.records, 12);
        assert_int_equal(bus_check_verify(&read, world->keys[suite], &error), BUS_OK);
        assert_int_equal(bus_check_verify(&read, world->keys[1 - suite], &error), BUS_REJECT);
    }
}

static void ends_of_lines_that_a_scanner_puts_do_no_harm(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    struct bus_check check = make(world->keys[0]), read;
    char text[BUS_CHECK_MAX_SIZE], windows[2 * BUS_CHECK_MAX_SIZE];
    write(&check, text);
    size_t length = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n')
            windows[length++] = '\r';
        windows[length++] = *at;
    }
    memcpy(windows + length, "\r\n  \n", 6);
    assert_int_equal(bus_check_read(bus_bytes_text(windows), &read, &error), BUS_OK);
    assert_int_equal(bus_check_verify(&read, world->keys[0], &error), BUS_OK);
    text[strlen(text) - 1] = '\0';
    assert_int_equal(bus_check_read(bus_bytes_text(text), &read, &error), BUS_OK);
}

/* Whatever character is changed: it is no statement any more, or its signature is wrong. */
static void no_altered_statement_verifies(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    struct bus_check check = make(world->keys[1]), read;
    char text[BUS_CHECK_MAX_SIZE];
    write(&check, text);
    size_t length = strlen(text);
    for (size_t at = 0; at + 1 < length; at++) {
        char kept = text[at];
        for (const char *other = "0aA\n=~ "; *other != '\0'; other++) {
            text[at] = *other;
            bool passes = *other != kept && bus_check_read(bus_bytes_text(text), &read, &error) == BUS_OK &&
                          bus_check_verify(&read, world->keys[1], &error) == BUS_OK;
            assert_false(passes);
        }
        text[at] = kept;
    }
}

static void what_is_no_statement_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "xinqiao check v1",
        "xinqiao check v1\n",
        "xinqiao check v2\nexchange=a\n",
        "{\"format\": \"xinqiao proof v1\"}",
        ("xinqiao check v1\nexchange=a\nsubscriber=b\nsubject=c\nasked_at=-\nsealed_at=-\nrecords=1\ncomplete=yes\n"
         "root=00\nkey=0\nsignature=\n"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bus_check check;
        struct bus_error error;
        assert_int_equal(bus_check_read(bus_bytes_text(bad[i]), &check, &error), BUS_REJECT);
        assert_string_equal(error.code, "CHECK_MALFORMED");
    }
}

static void names_that_would_make_lines_of_their_own_are_not_signed(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    static const char *const bad[] = {"", "a b", "a\nrecords=99", "法院"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bus_check check = make(world->keys[0]);
        snprintf(check.subscriber, sizeof check.subscriber, "%s", bad[i]);
        assert_int_equal(bus_check_sign(&check, world->keys[0], &error), BUS_FATAL);
    }
}

static void pin(const struct world *world, const char *below, const struct bus_key *key)
{
    struct bus_error error;
    char path[2 * TEST_FOLDER_SIZE];
    snprintf(path, sizeof path, "%s/%s", world->folder, below);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s.pem", world->folder, below, bus_key_id_view(key));
    assert_int_equal(bus_key_save_public(key, path, &error), BUS_OK);
}

static void the_key_is_found_under_its_subscriber_only(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    struct bus_key *key;
    struct bus_check check = make(world->keys[0]);
    pin(world, "bank", world->keys[0]);
    assert_int_equal(bus_check_find_key(&check, world->folder, &key, &error), BUS_REJECT);
    assert_string_equal(error.code, "CHECK_KEY");
    pin(world, "court", world->keys[0]);
    assert_int_equal(bus_check_find_key(&check, world->folder, &key, &error), BUS_OK);
    bus_key_destroy(key);
    snprintf(check.subscriber, sizeof check.subscriber, "../court");
    assert_int_equal(bus_check_find_key(&check, world->folder, &key, &error), BUS_REJECT);
    snprintf(check.subscriber, sizeof check.subscriber, "bank/../court");
    assert_int_equal(bus_check_find_key(&check, world->folder, &key, &error), BUS_REJECT);
    check = make(world->keys[1]);
    assert_int_equal(bus_check_find_key(&check, "/no/such/folder", &key, &error), BUS_REJECT);
    char plain[2 * TEST_FOLDER_SIZE];
    snprintf(plain, sizeof plain, "%s/%s.pem", world->folder, check.key_id);
    assert_int_equal(bus_key_save_public(world->keys[1], plain, &error), BUS_OK);
    assert_int_equal(bus_check_find_key(&check, world->folder, &key, &error), BUS_OK);
    bus_key_destroy(key);
}

/* --- answers --- */

#define RECORD(leaf, fine)                                                                                             \
    "{\"record\":\"00\",\"log\":\"xq.out.court/3\",\"leaf\":" leaf ",\"fields\":{\"fine\":" fine ",\"name\":\"甲\\n\"}}"
#define ANSWER(records)                                                                                                        \
    "{\"exchange\":\"liuzhou\",\"subscriber\":\"court\",\"subject\":{\"stated\":\"91450200MA5KA1B20X\"},\"records\":[" records \
    "]}"

static enum bus_status root_of(const char *records, bus_digest_bytes out_root, struct bus_error *error)
{
    struct bus_json_document *document;
    assert_int_equal(bus_json_parse(bus_bytes_text(records), &document, error), BUS_OK);
    enum bus_status status = bus_check_root(bus_json_root(document), out_root, error);
    bus_json_destroy(document);
    return status;
}

static void the_root_does_not_depend_on_blanks_and_proofs(void **state)
{
    (void)state;
    struct bus_error error;
    bus_digest_bytes root, other;
    assert_int_equal(root_of("[" RECORD("7", "0.20") "]", root, &error), BUS_OK);
    assert_int_equal(
        root_of("[ {\"record\": \"00\", \"log\": \"xq.out.court/3\",\n \"leaf\": 7, \"proof\": {\"a\": [1, null]}, "
                "\"fields\": {\"fine\": 0.20, \"name\": \"\\u7532\\n\"} , \"proof_missing\": \"X\"} ]",
                other, &error),
        BUS_OK);
    assert_memory_equal(root, other, sizeof root);
    static const char *const others[] = {
        "[" RECORD("8", "0.20") "]",
        "[" RECORD("7", "0.2") "]",
        "[" RECORD("7", "\"0.20\"") "]",
        "[" RECORD("7", "0.20") "," RECORD("7", "0.20") "]",
        "[]",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(root_of(others[i], other, &error), BUS_OK);
        assert_memory_not_equal(root, other, sizeof root);
    }
}

/* SM3 over 00 | u32be 16 | "xq.out.court/3/7" | {"log":"xq.out.court/3","leaf":7}, by another program. */
static void a_root_of_one_record_is_as_it_is_written_down(void **state)
{
    (void)state;
    struct bus_error error;
    bus_digest_bytes root, expected;
    assert_int_equal(root_of("[{\"log\":\"xq.out.court/3\",\"leaf\":7}]", root, &error), BUS_OK);
    assert_true(
        bus_unhex("1b6c2d3072daf53bc677acbd4ef601bcc973f8033110ffdd4b7906d10de0a42e", expected, sizeof expected));
    assert_memory_equal(root, expected, sizeof root);
}

static void what_is_no_list_of_records_is_refused(void **state)
{
    (void)state;
    struct bus_error error;
    bus_digest_bytes root;
    static const char *const bad[] = {
        "{}",
        "[1]",
        "[{}]",
        "[{\"log\":\"a\"}]",
        "[{\"log\":1,\"leaf\":1}]",
        "[{\"log\":\"a\",\"leaf\":\"1\"}]",
        "[{\"log\":\"a\",\"leaf\":1,\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(root_of(bad[i], root, &error), BUS_REJECT);
        assert_string_equal(error.code, "CHECK_ANSWER");
    }
}

static const char *answer_code(const struct bus_check *check, const char *text, struct bus_error *error)
{
    struct bus_json_document *document;
    assert_int_equal(bus_json_parse(bus_bytes_text(text), &document, error), BUS_OK);
    enum bus_status status = bus_check_answer(check, bus_json_root(document), error);
    bus_json_destroy(document);
    return status == BUS_OK ? "" : error->code;
}

static void an_answer_is_the_one_that_was_signed_or_is_refused(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    struct bus_check check = make(world->keys[0]);
    check.records = 2;
    assert_int_equal(root_of("[" RECORD("7", "1") "," RECORD("9", "2") "]", check.root, &error), BUS_OK);
    assert_string_equal(answer_code(&check, ANSWER(RECORD("7", "1") "," RECORD("9", "2")), &error), "");
    assert_string_equal(answer_code(&check, ANSWER(RECORD("9", "2") "," RECORD("7", "1")), &error), "CHECK_RECORDS");
    assert_string_equal(answer_code(&check, ANSWER(RECORD("7", "1")), &error), "CHECK_RECORDS");
    check.records = 3;
    assert_string_equal(answer_code(&check, ANSWER(RECORD("7", "1") "," RECORD("9", "2")), &error), "CHECK_RECORDS");
    check.records = 2;
    assert_string_equal(answer_code(&check, "{\"records\":[]}", &error), "CHECK_OTHER");
    assert_string_equal(answer_code(&check, "[]", &error), "CHECK_ANSWER");
    snprintf(check.subject, sizeof check.subject, "91450200MA5KA1B30X");
    assert_string_equal(answer_code(&check, ANSWER(RECORD("7", "1") "," RECORD("9", "2")), &error), "CHECK_OTHER");
}

static void a_proof_of_another_record_is_refused(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_proof proof;
    struct bus_json_document *document;
    bool has_proof = true;
    bus_proof_init(&proof);
    assert_int_equal(bus_json_parse(bus_bytes_text("{\"leaf\":1}"), &document, &error), BUS_OK);
    assert_int_equal(bus_check_proof(bus_json_root(document), &proof, &has_proof, &error), BUS_OK);
    assert_false(has_proof);
    bus_json_destroy(document);
    assert_int_equal(bus_json_parse(bus_bytes_text("{\"leaf\":1,\"proof\":{\"format\":\"x\"}}"), &document, &error),
                     BUS_OK);
    assert_int_equal(bus_check_proof(bus_json_root(document), &proof, &has_proof, &error), BUS_REJECT);
    bus_json_destroy(document);

    struct bus_buffer text;
    bus_buffer_init(&text, TEXT_LIMIT);
    bus_buffer_append(&proof.key, "0123456789abcdef", 16);
    bus_buffer_append(&proof.value, "v", 1);
    proof.leaf = 7;
    proof.seal = (struct bus_seal){
        .exchange = "liuzhou", .log = "xq.out.court/3", .batch_size = 1, .key_id = "0123456789abcdef"};
    bus_buffer_printf(
        &text, "{\"log\":\"xq.out.court/3\",\"leaf\":7,\"record\":\"30313233343536373839616263646566\",\"proof\":");
    bus_proof_write(&proof, &text);
    bus_buffer_printf(&text, "}");
    bus_buffer_u8(&text, 0);
    text.length--;
    static const char *const parts[] = {"\"leaf\":", "\"log\":\"",
                                        "\"record\":\""}; /* of the record, in front of its proof */
    for (size_t part = 0; part <= sizeof parts / sizeof *parts; part++) {
        struct bus_proof read;
        bool is_other = part < sizeof parts / sizeof *parts;
        char *at = is_other ? strstr((char *)text.data, parts[part]) + strlen(parts[part]) : NULL;
        if (is_other)
            *at = (char)(*at + 1);
        bus_proof_init(&read);
        assert_int_equal(bus_json_parse(bus_buffer_view(&text), &document, &error), BUS_OK);
        enum bus_status status = bus_check_proof(bus_json_root(document), &read, &has_proof, &error);
        assert_int_equal(status, is_other ? BUS_REJECT : BUS_OK);
        if (is_other)
            *at = (char)(*at - 1);
        bus_json_destroy(document);
        bus_proof_release(&read);
    }
    assert_string_equal(error.code, "CHECK_PROOF");
    bus_buffer_release(&text);
    bus_proof_release(&proof);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_statement_is_read_as_it_was_written_and_verifies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_of_lines_that_a_scanner_puts_do_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_altered_statement_verifies, set_up, tear_down),
        cmocka_unit_test(what_is_no_statement_is_refused),
        cmocka_unit_test_setup_teardown(names_that_would_make_lines_of_their_own_are_not_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_key_is_found_under_its_subscriber_only, set_up, tear_down),
        cmocka_unit_test(the_root_does_not_depend_on_blanks_and_proofs),
        cmocka_unit_test(a_root_of_one_record_is_as_it_is_written_down),
        cmocka_unit_test(what_is_no_list_of_records_is_refused),
        cmocka_unit_test_setup_teardown(an_answer_is_the_one_that_was_signed_or_is_refused, set_up, tear_down),
        cmocka_unit_test(a_proof_of_another_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
