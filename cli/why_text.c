/* The answer to why: each grant with each rule, then the conclusion. */
#include <stdio.h>

#include "bus/grant_text.h"
#include "bus/identifier.h"
#include "bus/json.h"
#include "cli/why.h"

enum { DETAIL_LIMIT = 256 * 1024, DAY_SIZE = 16 };

enum verdict { HOLDS, FAILS, UNKNOWN };

static const struct {
    const char *mark, *name;
} verdicts[] = {[HOLDS] = {"✓", "holds"}, [FAILS] = {"✗", "fails"}, [UNKNOWN] = {"?", "unknown"}};

/* What each rule asks, when the answer is yes; bus_entitlement_rule_zh says what it means when it is no. */
static const struct {
    const char *zh, *en;
} asks[BUS_RULE_COUNT] = {
    [BUS_RULE_NOT_WITHDRAWN] = {"记录有效", "the record lives"},
    [BUS_RULE_NOT_REPAIRED] = {"未经修复", "it has not been repaired"},
    [BUS_RULE_NOT_RESTRICTED] = {"未限制使用", "it is not restricted"},
    [BUS_RULE_RETENTION] = {"在保存期内", "it may still be kept"},
    [BUS_RULE_PUBLICITY] = {"公示期不妨碍", "its term of publicity does not stand against it"},
    [BUS_RULE_NO_MINOR_IN_PUBLIC] = {"未成年人保护不妨碍", "the protection of minors does not stand against it"},
    [BUS_RULE_BEGUN] = {"授权已生效", "the grant has begun"},
    [BUS_RULE_NOT_ENDED] = {"授权未到期", "the grant has not ended"},
    [BUS_RULE_SUBJECT_KIND] = {"主体种类在授权内", "the grant is for subjects of this kind"},
    [BUS_RULE_AREA] = {"地区在授权内", "its area is within the grant"},
    [BUS_RULE_CONDITIONS] = {"符合授权条件", "it meets the grant's conditions"},
    [BUS_RULE_PORTFOLIO] = {"主体在关注名单内", "its subject is in the portfolio"},
};

/* ── views and verdicts ── */

static const struct bus_view *const *views_of(const struct cli_why *why, size_t *out_count)
{
    size_t count, first = 0;
    const struct bus_view *const *views = bus_views_of(why->views, why->version, &count);
    while (first < count && views[first]->grant->subscriber != why->subscriber)
        first++;
    *out_count = 0;
    while (first + *out_count < count && views[first + *out_count]->grant->subscriber == why->subscriber)
        ++*out_count;
    return views + first;
}

/* Without the event nobody can say where it happened or what its fields were. */
static enum verdict judge(const struct cli_why *why, const struct bus_view *view, enum bus_entitlement_rule rule)
{
    const struct bus_grant *grant = view->grant;
    if (why->facts.spans == NULL && ((rule == BUS_RULE_AREA && grant->area_count > 0) ||
                                     (rule == BUS_RULE_CONDITIONS && grant->condition_count > 0)))
        return UNKNOWN;
    return bus_entitlement_holds(rule, view, why->portfolios, &why->facts) ? HOLDS : FAILS;
}

static bool is_entitled(const struct cli_why *why, const struct bus_view *view)
{
    return bus_entitlement_judge(view, why->portfolios, &why->facts) == BUS_RULE_COUNT;
}

const struct bus_view *cli_why_entitled(const struct cli_why *why)
{
    size_t count;
    const struct bus_view *const *views = views_of(why, &count);
    for (size_t i = 0; i < count; i++)
        if (is_entitled(why, views[i]))
            return views[i];
    return NULL;
}

static bool holds_it(const struct cli_why *why)
{
    return why->facts.entry->holders >> why->subscriber->number & 1;
}

/* A grant that has ended, by which what was given stays. */
static const struct bus_view *find_kept(const struct cli_why *why)
{
    size_t count;
    const struct bus_view *const *views = views_of(why, &count);
    for (size_t i = 0; i < count; i++)
        if (views[i]->grant->keeps_at_end && why->facts.now_ms >= views[i]->grant->to_ms &&
            bus_entitlement_judge_period_apart(views[i], why->portfolios, &why->facts) == BUS_RULE_COUNT)
            return views[i];
    return NULL;
}

/* ── details: what the rule looked at ── */

