#include "subscribers/sinks/province/run.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/calendar.h"
#include "bus/clock.h"
#include "bus/identifier.h"
#include "bus/log.h"
#include "subscribers/sinks/province/answer.h"
#include "subscribers/sinks/province/listing.h"

enum {
    CONFIRM_MS = 3000, /* a difference counts when it is seen again so much later */
    PATH_SIZE = 512,
    LAST_YEAR = 9999,
};

enum stage { RESTING, SUMMARY, LISTING, CONFIRMING };

/* A record in which the sides seem to differ, and its note as it was then. */
struct doubt {
    uint8_t record[BUS_IDENTITY_SIZE];
    int32_t partition;
    enum province_state state;
    int64_t offset;
    uint64_t named;
};

struct province_run {
    struct province_call call; /* first */
    struct subscribers_sink_context context;
    struct province_line *line;
    enum stage stage;
    bool is_asked;
    bool is_put_off; /* `failure` says why */
    struct bus_error failure;
    int64_t retry_ms; /* as the province asks; 0 = it did not */
    int32_t from, to; /* days */
    int32_t *partitions;
    size_t partition_count, partition_at;
    struct province_tally tally;
    size_t differing, cell_at; /* cells of the tally */
    struct province_listing listing;
    struct doubt *doubts;
    size_t doubt_count, doubt_at;
    int64_t confirm_at_ms;
    struct province_report report;
};

static enum bus_status take(struct province_call *call, const struct province_reply *reply, struct bus_error *error);
static enum bus_status doubt(void *self, const uint8_t record[BUS_IDENTITY_SIZE], struct bus_error *error);

enum bus_status province_run_create(const struct subscribers_sink_context *context, struct province_line *line,
                                    struct province_run **out_run, struct bus_error *error)
{
    struct province_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    run->call.take = take;
    run->context = *context;
    run->line = line;
    run->listing.differs = doubt;
    run->listing.self = run;
    run->doubts = calloc(PROVINCE_MAX_FINDINGS, sizeof *run->doubts);
    province_tally_init(&run->tally);
    if (run->doubts == NULL) {
        province_run_destroy(run);
        return bus_fail(error, BUS_FATAL, "out of memory");
    }
    *out_run = run;
    return BUS_OK;
}

void province_run_destroy(struct province_run *run)
{
    if (run == NULL)
        return;
    if (run->is_asked)
        province_line_cancel(run->line, &run->call);
    province_tally_release(&run->tally);
    province_listing_release(&run->listing);
    province_report_release(&run->report);
    free(run->partitions);
    free(run->doubts);
    free(run);
}

