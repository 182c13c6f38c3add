"""Everything that the checks look at, read once: the environment of a running exchange, its catalogue, views and topics."""
import os
import pathlib
import subprocess
import tempfile

import avro
import catalogue
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
        self.bootstrap, self.prefix = environment['XQ_BOOTSTRAP'], environment['XQ_PREFIX']
        self.topics = topics.names(self.bootstrap, self.prefix)
        self.read = {}
        self.views = None
        self.decoded = {}

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
        _, department, name = delivery.view.full_name.rsplit('.', 2)
        return next(item for item in self.catalogue.items
                    if item.department == department and item.name.replace('.', '_').replace('-', '_') == name)


def read_environment(path):
    environment = {}
    for line in pathlib.Path(path).read_text().splitlines():
        name, sign, value = line.partition('=')
        if sign:
            environment[name] = value.strip('"\'')
    return environment
