/* Scenario: runs scenario files (tests/scenarios/README.md) against the real pipeline, state and settle. A line a file, then
 * "N passed, N failed". Each file runs in a process of its own, so that one that crashes is one that failed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/log.h"
#include "tests/support/scenario.h"

enum { DEFAULT_PARTITIONS = 3, MOST_TICKS = 10000 };

#define DEFAULT_TIME "2026-11-24T09:00:00Z"

bool test_scenario_fail(struct scenario *scenario, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scenario->problem, sizeof scenario->problem, format, arguments);
    va_end(arguments);
    return false;
}

/* --- the world --- */

bool test_scenario_open(struct scenario *scenario)
{
    struct bus_error error;
    if (scenario->world != NULL)
        return true;
    scenario->options.catalogue = scenario->catalogue_path;
    scenario->options.state_folder = scenario->folder;
    if (scenario->catalogue == NULL &&
        (bus_catalogue_load(scenario->catalogue_path, &scenario->catalogue, &error) != BUS_OK ||
         bus_views_create(scenario->catalogue, &scenario->views, &error) != BUS_OK))
        return test_scenario_fail(scenario, "%s", error.message);
    if (scenario->outcome == NULL)
        scenario->outcome = test_outcome_create(scenario->views);
    if (scenario->counted == NULL)
        scenario->counted = test_counted_create();
    scenario->world = test_world_create(&scenario->options);
    return true;
}

static void release(struct scenario *scenario)
{
    test_world_destroy(scenario->world);
    test_outcome_destroy(scenario->outcome);
    test_counted_destroy(scenario->counted);
    bus_views_destroy(scenario->views);
    bus_catalogue_destroy(scenario->catalogue);
    bus_buffer_release(&scenario->text);
    for (size_t i = 0; i < scenario->record_key_count; i++)
        free(scenario->record_keys[i]);
    test_folder_remove(scenario->folder);
}

/* --- setting the stage: catalogue, partitions, suite, at, restart, trouble --- */

/* demo: the product's own; test: tests/scenarios/catalogue; NAME: tests/scenarios/catalogue-NAME. */
static void name_catalogue(const char *name, char *path, size_t size)
{
    if (strcmp(name, "demo") == 0)
        snprintf(path, size, "%s/schemas/catalogue.cfg", XINQIAO_SOURCE);
    else if (strcmp(name, "test") == 0)
        snprintf(path, size, "%s/tests/scenarios/catalogue/catalogue.cfg", XINQIAO_SOURCE);
    else
        snprintf(path, size, "%s/tests/scenarios/catalogue-%s/catalogue.cfg", XINQIAO_SOURCE, name);
}

static bool set_catalogue(struct scenario *scenario, const struct test_word *words, int count)
{
    if (count != 2 || scenario->world != NULL)
        return test_scenario_fail(scenario, "catalogue NAME comes once, first");
    name_catalogue(words[1].name, scenario->catalogue_path, sizeof scenario->catalogue_path);
    return true;
}

static bool set_partitions(struct scenario *scenario, const struct test_word *words, int count)
{
    scenario->options.partitions = count == 2 ? atoi(words[1].name) : 0;
    return (scenario->world == NULL && scenario->options.partitions > 0) ||
           test_scenario_fail(scenario, "partitions N comes first");
}

static bool set_suite(struct scenario *scenario, const struct test_word *words, int count)
{
    struct bus_error error = {.message = "suite NAME comes first"};
    bool good = count == 2 && scenario->world == NULL &&
                bus_suite_parse(words[1].name, &scenario->options.suite, &error) == BUS_OK;
    return good || test_scenario_fail(scenario, "%s", error.message);
}

static bool set_time(struct scenario *scenario, const struct test_word *words, int count)
{
    if (count != 2 || !test_script_time(words[1].name, &scenario->options.now_ms))
        return test_scenario_fail(scenario, "at needs a time such as " DEFAULT_TIME);
    if (scenario->world != NULL)
        test_world_set_time(scenario->world, scenario->options.now_ms);
    return true;
}

