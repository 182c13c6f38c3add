/* Fuzzes the decoders of internal records: quarantine, books, audit, requests, feeds, agents, receipts, and the values of xq.state. What one of them takes, it
 * gives back as it was, or at least again. The first byte chooses the record. */
#include <stdint.h>
#include <stdlib.h>

#include "bus/agent_order.h"
#include "bus/agent_status.h"
#include "bus/audit.h"
#include "bus/feed_order.h"
#include "bus/feed_status.h"
#include "bus/ledger.h"
#include "bus/quarantine.h"
#include "bus/receipt.h"
#include "bus/request.h"
#include "bus/state_entry.h"
#include "bus/state_receipt.h"
#include "bus/state_resync.h"

enum { RECORD_LIMIT = 4 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
    if (!good)
        abort();
}

/* Encoded and decoded again it says the same. */
static void try_quarantine(struct bus_bytes bytes)
{
    struct bus_quarantined first, second;
    struct bus_error error;
    if (bus_quarantine_decode(bytes, &first, &error) != BUS_OK)
        return;
    need(first.severity <= BUS_SEVERITY_DECISION);
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, RECORD_LIMIT);
    need(bus_quarantine_encode(&first, &buffer, &error) == BUS_OK);
    need(bus_quarantine_decode(bus_buffer_view(&buffer), &second, &error) == BUS_OK);
    need(bus_bytes_equal(first.code, second.code) && bus_bytes_equal(first.original, second.original) &&
         bus_bytes_equal(first.original_key, second.original_key) && first.offset == second.offset);
    bus_buffer_release(&buffer);
}

static void try_book(struct bus_bytes bytes)
{
    struct bus_book *book = bus_book_create("gateway/0");
    struct bus_error error;
    struct bus_buffer buffer;
    int64_t at_ms;
    bus_buffer_init(&buffer, RECORD_LIMIT);
    if (bus_book_decode(bytes, book, &at_ms, &error) == BUS_OK) {
        need(bus_book_encode(book, at_ms, &buffer, &error) == BUS_OK);
        need(bus_book_decode(bus_buffer_view(&buffer), book, &at_ms, &error) == BUS_OK);
    }
    bus_buffer_release(&buffer);
    bus_book_destroy(book);
}

static void try_ledger(struct bus_bytes bytes)
{
    struct bus_ledger *ledger = bus_ledger_create("agent/court/0", 3);
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 2 * RECORD_LIMIT);
    if (bus_ledger_decode(bytes, ledger, &error) == BUS_OK) {
        size_t count = bus_ledger_count(ledger);
        need(bus_ledger_encode(ledger, 1, &buffer, &error) == BUS_OK);
        need(bus_ledger_decode(bus_buffer_view(&buffer), ledger, &error) == BUS_OK);
        need(bus_ledger_count(ledger) == count);
    }
    bus_buffer_release(&buffer);
    bus_ledger_destroy(ledger);
}

static void try_audit(struct bus_bytes bytes)
{
    struct bus_audit_reader reader;
    struct bus_disclosure disclosure;
    struct bus_error error;
    if (bus_audit_open(bytes, &reader, &error) != BUS_OK)
        return;
    volatile uint8_t sum = 0;
    while (bus_audit_next(&reader, &disclosure)) {
        need(disclosure.grant < reader.grant_count);
        for (size_t i = 0; i < BUS_IDENTITY_SIZE; i++)
            sum = (uint8_t)(sum + disclosure.record[i] + disclosure.subject_key[i]);
    }
    for (size_t i = 0; i < reader.grant_count; i++) {
        struct bus_audit_grant grant = reader.grants[i];
        struct bus_bytes name;
        enum bus_transform transform;
        while (bus_audit_next_field(&grant, &name, &transform))
            for (size_t j = 0; j < name.length; j++)
                sum = (uint8_t)(sum + name.data[j]);
    }
}

