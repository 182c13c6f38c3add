/* The proofs of a subject report's disclosures, one file each, as `xinqiao prove` writes them. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/prove.h"
#include "cli/prove.h"
#include "cli/subject_report.h"

enum { PATH_SIZE = 4096 };

void cli_subject_proof_name(const struct cli_disclosure *disclosure, int32_t partition,
                            char out_name[CLI_SUBJECT_PROOF_NAME_SIZE])
{
    snprintf(out_name, CLI_SUBJECT_PROOF_NAME_SIZE, "%.120s-%d-%llu.json", disclosure->grant->subscriber,
             (int)partition, (unsigned long long)disclosure->leaf);
}

/* REJECT: the delivery is gone. */
static enum bus_status prove_one(const struct cli_context *context, const struct cli_subject_report *report,
                                 const struct cli_disclosure *disclosure, const char *path, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    struct bus_proof proof;
    bus_topic_out(report->prefix, disclosure->grant->subscriber, topic);
    bus_proof_init(&proof);
    enum bus_status status = bus_prove_leaf(&context->kafka, topic, report->partition, disclosure->leaf, &proof, error);
    if (status == BUS_OK && context->keys_path != NULL)
        status = bus_proof_check(&proof, context->keys_path, error);
    if (status == BUS_OK)
        status = cli_prove_write(&proof, path, error);
    bus_proof_release(&proof);
    return status;
}

static enum bus_status prove_trail(const struct cli_context *context, const struct cli_subject_report *report,
                                   struct cli_trail *trail, const char *folder, size_t *missing,
                                   struct bus_error *error)
{
    char name[CLI_SUBJECT_PROOF_NAME_SIZE], path[PATH_SIZE];
    for (size_t i = 0; i < trail->count; i++) {
        struct cli_disclosure *disclosure = &trail->disclosures[i];
        cli_subject_proof_name(disclosure, report->partition, name);
        if (snprintf(path, sizeof path, "%s/%s", folder, name) >= PATH_SIZE)
            return bus_fail(error, BUS_FATAL, "write proofs: the folder's name is too long");
        enum bus_status status = access(path, F_OK) == 0 ? BUS_OK : prove_one(context, report, disclosure, path, error);
        disclosure->proved = status == BUS_OK;
        *missing += status == BUS_REJECT;
        if (status != BUS_OK && status != BUS_REJECT)
            return status;
    }
    return BUS_OK;
}

enum bus_status cli_subject_prove(const struct cli_context *context, struct cli_subject_report *report,
                                  const char *folder, size_t *out_missing, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    *out_missing = 0;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return bus_fail(error, BUS_FATAL, "make the folder %s: %s", folder, strerror(errno));
    for (size_t i = 0; status == BUS_OK && i < report->record_count; i++)
        status = prove_trail(context, report, report->records[i].trail, folder, out_missing, error);
    return status;
}
