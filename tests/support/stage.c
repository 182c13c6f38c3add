#include "tests/support/stage.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 256 << 20 };

static void need(bool good, const char *what, const char *why)
{
    if (good)
        return;
    fprintf(stderr, "test stage: %s: %s\n", what, why);
    abort();
}

void test_stage_open(struct test_stage *stage, const char *path)
{
    static const char pepper[] = "a pepper for tests and those only";
    struct bus_error error = {.message = ""};
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", XINQIAO_SOURCE, path);
    need(bus_catalogue_load(whole, &stage->catalogue, &error) == BUS_OK, whole, error.message);
    need(bus_views_create(stage->catalogue, &stage->views, &error) == BUS_OK, "views", error.message);
    stage->keyer = bus_subject_keyer_create(bus_bytes_text(pepper));
    stage->decode = gateway_decode_create(stage->catalogue, "xq.");
    stage->arena = bus_arena_create(ARENA_BYTES);
    need(stage->keyer != NULL && stage->decode != NULL && stage->arena != NULL, whole, "out of memory");
}

void test_stage_close(struct test_stage *stage)
{
    bus_arena_destroy(stage->arena);
    gateway_decode_destroy(stage->decode);
    bus_subject_keyer_destroy(stage->keyer);
    bus_views_destroy(stage->views);
    bus_catalogue_destroy(stage->catalogue);
    *stage = (struct test_stage){0};
}

static const struct bus_item *find_item(const struct test_stage *stage, const char *text)
{
    char department[64];
    size_t length = strcspn(text, "/");
    snprintf(department, sizeof department, "%.*s", (int)length, text);
    const struct bus_item *item = bus_catalogue_find_item(stage->catalogue, department, text + length + 1);
    need(item != NULL, text, "no such item");
    return item;
}

static const char *value_of(const struct test_field *given, const char *name, const char *otherwise)
{
    for (; given->name != NULL; given++)
        if (strcmp(given->name, name) == 0)
            return given->value;
    return otherwise;
}

/* As an adapter would; a subject that is none stays without a key. */
static void place(const struct test_stage *stage, const struct test_field *given, struct gateway_exchange *exchange)
{
    struct bus_error error;
    char identifier[19];
    uint8_t key[BUS_SUBJECT_KEY_SIZE] = {0};
    bool is_person = strcmp(value_of(given, "subject_kind", "ORGANISATION"), "PERSON") == 0;
    enum bus_subject_kind kind = is_person ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
    struct bus_bytes subject = bus_bytes_text(value_of(given, "subject_id", TEST_SAMPLE_USCC));
    if (bus_subject_identifier(kind, subject, identifier, &error) == BUS_OK)
        bus_subject_key(stage->keyer, kind, identifier, key);
    exchange->key = bus_arena_copy(stage->arena, bus_bytes_of(key, sizeof key));
    exchange->partition = bus_subject_partition(key, TEST_STAGE_PARTITIONS);
}

struct gateway_exchange test_stage_event(struct test_stage *stage, const char *name, int version,
                                         const struct test_field *given)
{
    const struct bus_item *item = find_item(stage, name);
    const struct bus_item_version *schema = version > 0 ? &item->versions[version - 1] : bus_item_current(item);
    char problem[TEST_SAMPLE_PROBLEM_SIZE] = "";
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 2 * BUS_DATUM_MAX_SIZE);
    need(test_sample_event(stage->catalogue, item, schema, given, &buffer, problem), name, problem);
    char *topic = bus_arena_allocate(stage->arena, BUS_TOPIC_SIZE);
    need(topic != NULL, name, "the arena is full");
    bus_topic_in("xq.", item, topic);
    struct gateway_exchange exchange = {
        .topic = topic,
        .value = bus_arena_copy(stage->arena, bus_buffer_view(&buffer)),
        .adapter = bus_bytes_text("adapter"),
        .now_ms = TEST_STAGE_NOW_MS,
        .arena = stage->arena,
    };
    place(stage, given, &exchange);
    bus_buffer_release(&buffer);
    return exchange;
}

struct gateway_exchange test_stage_decoded(struct test_stage *stage, const char *name, int version,
                                           const struct test_field *given)
{
    struct bus_error error = {.message = ""};
    struct gateway_exchange exchange = test_stage_event(stage, name, version, given);
    need(gateway_decode(stage->decode, &exchange, &error) == BUS_OK, name, error.message);
    return exchange;
}
