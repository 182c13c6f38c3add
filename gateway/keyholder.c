#include "gateway/keyholder.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bus/log.h"
#include "bus/stop.h"

enum { POLL_MS = 500, BACKLOG = 64 };

_Static_assert(sizeof(struct gateway_keyholder_request) == 12 + BUS_DIGEST_SIZE + BUS_SEAL_MAX_TEXT, "bytes only");
_Static_assert(sizeof(struct gateway_keyholder_reply) == 3 + BUS_KEY_ID_SIZE + BUS_SIGNATURE_MAX_SIZE, "bytes only");

/* Entry 0 is the listening socket, the clients follow. */
struct keyholder {
    const struct gateway_keyholder_options *options;
    struct bus_key *key;
    struct pollfd sockets[1 + GATEWAY_KEYHOLDER_MAX_CLIENTS];
    size_t clients;
};

/* No core file, no debugger, no copy of the key on swap. */
static void harden(void)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        bus_log(BUS_LOG_WARN, "keyholder", "reason=\"core files cannot be forbidden: %s\"", strerror(errno));
}

/* After the key has been loaded: what is there now is locked; later allocations must not fail for want of a limit. */
static void lock_memory(void)
{
    if (mlockall(MCL_CURRENT) != 0)
        bus_log(BUS_LOG_INFO, "keyholder", "reason=\"memory is not locked: %s\" do=\"raise LimitMEMLOCK\"",
                strerror(errno));
}

static bool address_of(const char *path, struct sockaddr_un *out_address)
{
    memset(out_address, 0, sizeof *out_address);
    out_address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof out_address->sun_path)
        return false;
    strcpy(out_address->sun_path, path);
    return true;
}

/* Whether `address` is a socket at which nobody listens any more: a dead keyholder's. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat about;
    if (lstat(address->sun_path, &about) != 0 || !S_ISSOCK(about.st_mode))
        return false;
    int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = connect(probe, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    if (probe >= 0)
        close(probe);
    return refused;
}

static int bind_private(int listener, const struct sockaddr_un *address)
{
    mode_t before = umask(0177);
    int result = bind(listener, (const struct sockaddr *)address, sizeof *address);
    umask(before);
    return result;
}

static enum bus_status open_socket(const char *path, int *out_listener, struct bus_error *error)
{
    struct sockaddr_un address;
    if (!address_of(path, &address))
        return bus_fail(error, BUS_FATAL, "listen at %s: the path may have at most %zu bytes", path,
                        sizeof address.sun_path - 1);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int result = listener < 0 ? -1 : bind_private(listener, &address);
    if (listener >= 0 && result != 0 && errno == EADDRINUSE) {
        if (is_stale(&address))
            unlink(path);
        result = bind_private(listener, &address);
    }
    if (result == 0)
        result = listen(listener, BACKLOG);
    if (result == 0) {
        *out_listener = listener;
        return BUS_OK;
    }
    bus_fail(error, BUS_FATAL, "listen at %s: %s%s", path, strerror(errno),
             errno == EADDRINUSE ? " (another keyholder serves there, or the path is no socket)" : "");
    if (listener >= 0)
        close(listener);
    return BUS_FATAL;
}

static void drop_client(struct keyholder *keyholder, size_t index)
{
    close(keyholder->sockets[index].fd);
    keyholder->sockets[index] = keyholder->sockets[keyholder->clients--];
}

static void accept_client(struct keyholder *keyholder)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    int client = accept4(keyholder->sockets[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client < 0)
        return; /* it has gone again */
    if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid != geteuid()) {
        bus_log(BUS_LOG_WARN, "keyholder", "reason=\"a process of another user was turned away\"");
        close(client);
        return;
    }
    keyholder->sockets[++keyholder->clients] = (struct pollfd){.fd = client, .events = POLLIN};
}

static bool is_ours(const struct gateway_keyholder_request *request, const char *exchange)
{
    return strnlen(request->exchange, sizeof request->exchange) < sizeof request->exchange &&
           strcmp(request->exchange, exchange) == 0;
}

/* The only place where the key is used: the text is put together here, never taken from the request. */
static enum gateway_keyholder_answer sign(const struct keyholder *keyholder,
                                          const struct gateway_keyholder_request *request,
                                          struct gateway_keyholder_reply *reply)
{
    char text[BUS_SEAL_SIGNED_SIZE];
    size_t length = 0;
    struct bus_error error;

