#include "bus/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

static struct bus_json_document *parse(const char *text)
{
    struct bus_json_document *document = NULL;
    struct bus_error error;
    if (bus_json_parse(bus_bytes_text(text), &document, &error) != BUS_OK)
        fail_msg("%s", error.message);
    return document;
}

static void writes_commas_and_escapes(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, 4096);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    bus_json_name(&json, "a");
    bus_json_array(&json);
    bus_json_integer(&json, -5);
    bus_json_boolean(&json, true);
    bus_json_null(&json);
    bus_json_object(&json);
    bus_json_end_object(&json);
    bus_json_end_array(&json);
    bus_json_name(&json, "b");
    bus_json_text(&json, bus_bytes_of("\"\\\n\0\x1f柳\xff!", 10));
    bus_json_name(&json, "c");
    bus_json_raw(&json, bus_bytes_text("0.20"));
    bus_json_name(&json, "d");
    bus_json_real(&json, 0.5);
    bus_json_end_object(&json);
    bus_buffer_u8(&buffer, 0);
    assert_string_equal(
        (const char *)buffer.data,
        "{\"a\":[-5,true,null,{}],\"b\":\"\\\"\\\\\\n\\u0000\\u001f柳\xef\xbf\xbd!\",\"c\":0.20,\"d\":0.5}");
    bus_buffer_release(&buffer);
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    struct bus_json_document *document =
        parse(" {\"b\": [1, -2.50, \"\\u67f3\\ud842\\udfb7\\n\"], \"a\": {\"x\": true, \"y\": null}} ");
    const struct bus_json_value *root = bus_json_root(document);
    assert_int_equal(bus_json_type(root), BUS_JSON_OBJECT);
    assert_int_equal(bus_json_count(root), 2);
    assert_string_equal(bus_json_member_name(root, 0), "b");
    const struct bus_json_value *array = bus_json_member_at(root, 0);
    assert_int_equal(bus_json_count(array), 3);
    assert_int_equal(bus_json_as_integer(bus_json_at(array, 0)), 1);
    assert_true(bus_bytes_equal_text(bus_json_number_text(bus_json_at(array, 1)), "-2.50"));
    assert_int_equal(bus_json_as_integer(bus_json_at(array, 1)), 0);
    assert_true(bus_bytes_equal_text(bus_json_as_text(bus_json_at(array, 2)), "柳𠮷\n"));
    const struct bus_json_value *inner = bus_json_member(root, "a");
    assert_true(bus_json_as_boolean(bus_json_member(inner, "x")));
    assert_int_equal(bus_json_type(bus_json_member(inner, "y")), BUS_JSON_NULL);
    assert_null(bus_json_member(inner, "z"));
    assert_null(bus_json_member(array, "z"));
    bus_json_destroy(document);
}

static void integers_beyond_64_bits_are_no_integers(void **state)
{
    (void)state;
    struct bus_json_document *document = parse("[9223372036854775807, 9223372036854775808, 1e3]");
    const struct bus_json_value *root = bus_json_root(document);
    assert_true(bus_json_as_integer(bus_json_at(root, 0)) == INT64_MAX);
    assert_int_equal(bus_json_as_integer(bus_json_at(root, 1)), 0);
    assert_int_equal(bus_json_as_integer(bus_json_at(root, 2)), 0);
    bus_json_destroy(document);
}

static const char *const texts[] = {
    "",
    " ",
    "{}",
    "[]",
    "{\"a\":1}",
    "{\"a\":1,}",
    "[1,]",
    "[,]",
    "{,}",
    "{\"a\"}",
    "{a:1}",
    "[1 2]",
    "01",
    "-",
    "-0",
    "1.",
    ".5",
    "1e",
    "1e+",
    "1E-2",
    "+1",
    "0x1",
    "nul",
    "null",
    "nullx",
    "true",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"\\ud83d\\ude00\"",
    "\"\x01\"",
    "\"\t\"",
    "\"\xff\"",
    "\"\xc3\xa9\"",
    "[[[[]]]]",
    "[[[",
    "]",
    "{\"a\":{\"b\":[1,{\"c\":null}]}}",
    "{\"a\":1,\"a\":2}",
    "{} {}",
    "[1]x",
    "\xef\xbb\xbf{}",
    "{\"a\":1 \"b\":2}",
    "[1,2",
    "{\"a\":",
};

static void judges_as_jansson_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bus_json_document *document = NULL;
        struct bus_error error;
        enum bus_status status = bus_json_parse(bus_bytes_text(texts[i]), &document, &error);
        json_t *expected = json_loads(texts[i], JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
        if ((status == BUS_OK) != (expected != NULL))
            fail_msg("'%s' is judged otherwise", texts[i]);
        if (status != BUS_OK)
            assert_string_equal(error.code, "JSON_SYNTAX");
        json_decref(expected);
        bus_json_destroy(document);
    }
}

static void names_line_and_column(void **state)
{
    (void)state;
    struct bus_json_document *document = NULL;
    struct bus_error error;
    assert_int_equal(bus_json_parse(bus_bytes_text("{\n  \"柳\": x}"), &document, &error), BUS_REJECT);
    assert_non_null(strstr(error.message, "line 2, column 8"));
    assert_non_null(strstr(error.message_zh, "第2行第8列"));
}

static void refuses_deep_nesting_and_zero_bytes(void **state)
{
    (void)state;
    struct bus_json_document *document = NULL;
    struct bus_error error;
    char deep[200];
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    assert_int_equal(bus_json_parse(bus_bytes_of(deep, 130), &document, &error), BUS_REJECT);
    assert_non_null(strstr(error.message, "deeper than 64"));
    assert_int_equal(bus_json_parse(bus_bytes_of(deep + 1, 128), &document, &error), BUS_OK);
    bus_json_destroy(document);
    assert_int_equal(bus_json_parse(bus_bytes_of("\"a\0b\"", 5), &document, &error), BUS_REJECT);
}

static void finds_a_duplicate_among_many_members(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    struct bus_error error;
    struct bus_json_document *document = NULL;
    bus_buffer_init(&buffer, 1 << 20);
    for (int i = 0; i < 20000; i++)
        bus_buffer_printf(&buffer, "%c\"n%d\":%d", i == 0 ? '{' : ',', i, i);
    size_t length = buffer.length;
    bus_buffer_printf(&buffer, "}");
    assert_int_equal(bus_json_parse(bus_buffer_view(&buffer), &document, &error), BUS_OK);
    bus_json_destroy(document);
    buffer.length = length;
    bus_buffer_printf(&buffer, ",\"n77\":0}");
    assert_int_equal(bus_json_parse(bus_buffer_view(&buffer), &document, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_commas_and_escapes),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(integers_beyond_64_bits_are_no_integers),
        cmocka_unit_test(judges_as_jansson_does),
        cmocka_unit_test(names_line_and_column),
        cmocka_unit_test(refuses_deep_nesting_and_zero_bytes),
        cmocka_unit_test(finds_a_duplicate_among_many_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
