"""What a round left behind, read once: journals, final state, and when the server could not be expected to act."""

import bisect
import collections
import datetime
import json
import os

import journal
from server_clock import ServerClock, seconds


# Faults during which the server cannot commit. The others excuse nothing.
HINDERING = {"kill", "pause", "locked", "database", "rollback", "power", "was_full"}


def micros(text):
    """The same without rounding: what identifies a fix."""
    at = datetime.datetime.fromisoformat(text)
    since = at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds


class Evidence:
    def __init__(self, folder):
        with open(os.path.join(folder, "plan.json")) as file:
            self.plan = json.load(file)
        self.journals = journal.read(os.path.join(folder, "journals"))
        with open(os.path.join(folder, "final.json")) as file:
            self.final = json.load(file)
        self.nemesis = self.journals.pop("nemesis", [])
        admin = self.journals.pop("admin", [])
        self.machine = self.journals.pop("machine", [])
        # The state was read from here on; what came later may not be in it.
        self.whole = self.journals
        self.journals = {name: [line for line in lines if line["t"] < self.final["begun"]]
                         for name, lines in self.journals.items()}
        self.who = {name: next(line for line in lines if line["e"] == "who") for name, lines in self.journals.items()}
        self.names = {who["person"]: name for name, who in self.who.items()}
        self.lost = [(line["copied"], line["restored"]) for line in self.nemesis if line["e"] == "rolled_back"]
        self.windows = self.windows_of(HINDERING)
        self.incidents = {one["incident"]["id"]: one for one in self.final["incidents"]}
        self.assignments = {one["id"]: one for found in self.final["incidents"] for one in found["assignments"]}
        self.incident_of = {name: row["incident_id"] for name, row in self.assignments.items()}
        self.backups = {one["id"]: one for one in self.final["backups"]}
        self.crews = {one["id"]: one for one in self.final["crews"]}
        self.admin = [line for line in admin if line["t"] < self.final["begun"]]
        self._writes()
        self.clock = ServerClock(self)
        self._promises()

    def _writes(self):
        """By key: what was sent, and every answer to it."""
        self.sends, self.acks, self.refusals = {}, collections.defaultdict(list), collections.defaultdict(list)
        self.copies = collections.Counter()
        for name, lines in self.journals.items():
            for line in lines:
                if line["e"] == "send":
                    self.sends.setdefault(line["key"], {**line, "by": name})
                    self.copies[line["key"]] += line["copies"]
                elif line["e"] == "ack":
                    self.acks[line["key"]].append(line)
                elif line["e"] == "refused":
                    self.refusals[line["key"]].append(line)

    def excused(self, t):
        """Whether what was acknowledged then was undone by putting an older database back."""
        return any(copied <= t <= restored for copied, restored in self.lost)

    def at(self, text, after=0.0):
        """When that was by the right clock, or when so many seconds after it were over by the server's."""
        return self.clock.right(self.clock.by(text) + after)

    def of_nemesis(self, kind):
        return [line for line in self.nemesis if line["e"] == kind]

    def windows_of(self, names):
        """(from, to) of every time one of these faults was on, or the server down."""
        found = [(line["from"], line["to"]) for line in self.nemesis
                 if line["e"] == "down" or line["e"] in names or (line["e"] == "fault" and line["name"] in names)]
        return sorted(found + self.lost)

    def _promises(self):
        """Per person: (sent at, shown as fresh until at most) of every fix that was sent. It ends by the server's clock."""
        sent = collections.defaultdict(dict)
        for name, lines in self.journals.items():
            for line in lines:
                if line["e"] == "fixes":
                    for at in line["at"]:
                        sent[self.who[name]["person"]].setdefault(at, [line["t"], None, line["promise"]])
                elif line["e"] == "stored":
                    for at in line["at"]:
                        fix = sent[self.who[name]["person"]].get(at)
                        if fix and fix[1] is None:
                            fix[1] = line["t"]
        self.horizon = {person: sorted((t, self.end(seconds(at), got or t + 30, promise))
                                       for at, (t, got, promise) in fixes.items()) for person, fixes in sent.items()}
        self.furthest = {}
        for person, ends in self.horizon.items():
            times, best, top = [], [], 0.0
            for t, end in ends:
                top = max(top, end)
                times.append(t)
                best.append(top)
            self.furthest[person] = (times, best)

    def end(self, at, got, promise):
        """When a promise given at `at` and known to the server at `got` is over."""
        return self.clock.right(min(at, got - self.clock.state(got).lag) + promise + max(3, promise // 5))

    def fresh_until(self, person, t):
        """The end of every promise this person's devices had made by `t`."""
        times, best = self.furthest.get(person, ([], []))
        made = bisect.bisect_right(times, t)
        return best[made - 1] if made else 0

    def expected_by(self, due):
        """The moment something due at `due` can be expected: later when the server was hindered then."""
        for begun, ended in self.windows:
            # A fault that begins while it is being done, or shortly after, also counts.
            if begun <= due + 1.5 and ended > due:
                due = ended
        return due

    def taken(self, begun, ended):
        """Seconds the machine took from the server between two moments: it waited while others ran."""
        lines = [line for line in self.machine if begun < line["t"] <= ended + 0.25]
        return min(sum(line["wait"] for line in lines), sum(line["others"] for line in lines))

    def of_kind(self, kind):
        """(name, line) of every line of a kind."""
        return ((name, line) for name, lines in self.journals.items() for line in lines if line["e"] == kind)
