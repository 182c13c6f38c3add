#include "adapters/sources/files/taking.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "adapters/sources/files/taking_private.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    PROBE_SIZE = 64 * 1024,
    PROGRESS_MS = 10000,                /* between two lines about a long file */
    LONG_FILE_BYTES = 64 * 1024 * 1024, /* its first pass alone could outlast a transaction */
    REPORT_LIMIT = ADAPTERS_REPORT_LIMIT + 64 * 1024,
};

void adapters_taken_release(struct adapters_taken *taken)
{
    if (taken->file >= 0)
        close(taken->file);
    bus_buffer_release(&taken->report);
    taken->file = -1;
}

/* --- the first pass: what it is --- */

/* Reads the file from its first byte to its last. False when it cannot be read. */
static bool digest_file(int file, uint8_t out_digest[BUS_DIGEST_SIZE], struct adapters_encoding_probe *out_encoding,
                        int64_t *out_size_bytes)
{
    uint8_t piece[PROBE_SIZE];
    struct bus_digest_stream digest;
    ssize_t length;
    off_t at = 0;
    *out_encoding = (struct adapters_encoding_probe){0};
    bus_digest_stream_init(&digest, BUS_HASH_SM3);
    while ((length = pread(file, piece, sizeof piece, at)) != 0) {
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            break;
        bus_digest_stream_update(&digest, bus_bytes_of(piece, (size_t)length));
        adapters_encoding_probe_add(out_encoding, bus_bytes_of(piece, (size_t)length));
        at += length;
    }
    bus_digest_stream_final(&digest, out_digest);
    *out_size_bytes = at;
    return length == 0;
}

/* Reads the file once for its digest and its encoding. */
static bool probe(struct adapters_taking *taking)
{
    struct adapters_encoding_probe encoding;
    bool is_read = digest_file(taking->file, taking->position.digest, &encoding, &taking->position.size_bytes);
    taking->encoding = taking->tools->encoding;
    if (taking->encoding == ADAPTERS_ENCODING_AUTO)
        taking->encoding = adapters_encoding_probe_finish(&encoding);
    taking->has_mark = encoding.bom;
    return is_read;
}

