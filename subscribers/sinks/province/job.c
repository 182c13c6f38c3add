#include "subscribers/sinks/province/job.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "subscribers/sinks/province/segment.h"

enum {
    ARENA_MAX_BYTES = 1024 * 1024 * 1024,
    REQUEST_BYTES = 4 * 1024 * 1024, /* of one body, about */
    LEAST_ROWS = 16, /* a refused request is not cut shorter, unless the province does not name the row */
    FAR_ROWS = 4,    /* so many times the good rows in front of a bad one are far too many */
    BUSY_MS = 1000,  /* after "still being worked on" without a time */
    PATH_SIZE = 2 * BUS_IDENTITY_SIZE + 32,
    HTTP_OK = 200,
    HTTP_CONFLICT = 409,
    HTTP_TOO_LARGE = 413,
    HTTP_UNPROCESSABLE = 422,
};

struct province_job {
    struct province_call call; /* first: an answer to it is an answer to the job */
    const struct province_work *work;
    struct subscribers_batch *batch; /* NULL while it rests */
    int32_t partition;
    struct bus_arena *arena;
    struct province_planner planner;
    struct province_segments segments;
    size_t size; /* rows of the next request, at most */
    size_t noted_size;
    size_t limit;                 /* what `size` may grow to */
    struct province_entry **sent; /* what is under way: the rows of a report, */
    const struct province_row **rows;
    struct province_ack *acks;
    size_t sent_count;
    struct province_entry *asked; /* or the entry that is asked about */
    bool waits;                   /* for a govId: of the batch, what stands before `waits_at` counts */
    size_t waits_at;
    bool has_come_to_wait; /* all that stands before has been taken */
    bool is_done;
    enum bus_status status;
    struct bus_error error; /* RETRY */
};

static enum bus_status step(struct province_job *job, struct bus_error *error);

/* ── the end ── */

static enum bus_status done(struct province_job *job, enum bus_status status)
{
    job->is_done = true;
    job->status = status;
    return BUS_OK;
}

/* The receiver is away, or answers what was not agreed: nothing counts. */
static enum bus_status away(struct province_job *job, const struct bus_error *why)
{
    const char *name = province_line_name_view(job->work->line);
    job->batch->is_away = true;
    snprintf(job->error.code, sizeof job->error.code, "%s", why->code);
    snprintf(job->error.message, sizeof job->error.message, "the province at %.80s: %.290s", name, why->message);
    snprintf(job->error.message_zh, sizeof job->error.message_zh, "省级平台 %.80s：%.290s", name, why->message_zh);
    return done(job, BUS_RETRY);
}

/* REJECT of an answer ends the attempt; FATAL ends us. */
static enum bus_status settle_status(struct province_job *job, enum bus_status status, const struct bus_error *why)
{
    return status == BUS_REJECT ? away(job, why) : status;
}

static void wait_for_gov_id(struct province_job *job)
{
    const char *name = province_line_name_view(job->work->line);
    job->error = (struct bus_error){.code = "PROVINCE_PENDING"};
    snprintf(job->error.message, sizeof job->error.message,
             "the province at %s has not said the govId of a row yet; what follows it waits", name);
    snprintf(job->error.message_zh, sizeof job->error.message_zh, "省级平台 %s 尚未给出某行的 govId，其后的投递等待",
             name);
}

/* ── refusals of a whole request ── */

/* Status and, if there are any, the province's code and words. */
static enum bus_status refuse_http(struct province_job *job, const struct province_reply *reply)
{
    struct bus_error why = {.code = "PROVINCE_HTTP"};
    struct bus_error ignored;
    struct province_refusal refusal = {0};
    if (province_answer_refusal(reply->body, NULL, 0, &refusal, &ignored) != BUS_OK)
        refusal.words[0] = '\0';
    snprintf(why.message, sizeof why.message, "answers HTTP %d %.200s", reply->http_status, refusal.words);
    snprintf(why.message_zh, sizeof why.message_zh, "应答 HTTP %d %.200s", reply->http_status, refusal.words);
    job->batch->retry_ms = reply->retry_after_ms;
    enum bus_status status = away(job, &why);
    if (reply->http_status == HTTP_CONFLICT) {
        job->batch->is_away = false;
        job->batch->retry_ms = reply->retry_after_ms > 0 ? reply->retry_after_ms : BUSY_MS;
    }
    return status;
}

