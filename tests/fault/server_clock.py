"""The server's clock: what its answers show it to be, and how far behind it may be.

A server that comes up under a clock behind what it wrote goes on from what it wrote last: it can know neither how long it
was down nor how old the copy is that was put back. Its instants are read by its clock, everybody else's by the right one.
"""

import collections
import datetime

# One start: from the kill (or the copy) until it answered; whether its clock ran ahead; how far behind it may be, and is;
# and the first instant by its own clock that was its own.
Start = collections.namedtuple("Start", "begun ended ahead most lag first")


def seconds(text):
    """An instant on the wire as seconds since the epoch."""
    return datetime.datetime.fromisoformat(text).timestamp()


class ServerClock:
    def __init__(self, evidence):
        self.evidence = evidence
        self.kills = [begun for begun, _ in evidence.windows_of({"kill", "power"})]
        # A server started under a wrong clock keeps it; its times since then are so much off.
        self.shifts = [(line["from"], line["step"]) for line in evidence.nemesis
                       if line["e"] == "shifted" and self._taken(line)]
        self.reads = sorted((line["t"], self.by(line["server"])) for _, line in evidence.of_kind("live"))
        self.writes = self._writes()
        self.states = [Start(0.0, 0.0, False, 0.0, 0.0, 0.0)]
        for begun, ended in self._starts():
            self.states.append(self._start(begun, ended))
        undone = [state for state in self.states if any(copied <= state.begun and state.ended < restored
                                                        for copied, restored in evidence.lost)]
        self.history = [state for state in self.states if state not in undone]

    def _gone(self, since):
        """When the run that began then was ended."""
        return min((kill for kill in self.kills if kill >= since), default=float("inf"))

    def _taken(self, line):
        """Whether the server came up ahead, as its answers show: PostgreSQL, which it asks, may have told it the right
        time still."""
        until = self._gone(line["t"])
        ahead = sorted(seconds(read["server"]) - read["t"] for _, read in self.evidence.of_kind("live")
                       if line["t"] < read["t"] < until)
        return line["step"] < 0 or not ahead or ahead[len(ahead) // 2] > line["step"] / 2

    def _starts(self):
        """(down since, up again); from a copy: since it was made."""
        lost = self.evidence.lost
        found = set(self.evidence.windows_of({"kill", "power"}))
        return sorted((one for one in found if one in lost or
                       not any(copied < one[0] and abs(one[1] - restored) < 0.1 for copied, restored in lost)),
                      key=lambda one: one[1])

    def _start(self, begun, ended):
        """Only a start under a clock behind what was written counts: the one that sets the clock back, or any after one
        that ran ahead; the next under a right clock ends it."""
        before = self.state(begun)
        step = next((step for at, step in self.shifts if begun <= at < ended), 0)
        if step < 0 or (step == 0 and before.ahead):
            written = self.written(begun)
            most = before.most + ended - written
            return Start(begun, ended, before.ahead, most, min(most, self._shown(ended, most)), written - before.lag)
        return Start(begun, ended, step > 0, 0.0, 0.0, begun - before.lag)

    def _shown(self, ended, most):
        """Seconds behind, as the reads of that run show: none was answered before it was asked."""
        until = self._gone(ended)
        return max(0.0, min((t - by for t, by in self.reads if ended < t < until), default=most))

    def _writes(self):
        """(answered, first sent) of what was written at the first attempt: written somewhere between."""
        found = []
        for key, answers in self.evidence.acks.items():
            first = min(answers, key=lambda one: one["t"])
            if not first["again"]:
                found.append((first["t"], self.evidence.sends[key]["t"]))
        return found

    def written(self, t):
        """A moment after which nothing that is still there is known to have been written before `t`."""
        return max((sent for answered, sent in self.writes if answered <= t and not any(
            copied < answered <= restored and restored <= t for copied, restored in self.evidence.lost)), default=t)

    def state(self, t):
        """The start whose clock holds at `t`."""
        return [state for state in self.states if state.ended <= t][-1]

    def most(self, asked, answered):
        """How far behind the clock may be that answered: a server that is gone by now may have, its answer being long on
        the way, or one that is up before anybody noted it."""
        since = [state for state in self.states if asked < state.ended and state.begun <= answered]
        return max(state.most for state in [self.state(asked), *since])

    def by(self, text):
        """An instant of the server by its own clock, but for a step it was started under, which shows in it."""
        found = seconds(text)
        for begun, step in self.shifts:
            if begun <= found - step <= self.evidence.final["begun"] + 60:
                return found - step
        return found

    def right(self, by):
        """When the server's clock was there, by the right one."""
        state = next(state for state in reversed(self.history) if by >= state.first)
        return max(by + state.lag, state.begun)