    if (!is_ours(request, keyholder->options->exchange))
        return GATEWAY_KEYHOLDER_REFUSED;
    size_t text_length = bus_seal_signed_text(keyholder->options->exchange,
                                              (int64_t)bus_get_u64be(request->sealed_at_ms), request->root, text);
    enum bus_status status =
        bus_key_sign(keyholder->key, bus_bytes_of(text, text_length), reply->signature, &length, &error);
    if (status != BUS_OK) {
        bus_log_failure(BUS_LOG_ERROR, "keyholder", status, &error);
        return GATEWAY_KEYHOLDER_BROKEN;
    }
    reply->signature_length = (uint8_t)length;
    return GATEWAY_KEYHOLDER_DONE;
}

static enum gateway_keyholder_answer answer(const struct keyholder *keyholder,
                                            const struct gateway_keyholder_request *request, size_t length,
                                            struct gateway_keyholder_reply *reply)
{
    memset(reply, 0, sizeof *reply);
    reply->suite = (uint8_t)bus_key_suite(keyholder->key);
    memcpy(reply->key_id, bus_key_id_view(keyholder->key), sizeof reply->key_id);
    if (length != sizeof *request || memcmp(request->magic, "XQK", sizeof request->magic) != 0)
        return GATEWAY_KEYHOLDER_REFUSED;
    switch (request->kind) {
    case GATEWAY_KEYHOLDER_IDENTIFY: return GATEWAY_KEYHOLDER_DONE;
    case GATEWAY_KEYHOLDER_SIGN: return sign(keyholder, request, reply);
    default: return GATEWAY_KEYHOLDER_REFUSED;
    }
}

/* One request of one client, so that nobody waits for a busy one. False: the client is gone or does not read. */
static bool serve_client(const struct keyholder *keyholder, int client)
{
    struct gateway_keyholder_request request;
    struct gateway_keyholder_reply reply;

    ssize_t got = recv(client, &request, sizeof request, MSG_TRUNC);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return false;
    reply.answer = (uint8_t)answer(keyholder, &request, (size_t)got, &reply);
    if (reply.answer == GATEWAY_KEYHOLDER_REFUSED)
        bus_log(BUS_LOG_WARN, "keyholder", "reason=\"a request was refused: not of this protocol or this exchange\"");
    return send(client, &reply, sizeof reply, MSG_NOSIGNAL) == (ssize_t)sizeof reply;
}

static void serve(struct keyholder *keyholder)
{
    while (!bus_stop_requested()) {
        keyholder->sockets[0].events = keyholder->clients < GATEWAY_KEYHOLDER_MAX_CLIENTS ? POLLIN : 0;
        if (poll(keyholder->sockets, 1 + keyholder->clients, POLL_MS) <= 0)
            continue;
        /* From the last, because a dropped client's place is taken by the last. */
        for (size_t i = keyholder->clients; i > 0; i--)
            if (keyholder->sockets[i].revents != 0 && !serve_client(keyholder, keyholder->sockets[i].fd))
                drop_client(keyholder, i);
        if ((keyholder->sockets[0].revents & POLLIN) != 0)
            accept_client(keyholder);
    }
}

enum bus_status gateway_keyholder_run(const struct gateway_keyholder_options *options, struct bus_error *error)
{
    struct keyholder keyholder = {.options = options, .sockets[0].fd = -1};

    if (!bus_seal_is_name(bus_bytes_text(options->exchange)))
        return bus_fail(error, BUS_FATAL, "the exchange's name must have 1 to %d bytes and no control characters",
                        BUS_SEAL_MAX_TEXT - 1);
    harden();
    enum bus_status status = bus_key_load(options->key_path, &keyholder.key, error);
    if (status == BUS_OK && !bus_key_is_private(keyholder.key))
        status = bus_fail(error, BUS_FATAL, "key %s is a public key; the keyholder needs the private one",
                          options->key_path);
    if (status != BUS_OK)
        goto out;
    lock_memory();
    status = open_socket(options->socket_path, &keyholder.sockets[0].fd, error);
    if (status != BUS_OK)
        goto out;
    bus_log(BUS_LOG_INFO, "keyholder", "state=serving key=%s suite=%s", bus_key_id_view(keyholder.key),
            bus_suite_name(bus_key_suite(keyholder.key)));
    serve(&keyholder);
    unlink(options->socket_path);
out:
    while (keyholder.clients > 0)
        drop_client(&keyholder, keyholder.clients);
    if (keyholder.sockets[0].fd >= 0)
        close(keyholder.sockets[0].fd);
    bus_key_destroy(keyholder.key);
    return status;
}
