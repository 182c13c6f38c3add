#include "subscribers/serve/answer.h"

#include <inttypes.h>
#include <stdio.h>

enum { LOG_SIZE = BUS_TOPIC_SIZE + 16 };

static const char *const proofs_names[] = {
    [SERVE_PROOFS_COMPLETE] = "complete",
    [SERVE_PROOFS_LEFT_OUT] = "left_out",
    [SERVE_PROOFS_PARTIAL] = "partial",
    [SERVE_PROOFS_UNAVAILABLE] = "unavailable",
};

static void text(struct bus_json *json, const char *name, const char *value)
{
    bus_json_name(json, name);
    bus_json_string(json, value);
}

static void time_or_null(struct bus_json *json, const char *name, int64_t at_ms)
{
    char when[BUS_CHECK_TIME_SIZE];
    bus_json_name(json, name);
    bus_check_time(at_ms, when);
    if (at_ms > 0)
        bus_json_string(json, when);
    else
        bus_json_null(json);
}

/* --- a record --- */

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)) != NULL; at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

bool serve_record_is_disputed(const struct serve_record *record)
{
    return strcmp(record->fixed[POSTGRESQL_STATUS], "DISPUTED") == 0 ||
           has_word(record->fixed[POSTGRESQL_FLAGS], "DISPUTED");
}

static void write_flags(struct bus_json *json, const char *flags)
{
    bus_json_name(json, "flags");
    bus_json_array(json);
    while (*flags != '\0') {
        size_t length = strcspn(flags, " ");
        bus_json_text(json, bus_bytes_of(flags, length));
        flags += length + (flags[length] == ' ');
    }
    bus_json_end_array(json);
}

/* Numbers keep all their digits; what the database has as text stays text. */
static void write_value(struct bus_json *json, const struct postgresql_column *column, const char *value)
{
    static const char *const numbers[] = {"integer", "bigint", "numeric"};
    bool is_number = false;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        is_number |= strncmp(column->type, numbers[i], strlen(numbers[i])) == 0;
    if (value == NULL)
        bus_json_null(json);
    else if (is_number && strcmp(value, "NaN") != 0)
        bus_json_raw(json, bus_bytes_text(value));
    else if (strcmp(column->type, "boolean") == 0)
        bus_json_boolean(json, value[0] == 't');
    else
        bus_json_string(json, value);
}

static void write_what(struct bus_json *json, const struct serve_record *record)
{
    const struct bus_item *item = record->item;
    text(json, "department", record->fixed[POSTGRESQL_DEPARTMENT]);
    text(json, "department_zh", item != NULL ? item->department->name_zh : "");
    text(json, "item", record->table->item->name);
    text(json, "item_zh", item != NULL ? item->name_zh : "");
    text(json, "class_zh", item != NULL ? item->class_zh : "");
    text(json, "record", record->fixed[POSTGRESQL_RECORD]);
    text(json, "status", record->fixed[POSTGRESQL_STATUS]);
    bus_json_name(json, "disputed");
    bus_json_boolean(json, serve_record_is_disputed(record));
    write_flags(json, record->fixed[POSTGRESQL_FLAGS]);
}

static void write_why(struct bus_json *json, const struct serve_record *record)
{
    text(json, "grant", record->fixed[POSTGRESQL_GRANT]);
    text(json, "purpose", record->fixed[POSTGRESQL_PURPOSE]);
    text(json, "legal_basis", record->fixed[POSTGRESQL_LEGAL_BASIS]);
    text(json, "catalogue", record->fixed[POSTGRESQL_CATALOGUE]);
}

static void write_where(struct bus_json *json, const struct serve_answer *answer, const struct serve_record *record)
{
    char log[LOG_SIZE];
    snprintf(log, sizeof log, "%s/%d", answer->topic, (int)record->partition);
    bus_json_name(json, "version");
    bus_json_raw(json, bus_bytes_text(record->fixed[POSTGRESQL_VERSION]));
    text(json, "delivered_at", record->fixed[POSTGRESQL_DELIVERED_AT]);
    text(json, "log", log);
    bus_json_name(json, "partition");
    bus_json_integer(json, record->partition);
    bus_json_name(json, "leaf");
    bus_json_integer(json, (int64_t)record->leaf);
}

static void write_record(struct bus_json *json, const struct serve_answer *answer, const struct serve_record *record)
{
    bus_json_object(json);
    write_what(json, record);
    write_why(json, record);
    write_where(json, answer, record);
    bus_json_name(json, "fields");
    bus_json_object(json);
    for (size_t i = 0; i < record->table->column_count; i++) {
        bus_json_name(json, record->table->columns[i].name);
        write_value(json, &record->table->columns[i], record->values[i]);
    }
    bus_json_end_object(json);
    if (record->proof.length > 0) {
        bus_json_name(json, "proof");
        bus_json_raw(json, record->proof);
    } else if (record->proof_missing != NULL) {
        text(json, "proof_missing", record->proof_missing);
    }
    bus_json_end_object(json);
}

static void write_records(struct bus_json *json, const struct serve_answer *answer)
{
    bus_json_array(json);
    for (size_t i = 0; i < answer->holding.count; i++)
        write_record(json, answer, &answer->holding.records[i]);
    bus_json_end_array(json);
}

