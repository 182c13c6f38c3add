"""The province sink into the platform's simulator (tests/province): a topic drained with 1 % of the rows refused by the platform, against one with none,
by turns. The platform names only the first bad row of a batch, so each costs a request or more. Deliveries a second, from the first batch in its ledger
to the last; the deliveries that our own checks refuse are in both."""
import json
import os
import signal
import statistics
import subprocess
import sys
import urllib.parse
import urllib.request

import figures
from exchange import FOLDER, PREFIX, RECORDS, Gateway, Topics, config, cpu_s, feed, program, wait_for, watch

EVENTS = min(RECORDS, 150000)
PAIRS = 3
BAD = 0.01
TOPIC = PREFIX + "out.province"
LEDGER = os.path.join(os.environ["XQ_PROVINCE"], "ledger.ndjson")
CONTROL = os.environ["XQ_PROVINCE_CONTROL"]


class Platform:
    def __init__(self, bad):
        port, control = (urllib.parse.urlsplit(os.environ[name]).port for name in ("XQ_PROVINCE_ADDRESS", "XQ_PROVINCE_CONTROL"))
        with open(os.path.join(FOLDER, "log", "simulator.log"), "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, os.path.join(os.environ["XQ_ROOT"], "tests", "province", "simulator.py"), "--folder", os.environ["XQ_PROVINCE"],
                 "--certificates", os.environ["XQ_CERTIFICATES"], "--port", str(port), "--control-port", str(control), "--trouble",
                 json.dumps({"bad_rows": bad})], stdout=log, stderr=log)
        wait_for("the simulator", self.answers, 30)
        self.begin = os.path.getsize(LEDGER) if os.path.exists(LEDGER) else 0

    @staticmethod
    def answers():
        try:
            urllib.request.urlopen(CONTROL + "/count", timeout=2).close()
            return True
        except OSError:
            return False

    def stop(self):
        """Seconds from the first batch to the last, batches, rows taken, batches refused."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        with open(LEDGER, "rb") as file:
            file.seek(self.begin)
            lines = [json.loads(line) for line in file]
        return ((lines[-1]["at"] - lines[0]["at"]) / 1000, len(lines), sum(len(line["rows"]) for line in lines),
                sum(line["status"] != 200 for line in lines))


def settled():
    """Deliveries applied or refused, by the agent's own word."""
    done = subprocess.run([os.path.join(os.environ["XQ_BIN"], "xinqiao"), "agents", "list", "--json"], stdout=subprocess.PIPE, check=False)
    try:
        agent = next(one for one in json.loads(done.stdout) if one["subscriber"] == "province")
    except (ValueError, StopIteration):
        return 0
    return sum(lane["size"] for lane in agent.get("lanes", ()))


def fill(topics, number):
    """New records each time: what is told again and has not changed costs the platform nothing."""
    base = topics.ends(TOPIC)
    feed("--records", str(EVENTS), "--round", str(number), "--first", str(number * EVENTS))
    gateway = Gateway()
    watch(topics, PREFIX + "out.court", EVENTS, 240)
    gateway.stop()
    return topics.measure(TOPIC, base)[0]


def drain(wanted, bad, whole):
    """Deliveries a second, µs of the agent's processor each, and what the platform saw."""
    platform = Platform(bad)
    agent = program("xinqiao-agent", "--config", config("agent-province.cfg"), log="agent-province")
    wait_for("the agent", lambda: settled() >= whole, 900, 1)
    used = cpu_s(agent.pid)
    agent.terminate()
    agent.wait(60)
    span_s, batches, rows, refused = platform.stop()
    return wanted / span_s, used / wanted * 1e6, batches, rows, refused


def main():
    topics, ratios, rates, whole, number = Topics(), [], [], 0, 0
    for pair in range(PAIRS):
        found = {}
        for bad in ((0, BAD) if pair % 2 == 0 else (BAD, 0)):
            number += 1
            wanted = fill(topics, number)
            whole += wanted
            found[bad] = drain(wanted, bad, whole)
            rate, used, batches, rows, refused = found[bad]
            print(f"  {bad:.0%} bad: {wanted:,} deliveries, {rows:,} rows taken, {batches:,} batches, {refused:,} refused; {rate:,.0f} deliveries/s, "
                  f"{used:.0f} µs of the agent's processor each", flush=True)
        ratios.append(found[BAD][0] / found[0][0])
        rates.append(found[0][0])
    figures.record("province: agent into the simulator, deliveries/s", statistics.median(rates), "deliveries/s")
    figures.record("province: ratio with 1 % bad rows to none", statistics.median(ratios), "", 0.7)


if __name__ == "__main__":
    main()
