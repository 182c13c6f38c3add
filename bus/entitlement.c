#include "bus/entitlement.h"

#include <assert.h>
#include <xxhash.h>

#include "bus/condition.h"

enum { DIGEST_LIMIT = 4 * 1024 * 1024 };

struct rule_text {
    const char *name, *zh, *en;
};

/* What it means when the rule fails. */
static const struct rule_text texts[BUS_RULE_COUNT] = {
    [BUS_RULE_NOT_WITHDRAWN] = {"NOT_WITHDRAWN", "记录已撤回", "the record has been withdrawn"},
    [BUS_RULE_NOT_REPAIRED] = {"NOT_REPAIRED", "失信信息已修复，停止公示、共享和使用",
                               "the record has been repaired: nobody may hold it"},
    [BUS_RULE_NOT_RESTRICTED] = {"NOT_RESTRICTED", "记录已限制使用", "the record is restricted"},
    [BUS_RULE_RETENTION] = {"RETENTION", "保存期已满", "the record may be kept no longer"},
    [BUS_RULE_PUBLICITY] = {"PUBLICITY", "公示期已满，不再向社会公开", "the record's term of publicity is over"},
    [BUS_RULE_NO_MINOR_IN_PUBLIC] = {"NO_MINOR_IN_PUBLIC", "涉及未成年人，不得向社会公开",
                                     "the record is about a minor and never goes to the public"},
    [BUS_RULE_BEGUN] = {"BEGUN", "授权尚未生效", "the grant has not begun"},
    [BUS_RULE_NOT_ENDED] = {"NOT_ENDED", "授权已到期", "the grant has ended"},
    [BUS_RULE_SUBJECT_KIND] = {"SUBJECT_KIND", "授权不包括该类信用主体", "the grant is not for subjects of this kind"},
    [BUS_RULE_AREA] = {"AREA", "记录所属地区不在授权范围内", "the record's area is outside the grant"},
    [BUS_RULE_CONDITIONS] = {"CONDITIONS", "记录不符合授权的条件", "the record does not meet the grant's conditions"},
    [BUS_RULE_PORTFOLIO] = {"PORTFOLIO", "信用主体不在接收方的关注名单中",
                            "the subject is not in the subscriber's portfolio"},
};

const char *bus_entitlement_rule_name(enum bus_entitlement_rule rule)
{
    return texts[rule].name;
}

const char *bus_entitlement_rule_zh(enum bus_entitlement_rule rule)
{
    return texts[rule].zh;
}

const char *bus_entitlement_rule_en(enum bus_entitlement_rule rule)
{
    return texts[rule].en;
}

static bool area_fits(const struct bus_grant *grant, struct bus_bytes area_code)
{
    for (size_t i = 0; i < grant->area_count; i++) {
        size_t length = strlen(grant->areas[i]);
        if (area_code.length >= length && memcmp(area_code.data, grant->areas[i], length) == 0)
            return true;
    }
    return grant->area_count == 0;
}

static bool conditions_hold(const struct bus_view *view, const struct bus_entitlement_facts *facts)
{
    const struct bus_schema *schema = view->version->schema;
    if (view->grant->condition_count > 0 && facts->spans == NULL)
        return false;
    for (size_t i = 0; i < view->grant->condition_count; i++) {
        int index = view->condition_indexes[i];
        const struct bus_field *field = index < 0 ? NULL : bus_schema_field(schema, (size_t)index);
        struct bus_span span = index < 0 ? (struct bus_span){0} : facts->spans[index];
        if (!bus_condition_holds(&view->grant->conditions[i], field, facts->datum, span))
            return false;
    }
    return true;
}

static bool follows(const struct bus_grant *grant, const struct bus_portfolios *portfolios, const uint8_t *subject_key)
{
    return grant->portfolio == NULL || (portfolios != NULL && bus_portfolios_has(portfolios, grant, subject_key));
}

bool bus_entitlement_holds(enum bus_entitlement_rule rule, const struct bus_view *view,
                           const struct bus_portfolios *portfolios, const struct bus_entitlement_facts *facts)
{
    const struct bus_state_entry *entry = facts->entry;
    const struct bus_grant *grant = view->grant;
    bool is_public = grant->subscriber->is_public;
    switch (rule) {
    case BUS_RULE_NOT_WITHDRAWN: return entry->status != BUS_RECORD_WITHDRAWN;
    case BUS_RULE_NOT_REPAIRED: return !bus_state_has_mark(entry, BUS_MARK_REPAIRED);
    case BUS_RULE_NOT_RESTRICTED:
        return !bus_state_has_mark(entry, BUS_MARK_RESTRICTED) &&
               !(is_public && bus_state_has_mark(entry, BUS_MARK_RESTRICTED_PUBLIC));
    case BUS_RULE_RETENTION: return !bus_state_has_mark(entry, BUS_MARK_RETENTION_ENDED);
    case BUS_RULE_PUBLICITY: return !is_public || !bus_state_has_mark(entry, BUS_MARK_PUBLICITY_ENDED);
    case BUS_RULE_NO_MINOR_IN_PUBLIC: return !is_public || !bus_state_has_mark(entry, BUS_MARK_MINOR);
    case BUS_RULE_BEGUN: return facts->now_ms >= grant->from_ms;
    case BUS_RULE_NOT_ENDED: return facts->now_ms < grant->to_ms;
    case BUS_RULE_SUBJECT_KIND:
        return entry->subject_kind == BUS_SUBJECT_PERSON ? grant->persons : grant->organisations;
    case BUS_RULE_AREA: return area_fits(grant, facts->area_code);
    case BUS_RULE_CONDITIONS: return conditions_hold(view, facts);
    case BUS_RULE_PORTFOLIO: return follows(grant, portfolios, facts->subject_key);
    case BUS_RULE_COUNT: break;
    }
    assert(false);
    return false;
}

