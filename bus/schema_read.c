/* Schema from JSON to types: names resolved, attributes checked, the walk's steps laid out. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/schema_private.h"

enum { MAX_DEPTH = 8, MAX_FIELDS = 256, MAX_SYMBOLS = 1024, MAX_BRANCHES = 16, MAX_PRECISION = 18, NAME_SIZE = 256 };

/* A named type; while its record is being read nothing may refer to it. */
struct named {
    const char *name;
    struct bus_schema_type type;
    bool complete;
};

struct reader {
    struct bus_arena *arena;
    const char *source;
    struct bus_error *error;
    struct named named[BUS_SCHEMA_MAX_NAMES];
    size_t named_count;
};

static enum bus_status fail_at(struct reader *reader, const char *format, ...) BUS_PRINTF(2, 3);

static enum bus_status fail_at(struct reader *reader, const char *format, ...)
{
    char message[BUS_ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return bus_fail(reader->error, BUS_REJECT, "%s: %s", reader->source, message);
}

static enum bus_status fail_memory(struct reader *reader)
{
    return bus_fail(reader->error, BUS_FATAL, "%s: cannot read the schema: out of memory", reader->source);
}

/* The member's text in the arena, "" when it is absent or no text; NULL out of memory. */
static const char *text_of(struct reader *reader, const struct bus_json_value *json, const char *name)
{
    const struct bus_json_value *member = bus_json_member(json, name);
    struct bus_bytes text = member != NULL ? bus_json_as_text(member) : bus_bytes_of("", 0);
    char *copy = bus_arena_allocate(reader->arena, text.length + 1);
    if (copy == NULL)
        return NULL;
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return copy;
}

static bool is_name(const char *name)
{
    if (name[0] >= '0' && name[0] <= '9')
        return false;
    for (const char *at = name; *at != '\0'; at++) {
        bool good =
            (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_';
        if (!good)
            return false;
    }
    return name[0] != '\0';
}

/* Dotted names: every part a name. */
static bool is_full_name(const char *name)
{
    char part[NAME_SIZE];
    for (;;) {
        size_t length = strcspn(name, ".");
        if (length >= sizeof part)
            return false;
        memcpy(part, name, length);
        part[length] = '\0';
        if (!is_name(part))
            return false;
        if (name[length] == '\0')
            return true;
        name += length + 1;
    }
}

/* "<space>.<name>", or the name alone when it is dotted or there is no namespace. NULL out of memory. */
static const char *full_name(struct reader *reader, const char *space, const char *name)
{
    if (strchr(name, '.') != NULL || space[0] == '\0')
        space = "";
    size_t size = strlen(space) + strlen(name) + 2;
    char *full = bus_arena_allocate(reader->arena, size);
    if (full != NULL)
        snprintf(full, size, "%s%s%s", space, space[0] != '\0' ? "." : "", name);
    return full;
}

/* The namespace of a full name. NULL out of memory. */
static const char *space_of(struct reader *reader, const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t length = dot != NULL ? (size_t)(dot - name) : 0;
    char *space = bus_arena_allocate(reader->arena, length + 1);
    if (space == NULL)
        return NULL;
    memcpy(space, name, length);
    space[length] = '\0';
    return space;
}

static struct named *find_named(struct reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->named_count; i++) {
        if (strcmp(reader->named[i].name, name) == 0)
            return &reader->named[i];
    }
    return NULL;
}

static enum bus_status read_type(struct reader *reader, const struct bus_json_value *json, const char *space, int depth,
                                 struct bus_schema_type *out_type);

static bool find_primitive(const char *name, enum bus_type *out_type)
{
    for (enum bus_type type = BUS_TYPE_NULL; type <= BUS_TYPE_STRING; type++) {
        if (strcmp(bus_type_name(type), name) == 0) {
            *out_type = type;
            return true;
        }
    }
    return false;
}

/* A primitive type's name, or the name of a type that was defined before. */
static enum bus_status read_name(struct reader *reader, const char *name, const char *space,
                                 struct bus_schema_type *out_type)
{
    enum bus_type primitive;
    if (find_primitive(name, &primitive)) {
        *out_type = (struct bus_schema_type){.type = primitive, .name = ""};
        return BUS_OK;
    }
    const char *full = full_name(reader, space, name);
    if (full == NULL)
        return fail_memory(reader);
    const struct named *named = find_named(reader, full);
    if (named == NULL)
        return fail_at(reader, "unknown type '%s'", full);
    if (!named->complete)
        return fail_at(reader, "type '%s' contains itself", full);
    *out_type = named->type;
    return BUS_OK;
}

static enum bus_status read_union(struct reader *reader, const struct bus_json_value *json, const char *space,
                                  int depth, struct bus_schema_type *out_type)
{
    size_t count = bus_json_count(json);
    if (count == 0 || count > MAX_BRANCHES)
        return fail_at(reader, "a union of %zu branches; from 1 to %d are allowed", count, MAX_BRANCHES);
    struct bus_schema_type *branches = bus_arena_allocate(reader->arena, count * sizeof *branches);
    if (branches == NULL)
        return fail_memory(reader);
    for (size_t i = 0; i < count; i++) {
        enum bus_status status = read_type(reader, bus_json_at(json, i), space, depth + 1, &branches[i]);
        if (status != BUS_OK)
            return status;
        if (branches[i].type == BUS_TYPE_UNION)
            return fail_at(reader, "a union directly in a union");
        for (size_t j = 0; j < i; j++) {
            if (branches[j].type == branches[i].type && strcmp(branches[j].name, branches[i].name) == 0)
                return fail_at(reader, "a union with two branches of type '%s'", bus_type_name(branches[i].type));
        }
    }
    *out_type =
        (struct bus_schema_type){.type = BUS_TYPE_UNION, .name = "", .branches = branches, .branch_count = count};
    return BUS_OK;
}

static int integer_of(const struct bus_json_value *json, const char *name, int absent)
{
    const struct bus_json_value *member = bus_json_member(json, name);
    if (member == NULL)
        return absent;
    int64_t value = bus_json_type(member) == BUS_JSON_NUMBER ? bus_json_as_integer(member) : -1;
    return value < 0 || value > 1 << 20 ? -1 : (int)value;
}

static enum bus_status read_logical(struct reader *reader, const struct bus_json_value *json,
                                    struct bus_schema_type *type)
{
    if (bus_json_member(json, "logicalType") == NULL)
        return BUS_OK;
    const char *logical = text_of(reader, json, "logicalType");
    if (logical == NULL)
        return fail_memory(reader);
    if (strcmp(logical, "date") == 0 && type->type == BUS_TYPE_INT) {
        type->logical = BUS_LOGICAL_DATE;
    } else if (strcmp(logical, "timestamp-millis") == 0 && type->type == BUS_TYPE_LONG) {
        type->logical = BUS_LOGICAL_TIMESTAMP_MILLIS;
    } else if (strcmp(logical, "decimal") == 0 && (type->type == BUS_TYPE_BYTES || type->type == BUS_TYPE_FIXED)) {
        type->logical = BUS_LOGICAL_DECIMAL;
        type->precision = integer_of(json, "precision", 0);
        type->scale = integer_of(json, "scale", 0);
        if (type->precision < 1 || type->precision > MAX_PRECISION || type->scale < 0 || type->scale > type->precision)
            return fail_at(reader, "a decimal needs a precision from 1 to %d and a scale from 0 to the precision",
                           MAX_PRECISION);
    } else {
        return fail_at(reader, "unknown logical type '%s' on type '%s'", logical, bus_type_name(type->type));
    }
    return BUS_OK;
}

static enum bus_status read_symbols(struct reader *reader, const struct bus_json_value *json,
                                    struct bus_schema_type *type)
{
    const struct bus_json_value *symbols = bus_json_member(json, "symbols");
    size_t count = symbols != NULL && bus_json_type(symbols) == BUS_JSON_ARRAY ? bus_json_count(symbols) : 0;
    if (count == 0 || count > MAX_SYMBOLS)
        return fail_at(reader, "enum '%s' needs from 1 to %d symbols", type->name, MAX_SYMBOLS);
    const char **names = bus_arena_allocate(reader->arena, count * sizeof *names);
    if (names == NULL)
        return fail_memory(reader);
    for (size_t i = 0; i < count; i++) {
        struct bus_bytes text = bus_json_as_text(bus_json_at(symbols, i));
        char *name = bus_arena_allocate(reader->arena, text.length + 1);
        if (name == NULL)
            return fail_memory(reader);
        memcpy(name, text.data, text.length);
        name[text.length] = '\0';
        if (!is_name(name))
            return fail_at(reader, "enum '%s': a symbol must be letters, digits and '_'", type->name);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(names[j], name) == 0)
                return fail_at(reader, "enum '%s' has the symbol '%s' twice", type->name, name);
        }
        names[i] = name;
    }
    type->symbols = names;
    type->symbol_count = count;
    return BUS_OK;
}

