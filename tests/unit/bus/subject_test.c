#include "bus/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_identifier(enum bus_subject_kind kind, const char *text, const char *expected)
{
    char identifier[19] = "";
    struct bus_error error;
    enum bus_status status = bus_subject_identifier(kind, bus_bytes_text(text), identifier, &error);
    if (status != BUS_OK)
        fail_msg("%s: %s", text, error.message);
    assert_string_equal(identifier, expected);
}

static void assert_refused(enum bus_subject_kind kind, const char *text, const char *code)
{
    char identifier[19];
    struct bus_error error = {.code = ""};
    assert_int_equal(bus_subject_identifier(kind, bus_bytes_text(text), identifier, &error), BUS_REJECT);
    assert_string_equal(error.code, code);
}

/* One organisation, however it is named, is one subject. */
static void old_and_new_numbers_of_an_organisation_meet(void **state)
{
    (void)state;
    assert_identifier(BUS_SUBJECT_ORGANISATION, "91100000100003962T", "100003962");
    assert_identifier(BUS_SUBJECT_ORGANISATION, "100003962", "100003962");
    assert_identifier(BUS_SUBJECT_ORGANISATION, "10000396-2", "100003962");
    assert_identifier(BUS_SUBJECT_ORGANISATION, "110102100003962", "100003962");
    assert_identifier(BUS_SUBJECT_ORGANISATION, "D2143569-X", "D2143569X");
}

/* The code inside 91310000631295002H fails its own check and is in use. */
static void a_code_whose_inner_check_fails_is_kept(void **state)
{
    (void)state;
    assert_identifier(BUS_SUBJECT_ORGANISATION, "91310000631295002H", "631295002");
    assert_identifier(BUS_SUBJECT_ORGANISATION, "631295002", "631295002");
}

static void old_and_new_numbers_of_a_person_meet(void **state)
{
    (void)state;
    assert_identifier(BUS_SUBJECT_PERSON, "11010519491231002X", "11010519491231002X");
    assert_identifier(BUS_SUBJECT_PERSON, "110105491231002", "11010519491231002X");
}

static void the_declared_kind_decides_which_rule_applies(void **state)
{
    (void)state;
    assert_refused(BUS_SUBJECT_PERSON, "91100000100003962T", "CITIZEN_NUMBER_FORMAT");
    assert_refused(BUS_SUBJECT_ORGANISATION, "11010519491231002X", "USCC_CHECK_DIGIT");
}

static void tells_why_an_identifier_is_refused(void **state)
{
    (void)state;
    assert_refused(BUS_SUBJECT_ORGANISATION, "", "SUBJECT_ID");
    assert_refused(BUS_SUBJECT_PERSON, "", "SUBJECT_ID");
    assert_refused(BUS_SUBJECT_ORGANISATION, "12345", "SUBJECT_ID");
    assert_refused(BUS_SUBJECT_ORGANISATION, "110102100003963", "SUBJECT_ID");
    assert_refused(BUS_SUBJECT_ORGANISATION, "91100000100003962A", "USCC_CHECK_DIGIT");
    assert_refused(BUS_SUBJECT_ORGANISATION, "10000396-3", "ORGANISATION_CODE_CHECK_DIGIT");
    /* A mistyped credit code whose end happens to be an organisation code is not another organisation. */
    assert_refused(BUS_SUBJECT_ORGANISATION, "914502001D2143569X", "USCC_CHECK_DIGIT");
    assert_refused(BUS_SUBJECT_PERSON, "110105194912310021", "CITIZEN_NUMBER_CHECK_DIGIT");
}

static void keys_are_hmac_sm3_of_kind_and_identifier(void **state)
{
    (void)state;
    static const char pepper[] = "0123456789abcdef0123456789abcdef";
    struct bus_subject_keyer *keyer = bus_subject_keyer_create(bus_bytes_text(pepper));
    uint8_t key[BUS_SUBJECT_KEY_SIZE], expected[BUS_DIGEST_SIZE];
    struct bus_hmac_sm3 hmac;
    struct bus_bytes message = bus_bytes_text("O100003962");
    bus_subject_key(keyer, BUS_SUBJECT_ORGANISATION, "100003962", key);
    bus_hmac_sm3_init(&hmac, bus_bytes_text(pepper));
    bus_hmac_sm3_compute(&hmac, &message, 1, expected);
    assert_memory_equal(key, expected, sizeof key);
    bus_subject_key(keyer, BUS_SUBJECT_PERSON, "100003962", key);
    assert_memory_not_equal(key, expected, sizeof key);
    bus_hmac_sm3_release(&hmac);
    bus_subject_keyer_destroy(keyer);
    bus_subject_keyer_destroy(NULL);
}

