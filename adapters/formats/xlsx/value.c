#include "adapters/formats/xlsx/value.h"

#include "bus/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EXACT_DIGITS = 15, /* that a double, and Excel, keeps */
    WRITTEN_MAX = 40,  /* characters of a number in a file that is one */
    SMALLEST_EXPONENT = -20,
    DAY_SECONDS = 86400,
    DAYS_1900_TO_1970 = 25569, /* serial of 1970-01-01 */
    DAYS_1900_TO_1904 = 1462,
    FALSE_LEAP_DAY = 60, /* serial of 1900-02-29 */
    LAST_DAY = 2958465,  /* 9999-12-31 */
};

/* --- numbers --- */

/* Digits and one point, with a sign: as it is written, at most 15 digits from the first that counts, and what follows the point not only zeros. */
static bool is_exact(struct bus_bytes text, size_t *out_length)
{
    size_t digits = 0, at = text.length > 0 && text.data[0] == '-', from = at, point = 0, last = 0;
    for (; at < text.length; at++) {
        uint8_t byte = text.data[at];
        if (byte == '.' && point == 0 && at > from) {
            point = at;
            continue;
        }
        if (byte < '0' || byte > '9')
            return false;
        digits += digits > 0 || byte != '0';
        if (point > 0 && byte != '0')
            last = at;
    }
    *out_length = point > 0 && last == 0 ? point : text.length;
    bool has_zeros_in_front = text.length > from + 1 && text.data[from] == '0' && text.data[from + 1] != '.';
    return at > from && (point == 0 || point + 1 < text.length) && digits <= EXACT_DIGITS && !has_zeros_in_front;
}

/* A small whole number, as most days are. */
static bool read_whole(struct bus_bytes written, double *out_value)
{
    int64_t value = 0;
    if (written.length == 0 || written.length > 9)
        return false;
    for (size_t i = 0; i < written.length; i++) {
        if (written.data[i] < '0' || written.data[i] > '9')
            return false;
        value = value * 10 + (written.data[i] - '0');
    }
    *out_value = (double)value;
    return true;
}

/* strtod is told nothing but digits, point, sign and exponent, so that no hexadecimal and no name of infinity gets through. */
static bool read_double(struct bus_bytes written, double *out_value)
{
    char text[WRITTEN_MAX + 1], *end;
    if (written.length == 0 || written.length > WRITTEN_MAX)
        return false;
    for (size_t i = 0; i < written.length; i++) {
        uint8_t byte = written.data[i];
        if ((byte < '0' || byte > '9') && byte != '.' && byte != '-' && byte != '+' && (byte | 32) != 'e')
            return false;
        text[i] = (char)byte;
    }
    text[written.length] = '\0';
    *out_value = strtod(text, &end);
    return *end == '\0' && end != text && isfinite(*out_value);
}

/* Fifteen digits laid out around the point. */
static size_t lay_out(const char *digits, size_t count, int exponent, bool is_negative, char *out_text)
{
    size_t length = 0;
    if (is_negative)
        out_text[length++] = '-';
    if (exponent < 0) {
        out_text[length++] = '0';
        out_text[length++] = '.';
        for (int i = -1; i > exponent; i--)
            out_text[length++] = '0';
    }
    for (size_t i = 0; i < count || (int)i <= exponent; i++) {
        if (exponent >= 0 && (int)i == exponent + 1)
            out_text[length++] = '.';
        out_text[length++] = i < count ? digits[i] : '0';
    }
    return length;
}

static enum adapters_xlsx_number rounded_text(double value, char *out_text, size_t *out_length)
{
    char scientific[40], digits[EXACT_DIGITS];
    if (value == 0) {
        out_text[0] = '0';
        *out_length = 1;
        return ADAPTERS_XLSX_NUMBER_GOOD;
    }
    snprintf(scientific, sizeof scientific, "%.*e", EXACT_DIGITS - 1, fabs(value));
    int exponent = atoi(strchr(scientific, 'e') + 1);
    if (exponent >= EXACT_DIGITS)
        return ADAPTERS_XLSX_NUMBER_LONG;
    if (exponent < SMALLEST_EXPONENT)
        return ADAPTERS_XLSX_NUMBER_BAD;
    digits[0] = scientific[0];
    memcpy(digits + 1, scientific + 2, EXACT_DIGITS - 1);
    size_t count = EXACT_DIGITS;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    *out_length = lay_out(digits, count, exponent, value < 0, out_text);
    return ADAPTERS_XLSX_NUMBER_GOOD;
}

static size_t pad(const char *text, size_t length, size_t digits, char *out_text)
{
    size_t zeros = digits > length ? digits - length : 0;
    memset(out_text, '0', zeros);
    memcpy(out_text + zeros, text, length);
    return zeros + length;
}

static enum adapters_xlsx_number plain_text(struct bus_bytes written, char *out_text, size_t *out_length)
{
    double value;
    if (written.length < ADAPTERS_XLSX_VALUE_SIZE && is_exact(written, out_length)) {
        memcpy(out_text, written.data, *out_length);
        return ADAPTERS_XLSX_NUMBER_GOOD;
    }
    return read_double(written, &value) ? rounded_text(value, out_text, out_length) : ADAPTERS_XLSX_NUMBER_BAD;
}

