#include "gateway/receipts.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/calendar.h"
#include "bus/log.h"
#include "bus/state_receipt.h"
#include "bus/topics.h"

enum { NAME_SIZE = 256, LOG_SIZE = BUS_TOPIC_SIZE + 16, MINUTE_MS = 60000, TEXT_SIZE = 24 };

/* Refused receipts of one partition in the minute that began then. */
struct flood {
    int64_t began_ms;
    int64_t count;
};

struct gateway_receipts {
    struct gateway_receipts_options options;
    struct bus_receipt_verifier *verifier;
    struct flood *floods; /* one a partition */
    bool told_keyless;
};

/* One receipt while it is judged. */
struct judging {
    struct gateway_receipts *receipts;
    struct gateway_batch *batch;
    const struct gateway_input *input;
    int64_t now_ms;
    const struct bus_subscriber *subscriber; /* NULL while it is not known */
    struct bus_receipt receipt;
    struct bus_slot *slot;
    struct bus_state_receipt entry; /* what the state holds */
};

struct gateway_receipts *gateway_receipts_create(const struct gateway_receipts_options *options)
{
    struct gateway_receipts *receipts = calloc(1, sizeof *receipts);
    if (receipts == NULL)
        return NULL;
    receipts->options = *options;
    receipts->verifier = bus_receipt_verifier_create(options->keys);
    receipts->floods = calloc((size_t)options->states->count, sizeof *receipts->floods);
    if (receipts->verifier != NULL && receipts->floods != NULL)
        return receipts;
    gateway_receipts_destroy(receipts);
    return NULL;
}

void gateway_receipts_destroy(struct gateway_receipts *receipts)
{
    if (receipts == NULL)
        return;
    bus_receipt_verifier_destroy(receipts->verifier);
    free(receipts->floods);
    free(receipts);
}

void gateway_receipts_set_catalogue(struct gateway_receipts *receipts, const struct bus_catalogue *catalogue)
{
    receipts->options.catalogue = catalogue;
}

static const struct bus_subscriber *find_subscriber(const struct gateway_receipts *receipts, struct bus_bytes text)
{
    char name[NAME_SIZE];
    if (text.length == 0 || text.length >= sizeof name || memchr(text.data, 0, text.length) != NULL)
        return NULL;
    memcpy(name, text.data, text.length);
    name[text.length] = '\0';
    return bus_catalogue_find_subscriber(receipts->options.catalogue, name);
}

static const struct bus_item *find_item(const struct judging *judging)
{
    char department[BUS_RECEIPT_MAX_TEXT + 1], item[BUS_RECEIPT_MAX_TEXT + 1];
    const struct bus_receipt *receipt = &judging->receipt;
    snprintf(department, sizeof department, "%.*s", (int)receipt->department.length,
             (const char *)receipt->department.data);
    snprintf(item, sizeof item, "%.*s", (int)receipt->item.length, (const char *)receipt->item.data);
    return bus_catalogue_find_item(judging->receipts->options.catalogue, department, item);
}

/* --- judging --- */

static enum bus_status reject_foreign(struct bus_error *error)
{
    return bus_reject(error, "RECEIPT_FOREIGN", "回执属于另一个平台、订阅方、日志、分区或目录项",
                      "the receipt is of another exchange, subscriber, log, partition or item");
}

/* Whose it is, and whether it speaks of the log that its partition belongs to. */
static enum bus_status check_ours(struct judging *judging, char out_log[LOG_SIZE], struct bus_error *error)
{
    const struct gateway_receipts_options *options = &judging->receipts->options;
    const struct bus_receipt *receipt = &judging->receipt;
    char topic[BUS_TOPIC_SIZE];
    judging->subscriber = find_subscriber(judging->receipts, receipt->subscriber);
    if (judging->subscriber == NULL ||
        !bus_bytes_equal_text(receipt->exchange, bus_catalogue_exchange_view(options->catalogue)))
        return reject_foreign(error);
    bus_topic_out(options->prefix, judging->subscriber->name, topic);
    snprintf(out_log, LOG_SIZE, "%s/%d", topic, (int)judging->input->partition);
    if (!bus_bytes_equal_text(receipt->log, out_log))
        return reject_foreign(error);
    return receipt->kind == BUS_RECEIPT_REFUSED && find_item(judging) == NULL ? reject_foreign(error) : BUS_OK;
}

