#include "cli/subject_access.h"

#include "bus/quarantine.h"
#include "bus/topics.h"

enum { RECORD_LIMIT = 64 * 1024 };

static enum bus_status produce(const struct cli_context *context, const struct bus_record *record,
                               struct bus_error *error)
{
    struct bus_producer *producer = NULL;
    enum bus_status status = bus_producer_open(&context->kafka, &(struct bus_producer_options){0}, &producer, error);
    if (status == BUS_OK)
        status = bus_producer_produce(producer, record, error);
    if (status == BUS_OK)
        status = bus_producer_flush(producer, error);
    bus_producer_close(producer);
    return status;
}

enum bus_status cli_subject_note_access(const struct cli_context *context, const struct cli_subject_report *report,
                                        struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    struct bus_buffer buffer;
    bus_topic_named(report->prefix, BUS_TOPIC_QUARANTINE, topic);
    bus_buffer_init(&buffer, RECORD_LIMIT);
    struct bus_quarantined notice = {
        .severity = BUS_SEVERITY_NOTICE,
        .department = bus_bytes_text(BUS_RIGHTS_EXCHANGE),
        .stage = bus_bytes_text("subject"),
        .code = bus_bytes_text(CLI_SUBJECT_ACCESS_CODE),
        .reason_zh = bus_bytes_text(report->reason),
        .reason_en = bus_bytes_text(report->reason),
        .partition = -1,
        .offset = -1,
        .at_ms = report->at_ms,
        .original_key = bus_bytes_of(report->subject_key, BUS_SUBJECT_KEY_SIZE),
        .officer = bus_bytes_text(report->officer),
    };
    enum bus_status status = bus_quarantine_encode(&notice, &buffer, error);
    struct bus_record record = {
        .topic = topic,
        .partition = report->partition,
        .key = notice.department,
        .value = bus_buffer_view(&buffer),
    };
    if (status == BUS_OK)
        status = produce(context, &record, error);
    bus_buffer_release(&buffer);
    if (status != BUS_OK)
        bus_error_prefix(error, "write down who asks for this report, without which none is made");
    return status;
}
