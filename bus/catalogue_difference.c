#include "bus/catalogue_difference.h"

#include <stdarg.h>
#include <stdio.h>

#include "bus/grant_text.h"
#include "bus/rights.h"
#include "bus/transform.h"

enum { TEXT_LIMIT = 1024 * 1024 };

struct difference {
    const struct bus_catalogue *old, *new_one;
    struct bus_buffer *text;
    struct bus_buffer before, after; /* one aspect of both */
    struct bus_error *error;
    size_t changes, refused;
};

/* Tells what a reload may not change; the first is the error. */
static void refuse(struct difference *difference, const char *name, const char *zh, const char *en)
{
    char whole_zh[BUS_ERROR_TEXT_SIZE], whole_en[BUS_ERROR_TEXT_SIZE];
    snprintf(whole_zh, sizeof whole_zh, "%s：%s", name, zh);
    snprintf(whole_en, sizeof whole_en, "%s: %s", name, en);
    bus_buffer_printf(difference->text, "✗ %s：%s / %s\n", name, zh, en);
    if (difference->refused++ == 0)
        (void)bus_reject(difference->error, "CATALOGUE_RELOAD", whole_zh, whole_en);
}

/* The heading of what has changed; once for all its aspects. */
static void begin(struct difference *difference, bool *begun, const char *zh, const char *en, const char *name)
{
    if (!*begun)
        bus_buffer_printf(difference->text, "~ %s %s %s\n", zh, en, name);
    *begun = true;
    difference->changes++;
}

static void aspect(struct difference *difference, const char *zh, const char *en, const char *before, const char *after)
{
    bus_buffer_printf(difference->text, "    %s %s: %s → %s\n", zh, en, before, after);
}

/* ── grants ── */

static const struct {
    const char *zh, *en;
    void (*write)(const struct bus_grant *grant, struct bus_buffer *text);
} aspects[] = {
    {"期限", "in force", bus_grant_text_period},     {"主体", "subjects", bus_grant_text_subjects},
    {"区域", "areas", bus_grant_text_areas},         {"条件", "where", bus_grant_text_conditions},
    {"名单", "portfolio", bus_grant_text_portfolio}, {"到期处理", "on_end", bus_grant_text_end},
};

static size_t find_field(const struct bus_grant *grant, const char *name)
{
    size_t i = 0;
    while (i < grant->field_count && strcmp(grant->fields[i], name) != 0)
        i++;
    return i;
}

/* The fields of `from` that `other` has not, or has otherwise. */
static bool write_other_fields(const struct bus_grant *from, const struct bus_grant *other, struct bus_buffer *text)
{
    bool any = false;
    bus_buffer_reset(text);
    for (size_t i = 0; i < from->field_count; i++) {
        size_t found = find_field(other, from->fields[i]);
        if (found < other->field_count && other->transforms[found] == from->transforms[i])
            continue;
        bus_buffer_printf(text, any ? ", " : "");
        bus_grant_text_field(from, i, text);
        any = true;
    }
    bus_buffer_u8(text, 0);
    return any;
}

/* The receiver's column has the type that the field had. */
static void compare_types(struct difference *difference, const struct bus_grant *old, const struct bus_grant *new_one)
{
    char name[BUS_TOPIC_SIZE];
    for (size_t i = 0; i < old->field_count; i++) {
        size_t found = find_field(new_one, old->fields[i]);
        if (found == new_one->field_count || bus_transform_same_type(old->transforms[i], new_one->transforms[found]))
            continue;
        snprintf(name, sizeof name, "%s %s", old->name, old->fields[i]);
        refuse(difference, name, "字段的类型不能在运行中更改，接收方的列已是原类型",
               "a field's type cannot change while the gateway runs: the receiver's column has the old one");
    }
}

static void compare_fields(struct difference *difference, bool *begun, const struct bus_grant *old,
                           const struct bus_grant *new_one)
{
    if (write_other_fields(old, new_one, &difference->before)) {
        begin(difference, begun, "授权", "grant", old->name);
        bus_buffer_printf(difference->text, "    减少字段 fields no more: %s\n", (const char *)difference->before.data);
    }
    if (write_other_fields(new_one, old, &difference->after)) {
        begin(difference, begun, "授权", "grant", old->name);
        bus_buffer_printf(difference->text, "    增加字段 fields added: %s\n", (const char *)difference->after.data);
    }
}

static void compare_words(struct difference *difference, bool *begun, const char *name, const char *zh, const char *en,
                          const char *before, const char *after)
{
    if (strcmp(before, after) == 0)
        return;
    begin(difference, begun, "授权", "grant", name);
    aspect(difference, zh, en, before, after);
}

