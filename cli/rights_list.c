/* xinqiao rights list: the cases, with what is still to be answered first. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/calendar.h"
#include "bus/table.h"
#include "cli/names.h"
#include "cli/rights.h"
#include "cli/scan.h"

enum { ANSWER_LIMIT = 256 * 1024 * 1024, TEXT_LIMIT = 16 * 1024, ITEM_NUMBERS = 65536 };

#define USAGE "rights list [--open] [--overdue] [--department D] [--kind K]"

struct row {
    const struct cli_rights_record *known;
    struct cli_rights_content content;
    uint8_t target_identity[BUS_IDENTITY_SIZE];
    const struct cli_rights_record *target; /* NULL: not in the state */
    int32_t due;
};

struct listing {
    struct cli_context *context;
    const struct bus_catalogue *catalogue;
    bool open, overdue; /* only these */
    const char *department, *kind;
    int32_t today;
    bool is_case[ITEM_NUMBERS]; /* by item number */
    struct cli_rights_records cases, targets;
    struct row *rows;
    size_t count;
    uint8_t (*wanted)[BUS_IDENTITY_SIZE]; /* the rows' target identities, in order */
};

/* --- the cases --- */

static bool wants_case(void *self, const uint8_t identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *entry)
{
    const struct listing *listing = self;
    (void)identity;
    return listing->is_case[entry->item];
}

static void mark_items(struct listing *listing)
{
    for (size_t i = 0; i < bus_catalogue_item_count(listing->catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(listing->catalogue, i);
        bool named = listing->kind == NULL || strcmp(listing->kind, bus_rights_kind_name(item->rights)) == 0;
        if (item->rights != BUS_RIGHTS_NONE && named && item->number >= 0 && item->number < ITEM_NUMBERS)
            listing->is_case[item->number] = true;
    }
}

static bool is_asked_for(const struct listing *listing, const struct row *row)
{
    bool is_open = row->content.rights.step == BUS_RIGHTS_OPENED;
    return (!listing->open || is_open) && (!listing->overdue || row->due < listing->today) &&
           (listing->department == NULL ||
            bus_bytes_equal_text(row->content.rights.target_department, listing->department));
}

/* By the day on which an answer is due, then by the last step, the newest first. */
static int by_due(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->due != b->due)
        return a->due < b->due ? -1 : 1;
    int32_t a_on = a->content.rights.decided_on, b_on = b->content.rights.decided_on;
    if (a_on != b_on)
        return a_on > b_on ? -1 : 1;
    if (a->known->entry.changed_ms != b->known->entry.changed_ms)
        return a->known->entry.changed_ms > b->known->entry.changed_ms ? -1 : 1;
    return memcmp(a->known->identity, b->known->identity, BUS_IDENTITY_SIZE);
}

static enum bus_status read_rows(struct listing *listing, struct bus_error *error)
{
    listing->rows = calloc(listing->cases.count + 1, sizeof *listing->rows);
    if (listing->rows == NULL)
        return bus_fail(error, BUS_FATAL, "list %zu cases: out of memory", listing->cases.count);
    for (size_t i = 0; i < listing->cases.count; i++) {
        struct row *row = &listing->rows[listing->count];
        *row = (struct row){.known = &listing->cases.records[i]};
        const struct bus_item *item = bus_catalogue_item_by_number(listing->catalogue, row->known->entry.item);
        enum bus_status status = cli_rights_read_content(item, row->known->event, &row->content, error);
        if (status != BUS_OK)
            return status;
        row->due = cli_rights_due(&row->content, &row->known->entry);
        bus_event_identity(row->content.rights.target_item, row->content.rights.target_record_key,
                           row->target_identity);
        listing->count += is_asked_for(listing, row);
    }
    qsort(listing->rows, listing->count, sizeof *listing->rows, by_due);
    return BUS_OK;
}

/* --- the records that they are about --- */

static int by_identity(const void *left, const void *right)
{
    return memcmp(left, right, BUS_IDENTITY_SIZE);
}

static bool wants_target(void *self, const uint8_t identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *entry)
{
    const struct listing *listing = self;
    (void)entry;
    return bsearch(identity, listing->wanted, listing->count, BUS_IDENTITY_SIZE, by_identity) != NULL;
}

static enum bus_status read_targets(struct listing *listing, struct bus_error *error)
{
    if (listing->count == 0)
        return BUS_OK;
    listing->wanted = calloc(listing->count, sizeof *listing->wanted);
    if (listing->wanted == NULL)
        return bus_fail(error, BUS_FATAL, "list %zu cases: out of memory", listing->count);
    for (size_t i = 0; i < listing->count; i++)
        memcpy(listing->wanted[i], listing->rows[i].target_identity, BUS_IDENTITY_SIZE);
    qsort(listing->wanted, listing->count, BUS_IDENTITY_SIZE, by_identity);
    enum bus_status status =
        cli_rights_read(listing->context, CLI_ALL_PARTITIONS, wants_target, listing, false, &listing->targets, error);
    for (size_t i = 0; status == BUS_OK && i < listing->count; i++)
        listing->rows[i].target = cli_rights_find_of(&listing->targets, listing->rows[i].target_identity,
                                                     listing->rows[i].known->subject_key);
    return status;
}

/* --- the answer --- */

static const struct bus_state_entry *target_entry(const struct row *row)
{
    return row->target != NULL ? &row->target->entry : NULL;
}