static void write_day(int32_t days, struct bus_buffer *text)
{
    int year, month, day;
    if (days == INT32_MAX) {
        bus_buffer_printf(text, "–");
        return;
    }
    bus_date_civil(days, &year, &month, &day);
    bus_buffer_printf(text, "%04d-%02d-%02d", year, month, day);
}

static void write_area(const struct cli_why *why, const struct bus_grant *grant, struct bus_buffer *text)
{
    bus_buffer_printf(text, "%.*s; ", (int)why->facts.area_code.length, (const char *)why->facts.area_code.data);
    bus_grant_text_areas(grant, text);
}

static void write_detail(const struct cli_why *why, const struct bus_grant *grant, enum bus_entitlement_rule rule,
                         struct bus_buffer *text)
{
    const struct bus_state_entry *entry = why->facts.entry;
    switch (rule) {
    case BUS_RULE_RETENTION: write_day(entry->retention_days, text); break;
    case BUS_RULE_PUBLICITY: write_day(entry->publicity_days, text); break;
    case BUS_RULE_BEGUN:
    case BUS_RULE_NOT_ENDED: bus_grant_text_period(grant, text); break;
    case BUS_RULE_SUBJECT_KIND: bus_grant_text_subjects(grant, text); break;
    case BUS_RULE_AREA: write_area(why, grant, text); break;
    case BUS_RULE_CONDITIONS: bus_grant_text_conditions(grant, text); break;
    case BUS_RULE_PORTFOLIO: bus_grant_text_portfolio(grant, text); break;
    default: break;
    }
}

static const char *words_zh(enum bus_entitlement_rule rule, enum verdict verdict)
{
    if (verdict == UNKNOWN)
        return "事件已不保存，无从判断";
    return verdict == HOLDS ? asks[rule].zh : bus_entitlement_rule_zh(rule);
}

static const char *words_en(enum bus_entitlement_rule rule, enum verdict verdict)
{
    if (verdict == UNKNOWN)
        return "the event is kept no longer, nobody can tell";
    return verdict == HOLDS ? asks[rule].en : bus_entitlement_rule_en(rule);
}

/* ── for people ── */

static void write_rules(const struct cli_why *why, const struct bus_view *view, struct bus_buffer *text)
{
    for (enum bus_entitlement_rule rule = 0; rule < BUS_RULE_COUNT; rule++) {
        enum verdict verdict = judge(why, view, rule);
        bus_buffer_printf(text, "  %s %s / %s", verdicts[verdict].mark, words_zh(rule, verdict),
                          words_en(rule, verdict));
        size_t before = text->length;
        bus_buffer_printf(text, "（");
        size_t empty = text->length;
        write_detail(why, view->grant, rule, text);
        if (text->length == empty)
            text->length = before; /* nothing to say */
        else
            bus_buffer_printf(text, "）");
        bus_buffer_printf(text, "\n");
    }
}

static void write_head(const struct cli_why *why, struct bus_buffer *text)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1], when[CLI_TIME_SIZE];
    bus_hex(why->identity, BUS_IDENTITY_SIZE, identity);
    cli_time(why->facts.now_ms, when);
    bus_buffer_printf(text, "记录 / record: %s\n目录项 / item: %s.%s %s / %s\n", identity, why->item->department->name,
                      why->item->name, why->item->name_zh, why->item->name_en);
    bus_buffer_printf(text, "订阅方 / subscriber: %s %s / %s%s\n", why->subscriber->name, why->subscriber->name_zh,
                      why->subscriber->name_en, why->subscriber->is_public ? "（面向社会公开 open to everyone）" : "");
    bus_buffer_printf(text, "时间 / at: %s    版本 / version: %lld    目录 / catalogue: %s\n", when,
                      (long long)why->facts.entry->version, bus_catalogue_version_view(why->catalogue));
}

static void write_conclusion(const struct cli_why *why, size_t grants, struct bus_buffer *text)
{
    const struct bus_view *view = cli_why_entitled(why);
    const struct bus_view *kept = view == NULL ? find_kept(why) : NULL;
    if (view != NULL) {
        bus_buffer_printf(text, "✓ 有权获得 / entitled: 授权 grant %s\n  字段 / fields: ", view->grant->name);
        bus_grant_text_fields(view->grant, text);
        bus_buffer_printf(text, "\n");
    } else if (grants == 0) {
        bus_buffer_printf(text, "✗ 无权获得：没有该目录项的授权 / not entitled: it has no grant on this item\n");
    } else {
        bus_buffer_printf(text, "✗ 无权获得：没有一项授权的规则全部通过 / not entitled: no grant passes every rule\n");
    }
    if (kept != NULL)
        bus_buffer_printf(text, "· 已给出的副本按授权 %s 保留 / what was given stays by grant %s (on_end = keep)\n",
                          kept->grant->name, kept->grant->name);
    bus_buffer_printf(text, holds_it(why) ? "· 现在持有该记录 / it holds the record now"
                                          : "· 现在不持有该记录 / it does not hold the record now");
}

