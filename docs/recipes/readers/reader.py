#!/usr/bin/env python3
"""读取输出主题并逐签章验证 / reads an output topic and checks every seal. Needs confluent-kafka, and fastavro for --views.

    reader.py --bootstrap kafka:9092 --topic xq.out.court --exchange liuzhou --keys keys --position court.position --once

What is proved goes to `use` below, a batch at a time: put what your system does there. What was verified, and up to where, goes to
standard error. Exit 1: something does not fit, and nothing behind the position may be used; 3: Kafka cannot be read.
"""
import argparse
import io
import json
import pathlib
import signal
import sys

import confluent_kafka

import sealed_log

BATCH = 5000


class Views:
    """Schemas by fingerprint: the folder that `xinqiao catalogue views` writes, or that the exchange hands over."""

    def __init__(self, folder):
        import fastavro.schema
        self.fastavro, self.schemas = fastavro, {}
        for path in pathlib.Path(folder).rglob('*.avsc') if folder else ():
            schema = json.loads(path.read_text(encoding='utf-8'))
            canonical = fastavro.schema.to_parsing_canonical_form(schema)
            mark = bytes.fromhex(fastavro.schema.fingerprint(canonical, 'CRC-64-AVRO'))
            self.schemas[b'\xc3\x01' + mark] = fastavro.parse_schema(schema)

    def decode(self, value):
        schema = self.schemas.get(value[:10])
        return self.fastavro.schemaless_reader(io.BytesIO(value[10:]), schema) if schema else {'value': value}


def use(log, records, views):
    """The newest version of a record key counts; WITHDRAW takes it away; STATUS only marks it. After a crash some come twice."""
    for record in records:
        delivery = views.decode(record.value) if views else {'value': record.value}
        line = {'log': log.name, 'leaf': record.leaf, 'record': record.key, **delivery}
        print(json.dumps(line, ensure_ascii=False, default=lambda value: value.hex() if isinstance(value, bytes) else str(value)))


def consumer_of(options):
    return confluent_kafka.Consumer({
        'bootstrap.servers': options.bootstrap,
        'group.id': 'unused',  # asked for by the library: partitions are assigned, and nothing is committed
        'isolation.level': 'read_committed',
        'enable.auto.commit': False, 'enable.auto.offset.store': False,
        'auto.offset.reset': 'error',  # a position that is gone must be told
        'enable.partition.eof': True,
        **dict(each.split('=', 1) for each in options.set)})


def take_error(message, ended):
    code = message.error().code()
    if code == confluent_kafka.KafkaError._PARTITION_EOF:
        ended.add(message.partition())
    elif code != confluent_kafka.KafkaError.GROUP_AUTHORIZATION_FAILED:  # no group is used, so no right on one is needed
        raise confluent_kafka.KafkaException(message.error())


def read(options, consumer, logs, known, stop):
    views = Views(options.views) if options.views else None
    ended = set()
    while not stop and not (options.once and len(ended) == len(logs)):
        for message in consumer.consume(BATCH, timeout=1):
            if message.error() is not None:
                take_error(message, ended)
                continue
            log = logs[message.partition()]
            proved = log.take(message.offset(), message.key(), message.value(), dict(message.headers() or ()))
            if proved:
                use(log, proved, views)
                sys.stdout.flush()
                sealed_log.store(pathlib.Path(options.position), known, log)
    if options.once:
        for log in logs:
            log.end()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for option in ('bootstrap', 'topic', 'exchange', 'keys', 'position'):
        parser.add_argument(f'--{option}', required=True)
    parser.add_argument('--views', help='folder of schemas; without it values are shown as they are, in hex')
    parser.add_argument('--log', help='name of the topic at the exchange, when this one is a copy of it, by MirrorMaker for example')
    parser.add_argument('--once', action='store_true', help='up to the end of what there is')
    parser.add_argument('--set', action='append', default=[], metavar='NAME=VALUE', help='a setting of the Kafka client, such as of TLS')
    options = parser.parse_args()
    keys, known = sealed_log.Keys(options.keys), sealed_log.positions(pathlib.Path(options.position))
    consumer, stop, status = consumer_of(options), [], 0
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    logs = []
    try:
        topic = consumer.list_topics(options.topic, timeout=30).topics[options.topic]
        if topic.error is not None:
            raise confluent_kafka.KafkaException(topic.error)
        for number in sorted(topic.partitions):
            name = f'{options.log or options.topic}/{number}'
            logs.append(sealed_log.SealedLog(name, options.exchange, keys, known.get(name)))
        consumer.assign([confluent_kafka.TopicPartition(options.topic, number, log.next_offset if log.size else
                                                        confluent_kafka.OFFSET_BEGINNING) for number, log in enumerate(logs)])
        read(options, consumer, logs, known, stop)
    except sealed_log.Broken as why:
        status, reason = 1, why
    except confluent_kafka.KafkaException as why:
        status, reason = 3, why.args[0].str()
    for log in logs:
        print(f'✓ {log}', file=sys.stderr)
    if status:
        print(f'✗ {options.topic}: {reason}', file=sys.stderr)
    consumer.close()
    sys.exit(status)


if __name__ == '__main__':
    main()