static void try_state(struct bus_bytes bytes)
{
    struct bus_state_entry entry;
    struct bus_state_name name;
    struct bus_merkle log;
    struct bus_bytes event;
    struct bus_error error;
    int64_t number;
    if (bus_state_record_read(bytes, &entry, &event, &error) == BUS_OK) {
        uint8_t again[BUS_STATE_RECORD_SIZE];
        bus_state_record_write(&entry, again);
        need(event.length + BUS_STATE_RECORD_SIZE == bytes.length && memcmp(again, bytes.data, sizeof again) == 0);
    }
    if (bus_state_name_read(bytes, &name, &error) == BUS_OK)
        need(bytes.length == BUS_STATE_NAME_SIZE);
    if (bus_state_log_read(bytes, &log, &error) == BUS_OK) {
        uint8_t again[BUS_STATE_LOG_MAX];
        need(bus_bytes_equal(bytes, bus_bytes_of(again, bus_state_log_write(&log, again))));
    }
    if (bus_state_number_read(bytes, &number, &error) == BUS_OK)
        need(bytes.length == BUS_STATE_NUMBER_SIZE);
}

/* The job of a resync, and the digest of grants. */
static void try_resync(struct bus_bytes bytes)
{
    static struct bus_state_resync resync;
    static uint8_t again[BUS_STATE_RESYNC_SIZE];
    struct bus_error error;
    uint64_t digest;
    if (bus_state_resync_read(bytes, &resync, &error) == BUS_OK) {
        struct bus_bytes written = bus_bytes_of(again, bus_state_resync_write(&resync, again));
        struct bus_state_resync second;
        need(written.length == bytes.length && bus_state_resync_read(written, &second, &error) == BUS_OK);
        need(second.phase == resync.phase && second.next == resync.next && second.end == resync.end &&
             second.item_count == resync.item_count);
        for (size_t i = 0; i < resync.item_count; i++)
            need(second.items[i].item == resync.items[i].item && second.items[i].digest == resync.items[i].digest);
    }
    if (bus_state_grants_read(bytes, &digest, &error) == BUS_OK) {
        bus_state_grants_write(digest, again);
        need(bus_bytes_equal(bytes, bus_bytes_of(again, BUS_STATE_GRANTS_SIZE)));
    }
}

static void try_request(struct bus_bytes bytes)
{
    struct bus_request first, second;
    struct bus_error error;
    if (bus_request_decode(bytes, &first, &error) != BUS_OK) {
        need(error.code[0] != '\0');
        return;
    }
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, RECORD_LIMIT);
    need(bus_request_encode(&first, &buffer, &error) == BUS_OK && buffer.length <= bytes.length);
    need(bus_request_decode(bus_buffer_view(&buffer), &second, &error) == BUS_OK);
    need(bus_bytes_equal(first.subscriber, second.subscriber) && bus_bytes_equal(first.item, second.item) &&
         bus_bytes_equal(first.officer, second.officer) && bus_bytes_equal(first.reason, second.reason) &&
         first.at_ms == second.at_ms);
    bus_buffer_release(&buffer);
}

static void try_order(struct bus_bytes bytes)
{
    struct bus_feed_order order;
    struct bus_error error;
    struct bus_buffer buffer;
    if (bus_feed_order_decode(bytes, &order, &error) != BUS_OK)
        return;
    bus_buffer_init(&buffer, RECORD_LIMIT);
    need(bus_feed_order_encode(&order, &buffer, &error) == BUS_OK && buffer.length <= bytes.length);
    need(bus_feed_order_decode(bus_buffer_view(&buffer), &order, &error) == BUS_OK);
    bus_buffer_release(&buffer);
}

/* Written once, a status stays what it is; texts that were no UTF-8 lose what is behind. */
static void try_feed(struct bus_bytes bytes)
{
    static struct bus_feed_status status;
    struct bus_error error;
    struct bus_buffer buffer, again;
    if (bus_feed_status_decode(bytes, &status, &error) != BUS_OK)
        return;
    bus_buffer_init(&buffer, RECORD_LIMIT);
    bus_buffer_init(&again, RECORD_LIMIT);
    need(bus_feed_status_encode(&status, &buffer, &error) == BUS_OK);
    need(bus_feed_status_decode(bus_buffer_view(&buffer), &status, &error) == BUS_OK);
    need(bus_feed_status_encode(&status, &again, &error) == BUS_OK);
    need(bus_bytes_equal(bus_buffer_view(&buffer), bus_buffer_view(&again)));
    bus_buffer_release(&buffer);
    bus_buffer_release(&again);
}

