#include "adapters/sources/push/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "adapters/sources/push/answer.h"

enum { HOUR_MS = 3600 * 1000 };

static void make_id(int number, uint8_t out_id[ADAPTERS_PUSH_ID_SIZE])
{
    char key[32];
    snprintf(key, sizeof key, "key-%d", number);
    adapters_push_keys_id("vendor", "penalty", bus_bytes_text(key), out_id);
}

static void note(struct adapters_push_keys *keys, int number, int64_t at_ms)
{
    uint8_t id[ADAPTERS_PUSH_ID_SIZE], body[BUS_DIGEST_SIZE] = {(uint8_t)number};
    struct adapters_push_answer answer;
    struct bus_buffer record;
    struct bus_error error;
    make_id(number, id);
    adapters_push_answer_init(&answer);
    bus_buffer_init(&record, 1024);
    assert_int_equal(adapters_push_answer_encode(&answer, "penalty", body, at_ms, &record, &error), BUS_OK);
    assert_int_equal(adapters_push_keys_note(keys, id, bus_buffer_view(&record), &error), BUS_OK);
    bus_buffer_release(&record);
    adapters_push_answer_release(&answer);
}

static bool knows(struct adapters_push_keys *keys, int number)
{
    uint8_t id[ADAPTERS_PUSH_ID_SIZE];
    const uint8_t *body;
    struct bus_bytes record;
    make_id(number, id);
    bool is_known = adapters_push_keys_find(keys, id, &body, &record);
    assert_true(!is_known || (body[0] == (uint8_t)number && record.length > 0));
    return is_known;
}

static struct adapters_push_keys *create(size_t count, size_t bytes)
{
    struct adapters_push_keys *keys = adapters_push_keys_create(
        &(struct adapters_push_keys_limits){.keep_ms = HOUR_MS, .keep_count = count, .keep_bytes = bytes});
    assert_non_null(keys);
    return keys;
}

static void a_key_means_another_thing_to_another_client_or_feed(void **state)
{
    (void)state;
    uint8_t ids[4][ADAPTERS_PUSH_ID_SIZE];
    adapters_push_keys_id("a", "bc", bus_bytes_text("k"), ids[0]);
    adapters_push_keys_id("ab", "c", bus_bytes_text("k"), ids[1]);
    adapters_push_keys_id("a", "b", bus_bytes_text("ck"), ids[2]);
    adapters_push_keys_id("a", "bc", bus_bytes_text("l"), ids[3]);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(ids[i], ids[j], sizeof ids[i]);
}

static void thousands_of_keys_are_found_and_forgotten(void **state)
{
    (void)state;
    struct adapters_push_keys *keys = create(10000, 1 << 30);
    for (int i = 0; i < 3000; i++)
        note(keys, i, i);
    note(keys, 7, 5000); /* anew: it is the youngest now */
    assert_int_equal(adapters_push_keys_count(keys), 3000);
    for (int i = 0; i < 3000; i += 2) {
        uint8_t id[ADAPTERS_PUSH_ID_SIZE];
        make_id(i, id);
        adapters_push_keys_forget(keys, id);
        adapters_push_keys_forget(keys, id);
    }
    for (int i = 0; i < 3000; i++)
        assert_int_equal(knows(keys, i), i % 2);
    assert_false(knows(keys, 3000));
    assert_int_equal(adapters_push_keys_count(keys), 1500);
    adapters_push_keys_destroy(keys);
}

static size_t expire(struct adapters_push_keys *keys, int64_t now_ms)
{
    uint8_t ids[ADAPTERS_PUSH_EXPIRED_MAX][ADAPTERS_PUSH_ID_SIZE];
    size_t count = adapters_push_keys_expired(keys, now_ms, ids, ADAPTERS_PUSH_EXPIRED_MAX);
    for (size_t i = 0; i < count; i++)
        adapters_push_keys_forget(keys, ids[i]);
    return count;
}

static void the_oldest_go_by_time_count_and_size(void **state)
{
    (void)state;
    struct adapters_push_keys *keys = create(10, 1 << 20);
    for (int i = 0; i < 12; i++)
        note(keys, i, i);
    assert_int_equal(expire(keys, 12), 2);
    assert_false(knows(keys, 1));
    assert_true(knows(keys, 2));
    assert_int_equal(expire(keys, HOUR_MS + 5), 3);
    assert_false(knows(keys, 4));
    assert_true(knows(keys, 5));
    adapters_push_keys_destroy(keys);

    keys = create(1000, 400);
    for (int i = 0; i < 12; i++)
        note(keys, i, i);
    assert_true(expire(keys, 12) > 0);
    assert_int_equal(expire(keys, 12), 0);
    assert_true(knows(keys, 11));
    adapters_push_keys_destroy(keys);
}

static void what_is_no_answer_is_not_noted(void **state)
{
    (void)state;
    struct adapters_push_keys *keys = create(10, 1 << 20);
    uint8_t id[ADAPTERS_PUSH_ID_SIZE] = {0};
    struct bus_error error;
    assert_int_equal(adapters_push_keys_note(keys, id, bus_bytes_text("nothing"), &error), BUS_REJECT);
    assert_int_equal(adapters_push_keys_count(keys), 0);
    adapters_push_keys_destroy(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_means_another_thing_to_another_client_or_feed),
        cmocka_unit_test(thousands_of_keys_are_found_and_forgotten),
        cmocka_unit_test(the_oldest_go_by_time_count_and_size),
        cmocka_unit_test(what_is_no_answer_is_not_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
