#include "gateway/signer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bus/clock.h"
#include "bus/stop.h"
#include "gateway/keyholder.h"

enum { REPLY_TIMEOUT_MS = 2000, RETRY_PAUSE_MS = 50 };

/* A connection to the keyholder, made when it is needed. */
struct connection {
    struct sockaddr_un address;
    int socket; /* -1: not connected */
    int64_t wait_ms;
    bool known; /* suite and key_id have been told once */
    enum bus_suite suite;
    char key_id[BUS_KEY_ID_SIZE];
};

static void disconnect(struct connection *connection)
{
    if (connection->socket >= 0)
        close(connection->socket);
    connection->socket = -1;
}

/* A signal to stop does not break off a signature: the transaction is to be finished. */
static ssize_t receive(int handle, void *out_bytes, size_t size)
{
    ssize_t got;
    do
        got = recv(handle, out_bytes, size, MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Sends one request and waits for its reply; a broken connection is closed. */
static enum bus_status ask(struct connection *connection, const struct gateway_keyholder_request *request,
                           struct gateway_keyholder_reply *reply, struct bus_error *error)
{
    ssize_t moved = send(connection->socket, request, sizeof *request, MSG_NOSIGNAL);
    if (moved == (ssize_t)sizeof *request)
        moved = receive(connection->socket, reply, sizeof *reply);
    if (moved == (ssize_t)sizeof *reply && reply->suite <= BUS_SUITE_ED25519_SHA256 &&
        reply->signature_length <= BUS_SIGNATURE_MAX_SIZE && reply->key_id[BUS_KEY_ID_SIZE - 1] == '\0') {
        if (reply->answer == GATEWAY_KEYHOLDER_DONE)
            return BUS_OK;
        return bus_fail(error, BUS_FATAL, "the keyholder at %s refuses: is it of the same exchange and version?",
                        connection->address.sun_path);
    }
    const char *reason = moved >= 0        ? "it closed the connection"
                         : errno == EAGAIN ? "no word in time"
                                           : strerror(errno);
    bus_fail(error, BUS_RETRY, "the keyholder at %s does not answer: %s", connection->address.sun_path, reason);
    disconnect(connection);
    return BUS_RETRY;
}

/* Whether the other end is our user's: nobody else may pretend to be the keyholder. */
static bool is_our_user(int socket_handle)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(socket_handle, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid();
}

static enum bus_status open_connection(struct connection *connection, struct bus_error *error)
{
    const struct timeval timeout = {.tv_sec = REPLY_TIMEOUT_MS / 1000};
    const char *path = connection->address.sun_path;
    int handle = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (handle < 0)
        return bus_fail(error, BUS_RETRY, "connect to the keyholder at %s: %s", path, strerror(errno));
    setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (connect(handle, (const struct sockaddr *)&connection->address, sizeof connection->address) != 0) {
        bus_fail(error, BUS_RETRY, "connect to the keyholder at %s: %s", path, strerror(errno));
        close(handle);
        return BUS_RETRY;
    }
    connection->socket = handle;
    if (is_our_user(handle))
        return BUS_OK;
    disconnect(connection);
    return bus_fail(error, BUS_FATAL, "the process listening at %s is another user's, not our keyholder", path);
}

/* Connects when needed and learns who signs. */
static enum bus_status identify(struct connection *connection, struct bus_error *error)
{
    const struct gateway_keyholder_request request = {.magic = {'X', 'Q', 'K'}, .kind = GATEWAY_KEYHOLDER_IDENTIFY};
    struct gateway_keyholder_reply reply;

    if (connection->socket >= 0)
        return BUS_OK;
    enum bus_status status = open_connection(connection, error);
    if (status == BUS_OK)
        status = ask(connection, &request, &reply, error);
    if (status != BUS_OK)
        return status;
    if (connection->known && connection->suite != (enum bus_suite)reply.suite) {
        disconnect(connection);
        return bus_fail(error, BUS_FATAL, "the keyholder now signs with %s, but the logs hash with %s",
                        bus_suite_name((enum bus_suite)reply.suite), bus_suite_name(connection->suite));
    }
    connection->known = true;
    connection->suite = (enum bus_suite)reply.suite;
    memcpy(connection->key_id, reply.key_id, sizeof connection->key_id);
    return BUS_OK;
}

/* Does `request` (NULL: only connects), again and again while the keyholder is away, for at most wait_ms. */
static enum bus_status persist(struct connection *connection, const struct gateway_keyholder_request *request,
                               struct gateway_keyholder_reply *reply, struct bus_error *error)
{
    int64_t deadline_ms = bus_clock_monotonic_ms() + connection->wait_ms;
    for (;;) {
        enum bus_status status = identify(connection, error);
        if (status == BUS_OK && request != NULL)
            status = ask(connection, request, reply, error);
        if (status != BUS_RETRY || bus_stop_requested() || bus_clock_monotonic_ms() + RETRY_PAUSE_MS > deadline_ms)
            return status;
        bus_clock_sleep_ms(RETRY_PAUSE_MS);
    }
}

static enum bus_status sign_remotely(void *self, const char *exchange, int64_t sealed_at_ms,
                                     const bus_digest_bytes root, uint8_t *out_signature, size_t *out_length,
                                     struct bus_error *error)
{
    struct connection *connection = self;
    struct gateway_keyholder_request request = {.magic = {'X', 'Q', 'K'}, .kind = GATEWAY_KEYHOLDER_SIGN};
    struct gateway_keyholder_reply reply;

    bus_put_u64be(request.sealed_at_ms, (uint64_t)sealed_at_ms);
    memcpy(request.root, root, sizeof request.root);
    strncpy(request.exchange, exchange, sizeof request.exchange - 1);
    enum bus_status status = persist(connection, &request, &reply, error);
    if (status != BUS_OK)
        return status;
    memcpy(out_signature, reply.signature, reply.signature_length);
    *out_length = reply.signature_length;
    return BUS_OK;
}

enum bus_status gateway_signer_connect(const char *socket_path, int64_t wait_ms, struct gateway_signer *out_signer,
                                       struct bus_error *error)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return bus_fail(error, BUS_FATAL, "connect to the keyholder: out of memory");
    connection->address.sun_family = AF_UNIX;
    connection->socket = -1;
    connection->wait_ms = wait_ms;
    enum bus_status status = BUS_FATAL;
    if (strlen(socket_path) >= sizeof connection->address.sun_path) {
        bus_fail(error, BUS_FATAL, "connect to the keyholder at %s: the path is too long", socket_path);
        goto out;
    }
    strcpy(connection->address.sun_path, socket_path);
    status = persist(connection, NULL, NULL, error);
    if (status != BUS_OK)
        goto out;
    *out_signer = (struct gateway_signer){
        .sign = sign_remotely, .key_id = connection->key_id, .suite = connection->suite, .self = connection};
    connection = NULL;
out:
    free(connection);
    return status;
}

static enum bus_status sign_locally(void *self, const char *exchange, int64_t sealed_at_ms, const bus_digest_bytes root,
                                    uint8_t *out_signature, size_t *out_length, struct bus_error *error)
{
    char text[BUS_SEAL_SIGNED_SIZE];
    size_t length = bus_seal_signed_text(exchange, sealed_at_ms, root, text);
    return bus_key_sign(self, bus_bytes_of(text, length), out_signature, out_length, error);
}

enum bus_status gateway_signer_local(struct bus_key *key, struct gateway_signer *out_signer, struct bus_error *error)
{
    if (!bus_key_is_private(key))
        return bus_fail(error, BUS_FATAL, "sign with key %s: only its public half is known", bus_key_id_view(key));
    *out_signer = (struct gateway_signer){
        .sign = sign_locally, .key_id = bus_key_id_view(key), .suite = bus_key_suite(key), .self = key};
    return BUS_OK;
}

void gateway_signer_release(struct gateway_signer *signer)
{
    if (signer->sign == sign_remotely) {
        disconnect(signer->self);
        free(signer->self);
    }
    *signer = (struct gateway_signer){.self = NULL};
}
