"""Everything that the checks look at, read once: the environment of a running exchange, its catalogue, views and topics."""
import collections
import datetime
import os
import pathlib
import struct
import subprocess
import tempfile

import avro
import catalogue
import state
import topics


class Delivery:
    """One record of an output topic, decoded."""
    __slots__ = ('record', 'partition', 'offset', 'leaf', 'view', 'content')

    def __init__(self, message, view):
        self.record, self.partition, self.offset = message.key, message.partition, message.offset
        self.leaf = int.from_bytes(message.headers['xq-leaf'], 'big')
        self.view = view
        self.content = view.schema.decode(message.value)


class View:
    """A view's schema, and what its names say: xinqiao.view.<subscriber>.<grant>.<department>.<item>, with '_' for other signs."""

    def __init__(self, path):
        self.schema = avro.Schema(path)
        namespace = self.schema.json.get('namespace', '')
        full = self.schema.json['name'] if '.' in self.schema.json['name'] else f"{namespace}.{self.schema.json['name']}"
        self.full_name = full
        fields = next(field for field in self.schema.json['fields'] if field['name'] == 'fields')
        record = next(branch for branch in fields['type'] if branch != 'null')
        self.fields = [field['name'] for field in record['fields']]


class World:
    def __init__(self, environment):
        self.environment = environment
        self.catalogue = catalogue.Catalogue(environment['XQ_CATALOGUE'])
        self.portfolios = catalogue.portfolios(self.catalogue)
        self.bootstrap, self.prefix = environment['XQ_BOOTSTRAP'], environment['XQ_PREFIX']
        self.topics = topics.names(self.bootstrap, self.prefix)
        self.read = {}
        self.views = self.markers = None
        self.decoded, self.states, self.named = {}, {}, {}

    def _read(self, beginning):
        """Every topic of the exchange whose name goes on like this, read once."""
        if beginning not in self.read:
            wanted = {name: count for name, count in self.topics.items() if name.startswith(self.prefix + beginning)}
            self.read[beginning] = topics.read(self.bootstrap, wanted)
        return self.read[beginning]

    def output(self, subscriber):
        """Records of xq.out.<subscriber>, a list a partition."""
        return self._read('out.')[f'{self.prefix}out.{subscriber.name}']

    def input(self, item):
        return self._read('in.')[f'{self.prefix}in.{item.department}.{item.name}']

    def quarantined(self):
        """(topic, partition, offset) of every event that was refused."""
        found = set()
        for record in sum(self._read('quarantine')[f'{self.prefix}quarantine'], []):
            entry = self.catalogue.quarantine.decode(record.value)
            if entry['severity'] == 'REFUSED' and entry['topic']:
                found.add((entry['topic'], entry['partition'], entry['offset']))
        return found

    def state(self, partition):
        """{key: the last record} of xq.state; what is gone is left out."""
        if partition not in self.states:
            last = {record.key: record for record in self._read('state')[f'{self.prefix}state'][partition]}
            self.states[partition] = {key: record for key, record in last.items() if record.value is not None}
        return self.states[partition]

    def entries(self, partition):
        """{(subject key, record): (Entry, event)}"""
        return state.read(self.state(partition))[0]

    def audit(self):
        return self._read('audit')[f'{self.prefix}audit']

    def books(self):
        return self._read('books')[f'{self.prefix}books']

    def receipts(self):
        return self._read('receipts')[f'{self.prefix}receipts']

    def forget(self, beginning):
        """So that it is read anew."""
        self.read.pop(beginning, None)

    def swept(self, partition):
        """The day up to which what fell due before it has been settled; None when it was never."""
        record = self.state(partition).get(b'D')
        if record is None or record.value[4]:
            return None
        return datetime.date(1970, 1, 1) + datetime.timedelta(struct.unpack_from('<i', record.value)[0])

    def resyncs(self, partition, item):
        """{subscriber: resyncs of the item that its log of the partition has}"""
        if self.markers is None:
            self.markers = collections.Counter(
                (subscriber.name, number, self.item_of(delivery)) for subscriber in self.catalogue.subscribers
                for number, deliveries in enumerate(self.deliveries(subscriber)) for delivery in deliveries
                if delivery.content['operation'] == 'RESYNC_BEGIN')
        return {subscriber.name: self.markers[subscriber.name, partition, item] for subscriber in self.catalogue.subscribers}

    def view(self, subscriber, fingerprint):
        if self.views is None:
            self.views = self._read_views()
        return self.views[subscriber.name, fingerprint]

    def _read_views(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [os.path.join(self.environment['XQ_BIN'], 'xinqiao'), 'catalogue', 'views', folder]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, 'XQ_CONFIG': self.environment['XQ_CONFIG']})
            views = {}
            for path in pathlib.Path(folder).glob('*/*.avsc'):
                view = View(path)
                views[path.parent.name, view.schema.fingerprint] = view
            return views

    def deliveries(self, subscriber):
        """The output decoded: a list a partition."""
        if subscriber.name not in self.decoded:
            self.decoded[subscriber.name] = [
                [Delivery(message, self.view(subscriber, avro.fingerprint(message.value))) for message in partition]
                for partition in self.output(subscriber)]
        return self.decoded[subscriber.name]

    def item_of(self, delivery):
        """By the view's namespace: the grant's name has '_' for '-', so department and item are its last two words."""
        if delivery.view not in self.named:
            _, department, name = delivery.view.full_name.rsplit('.', 2)
            self.named[delivery.view] = next(item for item in self.catalogue.items if item.department == department and
                                             item.name.replace('.', '_').replace('-', '_') == name)
        return self.named[delivery.view]


def read_environment(path):
    environment = {}
    for line in pathlib.Path(path).read_text().splitlines():
        name, sign, value = line.partition('=')
        if sign:
            environment[name] = value.strip('"\'')
    return environment
