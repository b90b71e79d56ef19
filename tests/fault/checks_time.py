"""Deadlines: met, or escalated in time; every call for backup answered for."""

from evidence import seconds
from server import ACCEPTED_S, COMMANDER_S, DELIVERED_S, PARENT_S

# A second is promised after it is due, or after the server can commit again; the rest is for a loaded machine.
LATE_S = 2.5
# What stops the clock of the first answer.
ANSWERS = {"accepted", "en_route", "on_scene", "cleared", "declined", "change_requested", "queued", "suspended"}


def deadlines(evidence):
    """Whoever did not answer in time was escalated in time."""
    for found in evidence.incidents.values():
        missed = [(line["data"], seconds(line["at"])) for line in found["timeline"] if line["kind"] == "deadline.missed"]
        for row in found["assignments"]:
            if row["assignee"]["kind"] != "person":
                continue
            own = [(data, at) for data, at in missed if data["assignment_id"] == row["id"]]
            yield from one(evidence, row, own, "accepted", ACCEPTED_S, answered_at(row, ANSWERS))
            yield from one(evidence, row, own, "delivered", DELIVERED_S, answered_at(row, ANSWERS | {"delivered", "viewed"}))
            for clock in row["deadlines"]:
                due = seconds(clock["due_at"])
                if evidence.expected_by(due) + LATE_S < row["read_at"]:
                    yield f"{row['id']}: {clock['limit']} was due {row['read_at'] - due:.1f} s ago and is still open"


def answered_at(row, rungs):
    """When the clock was stopped, if it was."""
    stops = [seconds(rung["at"]) for rung in row["rungs"] if rung["rung"] in rungs]
    stops += [seconds(row["closed_at"])] if row["closed_at"] else []
    return min(stops, default=None)


def one(evidence, row, missed, limit, allowed, stopped):
    due = seconds(row["created_at"]) + allowed[row["priority"] - 1]
    latest = evidence.expected_by(due) + LATE_S
    if stopped is not None and stopped <= latest:
        return
    if row["read_at"] <= latest:
        return
    escalated = min((at for data, at in missed if data["limit"] == limit), default=None)
    if escalated is None:
        yield f"{row['id']}: {limit} was due at {due:.3f}, nobody did it, nobody was told"
    elif escalated > latest:
        yield f"{row['id']}: {limit} was due at {due:.3f}, the room was told {escalated - due:.1f} s later"


def backups(evidence):
    """A call for backup nobody took has climbed to the parent room and to the commander."""
    for row in evidence.backups.values():
        ends = [seconds(row["closed"]["at"])] if row.get("closed") else []
        if row.get("taken_by") and row["taken_by"]["at"]:
            ends.append(seconds(row["taken_by"]["at"]))
        stopped = min(ends, default=None)
        for kind, after in (("escalated_parent_room", PARENT_S), ("escalated_commander", COMMANDER_S)):
            due = seconds(row["received_at"]) + after
            latest = evidence.expected_by(due) + LATE_S
            if (stopped is not None and stopped <= latest) or evidence.final["backups_at"] <= latest:
                continue
            told = [seconds(line["at"]) for line in row.get("timeline", []) if line["kind"] == kind]
            if not told:
                yield f"backup {row['id']}: {kind} was due at {due:.3f} and did not happen"
            elif min(told) > latest:
                yield f"backup {row['id']}: {kind} came {min(told) - due:.1f} s late"


ALL = (deadlines, backups)
