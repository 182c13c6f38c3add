/* xinqiao verify of a check sheet's text: whose it is, and what answer it was signed over. */
#include "cli/verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/check.h"
#include "bus/file.h"

enum { ANSWER_MAX = 64 * 1024 * 1024 + 1024, OUT_MAX = 64 * 1024 };

struct verdict {
    struct bus_check check;
    bool has_answer;
    int64_t proofs, without_proof;
};

/* Among the keys of subscribers when it is not among the others. */
static enum bus_status verify_signature(const struct cli_context *context, const struct bus_check *check,
                                        struct bus_error *error)
{
    struct bus_key *key = NULL;
    enum bus_status status = bus_check_find_key(check, context->keys_path, &key, error);
    if (status == BUS_REJECT && context->receipt_keys_path != NULL)
        status = bus_check_find_key(check, context->receipt_keys_path, &key, error);
    if (status == BUS_OK)
        status = bus_check_verify(check, key, error);
    bus_key_destroy(key);
    return status;
}

/* --- the answer --- */

static enum bus_status verify_record(const struct cli_context *context, const struct bus_json_value *record,
                                     struct verdict *verdict, struct bus_error *error)
{
    struct bus_proof proof;
    bool has_proof;
    bus_proof_init(&proof);
    enum bus_status status = bus_check_proof(record, &proof, &has_proof, error);
    if (status == BUS_OK && has_proof)
        status = bus_proof_check(&proof, context->keys_path, error);
    verdict->proofs += has_proof;
    verdict->without_proof += !has_proof;
    bus_proof_release(&proof);
    return status;
}

static enum bus_status verify_answer(const struct cli_context *context, const char *path, struct verdict *verdict,
                                     struct bus_error *error)
{
    struct bus_buffer text;
    struct bus_json_document *document = NULL;
    bus_buffer_init(&text, ANSWER_MAX);
    enum bus_status status = bus_file_read(path, &text, error);
    if (status == BUS_OK)
        status = bus_json_parse(bus_buffer_view(&text), &document, error);
    if (status == BUS_OK)
        status = bus_check_answer(&verdict->check, bus_json_root(document), error);
    const struct bus_json_value *records =
        status == BUS_OK ? bus_json_member(bus_json_root(document), "records") : NULL;
    for (size_t i = 0; status == BUS_OK && i < bus_json_count(records); i++)
        status = verify_record(context, bus_json_at(records, i), verdict, error);
    bus_json_destroy(document);
    bus_buffer_release(&text);
    verdict->has_answer = status == BUS_OK;
    return status;
}

/* --- telling --- */

static void text(struct bus_json *json, const char *name, const char *value)
{
    bus_json_name(json, name);
    bus_json_string(json, value);
}

static void integer(struct bus_json *json, const char *name, int64_t value)
{
    bus_json_name(json, name);
    bus_json_integer(json, value);
}

static void write_json(const struct verdict *verdict, const struct bus_error *refusal, struct bus_buffer *buffer)
{
    const struct bus_check *check = &verdict->check;
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    bus_json_name(&json, "genuine");
    bus_json_boolean(&json, refusal == NULL);
    text(&json, "kind", "check");
    if (refusal != NULL) {
        text(&json, "code", refusal->code);
        text(&json, "reason", refusal->message);
    } else {
        text(&json, "exchange", check->exchange);
        text(&json, "subscriber", check->subscriber);
        text(&json, "subject", check->subject);
        integer(&json, "asked_at_ms", check->asked_at_ms);
        integer(&json, "sealed_at_ms", check->sealed_at_ms);
        integer(&json, "records", (int64_t)check->records);
        bus_json_name(&json, "complete");
        bus_json_boolean(&json, check->complete);
        text(&json, "key_id", check->key_id);
    }
    if (verdict->has_answer) {
        integer(&json, "proofs", verdict->proofs);
        integer(&json, "without_proof", verdict->without_proof);
    }
    bus_json_end_object(&json);
}

static void write_words(const struct verdict *verdict, struct bus_buffer *buffer)
{
    const struct bus_check *check = &verdict->check;
    char asked[BUS_CHECK_TIME_SIZE], sealed[BUS_CHECK_TIME_SIZE];
    bus_check_time(check->asked_at_ms, asked);
    bus_check_time(check->sealed_at_ms, sealed);
    bus_buffer_printf(buffer,
                      "✓ 真实：%s 平台的订阅方 %s 于 %s 核查主体 %s，持有 %" PRIu64
                      " 条有效记录%s，数据截至签章 %s；由密钥 %s 签名，未被改动\n"
                      "  genuine: subscriber %s of exchange %s, asked at %s about %s, held %" PRIu64
                      " records in force%s, as of the seal of %s; signed by key %s, unaltered",
                      check->exchange, check->subscriber, asked, check->subject, check->records,
                      check->complete ? "" : "（未列全）", sealed, check->key_id, check->subscriber, check->exchange,
                      asked, check->subject, check->records, check->complete ? "" : " (and more that it did not show)",
                      sealed, check->key_id);
    if (verdict->has_answer)
        bus_buffer_printf(buffer,
                          "\n✓ 答复中的记录与核查单一致；%lld 条证明有效，%lld 条没有证明\n"
                          "  the answer holds the records of the sheet; %lld proofs are good, %lld records have none",
                          (long long)verdict->proofs, (long long)verdict->without_proof, (long long)verdict->proofs,
                          (long long)verdict->without_proof);
}

int cli_verify_statement(const struct cli_context *context, struct bus_bytes statement, const char *answer_path)
{
    struct verdict verdict = {0};
    struct bus_error error;
    struct bus_buffer buffer;
    enum bus_status status = bus_check_read(statement, &verdict.check, &error);
    if (status == BUS_OK)
        status = verify_signature(context, &verdict.check, &error);
    if (status == BUS_OK && answer_path != NULL)
        status = verify_answer(context, answer_path, &verdict, &error);
    if (status != BUS_OK && !(status == BUS_REJECT && context->json)) {
        if (status == BUS_REJECT)
            fputs("✗ 不真实，不可采信 / not genuine, do not rely on it:\n", stderr);
        return cli_fail(status, &error);
    }
    bus_buffer_init(&buffer, OUT_MAX);
    if (context->json)
        write_json(&verdict, status == BUS_OK ? NULL : &error, &buffer);
    else
        write_words(&verdict, &buffer);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code == CLI_DONE && status != BUS_OK ? CLI_NO : code;
}
