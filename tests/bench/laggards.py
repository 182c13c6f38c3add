"""`xinqiao laggards` over XQ_BENCH_RESYNC (1,000,000) holders: when all have signed, when a thousand wait, and when all wait.

What is prepared: as many penalties as have that many holders are written into xq.state by bench_state; their publicity ends on one day, to
which the gateway's rehearsal clock goes, so that it delivers a withdrawal or a change of status to every holder. Agents into NDJSON, one a subscriber
that holds any, have signed before (for a few events), apply all of it and sign; before they do, all wait."""
import json
import os
import re
import statistics
import subprocess
import time

import due
import figures
from exchange import BIN, FOLDER, PREFIX, Gateway, Topics, config, feed, first_rounds, program, wait_for

HOLDERS = int(os.environ["XQ_BENCH_RESYNC"])
FEW, SOME = 3000, 300  # events before, and that make the thousand or so that wait
ROUNDS = 5
SETTINGS = due.SETTINGS


def subscribers():
    return sorted(name[len("agent-"):-len(".cfg")] for name in os.listdir(config("")) if re.fullmatch(r"agent-[a-z]+\.cfg", name))


class Agents:
    """One a subscriber, into files that nobody reads; they sign."""

    def __init__(self, names):
        self.paths = {}
        for name in names:
            with open(config("agent-website.cfg"), encoding="utf-8") as file:
                text = file.read().replace('"website"', f'"{name}"').replace(f"{FOLDER}/website", f"{FOLDER}/holders/{name}")
            text = text.replace("receipt-website.pem", f"receipt-{name}.pem")
            os.makedirs(os.path.join(FOLDER, "holders", name), exist_ok=True)
            self.paths[name] = config(f"holder-{name}.cfg")
            with open(self.paths[name], "w", encoding="utf-8") as file:
                file.write(text)
        self.running = []

    def start(self):
        self.running = [program("xinqiao-agent", "--config", path, log=f"holder-{name}") for name, path in self.paths.items()]

    def stop(self):
        for agent in self.running:
            agent.terminate()
        for agent in self.running:
            agent.wait(60)
        self.running = []


def ask():
    """What it says, and how long it took."""
    began = time.monotonic()
    done = subprocess.run([os.path.join(BIN, "xinqiao"), "laggards", "--json"], stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout)["subscribers"], time.monotonic() - began


def unsigned():
    return sum(one["deliveries"] for one in ask()[0])


def measure(title):
    """Seconds, the median of some times."""
    spans = []
    for _ in range(ROUNDS):
        told, took_s = ask()
        spans.append(took_s)
    count = sum(one["laggards"] for one in told)
    print(f"  {title}: {count:,} wait, of {len(told)} subscribers; {statistics.median(spans):.2f} s ({min(spans):.2f} … {max(spans):.2f})", flush=True)
    return statistics.median(spans), count


def delivered(topics, names):
    return sum(topics.end(f"{PREFIX}out.{name}") for name in names)


def until_still(topics, names, begun):
    """The sum of the logs once it grows no more; markers of transactions are in it."""
    last = [delivered(topics, names), time.monotonic()]

    def is_still():
        now = delivered(topics, names)
        if now != last[0]:
            last[:] = now, time.monotonic()
        return last[0] > begun and time.monotonic() - last[1] > 5

    wait_for("the deliveries", is_still, 900, 0.2)
    return last[0]


def sign_a_little(topics, agents, names):
    """A few events are delivered, applied and signed for."""
    begun = delivered(topics, names)
    feed("--records", str(FEW))
    gateway = Gateway(**SETTINGS)
    until_still(topics, names, begun)
    sign_all(agents, gateway)
    gateway.stop()


def sign_all(agents, gateway):
    """The gateway runs: it takes the receipts into its state."""
    agents.start()
    wait_for("the receipts", lambda: unsigned() == 0, 600, 1)
    agents.stop()
    assert gateway.process.poll() is None


def main():
    topics, names = Topics(), subscribers()
    agents = Agents(names)
    due.set_clock(0)
    due.DUE = HOLDERS // 4  # of each penalty four subscribers or more are told
    with open(config("gateway.cfg"), encoding="utf-8") as file, open(config("gateway-due.cfg"), "w", encoding="utf-8") as out:
        out.write(file.read() + f'rehearsal_clock = "{due.CLOCK}";\n')
    topics.create(["raw.probe"])
    first_rounds(topics, **SETTINGS)
    sign_a_little(topics, agents, names)
    due.make_due(topics)
    begun = delivered(topics, names)
    due.set_clock(due.DAY_MS)
    gateway = Gateway(**SETTINGS)
    until_still(topics, names, begun)
    worst_s, holders = measure("all wait")
    sign_all(agents, gateway)
    none_s, _ = measure("all have signed")
    begun = delivered(topics, names)
    due.DUE = SOME
    due.make_due(topics)
    due.set_clock(2 * due.DAY_MS)
    feed("--records", str(SOME), "--round", "2")
    until_still(topics, names, begun)
    some_s, some = measure("a few wait")
    gateway.stop()
    figures.record(f"laggards: over {holders:,} holders that have signed", none_s, "s", 1, True)
    figures.record(f"laggards: the same, of which {some:,} wait", some_s, "s", 1, True)
    figures.record(f"laggards: {holders:,} holders that all wait", worst_s, "s", 1, True)


if __name__ == "__main__":
    main()
