#include "adapters/trial/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "adapters/engine/intake.h"
#include "adapters/trial/show.h"
#include "bus/stop.h"

enum {
    PROBE_SIZE = 64 * 1024,
    ARENA_LIMIT = 16 * 1024 * 1024,
    OUTPUT_LIMIT = 256 * 1024 * 1024,
    PATH_SIZE = ADAPTERS_PATH_SIZE + ADAPTERS_FEED_NAME_SIZE + 8,
};

/* The adapter's own pepper is not needed: no key leaves. */
#define ANY_PEPPER "a trial needs no secret, and gives none away"

/* All that a trial holds. */
struct trying {
    struct adapters_trial told;
    const struct adapters_settings *settings;
    struct bus_catalogue *catalogue;
    struct adapters_feeds feeds;
    struct bus_subject_keyer *keyer;
    struct adapters_decoder *decoder;
    struct adapters_rows *rows;
    struct adapters_intake intake;
    struct bus_arena *explained;  /* what explains the row at hand */
    struct bus_value *explaining; /* room for its values */
    struct adapters_explained *lines;
    int file;
    int64_t shown;
    const struct adapters_trial_writer *writer; /* of what is printed */
    struct bus_buffer printed, page;
};

/* --- preparing --- */

static enum bus_status load_mapping(struct trying *trying, struct bus_error *error)
{
    char path[PATH_SIZE];
    const struct adapters_settings *settings = trying->settings;
    const char *feed = trying->told.options->feed;
    struct adapters_feeds *feeds = &trying->feeds;
    if (strchr(feed, '/') != NULL || strlen(feed) >= ADAPTERS_FEED_NAME_SIZE)
        return bus_fail(error, BUS_FATAL, "%s is no feed: a feed is called as its mapping in %s, without .cfg", feed,
                        settings->mappings);
    snprintf(path, sizeof path, "%s/%s.cfg", settings->mappings, feed);
    if (access(path, R_OK) != 0)
        return bus_fail(error, BUS_FATAL, "no feed is called %s: read %s: %s", feed, path, strerror(errno));
    enum bus_status status =
        adapters_mapping_load(path, trying->catalogue, settings->department, &feeds->mappings[0], error);
    if (status != BUS_OK)
        return status;
    feeds->count = 1;
    feeds->distinct[0] = adapters_mapping_item(feeds->mappings[0]);
    feeds->distinct_count = 1;
    trying->told.mapping = feeds->mappings[0];
    return BUS_OK;
}

static enum bus_status make_tools(struct trying *trying, struct bus_error *error)
{
    struct adapters_publisher_options options = {
        .prefix = trying->settings->kafka.prefix,
        .partitions = trying->settings->partitions,
        .adapter = trying->settings->name,
        .items = {trying->feeds.distinct[0]},
        .item_count = 1,
        .keyer = trying->keyer = bus_subject_keyer_create(bus_bytes_text(ANY_PEPPER)),
        .clock = bus_clock_real(),
    };
    size_t fields = bus_schema_field_count(bus_item_current(trying->feeds.distinct[0])->schema);
    enum bus_status status = adapters_decoder_create(&trying->decoder, error);
    if (status != BUS_OK)
        return status;
    trying->rows = adapters_rows_create(trying->decoder);
    trying->explained = bus_arena_create(ARENA_LIMIT);
    trying->explaining = calloc(fields, sizeof *trying->explaining);
    trying->lines = calloc(ADAPTERS_EXPLAINED_MAX, sizeof *trying->lines);
    trying->intake = (struct adapters_intake){
        .settings = trying->settings,
        .feeds = &trying->feeds,
        .publisher = trying->keyer != NULL ? adapters_publisher_rehearse(&options) : NULL,
        .decoder = trying->decoder,
        .arena = bus_arena_create(ARENA_LIMIT),
        .values = calloc(fields, sizeof *trying->intake.values),
        .clock = options.clock,
    };
    const struct adapters_intake *intake = &trying->intake;
    bool is_whole = trying->rows != NULL && trying->explained != NULL && trying->explaining != NULL &&
                    trying->lines != NULL && intake->publisher != NULL && intake->arena != NULL &&
                    intake->values != NULL;
    return is_whole ? BUS_OK : bus_fail(error, BUS_FATAL, "cannot prepare the trial: out of memory");
}

static enum bus_status prepare(struct trying *trying, struct bus_error *error)
{
    const struct adapters_settings *settings = trying->settings;
    enum bus_status status = bus_catalogue_load(settings->catalogue, &trying->catalogue, error);
    if (status == BUS_OK)
        status = load_mapping(trying, error);
    if (status == BUS_OK)
        status = make_tools(trying, error);
    if (status != BUS_OK)
        return status;
    trying->file = open(trying->told.options->file, O_RDONLY | O_CLOEXEC);
    return trying->file >= 0 ? BUS_OK
                             : bus_fail(error, BUS_FATAL, "open %s: %s", trying->told.options->file, strerror(errno));
}

