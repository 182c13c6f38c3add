#include "adapters/mapping/number.h"

#include <stdio.h>

enum { DIGITS_MAX = 18, NOISE_DECIMALS = 12, DECIMALS_MAX = 30, GROUP = 3 };

/* Passes `token` at the cursor. */
static bool take(struct bus_bytes *text, const char *token)
{
    size_t length = strlen(token);
    if (text->length < length || memcmp(text->data, token, length) != 0)
        return false;
    text->data += length;
    text->length -= length;
    return true;
}

static void skip_blanks(struct bus_bytes *text)
{
    while (take(text, " ") || take(text, "\t") || take(text, "\u3000")) {
    }
}

/* A digit of either width, or -1. */
static int take_digit(struct bus_bytes *text)
{
    if (text->length > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
        int digit = text->data[0] - '0';
        text->data++;
        text->length--;
        return digit;
    }
    if (text->length >= 3 && text->data[0] == 0xef && text->data[1] == 0xbc && text->data[2] >= 0x90 &&
        text->data[2] <= 0x99) {
        int digit = text->data[2] - 0x90;
        text->data += 3;
        text->length -= 3;
        return digit;
    }
    return -1;
}

/* Digits with their separators; "12,5" is refused, for it may mean 12.5. Decimals that do not fit are dropped when they are zero or noise. */
static bool take_digits(struct bus_bytes *text, struct adapters_number *out_number)
{
    int64_t digits = 0;
    int significant = 0, decimals = 0, count = 0, dropped = 0;
    int group = GROUP; /* digits since the last thousands separator */
    bool in_fraction = false, is_grouped = false;
    for (;;) {
        if (!in_fraction && (take(text, ".") || take(text, "．"))) {
            in_fraction = true;
            continue;
        }
        if (!in_fraction && count > 0 && (take(text, ",") || take(text, "，"))) {
            if (is_grouped && group != GROUP)
                return false;
            is_grouped = true;
            group = 0;
            continue;
        }
        int digit = take_digit(text);
        if (digit < 0)
            break;
        count++;
        group += is_grouped && !in_fraction;
        if (significant >= DIGITS_MAX) {
            if (!in_fraction || decimals + dropped >= DECIMALS_MAX)
                return false;
            dropped++;
            continue;
        }
        digits = digits * 10 + digit;
        significant += digits > 0;
        decimals += in_fraction;
    }
    *out_number = (struct adapters_number){digits, -decimals};
    return count > 0 && group == GROUP && (dropped == 0 || decimals + dropped > NOISE_DECIMALS);
}

static bool take_number(struct bus_bytes *text, struct adapters_number *out_number)
{
    skip_blanks(text);
    bool is_negative = take(text, "-") || take(text, "−");
    if (!is_negative)
        (void)take(text, "+");
    if (!take_digits(text, out_number))
        return false;
    if (is_negative)
        out_number->digits = -out_number->digits;
    skip_blanks(text);
    return true;
}

bool adapters_number_parse(struct bus_bytes text, struct adapters_number *out_number)
{
    return take_number(&text, out_number) && text.length == 0;
}

bool adapters_number_scale(struct adapters_number number, int scale, int64_t *out_unscaled)
{
    int64_t value = number.digits;
    int shift = number.exponent + scale;
    bool is_noisy = -number.exponent > NOISE_DECIMALS;
    for (; shift > 0; shift--) {
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    }
    for (; shift < 0; shift++) {
        if (value % 10 != 0 && !is_noisy)
            return false;
        /* Only the last step rounds: what it drops then is half a unit or more. */
        int64_t half = shift == -1 && is_noisy ? (value < 0 ? -5 : 5) : 0;
        value = (value + half) / 10;
    }
    *out_unscaled = value;
    return true;
}

