/* A full list: read once to work out what it changes, held if that is too much, then read again to publish just that.
 *
 * The cursor "list/<feed>" says which list was taken last, or is being taken, with its time and how far it is. What was published of it is in
 * the image, so after a restart the same is worked out from the beginning and the rest of it is left to do. */
#include <stdio.h>

#include "adapters/sources/files/list_progress.h"
#include "adapters/sources/files/taking_private.h"
#include "bus/log.h"
#include "bus/stop.h"

struct list_taking {
    struct adapters_taking *taking;
    const struct adapters_delivery *delivery;
    struct adapters_list *list;
    const struct adapters_list_sums *sums;
    char cursor[ADAPTERS_CURSOR_NAME_SIZE];
    struct adapters_list_progress progress;
    bool is_begun;    /* something of it was committed in an earlier run */
    bool has_version; /* its rows tell their own */
    bool is_unreadable;
    bool has_text;             /* of the row at hand */
    struct bus_buffer scratch; /* its fields */
};

/* --- how far --- */

static struct adapters_journal *journal_of(const struct list_taking *self)
{
    return adapters_publisher_journal(self->taking->tools->intake->publisher);
}

static enum bus_status note_progress(struct list_taking *self, bool is_done, struct bus_error *error)
{
    char text[ADAPTERS_LIST_PROGRESS_SIZE];
    self->progress.is_done = is_done;
    adapters_list_progress_write(&self->progress, text);
    return adapters_journal_set_cursor(journal_of(self), self->cursor, text, error);
}

/* Finds out whether this list was begun, or even finished, by a process that died; else it is a new one with a time of its own. */
static void begin(struct list_taking *self)
{
    struct adapters_taking *taking = self->taking;
    const struct adapters_taking_tools *tools = taking->tools;
    struct adapters_list_progress *progress = &self->progress;
    snprintf(self->cursor, sizeof self->cursor, "list/%s", taking->feed_name);
    bool is_known = adapters_list_progress_read(adapters_journal_cursor(journal_of(self), self->cursor), progress);
    bool is_same = is_known && memcmp(progress->digest, taking->position.digest, BUS_DIGEST_SIZE) == 0;
    bool is_unmoved = is_same && progress->is_done && strcmp(progress->name, taking->name) == 0 &&
                      !adapters_drop_has_done(tools->drop, taking->feed, taking->name);
    self->is_begun = is_same && (!progress->is_done || is_unmoved);
    taking->silent_rows = self->is_begun ? progress->rows : 0;
    int64_t now_ms = bus_clock_now_ms(&tools->intake->clock), last_ms = is_known ? progress->begun_ms : 0;
    if (self->is_begun)
        return;
    *progress = (struct adapters_list_progress){.begun_ms = now_ms > last_ms ? now_ms : last_ms + 1};
    memcpy(progress->digest, taking->position.digest, BUS_DIGEST_SIZE);
    snprintf(progress->name, sizeof progress->name, "%s", taking->name);
}

/* --- the first reading --- */

/* What a row says, mapped; kept for the next list when it counts. */
static enum bus_status map_row(struct list_taking *self, const struct adapters_row *row,
                               struct adapters_memo_entry *entry, enum adapters_list_kind *out_kind,
                               struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    struct adapters_look look;
    struct adapters_refusal refusal;
    enum bus_status status = adapters_intake_look(taking->tools->intake, taking->feed, row, &look, &refusal);
    memcpy(entry->key, look.key, sizeof entry->key);
    memcpy(entry->content, look.content, sizeof entry->content);
    if (status != BUS_OK)
        *out_kind = look.has_key ? ADAPTERS_LIST_REFUSED : ADAPTERS_LIST_UNTOLD;
    else
        *out_kind = look.is_withdrawal ? ADAPTERS_LIST_ENDED : ADAPTERS_LIST_STANDS;
    return self->has_text && *out_kind == ADAPTERS_LIST_STANDS ? adapters_memo_keep(taking->tools->memo, entry, error)
                                                               : BUS_OK;
}

static enum bus_status sum_row(struct list_taking *self, const struct adapters_row *row, bool is_read,
                               struct bus_error *error)
{
    const struct adapters_taking_tools *tools = self->taking->tools;
    struct adapters_memo_entry entry = {0};
    enum adapters_list_kind kind = is_read ? ADAPTERS_LIST_STANDS : ADAPTERS_LIST_UNTOLD;
    enum bus_status status = BUS_OK;
    self->has_text =
        is_read && adapters_memo_text(row->fields, tools->layout->column_count, &self->scratch, entry.text);
    const struct adapters_memo_entry *known = self->has_text ? adapters_memo_find(tools->memo, entry.text) : NULL;
    if (known != NULL)
        status = adapters_memo_keep(tools->memo, known, error);
    else if (is_read)
        status = map_row(self, row, &entry, &kind, error);
    if (known == NULL)
        known = &entry;
    return status == BUS_OK ? adapters_list_add(self->list, kind, known->key, known->content, row->line, error)
                            : status;
}

