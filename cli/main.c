/* xinqiao: the operator's command. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/kafka_settings.h"
#include "bus/log.h"
#include "cli/command.h"

enum { PATH_SIZE = 4096 };

static const struct cli_command commands[] = {
    {"topics", cli_topics,
     "topics create [--partitions N] [--replication N]\n"
     "topics check [--partitions N]\n"
     "topics list",
     "主题的建立、核对与列出", "the exchange's topics: make, check, list"},
    {"catalogue", cli_catalogue_command,
     "catalogue check\n"
     "catalogue doc\n"
     "catalogue views FOLDER\n"
     "catalogue diff FILE",
     "目录的检查、文档、授权视图与差异",
     "the catalogue: prove it whole, document it, write the views' schemas, tell what another would change"},
    {"feeds", cli_feeds_command,
     "feeds list [--department D] [--overdue]\n"
     "feeds show FEED\n"
     "feeds try --config ADAPTER.cfg FEED FILE [--rows N] [--only-complaints] [--html FILE] [--show-personal]\n"
     "feeds approve FEED DIGEST --officer NAME --reason TEXT\n"
     "feeds reject FEED DIGEST --officer NAME --reason TEXT\n"
     "feeds pause FEED --officer NAME --reason TEXT\n"
     "feeds resume FEED --officer NAME --reason TEXT",
     "数据源：何时报送、是否逾期、试映射、批准或驳回清单、暂停与恢复",
     "feeds: when they came and are due, try a mapping, approve or reject a list, pause and resume"},
    {"books", cli_books, "books [--day YYYY-MM-DD] [--brief]", "对账：每个目录项一行，不平之处在哪里",
     "the books, a row an item: do they balance, and where not?"},
    {"lag", cli_lag, "lag [--partitions] [--max-seconds N]", "积压：条数与秒数",
     "what waits, in records and in seconds"},
    {"quarantine", cli_quarantine,
     "quarantine list [--department D] [--item I] [--stage S] [--code C] [--open] [--limit N]\n"
     "quarantine show ID [--bytes]\n"
     "quarantine replay ID… --officer NAME --reason TEXT\n"
     "quarantine discard ID… --officer NAME --reason TEXT",
     "隔离区：列出、查看、重放、作废", "the quarantine: list, show, replay, discard"},
    {"record", cli_record,
     "record show IDENTITY\n"
     "record show --department D --item I --key KEY",
     "一条记录的一生", "a record's life: versions, status, deliveries"},
    {"receipts", cli_receipts,
     "receipts IDENTITY\n"
     "receipts --department D --item I --key KEY\n"
     "receipts [--subscriber NAME]\n"
     "receipts --refused [--subscriber NAME]",
     "回执：谁签收了一条记录、各日志签收到哪里、拒收了什么",
     "receipts: who has signed for a record, how far each log is signed for, what was refused"},
    {"laggards", cli_laggards, "laggards [--older 1h] [--subscriber NAME] [--limit N]",
     "谁还没有签收收回、更正、异议与修复", "who has not signed for a withdrawal, correction, dispute or repair"},
    {"why", cli_why_command,
     "why IDENTITY SUBSCRIBER [--at TIME]\n"
     "why SUBSCRIBER --department D --item I --key KEY [--at TIME]",
     "某订阅方为何得到或得不到一条记录", "why a subscriber gets a record, or does not, rule by rule"},
    {"rights", cli_rights,
     "rights open dispute|correction|repair|restriction IDENTITY --case NUMBER --document NUMBER --officer NAME --reason TEXT\n"
     "rights open KIND --department D --item I --key KEY --case NUMBER …\n"
     "rights resolve CASE --step UPHELD|REJECTED|REVOKED|LIFTED --document NUMBER --officer NAME --reason TEXT\n"
     "rights list [--open] [--overdue] [--department D] [--kind K]\n"
     "rights show CASE [--kind K]",
     "权益：异议、更正、修复、限制", "rights of the subject: dispute, correction, repair, restriction"},
    {"agents", cli_agents_command,
     "agents list\n"
     "agents show SUBSCRIBER\n"
     "agents pause SUBSCRIBER --officer NAME --reason TEXT\n"
     "agents resume SUBSCRIBER --officer NAME --reason TEXT\n"
     "agents skip SUBSCRIBER PARTITION LEAF [--officer NAME --reason TEXT]\n"
     "agents compare SUBSCRIBER --officer NAME --reason TEXT\n"
     "agents resend SUBSCRIBER YYYY-MM-DD --officer NAME --reason TEXT",
     "订阅方的代理：情况、暂停与恢复、跳过一条投递、与省平台比对、重发",
     "agents of subscribers: how they stand, pause and resume, skip a delivery, compare with the province, send again"},
    {"resync", cli_resync, "resync SUBSCRIBER [DEPARTMENT/ITEM] --officer NAME --reason TEXT", "请求重新投递有效记录",
     "ask that what is current be delivered again"},
    {"subject", cli_subject,
     "subject [--file FILE] [--kind person|organisation] [--json | --html FILE] [--proofs FOLDER] [--officer NAME --reason TEXT]",
     "信用主体的查询报告，标识从终端或文件读入",
     "access report of a subject, whose identifier is read from the terminal or a file"},
    {"prove", cli_prove,
     "prove TOPIC PARTITION LEAF [--out FILE]\n"
     "prove --record IDENTITY --subscriber NAME [--out FILE]",
     "写出一条投递的证明", "write the proof of one delivery"},
    {"verify", cli_verify, "verify FILE|- --keys FOLDER [--answer FILE]", "离线核验证明、核查单",
     "check a proof, or the text of a check sheet, offline, against pinned keys"},
    {"keys", cli_keys,
     "keys new --dir FOLDER [--suite sm2-sm3|ed25519-sha256]\n"
     "keys new --private FILE --public FOLDER [--suite S]\n"
     "keys show FILE|FOLDER",
     "签章密钥的生成与查看", "signing keys: make and show"},
    {0},
};

/* What the context borrows from. */
struct origin {
    const char *config, *bootstrap, *prefix, *catalogue, *keys, *receipt_keys, *state, *pepper;
    struct bus_kafka_settings kafka;
    char catalogue_path[PATH_SIZE], keys_path[PATH_SIZE], receipt_keys_path[PATH_SIZE], state_path[PATH_SIZE],
        pepper_path[PATH_SIZE];
};

