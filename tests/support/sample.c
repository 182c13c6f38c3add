#include "tests/support/sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/arena.h"
#include "tests/support/script.h"

enum { MAX_FIELDS = 256, ARENA_BYTES = 8 << 20, KEY_SIZE = 128, NUMBER_SIZE = 24 };

static const char *print_number(struct bus_arena *arena, int64_t number)
{
    char *text = bus_arena_allocate(arena, NUMBER_SIZE);
    snprintf(text, NUMBER_SIZE, "%lld", (long long)number);
    return text;
}

/* repeat:TEXT:COUNT */
static const char *expand(struct bus_arena *arena, const char *literal)
{
    static const char word[] = "repeat:";
    const char *colon = strrchr(literal, ':');
    if (strncmp(literal, word, sizeof word - 1) != 0 || colon < literal + sizeof word)
        return literal;
    const char *text = literal + sizeof word - 1;
    size_t length = (size_t)(colon - text), count = strtoul(colon + 1, NULL, 10);
    char *all = bus_arena_allocate(arena, length * count + 1);
    if (all == NULL)
        return literal;
    for (size_t i = 0; i < count; i++)
        memcpy(all + i * length, text, length);
    all[length * count] = '\0';
    return all;
}

static const char *symbol_index(struct bus_arena *arena, const struct bus_schema_type *type, const char *symbol)
{
    for (size_t i = 0; i < type->symbol_count; i++)
        if (strcmp(type->symbols[i], symbol) == 0)
            return print_number(arena, (int64_t)i);
    return NULL;
}

/* What a person writes, as event_builder wants it; NULL when it is no value of this type. */
static const char *build_text(struct bus_arena *arena, const struct bus_schema_type *type, const char *literal)
{
    int64_t number = 0;
    if (type->logical == BUS_LOGICAL_DATE)
        return test_script_date(literal, &number) ? print_number(arena, number) : NULL;
    if (type->logical == BUS_LOGICAL_TIMESTAMP_MILLIS && test_script_time(literal, &number))
        return print_number(arena, number);
    if (type->logical == BUS_LOGICAL_DECIMAL)
        return test_script_decimal(literal, type->scale, &number) ? print_number(arena, number) : NULL;
    if (type->type == BUS_TYPE_ENUM)
        return symbol_index(arena, type, literal);
    if (type->type == BUS_TYPE_INT || type->type == BUS_TYPE_LONG || type->type == BUS_TYPE_BOOLEAN) {
        char *end;
        strtoll(literal, &end, 10);
        return *end == '\0' && end != literal ? literal : NULL;
    }
    return expand(arena, literal);
}

static const char *sample_envelope(const struct bus_field *field)
{
    static const struct test_field samples[] = {
        {"version", "1"},
        {"sequence", "1"},
        {"operation", "PUT"},
        {"subject_kind", "ORGANISATION"},
        {"subject_id", TEST_SAMPLE_USCC},
        {"subject_name", TEST_SAMPLE_NAME},
        {"occurred_at", "2026-06-01T00:00:00Z"},
        {"source_committed_at", "2026-06-01T01:00:00Z"},
        {"published_at", "2026-06-01T02:00:00Z"},
        {"rule_version", "2026-04"},
        {"area_code", "450200"},
        {"event_id", ""},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        if (strcmp(samples[i].name, field->name) == 0)
            return samples[i].value;
    return NULL;
}

static const char *sample_text(const struct bus_catalogue *catalogue, const struct bus_field *field)
{
    static const struct test_field by_check[] = {
        {"uscc", TEST_SAMPLE_USCC},
        {"organisation_code", "D2143569-X"},
        {"citizen_number", "11010519491231002X"},
        {"area", "450200"},
        {"plate", "桂B12345"},
        {"violation_code", "1039"},
        {"case_number", "(2019)桂0202执1194号"},
    };
    for (size_t i = 0; i < sizeof by_check / sizeof by_check[0]; i++)
        if (strcmp(by_check[i].name, field->check) == 0)
            return by_check[i].value;
    const struct bus_code_list *list = bus_catalogue_code_list(catalogue, field->code_list);
    return list != NULL ? list->codes[0].value : "示例";
}

/* A value that validation accepts, as a person would write it. */
static const char *sample(const struct bus_catalogue *catalogue, const struct bus_field *field, size_t index)
{
    const char *envelope = index < BUS_ENVELOPE_FIELDS ? sample_envelope(field) : NULL;
    if (envelope != NULL)
        return envelope;
    if (field->nullable && !field->required)
        return "null";
    const struct bus_schema_type *type = field->value;
    if (type->type == BUS_TYPE_STRING)
        return sample_text(catalogue, field);
    if (type->type == BUS_TYPE_ENUM)
        return type->symbols[0];
    if (type->logical == BUS_LOGICAL_DATE)
        return "2026-06-01";
    return type->logical == BUS_LOGICAL_TIMESTAMP_MILLIS ? "2026-06-01T00:00:00Z" : "1";
}

static const char *find(const struct test_field *given, const char *name)
{
    for (; given->name != NULL; given++)
        if (strcmp(given->name, name) == 0)
            return given->value;
    return NULL;
}

static bool names_exist(const struct bus_schema *schema, const struct test_field *given,
                        char problem[TEST_SAMPLE_PROBLEM_SIZE])
{
    for (; given->name != NULL; given++)
        if (bus_schema_find(schema, given->name) < 0) {
            snprintf(problem, TEST_SAMPLE_PROBLEM_SIZE, "%s has no field %s", bus_schema_full_name_view(schema),
                     given->name);
            return false;
        }
    return true;
}

bool test_sample_event(const struct bus_catalogue *catalogue, const struct bus_item *item,
                       const struct bus_item_version *version, const struct test_field *given,
                       struct bus_buffer *buffer, char problem[TEST_SAMPLE_PROBLEM_SIZE])
{
    const struct bus_schema *schema = version->schema;
    if (!names_exist(schema, given, problem))
        return false;
    struct bus_arena *arena = bus_arena_create(ARENA_BYTES);
    struct test_field fields[MAX_FIELDS + 1];
    size_t count = 0;
    bool good = arena != NULL;
    char own_key[KEY_SIZE];
    snprintf(own_key, sizeof own_key, "%s|1", item->department->name);
    for (size_t i = 0; good && i < bus_schema_field_count(schema); i++) {
        const struct bus_field *field = bus_schema_field(schema, i);
        const char *literal = find(given, field->name);
        if (i == BUS_ENVELOPE_EVENT_ID && literal == NULL)
            continue; /* made from the others */
        if (literal == NULL)
            literal = i == BUS_ENVELOPE_RECORD_KEY ? own_key : sample(catalogue, field, i);
        fields[count] = (struct test_field){field->name, NULL};
        if (field->nullable && strcmp(literal, "null") == 0) {
            count++;
            continue;
        }
        fields[count].value = build_text(arena, field->value, literal);
        good = fields[count++].value != NULL;
        if (!good)
            snprintf(problem, TEST_SAMPLE_PROBLEM_SIZE, "%s is no value of field %s", literal, field->name);
    }
    fields[count] = (struct test_field){NULL, NULL};
    if (good)
        test_event_build(item, version, fields, buffer);
    bus_arena_destroy(arena);
    return good;
}
