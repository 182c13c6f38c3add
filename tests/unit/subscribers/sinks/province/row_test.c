#include "subscribers/sinks/province/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/province_builder.h"

enum { TEXT_SIZE = 8192 };

static struct test_province province;
static struct bus_arena *arena;
static char text[TEXT_SIZE];

static int open_all(void **state)
{
    (void)state;
    test_province_open(&province);
    arena = bus_arena_create(16 * 1024 * 1024);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    bus_arena_destroy(arena);
    test_province_close(&province);
    return 0;
}

/* The row's fields as JSON text, or the code of the refusal. */
static const char *row_of(const struct test_report *report)
{
    struct subscribers_delivery delivery = test_province_delivery(&province, report);
    struct province_row row;
    struct bus_error error;
    enum bus_status status = province_row_make(province.mapping, &delivery, arena, &row, &error);
    snprintf(text, sizeof text, "%.*s", status == BUS_OK ? (int)row.fields.length : 0, (const char *)row.fields.data);
    if (status == BUS_REJECT) {
        assert_non_null(strstr(error.message_zh, "字段"));
        assert_non_null(strstr(error.message, "field"));
        snprintf(text, sizeof text, "%s", error.code);
    }
    test_province_free(&delivery, 1);
    return text;
}

/* Of a penalty with one other value. */
static const char *with(const char *name, const char *value)
{
    const struct test_field fields[] = {{name, value}, {NULL, NULL}};
    return row_of(&(struct test_report){.number = 1, .version = 1, .fields = fields});
}

static void two_thousand_yuan_are_zero_point_two(void **state)
{
    (void)state;
    assert_non_null(strstr(with("fine_amount", "200000"), "\"CF_NR_FK\":\"0.200000\""));
    assert_non_null(strstr(with("fine_amount", "1"), "\"CF_NR_FK\":\"0.000001\""));
    assert_non_null(strstr(with("fine_amount", "123456000000"), "\"CF_NR_FK\":\"123456.000000\""));
    assert_string_equal(with("fine_amount", "-1"), "PROVINCE_FORMAT");
}

static void amounts_in_yuan_move_their_point(void **state)
{
    (void)state;
    const struct test_field fields[] = {{"subject_name", "某某公司"},
                                        {"credit_code", "91450200198229141F"},
                                        {"document_number", "1"},
                                        {"listing_basis", "条例"},
                                        {"facts", "欠薪"},
                                        {"amount_owed", "200050"},
                                        {"authority", "某局"},
                                        {"listed_on", "20780"},
                                        {NULL, NULL}};
    const char *row = row_of(&(struct test_report){.department = "social", .item = "wage.arrears", .fields = fields});
    assert_non_null(strstr(row, "\"MD_SJJE\":\"0.200050\"")); /* 2,000.50 yuan */
    assert_non_null(strstr(row, "\"MD_MC\":\"拖欠农民工工资失信联合惩戒对象名单\""));
    assert_non_null(strstr(row, "\"MD_YXQ\":\"2099-12-31\""));
}

static void dates_are_written_as_the_layout_wants(void **state)
{
    (void)state;
    const struct test_field fields[] = {{"subject_name", "某某公司"},
                                        {"case_number", "(2019)桂0202执1194号"},
                                        {"party_kind", "1"},
                                        {"credit_code", "91450200198229141F"},
                                        {"court_name", "某法院"},
                                        {"area_name", "广西"},
                                        {"basis_number", "1"},
                                        {"basis_unit", "某法院"},
                                        {"filed_on", "18090"},
                                        {"published_on", "18090"},
                                        {"duty", "还款"},
                                        {"performance", "全部未履行"},
                                        {"conduct", "有能力而拒不履行"},
                                        {NULL, NULL}};
    const char *row =
        row_of(&(struct test_report){.department = "court", .item = "dishonest.debtor", .fields = fields});
    assert_non_null(strstr(row, "\"regDate\":\"20190713\""));
    assert_non_null(strstr(row, "\"publishDate\":\"2019年07月13日\""));
    row = with("decided_on", "20780");
    assert_non_null(strstr(row, "\"CF_JDRQ\":\"2026-11-23\""));
    assert_non_null(strstr(row, "\"CF_YXQ\":\"2099-12-31\"")); /* no end */
}

static void several_kinds_stay_joined(void **state)
{
    (void)state;
    assert_non_null(strstr(with("penalty_kinds", "警告;罚款"), "\"CF_CFLB\":\"警告;罚款\""));
    assert_string_equal(with("penalty_kinds", "警告;训诫"), "PROVINCE_CODE");
    assert_string_equal(with("penalty_kinds", "警告;;罚款"), "PROVINCE_CODE");
}

static void what_is_required_is_not_sent_without(void **state)
{
    (void)state;
    assert_string_equal(with("basis", ""), "PROVINCE_REQUIRED");
    assert_string_equal(with("publicity_ends_on", NULL), "PROVINCE_REQUIRED");
    assert_null(strstr(with("registration_number", NULL), "CF_XDR_GSZC"));
}

static void a_fine_without_its_amount_is_not_sent(void **state)
{
    (void)state;
    assert_string_equal(with("fine_amount", NULL), "PROVINCE_REQUIRED");
    const struct test_field warned[] = {{"penalty_kinds", "警告"}, {"fine_amount", NULL}, {NULL, NULL}};
    assert_null(strstr(row_of(&(struct test_report){.fields = warned}), "CF_NR_FK"));
    assert_string_equal(with("credit_code", NULL), "PROVINCE_REQUIRED");
    const struct test_field person[] = {{"party_kind", "自然人"}, {"credit_code", NULL}, {NULL, NULL}};
    assert_string_equal(row_of(&(struct test_report){.fields = person}), "PROVINCE_REQUIRED"); /* CF_XDR_ZJHM */
}

