#include "subscribers/sinks/http/failure.h"

#include <stdarg.h>
#include <stdio.h>

enum { DETAIL_SIZE = 160 };

/* Of CURLINFO_SSL_VERIFYRESULT: OpenSSL's X509_V_ERR_…. */
enum verify_result { VERIFY_NOT_YET_VALID = 9, VERIFY_EXPIRED = 10, VERIFY_REVOKED = 23 };

/* What went wrong, as far as words differ. */
struct wording {
    const char *code;
    const char *zh, *en; /* what, and what can be done */
};

enum kind {
    KIND_CERTIFICATE,
    KIND_EXPIRED,
    KIND_NOT_YET,
    KIND_REVOKED,
    KIND_HOST_NAME,
    KIND_TLS_VERSION,
    KIND_TLS,
    KIND_REFUSED_US,
    KIND_OUR_FILES,
    KIND_AUTHORITY_FILE,
    KIND_RESOLVE,
    KIND_CONNECT,
    KIND_CONNECT_TIMEOUT,
    KIND_TIMEOUT,
    KIND_CUT_OFF,
    KIND_ENDED_EARLY,
    KIND_NOT_HTTP,
    KIND_OTHER,
};

static const struct wording wordings[] = {
    [KIND_CERTIFICATE] =
        {HTTP_CLIENT_CERTIFICATE,
         "接收端的证书不是 authority 所签发，未发送任何内容；请核对对方身份，确认后更新 authority",
         "its certificate is not signed by `authority`, nothing was sent; find out who is there, and only then "
         "renew `authority`"},
    [KIND_EXPIRED] = {HTTP_CLIENT_EXPIRED, "接收端的证书已过期，未发送任何内容；请对方更换证书",
                      "its certificate has expired, nothing was sent; the receiver has to renew it"},
    [KIND_NOT_YET] = {HTTP_CLIENT_EXPIRED, "接收端的证书尚未生效，未发送任何内容；请检查双方时钟",
                      "its certificate is not valid yet, nothing was sent; check the clocks of both sides"},
    [KIND_REVOKED] = {HTTP_CLIENT_CERTIFICATE, "接收端的证书已被吊销，未发送任何内容；请对方更换证书",
                      "its certificate is revoked, nothing was sent; the receiver has to renew it"},
    [KIND_HOST_NAME] =
        {HTTP_CLIENT_HOST_NAME, "接收端的证书属于其他主机名，未发送任何内容；请检查 url，或请对方更换证书",
         "its certificate is of another host name, nothing was sent; check `url`, or the receiver has to renew it"},
    [KIND_TLS_VERSION] = {HTTP_CLIENT_TLS_VERSION, "接收端不支持 TLS 1.2 及以上版本，未发送任何内容；请对方升级",
                          "it does not speak TLS 1.2 or later, nothing was sent; the receiver has to be upgraded"},
    [KIND_TLS] = {HTTP_CLIENT_TLS, "TLS 握手失败，未发送任何内容；请检查端口与对方的 TLS 设置",
                  "TLS failed, nothing was sent; check the port and the receiver's TLS"},
    [KIND_REFUSED_US] =
        {HTTP_CLIENT_REFUSED_US, "接收端不接受我方证书；请检查 certificate 是否过期、是否已在对方登记",
         "it does not take our certificate; check whether `certificate` has expired and is registered there"},
    [KIND_OUR_FILES] = {HTTP_CLIENT_REFUSED_US, "我方证书或私钥不可用；请检查 certificate 与 private_key 是否成对",
                        "our certificate or key cannot be used; check that `certificate` and `private_key` are a pair"},
    [KIND_AUTHORITY_FILE] = {HTTP_CLIENT_CERTIFICATE, "authority 文件不可用，未发送任何内容；请检查其内容",
                             "the file `authority` cannot be used, nothing was sent; check what is in it"},
    [KIND_RESOLVE] = {HTTP_CLIENT_RESOLVE, "找不到该主机名；请检查 url 与域名解析",
                      "there is no such host; check `url` and the name server"},
    [KIND_CONNECT] = {HTTP_CLIENT_CONNECT, "连接不上；请检查接收端是否运行、防火墙是否放行",
                      "cannot connect; check whether the receiver runs and a firewall lets us through"},
    [KIND_CONNECT_TIMEOUT] = {HTTP_CLIENT_TIMEOUT, "在 connect_timeout_ms 内未能建立连接；请检查接收端与防火墙",
                              "no connection within connect_timeout_ms; check the receiver and firewalls"},
    [KIND_TIMEOUT] =
        {HTTP_CLIENT_TIMEOUT, "在 timeout_ms 内没有完整应答，对方是否已处理不得而知；将以同一请求重发",
         "no whole answer within timeout_ms, so what came of the request is unknown; the same is sent again"},
    [KIND_CUT_OFF] =
        {HTTP_CLIENT_CUT_OFF, "连接在应答完整之前中断，对方是否已处理不得而知；将以同一请求重发",
         "the connection ended before the answer did, so what came of the request is unknown; the same is sent again"},
    [KIND_ENDED_EARLY] =
        {HTTP_CLIENT_CUT_OFF,
         "握手之后连接即被对方关闭，没有任何应答；可能不接受我方证书，请检查 certificate，或查看对方日志",
         "it ended the connection behind the handshake and answered nothing: perhaps it does not take our "
         "certificate; check `certificate`, or ask for its log"},
    [KIND_NOT_HTTP] = {HTTP_CLIENT_OTHER, "应答不是可用的 HTTP；请检查 url 指向的服务",
                       "the answer is not HTTP that can be used; check which service `url` names"},
    [KIND_OTHER] = {HTTP_CLIENT_OTHER, "请求失败", "the request failed"},
};

