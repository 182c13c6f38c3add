/* xinqiao prove: writes the proof of one delivery, found by its place in its log or as the last delivery of a record. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/prove.h"
#include "cli/command.h"
#include "cli/life.h"
#include "cli/prove.h"

static const char usage[] = "prove TOPIC PARTITION LEAF [--out FILE]\n"
                            "prove --record IDENTITY --subscriber NAME [--out FILE]";

/* A delivery may hold personal data, so others do not read it. */
enum bus_status cli_write_private(const char *path, const struct bus_buffer *text, struct bus_error *error)
{
    if (text->failed)
        return bus_fail(error, BUS_FATAL, "write %s: out of memory", path);
    int handle = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = handle >= 0 ? fdopen(handle, "w") : NULL;
    if (file == NULL)
        return bus_fail(error, BUS_FATAL, "write %s: %s", path, strerror(errno));
    bool whole = fwrite(text->data, 1, text->length, file) == text->length && fputc('\n', file) != EOF;
    if (fclose(file) == 0 && whole)
        return BUS_OK;
    bus_fail(error, BUS_FATAL, "write %s: %s", path, strerror(errno));
    unlink(path);
    return BUS_FATAL;
}

enum bus_status cli_prove_write(const struct bus_proof *proof, const char *path, struct bus_error *error)
{
    struct bus_buffer text;
    bus_buffer_init(&text, BUS_PROOF_MAX_SIZE);
    bus_proof_write(proof, &text);
    enum bus_status status = cli_write_private(path, &text, error);
    bus_buffer_release(&text);
    return status;
}

static int print_proof(const struct bus_proof *proof, const char *out_path)
{
    struct bus_error error;
    if (out_path != NULL) {
        enum bus_status status = cli_prove_write(proof, out_path, &error);
        return status != BUS_OK ? cli_fail(status, &error)
                                : cli_say(CLI_DONE, "证明已写出；用 xinqiao verify 离线核验",
                                          "proof written; check it offline with xinqiao verify");
    }
    struct bus_buffer text;
    bus_buffer_init(&text, BUS_PROOF_MAX_SIZE);
    bus_proof_write(proof, &text);
    int code = cli_print(&text);
    bus_buffer_release(&text);
    return code;
}

static int prove(struct cli_context *context, const char *topic, int32_t partition, uint64_t leaf, const char *out_path)
{
    const struct bus_kafka *kafka = cli_kafka(context);
    struct bus_proof proof;
    struct bus_error error;

    if (kafka == NULL)
        return CLI_WRONG_USE;
    bus_proof_init(&proof);
    enum bus_status status = bus_prove_leaf(kafka, topic, partition, leaf, &proof, &error);
    if (status == BUS_OK && context->keys_path != NULL)
        status = bus_proof_check(&proof, context->keys_path, &error);
    int code = status == BUS_OK ? print_proof(&proof, out_path) : cli_fail(status, &error);
    bus_proof_release(&proof);
    return code;
}

/* --- which delivery --- */

static bool read_number(const char *text, int64_t most, int64_t *out_number)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *out_number = number;
    return errno == 0 && end != text && *end == '\0' && number >= 0 && number <= most;
}

/* The last delivery of a record to a subscriber. */
static int prove_record(struct cli_context *context, const char *identity, const char *subscriber, const char *out_path)
{
    struct cli_life life = {0};
    const struct cli_life_delivery *last = NULL;
    char topic[BUS_TOPIC_SIZE];
    struct bus_error error;
    int code;

    if (!bus_unhex(identity, life.identity, sizeof life.identity))
        return cli_usage(usage);
    if (cli_kafka(context) == NULL || cli_catalogue(context) == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = cli_life_read(context, &life, &error);
    for (size_t i = 0; status == BUS_OK && i < life.delivery_count; i++)
        if (strcmp(life.deliveries[i].subscriber->name, subscriber) == 0 && life.deliveries[i].leaf >= 0)
            last = &life.deliveries[i];
    bus_topic_out(context->prefix, subscriber, topic);
    if (status != BUS_OK)
        code = cli_fail(status, &error);
    else if (last == NULL)
        code = cli_say(CLI_NO, "该记录没有投递给这个订阅方", "the record was not delivered to this subscriber");
    else
        code = prove(context, topic, life.partition, (uint64_t)last->leaf, out_path);
    cli_life_release(&life);
    return code;
}

int cli_prove(struct cli_context *context, int argc, char **argv)
{
    const char *out_path = NULL, *identity = NULL, *subscriber = NULL;
    const struct cli_option options[] = {{"out", CLI_OPTION_TEXT, &out_path},
                                         {"record", CLI_OPTION_TEXT, &identity},
                                         {"subscriber", CLI_OPTION_TEXT, &subscriber},
                                         {0}};
    int64_t partition, leaf;

    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest == 0 && identity != NULL && subscriber != NULL)
        return prove_record(context, identity, subscriber, out_path);
    if (rest != 3 || identity != NULL || subscriber != NULL || !read_number(argv[2], INT32_MAX, &partition) ||
        !read_number(argv[3], INT64_MAX, &leaf))
        return cli_usage(usage);
    return prove(context, argv[1], (int32_t)partition, (uint64_t)leaf, out_path);
}
