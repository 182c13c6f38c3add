#include "subscribers/sinks/http/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/folder.h"

static const struct bus_option options[] = {HTTP_CLIENT_OPTIONS, {0}};
static char folder[TEST_FOLDER_SIZE];
static struct bus_settings *settings;
static struct http_client *client;
static struct bus_error error;

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[2 * TEST_FOLDER_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder);
    write_file("ca.pem", "", 0644);
    write_file("agent.pem", "", 0644);
    write_file("agent.key", "", 0600);
    write_file("open.key", "", 0640);
    return 0;
}

static void close_client(void)
{
    http_client_close(client);
    client = NULL;
    bus_settings_destroy(settings);
    settings = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    close_client();
    test_folder_remove(folder);
    return 0;
}

static enum bus_status open_with(const char *url, const char *authority, const char *key)
{
    char text[2048], path[2 * TEST_FOLDER_SIZE];
    close_client();
    snprintf(text, sizeof text,
             "url = \"%s\"; authority = \"%s\"; certificate = \"agent.pem\";\nprivate_key = \"%s\";\n", url, authority,
             key);
    write_file("sink.cfg", text, 0644);
    snprintf(path, sizeof path, "%s/sink.cfg", folder);
    assert_int_equal(bus_settings_load(path, &settings, &error), BUS_OK);
    assert_int_equal(bus_settings_check(bus_settings_root(settings), options, &error), BUS_OK);
    return http_client_open(settings, bus_settings_root(settings), options, &client, &error);
}

static void only_an_https_address_is_taken(void **state)
{
    (void)state;
    static const char *const bad[] = {"http://receiver.example/",
                                      "receiver.example",
                                      "",
                                      "https://",
                                      "https://user@receiver.example/",
                                      "https://user:word@receiver.example/",
                                      "https://receiver.example/?a=b",
                                      "https://receiver.example/#a",
                                      "https://receiver.example:99999/",
                                      "file:///etc/passwd",
                                      "https://receiver example/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(open_with(bad[i], "ca.pem", "agent.key"), BUS_FATAL);
        assert_non_null(strstr(error.message, "sink.cfg:1: "));
        assert_non_null(strstr(error.message, "url"));
    }
}

static void its_name_is_host_and_port(void **state)
{
    (void)state;
    assert_int_equal(open_with("https://receiver.example/deliveries", "ca.pem", "agent.key"), BUS_OK);
    assert_string_equal(http_client_name_view(client), "receiver.example:443");
    assert_int_equal(open_with("https://[::1]:8444/", "ca.pem", "agent.key"), BUS_OK);
    assert_string_equal(http_client_name_view(client), "[::1]:8444");
}

static void files_that_are_missing_or_open_to_others_are_fatal(void **state)
{
    (void)state;
    assert_int_equal(open_with("https://receiver.example/", "none.pem", "agent.key"), BUS_FATAL);
    assert_non_null(strstr(error.message, "none.pem"));
    assert_int_equal(open_with("https://receiver.example/", "ca.pem", "none.key"), BUS_FATAL);
    assert_non_null(strstr(error.message, "sink.cfg:2"));
    assert_int_equal(open_with("https://receiver.example/", "ca.pem", "open.key"), BUS_FATAL);
    assert_non_null(strstr(error.message, "chmod 600"));
}

/* Nobody listens there: the first port is reserved. */
static void send_one(const char *path, void *opaque)
{
    const struct http_header header = {"X-Header", "value"};
    const struct http_request request = {.method = "POST",
                                         .path = path,
                                         .headers = &header,
                                         .header_count = 1,
                                         .body = bus_bytes_text("body"),
                                         .opaque = opaque};
    assert_int_equal(http_client_send(client, &request, &error), BUS_OK);
}

static void who_is_not_there_is_named_in_both_languages(void **state)
{
    (void)state;
    int first, second, seen[2] = {0};
    struct http_answer answer;
    bool found = false;
    assert_int_equal(open_with("https://127.0.0.1:1/a", "ca.pem", "agent.key"), BUS_OK);
    send_one("", &first);
    send_one("/b?c=d", &second);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(http_client_wait(client, 5000, &found, &answer, &error), BUS_RETRY);
        assert_true(found);
        seen[answer.opaque == &second]++;
        assert_string_equal(error.code, "HTTP_NOT_CONNECTED");
        assert_non_null(strstr(error.message, "127.0.0.1:1"));
        assert_non_null(strstr(error.message_zh, "127.0.0.1:1"));
        assert_int_equal(answer.status, 0);
    }
    assert_true(seen[0] == 1 && seen[1] == 1);
    assert_int_equal(http_client_wait(client, 5000, &found, &answer, &error),
                     BUS_OK); /* at once: nothing is under way */
    assert_false(found);
}

static void what_is_given_up_is_not_answered(void **state)
{
    (void)state;
    int first, second;
    struct http_answer answer;
    bool found = false;
    assert_int_equal(open_with("https://127.0.0.1:1/", "ca.pem", "agent.key"), BUS_OK);
    send_one("", &first);
    send_one("", &second);
    http_client_cancel(client, &first);
    assert_int_equal(http_client_wait(client, 5000, &found, &answer, &error), BUS_RETRY);
    assert_ptr_equal(answer.opaque, &second);
    http_client_cancel(client, &second); /* it is answered already */
    send_one("", &first);
    close_client(); /* with one under way */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_an_https_address_is_taken),
        cmocka_unit_test(its_name_is_host_and_port),
        cmocka_unit_test(files_that_are_missing_or_open_to_others_are_fatal),
        cmocka_unit_test(who_is_not_there_is_named_in_both_languages),
        cmocka_unit_test(what_is_given_up_is_not_answered),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
