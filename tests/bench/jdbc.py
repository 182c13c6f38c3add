"""The PostgreSQL sink against Debezium's JDBC sink under Kafka Connect: the same rows, from the same broker into the same database, by turns.

The agent reads xq.out.court and verifies every seal. Debezium cannot read that: for it the rows that the agent wrote are put into a topic of
its own, with the same columns, partitions and number of records, as JSON whose schema its converter has (the smallest form that it reads). Its table
has the columns and indexes of ours. Rows a second are those between the first commit and the last, by PostgreSQL's commit timestamps."""
import base64
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import psycopg2
from confluent_kafka import Producer

import figures
from exchange import BOOTSTRAP, FOLDER, PARTITIONS, PREFIX, RECORDS, Gateway, Topics, config, cpu_s, feed, program, wait_for, watch

sys.path.insert(0, os.path.join(os.environ["XQ_ROOT"], "tests", "lib"))
from replication import Cluster, free_port  # noqa: E402

ROOT = pathlib.Path(os.environ["XQ_ROOT"])
JARS = ROOT / "build" / "cache" / "debezium"
ROWS = min(RECORDS, 300000)
ITEM, SCHEMA, TABLE, THEIRS = "market/penalty", "court", "penalty", "debezium"
LIMIT_S = 600
EPOCH_DAY = 719163  # date(1970, 1, 1).toordinal()
# What its documentation offers for speed; the first is what one gets. Not dialect.postgres.unnest.insert.enabled: it fails on bytea columns
# ("byte[] nested inside Object[]"), and the record's identity is one.
MODES = {"as it is": ({}, ""), "tuned": ({"batch.size": 10000}, "&reWriteBatchedInserts=true")}
CONNECT_TYPES = {"bytea": "bytes", "boolean": "boolean", "bigint": "int64", "integer": "int32", "smallint": "int16", "text": "string"}
LOGICAL = {"date": ("int32", "Date"), "timestamp with time zone": ("int64", "Timestamp"), "numeric": ("bytes", "Decimal")}


def fetch(what, folder):
    """By Maven, once."""
    if not (folder / "complete").exists():
        subprocess.run(["mvn", "-q", "-B", "-ntp", "-f", ROOT / "tests" / "bench" / "debezium" / f"{what}.xml",
                        "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"], check=True)
        (folder / "complete").touch()


class Database:
    def __init__(self, cluster):
        self.connection = psycopg2.connect(cluster.connection("bench"))
        self.connection.autocommit = True

    def ask(self, sql, *arguments):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else None

    def is_there(self, schema):
        return self.ask("SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s", schema, TABLE)

    def written_since(self, schema, before):
        """Rows whose last transaction is a later one than `before`."""
        return self.ask(f"SELECT count(*) FROM {schema}.{TABLE} WHERE pg_xact_commit_timestamp(xmin) > %s", before)[0][0]

    def rate(self, schema, before):
        """Rows a second behind the first commit."""
        first, last, count = self.ask(f"""SELECT min(at), max(at), count(*) - count(*) FILTER (WHERE at = first) FROM
            (SELECT at, min(at) OVER () AS first FROM (SELECT pg_xact_commit_timestamp(xmin) AS at FROM {schema}.{TABLE}) t WHERE at > %s) u""",
                                      before)[0]
        return count / (last - first).total_seconds()

    def now(self):
        return self.ask("SELECT clock_timestamp()")[0][0]


# --- ours ---

def apply(database, settings):
    before = database.now()
    agent = program("xinqiao-agent", "--config", settings, log="agent-jdbc")
    try:
        wait_for("the agent's table", lambda: database.is_there(SCHEMA), 60)
        wait_for("the agent", lambda: database.written_since(SCHEMA, before) >= ROWS, LIMIT_S, 0.5)
        used = cpu_s(agent.pid)
    finally:
        agent.terminate()
        agent.wait(60)
    return database.rate(SCHEMA, before), used / ROWS * 1e6


# --- theirs ---

