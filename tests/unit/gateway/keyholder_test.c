#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka needs the three above first */
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/clock.h"
#include "bus/log.h"
#include "bus/stop.h"
#include "gateway/keyholder.h"
#include "gateway/signer.h"

enum { WAIT_MS = 3000, SHORT_MS = 200 };

static char folder[] = "/tmp/keyholder_test.XXXXXX";
static char socket_path[64], sm2_path[64], ed25519_path[64], public_path[64];
static struct bus_key *sm2;
static const bus_digest_bytes root = {1, 2, 3};

static pid_t start(const char *key_path)
{
    const struct gateway_keyholder_options options = {
        .key_path = key_path, .socket_path = socket_path, .exchange = "liuzhou"};
    pid_t child = fork();
    if (child == 0) {
        struct bus_error error;
        bus_log_open("keyholder", BUS_LOG_ERROR);
        bus_stop_install();
        _exit(gateway_keyholder_run(&options, &error) == BUS_OK ? 0 : 9);
    }
    return child;
}

static int end(pid_t child, int signal_number)
{
    int status = 0;
    if (signal_number != 0)
        kill(child, signal_number);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void connect_to(struct gateway_signer *signer)
{
    struct bus_error error;
    assert_int_equal(gateway_signer_connect(socket_path, WAIT_MS, signer, &error), BUS_OK);
}

static enum bus_status sign(const struct gateway_signer *signer, const char *exchange, struct bus_error *error)
{
    uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
    char text[BUS_SEAL_SIGNED_SIZE];
    size_t length = 0;
    enum bus_status status = signer->sign(signer->self, exchange, 1700000000000, root, signature, &length, error);
    if (status == BUS_OK && signer->suite == BUS_SUITE_SM2_SM3) {
        size_t text_length = bus_seal_signed_text(exchange, 1700000000000, root, text);
        assert_int_equal(bus_key_verify(sm2, bus_bytes_of(text, text_length), bus_bytes_of(signature, length), error),
                         BUS_OK);
    }
    return status;
}

static void signs_seals_of_its_exchange_and_stops_when_told(void **state)
{
    struct gateway_signer signer;
    struct bus_error error;
    struct stat about;
    (void)state;
    pid_t child = start(sm2_path);
    connect_to(&signer);
    assert_int_equal(signer.suite, BUS_SUITE_SM2_SM3);
    assert_string_equal(signer.key_id, bus_key_id_view(sm2));
    assert_int_equal(stat(socket_path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    for (int i = 0; i < 20; i++)
        assert_int_equal(sign(&signer, "liuzhou", &error), BUS_OK);
    assert_int_equal(sign(&signer, "nanning", &error), BUS_FATAL);
    assert_int_equal(sign(&signer, "liuzhou", &error), BUS_OK);
    gateway_signer_release(&signer);
    assert_int_equal(end(child, SIGTERM), 0);
    assert_int_not_equal(access(socket_path, F_OK), 0);
}

static void a_worker_goes_on_after_the_keyholder_was_killed(void **state)
{
    struct gateway_signer signer;
    struct bus_error error;
    (void)state;
    pid_t child = start(sm2_path);
    connect_to(&signer);
    assert_int_equal(sign(&signer, "liuzhou", &error), BUS_OK);
    for (int i = 0; i < 3; i++) {
        end(child, SIGKILL);
        child = start(sm2_path); /* replaces the socket that the dead one left */
        assert_int_equal(sign(&signer, "liuzhou", &error), BUS_OK);
    }
    gateway_signer_release(&signer);
    end(child, SIGTERM);
}

static void an_absent_keyholder_is_waited_for_only_so_long(void **state)
{
    struct gateway_signer signer;
    struct bus_error error;
    (void)state;
    int64_t started_ms = bus_clock_monotonic_ms();
    assert_int_equal(gateway_signer_connect(socket_path, SHORT_MS, &signer, &error), BUS_RETRY);
    assert_int_equal(gateway_signer_connect("/no/such/place", SHORT_MS, &signer, &error), BUS_RETRY);
    pid_t child = start(sm2_path);
    connect_to(&signer);
    gateway_signer_release(&signer);
    enum bus_status status = BUS_RETRY;
    while (status == BUS_RETRY)
        status = gateway_signer_connect(socket_path, SHORT_MS, &signer, &error);
    assert_int_equal(status, BUS_OK);
    end(child, SIGKILL);
    assert_int_equal(sign(&signer, "liuzhou", &error), BUS_RETRY);
    assert_true(bus_clock_monotonic_ms() - started_ms < WAIT_MS + 20 * SHORT_MS);
    gateway_signer_release(&signer);
    remove(socket_path);
}

static void the_suite_of_a_log_cannot_change_under_a_worker(void **state)
{
    struct gateway_signer signer;
    struct bus_error error;
    (void)state;
    pid_t child = start(sm2_path);
    connect_to(&signer);
    end(child, SIGKILL);
    child = start(ed25519_path);
    assert_int_equal(sign(&signer, "liuzhou", &error), BUS_FATAL);
    gateway_signer_release(&signer);
    connect_to(&signer);
    assert_int_equal(signer.suite, BUS_SUITE_ED25519_SHA256);
    assert_int_equal(sign(&signer, "liuzhou", &error), BUS_OK);
    gateway_signer_release(&signer);
    end(child, SIGTERM);
}

static int raw_connection(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    int handle = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(connect(handle, (struct sockaddr *)&address, sizeof address), 0);
    return handle;
}

static int raw_answer(int handle, const void *request, size_t length)
{
    struct gateway_keyholder_reply reply;
    assert_int_equal(send(handle, request, length, MSG_NOSIGNAL), (ssize_t)length);
    assert_int_equal(recv(handle, &reply, sizeof reply, 0), (ssize_t)sizeof reply);
    if (reply.answer != GATEWAY_KEYHOLDER_DONE)
        assert_int_equal(reply.signature_length, 0);
    return reply.answer;
}

static void anything_but_a_request_is_refused_and_hurts_nobody(void **state)
{
    struct gateway_keyholder_request request = {
        .magic = {'X', 'Q', 'K'}, .kind = GATEWAY_KEYHOLDER_SIGN, .exchange = "liuzhou"};
    struct gateway_signer signer;
    struct bus_error error;
    uint8_t big[1000] = {0};
    (void)state;
    pid_t child = start(sm2_path);
    connect_to(&signer);
    int handle = raw_connection();
    assert_int_equal(raw_answer(handle, &request, sizeof request), GATEWAY_KEYHOLDER_DONE);
    assert_int_equal(raw_answer(handle, &request, sizeof request - 1), GATEWAY_KEYHOLDER_REFUSED);
    assert_int_equal(raw_answer(handle, big, sizeof big), GATEWAY_KEYHOLDER_REFUSED);
    request.kind = 'Z';
    assert_int_equal(raw_answer(handle, &request, sizeof request), GATEWAY_KEYHOLDER_REFUSED);
    request.kind = GATEWAY_KEYHOLDER_SIGN;
    request.magic[2] = 'L';
    assert_int_equal(raw_answer(handle, &request, sizeof request), GATEWAY_KEYHOLDER_REFUSED);
    request.magic[2] = 'K';
    memset(request.exchange, 'x', sizeof request.exchange); /* never terminated */
    assert_int_equal(raw_answer(handle, &request, sizeof request), GATEWAY_KEYHOLDER_REFUSED);
    close(handle);
    assert_int_equal(sign(&signer, "liuzhou", &error), BUS_OK);
    gateway_signer_release(&signer);
    end(child, SIGTERM);
}

static void more_clients_than_its_limit_wait_for_a_place(void **state)
{
    static int handles[GATEWAY_KEYHOLDER_MAX_CLIENTS];
    const struct gateway_keyholder_request request = {.magic = {'X', 'Q', 'K'}, .kind = GATEWAY_KEYHOLDER_IDENTIFY};
    const struct timeval patience = {.tv_usec = 300 * 1000};
    struct gateway_signer signer;
    uint8_t reply[sizeof(struct gateway_keyholder_reply)];
    (void)state;
    pid_t child = start(sm2_path);
    connect_to(&signer);
    gateway_signer_release(&signer);
    for (size_t i = 0; i < GATEWAY_KEYHOLDER_MAX_CLIENTS; i++) {
        handles[i] = raw_connection();
        assert_int_equal(raw_answer(handles[i], &request, sizeof request), GATEWAY_KEYHOLDER_DONE);
    }
    int waiting = raw_connection();
    setsockopt(waiting, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(send(waiting, &request, sizeof request, MSG_NOSIGNAL), (ssize_t)sizeof request);
    assert_int_equal(recv(waiting, reply, sizeof reply, 0), -1);
    close(handles[17]);
    assert_int_equal(recv(waiting, reply, sizeof reply, 0), (ssize_t)sizeof reply);
    close(waiting);
    for (size_t i = 0; i < GATEWAY_KEYHOLDER_MAX_CLIENTS; i++)
        if (i != 17)
            close(handles[i]);
    assert_int_equal(end(child, SIGTERM), 0);
}

static void refuses_to_start_where_it_cannot_serve(void **state)
{
    struct gateway_signer signer;
    (void)state;
    assert_int_equal(end(start("/no/such/key"), 0), 9);
    assert_int_equal(end(start(public_path), 0), 9);
    pid_t child = start(sm2_path);
    connect_to(&signer);
    assert_int_equal(end(start(sm2_path), 0), 9); /* one serves there already */
    gateway_signer_release(&signer);
    end(child, SIGTERM);
    FILE *file = fopen(socket_path, "w"); /* a file that is no socket is not ours to remove */
    fclose(file);
    assert_int_equal(end(start(sm2_path), 0), 9);
    assert_int_equal(remove(socket_path), 0);
}

static int prepare(void **state)
{
    struct bus_key *ed25519 = NULL;
    struct bus_error error;
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(socket_path, sizeof socket_path, "%s/socket", folder);
    snprintf(sm2_path, sizeof sm2_path, "%s/sm2.key.pem", folder);
    snprintf(ed25519_path, sizeof ed25519_path, "%s/ed25519.key.pem", folder);
    snprintf(public_path, sizeof public_path, "%s/public.pem", folder);
    if (bus_key_generate(BUS_SUITE_SM2_SM3, &sm2, &error) != BUS_OK ||
        bus_key_generate(BUS_SUITE_ED25519_SHA256, &ed25519, &error) != BUS_OK ||
        bus_key_save_private(sm2, sm2_path, &error) != BUS_OK ||
        bus_key_save_private(ed25519, ed25519_path, &error) != BUS_OK ||
        bus_key_save_public(sm2, public_path, &error) != BUS_OK)
        return 1;
    bus_key_destroy(ed25519);
    return 0;
}

static int clean(void **state)
{
    char command[64];
    (void)state;
    bus_key_destroy(sm2);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_seals_of_its_exchange_and_stops_when_told),
        cmocka_unit_test(a_worker_goes_on_after_the_keyholder_was_killed),
        cmocka_unit_test(an_absent_keyholder_is_waited_for_only_so_long),
        cmocka_unit_test(the_suite_of_a_log_cannot_change_under_a_worker),
        cmocka_unit_test(anything_but_a_request_is_refused_and_hurts_nobody),
        cmocka_unit_test(more_clients_than_its_limit_wait_for_a_place),
        cmocka_unit_test(refuses_to_start_where_it_cannot_serve),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