enum bus_status province_run_begin(struct province_run *run, const int32_t *partitions, size_t count, int64_t now_ms,
                                   int32_t days, bool everything, struct bus_error *error)
{
    int32_t today = bus_calendar_day(now_ms), last = today - 1;
    int32_t *copy = realloc(run->partitions, count * sizeof *copy);
    if (copy == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    memcpy(copy, partitions, count * sizeof *copy);
    if (everything)
        bus_date_days(LAST_YEAR, 12, 31, &last);
    run->partitions = copy;
    run->partition_count = count;
    run->partition_at = run->doubt_count = run->doubt_at = 0;
    run->from = today - days;
    run->to = last;
    province_report_release(&run->report);
    run->report.from = run->from;
    run->report.to = run->to;
    run->report.made_at_ms = now_ms;
    province_report_date(today, run->report.day);
    run->stage = SUMMARY;
    return BUS_OK;
}

bool province_run_is_busy(const struct province_run *run)
{
    return run->stage != RESTING;
}

int64_t province_run_retry_ms(const struct province_run *run)
{
    return run->retry_ms;
}

static void put_off(struct province_run *run, int64_t retry_ms, const struct bus_error *why)
{
    run->stage = RESTING;
    run->is_put_off = true;
    run->failure = *why;
    run->retry_ms = retry_ms;
}

/* ── our side ── */

struct walk {
    struct province_run *run;
    const struct province_cell *cell; /* NULL: the tally of all of them */
    enum bus_status status;
    struct bus_error *error;
};

static bool visit(void *self, struct bus_bytes key, struct bus_bytes value)
{
    struct walk *walk = self;
    struct province_run *run = walk->run;
    struct province_note note;
    if (key.length != PROVINCE_KEY_SIZE)
        return true;
    walk->status = province_note_read(value, &note, walk->error);
    bool is_here = note.state == PROVINCE_REPORTED || note.state == PROVINCE_PENDING;
    if (walk->status != BUS_OK || !is_here || note.day < run->from || note.day > run->to)
        return walk->status == BUS_OK;
    if (walk->cell == NULL)
        walk->status = province_tally_add(&run->tally, note.item, note.day, key.data + 1, note.digest, walk->error);
    else if (note.item == walk->cell->item && note.day == walk->cell->day)
        walk->status = province_listing_add(&run->listing, key.data + 1, note.digest, walk->error);
    return walk->status == BUS_OK;
}

static enum bus_status walk_notes(struct province_run *run, const struct province_cell *cell, struct bus_error *error)
{
    struct walk walk = {.run = run, .cell = cell, .status = BUS_OK, .error = error};
    enum bus_status status = subscribers_memory_walk(run->context.memory, run->partitions[run->partition_at],
                                                     bus_bytes_text("G"), visit, &walk, error);
    return status == BUS_OK ? walk.status : status;
}

static enum bus_status doubt(void *self, const uint8_t record[BUS_IDENTITY_SIZE], struct bus_error *error)
{
    struct province_run *run = self;
    struct province_note note;
    int32_t partition = run->partitions[run->partition_at];
    if (run->doubt_count == PROVINCE_MAX_FINDINGS) {
        run->report.is_cut = true;
        return BUS_OK;
    }
    enum bus_status status = province_memory_find(run->context.memory, partition, record, &note, error);
    struct doubt *new = &run->doubts[run->doubt_count];
    *new = (struct doubt){.partition = partition, .state = note.state, .offset = note.offset, .named = note.named};
    memcpy(new->record, record, BUS_IDENTITY_SIZE);
    run->doubt_count += status == BUS_OK;
    return status;
}

/* ── asking ── */

static enum bus_status ask(struct province_run *run, const char *path, struct bus_error *error)
{
    enum bus_status status = province_line_ask(run->line, path, &run->call, error);
    run->is_asked = status == BUS_OK;
    return status;
}

static enum bus_status ask_summary(struct province_run *run, struct bus_error *error)
{
    char path[PATH_SIZE], from[PROVINCE_DATE_SIZE], to[PROVINCE_DATE_SIZE];
    province_tally_reset(&run->tally);
    enum bus_status status = walk_notes(run, NULL, error);
    if (status == BUS_OK)
        status = province_tally_flush(&run->tally, error);
    if (status != BUS_OK)
        return status;
    province_report_date(run->from, from);
    province_report_date(run->to, to);
    snprintf(path, sizeof path, "/summary?from=%s&to=%s&part=%d", from, to, (int)run->partitions[run->partition_at]);
    return ask(run, path, error);
}

static enum bus_status ask_page(struct province_run *run, struct bus_error *error)
{
    char path[PATH_SIZE], date[PROVINCE_DATE_SIZE], after[2 * BUS_IDENTITY_SIZE + 1] = "";
    const struct province_cell *cell = &run->tally.cells[run->cell_at];
    const struct bus_item *item =
        bus_catalogue_item_by_number(subscribers_catalogues_at(run->context.catalogues, 0), cell->item);
    if (item == NULL) {
        run->cell_at++; /* the catalogue has lost it; its rows cannot be asked for */
        province_listing_reset(&run->listing);
        return BUS_OK;
    }
    if (!run->listing.has_last) {
        enum bus_status status = walk_notes(run, cell, error);
        if (status != BUS_OK)
            return status;
    } else {
        bus_hex(run->listing.last, BUS_IDENTITY_SIZE, after);
    }
    province_report_date(cell->day, date);
    snprintf(path, sizeof path, "/rows?item=%s/%s&day=%s&part=%d%s%s", item->department->name, item->name, date,
             (int)run->partitions[run->partition_at], after[0] != '\0' ? "&after=" : "", after);
    return ask(run, path, error);
}

static enum bus_status ask_row(struct province_run *run, struct bus_error *error)
{
    char path[PATH_SIZE], key[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(run->doubts[run->doubt_at].record, BUS_IDENTITY_SIZE, key);
    snprintf(path, sizeof path, "/rows?rowKey=%s", key);
    return ask(run, path, error);
}

/* ── answers ── */

static enum bus_status take_summary(struct province_run *run, struct bus_bytes body, struct bus_error *error)
{
    enum bus_status status =
        province_tally_read(&run->tally, subscribers_catalogues_at(run->context.catalogues, 0), body, error);
    if (status != BUS_OK)
        return status;
    run->differing = province_tally_differing(&run->tally);
    run->cell_at = 0;
    run->report.rows[PROVINCE_HERE] += run->tally.rows[PROVINCE_HERE];
    run->report.rows[PROVINCE_THERE] += run->tally.rows[PROVINCE_THERE];
    run->report.unknown_items += run->tally.unknown;
    run->stage = LISTING;
    province_listing_reset(&run->listing);
    return province_report_cells(&run->report, run->tally.cells, run->differing, error);
}

struct page {
    struct province_run *run;
    enum bus_status status;
    struct bus_error *error;
};

static bool meet(void *self, const struct province_held *held)
{
    struct page *page = self;
    page->status = province_listing_meet(&page->run->listing, held->record, held->digest, page->error);
    return page->status == BUS_OK;
}

static enum bus_status take_page(struct province_run *run, struct bus_bytes body, struct bus_error *error)
{
    bool more;
    struct page page = {run, BUS_OK, error};
    bool had_last = run->listing.has_last;
    uint8_t last[BUS_IDENTITY_SIZE];
    memcpy(last, run->listing.last, sizeof last);
    enum bus_status status = province_answer_rows(body, meet, &page, &more, error);
    if (status == BUS_OK)
        status = page.status;
    bool came_on = run->listing.has_last && (!had_last || memcmp(last, run->listing.last, sizeof last) != 0);
    if (status != BUS_OK || (more && came_on))
        return status;
    status = province_listing_end(&run->listing, error);
    province_listing_reset(&run->listing);
    run->cell_at++;
    return status;
}

static bool keep_held(void *self, const struct province_held *held)
{
    *(struct province_held *)self = *held;
    return false;
}

bool province_judge(const struct province_note *note, const struct province_held *held,
                    enum province_finding_kind *out_kind)
{
    bool is_here = note->state == PROVINCE_REPORTED || note->state == PROVINCE_PENDING;
    bool is_there = held != NULL && (held->state == PROVINCE_REPORTED || held->state == PROVINCE_PENDING);
    if (is_here && is_there) {
        *out_kind = PROVINCE_DIFFERENT;
        return memcmp(note->digest, held->digest, BUS_DIGEST_SIZE) != 0;
    }
    if (is_here)
        *out_kind = PROVINCE_MISSING;
    else
        *out_kind = note->state == PROVINCE_WITHDRAWN ? PROVINCE_NOT_WITHDRAWN : PROVINCE_UNKNOWN;
    return is_here || is_there;
}

static enum bus_status take_row(struct province_run *run, struct bus_bytes body, struct bus_error *error)
{
    bool more;
    struct province_note note;
    struct province_held held = {.state = PROVINCE_ABSENT};
    const struct doubt *at = &run->doubts[run->doubt_at];
    enum bus_status status = province_answer_rows(body, keep_held, &held, &more, error);
    if (status == BUS_OK && held.state != PROVINCE_ABSENT && memcmp(held.record, at->record, BUS_IDENTITY_SIZE) != 0)
        status = bus_reject(error, "PROVINCE_ANSWER", "平台应答了另一行", "the answer is about another row");
    if (status == BUS_OK)
        status = province_memory_find(run->context.memory, at->partition, at->record, &note, error);
    if (status != BUS_OK)
        return status;
    run->doubt_at++;
    struct province_finding finding = {.partition = at->partition,
                                       .item = note.item,
                                       .day = note.day,
                                       .offset = note.state == PROVINCE_ABSENT ? -1 : note.offset,
                                       .leaf = note.leaf,
                                       .named = note.named};
    bool is_unchanged = note.state == at->state && note.offset == at->offset && note.named == at->named;
    if (!is_unchanged || !province_judge(&note, held.state == PROVINCE_ABSENT ? NULL : &held, &finding.kind))
        return BUS_OK;
    memcpy(finding.record, at->record, BUS_IDENTITY_SIZE);
    memcpy(finding.gov_id, held.gov_id, sizeof finding.gov_id);
    return province_report_find(&run->report, &finding, error);
}

static enum bus_status take(struct province_call *call, const struct province_reply *reply, struct bus_error *error)
{
    struct province_run *run = (struct province_run *)call;
    struct bus_error why;
    enum bus_status status = BUS_OK;
    run->is_asked = false;
    if (reply->status != BUS_OK)
        why = *reply->error;
    else if (reply->http_status != 200)
        status = bus_fail(&why, BUS_RETRY, "%s answers %d", province_line_name_view(run->line), reply->http_status);
    else if (run->stage == SUMMARY)
        status = take_summary(run, reply->body, &why);
    else if (run->stage == LISTING)
        status = take_page(run, reply->body, &why);
    else
        status = take_row(run, reply->body, &why);
    if (status == BUS_FATAL) {
        *error = why;
        return status;
    }
    if (status != BUS_OK || reply->status != BUS_OK)
        put_off(run, reply->retry_after_ms, &why);
    return BUS_OK;
}

/* ── the end ── */

static void tell(const struct province_run *run)
{
    const struct province_report *report = &run->report;
    if (report->finding_count == 0 && !report->is_cut) {
        bus_log(BUS_LOG_INFO, "与省级平台对账一致 / compared with the province: equal", "day=%s rows=%llu", report->day,
                (unsigned long long)report->rows[PROVINCE_HERE]);
        return;
    }
    bus_log(BUS_LOG_WARN, "与省级平台对账有差异 / the comparison with the province found differences",
            "report=%s/compare-%s.html missing=%zu different=%zu not_withdrawn=%zu unknown=%zu",
            run->context.state_folder, report->day, province_report_count(report, PROVINCE_MISSING),
            province_report_count(report, PROVINCE_DIFFERENT), province_report_count(report, PROVINCE_NOT_WITHDRAWN),
            province_report_count(report, PROVINCE_UNKNOWN));
}

static enum bus_status finish(struct province_run *run, struct bus_error *error)
{
    struct bus_error why;
    enum bus_status status = province_report_write(&run->report, run->context.state_folder,
                                                   subscribers_catalogues_at(run->context.catalogues, 0), &why);
    if (status == BUS_FATAL) {
        *error = why;
        return status;
    }
    if (status != BUS_OK) {
        put_off(run, 0, &why);
        return BUS_OK;
    }
    tell(run);
    run->stage = RESTING;
    return BUS_OK;
}

/* ── steps ── */

/* Asks the next question; *out_waits: not now. */
static enum bus_status advance(struct province_run *run, bool *out_waits, struct bus_error *error)
{
    if (run->stage == LISTING && run->cell_at == run->differing) {
        run->confirm_at_ms = bus_clock_monotonic_ms() + CONFIRM_MS;
        run->stage = ++run->partition_at < run->partition_count ? SUMMARY : CONFIRMING;
    }
    switch (run->stage) {
    case SUMMARY: return ask_summary(run, error);
    case LISTING: return ask_page(run, error);
    case CONFIRMING:
        if (run->doubt_at == run->doubt_count)
            return finish(run, error);
        *out_waits = bus_clock_monotonic_ms() < run->confirm_at_ms;
        return *out_waits ? BUS_OK : ask_row(run, error);
    case RESTING: break;
    }
    return BUS_OK;
}

static bool is_same(const struct province_run *run, const int32_t *partitions, size_t count)
{
    return run->partition_count == count &&
           (count == 0 || memcmp(run->partitions, partitions, count * sizeof *partitions) == 0);
}

enum bus_status province_run_step(struct province_run *run, const int32_t *partitions, size_t count, int timeout_ms,
                                  struct bus_error *error)
{
    int64_t until_ms = bus_clock_monotonic_ms() + timeout_ms, now_ms;
    enum bus_status status = BUS_OK;
    bool waits = false;
    if (run->stage != RESTING && !is_same(run, partitions, count)) {
        const struct bus_error moved = {.message = "partitions have moved between agents"};
        if (run->is_asked)
            province_line_cancel(run->line, &run->call);
        run->is_asked = false;
        put_off(run, 0, &moved);
    }
    while (status == BUS_OK && run->stage != RESTING && !waits && (now_ms = bus_clock_monotonic_ms()) < until_ms) {
        bool found = true;
        status = run->is_asked ? province_line_drive(run->line, (int)(until_ms - now_ms), &found, error)
                               : advance(run, &waits, error);
    }
    if (status != BUS_OK || !run->is_put_off)
        return status;
    run->is_put_off = false;
    *error = run->failure;
    bus_error_prefix(error, "compare with the province");
    return BUS_RETRY;
}
