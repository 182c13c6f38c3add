/* A subject report as JSON (docs/access-report.md). */
#include <stdio.h>

#include "bus/json.h"
#include "cli/rights.h"
#include "cli/subject_content.h"

enum { TEXT_LIMIT = 1024 * 1024 };

static void put(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void put_bytes(struct bus_json *json, const char *name, struct bus_bytes text)
{
    bus_json_name(json, name);
    bus_json_text(json, text);
}

static void put_number(struct bus_json *json, const char *name, int64_t number)
{
    bus_json_name(json, name);
    bus_json_integer(json, number);
}

static void put_flag(struct bus_json *json, const char *name, bool flag)
{
    bus_json_name(json, name);
    bus_json_boolean(json, flag);
}

static void put_hex(struct bus_json *json, const char *name, const uint8_t bytes[BUS_IDENTITY_SIZE])
{
    char text[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(bytes, BUS_IDENTITY_SIZE, text);
    put(json, name, text);
}

static void put_day(struct bus_json *json, const char *name, int32_t days)
{
    char text[CLI_MOMENT_SIZE];
    cli_day(days, text);
    bus_json_name(json, name);
    if (text[0] == '\0')
        bus_json_null(json);
    else
        bus_json_string(json, text);
}

static void write_item(struct bus_json *json, const struct cli_subject_record *record)
{
    const struct bus_item *item = record->item;
    put(json, "department", item != NULL ? item->department->name : "");
    put(json, "department_zh", item != NULL ? item->department->name_zh : "");
    put(json, "department_en", item != NULL ? item->department->name_en : "");
    put(json, "item", item != NULL ? item->name : "");
    put(json, "item_zh", item != NULL ? item->name_zh : "");
    put(json, "item_en", item != NULL ? item->name_en : "");
    put_number(json, "item_number", record->entry.item);
}

static void write_status(struct bus_json *json, const struct cli_subject_record *record)
{
    const struct cli_word *words[CLI_STATUS_MAX];
    size_t count = cli_status_words(&record->entry, words);
    put(json, "status", words[0]->name);
    bus_json_name(json, "statuses");
    bus_json_array(json);
    for (size_t i = 0; i < count; i++) {
        bus_json_object(json);
        put(json, "name", words[i]->name);
        put(json, "zh", words[i]->zh);
        put(json, "en", words[i]->en);
        bus_json_end_object(json);
    }
    bus_json_end_array(json);
}

static void write_content(struct bus_json *json, const struct cli_subject_report *report,
                          const struct cli_subject_record *record)
{
    struct bus_buffer text;
    struct cli_subject_field field;
    bus_buffer_init(&text, TEXT_LIMIT);
    put_flag(json, "content_is_kept", record->version != NULL);
    bus_json_name(json, "content");
    bus_json_array(json);
    for (size_t index = 0; cli_subject_next_field(report, record, &index, &text, &field);) {
        bus_json_object(json);
        put(json, "name", field.field->name);
        put_bytes(json, "zh", field.zh);
        put_bytes(json, "en", field.en);
        put(json, "classification", bus_classification_name(field.field->classification));
        bus_json_name(json, "value");
        if (field.is_null)
            bus_json_null(json);
        else
            bus_json_text(json, field.value);
        if (field.meaning_zh != NULL)
            put(json, "meaning_zh", field.meaning_zh);
        bus_json_end_object(json);
    }
    bus_json_end_array(json);
    bus_buffer_release(&text);
}

static void write_versions(struct bus_json *json, const struct cli_subject_record *record)
{
    bus_json_name(json, "versions");
    bus_json_array(json);
    for (size_t i = 0; i < record->version_count; i++) {
        bus_json_object(json);
        put_number(json, "version", record->versions[i].version);
        put_number(json, "accepted_at_ms", record->versions[i].accepted_ms);
        put(json, "operation", record->versions[i].withdrawn ? "WITHDRAW" : "PUT");
        bus_json_end_object(json);
    }
    bus_json_end_array(json);
}

/* --- disclosures --- */

static void write_fields(struct bus_json *json, const struct cli_subject_report *report,
                         const struct cli_disclosure *disclosure)
{
    const struct cli_trail_grant *grant = disclosure->grant;
    bus_json_name(json, "fields");
    bus_json_array(json);
    for (size_t i = 0; disclosure->operation == BUS_DELIVERY_PUT && i < grant->field_count; i++) {
        struct bus_bytes zh, en;
        cli_subject_field_words(report, grant, grant->fields[i].name, &zh, &en);
        bus_json_object(json);
        put(json, "name", grant->fields[i].name);
        put_bytes(json, "zh", zh);
        put_bytes(json, "en", en);
        put(json, "transform", cli_transform_word(grant->fields[i].transform)->name);
        bus_json_end_object(json);
    }
    bus_json_end_array(json);
}

static void write_proof(struct bus_json *json, const struct cli_subject_report *report,
                        const struct cli_disclosure *disclosure)
{
    char topic[BUS_TOPIC_SIZE], command[BUS_TOPIC_SIZE + 64], name[CLI_SUBJECT_PROOF_NAME_SIZE];
    bus_topic_out(report->prefix, disclosure->grant->subscriber, topic);
    snprintf(command, sizeof command, "xinqiao prove %s %d %llu", topic, (int)report->partition,
             (unsigned long long)disclosure->leaf);
    bus_json_name(json, "proof");
    bus_json_object(json);
    put(json, "topic", topic);
    put_number(json, "partition", report->partition);
    put_number(json, "leaf", (int64_t)disclosure->leaf);
    put_number(json, "audit_offset", disclosure->offset);
    put(json, "command", command);
    if (disclosure->proved) {
        cli_subject_proof_name(disclosure, report->partition, name);
        put(json, "file", name);
    }
    bus_json_end_object(json);
}

static void write_disclosure(struct bus_json *json, const struct cli_subject_report *report,
                             const struct cli_disclosure *disclosure)
{
    const struct cli_trail_grant *grant = disclosure->grant;
    const char *zh, *en;
    cli_subject_subscriber_words(report, grant->subscriber, &zh, &en);
    bus_json_object(json);
    put_number(json, "at_ms", disclosure->at_ms);
    put(json, "subscriber", grant->subscriber);
    put(json, "subscriber_zh", zh);
    put(json, "subscriber_en", en);
    put(json, "operation", cli_operation_word(disclosure->operation)->name);
    put(json, "operation_zh", cli_operation_word(disclosure->operation)->zh);
    put(json, "reason", cli_reason_word(disclosure->reason)->name);
    put(json, "reason_zh", cli_reason_word(disclosure->reason)->zh);
    put_number(json, "version", disclosure->version);
    put(json, "grant", grant->grant);
    put(json, "purpose", grant->purpose);
    put(json, "legal_basis", grant->legal_basis);
    put(json, "catalogue", grant->catalogue);
    write_fields(json, report, disclosure);
    write_proof(json, report, disclosure);
    bus_json_end_object(json);
}

/* --- records and cases --- */

static void write_record(struct bus_json *json, const struct cli_subject_report *report,
                         const struct cli_subject_record *record)
{
    const struct bus_state_entry *entry = &record->entry;
    bus_json_object(json);
    put_hex(json, "identity", record->identity);
    write_item(json, record);
    write_status(json, record);
    put_number(json, "version", entry->version);
    put_number(json, "first_seen_ms", entry->first_seen_ms);
    put_number(json, "changed_ms", entry->changed_ms);
    put_day(json, "publicity_until", entry->publicity_days);
    put_day(json, "retention_until", entry->retention_days);
    put_number(json, "open_disputes", entry->disputes);
    cli_rights_write_holders(json, report->catalogue, entry->holders);
    write_content(json, report, record);
    write_versions(json, record);
    put_flag(json, "older_disclosures_are_gone", record->trail->cut);
    bus_json_name(json, "disclosures");
    bus_json_array(json);
    for (size_t i = 0; i < record->trail->count; i++)
        write_disclosure(json, report, &record->trail->disclosures[i]);
    bus_json_end_array(json);
    bus_json_end_object(json);
}

static void write_case(struct bus_json *json, const struct cli_subject_report *report,
                       const struct cli_subject_record *matter)
{
    const struct bus_rights *rights = &matter->rights;
    bus_json_object(json);
    put_hex(json, "identity", matter->identity);
    write_item(json, matter);
    put(json, "step", bus_rights_step_name((enum bus_rights_step)matter->entry.marks));
    put(json, "step_zh", cli_rights_step_zh((enum bus_rights_step)matter->entry.marks));
    put_flag(json, "open", cli_subject_is_open(report, matter));
    put_number(json, "changed_ms", matter->entry.changed_ms);
    put_day(json, "due_on", matter->entry.watch_days);
    if (rights->kind != BUS_RIGHTS_NONE) {
        put_bytes(json, "case_number", rights->case_number);
        put_bytes(json, "authority", rights->authority);
        put(json, "authority_zh", cli_subject_department_zh(report, rights->authority));
        put_bytes(json, "document_number", rights->document_number);
        put_day(json, "decided_on", rights->decided_on);
        put(json, "target_item", matter->target_item != NULL ? matter->target_item : "");
        put_hex(json, "target", matter->target);
    }
    write_content(json, report, matter);
    write_versions(json, matter);
    bus_json_end_object(json);
}

static void write_head(struct bus_json *json, const struct cli_subject_report *report)
{
    put(json, "format", "xinqiao access report v1");
    put(json, "exchange", bus_catalogue_exchange_view(report->catalogue));
    put(json, "officer", report->officer);
    put(json, "reason", report->reason);
    put_number(json, "reported_at_ms", report->at_ms);
    put(json, "catalogue", bus_catalogue_version_view(report->catalogue));
    put(json, "read_from", report->from_state ? "state" : "topic");
    bus_json_name(json, "subject");
    bus_json_object(json);
    put(json, "kind", report->kind == BUS_SUBJECT_PERSON ? "PERSON" : "ORGANISATION");
    put(json, "identifier", report->identifier);
    put_hex(json, "subject_key", report->subject_key);
    put_number(json, "partition", report->partition);
    bus_json_end_object(json);
}

void cli_subject_write_json(const struct cli_subject_report *report, struct bus_buffer *buffer)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    write_head(&json, report);
    bus_json_name(&json, "records");
    bus_json_array(&json);
    for (size_t i = 0; i < report->record_count; i++)
        write_record(&json, report, &report->records[i]);
    bus_json_end_array(&json);
    bus_json_name(&json, "cases");
    bus_json_array(&json);
    for (size_t i = 0; i < report->case_count; i++)
        write_case(&json, report, &report->cases[i]);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
}