/* --- the statement --- */

/* What is hashed is what a reader of the answer hashes: its JSON, read again. */
static enum bus_status hash_records(struct serve_answer *answer, struct bus_error *error)
{
    struct bus_json json;
    struct bus_buffer buffer;
    struct bus_json_document *document = NULL;
    bus_buffer_init(&buffer, SERVE_ANSWER_MAX);
    bus_json_init(&json, &buffer);
    write_records(&json, answer);
    enum bus_status status = buffer.failed ? bus_fail(error, BUS_FATAL, "an answer has more bytes than it may have")
                                           : bus_json_parse(bus_buffer_view(&buffer), &document, error);
    if (status == BUS_OK) {
        status = bus_check_root(bus_json_root(document), answer->check.root, error);
        bus_json_destroy(document);
    }
    bus_buffer_release(&buffer);
    return status == BUS_REJECT ? BUS_FATAL : status;
}

enum bus_status serve_answer_state(struct serve_answer *answer, const struct bus_key *key, struct bus_error *error)
{
    struct bus_check *check = &answer->check;
    *check = (struct bus_check){.asked_at_ms = answer->question->asked_at_ms,
                                .sealed_at_ms = answer->holding.sealed_at_ms,
                                .records = answer->holding.count,
                                .complete = !answer->holding.is_cut};
    snprintf(check->exchange, sizeof check->exchange, "%s", bus_catalogue_exchange_view(answer->shelf->catalogue));
    snprintf(check->subscriber, sizeof check->subscriber, "%s", answer->subscriber);
    snprintf(check->subject, sizeof check->subject, "%s", answer->question->stated);
    enum bus_status status = hash_records(answer, error);
    if (status == BUS_OK && key != NULL)
        status = bus_check_sign(check, key, error);
    answer->is_signed = status == BUS_OK && key != NULL;
    return status;
}

static void write_statement(struct bus_json *json, const struct serve_answer *answer)
{
    struct bus_buffer statement;
    bus_json_name(json, "statement");
    if (!answer->is_signed) {
        bus_json_null(json);
        return;
    }
    bus_buffer_init(&statement, BUS_CHECK_MAX_SIZE);
    bus_check_write(&answer->check, &statement);
    bus_json_text(json, bus_buffer_view(&statement));
    bus_buffer_release(&statement);
}

/* --- the whole --- */

static void write_question(struct bus_json *json, const struct serve_question *question)
{
    bus_json_name(json, "subject");
    bus_json_object(json);
    text(json, "kind", question->kind == BUS_SUBJECT_PERSON ? "PERSON" : "ORGANISATION");
    text(json, "code", question->code);
    text(json, "subject_id", question->identifier);
    text(json, "stated", question->stated);
    bus_json_end_object(json);
    time_or_null(json, "asked_at", question->asked_at_ms);
    text(json, "client", question->client);
    text(json, "officer", question->officer);
    text(json, "purpose", question->purpose);
}

static void write_freshness(struct bus_json *json, const struct serve_answer *answer)
{
    const struct serve_pulse_state *pulse = &answer->pulse;
    bus_json_name(json, "freshness");
    bus_json_object(json);
    time_or_null(json, "sealed_at", answer->holding.sealed_at_ms);
    time_or_null(json, "applied_at", answer->holding.applied_at_ms);
    bus_json_name(json, "behind");
    if (pulse->pace == SERVE_PACE_UNKNOWN)
        bus_json_null(json);
    else
        bus_json_boolean(json, pulse->pace == SERVE_PACE_BEHIND);
    time_or_null(json, "waiting_since", pulse->pace == SERVE_PACE_BEHIND ? pulse->waiting_since_ms : 0);
    time_or_null(json, "looked_at", pulse->looked_at_ms);
    bus_json_end_object(json);
}

static void write_proofs(struct bus_json *json, const struct serve_answer *answer)
{
    text(json, "proofs", proofs_names[answer->proofs]);
    bus_json_name(json, "proofs_unavailable");
    if (answer->proofs == SERVE_PROOFS_UNAVAILABLE)
        bus_json_string(json, answer->proofs_reason.message);
    else
        bus_json_null(json);
}

void serve_answer_write(const struct serve_answer *answer, struct bus_buffer *buffer)
{
    struct bus_json json;
    int64_t disputed = 0;
    for (size_t i = 0; i < answer->holding.count; i++)
        disputed += serve_record_is_disputed(&answer->holding.records[i]);
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    text(&json, "format", SERVE_ANSWER_FORMAT);
    text(&json, "exchange", answer->check.exchange);
    text(&json, "subscriber", answer->subscriber);
    write_question(&json, answer->question);
    write_freshness(&json, answer);
    bus_json_name(&json, "record_count");
    bus_json_integer(&json, (int64_t)answer->holding.count);
    bus_json_name(&json, "disputed_count");
    bus_json_integer(&json, disputed);
    bus_json_name(&json, "complete");
    bus_json_boolean(&json, !answer->holding.is_cut);
    write_proofs(&json, answer);
    write_statement(&json, answer);
    bus_json_name(&json, "records");
    write_records(&json, answer);
    bus_json_end_object(&json);
}
