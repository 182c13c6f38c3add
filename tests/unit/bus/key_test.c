#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka needs the three above first */
#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/key.h"

static char folder[] = "/tmp/key_test.XXXXXX";
static const enum bus_suite both[] = {BUS_SUITE_SM2_SM3, BUS_SUITE_ED25519_SHA256};

static const char *in_folder(const char *name)
{
    static char paths[4][256];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, 256, "%s/%s", folder, name);
    return path;
}

static void write_text(const char *path, mode_t mode, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
}

static struct bus_key *generated(enum bus_suite suite)
{
    struct bus_key *key = NULL;
    struct bus_error error;
    assert_int_equal(bus_key_generate(suite, &key, &error), BUS_OK);
    assert_int_equal(bus_key_suite(key), suite);
    assert_true(bus_key_is_private(key));
    return key;
}

/* GB/T 32918.5 annex A.2, in the recommended curve: key, message, identity and signature. */
static void verifies_the_published_sm2_signature(void **state)
{
    static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                     "MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAECfnfMR5UIaFQ3X0WHkvFxnIXn60Y\n"
                                     "M/wHa7CP81bzUCDM6kkM4md1pS3G6nGMwapgCu0F+/NeCEpmMvYHLamtEw==\n"
                                     "-----END PUBLIC KEY-----\n";
    static const char signature_hex[] = "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
                                        "022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
    struct bus_key *key = NULL;
    struct bus_error error;
    uint8_t signature[72];
    (void)state;
    write_text(in_folder("published.pem"), 0644, public_pem);
    assert_int_equal(bus_key_load(in_folder("published.pem"), &key, &error), BUS_OK);
    assert_int_equal(bus_key_suite(key), BUS_SUITE_SM2_SM3);
    assert_false(bus_key_is_private(key));
    assert_true(bus_unhex(signature_hex, signature, sizeof signature));
    struct bus_bytes view = bus_bytes_of(signature, sizeof signature);
    assert_int_equal(bus_key_verify(key, bus_bytes_text("message digest"), view, &error), BUS_OK);
    assert_int_equal(bus_key_verify(key, bus_bytes_text("message digest."), view, &error), BUS_REJECT);
    assert_string_equal(error.code, "SEAL_SIGNATURE");
    bus_key_destroy(key);
}

static void its_signature_verifies_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bus_key *key = generated(both[i]), *other = generated(both[i]);
        uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
        size_t length = 0;
        struct bus_error error;
        assert_int_equal(bus_key_sign(key, bus_bytes_text("text"), signature, &length, &error), BUS_OK);
        assert_in_range(length, 64, 72);
        struct bus_bytes view = bus_bytes_of(signature, length);
        assert_int_equal(bus_key_verify(key, bus_bytes_text("text"), view, &error), BUS_OK);
        assert_int_equal(bus_key_verify(key, bus_bytes_text("Text"), view, &error), BUS_REJECT);
        assert_int_equal(bus_key_verify(other, bus_bytes_text("text"), view, &error), BUS_REJECT);
        assert_int_equal(bus_key_verify(key, bus_bytes_text("text"), bus_bytes_of(signature, length - 1), &error),
                         BUS_REJECT);
        assert_int_equal(bus_key_verify(key, bus_bytes_text("text"), bus_bytes_of(signature, 0), &error), BUS_REJECT);
        signature[length - 1] ^= 1;
        assert_int_equal(bus_key_verify(key, bus_bytes_text("text"), view, &error), BUS_REJECT);
        bus_key_destroy(key);
        bus_key_destroy(other);
    }
}

static void comes_back_from_its_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bus_key *key = generated(both[i]), *private_half = NULL, *public_half = NULL;
        uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
        char public_name[40];
        size_t length;
        struct bus_error error;
        struct stat about;
        snprintf(public_name, sizeof public_name, "%s.pem", bus_key_id_view(key));
        const char *private_path = in_folder(i == 0 ? "sm2.key.pem" : "ed25519.key.pem");
        assert_int_equal(bus_key_save_private(key, private_path, &error), BUS_OK);
        assert_int_equal(bus_key_save_public(key, in_folder(public_name), &error), BUS_OK);
        assert_int_equal(stat(private_path, &about), 0);
        assert_int_equal(about.st_mode & 07777, 0600);

        assert_int_equal(bus_key_load(private_path, &private_half, &error), BUS_OK);
        assert_int_equal(bus_key_find(folder, bus_key_id_view(key), &public_half, &error), BUS_OK);
        assert_int_equal(bus_key_suite(public_half), both[i]);
        assert_string_equal(bus_key_id_view(private_half), bus_key_id_view(key));
        assert_string_equal(bus_key_id_view(public_half), bus_key_id_view(key));
        assert_int_equal(strlen(bus_key_id_view(key)), 16);
        assert_int_equal(bus_key_sign(private_half, bus_bytes_text("text"), signature, &length, &error), BUS_OK);
        assert_int_equal(bus_key_verify(public_half, bus_bytes_text("text"), bus_bytes_of(signature, length), &error),
                         BUS_OK);
        assert_int_equal(bus_key_sign(public_half, bus_bytes_text("text"), signature, &length, &error), BUS_FATAL);
        assert_int_equal(bus_key_save_private(public_half, in_folder("never"), &error), BUS_FATAL);
        bus_key_destroy(key);
        bus_key_destroy(private_half);
        bus_key_destroy(public_half);
    }
}