/* The next row. OK with *out_end at the end, after a stop, or when the file cannot be read on (is_unreadable). */
static enum bus_status next_row(struct list_taking *self, struct adapters_row *out_row, bool *out_read, bool *out_end,
                                struct adapters_refusal *refusal, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    if (taking->position.rows % ADAPTERS_TAKING_LOOK_ROWS == 0) {
        adapters_taking_tell_progress(taking);
        taking->is_stopped = bus_stop_requested();
    }
    *out_end = taking->is_stopped;
    if (*out_end)
        return BUS_OK;
    enum bus_status status = adapters_rows_next(taking->tools->rows, out_row, out_end, refusal, error);
    *out_read = status == BUS_OK;
    if (status == BUS_OK || status == BUS_REJECT)
        return BUS_OK;
    self->is_unreadable = *out_end = true;
    return BUS_OK;
}

static enum bus_status sum_up(struct list_taking *self, struct adapters_refusal *refusal, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    enum bus_status status = adapters_taking_start(taking, refusal, error);
    if (status != BUS_OK)
        return BUS_REJECT;
    adapters_list_reset(self->list);
    adapters_memo_begin(taking->tools->memo);
    for (bool is_end = false; status == BUS_OK;) {
        struct adapters_row row;
        bool is_read;
        status = next_row(self, &row, &is_read, &is_end, refusal, error);
        if (status == BUS_OK && is_end)
            break;
        if (status == BUS_OK)
            status = sum_row(self, &row, is_read, error);
        taking->position.rows++;
    }
    if (status == BUS_OK && self->is_unreadable) {
        adapters_taking_refuse_unreadable(refusal, error);
        return BUS_REJECT;
    }
    if (status == BUS_OK && !taking->is_stopped)
        status = adapters_list_settle(self->list, taking->tools->intake->image, taking->feed, error);
    taking->position.rows = 0;
    return status;
}

/* --- held --- */

static bool must_be_held(const struct list_taking *self)
{
    return !self->is_begun && !self->taking->is_approved &&
           adapters_list_withdraws_many(self->sums, self->delivery->max_withdraw_percent,
                                        self->delivery->max_withdraw_rows);
}

static void refuse_many(const struct list_taking *self, struct adapters_refusal *refusal)
{
    const struct adapters_list_sums *sums = self->sums;
    long long withdrawn = sums->absent + sums->ended, standing = sums->standing;
    adapters_refuse(refusal, "LIST_WITHDRAWS_MANY", "", "");
    snprintf(
        refusal->zh, sizeof refusal->zh,
        "全量清单 %lld 行：新增 %lld，变更 %lld，将撤回现有 %lld 条中的 %lld 条，超过限度（%lld%% 且 %lld 条）；另有 %lld "
        "行无法判断是哪条。请核对清单是否完整：完整则批准 xinqiao feeds approve，否则重新导出",
        (long long)sums->rows, (long long)sums->added, (long long)sums->changed, standing, withdrawn,
        (long long)self->delivery->max_withdraw_percent, (long long)self->delivery->max_withdraw_rows,
        (long long)sums->untold);
    snprintf(
        refusal->en, sizeof refusal->en,
        "a full list of %lld rows would add %lld, change %lld and withdraw %lld of %lld, beyond the limit (%lld %% "
        "and %lld); of %lld rows no record can be told. If it is whole: xinqiao feeds approve; else export it again",
        (long long)sums->rows, (long long)sums->added, (long long)sums->changed, withdrawn, standing,
        (long long)self->delivery->max_withdraw_percent, (long long)self->delivery->max_withdraw_rows,
        (long long)sums->untold);
}

static void forget_held(const struct list_taking *self)
{
    struct adapters_board *board = self->taking->tools->intake->board;
    struct bus_feed_status *status = adapters_board_status(board, self->taking->feed);
    status->held.is_held = false;
    adapters_board_tell(board, self->taking->feed);
}

