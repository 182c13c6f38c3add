"""xq.receipts: what subscribers signed, held against the logs themselves, and against what their stores and books say."""
import collections
import time

import books
import merkle
import seals
import sinks

PATIENCE_S = 30


class Broken(Exception):
    pass


def milliseconds(moment):
    return round(moment.timestamp() * 1000)


def text_of(receipt):
    """What is signed (docs/formats-receipts.md)."""
    lines = ['xinqiao receipt v1', receipt['exchange'], receipt['subscriber'], receipt['log'], receipt['kind'], receipt['size'],
             receipt['root'].hex(), receipt['leaf'], receipt['offset'], receipt['record'].hex(), receipt['department'], receipt['item'],
             receipt['code'], receipt['words'], milliseconds(receipt['at'])]
    return ''.join(f'{line}\n' for line in lines).encode()


def roots(log, sizes):
    """{size: root} of the log, by every hash that seals have."""
    found, wanted = {}, set(sizes)
    for name in ('sm3', 'sha256'):
        whole = merkle.Log()
        for message in log:
            whole.append(name, merkle.leaf(name, message.key, message.value))
            if whole.size in wanted:
                found.setdefault(whole.size, set()).add(whole.root(name))
    return found


class Signed:
    """What one subscriber's good receipts say of each partition."""

    def __init__(self, world, subscriber):
        self.size, self.refused, self.strange = collections.Counter(), {}, 0
        self.why = []
        keys = seals.Keys(f"{world.environment['XQ_RECEIPT_KEYS']}/{subscriber.name}")
        for number, messages in enumerate(world.receipts()):
            log, good, at = world.output(subscriber)[number], [], 0
            for message in messages:
                receipt = self.read(world, keys, subscriber, number, message)
                if receipt is None or milliseconds(receipt['at']) <= at:
                    self.strange += 1  # forged or replayed: whoever put it there; the gateway refuses it
                    continue
                at = milliseconds(receipt['at'])
                good.append(receipt)
            self.take(number, log, good)

    @staticmethod
    def read(world, keys, subscriber, number, message):
        if message.key != subscriber.name.encode():
            return None
        try:
            receipt = world.catalogue.receipt.decode(message.value)
            keys.verify(receipt, text_of(receipt))
        except (ValueError, EOFError, seals.Broken):
            return None
        named = receipt['exchange'], receipt['subscriber'], receipt['log']
        return receipt if named == (world.catalogue.exchange, subscriber.name, f'{world.prefix}out.{subscriber.name}/{number}') else None

    def take(self, number, log, good):
        due = roots(log, [receipt['size'] for receipt in good if receipt['kind'] == 'APPLIED'])
        for receipt in good:
            if receipt['kind'] == 'APPLIED':
                if receipt['root'] not in due.get(receipt['size'], ()):
                    self.why.append(f"{receipt['log']}: the root of {receipt['size']} leaves is another")
                self.size[number] = receipt['size']
            elif receipt['leaf'] >= len(log) or log[receipt['leaf']].key not in (receipt['record'], b'\0' * 16):
                self.why.append(f"{receipt['log']}: leaf {receipt['leaf']} is of another record")
            else:
                self.refused[number, receipt['leaf']] = receipt['code'], receipt['words']

    def behind(self, world, subscriber):
        return [f'partition {number}: signed for {self.size[number]} of {len(log)}'
                for number, log in enumerate(world.output(subscriber)) if self.size[number] != len(log)]


def signed(world, subscriber):
    """Once nothing is awaited any more, or patience ends."""
    until = time.monotonic() + PATIENCE_S
    while True:
        found = Signed(world, subscriber)
        if not found.behind(world, subscriber) or time.monotonic() > until:
            return found
        time.sleep(1)
        world.forget('receipts')


def refused_in_books(world, subscriber):
    return sum(count for (writer, _), entries in books.read(world).items() if writer.startswith(f'agent/{subscriber.name}/')
               for (*_, measure), count in entries.items() if measure == 'refused')


def check(world, result):
    for subscriber, settings in sinks.agents(world):
        if not settings.get('receipt_key'):
            continue
        found = signed(world, subscriber)
        result.note(f'receipts: {subscriber.name} has signed for its whole log, each size with its root', found.why + found.behind(world, subscriber))
        counted = refused_in_books(world, subscriber)
        result.note(f'receipts: {subscriber.name}, {len(found.refused)} refused, each signed, as the books say',
                    [] if counted == len(found.refused) else [f'{counted} refused in the books'])
        kept = sinks.kept_refusals(world, subscriber, settings)
        if kept is not None:
            result.note(f'receipts: {subscriber.name}, those that its own store has as refused',
                        [f'{place}: {"not signed" if place in kept else "not in the store"}' for place in sorted(kept ^ found.refused.keys())])
