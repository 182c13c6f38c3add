#include "adapters/sources/push/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bus/datum.h"
#include "bus/json.h"
#include "bus/utf8.h"

/* CRC-64-AVRO of schemas/internal/push_answer.avsc; held against the file by a test. */
static const uint64_t ANSWER_FINGERPRINT = 0x6d3ec69f6167685eu;

enum {
    RUNS_LIMIT = 400 * 1024, /* three bytes or four for a run */
    RUNS_MAX = 128 * 1024,
    NO_OUTCOME = -1,
    FIRST_REASON = 2, /* outcomes from here on name a reason */
    FIRST_CAPACITY = 64,
    RUN_MAX = 1000 * 1000,
};

void adapters_push_answer_init(struct adapters_push_answer *answer)
{
    *answer = (struct adapters_push_answer){.last_outcome = NO_OUTCOME};
    bus_buffer_init(&answer->runs, RUNS_LIMIT);
    bus_buffer_init(&answer->reasons, ADAPTERS_PUSH_REASONS_MAX + 4096);
}

void adapters_push_answer_release(struct adapters_push_answer *answer)
{
    bus_buffer_release(&answer->runs);
    bus_buffer_release(&answer->reasons);
    free(answer->reason_hashes);
    answer->reason_hashes = NULL;
}

void adapters_push_answer_reset(struct adapters_push_answer *answer)
{
    bus_buffer_reset(&answer->runs);
    bus_buffer_reset(&answer->reasons);
    answer->run_count = answer->reason_count = 0;
    answer->last_outcome = NO_OUTCOME;
    answer->last_rows = 0;
    answer->counts = (struct adapters_push_counts){0};
}

/* --- building --- */

static void end_run(struct adapters_push_answer *answer)
{
    if (answer->last_outcome == NO_OUTCOME)
        return;
    bus_buffer_varint(&answer->runs, answer->last_outcome);
    bus_buffer_varint(&answer->runs, answer->last_rows);
    answer->run_count++;
    answer->last_outcome = NO_OUTCOME;
}

static void append_reason(struct bus_buffer *reasons, const struct adapters_refusal *refusal)
{
    bus_datum_append_bytes(reasons, bus_bytes_text(refusal->code));
    bus_datum_append_bytes(reasons, bus_bytes_text(refusal->column));
    bus_datum_append_bytes(reasons, bus_bytes_text(refusal->zh));
    bus_datum_append_bytes(reasons, bus_bytes_text(refusal->en));
}

/* The longer the list of reasons grows, the less each new one says: its whole is in quarantine. */
static void shorten(const struct adapters_push_answer *answer, struct adapters_refusal *refusal)
{
    if (answer->reasons.length < ADAPTERS_PUSH_REASONS_FULL)
        return;
    snprintf(refusal->zh, sizeof refusal->zh, "原因较多，此处从略，详见隔离区");
    snprintf(refusal->en, sizeof refusal->en, "too many reasons to tell them all here; see the quarantine");
    if (answer->reasons.length >= ADAPTERS_PUSH_REASONS_MAX - (int)sizeof *refusal)
        refusal->column[0] = '\0';
}

static uint64_t hash_of(struct bus_bytes reason)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < reason.length; i++)
        hash = (hash ^ reason.data[i]) * 0x100000001b3u;
    return hash;
}

/* The number of this reason, the same for the same. False when out of memory. */
static bool number_reason(struct adapters_push_answer *answer, const struct adapters_refusal *refusal,
                          int64_t *out_number)
{
    size_t before = answer->reasons.length;
    struct adapters_refusal told = *refusal;
    shorten(answer, &told);
    append_reason(&answer->reasons, &told);
    if (answer->reasons.failed)
        return false;
    uint64_t hash = hash_of(bus_bytes_of(answer->reasons.data + before, answer->reasons.length - before));
    for (size_t i = answer->reason_count; i-- > 0;) {
        if (answer->reason_hashes[i] == hash) {
            answer->reasons.length = before;
            *out_number = (int64_t)i;
            return true;
        }
    }
    if (answer->reason_count == answer->reason_capacity) {
        size_t capacity = answer->reason_capacity == 0 ? FIRST_CAPACITY : 2 * answer->reason_capacity;
        uint64_t *hashes = realloc(answer->reason_hashes, capacity * sizeof *hashes);
        if (hashes == NULL)
            return false;
        answer->reason_hashes = hashes;
        answer->reason_capacity = capacity;
    }
    *out_number = (int64_t)answer->reason_count;
    answer->reason_hashes[answer->reason_count++] = hash;
    return true;
}