/* A key file that cannot be read stops nobody but the subscriber whose it is. */
static enum bus_status check_signature(struct judging *judging, struct bus_error *error)
{
    enum bus_status status = bus_receipt_verify(judging->receipts->verifier, &judging->receipt, error);
    if (status != BUS_FATAL)
        return status;
    bus_log_failure(BUS_LOG_ERROR, "receipt keys cannot be read", status, error);
    return bus_reject(error, "RECEIPT_KEY", "平台无法读取该订阅方的公钥，见网关日志",
                      "the exchange cannot read the subscriber's keys; its log says why");
}

static enum bus_status check_bounds(const struct judging *judging, const char *log, struct bus_error *error)
{
    const struct bus_receipt *receipt = &judging->receipt;
    struct bus_merkle *merkle = NULL;
    struct gateway_state *state = judging->receipts->options.states->of[judging->input->partition];
    enum bus_status status = gateway_state_log(state, log, &merkle, error);
    if (status != BUS_OK)
        return status;
    bool within = receipt->kind == BUS_RECEIPT_APPLIED ? receipt->size <= merkle->size : receipt->leaf < merkle->size;
    return within ? BUS_OK
                  : bus_reject(error, "RECEIPT_BEYOND", "回执所指超出该日志现有的长度",
                               "the receipt speaks of more than the log holds");
}

static enum bus_status read_entry(struct judging *judging, struct bus_error *error)
{
    struct gateway_state *state = judging->receipts->options.states->of[judging->input->partition];
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length = 0;
    struct bus_bytes value;
    enum bus_status status = bus_state_receipt_key(judging->subscriber->name, key, &length, error);
    if (status == BUS_OK)
        status = gateway_state_place(state, bus_bytes_of(key, length), &judging->slot, error);
    if (status == BUS_OK)
        status = gateway_state_read_place(state, judging->slot, &value, error);
    if (status != BUS_OK)
        return status == BUS_REJECT ? BUS_FATAL : status;
    judging->entry = (struct bus_state_receipt){.receipt_offset = -1, .refused = -1};
    if (value.data == NULL)
        return BUS_OK;
    status = bus_state_receipt_read(value, &judging->entry, error);
    return status == BUS_REJECT ? BUS_FATAL : status;
}

static bool is_new_refusal(const struct judging *judging)
{
    return judging->receipt.kind == BUS_RECEIPT_REFUSED && (int64_t)judging->receipt.leaf > judging->entry.refused;
}

/* A refusal of a leaf beyond all before was never here, whatever the clock of the machine that signed it. */
static enum bus_status check_time(const struct judging *judging, struct bus_error *error)
{
    if (judging->receipt.at_ms > judging->now_ms + GATEWAY_RECEIPTS_AHEAD_MS)
        return bus_reject(error, "RECEIPT_AHEAD", "回执的时间超前10分钟以上，请校正接收方时钟",
                          "the receipt's time is over ten minutes ahead: set the receiver's clock right");
    if (judging->receipt.at_ms > judging->entry.last_ms || is_new_refusal(judging))
        return BUS_OK;
    return bus_reject(error, "RECEIPT_REPLAYED", "回执的时间不晚于该日志已有的回执：重放，或接收方时钟倒退",
                      "the receipt is no newer than the last of its log: replayed, or the receiver's clock went back");
}

