#include "tests/support/script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/identifier.h"

enum { MS_A_DAY = 86400000 };

static bool ends_word(char character, bool quoted)
{
    return character == '\0' || (!quoted && isspace((unsigned char)character));
}

/* One word, its quotes removed; NULL when a quote stays open. Moves `at` behind it. */
static char *take_word(char **at)
{
    char *start = *at, *to = *at, *from = *at;
    bool quoted = false;
    for (; !ends_word(*from, quoted); from++) {
        if (*from == '"')
            quoted = !quoted;
        else
            *to++ = *from;
    }
    if (quoted)
        return NULL;
    *at = *from == '\0' ? from : from + 1;
    *to = '\0';
    return start;
}

int test_script_words(char *line, struct test_word words[TEST_SCRIPT_MAX_WORDS])
{
    int count = 0;
    for (char *at = line;;) {
        while (isspace((unsigned char)*at))
            at++;
        if (*at == '\0' || *at == '#')
            return count;
        char *word = take_word(&at);
        if (word == NULL || count == TEST_SCRIPT_MAX_WORDS)
            return -1;
        char *equals = strchr(word, '=');
        if (equals != NULL)
            *equals = '\0';
        words[count++] = (struct test_word){word, equals != NULL ? equals + 1 : NULL};
    }
}

bool test_script_date(const char *text, int64_t *out_days)
{
    int year, month, day, used = 0;
    int32_t days;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || text[used] != '\0')
        return false;
    bool is_date = bus_date_days(year, month, day, &days);
    *out_days = is_date ? days : 0;
    return is_date;
}

bool test_script_time(const char *text, int64_t *out_ms)
{
    char date[11] = "";
    int hour, minute, second, thousandth = 0, used = 0;
    int64_t days;
    if (sscanf(text, "%10[0-9-]T%2d:%2d:%2d%n", date, &hour, &minute, &second, &used) != 4)
        return false;
    if (text[used] == '.') {
        int more = 0;
        if (sscanf(text + used, ".%3d%n", &thousandth, &more) != 1)
            return false;
        used += more;
    }
    if (strcmp(text + used, "Z") != 0 || !test_script_date(date, &days))
        return false;
    *out_ms = days * MS_A_DAY + ((hour * 60 + minute) * 60 + second) * INT64_C(1000) + thousandth;
    return true;
}

bool test_script_decimal(const char *text, int scale, int64_t *out_unscaled)
{
    const char *point = strchr(text, '.');
    int places = point != NULL ? (int)strlen(point + 1) : 0;
    char digits[32];
    if (places > scale || strlen(text) >= sizeof digits)
        return false;
    snprintf(digits, sizeof digits, "%.*s%s", point != NULL ? (int)(point - text) : (int)strlen(text), text,
             point != NULL ? point + 1 : "");
    char *end;
    *out_unscaled = strtoll(digits, &end, 10);
    for (; places < scale; places++)
        *out_unscaled *= 10;
    return *end == '\0' && end != digits;
}
