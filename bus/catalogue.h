/* Catalogue: departments, items with their schemas, code lists and areas, and subscribers with their grants.
 *
 * One libconfig file (schemas/catalogue.cfg) with the folders it names. Loaded whole or not at all; immutable afterwards;
 * everything in it lives until destroy. Indexes are positions in the arrays below. */
#ifndef BUS_CATALOGUE_H
#define BUS_CATALOGUE_H

#include "bus/calendar.h"
#include "bus/event.h"
#include "bus/schema.h"

enum { BUS_CATALOGUE_MAX_SUBSCRIBERS = 64, BUS_CATALOGUE_MAX_VERSIONS = 32, BUS_CATALOGUE_MAX_GRANTS = 1024 };

struct bus_department {
    const char *name, *name_zh, *name_en;
};

/* Rights of the subject, each an item of the department "rights" (docs/rights.md). */
enum bus_rights_kind {
    BUS_RIGHTS_NONE,
    BUS_RIGHTS_DISPUTE,
    BUS_RIGHTS_CORRECTION,
    BUS_RIGHTS_REPAIR,
    BUS_RIGHTS_RESTRICTION,
};

/* Who may raise and decide what, and how long it may take. */
struct bus_rights_rule {
    enum bus_rights_kind kind;
    bool by_own;                                     /* the department whose record it is */
    bool by_exchange;                                /* an officer of the exchange */
    const struct bus_department *const *departments; /* others that may, whatever the record */
    size_t department_count;
    int answer_days; /* within which it must be answered, 0 = no clock */
    bool working_days;
};

/* What falls due for the records of an item, some time after a day that the record names. */
enum bus_term_kind {
    BUS_TERM_PUBLICITY, /* after it no public subscriber may hold the record */
    BUS_TERM_RETENTION, /* after it nobody may */
    BUS_TERM_WATCH,     /* after it, and `grace` working days, the department is reminded; nothing else happens */
};
struct bus_term {
    enum bus_term_kind kind;
    const char *from; /* a date or timestamp field; a record in which it is null does not fit */
    int years, months, days;
    int grace_working_days;
    const char *rule_version; /* only for records with this rule_version; "" = any */
    const char *field;        /* only for records whose text `field` has one of `values` among its codes; "" = all */
    const char *const *values;
    size_t value_count;
};

/* One published version of an item's schema. */
struct bus_item_version {
    int number; /* 1, 2, … */
    struct bus_schema *schema;
    const char *path;
};

struct bus_item {
    const char *name; /* after the department in the topic, such as registration.change */
    const struct bus_department *department;
    int number; /* stable, stored in state */
    const char *name_zh, *name_en, *class_zh;
    /* The catalogue's columns, for its readers: what is recorded, openness (public, shared, authorised), sharing, source, cadence. */
    const char *conduct_zh, *openness, *sharing, *source, *cadence;
    const char *folder;                /* of its schemas, below the catalogue's folder */
    bool is_register;                  /* the item that says which names and organisations exist */
    const char *register_status_field; /* says whether an organisation exists still; "" when there is none */
    const char *const *register_ended; /* its values that mean "no more" */
    size_t register_ended_count;
    enum bus_rights_kind rights;  /* NONE for everything that departments record */
    const struct bus_term *terms; /* of each kind the first that fits a record counts, after its publicity_until */
    size_t term_count;
    const char *const *key_fields;
    size_t key_field_count;
    const struct bus_item_version *versions; /* ascending; the last is current */
    size_t version_count;
};

/* How a granted field leaves. */
enum bus_transform {
    BUS_TRANSFORM_NONE,
    BUS_TRANSFORM_MASK,    /* a name keeps its first character, a document number its first six and last four: string */
    BUS_TRANSFORM_YEAR,    /* of a date or timestamp: int */
    BUS_TRANSFORM_PRESENT, /* whether there is any: boolean */
};

/* A condition on one field of a record, written "FIELD = VALUE|VALUE", "FIELD != …", "FIELD >= NUMBER", "FIELD <= NUMBER", "FIELD
 * present", "FIELD absent". A null or empty value, or a field that the record's version has not, meets only "absent" and "!=". */
enum bus_comparison {
    BUS_COMPARISON_IS,
    BUS_COMPARISON_IS_NOT,
    BUS_COMPARISON_AT_LEAST,
    BUS_COMPARISON_AT_MOST,
    BUS_COMPARISON_PRESENT,
    BUS_COMPARISON_ABSENT,
};
struct bus_condition {
    const char *text; /* as written */
    const char *field;
    enum bus_comparison comparison;
    const char *const *values; /* IS, IS_NOT */
    size_t value_count;
    int64_t number; /* AT_LEAST, AT_MOST: numbers and decimals in millionths, dates in days, timestamps in ms */
};

struct bus_grant {
    const char *name; /* unique in the exchange */
    const struct bus_subscriber *subscriber;
    const char *item;
    const struct bus_department *department; /* NULL = every department that delivers the item */
    const char *const *fields;
    const enum bus_transform *transforms; /* of each field */
    size_t field_count;
    const char *purpose, *legal_basis;
    /* In force while from <= now < to; to = INT64_MAX when open. Written as days in Beijing (UTC+8), the last one included. */
    int64_t from_ms, to_ms;
    bool organisations, persons; /* subject kinds */
    const char *const *areas;    /* prefixes; none = everywhere */
    size_t area_count;
    const struct bus_condition *conditions; /* all must hold */
    size_t condition_count;
    const char *portfolio; /* path of a file of subject identifiers, only about these; NULL = everyone */
    bool keeps_at_end;     /* on_end = "keep": what was given stays with the subscriber when the grant ends */
};