enum bus_status adapters_push_answer_add(struct adapters_push_answer *answer, enum adapters_row_outcome outcome,
                                         const struct adapters_refusal *refusal, struct bus_error *error)
{
    int64_t number = outcome == ADAPTERS_ROW_PUBLISHED ? 0 : 1;
    if (outcome == ADAPTERS_ROW_REFUSED) {
        if (!number_reason(answer, refusal, &number))
            return bus_fail(error, BUS_FATAL, "keep the answer to a delivery: out of memory");
        number += FIRST_REASON;
    }
    answer->counts.rows++;
    answer->counts.accepted += outcome == ADAPTERS_ROW_PUBLISHED;
    answer->counts.duplicate += outcome == ADAPTERS_ROW_UNCHANGED;
    answer->counts.refused += outcome == ADAPTERS_ROW_REFUSED;
    if (answer->last_outcome != number) {
        end_run(answer);
        answer->last_outcome = number;
        answer->last_rows = 0;
    }
    answer->last_rows++;
    return BUS_OK;
}

static void append_array(struct bus_buffer *buffer, size_t count, const struct bus_buffer *items)
{
    if (count > 0) {
        bus_buffer_varint(buffer, (int64_t)count);
        bus_buffer_append_bytes(buffer, bus_buffer_view(items));
    }
    bus_buffer_varint(buffer, 0);
}

enum bus_status adapters_push_answer_encode(struct adapters_push_answer *answer, const char *feed,
                                            const uint8_t body[BUS_DIGEST_SIZE], int64_t at_ms,
                                            struct bus_buffer *buffer, struct bus_error *error)
{
    end_run(answer);
    bus_frame_append(buffer, ANSWER_FINGERPRINT);
    bus_datum_append_bytes(buffer, bus_bytes_text(feed));
    bus_datum_append_bytes(buffer, bus_bytes_of(body, BUS_DIGEST_SIZE));
    bus_buffer_varint(buffer, at_ms);
    append_array(buffer, answer->run_count, &answer->runs);
    append_array(buffer, answer->reason_count, &answer->reasons);
    if (buffer->failed || answer->runs.failed)
        return bus_fail(error, BUS_FATAL, "keep the answer to a delivery: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

/* --- reading --- */

/* A record taken apart; views into it. */
struct record {
    struct bus_bytes feed, body;
    int64_t at_ms;
    struct bus_cursor runs, reasons; /* at the first of so many */
    size_t run_count, reason_count;
    struct adapters_push_counts counts;
};

static enum bus_status reject(struct bus_error *error)
{
    return bus_fail(error, BUS_REJECT, "the bytes are no answer to a delivery");
}

/* One block of items, then an empty one: so these records are written. */
static size_t take_array(struct bus_cursor *cursor, size_t limit, struct bus_cursor *out_first,
                         void (*pass)(struct bus_cursor *, struct record *), struct record *record)
{
    size_t count = bus_datum_take_block(cursor, limit);
    *out_first = *cursor;
    for (size_t i = 0; i < count && !cursor->failed; i++)
        pass(cursor, record);
    if (count > 0 && bus_datum_take_block(cursor, limit) != 0)
        cursor->failed = true;
    return count;
}

static void pass_run(struct bus_cursor *cursor, struct record *record)
{
    int64_t outcome = bus_cursor_varint(cursor), rows = bus_cursor_varint(cursor);
    if (outcome < 0 || rows < 1 || rows > RUN_MAX) {
        cursor->failed = true;
        return;
    }
    record->counts.rows += rows;
    *(outcome == 0   ? &record->counts.accepted
      : outcome == 1 ? &record->counts.duplicate
                     : &record->counts.refused) += rows;
}

static void pass_reason(struct bus_cursor *cursor, struct record *record)
{
    (void)record;
    for (int i = 0; i < 4; i++)
        bus_datum_take_bytes(cursor, BUS_ERROR_TEXT_SIZE);
}

static enum bus_status take_apart(struct bus_bytes bytes, struct record *out_record, struct bus_error *error)
{
    uint64_t fingerprint;
    *out_record = (struct record){0};
    if (bytes.length < BUS_FRAME_SIZE || bus_frame_fingerprint(bytes, &fingerprint, NULL) != BUS_OK ||
        fingerprint != ANSWER_FINGERPRINT)
        return reject(error);
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(bytes.data + BUS_FRAME_SIZE, bytes.length - BUS_FRAME_SIZE));
    out_record->feed = bus_datum_take_bytes(&cursor, ADAPTERS_FEED_NAME_SIZE);
    out_record->body = bus_datum_take_bytes(&cursor, BUS_DIGEST_SIZE);
    out_record->at_ms = bus_cursor_varint(&cursor);
    out_record->run_count = take_array(&cursor, RUNS_MAX, &out_record->runs, pass_run, out_record);
    out_record->reason_count = take_array(&cursor, RUNS_MAX, &out_record->reasons, pass_reason, out_record);
    bool is_whole = !cursor.failed && bus_cursor_left(&cursor) == 0 && out_record->body.length == BUS_DIGEST_SIZE;
    return is_whole ? BUS_OK : reject(error);
}

enum bus_status adapters_push_answer_read(struct bus_bytes record, uint8_t out_body[BUS_DIGEST_SIZE],
                                          int64_t *out_at_ms, struct bus_error *error)
{
    struct record parts;
    enum bus_status status = take_apart(record, &parts, error);
    if (status != BUS_OK)
        return status;
    memcpy(out_body, parts.body.data, BUS_DIGEST_SIZE);
    *out_at_ms = parts.at_ms;
    return BUS_OK;
}

/* --- JSON --- */

void adapters_push_time(int64_t at_ms, char out_text[ADAPTERS_PUSH_TIME_SIZE])
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm utc;
    char day[ADAPTERS_PUSH_TIME_SIZE] = "";
    if (gmtime_r(&seconds, &utc) != NULL)
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out_text, ADAPTERS_PUSH_TIME_SIZE, "%.20s.%03dZ", day, (int)(at_ms % 1000));
}

