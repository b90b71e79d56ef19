"""Falsifies times: what is late, a little beyond its limit, in calm and by the server's own clock."""

import datetime

from server import ACCEPTED_S, SIGNED_S
from server_clock import seconds

# The limits of the promises (docs/RELIABILITY.md), and what is just beyond them.
DRAWN_S, TOLD_S, BEYOND_S = 2.5, 1.5, 0.3
# Rungs that answer nothing, and the steps of the clock a server is started under.
BEFORE = {"created", "sent", "delivered", "viewed"}
STEPS = (0, -300, 300, -900, 900)


class Absent(Exception):
    """What would have to be falsified is not in this round."""


def first(items, wanted):
    return next((item for item in items if wanted(item)), None)


def rows(final):
    return [row for one in final["incidents"] for row in one["assignments"]]


def stamp(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).isoformat()


def faults(lines):
    return [(line["from"], line["to"]) for line in lines if line["e"] in ("fault", "down", "was_full")] + [
        (line["copied"], line["restored"]) for line in lines if line["e"] == "rolled_back"]


class Calm:
    """When the server was left alone, and what its clock was then, as it told rooms that read the map."""

    def __init__(self, final, lines):
        self.faults = faults(lines)
        self.reads = [(line["t"], line["t"] - seconds(line["server"])) for line in lines if line["e"] == "live"]
        self.begun, self.ended = min(t for t, _ in self.reads), final["begun"]
        # Nothing is to be late because of the machine.
        for line in lines:
            if line["e"] == "machine":
                line["wait"] = line["others"] = 0.0

    def offset(self, begun, ended, late):
        """Seconds from the server's clock to the right one if it was calm, and the clock late or not; steps are whole
        minutes."""
        if any(start < ended and begun < end for start, end in self.faults) or ended > self.ended:
            return None
        found = min((off for t, off in self.reads if begun < t < ended), default=None)
        if found is None or late != ((found + 100) % 300 - 100 > 1):
            return None
        return found


def late_marker(final, lines, late=False):
    """A socket draws somebody as fresh a little longer than it may, by a clock of the server that is right."""
    calm = Calm(final, lines)
    for line in lines:
        due = first(line["fresh"], lambda one: one[2]) if line["e"] == "picture" and line["since"] < line["t"] - 5 else None
        offset = calm.offset(line["t"] - 6, line["t"], late) if due else None
        if offset is not None:
            line["fresh"] = [due]
            due[2] = stamp(line["t"] - offset - DRAWN_S - BEYOND_S)
            return
    raise Absent(f"no socket drew due times in calm while the server's clock was {'behind' if late else 'right'}")


def late_marker_behind(final, lines):
    """The same when the server came up under a clock behind what it wrote: late by that, and a little more."""
    late_marker(final, lines, True)


def late_promise(final, lines, late=False):
    """The same by what the device had promised: its last report is one that ended just before."""
    calm, who = Calm(final, lines), {line["_"]: line for line in lines if line["e"] == "who"}
    for line in lines:
        if line["e"] == "picture" and line["since"] < line["t"] - 5:
            offset = calm.offset(line["t"] - 6, line["t"], late)
            if offset is not None:
                break
    else:
        raise Absent(f"no socket drew a map in calm while the server's clock was {'behind' if late else 'right'}")
    # Somebody of the room's own unit, or of any when it is the centre.
    unit, below = who[line["_"]]["unit"], final["units"]
    file, one = first(who.items(), lambda item: item[1]["role"] == "terminal"
                      and below[item[1]["unit"]].startswith(below[unit]))
    person, by = one["person"], line["t"] - (offset + 100) % 300 + 100
    at = by - DRAWN_S - BEYOND_S - 5 - 3
    for other in lines:
        if other["e"] in ("picture", "live"):
            other["fresh"] = [one for one in other["fresh"] if one[0] != person]
    line["fresh"] = [[person, stamp(at), None]]
    lines[:] = [line for line in lines if line["e"] not in ("fixes", "stored") or line["_"] != file]
    # Sent and known to the server by its own clock then.
    lines += [{"t": at + line["t"] - by, "e": kind, "at": [stamp(at)], "promise": 5, "_": file}
              for kind in ("fixes", "stored")]
    final["tracks"][person].append([one["device"], stamp(at)])


def late_promise_behind(final, lines):
    """The same when the server came up under a clock behind what it wrote."""
    late_promise(final, lines, True)


def late_deadline(final, lines, late=False):
    """The room is told a little later than it may be that nobody answered."""
    calm = Calm(final, lines)
    missed = [line for one in final["incidents"] for line in one["timeline"] if line["kind"] == "deadline.missed"]
    for row in rows(final):
        limit, allowed = ("signed", SIGNED_S) if row["assignee"]["kind"] == "unit" else ("accepted", ACCEPTED_S)
        told = [line for line in missed if line["data"]["assignment_id"] == row["id"] and line["data"]["limit"] == limit]
        if not told or row["closed_at"] or any(rung["rung"] not in BEFORE for rung in row["rungs"]):
            continue
        due = seconds(row["created_at"]) + allowed[row["priority"] - 1]
        # Its clock is right, or off by a step, and perhaps behind.
        at = first((due - step for step in STEPS), lambda t: calm.begun < t < calm.ended)
        if at is not None and calm.offset(at - 2, at + 14, late) is not None:
            for line in told:
                line["at"] = stamp(due + TOLD_S + BEYOND_S)
            return
    raise Absent(f"no deadline was missed in calm while the server's clock was {'behind' if late else 'right'}")


def late_deadline_behind(final, lines):
    """The same when the server came up under a clock behind what it wrote: by its own clock nothing is late."""
    late_deadline(final, lines, True)


def late_clock(final, lines):
    """The server's clock falls further behind than it can help."""
    for line in lines:
        if line["e"] == "live":
            line["server"] = stamp(seconds(line["server"]) - 20)


# Each way, and the check that must see it.
WAYS = {late_marker: "pictures", late_marker_behind: "pictures", late_promise: "pictures", late_promise_behind: "pictures",
        late_deadline: "deadlines", late_deadline_behind: "deadlines", late_clock: "clock"}
