#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus/overlay.h"

enum { MANY = 5000 };

static void one_key_has_one_slot(void **unused)
{
    (void)unused;
    struct bus_overlay *overlay = bus_overlay_create(1 << 20);
    struct bus_slot *slot = bus_overlay_slot(overlay, bus_bytes_text("key"));
    assert_non_null(slot);
    assert_ptr_equal(bus_overlay_slot(overlay, bus_bytes_text("key")), slot);
    assert_ptr_not_equal(bus_overlay_slot(overlay, bus_bytes_text("kez")), slot);
    bus_overlay_destroy(overlay);
}

static void finds_every_key_after_growing(void **unused)
{
    (void)unused;
    struct bus_overlay *overlay = bus_overlay_create(16 << 20);
    for (int i = 0; i < MANY; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %d", i);
        struct bus_slot *slot = bus_overlay_slot(overlay, bus_bytes_text(key));
        assert_true(bus_overlay_change(overlay, slot, bus_bytes_of(&i, sizeof i)));
    }
    for (int i = 0; i < MANY; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %d", i);
        struct bus_slot *slot = bus_overlay_slot(overlay, bus_bytes_text(key));
        assert_memory_equal(slot->value, &i, sizeof i);
    }
    bus_overlay_destroy(overlay);
}

static void gives_changed_slots_in_the_order_of_their_keys(void **unused)
{
    (void)unused;
    struct bus_overlay *overlay = bus_overlay_create(1 << 20);
    const char *keys[] = {"b", "aa", "a", "c", "ab"};
    for (size_t i = 0; i < 5; i++)
        assert_true(
            bus_overlay_change(overlay, bus_overlay_slot(overlay, bus_bytes_text(keys[i])), bus_bytes_text("value")));
    assert_true(
        bus_overlay_load(overlay, bus_overlay_slot(overlay, bus_bytes_text("only read")), bus_bytes_text("value")));
    size_t count;
    struct bus_slot **slots = bus_overlay_changed_sorted(overlay, &count);
    assert_int_equal(count, 5);
    const char *sorted[] = {"a", "aa", "ab", "b", "c"};
    for (size_t i = 0; i < 5; i++)
        assert_true(bus_bytes_equal_text(slots[i]->key, sorted[i]));
    bus_overlay_destroy(overlay);
}

static void gives_wanted_slots_once_and_not_when_loaded(void **unused)
{
    (void)unused;
    struct bus_overlay *overlay = bus_overlay_create(1 << 20);
    bus_overlay_slot(overlay, bus_bytes_text("wanted"));
    assert_true(
        bus_overlay_load(overlay, bus_overlay_slot(overlay, bus_bytes_text("loaded")), (struct bus_bytes){NULL, 0}));
    size_t count;
    struct bus_slot **slots = bus_overlay_wanted(overlay, &count);
    assert_int_equal(count, 1);
    assert_true(bus_bytes_equal_text(slots[0]->key, "wanted"));
    bus_overlay_wanted(overlay, &count);
    assert_int_equal(count, 0);
    bus_overlay_destroy(overlay);
}

static void a_longer_value_replaces_a_shorter_one(void **unused)
{
    (void)unused;
    struct bus_overlay *overlay = bus_overlay_create(1 << 20);
    struct bus_slot *slot = bus_overlay_slot(overlay, bus_bytes_text("key"));
    assert_true(bus_overlay_change(overlay, slot, bus_bytes_text("short")));
    assert_true(bus_overlay_change(overlay, slot, bus_bytes_text("a good deal longer than that")));
    assert_true(bus_bytes_equal_text(bus_bytes_of(slot->value, slot->value_length), "a good deal longer than that"));
    assert_true(bus_overlay_change(overlay, slot, (struct bus_bytes){NULL, 0}));
    assert_null(slot->value);
    assert_true(slot->changed);
    bus_overlay_destroy(overlay);
}

static void says_when_its_memory_is_used_up(void **unused)
{
    (void)unused;
    struct bus_overlay *overlay = bus_overlay_create(1024);
    uint8_t big[2048] = {0};
    struct bus_slot *slot = bus_overlay_slot(overlay, bus_bytes_text("key"));
    assert_non_null(slot);
    assert_false(bus_overlay_change(overlay, slot, bus_bytes_of(big, sizeof big)));
    assert_false(slot->changed);
    assert_null(bus_overlay_slot(overlay, bus_bytes_of(big, sizeof big)));
    bus_overlay_destroy(overlay);
}

static void reset_forgets_everything(void **unused)
{
    (void)unused;
    struct bus_overlay *overlay = bus_overlay_create(1 << 20);
    assert_true(bus_overlay_change(overlay, bus_overlay_slot(overlay, bus_bytes_text("key")), bus_bytes_text("x")));
    bus_overlay_reset(overlay);
    size_t count;
    bus_overlay_changed(overlay, &count);
    assert_int_equal(count, 0);
    assert_false(bus_overlay_slot(overlay, bus_bytes_text("key"))->loaded);
    bus_overlay_destroy(overlay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_key_has_one_slot),
        cmocka_unit_test(finds_every_key_after_growing),
        cmocka_unit_test(gives_changed_slots_in_the_order_of_their_keys),
        cmocka_unit_test(gives_wanted_slots_once_and_not_when_loaded),
        cmocka_unit_test(a_longer_value_replaces_a_shorter_one),
        cmocka_unit_test(says_when_its_memory_is_used_up),
        cmocka_unit_test(reset_forgets_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