static enum bus_status read_attributes(struct reader *reader, const struct bus_json_value *json,
                                       struct bus_field *field)
{
    static const char *const known[] = {"name",      "type",           "doc",       "default",  "order",
                                        "aliases",   "classification", "personal",  "required", "check",
                                        "code_list", "code_separator", "max_length"};
    for (size_t i = 0; i < bus_json_count(json); i++) {
        size_t k = 0;
        while (k < sizeof known / sizeof *known && strcmp(known[k], bus_json_member_name(json, i)) != 0)
            k++;
        if (k == sizeof known / sizeof *known)
            return fail_at(reader, "field '%s' has an unknown attribute '%s'", field->name,
                           bus_json_member_name(json, i));
    }
    field->doc = text_of(reader, json, "doc");
    field->check = text_of(reader, json, "check");
    field->code_list = text_of(reader, json, "code_list");
    field->code_separator = text_of(reader, json, "code_separator");
    const char *classification = text_of(reader, json, "classification");
    if (field->doc == NULL || field->check == NULL || field->code_list == NULL || field->code_separator == NULL ||
        classification == NULL)
        return fail_memory(reader);
    const struct bus_json_value *personal = bus_json_member(json, "personal");
    const struct bus_json_value *required = bus_json_member(json, "required");
    field->personal = personal != NULL && bus_json_as_boolean(personal);
    field->required = required != NULL && bus_json_as_boolean(required);
    int max_length = integer_of(json, "max_length", 0);
    if (max_length < 0)
        return fail_at(reader, "field '%s': max_length must be a number of characters", field->name);
    field->max_length = (size_t)max_length;
    while (strcmp(bus_classification_name(field->classification), classification) != 0) {
        if (field->classification == BUS_CLASS_SECRET)
            return fail_at(reader, "field '%s': classification must be public, shared, authorised or secret",
                           field->name);
        field->classification++;
    }
    return BUS_OK;
}

