#include "adapters/trial/show.h"

#include "bus/calendar.h"
#include "bus/identifier.h"
#include "bus/transform.h"

enum { OLD_CITIZEN_LENGTH = 15, CITIZEN_LENGTH = 18, BEIJING_MS = 8 * 3600 * 1000, SECONDS_A_DAY = 86400 };

static bool is_number_character(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == 'X' || byte == 'x';
}

/* A good citizen number of `length` characters, not a part of a longer number. */
static bool is_citizen_number(struct bus_bytes text, size_t length)
{
    struct bus_error error;
    if (text.length < length || (text.length > length && is_number_character(text.data[length])))
        return false;
    return bus_identifier_citizen(bus_bytes_of(text.data, length), &error) == BUS_OK;
}

/* Copies the text with the citizen numbers in it masked, whatever column they stand in. */
static void mask_citizens(struct bus_bytes text, struct bus_buffer *out)
{
    bool in_number = false;
    for (size_t at = 0; at < text.length;) {
        struct bus_bytes rest = bus_bytes_of(text.data + at, text.length - at);
        size_t length = in_number                                     ? 0
                        : is_citizen_number(rest, CITIZEN_LENGTH)     ? CITIZEN_LENGTH
                        : is_citizen_number(rest, OLD_CITIZEN_LENGTH) ? OLD_CITIZEN_LENGTH
                                                                      : 0;
        if (length > 0) {
            bus_transform_mask(bus_bytes_of(rest.data, length), out);
            at += length;
            continue;
        }
        in_number = is_number_character(text.data[at]);
        bus_buffer_u8(out, text.data[at++]);
    }
}

static void append_shown(const struct adapters_trial *trial, bool is_personal, struct bus_bytes text,
                         struct bus_buffer *out)
{
    if (trial->options->show_personal)
        bus_buffer_append_bytes(out, text);
    else if (is_personal)
        bus_transform_mask(text, out);
    else
        mask_citizens(text, out);
}

void adapters_trial_source(const struct adapters_trial *trial, const struct adapters_explained *line,
                           struct bus_buffer *out_text)
{
    bus_buffer_reset(out_text);
    append_shown(trial, line->is_personal, line->source, out_text);
}

/* In Beijing, as the source has it, so that the two can be compared. */
static void append_moment(int64_t at_ms, struct bus_buffer *out)
{
    int year, month, day;
    int32_t days = bus_calendar_day(at_ms);
    int64_t of_day_s = (at_ms + BEIJING_MS) / 1000 - (int64_t)days * SECONDS_A_DAY;
    bus_date_civil(days, &year, &month, &day);
    bus_buffer_printf(out, "%04d-%02d-%02d %02d:%02d:%02d", year, month, day, (int)(of_day_s / 3600),
                      (int)(of_day_s / 60 % 60), (int)(of_day_s % 60));
}

void adapters_trial_result(const struct adapters_trial *trial, const struct adapters_explained *line,
                           struct bus_buffer *out_text)
{
    struct bus_buffer value;
    bus_buffer_reset(out_text);
    if (line->field == NULL || line->value.type == BUS_TYPE_NULL)
        return;
    bus_buffer_init(&value, ADAPTERS_FIELD_MAX);
    if (line->field->value->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
        append_moment(line->value.integer, &value);
    else
        bus_datum_text(line->field->value, &line->value, &value);
    append_shown(trial, line->is_personal, bus_buffer_view(&value), out_text);
    bus_buffer_release(&value);
}

/* A schema's doc is "中文，more / English", behind the column's name of the standard when it has one. */
void adapters_trial_field(const struct adapters_explained *line, struct bus_bytes *out_name, struct bus_bytes *out_zh)
{
    static const char *const ends[] = {" / ", "：", "，", "（", "("};
    *out_name = bus_bytes_text(line->field != NULL ? line->field->name : "");
    *out_zh = bus_bytes_text(line->field != NULL ? line->field->doc : "");
    const uint8_t *blank =
        out_zh->length > 0 && out_zh->data[0] < 0x80 ? memchr(out_zh->data, ' ', out_zh->length) : NULL;
    if (blank != NULL)
        *out_zh = bus_bytes_of(blank + 1, out_zh->length - (size_t)(blank + 1 - out_zh->data));
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const uint8_t *end = memmem(out_zh->data, out_zh->length, ends[i], strlen(ends[i]));
        if (end != NULL)
            out_zh->length = (size_t)(end - out_zh->data);
    }
}
