#include "subscribers/sinks/https/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/json.h"

#define DEFAULT_CODE "REFUSED"

enum { MAX_DIGITS = 20, WHAT_SIZE = 160 };

enum outcome { OUTCOME_NONE, OUTCOME_APPLIED, OUTCOME_REFUSED, OUTCOME_LATER };

struct reading {
    const char *name;
    struct subscribers_batch *batch;
    const struct bus_json_value **results; /* of each delivery; NULL = none yet */
    struct bus_error *error;
};

/* An answer that cannot be believed: it counts for nothing. */
static enum bus_status disbelieve(struct reading *reading, const char *code, const char *zh, const char *format, ...)
    BUS_PRINTF(4, 5);

static enum bus_status disbelieve(struct reading *reading, const char *code, const char *zh, const char *format, ...)
{
    struct bus_error *error = reading->error;
    char what[WHAT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    reading->batch->is_away = true;
    bus_fail(error, BUS_RETRY, "%s: the answer cannot be believed: %s; nothing is counted, the same is sent again",
             reading->name, what);
    snprintf(error->code, sizeof error->code, "%s", code);
    snprintf(error->message_zh, sizeof error->message_zh,
             "%s：应答不可信：%s；未计入任何结果，将以同一请求重发，请对方检查其程序", reading->name, zh);
    return BUS_RETRY;
}

/* --- codes of strangers --- */

static bool is_code(struct bus_bytes text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.data[i];
        if (!(byte >= 'A' && byte <= 'Z') && !(byte >= '0' && byte <= '9') && byte != '_')
            return false;
    }
    return text.length > 0 && text.length < BUS_ERROR_CODE_SIZE;
}

static struct bus_bytes member_text(const struct bus_json_value *object, const char *name)
{
    const struct bus_json_value *value = bus_json_member(object, name);
    return value != NULL && bus_json_type(value) == BUS_JSON_STRING ? bus_json_as_text(value) : bus_bytes_of(NULL, 0);
}

static void take_code(const struct bus_json_value *object, const char *otherwise, char out_code[BUS_ERROR_CODE_SIZE])
{
    struct bus_bytes code = member_text(object, "code");
    if (is_code(code))
        snprintf(out_code, BUS_ERROR_CODE_SIZE, "%.*s", (int)code.length, (const char *)code.data);
    else
        snprintf(out_code, BUS_ERROR_CODE_SIZE, "%s", otherwise);
}

/* --- results --- */

static enum outcome outcome_of(const struct bus_json_value *result)
{
    struct bus_bytes text = member_text(result, "outcome");
    if (bus_bytes_equal_text(text, "applied"))
        return OUTCOME_APPLIED;
    if (bus_bytes_equal_text(text, "refused"))
        return OUTCOME_REFUSED;
    return bus_bytes_equal_text(text, "later") ? OUTCOME_LATER : OUTCOME_NONE;
}

/* The delivery that an id names, `count` when there is none: "<log>/<leaf>", the leaf as we write it. */
static size_t find(const struct subscribers_batch *batch, struct bus_bytes id)
{
    const char *log = batch->pieces->seal->log;
    size_t length = strlen(log), at = length + 1;
    if (id.length <= at || id.length > at + MAX_DIGITS - 1 || memcmp(id.data, log, length) != 0 ||
        id.data[length] != '/' || (id.data[at] == '0' && id.length > at + 1))
        return batch->count;
    uint64_t leaf = 0;
    for (; at < id.length; at++) {
        if (id.data[at] < '0' || id.data[at] > '9')
            return batch->count;
        leaf = 10 * leaf + (uint64_t)(id.data[at] - '0');
    }
    uint64_t index = leaf - batch->deliveries[0].leaf;
    return index < batch->count ? (size_t)index : batch->count;
}

static enum bus_status take_result(struct reading *reading, const struct bus_json_value *result)
{
    const struct subscribers_batch *batch = reading->batch;
    size_t index = find(batch, member_text(result, "id"));
    if (index == batch->count || subscribers_delivery_is_refused(&batch->deliveries[index]))
        return disbelieve(reading, "ANSWER_NOT_SENT", "其中有未发送给它的投递的结果",
                          "it has a result for a delivery that was not sent to it");
    unsigned long long leaf = batch->deliveries[index].leaf;
    if (reading->results[index] != NULL)
        return disbelieve(reading, "ANSWER_TWICE", "同一投递有两个结果", "it has two results for leaf %llu", leaf);
    if (outcome_of(result) == OUTCOME_NONE)
        return disbelieve(reading, "ANSWER_OUTCOME", "某个投递的 outcome 不是 applied、refused 或 later",
                          "the outcome of leaf %llu is none of applied, refused, later", leaf);
    reading->results[index] = result;
    return BUS_OK;
}

