#include "subscribers/sinks/province/answer.h"

#include <stdio.h>

static enum bus_status refuse(struct bus_error *error, const char *what_zh, const char *what_en)
{
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    snprintf(zh, sizeof zh, "平台应答不符合约定：%s", what_zh);
    snprintf(en, sizeof en, "the answer is not what was agreed: %s", what_en);
    return bus_reject(error, "PROVINCE_ANSWER", zh, en);
}

/* A document whose root is an object. */
static enum bus_status parse(struct bus_bytes body, struct bus_json_document **out_document, struct bus_error *error)
{
    enum bus_status status = bus_json_parse(body, out_document, error);
    if (status == BUS_REJECT)
        return refuse(error, "不是 JSON", "it is no JSON");
    if (status == BUS_OK && bus_json_type(bus_json_root(*out_document)) != BUS_JSON_OBJECT)
        return refuse(error, "不是 JSON 对象", "it is no JSON object");
    return status;
}

/* ── members ── */

/* The text of a member; data NULL when it is no text. */
static struct bus_bytes text_of(const struct bus_json_value *value, const char *name)
{
    const struct bus_json_value *member = bus_json_member(value, name);
    if (member == NULL || bus_json_type(member) != BUS_JSON_STRING)
        return (struct bus_bytes){0};
    return bus_json_as_text(member);
}

static bool hex_of(const struct bus_json_value *value, const char *name, uint8_t *out_bytes, size_t length)
{
    char text[2 * BUS_DIGEST_SIZE + 1];
    struct bus_bytes found = text_of(value, name);
    if (found.data == NULL || found.length != 2 * length || found.length >= sizeof text)
        return false;
    memcpy(text, found.data, found.length);
    text[found.length] = '\0';
    return bus_unhex(text, out_bytes, length);
}

static bool state_of(const struct bus_json_value *value, enum province_state *out_state)
{
    static const char *const names[] = {"", "reported", "withdrawn", "pending"};
    struct bus_bytes text = text_of(value, "state");
    for (size_t i = PROVINCE_REPORTED; i <= PROVINCE_PENDING; i++)
        if (text.data != NULL && bus_bytes_equal_text(text, names[i])) {
            *out_state = (enum province_state)i;
            return true;
        }
    return false;
}

/* Letters, digits and signs only: it comes back in paths and bodies, logs and notes. "" when it is null or absent. */
static bool gov_id_of(const struct bus_json_value *value, char out_gov_id[PROVINCE_GOV_ID_SIZE])
{
    const struct bus_json_value *member = bus_json_member(value, "govId");
    out_gov_id[0] = '\0';
    if (member == NULL || bus_json_type(member) == BUS_JSON_NULL)
        return true;
    struct bus_bytes text = text_of(value, "govId");
    if (text.data == NULL || text.length == 0 || text.length >= PROVINCE_GOV_ID_SIZE)
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    memcpy(out_gov_id, text.data, text.length);
    out_gov_id[text.length] = '\0';
    return true;
}

/* An array member; NULL when there is none. */
static const struct bus_json_value *list_of(const struct bus_json_document *document, const char *name)
{
    const struct bus_json_value *list = bus_json_member(bus_json_root(document), name);
    return list != NULL && bus_json_type(list) == BUS_JSON_ARRAY ? list : NULL;
}

/* ── acknowledgements ── */

/* The row with that record, looked for first where it would stand in the same order; `count` when there is none. */
static size_t find_row(const struct province_row *const *rows, size_t count, size_t guess, const uint8_t *record)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = (guess + i) % count;
        if (memcmp(rows[at]->record, record, BUS_IDENTITY_SIZE) == 0)
            return at;
    }
    return count;
}

static enum bus_status fit_ack(const struct province_row *row, const struct province_ack *ack, struct bus_error *error)
{
    bool is_back = row->operation == PROVINCE_TAKE_BACK;
    bool may_wait = row->operation == PROVINCE_ADD || row->operation == PROVINCE_UPDATE;
    if (is_back != (ack->state == PROVINCE_WITHDRAWN) || (ack->state == PROVINCE_PENDING && !may_wait))
        return refuse(error, "行状态与操作不符", "a row's state does not fit what was asked");
    if (ack->state == PROVINCE_REPORTED && ack->gov_id[0] == '\0')
        return refuse(error, "回执缺少 govId", "an acknowledgement has no govId");
    if (row->gov_id[0] != '\0' && ack->gov_id[0] != '\0' && strcmp(row->gov_id, ack->gov_id) != 0)
        return refuse(error, "同一行的 govId 改变了", "the govId of a row has changed");
    return BUS_OK;
}

static enum bus_status read_ack(const struct bus_json_value *value, const struct province_row *const *rows,
                                size_t count, size_t guess, struct province_ack *acks, struct bus_error *error)
{
    uint8_t record[BUS_IDENTITY_SIZE];
    struct province_ack ack;
    if (!hex_of(value, "rowKey", record, sizeof record) || !state_of(value, &ack.state) ||
        !gov_id_of(value, ack.gov_id))
        return refuse(error, "回执的 rowKey、govId 或 state 无效",
                      "an acknowledgement's rowKey, govId or state is no good");
    size_t row = find_row(rows, count, guess, record);
    if (row == count)
        return refuse(error, "回执了未上报的行", "it acknowledges a row that was not sent");
    if (acks[row].state != PROVINCE_ABSENT)
        return refuse(error, "同一行回执了两次", "it acknowledges a row twice");
    acks[row] = ack;
    return fit_ack(rows[row], &ack, error);
}

