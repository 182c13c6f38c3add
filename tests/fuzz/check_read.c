/* Fuzzes the statement of a check, as a scanner reads it from paper: what is taken as one is written to the same lines, and never verifies with a
 * key that did not sign it. An input that begins with '[' is read as the records of an answer: whatever they hold, the root is found or refused. */
#include <stdint.h>
#include <stdlib.h>

#include "bus/check.h"

static struct bus_key *key;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (bus_key_generate(BUS_SUITE_ED25519_SHA256, &key, NULL) != BUS_OK)
        abort();
    return 0;
}

static void read_statement(struct bus_bytes text)
{
    struct bus_error error = {0};
    struct bus_check check, again;
    struct bus_buffer buffer;
    if (bus_check_read(text, &check, &error) != BUS_OK) {
        if (error.code[0] == '\0')
            abort();
        return;
    }
    bus_buffer_init(&buffer, BUS_CHECK_MAX_SIZE);
    bus_check_write(&check, &buffer);
    if (buffer.failed || bus_check_read(bus_buffer_view(&buffer), &again, &error) != BUS_OK)
        abort();
    bus_buffer_release(&buffer);
    memcpy(check.key_id, bus_key_id_view(key), sizeof check.key_id); /* past the first check */
    if (bus_check_verify(&check, key, &error) == BUS_OK)
        abort();
}

static void read_records(struct bus_bytes text)
{
    struct bus_error error = {0};
    struct bus_json_document *document = NULL;
    bus_digest_bytes root;
    if (bus_json_parse(text, &document, &error) != BUS_OK)
        return;
    if (bus_check_root(bus_json_root(document), root, &error) != BUS_OK && error.code[0] == '\0')
        abort();
    const struct bus_json_value *records = bus_json_root(document);
    for (size_t i = 0; bus_json_type(records) == BUS_JSON_ARRAY && i < bus_json_count(records); i++) {
        struct bus_proof proof;
        bool has_proof;
        bus_proof_init(&proof);
        if (bus_check_proof(bus_json_at(records, i), &proof, &has_proof, &error) == BUS_OK && has_proof &&
            bus_proof_check_path(&proof, &error) == BUS_OK && proof.path_length > BUS_MERKLE_MAX_PATH)
            abort();
        bus_proof_release(&proof);
    }
    bus_json_destroy(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1); /* of the exact size but for one, so that a step too far shows soon */
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    if (size > 0 && copy[0] == '[')
        read_records(bus_bytes_of(copy, size));
    else
        read_statement(bus_bytes_of(copy, size));
    free(copy);
    return 0;
}
