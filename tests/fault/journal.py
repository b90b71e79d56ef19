"""Journals: one append-only file of JSON lines per person of the harness, and one of the nemesis.

Every line has `t`, the harness' own clock (seconds), and `e`, what happened:

    who       who writes: role, person, device, unit, path, skew (how wrong the device's clock is)
    send      a write was sent: op, key, path, body
    ack       a write was accepted: op, key, status, ids; `again` for the answer to a repeat
    refused   a write was refused for good: op, key, status, code
    fixes     fixes went out: device, at[], promise
    stored    the server says it has these fixes: at[]
    welcome   a stream was opened: epoch, recovered, reason, last_seq, last_id, had
    got       a message arrived: epoch, seq, id, kind, about
    receipt   a message was acknowledged: seq
    closed    the socket ended: code
    live      a live view was read: fresh[] of [person, at, due_at]
    ended     a logged-out token was tried: status
    fault     (nemesis) what was done: name, from, to
    copied, restored   (nemesis) the database was put aside; it was put back
"""

import json
import os
import time


class Journal:
    """Appends; a line is written out before anything follows from it."""

    def __init__(self, folder, name):
        os.makedirs(folder, exist_ok=True)
        self.file = open(os.path.join(folder, name + ".jsonl"), "a", buffering=1)

    def note(self, event, **what):
        self.file.write(json.dumps({"t": round(time.time(), 6), "e": event, **what}, separators=(",", ":")) + "\n")

    def close(self):
        self.file.close()


def read(folder):
    """All journals of a folder: name → lines."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".jsonl"):
            with open(os.path.join(folder, name)) as file:
                found[name[:-6]] = [json.loads(line) for line in file]
    return found
