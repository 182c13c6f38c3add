#include "bus/schema.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct bus_schema *parse(const char *text)
{
    struct bus_schema *schema = NULL;
    struct bus_error error;
    if (bus_schema_parse(bus_bytes_text(text), "test", &schema, &error) != BUS_OK)
        fail_msg("%s", error.message);
    return schema;
}

static void assert_refused(const char *text, const char *words)
{
    struct bus_schema *schema = NULL;
    struct bus_error error;
    assert_int_equal(bus_schema_parse(bus_bytes_text(text), "test.avsc", &schema, &error), BUS_REJECT);
    assert_null(schema);
    if (strstr(error.message, words) == NULL || strstr(error.message, "test.avsc") == NULL)
        fail_msg("'%s' lacks '%s'", error.message, words);
}

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"x.y\",\"fields\":[" fields "]}"
#define FIELD(type) RECORD("{\"name\":\"a\",\"type\":" type "}")

static void fingerprints_as_the_specification_does(void **state)
{
    (void)state;
    assert_true(bus_schema_crc64(bus_bytes_text("")) == 0xc15d213aa4d7a795u);
    assert_true(bus_schema_crc64(bus_bytes_text("\"null\"")) == 0x63dd24e7cc258f8au);
    assert_true(bus_schema_crc64(bus_bytes_text("\"boolean\"")) == 0x9f42fc78a4d4f764u);
    assert_true(bus_schema_crc64(bus_bytes_text("\"int\"")) == 0x7275d51a3f395c8fu);
    assert_true(bus_schema_crc64(bus_bytes_text("\"string\"")) == 0x8f014872634503c7u);
}

static void makes_the_parsing_canonical_form(void **state)
{
    (void)state;
    struct bus_schema *schema = parse(
        "{ \"doc\": \"d\", \"fields\": [ {\"doc\": \"x\", \"type\": {\"type\": \"int\", \"logicalType\": \"date\"}, \"name\": \"a\"},"
        "{\"name\": \"b\", \"default\": null, \"type\": [\"null\", {\"size\": 16, \"type\": \"fixed\", \"name\": \"f\"}]},"
        "{\"name\": \"c\", \"type\": {\"symbols\": [\"A\", \"B\"], \"type\": \"enum\", \"name\": \"z.E\"}},"
        "{\"name\": \"d\", \"type\": {\"items\": \"f\", \"type\": \"array\"}},"
        "{\"name\": \"e\", \"type\": {\"type\": \"map\", \"values\": \"z.E\"}},"
        "{\"name\": \"f\", \"type\": {\"type\": \"record\", \"name\": \"n\", \"namespace\": \"q\", \"fields\": [{\"name\": \"g\", "
        "\"type\": \"x.f\"}]}}], \"namespace\": \"x\", \"type\": \"record\", \"name\": \"r\" }");
    struct bus_bytes canonical = bus_schema_canonical_view(schema);
    char text[1024];
    snprintf(text, sizeof text, "%.*s", (int)canonical.length, (const char *)canonical.data);
    assert_string_equal(
        text,
        "{\"name\":\"x.r\",\"type\":\"record\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
        "{\"name\":\"b\",\"type\":[\"null\",{\"name\":\"x.f\",\"type\":\"fixed\",\"size\":16}]},"
        "{\"name\":\"c\",\"type\":{\"name\":\"z.E\",\"type\":\"enum\",\"symbols\":[\"A\",\"B\"]}},"
        "{\"name\":\"d\",\"type\":{\"type\":\"array\",\"items\":\"x.f\"}},"
        "{\"name\":\"e\",\"type\":{\"type\":\"map\",\"values\":\"z.E\"}},"
        "{\"name\":\"f\",\"type\":{\"name\":\"q.n\",\"type\":\"record\",\"fields\":[{\"name\":\"g\",\"type\":\"x.f\"}]}}]}");
    assert_string_equal(bus_schema_full_name_view(schema), "x.r");
    assert_true(bus_schema_fingerprint(schema) == bus_schema_crc64(canonical));
    bus_schema_destroy(schema);
}