/* 200 characters, 600 bytes. */
static void length_is_in_characters(void **state)
{
    (void)state;
    char name[201 * 3 + 1] = "";
    for (int i = 0; i < 200; i++)
        strcat(name, "信");
    assert_non_null(strstr(with("subject_name", name), "CF_XDR_MC"));
    strcat(name, "信");
    assert_string_equal(with("subject_name", name), "PROVINCE_LENGTH");
}

static struct province_row made(const struct test_report *report, struct subscribers_delivery *out_delivery)
{
    struct province_row row;
    struct bus_error error;
    *out_delivery = test_province_delivery(&province, report);
    assert_int_equal(province_row_make(province.mapping, out_delivery, arena, &row, &error), BUS_OK);
    return row;
}

/* docs/openapi/province.yaml, worked out by hand. */
static void the_digest_is_over_type_and_fields_by_code(void **state)
{
    (void)state;
    const struct test_field fields[] = {{"subject_name", "某公司"},
                                        {"credit_code", "91450200198229141F"},
                                        {"year", "2025"},
                                        {"grade", "A"},
                                        {"authority", "税务局"},
                                        {"rated_on", "20780"},
                                        {NULL, NULL}};
    struct subscribers_delivery delivery;
    struct province_row row =
        made(&(struct test_report){.department = "tax", .item = "credit.grade", .fields = fields}, &delivery);
    static const char expected[] = "GRADE\0PJ_DJ\0A\0PJ_JG\0税务局\0PJ_MC\0纳税信用评价\0PJ_RQ\0"
                                   "2026-11-23\0PJ_SHXYM\091450200198229141F\0PJ_YXQ\0"
                                   "2099-12-31\0PJ_ZQ\0"
                                   "2025\0PJ_ZTMC\0某公司";
    uint8_t digest[BUS_DIGEST_SIZE];
    bus_digest(BUS_HASH_SM3, bus_bytes_of(expected, sizeof expected), digest);
    assert_memory_equal(row.digest, digest, sizeof digest);
    test_province_free(&delivery, 1);
}

static const char *text_of(const struct province_row *row)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, TEXT_SIZE);
    bus_json_init(&json, &buffer);
    province_row_write(row, &json);
    snprintf(text, sizeof text, "%.*s", (int)buffer.length, (const char *)buffer.data);
    bus_buffer_release(&buffer);
    return text;
}

static void a_row_says_what_when_and_which(void **state)
{
    (void)state;
    struct subscribers_delivery delivery;
    struct province_row row = made(&(struct test_report){.number = 1, .version = 2, .leaf = 77}, &delivery);
    row.operation = PROVINCE_UPDATE;
    snprintf(row.gov_id, sizeof row.gov_id, "GX1");
    row.mark = PROVINCE_DISPUTED;
    const char *written = text_of(&row);
    assert_non_null(strstr(written, "{\"op\":\"update\",\"rowKey\":\""));
    assert_non_null(strstr(written,
                           "\"govId\":\"GX1\",\"type\":\"CF\",\"item\":\"market/penalty\",\"day\":\"2026-11-24\","
                           "\"part\":0,\"serial\":77,\"mark\":\"DISPUTED\",\"fields\":{\"CF_XDR_MC\":"));
    test_province_free(&delivery, 1);
}

static void a_withdrawal_quotes_gov_id_and_reason(void **state)
{
    (void)state;
    struct subscribers_delivery delivery = test_province_delivery(
        &province,
        &(struct test_report){.operation = BUS_DELIVERY_WITHDRAW, .reason = BUS_REASON_REPAIRED, .number = 1});
    struct province_row row;
    province_row_name(province.mapping, &delivery, &row);
    row.operation = PROVINCE_TAKE_BACK;
    snprintf(row.gov_id, sizeof row.gov_id, "GX1");
    const char *written = text_of(&row);
    assert_non_null(strstr(written, "\"govId\":\"GX1\""));
    assert_non_null(strstr(written, "\"reason\":\"REPAIRED\""));
    assert_null(strstr(written, "fields"));
    test_province_free(&delivery, 1);
}

static bool comes_back(const char *name, const char *value)
{
    const struct test_field fields[] = {{name, value}, {NULL, NULL}};
    struct subscribers_delivery delivery = test_province_delivery(&province, &(struct test_report){.fields = fields});
    bool is_it = province_row_is_from_province(province.mapping, &delivery);
    test_province_free(&delivery, 1);
    return is_it;
}

static void what_came_from_the_province_is_known(void **state)
{
    (void)state;
    assert_true(comes_back("source_unit", "广西壮族自治区公共信用信息平台"));
    assert_false(comes_back("source_unit", "柳州市市场监督管理局"));
    assert_false(comes_back("authority", "广西壮族自治区公共信用信息平台")); /* who punished is not who reported */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_thousand_yuan_are_zero_point_two),
        cmocka_unit_test(amounts_in_yuan_move_their_point),
        cmocka_unit_test(dates_are_written_as_the_layout_wants),
        cmocka_unit_test(several_kinds_stay_joined),
        cmocka_unit_test(what_is_required_is_not_sent_without),
        cmocka_unit_test(a_fine_without_its_amount_is_not_sent),
        cmocka_unit_test(length_is_in_characters),
        cmocka_unit_test(the_digest_is_over_type_and_fields_by_code),
        cmocka_unit_test(a_row_says_what_when_and_which),
        cmocka_unit_test(a_withdrawal_quotes_gov_id_and_reason),
        cmocka_unit_test(what_came_from_the_province_is_known),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
