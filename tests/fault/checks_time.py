"""Deadlines: met, or escalated in time; every call for backup answered for."""

from server import ACCEPTED_S, COMMANDER_S, DELIVERED_S, PARENT_S, SIGNED_S

# A second is promised after it is due, or after the server can commit again; the rest is for reading and writing.
LATE_S = 1.5
# What a loaded machine may take from the server on top of that, as measured.
TAKEN_MAX_S = 5.0
# What the server's clock may be wrong by: a step it follows, slowly.
CLOCK_S = 1.0
# What stops the clock of the first answer.
ANSWERS = {"accepted", "en_route", "on_scene", "cleared", "declined", "change_requested", "queued", "suspended"}
SIGNED = {"signed", "accepted", "dispatched", "returned", "transferred", "cancelled"}


def latest(evidence, due):
    """When something due then must have been told of: later after a hindrance, and by what the machine took."""
    begun = evidence.expected_by(due)
    return begun + LATE_S + min(TAKEN_MAX_S, evidence.taken(begun - 1, begun + LATE_S + TAKEN_MAX_S))


def deadlines(evidence):
    """Whoever did not answer in time was escalated in time; a crew answers as one, a unit signs."""
    for found in evidence.incidents.values():
        missed = [(line["data"], evidence.at(line["at"])) for line in found["timeline"] if line["kind"] == "deadline.missed"]
        for row in found["assignments"]:
            own = [(data, at) for data, at in missed if data["assignment_id"] == row["id"]]
            if row["assignee"]["kind"] == "unit":
                yield from one(evidence, row, own, "signed", SIGNED_S, answered_at(evidence, row, SIGNED))
            else:
                yield from answers(evidence, row, own)
            for clock in row["deadlines"]:
                due = evidence.at(clock["due_at"])
                if latest(evidence, due) < row["read_at"]:
                    yield f"{row['id']}: {clock['limit']} was due {row['read_at'] - due:.1f} s ago and is still open"


def answers(evidence, row, own):
    """The first answer of a person or crew, and each first member's receipt."""
    yield from one(evidence, row, own, "accepted", ACCEPTED_S, answered_at(evidence, row, ANSWERS))
    for member in row["people"]:
        if abs(evidence.at(member["sent_at"]) - evidence.at(row["created_at"])) > 0.001:
            # Came to a crew later, or came back: no clock of the beginning.
            continue
        told = [(data, at) for data, at in own if data.get("person_id") in (None, member["person_id"])]
        stops = [answered_at(evidence, row, ANSWERS), answered_at(evidence, row, {"delivered", "viewed"}, member["person_id"])]
        stops += [evidence.at(member["left_at"])] if member["left_at"] else []
        stops = [stop for stop in stops if stop is not None]
        yield from one(evidence, row, told, "delivered", DELIVERED_S, min(stops, default=None))


def answered_at(evidence, row, rungs, person=None):
    """When the clock was stopped, if it was: by anybody, or by this one."""
    stops = [evidence.at(rung["at"]) for rung in row["rungs"]
             if rung["rung"] in rungs and person in (None, rung.get("person_id"))]
    stops += [evidence.at(row["closed_at"])] if row["closed_at"] else []
    return min(stops, default=None)


def one(evidence, row, missed, limit, allowed, stopped):
    due = evidence.at(row["created_at"], allowed[row["priority"] - 1])
    until = latest(evidence, due)
    if stopped is not None and stopped <= until:
        return
    if row["read_at"] <= until:
        return
    escalated = min((at for data, at in missed if data["limit"] == limit), default=None)
    if escalated is None:
        yield f"{row['id']}: {limit} was due at {due:.3f}, nobody did it, nobody was told"
    elif escalated > until:
        yield f"{row['id']}: {limit} was due at {due:.3f}, the room was told {escalated - due:.1f} s later"


def backups(evidence):
    """A call for backup nobody took has climbed to the parent room and to the commander."""
    for row in evidence.backups.values():
        ends = [evidence.at(row["closed"]["at"])] if row.get("closed") else []
        if row.get("taken_by") and row["taken_by"]["at"]:
            ends.append(evidence.at(row["taken_by"]["at"]))
        stopped = min(ends, default=None)
        for kind, after in (("escalated_parent_room", PARENT_S), ("escalated_commander", COMMANDER_S)):
            due = evidence.at(row["received_at"], after)
            until = latest(evidence, due)
            if (stopped is not None and stopped <= until) or evidence.final["backups_at"] <= until:
                continue
            told = [evidence.at(line["at"]) for line in row.get("timeline", []) if line["kind"] == kind]
            if not told:
                yield f"backup {row['id']}: {kind} was due at {due:.3f} and did not happen"
            elif min(told) > until:
                yield f"backup {row['id']}: {kind} came {min(told) - due:.1f} s late"


def clock(evidence):
    """The server's clock is right, but for a wrong one it came up under: then it is no further behind than what it could
    not know."""
    found = []
    for name, line in evidence.of_kind("live"):
        shown, most = evidence.clock.by(line["server"]), evidence.clock.most(line["asked"], line["t"])
        if shown + most + CLOCK_S < line["asked"] or line["t"] + CLOCK_S < shown:
            found.append(f"{name} asked at {line['asked']:.3f} and was told {line['server']}, which may be {most:.1f} s behind")
    if found:
        yield f"{len(found)} reads show a wrong clock, first {found[0]}"


ALL = (deadlines, backups, clock)
