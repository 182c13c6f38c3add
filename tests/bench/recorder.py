#!/usr/bin/env python3
"""The reference receiver (docs/recipes/receiver.py), which also writes down when requests came and were answered, and, with --record FOLDER, the
requests themselves, so that they can be sent again.

    recorder.py --times FILE [--record FOLDER] OPTIONS OF receiver.py

FILE gets a line "BEGAN ENDED" (monotonic seconds) a request; FOLDER a file NUMBER.body as it came and NUMBER.json with its headers."""
import argparse
import io
import json
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs" / "recipes"))
import receiver  # noqa: E402

HEADERS = ("Content-Type", "Content-Encoding", "Idempotency-Key")


class Handler(receiver.Handler):
    times = record = None
    lock, number = threading.Lock(), 0

    def do_POST(self):
        began = time.monotonic()
        super().do_POST()
        with self.lock:
            self.times.write(f"{began} {time.monotonic()}\n")
            self.times.flush()

    def body(self):
        if self.record is None:
            return super().body()
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            Handler.number += 1
            path = self.record / f"{self.number:06d}"
        path.with_suffix(".body").write_bytes(raw)
        path.with_suffix(".json").write_text(json.dumps({name: self.headers[name] for name in HEADERS if self.headers[name]}))
        plain, self.rfile = self.rfile, io.BytesIO(raw)
        try:
            return super().body()
        finally:
            self.rfile = plain


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--times", required=True)
    parser.add_argument("--record", type=pathlib.Path)
    options = receiver.arguments(parser)
    Handler.times, Handler.record = open(options.times, "w", encoding="ascii"), options.record
    receiver.main(options, handler=Handler)


if __name__ == "__main__":
    main()
