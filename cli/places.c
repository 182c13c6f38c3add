#include "cli/places.h"

#include <stdio.h>

#include "bus/calendar.h"
#include "cli/standing.h"

static void note(struct cli_places *places, const struct cli_place *place)
{
    if (places->count < CLI_PLACES_MAX)
        places->of[places->count++] = *place;
    places->all++;
}

/* --- in the books --- */

/* What is looked for in parts of the books. */
struct search {
    const struct cli_shelf *shelf;
    const struct bus_balance_row *row;
    const struct bus_mismatch *mismatch;
    struct cli_places *places;
};

/* Notes the part, unless `name` is NULL, when the same equation fails in it. */
static enum bus_status try_part(const struct search *search, const struct cli_shelf_part *part, const char *name,
                                bool *out_fails, struct bus_error *error)
{
    struct bus_balance *balance;
    struct bus_mismatch found;
    enum bus_status status = cli_shelf_fold(search->shelf, part, &balance, error);
    if (status != BUS_OK)
        return status;
    *out_fails = bus_balance_fails(balance, search->row->department, search->row->item, search->mismatch->equation,
                                   search->mismatch->subscriber, &found);
    if (*out_fails && name != NULL) {
        struct cli_place place = {.kind = CLI_PLACE_BOOK, .day = part->day, .left = found.left, .right = found.right};
        snprintf(place.name, sizeof place.name, "%s", name);
        note(search->places, &place);
    }
    bus_balance_destroy(balance);
    return BUS_OK;
}

static enum bus_status try_adapters(const struct search *search, struct cli_shelf_part part, struct bus_error *error)
{
    char name[BUS_TOPIC_SIZE];
    size_t count;
    bool fails;
    const char *const *adapters = cli_shelf_adapters(search->shelf, &count);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        part.adapter = adapters[i];
        snprintf(name, sizeof name, "adapter/%s", adapters[i]);
        status = try_part(search, &part, name, &fails, error);
    }
    return status;
}

static enum bus_status try_partitions(const struct search *search, struct cli_shelf_part part, struct bus_error *error)
{
    char name[BUS_TOPIC_SIZE];
    bool fails;
    enum bus_status status = BUS_OK;
    part.of_partition = true;
    for (int32_t i = 0; status == BUS_OK && i < cli_shelf_partitions(search->shelf); i++) {
        part.partition = i;
        if (search->mismatch->equation == BUS_EQUATION_DELIVERED)
            snprintf(name, sizeof name, "agent/%s/%d", search->mismatch->subscriber, (int)i);
        else
            snprintf(name, sizeof name, "gateway/%d", (int)i);
        status = try_part(search, &part, name, &fails, error);
    }
    return status;
}

/* The day, and what can be told apart in it. An adapter's book and the gateway's of one partition are not of the same events. */
static enum bus_status search_day(const struct search *search, int32_t day, struct bus_error *error)
{
    struct cli_shelf_part part = {.of_day = true, .day = day};
    enum bus_equation equation = search->mismatch->equation;
    bool fails;
    enum bus_status status = try_part(search, &part, equation == BUS_EQUATION_TAKEN ? "" : NULL, &fails, error);
    if (status != BUS_OK || !fails || equation == BUS_EQUATION_TAKEN)
        return status;
    return equation == BUS_EQUATION_READ ? try_adapters(search, part, error) : try_partitions(search, part, error);
}

static enum bus_status search_books(const struct search *search, const struct cli_shelf_part *part,
                                    struct bus_error *error)
{
    size_t count;
    const int32_t *days = cli_shelf_days(search->shelf, &count);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        if (!part->of_day || days[i] == part->day)
            status = search_day(search, days[i], error);
    return status;
}

/* --- in the topics --- */

static void note_standing(struct cli_places *places, const struct cli_standing *standing)
{
    struct cli_place place = {.partition = standing->partition};
    snprintf(place.name, sizeof place.name, "%s", standing->topic);
    if (cli_standing_gone(standing) > 0) {
        place.kind = CLI_PLACE_GONE;
        place.from = standing->first - cli_standing_gone(standing);
        place.to = standing->first - 1;
        note(places, &place);
    }
    if (cli_standing_waiting(standing) > 0) {
        place.kind = CLI_PLACE_WAITING;
        place.from = standing->next;
        place.to = standing->stable - 1;
        note(places, &place);
    }
}

static enum bus_status search_topic(const struct cli_context *context, const char *topic, struct cli_places *places,
                                    struct bus_error *error)
{
    struct cli_standings standings;
    enum bus_status status = cli_standings_read(context, topic, &standings, error);
    for (size_t i = 0; status == BUS_OK && i < standings.count; i++)
        if (strcmp(standings.of[i].topic, topic) == 0)
            note_standing(places, &standings.of[i]);
    cli_standings_release(&standings);
    return status;
}

static void search_losses(const struct cli_losses *losses, const struct cli_shelf_part *part,
                          const struct bus_balance_row *row, struct cli_places *places)
{
    for (size_t i = 0; i < losses->count; i++) {
        const struct cli_loss *loss = &losses->of[i];
        if (strcmp(loss->department, row->department) != 0 || strcmp(loss->item, row->item) != 0 ||
            (part->of_day && bus_calendar_day(loss->at_ms) != part->day))
            continue;
        struct cli_place place = {
            .kind = CLI_PLACE_LOST,
            .partition = loss->partition,
            .from = loss->from,
            .to = loss->to,
            .at_ms = loss->at_ms,
        };
        snprintf(place.name, sizeof place.name, "%s", loss->topic);
        snprintf(place.adapter, sizeof place.adapter, "%s", loss->adapter);
        note(places, &place);
    }
}

