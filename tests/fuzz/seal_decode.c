/* Fuzzes the seal that a reader takes from a header: what is taken as a seal is encoded to the same bytes, and never verifies with a key
 * that did not sign it. */
#include <stdint.h>
#include <stdlib.h>

#include "bus/seal.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_error error;
    static struct bus_seal seal;
    uint8_t *copy = malloc(size + 1); /* of the exact size but for one, so that a step too far shows soon */
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    if (bus_seal_decode(bus_bytes_of(copy, size), &seal, &error) == BUS_OK) {
        struct bus_buffer buffer;
        bus_buffer_init(&buffer, BUS_SEAL_MAX_SIZE);
        if (seal.suite == BUS_SUITE_ED25519_SHA256)
            memcpy(seal.key_id, bus_key_id_view(key), sizeof seal.key_id); /* past the first check */
        if (bus_seal_verify(&seal, key, &error) == BUS_OK)
            abort();
        if (bus_seal_decode(bus_bytes_of(copy, size), &seal, &error) != BUS_OK ||
            bus_seal_encode(&seal, &buffer, &error) != BUS_OK || buffer.length > size)
            abort(); /* varints may be longer than needed, never shorter */
        bus_buffer_release(&buffer);
    } else if (error.code[0] == '\0') {
        abort();
    }
    free(copy);
    return 0;
}
