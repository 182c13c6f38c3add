/* Province builder: penalties for the subscriber "province", as the gateway would deliver them, and other items of given fields. */
#ifndef TEST_SUPPORT_PROVINCE_BUILDER_H
#define TEST_SUPPORT_PROVINCE_BUILDER_H

#include "subscribers/engine/catalogues.h"
#include "subscribers/engine/delivery.h"
#include "subscribers/sinks/province/mapping.h"
#include "tests/support/event_builder.h"

struct test_province {
    struct subscribers_catalogues *catalogues;
    const struct bus_catalogue *catalogue;
    struct province_mapping *mapping; /* the repository's */
};

/* Aborts when something does not load. */
void test_province_open(struct test_province *province);
void test_province_close(struct test_province *province);

/* A record is named by its item and number; delivered_at is 2026-11-24 in Beijing. */
struct test_report {
    const char *department, *item; /* NULL: market, penalty, with good values in every field */
    enum bus_delivery_operation operation;
    enum bus_delivery_reason reason;
    uint32_t flags;
    int number;
    int64_t version; /* in CF_NR of a penalty */
    uint64_t leaf;
    const struct test_field *fields; /* beside or instead of the good ones, or NULL; ends with a NULL name */
};
/* Its bytes are freed by test_province_free. */
struct subscribers_delivery test_province_delivery(const struct test_province *province,
                                                   const struct test_report *wanted);
void test_province_free(struct subscribers_delivery *list, size_t count);

#endif
