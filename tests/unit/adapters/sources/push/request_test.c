#include "adapters/sources/push/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/sources/push/peer.h"
#include "bus/json.h"

static void a_key_may_be_quoted_and_holds_visible_characters_only(void **state)
{
    (void)state;
    struct bus_bytes key;
    char longest[ADAPTERS_PUSH_KEY_MAX + 4] = {0};
    assert_true(adapters_push_read_key("8e03978e-40d5", &key) && bus_bytes_equal_text(key, "8e03978e-40d5"));
    assert_true(adapters_push_read_key("\"8e03978e-40d5\"", &key) && bus_bytes_equal_text(key, "8e03978e-40d5"));
    memset(longest, 'k', ADAPTERS_PUSH_KEY_MAX);
    assert_true(adapters_push_read_key(longest, &key));
    longest[ADAPTERS_PUSH_KEY_MAX] = 'k';
    assert_false(adapters_push_read_key(longest, &key));
    static const char *const bad[] = {"", "\"\"", "a b", "a\tb", "键", "\"a", "a\"b", "a\\b", "a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(adapters_push_read_key(bad[i], &key));
}

static void two_forms_of_bodies_are_known_in_utf8(void **state)
{
    (void)state;
    enum adapters_push_form form;
    assert_true(adapters_push_read_form("application/json", &form) && form == ADAPTERS_PUSH_ARRAY);
    assert_true(adapters_push_read_form("Application/JSON; charset=UTF-8", &form) && form == ADAPTERS_PUSH_ARRAY);
    assert_true(adapters_push_read_form("application/x-ndjson", &form) && form == ADAPTERS_PUSH_LINES);
    assert_true(adapters_push_read_form(" application/x-ndjson ;charset=\"utf-8\"", &form) &&
                form == ADAPTERS_PUSH_LINES);
    static const char *const bad[] = {"",
                                      "text/csv",
                                      "application/jsonx",
                                      "application/json; charset=gbk",
                                      "application",
                                      "application/json charset"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(adapters_push_read_form(bad[i], &form));
}

static void a_client_is_known_by_its_fingerprint_before_its_name(void **state)
{
    (void)state;
    static struct adapters_push_settings settings = {
        .clients = {{.name = "vendor"}, {.name = "AB", .fingerprint = "ab"}, {.name = "other"}}, .client_count = 3};
    assert_int_equal(adapters_push_peer_find(&settings, "vendor", "cd"), 0);
    assert_int_equal(adapters_push_peer_find(&settings, "vendor", "ab"), 1);
    assert_int_equal(adapters_push_peer_find(&settings, "other", "cd"), 2);
    assert_int_equal(adapters_push_peer_find(&settings, "AB", "cd"), 3);
    assert_int_equal(adapters_push_peer_find(&settings, "", "cd"), 3);
    assert_int_equal(adapters_push_peer_find(&settings, "Vendor", "cd"), 3);
}

static void every_problem_is_told_in_both_languages(void **state)
{
    (void)state;
    for (int problem = 0; problem < ADAPTERS_PUSH_PROBLEMS; problem++) {
        struct bus_http_reply reply = adapters_push_problem((enum adapters_push_problem)problem, NULL, 5);
        struct bus_json_document *document = NULL;
        struct bus_error error;
        assert_int_equal(bus_json_parse(bus_buffer_view(&reply.body), &document, &error), BUS_OK);
        const struct bus_json_value *root = bus_json_root(document);
        assert_true(reply.status >= 400 && reply.status < 600);
        assert_int_equal(bus_json_as_integer(bus_json_member(root, "status")), reply.status);
        assert_true(bus_json_as_text(bus_json_member(root, "reason_zh")).data[0] >= 0x80 ||
                    problem == ADAPTERS_PUSH_BAD_KEY || problem == ADAPTERS_PUSH_WRONG_TYPE);
        assert_true(bus_json_as_text(bus_json_member(root, "reason_en")).length > 10);
        assert_string_equal(reply.type, "application/problem+json");
        assert_int_equal(reply.retry_after_s, 5);
        bus_json_destroy(document);
        bus_http_reply_release(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_may_be_quoted_and_holds_visible_characters_only),
        cmocka_unit_test(two_forms_of_bodies_are_known_in_utf8),
        cmocka_unit_test(a_client_is_known_by_its_fingerprint_before_its_name),
        cmocka_unit_test(every_problem_is_told_in_both_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