static bool restart(struct scenario *scenario, const struct test_word *words, int count)
{
    (void)words;
    if (count != 1 || scenario->world == NULL)
        return test_scenario_fail(scenario, "restart stands alone, after something was done");
    test_world_destroy(scenario->world);
    scenario->world = NULL;
    test_outcome_restart(scenario->outcome);
    return test_scenario_open(scenario);
}

static bool make_trouble(struct scenario *scenario, const struct test_word *words, int count)
{
    static const char *const steps[TEST_STEP_COUNT] = {"begin", "produce", "flush", "offsets", "commit", "abort"};
    if (count != 2 || !test_scenario_open(scenario))
        return test_scenario_fail(scenario, "trouble needs a step: begin, produce, flush, offsets, commit, abort");
    for (int i = 0; i < TEST_STEP_COUNT; i++)
        if (strcmp(steps[i], words[1].name) == 0) {
            test_world_fail(scenario->world, (enum test_step)i, BUS_RETRY, 0);
            return true;
        }
    return test_scenario_fail(scenario, "no step is called %s", words[1].name);
}

const struct bus_item *test_scenario_item(struct scenario *scenario, const char *text)
{
    char department[128];
    const char *slash = strchr(text, '/');
    if (slash == NULL || (size_t)(slash - text) >= sizeof department)
        return NULL;
    snprintf(department, sizeof department, "%.*s", (int)(slash - text), text);
    return bus_catalogue_find_item(scenario->catalogue, department, slash + 1);
}

/* --- commit --- */

static int64_t book_count(const struct scenario *scenario, const struct bus_item *item, const char *subscriber,
                          enum bus_measure measure)
{
    return test_counted_sum(scenario->counted, item->department->name, item->name, subscriber, measure);
}

/* Each item: consumed = accepted + duplicate + stale + quarantined; each subscriber: what the books say is in its topic. */
static bool books_balance(struct scenario *scenario)
{
    const struct bus_catalogue *catalogue = scenario->catalogue;
    test_counted_take(scenario->counted, scenario->world);
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        int64_t consumed = book_count(scenario, item, "", BUS_MEASURE_CONSUMED), ended = 0;
        static const enum bus_measure ends[] = {BUS_MEASURE_ACCEPTED, BUS_MEASURE_DUPLICATE, BUS_MEASURE_STALE,
                                                BUS_MEASURE_QUARANTINED};
        for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++)
            ended += book_count(scenario, item, "", ends[j]);
        if (consumed != ended)
            return test_scenario_fail(scenario, "the books of %s do not balance: %lld consumed, %lld ended", item->name,
                                      (long long)consumed, (long long)ended);
    }
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        int64_t booked = 0;
        for (size_t j = 0; j < bus_catalogue_item_count(catalogue); j++)
            booked += book_count(scenario, bus_catalogue_item(catalogue, j), subscriber->name, BUS_MEASURE_DELIVERED);
        if (booked != test_outcome_delivered(scenario->outcome, subscriber))
            return test_scenario_fail(scenario, "the books have %lld deliveries to %s, its topic %lld",
                                      (long long)booked, subscriber->name,
                                      (long long)test_outcome_delivered(scenario->outcome, subscriber));
    }
    return true;
}

static bool no_record_key_left(struct scenario *scenario)
{
    for (size_t i = 0; i < test_outcome_delivery_count(scenario->outcome); i++) {
        struct bus_bytes value = test_outcome_delivery(scenario->outcome, i)->record->value;
        for (size_t j = 0; j < scenario->record_key_count; j++)
            if (memmem(value.data, value.length, scenario->record_keys[j], strlen(scenario->record_keys[j])) != NULL)
                return test_scenario_fail(scenario, "a delivery contains the record key %s", scenario->record_keys[j]);
    }
    return true;
}

