#include "bus/identifier.h"

#include "bus/utf8.h"

enum { USCC_LENGTH = 18, BODY_LENGTH = 9, DAYS_TO_1970 = 719468, MAX_CASE_WORDS = 40, MAX_SUB_NUMBER = 4 };

static enum bus_status reject(struct bus_error *error, const char *code, const char *zh, const char *en)
{
    return bus_reject(error, code, zh, en);
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_upper(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z';
}

/* Value of a character of GB 32100 (no I O S V Z), or -1. */
static int uscc_value(uint8_t byte)
{
    static const int8_t letters[] = {10, 11, 12, 13, 14, 15, 16, 17, -1, 18, 19, 20, 21,  /* A to M */
                                     22, -1, 23, 24, 25, -1, 26, 27, -1, 28, 29, 30, -1}; /* N to Z */
    if (is_digit(byte))
        return byte - '0';
    return is_upper(byte) ? letters[byte - 'A'] : -1;
}

/* GB 32100 table 1: which categories each registering department has. */
static bool is_uscc_category(uint8_t department, uint8_t category)
{
    static const struct {
        char department;
        const char *categories;
    } known[] = {{'1', "1239"}, {'2', "19"}, {'3', "123459"}, {'4', "19"}, {'5', "1239"}, {'6', "129"},
                 {'7', "129"},  {'8', "19"}, {'9', "123"},    {'A', "19"}, {'N', "1239"}, {'Y', "1"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].department == (char)department)
            return category != 0 && strchr(known[i].categories, category) != NULL;
    }
    return false;
}

/* Value of a character of GB 11714, or -1: letters count from A = 10 on without gaps. */
static int body_value(uint8_t byte)
{
    if (is_digit(byte))
        return byte - '0';
    return is_upper(byte) ? byte - 'A' + 10 : -1;
}