static enum bus_status read_acks(const struct bus_json_value *list, const struct province_row *const *rows,
                                 size_t count, struct province_ack *acks, struct bus_error *error)
{
    if (list == NULL)
        return refuse(error, "缺少 acks", "it has no acks");
    enum bus_status status = BUS_OK;
    for (size_t i = 0; i < count; i++)
        acks[i] = (struct province_ack){0};
    for (size_t i = 0; status == BUS_OK && i < bus_json_count(list); i++)
        status = read_ack(bus_json_at(list, i), rows, count, i, acks, error);
    if (status == BUS_OK && bus_json_count(list) < count)
        return refuse(error, "有的行没有回执", "it does not acknowledge every row");
    return status;
}

enum bus_status province_answer_acks(struct bus_bytes body, const struct province_row *const *rows, size_t count,
                                     struct province_ack *out_acks, struct bus_error *error)
{
    struct bus_json_document *document = NULL;
    enum bus_status status = parse(body, &document, error);
    if (status == BUS_OK)
        status = read_acks(list_of(document, "acks"), rows, count, out_acks, error);
    bus_json_destroy(document);
    return status;
}

/* ── a refusal ── */

/* As much as fits, cut at a character; control characters become spaces. */
static void copy_text(struct bus_bytes from, char *to, size_t size)
{
    size_t length = from.length < size ? from.length : size - 1;
    while (length > 0 && length < from.length && (from.data[length] & 0xC0) == 0x80)
        length--;
    for (size_t i = 0; i < length; i++)
        to[i] = from.data[i] < ' ' || from.data[i] == 0x7F ? ' ' : (char)from.data[i];
    to[length] = '\0';
}

/* The row that the answer names by number and key; `count` when it names none, or they do not fit together. A key that was not sent belongs to
 * another request's answer: then nothing may be refused for it. */
static enum bus_status find_named(const struct bus_json_value *root, const struct province_row *const *rows,
                                  size_t count, size_t *out_row, struct bus_error *error)
{
    uint8_t record[BUS_IDENTITY_SIZE];
    const struct bus_json_value *member = bus_json_member(root, "row");
    *out_row = count;
    if (bus_json_member(root, "rowKey") == NULL || count == 0)
        return BUS_OK;
    int64_t row = member != NULL && bus_json_type(member) == BUS_JSON_NUMBER ? bus_json_as_integer(member) : -1;
    size_t guess = row >= 0 && (uint64_t)row < count ? (size_t)row : 0;
    size_t found = hex_of(root, "rowKey", record, sizeof record) ? find_row(rows, count, guess, record) : count;
    if (found == count)
        return refuse(error, "拒收了未上报的行", "it refuses a row that was not sent");
    if (row >= 0 && found == (size_t)row)
        *out_row = found;
    return BUS_OK;
}

enum bus_status province_answer_refusal(struct bus_bytes body, const struct province_row *const *rows, size_t count,
                                        struct province_refusal *out_refusal, struct bus_error *error)
{
    struct bus_json_document *document = NULL;
    enum bus_status status = parse(body, &document, error);
    if (status == BUS_OK) {
        const struct bus_json_value *root = bus_json_root(document);
        char words[PROVINCE_WORDS_SIZE - PROVINCE_CODE_SIZE - 1];
        copy_text(text_of(root, "code"), out_refusal->code, sizeof out_refusal->code);
        copy_text(text_of(root, "message"), words, sizeof words);
        snprintf(out_refusal->words, sizeof out_refusal->words, "%s %s", out_refusal->code, words);
        status = find_named(root, rows, count, &out_refusal->row, error);
    }
    bus_json_destroy(document);
    return status;
}

/* ── rows that are held ── */

static enum bus_status read_held(const struct bus_json_value *value, struct province_held *held,
                                 struct bus_error *error)
{
    if (!hex_of(value, "rowKey", held->record, sizeof held->record) || !state_of(value, &held->state) ||
        !gov_id_of(value, held->gov_id) || !hex_of(value, "digest", held->digest, sizeof held->digest) ||
        (held->gov_id[0] == '\0') != (held->state == PROVINCE_PENDING))
        return refuse(error, "行的 rowKey、govId、state 或 digest 无效",
                      "a row's rowKey, govId, state or digest is no good");
    return BUS_OK;
}

static enum bus_status read_rows(const struct bus_json_value *list,
                                 bool (*take)(void *self, const struct province_held *held), void *self,
                                 struct bus_error *error)
{
    if (list == NULL)
        return refuse(error, "缺少 rows", "it has no rows");
    for (size_t i = 0; i < bus_json_count(list); i++) {
        struct province_held held;
        enum bus_status status = read_held(bus_json_at(list, i), &held, error);
        if (status != BUS_OK)
            return status;
        if (!take(self, &held))
            break;
    }
    return BUS_OK;
}

enum bus_status province_answer_rows(struct bus_bytes body, bool (*take)(void *self, const struct province_held *held),
                                     void *self, bool *out_more, struct bus_error *error)
{
    struct bus_json_document *document = NULL;
    *out_more = false;
    enum bus_status status = parse(body, &document, error);
    if (status == BUS_OK)
        status = read_rows(list_of(document, "rows"), take, self, error);
    if (status == BUS_OK) {
        const struct bus_json_value *more = bus_json_member(bus_json_root(document), "more");
        *out_more = more != NULL && bus_json_type(more) == BUS_JSON_BOOLEAN && bus_json_as_boolean(more);
    }
    bus_json_destroy(document);
    return status;
}
