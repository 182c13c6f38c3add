"""xq.audit: every delivery about a record stands in it once, as it was, by the grant that it names."""


def disclosed(world, messages):
    """Yields (offset, audit record, disclosure) in order."""
    for message in messages:
        record = world.catalogue.audit.decode(message.value)
        for disclosure in record['disclosures']:
            yield message.offset, record, disclosure


def fields_of(world, delivery, subscriber):
    """The fields that a PUT in this view carries, as the grant has them."""
    name = delivery.content['grant']
    grant = next(one for one in subscriber.grants if one.name == name)
    transforms = {field.name: field.transform for field in grant.fields}
    return sorted(f'{field}:{transforms[field]}' if transforms[field] else field for field in delivery.view.fields)


def difference(world, subscriber, delivery, record, disclosure):
    content, grant = delivery.content, record['grants'][disclosure['grant']]
    item = world.item_of(delivery)
    pairs = [('record', disclosure['record'], delivery.record), ('version', disclosure['version'], content['version']),
             ('operation', disclosure['operation'], content['operation']), ('reason', disclosure['reason'], content['reason']),
             ('catalogue', record['catalogue'], content['catalogue']), ('time', record['at'], content['delivered_at']),
             ('subscriber', grant['subscriber'], subscriber.name),
             ('item', (grant['department'], grant['item']), (item.department, item.name)),
             *((name, grant[name], content[name]) for name in ('grant', 'purpose', 'legal_basis')),
             ('fields', sorted(grant['fields']), fields_of(world, delivery, subscriber))]
    return next((f'{name} {found}, not {due}' for name, found, due in pairs if found != due), None)


def check(world, result):
    why, chains, total = [], [], 0
    subscribers = {subscriber.name: subscriber for subscriber in world.catalogue.subscribers}
    for partition, messages in enumerate(world.audit()):
        due = {(name, delivery.leaf): delivery for name, subscriber in subscribers.items()
               for delivery in world.deliveries(subscriber)[partition] if not delivery.content['operation'].startswith('RESYNC_')}
        last = {}
        for offset, record, disclosure in disclosed(world, messages):
            total += 1
            name = record['grants'][disclosure['grant']]['subscriber']
            delivery = due.pop((name, disclosure['leaf']), None)
            found = 'discloses what was not delivered, or twice' if delivery is None else difference(
                world, subscribers[name], delivery, record, disclosure)
            if found:
                why.append(f'partition {partition}, offset {offset}, {name} leaf {disclosure["leaf"]}: {found}')
            check_chain(partition, offset, disclosure, last, chains)
        why += [f'partition {partition}: {name} leaf {leaf} is in no audit record' for name, leaf in due]
        check_ends(world, partition, last, chains)
    result.note(f'audit: {total} disclosures, each of a delivery and each delivery once', why)
    result.note('audit: a record\'s disclosures are linked from its state back to its first', chains)


def check_chain(partition, offset, disclosure, last, why):
    """`last`: {(subject key, record): (offset of its last audit record, the one before)}"""
    place = disclosure['subject_key'], disclosure['record']
    at, before = last.get(place, (-1, -1))
    previous = before if at == offset else at
    if disclosure['previous'] != previous:
        why.append(f'partition {partition}, offset {offset}: previous is {disclosure["previous"]}, not {previous}')
    last[place] = offset, previous


def check_ends(world, partition, last, why):
    for place, (entry, _) in world.entries(partition).items():
        at = last.get(place, (-1, -1))[0]
        if entry.audit_offset != at:
            why.append(f'partition {partition}, record {place[1].hex()}: the state names audit record {entry.audit_offset}, not {at}')
