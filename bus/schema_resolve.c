/* Schema resolution (Avro specification 1.11): whether data of one schema can be read with another. Stricter than the
 * specification in two places, because readers stand on libraries that go by index: an enum may only grow at its end, and a
 * logical type must stay. */
#include <stdio.h>

#include "bus/schema.h"

enum { PATH_SIZE = 200 };

struct place {
    char path[PATH_SIZE]; /* of the field, such as "fields.amount" */
    struct bus_error *error;
};

static enum bus_status resolve(struct place *place, const struct bus_schema_type *reader,
                               const struct bus_schema_type *writer);

static enum bus_status fail(const struct place *place, const char *rule)
{
    return bus_fail(place->error, BUS_REJECT, "field '%s': %s", place->path, rule);
}

/* The last part of a full name: namespaces do not matter to resolution. */
static const char *short_name(const struct bus_schema_type *type)
{
    const char *dot = strrchr(type->name, '.');
    return dot != NULL ? dot + 1 : type->name;
}

static bool promotes(enum bus_type from, enum bus_type to)
{
    switch (from) {
    case BUS_TYPE_INT: return to == BUS_TYPE_LONG || to == BUS_TYPE_FLOAT || to == BUS_TYPE_DOUBLE;
    case BUS_TYPE_LONG: return to == BUS_TYPE_FLOAT || to == BUS_TYPE_DOUBLE;
    case BUS_TYPE_FLOAT: return to == BUS_TYPE_DOUBLE;
    case BUS_TYPE_STRING: return to == BUS_TYPE_BYTES;
    case BUS_TYPE_BYTES: return to == BUS_TYPE_STRING;
    default: return false;
    }
}

static const struct bus_field *find_field(const struct bus_schema_type *record, const char *name)
{
    for (size_t i = 0; i < record->field_count; i++) {
        if (strcmp(record->fields[i].name, name) == 0)
            return &record->fields[i];
    }
    return NULL;
}

static enum bus_status resolve_record(struct place *place, const struct bus_schema_type *reader,
                                      const struct bus_schema_type *writer)
{
    if (strcmp(short_name(reader), short_name(writer)) != 0)
        return fail(place, "the record has another name");
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct bus_field *field = &reader->fields[i];
        const struct bus_field *written = find_field(writer, field->name);
        struct place inner = {.error = place->error};
        snprintf(inner.path, sizeof inner.path, "%.120s%s%.70s", place->path, place->path[0] != '\0' ? "." : "",
                 field->name);
        if (written == NULL && !field->has_default)
            return fail(&inner, "it is not in the data and has no default");
        enum bus_status status = written != NULL ? resolve(&inner, &field->type, &written->type) : BUS_OK;
        if (status != BUS_OK)
            return status;
    }
    return BUS_OK;
}

static enum bus_status resolve_enum(struct place *place, const struct bus_schema_type *reader,
                                    const struct bus_schema_type *writer)
{
    if (strcmp(short_name(reader), short_name(writer)) != 0)
        return fail(place, "the enum has another name");
    if (writer->symbol_count > reader->symbol_count)
        return fail(place, "the data may hold an enum symbol that the reader does not know");
    for (size_t i = 0; i < writer->symbol_count; i++) {
        if (strcmp(reader->symbols[i], writer->symbols[i]) != 0)
            return fail(place, "enum symbols may only be added at the end");
    }
    return BUS_OK;
}

static enum bus_status resolve_same(struct place *place, const struct bus_schema_type *reader,
                                    const struct bus_schema_type *writer)
{
    if (reader->logical != writer->logical || reader->precision != writer->precision || reader->scale != writer->scale)
        return fail(place, "the logical type (or a decimal's precision or scale) differs");
    switch (reader->type) {
    case BUS_TYPE_RECORD: return resolve_record(place, reader, writer);
    case BUS_TYPE_ENUM: return resolve_enum(place, reader, writer);
    case BUS_TYPE_ARRAY:
    case BUS_TYPE_MAP: return resolve(place, reader->element, writer->element);
    case BUS_TYPE_FIXED:
        if (reader->fixed_size != writer->fixed_size || strcmp(short_name(reader), short_name(writer)) != 0)
            return fail(place, "the fixed has another size or name");
        return BUS_OK;
    default: return BUS_OK;
    }
}

/* Into a union: the first branch that fits. */
static enum bus_status resolve_into(struct place *place, const struct bus_schema_type *reader,
                                    const struct bus_schema_type *writer)
{
    struct place silent = {.error = NULL};
    for (size_t i = 0; i < reader->branch_count; i++) {
        if (resolve(&silent, &reader->branches[i], writer) == BUS_OK)
            return BUS_OK;
    }
    return fail(place, "no branch of the reader's union fits the data");
}

static enum bus_status resolve(struct place *place, const struct bus_schema_type *reader,
                               const struct bus_schema_type *writer)
{
    if (writer->type == BUS_TYPE_UNION) {
        for (size_t i = 0; i < writer->branch_count; i++) {
            enum bus_status status = resolve(place, reader, &writer->branches[i]);
            if (status != BUS_OK)
                return status;
        }
        return BUS_OK;
    }
    if (reader->type == BUS_TYPE_UNION)
        return resolve_into(place, reader, writer);
    if (reader->type == writer->type)
        return resolve_same(place, reader, writer);
    if (promotes(writer->type, reader->type) && reader->logical == BUS_LOGICAL_NONE &&
        writer->logical == BUS_LOGICAL_NONE)
        return BUS_OK;
    char rule[80];
    snprintf(rule, sizeof rule, "%s cannot be read as %s", bus_type_name(writer->type), bus_type_name(reader->type));
    return fail(place, rule);
}

enum bus_status bus_schema_resolves(const struct bus_schema *reader, const struct bus_schema *writer,
                                    struct bus_error *error)
{
    struct place place = {.error = error};
    return resolve(&place, bus_schema_type_view(reader), bus_schema_type_view(writer));
}
