/* Scenario: what the lines of a scenario file have set up so far; the runner is tests/programs/scenario.c. */
#ifndef TEST_SUPPORT_SCENARIO_H
#define TEST_SUPPORT_SCENARIO_H

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/counted.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include "tests/support/sample.h"
#include "tests/support/script.h"

enum { MAX_LINE = 8192, MAX_SEQUENCES = 256, MAX_KEYS = 512 };

/* The last sequence number that an adapter gave in a topic and partition. */
struct sequence {
    char name[512];
    int64_t last;
};

struct scenario {
    const char *path;
    int line;
    char problem[2 * MAX_LINE];
    char folder[TEST_FOLDER_SIZE];
    struct test_world_options options;
    char catalogue_path[512];
    struct bus_catalogue *catalogue; /* as the world's, but it lives through restarts */
    struct bus_views *views;
    struct test_world *world; /* NULL before the first line that needs it */
    struct test_outcome *outcome;
    struct test_counted *counted;
    struct sequence sequences[MAX_SEQUENCES];
    size_t sequence_count;
    char *record_keys[MAX_KEYS]; /* none of them may ever leave */
    size_t record_key_count;
    struct bus_buffer text;
};

/* False, with the sentence as the scenario's problem. */
bool test_scenario_fail(struct scenario *scenario, const char *format, ...) BUS_PRINTF(2, 3);
/* The world, made when it is needed first. */
bool test_scenario_open(struct scenario *scenario);
/* "DEPARTMENT/ITEM", or NULL. */
const struct bus_item *test_scenario_item(struct scenario *scenario, const char *text);

/* The lines `given`, `given-bytes` and `right` (tests/scenarios/README.md). */
bool test_scenario_give(struct scenario *scenario, const struct test_word *words, int count);
bool test_scenario_give_bytes(struct scenario *scenario, const struct test_word *words, int count);
bool test_scenario_give_right(struct scenario *scenario, const struct test_word *words, int count);

#endif
