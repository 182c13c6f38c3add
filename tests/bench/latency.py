"""From a file's rename to the row in the court's table: one event a file, 200 files a second.

The database tells when each row's transaction was committed (track_commit_timestamp); the clock is the same machine's."""
import os
import signal
import subprocess
import time

import psycopg2

import figures
from exchange import FOLDER, Gateway, config, program, wait_for

FEED = "arrears"
A_SECOND = 200
FILES = 3000
WARM_UP = 400


def generate():
    """Files beside the inbox, one row each, where each goes, and what names its row in the table."""
    folder = os.path.join(FOLDER, "generated")
    subprocess.run(["python3", os.path.join(os.environ["XQ_ROOT"], "tests", "generate"), "--records", str(FILES + WARM_UP),
                    "--items", FEED, "--dirty", "0", "--updates", "0", "--withdrawals", "0", "--rows-per-file", "1", "--out",
                    folder, "--summary", os.path.join(FOLDER, "generated.json")], check=True)
    folder = os.path.join(folder, "tax", FEED)
    inbox = os.path.join(FOLDER, "inbox", "tax", FEED)
    waiting = os.path.join(FOLDER, "waiting")
    os.makedirs(inbox, exist_ok=True)
    os.makedirs(waiting, exist_ok=True)
    drops = []
    for number, name in enumerate(sorted(os.listdir(folder))):
        with open(os.path.join(folder, name), "rb") as file:
            content = file.read()
        header, row = (line.split("\t") for line in content.decode("utf-8-sig").splitlines()[:2])
        values = dict(zip(header, row))
        path = os.path.join(waiting, f"{number:06d}.tsv")
        with open(path, "wb") as file:
            file.write(content)
        drops.append((path, os.path.join(inbox, f"{number:06d}.tsv"),
                      (values["nsrsbh"].strip(), values["zsxm"].strip(), values["tjjzny"].strip())))
    return drops


def drop(drops):
    """Renames one file every 5 ms; the time of each rename by what names its row."""
    times, began = {}, time.monotonic()
    for number, (path, name, key) in enumerate(drops):
        pause = began + number / A_SECOND - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        os.rename(path, name)
        times.setdefault(key, time.time())
    return times


def rows(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT taxpayer_number, tax_kind, as_of_month, extract(epoch FROM xq_delivered_at)::float8, "
                       "extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM court.arrears")
        return {tuple(row[:3]): row[3:] for row in cursor.fetchall()}


def count(connection):
    try:
        return len(rows(connection))
    except psycopg2.errors.UndefinedTable:
        return 0


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def main():
    connection = psycopg2.connect(os.environ["XQ_PG"])
    connection.autocommit = True
    drops = generate()
    keys = {key for _, _, key in drops}
    started = [program("xinqiao-adapter", "--config", config("adapter-tax.cfg"), log="adapter-tax"),
               program("xinqiao-agent", "--config", config("agent-court.cfg"), log="agent-court")]
    gateway = Gateway()
    try:
        time.sleep(6)
        drop(drops[:WARM_UP])
        warm = {key for _, _, key in drops[:WARM_UP]}
        wait_for("the first rows", lambda: count(connection) >= len(warm), 60, 0.2)
        times = drop(drops[WARM_UP:])
        wait_for("the last rows", lambda: count(connection) >= len(keys), 60, 0.2)
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        gateway.stop()
        for process in started:
            process.wait(60)
    landed = rows(connection)
    measured = [(at, *landed[key]) for key, at in times.items() if key in landed and key not in warm]
    spans_ms = [(row - at) * 1000 for at, _, row in measured]
    print(f"  {len(spans_ms)} files of one event, {A_SECOND} a second; the adapter hears of a rename by inotify, its scan "
          "(scan_ms = 1000) is for what it did not hear")
    for share in (0.5, 0.99):
        print(f"  p{share * 100:.0f}: rename to the gateway's batch {percentile([(d - a) * 1000 for a, d, _ in measured], share):.0f} ms, "
              f"from there to the row {percentile([(r - d) * 1000 for _, d, r in measured], share):.0f} ms", flush=True)
    figures.record("latency: rename to row, p50", percentile(spans_ms, 0.5), "ms")
    figures.record("latency: rename to row, p99", percentile(spans_ms, 0.99), "ms")
    figures.record("latency: rename to row, longest", max(spans_ms), "ms")


if __name__ == "__main__":
    main()
