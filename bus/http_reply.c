#include "bus/http_reply.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>

#include "bus/json.h"

enum { PROBLEM_MAX = 16 * 1024 };

void bus_http_reply_release(struct bus_http_reply *reply)
{
    bus_buffer_release(&reply->body);
    *reply = (struct bus_http_reply){0};
}

void bus_http_reply_add(struct bus_http_reply *reply, const char *name, const char *value)
{
    for (size_t i = 0; i < BUS_HTTP_REPLY_HEADERS; i++)
        if (reply->headers[i].name == NULL) {
            reply->headers[i].name = name;
            reply->headers[i].value = value;
            return;
        }
    assert(false && "room for the header");
}

const char *bus_http_reply_header_view(const struct bus_http_reply *reply, const char *name)
{
    for (size_t i = 0; i < BUS_HTTP_REPLY_HEADERS && reply->headers[i].name != NULL; i++)
        if (strcmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    return NULL;
}

/* urn:xinqiao:problem:queue-full */
static void write_type(struct bus_json *json, const char *code)
{
    char type[96] = "urn:xinqiao:problem:";
    size_t length = strlen(type);
    for (; *code != '\0' && length < sizeof type - 1; code++)
        type[length++] = (char)(*code == '_' ? '-' : tolower((unsigned char)*code));
    type[length] = '\0';
    bus_json_name(json, "type");
    bus_json_string(json, type);
}

struct bus_http_reply bus_http_problem_reply(const struct bus_http_problem *problem, const struct bus_error *detail,
                                             int retry_after_s)
{
    const char *code = detail != NULL && detail->code[0] != '\0' ? detail->code : problem->code;
    struct bus_http_reply reply = {
        .status = problem->status,
        .type = "application/problem+json",
        .retry_after_s = retry_after_s,
    };
    char title[2 * BUS_ERROR_TEXT_SIZE];
    snprintf(title, sizeof title, "%s / %s", problem->zh, problem->en);
    bus_buffer_init(&reply.body, PROBLEM_MAX);
    struct bus_json json;
    bus_json_init(&json, &reply.body);
    bus_json_object(&json);
    write_type(&json, code);
    const struct {
        const char *name, *text;
    } texts[] = {
        {"title", title},
        {"code", code},
        {"reason_zh", detail != NULL && detail->message_zh[0] != '\0' ? detail->message_zh : problem->zh},
        {"reason_en", detail != NULL ? detail->message : problem->en},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bus_json_name(&json, texts[i].name);
        bus_json_string(&json, texts[i].text);
    }
    bus_json_name(&json, "status");
    bus_json_integer(&json, reply.status);
    bus_json_end_object(&json);
    return reply;
}
