"""Waits until the gateway has come to rest: no resync is due or under way, and what fell due is settled everywhere."""
import datetime
import time

import confluent_kafka

PATIENCE_S = 300
QUIET_S = 3
BEIJING = datetime.timezone(datetime.timedelta(hours=8))
# A day that ends while the topics are read makes what fell due look like something else: then the next day is waited for.
NEAR_MIDNIGHT_S = 150
AFTER_MIDNIGHT_S = 10


def let_the_day_end():
    now = datetime.datetime.now(BEIJING)
    midnight = (now + datetime.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    left_s = (midnight - now).total_seconds()
    if left_s < NEAR_MIDNIGHT_S:
        time.sleep(left_s + AFTER_MIDNIGHT_S)


def follow(world):
    topic = f'{world.prefix}state'
    places = [confluent_kafka.TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING) for number in range(world.topics[topic])]
    consumer = confluent_kafka.Consumer({'bootstrap.servers': world.bootstrap, 'group.id': 'xq-reader', 'enable.auto.commit': False,
                                         'enable.partition.eof': True, 'isolation.level': 'read_committed'})
    consumer.assign(places)
    return consumer, len(places)


def is_at_rest(world):
    """Why the gateway is still busy, none when it rests. It is quiet only when all partitions were read to their ends and nothing
    came behind them for a while."""
    consumer, partitions = follow(world)
    busy, ended, heard_at = set(), set(), time.monotonic()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and (busy or len(ended) < partitions or time.monotonic() - heard_at < QUIET_S):
        for message in consumer.consume(5000, timeout=0.2):
            if message.error() is None:
                heard_at = time.monotonic()
                take(message, busy)
            elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    consumer.close()
    why = [f'partition {partition}: {key}' for partition, key in sorted(busy)]
    return why or [f'partition {number}: not read to its end' for number in range(partitions) if number not in ended]


def check(world, result):
    let_the_day_end()
    result.note('the gateway has come to rest', is_at_rest(world))


def take(message, busy):
    place, kind = (message.partition(), message.key()), message.key()[:1]
    if kind == b'J':
        (busy.discard if message.value() is None else busy.add)(place)
    elif kind == b'D':
        (busy.add if message.value()[4] else busy.discard)(place)
