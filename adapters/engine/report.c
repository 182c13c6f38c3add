#include "adapters/engine/report.h"

void adapters_report_init(struct adapters_report *report)
{
    *report = (struct adapters_report){0};
    bus_buffer_init(&report->lines, ADAPTERS_REPORT_LIMIT);
}

void adapters_report_release(struct adapters_report *report)
{
    bus_buffer_release(&report->lines);
}

void adapters_report_reset(struct adapters_report *report)
{
    bus_buffer_reset(&report->lines);
    report->left_out = 0;
    report->count = 0;
}

/* A text as one CSV field, quotes doubled. What a spreadsheet would take for a formula gets an apostrophe in front: names of columns come
 * from a file's header. */
static void append_field(struct bus_buffer *buffer, const char *text, char end)
{
    bus_buffer_u8(buffer, '"');
    if (text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL)
        bus_buffer_u8(buffer, '\'');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"')
            bus_buffer_u8(buffer, '"');
        bus_buffer_u8(buffer, (uint8_t)*at);
    }
    bus_buffer_u8(buffer, '"');
    bus_buffer_u8(buffer, (uint8_t)end);
}

static void append_refusal(struct bus_buffer *buffer, const struct adapters_refusal *refusal)
{
    append_field(buffer, refusal->column, ',');
    append_field(buffer, refusal->code, ',');
    append_field(buffer, refusal->zh, ',');
    append_field(buffer, refusal->en, '\n');
}

void adapters_report_add(struct adapters_report *report, int64_t line, const struct adapters_refusal *refusal)
{
    if (report->count++ >= ADAPTERS_REPORT_MAX_ROWS) {
        report->left_out++;
        return;
    }
    if (line > 0) /* else it is about the whole */
        bus_buffer_printf(&report->lines, "%lld", (long long)line);
    bus_buffer_u8(&report->lines, ',');
    append_refusal(&report->lines, refusal);
}

static void append_whole(const struct adapters_report_summary *summary, struct bus_buffer *buffer)
{
    bool is_compared = summary->unchanged > 0 || summary->withdrawn > 0;
    if (summary->held != NULL) {
        append_refusal(buffer, summary->held);
        return;
    }
    if (summary->is_duplicate) {
        bus_buffer_printf(buffer, "\"\",FILE_TAKEN_BEFORE,\"该文件内容此前已接收，本次未处理\","
                                  "\"a file with this content was taken before; nothing was done with this one\"\n");
        return;
    }
    bus_buffer_printf(buffer, "\"\",FILE_TAKEN,\"文件已接收：编码 %s，共 %lld 行，发布 %lld 行，退回 %lld 行",
                      summary->encoding, (long long)summary->rows, (long long)summary->published,
                      (long long)summary->quarantined);
    if (is_compared)
        bus_buffer_printf(buffer, "，未变 %lld 行；清单已没有而撤回 %lld 条", (long long)summary->unchanged,
                          (long long)summary->withdrawn);
    bus_buffer_printf(buffer, "\",\"the file was taken: encoding %s, %lld rows, %lld published, %lld refused",
                      summary->encoding, (long long)summary->rows, (long long)summary->published,
                      (long long)summary->quarantined);
    if (is_compared)
        bus_buffer_printf(buffer, ", %lld unchanged; %lld records that the list lacks were withdrawn",
                          (long long)summary->unchanged, (long long)summary->withdrawn);
    bus_buffer_printf(buffer, "\"\n");
}

void adapters_report_write(const struct adapters_report *report, const struct adapters_report_summary *summary,
                           struct bus_buffer *buffer)
{
    bus_buffer_printf(buffer, "\xef\xbb\xbf行号 line,列 column,代码 code,原因,reason\n,");
    append_whole(summary, buffer);
    bus_buffer_append_bytes(buffer, bus_buffer_view(&report->lines));
    if (report->left_out > 0)
        bus_buffer_printf(
            buffer, ",,MORE,\"另有 %lld 行被退回，见隔离区\",\"%lld more rows were refused; see the quarantine\"\n",
            (long long)report->left_out, (long long)report->left_out);
}