static void compare_grants(struct difference *difference, const struct bus_grant *old, const struct bus_grant *new_one)
{
    bool begun = false;
    const char *from = old->department != NULL ? old->department->name : "";
    const char *to = new_one->department != NULL ? new_one->department->name : "";
    if (strcmp(old->item, new_one->item) != 0 || strcmp(from, to) != 0)
        refuse(difference, old->name, "授权的目录项不能更改，请用 to 结束它并另建授权",
               "a grant's item cannot change; end it with 'to' and make another");
    compare_types(difference, old, new_one);
    compare_fields(difference, &begun, old, new_one);
    for (size_t i = 0; i < sizeof aspects / sizeof aspects[0]; i++) {
        bus_buffer_reset(&difference->before);
        bus_buffer_reset(&difference->after);
        aspects[i].write(old, &difference->before);
        aspects[i].write(new_one, &difference->after);
        bus_buffer_u8(&difference->before, 0);
        bus_buffer_u8(&difference->after, 0);
        compare_words(difference, &begun, old->name, aspects[i].zh, aspects[i].en,
                      (const char *)difference->before.data, (const char *)difference->after.data);
    }
    compare_words(difference, &begun, old->name, "用途", "purpose", old->purpose, new_one->purpose);
    compare_words(difference, &begun, old->name, "法律依据", "legal basis", old->legal_basis, new_one->legal_basis);
}

static void tell_new_grant(struct difference *difference, const struct bus_grant *grant)
{
    struct bus_buffer *text = difference->text;
    bus_buffer_printf(text, "+ 授权 grant %s: ", grant->name);
    bus_grant_text_item(grant, text);
    bus_buffer_printf(text, "\n    字段 fields: ");
    bus_grant_text_fields(grant, text);
    bus_buffer_printf(text, "\n");
    for (size_t i = 0; i < sizeof aspects / sizeof aspects[0]; i++) {
        bus_buffer_printf(text, "    %s %s: ", aspects[i].zh, aspects[i].en);
        aspects[i].write(grant, text);
        bus_buffer_printf(text, "\n");
    }
    bus_buffer_printf(text, "    用途 purpose: %s\n    法律依据 legal basis: %s\n", grant->purpose, grant->legal_basis);
    difference->changes++;
}

/* ── subscribers ── */

static const struct bus_grant *find_grant(const struct bus_subscriber *subscriber, const char *name)
{
    for (size_t i = 0; i < subscriber->grant_count; i++)
        if (strcmp(subscriber->grants[i].name, name) == 0)
            return &subscriber->grants[i];
    return NULL;
}

static void compare_subscribers(struct difference *difference, const struct bus_subscriber *old,
                                const struct bus_subscriber *new_one)
{
    if (old->number != new_one->number)
        refuse(difference, old->name, "订阅方的编号不能更改", "a subscriber's number cannot change");
    if (old->is_public != new_one->is_public) {
        bus_buffer_printf(difference->text, "~ 订阅方 subscriber %s: %s\n", old->name,
                          new_one->is_public ? "改为面向社会公开 now open to everyone"
                                             : "不再面向社会公开 no longer open to everyone");
        difference->changes++;
    }
    for (size_t i = 0; i < old->grant_count; i++) {
        const struct bus_grant *grant = find_grant(new_one, old->grants[i].name);
        if (grant == NULL)
            refuse(difference, old->grants[i].name, "授权不能删除，请用 to 结束它",
                   "a grant cannot vanish; end it with 'to'");
        else
            compare_grants(difference, &old->grants[i], grant);
    }
    for (size_t i = 0; i < new_one->grant_count; i++)
        if (find_grant(old, new_one->grants[i].name) == NULL)
            tell_new_grant(difference, &new_one->grants[i]);
}

static void compare_all_subscribers(struct difference *difference)
{
    for (size_t i = 0; i < bus_catalogue_subscriber_count(difference->old); i++) {
        const struct bus_subscriber *old = bus_catalogue_subscriber(difference->old, i);
        const struct bus_subscriber *found = bus_catalogue_find_subscriber(difference->new_one, old->name);
        if (found == NULL)
            refuse(difference, old->name, "订阅方不能删除，请结束其授权", "a subscriber cannot vanish; end its grants");
        else
            compare_subscribers(difference, old, found);
    }
    for (size_t i = 0; i < bus_catalogue_subscriber_count(difference->new_one); i++) {
        const struct bus_subscriber *added = bus_catalogue_subscriber(difference->new_one, i);
        if (bus_catalogue_find_subscriber(difference->old, added->name) != NULL)
            continue;
        bus_buffer_printf(difference->text, "+ 订阅方 subscriber %s %s %s\n", added->name, added->name_zh,
                          added->name_en);
        difference->changes++;
        for (size_t j = 0; j < added->grant_count; j++)
            tell_new_grant(difference, &added->grants[j]);
    }
}

