/* xinqiao verify: is this proof, or this statement of a check, genuine? Offline, against pinned public keys. */
#include <stdio.h>

#include "bus/check.h"
#include "bus/file.h"
#include "bus/json.h"
#include "cli/verify.h"

static const char usage[] = "verify FILE|- --keys FOLDER [--answer FILE]";

static void print_sentence(const struct bus_proof *proof, struct bus_buffer *buffer)
{
    const struct bus_seal *seal = &proof->seal;
    char when[CLI_TIME_SIZE];
    cli_time(seal->sealed_at_ms, when);
    bus_buffer_printf(
        buffer,
        "✓ 真实：该投递是交换平台 %s 的日志 %s 中的第 %llu 条（从0起），于 %s 由密钥 %s 签章，未被改动\n"
        "  genuine: this delivery is number %llu (from 0) of log %s of exchange %s, sealed at %s by key %s, unaltered",
        seal->exchange, seal->log, (unsigned long long)proof->leaf, when, seal->key_id, (unsigned long long)proof->leaf,
        seal->log, seal->exchange, when, seal->key_id);
}

static void print_json(const struct bus_proof *proof, bool genuine, const struct bus_error *error,
                       struct bus_buffer *buffer)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    bus_json_name(&json, "genuine");
    bus_json_boolean(&json, genuine);
    if (genuine) {
        bus_json_name(&json, "exchange");
        bus_json_string(&json, proof->seal.exchange);
        bus_json_name(&json, "log");
        bus_json_string(&json, proof->seal.log);
        bus_json_name(&json, "leaf");
        bus_json_integer(&json, (int64_t)proof->leaf);
        bus_json_name(&json, "sealed_at_ms");
        bus_json_integer(&json, proof->seal.sealed_at_ms);
        bus_json_name(&json, "key_id");
        bus_json_string(&json, proof->seal.key_id);
    } else {
        bus_json_name(&json, "code");
        bus_json_string(&json, error->code);
        bus_json_name(&json, "reason");
        bus_json_string(&json, error->message);
    }
    bus_json_end_object(&json);
}

static int answer(const struct cli_context *context, const struct bus_proof *proof, enum bus_status status,
                  const struct bus_error *error)
{
    struct bus_buffer buffer;
    if (status != BUS_OK && !(status == BUS_REJECT && context->json)) {
        if (status == BUS_REJECT)
            fputs("✗ 不真实，不可采信 / not genuine, do not rely on it:\n", stderr);
        return cli_fail(status, error);
    }
    bus_buffer_init(&buffer, BUS_PROOF_MAX_SIZE);
    if (context->json)
        print_json(proof, status == BUS_OK, error, &buffer);
    else
        print_sentence(proof, &buffer);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code == CLI_DONE && status != BUS_OK ? CLI_NO : code;
}

static int verify_proof(const struct cli_context *context, struct bus_bytes text)
{
    struct bus_proof proof;
    struct bus_error error;
    bus_proof_init(&proof);
    enum bus_status status = bus_proof_read(text, &proof, &error);
    if (status == BUS_OK)
        status = bus_proof_check(&proof, context->keys_path, &error);
    int code = answer(context, &proof, status, &error);
    bus_proof_release(&proof);
    return code;
}

int cli_verify(struct cli_context *context, int argc, char **argv)
{
    const char *answer_path = NULL;
    const struct cli_option options[] = {{"answer", CLI_OPTION_TEXT, &answer_path}, {0}};
    struct bus_buffer text;
    struct bus_error error;
    int code;

    int rest = cli_arguments(argc, argv, options);
    if (rest != 1)
        return rest < 0 ? CLI_WRONG_USE : cli_usage(usage);
    if (context->keys_path == NULL)
        return cli_say(CLI_WRONG_USE, "没有指定受信任的公钥：请用 --keys 文件夹、XQ_KEYS 或 --config",
                       "no pinned public keys given: use --keys FOLDER, XQ_KEYS or --config");
    bus_buffer_init(&text, BUS_PROOF_MAX_SIZE);
    enum bus_status status = bus_file_read(strcmp(argv[1], "-") == 0 ? "/dev/stdin" : argv[1], &text, &error);
    if (status != BUS_OK)
        code = cli_fail(status, &error);
    else if (bus_check_is_statement(bus_buffer_view(&text)))
        code = cli_verify_statement(context, bus_buffer_view(&text), answer_path);
    else
        code = answer_path == NULL ? verify_proof(context, bus_buffer_view(&text)) : cli_usage(usage);
    bus_buffer_release(&text);
    return code;
}
