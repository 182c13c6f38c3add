/* xinqiao subject: what the exchange holds about a subject, and to whom it was disclosed (docs/access-report.md). */
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "bus/topics.h"
#include "cli/prove.h"
#include "cli/scan.h"
#include "cli/subject_access.h"
#include "cli/subject_input.h"

#define USAGE                                                                                                          \
    "subject [--file FILE] [--kind person|organisation] [--json | --html FILE] [--proofs FOLDER] "                     \
    "[--officer NAME --reason TEXT]"

enum { DOCUMENT_LIMIT = 256 * 1024 * 1024, OFFICER_SIZE = 128, TEXT_MAX = 4096 };

#define ARENA_LIMIT ((size_t)1024 * 1024 * 1024)

struct asking {
    const char *file, *kind, *html, *proofs, *officer, *reason;
    char login[OFFICER_SIZE];
};

/* --- what was asked --- */

static int refuse_argument(void)
{
    return cli_say(
        CLI_WRONG_USE,
        "标识不能写在命令行里：会留在命令历史和进程列表中。请在提示后输入，或用 --file 文件（- 为标准输入）",
        "an identifier never stands in the argument list, where shell histories and process lists keep it: type it "
        "at the prompt, or use --file FILE (- is standard input)");
}

static bool names_a_subject(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (cli_subject_looks_named(argv[i]))
            return true;
    return false;
}

/* Without an officer's name the account counts: nobody asks anonymously. */
static void name_officer(struct asking *asking)
{
    const struct passwd *account = getpwuid(getuid());
    if (account != NULL)
        snprintf(asking->login, sizeof asking->login, "%s", account->pw_name);
    else
        snprintf(asking->login, sizeof asking->login, "uid %lu", (unsigned long)getuid());
    if (asking->officer == NULL)
        asking->officer = asking->login;
    if (asking->reason == NULL)
        asking->reason = "";
}

static int read_arguments(const struct cli_context *context, int argc, char **argv, struct asking *asking)
{
    const struct cli_option options[] = {
        {"file", CLI_OPTION_TEXT, &asking->file},
        {"kind", CLI_OPTION_TEXT, &asking->kind},
        {"html", CLI_OPTION_TEXT, &asking->html},
        {"proofs", CLI_OPTION_TEXT, &asking->proofs},
        {"officer", CLI_OPTION_TEXT, &asking->officer},
        {"reason", CLI_OPTION_TEXT, &asking->reason},
        {0},
    };
    if (names_a_subject(argc, argv))
        return refuse_argument();
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest > 0)
        return refuse_argument();
    bool kind_known =
        asking->kind == NULL || strcmp(asking->kind, "person") == 0 || strcmp(asking->kind, "organisation") == 0;
    bool half = (asking->officer == NULL) != (asking->reason == NULL);
    if (!kind_known || half || (context->json && asking->html != NULL))
        return cli_usage(USAGE);
    if (asking->officer != NULL && (strlen(asking->officer) > TEXT_MAX || strlen(asking->reason) > TEXT_MAX))
        return cli_say(CLI_WRONG_USE, "经办人或事由过长", "the officer's name or the reason is too long");
    name_officer(asking);
    return CLI_DONE;
}

/* --- who is meant --- */

static enum bus_status identify(const struct asking *asking, struct cli_subject_report *report, struct bus_error *error)
{
    char text[CLI_SUBJECT_INPUT_SIZE] = "";
    enum bus_status status = cli_subject_input(asking->file, text, error);
    if (status != BUS_OK)
        return BUS_FATAL;
    struct bus_bytes named = bus_bytes_text(text);
    if (asking->kind == NULL) {
        status = bus_subject_either(named, &report->kind, report->identifier, error);
    } else {
        report->kind = strcmp(asking->kind, "person") == 0 ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
        status = bus_subject_identifier(report->kind, named, report->identifier, error);
    }
    bus_wipe(text, sizeof text);
    if (status == BUS_REJECT && strcmp(error->code, "SUBJECT_KIND") == 0) {
        bus_fail(error, BUS_FATAL,
                 "it may be a person's or an organisation's: say --kind person or --kind organisation");
        snprintf(error->message_zh, sizeof error->message_zh,
                 "既可能是个人也可能是组织：请加 --kind person 或 --kind organisation");
    }
    return status == BUS_REJECT ? BUS_FATAL : status; /* no identifier at all is wrong use, not "nothing known" */
}