static bool has_any(const char *text, const char *const *needles)
{
    for (; *needles != NULL; needles++)
        if (strcasestr(text, *needles) != NULL)
            return true;
    return false;
}

/* What the peer's TLS said, of which libcurl keeps OpenSSL's words only. With TLS 1.3 it refuses our certificate after the handshake, so that
 * reading fails, or writing. */
static enum kind tls_kind(const char *detail, enum kind otherwise)
{
    static const char *const version[] = {"protocol version", "unsupported protocol", "version too low", NULL};
    static const char *const refused[] = {
        "alert bad certificate", "alert unknown ca",        "alert certificate",    "alert unsupported certificate",
        "alert access denied",   "alert handshake failure", "certificate required", NULL};
    if (has_any(detail, version))
        return KIND_TLS_VERSION;
    return has_any(detail, refused) ? KIND_REFUSED_US : otherwise;
}

static enum kind certificate_kind(CURL *easy)
{
    long result = 0;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
    switch (result) {
    case 0: /* the chain is good */
    case 1: /* or libcurl has not come to say so */ return KIND_HOST_NAME;
    case VERIFY_EXPIRED: return KIND_EXPIRED;
    case VERIFY_NOT_YET_VALID: return KIND_NOT_YET;
    case VERIFY_REVOKED: return KIND_REVOKED;
    default: return KIND_CERTIFICATE;
    }
}

static enum kind timeout_kind(CURL *easy)
{
    curl_off_t ready_us = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    return ready_us > 0 ? KIND_TIMEOUT : KIND_CONNECT_TIMEOUT;
}

/* With TLS 1.3 we hear of a refused certificate when we have sent already, and the word may be lost with the connection. */
static enum kind cut_off_kind(CURL *easy)
{
    long connects = 0, header_bytes = 0;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &header_bytes);
    return connects > 0 && header_bytes == 0 ? KIND_ENDED_EARLY : KIND_CUT_OFF;
}

static enum kind kind_of(const struct http_client_end *end)
{
    switch (end->code) {
    case CURLE_PEER_FAILED_VERIFICATION: return certificate_kind(end->easy);
    case CURLE_SSL_CERTPROBLEM: return KIND_OUR_FILES;
    case CURLE_SSL_CACERT_BADFILE: return KIND_AUTHORITY_FILE;
    case CURLE_SSL_CONNECT_ERROR: return tls_kind(end->detail, KIND_TLS);
    case CURLE_COULDNT_RESOLVE_HOST: return KIND_RESOLVE;
    case CURLE_COULDNT_CONNECT: return KIND_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: return timeout_kind(end->easy);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return tls_kind(end->detail, cut_off_kind(end->easy));
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return cut_off_kind(end->easy);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: return KIND_NOT_HTTP;
    default: return KIND_OTHER;
    }
}

static void clean(const char *detail, char out_detail[DETAIL_SIZE])
{
    snprintf(out_detail, DETAIL_SIZE, "%s", detail);
    for (char *at = out_detail; *at != '\0'; at++)
        if (*at < ' ' || *at > '~' || *at == '"')
            *at = '?';
}

static enum bus_status away(const char *name, const struct wording *wording, const char *detail,
                            struct bus_error *error)
{
    bus_fail(error, BUS_RETRY, "%s: %s%s%s%s", name, wording->en, detail[0] != '\0' ? " (" : "", detail,
             detail[0] != '\0' ? ")" : "");
    if (error != NULL) {
        snprintf(error->code, sizeof error->code, "%s", wording->code);
        snprintf(error->message_zh, sizeof error->message_zh, "%s：%s", name, wording->zh);
    }
    return BUS_RETRY;
}

enum bus_status http_client_failure(const struct http_client_end *end, struct bus_error *error)
{
    if (end->code == CURLE_OUT_OF_MEMORY)
        return bus_fail(error, BUS_FATAL, "out of memory for a request to %s", end->name);
    char detail[DETAIL_SIZE];
    if (end->is_too_long || end->code == CURLE_FILESIZE_EXCEEDED) {
        static const struct wording too_long = {
            HTTP_CLIENT_TOO_LONG, "应答超过 max_answer_bytes，已中断；请对方检查其应答",
            "the answer is longer than max_answer_bytes and was cut off; the receiver has to "
            "look at what it answers"};
        snprintf(detail, sizeof detail, "limit %zu", end->max_answer_bytes);
        return away(end->name, &too_long, detail, error);
    }
    clean(end->detail[0] != '\0' ? end->detail : curl_easy_strerror(end->code), detail);
    return away(end->name, &wordings[kind_of(end)], detail, error);
}

enum bus_status http_client_redirect(const char *name, int http_status, struct bus_error *error)
{
    static const struct wording redirect = {
        HTTP_CLIENT_REDIRECT, "接收端要求转到别处，未跟随；请核对后修改 url",
        "it redirects to elsewhere, which was not followed; find out why, then change `url`"};
    char detail[DETAIL_SIZE];
    snprintf(detail, sizeof detail, "HTTP %d", http_status);
    return away(name, &redirect, detail, error);
}