def field_of(name, kind, scale):
    if kind == "ARRAY":
        return {"field": name, "type": "array", "optional": True, "items": {"type": "string"}}
    if kind not in LOGICAL:
        return {"field": name, "type": CONNECT_TYPES[kind], "optional": name != "xq_record"}
    physical, logical = LOGICAL[kind]
    field = {"field": name, "type": physical, "optional": True, "name": "org.apache.kafka.connect.data." + logical, "version": 1}
    return {**field, "parameters": {"scale": str(scale)}} if kind == "numeric" else field


def value_of(kind, scale, value):
    if value is None or kind in ("ARRAY", "boolean", "bigint", "integer", "smallint", "text"):
        return value
    if kind == "date":
        return value.toordinal() - EPOCH_DAY
    if kind == "numeric":
        number = int(value.scaleb(scale))
        return base64.b64encode(number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)).decode()
    if kind == "bytea":
        return base64.b64encode(value).decode()
    return round(value.timestamp() * 1000)


def columns(database):
    return database.ask("SELECT column_name, data_type, coalesce(numeric_scale, 4) FROM information_schema.columns WHERE table_schema = %s AND "
                        "table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position", SCHEMA, TABLE)


def copy_topic(database, topics, topic):
    """The rows in Debezium's form; returns their schema and average size."""
    described, size = columns(database), 0
    topics.create([topic])
    producer = Producer({"bootstrap.servers": BOOTSTRAP, "linger.ms": 20, "queue.buffering.max.messages": 500000})
    names = [name for name, _, _ in described]
    partition = names.index("xq_partition")
    reader = psycopg2.connect(database.connection.dsn)
    with reader.cursor("rows") as cursor:
        cursor.itersize = 10000
        cursor.execute(f"SELECT {', '.join(f'{chr(34)}{name}{chr(34)}' for name in names)} FROM {SCHEMA}.{TABLE} ORDER BY xq_partition, xq_leaf")
        for row in cursor:
            value = {name: value_of(kind, scale, one) for (name, kind, scale), one in zip(described, row)}
            data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
            size += len(data)
            while True:
                try:
                    producer.produce(topic, data, partition=row[partition])
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
    producer.flush()
    reader.close()
    return {"type": "struct", "optional": False, "name": "penalty", "fields": [field_of(*one) for one in described]}, size / ROWS


class Debezium:
    def __init__(self, cluster, topic, schema, name, settings, url):
        folder = pathlib.Path(FOLDER) / "connect"
        folder.mkdir(exist_ok=True)
        self.worker, self.connector = folder / "worker.properties", folder / f"{topic}.properties"
        self.log = os.path.join(FOLDER, "log", "connect-jdbc.log")
        converter = "org.apache.kafka.connect.json.JsonConverter"
        self.write(self.worker, {
            "bootstrap.servers": BOOTSTRAP, "key.converter": converter, "key.converter.schemas.enable": "false", "value.converter": converter,
            "offset.storage.file.filename": folder / "offsets", "plugin.path": JARS / "sinks", "listeners": f"http://127.0.0.1:{free_port()}",
            "consumer.auto.offset.reset": "earliest", "consumer.max.poll.records": settings.get("batch.size", 500),
            "consumer.fetch.max.bytes": 50 << 20, "consumer.max.partition.fetch.bytes": 10 << 20})
        self.write(self.connector, {
            "name": f"jdbc-{name.replace(' ', '-')}", "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": 1,
            "topics": topic, "connection.url": f"jdbc:postgresql://127.0.0.1:{cluster.port}/bench?currentSchema={THEIRS}{url}",
            "connection.username": "xinqiao", "connection.password": "none", "insert.mode": "upsert", "primary.key.mode": "record_value",
            "primary.key.fields": "xq_record", "schema.evolution": "none", "collection.name.format": f"{THEIRS}.{TABLE}",
            "value.converter": converter, "value.converter.schemas.enable": "true",
            "value.converter.schema.content": json.dumps(schema).replace("\\", "\\\\"), **settings})

    @staticmethod
    def write(path, values):
        path.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")

    def has_failed(self, process, begin):
        """Connect goes on when its task has died."""
        with open(self.log, "rb") as log:
            log.seek(begin)
            return process.poll() is not None or b"Task is being killed" in log.read()

    def apply(self, database):
        before, begin = database.now(), os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                ["java", "-Xms512m", "-Xmx2g", f"-Dlog4j2.configurationFile={ROOT}/deploy/kafka/log4j2.xml", "-cp", f"{JARS}/connect/*",
                 "org.apache.kafka.connect.cli.ConnectStandalone", self.worker, self.connector], stdout=log, stderr=log)
        try:
            wait_for("Debezium", lambda: database.written_since(THEIRS, before) >= ROWS or self.has_failed(process, begin), LIMIT_S, 0.5)
            if self.has_failed(process, begin):
                raise SystemExit(f"Debezium failed: see {self.log}")
            used = cpu_s(process.pid)
        finally:
            process.terminate()
            process.wait(60)
        return database.rate(THEIRS, before), used / ROWS * 1e6


