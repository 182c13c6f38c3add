#include "bus/json.h"
#include "cli/books.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024 };

static void write_count(struct bus_json *json, const char *name, int64_t count)
{
    bus_json_name(json, name);
    bus_json_integer(json, count);
}

static void write_text(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void write_day(struct bus_json *json, int32_t day)
{
    char text[BUS_BOOK_DAY_SIZE];
    bus_book_day_text(day, text);
    write_text(json, "day", text);
}

static void write_place(struct bus_json *json, const struct cli_place *place)
{
    bus_json_object(json);
    write_text(json, "kind", cli_place_kind_name(place->kind));
    if (cli_place_is_book(place->kind)) {
        write_text(json, "writer", place->name);
        write_day(json, place->day);
    }
    if (place->kind == CLI_PLACE_BOOK) {
        write_count(json, "left", place->left);
        write_count(json, "right", place->right);
    } else if (!cli_place_is_book(place->kind)) {
        write_text(json, "topic", place->name);
        write_count(json, "partition", place->partition);
        write_count(json, "from", place->from);
        write_count(json, "to", place->to);
    }
    if (place->kind == CLI_PLACE_LOST) {
        write_text(json, "adapter", place->adapter);
        write_count(json, "found_at", place->at_ms);
    }
    bus_json_end_object(json);
}

/* Nothing when they were not looked for. */
static void write_places(struct bus_json *json, const char *name, const struct cli_places *places)
{
    if (places == NULL)
        return;
    bus_json_name(json, name);
    bus_json_array(json);
    for (size_t i = 0; i < places->count; i++)
        write_place(json, &places->of[i]);
    bus_json_end_array(json);
}

static void write_shares(struct bus_json *json, const struct cli_books_found *found, const struct bus_balance_row *row)
{
    const struct bus_balance *balance = found->balance;
    bus_json_name(json, "subscribers");
    bus_json_object(json);
    for (size_t i = 0; i < bus_balance_subscriber_count(balance); i++) {
        bus_json_name(json, bus_balance_subscriber_view(balance, i));
        bus_json_object(json);
        write_count(json, "delivered", row->shares[i].delivered);
        write_count(json, "applied", row->shares[i].applied);
        write_count(json, "refused", row->shares[i].refused);
        write_count(json, "under_way", bus_balance_under_way(&row->shares[i]));
        if (found->has_signatures)
            write_count(json, "signed", cli_books_signed(found, row, bus_balance_subscriber_view(balance, i)));
        bus_json_end_object(json);
    }
    bus_json_end_object(json);
}

static void write_row(struct bus_json *json, const struct cli_books_found *found, const struct bus_balance_row *row)
{
    bus_json_object(json);
    write_text(json, "department", row->department);
    write_text(json, "item", row->item);
    write_count(json, "read", row->read);
    write_count(json, "published", row->published);
    write_count(json, "quarantined_rows", row->refused_rows);
    write_count(json, "consumed", row->consumed);
    write_count(json, "replayed", row->replayed);
    write_count(json, "accepted", row->accepted);
    write_count(json, "duplicate", row->duplicate);
    write_count(json, "stale", row->stale);
    write_count(json, "quarantined_events", row->refused_events);
    write_count(json, "lost", row->lost);
    write_count(json, "notices", row->notices);
    write_shares(json, found, row);
    bus_json_end_object(json);
}

static void write_mismatch(struct bus_json *json, const struct cli_books_found *found, size_t index)
{
    const struct bus_mismatch *mismatch = &found->mismatches[index];
    const struct bus_balance_row *row = bus_balance_row_view(found->balance, mismatch->row);
    bus_json_object(json);
    write_text(json, "department", row->department);
    write_text(json, "item", row->item);
    write_text(json, "subscriber", mismatch->subscriber);
    write_text(json, "equation", bus_equation_text(mismatch->equation));
    write_count(json, "left", mismatch->left);
    write_count(json, "right", mismatch->right);
    write_text(json, "text_zh", mismatch->text_zh);
    write_text(json, "text_en", mismatch->text_en);
    write_places(json, "places", found->places != NULL ? &found->places[index] : NULL);
    bus_json_end_object(json);
}

static void write_all(struct bus_json *json, const struct cli_books_found *found)
{
    const struct bus_balance *balance = found->balance;
    bus_json_object(json);
    if (found->part.of_day)
        write_day(json, found->part.day);
    bus_json_name(json, "balanced");
    bus_json_boolean(json, cli_books_balance(found));
    write_count(json, "under_way", found->under_way);
    bus_json_name(json, "rows");
    bus_json_array(json);
    for (size_t i = 0; i < bus_balance_row_count(balance); i++)
        write_row(json, found, bus_balance_row_view(balance, i));
    bus_json_end_array(json);
    bus_json_name(json, "mismatches");
    bus_json_array(json);
    for (size_t i = 0; i < cli_books_shown(found); i++)
        write_mismatch(json, found, i);
    bus_json_end_array(json);
    if (found->has_signatures) {
        bus_json_name(json, "forged");
        bus_json_boolean(json, found->has_forged);
        write_places(json, "signatures", &found->signatures);
    }
    if (found->waiting != NULL) {
        bus_json_name(json, "waiting");
        bus_json_object(json);
        for (size_t i = 0; i < bus_balance_subscriber_count(balance); i++)
            write_places(json, bus_balance_subscriber_view(balance, i), &found->waiting[i]);
        bus_json_end_object(json);
    }
    bus_json_end_object(json);
}

int cli_books_print_json(const struct cli_books_found *found)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    write_all(&json, found);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}
