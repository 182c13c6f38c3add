#include "adapters/formats/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iconv.h>

static int set_up(void **state)
{
    struct adapters_decoder *decoder = NULL;
    struct bus_error error;
    if (adapters_decoder_create(&decoder, &error) != BUS_OK)
        return 1;
    *state = decoder;
    return 0;
}

static int tear_down(void **state)
{
    adapters_decoder_destroy(*state);
    return 0;
}

/* Tells the encoding of bytes that come in pieces of `step`. */
static enum adapters_encoding probe(const char *bytes, size_t length, size_t step)
{
    struct adapters_encoding_probe state = {0};
    for (size_t at = 0; at < length; at += step) {
        size_t piece = length - at < step ? length - at : step;
        adapters_encoding_probe_add(&state, bus_bytes_of(bytes + at, piece));
    }
    return adapters_encoding_probe_finish(&state);
}

static void tells_utf8_however_it_is_cut(void **state)
{
    const char text[] = "统一社会信用代码,名称\n𠀀𠮷é,柳州市\n";
    (void)state;
    for (size_t step = 1; step < 12; step++)
        assert_int_equal(probe(text, sizeof text - 1, step), ADAPTERS_ENCODING_UTF8);
    assert_int_equal(probe("plain\n", 6, 4), ADAPTERS_ENCODING_UTF8);
}

static void tells_gb18030_however_it_is_cut(void **state)
{
    const char text[] =
        "\xc1\xf8\xd6\xdd\xca\xd0\xca\xd0\xb3\xa1\xbc\xe0\xb6\xbd\xb9\xdc\xc0\xed\xbe\xd6,a\n"; /* 柳州市市场监督管理局 */
    (void)state;
    for (size_t step = 1; step < 12; step++)
        assert_int_equal(probe(text, sizeof text - 1, step), ADAPTERS_ENCODING_GB18030);
}

static void takes_rare_damage_in_utf8_for_damage(void **state)
{
    char text[3 * 200 + 1];
    (void)state;
    for (size_t i = 0; i < 200; i++)
        memcpy(text + 3 * i, "柳", 3);
    text[600] = '\xc1';
    assert_int_equal(probe(text, sizeof text, 64), ADAPTERS_ENCODING_UTF8);
}

static void trusts_a_byte_order_mark(void **state)
{
    (void)state;
    assert_int_equal(probe("\xef\xbb\xbf\xc1\xf8", 5, 5), ADAPTERS_ENCODING_UTF8);
}

/* Decodes piece by piece, as a file is read. */
static size_t decode(struct adapters_decoder *decoder, enum adapters_encoding encoding, const char *bytes,
                     size_t length, size_t step, uint8_t *text)
{
    uint8_t raw[64];
    size_t kept = 0, total = 0;
    for (size_t at = 0; at < length || kept > 0;) {
        size_t piece = length - at < step ? length - at : step, written, taken;
        memcpy(raw + kept, bytes + at, piece);
        at += piece;
        kept += piece;
        adapters_decoder_run(decoder, encoding, bus_bytes_of(raw, kept), at == length, text + total, &written, &taken);
        total += written;
        kept -= taken;
        memmove(raw, raw + taken, kept);
    }
    return total;
}

static void decodes_as_iconv_does_however_it_is_cut(void **state)
{
    /* Two bytes, ASCII, four bytes in the basic plane and beyond, and a character of GBK's extension. */
    char bytes[] = "\xc1\xf8,a1\x81\x30\x81\x30\x95\x32\x82\x36\x81\x40\n\x84\x31\xa4\x37z";
    char expected[256], *from = bytes, *to = expected;
    size_t from_left = sizeof bytes - 1, to_left = sizeof expected;
    iconv_t judge = iconv_open("UTF-8", "GB18030");
    assert_int_equal(iconv(judge, &from, &from_left, &to, &to_left), 0);
    iconv_close(judge);
    for (size_t step = 1; step < sizeof bytes; step++) {
        uint8_t text[256];
        size_t length = decode(*state, ADAPTERS_ENCODING_GB18030, bytes, sizeof bytes - 1, step, text);
        assert_int_equal(length, sizeof expected - to_left);
        assert_memory_equal(text, expected, length);
    }
}

static void marks_bytes_that_are_no_text_and_goes_on(void **state)
{
    uint8_t text[64];
    size_t length = decode(*state, ADAPTERS_ENCODING_GB18030, "a\xff,\xc1\n\x81", 6, 6, text);
    assert_int_equal(length, 12);
    assert_memory_equal(text,
                        "a\xff"
                        "ff,\xff"
                        "c1\n\xff"
                        "81",
                        length);
    length = decode(*state, ADAPTERS_ENCODING_UTF8, "a\xc0\xaf,\xe6\x9f", 6, 6, text);
    assert_memory_equal(text,
                        "a\xff"
                        "c0\xff"
                        "af,\xff"
                        "e6\xff"
                        "9f",
                        length);
}

static void knows_where_a_cut_off_character_begins(void **state)
{
    (void)state;
    assert_int_equal(adapters_utf8_tail((const uint8_t *)"a柳", 4), 0);
    assert_int_equal(adapters_utf8_tail((const uint8_t *)"a柳", 3), 2);
    assert_int_equal(adapters_utf8_tail((const uint8_t *)"a柳", 2), 1);
    assert_int_equal(adapters_utf8_tail((const uint8_t *)"\x80\x80", 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_utf8_however_it_is_cut),
        cmocka_unit_test(tells_gb18030_however_it_is_cut),
        cmocka_unit_test(takes_rare_damage_in_utf8_for_damage),
        cmocka_unit_test(trusts_a_byte_order_mark),
        cmocka_unit_test(decodes_as_iconv_does_however_it_is_cut),
        cmocka_unit_test(marks_bytes_that_are_no_text_and_goes_on),
        cmocka_unit_test(knows_where_a_cut_off_character_begins),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