/* What the last transaction published and no line has asked for. */
static bool nothing_left_over(struct scenario *scenario)
{
    if (scenario->outcome == NULL)
        return true;
    for (size_t i = 0; i < test_outcome_delivery_count(scenario->outcome); i++) {
        const struct test_delivery *delivery = test_outcome_delivery(scenario->outcome, i);
        bus_buffer_reset(&scenario->text);
        test_delivery_text(delivery, "operation", &scenario->text);
        if (!delivery->seen)
            return test_scenario_fail(scenario, "not expected: %s %.*s (grant %s)", delivery->subscriber->name,
                                      (int)scenario->text.length, (const char *)scenario->text.data,
                                      delivery->view->grant->name);
    }
    for (size_t i = 0; i < test_outcome_refusal_count(scenario->outcome); i++) {
        const struct test_refusal *refusal = test_outcome_refusal(scenario->outcome, i);
        const struct bus_quarantined *content = &refusal->content;
        if (!refusal->seen)
            return test_scenario_fail(scenario, "not expected: quarantine %.*s %.*s: %.*s", (int)content->stage.length,
                                      (const char *)content->stage.data, (int)content->code.length,
                                      (const char *)content->code.data, (int)content->reason_en.length,
                                      (const char *)content->reason_en.data);
    }
    return true;
}

static bool commit(struct scenario *scenario, const struct test_word *words, int count)
{
    struct bus_error error;
    char problem[TEST_OUTCOME_TEXT_SIZE];
    if (!test_scenario_open(scenario) || !nothing_left_over(scenario))
        return false;
    enum bus_status wanted = count == 2 && strcmp(words[1].name, "aborted") == 0 ? BUS_RETRY : BUS_OK;
    enum bus_status status = test_world_settle(scenario->world, &error);
    if (status != wanted)
        return test_scenario_fail(scenario, "the transaction ended with %s%s%s", bus_status_name(status),
                                  status != BUS_OK ? ": " : "", status != BUS_OK ? error.message : "");
    return (test_outcome_take(scenario->outcome, scenario->world, problem) ||
            test_scenario_fail(scenario, "%s", problem)) &&
           books_balance(scenario) && no_record_key_left(scenario);
}

/* tick [LIMIT]: commits again and again, with what has fallen due and the resyncs under way, until nothing is left to do; what that
 * publishes counts as one outcome. */
static bool tick(struct scenario *scenario, const struct test_word *words, int count)
{
    struct bus_error error;
    char problem[TEST_OUTCOME_TEXT_SIZE];
    if (!test_scenario_open(scenario) || !nothing_left_over(scenario))
        return false;
    size_t limit = count == 2 ? strtoul(words[1].name, NULL, 10) : 1000;
    bool more = true;
    for (int i = 0; more && i < MOST_TICKS; i++)
        if (test_world_tick(scenario->world, limit, &more, &error) != BUS_OK)
            return test_scenario_fail(scenario, "a tick failed: %s", error.message);
    return (!more || test_scenario_fail(scenario, "there is always more to do")) &&
           (test_outcome_take(scenario->outcome, scenario->world, problem) ||
            test_scenario_fail(scenario, "%s", problem)) &&
           books_balance(scenario) && no_record_key_left(scenario);
}

static bool reload(struct scenario *scenario, const struct test_word *words, int count)
{
    char path[512];
    struct bus_error error;
    if (count != 2 || !test_scenario_open(scenario) || !nothing_left_over(scenario))
        return test_scenario_fail(scenario, "reload NAME");
    name_catalogue(words[1].name, path, sizeof path);
    test_world_reload(scenario->world, path);
    struct bus_catalogue *old = scenario->catalogue;
    struct bus_views *old_views = scenario->views;
    if (bus_catalogue_load(path, &scenario->catalogue, &error) != BUS_OK ||
        bus_views_create(scenario->catalogue, &scenario->views, &error) != BUS_OK)
        return test_scenario_fail(scenario, "%s", error.message);
    snprintf(scenario->catalogue_path, sizeof scenario->catalogue_path, "%s", path);
    test_outcome_set_views(scenario->outcome, scenario->views);
    bus_views_destroy(old_views);
    bus_catalogue_destroy(old);
    return true;
}