static void release(struct trying *trying)
{
    if (trying->file >= 0)
        close(trying->file);
    adapters_publisher_close(trying->intake.publisher);
    bus_arena_destroy(trying->intake.arena);
    free(trying->intake.values);
    free(trying->lines);
    free(trying->explaining);
    bus_arena_destroy(trying->explained);
    adapters_rows_destroy(trying->rows);
    adapters_decoder_destroy(trying->decoder);
    bus_subject_keyer_destroy(trying->keyer);
    adapters_feeds_release(&trying->feeds);
    bus_catalogue_destroy(trying->catalogue);
    bus_buffer_release(&trying->printed);
    bus_buffer_release(&trying->page);
}

/* --- the file --- */

/* Which encoding it is in, as when it is taken. False when it cannot be read. */
static bool probe(struct trying *trying, enum adapters_encoding *out_encoding)
{
    uint8_t piece[PROBE_SIZE];
    struct adapters_encoding_probe seen = {0};
    ssize_t length;
    while ((length = read(trying->file, piece, sizeof piece)) > 0)
        adapters_encoding_probe_add(&seen, bus_bytes_of(piece, (size_t)length));
    *out_encoding = adapters_mapping_encoding(trying->told.mapping);
    if (*out_encoding == ADAPTERS_ENCODING_AUTO)
        *out_encoding = adapters_encoding_probe_finish(&seen);
    bool is_excel = adapters_mapping_layout(trying->told.mapping)->format == ADAPTERS_FORMAT_XLSX;
    trying->told.encoding = is_excel ? "xlsx" : adapters_encoding_name(*out_encoding, seen.bom);
    return length == 0 && lseek(trying->file, 0, SEEK_SET) == 0;
}

static enum bus_status start(struct trying *trying, struct bus_error *error)
{
    enum adapters_encoding encoding;
    if (!probe(trying, &encoding))
        return bus_fail(error, BUS_FATAL, "read %s: %s", trying->told.options->file, strerror(errno));
    enum bus_status status = adapters_rows_start(trying->rows, adapters_mapping_layout(trying->told.mapping),
                                                 trying->file, encoding, &trying->told.held, error);
    trying->told.is_held = status == BUS_REJECT;
    return status == BUS_REJECT ? BUS_OK : status;
}

/* --- rows --- */

static void count_complaint(struct adapters_trial *told, const struct adapters_refusal *refusal,
                            enum adapters_complaint by, int64_t line)
{
    for (size_t i = 0; i < told->complaint_count; i++) {
        struct adapters_trial_complaint *known = &told->complaints[i];
        if (strcmp(known->refusal.code, refusal->code) == 0 && strcmp(known->refusal.column, refusal->column) == 0 &&
            known->by == by) {
            known->count++;
            return;
        }
    }
    if (told->complaint_count == ADAPTERS_TRIAL_COMPLAINTS)
        told->complaints_left_out++;
    else
        told->complaints[told->complaint_count++] =
            (struct adapters_trial_complaint){.refusal = *refusal, .by = by, .count = 1, .first_line = line};
}

/* Whether a line says the same already. */
static bool is_said(const struct adapters_trial_row *row, const struct adapters_refusal *refusal)
{
    for (size_t i = 0; i < row->line_count; i++)
        if (row->lines[i].complaint == ADAPTERS_COMPLAINT_HERE &&
            strcmp(row->lines[i].refusal.code, refusal->code) == 0)
            return true;
    return false;
}

static void count_complaints(struct adapters_trial *told, struct adapters_trial_row *row)
{
    for (size_t i = 0; i < row->line_count; i++) {
        const struct adapters_explained *line = &row->lines[i];
        /* What the gateway would say of a row that never gets there is said for the clerk, but decides nothing. */
        row->is_foreseen = row->is_foreseen || line->complaint == ADAPTERS_COMPLAINT_GATEWAY;
        if (line->complaint != ADAPTERS_NO_COMPLAINT)
            count_complaint(told, &line->refusal, line->complaint, row->line);
    }
    if (row->whole.code[0] != '\0')
        count_complaint(told, &row->whole, ADAPTERS_COMPLAINT_HERE, row->line);
    row->is_foreseen = row->is_foreseen && !row->is_refused;
    told->rows++;
    told->refused += row->is_refused;
    told->foreseen += row->is_foreseen;
    told->put += !row->is_refused && !row->is_withdrawal;
    told->withdrawn += !row->is_refused && row->is_withdrawal;
}

