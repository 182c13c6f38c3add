/* Time of one digest of many short messages: SM3 in each width, SM3 and SHA-256 by OpenSSL. Usage: bench_digest [BYTES] */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bus/digest.h"
#include "bus/digest_sm3.h"

enum { MESSAGES = 4096, ROUNDS = 40 };

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double best_us(void (*run)(void *self), void *self)
{
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_us();
        run(self);
        double took = (now_us() - start) / MESSAGES;
        best = took < best ? took : best;
    }
    return best;
}

struct work {
    size_t lanes;
    enum bus_hash hash;
    const EVP_MD *algorithm;
    const struct bus_bytes *messages;
    uint8_t (*digests)[BUS_DIGEST_SIZE];
};

static void run_lanes(void *self)
{
    const struct work *work = self;
    bus_digest_sm3_many(work->lanes, NULL, work->messages, MESSAGES, work->digests);
}

static void run_many(void *self)
{
    const struct work *work = self;
    bus_digest_many(work->hash, work->messages, MESSAGES, work->digests);
}

static void run_single(void *self)
{
    const struct work *work = self;
    for (size_t i = 0; i < MESSAGES; i++)
        bus_digest(work->hash, work->messages[i], work->digests[i]);
}

static void run_openssl(void *self)
{
    const struct work *work = self;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex2(context, work->algorithm, NULL);
    for (size_t i = 0; i < MESSAGES; i++) {
        EVP_DigestInit_ex2(context, NULL, NULL);
        EVP_DigestUpdate(context, work->messages[i].data, work->messages[i].length);
        EVP_DigestFinal_ex(context, work->digests[i], NULL);
    }
    EVP_MD_CTX_free(context);
}

static void report(const char *name, double us, double unit)
{
    printf("%-28s %8.3f us  %6.2f of SHA-256\n", name, us, us / unit);
}

int main(int argc, char **argv)
{
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 355;
    uint8_t *bytes = malloc(size * MESSAGES + 1);
    struct bus_bytes *messages = calloc(MESSAGES, sizeof *messages);
    struct work work = {.messages = messages, .digests = calloc(MESSAGES, sizeof *work.digests)};

    if (bytes == NULL || messages == NULL || work.digests == NULL)
        return 1;
    bus_random(bytes, size * MESSAGES);
    for (size_t i = 0; i < MESSAGES; i++)
        messages[i] = bus_bytes_of(bytes + i * size, size);
    EVP_MD *sm3 = EVP_MD_fetch(NULL, "SM3", NULL), *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);

    printf("%d messages of %zu bytes\n", MESSAGES, size);
    work.algorithm = sha256;
    double unit = best_us(run_openssl, &work);
    report("SHA-256 OpenSSL", unit, unit);
    work.algorithm = sm3;
    report("SM3 OpenSSL", best_us(run_openssl, &work), unit);
    work.hash = BUS_HASH_SHA256;
    report("SHA-256 bus_digest_many", best_us(run_many, &work), unit);
    work.hash = BUS_HASH_SM3;
    report("SM3 bus_digest", best_us(run_single, &work), unit);
    report("SM3 bus_digest_many", best_us(run_many, &work), unit);
    for (work.lanes = 1; work.lanes <= BUS_DIGEST_SM3_MAX_LANES; work.lanes *= 2) {
        if (!bus_digest_sm3_has_lanes(work.lanes))
            continue;
        char name[32];
        snprintf(name, sizeof name, "SM3 in %zu lanes", work.lanes);
        report(name, best_us(run_lanes, &work), unit);
    }
    EVP_MD_free(sm3);
    EVP_MD_free(sha256);
    free(work.digests);
    free(messages);
    free(bytes);
    return 0;
}
