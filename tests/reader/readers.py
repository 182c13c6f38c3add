#!/usr/bin/env python3
"""The readers of docs/recipes/readers on the court's topic: all agree, go on where they stopped, and none lets a forged record through.

    readers.py ENV       ENV is the env file of a demo whose books balance

Copies of one log, each with one thing changed, lie in topics of the test's own. The last line is "N passed, N failed".
"""
import base64
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import confluent_kafka
from confluent_kafka import admin

import merkle
import sealed
import world
from check import Result

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECIPES = ROOT / 'docs/recipes/readers'
PATIENCE_S = 120
# kcat hands its records to what the reader in Python checks with: these show that nothing is lost in between.
FOR_KCAT = ('a value changed in one bit', 'a record dropped, leaves renumbered', 'two records swapped', 'a seal with another signature')


class Reader:
    """One of the three, as its page says it is called. Each call has the position of the topic's name in the folder."""

    def __init__(self, name, folder, environment):
        self.name, self.environment = name, environment
        self.folder = folder / name
        self.folder.mkdir()

    def position(self, topic):
        return self.folder / f'{topic}.position'

    def run(self, topic, partitions, log, *more):
        options = {'bootstrap': self.environment['XQ_BOOTSTRAP'], 'topic': topic, 'log': log, 'exchange': self.environment['XQ_EXCHANGE'],
                   'keys': self.environment['XQ_KEYS'], 'position': self.position(topic)}
        flags = [word for name, value in options.items() for word in (f'--{name}', str(value))]
        command = {'python': lambda: [sys.executable, RECIPES / 'reader.py', *flags, '--once', *more],
                   'java': lambda: ['java', '-cp', f'{self.environment["XQ_JARS"]}/*', *self.java(), *flags, '--once'],
                   'kcat': lambda: [RECIPES / 'kcat.sh', topic, str(partitions), options['exchange'], options['keys'],
                                    options['position'], '-b', options['bootstrap']]}[self.name]()
        return subprocess.run([str(word) for word in command], env={**os.environ, 'LOG': log}, capture_output=True, text=True, check=False,
                              timeout=PATIENCE_S)

    def java(self):
        """The source file, as the page says; compiled once it has been seen to run like that."""
        compiled = self.folder / 'classes'
        if not compiled.exists():
            subprocess.run(['javac', '-cp', f'{self.environment["XQ_JARS"]}/*', '-d', compiled, RECIPES / 'Reader.java'], check=True)
            return [RECIPES / 'Reader.java']
        return ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', f'{self.environment["XQ_JARS"]}/*:{compiled}', 'Reader']

    def read(self, topic):
        """{log: (size, root)} of the position that it keeps."""
        file = self.position(topic)
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        return {words[0]: (int(words[2]), words[3]) for words in lines}


def keys_and_values(reader, output):
    """What a reader let through, in order."""
    for line in output.splitlines():
        if reader.name == 'python':
            record = json.loads(line)
            yield bytes.fromhex(record['record']), bytes.fromhex(record['value'])
        else:
            *_, key, value = line.split()
            yield bytes.fromhex(key), base64.b64decode(value)


def side_by_side(readers, call):
    with concurrent.futures.ThreadPoolExecutor(len(readers)) as pool:
        return list(pool.map(call, readers))


# ── the topic itself ──

def due_of(whole, subscriber):
    """{log: (size, root)} by the tests' own reader."""
    due = {}
    for number, partition in enumerate(whole.output(subscriber)):
        log, name = merkle.Log(), None
        for message in partition:
            if 'xq-seal' in message.headers:
                name = merkle.hash_of(whole.catalogue.seal.decode(message.headers['xq-seal'])['suite'])
        for message in partition:
            log.append(name, merkle.leaf(name, message.key, message.value))
        if partition:
            due[f'{whole.prefix}out.{subscriber.name}/{number}'] = log.size, log.root(name).hex()
    return due


def check_topic(whole, readers, result):
    subscriber = next(one for one in whole.catalogue.subscribers if one.name == 'court')
    topic, partitions = f'{whole.prefix}out.court', len(whole.output(subscriber))
    due = due_of(whole, subscriber)
    for reader, run in zip(readers, side_by_side(readers, lambda reader: reader.run(topic, partitions, topic))):
        why = [] if run.returncode == 0 else [f'exit {run.returncode}: {run.stderr[-400:]}']
        why += [] if reader.read(topic) == due else [f'{reader.read(topic)}, not {due}']
        why += [f'does not say {size} and {root} of {log}' for log, (size, root) in due.items()
                if f'{log} 已验证' not in run.stderr or f'has {size}, root {root}' not in run.stderr]
        records = sorted(keys_and_values(reader, run.stdout))
        wanted = sorted((message.key, message.value) for partition in whole.output(subscriber) for message in partition)
        why += [] if records == wanted else [f'{len(records)} records let through of {len(wanted)}']
        result.note(f'{reader.name}: count and root of {len(due)} logs, {len(wanted)} records', why)
    for reader, run in zip(readers, side_by_side(readers, lambda reader: reader.run(topic, partitions, topic))):
        result.note(f'{reader.name}: nothing new the second time',
                    [] if run.returncode == 0 and not run.stdout and reader.read(topic) == due else [run.stderr[-400:]])
    why = [] if len({reader.position(topic).read_bytes() for reader in readers}) == 1 else ['they differ']
    result.note('one position for all three, to the byte', why)


def check_views(whole, readers, result):
    with tempfile.TemporaryDirectory() as folder:
        command = [f'{whole.environment["XQ_BIN"]}/xinqiao', 'catalogue', 'views', folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, 'XQ_CONFIG': whole.environment['XQ_CONFIG']})
        readers[0].position(f'{whole.prefix}out.court').unlink()
        run = readers[0].run(f'{whole.prefix}out.court', 0, f'{whole.prefix}out.court', '--views', f'{folder}/court')
    records = [json.loads(line) for line in run.stdout.splitlines()]
    why = [] if records and all(record.get('operation') for record in records) else [f'{len(records)} records, {run.stderr[-400:]}']
    result.note('python: every record decoded by its view', why)


# ── copies ──

class Copies:
    def __init__(self, bootstrap, partition):
        self.partition, self.nonce, self.names = partition, time.time_ns(), []
        self.admin = admin.AdminClient({'bootstrap.servers': bootstrap})
        self.producer = confluent_kafka.Producer({'bootstrap.servers': bootstrap, 'linger.ms': 5})

    def make(self, count):
        made = [f'readers.{self.nonce}.{len(self.names) + number}' for number in range(count)]
        self.names += made
        topics = [admin.NewTopic(name, num_partitions=self.partition + 1, replication_factor=1) for name in made]
        for future in self.admin.create_topics(topics).values():
            future.result()
        return made

    def put(self, topic, log):
        for key, value, leaf, seal in log:
            headers = [('xq-leaf', leaf)] + ([('xq-seal', seal)] if seal is not None else [])
            self.producer.produce(topic, key=key, value=value, headers=headers, partition=self.partition)
        self.producer.flush()

    def remove(self):
        for future in self.admin.delete_topics(self.names).values():
            future.result()


def good_sizes(log):
    """Sizes at which a seal closes the log."""
    return [0] + [number + 1 for number, record in enumerate(log) if record[3] is not None]


def difference(reader, run, topic, name, log):
    """A forged copy: it stops with exit 1 and a reason, and lets through only what the true log has, up to one of its seals."""
    size = reader.read(topic).get(name, (0, ''))[0]
    why = [] if run.returncode == 1 and '✗' in run.stderr else [f'exit {run.returncode}: {run.stderr[-300:]}']
    why += [] if size in good_sizes(log) else [f'position {size} is no seal of the true log']
    records = list(keys_and_values(reader, run.stdout))
    why += [] if records == [(key, value) for key, value, *_ in log[:size]] else [f'let {len(records)} records through at position {size}']
    return why


def check_forgeries(whole, readers, result):
    name, log = sealed.log_to_copy(whole)
    if not sealed.plain_records(log):
        result.note('forgeries: a log to copy', [f'not even {name} has three records in a row under one seal'])
        return
    at, _, number = name.rpartition('/')
    copies = Copies(whole.bootstrap, int(number))
    forged = list(sealed.forgeries(log, whole.catalogue.seal))
    topics = copies.make(len(forged) + 1)
    check_continuation(readers, copies, topics.pop(), name, log, result)
    for topic, (what, copy) in zip(topics, forged):
        copies.put(topic, copy)
        asked = [reader for reader in readers if reader.name != 'kcat' or what in FOR_KCAT]
        runs = side_by_side(asked, lambda reader, topic=topic: reader.run(topic, copies.partition + 1, at))
        why = [f'{reader.name}: {each}' for reader, run in zip(asked, runs) for each in difference(reader, run, topic, name, log)]
        sizes = {reader.read(topic).get(name, (0, ''))[0] for reader in asked}
        result.note(f'forged: {what}', why + ([] if len(sizes) == 1 else [f'they stop at {sizes}']))
    copies.remove()


def check_continuation(readers, copies, topic, name, log, result):
    """A copy that grows, and one whose part behind the position is forged."""
    at, middle = name.rpartition('/')[0], good_sizes(log)[1]
    for part, size in ((log[:middle], middle), (log[middle:], len(log))):
        copies.put(topic, part)
        runs = side_by_side(readers, lambda reader: reader.run(topic, copies.partition + 1, at))
        why = [f'{reader.name}: exit {run.returncode}, {run.stderr[-300:]}' for reader, run in zip(readers, runs)
               if run.returncode or reader.read(topic)[name][0] != size or
               list(keys_and_values(reader, run.stdout)) != [(key, value) for key, value, *_ in part]]
        result.note(f'a true copy up to {size} of {len(log)}: all go on where they stopped', why)


def main():
    environment = world.read_environment(sys.argv[1])
    whole, result = world.World(environment), Result()
    environment |= {'XQ_EXCHANGE': whole.catalogue.exchange, 'XQ_JARS': str(ROOT / 'build/cache/kafka')}
    with tempfile.TemporaryDirectory() as folder:
        readers = [Reader(name, pathlib.Path(folder), environment) for name in ('python', 'java', 'kcat')]
        check_topic(whole, readers, result)
        check_views(whole, readers, result)
        check_forgeries(whole, readers, result)
    print(f'{result.passed} passed, {result.failed} failed')
    sys.exit(0 if result.failed == 0 and result.passed > 0 else 1)


if __name__ == '__main__':
    main()