/* The province does not say which row it is: half as many, down to one, which then is the bad one. */
static enum bus_status halve(struct province_job *job, const struct province_refusal *refusal, struct bus_error *error)
{
    if (job->sent_count == 1)
        return province_plan_refuse(&job->planner, job->sent[0], refusal, error);
    job->size = job->sent_count / 2;
    return BUS_OK;
}

static enum bus_status take_refusal(struct province_job *job, const struct province_reply *reply,
                                    struct bus_error *error)
{
    struct province_refusal refusal;
    enum bus_status status = province_answer_refusal(reply->body, job->rows, job->sent_count, &refusal, error);
    if (status != BUS_OK)
        return status;
    if (refusal.row == job->sent_count)
        return halve(job, &refusal, error);
    size_t size = job->size < job->sent_count ? job->size : job->sent_count;
    size = size > FAR_ROWS * (refusal.row + 1) ? size / 2 : size - size / 4;
    job->size = size > LEAST_ROWS ? size : LEAST_ROWS;
    return province_plan_refuse(&job->planner, job->sent[refusal.row], &refusal, error);
}

static enum bus_status take_too_large(struct province_job *job, struct bus_error *error)
{
    const struct province_refusal refusal = {.code = "413", .words = "413 请求过大 / too large"};
    enum bus_status status = halve(job, &refusal, error);
    job->limit = job->size;
    return status;
}

static enum bus_status take_acks(struct province_job *job, const struct province_reply *reply, struct bus_error *error)
{
    enum bus_status status = province_answer_acks(reply->body, job->rows, job->sent_count, job->acks, error);
    for (size_t i = 0; status == BUS_OK && i < job->sent_count; i++)
        province_plan_acknowledge(job->sent[i], &job->acks[i]);
    job->size += job->size / 4 + 1;
    if (job->size > job->limit)
        job->size = job->limit;
    return status;
}

static enum bus_status take_report(struct province_job *job, const struct province_reply *reply,
                                   struct bus_error *error)
{
    switch (reply->http_status) {
    case HTTP_OK: return take_acks(job, reply, error);
    case HTTP_UNPROCESSABLE: return take_refusal(job, reply, error);
    case HTTP_TOO_LARGE: return take_too_large(job, error);
    default: return refuse_http(job, reply);
    }
}

/* ── what the province holds ── */

struct found {
    const uint8_t *record;
    struct province_held held;
    size_t count;
};

static bool take_held(void *self, const struct province_held *held)
{
    struct found *found = self;
    if (found->count++ == 0)
        found->held = *held;
    return true;
}

static enum bus_status take_asked(struct province_job *job, struct province_entry *entry,
                                  const struct province_reply *reply, struct bus_error *error)
{
    struct found found = {0};
    bool more;
    if (reply->http_status != HTTP_OK)
        return refuse_http(job, reply);
    enum bus_status status = province_answer_rows(reply->body, take_held, &found, &more, error);
    if (status != BUS_OK)
        return status;
    if (found.count > 1 || (found.count == 1 && memcmp(found.held.record, entry->row.record, BUS_IDENTITY_SIZE) != 0))
        return bus_reject(error, "PROVINCE_ANSWER", "平台应答不符合约定：给出了未询问的行",
                          "the answer is not what was agreed: it gives a row that was not asked for");
    status = province_plan_learn(&job->planner, entry, found.count == 1 ? &found.held : NULL, error);
    if (status == BUS_OK && entry->next == PROVINCE_ASK) {
        job->waits = true;
        job->waits_at = entry->at;
        province_segments_cut(&job->segments, entry);
    }
    return status;
}

/* ── requests ── */

static enum bus_status take(struct province_call *call, const struct province_reply *reply, struct bus_error *error)
{
    struct province_job *job = (struct province_job *)call;
    struct province_entry *asked = job->asked;
    job->asked = NULL;
    if (reply->status != BUS_OK)
        return away(job, reply->error);
    struct bus_error why;
    enum bus_status status = asked != NULL ? take_asked(job, asked, reply, &why) : take_report(job, reply, &why);
    if (status != BUS_OK) {
        *error = why;
        return settle_status(job, status, &why);
    }
    return job->is_done ? BUS_OK : step(job, error);
}

static enum bus_status ask(struct province_job *job, struct province_entry *entry, struct bus_error *error)
{
    char key[2 * BUS_IDENTITY_SIZE + 1], path[PATH_SIZE];
    bus_hex(entry->row.record, BUS_IDENTITY_SIZE, key);
    snprintf(path, sizeof path, "/rows?rowKey=%s", key);
    job->asked = entry;
    return province_line_ask(job->work->line, path, &job->call, error);
}

