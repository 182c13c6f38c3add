#include "bus/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants the three above first */
#include <cmocka.h>

enum { LIMIT = 4096, MOST = 600 };

/* RFC 4648 section 10. */
static const char *const vectors[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};

static void the_standards_vectors_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct bus_buffer text, bytes;
        bus_buffer_init(&text, LIMIT);
        bus_buffer_init(&bytes, LIMIT);
        bus_base64_append(&text, bus_bytes_text(vectors[i][0]));
        assert_true(bus_bytes_equal_text(bus_buffer_view(&text), vectors[i][1]));
        assert_true(bus_base64_read(bus_bytes_text(vectors[i][1]), &bytes));
        assert_true(bus_bytes_equal_text(bus_buffer_view(&bytes), vectors[i][0]));
        bus_buffer_release(&text);
        bus_buffer_release(&bytes);
    }
}

static void bytes_of_any_length_come_back(void **state)
{
    (void)state;
    uint8_t all[MOST];
    for (size_t i = 0; i < MOST; i++)
        all[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t length = 0; length <= MOST; length++) {
        struct bus_buffer text, bytes;
        bus_buffer_init(&text, LIMIT);
        bus_buffer_init(&bytes, LIMIT);
        bus_base64_append(&text, bus_bytes_of(all, length));
        assert_int_equal(text.length, (length + 2) / 3 * 4);
        assert_true(bus_base64_read(bus_buffer_view(&text), &bytes));
        assert_true(bus_bytes_equal(bus_buffer_view(&bytes), bus_bytes_of(all, length)));
        bus_buffer_release(&text);
        bus_buffer_release(&bytes);
    }
}

static void only_what_append_writes_is_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zg",    "Zg=",  "Zg===", "Zh==", "Zm9=", "Zm8=Zm8=", "=Zg=",
                                      "Z=g=", "Zm9v ", " Zm9", "Zm9\n", "Zm-v", "Zm_v", "====",     "Zm9vZ"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bus_buffer bytes;
        bus_buffer_init(&bytes, LIMIT);
        assert_false(bus_base64_read(bus_bytes_text(bad[i]), &bytes));
        bus_buffer_release(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_standards_vectors_hold),
                                       cmocka_unit_test(bytes_of_any_length_come_back),
                                       cmocka_unit_test(only_what_append_writes_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
