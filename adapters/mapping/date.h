/* Date: days and moments as departments write them, in China's time (UTC+08:00).
 *
 * 2020-06-18, 2020-6-18, 2020/6/18, 2020.6.18, 20200618, 2020年6月18日, each with or without a time: 19:00:06, 19:00, T19:00:06.123, 20200618190006,
 * 19时00分06秒; a zone (Z, +08:00) counts when it is written; Excel's tail ".0" is dropped. */
#ifndef ADAPTERS_MAPPING_DATE_H
#define ADAPTERS_MAPPING_DATE_H

#include "bus/bytes.h"

enum adapters_date_result {
    ADAPTERS_DATE_GOOD,
    ADAPTERS_DATE_NONE, /* a stand-in for "none": 9999-9-9 (any year from 9000), 1900-1-1, 0000-00-00 */
    ADAPTERS_DATE_BAD,
};

struct adapters_date {
    int32_t days;      /* since 1970-01-01, of the day as written */
    int64_t moment_ms; /* since 1970-01-01 UTC; midnight in China when no time is written */
    int year, month, day;
};

enum adapters_date_result adapters_date_parse(struct bus_bytes text, struct adapters_date *out_date);
/* A month as YYYYMM from 202006, 2020-06, 2020-6, 2020/6, 2020年6月, 2020.06 or any date. */
enum adapters_date_result adapters_month_parse(struct bus_bytes text, int *out_year, int *out_month);

#endif