void cli_why_text(const struct cli_why *why, struct bus_buffer *text)
{
    size_t count;
    const struct bus_view *const *views = views_of(why, &count);
    write_head(why, text);
    for (size_t i = 0; i < count; i++) {
        bus_buffer_printf(text, "\n%s 授权 / grant %s\n", is_entitled(why, views[i]) ? "✓" : "✗",
                          views[i]->grant->name);
        write_rules(why, views[i], text);
    }
    bus_buffer_printf(text, "\n");
    write_conclusion(why, count, text);
}

/* ── JSON ── */

static void write_string(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void write_boolean(struct bus_json *json, const char *name, bool value)
{
    bus_json_name(json, name);
    bus_json_boolean(json, value);
}

static void write_rule(struct bus_json *json, const struct cli_why *why, const struct bus_view *view,
                       enum bus_entitlement_rule rule, struct bus_buffer *detail)
{
    enum verdict verdict = judge(why, view, rule);
    bus_buffer_reset(detail);
    write_detail(why, view->grant, rule, detail);
    bus_json_object(json);
    write_string(json, "rule", bus_entitlement_rule_name(rule));
    write_string(json, "verdict", verdicts[verdict].name);
    write_string(json, "text_zh", words_zh(rule, verdict));
    write_string(json, "text_en", words_en(rule, verdict));
    bus_json_name(json, "detail");
    bus_json_text(json, bus_buffer_view(detail));
    bus_json_end_object(json);
}

static void write_grant(struct bus_json *json, const struct cli_why *why, const struct bus_view *view,
                        struct bus_buffer *detail)
{
    bus_json_object(json);
    write_string(json, "grant", view->grant->name);
    write_boolean(json, "entitled", is_entitled(why, view));
    write_string(json, "purpose", view->grant->purpose);
    write_string(json, "legal_basis", view->grant->legal_basis);
    bus_json_name(json, "fields");
    bus_json_array(json);
    for (size_t i = 0; i < view->grant->field_count; i++) {
        bus_buffer_reset(detail);
        bus_grant_text_field(view->grant, i, detail);
        bus_json_text(json, bus_buffer_view(detail));
    }
    bus_json_end_array(json);
    bus_json_name(json, "rules");
    bus_json_array(json);
    for (enum bus_entitlement_rule rule = 0; rule < BUS_RULE_COUNT; rule++)
        write_rule(json, why, view, rule, detail);
    bus_json_end_array(json);
    bus_json_end_object(json);
}

static void write_facts(struct bus_json *json, const struct cli_why *why)
{
    const struct bus_view *view = cli_why_entitled(why), *kept = view == NULL ? find_kept(why) : NULL;
    char identity[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(why->identity, BUS_IDENTITY_SIZE, identity);
    write_string(json, "identity", identity);
    write_string(json, "department", why->item->department->name);
    write_string(json, "item", why->item->name);
    write_string(json, "subscriber", why->subscriber->name);
    write_string(json, "catalogue", bus_catalogue_version_view(why->catalogue));
    bus_json_name(json, "at_ms");
    bus_json_integer(json, why->facts.now_ms);
    bus_json_name(json, "version");
    bus_json_integer(json, why->facts.entry->version);
    write_boolean(json, "entitled", view != NULL);
    write_string(json, "grant", view != NULL ? view->grant->name : "");
    write_string(json, "kept_by", kept != NULL ? kept->grant->name : "");
    write_boolean(json, "holds", holds_it(why));
}

void cli_why_json(const struct cli_why *why, struct bus_buffer *text)
{
    struct bus_json json;
    struct bus_buffer detail;
    size_t count;
    const struct bus_view *const *views = views_of(why, &count);
    bus_buffer_init(&detail, DETAIL_LIMIT);
    bus_json_init(&json, text);
    bus_json_object(&json);
    write_facts(&json, why);
    bus_json_name(&json, "grants");
    bus_json_array(&json);
    for (size_t i = 0; i < count; i++)
        write_grant(&json, why, views[i], &detail);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    bus_buffer_release(&detail);
}
