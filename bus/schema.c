#include "bus/schema.h"

#include <avro.h>
#include <stdlib.h>

#include "bus/file.h"
#include "bus/schema_private.h"

enum { MAX_TEXT_SIZE = 1024 * 1024, ARENA_LIMIT = 32 * 1024 * 1024 };

/* Avro C judges the text: what it cannot read, no other Avro library should have to. */
static enum bus_status judge_with_avro(struct bus_bytes text, const char *source, struct bus_error *error)
{
    avro_schema_t judged = NULL;
    if (avro_schema_from_json_length((const char *)text.data, text.length, &judged) != 0)
        return bus_fail(error, BUS_REJECT, "%s: not an Avro schema: %s", source, avro_strerror());
    avro_schema_decref(judged);
    return BUS_OK;
}

static enum bus_status read_json(struct bus_schema *schema, const char *source, struct bus_error *error)
{
    struct bus_json_document *document = NULL;
    enum bus_status status = bus_json_parse(schema->text, &document, error);
    if (status == BUS_OK)
        status = bus_schema_read_types(schema, bus_json_root(document), source, error);
    else
        bus_error_prefix(error, "%s", source);
    bus_json_destroy(document);
    return status;
}

static enum bus_status make_canonical(struct bus_schema *schema, const char *source, struct bus_error *error)
{
    struct bus_buffer buffer;
    struct bus_schema_names names = {.count = 0};
    bus_buffer_init(&buffer, MAX_TEXT_SIZE);
    bus_schema_write_type(&buffer, &schema->root, true, &names);
    schema->canonical = bus_arena_copy(schema->arena, bus_buffer_view(&buffer));
    schema->fingerprint = bus_schema_crc64(schema->canonical);
    bool failed = buffer.failed || schema->canonical.data == NULL;
    bus_buffer_release(&buffer);
    return failed ? bus_fail(error, BUS_FATAL, "%s: cannot read the schema: out of memory", source) : BUS_OK;
}

enum bus_status bus_schema_parse(struct bus_bytes text, const char *source, struct bus_schema **out_schema,
                                 struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (text.length > MAX_TEXT_SIZE)
        return bus_fail(error, BUS_REJECT, "%s: a schema of more than %d bytes", source, MAX_TEXT_SIZE);
    struct bus_schema *schema = calloc(1, sizeof *schema);
    if (schema != NULL)
        schema->arena = bus_arena_create(ARENA_LIMIT);
    if (schema != NULL && schema->arena != NULL)
        schema->text = bus_arena_copy(schema->arena, text);
    if (schema == NULL || schema->text.data == NULL) {
        status = bus_fail(error, BUS_FATAL, "%s: cannot read the schema: out of memory", source);
        goto out;
    }
    status = read_json(schema, source, error);
    if (status == BUS_OK)
        status = judge_with_avro(text, source, error);
    if (status == BUS_OK)
        status = make_canonical(schema, source, error);
    if (status != BUS_OK)
        goto out;
    *out_schema = schema;
    schema = NULL;
out:
    bus_schema_destroy(schema);
    return status;
}

enum bus_status bus_schema_load(const char *path, struct bus_schema **out_schema, struct bus_error *error)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, MAX_TEXT_SIZE);
    enum bus_status status = bus_file_read(path, &buffer, error);
    if (status == BUS_OK)
        status = bus_schema_parse(bus_buffer_view(&buffer), path, out_schema, error);
    bus_buffer_release(&buffer);
    return status;
}

void bus_schema_destroy(struct bus_schema *schema)
{
    if (schema == NULL)
        return;
    bus_arena_destroy(schema->arena);
    free(schema);
}

const char *bus_schema_full_name_view(const struct bus_schema *schema)
{
    return schema->root.name;
}

const struct bus_schema_type *bus_schema_type_view(const struct bus_schema *schema)
{
    return &schema->root;
}

struct bus_bytes bus_schema_text_view(const struct bus_schema *schema)
{
    return schema->text;
}

struct bus_bytes bus_schema_canonical_view(const struct bus_schema *schema)
{
    return schema->canonical;
}

uint64_t bus_schema_fingerprint(const struct bus_schema *schema)
{
    return schema->fingerprint;
}

size_t bus_schema_field_count(const struct bus_schema *schema)
{
    return schema->root.field_count;
}

const struct bus_field *bus_schema_field(const struct bus_schema *schema, size_t index)
{
    return &schema->root.fields[index];
}

int bus_schema_find(const struct bus_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->root.field_count; i++) {
        if (strcmp(schema->root.fields[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

const char *bus_type_name(enum bus_type type)
{
    static const char *const names[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                        "string", "fixed",   "enum", "array", "map",   "record", "union"};
    return names[type];
}

const char *bus_classification_name(enum bus_classification classification)
{
    static const char *const names[] = {"", "public", "shared", "authorised", "secret"};
    return names[classification];
}
