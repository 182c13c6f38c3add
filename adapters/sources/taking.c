#include "adapters/sources/taking.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/formats/rows.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    PROBE_SIZE = 64 * 1024,
    LOOK_ROWS = 256,                    /* rows between two looks at the clock and the stop flag */
    PROGRESS_MS = 10000,                /* between two lines about a long file */
    LONG_FILE_BYTES = 64 * 1024 * 1024, /* its first pass alone could outlast a transaction */
    REPORT_LIMIT = ADAPTERS_REPORT_LIMIT + 64 * 1024,
};

/* One file on its way. */
struct taking {
    const struct adapters_taking_tools *tools;
    size_t feed;
    const char *feed_name;
    const char *name;
    int file;
    struct stat before;
    struct adapters_file_position position; /* as it stands now */
    int64_t silent_rows; /* committed in an earlier run: mapped again for the report, not published */
    enum adapters_encoding encoding;
    bool has_mark; /* a byte order mark */
    struct adapters_report report;
    int64_t told_ms;
    bool is_stopped;
};

void adapters_taken_release(struct adapters_taken *taken)
{
    if (taken->file >= 0)
        close(taken->file);
    bus_buffer_release(&taken->report);
    taken->file = -1;
}

/* --- the first pass: what it is --- */

/* Reads the file once for its digest and its encoding. False when it cannot be read. */
static bool probe(struct taking *taking)
{
    uint8_t piece[PROBE_SIZE];
    struct bus_digest_stream digest;
    struct adapters_encoding_probe encoding = {0};
    ssize_t length;
    bus_digest_stream_init(&digest, BUS_HASH_SM3);
    while ((length = read(taking->file, piece, sizeof piece)) != 0) {
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            break;
        bus_digest_stream_update(&digest, bus_bytes_of(piece, (size_t)length));
        adapters_encoding_probe_add(&encoding, bus_bytes_of(piece, (size_t)length));
        taking->position.size_bytes += length;
    }
    bus_digest_stream_final(&digest, taking->position.digest);
    taking->encoding = adapters_mapping_encoding(taking->tools->intake->feeds->mappings[taking->feed]);
    if (taking->encoding == ADAPTERS_ENCODING_AUTO)
        taking->encoding = adapters_encoding_probe_finish(&encoding);
    taking->has_mark = encoding.bom;
    return length == 0 && lseek(taking->file, 0, SEEK_SET) == 0;
}

/* --- rows --- */

/* Whether the row at hand was committed in an earlier run. */
static bool is_silent(const struct taking *taking)
{
    return taking->position.rows < taking->silent_rows;
}

static void note_refusal(struct taking *taking, const struct adapters_row *row, const struct adapters_refusal *refusal)
{
    adapters_report_add(&taking->report, row->line, refusal);
    taking->position.quarantined++;
}

/* A row that could not be read. */
static enum bus_status refuse_row(struct taking *taking, const struct adapters_row *row,
                                  const struct adapters_refusal *refusal, struct bus_error *error)
{
    note_refusal(taking, row, refusal);
    return is_silent(taking)
               ? BUS_OK
               : adapters_intake_refuse(taking->tools->intake, taking->feed, taking->name, row, refusal, error);
}

static enum bus_status map_row(struct taking *taking, const struct adapters_row *row, struct bus_error *error)
{
    const struct adapters_intake *intake = taking->tools->intake;
    struct adapters_refusal refusal;
    enum adapters_row_outcome outcome = ADAPTERS_ROW_PUBLISHED;
    enum bus_status status = BUS_OK;
    if (!is_silent(taking))
        status = adapters_intake_row(intake, taking->feed, taking->name, row, &outcome, &refusal, error);
    else if (adapters_intake_check(intake, taking->feed, row, &refusal) != BUS_OK)
        outcome = ADAPTERS_ROW_REFUSED;
    if (status != BUS_OK)
        return status;
    if (outcome == ADAPTERS_ROW_REFUSED)
        note_refusal(taking, row, &refusal);
    else
        taking->position.published++;
    return BUS_OK;
}

