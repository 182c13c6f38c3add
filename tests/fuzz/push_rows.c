/* Fuzzes the bodies of deliveries: the first byte says which form the rest has. Whatever the body, it is refused with a reason, or falls into
 * as many rows as were counted; an array that the JSON reader takes has the same elements. Each row is then read as the adapter reads it. */
#include <stdlib.h>

#include "adapters/formats/ndjson.h"
#include "adapters/sources/push/rows.h"
#include "bus/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_ROWS = 1000, ARENA_LIMIT = 8 * 1024 * 1024 };

static const char *const columns[] = {"a", "b", "PRIPID", "名称"};
static struct adapters_decoder *decoder;
static struct adapters_ndjson ndjson;

static bool prepare(void)
{
    struct bus_error error;
    ndjson = (struct adapters_ndjson){
        .columns = columns, .column_count = sizeof columns / sizeof *columns, .arena = bus_arena_create(ARENA_LIMIT)};
    return ndjson.arena != NULL && adapters_decoder_create(&decoder, &error) == BUS_OK;
}

static void read_row(struct bus_bytes text, int64_t line)
{
    struct adapters_refusal refusal;
    if (adapters_ndjson_read(&ndjson, decoder, text, line, &refusal) == BUS_REJECT && refusal.code[0] == '\0')
        abort();
}

static size_t go_through(enum adapters_push_form form, struct bus_bytes body)
{
    struct adapters_push_rows rows;
    struct bus_bytes text;
    size_t count = 0;
    int64_t line = 0;
    adapters_push_rows_start(&rows, form, body);
    while (adapters_push_rows_next(&rows, &text)) {
        if (text.length == 0 || text.data < body.data || text.data + text.length > body.data + body.length ||
            rows.line < line)
            abort();
        line = rows.line;
        count++;
        read_row(text, line);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_error error;
    struct bus_json_document *document = NULL;
    size_t count;
    if (size == 0 || (decoder == NULL && !prepare()))
        return 0;
    enum adapters_push_form form = data[0] % 2 == 0 ? ADAPTERS_PUSH_ARRAY : ADAPTERS_PUSH_LINES;
    struct bus_bytes body = bus_bytes_of(data + 1, size - 1);
    enum bus_status status = adapters_push_rows_check(form, body, MAX_ROWS, &count, &error);
    if ((status == BUS_OK && go_through(form, body) != count) || (status != BUS_OK && error.code[0] == '\0'))
        abort();
    if (form == ADAPTERS_PUSH_ARRAY && bus_json_parse(body, &document, &error) == BUS_OK) {
        const struct bus_json_value *root = bus_json_root(document);
        bool is_array = bus_json_type(root) == BUS_JSON_ARRAY && bus_json_count(root) <= MAX_ROWS;
        if (is_array != (status == BUS_OK) || (is_array && bus_json_count(root) != count))
            abort();
        bus_json_destroy(document);
    }
    return 0;
}