static void keys_of_many_equal_those_of_each(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    static struct bus_subject subjects[COUNT];
    static uint8_t keys[COUNT + 1][BUS_SUBJECT_KEY_SIZE];
    uint8_t expected[BUS_SUBJECT_KEY_SIZE];
    struct bus_subject_keyer *keyer = bus_subject_keyer_create(bus_bytes_text("0123456789abcdef0123456789abcdef"));
    for (size_t i = 0; i < COUNT; i++) {
        subjects[i].kind = i % 3 == 0 ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
        snprintf(subjects[i].identifier, sizeof subjects[i].identifier, "%0*zu", i % 3 == 0 ? 18 : 9, 100003962 + i);
    }
    for (size_t count = 0; count <= COUNT; count += count < 20 ? 1 : 70) {
        memset(keys, 0xA5, sizeof keys);
        bus_subject_keys(keyer, subjects, count, keys);
        for (size_t i = 0; i < count; i++) {
            bus_subject_key(keyer, subjects[i].kind, subjects[i].identifier, expected);
            assert_memory_equal(keys[i], expected, sizeof expected);
        }
        memset(expected, 0xA5, sizeof expected);
        assert_memory_equal(keys[count], expected, sizeof expected);
    }
    bus_subject_keyer_destroy(keyer);
}

static void partitions_come_from_the_first_eight_bytes(void **state)
{
    (void)state;
    static const uint8_t key[BUS_SUBJECT_KEY_SIZE] = {0, 0, 0, 0, 0, 0, 1, 1, 9, 9};
    static const uint8_t high[BUS_SUBJECT_KEY_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_int_equal(bus_subject_partition(key, 6), 257 % 6);
    assert_int_equal(bus_subject_partition(high, 6), 3); /* 2^64 - 1 modulo 6, unsigned */
}

static enum bus_status load(const char *text, mode_t mode, struct bus_error *error)
{
    char path[] = "/tmp/xinqiao-pepper-XXXXXX";
    int file = mkstemp(path);
    struct bus_subject_keyer *keyer = NULL;
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
    enum bus_status status = bus_subject_keyer_load(path, &keyer, error);
    assert_true((status == BUS_OK) == (keyer != NULL));
    if (status != BUS_OK)
        assert_non_null(strstr(error->message, path));
    bus_subject_keyer_destroy(keyer);
    unlink(path);
    return status;
}

static void peppers_are_hex_and_their_owners_only(void **state)
{
    (void)state;
    static const char good[] = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
    struct bus_error error;
    struct bus_subject_keyer *keyer = NULL;
    char line[80];
    snprintf(line, sizeof line, "%s\n", good);
    assert_int_equal(load(good, 0600, &error), BUS_OK);
    assert_int_equal(load(line, 0400, &error), BUS_OK);
    assert_int_equal(load(line, 0640, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "chmod 600"));
    assert_int_equal(load(good + 2, 0600, &error), BUS_FATAL);
    assert_null(strstr(error.message, "223344")); /* a secret is never in a message */
    assert_int_equal(load("xx112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF", 0600, &error), BUS_FATAL);
    assert_int_equal(load("", 0600, &error), BUS_FATAL);
    assert_int_equal(bus_subject_keyer_load("/nonexistent/pepper", &keyer, &error), BUS_FATAL);
}

static void the_kind_follows_from_the_shape(void **state)
{
    (void)state;
    static const struct {
        const char *text, *identifier;
        enum bus_subject_kind kind;
    } cases[] = {
        {"11010519491231002X", "11010519491231002X", BUS_SUBJECT_PERSON},
        {"91350100M000100Y43", "M000100Y4", BUS_SUBJECT_ORGANISATION},
        {"D2143569-X", "D2143569X", BUS_SUBJECT_ORGANISATION},
    };
    enum bus_subject_kind kind;
    struct bus_error error;
    char identifier[19];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(bus_subject_either(bus_bytes_text(cases[i].text), &kind, identifier, &error), BUS_OK);
        assert_int_equal(kind, cases[i].kind);
        assert_string_equal(identifier, cases[i].identifier);
    }
    assert_int_equal(bus_subject_either(bus_bytes_text("110105194912310021"), &kind, identifier, &error), BUS_REJECT);
    assert_string_equal(error.code, "CITIZEN_NUMBER_CHECK_DIGIT"); /* digits only look like a person's */
    assert_int_equal(bus_subject_either(bus_bytes_text("91350100M000100Y44"), &kind, identifier, &error), BUS_REJECT);
    assert_string_equal(error.code, "USCC_CHECK_DIGIT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_and_new_numbers_of_an_organisation_meet),
        cmocka_unit_test(a_code_whose_inner_check_fails_is_kept),
        cmocka_unit_test(old_and_new_numbers_of_a_person_meet),
        cmocka_unit_test(the_declared_kind_decides_which_rule_applies),
        cmocka_unit_test(tells_why_an_identifier_is_refused),
        cmocka_unit_test(the_kind_follows_from_the_shape),
        cmocka_unit_test(keys_are_hmac_sm3_of_kind_and_identifier),
        cmocka_unit_test(keys_of_many_equal_those_of_each),
        cmocka_unit_test(partitions_come_from_the_first_eight_bytes),
        cmocka_unit_test(peppers_are_hex_and_their_owners_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