static int print_json(const struct listing *listing)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < listing->count; i++) {
        const struct row *row = &listing->rows[i];
        bus_json_object(&json);
        cli_rights_write(&json, listing->catalogue, &row->content, &row->known->entry, row->target_identity,
                         target_entry(row), listing->today);
        bus_json_end_object(&json);
    }
    bus_json_end_array(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static void print_row(struct bus_table *table, const struct listing *listing, const struct row *row,
                      struct bus_buffer *text)
{
    const struct bus_rights *rights = &row->content.rights;
    char day[CLI_RIGHTS_DAY_SIZE], identity[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(row->target_identity, BUS_IDENTITY_SIZE, identity);
    bus_table_text(table, rights->case_number);
    bus_table_cell(table, "%s %s", cli_rights_kind_zh(rights->kind), bus_rights_kind_name(rights->kind));
    bus_table_cell(table, "%s %s", cli_rights_step_zh(rights->step), bus_rights_step_name(rights->step));
    cli_rights_day(rights->decided_on, day);
    bus_table_string(table, day);
    cli_rights_day(row->due, day);
    bus_table_string(table, day);
    if (row->due == INT32_MAX)
        bus_table_string(table, "-");
    else
        bus_table_cell(table, "%d", (int)(row->due - listing->today));
    bus_table_text(table, rights->authority);
    bus_table_cell(table, "%.*s/%.*s", (int)rights->target_department.length,
                   (const char *)rights->target_department.data, (int)rights->target_item.length,
                   (const char *)rights->target_item.data);
    bus_table_string(table, identity);
    cli_rights_status(target_entry(row), text);
    bus_table_text(table, bus_buffer_view(text));
    cli_rights_holders(listing->catalogue, row->target != NULL ? row->target->entry.holders : 0, text);
    bus_table_text(table, bus_buffer_view(text));
}

static struct bus_table *start_table(void)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "编号", "case", BUS_TABLE_LEFT);
    bus_table_column(table, "类别", "kind", BUS_TABLE_LEFT);
    bus_table_column(table, "环节", "step", BUS_TABLE_LEFT);
    bus_table_column(table, "日期", "decided on", BUS_TABLE_LEFT);
    bus_table_column(table, "答复期限", "answer due", BUS_TABLE_LEFT);
    bus_table_column(table, "剩余天数", "days left", BUS_TABLE_RIGHT);
    bus_table_column(table, "办理机关", "authority", BUS_TABLE_LEFT);
    bus_table_column(table, "目录项", "item", BUS_TABLE_LEFT);
    bus_table_column(table, "记录标识", "record", BUS_TABLE_LEFT);
    bus_table_column(table, "记录状态", "status", BUS_TABLE_LEFT);
    bus_table_column(table, "持有方", "holders", BUS_TABLE_LEFT);
    return table;
}

static int print_table(const struct listing *listing)
{
    struct bus_buffer text;
    size_t open = 0, overdue = 0;
    struct bus_table *table = start_table();
    bus_buffer_init(&text, TEXT_LIMIT);
    for (size_t i = 0; i < listing->count; i++) {
        const struct row *row = &listing->rows[i];
        print_row(table, listing, row, &text);
        open += row->content.rights.step == BUS_RIGHTS_OPENED;
        overdue += row->due < listing->today;
    }
    bool whole = listing->count == 0 || bus_table_print(table);
    bus_buffer_release(&text);
    bus_table_destroy(table);
    printf("%s共 %zu 件，待答复 %zu 件，逾期 %zu 件 / %zu in all, %zu to be answered, %zu overdue\n",
           listing->count > 0 ? "\n" : "", listing->count, open, overdue, listing->count, open, overdue);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

/* --- the form --- */

static int list(struct listing *listing)
{
    struct bus_error error;
    const char *kinds[CLI_RIGHTS_KINDS];
    for (int i = 0; i < CLI_RIGHTS_KINDS; i++)
        kinds[i] = bus_rights_kind_name((enum bus_rights_kind)(i + 1));
    listing->catalogue = cli_kafka(listing->context) == NULL ? NULL : cli_catalogue(listing->context);
    if (listing->catalogue == NULL ||
        (listing->kind != NULL && !cli_is_known("权益类别", "kind of right", listing->kind, kinds, CLI_RIGHTS_KINDS)) ||
        (listing->department != NULL && cli_department(listing->catalogue, listing->department) == NULL))
        return CLI_WRONG_USE;
    mark_items(listing);
    enum bus_status status =
        cli_rights_read(listing->context, CLI_ALL_PARTITIONS, wants_case, listing, true, &listing->cases, &error);
    if (status == BUS_OK)
        status = read_rows(listing, &error);
    if (status == BUS_OK)
        status = read_targets(listing, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    return listing->context->json ? print_json(listing) : print_table(listing);
}

int cli_rights_list(struct cli_context *context, int argc, char **argv)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL)
        return cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
    listing->context = context;
    listing->today = bus_calendar_day(bus_clock_now_ms(&context->clock));
    const struct cli_option options[] = {
        {"open", CLI_OPTION_FLAG, &listing->open},
        {"overdue", CLI_OPTION_FLAG, &listing->overdue},
        {"department", CLI_OPTION_TEXT, &listing->department},
        {"kind", CLI_OPTION_TEXT, &listing->kind},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    int code = rest == 0 ? list(listing) : rest < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    cli_rights_release(&listing->cases);
    cli_rights_release(&listing->targets);
    free(listing->rows);
    free(listing->wanted);
    free(listing);
    return code;
}