static bool is_same_time(struct timespec one, struct timespec other)
{
    return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

bool adapters_taking_is_same(const struct adapters_taking *taking)
{
    struct stat after;
    uint8_t digest[BUS_DIGEST_SIZE];
    struct adapters_encoding_probe encoding;
    int64_t size_bytes;
    if (fstat(taking->file, &after) == 0 && after.st_size == taking->before.st_size &&
        is_same_time(after.st_mtim, taking->before.st_mtim) && is_same_time(after.st_ctim, taking->before.st_ctim))
        return true;
    return digest_file(taking->file, digest, &encoding, &size_bytes) &&
           memcmp(digest, taking->position.digest, sizeof digest) == 0;
}

void adapters_taking_refuse_changed(struct adapters_refusal *refusal)
{
    adapters_refuse(refusal, "FILE_CHANGED", "文件在读取过程中被改写，请写完后改名再放入",
                    "the file was changed while it was read; write it elsewhere, then put it in by rename");
}

void adapters_taking_refuse_unreadable(struct adapters_refusal *refusal, const struct bus_error *reason)
{
    adapters_refuse(refusal, "FILE_UNREADABLE", "文件读取失败，请重新放入", "the file cannot be read; put it in again");
    if (reason == NULL)
        return;
    snprintf(refusal->zh, sizeof refusal->zh, "文件读取失败，请重新导出后放入：%.300s",
             reason->message_zh[0] != '\0' ? reason->message_zh : reason->message);
    snprintf(refusal->en, sizeof refusal->en, "the file cannot be read, export it again: %.300s", reason->message);
}

const char *adapters_taking_encoding_view(const struct adapters_taking *taking)
{
    return taking->tools->layout->format == ADAPTERS_FORMAT_XLSX
               ? "xlsx"
               : adapters_encoding_name(taking->encoding, taking->has_mark);
}

/* --- rows --- */

enum bus_status adapters_taking_start(struct adapters_taking *taking, struct adapters_refusal *refusal,
                                      struct bus_error *error)
{
    const struct adapters_taking_tools *tools = taking->tools;
    adapters_taking_refuse_unreadable(refusal, NULL);
    if (lseek(taking->file, 0, SEEK_SET) != 0)
        return BUS_RETRY;
    enum bus_status status =
        adapters_rows_start(tools->rows, tools->layout, taking->file, taking->encoding, refusal, error);
    if (status == BUS_RETRY)
        adapters_taking_refuse_unreadable(refusal, error);
    return status;
}

bool adapters_taking_is_silent(const struct adapters_taking *taking)
{
    return taking->position.rows < taking->silent_rows;
}

void adapters_taking_note_refusal(struct adapters_taking *taking, const struct adapters_row *row,
                                  const struct adapters_refusal *refusal)
{
    adapters_report_add(&taking->report, row->line, refusal);
    taking->position.quarantined++;
}

enum bus_status adapters_taking_refuse(struct adapters_taking *taking, const struct adapters_row *row,
                                       const struct adapters_refusal *refusal, struct bus_error *error)
{
    adapters_taking_note_refusal(taking, row, refusal);
    return adapters_taking_is_silent(taking)
               ? BUS_OK
               : adapters_intake_refuse(taking->tools->intake, taking->feed, taking->name, row, refusal, error);
}

static enum bus_status map_row(struct adapters_taking *taking, const struct adapters_row *row, struct bus_error *error)
{
    const struct adapters_intake *intake = taking->tools->intake;
    struct adapters_refusal refusal;
    enum adapters_row_outcome outcome = ADAPTERS_ROW_PUBLISHED;
    enum bus_status status = BUS_OK;
    if (!adapters_taking_is_silent(taking))
        status = adapters_intake_row(intake, taking->feed, taking->name, row, &outcome, &refusal, error);
    else if (adapters_intake_check(intake, taking->feed, row, &refusal) != BUS_OK)
        outcome = ADAPTERS_ROW_REFUSED;
    if (status != BUS_OK)
        return status;
    if (outcome == ADAPTERS_ROW_REFUSED)
        adapters_taking_note_refusal(taking, row, &refusal);
    else if (outcome == ADAPTERS_ROW_PUBLISHED)
        taking->position.published++;
    return BUS_OK;
}

void adapters_taking_tell_progress(struct adapters_taking *taking)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    if (now_ms - taking->told_ms < PROGRESS_MS)
        return;
    taking->told_ms = now_ms;
    bus_log(BUS_LOG_INFO, "file is being taken", "feed=%s file=\"%s\" rows=%lld bytes=%llu of=%lld", taking->feed_name,
            taking->name, (long long)taking->position.rows,
            (unsigned long long)adapters_rows_size_bytes(taking->tools->rows), (long long)taking->position.size_bytes);
}

/* Writes how far the file is into the journal. */
static enum bus_status note_position(struct adapters_taking *taking, struct bus_error *error)
{
    struct adapters_journal *journal = adapters_publisher_journal(taking->tools->intake->publisher);
    struct adapters_file_position *noted = adapters_journal_open_file(journal, taking->position.digest);
    if (noted != NULL) {
        *noted = taking->position;
        return BUS_OK;
    }
    if (adapters_journal_begin_file(journal, &taking->position) != NULL)
        return BUS_OK;
    return bus_fail(error, BUS_FATAL,
                    "more than %d files are taken in part; put them in again, unchanged, so that they are finished",
                    ADAPTERS_POSITION_MAX_FILES);
}