/* GB 11714: eight characters and their check character. */
static enum bus_status check_body(const uint8_t *text, struct bus_error *error)
{
    static const int weights[] = {3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (size_t i = 0; i < BODY_LENGTH - 1; i++) {
        int value = body_value(text[i]);
        if (value < 0)
            return reject(error, "ORGANISATION_CODE_FORMAT", "组织机构代码含有非法字符",
                          "the organisation code has a character that is no digit or capital");
        sum += value * weights[i];
    }
    int check = 11 - sum % 11;
    char expected = check == 10 ? 'X' : check == 11 ? '0' : (char)('0' + check);
    if (text[BODY_LENGTH - 1] != (uint8_t)expected)
        return reject(error, "ORGANISATION_CODE_CHECK_DIGIT", "组织机构代码校验码错误",
                      "the organisation code's check digit is wrong");
    return BUS_OK;
}

enum bus_status bus_identifier_uscc(struct bus_bytes text, bool *out_inner_bad, struct bus_error *error)
{
    static const int weights[] = {1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28};
    if (text.length != USCC_LENGTH)
        return reject(error, "USCC_LENGTH", "统一社会信用代码不是18位", "the credit code has not 18 characters");
    int sum = 0;
    for (size_t i = 0; i < USCC_LENGTH; i++) {
        int value = uscc_value(text.data[i]);
        if (value < 0 || (i >= 2 && i < 8 && value > 9))
            return reject(error, "USCC_ALPHABET", "统一社会信用代码含有非法字符",
                          "the credit code has a character outside its alphabet");
        sum += i < USCC_LENGTH - 1 ? value * weights[i] : 0;
    }
    if (!is_uscc_category(text.data[0], text.data[1]))
        return reject(error, "USCC_CATEGORY", "统一社会信用代码的登记部门与机构类别不符",
                      "the credit code's department and category do not fit");
    if (uscc_value(text.data[USCC_LENGTH - 1]) != (31 - sum % 31) % 31)
        return reject(error, "USCC_CHECK_DIGIT", "统一社会信用代码校验码错误",
                      "the credit code's check digit is wrong");
    if (out_inner_bad != NULL)
        *out_inner_bad = check_body(text.data + 8, NULL) != BUS_OK;
    return BUS_OK;
}

enum bus_status bus_identifier_organisation_code(struct bus_bytes text, struct bus_error *error)
{
    uint8_t code[BODY_LENGTH];
    if (text.length == BODY_LENGTH) {
        memcpy(code, text.data, BODY_LENGTH);
    } else if (text.length == BODY_LENGTH + 1 && text.data[BODY_LENGTH - 1] == '-') {
        memcpy(code, text.data, BODY_LENGTH - 1);
        code[BODY_LENGTH - 1] = text.data[BODY_LENGTH];
    } else {
        return reject(error, "ORGANISATION_CODE_FORMAT", "组织机构代码不是9位",
                      "the organisation code has not nine characters");
    }
    return check_body(code, error);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

bool bus_date_days(int year, int month, int day, int32_t *out_days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    if (day > lengths[month - 1] + (month == 2 && is_leap(year) ? 1 : 0))
        return false;
    /* Years counted from March, so that the leap day is the last of them. */
    int shifted = month <= 2 ? year - 1 : year;
    int century = shifted / 400, of_century = shifted % 400;
    int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    *out_days = century * 146097 + of_century * 365 + of_century / 4 - of_century / 100 + day_of_year - DAYS_TO_1970;
    return true;
}

void bus_date_civil(int32_t days, int *out_year, int *out_month, int *out_day)
{
    int64_t shifted = (int64_t)days + DAYS_TO_1970;
    int64_t century = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t rest = shifted - century * 146097;
    int64_t year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
    int64_t day_of_year = rest - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    *out_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    *out_month = (int)(month < 10 ? month + 3 : month - 9);
    *out_year = (int)(year + century * 400 + (month >= 10 ? 1 : 0));
}

/* Seventeen digits of a citizen number → its check character, GB 11643. */
static char citizen_check(const char *digits)
{
    static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (size_t i = 0; i < 17; i++)
        sum += (digits[i] - '0') * weights[i];
    return "10X98765432"[sum % 11];
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + text[1] - '0';
}

/* The birth date in an 18-digit number. */
static bool birth_of(const char *number, int32_t *out_days)
{
    return bus_date_days(two_digits(number + 6) * 100 + two_digits(number + 8), two_digits(number + 10),
                         two_digits(number + 12), out_days);
}

enum bus_status bus_identifier_citizen_18(struct bus_bytes text, char out_text[19], struct bus_error *error)
{
    size_t digits = text.length == 18 ? 17 : text.length;
    bool good = text.length == 18 || text.length == 15;
    for (size_t i = 0; good && i < digits; i++)
        good = is_digit(text.data[i]);
    if (!good || (text.length == 18 && !is_digit(text.data[17]) && text.data[17] != 'X'))
        return reject(error, "CITIZEN_NUMBER_FORMAT", "公民身份号码不是18位或15位数字",
                      "the citizen number has not 18 or 15 digits");
    char number[19] = {0};
    memcpy(number, text.data, 6);
    /* The old numbers have years of two digits, all of the last century. */
    memcpy(number + 6, "19", 2);
    if (text.length == 15)
        memcpy(number + 8, text.data + 6, 9);
    else
        memcpy(number + 6, text.data + 6, 11);
    int32_t birth;
    if (!birth_of(number, &birth))
        return reject(error, "CITIZEN_NUMBER_DATE", "公民身份号码中的出生日期不存在",
                      "the citizen number's birth date does not exist");
    number[17] = citizen_check(number);
    if (text.length == 18 && text.data[17] != (uint8_t)number[17])
        return reject(error, "CITIZEN_NUMBER_CHECK_DIGIT", "公民身份号码校验码错误",
                      "the citizen number's check digit is wrong");
    memcpy(out_text, number, sizeof number);
    return BUS_OK;
}

enum bus_status bus_identifier_citizen(struct bus_bytes text, struct bus_error *error)
{
    char number[19];
    return bus_identifier_citizen_18(text, number, error);
}

int32_t bus_identifier_citizen_birth(struct bus_bytes text)
{
    char number[19];
    int32_t days = 0;
    if (bus_identifier_citizen_18(text, number, NULL) == BUS_OK)
        (void)birth_of(number, &days);
    return days;
}

/* Takes one of the characters in `choices` (UTF-8) off the front. */
static bool take_one_of(struct bus_bytes *text, const char *choices)
{
    size_t length = bus_utf8_sequence(*text);
    /* The bytes of a whole character stand nowhere but where it stands. */
    if (length == 0 || memmem(choices, strlen(choices), text->data, length) == NULL)
        return false;
    *text = bus_bytes_of(text->data + length, text->length - length);
    return true;
}

#define PLATE_LETTERS "ABCDEFGHJKLMNPQRSTUVWXYZ"
#define PLATE_DIGITS "0123456789"
#define PLATE_SERIAL PLATE_LETTERS PLATE_DIGITS
#define PROVINCES "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云渝藏陕甘青宁新"

static bool take_all(struct bus_bytes *text, const char *choices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!take_one_of(text, choices))
            return false;
    }
    return true;
}