/* --- together --- */

enum bus_status cli_places_of_mismatch(const struct cli_context *context, const struct cli_shelf *shelf,
                                       const struct cli_shelf_part *part, const struct cli_losses *losses,
                                       const struct bus_balance *balance, const struct bus_mismatch *mismatch,
                                       struct cli_places *out_places, struct bus_error *error)
{
    const struct bus_balance_row *row = bus_balance_row_view(balance, mismatch->row);
    const struct search search = {shelf, row, mismatch, out_places};
    out_places->count = out_places->all = 0;
    if (mismatch->equation == BUS_EQUATION_LOST) {
        search_losses(losses, part, row, out_places);
        return BUS_OK;
    }
    char topic[BUS_TOPIC_SIZE + 2 * BUS_BALANCE_NAME_SIZE];
    enum bus_status status = search_books(&search, part, error);
    snprintf(topic, sizeof topic, "%sin.%s.%s", context->prefix, row->department, row->item);
    if (status == BUS_OK && mismatch->equation == BUS_EQUATION_TAKEN)
        status = search_topic(context, topic, out_places, error);
    return status;
}

enum bus_status cli_places_of_subscriber(const struct cli_context *context, const char *subscriber,
                                         struct cli_places *out_places, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    out_places->count = out_places->all = 0;
    bus_topic_out(context->prefix, subscriber, topic);
    return search_topic(context, topic, out_places, error);
}

/* --- signatures --- */

void cli_places_of_signatures(const struct cli_shelf *shelf, const struct cli_shelf_part *part,
                              struct cli_places *out_places)
{
    out_places->count = out_places->all = 0;
    for (size_t i = 0; i < cli_shelf_count(shelf); i++) {
        struct cli_shelf_book book;
        if (!cli_shelf_is_in(shelf, i, part) || !cli_shelf_book(shelf, i, &book) ||
            (book.signature != CLI_UNSIGNED && book.signature != CLI_FORGED))
            continue;
        struct cli_place place = {.kind = book.signature == CLI_FORGED ? CLI_PLACE_FORGED : CLI_PLACE_UNSIGNED,
                                  .day = book.day};
        snprintf(place.name, sizeof place.name, "%s", book.writer);
        note(out_places, &place);
    }
}

/* --- in words --- */

bool cli_place_is_book(enum cli_place_kind kind)
{
    return kind == CLI_PLACE_BOOK || kind == CLI_PLACE_UNSIGNED || kind == CLI_PLACE_FORGED;
}

const char *cli_place_kind_name(enum cli_place_kind kind)
{
    static const char *const names[] = {"BOOK", "LOST", "WAITING", "GONE", "UNSIGNED", "FORGED"};
    return names[kind];
}

#define LL(value) ((long long)(value))

static void describe_book(const struct cli_place *place, struct bus_buffer *zh, struct bus_buffer *en)
{
    char day[BUS_BOOK_DAY_SIZE];
    bus_book_day_text(place->day, day);
    bus_buffer_printf(zh, "%s %s：%lld ≠ %lld", day, place->name, LL(place->left), LL(place->right));
    bus_buffer_printf(en, "%s %s: %lld ≠ %lld", day, place->name, LL(place->left), LL(place->right));
}

static void describe_signature(const struct cli_place *place, const char *text_zh, const char *text_en,
                               struct bus_buffer *zh, struct bus_buffer *en)
{
    char day[BUS_BOOK_DAY_SIZE];
    bus_book_day_text(place->day, day);
    bus_buffer_printf(zh, "%s %s：%s", day, place->name, text_zh);
    bus_buffer_printf(en, "%s %s: %s", day, place->name, text_en);
}

void cli_place_describe(const struct cli_place *place, struct bus_buffer *zh, struct bus_buffer *en)
{
    char found[CLI_TIME_SIZE];
    cli_time(place->at_ms, found);
    switch (place->kind) {
    case CLI_PLACE_BOOK: describe_book(place, zh, en); return;
    case CLI_PLACE_UNSIGNED:
        describe_signature(place, "没有接收方签名，不计入已签收", "not signed, not counted as signed for", zh, en);
        return;
    case CLI_PLACE_FORGED:
        describe_signature(place, "签名不是该接收方的，账目不可信",
                           "the signature is not its subscriber's: do not believe it", zh, en);
        return;
    case CLI_PLACE_LOST:
        bus_buffer_printf(zh, "适配器 %s，%s 分区 %d，序号 %lld 至 %lld 丢失（%s 发现）", place->adapter, place->name,
                          (int)place->partition, LL(place->from), LL(place->to), found);
        bus_buffer_printf(en, "adapter %s, %s partition %d: sequence numbers %lld to %lld are lost (found %s)",
                          place->adapter, place->name, (int)place->partition, LL(place->from), LL(place->to), found);
        return;
    case CLI_PLACE_WAITING:
        bus_buffer_printf(zh, "%s 分区 %d：位点 %lld 至 %lld 待读", place->name, (int)place->partition, LL(place->from),
                          LL(place->to));
        bus_buffer_printf(en, "%s partition %d: offsets %lld to %lld wait to be read", place->name,
                          (int)place->partition, LL(place->from), LL(place->to));
        return;
    case CLI_PLACE_GONE:
        bus_buffer_printf(zh, "%s 分区 %d：位点 %lld 至 %lld 未读即被删除", place->name, (int)place->partition,
                          LL(place->from), LL(place->to));
        bus_buffer_printf(en, "%s partition %d: offsets %lld to %lld were deleted before they were read", place->name,
                          (int)place->partition, LL(place->from), LL(place->to));
        return;
    }
}