/* Behind a row: commits what is full or old. */
static enum bus_status look_around(struct adapters_taking *taking, struct bus_error *error)
{
    const struct adapters_intake *intake = taking->tools->intake;
    bool is_due = adapters_intake_is_due(intake);
    if (!is_due && taking->position.rows % ADAPTERS_TAKING_LOOK_ROWS != 0)
        return BUS_OK;
    adapters_taking_tell_progress(taking);
    taking->is_stopped = bus_stop_requested();
    if (!is_due && !taking->is_stopped)
        return BUS_OK;
    if (taking->position.rows <= taking->silent_rows)
        return BUS_OK;
    enum bus_status status = note_position(taking, error);
    return status == BUS_OK ? adapters_intake_commit(intake, error) : status;
}

/* Every row to the end, or to a stop. OK with *out_readable false: the file cannot be read on. */
static enum bus_status take_rows(struct adapters_taking *taking, bool *out_readable, struct bus_error *error)
{
    *out_readable = true;
    while (!taking->is_stopped) {
        struct adapters_row row;
        struct adapters_refusal refusal;
        bool is_end = false;
        enum bus_status status = adapters_rows_next(taking->tools->rows, &row, &is_end, &refusal, error);
        if (status == BUS_OK && is_end)
            return BUS_OK;
        if (status == BUS_RETRY || status == BUS_FATAL) {
            *out_readable = false;
            return BUS_OK;
        }
        status =
            status == BUS_REJECT ? adapters_taking_refuse(taking, &row, &refusal, error) : map_row(taking, &row, error);
        if (status != BUS_OK)
            return status;
        taking->position.rows++;
        status = look_around(taking, error);
        if (status != BUS_OK)
            return status;
    }
    return BUS_OK;
}

/* --- the end --- */

static enum bus_status hand_over(struct adapters_taking *taking, enum adapters_outcome outcome,
                                 const struct adapters_report_summary *summary, struct adapters_taken *out_taken,
                                 struct bus_error *error)
{
    out_taken->feed = taking->feed;
    snprintf(out_taken->path, sizeof out_taken->path, "%s", taking->path);
    memcpy(out_taken->digest, taking->position.digest, BUS_DIGEST_SIZE);
    out_taken->outcome = outcome;
    bus_buffer_init(&out_taken->report, REPORT_LIMIT);
    adapters_report_write(&taking->report, summary, &out_taken->report);
    if (out_taken->report.failed) {
        bus_buffer_release(&out_taken->report);
        return bus_fail(error, BUS_FATAL, "write the report of a file: out of memory");
    }
    out_taken->file = taking->file;
    taking->file = -1;
    return BUS_OK;
}

static void tell_held(const struct adapters_taking *taking, const struct adapters_refusal *refusal)
{
    char zh[2 * BUS_FEED_TEXT_SIZE], en[2 * BUS_FEED_TEXT_SIZE];
    snprintf(zh, sizeof zh, "%s：%s", taking->name, refusal->zh);
    snprintf(en, sizeof en, "%s: %s", taking->name, refusal->en);
    adapters_board_trouble(taking->tools->intake->board, taking->feed, zh, en);
}

enum bus_status adapters_taking_hold(struct adapters_taking *taking, const struct adapters_refusal *refusal,
                                     struct adapters_taken *out_taken, struct bus_error *error)
{
    const struct adapters_report_summary summary = {.held = refusal};
    bus_log(BUS_LOG_WARN, "file is held", "feed=%s file=\"%s\" code=%s reason=\"%s\"", taking->feed_name, taking->name,
            refusal->code, refusal->en);
    adapters_report_reset(&taking->report);
    tell_held(taking, refusal);
    return hand_over(taking, ADAPTERS_OUTCOME_HELD, &summary, out_taken, error);
}

static void tell_delivered(const struct adapters_taking *taking)
{
    const struct adapters_report_summary *summary = &taking->summary;
    const struct adapters_delivered delivered = {
        .name = taking->name,
        .rows = summary->rows,
        .published = summary->published,
        .unchanged = summary->unchanged,
        .withdrawn = summary->withdrawn,
        .quarantined = summary->quarantined,
    };
    adapters_board_delivered(taking->tools->intake->board, taking->feed, &delivered);
}