static enum adapters_xlsx_number padded_text(struct bus_bytes written, size_t digits, char *out_text,
                                             size_t *out_length)
{
    char plain[ADAPTERS_XLSX_VALUE_SIZE];
    size_t length;
    enum adapters_xlsx_number result = plain_text(written, plain, &length);
    if (result != ADAPTERS_XLSX_NUMBER_GOOD)
        return result;
    bool is_whole = plain[0] != '-' && memchr(plain, '.', length) == NULL;
    *out_length = pad(plain, length, is_whole ? digits : 0, out_text);
    return result;
}

/* --- days and times --- */

/* `digits` decimal digits of `value`. */
static size_t put_digits(int64_t value, size_t digits, char *out_text)
{
    for (size_t i = digits; i > 0; i--, value /= 10)
        out_text[i - 1] = (char)('0' + value % 10);
    return digits;
}

/* The day of a serial, by Howard Hinnant's civil_from_days. */
static size_t day_text(int64_t serial, char *out_text)
{
    if (serial == 0 || serial == FALSE_LEAP_DAY) {
        memcpy(out_text, serial == 0 ? "0000-00-00" : "1900-02-29", 10);
        return 10;
    }
    int64_t z = serial - DAYS_1900_TO_1970 + (serial < FALSE_LEAP_DAY) + 719468;
    int64_t era = z / 146097, day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153, month = shifted < 10 ? shifted + 3 : shifted - 9;
    size_t length = put_digits(year_of_era + era * 400 + (month <= 2), 4, out_text);
    out_text[length++] = '-';
    length += put_digits(month, 2, out_text + length);
    out_text[length++] = '-';
    return length + put_digits(day_of_year - (153 * shifted + 2) / 5 + 1, 2, out_text + length);
}

static size_t time_text(int64_t seconds, char *out_text)
{
    int64_t hours = seconds / 3600;
    size_t digits = 2, length;
    for (int64_t rest = hours / 100; rest > 0; rest /= 10)
        digits++;
    length = put_digits(hours, digits, out_text);
    out_text[length++] = ':';
    length += put_digits(seconds / 60 % 60, 2, out_text + length);
    out_text[length++] = ':';
    return length + put_digits(seconds % 60, 2, out_text + length);
}

static enum adapters_xlsx_number moment_text(double serial, int look, bool is_1904, char *out_text, size_t *out_length)
{
    if (!(serial >= 0) || serial > LAST_DAY + 1.0)
        return ADAPTERS_XLSX_NUMBER_BAD;
    int64_t total = llround(serial * DAY_SECONDS);
    if (look == ADAPTERS_XLSX_ELAPSED) {
        *out_length = time_text(total, out_text);
        return ADAPTERS_XLSX_NUMBER_GOOD;
    }
    int64_t day = total / DAY_SECONDS, seconds = total % DAY_SECONDS;
    if (day == 0 && (look == ADAPTERS_XLSX_TIME || seconds > 0)) {
        *out_length = time_text(seconds, out_text);
        return ADAPTERS_XLSX_NUMBER_GOOD;
    }
    if (is_1904)
        day += DAYS_1900_TO_1904;
    if (day > LAST_DAY)
        return ADAPTERS_XLSX_NUMBER_BAD;
    *out_length = day_text(day, out_text);
    if (seconds > 0) {
        out_text[(*out_length)++] = ' ';
        *out_length += time_text(seconds, out_text + *out_length);
    }
    return ADAPTERS_XLSX_NUMBER_GOOD;
}

enum adapters_xlsx_number adapters_xlsx_number_text(struct bus_bytes written, int look, bool is_1904,
                                                    char out_text[ADAPTERS_XLSX_VALUE_SIZE], size_t *out_length)
{
    double value;
    if (look == ADAPTERS_XLSX_PLAIN)
        return plain_text(written, out_text, out_length);
    if (look >= ADAPTERS_XLSX_PADDED)
        return padded_text(written, (size_t)(look - ADAPTERS_XLSX_PADDED), out_text, out_length);
    return read_whole(written, &value) || read_double(written, &value)
               ? moment_text(value, look, is_1904, out_text, out_length)
               : ADAPTERS_XLSX_NUMBER_BAD;
}

/* --- escapes --- */

/* The unit of an escape _xHHHH_ at `at`, or -1. */
static int32_t unit_at(const uint8_t *at, const uint8_t *end)
{
    int32_t unit = 0;
    if (end - at < 7 || at[0] != '_' || at[1] != 'x' || at[6] != '_')
        return -1;
    for (int i = 2; i < 6; i++) {
        uint8_t byte = at[i], lower = byte | 32;
        int digit = byte >= '0' && byte <= '9' ? byte - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* The character that begins at `at` and how many bytes its escapes take; -1: none. */
static int32_t character_at(const uint8_t *at, const uint8_t *end, size_t *out_taken)
{
    int32_t high = unit_at(at, end);
    *out_taken = 7;
    if (high <= 0)
        return -1;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    int32_t low = high <= 0xdbff ? unit_at(at + 7, end) : -1;
    *out_taken = 14;
    return low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

size_t adapters_xlsx_unescape(uint8_t *text, size_t length)
{
    const uint8_t *at = text, *end = text + length;
    uint8_t *to = text;
    if (memmem(text, length, "_x", 2) == NULL)
        return length;
    while (at < end) {
        size_t taken;
        int32_t character = *at == '_' ? character_at(at, end, &taken) : -1;
        if (character < 0) {
            *to++ = *at++;
            continue;
        }
        at += taken;
        to += bus_utf8_put(to, (uint32_t)character);
    }
    return (size_t)(to - text);
}
