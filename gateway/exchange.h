/* Exchange: one event on its way through the gateway; the data-flow diagram of its stages.
 *
 * Fields are grouped by the stage that writes them; a stage reads only what earlier stages wrote. Every stage is
 *     enum bus_status gateway_<stage>(void *self, struct gateway_exchange *exchange, struct bus_error *error)
 * OK: go on to the next stage. REJECT: the event goes to quarantine with the error's code and sentences. RETRY: the transaction is
 * aborted and done again. FATAL: the worker stops. Stages never call each other; gateway/pipeline.c calls them in order.
 * All memory behind the views lives until the end of the batch. */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "bus/arena.h"
#include "bus/rights.h"
#include "bus/state_entry.h"
#include "bus/subject.h"
#include "bus/view.h"

enum { GATEWAY_MAX_NOTICES = 4 };

/* Why an exchange is in the batch. Only an EVENT came from an in topic; the others are made by the gateway, stand where their
 * effect belongs in the order of deliveries, and skip the stages that do not concern them. */
enum gateway_cause {
    GATEWAY_CAUSE_EVENT,
    GATEWAY_CAUSE_RIGHTS, /* what the rights event before it does to the record that it is about */
    GATEWAY_CAUSE_EXPIRY, /* something has fallen due for the record (gateway/expiry.c) */
    GATEWAY_CAUSE_RESYNC, /* the record as xq.state holds it, for one subscriber (gateway/resync.c) */
    GATEWAY_CAUSE_MARKER, /* begin or end of a resync of one item for one subscriber; about no record */
};

enum gateway_verdict {
    GATEWAY_ACCEPTED,
    GATEWAY_DUPLICATE, /* same version, same digest: ends in reconcile, counted */
    GATEWAY_STALE,     /* older than what is known, or than a tombstone: ends in reconcile, counted */
};

/* A word to departments about an event that goes on. */
struct gateway_notice {
    const char *code, *text_zh, *text_en;    /* constants */
    const struct bus_department *department; /* whom it is for */
};

/* A word to the department about events that never came: their sequence numbers, and texts of the batch. */
struct gateway_gap {
    int64_t from, to;
    const char *text_zh, *text_en;
};

/* One event in one view for one subscriber. */
struct gateway_delivery {
    const struct bus_view *view; /* authorise */
    struct bus_delivery content; /* authorise */
    struct bus_bytes value;      /* project: the framed delivery */
    uint64_t leaf;               /* seal: its index in the log of (subscriber, partition) */
};

/* Why an event went no further; strings live until the end of the batch. */
struct gateway_refusal {
    const char *stage, *code, *reason_zh, *reason_en;
};

struct bus_slot;       /* bus/overlay.h */
struct gateway_source; /* gateway/batch.h: the topic and partition it came from */

struct gateway_exchange {
    enum gateway_cause cause;

    /* The record as it came, from the worker; of a RESYNC the event that xq.state holds. */
    struct gateway_source *source;
    const char *topic;
    int32_t partition;
    int64_t offset;
    struct bus_bytes key, value;
    struct bus_bytes adapter; /* header xq-adapter, length 0 when missing */
    bool replay;              /* header xq-replay */
    int64_t now_ms;           /* the batch's clock */
    struct bus_arena *arena;  /* of the batch */

    /* 1 decode */
    const struct bus_item *item;
    const struct bus_item_version *version;
    const struct bus_span *spans;
    struct bus_event event;
    bool decoded; /* the envelope can be trusted to be what the sender sent */

    /* By the pipeline, at any stage: NULL while the event goes on. */
    const struct gateway_refusal *refusal;

    /* Identify; of what is no EVENT, who makes the exchange writes record and subject_key. */
    uint8_t event_id[BUS_IDENTITY_SIZE]; /* that it should have */
    uint8_t record[BUS_IDENTITY_SIZE];   /* record identity */
    struct bus_subject subject;          /* identifier "": its subject id is none */
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];

    /* 2 validate */
    uint32_t flags;                 /* bit = enum bus_flag; reconcile adds to them */
    bool is_minor;                  /* a person under 18 on the batch's day, or at the conduct */
    struct bus_rights rights;       /* of an EVENT of the department "rights" and of its RIGHTS consequence */
    uint8_t life;                   /* of the record that the case is about */
    enum bus_rights_step last_step; /* of its case before it; the same step again has no consequence */

    /* 3 reconcile */
    const struct gateway_gap *gap; /* what is missing before this event, also when it is refused; NULL = nothing */
    enum gateway_verdict verdict;
    struct bus_state_entry entry;             /* as it will stand after this event */
    uint64_t holders_before;                  /* who holds an earlier version */
    bool writes;                              /* the entry has changed and goes into the state */
    bool tells;                               /* RIGHTS, EXPIRY: every holder is to be told */
    enum bus_delivery_reason change;          /* what they are told */
    const struct bus_subscriber *only;        /* RESYNC, MARKER: whom it is for; NULL = everyone */
    enum bus_delivery_operation marker;       /* MARKER: RESYNC_BEGIN or RESYNC_END */
    bool again;                               /* an earlier event of this batch changed the record */
    struct bus_slot *record_slot, *name_slot; /* their places in the state; name only of organisations */
    struct gateway_notice notices[GATEWAY_MAX_NOTICES];
    size_t notice_count;

    /* 4 authorise, 5 project, 6 seal */
    struct gateway_delivery *deliveries;
    size_t delivery_count;
};

#endif