enum bus_status adapters_taking_done(struct adapters_taking *taking, struct adapters_taken *out_taken,
                                     struct bus_error *error)
{
    const struct adapters_report_summary *summary = &taking->summary;
    bus_log(BUS_LOG_INFO, "file taken",
            "feed=%s file=\"%s\" encoding=%s rows=%lld published=%lld unchanged=%lld withdrawn=%lld quarantined=%lld",
            taking->feed_name, taking->name, summary->encoding, (long long)summary->rows, (long long)summary->published,
            (long long)summary->unchanged, (long long)summary->withdrawn, (long long)summary->quarantined);
    tell_delivered(taking);
    return hand_over(taking, ADAPTERS_OUTCOME_DONE, summary, out_taken, error);
}

/* What was published of it stays so; its rows are known again when it is put in whole. */
static enum bus_status hold_changed(struct adapters_taking *taking, struct adapters_taken *out_taken,
                                    struct bus_error *error)
{
    struct adapters_refusal refusal;
    adapters_journal_drop_file(adapters_publisher_journal(taking->tools->intake->publisher), taking->position.digest);
    adapters_taking_refuse_changed(&refusal);
    return adapters_taking_hold(taking, &refusal, out_taken, error);
}

static enum bus_status finish(struct adapters_taking *taking, struct adapters_taken *out_taken, struct bus_error *error)
{
    const struct adapters_intake *intake = taking->tools->intake;
    struct adapters_journal *journal = adapters_publisher_journal(intake->publisher);
    enum bus_status status = BUS_OK;
    if (!adapters_taking_is_same(taking))
        return hold_changed(taking, out_taken, error);
    taking->summary = (struct adapters_report_summary){
        .encoding = adapters_taking_encoding_view(taking),
        .rows = taking->position.rows,
        .published = taking->position.published,
        .unchanged = taking->position.rows - taking->position.published - taking->position.quarantined,
        .quarantined = taking->position.quarantined,
    };
    if (adapters_journal_find_finished(journal, taking->position.digest) == NULL) {
        status = note_position(taking, error);
        if (status == BUS_OK)
            status = adapters_publisher_finish(intake->publisher, &taking->position, error);
        if (status == BUS_OK &&
            !adapters_journal_finish_file(journal, taking->position.digest, bus_clock_now_ms(&intake->clock)))
            status = bus_fail(error, BUS_FATAL, "note a finished file: out of memory, or more than %d of them",
                              ADAPTERS_JOURNAL_MAX_FINISHED);
    }
    return status == BUS_OK ? adapters_taking_done(taking, out_taken, error) : status;
}

/* --- the whole --- */

static enum bus_status skip_duplicate(struct adapters_taking *taking, struct adapters_taken *out_taken,
                                      struct bus_error *error)
{
    const struct adapters_report_summary summary = {.is_duplicate = true};
    bus_log(BUS_LOG_WARN, "file was taken before, nothing is done with it", "feed=%s file=\"%s\"", taking->feed_name,
            taking->name);
    return hand_over(taking, ADAPTERS_OUTCOME_DONE, &summary, out_taken, error);
}

/* Whether the content was taken already; if it was by a process that died before it could move the file, it is not dropped
 * again but gone through silently for its report. */
static bool is_duplicate(struct adapters_taking *taking, bool is_taken_now)
{
    const struct adapters_taking_tools *tools = taking->tools;
    struct adapters_journal *journal = adapters_publisher_journal(tools->intake->publisher);
    const struct adapters_finished *finished = adapters_journal_find_finished(journal, taking->position.digest);
    const struct adapters_file_position *begun = adapters_journal_open_file(journal, taking->position.digest);
    if (begun != NULL)
        taking->silent_rows = begun->rows;
    if (finished == NULL)
        return false;
    taking->silent_rows = finished->rows;
    return is_taken_now || finished->name_hash != adapters_journal_name_hash(taking->feed_name, taking->name) ||
           adapters_drop_has_done(tools->drop, taking->feed, taking->name);
}