/* How many are settled: all in front of the first `later`. */
static enum bus_status count_settled(struct reading *reading, size_t *out_settled)
{
    const struct subscribers_batch *batch = reading->batch;
    *out_settled = batch->count;
    for (size_t i = 0; i < batch->count; i++) {
        unsigned long long leaf = batch->deliveries[i].leaf;
        if (subscribers_delivery_is_refused(&batch->deliveries[i]))
            continue;
        if (reading->results[i] == NULL)
            return disbelieve(reading, "ANSWER_MISSING", "缺少某个投递的结果", "it has no result for leaf %llu", leaf);
        if (outcome_of(reading->results[i]) == OUTCOME_LATER) {
            if (*out_settled == batch->count)
                *out_settled = i;
        } else if (*out_settled < batch->count) {
            return disbelieve(reading, "ANSWER_ORDER", "在 later 之后又有已处理的投递，顺序不对",
                              "leaf %llu is settled behind one that is to come later", leaf);
        }
    }
    return BUS_OK;
}

static void settle(struct reading *reading, size_t settled)
{
    for (size_t i = 0; i < settled; i++) {
        const struct bus_json_value *result = reading->results[i];
        if (result == NULL || outcome_of(result) != OUTCOME_REFUSED)
            continue;
        char code[BUS_ERROR_CODE_SIZE];
        take_code(result, DEFAULT_CODE, code);
        subscribers_delivery_refuse_because(&reading->batch->deliveries[i], code, member_text(result, "reason"));
    }
    reading->batch->settled = settled;
}

/* The words stay out of the log: nobody knows what a stranger puts in them. */
static enum bus_status wait_for(struct reading *reading, size_t settled)
{
    char code[BUS_ERROR_CODE_SIZE];
    unsigned long long leaf = reading->batch->deliveries[settled].leaf;
    take_code(reading->results[settled], "-", code);
    bus_fail(reading->error, BUS_RETRY, "%s: it wants leaf %llu and those behind it later (code %s)", reading->name,
             leaf, code);
    snprintf(reading->error->code, sizeof reading->error->code, "ANSWER_LATER");
    snprintf(reading->error->message_zh, sizeof reading->error->message_zh,
             "%s：要求稍后再发第 %llu 号叶及其后的投递（代码 %s）", reading->name, leaf, code);
    return BUS_RETRY;
}

static enum bus_status read_results(struct reading *reading, const struct bus_json_value *root)
{
    const struct bus_json_value *results = bus_json_member(root, "results");
    if (results == NULL || bus_json_type(results) != BUS_JSON_ARRAY)
        return disbelieve(reading, "ANSWER_RESULTS", "没有 results 数组", "it has no array `results`");
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_json_count(results); i++)
        status = take_result(reading, bus_json_at(results, i));
    size_t settled = 0;
    if (status == BUS_OK)
        status = count_settled(reading, &settled);
    if (status != BUS_OK)
        return status;
    settle(reading, settled);
    return settled == reading->batch->count ? BUS_OK : wait_for(reading, settled);
}

enum bus_status https_answer_read(const char *name, struct bus_bytes body, struct subscribers_batch *batch,
                                  struct bus_error *error)
{
    struct bus_json_document *document = NULL;
    batch->settled = 0;
    batch->is_away = false;
    struct reading reading = {name, batch, calloc(batch->count, sizeof *reading.results), error};
    enum bus_status status = reading.results != NULL ? bus_json_parse(body, &document, error) : BUS_FATAL;
    if (status == BUS_FATAL)
        bus_fail(error, BUS_FATAL, "out of memory for an answer of %s", name);
    else if (status == BUS_REJECT)
        status = disbelieve(&reading, "ANSWER_NOT_JSON", "不是 JSON", "it is not JSON");
    else
        status = read_results(&reading, bus_json_root(document));
    bus_json_destroy(document);
    free(reading.results);
    return status;
}

void https_answer_code(struct bus_bytes body, char out_code[BUS_ERROR_CODE_SIZE])
{
    struct bus_json_document *document = NULL;
    out_code[0] = '\0';
    if (bus_json_parse(body, &document, NULL) == BUS_OK)
        take_code(bus_json_root(document), "", out_code);
    bus_json_destroy(document);
}