static void write_sums(struct bus_json *json, const struct record *record)
{
    const struct {
        const char *name;
        int64_t value;
    } sums[] = {
        {"rows", record->counts.rows},
        {"accepted", record->counts.accepted},
        {"duplicate", record->counts.duplicate},
        {"refused", record->counts.refused},
    };
    char at[ADAPTERS_PUSH_TIME_SIZE];
    adapters_push_time(record->at_ms, at);
    bus_json_name(json, "feed");
    bus_json_text(json, record->feed);
    bus_json_name(json, "taken_at");
    bus_json_string(json, at);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        bus_json_name(json, sums[i].name);
        bus_json_integer(json, sums[i].value);
    }
}

static void write_row(struct bus_json *json, int64_t row, int64_t outcome, const struct bus_bytes reason[4])
{
    static const char *const statuses[] = {"accepted", "duplicate", "refused"};
    static const char *const names[] = {"code", "column", "reason_zh", "reason_en"};
    bus_json_object(json);
    bus_json_name(json, "row");
    bus_json_integer(json, row);
    bus_json_name(json, "status");
    bus_json_string(json, statuses[outcome < FIRST_REASON ? outcome : FIRST_REASON]);
    for (int i = 0; outcome >= FIRST_REASON && i < 4; i++) {
        bus_json_name(json, names[i]);
        bus_json_text(json, reason[i]);
    }
    bus_json_end_object(json);
}

/* The four texts of each reason; freed by the caller. */
static struct bus_bytes (*list_reasons(const struct record *record))[4]
{
    struct bus_bytes(*reasons)[4] = calloc(record->reason_count + 1, sizeof *reasons);
    struct bus_cursor cursor = record->reasons;
    for (size_t i = 0; reasons != NULL && i < record->reason_count; i++)
        for (int part = 0; part < 4; part++)
            reasons[i][part] = bus_datum_take_bytes(&cursor, BUS_ERROR_TEXT_SIZE);
    return reasons;
}

static bool write_rows(struct bus_json *json, const struct record *record, struct bus_bytes (*reasons)[4])
{
    static const struct bus_bytes none[4];
    struct bus_cursor cursor = record->runs;
    int64_t row = 0;
    for (size_t run = 0; run < record->run_count; run++) {
        int64_t outcome = bus_cursor_varint(&cursor), rows = bus_cursor_varint(&cursor);
        if (outcome >= FIRST_REASON + (int64_t)record->reason_count)
            return false;
        for (int64_t i = 0; i < rows; i++)
            write_row(json, ++row, outcome, outcome >= FIRST_REASON ? reasons[outcome - FIRST_REASON] : none);
    }
    return true;
}

enum bus_status adapters_push_answer_write(struct bus_bytes record, struct bus_buffer *buffer, struct bus_error *error)
{
    struct record parts;
    struct bus_json json;
    enum bus_status status = take_apart(record, &parts, error);
    if (status != BUS_OK)
        return status;
    struct bus_bytes(*reasons)[4] = list_reasons(&parts);
    if (reasons == NULL)
        return bus_fail(error, BUS_FATAL, "answer a delivery: out of memory");
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    write_sums(&json, &parts);
    bus_json_name(&json, "results");
    bus_json_array(&json);
    bool is_whole = write_rows(&json, &parts, reasons);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    free(reasons);
    if (!is_whole)
        return reject(error);
    return buffer->failed ? bus_fail(error, BUS_FATAL, "answer a delivery: more than %zu bytes", buffer->limit)
                          : BUS_OK;
}
