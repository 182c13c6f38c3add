/* Fuzzes what the provincial platform answers: acknowledgements, a refusal, rows. Whatever it is, it is refused with a reason, or names only
 * what was sent, in words that are text. */
#include <stdlib.h>

#include "bus/utf8.h"
#include "subscribers/sinks/province/answer.h"

enum { ROWS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_gov_id(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return false;
    return strlen(text) < PROVINCE_GOV_ID_SIZE;
}

static void read_acks(struct bus_bytes body, const struct province_row *const *rows)
{
    struct province_ack acks[ROWS];
    struct bus_error error;
    enum bus_status status = province_answer_acks(body, rows, ROWS, acks, &error);
    if (status == BUS_REJECT && (strcmp(error.code, "PROVINCE_ANSWER") != 0 || error.message_zh[0] == '\0'))
        abort();
    for (size_t i = 0; status == BUS_OK && i < ROWS; i++)
        if (acks[i].state == PROVINCE_ABSENT || !is_gov_id(acks[i].gov_id))
            abort();
}

static void read_refusal(struct bus_bytes body, const struct province_row *const *rows)
{
    struct province_refusal refusal;
    struct bus_error error;
    if (province_answer_refusal(body, rows, ROWS, &refusal, &error) != BUS_OK)
        return;
    if (refusal.row > ROWS || !bus_utf8_valid(bus_bytes_text(refusal.words)) ||
        !bus_utf8_valid(bus_bytes_text(refusal.code)))
        abort();
}

static bool take(void *self, const struct province_held *held)
{
    if (++*(size_t *)self > 10000)
        return false;
    if (!is_gov_id(held->gov_id) || (held->gov_id[0] == '\0') != (held->state == PROVINCE_PENDING))
        abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t records[ROWS][BUS_IDENTITY_SIZE] = {{1}, {2}, {3}};
    const struct province_row rows[ROWS] = {{.operation = PROVINCE_ADD, .record = records[0]},
                                            {.operation = PROVINCE_UPDATE, .record = records[1], .gov_id = "G2"},
                                            {.operation = PROVINCE_TAKE_BACK, .record = records[2], .gov_id = "G3"}};
    const struct province_row *const list[ROWS] = {&rows[0], &rows[1], &rows[2]};
    struct bus_bytes body = bus_bytes_of(data, size);
    struct bus_error error;
    bool more;
    size_t seen = 0;
    read_acks(body, list);
    read_refusal(body, list);
    if (province_answer_rows(body, take, &seen, &more, &error) == BUS_REJECT && error.code[0] == '\0')
        abort();
    return 0;
}
