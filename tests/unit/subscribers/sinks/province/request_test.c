#include "subscribers/sinks/province/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "bus/base64.h"
#include "tests/support/folder.h"

enum { TEXT_SIZE = 4096, PATH_SIZE = 256 };

static const struct bus_option options[] = {{"signing_key", BUS_OPTION_TEXT, "", 0, 0, NULL, "key"}, {0}};
static char folder[TEST_FOLDER_SIZE];
static struct bus_error error;

/* ── what goes out ── */

static struct {
    char body[TEXT_SIZE], key[TEXT_SIZE], signature[TEXT_SIZE], key_id[TEXT_SIZE];
    void *opaque;
} sent;

enum bus_status http_client_open(const struct bus_settings *settings, const struct bus_settings_node *group,
                                 const struct bus_option *table, struct http_client **out_client,
                                 struct bus_error *failure)
{
    (void)settings, (void)group, (void)table, (void)failure;
    *out_client = (struct http_client *)&sent;
    return BUS_OK;
}

void http_client_close(struct http_client *client)
{
    (void)client;
}

const char *http_client_name_view(const struct http_client *client)
{
    (void)client;
    return "province.example:8443";
}

static void keep(const struct http_request *request, const char *name, char *to)
{
    to[0] = '\0';
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            snprintf(to, TEXT_SIZE, "%s", request->headers[i].value);
}

enum bus_status http_client_send(struct http_client *client, const struct http_request *request,
                                 struct bus_error *failure)
{
    (void)client, (void)failure;
    snprintf(sent.body, sizeof sent.body, "%.*s", (int)request->body.length, (const char *)request->body.data);
    keep(request, "Idempotency-Key", sent.key);
    keep(request, "X-Signature", sent.signature);
    keep(request, "X-Key-Id", sent.key_id);
    sent.opaque = request->opaque;
    return BUS_OK;
}

enum bus_status http_client_wait(struct http_client *client, int timeout_ms, bool *out_found,
                                 struct http_answer *out_answer, struct bus_error *failure)
{
    (void)client, (void)timeout_ms, (void)failure;
    *out_found = sent.opaque != NULL;
    *out_answer = (struct http_answer){.opaque = sent.opaque, .status = 503, .retry_after_ms = 9};
    sent.opaque = NULL;
    return BUS_OK;
}

void http_client_cancel(struct http_client *client, const void *opaque)
{
    (void)client, (void)opaque;
    sent.opaque = NULL;
}

/* ── a line ── */

static int make_folder(void **state)
{
    (void)state;
    test_folder_make(folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static enum bus_status open_line(const char *key, struct bus_settings **out_settings, struct province_line **out_line)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/line.cfg", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "signing_key = \"%s\";\n", key);
    fclose(file);
    assert_int_equal(bus_settings_load(path, out_settings, &error), BUS_OK);
    return province_line_open(*out_settings, bus_settings_root(*out_settings), options, out_line, &error);
}

static const struct bus_department department = {.name = "market"};
static const struct bus_item item = {.name = "penalty", .department = &department};
static const uint8_t records[2][BUS_IDENTITY_SIZE] = {{1}, {2}};

static void report(struct province_line *line, size_t limit, const char *occasion, struct province_call *call,
                   size_t *out_sent)
{
    const struct province_row rows[2] = {
        {.record = records[0], .item = &item, .type = "CF", .fields = bus_bytes_text("{\"A\":\"1\"}")},
        {.record = records[1], .item = &item, .type = "CF", .fields = bus_bytes_text("{\"A\":\"2\"}")}};
    const struct province_row *const list[2] = {&rows[0], &rows[1]};
    assert_int_equal(province_line_report(line, list, 2, limit, occasion, call, out_sent, &error), BUS_OK);
}

static void the_same_rows_make_the_same_key(void **state)
{
    (void)state;
    struct bus_settings *settings;
    struct province_line *line;
    struct province_call call = {NULL};
    size_t count;
    char key[TEXT_SIZE];
    assert_int_equal(open_line("", &settings, &line), BUS_OK);
    report(line, 1000000, "", &call, &count);
    assert_int_equal(count, 2);
    assert_int_equal(strlen(sent.key), 64);
    assert_string_equal(sent.signature, "");
    snprintf(key, sizeof key, "%s", sent.key);
    report(line, 1000000, "", &call, &count);
    assert_string_equal(sent.key, key);
    report(line, 1000000, "2026-11-24", &call, &count); /* again, on another occasion */
    assert_string_not_equal(sent.key, key);
    assert_non_null(strstr(sent.body, "\"occasion\":\"2026-11-24\""));
    province_line_close(line);
    bus_settings_destroy(settings);
}