static void show(struct trying *trying, const struct adapters_trial_row *row)
{
    const struct adapters_trial_options *options = trying->told.options;
    bool has_complaint = row->is_refused || row->is_foreseen;
    if (trying->shown >= options->rows || (options->only_complaints && !has_complaint))
        return;
    trying->shown++;
    if (options->html != NULL)
        adapters_trial_html.row(&trying->told, row, &trying->page);
    else
        trying->writer->row(&trying->told, row, &trying->printed);
}

/* A row that can be read. */
static void try_row(struct trying *trying, const struct adapters_row *row)
{
    struct adapters_refusal refusal = {0};
    struct adapters_trial_row seen = {.line = row->line, .lines = trying->lines};
    seen.is_refused = adapters_intake_check(&trying->intake, 0, row, &refusal) != BUS_OK;
    seen.is_withdrawal = trying->intake.values[BUS_ENVELOPE_OPERATION].integer == BUS_OPERATION_WITHDRAW;
    bus_arena_reset(trying->explained);
    seen.line_count = adapters_explain(trying->told.mapping, trying->catalogue, row, trying->explained,
                                       trying->explaining, trying->lines);
    if (seen.is_refused && !is_said(&seen, &refusal))
        seen.whole = refusal;
    count_complaints(&trying->told, &seen);
    show(trying, &seen);
}

static enum bus_status try_rows(struct trying *trying, struct bus_error *error)
{
    while (!bus_stop_requested()) {
        struct adapters_row row;
        struct adapters_refusal refusal;
        bool is_end = false;
        enum bus_status status = adapters_rows_next(trying->rows, &row, &is_end, &refusal, error);
        if (status == BUS_OK && is_end)
            return BUS_OK;
        if (status == BUS_OK) {
            try_row(trying, &row);
            continue;
        }
        if (status != BUS_REJECT)
            return status;
        struct adapters_trial_row seen = {.line = row.line, .is_refused = true, .whole = refusal};
        count_complaints(&trying->told, &seen);
        show(trying, &seen);
    }
    return BUS_OK;
}

/* --- the answer --- */

static enum bus_status write_page(const struct trying *trying, struct bus_error *error)
{
    const char *path = trying->told.options->html;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    size_t written = 0;
    ssize_t length = 0;
    while (file >= 0 && written < trying->page.length &&
           ((length = write(file, trying->page.data + written, trying->page.length - written)) > 0 || errno == EINTR))
        written += length > 0 ? (size_t)length : 0;
    bool is_whole = file >= 0 && !trying->page.failed && written == trying->page.length;
    if (file >= 0 && close(file) != 0)
        is_whole = false;
    return is_whole ? BUS_OK : bus_fail(error, BUS_FATAL, "write %s: %s", path, strerror(errno));
}

static enum bus_status run(struct trying *trying, struct bus_error *error)
{
    const struct adapters_trial_options *options = trying->told.options;
    enum bus_status status = prepare(trying, error);
    if (status == BUS_OK)
        status = start(trying, error);
    if (status != BUS_OK)
        return status;
    trying->writer->begin(&trying->told, &trying->printed);
    if (options->html != NULL)
        adapters_trial_html.begin(&trying->told, &trying->page);
    if (!trying->told.is_held)
        status = try_rows(trying, error);
    if (status != BUS_OK)
        return status == BUS_RETRY ? BUS_FATAL : status;
    trying->writer->end(&trying->told, &trying->printed);
    if (options->html != NULL)
        adapters_trial_html.end(&trying->told, &trying->page);
    fwrite(trying->printed.data, 1, trying->printed.length, stdout);
    bool is_printed = fflush(stdout) == 0 && !trying->printed.failed;
    if (options->html != NULL)
        return write_page(trying, error);
    return is_printed ? BUS_OK : bus_fail(error, BUS_FATAL, "cannot print the trial: %s", strerror(errno));
}

enum bus_status adapters_trial_run(const struct adapters_settings *settings,
                                   const struct adapters_trial_options *options, bool *out_is_clean,
                                   struct bus_error *error)
{
    struct trying *trying = calloc(1, sizeof *trying);
    if (trying == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the trial: out of memory");
    trying->told.options = options;
    trying->settings = settings;
    trying->file = -1;
    trying->writer = options->json ? &adapters_trial_json : &adapters_trial_text;
    bus_buffer_init(&trying->printed, OUTPUT_LIMIT);
    bus_buffer_init(&trying->page, OUTPUT_LIMIT);
    enum bus_status status = run(trying, error);
    *out_is_clean = !trying->told.is_held && trying->told.refused == 0 && trying->told.foreseen == 0;
    release(trying);
    free(trying);
    return status;
}
