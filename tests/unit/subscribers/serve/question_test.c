#include "subscribers/serve/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "subscribers/serve/front.h"
#include "subscribers/serve/guests.h"

static struct serve_question question;
static struct bus_error error;

static const char *refusal_of(const char *code)
{
    question = (struct serve_question){0};
    error = (struct bus_error){0};
    return serve_question_subject(&question, code, &error) == BUS_OK ? "" : error.code;
}

static void a_company_is_named_by_its_credit_code_or_organisation_code(void **state)
{
    (void)state;
    assert_string_equal(refusal_of("91350100M000100Y43"), "");
    assert_int_equal(question.kind, BUS_SUBJECT_ORGANISATION);
    assert_string_equal(question.identifier, "M000100Y4");
    assert_string_equal(question.stated, "91350100M000100Y43");
    assert_string_equal(refusal_of("91350100m000100y43"), "");
    assert_string_equal(question.code, "91350100M000100Y43");
    assert_string_equal(refusal_of("D2143569X"), "");
    assert_string_equal(question.identifier, "D2143569X");
    assert_string_equal(refusal_of("d2143569-x"), "");
    assert_string_equal(question.code, "D2143569X");
}

static void a_person_is_stated_by_a_digest_only(void **state)
{
    (void)state;
    assert_string_equal(refusal_of("11010519491231002X"), "");
    assert_int_equal(question.kind, BUS_SUBJECT_PERSON);
    assert_string_equal(question.identifier, "11010519491231002X");
    assert_int_equal(strncmp(question.stated, "sm3:", 4), 0);
    assert_int_equal(strlen(question.stated), 4 + 64);
    assert_null(strstr(question.stated, "110105"));
}

static void a_wrong_code_is_refused_with_what_is_wrong(void **state)
{
    (void)state;
    assert_string_equal(refusal_of("91350100M000100Y44"), "USCC_CHECK_DIGIT");
    assert_string_equal(refusal_of("D21435691"), "ORGANISATION_CODE_CHECK_DIGIT");
    assert_string_equal(refusal_of("110105491231003"), "");
    assert_string_equal(refusal_of("110105499931003"), "CITIZEN_NUMBER_DATE");
    static const char *const bad[] = {"", "1", "91350100", "91350100M000100Y431", "0123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(refusal_of(bad[i]), "SUBJECT_LENGTH");
}

static void a_purpose_has_two_characters_and_no_controls(void **state)
{
    (void)state;
    char words[SERVE_WORDS_SIZE], longest[SERVE_WORDS_SIZE + 1] = {0};
    assert_true(serve_question_words("评标", words));
    assert_string_equal(words, "评标");
    memset(longest, 'a', SERVE_WORDS_SIZE - 1);
    assert_true(serve_question_words(longest, words));
    longest[SERVE_WORDS_SIZE - 1] = 'a';
    assert_false(serve_question_words(longest, words));
    static const char *const bad[] = {"", "a", "评", "  ", "a\nb", "\xff\xfe", "a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(serve_question_words(bad[i], words));
    assert_false(serve_question_words(NULL, words));
}

static void two_paths_are_known(void **state)
{
    (void)state;
    char code[SERVE_CODE_SIZE];
    enum serve_form form;
    assert_true(serve_front_path("/subjects/91350100M000100Y43", code, &form) && form == SERVE_FORM_ANSWER);
    assert_string_equal(code, "91350100M000100Y43");
    assert_true(serve_front_path("/subjects/D2143569X/sheet", code, &form) && form == SERVE_FORM_SHEET);
    assert_string_equal(code, "D2143569X");
    assert_true(serve_front_path("/subjects/", code, &form));
    assert_string_equal(code, "");
    static const char *const bad[] = {
        "/", "/subjects", "/subjects/x/", "/subjects/x/sheet/", "/subjects/x/sheets", "/Subjects/x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(serve_front_path(bad[i], code, &form));
}

static void who_asks_too_often_waits_and_others_do_not(void **state)
{
    (void)state;
    struct serve_guests *guests = serve_guests_create(60, 2);
    char name[32];
    assert_int_equal(serve_guests_admit(guests, "a", 1), 0);
    assert_int_equal(serve_guests_admit(guests, "a", 1), 0);
    assert_int_equal(serve_guests_admit(guests, "a", 1), 2);
    assert_int_equal(serve_guests_admit(guests, "b", 1), 0);
    assert_int_equal(serve_guests_admit(guests, "a", 1500000), 0);
    for (int i = 0; i < 1000; i++) { /* more than are remembered */
        snprintf(name, sizeof name, "guest %d", i);
        assert_int_equal(serve_guests_admit(guests, name, 1500001 + i), 0);
    }
    serve_guests_destroy(guests);
}

static void who_asked_last_is_not_forgotten_for_a_stranger(void **state)
{
    (void)state;
    struct serve_guests *guests = serve_guests_create(1, 1);
    char name[32];
    assert_int_equal(serve_guests_admit(guests, "a", 1), 0);
    for (int i = 0; i < 255; i++) {
        snprintf(name, sizeof name, "guest %d", i);
        assert_int_equal(serve_guests_admit(guests, name, 2), 0);
    }
    assert_true(serve_guests_admit(guests, "a", 3) > 0);
    assert_int_equal(serve_guests_admit(guests, "stranger", 4), 0);
    assert_true(serve_guests_admit(guests, "a", 5) > 0);
    serve_guests_destroy(guests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_company_is_named_by_its_credit_code_or_organisation_code),
        cmocka_unit_test(a_person_is_stated_by_a_digest_only),
        cmocka_unit_test(a_wrong_code_is_refused_with_what_is_wrong),
        cmocka_unit_test(a_purpose_has_two_characters_and_no_controls),
        cmocka_unit_test(two_paths_are_known),
        cmocka_unit_test(who_asks_too_often_waits_and_others_do_not),
        cmocka_unit_test(who_asked_last_is_not_forgotten_for_a_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
