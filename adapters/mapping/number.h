/* Number: amounts as departments write them: thousands separators, units, currencies, Excel's tails. */
#ifndef ADAPTERS_MAPPING_NUMBER_H
#define ADAPTERS_MAPPING_NUMBER_H

#include "bus/bytes.h"

/* digits * 10^exponent */
struct adapters_number {
    int64_t digits;
    int exponent;
};

/* "-1,234.50", "0.20", "12.0", "１２", with blanks around it. False when it is no number, or one in scientific notation, or too
 * long for 18 digits. */
bool adapters_number_parse(struct bus_bytes text, struct adapters_number *out_number);
/* value * 10^scale as a whole number. False when digits would be lost, save for the noise of binary fractions (more than 12 decimals),
 * which is rounded, or when it does not fit. */
bool adapters_number_scale(struct adapters_number number, int scale, int64_t *out_unscaled);
/* As decimal text, at most 40 characters and a terminator. */
enum { ADAPTERS_NUMBER_TEXT_SIZE = 48 };
size_t adapters_number_text(struct adapters_number number, char out_text[ADAPTERS_NUMBER_TEXT_SIZE]);

/* `313(万)`, `2,000(万元人民币)`, `107万人民币`, `100万美元`, `3000元`, `￥12.5`: the number in single units of its currency, and the currency
 * (ISO 4217), NULL when none is written. A number without a unit counts in 10^default_exponent. False when it is none of these. */
bool adapters_amount_parse(struct bus_bytes text, int default_exponent, struct adapters_number *out_number,
                           const char **out_currency);
/* Exponent of 元 0, 百 2, 千 3, 万 4, 亿 8; -1 when it is no unit. */
int adapters_unit_exponent(const char *unit);

/* Whether the whole text is a number in scientific notation, such as Excel leaves of a long one: 4.50202E+17. */
bool adapters_number_is_scientific(struct bus_bytes text);

#endif