/* Whether a default can be a value of the type; of a union, of its first branch. */
static bool default_fits(const struct bus_schema_type *type, const struct bus_json_value *json)
{
    static const enum bus_json_type expected[] = {
        [BUS_TYPE_NULL] = BUS_JSON_NULL,     [BUS_TYPE_BOOLEAN] = BUS_JSON_BOOLEAN, [BUS_TYPE_INT] = BUS_JSON_NUMBER,
        [BUS_TYPE_LONG] = BUS_JSON_NUMBER,   [BUS_TYPE_FLOAT] = BUS_JSON_NUMBER,    [BUS_TYPE_DOUBLE] = BUS_JSON_NUMBER,
        [BUS_TYPE_BYTES] = BUS_JSON_STRING,  [BUS_TYPE_STRING] = BUS_JSON_STRING,   [BUS_TYPE_FIXED] = BUS_JSON_STRING,
        [BUS_TYPE_ENUM] = BUS_JSON_STRING,   [BUS_TYPE_ARRAY] = BUS_JSON_ARRAY,     [BUS_TYPE_MAP] = BUS_JSON_OBJECT,
        [BUS_TYPE_RECORD] = BUS_JSON_OBJECT,
    };
    if (type->type == BUS_TYPE_UNION)
        return default_fits(&type->branches[0], json);
    return bus_json_type(json) == expected[type->type];
}