/* resync SUBSCRIBER [DEPARTMENT/ITEM]: as an officer asks for it. */
static bool resync(struct scenario *scenario, const struct test_word *words, int count)
{
    struct bus_error error;
    if (count < 2 || !test_scenario_open(scenario))
        return test_scenario_fail(scenario, "resync SUBSCRIBER [DEPARTMENT/ITEM]");
    const struct bus_item *item = count == 3 ? test_scenario_item(scenario, words[2].name) : NULL;
    return test_world_ask_resync(scenario->world, words[1].name, item, &error) == BUS_OK ||
           test_scenario_fail(scenario, "%s", error.message);
}

/* --- expect --- */

/* ["A","B"] as A,B and [] as none: quotes mean something else in a scenario. */
static void append_flags(const struct test_delivery *delivery, struct bus_buffer *text)
{
    size_t kept = 0;
    test_delivery_text(delivery, "flags", text);
    for (size_t i = 0; i < text->length; i++)
        if (strchr("[]\"", text->data[i]) == NULL)
            text->data[kept++] = text->data[i];
    text->length = kept;
    if (kept == 0)
        bus_buffer_printf(text, "none");
}

/* Whether the delivery is as the words say; if not, `why` has the first difference. */
static bool fits(struct scenario *scenario, const struct test_delivery *delivery, const struct test_word *words,
                 int count, char why[TEST_OUTCOME_TEXT_SIZE])
{
    for (int i = 0; i < count; i++) {
        const char *name = i == 0 ? "operation" : words[i].name, *value = i == 0 ? words[0].name : words[i].value;
        struct bus_bytes datum = delivery->record->value;
        bool hides = strcmp(name, "hides") == 0;
        bus_buffer_reset(&scenario->text);
        if (hides)
            bus_buffer_printf(&scenario->text, "%s",
                              memmem(datum.data, datum.length, value, strlen(value)) == NULL ? value : "shown");
        else if (strcmp(name, "leaf") == 0)
            bus_buffer_printf(&scenario->text, "%llu", (unsigned long long)bus_get_u64be(delivery->record->leaf.data));
        else if (strcmp(name, "flags") == 0)
            append_flags(delivery, &scenario->text);
        else
            test_delivery_text(delivery, name, &scenario->text);
        if (value == NULL || bus_bytes_equal_text(bus_buffer_view(&scenario->text), value))
            continue;
        snprintf(why, TEST_OUTCOME_TEXT_SIZE, "%s is %.*s", name, (int)scenario->text.length,
                 (const char *)scenario->text.data);
        return false;
    }
    return true;
}

/* The next delivery of each partition is a candidate: within one they come in order. */
static bool expect_delivery(struct scenario *scenario, const char *subscriber, const struct test_word *words, int count)
{
    char why[TEST_OUTCOME_TEXT_SIZE] = "there is none";
    bool looked[256] = {false};
    for (size_t i = 0; i < test_outcome_delivery_count(scenario->outcome); i++) {
        struct test_delivery *delivery = test_outcome_delivery(scenario->outcome, i);
        if (delivery->seen || strcmp(delivery->subscriber->name, subscriber) != 0 ||
            looked[delivery->record->partition & 255])
            continue;
        looked[delivery->record->partition & 255] = true;
        if (fits(scenario, delivery, words, count, why)) {
            delivery->seen = true;
            return true;
        }
    }
    return test_scenario_fail(scenario, "no such delivery to %s: %s", subscriber, why);
}

static bool expect_no_delivery(struct scenario *scenario, const char *subscriber)
{
    for (size_t i = 0; i < test_outcome_delivery_count(scenario->outcome); i++) {
        const struct test_delivery *delivery = test_outcome_delivery(scenario->outcome, i);
        if (!delivery->seen && strcmp(delivery->subscriber->name, subscriber) == 0)
            return test_scenario_fail(scenario, "%s got something by grant %s", subscriber,
                                      delivery->view->grant->name);
    }
    return true;
}