/* The first rows of the segment that are not taken yet. */
static enum bus_status report(struct province_job *job, struct bus_error *error)
{
    size_t count = province_segments_pending(&job->segments, job->sent, job->size);
    for (size_t i = 0; i < count; i++)
        job->rows[i] = &job->sent[i]->row;
    return province_line_report(job->work->line, job->rows, count, REQUEST_BYTES, "", &job->call, &job->sent_count,
                                error);
}

static enum bus_status step(struct province_job *job, struct bus_error *error)
{
    for (;;) {
        struct province_entry *next = province_segments_next(&job->segments);
        if (next != NULL)
            return next->next == PROVINCE_ASK ? ask(job, next, error) : report(job, error);
        if (job->waits) {
            job->has_come_to_wait = true;
            wait_for_gov_id(job);
            return done(job, BUS_RETRY);
        }
        if (province_segments_at_end(&job->segments))
            return done(job, BUS_OK);
        enum bus_status status = province_segments_begin(&job->segments, error);
        if (status != BUS_OK)
            return status;
    }
}

/* ── its life ── */

static enum bus_status create(const struct province_work *work, struct subscribers_batch *batch,
                              struct province_job **out_job, struct bus_error *error)
{
    struct province_job *job = calloc(1, sizeof *job);
    *out_job = job;
    if (job == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for a batch of the province");
    job->call.take = take;
    job->work = work;
    job->batch = batch;
    job->partition = batch->count > 0 ? batch->deliveries[0].partition : -1;
    job->limit = job->size = work->batch_rows;
    job->arena = bus_arena_create(ARENA_MAX_BYTES);
    job->sent = calloc(job->limit, sizeof *job->sent);
    job->rows = calloc(job->limit, sizeof *job->rows);
    job->acks = calloc(job->limit, sizeof *job->acks);
    if (job->arena == NULL || job->sent == NULL || job->rows == NULL || job->acks == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for a batch of the province");
    job->planner = (struct province_planner){work->mapping, job->arena};
    province_segments_init(&job->segments, batch, work->memory, &job->planner);
    return BUS_OK;
}

static void begin(struct subscribers_batch *batch)
{
    batch->is_away = false;
    batch->retry_ms = 0;
    batch->settled = 0;
}

enum bus_status province_job_start(const struct province_work *work, struct subscribers_batch *batch,
                                   struct province_job **out_job, struct bus_error *error)
{
    struct province_job *job;
    begin(batch);
    enum bus_status status = create(work, batch, &job, error);
    if (status == BUS_OK)
        status = province_memory_size(work->memory, job->partition, job->limit, &job->size, error);
    if (status == BUS_OK)
        job->noted_size = job->size;
    if (status == BUS_OK)
        status = step(job, error);
    if (status == BUS_OK)
        *out_job = job;
    else
        province_job_destroy(job);
    return status;
}

enum bus_status province_job_resume(struct province_job *job, struct subscribers_batch *batch, bool *out_goes_on,
                                    struct bus_error *error)
{
    *out_goes_on = province_segments_move(&job->segments, batch);
    if (!*out_goes_on)
        return BUS_OK;
    begin(batch);
    job->batch = batch;
    job->is_done = false;
    return step(job, error);
}

void province_job_destroy(struct province_job *job)
{
    if (job == NULL)
        return;
    if (!job->is_done)
        province_line_cancel(job->work->line, &job->call);
    province_segments_release(&job->segments);
    bus_arena_destroy(job->arena);
    free(job->sent);
    free(job->rows);
    free(job->acks);
    free(job);
}

bool province_job_is_done(const struct province_job *job)
{
    return job->is_done;
}

struct subscribers_batch *province_job_batch(const struct province_job *job)
{
    return job->batch;
}

int32_t province_job_partition(const struct province_job *job)
{
    return job->partition;
}

bool province_job_rests(const struct province_job *job)
{
    return job->batch == NULL;
}

enum bus_status province_job_finish(struct province_job *job, struct bus_error *error)
{
    size_t settled = job->status == BUS_OK ? job->batch->count : job->has_come_to_wait ? job->waits_at : 0;
    enum bus_status status = province_segments_settle(&job->segments, settled, error);
    if (status == BUS_OK && settled > 0 && job->size != job->noted_size)
        status = province_memory_note_size(job->batch, job->size, error);
    if (status != BUS_OK)
        return status;
    job->batch->settled = settled;
    if (job->status != BUS_OK)
        *error = job->error;
    if (job->status == BUS_RETRY && !job->has_come_to_wait)
        job->batch = NULL;
    return job->status;
}