static void tell_progress(struct taking *taking)
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
static enum bus_status note_position(struct taking *taking, struct bus_error *error)
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
static enum bus_status look_around(struct taking *taking, struct bus_error *error)
{
    const struct adapters_intake *intake = taking->tools->intake;
    bool is_due = adapters_intake_is_due(intake);
    if (!is_due && taking->position.rows % LOOK_ROWS != 0)
        return BUS_OK;
    tell_progress(taking);
    taking->is_stopped = bus_stop_requested();
    if (!is_due && !taking->is_stopped)
        return BUS_OK;
    if (taking->position.rows <= taking->silent_rows)
        return BUS_OK;
    enum bus_status status = note_position(taking, error);
    return status == BUS_OK ? adapters_intake_commit(intake, error) : status;
}

/* Every row to the end, or to a stop. OK with *out_readable false: the file cannot be read on. */
static enum bus_status take_rows(struct taking *taking, bool *out_readable, struct bus_error *error)
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
        status = status == BUS_REJECT ? refuse_row(taking, &row, &refusal, error) : map_row(taking, &row, error);
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

static enum bus_status hand_over(struct taking *taking, enum adapters_outcome outcome,
                                 const struct adapters_report_summary *summary, struct adapters_taken *out_taken,
                                 struct bus_error *error)
{
    out_taken->feed = taking->feed;
    snprintf(out_taken->name, sizeof out_taken->name, "%s", taking->name);
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

static void tell_held(const struct taking *taking, const struct adapters_refusal *refusal)
{
    char zh[2 * BUS_FEED_TEXT_SIZE], en[2 * BUS_FEED_TEXT_SIZE];
    snprintf(zh, sizeof zh, "%s：%s", taking->name, refusal->zh);
    snprintf(en, sizeof en, "%s: %s", taking->name, refusal->en);
    adapters_board_trouble(taking->tools->intake->board, taking->feed, zh, en);
}

static enum bus_status hold(struct taking *taking, const struct adapters_refusal *refusal,
                            struct adapters_taken *out_taken, struct bus_error *error)
{
    const struct adapters_report_summary summary = {.held = refusal};
    bus_log(BUS_LOG_WARN, "file is held", "feed=%s file=\"%s\" code=%s reason=\"%s\"", taking->feed_name, taking->name,
            refusal->code, refusal->en);
    adapters_report_reset(&taking->report);
    tell_held(taking, refusal);
    return hand_over(taking, ADAPTERS_OUTCOME_HELD, &summary, out_taken, error);
}

static void tell_changed(const struct taking *taking)
{
    struct stat after;
    if (fstat(taking->file, &after) == 0 && after.st_size == taking->before.st_size &&
        after.st_mtim.tv_sec == taking->before.st_mtim.tv_sec &&
        after.st_mtim.tv_nsec == taking->before.st_mtim.tv_nsec)
        return;
    bus_log(BUS_LOG_WARN, "file changed while it was taken: put files into the inbox by rename", "feed=%s file=\"%s\"",
            taking->feed_name, taking->name);
}

static void tell_delivered(const struct taking *taking, const struct adapters_report_summary *summary)
{
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

static enum bus_status finish(struct taking *taking, struct adapters_taken *out_taken, struct bus_error *error)
{
    const struct adapters_intake *intake = taking->tools->intake;
    struct adapters_journal *journal = adapters_publisher_journal(intake->publisher);
    const struct adapters_report_summary summary = {
        .encoding = adapters_encoding_name(taking->encoding, taking->has_mark),
        .rows = taking->position.rows,
        .published = taking->position.published,
        .quarantined = taking->position.quarantined,
    };
    enum bus_status status = BUS_OK;
    tell_changed(taking);
    if (adapters_journal_find_finished(journal, taking->position.digest) == NULL) {
        status = note_position(taking, error);
        if (status == BUS_OK)
            status = adapters_publisher_finish(intake->publisher, &taking->position, error);
        if (status == BUS_OK &&
            !adapters_journal_finish_file(journal, taking->position.digest, bus_clock_now_ms(&intake->clock)))
            status = bus_fail(error, BUS_FATAL, "note a finished file: out of memory, or more than %d of them",
                              ADAPTERS_JOURNAL_MAX_FINISHED);
    }
    if (status != BUS_OK)
        return status;
    bus_log(BUS_LOG_INFO, "file taken", "feed=%s file=\"%s\" encoding=%s rows=%lld published=%lld quarantined=%lld",
            taking->feed_name, taking->name, summary.encoding, (long long)summary.rows, (long long)summary.published,
            (long long)summary.quarantined);
    tell_delivered(taking, &summary);
    return hand_over(taking, ADAPTERS_OUTCOME_DONE, &summary, out_taken, error);
}

/* --- the whole --- */

static enum bus_status skip_duplicate(struct taking *taking, struct adapters_taken *out_taken, struct bus_error *error)
{
    const struct adapters_report_summary summary = {.is_duplicate = true};
    bus_log(BUS_LOG_WARN, "file was taken before, nothing is done with it", "feed=%s file=\"%s\"", taking->feed_name,
            taking->name);
    return hand_over(taking, ADAPTERS_OUTCOME_DONE, &summary, out_taken, error);
}

/* Whether the content was taken already; if it was by a process that died before it could move the file, it is not dropped
 * again but gone through silently for its report. */
static bool is_duplicate(struct taking *taking, bool is_taken_now)
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

static enum bus_status take_open_file(struct taking *taking, enum adapters_taking_result *out_result,
                                      struct adapters_taken *out_taken, struct bus_error *error)
{
    const struct adapters_taking_tools *tools = taking->tools;
    const struct adapters_intake *intake = tools->intake;
    struct adapters_refusal refusal;
    bool is_readable;
    *out_result = ADAPTERS_TAKEN;
    adapters_refuse(&refusal, "FILE_UNREADABLE", "文件读取失败，请重新放入",
                    "the file cannot be read; put it in again");
    bool is_known = fstat(taking->file, &taking->before) == 0;
    if (is_known && taking->before.st_size > LONG_FILE_BYTES && adapters_publisher_rows(intake->publisher) > 0) {
        enum bus_status committed = adapters_intake_commit(intake, error);
        if (committed != BUS_OK)
            return committed;
    }
    if (!is_known || !probe(taking))
        return hold(taking, &refusal, out_taken, error);
    if (is_duplicate(taking, tools->is_taken_now(tools->self, taking->position.digest)))
        return skip_duplicate(taking, out_taken, error);
    if (taking->position.size_bytes == 0) {
        adapters_refuse(&refusal, "FILE_EMPTY", "文件为空，请重新导出后报送", "the file is empty; export it again");
        return hold(taking, &refusal, out_taken, error);
    }
    enum bus_status status =
        adapters_rows_start(tools->rows, adapters_mapping_layout(intake->feeds->mappings[taking->feed]), taking->file,
                            taking->encoding, &refusal, error);
    if (status != BUS_OK)
        return hold(taking, &refusal, out_taken, error);
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
    adapters_refuse(&refusal, "FILE_UNREADABLE", "文件读取失败，请重新放入",
                    "the file cannot be read; put it in again");
    return hold(taking, &refusal, out_taken, error);
}

enum bus_status adapters_take_file(const struct adapters_taking_tools *tools, size_t feed, const char *name,
                                   enum adapters_taking_result *out_result, struct adapters_taken *out_taken,
                                   struct bus_error *error)
{
    struct taking taking = {
        .tools = tools,
        .feed = feed,
        .feed_name = adapters_mapping_feed_view(tools->intake->feeds->mappings[feed]),
        .name = name,
        .told_ms = bus_clock_monotonic_ms(),
    };
    *out_result = ADAPTERS_NOT_TAKEN;
    snprintf(taking.position.feed, sizeof taking.position.feed, "%s", taking.feed_name);
    snprintf(taking.position.name, sizeof taking.position.name, "%s", name);
    enum bus_status status = adapters_drop_open_file(tools->drop, feed, name, &taking.file, error);
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
