/* Fuzzes the reading of a portfolio: whatever the file holds, good lines are used, bad ones are passed over, and reading it again gives the
 * same subjects. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "bus/portfolio.h"

/* A copy of the small catalogue, whose portfolio each input becomes. */
#define ROOT XINQIAO_SOURCE "/build/fuzz/portfolio_read/root"
#define CATALOGUE ROOT "/tests/scenarios/catalogue"

static struct bus_catalogue *catalogue;
static struct bus_portfolios *portfolios;
static struct bus_subject_keyer *keyer;
static const struct bus_grant *grant;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    bus_log_open("fuzz", BUS_LOG_ERROR);
    if (system("rm -rf '" ROOT "' && mkdir -p '" ROOT "/tests/scenarios' && cp -r '" XINQIAO_SOURCE "/schemas' '" ROOT
               "' && cp -r '" XINQIAO_SOURCE "/tests/scenarios/catalogue' '" CATALOGUE "'") != 0)
        abort();
    keyer = bus_subject_keyer_create(bus_bytes_text("0123456789abcdef0123456789abcdef"));
    if (bus_catalogue_load(CATALOGUE "/catalogue.cfg", &catalogue, NULL) != BUS_OK ||
        bus_portfolios_load(catalogue, keyer, &portfolios, NULL) != BUS_OK)
        abort();
    grant = &bus_catalogue_find_subscriber(catalogue, "customers")->grants[0];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t before = bus_portfolios_digest(portfolios, grant);
    FILE *file = fopen(CATALOGUE "/new", "w");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0 ||
        rename(CATALOGUE "/new", CATALOGUE "/receivers/customers/customers.txt") != 0)
        abort();
    bool changed = bus_portfolios_refresh(portfolios, keyer);
    uint64_t after = bus_portfolios_digest(portfolios, grant);
    if (changed != (before != after) || after == 0 || bus_portfolios_refresh(portfolios, keyer))
        abort();
    return 0;
}