/* expect quarantine STAGE CODE [department=… column=…], expect notice DEPARTMENT CODE, expect quarantine|notice nothing. */
static bool expect_refusal(struct scenario *scenario, enum bus_severity severity, const struct test_word *words,
                           int count)
{
    bool none = count == 1 && strcmp(words[0].name, "nothing") == 0;
    if (!none && count < 2)
        return test_scenario_fail(scenario, "expect quarantine STAGE CODE, expect notice DEPARTMENT CODE");
    for (size_t i = 0; i < test_outcome_refusal_count(scenario->outcome); i++) {
        struct test_refusal *refusal = test_outcome_refusal(scenario->outcome, i);
        const struct bus_quarantined *content = &refusal->content;
        if (refusal->seen || content->severity != severity)
            continue;
        struct bus_bytes first = severity == BUS_SEVERITY_NOTICE ? content->department : content->stage;
        if (none || !bus_bytes_equal_text(first, words[0].name) || !bus_bytes_equal_text(content->code, words[1].name))
            return test_scenario_fail(scenario, "found %.*s %.*s: %.*s", (int)first.length, (const char *)first.data,
                                      (int)content->code.length, (const char *)content->code.data,
                                      (int)content->reason_en.length, (const char *)content->reason_en.data);
        for (int j = 2; j < count; j++)
            if (memmem(content->reason_en.data, content->reason_en.length, words[j].value, strlen(words[j].value)) ==
                    NULL &&
                memmem(content->reason_zh.data, content->reason_zh.length, words[j].value, strlen(words[j].value)) ==
                    NULL)
                return test_scenario_fail(scenario, "the reason does not name %s: %.*s", words[j].value,
                                          (int)content->reason_en.length, (const char *)content->reason_en.data);
        if (content->reason_zh.length == 0 || content->reason_en.length == 0)
            return test_scenario_fail(scenario, "the reason needs a sentence in both languages");
        refusal->seen = true;
        return true;
    }
    return none || test_scenario_fail(scenario, "there is no such record in quarantine");
}

static bool measure_named(const char *name, enum bus_measure *out_measure)
{
    for (int i = 0; i < BUS_MEASURE_COUNT; i++)
        if (strcmp(bus_measure_name((enum bus_measure)i), name) == 0) {
            *out_measure = (enum bus_measure)i;
            return true;
        }
    return false;
}

/* expect books DEPARTMENT/ITEM accepted=1 delivered.court=1 …: totals since the beginning. */
static bool expect_books(struct scenario *scenario, const struct test_word *words, int count)
{
    const struct bus_item *item = count >= 2 ? test_scenario_item(scenario, words[0].name) : NULL;
    if (item == NULL)
        return test_scenario_fail(scenario, "expect books DEPARTMENT/ITEM MEASURE=COUNT…");
    for (int i = 1; i < count; i++) {
        char measure_name[64];
        enum bus_measure measure;
        const char *dot = strchr(words[i].name, '.');
        snprintf(measure_name, sizeof measure_name, "%.*s", (int)strcspn(words[i].name, "."), words[i].name);
        if (words[i].value == NULL || !measure_named(measure_name, &measure))
            return test_scenario_fail(scenario, "%s is no measure", words[i].name);
        int64_t found = book_count(scenario, item, dot != NULL ? dot + 1 : "", measure);
        if (found != strtoll(words[i].value, NULL, 10))
            return test_scenario_fail(scenario, "%s is %lld in the books", words[i].name, (long long)found);
    }
    return true;
}

