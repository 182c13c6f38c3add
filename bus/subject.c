#include "bus/subject.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bus/file.h"
#include "bus/identifier.h"

enum { BODY_LENGTH = 9, MAX_FILE_SIZE = 2 * BUS_PEPPER_MAX_SIZE + 2 };

struct bus_subject_keyer {
    struct bus_hmac_sm3 hmac;
};

struct bus_subject_keyer *bus_subject_keyer_create(struct bus_bytes pepper)
{
    struct bus_subject_keyer *keyer = calloc(1, sizeof *keyer);
    if (keyer != NULL)
        bus_hmac_sm3_init(&keyer->hmac, pepper);
    return keyer;
}

void bus_subject_keyer_destroy(struct bus_subject_keyer *keyer)
{
    if (keyer == NULL)
        return;
    bus_hmac_sm3_release(&keyer->hmac);
    free(keyer);
}

/* The pepper is written in hex, so that people can copy it. */
static enum bus_status decode_pepper(const char *path, struct bus_buffer *file, struct bus_subject_keyer **out_keyer,
                                     struct bus_error *error)
{
    uint8_t pepper[BUS_PEPPER_MAX_SIZE];
    size_t length = file->length;
    while (length > 0 && (file->data[length - 1] == '\n' || file->data[length - 1] == '\r'))
        length--;
    bus_buffer_u8(file, 0);
    if (file->failed)
        return bus_fail(error, BUS_FATAL, "%s: cannot read the pepper: out of memory", path);
    file->data[length] = 0;
    size_t size = length / 2;
    if (size < BUS_PEPPER_MIN_SIZE || size > sizeof pepper || !bus_unhex((const char *)file->data, pepper, size))
        return bus_fail(error, BUS_FATAL, "%s: the pepper must be %d to %d bytes in hex digits and nothing else", path,
                        BUS_PEPPER_MIN_SIZE, BUS_PEPPER_MAX_SIZE);
    *out_keyer = bus_subject_keyer_create(bus_bytes_of(pepper, size));
    bus_wipe(pepper, sizeof pepper);
    return *out_keyer != NULL ? BUS_OK : bus_fail(error, BUS_FATAL, "%s: cannot read the pepper: out of memory", path);
}

enum bus_status bus_subject_keyer_load(const char *pepper_path, struct bus_subject_keyer **out_keyer, struct bus_error *error)
{
    struct stat status;
    if (stat(pepper_path, &status) != 0)
        return bus_fail(error, BUS_FATAL, "%s: cannot read the pepper: %s", pepper_path, strerror(errno));
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return bus_fail(error, BUS_FATAL, "%s: the pepper is open to others (mode %03o); chmod 600 it", pepper_path,
                        (unsigned)status.st_mode & 0777u);
    struct bus_buffer file;
    bus_buffer_init(&file, MAX_FILE_SIZE);
    enum bus_status result = bus_file_read(pepper_path, &file, error);
    if (result == BUS_OK)
        result = decode_pepper(pepper_path, &file, out_keyer, error);
    if (file.data != NULL)
        bus_wipe(file.data, file.capacity);
    bus_buffer_release(&file);
    return result;
}

/* Whether the text is an organisation code, written with or without its hyphen; the nine characters go to `out_identifier`. */
static bool take_body(struct bus_bytes text, char out_identifier[19])
{
    if (bus_identifier_organisation_code(text, NULL) != BUS_OK)
        return false;
    memcpy(out_identifier, text.data, BODY_LENGTH - 1);
    out_identifier[BODY_LENGTH - 1] = (char)text.data[text.length - 1];
    out_identifier[BODY_LENGTH] = '\0';
    return true;
}

static bool is_alphanumeric(struct bus_bytes text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.data[i];
        if (!((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z')))
            return false;
    }
    return true;
}

static bool identify_organisation(struct bus_bytes text, char out_identifier[19])
{
    if (text.length == BODY_LENGTH || text.length == BODY_LENGTH + 1)
        return take_body(text, out_identifier);
    if (!is_alphanumeric(text))
        return false;
    /* A good USCC counts even when its body code's own check fails: such codes are in use. */
    if (text.length == 18 && bus_identifier_uscc(text, NULL, NULL) == BUS_OK) {
        memcpy(out_identifier, text.data + 8, BODY_LENGTH);
        out_identifier[BODY_LENGTH] = '\0';
        return true;
    }
    /* Old tax numbers end in the organisation code. */
    if (text.length != 15 && text.length != 17 && text.length != 18 && text.length != 20)
        return false;
    return take_body(bus_bytes_of(text.data + text.length - BODY_LENGTH, BODY_LENGTH), out_identifier);
}

enum bus_status bus_subject_identifier(enum bus_subject_kind kind, struct bus_bytes subject_id, char out_identifier[19],
                                       struct bus_error *error)
{
    if (kind == BUS_SUBJECT_PERSON) {
        if (bus_identifier_citizen_18(subject_id, out_identifier, NULL) == BUS_OK)
            return BUS_OK;
        return bus_reject(error, "SUBJECT_ID", "信用主体标识不是有效的公民身份号码", "the subject identifier is no good citizen number");
    }
    if (identify_organisation(subject_id, out_identifier))
        return BUS_OK;
    return bus_reject(error, "SUBJECT_ID", "信用主体标识不是有效的统一社会信用代码、组织机构代码或税务登记号",
                      "the subject identifier is no good credit code, organisation code or tax number");
}

void bus_subject_key(const struct bus_subject_keyer *keyer, enum bus_subject_kind kind, const char *identifier,
                     uint8_t out_key[BUS_SUBJECT_KEY_SIZE])
{
    uint8_t digest[BUS_DIGEST_SIZE];
    struct bus_bytes parts[] = {bus_bytes_text(kind == BUS_SUBJECT_PERSON ? "P" : "O"), bus_bytes_text(identifier)};
    bus_hmac_sm3_compute(&keyer->hmac, parts, 2, digest);
    memcpy(out_key, digest, BUS_SUBJECT_KEY_SIZE);
}

int32_t bus_subject_partition(const uint8_t key[BUS_SUBJECT_KEY_SIZE], int32_t partitions)
{
    return (int32_t)(bus_get_u64be(key) % (uint64_t)partitions);
}
