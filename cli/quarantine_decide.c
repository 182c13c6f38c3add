/* xinqiao quarantine replay and discard: an officer's decision, and for a replay the event itself, in one transaction.
 *
 * All decisions use one transactional id: of two officers who decide at once, the second to begin fences the first, so nothing
 * is replayed twice. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/event.h"
#include "bus/topics.h"
#include "cli/officer.h"
#include "cli/quarantine.h"
#include "cli/scan.h"

enum { RECORD_LIMIT = 2 * 1024 * 1024, TRANSACTION_MS = 60000 };

#define USAGE                                                                                                          \
    "quarantine replay ID… --officer NAME --reason TEXT\n"                                                           \
    "quarantine discard ID… --officer NAME --reason TEXT"
#define TRANSACTIONAL_ID "xq-cli-quarantine"

struct deciding {
    const struct cli_context *context;
    bool replay;
    const char *officer, *reason;
    struct cli_quarantine_id ids[CLI_QUARANTINE_MAX_IDS];
    size_t count;
    struct cli_quarantine_list found;
    struct bus_producer *producer;
};

/* --- what may be decided --- */

static enum bus_status refuse(struct bus_error *error, struct cli_quarantine_id id, const char *text_zh,
                              const char *text_en)
{
    char name[CLI_QUARANTINE_ID_SIZE];
    cli_quarantine_print_id(id, name);
    bus_fail(error, BUS_REJECT, "%s: %s", name, text_en);
    snprintf(error->message_zh, sizeof error->message_zh, "%s：%s", name, text_zh);
    return BUS_REJECT;
}

static enum bus_status may_replay(const struct cli_quarantined *entry, struct bus_error *error)
{
    const struct bus_quarantined *record = &entry->record;
    if (record->severity == BUS_SEVERITY_NOTICE)
        return refuse(error, entry->id, "这是通知，该事件已经放行，无需重放",
                      "a notice: its event went on, there is nothing to replay");
    if (record->topic.length == 0 || record->partition < 0)
        return refuse(error, entry->id, "源文件中的行不能重放：请部门更正该行后重新报送文件",
                      "a row of a file cannot be replayed: correct the row and deliver the file again");
    if (record->original.length >= BUS_QUARANTINE_MAX_ORIGINAL)
        return refuse(error, entry->id, "原始字节过长已被截断，不能重放",
                      "the original was too long and is cut: it cannot be replayed");
    return BUS_OK;
}

static enum bus_status may_decide(const struct deciding *deciding, struct cli_quarantine_id id, struct bus_error *error)
{
    const struct cli_quarantined *entry = cli_quarantine_find(&deciding->found, id);
    if (entry == NULL)
        return refuse(error, id, "隔离区没有这个编号", "the quarantine has no such id");
    if (entry->decision != NULL)
        return refuse(error, id, "已经处理过，见 quarantine show", "already decided, see `quarantine show`");
    return deciding->replay ? may_replay(entry, error) : BUS_OK;
}

/* --- deciding --- */

static enum bus_status produce_again(struct deciding *deciding, const struct cli_quarantined *entry,
                                     struct bus_error *error)
{
    const struct bus_quarantined *record = &entry->record;
    char topic[BUS_TOPIC_SIZE], id[CLI_QUARANTINE_ID_SIZE];
    snprintf(topic, sizeof topic, "%.*s", (int)record->topic.length, (const char *)record->topic.data);
    cli_quarantine_print_id(entry->id, id);
    struct bus_header headers[] = {{BUS_REPLAY_HEADER, bus_bytes_text(id)}, {BUS_ADAPTER_HEADER, record->adapter}};
    struct bus_record again = {
        .topic = topic,
        .partition = record->partition,
        .key = record->original_key.length > 0 ? record->original_key : bus_bytes_of(NULL, 0),
        .value = record->original,
        .headers = headers,
        .header_count = record->adapter.length > 0 ? 2 : 1,
    };
    return bus_producer_produce(deciding->producer, &again, error);
}

static enum bus_status produce_decision(struct deciding *deciding, const struct cli_quarantined *entry,
                                        struct bus_error *error)
{
    const struct bus_quarantined *record = &entry->record;
    char topic[BUS_TOPIC_SIZE], id[CLI_QUARANTINE_ID_SIZE];
    struct bus_buffer buffer;
    cli_quarantine_print_id(entry->id, id);
    bus_topic_named(deciding->context->prefix, BUS_TOPIC_QUARANTINE, topic);
    bus_buffer_init(&buffer, RECORD_LIMIT);
    struct bus_quarantined decision = {
        .severity = BUS_SEVERITY_DECISION,
        .department = record->department,
        .item = record->item,
        .stage = record->stage,
        .code = record->code,
        .reason_zh = bus_bytes_text(deciding->reason),
        .reason_en = bus_bytes_text(deciding->reason),
        .partition = -1,
        .offset = -1,
        .at_ms = bus_clock_now_ms(&deciding->context->clock),
        .decides = bus_bytes_text(id),
        .action = bus_bytes_text(deciding->replay ? "REPLAYED" : "DISCARDED"),
        .officer = bus_bytes_text(deciding->officer),
    };
    enum bus_status status = bus_quarantine_encode(&decision, &buffer, error);
    struct bus_record written = {
        .topic = topic,
        .partition = entry->id.partition,
        .key = record->department,
        .value = bus_buffer_view(&buffer),
    };
    if (status == BUS_OK)
        status = bus_producer_produce(deciding->producer, &written, error);
    bus_buffer_release(&buffer);
    return status;
}