static void never_overwrites_a_file(void **state)
{
    struct bus_key *key = generated(BUS_SUITE_SM2_SM3);
    struct bus_error error;
    struct stat about;
    (void)state;
    write_text(in_folder("kept"), 0600, "kept");
    assert_int_equal(bus_key_save_private(key, in_folder("kept"), &error), BUS_FATAL);
    assert_int_equal(bus_key_save_public(key, in_folder("kept"), &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "/kept"));
    assert_int_equal(stat(in_folder("kept"), &about), 0);
    assert_int_equal(about.st_size, 4);
    assert_int_equal(bus_key_save_public(key, in_folder("no/such/folder"), &error), BUS_FATAL);
    bus_key_destroy(key);
}

static void refuses_a_private_key_that_others_may_read(void **state)
{
    struct bus_key *key = generated(BUS_SUITE_ED25519_SHA256), *loaded = NULL;
    struct bus_error error;
    (void)state;
    assert_int_equal(bus_key_save_private(key, in_folder("open.key.pem"), &error), BUS_OK);
    chmod(in_folder("open.key.pem"), 0640);
    assert_int_equal(bus_key_load(in_folder("open.key.pem"), &loaded, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "chmod 600"));
    bus_key_destroy(key);
}

static void refuses_files_that_are_no_key_of_a_suite(void **state)
{
    static const char *const texts[] = {
        "",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        /* P-256 */
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBsc8BdFS8f6TCclzdLDASVkXM7dU\n"
        "f1vZghxooldvEz6A+YPfDtdwqSYTJVoqnsyfSnj6vAaP9DHvTsOyd6DOzg==\n"
        "-----END PUBLIC KEY-----\n",
        /* encrypted: must not ask for a password */
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjVLzJv3+JbfgICCAAw\n"
        "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEOLTHlbF0b9n64D0gz0wvj4EQAEE\n"
        "Wd2VzSbJbuiwVaRxDwO8nqJAa2uNb64YKxuhAllbpJHtV1w7o6WMNpkUpOefOVF/\n"
        "ky8ppei2YfRVBkzIaEg=\n"
        "-----END ENCRYPTED PRIVATE KEY-----\n",
    };
    struct bus_key *key = NULL;
    struct bus_error error;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(in_folder("bad.pem"), 0600, texts[i]);
        assert_int_equal(bus_key_load(in_folder("bad.pem"), &key, &error), BUS_FATAL);
        assert_non_null(strstr(error.message, "/bad.pem"));
    }
    assert_int_equal(bus_key_load(in_folder("missing.pem"), &key, &error), BUS_FATAL);
    assert_int_equal(bus_key_load(folder, &key, &error), BUS_FATAL);
    assert_null(key);
}

static void finds_only_pinned_keys(void **state)
{
    struct bus_key *key = generated(BUS_SUITE_SM2_SM3), *found = NULL;
    struct bus_error error;
    (void)state;
    assert_int_equal(bus_key_find(folder, bus_key_id_view(key), &found, &error), BUS_REJECT);
    assert_string_equal(error.code, "SEAL_KEY");
    assert_int_equal(bus_key_find(folder, "../../etc/passwd", &found, &error), BUS_REJECT);
    assert_int_equal(bus_key_find(folder, "ABCDEF0123456789", &found, &error), BUS_REJECT);
    assert_int_equal(bus_key_save_public(key, in_folder("elsewhere.pem"), &error), BUS_OK);
    assert_int_equal(bus_key_find(folder, "./elsewhere", &found, &error), BUS_REJECT);
    assert_int_equal(bus_key_find(folder, "", &found, &error), BUS_REJECT);
    assert_int_equal(bus_key_find("/no/such/folder", bus_key_id_view(key), &found, &error), BUS_FATAL);
    assert_int_equal(bus_key_save_public(key, in_folder("0123456789abcdef.pem"), &error), BUS_OK);
    assert_int_equal(bus_key_find(folder, "0123456789abcdef", &found, &error), BUS_FATAL);
    assert_null(found);
    bus_key_destroy(key);
}

static void knows_its_suites_by_name(void **state)
{
    enum bus_suite suite;
    struct bus_error error;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(bus_suite_parse(bus_suite_name(both[i]), &suite, &error), BUS_OK);
        assert_int_equal(suite, both[i]);
    }
    assert_int_equal(bus_suite_hash(BUS_SUITE_SM2_SM3), BUS_HASH_SM3);
    assert_int_equal(bus_suite_hash(BUS_SUITE_ED25519_SHA256), BUS_HASH_SHA256);
    assert_int_equal(bus_suite_parse("sm2", &suite, &error), BUS_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_the_published_sm2_signature),
        cmocka_unit_test(its_signature_verifies_and_no_other),
        cmocka_unit_test(comes_back_from_its_files),
        cmocka_unit_test(never_overwrites_a_file),
        cmocka_unit_test(refuses_a_private_key_that_others_may_read),
        cmocka_unit_test(refuses_files_that_are_no_key_of_a_suite),
        cmocka_unit_test(finds_only_pinned_keys),
        cmocka_unit_test(knows_its_suites_by_name),
    };
    char clean[64];
    if (mkdtemp(folder) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(clean, sizeof clean, "rm -rf %s", folder);
    return system(clean) != 0 || failed;
}