static bool expect(struct scenario *scenario, const struct test_word *words, int count)
{
    if (count < 3 || scenario->outcome == NULL)
        return test_scenario_fail(scenario, "expect SUBSCRIBER|quarantine|notice|books …, after a commit");
    const char *who = words[1].name;
    if (strcmp(who, "quarantine") == 0)
        return expect_refusal(scenario, BUS_SEVERITY_REFUSED, words + 2, count - 2);
    if (strcmp(who, "notice") == 0)
        return expect_refusal(scenario, BUS_SEVERITY_NOTICE, words + 2, count - 2);
    if (strcmp(who, "books") == 0)
        return expect_books(scenario, words + 2, count - 2);
    if (bus_catalogue_find_subscriber(scenario->catalogue, who) == NULL)
        return test_scenario_fail(scenario, "no subscriber is called %s", who);
    if (strcmp(words[2].name, "nothing") == 0)
        return expect_no_delivery(scenario, who);
    return expect_delivery(scenario, who, words + 2, count - 2);
}

/* --- running --- */

static bool run_line(struct scenario *scenario, char *line)
{
    static const struct {
        const char *name;
        bool (*run)(struct scenario *scenario, const struct test_word *words, int count);
    } commands[] = {
        {"catalogue", set_catalogue},
        {"partitions", set_partitions},
        {"suite", set_suite},
        {"at", set_time},
        {"restart", restart},
        {"trouble", make_trouble},
        {"given", test_scenario_give},
        {"given-bytes", test_scenario_give_bytes},
        {"right", test_scenario_give_right},
        {"commit", commit},
        {"tick", tick},
        {"reload", reload},
        {"resync", resync},
        {"expect", expect},
    };
    struct test_word words[TEST_SCRIPT_MAX_WORDS];
    int count = test_script_words(line, words);
    if (count == 0)
        return true;
    for (size_t i = 0; count > 0 && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, words[0].name) == 0)
            return commands[i].run(scenario, words, count);
    return test_scenario_fail(scenario, "%s",
                              count < 0 ? "a quote is not closed, or too many words" : "no such command");
}

static bool run_file(struct scenario *scenario, FILE *file)
{
    static char line[MAX_LINE];
    bool good = true;
    while (good && fgets(line, sizeof line, file) != NULL) {
        scenario->line++;
        good = run_line(scenario, line);
    }
    if (!good)
        return false;
    return scenario->outcome != NULL ? nothing_left_over(scenario) : test_scenario_fail(scenario, "nothing happens");
}

/* In a process of its own. */
static bool run_scenario(const char *path)
{
    struct scenario scenario = {.path = path};
    scenario.options = (struct test_world_options){.partitions = DEFAULT_PARTITIONS, .suite = BUS_SUITE_SM2_SM3};
    test_script_time(DEFAULT_TIME, &scenario.options.now_ms);
    snprintf(scenario.catalogue_path, sizeof scenario.catalogue_path, "%s/schemas/catalogue.cfg", XINQIAO_SOURCE);
    bus_buffer_init(&scenario.text, 2 * BUS_DATUM_MAX_SIZE);
    test_folder_make(scenario.folder);
    FILE *file = fopen(path, "r");
    bool good = file != NULL ? run_file(&scenario, file) : test_scenario_fail(&scenario, "cannot be read");
    if (file != NULL)
        fclose(file);
    if (!good)
        printf("✗ %s:%d: %s\n", path, scenario.line, scenario.problem);
    release(&scenario);
    return good;
}

static bool run_apart(const char *path)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        bus_log_open("scenario", BUS_LOG_ERROR);
        bool good = run_scenario(path);
        fflush(stdout);
        exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) > EXIT_FAILURE)
        printf("✗ %s: the process died\n", path);
    return status == 0;
}

int main(int count, char **arguments)
{
    int passed = 0, failed = 0;
    for (int i = 1; i < count; i++) {
        const char *slash = strrchr(arguments[i], '/');
        if (run_apart(arguments[i])) {
            printf("✓ %s\n", slash != NULL ? slash + 1 : arguments[i]);
            passed++;
        } else {
            failed++;
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