static void keeps_docs_logical_types_and_attributes(void **state)
{
    (void)state;
    struct bus_schema *schema = parse(RECORD(
        "{\"name\":\"a\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,\"scale\":6}],"
        "\"default\":null,\"doc\":\"金额\",\"classification\":\"authorised\",\"personal\":true,\"required\":true},"
        "{\"name\":\"b\",\"type\":\"string\",\"classification\":\"secret\",\"personal\":false,\"max_length\":18,"
        "\"check\":\"uscc\",\"code_list\":\"l\",\"code_separator\":\";\"},"
        "{\"name\":\"c\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}"));
    assert_int_equal(bus_schema_field_count(schema), 3);
    const struct bus_field *a = bus_schema_field(schema, 0), *b = bus_schema_field(schema, 1);
    assert_true(a->nullable && a->has_default && a->default_null && a->personal && a->required);
    assert_int_equal(a->value->type, BUS_TYPE_BYTES);
    assert_int_equal(a->value->logical, BUS_LOGICAL_DECIMAL);
    assert_int_equal(a->value->precision, 18);
    assert_int_equal(a->value->scale, 6);
    assert_string_equal(a->doc, "金额");
    assert_int_equal(a->classification, BUS_CLASS_AUTHORISED);
    assert_int_equal(b->classification, BUS_CLASS_SECRET);
    assert_false(b->personal || b->required || b->nullable || b->has_default);
    assert_int_equal(b->max_length, 18);
    assert_string_equal(b->check, "uscc");
    assert_string_equal(b->code_list, "l");
    assert_string_equal(b->code_separator, ";");
    assert_int_equal(bus_schema_field(schema, 2)->value->logical, BUS_LOGICAL_TIMESTAMP_MILLIS);
    assert_int_equal(bus_schema_find(schema, "c"), 2);
    assert_int_equal(bus_schema_find(schema, "z"), -1);
    bus_schema_destroy(schema);
}

static void refuses_what_is_no_schema_of_ours(void **state)
{
    (void)state;
    assert_refused("", "JSON");
    assert_refused("[1", "JSON");
    assert_refused("\"string\"", "must be a record");
    assert_refused("5", "a type must be");
    assert_refused(FIELD("\"strin\""), "unknown type 'x.y.strin'");
    assert_refused(FIELD("{\"type\":\"array\",\"items\":\"r\"}"), "contains itself");
    assert_refused(FIELD("{\"type\":\"int\",\"logicalType\":\"time-millis\"}"), "unknown logical type");
    assert_refused(FIELD("{\"type\":\"string\",\"logicalType\":\"date\"}"), "unknown logical type");
    assert_refused(FIELD("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":19}"), "precision");
    assert_refused(FIELD("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":5}"), "scale");
    assert_refused(FIELD("[]"), "union of 0 branches");
    assert_refused(FIELD("[\"null\",[\"int\"]]"), "union directly in a union");
    assert_refused(FIELD("[\"int\",\"int\"]"), "two branches");
    assert_refused(FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"\xe6\x9f\xb3\"]}"), "symbol");
    assert_refused(FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"A\"]}"), "twice");
    assert_refused(FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[]}"), "symbols");
    assert_refused(FIELD("{\"type\":\"fixed\",\"name\":\"e\"}"), "size");
    assert_refused(FIELD("{\"type\":\"array\"}"), "without items");
    assert_refused(FIELD("{\"type\":\"map\"}"), "without values");
    assert_refused(FIELD("{\"type\":\"fixed\",\"name\":\"r\",\"size\":4}"), "defined twice");
    assert_refused(FIELD("{\"type\":\"fixed\",\"name\":\"1r\",\"size\":4}"), "no name");
    assert_refused("{\"type\":\"record\",\"name\":\"r\",\"fields\":[]}", "fields");
    assert_refused(RECORD("{\"name\":\"a b\",\"type\":\"int\"}"), "a field needs a name");
    assert_refused(RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}"), "twice");
    assert_refused(RECORD("{\"name\":\"a\",\"type\":\"int\",\"requird\":true}"), "unknown attribute 'requird'");
    assert_refused(RECORD("{\"name\":\"a\",\"type\":\"int\",\"classification\":\"open\"}"), "classification must be");
    assert_refused(RECORD("{\"name\":\"a\",\"type\":\"int\",\"default\":\"1\"}"), "default");
    assert_refused(RECORD("{\"name\":\"a\",\"type\":[\"string\",\"null\"],\"default\":null}"), "default");
    assert_refused(RECORD("{\"name\":\"a\",\"type\":\"string\",\"max_length\":-1}"), "max_length");
}