static void try_agent_order(struct bus_bytes bytes)
{
    struct bus_agent_order order;
    struct bus_error error;
    struct bus_buffer buffer;
    if (bus_agent_order_decode(bytes, &order, &error) != BUS_OK)
        return;
    bus_buffer_init(&buffer, RECORD_LIMIT);
    need(bus_agent_order_encode(&order, &buffer, &error) == BUS_OK && buffer.length <= bytes.length);
    need(bus_agent_order_decode(bus_buffer_view(&buffer), &order, &error) == BUS_OK);
    bus_buffer_release(&buffer);
}

/* As of a feed. */
static void try_agent(struct bus_bytes bytes)
{
    struct bus_agent_status first, second;
    struct bus_error error;
    struct bus_buffer buffer, again;
    if (bus_agent_status_decode(bytes, &first, &error) != BUS_OK)
        return;
    bus_buffer_init(&buffer, RECORD_LIMIT);
    bus_buffer_init(&again, RECORD_LIMIT);
    need(bus_agent_status_encode(&first, &buffer, &error) == BUS_OK);
    need(bus_agent_status_decode(bus_buffer_view(&buffer), &second, &error) == BUS_OK);
    need(bus_agent_status_encode(&second, &again, &error) == BUS_OK);
    need(bus_bytes_equal(bus_buffer_view(&buffer), bus_buffer_view(&again)));
    bus_buffer_release(&buffer);
    bus_buffer_release(&again);
    bus_agent_status_release(&first);
    bus_agent_status_release(&second);
}

/* Signed anew it says the same, and what is signed has as many lines as it must. */
static void try_receipt(struct bus_bytes bytes)
{
    static struct bus_key *key;
    struct bus_receipt first, second;
    struct bus_error error;
    struct bus_buffer text, again;
    if (bus_receipt_decode(bytes, &first, &error) != BUS_OK)
        return;
    if (key == NULL)
        need(bus_key_generate(BUS_SUITE_ED25519_SHA256, &key, &error) == BUS_OK);
    bus_buffer_init(&text, RECORD_LIMIT);
    bus_buffer_init(&again, RECORD_LIMIT);
    bus_receipt_signed_text(&first, &text);
    need(bus_receipt_encode(&first, key, &again, &error) == BUS_OK);
    need(bus_receipt_decode(bus_buffer_view(&again), &second, &error) == BUS_OK);
    size_t length = text.length, lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text.data[i] == '\n';
    bus_receipt_signed_text(&second, &text);
    need(lines == 15 && text.length == 2 * length && memcmp(text.data, text.data + length, length) == 0);
    bus_buffer_release(&text);
    bus_buffer_release(&again);
}

static void try_state_receipt(struct bus_bytes bytes)
{
    static uint8_t again[BUS_STATE_RECEIPT_SIZE];
    struct bus_state_receipt entry;
    struct bus_error error;
    if (bus_state_receipt_read(bytes, &entry, &error) == BUS_OK)
        need(bus_state_receipt_write(&entry, again) == bytes.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct bus_bytes bytes) = {
        try_quarantine, try_book, try_audit,       try_state, try_ledger,  try_resync,       try_request,
        try_order,      try_feed, try_agent_order, try_agent, try_receipt, try_state_receipt};
    if (size == 0)
        return 0;
    uint8_t *copy = malloc(size); /* of the exact size, so that a step too far shows */
    if (copy == NULL)
        return 0;
    memcpy(copy, data + 1, size - 1);
    tries[data[0] % (sizeof tries / sizeof tries[0])](bus_bytes_of(copy, size - 1));
    free(copy);
    return 0;
}
