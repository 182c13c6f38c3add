/* What officers ask: a good request becomes a job of its partition, a bad one is passed over, and neither stops anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/request.h"
#include "bus/state_resync.h"
#include "gateway/requests.h"
#include "tests/support/folder.h"

enum { MIB = 1024 * 1024, PARTITION = 1, OFFSET = 7, LIMIT = 4096 };

#define TOPIC "xq.requests"

static char folder[TEST_FOLDER_SIZE];
static struct bus_catalogue *catalogue;
static struct gateway_state *state, *list[PARTITION + 1];
static struct gateway_states states = {.of = list, .count = PARTITION + 1};
static struct gateway_batch *batch;
static struct gateway_requests requests;

static int set_up(void **unused)
{
    (void)unused;
    struct bus_error error;
    test_folder_make(folder);
    assert_int_equal(bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error), BUS_OK);
    struct gateway_state_options options = {
        .folder = folder, .partition = PARTITION, .map_bytes = 64 * MIB, .overlay_bytes = 16 * MIB};
    assert_int_equal(gateway_state_open(&options, &state, &error), BUS_OK);
    list[PARTITION] = state;
    struct gateway_batch_options batch_options = {
        .catalogue = catalogue, .prefix = "xq.", .partitions = PARTITION + 1, .max_records = 10, .max_bytes = MIB};
    batch = gateway_batch_create(&batch_options);
    struct gateway_resync_options resync = {.catalogue = catalogue, .states = &states};
    requests = (struct gateway_requests){catalogue, gateway_resync_create(&resync)};
    return batch != NULL && requests.resync != NULL ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_resync_destroy(requests.resync);
    gateway_batch_destroy(batch);
    gateway_state_close(state, false);
    bus_catalogue_destroy(catalogue);
    test_folder_remove(folder);
    return 0;
}

/* The offset of a request is committed whatever becomes of it. */
static void take_bytes(struct bus_bytes value)
{
    struct bus_error error;
    struct gateway_input input = {.topic = TOPIC, .partition = PARTITION, .offset = OFFSET, .value = value};
    assert_int_equal(gateway_requests_take(&requests, batch, &input, &error), BUS_OK);
    assert_int_equal(gateway_batch_source_count(batch), 1);
    const struct gateway_source *source = gateway_batch_source(batch, 0);
    assert_string_equal(source->topic, TOPIC);
    assert_int_equal(source->partition, PARTITION);
    assert_int_equal(source->first, OFFSET);
    assert_int_equal(source->next, OFFSET + 1);
    assert_int_equal(gateway_batch_count(batch), 0);
}

static void take(const char *subscriber, const char *item)
{
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_request request = {
        .kind = BUS_REQUEST_RESYNC,
        .subscriber = bus_bytes_text(subscriber),
        .item = bus_bytes_text(item),
        .officer = bus_bytes_text("officer"),
        .reason = bus_bytes_text("reason"),
        .at_ms = 1,
    };
    bus_buffer_init(&buffer, LIMIT);
    assert_int_equal(bus_request_encode(&request, &buffer, &error), BUS_OK);
    take_bytes(bus_buffer_view(&buffer));
    bus_buffer_release(&buffer);
}

/* Items of the court's job in this batch; 0 when there is none. */
static size_t items_of_job(void)
{
    static struct bus_state_resync job;
    struct bus_error error;
    struct bus_bytes value;
    struct bus_slot *slot;
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    assert_int_equal(bus_state_resync_key("court", key, &length, &error), BUS_OK);
    assert_int_equal(gateway_state_place(state, bus_bytes_of(key, length), &slot, &error), BUS_OK);
    assert_int_equal(gateway_state_read_place(state, slot, &value, &error), BUS_OK);
    if (value.data == NULL)
        return 0;
    assert_int_equal(bus_state_resync_read(value, &job, &error), BUS_OK);
    assert_int_equal(job.phase, BUS_RESYNC_DUE);
    return job.item_count;
}

static void one_item_is_a_job_of_one_item(void **unused)
{
    (void)unused;
    take("court", "tax/arrears");
    assert_int_equal(items_of_job(), 1);
}

static void no_item_is_a_job_of_all_that_it_has_a_grant_on(void **unused)
{
    (void)unused;
    take("court", "");
    assert_true(items_of_job() > 10);
}

static void an_unknown_subscriber_is_passed_over(void **unused)
{
    (void)unused;
    take("nobody", "tax/arrears");
    assert_int_equal(items_of_job(), 0);
}

static void an_unknown_item_is_passed_over(void **unused)
{
    (void)unused;
    static const char *const items[] = {"tax/nothing", "nowhere/arrears", "arrears", "tax.arrears", "/", "tax/"};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        gateway_batch_reset(batch);
        take("court", items[i]);
        assert_int_equal(items_of_job(), 0);
    }
}

static void an_item_without_a_grant_is_passed_over(void **unused)
{
    (void)unused;
    take("procurement", "social/contribution");
    assert_int_equal(items_of_job(), 0);
}

static void what_is_no_request_is_passed_over(void **unused)
{
    (void)unused;
    take_bytes(bus_bytes_text("no request"));
    gateway_batch_reset(batch);
    take_bytes((struct bus_bytes){NULL, 0});
    assert_int_equal(items_of_job(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(one_item_is_a_job_of_one_item),          TEST(no_item_is_a_job_of_all_that_it_has_a_grant_on),
        TEST(an_unknown_subscriber_is_passed_over),   TEST(an_unknown_item_is_passed_over),
        TEST(an_item_without_a_grant_is_passed_over), TEST(what_is_no_request_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
