"""xq.books: what each writer counted, day by day, against what the topics hold."""
import collections

import policy


def day(moment):
    return policy.as_day(moment).isoformat()


def read(world):
    """{(writer, day): {(department, item, subscriber, measure): count}} of the last record of each book."""
    found = {}
    for messages in world.books():
        for message in messages:
            book = world.catalogue.books.decode(message.value)
            writer, _, date = book['book'].rpartition('/')
            found[writer, date] = {(one['department'], one['item'], one['subscriber'], one['measure']): one['count']
                                   for one in book['entries']}
    return found


def sums(found, kind):
    """{(partition, …entry): count} over all days of the gateway's books."""
    totals = collections.Counter()
    for (writer, _), entries in found.items():
        if writer.startswith(kind):
            for key, count in entries.items():
                totals[(int(writer.rpartition('/')[2]), *key)] += count
    return totals


def check(world, result):
    found = read(world)
    result.note('books: delivered on each day what the logs hold', check_delivered(world, found))
    result.note('books: applied or refused on each day what was delivered', check_applied(world, found))
    result.note('books: consumed what came in, and every event is accepted, duplicate, stale or quarantined', check_consumed(world, found))


def by_day(world):
    """{(subscriber, partition, day, department, item): deliveries}"""
    return collections.Counter(
        (subscriber.name, number, day(delivery.content['delivered_at']), world.item_of(delivery).department, world.item_of(delivery).name)
        for subscriber in world.catalogue.subscribers for number, deliveries in enumerate(world.deliveries(subscriber))
        for delivery in deliveries)


def differences(due, counted):
    return [f'{key}: {counted.get(key, 0)} in the books, {due.get(key, 0)} in the topics' for key in sorted(due.keys() | counted.keys())
            if due.get(key, 0) != counted.get(key, 0)]


def check_delivered(world, found):
    counted = {(subscriber, int(writer.rpartition('/')[2]), date, department, item): count
               for (writer, date), entries in found.items() if writer.startswith('gateway/')
               for (department, item, subscriber, measure), count in entries.items() if measure == 'delivered'}
    return differences(by_day(world), counted)


def check_applied(world, found):
    counted = collections.Counter()
    for (writer, date), entries in found.items():
        if writer.startswith('agent/'):
            _, subscriber, partition = writer.split('/')
            for (department, item, _, measure), count in entries.items():
                if measure in ('applied', 'refused'):
                    counted[subscriber, int(partition), date, department, item] += count
    return differences(by_day(world), counted)


def check_consumed(world, found):
    totals = sums(found, 'gateway/')
    refused = collections.Counter((partition, *topic[len(world.prefix) + 3:].split('.', 1)) for topic, partition, _ in world.quarantined())
    why = []
    for item in world.catalogue.items:
        for partition, messages in enumerate(world.input(item)):
            place = partition, item.department, item.name
            count = {measure: totals[(*place, '', measure)] for measure in ('consumed', 'accepted', 'duplicate', 'stale', 'quarantined')}
            ended = sum(count.values()) - count['consumed']
            if not count['consumed'] == len(messages) == ended or count['quarantined'] != refused[place]:
                why.append(f'{place}: {count}, {len(messages)} came in, {refused[place]} refused')
    return why
