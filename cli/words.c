#include "cli/words.h"

#include <stdio.h>
#include <time.h>

#include "bus/identifier.h"

static const int64_t BEIJING_MS = 8 * 3600000;

static const struct cli_word live = {"LIVE", "有效", "live"};
static const struct cli_word withdrawn = {"WITHDRAWN", "已撤回", "withdrawn"};
static const struct cli_word disputed = {"DISPUTED", "异议处理中", "disputed"};

/* In the order in which they are told. */
static const struct {
    enum bus_mark mark;
    struct cli_word word;
} marks[] = {
    {BUS_MARK_RETENTION_ENDED, {"RETENTION_ENDED", "保存期满", "retention ended"}},
    {BUS_MARK_REPAIRED, {"REPAIRED", "已修复", "repaired"}},
    {BUS_MARK_RESTRICTED, {"RESTRICTED", "限制提供", "restricted"}},
    {BUS_MARK_RESTRICTED_PUBLIC, {"RESTRICTED_PUBLIC", "不得公开", "not for the public"}},
    {BUS_MARK_CORRECTING, {"CORRECTING", "异议成立，待更正", "correction awaited"}},
    {BUS_MARK_PUBLICITY_ENDED, {"PUBLICITY_ENDED", "公示期满", "publicity ended"}},
    {BUS_MARK_MINOR, {"MINOR", "涉及未成年人，不得公开", "a minor's, not for the public"}},
};
enum { MARK_COUNT = sizeof marks / sizeof marks[0] };

static const struct cli_word operations[] = {
    [BUS_DELIVERY_PUT] = {"PUT", "提供", "provided"},
    [BUS_DELIVERY_WITHDRAW] = {"WITHDRAW", "收回", "withdrawn"},
    [BUS_DELIVERY_STATUS] = {"STATUS", "告知状态", "told of its status"},
    [BUS_DELIVERY_RESYNC_BEGIN] = {"RESYNC_BEGIN", "重新同步开始", "resync begins"},
    [BUS_DELIVERY_RESYNC_END] = {"RESYNC_END", "重新同步结束", "resync ends"},
};

static const struct cli_word reasons[] = {
    [BUS_REASON_NONE] = {"NONE", "", ""},
    [BUS_REASON_CORRECTED] = {"CORRECTED", "更正", "corrected"},
    [BUS_REASON_WITHDRAWN] = {"WITHDRAWN", "部门撤回", "withdrawn by the department"},
    [BUS_REASON_DISPUTED] = {"DISPUTED", "有异议", "disputed"},
    [BUS_REASON_DISPUTE_RESOLVED] = {"DISPUTE_RESOLVED", "异议已处理", "dispute resolved"},
    [BUS_REASON_REPAIRED] = {"REPAIRED", "信用修复", "repaired"},
    [BUS_REASON_RESTRICTED] = {"RESTRICTED", "限制提供", "restricted"},
    [BUS_REASON_EXPIRED] = {"EXPIRED", "期满", "expired"},
    [BUS_REASON_GRANT_ENDED] = {"GRANT_ENDED", "授权终止", "grant ended"},
};

static const struct cli_word transforms[] = {
    [BUS_TRANSFORM_NONE] = {"", "", ""},
    [BUS_TRANSFORM_MASK] = {"mask", "脱敏", "masked"},
    [BUS_TRANSFORM_YEAR] = {"year", "仅年份", "year only"},
    [BUS_TRANSFORM_PRESENT] = {"present", "仅有无", "only whether there is any"},
};

size_t cli_status_words(const struct bus_state_entry *entry, const struct cli_word *out_words[CLI_STATUS_MAX])
{
    size_t count = 0;
    if (entry->status == BUS_RECORD_WITHDRAWN)
        out_words[count++] = &withdrawn;
    if (entry->disputes > 0)
        out_words[count++] = &disputed;
    for (size_t i = 0; i < MARK_COUNT; i++)
        if (bus_state_has_mark(entry, marks[i].mark))
            out_words[count++] = &marks[i].word;
    if (count == 0)
        out_words[count++] = &live;
    return count;
}

const struct cli_word *cli_operation_word(enum bus_delivery_operation operation)
{
    return &operations[operation];
}

const struct cli_word *cli_reason_word(enum bus_delivery_reason reason)
{
    return &reasons[reason];
}

const struct cli_word *cli_transform_word(enum bus_transform transform)
{
    return &transforms[transform];
}

void cli_doc_words(const char *doc, struct bus_bytes *out_zh, struct bus_bytes *out_en)
{
    const char *slash = strstr(doc, " / ");
    *out_zh = slash != NULL ? bus_bytes_of(doc, (size_t)(slash - doc)) : bus_bytes_text(doc);
    *out_en = bus_bytes_text(slash != NULL ? slash + 3 : "");
}

void cli_moment(int64_t at_ms, char out_text[CLI_MOMENT_SIZE])
{
    time_t seconds = (time_t)((at_ms + BEIJING_MS) / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(out_text, CLI_MOMENT_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(out_text, CLI_MOMENT_SIZE, "%lld", (long long)at_ms);
}

void cli_day(int32_t days, char out_text[CLI_MOMENT_SIZE])
{
    int year, month, day;
    out_text[0] = '\0';
    if (days == INT32_MAX)
        return;
    bus_date_civil(days, &year, &month, &day);
    snprintf(out_text, CLI_MOMENT_SIZE, "%04d-%02d-%02d", year, month, day);
}

void cli_age(int64_t ms, char out_text[CLI_AGE_SIZE])
{
    static const struct {
        int64_t ms;
        const char *zh, *en;
    } units[] = {{INT64_C(86400000), "日", "d"}, {3600000, "小时", "h"}, {60000, "分", "min"}, {1000, "秒", "s"}};
    size_t at = 0;
    ms = ms < 0 ? 0 : ms;
    while (at < sizeof units / sizeof units[0] - 1 && ms < 2 * units[at].ms)
        at++;
    snprintf(out_text, CLI_AGE_SIZE, "%lld%s %s", (long long)(ms / units[at].ms), units[at].zh, units[at].en);
}
