#include "bus/http_peer.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>

#include "bus/utf8.h"

/* The reasons of gnutls, the first that fits. */
static const struct {
    unsigned flag;
    const char *code, *zh, *en;
} reasons[] = {
    {GNUTLS_CERT_EXPIRED, "CERTIFICATE_EXPIRED", "客户端证书已过期；请向交换平台管理员申请新证书",
     "the client certificate has expired; ask the exchange's operator for a new one"},
    {GNUTLS_CERT_NOT_ACTIVATED, "CERTIFICATE_NOT_YET", "客户端证书尚未生效；请核对双方的时钟",
     "the client certificate is not valid yet; check the clocks of both sides"},
    {GNUTLS_CERT_PURPOSE_MISMATCH, "CERTIFICATE_PURPOSE", "该证书不是用于客户端认证的证书",
     "the certificate is not one for clients"},
    {GNUTLS_CERT_INSECURE_ALGORITHM, "CERTIFICATE_WEAK", "客户端证书的签名算法已不安全",
     "the client certificate is signed with an algorithm that is not safe"},
    {~0U, "CERTIFICATE_UNTRUSTED", "客户端证书不是由本交换平台认可的机构签发的",
     "the client certificate is not signed by an authority that this exchange believes"},
};

static enum bus_status refuse(unsigned flags, struct bus_error *error)
{
    size_t reason = 0;
    while ((reasons[reason].flag & flags) == 0)
        reason++;
    return bus_reject(error, reasons[reason].code, reasons[reason].zh, reasons[reason].en);
}

/* The common name, "" when there is none that can be shown; of a certificate that may be anybody's. */
static void read_name(const gnutls_datum_t *certificate, char out_name[BUS_HTTP_NAME_SIZE])
{
    gnutls_x509_crt_t parsed;
    size_t length = BUS_HTTP_NAME_SIZE;
    out_name[0] = '\0';
    if (gnutls_x509_crt_init(&parsed) != 0)
        return;
    if (gnutls_x509_crt_import(parsed, certificate, GNUTLS_X509_FMT_DER) != 0 ||
        gnutls_x509_crt_get_dn_by_oid(parsed, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out_name, &length) != 0 ||
        strlen(out_name) != length || !bus_utf8_valid(bus_bytes_text(out_name)))
        out_name[0] = '\0';
    gnutls_x509_crt_deinit(parsed);
}

/* What is written into a log has no quotes and controls of its own. */
static void show(struct bus_http_peer *peer)
{
    snprintf(peer->shown, sizeof peer->shown, "CN=%.100s SHA-256=%.16s", peer->name, peer->fingerprint);
    for (char *at = peer->shown; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == '"')
            *at = '?';
}

enum bus_status bus_http_peer_read(void *session, struct bus_http_peer *out_peer, struct bus_error *error)
{
    unsigned count = 0, flags = 0;
    const gnutls_datum_t *certificates = session != NULL ? gnutls_certificate_get_peers(session, &count) : NULL;
    *out_peer = (struct bus_http_peer){.shown = "-"};
    if (certificates == NULL || count == 0)
        return bus_reject(error, BUS_HTTP_NO_CERTIFICATE, "未出示客户端证书", "no client certificate was shown");
    uint8_t digest[BUS_DIGEST_SIZE];
    read_name(&certificates[0], out_peer->name);
    bus_digest(BUS_HASH_SHA256, bus_bytes_of(certificates[0].data, certificates[0].size), digest);
    bus_hex(digest, sizeof digest, out_peer->fingerprint);
    show(out_peer);
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (void *)GNUTLS_KP_TLS_WWW_CLIENT};
    if (gnutls_certificate_verify_peers(session, &purpose, 1, &flags) != 0)
        flags = GNUTLS_CERT_INVALID;
    return flags != 0 ? refuse(flags, error) : BUS_OK;
}
