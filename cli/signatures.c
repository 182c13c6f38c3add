#include "cli/signatures.h"

#include <stdio.h>
#include <sys/stat.h>

#include "bus/receipt.h"

enum { PATH_SIZE = 4096 };

#define AGENT "agent/"

/* Of "agent/<subscriber>/<partition>"; length 0 when the writer is no agent. */
static struct bus_bytes subscriber_of(const char *writer)
{
    const char *name = writer + strlen(AGENT), *end;
    if (strncmp(writer, AGENT, strlen(AGENT)) != 0 || (end = strrchr(name, '/')) == NULL)
        return (struct bus_bytes){NULL, 0};
    return bus_bytes_of(name, (size_t)(end - name));
}

static bool has_keys(const char *keys, struct bus_bytes subscriber)
{
    char path[PATH_SIZE];
    struct stat about;
    int length = snprintf(path, sizeof path, "%s/%.*s", keys, (int)subscriber.length, (const char *)subscriber.data);
    return length > 0 && (size_t)length < sizeof path && stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static enum bus_status check_book(struct bus_receipt_verifier *verifier, const char *exchange,
                                  struct bus_bytes subscriber, const struct cli_shelf_book *book,
                                  enum cli_signature *out_signature, struct bus_error *error)
{
    *out_signature = CLI_UNSIGNED;
    if (book->receipt.data == NULL)
        return BUS_OK;
    enum bus_status status = bus_receipt_verify_book(verifier, exchange, subscriber, bus_bytes_text(book->name),
                                                     book->value, book->receipt, error);
    *out_signature = status == BUS_OK ? CLI_SIGNED : CLI_FORGED;
    return status == BUS_REJECT ? BUS_OK : status;
}

enum bus_status cli_signatures_check(const char *keys, const char *exchange, struct cli_shelf *shelf,
                                     const struct cli_shelf_part *part, struct bus_error *error)
{
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create(keys);
    enum bus_status status = verifier != NULL ? BUS_OK : bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; status == BUS_OK && i < cli_shelf_count(shelf); i++) {
        struct cli_shelf_book book;
        enum cli_signature signature;
        if (!cli_shelf_is_in(shelf, i, part) || !cli_shelf_book(shelf, i, &book))
            continue;
        struct bus_bytes subscriber = subscriber_of(book.writer);
        if (subscriber.length == 0 || !has_keys(keys, subscriber))
            continue;
        status = check_book(verifier, exchange, subscriber, &book, &signature, error);
        cli_shelf_mark(shelf, i, signature);
    }
    bus_receipt_verifier_destroy(verifier);
    return status;
}

bool cli_signatures_has_forged(const struct cli_shelf *shelf, const struct cli_shelf_part *part)
{
    struct cli_shelf_book book;
    for (size_t i = 0; i < cli_shelf_count(shelf); i++)
        if (cli_shelf_is_in(shelf, i, part) && cli_shelf_book(shelf, i, &book) && book.signature == CLI_FORGED)
            return true;
    return false;
}