struct bus_subscriber {
    const char *name, *name_zh, *name_en;
    int number; /* 0..63, stable: its bit among a record's holders */
    bool is_public;
    const struct bus_grant *grants;
    size_t grant_count;
};

/* A code list value or an area's lifetime. */
struct bus_code {
    const char *value, *name_zh, *name_en;
};
struct bus_code_list {
    const char *name;
    const char *name_zh, *name_en;
    const struct bus_code *codes; /* in the file's order */
    size_t count;
    const uint16_t *slots; /* hash table of index + 1 for bus_code_list_has */
    size_t slot_mask;
};
struct bus_area {
    const char *code;           /* six digits */
    int32_t from_days, to_days; /* existed from <= day < to */
};

struct bus_catalogue;

/* FATAL with file, line and reason, and the nearest known name for an unknown one: unknown key, department, item, field or code
 * list; missing or bad schema; envelope not first; a field without classification or doc; a right of the subject or a `secret`
 * field granted; a transform or condition that does not fit its field's type, a condition on a `secret` field; to a public subscriber: an
 * item that is not open, a field or a condition on a field that is not public, a personal field of persons that is neither masked nor
 * cut down to whether it is present; a field that leaves in two types by two grants of one subscriber; a number or name used twice. Keys beside the lists: codes (folder of code lists, "codes"), receivers (folder of subscribers,
 * "../subscribers/receivers"), both relative to the file; schemas lie in its own folder. */
BUS_MUST_CHECK enum bus_status bus_catalogue_load(const char *path, struct bus_catalogue **out_catalogue,
                                                  struct bus_error *error);
void bus_catalogue_destroy(struct bus_catalogue *catalogue);

/* Folder of the catalogue's file. */
const char *bus_catalogue_folder_view(const struct bus_catalogue *catalogue);
const char *bus_catalogue_exchange_view(const struct bus_catalogue *catalogue);
/* Version of the catalogue: 16 hex digits, the beginning of SM3 over every file that was read, in order; the same wherever the
 * same files are loaded. It goes into every delivery and audit record. */
const char *bus_catalogue_version_view(const struct bus_catalogue *catalogue);
/* The rule of a kind of right; never NULL for a kind of which the catalogue has an item. */
const struct bus_rights_rule *bus_catalogue_rights(const struct bus_catalogue *catalogue, enum bus_rights_kind kind);
size_t bus_catalogue_department_count(const struct bus_catalogue *catalogue);
const struct bus_department *bus_catalogue_department(const struct bus_catalogue *catalogue, size_t index);
const struct bus_department *bus_catalogue_find_department(const struct bus_catalogue *catalogue, const char *name);
size_t bus_catalogue_item_count(const struct bus_catalogue *catalogue);
const struct bus_item *bus_catalogue_item(const struct bus_catalogue *catalogue, size_t index);
/* NULL when there is none. */
const struct bus_item *bus_catalogue_find_item(const struct bus_catalogue *catalogue, const char *department,
                                               const char *item);
const struct bus_item *bus_catalogue_item_by_number(const struct bus_catalogue *catalogue, int number);
/* The version of `item` whose schema has this fingerprint, or NULL. */
const struct bus_item_version *bus_item_version_by_fingerprint(const struct bus_item *item, uint64_t fingerprint);
const struct bus_item_version *bus_item_current(const struct bus_item *item);

/* Whether the grant is about the item. */
bool bus_grant_covers(const struct bus_grant *grant, const struct bus_item *item);

size_t bus_catalogue_subscriber_count(const struct bus_catalogue *catalogue);
const struct bus_subscriber *bus_catalogue_subscriber(const struct bus_catalogue *catalogue, size_t index);
const struct bus_subscriber *bus_catalogue_find_subscriber(const struct bus_catalogue *catalogue, const char *name);

size_t bus_catalogue_code_list_count(const struct bus_catalogue *catalogue);
const struct bus_code_list *bus_catalogue_code_list_at(const struct bus_catalogue *catalogue, size_t index);
/* NULL when there is no such list. */
const struct bus_code_list *bus_catalogue_code_list(const struct bus_catalogue *catalogue, const char *name);
bool bus_code_list_has(const struct bus_code_list *list, struct bus_bytes value);
/* Whether the six-digit (or first six of nine- or twelve-digit) area ever existed, GB/T 2260. */
bool bus_catalogue_area_existed(const struct bus_catalogue *catalogue, struct bus_bytes code);
/* Whether it existed on that day (days since 1970-01-01). */
bool bus_catalogue_area_exists_on(const struct bus_catalogue *catalogue, struct bus_bytes code, int32_t day);

/* Days of law, from calendar.cfg among the code lists; lives as long as the catalogue. */
const struct bus_calendar *bus_catalogue_calendar_view(const struct bus_catalogue *catalogue);

/* "<prefix>in.<department>.<item>" and "<prefix>out.<subscriber>"; `out_topic` holds BUS_TOPIC_SIZE bytes. */
enum { BUS_TOPIC_SIZE = 250 };
void bus_topic_in(const char *prefix, const struct bus_item *item, char out_topic[BUS_TOPIC_SIZE]);
void bus_topic_out(const char *prefix, const char *subscriber, char out_topic[BUS_TOPIC_SIZE]);
/* The item of an in topic, or NULL. */
const struct bus_item *bus_topic_item(const struct bus_catalogue *catalogue, const char *prefix, const char *topic);

#endif
