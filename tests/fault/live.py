"""The live view as a socket draws it: the picture after every frame, JSON or binary."""

import datetime
import struct
import uuid

HEAD, NAME, RECORD, HANDLE = 23, 21, 16, 3


class Picture:
    """Who is shown, and whether as fresh; forgotten with its socket."""

    def __init__(self):
        self.people, self.handles = {}, {}
        self.frames, self.whole_since, self.growing = 0, None, False

    def told(self):
        """[person, at, due] of everybody shown as fresh; binary records have no due time."""
        return [[person, at, due] for person, (fresh, at, due) in self.people.items() if fresh]

    def _begin(self, snapshot, more, now):
        """A snapshot may come in several frames; only its first forgets."""
        if snapshot and not self.growing:
            self.people = {}
            self.whole_since = None
        self.growing = snapshot and more
        if self.whole_since is None and not more:
            self.whole_since = now
        self.frames += 1

    def json(self, message, now):
        snapshot = message["type"] == "live_snapshot"
        self._begin(snapshot, message.get("more", False), now)
        for one in message["people"] if snapshot else message["changed"]:
            self.people[one["person_id"]] = (one["freshness"] == "fresh", one["at"], one["due_at"])
        for person in message.get("removed", []):
            self.people.pop(person, None)
        return message["version"]

    def binary(self, frame, now):
        kind, version, newest, names, records, removed = struct.unpack_from("<BQQHHH", frame)
        if len(frame) != HEAD + names * NAME + records * RECORD + removed * HANDLE:
            raise ValueError("a binary frame of another length than it says")
        self._begin(kind & 0x7f == 1, kind & 0x80 != 0, now)
        at = HEAD
        for _ in range(names):
            self.handles[handle(frame, at)] = (frame[at + 3], str(uuid.UUID(bytes=frame[at + 5:at + 21])))
            at += NAME
        for _ in range(records):
            what, identity = self.handles[handle(frame, at)]
            if what == 0:
                seconds, = struct.unpack_from("<H", frame, at + 12)
                self.people[identity] = (frame[at + 3] & 3 == 0, fixed_at(newest, seconds), None)
            at += RECORD
        for _ in range(removed):
            what, identity = self.handles[handle(frame, at)]
            if what == 0:
                self.people.pop(identity, None)
            at += HANDLE
        return version


def handle(frame, at):
    return int.from_bytes(frame[at:at + 3], "little")


def fixed_at(newest, seconds):
    """The latest moment not after `newest` with these seconds modulo 65,536."""
    last = newest // 1000
    moment = last - (last - seconds) % 65536
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).isoformat().replace("+00:00", "Z")
