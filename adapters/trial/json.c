/* Trial as one JSON object. */
#include "bus/json.h"
#include "adapters/trial/show.h"

enum { TEXT_LIMIT = 2 * ADAPTERS_ROW_MAX };

/* The writer stands nowhere between two calls: each piece is an object of its own, and the commas are put by hand. */
static void begin(const struct adapters_trial *trial, struct bus_buffer *out)
{
    struct bus_json json;
    const struct bus_item *item = adapters_mapping_item(trial->mapping);
    bus_json_init(&json, out);
    bus_json_object(&json);
    bus_json_name(&json, "file");
    bus_json_string(&json, trial->options->file);
    bus_json_name(&json, "feed");
    bus_json_string(&json, adapters_mapping_feed_view(trial->mapping));
    bus_json_name(&json, "department");
    bus_json_string(&json, item->department->name);
    bus_json_name(&json, "item");
    bus_json_string(&json, item->name);
    bus_json_name(&json, "encoding");
    bus_json_string(&json, trial->encoding);
    bus_buffer_printf(out, ", \"shown\": [");
}

static void put_refusal(struct bus_json *json, const struct adapters_refusal *refusal)
{
    bus_json_name(json, "code");
    bus_json_string(json, refusal->code);
    bus_json_name(json, "column");
    bus_json_string(json, refusal->column);
    bus_json_name(json, "reason_zh");
    bus_json_string(json, refusal->zh);
    bus_json_name(json, "reason");
    bus_json_string(json, refusal->en);
}

static void put_line(const struct adapters_trial *trial, const struct adapters_explained *line, struct bus_json *json,
                     struct bus_buffer *text)
{
    struct bus_bytes name, zh;
    adapters_trial_field(line, &name, &zh);
    bus_json_object(json);
    bus_json_name(json, "columns");
    bus_json_text(json, line->columns);
    bus_json_name(json, "source");
    adapters_trial_source(trial, line, text);
    bus_json_text(json, bus_buffer_view(text));
    bus_json_name(json, "field");
    if (line->field != NULL)
        bus_json_text(json, name);
    else
        bus_json_null(json);
    bus_json_name(json, "result");
    adapters_trial_result(trial, line, text);
    if (line->value.type != BUS_TYPE_NULL && line->field != NULL)
        bus_json_text(json, bus_buffer_view(text));
    else
        bus_json_null(json);
    bus_json_name(json, "complaint");
    if (line->complaint == ADAPTERS_NO_COMPLAINT) {
        bus_json_null(json);
    } else {
        bus_json_object(json);
        bus_json_name(json, "by");
        bus_json_string(json, line->complaint == ADAPTERS_COMPLAINT_HERE ? "adapter" : "gateway");
        put_refusal(json, &line->refusal);
        bus_json_end_object(json);
    }
    bus_json_end_object(json);
}

static void show_row(const struct adapters_trial *trial, const struct adapters_trial_row *row, struct bus_buffer *out)
{
    struct bus_json json;
    struct bus_buffer text;
    if (out->length > 0 && out->data[out->length - 1] == '}')
        bus_buffer_printf(out, ", ");
    bus_buffer_init(&text, TEXT_LIMIT);
    bus_json_init(&json, out);
    bus_json_object(&json);
    bus_json_name(&json, "line");
    bus_json_integer(&json, row->line);
    bus_json_name(&json, "outcome");
    bus_json_string(&json, row->is_refused      ? "REFUSED"
                           : row->is_foreseen   ? "GATEWAY_REFUSES"
                           : row->is_withdrawal ? "WITHDRAW"
                                                : "PUT");
    if (row->whole.code[0] != '\0') {
        bus_json_name(&json, "whole");
        bus_json_object(&json);
        put_refusal(&json, &row->whole);
        bus_json_end_object(&json);
    }
    bus_json_name(&json, "fields");
    bus_json_array(&json);
    for (size_t i = 0; i < row->line_count; i++)
        put_line(trial, &row->lines[i], &json, &text);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    bus_buffer_release(&text);
}

static void put_complaint(struct bus_json *json, const struct adapters_trial_complaint *complaint)
{
    bus_json_object(json);
    bus_json_name(json, "by");
    bus_json_string(json, complaint->by == ADAPTERS_COMPLAINT_HERE ? "adapter" : "gateway");
    put_refusal(json, &complaint->refusal);
    bus_json_name(json, "count");
    bus_json_integer(json, complaint->count);
    bus_json_name(json, "first_line");
    bus_json_integer(json, complaint->first_line);
    bus_json_end_object(json);
}

static void end(const struct adapters_trial *trial, struct bus_buffer *out)
{
    struct bus_json json;
    bus_buffer_printf(out,
                      "], \"rows\": %lld, \"put\": %lld, \"withdrawn\": %lld, \"refused\": %lld, "
                      "\"gateway_refuses\": %lld, \"held\": ",
                      (long long)trial->rows, (long long)trial->put, (long long)trial->withdrawn,
                      (long long)trial->refused, (long long)trial->foreseen);
    bus_json_init(&json, out);
    if (trial->is_held) {
        bus_json_object(&json);
        put_refusal(&json, &trial->held);
        bus_json_end_object(&json);
    } else {
        bus_json_null(&json);
    }
    bus_buffer_printf(out, ", \"complaints\": ");
    bus_json_init(&json, out);
    bus_json_array(&json);
    for (size_t i = 0; i < trial->complaint_count; i++)
        put_complaint(&json, &trial->complaints[i]);
    bus_json_end_array(&json);
    bus_buffer_printf(out, "}\n");
}

const struct adapters_trial_writer adapters_trial_json = {begin, show_row, end};