def settings_for(cluster):
    """The court's agent, into this cluster."""
    with open(config("agent-court.cfg"), encoding="utf-8") as file:
        text = file.read().replace(os.environ["XQ_PG"], cluster.connection("bench"))
    path = config("agent-jdbc.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def fill(topics, number):
    base = topics.end(PREFIX + "out.court")
    feed("--records", str(ROWS), "--round", str(number), "--item", ITEM)
    gateway = Gateway()
    watch(topics, PREFIX + "out.court", ROWS, 240, base)
    gateway.stop()


def main():
    fetch("connect", JARS / "connect")
    fetch("jdbc", JARS / "sinks" / "jdbc")
    topics = Topics()
    cluster = Cluster(shared_buffers="'512MB'", track_commit_timestamp="on", fsync="on")
    pairs = {name: [] for name in MODES}
    try:
        cluster.sql("CREATE DATABASE bench", "postgres")
        cluster.sql(f"CREATE SCHEMA {SCHEMA}; CREATE SCHEMA {THEIRS}", "bench")
        database, settings = Database(cluster), settings_for(cluster)
        for number in (1, 2):
            fill(topics, number)
            cluster.sql("CHECKPOINT", "bench")
            ours = apply(database, settings)
            schema, size = copy_topic(database, topics, f"jdbc.{number}")
            for name, (options, url) in MODES.items():
                if number == 1:
                    cluster.sql(f"DROP TABLE IF EXISTS {THEIRS}.{TABLE}; CREATE TABLE {THEIRS}.{TABLE} (LIKE {SCHEMA}.{TABLE} INCLUDING ALL)",
                                "bench")
                cluster.sql("CHECKPOINT", "bench")
                theirs = Debezium(cluster, f"jdbc.{number}", schema, name, options, url).apply(database)
                pairs[name].append((ours, theirs))
                print(f"  {'new rows' if number == 1 else 'updates'}: agent {ours[0]:,.0f}/s ({ours[1]:.1f} µs of its processor a row), Debezium "
                      f"{name} {theirs[0]:,.0f}/s ({theirs[1]:.1f} µs), {size:.0f} bytes a row of JSON; ratio {ours[0] / theirs[0]:.2f}", flush=True)
    finally:
        cluster.remove()
        shutil.rmtree(os.path.join(FOLDER, "connect"), ignore_errors=True)
    figures.record("jdbc: agent into PostgreSQL, seals verified, new rows/s", pairs["as it is"][0][0][0], "rows/s")
    for name, both in pairs.items():
        figures.record(f"jdbc: Debezium's JDBC sink {name}, new rows/s", both[0][1][0], "rows/s")
        figures.record(f"jdbc: ratio to Debezium's JDBC sink {name}", statistics.median(a[0] / b[0] for a, b in both), "", 2)


if __name__ == "__main__":
    main()
