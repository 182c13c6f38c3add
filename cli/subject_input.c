#include "cli/subject_input.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "bus/digest.h"
#include "bus/identifier.h"

enum {
    READ_SIZE = 512, /* of the file that is looked at */
    ORGANISATION_LENGTH = 9,
    OLD_CITIZEN_LENGTH = 15,
    LENGTH = 18, /* of citizen numbers and credit codes */
    DIGITS = 14, /* with which a citizen number begins, right or not */
};

/* --- arguments --- */

static bool is_named(const char *word, size_t length)
{
    char upper[LENGTH];
    size_t digits = 0;
    if (length != ORGANISATION_LENGTH && length != OLD_CITIZEN_LENGTH && length != LENGTH)
        return false;
    for (size_t i = 0; i < length; i++)
        upper[i] = (char)toupper((unsigned char)word[i]);
    while (digits < length && isdigit((unsigned char)upper[digits]))
        digits++;
    struct bus_bytes text = bus_bytes_of(upper, length);
    struct bus_error ignored;
    bool named = length == ORGANISATION_LENGTH
                     ? bus_identifier_organisation_code(text, &ignored) == BUS_OK
                     : digits >= DIGITS || bus_identifier_uscc(text, NULL, &ignored) == BUS_OK;
    bus_wipe(upper, sizeof upper);
    return named;
}

/* Word by word, so that an option's value and a path are looked at as well. */
bool cli_subject_looks_named(const char *argument)
{
    while (*argument != '\0') {
        size_t length = 0;
        while (isalnum((unsigned char)argument[length]))
            length++;
        if (is_named(argument, length))
            return true;
        argument += length > 0 ? length : 1;
    }
    return false;
}

/* --- reading --- */

static enum bus_status refuse(struct bus_error *error, const char *text_zh, const char *text_en)
{
    bus_fail(error, BUS_REJECT, "%s", text_en);
    snprintf(error->message_zh, sizeof error->message_zh, "%s", text_zh);
    return BUS_REJECT;
}

/* The one line among what was read. */
static enum bus_status take_line(const char *read, size_t length, char out_text[CLI_SUBJECT_INPUT_SIZE],
                                 struct bus_error *error)
{
    while (length > 0 && isspace((unsigned char)read[length - 1]))
        length--;
    for (; length > 0 && isspace((unsigned char)*read); read++)
        length--;
    if (length == 0)
        return refuse(error, "没有给出标识", "no identifier was given");
    for (size_t i = 0; i < length; i++)
        if (iscntrl((unsigned char)read[i]))
            return read[i] == '\n'
                       ? refuse(error, "一次只能查询一个主体：只写一行", "one subject at a time: give one line only")
                       : refuse(error, "已取消", "cancelled");
    if (length >= CLI_SUBJECT_INPUT_SIZE)
        return refuse(error, "标识过长", "the identifier is too long");
    for (size_t i = 0; i < length; i++)
        out_text[i] = (char)toupper((unsigned char)read[i]);
    out_text[length] = '\0';
    return BUS_OK;
}

static enum bus_status read_handle(int handle, const char *what, bool line, char out_text[CLI_SUBJECT_INPUT_SIZE],
                                   struct bus_error *error)
{
    char read_text[READ_SIZE];
    size_t length = 0;
    ssize_t got = 1;
    while (got > 0 && length < sizeof read_text && !(line && length > 0 && read_text[length - 1] == '\n')) {
        got = read(handle, read_text + length, sizeof read_text - length);
        if (got > 0)
            length += (size_t)got;
    }
    enum bus_status status = got < 0 ? bus_fail(error, BUS_FATAL, "read %s: %s", what, strerror(errno))
                             : length == sizeof read_text ? refuse(error, "标识过长", "the identifier is too long")
                                                          : take_line(read_text, length, out_text, error);
    bus_wipe(read_text, sizeof read_text);
    return status;
}

static enum bus_status read_file(const char *path, char out_text[CLI_SUBJECT_INPUT_SIZE], struct bus_error *error)
{
    int handle = open(path, O_RDONLY | O_CLOEXEC);
    if (handle < 0)
        return bus_fail(error, BUS_FATAL, "open %s: %s", path, strerror(errno));
    enum bus_status status = read_handle(handle, path, false, out_text, error);
    close(handle);
    return status;
}

/* Signals would leave the terminal without echo: an interrupt is a character of the line instead, and cancels. */
static enum bus_status read_terminal(char out_text[CLI_SUBJECT_INPUT_SIZE], struct bus_error *error)
{
    static const char prompt[] =
        "公民身份号码、统一社会信用代码或组织机构代码 / citizen number, credit code or organisation code: ";
    struct termios before, silent;
    int handle = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (handle < 0 || tcgetattr(handle, &before) != 0) {
        if (handle >= 0)
            close(handle);
        bus_fail(error, BUS_FATAL, "there is no terminal to ask for the identifier: use --file FILE or --file -");
        snprintf(error->message_zh, sizeof error->message_zh, "没有终端可以输入标识：请用 --file 文件，或 --file -");
        return BUS_FATAL;
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    bool asked = tcsetattr(handle, TCSAFLUSH, &silent) == 0 &&
                 write(handle, prompt, sizeof prompt - 1) == (ssize_t)(sizeof prompt - 1);
    enum bus_status status = asked ? read_handle(handle, "the terminal", true, out_text, error)
                                   : bus_fail(error, BUS_FATAL, "ask at the terminal: %s", strerror(errno));
    bool told = write(handle, "\n", 1) == 1;
    if (tcsetattr(handle, TCSAFLUSH, &before) != 0 || !told)
        status = status == BUS_OK ? bus_fail(error, BUS_FATAL, "give the terminal back: %s", strerror(errno)) : status;
    close(handle);
    return status;
}

enum bus_status cli_subject_input(const char *path, char out_text[CLI_SUBJECT_INPUT_SIZE], struct bus_error *error)
{
    if (path == NULL)
        return read_terminal(out_text, error);
    if (strcmp(path, "-") == 0)
        return read_handle(STDIN_FILENO, "standard input", false, out_text, error);
    return read_file(path, out_text, error);
}