/* Another list that waits for an operator's word is older than this one. */
static enum bus_status outdate_held(struct list_taking *self, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    const struct bus_feed_held *held = &adapters_board_status(taking->tools->intake->board, taking->feed)->held;
    struct adapters_refusal outdated;
    if (!held->is_held || taking->is_approved || memcmp(held->digest, self->progress.digest, BUS_DIGEST_SIZE) == 0)
        return BUS_OK;
    adapters_refuse(&outdated, "LIST_OUTDATED", "之后又收到了新的全量清单，本清单作废",
                    "a newer full list came since: this one counts no more");
    return adapters_settle_held(taking->tools, taking->feed, &outdated, error);
}

static enum bus_status describe_held(struct list_taking *self, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    const struct adapters_taking_tools *tools = taking->tools;
    struct bus_feed_held *held = &adapters_board_status(tools->intake->board, taking->feed)->held;
    int64_t last_ms = held->at_ms, now_ms = bus_clock_now_ms(&tools->intake->clock);
    bool is_same = held->is_held && memcmp(held->digest, self->progress.digest, BUS_DIGEST_SIZE) == 0;
    enum bus_status status = outdate_held(self, error);
    *held = (struct bus_feed_held){
        .is_held = true,
        .at_ms = is_same            ? last_ms
                 : now_ms > last_ms ? now_ms
                                    : last_ms + 1,
        .rows = self->sums->rows,
        .added = self->sums->added,
        .changed = self->sums->changed,
        .withdrawn = self->sums->absent + self->sums->ended,
        .standing = self->sums->standing,
    };
    memcpy(held->digest, self->progress.digest, BUS_DIGEST_SIZE);
    adapters_board_tell(tools->intake->board, taking->feed);
    return status == BUS_OK ? adapters_drop_held_name(tools->drop, taking->feed, taking->name, held->name, error)
                            : status;
}

/* Any other reason for which the list cannot be taken; what an operator approved is then held no more. */
static enum bus_status refuse_list(struct list_taking *self, const struct adapters_refusal *refusal,
                                   struct adapters_taken *out_taken, struct bus_error *error)
{
    if (self->taking->is_approved)
        forget_held(self);
    return adapters_taking_hold(self->taking, refusal, out_taken, error);
}

static enum bus_status hold_many(struct list_taking *self, struct adapters_taken *out_taken, struct bus_error *error)
{
    struct adapters_refusal refusal;
    enum bus_status status = describe_held(self, error);
    refuse_many(self, &refusal);
    return status == BUS_OK ? adapters_taking_hold(self->taking, &refusal, out_taken, error) : status;
}

enum bus_status adapters_settle_held(const struct adapters_taking_tools *tools, size_t feed,
                                     const struct adapters_refusal *reason, struct bus_error *error)
{
    struct bus_feed_status *status = adapters_board_status(tools->intake->board, feed);
    char path[ADAPTERS_FILE_NAME_SIZE + 8];
    int file = -1;
    const struct adapters_report_summary summary = {.held = reason};
    struct adapters_report report;
    struct bus_buffer buffer;
    snprintf(path, sizeof path, "held/%s", status->held.name);
    enum bus_status result = adapters_drop_open_file(tools->drop, feed, path, &file, error);
    if (result != BUS_OK)
        return result;
    adapters_report_init(&report);
    bus_buffer_init(&buffer, ADAPTERS_REPORT_LIMIT);
    adapters_report_write(&report, &summary, &buffer);
    if (file >= 0)
        result =
            adapters_drop_finish(tools->drop, feed, path, file, ADAPTERS_OUTCOME_HELD, bus_buffer_view(&buffer), error);
    bus_log(BUS_LOG_INFO, "held list settled", "feed=%s file=\"%s\" code=%s", status->feed, status->held.name,
            reason->code);
    struct adapters_taken taken = {.file = file, .report = buffer};
    adapters_taken_release(&taken);
    adapters_report_release(&report);
    status->held.is_held = false;
    adapters_board_tell(tools->intake->board, feed);
    return result;
}

/* --- the second reading --- */

static enum bus_status commit_if_due(struct list_taking *self, struct bus_error *error)
{
    const struct adapters_intake *intake = self->taking->tools->intake;
    if (!adapters_intake_is_due(intake) && !self->taking->is_stopped)
        return BUS_OK;
    if (self->progress.rows < self->taking->silent_rows)
        return BUS_OK;
    enum bus_status status = note_progress(self, false, error);
    return status == BUS_OK ? adapters_intake_commit(intake, error) : status;
}

