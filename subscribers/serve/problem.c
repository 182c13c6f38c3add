#include "subscribers/serve/problem.h"

static const struct bus_http_problem problems[SERVE_PROBLEMS] = {
    [SERVE_PROBLEM_NO_CERTIFICATE] = {401, "NO_CERTIFICATE", "未出示客户端证书；请用本单位签发的证书访问",
                                      "no client certificate was shown; use the one that was issued to you"},
    [SERVE_PROBLEM_BAD_CERTIFICATE] = {403, "BAD_CERTIFICATE", "客户端证书未通过校验",
                                       "the client certificate is not accepted"},
    [SERVE_PROBLEM_NOT_FOUND] =
        {404, "NOT_FOUND",
         "没有这个地址；可用的是 /subjects/信用代码 和 /subjects/信用代码/sheet，说明见 /openapi.yaml",
         "there is nothing here; there are /subjects/CODE and /subjects/CODE/sheet, see /openapi.yaml"},
    [SERVE_PROBLEM_WRONG_METHOD] = {405, "WRONG_METHOD", "只支持 GET", "only GET is possible here"},
    [SERVE_PROBLEM_NO_PURPOSE] =
        {400, "PURPOSE_MISSING", "请写明用途：请求头 X-Purpose 或参数 purpose，至少2个字，UTF-8",
         "say what it is for: header X-Purpose or parameter purpose, 2 characters or more, in UTF-8"},
    [SERVE_PROBLEM_NO_OFFICER] =
        {400, "OFFICER_MISSING", "请写明经办人：请求头 X-Officer 或参数 officer，至少2个字，UTF-8",
         "say who asks: header X-Officer or parameter officer, 2 characters or more, in UTF-8"},
    [SERVE_PROBLEM_BAD_CODE] = {400, "BAD_CODE", "信用代码有误", "the code is wrong"},
    [SERVE_PROBLEM_PERSON] = {403, "PERSON_REFUSED", "这里不提供自然人的查询", "persons cannot be asked for here"},
    [SERVE_PROBLEM_TOO_FAST] = {429, "TOO_FAST", "请求过于频繁；请按 Retry-After 等待后重试",
                                "too many requests; wait as Retry-After says"},
    [SERVE_PROBLEM_FULL] = {503, "QUEUE_FULL", "等待答复的请求过多；请稍后重试",
                            "too many questions are waiting; ask again later"},
    [SERVE_PROBLEM_STORE] = {503, "STORE_AWAY", "数据库暂时不能查询；请稍后重试，或联系管理员",
                             "the database cannot be asked now; ask again later, or tell the operator"},
    [SERVE_PROBLEM_STOPPING] = {503, "STOPPING", "服务正在重启；请稍后重试",
                                "the service is being restarted; ask again"},
    [SERVE_PROBLEM_FAILED] = {500, "FAILED", "答复未能生成；请联系管理员",
                              "the answer could not be made; tell the operator"},
};

struct bus_http_reply serve_problem_reply(enum serve_problem problem, const struct bus_error *detail, int retry_after_s)
{
    return bus_http_problem_reply(&problems[problem], detail, retry_after_s);
}

const char *serve_problem_code(enum serve_problem problem)
{
    return problems[problem].code;
}
