#include "bus/identifier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef enum bus_status (*check_function)(struct bus_bytes text, struct bus_error *error);

static void assert_code(check_function check, const char *text, const char *code)
{
    struct bus_error error = {.code = ""};
    enum bus_status status = check(bus_bytes_text(text), &error);
    if (status != (code[0] == '\0' ? BUS_OK : BUS_REJECT) || (status == BUS_REJECT && strcmp(error.code, code) != 0))
        fail_msg("%s: '%s' instead of '%s'", text, status == BUS_OK ? "" : error.code, code);
    if (status == BUS_REJECT)
        assert_true(error.message[0] != '\0' && error.message_zh[0] != '\0');
}

static enum bus_status uscc(struct bus_bytes text, struct bus_error *error)
{
    bool inner_bad = true;
    enum bus_status status = bus_identifier_uscc(text, &inner_bad, error);
    if (status == BUS_OK)
        assert_false(inner_bad);
    return status;
}

static void accepts_the_credit_codes_of_the_standard(void **state)
{
    (void)state;
    static const char *const good[] = {"91350100M000100Y43", "914403001922038216", "9144030071526726XG",
                                       "91330100799655058B", "91110108551385082Q", "9152000071430580XT",
                                       "91100000100003962T", "91450200198229141F", "11230500001755309F"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_code(uscc, good[i], "");
}

static void tells_what_is_wrong_with_a_credit_code(void **state)
{
    (void)state;
    assert_code(uscc, "91350100M000100Y4Z", "USCC_ALPHABET");
    assert_code(uscc, "91100000100003962A", "USCC_CHECK_DIGIT");
    assert_code(uscc, "00000000000000000X", "USCC_CATEGORY");
    assert_code(uscc, "911000001000044477", "USCC_CHECK_DIGIT");
    assert_code(uscc, "91350100M000100Y4", "USCC_LENGTH");
    assert_code(uscc, "", "USCC_LENGTH");
    assert_code(uscc, "91350100m000100y43", "USCC_ALPHABET");
    assert_code(uscc, "9135010AM000100Y43", "USCC_ALPHABET"); /* a letter in the area */
    assert_code(uscc, "97350100M000100Y43", "USCC_CATEGORY");
}

static void finds_every_single_wrong_character_of_a_credit_code(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    for (size_t i = 0; i < 18; i++) {
        for (const char *other = alphabet; *other != '\0'; other++) {
            char text[] = "91350100M000100Y43";
            if (text[i] == *other)
                continue;
            text[i] = *other;
            assert_int_equal(bus_identifier_uscc(bus_bytes_text(text), NULL, NULL), BUS_REJECT);
        }
    }
}

/* Whatever they might be taken to stand for: the check digit is right for one of these. */
static void the_letters_left_out_of_credit_codes_stand_for_nothing(void **state)
{
    (void)state;
    static const char digits[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    for (const char *letter = "IOSVZ"; *letter != '\0'; letter++)
        for (const char *digit = digits; *digit != '\0'; digit++) {
            char text[] = "91350100M000100Y43";
            text[15] = *letter;
            text[17] = *digit;
            assert_code(uscc, text, "USCC_ALPHABET");
        }
}

static void an_inner_check_that_fails_is_a_warning(void **state)
{
    (void)state;
    bool inner_bad = false;
    assert_int_equal(bus_identifier_uscc(bus_bytes_text("91310000631295002H"), &inner_bad, NULL), BUS_OK);
    assert_true(inner_bad);
    assert_int_equal(bus_identifier_uscc(bus_bytes_text("91310000631295002H"), NULL, NULL), BUS_OK);
}

static void judges_organisation_codes(void **state)
{
    (void)state;
    assert_code(bus_identifier_organisation_code, "D2143569X", "");
    assert_code(bus_identifier_organisation_code, "D2143569-X", "");
    assert_code(bus_identifier_organisation_code, "100003962", "");
    assert_code(bus_identifier_organisation_code, "D21435690", "ORGANISATION_CODE_CHECK_DIGIT");
    assert_code(bus_identifier_organisation_code, "D2143569_X", "ORGANISATION_CODE_FORMAT");
    assert_code(bus_identifier_organisation_code, "D214356", "ORGANISATION_CODE_FORMAT");
    assert_code(bus_identifier_organisation_code, "d2143569X", "ORGANISATION_CODE_FORMAT");
}

static void judges_citizen_numbers(void **state)
{
    (void)state;
    assert_code(bus_identifier_citizen, "11010519491231002X", "");
    assert_code(bus_identifier_citizen, "440524188001010014", "");
    assert_code(bus_identifier_citizen, "110105491231002", "");
    assert_code(bus_identifier_citizen, "11010519491231002x", "CITIZEN_NUMBER_FORMAT");
    assert_code(bus_identifier_citizen, "110105194912310021", "CITIZEN_NUMBER_CHECK_DIGIT");
    assert_code(bus_identifier_citizen, "11010519490231002X", "CITIZEN_NUMBER_DATE");
    assert_code(bus_identifier_citizen, "11010519491331002X", "CITIZEN_NUMBER_DATE");
    assert_code(bus_identifier_citizen, "1101054912310", "CITIZEN_NUMBER_FORMAT");
    assert_code(bus_identifier_citizen, "11010549123100X", "CITIZEN_NUMBER_FORMAT");
    assert_code(bus_identifier_citizen, "", "CITIZEN_NUMBER_FORMAT");
}

static void lengthens_old_citizen_numbers(void **state)
{
    (void)state;
    char text[19];
    int32_t birth;
    assert_int_equal(bus_identifier_citizen_18(bus_bytes_text("110105491231002"), text, NULL), BUS_OK);
    assert_string_equal(text, "11010519491231002X");
    assert_int_equal(bus_identifier_citizen_18(bus_bytes_text("440524188001010014"), text, NULL), BUS_OK);
    assert_string_equal(text, "440524188001010014");
    assert_true(bus_date_days(1949, 12, 31, &birth));
    assert_int_equal(bus_identifier_citizen_birth(bus_bytes_text("110105491231002")), birth);
    assert_int_equal(bus_identifier_citizen_birth(bus_bytes_text("11010519491231002X")), birth);
}

static void judges_plates(void **state)
{
    (void)state;
    static const char *const good[] = {"桂B12345",  "桂B1234学", "京AD12345", "桂BF12345", "桂B12345D",
                                       "粤Z1234港", "粤Z1234澳", "桂B1234挂", "桂B1234警", "使014001",
                                       "014001使",  "沪A0023领", "WJ京12345", "桂BA1B2C"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_code(bus_identifier_plate, good[i], "");
    static const char *const bad[] = {"",          "B12345",     "桂12345",    "桂B1234",  "桂B123456",
                                      "桂BI2345",  "桂BO2345",   "桂b12345",   "国B12345", "桂B123学",
                                      "桂B12345L", "桂BL123456", "桂B12345学", "桂B\xe6",  "无牌"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_code(bus_identifier_plate, bad[i], "PLATE_FORMAT");
}

static void judges_violation_codes(void **state)
{
    (void)state;
    static const char *const good[] = {"1039", "1208", "1223", "1301", "1345", "1345A", "80010"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_code(bus_identifier_violation_code, good[i], "");
    static const char *const bad[] = {"", "0039", "9039", "103", "10391A", "1039a", "103A", "1345 "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_code(bus_identifier_violation_code, bad[i], "VIOLATION_CODE_FORMAT");
}

static void judges_case_numbers(void **state)
{
    (void)state;
    static const char *const good[] = {"(2019)桂0202执1194号", "（2019）桂0202执1194号", "(2019）桂0202执1194号",
                                       "(2023)桂02执恢12号", "(2019)桂0202执1194号之一"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_code(bus_identifier_case_number, good[i], "");
    static const char *const bad[] = {"",
                                      "2019桂0202执1194号",
                                      "(201)桂0202执1194号",
                                      "(2019)桂0202执1194",
                                      "(2019)1194号",
                                      "(2019)桂号",
                                      "(2019)桂0202执1194号之",
                                      "(2019)桂0202执1194号xx",
                                      "(2019)",
                                      "(2019)桂\xe5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_code(bus_identifier_case_number, bad[i], "CASE_NUMBER_FORMAT");
}

static void counts_days_and_comes_back(void **state)
{
    (void)state;
    int32_t days;
    int year, month, day;
    assert_true(bus_date_days(1970, 1, 1, &days) && days == 0);
    assert_true(bus_date_days(2000, 2, 29, &days) && days == 11016);
    assert_true(bus_date_days(2026, 11, 24, &days) && days == 20781);
    assert_true(bus_date_days(9999, 12, 31, &days));
    assert_false(bus_date_days(1900, 2, 29, &days));
    assert_false(bus_date_days(2023, 2, 29, &days));
    assert_false(bus_date_days(2023, 13, 1, &days));
    assert_false(bus_date_days(2023, 0, 1, &days));
    assert_false(bus_date_days(2023, 4, 31, &days));
    assert_false(bus_date_days(2023, 4, 0, &days));
    assert_false(bus_date_days(0, 4, 1, &days));
    int32_t first;
    assert_true(bus_date_days(1, 1, 1, &first));
    for (int32_t at = first; at < 3000000; at += 37) {
        bus_date_civil(at, &year, &month, &day);
        if (year > 9999)
            break;
        assert_true(bus_date_days(year, month, day, &days));
        assert_int_equal(days, at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_credit_codes_of_the_standard),
        cmocka_unit_test(tells_what_is_wrong_with_a_credit_code),
        cmocka_unit_test(finds_every_single_wrong_character_of_a_credit_code),
        cmocka_unit_test(the_letters_left_out_of_credit_codes_stand_for_nothing),
        cmocka_unit_test(an_inner_check_that_fails_is_a_warning),
        cmocka_unit_test(judges_organisation_codes),
        cmocka_unit_test(judges_citizen_numbers),
        cmocka_unit_test(lengthens_old_citizen_numbers),
        cmocka_unit_test(judges_plates),
        cmocka_unit_test(judges_violation_codes),
        cmocka_unit_test(judges_case_numbers),
        cmocka_unit_test(counts_days_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