static enum bus_status refuse_twice(struct list_taking *self, const struct adapters_row *row, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    struct adapters_refusal refusal;
    long long other = adapters_list_other_line(self->list, taking->position.rows);
    adapters_refuse(&refusal, "LIST_KEY_TWICE", "", "");
    snprintf(refusal.zh, sizeof refusal.zh, "同一记录在清单中出现多次且内容不同，另见第 %lld 行；该记录保持原状",
             other);
    snprintf(refusal.en, sizeof refusal.en,
             "the same record stands in the list with another content at line %lld; the record stays as it was", other);
    return adapters_taking_refuse(taking, row, &refusal, error);
}

static enum bus_status visit_row(struct list_taking *self, struct adapters_row *row, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    const struct adapters_intake *intake = taking->tools->intake;
    struct adapters_refusal refusal;
    enum adapters_row_outcome outcome = ADAPTERS_ROW_UNCHANGED;
    enum bus_status status = BUS_OK;
    row->is_latest = true;
    if (!self->has_version)
        row->version = row->committed_at_ms = self->progress.begun_ms;
    if (!adapters_taking_is_silent(taking))
        status = adapters_intake_row(intake, taking->feed, taking->name, row, &outcome, &refusal, error);
    else if (adapters_intake_check(intake, taking->feed, row, &refusal) != BUS_OK)
        outcome = ADAPTERS_ROW_REFUSED;
    if (status != BUS_OK)
        return status;
    if (outcome == ADAPTERS_ROW_REFUSED)
        adapters_taking_note_refusal(taking, row, &refusal);
    if (outcome == ADAPTERS_ROW_PUBLISHED)
        self->progress.published++;
    return BUS_OK;
}

static enum bus_status take_row(struct list_taking *self, struct adapters_row *row, bool is_read,
                                const struct adapters_refusal *refusal, struct bus_error *error)
{
    if (!is_read)
        return adapters_taking_refuse(self->taking, row, refusal, error);
    switch (adapters_list_verdict(self->list, self->taking->position.rows)) {
    case ADAPTERS_LIST_LEAVE: return BUS_OK;
    case ADAPTERS_LIST_VISIT: return visit_row(self, row, error);
    case ADAPTERS_LIST_TWICE: return refuse_twice(self, row, error);
    }
    return BUS_OK;
}

/* Publishes what the rows add and change. REJECT: the file is not what was summed up. */
static enum bus_status take_rows(struct list_taking *self, struct adapters_refusal *refusal, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    enum bus_status status = adapters_taking_start(taking, refusal, error);
    if (status != BUS_OK)
        return BUS_REJECT;
    while (status == BUS_OK) {
        struct adapters_row row;
        bool is_read, is_end;
        status = next_row(self, &row, &is_read, &is_end, refusal, error);
        if (status == BUS_OK && is_end)
            break;
        if (status == BUS_OK)
            status = take_row(self, &row, is_read, refusal, error);
        taking->position.rows++;
        if (taking->position.rows > self->progress.rows)
            self->progress.rows = taking->position.rows;
        /* Most rows add nothing: the clock need not be asked behind each. */
        bool is_left = adapters_list_verdict(self->list, taking->position.rows - 1) == ADAPTERS_LIST_LEAVE;
        if (status == BUS_OK && (!is_left || taking->position.rows % ADAPTERS_TAKING_LOOK_ROWS == 0))
            status = commit_if_due(self, error);
    }
    if (status == BUS_OK && self->is_unreadable) {
        adapters_taking_refuse_unreadable(refusal, error);
        return BUS_REJECT;
    }
    return status;
}

/* A row whose record cannot be told may be any of the absent ones: nothing is withdrawn then, unless an operator said so. */
static bool is_doubtful(const struct list_taking *self)
{
    return self->sums->untold > 0 && self->sums->absent > 0 && !self->taking->is_approved;
}

static void tell_doubtful(struct list_taking *self)
{
    struct adapters_refusal doubtful;
    long long absent = self->sums->absent, untold = self->sums->untold;
    adapters_refuse(&doubtful, "LIST_DOUBTFUL", "", "");
    snprintf(doubtful.zh, sizeof doubtful.zh,
             "有 %lld 行无法判断是哪条记录，因此清单中缺少的 %lld 条记录没有撤回；改正这些行后请重新报送整份清单",
             untold, absent);
    snprintf(doubtful.en, sizeof doubtful.en,
             "of %lld rows no record can be told, so the %lld records that the list lacks were not withdrawn; correct "
             "the rows and deliver the whole list again",
             untold, absent);
    adapters_report_add(&self->taking->report, 0, &doubtful);
    bus_log(BUS_LOG_WARN, "list withdraws nothing: of some rows no record can be told",
            "feed=%s file=\"%s\" untold=%lld absent=%lld", self->taking->feed_name, self->taking->name, untold, absent);
}

