/* Fuzzes what a receiver over HTTPS answers: the first byte says which deliveries are refused already. Whatever the answer, it settles a whole front of
 * the batch, or says with a code why it does not; nothing behind what is settled is marked, and words kept are clean text. */
#include <stdlib.h>

#include "bus/utf8.h"
#include "subscribers/sinks/https/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COUNT = 6, FIRST = 7 };

static struct bus_seal seal = {.log = "a/1", .size = FIRST + COUNT};
static struct subscribers_piece piece = {.seal = &seal, .first_leaf = FIRST, .count = COUNT};

static void check_words(const char *words)
{
    struct bus_bytes text = bus_bytes_text(words);
    if (text.length >= SUBSCRIBERS_REASON_SIZE || !bus_utf8_valid(text))
        abort();
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < ' ' || text.data[i] == 0x7f)
            abort();
}

static void check(const struct subscribers_batch *batch, enum bus_status status, const struct bus_error *error,
                  uint8_t skipped)
{
    if ((status == BUS_OK) != (batch->settled == COUNT) || (status != BUS_OK && error->code[0] == '\0') ||
        (status == BUS_RETRY && batch->is_away && batch->settled != 0))
        abort();
    for (size_t i = 0; i < COUNT; i++) {
        const struct subscribers_delivery *delivery = &batch->deliveries[i];
        bool was_refused = (skipped >> i & 1) != 0;
        if (subscribers_delivery_is_refused(delivery) && !was_refused && i >= batch->settled)
            abort();
        if (delivery->words != NULL)
            check_words(delivery->words);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct subscribers_delivery deliveries[COUNT] = {0};
    struct subscribers_batch batch = {.deliveries = deliveries, .count = COUNT, .pieces = &piece};
    struct bus_error error = {0};
    char code[BUS_ERROR_CODE_SIZE];
    if (size == 0)
        return 0;
    for (size_t i = 0; i < COUNT; i++) {
        deliveries[i].leaf = FIRST + i;
        if ((data[0] >> i & 1) != 0)
            subscribers_delivery_refuse(&deliveries[i], "SKIPPED");
    }
    struct bus_bytes body = bus_bytes_of(data + 1, size - 1);
    enum bus_status status = https_answer_read("receiver", body, &batch, &error);
    check(&batch, status, &error, data[0]);
    https_answer_code(body, code);
    for (size_t i = 0; i < COUNT; i++)
        free(deliveries[i].words);
    return 0;
}
