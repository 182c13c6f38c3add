#include "subscribers/sinks/province/listing.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the two above first */
#include <cmocka.h>

/* Records and digests are told apart by their first byte. */
struct heard {
    struct province_listing listing;
    char text[64]; /* of what differs, in the order told */
};

static enum bus_status note_differs(void *self, const uint8_t record[BUS_IDENTITY_SIZE], struct bus_error *error)
{
    struct heard *heard = self;
    size_t length = strlen(heard->text);
    (void)error;
    heard->text[length] = (char)record[0];
    heard->text[length + 1] = '\0';
    return BUS_OK;
}

static void begin(struct heard *heard, const char *ours)
{
    struct bus_error error;
    *heard = (struct heard){0};
    heard->listing.differs = note_differs;
    heard->listing.self = heard;
    for (; *ours != '\0'; ours++) {
        uint8_t record[BUS_IDENTITY_SIZE] = {(uint8_t)*ours}, digest[BUS_DIGEST_SIZE] = {(uint8_t)*ours};
        assert_int_equal(province_listing_add(&heard->listing, record, digest, &error), BUS_OK);
    }
}

/* An upper-case row has another content than ours. */
static enum bus_status meet(struct heard *heard, char row)
{
    struct bus_error error;
    uint8_t record[BUS_IDENTITY_SIZE] = {(uint8_t)(row | 0x20)}, digest[BUS_DIGEST_SIZE] = {(uint8_t)row};
    return province_listing_meet(&heard->listing, record, digest, &error);
}

static void end(struct heard *heard, const char *wanted)
{
    struct bus_error error;
    assert_int_equal(province_listing_end(&heard->listing, &error), BUS_OK);
    assert_string_equal(heard->text, wanted);
    province_listing_release(&heard->listing);
}

static void what_one_side_lacks_or_has_otherwise_is_told_once(void **state)
{
    static const struct {
        const char *ours, *theirs, *differ;
    } cases[] = {
        {"abc", "abc", ""}, {"abc", "ac", "b"},     {"ac", "abc", "b"}, {"abc", "aBc", "b"},     {"abc", "", "abc"},
        {"", "abc", "abc"}, {"bd", "ace", "abcde"}, {"ab", "bc", "ac"}, {"abcz", "aCy", "bcyz"}, {"", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heard heard;
        begin(&heard, cases[i].ours);
        for (const char *at = cases[i].theirs; *at != '\0'; at++)
            assert_int_equal(meet(&heard, *at), BUS_OK);
        end(&heard, cases[i].differ);
    }
}

static void rows_that_do_not_ascend_are_not_believed(void **state)
{
    struct heard heard;
    (void)state;
    begin(&heard, "abc");
    assert_int_equal(meet(&heard, 'b'), BUS_OK);
    assert_int_equal(meet(&heard, 'b'), BUS_REJECT);
    assert_int_equal(meet(&heard, 'a'), BUS_REJECT);
    province_listing_release(&heard.listing);
}

static void a_listing_can_be_used_again(void **state)
{
    struct heard heard;
    (void)state;
    begin(&heard, "ab");
    assert_int_equal(meet(&heard, 'b'), BUS_OK);
    province_listing_reset(&heard.listing);
    assert_int_equal(meet(&heard, 'a'), BUS_OK);
    end(&heard, "aa");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_side_lacks_or_has_otherwise_is_told_once),
        cmocka_unit_test(rows_that_do_not_ascend_are_not_believed),
        cmocka_unit_test(a_listing_can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