/* New energy, GA 36-2018: D…K and a serial before four digits (small), or five digits before the letter (large). */
static bool is_new_energy(struct bus_bytes text)
{
    struct bus_bytes small = text, large = text;
    if (take_one_of(&small, "DABCEFGHJK") && take_one_of(&small, PLATE_SERIAL) && take_all(&small, PLATE_DIGITS, 4) &&
        small.length == 0)
        return true;
    return take_all(&large, PLATE_DIGITS, 5) && take_one_of(&large, "DABCEFGHJK") && large.length == 0;
}

/* The police's own plates: WJ, a province, a letter or digit, four digits and one more. */
static bool is_armed_police(struct bus_bytes text)
{
    if (!take_one_of(&text, "W") || !take_one_of(&text, "J"))
        return false;
    (void)take_one_of(&text, PROVINCES);
    return take_all(&text, PLATE_SERIAL, 5) && text.length == 0;
}

/* 使 and 领 stand in front of six digits on older plates, behind the digits on newer ones. */
static bool is_embassy(struct bus_bytes text)
{
    struct bus_bytes newer = text;
    if (take_one_of(&text, "使领") && take_all(&text, PLATE_DIGITS, 6) && text.length == 0)
        return true;
    return take_all(&newer, PLATE_DIGITS, 6) && take_one_of(&newer, "使领") && newer.length == 0;
}

enum bus_status bus_identifier_plate(struct bus_bytes text, struct bus_error *error)
{
    if (is_armed_police(text) || is_embassy(text))
        return BUS_OK;
    struct bus_bytes rest = text;
    if (take_one_of(&rest, PROVINCES) && take_one_of(&rest, PLATE_LETTERS "IO")) {
        if (is_new_energy(rest))
            return BUS_OK;
        /* Five serial characters, the last of which may be one of the special endings. */
        if (take_all(&rest, PLATE_SERIAL, 4) &&
            (take_one_of(&rest, PLATE_SERIAL) || take_one_of(&rest, "挂学警港澳使领")) && rest.length == 0)
            return BUS_OK;
    }
    return reject(error, "PLATE_FORMAT", "号牌号码格式错误（GA 36）", "the plate has no form of GA 36");
}

enum bus_status bus_identifier_violation_code(struct bus_bytes text, struct bus_error *error)
{
    bool good = (text.length == 4 || text.length == 5) && text.data[0] >= '1' && text.data[0] <= '8';
    for (size_t i = 1; good && i < 4; i++)
        good = is_digit(text.data[i]);
    if (good && text.length == 5)
        good = is_digit(text.data[4]) || is_upper(text.data[4]);
    return good ? BUS_OK
                : reject(error, "VIOLATION_CODE_FORMAT", "交通违法行为代码格式错误（GA/T 16.31）",
                         "the traffic violation code has no form of GA/T 16.31");
}

static size_t take_digits(struct bus_bytes *text)
{
    size_t count = 0;
    while (take_one_of(text, PLATE_DIGITS))
        count++;
    return count;
}

/* Characters until `end` (taken too); at most `limit` of them. */
static bool take_until(struct bus_bytes *text, const char *end, size_t limit)
{
    for (size_t i = 0; i <= limit; i++) {
        if (i > 0 && take_one_of(text, end))
            return true;
        size_t length = bus_utf8_sequence(*text);
        if (length == 0)
            return false;
        *text = bus_bytes_of(text->data + length, text->length - length);
    }
    return false;
}

enum bus_status bus_identifier_case_number(struct bus_bytes text, struct bus_error *error)
{
    struct bus_bytes rest = text;
    /* (year) court and kind of case, number 号, and perhaps 之 with a sub-number. */
    bool good = take_one_of(&rest, "(（〔") && take_digits(&rest) == 4 && take_one_of(&rest, ")）〕") &&
                rest.length > 0 && !is_digit(rest.data[0]);
    if (good)
        good = take_until(&rest, "号", MAX_CASE_WORDS);
    const uint8_t *end = rest.data;
    good = good && end - text.data >= 4 && is_digit(end[-4]); /* a digit stands before 号 */
    if (good && rest.length > 0)
        good = take_one_of(&rest, "之") && rest.length > 0 && bus_utf8_characters(rest) <= MAX_SUB_NUMBER;
    return good ? BUS_OK
                : reject(error, "CASE_NUMBER_FORMAT", "案号格式错误，应如（2019）桂0202执1194号",
                         "the case number has no form such as (2019)桂0202执1194号");
}