size_t adapters_number_text(struct adapters_number number, char out_text[ADAPTERS_NUMBER_TEXT_SIZE])
{
    char digits[24];
    int64_t value = number.digits;
    int exponent = number.exponent;
    for (; exponent < 0 && value % 10 == 0; exponent++)
        value /= 10;
    bool is_negative = value < 0;
    int count = snprintf(digits, sizeof digits, "%llu",
                         is_negative ? 0 - (unsigned long long)value : (unsigned long long)value);
    const char *sign = is_negative ? "-" : "";
    int written;
    if (exponent >= 0)
        written = snprintf(out_text, ADAPTERS_NUMBER_TEXT_SIZE, "%s%s%.*s", sign, digits, value == 0 ? 0 : exponent,
                           "000000000000");
    else if (count > -exponent)
        written = snprintf(out_text, ADAPTERS_NUMBER_TEXT_SIZE, "%s%.*s.%s", sign, count + exponent, digits,
                           digits + count + exponent);
    else
        written = snprintf(out_text, ADAPTERS_NUMBER_TEXT_SIZE, "%s0.%.*s%s", sign, -exponent - count,
                           "000000000000000000000000000000", digits);
    return written < 0 || written >= ADAPTERS_NUMBER_TEXT_SIZE ? 0 : (size_t)written;
}

static const struct unit {
    const char *name;
    int exponent;
} units[] = {{"元", 0}, {"百", 2}, {"千", 3}, {"万", 4}, {"亿", 8}};

int adapters_unit_exponent(const char *unit)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].name) == 0)
            return units[i].exponent;
    }
    return -1;
}

/* Longer names first: 新台币元 before 元. */
static const struct currency {
    const char *name, *code;
} currencies[] = {
    {"人民币", "CNY"},     {"RMB", "CNY"},  {"CNY", "CNY"},    {"￥", "CNY"},       {"¥", "CNY"},
    {"美元", "USD"},       {"美金", "USD"}, {"USD", "USD"},    {"$", "USD"},        {"香港元", "HKD"},
    {"港元", "HKD"},       {"港币", "HKD"}, {"HKD", "HKD"},    {"欧元", "EUR"},     {"EUR", "EUR"},
    {"英镑", "GBP"},       {"GBP", "GBP"},  {"日元", "JPY"},   {"日币", "JPY"},     {"JPY", "JPY"},
    {"新台币", "TWD"},     {"台币", "TWD"}, {"TWD", "TWD"},    {"新加坡元", "SGD"}, {"SGD", "SGD"},
    {"澳大利亚元", "AUD"}, {"澳元", "AUD"}, {"AUD", "AUD"},    {"加拿大元", "CAD"}, {"加元", "CAD"},
    {"CAD", "CAD"},        {"韩元", "KRW"}, {"韩国元", "KRW"}, {"KRW", "KRW"},      {"澳门元", "MOP"},
    {"MOP", "MOP"},
};

static bool take_currency(struct bus_bytes *text, const char **out_currency)
{
    for (size_t i = 0; i < sizeof currencies / sizeof currencies[0]; i++) {
        if (take(text, currencies[i].name)) {
            *out_currency = currencies[i].code;
            return true;
        }
    }
    return false;
}

/* Passes brackets, units and currencies in any order. */
static bool take_unit(struct bus_bytes *text, int *exponent, bool *has_unit, const char **out_currency)
{
    static const char *const brackets[] = {"(", ")", "（", "）", " ", "\u3000"};
    for (size_t i = 0; i < sizeof brackets / sizeof brackets[0]; i++) {
        if (take(text, brackets[i]))
            return true;
    }
    if (take_currency(text, out_currency))
        return true;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (take(text, units[i].name)) {
            *exponent += units[i].exponent;
            *has_unit = true;
            return true;
        }
    }
    return false;
}

bool adapters_amount_parse(struct bus_bytes text, int default_exponent, struct adapters_number *out_number,
                           const char **out_currency)
{
    int exponent = 0;
    bool has_unit = false;
    *out_currency = NULL;
    skip_blanks(&text);
    while (take_currency(&text, out_currency)) {
    }
    if (!take_number(&text, out_number))
        return false;
    while (text.length > 0) {
        if (!take_unit(&text, &exponent, &has_unit, out_currency))
            return false;
    }
    out_number->exponent += has_unit ? exponent : default_exponent;
    return exponent <= 12;
}

bool adapters_number_is_scientific(struct bus_bytes text)
{
    size_t i = 0, digits = 0;
    while (i < text.length && ((text.data[i] >= '0' && text.data[i] <= '9') || text.data[i] == '.'))
        digits += text.data[i++] != '.';
    if (digits == 0 || i + 3 > text.length || (text.data[i] | 32) != 'e' || text.data[i + 1] != '+')
        return false;
    for (i += 2; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return true;
}
