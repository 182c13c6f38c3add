#include "subscribers/engine/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/catalogue.h"
#include "bus/clock.h"
#include "bus/producer.h"

enum { TELL_EVERY_MS = 500, BOOK_MAX_SIZE = 1024 * 1024 };

struct slot {
    int64_t next;
    struct bus_ledger *ledger;
    int32_t from_day; /* of the books that are new */
    bool is_new;
};

struct subscribers_report {
    struct bus_producer *producer;
    char books_topic[BUS_TOPIC_SIZE];
    const char *topic;
    int32_t partitions;
    struct slot *slots;
    struct bus_offset *offsets; /* scratch, one a partition */
    struct bus_buffer book;     /* the book at hand */
    int64_t told_at_ms;
};

enum bus_status subscribers_report_open(const struct bus_kafka *kafka, const char *prefix, const char *topic,
                                        int32_t partitions, struct subscribers_report **out_report,
                                        struct bus_error *error)
{
    struct subscribers_report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    snprintf(report->books_topic, sizeof report->books_topic, "%sbooks", prefix);
    report->topic = topic;
    report->partitions = partitions;
    report->slots = calloc((size_t)partitions, sizeof *report->slots);
    report->offsets = calloc((size_t)partitions, sizeof *report->offsets);
    enum bus_status status = BUS_OK;
    if (report->slots == NULL || report->offsets == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    for (int32_t i = 0; status == BUS_OK && i < partitions; i++)
        report->slots[i].from_day = INT32_MAX;
    bus_buffer_init(&report->book, BOOK_MAX_SIZE);
    struct bus_producer_options options = {0};
    if (status == BUS_OK)
        status = bus_producer_open(kafka, &options, &report->producer, error);
    if (status == BUS_OK)
        *out_report = report;
    else
        subscribers_report_close(report);
    return status;
}

void subscribers_report_close(struct subscribers_report *report)
{
    if (report == NULL)
        return;
    if (report->producer != NULL)
        bus_producer_close(report->producer);
    bus_buffer_release(&report->book);
    free(report->slots);
    free(report->offsets);
    free(report);
}

void subscribers_report_set(struct subscribers_report *report, int32_t partition, int64_t next,
                            struct bus_ledger *ledger, int32_t from_day)
{
    struct slot *slot = &report->slots[partition];
    slot->next = next;
    slot->ledger = ledger;
    slot->from_day = from_day < slot->from_day ? from_day : slot->from_day;
    slot->is_new = next >= 0;
}

static enum bus_status tell_book(struct subscribers_report *report, int32_t partition, const struct bus_book *book,
                                 struct bus_error *error)
{
    struct bus_clock clock = bus_clock_real();
    bus_buffer_reset(&report->book);
    enum bus_status status = bus_book_encode(book, bus_clock_now_ms(&clock), &report->book, error);
    if (status != BUS_OK)
        return status;
    struct bus_record record = {
        .topic = report->books_topic,
        .partition = partition, /* the same for a book always, so that compaction finds it */
        .key = bus_bytes_text(bus_book_name_view(book)),
        .value = bus_buffer_view(&report->book),
    };
    return bus_producer_produce(report->producer, &record, error);
}

static enum bus_status tell_books(struct subscribers_report *report, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (int32_t i = 0; i < report->partitions; i++) {
        const struct slot *slot = &report->slots[i];
        for (size_t j = 0; status == BUS_OK && slot->is_new && j < bus_ledger_count(slot->ledger); j++)
            if (bus_ledger_day_at(slot->ledger, j) >= slot->from_day)
                status = tell_book(report, i, bus_ledger_book_at(slot->ledger, j), error);
    }
    return status == BUS_OK ? bus_producer_flush(report->producer, error) : status;
}

static enum bus_status commit_offsets(struct subscribers_report *report, struct bus_consumer *consumer,
                                      struct bus_error *error)
{
    size_t count = 0;
    for (int32_t i = 0; i < report->partitions; i++)
        if (report->slots[i].is_new)
            report->offsets[count++] = (struct bus_offset){report->topic, i, report->slots[i].next};
    return count == 0 ? BUS_OK : bus_consumer_commit(consumer, report->offsets, count, error);
}

enum bus_status subscribers_report_tell(struct subscribers_report *report, struct bus_consumer *consumer, bool now,
                                        struct bus_error *error)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    bool any = false;
    for (int32_t i = 0; i < report->partitions; i++)
        any = any || report->slots[i].is_new;
    if (!any || (!now && now_ms - report->told_at_ms < TELL_EVERY_MS))
        return BUS_OK;
    report->told_at_ms = now_ms;
    enum bus_status status = tell_books(report, error);
    if (status == BUS_OK)
        status = commit_offsets(report, consumer, error);
    for (int32_t i = 0; status == BUS_OK && i < report->partitions; i++) {
        struct slot *slot = &report->slots[i];
        if (slot->is_new)
            bus_ledger_forget(slot->ledger);
        slot->is_new = false;
        slot->from_day = INT32_MAX;
    }
    return status;
}
