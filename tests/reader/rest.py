"""Waits until the gateway has come to rest: no resync is due or under way, and what fell due is settled everywhere."""
import time

import confluent_kafka

PATIENCE_S = 180
QUIET_S = 3


def follow(world):
    topic = f'{world.prefix}state'
    consumer = confluent_kafka.Consumer({'bootstrap.servers': world.bootstrap, 'group.id': 'xq-reader', 'enable.auto.commit': False,
                                         'isolation.level': 'read_committed'})
    consumer.assign([confluent_kafka.TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING)
                     for number in range(world.topics[topic])])
    return consumer


def check(world, result):
    consumer, busy, heard_at = follow(world), set(), time.monotonic()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and (busy or time.monotonic() - heard_at < QUIET_S):
        for message in consumer.consume(5000, timeout=0.2):
            if message.error() is None:
                heard_at = time.monotonic()
                take(message, busy)
    consumer.close()
    result.note('the gateway has come to rest', [f'partition {partition}: {key}' for partition, key in sorted(busy)])


def take(message, busy):
    place, kind = (message.partition(), message.key()), message.key()[:1]
    if kind == b'J':
        (busy.discard if message.value() is None else busy.add)(place)
    elif kind == b'D':
        (busy.add if message.value()[4] else busy.discard)(place)