/* ── items ── */

static bool same_texts(const char *const *left, size_t left_count, const char *const *right, size_t right_count)
{
    bool same = left_count == right_count;
    for (size_t i = 0; same && i < left_count; i++)
        same = strcmp(left[i], right[i]) == 0;
    return same;
}

static bool same_terms(const struct bus_item *old, const struct bus_item *new_one)
{
    bool same = old->term_count == new_one->term_count;
    for (size_t i = 0; same && i < old->term_count; i++) {
        const struct bus_term *a = &old->terms[i], *b = &new_one->terms[i];
        same = a->kind == b->kind && strcmp(a->from, b->from) == 0 && a->years == b->years && a->months == b->months &&
               a->days == b->days && a->grace_working_days == b->grace_working_days &&
               strcmp(a->rule_version, b->rule_version) == 0 && strcmp(a->field, b->field) == 0 &&
               same_texts(a->values, a->value_count, b->values, b->value_count);
    }
    return same;
}

/* What was published stays: events of it lie in the topics. */
static void compare_versions(struct difference *difference, const char *name, const struct bus_item *old,
                             const struct bus_item *new_one)
{
    if (new_one->version_count < old->version_count) {
        refuse(difference, name, "已发布的模式版本不能减少", "a published version cannot vanish");
        return;
    }
    for (size_t i = 0; i < old->version_count; i++)
        if (bus_schema_fingerprint(old->versions[i].schema) != bus_schema_fingerprint(new_one->versions[i].schema))
            refuse(difference, name, "已发布的模式不能更改，请发布新版本",
                   "a published schema cannot change; publish another version");
}

static void compare_items(struct difference *difference, const char *name, const struct bus_item *old,
                          const struct bus_item *new_one)
{
    bool begun = false;
    const struct {
        const char *zh, *en, *before, *after;
    } words[] = {
        {"名称", "name_zh", old->name_zh, new_one->name_zh},
        {"英文名称", "name_en", old->name_en, new_one->name_en},
        {"类别", "class", old->class_zh, new_one->class_zh},
        {"公开属性", "openness", old->openness, new_one->openness},
        {"共享范围", "sharing", old->sharing, new_one->sharing},
        {"归集来源", "source", old->source, new_one->source},
        {"更新频次", "cadence", old->cadence, new_one->cadence},
        {"行为", "conduct", old->conduct_zh, new_one->conduct_zh},
    };
    if (old->number != new_one->number)
        refuse(difference, name, "目录项的编号不能更改", "an item's number cannot change");
    if (!same_texts(old->key_fields, old->key_field_count, new_one->key_fields, new_one->key_field_count))
        refuse(difference, name, "目录项的键不能更改", "an item's key cannot change");
    if (old->rights != new_one->rights)
        refuse(difference, name, "目录项的权益种类不能更改", "an item cannot become another right");
    compare_versions(difference, name, old, new_one);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].before, words[i].after) != 0) {
            begin(difference, &begun, "目录项", "item", name);
            aspect(difference, words[i].zh, words[i].en, words[i].before, words[i].after);
        }
    if (new_one->version_count > old->version_count) {
        begin(difference, &begun, "目录项", "item", name);
        bus_buffer_printf(difference->text, "    模式版本 version: %d → %d\n", bus_item_current(old)->number,
                          bus_item_current(new_one)->number);
    }
    if (!same_terms(old, new_one)) {
        begin(difference, &begun, "目录项", "item", name);
        bus_buffer_printf(
            difference->text,
            "    期限规则已更改，适用于此后到达的记录 terms have changed; they count for records that come from now on\n");
    }
}

static void compare_all_items(struct difference *difference)
{
    char name[BUS_TOPIC_SIZE];
    for (size_t i = 0; i < bus_catalogue_item_count(difference->old); i++) {
        const struct bus_item *old = bus_catalogue_item(difference->old, i);
        const struct bus_item *found = bus_catalogue_find_item(difference->new_one, old->department->name, old->name);
        snprintf(name, sizeof name, "%s.%s", old->department->name, old->name);
        if (found == NULL)
            refuse(difference, name, "目录项不能在运行中删除，请重启网关",
                   "an item cannot vanish while the gateway runs; restart it");
        else
            compare_items(difference, name, old, found);
    }
    for (size_t i = 0; i < bus_catalogue_item_count(difference->new_one); i++) {
        const struct bus_item *added = bus_catalogue_item(difference->new_one, i);
        snprintf(name, sizeof name, "%s.%s", added->department->name, added->name);
        if (bus_catalogue_find_item(difference->old, added->department->name, added->name) == NULL)
            refuse(difference, name, "目录项不能在运行中增加，请重启网关",
                   "an item cannot be added while the gateway runs; restart it");
    }
}

