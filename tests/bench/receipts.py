"""What receipts cost: the court's agent into PostgreSQL with a receipt key and without, by turns, the order changing."""
import os
import statistics

import psycopg2

import agent
import figures
from exchange import RECORDS, Topics, config

ROUNDS = 6
ROWS = min(RECORDS, 300000)


def settings(name, signs):
    """The court's, with a receipt key or without."""
    with open(config("agent-court.cfg"), encoding="utf-8") as file:
        lines = [line for line in file if signs or not line.startswith("receipt_key")]
    with open(config(name), "w", encoding="utf-8") as file:
        file.writelines(lines)
    return name


def main():
    topics = Topics()
    connection = psycopg2.connect(os.environ["XQ_PG"])
    connection.autocommit = True
    names = {True: settings("agent-signs.cfg", True), False: settings("agent-silent.cfg", False)}
    agent.fill(topics, 1, ROWS)
    agent.apply(topics, connection, ROWS, names[True])
    rates, costs, number = [], [], 1
    for pair in range(ROUNDS):
        found = {}
        for signs in ((True, False) if pair % 2 else (False, True)):
            number += 1
            agent.fill(topics, number, ROWS)
            agent.query(connection, "CHECKPOINT")
            found[signs] = agent.apply(topics, connection, ROWS, names[signs])
        rates.append(1 - found[True][0] / found[False][0])
        costs.append(1 - found[False][1] / found[True][1])
        print(f"  pair {pair + 1}: with receipts {found[True][0]:,.0f}/s {found[True][1]:.2f} µs, without {found[False][0]:,.0f}/s "
              f"{found[False][1]:.2f} µs, cost {rates[-1]:.1%} of throughput, {costs[-1]:.1%} of processor time", flush=True)
    figures.record("receipts: cost of the agent's throughput", statistics.median(rates), "", 0.03, True)
    figures.record("receipts: cost of the agent's processor time", statistics.median(costs), "", 0.03, True)


if __name__ == "__main__":
    main()