static void bounds_depth_and_fields(void **state)
{
    (void)state;
#define ARRAY(inner) "{\"type\":\"array\",\"items\":" inner "}"
    bus_schema_destroy(parse(FIELD(ARRAY(ARRAY(ARRAY(ARRAY(ARRAY(ARRAY("\"int\"")))))))));
    assert_refused(FIELD(ARRAY(ARRAY(ARRAY(ARRAY(ARRAY(ARRAY(ARRAY("\"int\"")))))))), "nested deeper");
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 1 << 16);
    bus_buffer_printf(&buffer, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[");
    for (int i = 0; i < 257; i++)
        bus_buffer_printf(&buffer, "%s{\"name\":\"f%d\",\"type\":\"int\"}", i > 0 ? "," : "", i);
    bus_buffer_printf(&buffer, "]}");
    bus_buffer_u8(&buffer, 0);
    assert_refused((const char *)buffer.data, "1 to 256 fields");
    bus_buffer_release(&buffer);
}

static void loads_every_schema_in_the_tree(void **state)
{
    (void)state;
    FILE *list = popen("find " XINQIAO_SOURCE "/schemas -name '*.avsc'", "r");
    assert_non_null(list);
    char path[512];
    int count = 0;
    while (fgets(path, sizeof path, list) != NULL) {
        struct bus_schema *schema = NULL;
        struct bus_error error;
        path[strcspn(path, "\n")] = '\0';
        if (bus_schema_load(path, &schema, &error) != BUS_OK)
            fail_msg("%s", error.message);
        bus_schema_destroy(schema);
        count++;
    }
    assert_int_equal(pclose(list), 0);
    assert_true(count >= 17);
}

static void names_a_file_that_cannot_be_read(void **state)
{
    (void)state;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    assert_int_equal(bus_schema_load("/nonexistent.avsc", &schema, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "/nonexistent.avsc"));
}

/* The reader's field type, the writer's, and what the refusal says ("" = resolves). */
static const struct {
    const char *reader, *writer, *words;
} resolutions[] = {
    {FIELD("\"int\""), FIELD("\"int\""), ""},
    {FIELD("\"long\""), FIELD("\"int\""), ""},
    {FIELD("\"double\""), FIELD("\"long\""), ""},
    {FIELD("\"int\""), FIELD("\"long\""), "long cannot be read as int"},
    {FIELD("\"bytes\""), FIELD("\"string\""), ""},
    {FIELD("[\"null\",\"int\"]"), FIELD("\"int\""), ""},
    {FIELD("\"int\""), FIELD("[\"null\",\"int\"]"), "null cannot be read as int"},
    {FIELD("[\"null\",\"string\"]"), FIELD("\"int\""), "no branch"},
    {FIELD("{\"type\":\"int\",\"logicalType\":\"date\"}"), FIELD("\"int\""), "logical type"},
    {FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}"),
     FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}"), ""},
    {FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}"),
     FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}"), "does not know"},
    {FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"B\",\"A\"]}"),
     FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}"), "at the end"},
    {FIELD("{\"type\":\"enum\",\"name\":\"d\",\"symbols\":[\"A\"]}"),
     FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}"), "another name"},
    {FIELD("{\"type\":\"fixed\",\"name\":\"e\",\"size\":4}"), FIELD("{\"type\":\"fixed\",\"name\":\"e\",\"size\":5}"),
     "size"},
    {FIELD("{\"type\":\"array\",\"items\":\"long\"}"), FIELD("{\"type\":\"array\",\"items\":\"int\"}"), ""},
    {FIELD("{\"type\":\"array\",\"items\":\"int\"}"), FIELD("{\"type\":\"map\",\"values\":\"int\"}"),
     "map cannot be read as array"},
    {RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":[\"null\",\"int\"],\"default\":null}"),
     FIELD("\"int\""), ""},
    {RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"}"), FIELD("\"int\""),
     "field 'b': it is not in the data"},
    {FIELD("\"int\""), RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"}"), ""},
    {"{\"type\":\"record\",\"name\":\"other\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}", FIELD("\"int\""),
     "another name"},
};

static void resolves_by_the_rules_of_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof resolutions / sizeof *resolutions; i++) {
        struct bus_schema *reader = parse(resolutions[i].reader), *writer = parse(resolutions[i].writer);
        struct bus_error error = {.message = ""};
        enum bus_status status = bus_schema_resolves(reader, writer, &error);
        if (status != (resolutions[i].words[0] == '\0' ? BUS_OK : BUS_REJECT) ||
            strstr(error.message, resolutions[i].words) == NULL)
            fail_msg("%s from %s: '%s'", resolutions[i].reader, resolutions[i].writer, error.message);
        bus_schema_destroy(reader);
        bus_schema_destroy(writer);
    }
}

static void reads_the_older_tax_grade_with_the_newer_schema(void **state)
{
    (void)state;
    struct bus_schema *old = NULL, *new = NULL;
    struct bus_error error;
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/tax/credit.grade-1.avsc", &old, &error), BUS_OK);
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/tax/credit.grade-2.avsc", &new, &error), BUS_OK);
    assert_true(bus_schema_fingerprint(old) != bus_schema_fingerprint(new));
    assert_int_equal(bus_schema_resolves(new, old, &error), BUS_OK);
    bus_schema_destroy(old);
    bus_schema_destroy(new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_as_the_specification_does),
        cmocka_unit_test(makes_the_parsing_canonical_form),
        cmocka_unit_test(keeps_docs_logical_types_and_attributes),
        cmocka_unit_test(refuses_what_is_no_schema_of_ours),
        cmocka_unit_test(bounds_depth_and_fields),
        cmocka_unit_test(loads_every_schema_in_the_tree),
        cmocka_unit_test(names_a_file_that_cannot_be_read),
        cmocka_unit_test(resolves_by_the_rules_of_the_specification),
        cmocka_unit_test(reads_the_older_tax_grade_with_the_newer_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