/* ── the rest ── */

static void compare_departments(struct difference *difference)
{
    for (size_t i = 0; i < bus_catalogue_department_count(difference->old); i++) {
        const char *name = bus_catalogue_department(difference->old, i)->name;
        if (bus_catalogue_find_department(difference->new_one, name) == NULL)
            refuse(difference, name, "部门不能在运行中删除，请重启网关",
                   "a department cannot vanish while the gateway runs; restart it");
    }
    for (size_t i = 0; i < bus_catalogue_department_count(difference->new_one); i++) {
        const char *name = bus_catalogue_department(difference->new_one, i)->name;
        if (bus_catalogue_find_department(difference->old, name) == NULL)
            refuse(difference, name, "部门不能在运行中增加，请重启网关",
                   "a department cannot be added while the gateway runs; restart it");
    }
}

static bool same_rule(const struct bus_rights_rule *old, const struct bus_rights_rule *new_one)
{
    if (old == NULL || new_one == NULL)
        return old == new_one;
    bool same = old->by_own == new_one->by_own && old->by_exchange == new_one->by_exchange &&
                old->answer_days == new_one->answer_days && old->working_days == new_one->working_days &&
                old->department_count == new_one->department_count;
    for (size_t i = 0; same && i < old->department_count; i++)
        same = strcmp(old->departments[i]->name, new_one->departments[i]->name) == 0;
    return same;
}

static void compare_rights(struct difference *difference)
{
    for (enum bus_rights_kind kind = BUS_RIGHTS_DISPUTE; kind <= BUS_RIGHTS_RESTRICTION; kind++) {
        if (same_rule(bus_catalogue_rights(difference->old, kind), bus_catalogue_rights(difference->new_one, kind)))
            continue;
        bus_buffer_printf(difference->text, "~ 权益规则已更改 the rule has changed for %s\n",
                          bus_rights_kind_name(kind));
        difference->changes++;
    }
}

static bool has_code(const struct bus_code_list *list, const char *value)
{
    return list != NULL && bus_code_list_has(list, bus_bytes_text(value));
}

/* How many codes of `list` the other has not. */
static size_t count_missing(const struct bus_code_list *list, const struct bus_code_list *other)
{
    size_t count = 0;
    for (size_t i = 0; list != NULL && i < list->count; i++)
        count += !has_code(other, list->codes[i].value);
    return count;
}

static void compare_code_lists(struct difference *difference)
{
    for (size_t i = 0; i < bus_catalogue_code_list_count(difference->new_one); i++) {
        const struct bus_code_list *new_one = bus_catalogue_code_list_at(difference->new_one, i);
        const struct bus_code_list *old = bus_catalogue_code_list(difference->old, new_one->name);
        size_t added = count_missing(new_one, old), gone = count_missing(old, new_one);
        if (added + gone == 0)
            continue;
        difference->changes++;
        bus_buffer_printf(difference->text,
                          "~ 代码表 code list %s: 增加 %zu 项、减少 %zu 项 %zu codes added, %zu gone\n", new_one->name,
                          added, gone, added, gone);
    }
}

enum bus_status bus_catalogue_difference(const struct bus_catalogue *old, const struct bus_catalogue *new_one,
                                         struct bus_buffer *text, struct bus_error *error)
{
    struct difference difference = {.old = old, .new_one = new_one, .text = text, .error = error};
    const char *from = bus_catalogue_version_view(old), *to = bus_catalogue_version_view(new_one);
    bus_buffer_init(&difference.before, TEXT_LIMIT);
    bus_buffer_init(&difference.after, TEXT_LIMIT);
    bus_buffer_printf(text, "目录 catalogue %s → %s\n", from, to);
    if (strcmp(bus_catalogue_exchange_view(old), bus_catalogue_exchange_view(new_one)) != 0)
        refuse(&difference, bus_catalogue_exchange_view(new_one), "交换的名称不能更改",
               "the exchange's name cannot change");
    compare_departments(&difference);
    compare_all_items(&difference);
    compare_all_subscribers(&difference);
    compare_rights(&difference);
    compare_code_lists(&difference);
    if (difference.changes + difference.refused == 0)
        bus_buffer_printf(text, strcmp(from, to) == 0 ? "没有变化 nothing has changed\n"
                                                      : "授权和目录项没有变化 grants and items have not changed\n");
    bus_buffer_release(&difference.before);
    bus_buffer_release(&difference.after);
    return difference.refused > 0 ? BUS_REJECT : BUS_OK;
}
