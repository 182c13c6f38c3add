/* Checking receipts: the signature against the receiver's pinned key, size and root against the seal that stands in the log. */
#include <stdio.h>

#include "bus/prove.h"
#include "bus/topics.h"
#include "cli/receipts.h"
#include "cli/scan.h"

struct checking {
    const struct cli_context *context;
    struct bus_receipt_verifier *verifier;
    struct bus_consumer *consumer;
    struct bus_seal seal;
    bool has_seal;
};

/* --- the seal --- */

static enum bus_status take_seal(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct checking *checking = self;
    struct bus_bytes header = bus_message_header(message, BUS_SEAL_HEADER);
    checking->has_seal = header.data != NULL && bus_seal_decode(header, &checking->seal, error) == BUS_OK;
    return BUS_OK;
}

/* Where the hint leads to no seal of that size the log is searched for the leaf that it ends with. RETRY: Kafka is away. */
static enum bus_status find_seal(struct checking *checking, const struct bus_receipt *receipt, const char *topic,
                                 int32_t partition, struct bus_error *error)
{
    struct bus_proof proof;
    checking->has_seal = false;
    enum bus_status status = BUS_OK;
    if (receipt->offset >= 0)
        status = cli_scan_at(checking->consumer, topic, partition, receipt->offset, take_seal, checking, error);
    if (status != BUS_OK && status != BUS_REJECT)
        return status;
    if ((checking->has_seal && checking->seal.size == receipt->size) || receipt->size == 0)
        return BUS_OK;
    bus_proof_init(&proof);
    status = bus_prove_leaf(&checking->context->kafka, topic, partition, receipt->size - 1, &proof, error);
    checking->has_seal = status == BUS_OK;
    if (checking->has_seal)
        checking->seal = proof.seal;
    bus_proof_release(&proof);
    return status == BUS_REJECT ? BUS_OK : status;
}

static enum bus_status check_seal_key(const struct checking *checking, enum cli_receipt_verdict *verdict,
                                      struct bus_error *error)
{
    struct bus_key *key = NULL;
    if (checking->context->keys_path == NULL)
        return BUS_OK;
    enum bus_status status = bus_key_find(checking->context->keys_path, checking->seal.key_id, &key, error);
    if (status == BUS_OK)
        status = bus_seal_verify(&checking->seal, key, error);
    bus_key_destroy(key);
    if (status != BUS_REJECT)
        return status;
    *verdict = CLI_RECEIPT_SEAL;
    return BUS_OK;
}

/* What the seal says against it; `verdict` stays as it is when nothing does. */
static enum bus_status hold_against_seal(struct checking *checking, const struct bus_receipt *receipt,
                                         const struct cli_signed_log *log, enum cli_receipt_verdict *verdict,
                                         struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE], name[BUS_SEAL_MAX_TEXT + BUS_TOPIC_SIZE];
    bus_topic_out(checking->context->prefix, log->subscriber->name, topic);
    snprintf(name, sizeof name, "%s/%d", topic, (int)log->partition);
    enum bus_status status = find_seal(checking, receipt, topic, log->partition, error);
    if (status != BUS_OK)
        return status;
    if (!checking->has_seal)
        *verdict = CLI_RECEIPT_GONE;
    else if (!bus_bytes_equal_text(receipt->log, name) || strcmp(checking->seal.log, name) != 0 ||
             !bus_bytes_equal_text(receipt->exchange, checking->seal.exchange) ||
             checking->seal.size != receipt->size ||
             memcmp(checking->seal.root, receipt->root, sizeof receipt->root) != 0)
        *verdict = CLI_RECEIPT_ROOT;
    else
        return check_seal_key(checking, verdict, error);
    return BUS_OK;
}

/* --- the signature --- */

static enum bus_status check_signature(const struct checking *checking, const struct cli_signed_log *log,
                                       const struct bus_receipt *receipt, enum cli_receipt_verdict *verdict,
                                       struct bus_error *error)
{
    *verdict = CLI_RECEIPT_UNCHECKED;
    if (checking->context->receipt_keys_path == NULL)
        return BUS_OK;
    if (!bus_bytes_equal_text(receipt->subscriber, log->subscriber->name)) {
        *verdict = CLI_RECEIPT_SIGNATURE; /* somebody else's word */
        return BUS_OK;
    }
    enum bus_status status = bus_receipt_verify(checking->verifier, receipt, error);
    if (status == BUS_OK)
        *verdict = CLI_RECEIPT_GOOD;
    else if (status == BUS_REJECT)
        *verdict = strcmp(error->code, "RECEIPT_KEY") == 0 ? CLI_RECEIPT_KEY : CLI_RECEIPT_SIGNATURE;
    return status == BUS_REJECT ? BUS_OK : status;
}

static enum bus_status check_log(struct checking *checking, struct cli_signed_log *log, struct bus_error *error)
{
    struct bus_receipt receipt;
    if (!log->is_signed)
        return BUS_OK;
    if (bus_receipt_decode(log->receipt, &receipt, error) != BUS_OK) {
        log->verdict = CLI_RECEIPT_SIGNATURE;
        return BUS_OK;
    }
    enum bus_status status = check_signature(checking, log, &receipt, &log->verdict, error);
    if (status != BUS_OK || (log->verdict != CLI_RECEIPT_GOOD && log->verdict != CLI_RECEIPT_UNCHECKED))
        return status;
    return hold_against_seal(checking, &receipt, log, &log->verdict, error);
}

enum bus_status cli_receipts_check(const struct cli_context *context, struct cli_signed_logs *logs,
                                   struct bus_error *error)
{
    static struct checking checking; /* a seal is large */
    checking = (struct checking){.context = context};
    checking.verifier =
        bus_receipt_verifier_create(context->receipt_keys_path != NULL ? context->receipt_keys_path : "");
    enum bus_status status =
        checking.verifier != NULL
            ? bus_consumer_open(&context->kafka, &(struct bus_consumer_options){0}, &checking.consumer, error)
            : bus_fail(error, BUS_FATAL, "check receipts: out of memory");
    for (size_t i = 0; status == BUS_OK && i < logs->count; i++)
        status = check_log(&checking, &logs->of[i], error);
    bus_consumer_close(checking.consumer);
    bus_receipt_verifier_destroy(checking.verifier);
    return status;
}

const struct cli_word *cli_receipt_verdict_word(enum cli_receipt_verdict verdict)
{
    static const struct cli_word words[CLI_RECEIPT_VERDICTS] = {
        {"NONE", "从未签收", "never signed"},
        {"GOOD", "✓ 签名与签章相符", "signature and seal agree"},
        {"UNCHECKED", "与签章相符，未给公钥，签名未核", "seal agrees; no receipt keys given"},
        {"RECEIPT_KEY", "✗ 公钥未登记", "its key is not pinned"},
        {"RECEIPT_SIGNATURE", "✗ 签名不符", "not the receiver's signature"},
        {"RECEIPT_ROOT", "✗ 与签章不符", "size and root are not the seal's"},
        {"SEAL", "✗ 签章本身不可信", "the seal is not genuine"},
        {"GONE", "日志已不保存该签章", "the log no longer holds the seal"},
    };
    return &words[verdict];
}