/* The union ["null", T] (or [T, "null"]) is a nullable T; everything else is itself. */
static void find_nullable(struct bus_field *field)
{
    field->value = &field->type;
    if (field->type.type != BUS_TYPE_UNION || field->type.branch_count != 2)
        return;
    for (size_t i = 0; i < 2; i++) {
        if (field->type.branches[i].type == BUS_TYPE_NULL) {
            field->nullable = true;
            field->value = &field->type.branches[1 - i];
        }
    }
}

static enum bus_status read_field(struct reader *reader, const struct bus_json_value *json, const char *space,
                                  int depth, struct bus_field *field)
{
    *field = (struct bus_field){.name = text_of(reader, json, "name")};
    if (field->name == NULL)
        return fail_memory(reader);
    const struct bus_json_value *type = bus_json_member(json, "type");
    if (!is_name(field->name) || type == NULL)
        return fail_at(reader, "a field needs a name of letters, digits and '_', and a type");
    enum bus_status status = read_type(reader, type, space, depth + 1, &field->type);
    if (status == BUS_OK)
        status = read_attributes(reader, json, field);
    if (status != BUS_OK)
        return status;
    find_nullable(field);
    const struct bus_json_value *value = bus_json_member(json, "default");
    if (value != NULL && !default_fits(&field->type, value))
        return fail_at(reader, "field '%s': the default is no value of its type (of a union: of its first branch)",
                       field->name);
    field->has_default = value != NULL;
    field->default_null = value != NULL && bus_json_type(value) == BUS_JSON_NULL;
    return BUS_OK;
}

static struct bus_schema_step step_of(const struct bus_field *field)
{
    struct bus_schema_step step = {.type = (uint8_t)field->value->type, .null_branch = -1, .whole = field->value};
    if (field->nullable)
        step.null_branch = field->type.branches[0].type == BUS_TYPE_NULL ? 0 : 1;
    if (field->value->type == BUS_TYPE_FIXED)
        step.argument = (uint32_t)field->value->fixed_size;
    if (field->value->type == BUS_TYPE_ENUM)
        step.argument = (uint32_t)field->value->symbol_count;
    return step;
}

static enum bus_status read_fields(struct reader *reader, const struct bus_json_value *json, int depth,
                                   struct bus_schema_type *type)
{
    const struct bus_json_value *list = bus_json_member(json, "fields");
    size_t count = list != NULL && bus_json_type(list) == BUS_JSON_ARRAY ? bus_json_count(list) : 0;
    if (count == 0 || count > MAX_FIELDS)
        return fail_at(reader, "record '%s' needs from 1 to %d fields", type->name, MAX_FIELDS);
    const char *space = space_of(reader, type->name);
    struct bus_field *fields = bus_arena_allocate(reader->arena, count * sizeof *fields);
    struct bus_schema_step *steps = bus_arena_allocate(reader->arena, count * sizeof *steps);
    if (space == NULL || fields == NULL || steps == NULL)
        return fail_memory(reader);
    for (size_t i = 0; i < count; i++) {
        enum bus_status status = read_field(reader, bus_json_at(list, i), space, depth, &fields[i]);
        if (status != BUS_OK)
            return status;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(fields[i].name, fields[j].name) == 0)
                return fail_at(reader, "record '%s' has the field '%s' twice", type->name, fields[i].name);
        }
        steps[i] = step_of(&fields[i]);
    }
    type->fields = fields;
    type->field_count = count;
    type->steps = steps;
    return BUS_OK;
}