static enum bus_status write_all(struct deciding *deciding, struct bus_error *error)
{
    enum bus_status status = bus_producer_begin(deciding->producer, error);
    for (size_t i = 0; status == BUS_OK && i < deciding->count; i++) {
        const struct cli_quarantined *entry = cli_quarantine_find(&deciding->found, deciding->ids[i]);
        if (deciding->replay)
            status = produce_again(deciding, entry, error);
        if (status == BUS_OK)
            status = produce_decision(deciding, entry, error);
    }
    if (status == BUS_OK)
        status = bus_producer_commit(deciding->producer, error);
    /* An open transaction would hold up every reader of the in topic until its time is over. */
    struct bus_error ignored;
    if (status == BUS_RETRY && bus_producer_abort(deciding->producer, &ignored) != BUS_OK)
        status = BUS_FATAL;
    return status;
}

/* The producer comes first: from then on nobody else decides, and what was decided before is read. */
static enum bus_status decide(struct deciding *deciding, struct bus_error *error)
{
    struct bus_producer_options options = {.transactional_id = TRANSACTIONAL_ID,
                                           .transaction_timeout_ms = TRANSACTION_MS};
    struct cli_quarantine_filter filter = {.ids = deciding->ids, .id_count = deciding->count, .with_original = true};
    int32_t partitions;
    char topic[BUS_TOPIC_SIZE];
    bus_topic_named(deciding->context->prefix, BUS_TOPIC_QUARANTINE, topic);
    /* Opening a producer waits for ever; this tells at once when Kafka is away. */
    enum bus_status status = cli_scan_partitions(&deciding->context->kafka, topic, &partitions, error);
    if (status == BUS_OK)
        status = bus_producer_open(&deciding->context->kafka, &options, &deciding->producer, error);
    if (status == BUS_OK)
        status = cli_quarantine_read(deciding->context, &filter, &deciding->found, error);
    for (size_t i = 0; status == BUS_OK && i < deciding->count; i++)
        status = may_decide(deciding, deciding->ids[i], error);
    return status == BUS_OK ? write_all(deciding, error) : status;
}

/* --- the command --- */

static bool read_ids(struct deciding *deciding, int count, char **texts)
{
    if (count < 1 || count > CLI_QUARANTINE_MAX_IDS)
        return false;
    for (int i = 0; i < count; i++) {
        struct cli_quarantine_id id;
        if (!cli_quarantine_parse_id(bus_bytes_text(texts[i]), &id))
            return false;
        bool named = false; /* the same id twice is decided once */
        for (size_t j = 0; j < deciding->count; j++)
            named = named || (deciding->ids[j].partition == id.partition && deciding->ids[j].offset == id.offset);
        if (!named)
            deciding->ids[deciding->count++] = id;
    }
    return true;
}

static int tell(const struct deciding *deciding, bool json)
{
    const char *action = deciding->replay ? "REPLAYED" : "DISCARDED";
    if (json)
        printf("{\"action\": \"%s\", \"count\": %zu}\n", action, deciding->count);
    else
        printf("✓ %s %zu 条，已记录处理人 / %s %zu, recorded with the officer's name\n",
               deciding->replay ? "已重放" : "已作废", deciding->count, deciding->replay ? "replayed" : "discarded",
               deciding->count);
    return CLI_DONE;
}

int cli_quarantine_decide(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    struct deciding deciding = {.context = context, .replay = strcmp(argv[0], "replay") == 0};
    const struct cli_option options[] = {
        {"officer", CLI_OPTION_TEXT, &deciding.officer},
        {"reason", CLI_OPTION_TEXT, &deciding.reason},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (!read_ids(&deciding, rest, argv + 1))
        return cli_usage(USAGE);
    if (!cli_is_answered_for("处理决定", "a decision", deciding.officer, deciding.reason))
        return CLI_WRONG_USE;
    if (cli_kafka(context) == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = decide(&deciding, &error);
    int code = status == BUS_OK ? tell(&deciding, context->json) : cli_fail(status, &error);
    bus_producer_close(deciding.producer);
    cli_quarantine_release(&deciding.found);
    return code;
}