static enum bus_status withdraw_absent(struct list_taking *self, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    const struct adapters_intake *intake = taking->tools->intake;
    enum bus_status status = BUS_OK;
    for (int64_t i = 0; status == BUS_OK && i < self->sums->absent && !taking->is_stopped; i++) {
        status = adapters_intake_withdraw(intake, taking->feed, adapters_list_absent_view(self->list, i),
                                          self->progress.begun_ms, self->progress.begun_ms, error);
        self->progress.withdrawn++;
        if (i % ADAPTERS_TAKING_LOOK_ROWS == 0)
            taking->is_stopped = bus_stop_requested();
        if (status == BUS_OK)
            status = commit_if_due(self, error);
    }
    return status;
}

/* --- the whole --- */

static enum bus_status finish(struct list_taking *self, struct adapters_taken *out_taken, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    const struct adapters_list_progress *progress = &self->progress;
    int64_t quarantined = taking->position.quarantined;
    taking->summary = (struct adapters_report_summary){
        .encoding = adapters_taking_encoding_view(taking),
        .rows = progress->rows,
        .published = progress->published,
        .unchanged = progress->rows - progress->published - quarantined,
        .withdrawn = progress->withdrawn,
        .quarantined = quarantined,
    };
    enum bus_status status = outdate_held(self, error);
    if (status == BUS_OK)
        status = note_progress(self, true, error);
    if (status != BUS_OK)
        return status;
    if (adapters_board_status(taking->tools->intake->board, taking->feed)->held.is_held)
        forget_held(self);
    return adapters_taking_done(taking, out_taken, error);
}

static enum bus_status publish(struct list_taking *self, struct adapters_taken *out_taken, struct bus_error *error)
{
    struct adapters_taking *taking = self->taking;
    struct adapters_refusal refusal;
    enum bus_status status = take_rows(self, &refusal, error);
    if (status == BUS_OK && !taking->is_stopped && !adapters_taking_is_same(taking)) {
        adapters_taking_refuse_changed(&refusal);
        status = BUS_REJECT;
    }
    if (status == BUS_REJECT)
        return refuse_list(self, &refusal, out_taken, error);
    bool is_whole = status == BUS_OK && !taking->is_stopped;
    if (is_whole && is_doubtful(self))
        tell_doubtful(self);
    else if (is_whole)
        status = withdraw_absent(self, error);
    if (status != BUS_OK)
        return status;
    return taking->is_stopped ? note_progress(self, false, error) : finish(self, out_taken, error);
}

static bool is_another_than_approved(const struct list_taking *self)
{
    const struct adapters_taking *taking = self->taking;
    const struct bus_feed_held *held = &adapters_board_status(taking->tools->intake->board, taking->feed)->held;
    return taking->is_approved && memcmp(held->digest, taking->position.digest, BUS_DIGEST_SIZE) != 0;
}

enum bus_status adapters_taking_list(struct adapters_taking *taking, enum adapters_taking_result *out_result,
                                     struct adapters_taken *out_taken, struct bus_error *error)
{
    const struct adapters_mapping *mapping = taking->tools->intake->feeds->mappings[taking->feed];
    struct adapters_refusal refusal;
    struct list_taking self = {
        .taking = taking,
        .delivery = adapters_mapping_delivery(mapping),
        .list = taking->tools->list,
        .sums = adapters_list_sums_view(taking->tools->list),
        .has_version = adapters_mapping_has_changed_at(mapping),
    };
    begin(&self);
    bus_buffer_init(&self.scratch, 2 * ADAPTERS_ROW_MAX);
    enum bus_status status = sum_up(&self, &refusal, error);
    bus_buffer_release(&self.scratch);
    if (status == BUS_OK && !taking->is_stopped &&
        (is_another_than_approved(&self) || !adapters_taking_is_same(taking))) {
        adapters_taking_refuse_changed(&refusal);
        status = BUS_REJECT;
    }
    if (status == BUS_REJECT)
        return refuse_list(&self, &refusal, out_taken, error);
    if (status == BUS_OK && !taking->is_stopped)
        status = must_be_held(&self) ? hold_many(&self, out_taken, error) : publish(&self, out_taken, error);
    if (taking->is_stopped)
        *out_result = ADAPTERS_NOT_TAKEN;
    return status;
}
