/* Prints docs/configuration.md from the tables of options that the programs themselves read by. */
#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/mapping.h"
#include "adapters/engine/settings.h"
#include "bus/kafka_settings.h"
#include "cli/command.h"
#include "gateway/settings.h"
#include "subscribers/engine/settings.h"
#include "subscribers/sinks/ndjson.h"
#include "subscribers/sinks/postgresql.h"

enum { PAGE_LIMIT = 1024 * 1024 };

int main(void)
{
    const struct {
        const char *heading, *meaning;
        const struct bus_option *options;
    } sections[] = {
        {"xinqiao-adapter", "One process a department.", adapters_options},
        {"A feed's mapping", "`adapters/departments/<department>/<feed>.cfg`; the language is explained in mapping.md.",
         adapters_mapping_options},
        {"mapping: operation", "", adapters_mapping_operation_options},
        {"mapping: subject", "", adapters_mapping_subject_options},
        {"mapping: refuse", "", adapters_mapping_refuse_options},
        {"mapping: target", "The record that a right is about.", adapters_mapping_target_options},
        {"mapping: field", "", adapters_mapping_field_options},
        {"xinqiao-gateway", "One parent a machine, with its workers and keyholder.", gateway_options},
        {"xinqiao-agent", "One process a subscriber.", subscribers_options},
        {"sink postgresql", "", subscribers_postgresql.options},
        {"sink ndjson", "", subscribers_ndjson.options},
        {"xinqiao", "The operator's command; `--config FILE` or the environment variable XQ_CONFIG.", cli_options},
        {"kafka", "The group `kafka` of every file above.", bus_kafka_options},
        {"kafka: properties", "", bus_kafka_property_options},
    };
    struct bus_buffer page;
    bus_buffer_init(&page, PAGE_LIMIT);
    bus_buffer_printf(
        &page,
        "# Configuration\n\nGenerated from the programs' own tables of options. Files are libconfig; relative paths are "
        "relative to the file; an unknown key stops the start.\n\n");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        bus_settings_document(&page, sections[i].heading, sections[i].meaning, sections[i].options);
    if (page.failed)
        return EXIT_FAILURE;
    fwrite(page.data, 1, page.length, stdout);
    bus_buffer_release(&page);
    return EXIT_SUCCESS;
}