/* --- where things are: options, then the configuration file, then the environment --- */

static const char *from_environment(const char *given, const char *name)
{
    if (given != NULL)
        return given;
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static enum bus_status resolve(const struct cli_context *context, const char *name, char path[PATH_SIZE],
                               const char **out_path, struct bus_error *error)
{
    const char *text = bus_settings_text(bus_settings_root(context->settings), cli_options, name);
    if (*out_path != NULL || text[0] == '\0')
        return BUS_OK;
    *out_path = path;
    return bus_settings_resolve(context->settings, text, path, PATH_SIZE, error);
}

static enum bus_status read_settings(struct cli_context *context, struct origin *origin, struct bus_error *error)
{
    enum bus_status status = bus_settings_load(origin->config, &context->settings, error);
    if (status != BUS_OK)
        return status;
    const struct bus_settings_node *root = bus_settings_root(context->settings);
    const struct bus_settings_node *kafka = bus_settings_child(root, "kafka");
    status = bus_settings_check(root, cli_options, error);
    if (status == BUS_OK && kafka != NULL)
        status = bus_kafka_settings_read(kafka, "xinqiao", &origin->kafka, error);
    if (status == BUS_OK)
        status = resolve(context, "catalogue", origin->catalogue_path, &context->catalogue_path, error);
    if (status == BUS_OK)
        status = resolve(context, "keys", origin->keys_path, &context->keys_path, error);
    if (status == BUS_OK)
        status = resolve(context, "receipt_keys", origin->receipt_keys_path, &context->receipt_keys_path, error);
    if (status == BUS_OK)
        status = resolve(context, "state", origin->state_path, &context->state_path, error);
    if (status == BUS_OK)
        status = resolve(context, "pepper", origin->pepper_path, &context->pepper_path, error);
    if (status != BUS_OK)
        return status;
    context->kafka.settings = origin->kafka.kafka.settings;
    if (context->kafka.bootstrap == NULL)
        context->kafka.bootstrap = origin->kafka.kafka.bootstrap;
    if (context->prefix == NULL)
        context->prefix = origin->kafka.prefix;
    context->gateway_group = bus_settings_text(root, cli_options, "gateway_group");
    context->agent_group_prefix = bus_settings_text(root, cli_options, "agent_group_prefix");
    return BUS_OK;
}

static int fill_context(struct cli_context *context, struct origin *origin)
{
    struct bus_error error;
    context->kafka = (struct bus_kafka){.bootstrap = origin->bootstrap, .client_id = "xinqiao"};
    context->prefix = origin->prefix;
    context->catalogue_path = origin->catalogue;
    context->keys_path = origin->keys;
    context->receipt_keys_path = origin->receipt_keys;
    context->state_path = origin->state;
    context->pepper_path = origin->pepper;
    context->gateway_group = "xq-gateway";
    context->agent_group_prefix = "xq-agent-";
    context->clock = bus_clock_real();
    origin->config = from_environment(origin->config, "XQ_CONFIG");
    if (origin->config != NULL) {
        enum bus_status status = read_settings(context, origin, &error);
        if (status != BUS_OK)
            return cli_fail(status, &error);
    }
    context->kafka.bootstrap = from_environment(context->kafka.bootstrap, "XQ_BOOTSTRAP");
    context->catalogue_path = from_environment(context->catalogue_path, "XQ_CATALOGUE");
    context->keys_path = from_environment(context->keys_path, "XQ_KEYS");
    context->receipt_keys_path = from_environment(context->receipt_keys_path, "XQ_RECEIPT_KEYS");
    context->state_path = from_environment(context->state_path, "XQ_STATE");
    context->pepper_path = from_environment(context->pepper_path, "XQ_PEPPER");
    context->prefix = from_environment(context->prefix, "XQ_PREFIX");
    if (context->prefix == NULL)
        context->prefix = "xq.";
    return CLI_DONE;
}

/* --- the command line --- */

static const char *const shared_texts[] = {"--config", "--bootstrap", "--prefix", "--catalogue",
                                           "--keys",   "--state",     "--pepper", "--receipt-keys"};

/* Where a shared option's text goes, or NULL. */
static const char **shared_place(struct origin *origin, const char *argument, size_t *out_length)
{
    const char **const places[] = {&origin->config, &origin->bootstrap, &origin->prefix, &origin->catalogue,
                                   &origin->keys,   &origin->state,     &origin->pepper, &origin->receipt_keys};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        *out_length = strlen(shared_texts[i]);
        if (strncmp(argument, shared_texts[i], *out_length) == 0 &&
            (argument[*out_length] == '\0' || argument[*out_length] == '='))
            return places[i];
    }
    return NULL;
}