static enum bus_status judge(struct judging *judging, struct bus_error *error)
{
    char log[LOG_SIZE];
    enum bus_status status = bus_receipt_decode(judging->input->value, &judging->receipt, error);
    if (status != BUS_OK)
        return status;
    status = check_ours(judging, log, error);
    if (status == BUS_OK)
        status = check_signature(judging, error);
    if (status == BUS_OK)
        status = check_bounds(judging, log, error);
    if (status == BUS_OK)
        status = read_entry(judging, error);
    return status == BUS_OK ? check_time(judging, error) : status;
}

/* --- what is accepted --- */

static enum bus_status write_entry(const struct judging *judging, const struct bus_state_receipt *entry,
                                   struct bus_error *error)
{
    uint8_t value[BUS_STATE_RECEIPT_SIZE];
    size_t length = bus_state_receipt_write(entry, value);
    struct gateway_state *state = judging->receipts->options.states->of[judging->input->partition];
    return gateway_state_write_place(state, judging->slot, bus_bytes_of(value, length), error);
}

static enum bus_status accept_applied(const struct judging *judging, struct bus_error *error)
{
    const struct bus_receipt *receipt = &judging->receipt;
    if (receipt->size < judging->entry.size)
        bus_log(BUS_LOG_WARN, "a receiver's copy went back", "subscriber=%s partition=%d from=%llu to=%llu",
                judging->subscriber->name, judging->input->partition, (unsigned long long)judging->entry.size,
                (unsigned long long)receipt->size);
    struct bus_state_receipt entry = {
        .size = receipt->size,
        .offset = receipt->offset,
        .at_ms = receipt->at_ms,
        .receipt_offset = judging->input->offset,
        .last_ms = receipt->at_ms,
        .refused = judging->entry.refused,
        .receipt = judging->input->value,
    };
    return write_entry(judging, &entry, error);
}

/* It counts as a notice of the item, on the day on which it comes in. */
static enum bus_status count_notice(const struct judging *judging, struct bus_error *error)
{
    const struct bus_item *item = find_item(judging);
    struct bus_book *book = NULL;
    struct gateway_state *state = judging->receipts->options.states->of[judging->input->partition];
    enum bus_status status = gateway_state_book(state, bus_calendar_day(judging->now_ms), &book, error);
    if (status == BUS_OK && !bus_book_add(book, item->department->name, item->name, "", BUS_MEASURE_NOTICE, 1))
        status = bus_fail(error, BUS_FATAL, "out of memory for the books");
    return status;
}

/* In the receiver's own words, which are of no language that we know: they stand for both. */
static enum bus_status tell_department(const struct judging *judging, struct bus_error *error)
{
    const struct bus_receipt *receipt = &judging->receipt;
    char topic[BUS_TOPIC_SIZE], leaf[TEXT_SIZE];
    bus_topic_out(judging->receipts->options.prefix, judging->subscriber->name, topic);
    snprintf(leaf, sizeof leaf, "%llu", (unsigned long long)receipt->leaf);
    struct bus_quarantined notice = {
        .severity = BUS_SEVERITY_NOTICE,
        .department = receipt->department,
        .item = receipt->item,
        .stage = bus_bytes_text("receipt"),
        .code = receipt->code,
        .reason_zh = receipt->words,
        .reason_en = receipt->words,
        .source = bus_bytes_text(leaf),
        .topic = bus_bytes_text(topic),
        .partition = judging->input->partition,
        .offset = receipt->offset,
        .adapter = receipt->subscriber,
        .at_ms = judging->now_ms,
        .original_key = bus_bytes_of(receipt->record, BUS_IDENTITY_SIZE),
    };
    return gateway_batch_tell(judging->batch, judging->input->partition, &notice, error);
}

/* Told again after a crash it is passed over, but its time counts. */
static enum bus_status accept_refused(const struct judging *judging, struct bus_error *error)
{
    struct bus_state_receipt entry = judging->entry;
    enum bus_status status = BUS_OK;
    if (is_new_refusal(judging)) {
        entry.refused = (int64_t)judging->receipt.leaf;
        status = tell_department(judging, error);
        if (status == BUS_OK)
            status = count_notice(judging, error);
    }
    if (judging->receipt.at_ms > entry.last_ms)
        entry.last_ms = judging->receipt.at_ms;
    return status == BUS_OK ? write_entry(judging, &entry, error) : status;
}