static enum bus_status read_named(struct reader *reader, const struct bus_json_value *json, const char *space,
                                  int depth, struct bus_schema_type *type)
{
    const char *name = text_of(reader, json, "name");
    const char *own_space = bus_json_member(json, "namespace") != NULL ? text_of(reader, json, "namespace") : space;
    if (name == NULL || own_space == NULL)
        return fail_memory(reader);
    type->name = full_name(reader, own_space, name);
    if (type->name == NULL)
        return fail_memory(reader);
    if (!is_full_name(type->name))
        return fail_at(reader, "'%s' is no name for a type", type->name);
    if (find_named(reader, type->name) != NULL || reader->named_count == BUS_SCHEMA_MAX_NAMES)
        return fail_at(reader, "type '%s' is defined twice, or is one too many", type->name);
    struct named *named = &reader->named[reader->named_count++];
    *named = (struct named){.name = type->name};
    enum bus_status status = BUS_OK;
    if (type->type == BUS_TYPE_RECORD) {
        status = read_fields(reader, json, depth, type);
    } else if (type->type == BUS_TYPE_ENUM) {
        status = read_symbols(reader, json, type);
    } else {
        int size = integer_of(json, "size", 0);
        if (size < 1)
            return fail_at(reader, "fixed '%s' needs a size from 1 to %d", type->name, 1 << 20);
        type->fixed_size = (size_t)size;
        status = read_logical(reader, json, type);
    }
    named->type = *type;
    named->complete = true;
    return status;
}

static enum bus_status read_object(struct reader *reader, const struct bus_json_value *json, const char *space,
                                   int depth, struct bus_schema_type *out_type)
{
    const char *name = text_of(reader, json, "type");
    if (name == NULL)
        return fail_memory(reader);
    *out_type = (struct bus_schema_type){.name = ""};
    if (find_primitive(name, &out_type->type))
        return read_logical(reader, json, out_type);
    for (enum bus_type type = BUS_TYPE_FIXED; type <= BUS_TYPE_RECORD; type++) {
        if (strcmp(bus_type_name(type), name) == 0)
            out_type->type = type;
    }
    if (out_type->type == BUS_TYPE_RECORD || out_type->type == BUS_TYPE_ENUM || out_type->type == BUS_TYPE_FIXED)
        return read_named(reader, json, space, depth, out_type);
    bool is_array = out_type->type == BUS_TYPE_ARRAY;
    const struct bus_json_value *element = bus_json_member(json, is_array ? "items" : "values");
    if ((!is_array && out_type->type != BUS_TYPE_MAP) || element == NULL)
        return fail_at(reader, "'%s' is no type, or an array without items, or a map without values", name);
    struct bus_schema_type *inner = bus_arena_allocate(reader->arena, sizeof *inner);
    if (inner == NULL)
        return fail_memory(reader);
    out_type->element = inner;
    return read_type(reader, element, space, depth + 1, inner);
}

static enum bus_status read_type(struct reader *reader, const struct bus_json_value *json, const char *space, int depth,
                                 struct bus_schema_type *out_type)
{
    if (depth > MAX_DEPTH)
        return fail_at(reader, "types nested deeper than %d", MAX_DEPTH);
    switch (bus_json_type(json)) {
    case BUS_JSON_STRING: return read_name(reader, (const char *)bus_json_as_text(json).data, space, out_type);
    case BUS_JSON_ARRAY: return read_union(reader, json, space, depth, out_type);
    case BUS_JSON_OBJECT: return read_object(reader, json, space, depth, out_type);
    default: return fail_at(reader, "a type must be a name, a union [ … ] or an object { … }");
    }
}

enum bus_status bus_schema_read_types(struct bus_schema *schema, const struct bus_json_value *json, const char *source,
                                      struct bus_error *error)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return bus_fail(error, BUS_FATAL, "%s: cannot read the schema: out of memory", source);
    *reader = (struct reader){.arena = schema->arena, .source = source, .error = error};
    enum bus_status status = read_type(reader, json, "", 1, &schema->root);
    if (status == BUS_OK && schema->root.type != BUS_TYPE_RECORD)
        status = fail_at(reader, "the top level must be a record");
    free(reader);
    return status;
}
