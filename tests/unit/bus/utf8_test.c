#include "bus/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static bool valid(const char *text)
{
    return bus_utf8_valid(bus_bytes_text(text));
}

static void accepts_text_of_every_length_class(void **state)
{
    (void)state;
    assert_true(valid(""));
    assert_true(valid("plain ASCII that is longer than a word"));
    assert_true(valid("柳州市市场监督管理局"));
    assert_true(valid("mixed 柳州 and é and 𠮷 and more ASCII, 柳州市市场监督管理局。"));
    assert_true(valid("\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
}

static void refuses_what_the_standard_forbids(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc2",
                                      "\xe6\x9f",
                                      "\xf0\x9f\x98",
                                      "\xc2\x41",
                                      "\xe6\x9f\x41",
                                      "\xe6\x41\xb3",
                                      "\xf0\x9f\x98\x41"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        for (int before = 0; before < 20; before++) {
            snprintf(text, sizeof text, "%.*s%s%s", before, "aaaaaaaaaaaaaaaaaaaaaaaa", bad[i], "12345678");
            assert_false(valid(text));
            snprintf(text, sizeof text, "%.*s%s%s", before / 3 * 3, "柳州市市场监督", bad[i], "柳州市");
            assert_false(valid(text));
        }
    }
}

static void refuses_a_zero_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < 24; i++) {
        uint8_t text[24];
        memset(text, 'a', sizeof text);
        text[i] = 0;
        assert_false(bus_utf8_valid(bus_bytes_of(text, sizeof text)));
    }
}

/* The quick path and the plain one must agree on every three-byte pattern. */
static void judges_all_three_byte_sequences_alike_in_long_text(void **state)
{
    (void)state;
    for (unsigned lead = 0xe0; lead <= 0xf0; lead++) {
        for (unsigned second = 0x7f; second <= 0xc0; second++) {
            uint8_t text[12] = {
                (uint8_t)lead, (uint8_t)second, 0x80, (uint8_t)lead, (uint8_t)second, 0xbf, 'a', 'b', 'c', 'd'};
            bool alone = bus_utf8_sequence(bus_bytes_of(text, 3)) == 3;
            assert_int_equal(bus_utf8_valid(bus_bytes_of(text, 10)), alone);
        }
    }
}

static void counts_characters_and_writes_code_points(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 100);
    bus_utf8_append(&buffer, 'a');
    bus_utf8_append(&buffer, 0xe9);
    bus_utf8_append(&buffer, 0x67f3);
    bus_utf8_append(&buffer, 0x20bb7);
    assert_true(bus_bytes_equal_text(bus_buffer_view(&buffer), "aé柳𠮷"));
    assert_int_equal(bus_utf8_characters(bus_buffer_view(&buffer)), 4);
    bus_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_text_of_every_length_class),
        cmocka_unit_test(refuses_what_the_standard_forbids),
        cmocka_unit_test(refuses_a_zero_byte),
        cmocka_unit_test(judges_all_three_byte_sequences_alike_in_long_text),
        cmocka_unit_test(counts_characters_and_writes_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
