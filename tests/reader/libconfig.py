"""A reader of the part of libconfig's language that the exchange's files use: settings, groups, lists, arrays, scalars, comments."""
import re

TOKEN = re.compile(
    r'\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/'
    r'|(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>[-+]?\d+L?)|(?P<name>[A-Za-z*][-A-Za-z0-9_*]*)|(?P<sign>[={}()\[\],;:])',
    re.DOTALL)
CLOSING = {'(': ')', '[': ']'}


def tokens(text):
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f'libconfig: cannot read on at character {at}')
        at = match.end()
        if match.lastgroup:
            yield match.lastgroup, match.group(match.lastgroup)
    yield 'end', ''


class Reader:
    def __init__(self, text):
        self.tokens = list(tokens(text))
        self.at = 0

    def peek(self):
        return self.tokens[self.at]

    def take(self):
        token = self.tokens[self.at]
        self.at += 1
        return token

    def settings(self, closing):
        group = {}
        while self.peek() not in (('sign', closing), ('end', '')):
            _, name = self.take()
            assert self.take()[1] in '=:', name
            group[name] = self.value()
            while self.peek()[1] in (';', ','):
                self.take()
        return group

    def value(self):
        kind, text = self.take()
        if kind == 'string':
            whole = re.sub(r'\\(.)', r'\1', text[1:-1])
            while self.peek()[0] == 'string':  # neighbouring strings are one
                whole += re.sub(r'\\(.)', r'\1', self.take()[1][1:-1])
            return whole
        if kind == 'number':
            return int(text.rstrip('L'))
        if kind == 'name':
            return {'true': True, 'false': False}[text.lower()]
        if text == '{':
            group = self.settings('}')
            self.take()
            return group
        values = []
        while self.peek()[1] != CLOSING[text]:
            values.append(self.value())
            if self.peek()[1] == ',':
                self.take()
        self.take()
        return values


def load(path):
    with open(path, encoding='utf-8') as file:
        return Reader(file.read()).settings('')