static enum bus_status find_key(const struct cli_context *context, struct cli_subject_report *report,
                                struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    int32_t partitions;
    struct bus_subject_keyer *keyer = NULL;
    enum bus_status status = bus_subject_keyer_load(context->pepper_path, &keyer, error);
    if (status != BUS_OK)
        return status;
    bus_subject_key(keyer, report->kind, report->identifier, report->subject_key);
    bus_subject_keyer_destroy(keyer);
    bus_topic_named(context->prefix, BUS_TOPIC_STATE, topic);
    status = cli_scan_partitions(&context->kafka, topic, &partitions, error);
    if (status == BUS_OK)
        report->partition = bus_subject_partition(report->subject_key, partitions);
    return status == BUS_REJECT ? BUS_FATAL : status;
}

/* --- the answer --- */

static enum bus_status write_html(const struct cli_subject_report *report, const char *path, struct bus_error *error)
{
    struct bus_buffer page;
    bus_buffer_init(&page, DOCUMENT_LIMIT);
    cli_subject_write_html(report, &page);
    enum bus_status status = cli_write_private(path, &page, error);
    bus_buffer_release(&page);
    return status;
}

static int print_json(const struct cli_subject_report *report)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, DOCUMENT_LIMIT);
    cli_subject_write_json(report, &buffer);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static int answer(const struct cli_context *context, const struct asking *asking, struct cli_subject_report *report)
{
    struct bus_error error;
    size_t missing = 0;
    if (report->record_count == 0 && report->case_count == 0)
        return cli_say(CLI_NO, "平台没有该主体的任何记录", "the exchange knows nothing of this subject");
    enum bus_status status =
        asking->proofs != NULL ? cli_subject_prove(context, report, asking->proofs, &missing, &error) : BUS_OK;
    if (status == BUS_OK && asking->html != NULL)
        status = write_html(report, asking->html, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    if (missing > 0)
        fprintf(
            stderr,
            "⚠ %zu 次投递已不在日志中，无法出具证明 / %zu deliveries are gone from their logs and cannot be proved\n",
            missing, missing);
    if (context->json)
        return print_json(report);
    if (asking->html != NULL)
        return cli_say(CLI_DONE, "报告已写出，含个人信息，请妥善保管",
                       "report written; it holds personal data: keep it safe");
    return cli_subject_print(report) ? CLI_DONE
                                     : cli_say(CLI_CANNOT_REACH, "无法写到标准输出", "cannot write to standard output");
}

static int report_on(struct cli_context *context, const struct asking *asking, struct cli_subject_report *report)
{
    struct bus_error error;
    enum bus_status status = identify(asking, report, &error);
    if (status == BUS_OK)
        status = find_key(context, report, &error);
    if (status == BUS_OK)
        status = cli_subject_read(context, report, &error);
    if (status == BUS_OK)
        status = cli_subject_note_access(context, report, &error);
    return status == BUS_OK ? answer(context, asking, report) : cli_fail(status, &error);
}

int cli_subject(struct cli_context *context, int argc, char **argv)
{
    struct asking asking = {0};
    int code = read_arguments(context, argc, argv, &asking);
    if (code != CLI_DONE)
        return code;
    const struct bus_catalogue *catalogue = cli_kafka(context) != NULL ? cli_catalogue(context) : NULL;
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    if (context->pepper_path == NULL)
        return cli_say(CLI_WRONG_USE, "没有指定主体键密钥文件：请用 --pepper 文件、XQ_PEPPER 或配置项 pepper",
                       "no pepper given: use --pepper FILE, XQ_PEPPER or pepper in the configuration");
    struct cli_subject_report report = {
        .catalogue = catalogue,
        .prefix = context->prefix,
        .officer = asking.officer,
        .reason = asking.reason,
        .at_ms = bus_clock_now_ms(&context->clock),
        .arena = bus_arena_create(ARENA_LIMIT),
    };
    code = report.arena != NULL ? report_on(context, &asking, &report)
                                : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
    bus_wipe(report.identifier, sizeof report.identifier);
    bus_arena_destroy(report.arena);
    return code;
}