static enum bus_entitlement_rule judge(const struct bus_view *view, const struct bus_portfolios *portfolios,
                                       const struct bus_entitlement_facts *facts, enum bus_entitlement_rule ignored)
{
    /* To most records nothing has happened: the rules about that need no asking. */
    bool is_plain = facts->entry->status != BUS_RECORD_WITHDRAWN && facts->entry->marks == 0;
    for (enum bus_entitlement_rule rule = is_plain ? BUS_RULE_BEGUN : 0; rule < BUS_RULE_COUNT; rule++)
        if (rule != ignored && !bus_entitlement_holds(rule, view, portfolios, facts))
            return rule;
    return BUS_RULE_COUNT;
}

enum bus_entitlement_rule bus_entitlement_judge(const struct bus_view *view, const struct bus_portfolios *portfolios,
                                                const struct bus_entitlement_facts *facts)
{
    return judge(view, portfolios, facts, BUS_RULE_COUNT);
}

enum bus_entitlement_rule bus_entitlement_judge_period_apart(const struct bus_view *view,
                                                             const struct bus_portfolios *portfolios,
                                                             const struct bus_entitlement_facts *facts)
{
    return judge(view, portfolios, facts, BUS_RULE_NOT_ENDED);
}

static void write_text(struct bus_buffer *words, const char *text)
{
    bus_buffer_append(words, text, strlen(text) + 1);
}

/* Everything about a grant that decides what leaves by it, each part with an end of its own. */
static void write_grant(struct bus_buffer *words, const struct bus_grant *grant,
                        const struct bus_portfolios *portfolios)
{
    write_text(words, grant->name);
    write_text(words, grant->purpose);
    write_text(words, grant->legal_basis);
    bus_buffer_u8(words, (uint8_t)(grant->subscriber->is_public << 2 | grant->organisations << 1 | grant->persons));
    bus_buffer_varint(words, (int64_t)grant->field_count);
    for (size_t i = 0; i < grant->field_count; i++) {
        write_text(words, grant->fields[i]);
        bus_buffer_u8(words, (uint8_t)grant->transforms[i]);
    }
    bus_buffer_varint(words, (int64_t)grant->area_count);
    for (size_t i = 0; i < grant->area_count; i++)
        write_text(words, grant->areas[i]);
    bus_buffer_varint(words, (int64_t)grant->condition_count);
    for (size_t i = 0; i < grant->condition_count; i++)
        write_text(words, grant->conditions[i].text);
    bus_buffer_varint(words, grant->portfolio != NULL && portfolios != NULL
                                 ? (int64_t)bus_portfolios_digest(portfolios, grant)
                                 : grant->portfolio != NULL);
}

/* In force, or ended and still a reason to keep what it gave. */
static bool counts(const struct bus_grant *grant, const struct bus_item *item, int64_t now_ms)
{
    return bus_grant_covers(grant, item) && now_ms >= grant->from_ms && (now_ms < grant->to_ms || grant->keeps_at_end);
}

uint64_t bus_entitlement_digest(const struct bus_catalogue *catalogue, const struct bus_portfolios *portfolios,
                                const struct bus_subscriber *subscriber, const struct bus_item *item, int64_t now_ms)
{
    struct bus_buffer words;
    (void)catalogue;
    bus_buffer_init(&words, DIGEST_LIMIT);
    for (size_t i = 0; i < subscriber->grant_count; i++)
        if (counts(&subscriber->grants[i], item, now_ms)) {
            bus_buffer_u8(&words, now_ms < subscriber->grants[i].to_ms);
            write_grant(&words, &subscriber->grants[i], portfolios);
        }
    uint64_t digest = words.length > 0 ? XXH3_64bits(words.data, words.length) : 0;
    bus_buffer_release(&words);
    return digest;
}

int64_t bus_entitlement_next_change_ms(const struct bus_catalogue *catalogue, int64_t now_ms)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        for (size_t j = 0; j < subscriber->grant_count; j++) {
            const struct bus_grant *grant = &subscriber->grants[j];
            if (grant->from_ms > now_ms && grant->from_ms < next)
                next = grant->from_ms;
            if (grant->to_ms > now_ms && grant->to_ms < next)
                next = grant->to_ms;
        }
    }
    return next;
}
