/* Errors of the broker, injected by librdkafka's mock cluster. That transactions hold is proved on a real broker, by
 * tests/programs/kafka_wrappers.c: the mock cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "bus/consumer.h"

enum {
    PRODUCE = 0,
    INIT_PRODUCER_ID = 22,
    ADD_PARTITIONS = 24,
    END_TRANSACTION = 26
}; /* Kafka's numbers of requests */

#define TOPIC "mocked"

struct mock {
    rd_kafka_t *handle;
    rd_kafka_mock_cluster_t *cluster;
    struct bus_kafka kafka;
};

static int start_mock(void **state)
{
    static struct mock mock;
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    mock.handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    mock.cluster = rd_kafka_mock_cluster_new(mock.handle, 1);
    rd_kafka_mock_topic_create(mock.cluster, TOPIC, 1, 1);
    mock.kafka = (struct bus_kafka){.bootstrap = rd_kafka_mock_cluster_bootstraps(mock.cluster), .client_id = "test"};
    *state = &mock;
    return 0;
}

static int stop_mock(void **state)
{
    struct mock *mock = *state;
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->handle);
    return 0;
}

static enum bus_status open_producer(struct mock *mock, const char *id, struct bus_producer **out_producer)
{
    struct bus_error error;
    struct bus_producer_options options = {.transactional_id = id, .transaction_timeout_ms = 10000};
    return bus_producer_open(&mock->kafka, &options, out_producer, &error);
}

static enum bus_status produce_one(struct bus_producer *producer, struct bus_error *error)
{
    struct bus_record record = {.topic = TOPIC, .partition = 0, .value = bus_bytes_text("value")};
    return bus_producer_produce(producer, &record, error);
}

/* Begin, one record, commit: the status of the commit. */
static enum bus_status try_transaction(struct bus_producer *producer, struct bus_error *error)
{
    assert_int_equal(bus_producer_begin(producer, error), BUS_OK);
    assert_int_equal(produce_one(producer, error), BUS_OK);
    return bus_producer_commit(producer, error);
}

static void a_forbidden_transactional_id_is_fatal(void **state)
{
    struct mock *mock = *state;
    struct bus_producer *producer = NULL;
    rd_kafka_mock_push_request_errors(mock->cluster, INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    assert_int_equal(open_producer(mock, "forbidden", &producer), BUS_FATAL);
    assert_null(producer);
}

static void a_coordinator_that_loads_is_waited_for(void **state)
{
    struct mock *mock = *state;
    struct bus_producer *producer = NULL;
    rd_kafka_mock_push_request_errors(mock->cluster, INIT_PRODUCER_ID, 2,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(open_producer(mock, "patient", &producer), BUS_OK);
    bus_producer_close(producer);
}

/* librdkafka may ask for a second abort, to begin a new epoch after the sequence number that was lost. */
static void a_refused_record_aborts_and_a_later_transaction_holds(void **state)
{
    struct mock *mock = *state;
    struct bus_error error;
    struct bus_producer *producer = NULL;
    assert_int_equal(open_producer(mock, "refused", &producer), BUS_OK);
    rd_kafka_mock_push_request_errors(mock->cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS);
    enum bus_status status = try_transaction(producer, &error);
    assert_int_equal(status, BUS_RETRY);
    for (int i = 0; i < 2 && status == BUS_RETRY; i++) {
        assert_int_equal(bus_producer_abort(producer, &error), BUS_OK);
        status = try_transaction(producer, &error);
    }
    assert_int_equal(status, BUS_OK);
    bus_producer_close(producer);
}

static void a_record_that_is_never_accepted_is_fatal(void **state)
{
    struct mock *mock = *state;
    struct bus_error error;
    struct bus_producer *producer = NULL;
    assert_int_equal(open_producer(mock, "never", &producer), BUS_OK);
    rd_kafka_mock_push_request_errors(mock->cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(try_transaction(producer, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "TOPIC_AUTHORIZATION_FAILED"));
    bus_producer_close(producer);
}

static void a_busy_coordinator_is_asked_again_inside_the_commit(void **state)
{
    struct mock *mock = *state;
    struct bus_error error;
    struct bus_producer *producer = NULL;
    assert_int_equal(open_producer(mock, "busy", &producer), BUS_OK);
    rd_kafka_mock_push_request_errors(mock->cluster, ADD_PARTITIONS, 1, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
    rd_kafka_mock_push_request_errors(mock->cluster, END_TRANSACTION, 1,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(try_transaction(producer, &error), BUS_OK);
    bus_producer_close(producer);
}

static void a_fenced_producer_is_fatal(void **state)
{
    struct mock *mock = *state;
    struct bus_error error;
    struct bus_producer *producer = NULL;
    assert_int_equal(open_producer(mock, "fenced", &producer), BUS_OK);
    rd_kafka_mock_push_request_errors(mock->cluster, END_TRANSACTION, 2, RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
                                      RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    enum bus_status status = try_transaction(producer, &error);
    if (status ==
        BUS_RETRY) /* a slow machine let the transaction fail before it could end; the abort meets the fence */
        status = bus_producer_abort(producer, &error);
    assert_int_equal(status, BUS_FATAL);
    bus_producer_close(producer);
}

static void a_flush_tells_once_of_a_record_that_failed(void **state)
{
    struct mock *mock = *state;
    struct bus_error error;
    struct bus_producer *producer = NULL;
    assert_int_equal(open_producer(mock, NULL, &producer), BUS_OK);
    rd_kafka_mock_push_request_errors(mock->cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS);
    assert_int_equal(produce_one(producer, &error), BUS_OK);
    assert_int_equal(bus_producer_flush(producer, &error), BUS_RETRY);
    assert_int_equal(produce_one(producer, &error), BUS_OK);
    assert_int_equal(bus_producer_flush(producer, &error), BUS_OK);
    bus_producer_close(producer);
}

static void offsets_without_a_group_are_refused(void **state)
{
    struct mock *mock = *state;
    struct bus_error error;
    struct bus_producer *producer = NULL;
    struct bus_consumer *consumer = NULL;
    struct bus_offset offset = {TOPIC, 0, 1};
    assert_int_equal(open_producer(mock, "groupless", &producer), BUS_OK);
    assert_int_equal(bus_consumer_open(&mock->kafka, &(struct bus_consumer_options){0}, &consumer, &error), BUS_OK);
    assert_int_equal(bus_producer_begin(producer, &error), BUS_OK);
    assert_int_equal(bus_producer_send_offsets(producer, consumer, &offset, 1, &error), BUS_FATAL);
    assert_int_equal(bus_producer_send_offsets(producer, consumer, NULL, 0, &error), BUS_OK);
    bus_consumer_close(consumer);
    bus_producer_close(producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forbidden_transactional_id_is_fatal),
        cmocka_unit_test(a_coordinator_that_loads_is_waited_for),
        cmocka_unit_test(a_refused_record_aborts_and_a_later_transaction_holds),
        cmocka_unit_test(a_record_that_is_never_accepted_is_fatal),
        cmocka_unit_test(a_busy_coordinator_is_asked_again_inside_the_commit),
        cmocka_unit_test(a_fenced_producer_is_fatal),
        cmocka_unit_test(a_flush_tells_once_of_a_record_that_failed),
        cmocka_unit_test(offsets_without_a_group_are_refused),
    };
    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
