#include "adapters/sources/push/peer.h"

#include "bus/http_peer.h"

size_t adapters_push_peer_find(const struct adapters_push_settings *settings, const char *name, const char *fingerprint)
{
    for (size_t i = 0; i < settings->client_count; i++)
        if (strcmp(settings->clients[i].fingerprint, fingerprint) == 0)
            return i;
    for (size_t i = 0; i < settings->client_count; i++)
        if (settings->clients[i].fingerprint[0] == '\0' && name[0] != '\0' &&
            strcmp(settings->clients[i].name, name) == 0)
            return i;
    return settings->client_count;
}

enum adapters_push_problem adapters_push_peer(const struct adapters_push_settings *settings, void *session,
                                              size_t *out_client, char out_peer[ADAPTERS_PUSH_PEER_SIZE],
                                              struct bus_error *out_detail)
{
    struct bus_http_peer peer;
    enum bus_status status = bus_http_peer_read(session, &peer, out_detail);
    memcpy(out_peer, peer.shown, ADAPTERS_PUSH_PEER_SIZE);
    if (status != BUS_OK)
        return strcmp(out_detail->code, BUS_HTTP_NO_CERTIFICATE) == 0 ? ADAPTERS_PUSH_NO_CERTIFICATE
                                                                      : ADAPTERS_PUSH_BAD_CERTIFICATE;
    *out_client = adapters_push_peer_find(settings, peer.name, peer.fingerprint);
    return *out_client < settings->client_count ? ADAPTERS_PUSH_PROBLEMS : ADAPTERS_PUSH_UNKNOWN_CLIENT;
}
