#include "gateway/identify.h"

enum {
    PIECE = 64, /* events at a time: what they need stays in the processor's nearest cache */
    VERSION_MAX = 20,
    WORDS_MAX = BUS_RECORD_KEY_MAX + 1 + VERSION_MAX,
};

/* What an event's identity and id are made of: item | 0x00 | record key, and for the id | 0x00 | version behind it. */
struct words {
    uint8_t text[WORDS_MAX]; /* record key | 0x00 | version */
};

/* In decimal digits; of a negative one, which validate refuses, anything. */
static size_t write_version(int64_t version, uint8_t *out_text)
{
    uint8_t digits[VERSION_MAX];
    size_t at = sizeof digits;
    uint64_t rest = (uint64_t)version;
    do {
        digits[--at] = (uint8_t)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    memcpy(out_text, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

static size_t write_words(const struct bus_event *event, struct words *out_words)
{
    size_t length = event->record_key.length <= BUS_RECORD_KEY_MAX ? event->record_key.length : 0;
    if (length > 0)
        memcpy(out_words->text, event->record_key.data, length);
    out_words->text[length] = 0;
    return length + 1 + write_version(event->version, out_words->text + length + 1);
}

/* The id of event i is digest 2i, its record's identity digest 2i + 1. */
static void identify_records(struct gateway_exchange *const *exchanges, size_t count)
{
    struct words words[PIECE];
    struct bus_bytes heads[2 * PIECE], bodies[2 * PIECE];
    uint8_t digests[2 * PIECE][BUS_DIGEST_SIZE];
    for (size_t i = 0; i < count; i++) {
        const char *item = exchanges[i]->item->name;
        heads[2 * i] = heads[2 * i + 1] = bus_bytes_of(item, strlen(item) + 1);
        bodies[2 * i] = bus_bytes_of(words[i].text, write_words(&exchanges[i]->event, &words[i]));
        bodies[2 * i + 1] = exchanges[i]->event.record_key;
    }
    bus_digest_many_headed(BUS_HASH_SM3, heads, bodies, 2 * count, digests);
    for (size_t i = 0; i < count; i++) {
        memcpy(exchanges[i]->event_id, digests[2 * i], BUS_IDENTITY_SIZE);
        memcpy(exchanges[i]->record, digests[2 * i + 1], BUS_IDENTITY_SIZE);
    }
}

static void identify_subjects(const struct bus_subject_keyer *keyer, struct gateway_exchange *const *exchanges,
                              size_t count)
{
    struct gateway_exchange *good[PIECE];
    struct bus_subject subjects[PIECE];
    uint8_t keys[PIECE][BUS_SUBJECT_KEY_SIZE];
    size_t good_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct bus_event *event = &exchanges[i]->event;
        struct bus_subject *subject = &exchanges[i]->subject;
        *subject = (struct bus_subject){.kind = event->subject_kind};
        if (bus_subject_identifier(event->subject_kind, event->subject_id, subject->identifier, NULL) != BUS_OK) {
            subject->identifier[0] = '\0'; /* validate asks again, and tells why */
            continue;
        }
        subjects[good_count] = *subject;
        good[good_count++] = exchanges[i];
    }
    bus_subject_keys(keyer, subjects, good_count, keys);
    for (size_t i = 0; i < good_count; i++)
        memcpy(good[i]->subject_key, keys[i], BUS_SUBJECT_KEY_SIZE);
}

void gateway_identify(const struct bus_subject_keyer *keyer, struct gateway_exchange *const *exchanges, size_t count)
{
    for (size_t done = 0, piece; done < count; done += piece) {
        piece = count - done < PIECE ? count - done : PIECE;
        identify_records(exchanges + done, piece);
        identify_subjects(keyer, exchanges + done, piece);
    }
}
