/* Prints docs/configuration.md from the tables of options that the programs themselves read by. */
#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/settings.h"
#include "adapters/mapping/mapping.h"
#include "adapters/sources/odbc/settings.h"
#include "adapters/sources/push/settings.h"
#include "adapters/sources/replication/settings.h"
#include "bus/catalogue_options.h"
#include "bus/kafka_settings.h"
#include "cli/command.h"
#include "gateway/settings.h"
#include "subscribers/engine/settings.h"
#include "subscribers/serve/settings.h"
#include "subscribers/sinks/https/https.h"
#include "subscribers/sinks/ndjson/ndjson.h"
#include "subscribers/sinks/postgresql/postgresql.h"
#include "subscribers/sinks/province/mapping.h"
#include "subscribers/sinks/province/province.h"

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
        {"mapping: poll", "How a table is asked through ODBC: recipes/odbc.md.", adapters_poll_options},
        {"mapping: excel", "Of `format = \"xlsx\"`: recipes/excel.md.", adapters_mapping_excel_options},
        {"mapping: operation", "", adapters_mapping_operation_options},
        {"mapping: subject", "", adapters_mapping_subject_options},
        {"mapping: refuse", "", adapters_mapping_refuse_options},
        {"mapping: target", "The record that a right is about.", adapters_mapping_target_options},
        {"mapping: field", "", adapters_mapping_field_options},
        {"xinqiao-adapter: replication", "A PostgreSQL database that is followed; recipes/postgresql.md.",
         adapters_replication_options},
        {"xinqiao-adapter: odbc", "Any database; recipes/odbc.md.", adapters_odbc_options},
        {"xinqiao-adapter: push", "HTTPS; recipes/push.md.", adapters_push_options},
        {"push: clients", "", adapters_push_client_options},
        {"xinqiao-gateway", "One parent a machine, with its workers and keyholder.", gateway_options},
        {"xinqiao-agent", "One process a subscriber.", subscribers_options},
        {"sink postgresql", "", subscribers_postgresql.options},
        {"sink ndjson", "", subscribers_ndjson.options},
        {"sink https", "recipes/https-receiver.md", subscribers_https.options},
        {"sink province", "province.md", subscribers_province.options},
        {"A mapping for the province", "`subscribers/receivers/province/mapping.cfg`; province.md explains it.",
         province_mapping_options},
        {"province: layouts", "", province_layout_options},
        {"province: layouts: fields", "", province_field_options},
        {"province: tables", "", province_table_options},
        {"province: tables: codes", "", province_code_options},
        {"province: origin", "", province_origin_options},
        {"xinqiao-agent: serve", "`xinqiao-agent --serve`, for sink = \"postgresql\"; recipes/check.md.",
         serve_options},
        {"xinqiao", "The operator's command; `--config FILE` or the environment variable XQ_CONFIG.", cli_options},
        {"kafka", "The group `kafka` of every file above.", bus_kafka_options},
        {"kafka: properties", "", bus_kafka_property_options},
        {"The catalogue", "`schemas/catalogue.cfg`; policy.md and rights.md explain what its rules do.",
         bus_catalogue_options},
        {"catalogue: departments", "", bus_catalogue_department_options},
        {"catalogue: items", "", bus_catalogue_item_options},
        {"catalogue: items: terms", "Of each kind the first that fits a record counts.", bus_catalogue_term_options},
        {"catalogue: rights", "", bus_catalogue_right_options},
        {"A subscriber", "`subscribers/receivers/<subscriber>/grants.cfg`", bus_catalogue_subscriber_options},
        {"subscriber: grants", "The first that fits a record counts.", bus_catalogue_grant_options},
        {"A code list", "`schemas/codes/<list>.cfg`", bus_catalogue_code_list_options},
        {"code list: values", "", bus_catalogue_code_options},
        {"The calendar", "`schemas/codes/calendar.cfg`: the State Council's notices.", bus_calendar_options},
        {"calendar: years", "", bus_calendar_year_options},
        {"calendar: holidays", "", bus_calendar_holiday_options},
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