static void no_more_rows_go_than_fit(void **state)
{
    (void)state;
    struct bus_settings *settings;
    struct province_line *line;
    struct province_call call = {NULL};
    size_t count;
    struct bus_json_document *document;
    assert_int_equal(open_line("", &settings, &line), BUS_OK);
    report(line, 1, "", &call, &count); /* one goes always */
    assert_int_equal(count, 1);
    assert_int_equal(bus_json_parse(bus_bytes_text(sent.body), &document, &error), BUS_OK);
    assert_int_equal(bus_json_count(bus_json_member(bus_json_root(document), "rows")), 1);
    bus_json_destroy(document);
    province_line_close(line);
    bus_settings_destroy(settings);
}

static void batches_are_signed_over_their_bytes(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    struct bus_key *key;
    struct bus_settings *settings;
    struct province_line *line;
    struct province_call call = {NULL};
    struct bus_buffer signature;
    size_t count;
    snprintf(path, sizeof path, "%s/sm2.pem", folder);
    assert_int_equal(bus_key_generate(BUS_SUITE_SM2_SM3, &key, &error), BUS_OK);
    assert_int_equal(bus_key_save_private(key, path, &error), BUS_OK);
    assert_int_equal(open_line("sm2.pem", &settings, &line), BUS_OK);
    report(line, 1000000, "", &call, &count);
    assert_string_equal(sent.key_id, bus_key_id_view(key));
    bus_buffer_init(&signature, TEXT_SIZE);
    assert_true(bus_base64_read(bus_bytes_text(sent.signature), &signature));
    assert_int_equal(bus_key_verify(key, bus_bytes_text(sent.body), bus_buffer_view(&signature), &error), BUS_OK);
    sent.body[10] ^= 1;
    assert_int_equal(bus_key_verify(key, bus_bytes_text(sent.body), bus_buffer_view(&signature), &error), BUS_REJECT);
    bus_buffer_release(&signature);
    province_line_close(line);
    bus_settings_destroy(settings);
    bus_key_destroy(key);
}

static void a_key_that_is_no_sm2_key_is_refused(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    struct bus_key *key;
    struct bus_settings *settings;
    struct province_line *line = NULL;
    snprintf(path, sizeof path, "%s/ed25519.pem", folder);
    assert_int_equal(bus_key_generate(BUS_SUITE_ED25519_SHA256, &key, &error), BUS_OK);
    assert_int_equal(bus_key_save_private(key, path, &error), BUS_OK);
    assert_int_equal(open_line("ed25519.pem", &settings, &line), BUS_FATAL);
    assert_non_null(strstr(error.message, "SM2"));
    assert_null(line);
    bus_settings_destroy(settings);
    bus_key_destroy(key);
}

static struct province_reply got;

static enum bus_status take(struct province_call *call, const struct province_reply *reply, struct bus_error *failure)
{
    (void)call, (void)failure;
    got = *reply;
    return BUS_OK;
}

static void an_answer_goes_to_the_call_that_waits_for_it(void **state)
{
    (void)state;
    struct bus_settings *settings;
    struct province_line *line;
    struct province_call call = {take};
    bool found;
    assert_int_equal(open_line("", &settings, &line), BUS_OK);
    assert_int_equal(province_line_ask(line, "/rows?rowKey=1", &call, &error), BUS_OK);
    assert_int_equal(province_line_drive(line, 0, &found, &error), BUS_OK);
    assert_true(found);
    assert_int_equal(got.http_status, 503);
    assert_int_equal(got.retry_after_ms, 9);
    assert_int_equal(province_line_drive(line, 0, &found, &error), BUS_OK);
    assert_false(found);
    province_line_close(line);
    bus_settings_destroy(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_rows_make_the_same_key),
        cmocka_unit_test(no_more_rows_go_than_fit),
        cmocka_unit_test(batches_are_signed_over_their_bytes),
        cmocka_unit_test(a_key_that_is_no_sm2_key_is_refused),
        cmocka_unit_test(an_answer_goes_to_the_call_that_waits_for_it),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