static enum bus_status take_changes(struct adapters_taking *taking, enum adapters_taking_result *out_result,
                                    struct adapters_taken *out_taken, struct bus_error *error)
{
    struct adapters_refusal refusal;
    bool is_readable;
    enum bus_status status = adapters_taking_start(taking, &refusal, error);
    if (status != BUS_OK)
        return adapters_taking_hold(taking, &refusal, out_taken, error);
    status = take_rows(taking, &is_readable, error);
    if (status != BUS_OK)
        return status;
    if (is_readable && !taking->is_stopped)
        return finish(taking, out_taken, error);
    if (taking->is_stopped)
        *out_result = ADAPTERS_NOT_TAKEN;
    if (taking->position.rows > taking->silent_rows)
        status = note_position(taking, error);
    if (status != BUS_OK || taking->is_stopped)
        return status;
    adapters_taking_refuse_unreadable(&refusal, error);
    return adapters_taking_hold(taking, &refusal, out_taken, error);
}

/* A long file's first pass must not outlast a transaction, and a list is held against what is committed. */
static enum bus_status commit_before(struct adapters_taking *taking, struct bus_error *error)
{
    const struct adapters_intake *intake = taking->tools->intake;
    bool is_long = taking->before.st_size > LONG_FILE_BYTES && adapters_publisher_rows(intake->publisher) > 0;
    return is_long || taking->tools->is_list ? adapters_intake_commit(intake, error) : BUS_OK;
}

static enum bus_status take_open_file(struct adapters_taking *taking, enum adapters_taking_result *out_result,
                                      struct adapters_taken *out_taken, struct bus_error *error)
{
    const struct adapters_taking_tools *tools = taking->tools;
    struct adapters_refusal refusal;
    *out_result = ADAPTERS_TAKEN;
    adapters_taking_refuse_unreadable(&refusal, NULL);
    if (fstat(taking->file, &taking->before) != 0)
        return adapters_taking_hold(taking, &refusal, out_taken, error);
    enum bus_status status = commit_before(taking, error);
    if (status != BUS_OK)
        return status;
    if (!probe(taking))
        return adapters_taking_hold(taking, &refusal, out_taken, error);
    if (!tools->is_list && is_duplicate(taking, tools->is_taken_now(tools->self, taking->position.digest)))
        return skip_duplicate(taking, out_taken, error);
    if (taking->position.size_bytes == 0) {
        adapters_refuse(&refusal, "FILE_EMPTY", "文件为空，请重新导出后报送", "the file is empty; export it again");
        return adapters_taking_hold(taking, &refusal, out_taken, error);
    }
    return tools->is_list ? adapters_taking_list(taking, out_result, out_taken, error)
                          : take_changes(taking, out_result, out_taken, error);
}

enum bus_status adapters_take_file(const struct adapters_taking_tools *tools, size_t feed, const char *path,
                                   enum adapters_taking_result *out_result, struct adapters_taken *out_taken,
                                   struct bus_error *error)
{
    const char *slash = strchr(path, '/');
    struct adapters_taking taking = {
        .tools = tools,
        .feed = feed,
        .feed_name = adapters_mapping_feed_view(tools->intake->feeds->mappings[feed]),
        .path = path,
        .name = slash != NULL ? slash + 1 : path,
        .is_approved = slash != NULL,
        .told_ms = bus_clock_monotonic_ms(),
    };
    *out_result = ADAPTERS_NOT_TAKEN;
    snprintf(taking.position.feed, sizeof taking.position.feed, "%s", taking.feed_name);
    snprintf(taking.position.name, sizeof taking.position.name, "%s", taking.name);
    enum bus_status status = adapters_drop_open_file(tools->drop, feed, path, &taking.file, error);
    if (status != BUS_OK) {
        bus_log_failure(BUS_LOG_WARN, "file cannot be opened", status, error);
        return BUS_OK;
    }
    if (taking.file < 0)
        return BUS_OK;
    adapters_report_init(&taking.report);
    status = take_open_file(&taking, out_result, out_taken, error);
    adapters_report_release(&taking.report);
    if (taking.file >= 0)
        close(taking.file);
    return status;
}
