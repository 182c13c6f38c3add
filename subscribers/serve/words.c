#include "subscribers/serve/words.h"

#include <stdio.h>
#include <time.h>

enum { BEIJING_MS = 8 * 3600 * 1000 };

static const struct serve_word statuses[] = {
    {"NONE", "有效", "in force"},
    {"CORRECTED", "已更正", "corrected"},
    {"DISPUTED", "异议中", "disputed"},
    {"DISPUTE_RESOLVED", "有效（异议已处理）", "in force, a dispute was resolved"},
    {"REPAIRED", "已修复", "repaired"},
    {"RESTRICTED", "限制使用", "restricted"},
    {"EXPIRED", "公示期满", "term of publicity ended"},
};

static const struct serve_word flags[] = {
    {"USCC_INNER_CHECK", "信用代码内含校验位不符", "the body code's own check fails"},
    {"NAME_MISMATCH", "名称与登记名称不符", "not the registered name"},
    {"DEREGISTERED", "主体已注销", "the organisation is deregistered"},
    {"AREA_ENDED", "行政区划已撤销", "the area code has ended"},
    {"DATE_IN_FUTURE", "日期晚于当前", "a date lies in the future"},
    {"OLD_CITIZEN_NUMBER", "原为15位号码", "the number had 15 digits"},
    {"DISPUTED", "异议中", "disputed"},
    {"RESTRICTED", "限制使用", "restricted"},
    {"PUBLICITY_ENDED", "公示期满", "term of publicity ended"},
};

static struct serve_word find(const struct serve_word *words, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i].name, name) == 0)
            return words[i];
    return (struct serve_word){name, name, ""};
}

struct serve_word serve_status_word(const char *status)
{
    return find(statuses, sizeof statuses / sizeof *statuses, status);
}

struct serve_word serve_flag_word(struct bus_bytes flag, char out_name[64])
{
    snprintf(out_name, 64, "%.*s", (int)(flag.length < 63 ? flag.length : 63), (const char *)flag.data);
    return find(flags, sizeof flags / sizeof *flags, out_name);
}

struct bus_bytes serve_doc_zh(const char *doc)
{
    static const char *const ends[] = {" / ", "，", "：", "（", "("};
    /* The source's own name of the field often stands in front: "XK_WSH 行政许可决定书文号". */
    const char *blank = strchr(doc, ' ');
    bool has_name = blank != NULL && ((unsigned char)doc[0] & 0x80) == 0 && ((unsigned char)blank[1] & 0x80) != 0;
    struct bus_bytes words = bus_bytes_text(has_name ? blank + 1 : doc);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const uint8_t *end = words.length > 0 ? memmem(words.data, words.length, ends[i], strlen(ends[i])) : NULL;
        if (end != NULL)
            words.length = (size_t)(end - words.data);
    }
    return words;
}

void serve_moment(int64_t at_ms, char out_text[SERVE_MOMENT_SIZE])
{
    time_t seconds = (time_t)((at_ms + BEIJING_MS) / 1000);
    struct tm parts;
    if (at_ms <= 0 || gmtime_r(&seconds, &parts) == NULL ||
        strftime(out_text, SERVE_MOMENT_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(out_text, SERVE_MOMENT_SIZE, "—");
}

void serve_moment_of(const char *utc, char out_text[SERVE_MOMENT_SIZE])
{
    static const char midnight[] = " 00:00:00";
    struct tm parts = {0};
    snprintf(out_text, SERVE_MOMENT_SIZE, "%.31s", utc);
    if (sscanf(utc, "%4d-%2d-%2dT%2d:%2d:%2d", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
               &parts.tm_min, &parts.tm_sec) != 6)
        return;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    serve_moment((int64_t)timegm(&parts) * 1000, out_text);
    char *time = strstr(out_text, midnight);
    if (time != NULL)
        *time = '\0';
}
