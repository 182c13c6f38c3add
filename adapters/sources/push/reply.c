#include "adapters/sources/push/reply.h"

static const struct bus_http_problem problems[ADAPTERS_PUSH_PROBLEMS] = {
    [ADAPTERS_PUSH_NO_CERTIFICATE] = {401, "NO_CERTIFICATE", "未出示客户端证书；请用本交换平台签发的证书建立 TLS 连接",
                                      "no client certificate was shown; connect with the one issued for this exchange"},
    [ADAPTERS_PUSH_BAD_CERTIFICATE] = {403, "BAD_CERTIFICATE", "客户端证书未通过校验",
                                       "the client certificate is not accepted"},
    [ADAPTERS_PUSH_UNKNOWN_CLIENT] = {403, "UNKNOWN_CLIENT", "该证书未登记为推送方；请联系交换平台管理员",
                                      "this certificate is registered for no client; ask the exchange's operator"},
    [ADAPTERS_PUSH_WRONG_FEED] = {403, "WRONG_FEED", "该证书无权使用此数据源",
                                  "this certificate may not use that feed"},
    [ADAPTERS_PUSH_NO_SUCH_FEED] = {404, "NO_SUCH_FEED", "没有这个数据源；GET /feeds 列出可用的",
                                    "there is no such feed; GET /feeds lists those that you may use"},
    [ADAPTERS_PUSH_NOT_FOUND] = {404, "NOT_FOUND", "没有这个地址；接口说明见 /openapi.yaml",
                                 "there is nothing here; /openapi.yaml says what there is"},
    [ADAPTERS_PUSH_WRONG_METHOD] = {405, "WRONG_METHOD", "该地址不支持此方法", "the method is not possible here"},
    [ADAPTERS_PUSH_NO_KEY] =
        {400, "IDEMPOTENCY_KEY_MISSING", "缺少 Idempotency-Key 请求头；每次推送请用一个新的键，重试时用原来的键",
         "the header Idempotency-Key is missing; use a new key for each delivery and the same key to repeat it"},
    [ADAPTERS_PUSH_BAD_KEY] = {400, "IDEMPOTENCY_KEY_BAD", "Idempotency-Key 应为1至255个可见 ASCII 字符，可加双引号",
                               "Idempotency-Key should be 1 to 255 visible ASCII characters, with or without quotes"},
    [ADAPTERS_PUSH_KEY_REUSED] = {422, "IDEMPOTENCY_KEY_REUSED",
                                  "该 Idempotency-Key 已用于另一内容的推送；新的内容请用新的键",
                                  "this Idempotency-Key was used for another body; use a new key for what is new"},
    [ADAPTERS_PUSH_IN_PROGRESS] = {409, "IN_PROGRESS", "同一 Idempotency-Key 的推送正在处理；请稍后用原键重试",
                                   "a delivery with this Idempotency-Key is under way; repeat it with the same key"},
    [ADAPTERS_PUSH_WRONG_TYPE] = {415, "WRONG_TYPE",
                                  "Content-Type 应为 application/json 或 application/x-ndjson，编码为 UTF-8",
                                  "Content-Type should be application/json or application/x-ndjson, in UTF-8"},
    [ADAPTERS_PUSH_WRONG_ENCODING] = {415, "WRONG_ENCODING", "不支持压缩的请求体；请去掉 Content-Encoding 后重新推送",
                                      "compressed bodies are not taken; send it without Content-Encoding"},
    [ADAPTERS_PUSH_TOO_LARGE] = {413, "TOO_LARGE", "请求体过大；请分批推送", "the body is too large; send it in parts"},
    [ADAPTERS_PUSH_TOO_MANY_ROWS] = {413, "ROWS_TOO_MANY", "行数过多；请分批推送", "too many rows; send them in parts"},
    [ADAPTERS_PUSH_NO_JSON] = {400, "JSON_SYNTAX", "请求体不是 JSON", "the body is not JSON"},
    [ADAPTERS_PUSH_TOO_FAST] = {429, "TOO_FAST", "请求过于频繁；请按 Retry-After 等待后重试",
                                "too many requests; wait as Retry-After says"},
    [ADAPTERS_PUSH_TOO_MANY_AT_ONCE] = {429, "TOO_MANY_AT_ONCE", "同时进行的推送过多；请等前面的完成后再推送",
                                        "too many deliveries at once; wait until one is answered"},
    [ADAPTERS_PUSH_PAUSED] = {503, "FEED_PAUSED", "该数据源已由管理员暂停；请稍后用原 Idempotency-Key 重试",
                              "the operator has paused this feed; repeat it later with the same Idempotency-Key"},
    [ADAPTERS_PUSH_FULL] =
        {503, "QUEUE_FULL", "等待处理的推送过多；请按 Retry-After 等待后用原键重试",
         "too many deliveries are waiting; wait as Retry-After says and repeat it with the same key"},
    [ADAPTERS_PUSH_AWAY] = {503, "KAFKA_AWAY", "交换平台暂时无法写入；未接收任何行，请稍后用原键重试",
                            "the exchange cannot write now; nothing was taken, repeat it later with the same key"},
    [ADAPTERS_PUSH_UNKNOWN_YET] = {503, "NOT_KNOWN_YET", "在规定时间内未得到处理结果；请稍后用原键重试以取得结果",
                                   "what became of it is not known yet; repeat it with the same key to learn it"},
    [ADAPTERS_PUSH_STOPPING] = {503, "STOPPING", "服务正在重启；请稍后用原键重试",
                                "the service is being restarted; repeat it with the same key"},
    [ADAPTERS_PUSH_NO_ROOM] = {503, "NO_ROOM", "服务器暂无空间接收；请稍后用原键重试",
                               "the server has no room now; repeat it later with the same key"},
};

const char *adapters_push_problem_code(enum adapters_push_problem problem)
{
    return problems[problem].code;
}

const char *adapters_push_problem_reason(enum adapters_push_problem problem)
{
    return problems[problem].en;
}

struct bus_http_reply adapters_push_problem(enum adapters_push_problem problem, const struct bus_error *detail,
                                            int retry_after_s)
{
    return bus_http_problem_reply(&problems[problem], detail, retry_after_s);
}