/* Takes the shared options out of argv; the number of arguments left, or -1. */
static int take_shared(int argc, char **argv, struct cli_context *context, struct origin *origin)
{
    int left = 1;
    for (int at = 1; at < argc; at++) {
        size_t length;
        const char **place = shared_place(origin, argv[at], &length);
        if (place != NULL && argv[at][length] == '=') {
            *place = argv[at] + length + 1;
        } else if (place != NULL && at + 1 < argc) {
            *place = argv[++at];
        } else if (place != NULL) {
            fprintf(stderr, "✗ %s 缺少值 / needs a value\n", argv[at]);
            return -1;
        } else if (strcmp(argv[at], "--json") == 0) {
            context->json = true;
        } else {
            argv[left++] = argv[at];
        }
    }
    argv[left] = NULL;
    return left;
}

static int explain(const struct cli_command *command)
{
    printf("%s / %s\n", command->meaning_zh, command->meaning_en);
    for (const char *line = command->usage; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        printf("  xinqiao %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    return CLI_DONE;
}

static int print_help(void)
{
    puts("xinqiao：信桥运维命令 / the operator's command of Xinqiao\n");
    for (const struct cli_command *command = commands; command->name != NULL; command++)
        explain(command);
    puts("\n各命令共用 / for every command:\n"
         "  --config FILE       XQ_CONFIG     配置文件 / configuration file\n"
         "  --bootstrap HOST:P  XQ_BOOTSTRAP  Kafka\n"
         "  --prefix TEXT       XQ_PREFIX     主题前缀 / prefix of topics (xq.)\n"
         "  --catalogue FILE    XQ_CATALOGUE  目录 / catalogue\n"
         "  --keys FOLDER       XQ_KEYS       公钥目录 / pinned public keys\n"
         "  --receipt-keys FOLDER XQ_RECEIPT_KEYS 订阅方公钥目录 / subscribers' pinned public keys\n"
         "  --state FOLDER      XQ_STATE      网关状态目录 / the gateway's state folder\n"
         "  --pepper FILE       XQ_PEPPER     主体键密钥文件 / the exchange's pepper\n"
         "  --json                            以 JSON 回答 / answer in JSON\n"
         "\n退出码 / exit: 0 完成 done, 1 答案为否 the answer is no, 2 用法错误 wrong use, 3 无法连接 cannot reach");
    return CLI_DONE;
}

static const struct cli_command *find_command(const char *name)
{
    struct bus_option known[sizeof commands / sizeof commands[0]] = {0};
    for (size_t i = 0; commands[i].name != NULL; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        known[i].name = commands[i].name;
    }
    const char *nearest = bus_settings_nearest(known, name);
    fprintf(stderr, "✗ 未知命令 / unknown command: %s", name);
    if (nearest != NULL)
        fprintf(stderr, "；是否 / did you mean %s?", nearest);
    fputs("\n  xinqiao --help\n", stderr);
    return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* Whether --config is not ours: `feeds try` gives it to the adapter. */
static bool passes_config_on(const struct cli_command *command, int argc, char **argv)
{
    return command->run == cli_feeds_command && argc > 2 && strcmp(argv[2], "try") == 0;
}

int main(int argc, char **argv)
{
    struct cli_context context = {0};
    struct origin origin = {0};
    bus_log_open("xinqiao", BUS_LOG_ERROR);
    int left = take_shared(argc, argv, &context, &origin);
    if (left < 0)
        return CLI_WRONG_USE;
    if (left > 1 && strcmp(argv[1], "--version") == 0)
        return puts("xinqiao " XINQIAO_VERSION) < 0;
    if (left < 2)
        return print_help(), CLI_WRONG_USE;
    if (argv[1][0] == '-' ? asks_for_help(2, argv) : strcmp(argv[1], "help") == 0)
        return print_help();
    const struct cli_command *command = find_command(argv[1]);
    if (command == NULL)
        return CLI_WRONG_USE;
    if (asks_for_help(left, argv))
        return explain(command);
    if (passes_config_on(command, left, argv)) {
        context.foreign_config = origin.config;
        origin.config = NULL;
    }
    int code = fill_context(&context, &origin);
    if (code == CLI_DONE)
        code = command->run(&context, left - 1, argv + 1);
    bus_catalogue_destroy(context.loaded);
    bus_settings_destroy(context.settings);
    return code;
}