/* --- what is refused --- */

/* Whether this one is shown. What is not is counted at 1, 10, 100 … of the minute, so that the log stays short, too. */
static bool is_shown(const struct judging *judging)
{
    struct flood *flood = &judging->receipts->floods[judging->input->partition];
    if (judging->now_ms - flood->began_ms >= MINUTE_MS || judging->now_ms < flood->began_ms)
        *flood = (struct flood){.began_ms = judging->now_ms};
    flood->count++;
    int64_t hidden = flood->count - GATEWAY_RECEIPTS_SHOWN, power = 1;
    while (power < hidden)
        power *= 10;
    if (hidden > 0 && power == hidden)
        bus_log(BUS_LOG_WARN, "more receipts refused, not shown", "partition=%d in_this_minute=%lld",
                judging->input->partition, (long long)hidden);
    return hidden <= 0;
}

static enum bus_status show(const struct judging *judging, const struct bus_error *reason, struct bus_error *error)
{
    const struct gateway_input *input = judging->input;
    const char *name = judging->subscriber != NULL ? judging->subscriber->name : GATEWAY_RECEIPTS_NOBODY;
    if (!is_shown(judging))
        return BUS_OK;
    bus_log(BUS_LOG_WARN, "receipt refused", "subscriber=%s partition=%d offset=%lld code=%s reason=\"%s / %s\"", name,
            input->partition, (long long)input->offset, reason->code, reason->message_zh, reason->message);
    struct bus_quarantined notice = {
        .severity = BUS_SEVERITY_NOTICE,
        .department = bus_bytes_text(name),
        .stage = bus_bytes_text("receipt"),
        .code = bus_bytes_text(reason->code),
        .reason_zh = bus_bytes_text(reason->message_zh),
        .reason_en = bus_bytes_text(reason->message),
        .topic = bus_bytes_text(input->topic),
        .partition = input->partition,
        .offset = input->offset,
        .adapter = bus_bytes_text(judging->subscriber != NULL ? name : ""),
        .at_ms = judging->now_ms,
        .original = input->value,
        .original_key = input->key,
    };
    if (notice.original.length > BUS_RECEIPT_MAX_SIZE)
        notice.original.length = BUS_RECEIPT_MAX_SIZE;
    if (notice.original_key.length > NAME_SIZE)
        notice.original_key.length = NAME_SIZE;
    return gateway_batch_tell(judging->batch, input->partition, &notice, error);
}

/* --- taking --- */

static enum bus_status pass_over(struct gateway_receipts *receipts)
{
    if (!receipts->told_keyless)
        bus_log(BUS_LOG_WARN, "receipts are passed over", "reason=\"receipt_keys is not set\"");
    receipts->told_keyless = true;
    return BUS_OK;
}

enum bus_status gateway_receipts_take(struct gateway_receipts *receipts, struct gateway_batch *batch,
                                      const struct gateway_input *input, struct bus_error *error)
{
    struct bus_error reason;
    struct judging judging = {
        .receipts = receipts,
        .batch = batch,
        .input = input,
        .now_ms = bus_clock_now_ms(receipts->options.clock),
        .subscriber = find_subscriber(receipts, input->key),
    };
    enum bus_status status = gateway_batch_pass(batch, input->topic, input->partition, input->offset, error);
    if (status != BUS_OK)
        return status;
    if (receipts->options.keys[0] == '\0')
        return pass_over(receipts);
    status = judge(&judging, &reason);
    if (status == BUS_REJECT)
        return show(&judging, &reason, error);
    if (status != BUS_OK) {
        *error = reason;
        return status;
    }
    return judging.receipt.kind == BUS_RECEIPT_APPLIED ? accept_applied(&judging, error)
                                                       : accept_refused(&judging, error);
}
