"""An agent into PostgreSQL against the limit: COPY of the same rows into an unlogged staging table, then one upsert."""
import os
import signal
import statistics
import time

import psycopg2

import figures
from exchange import FOLDER, PREFIX, RECORDS, Gateway, Topics, config, cpu_s, feed, program, wait_for, watch

SCHEMA, LIMIT = "court", "bench_limit"
TOPIC = PREFIX + "out.court"
ROUNDS = 3


def query(connection, sql, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall() if cursor.description else None


def position(connection):
    return int(query(connection, f"SELECT coalesce(sum(next_offset), 0) FROM {SCHEMA}.xinqiao_position")[0][0])


def fill(topics, number, records):
    feed("--records", str(records), "--round", str(number))
    gateway = Gateway()
    watch(topics, TOPIC, records, 240)
    gateway.stop()


def apply(topics, connection, records, settings="agent-court.cfg"):
    """Rows a second from the agent's first commit to its last."""
    end = topics.end(TOPIC)
    agent = program("xinqiao-agent", "--config", config(settings), log="agent-court")
    try:
        wait_for("the agent's tables", lambda: query(
            connection, "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'xinqiao_position'", SCHEMA), 60)
        base, first, last, deadline = position(connection), None, None, time.monotonic() + 300
        while last is None or last[0] < end:
            at, now = position(connection), time.monotonic()
            if now > deadline:
                raise SystemExit(f"the agent stands at {at} of {end}: see {FOLDER}/log/agent-court.log")
            if at > base and (last is None or at > last[0]):
                first, last = first or (at, now), (at, now)
            # Markers of transactions may be what is left: they do not move the position.
            if last is not None and now - last[1] > 3:
                break
            time.sleep(0.02)
        used = cpu_s(agent.pid)
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(60)
    if last[0] == first[0]:
        raise SystemExit("the agent applied all of it at once: XQ_BENCH_RECORDS must be some batches, 200,000 or more")
    share = (last[0] - first[0]) / (last[0] - base)
    return records * share / (last[1] - first[1]), used / records * 1e6


def tables(connection):
    return [name for (name,) in query(connection, "SELECT tablename FROM pg_tables WHERE schemaname = %s AND "
                                      "tablename NOT LIKE 'xinqiao\\_%%' ORDER BY 1", SCHEMA)]


def limit(connection, names):
    """The same rows by COPY and one upsert a table, into tables with the same columns and indexes."""
    query(connection, f"CREATE SCHEMA IF NOT EXISTS {LIMIT}")
    rows, spent_s = 0, 0
    for name in names:
        path = os.path.join(FOLDER, "rows")
        with open(path, "wb") as file, connection.cursor() as cursor:
            cursor.copy_expert(f'COPY {SCHEMA}."{name}" TO STDOUT', file)
        query(connection, f'CREATE TABLE IF NOT EXISTS {LIMIT}."{name}" (LIKE {SCHEMA}."{name}" INCLUDING ALL)')
        columns = [column for (column,) in query(
            connection, "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
            "AND is_generated = 'NEVER' ORDER BY ordinal_position", SCHEMA, name)]
        connection.autocommit = False
        began = time.monotonic()
        query(connection, f'CREATE UNLOGGED TABLE {LIMIT}.staging (LIKE {SCHEMA}."{name}" INCLUDING DEFAULTS)')
        with open(path, "rb") as file, connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {LIMIT}.staging FROM STDIN", file)
            changes = ", ".join(f'"{column}" = excluded."{column}"' for column in columns if column != "xq_record")
            cursor.execute(f'INSERT INTO {LIMIT}."{name}" SELECT * FROM {LIMIT}.staging '
                           f"ON CONFLICT (xq_record) DO UPDATE SET {changes}")
            rows += cursor.rowcount
            cursor.execute(f"DROP TABLE {LIMIT}.staging")
        connection.commit()
        spent_s += time.monotonic() - began
        connection.autocommit = True
        os.remove(path)
    return rows / spent_s, rows


def main():
    topics = Topics()
    connection = psycopg2.connect(os.environ["XQ_PG"])
    connection.autocommit = True
    records = RECORDS // ROUNDS
    pairs = []
    for number in range(1, ROUNDS + 1):
        fill(topics, number, records)
        query(connection, "CHECKPOINT")
        applied = apply(topics, connection, records)
        query(connection, "CHECKPOINT")
        copied, rows = limit(connection, tables(connection))
        pairs.append((applied, copied))
        print(f"  {'all new' if number == 1 else 'all updates'}: agent {applied[0]:,.0f}/s ({applied[1]:.2f} µs of its processor a "
              f"row)  COPY and upsert {copied:,.0f}/s ({rows:,} rows)  ratio {applied[0] / copied:.3f}", flush=True)
    figures.record("agent: into PostgreSQL, new rows/s", pairs[0][0][0], "rows/s")
    figures.record("agent: COPY and one upsert of the same, rows/s", pairs[0][1], "rows/s")
    figures.record("agent: ratio to COPY and one upsert", statistics.median(a[0] / l for a, l in pairs), "", 0.5)


if __name__ == "__main__":
    main()
