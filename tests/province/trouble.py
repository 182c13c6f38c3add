"""What goes wrong on purpose. Each trouble has a number: a whole one for so many times, a share below 1 for that often, 0 never.

    timeout_after     takes the batch, never answers          bad_gateway        answers 502 before it looked at anything
    bad_gateway_after takes the batch, answers 502            unavailable        answers 503
    throttle          answers 429 with Retry-After            cut                ends in the middle of the answer
    repeat            gives the answer of another batch again strange_ack        acknowledges a row that was not sent
    missing_ack       leaves a row out                        change_gov_id      gives a row another govId than before
    not_json          answers what is no JSON                 huge               answers 1 GB
    huge_gzip         the same, compressed                    redirect           answers 307 to elsewhere

Settings: retry_after (s, 1), hold_ms (how long a timeout lasts, 60000), slow_ms (before each answer, 0), gov_id_after_ms (a new row's govId is told so
much later, 0), redirect_to, bad_rows (share of rows, chosen by their rowKey, that are refused whatever is in them), seed; down (closes the listener),
certificate (name of the pair of files that is shown).
"""
import random
import threading

TIMES = ('timeout_after', 'bad_gateway', 'bad_gateway_after', 'unavailable', 'throttle', 'cut', 'repeat', 'strange_ack', 'missing_ack',
         'change_gov_id', 'not_json', 'huge', 'huge_gzip', 'redirect')
SETTINGS = {'retry_after': 1, 'hold_ms': 60000, 'slow_ms': 0, 'gov_id_after_ms': 0, 'redirect_to': 'https://127.0.0.1:1/elsewhere',
            'bad_rows': 0, 'seed': 1, 'down': False, 'certificate': 'server'}


class Trouble:
    def __init__(self):
        self.lock = threading.Lock()
        self.numbers = {name: 0 for name in TIMES}
        self.happened = {name: 0 for name in TIMES}
        self.settings = dict(SETTINGS)
        self.random = random.Random(SETTINGS['seed'])

    def change(self, wanted):
        """ValueError when it is not known."""
        unknown = set(wanted) - set(TIMES) - set(SETTINGS)
        if unknown:
            raise ValueError(f'no such trouble: {", ".join(sorted(unknown))}')
        with self.lock:
            self.numbers.update({name: value for name, value in wanted.items() if name in TIMES})
            self.settings.update({name: value for name, value in wanted.items() if name in SETTINGS})
            if 'seed' in wanted:
                self.random.seed(wanted['seed'])

    def comes(self, name):
        """Whether it happens now; counts it."""
        number = self.numbers[name]
        if number == 0:
            return False
        with self.lock:
            number = self.numbers[name]
            if 0 < number < 1:
                happens = self.random.random() < number
            else:
                happens = number >= 1
                self.numbers[name] = number - 1 if happens else number
            self.happened[name] += happens
            return happens

    def is_bad(self, row_key):
        share = self.settings['bad_rows']
        return share > 0 and int(row_key[-8:], 16) < share * 2 ** 32

    def tell(self):
        return {**self.numbers, **self.settings, 'happened': self.happened}
