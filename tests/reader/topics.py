"""Topics read whole, committed records only."""
import time

import confluent_kafka

TIMEOUT_S = 60


def names(bootstrap, prefix):
    consumer = confluent_kafka.Consumer({'bootstrap.servers': bootstrap, 'group.id': 'xq-reader'})
    found = consumer.list_topics(timeout=TIMEOUT_S).topics
    consumer.close()
    return {name: len(topic.partitions) for name, topic in found.items() if name.startswith(prefix)}


class Record:
    __slots__ = ('topic', 'partition', 'offset', 'timestamp_ms', 'key', 'value', 'headers')

    def __init__(self, message):
        self.topic, self.partition, self.offset = message.topic(), message.partition(), message.offset()
        self.timestamp_ms = message.timestamp()[1]
        self.key, self.value = message.key(), message.value()
        self.headers = dict(message.headers() or ())


def read(bootstrap, partitions_of):
    """{topic: partitions} → {topic: lists of Record, one a partition, in order}, up to the end of what is committed now. All topics
    at once: most of the time goes into asking, not into reading."""
    consumer = confluent_kafka.Consumer({
        'bootstrap.servers': bootstrap, 'group.id': 'xq-reader', 'isolation.level': 'read_committed',
        'enable.auto.commit': False, 'enable.partition.eof': True, 'auto.offset.reset': 'earliest', 'fetch.wait.max.ms': 50,
    })
    places = [(topic, number) for topic, count in partitions_of.items() for number in range(count)]
    consumer.assign([confluent_kafka.TopicPartition(*place, confluent_kafka.OFFSET_BEGINNING) for place in places])
    records = {topic: [[] for _ in range(count)] for topic, count in partitions_of.items()}
    ended = set()
    heard_at = time.monotonic()
    while len(ended) < len(places):
        messages = consumer.consume(10000, timeout=0.1)
        if messages:
            heard_at = time.monotonic()
        elif time.monotonic() - heard_at > TIMEOUT_S:
            raise RuntimeError('nothing comes from Kafka, not even the ends of partitions')
        for message in messages:
            error = message.error()
            if error is None:
                records[message.topic()][message.partition()].append(Record(message))
            elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                ended.add((message.topic(), message.partition()))
            else:
                raise RuntimeError(f'{message.topic()}: {error}')
    consumer.close()
    return records
