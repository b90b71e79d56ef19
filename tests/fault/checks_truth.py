"""Delivery truth: whose word is whose, and who may see what."""

import collections

# A person's or crew's ladder and a unit's: no word stands on both at different heights.
HEIGHT = {"created": 0, "sent": 1, "delivered": 2, "viewed": 3, "accepted": 4, "en_route": 5, "on_scene": 6,
          "cleared": 7, "signed": 4, "dispatched": 5, "returned": 6, "transferred": 6}
TAPPED = ("viewed", "accepted", "en_route", "on_scene", "cleared")


def ladder(evidence):
    """A rung is there because somebody did it, under the right word; the state does not fall."""
    taps = {(line["about"]["assignment"], line["about"]["event"], evidence.who[name]["person"])
            for name, line in evidence.of_kind("send") if line["op"] == "rung"}
    heard = {(line["about"].get("assignment_id"), evidence.who[name]["person"])
             for name, lines in evidence.whole.items() for line in lines if line["e"] == "got"}
    for row in evidence.assignments.values():
        highest = 0
        for rung in row["rungs"]:
            step, person = rung["rung"], rung.get("person_id")
            if step == "delivered" and rung["truth"] != "machine":
                yield f"{row['id']}: a receipt is shown as {rung['truth']}"
            if step == "delivered" and person in evidence.names and (row["id"], person) not in heard:
                yield f"{row['id']}: delivered to {evidence.names[person]}, who never received it"
            if step in TAPPED and person in evidence.names:
                if rung["truth"] != "human" and rung["via"] == "device":
                    yield f"{row['id']}: {step} without a tap is shown as {rung['truth']}"
                if rung["truth"] == "human" and (row["id"], step, person) not in taps:
                    yield f"{row['id']}: {step} is shown as the word of {evidence.names[person]}, who did not tap"
            if rung["applied"]:
                highest = max(highest, HEIGHT.get(step, 0))
        state = HEIGHT.get(row["state"])
        if state is not None and state < highest:
            yield f"{row['id']}: state {row['state']} is below what was reached ({highest})"


def ladder_as_told(evidence):
    """What a person is told of an assignment does not go back."""
    for name, lines in evidence.journals.items():
        told = collections.defaultdict(int)
        for line in lines:
            if line["e"] == "welcome" and not line["recovered"]:
                told.clear()
            elif line["e"] == "got" and "assignment_id" in line["about"]:
                height = HEIGHT.get(line["about"].get("state"))
                assignment = line["about"]["assignment_id"]
                if height is not None:
                    if height < told[assignment] and not evidence.excused(line["t"]):
                        yield f"{name}: {assignment} went from {told[assignment]} back to {line['about']['state']}"
                    told[assignment] = height


def sight(evidence):
    """Nobody received what is none of their business."""
    paths = evidence.final["units"]
    for name, line in evidence.of_kind("got"):
        who, about = evidence.who[name], line["about"]
        own = paths[who["unit"]]
        if line["kind"] == "withdrawn" or evidence.excused(line["t"]):
            continue
        if about.get("incident_id") in evidence.incidents:
            found = evidence.incidents[about["incident_id"]]
            allowed = sees_incident(evidence, found, who, own)
        elif about.get("backup_id") in evidence.backups:
            allowed = sees_backup(evidence.backups[about["backup_id"]], who, paths, own)
        else:
            continue
        if not allowed:
            yield f"{name} received {line['kind']} {line['id']} about {about}"
    for kind in ("live", "picture"):
        for name, line in evidence.of_kind(kind):
            own = paths[evidence.who[name]["unit"]]
            for person, _, _ in line["fresh"]:
                unit = evidence.final["people"][person]["unit"]
                if not paths[unit].startswith(own):
                    yield f"{name} was shown {person} of another unit on the map"


def sees_incident(evidence, found, who, own):
    """A room: of the unit that has it, was asked to take it, or took it in. Others: who was sent or met it."""
    incident = found["incident"]
    if who["role"] == "room":
        units = {incident["unit_id"], incident["pending_unit_id"]}
        units |= {row["unit_id"] for row in found["assignments"] if row["assignee"]["kind"] == "unit"}
        units |= {evidence.final["people"].get(incident["created_by"], {}).get("unit")}
        return any(evidence.final["units"][unit].startswith(own) for unit in units - {None})
    people = {member["person_id"] for row in found["assignments"] for member in row["people"]}
    return who["person"] in people or incident.get("created_by") == who["person"]


def sees_backup(row, who, paths, own):
    if who["role"] == "room":
        return paths[row["unit_id"]].startswith(own)
    told = {one["person_id"] for one in row["alerted"] + row["informed"]}
    return who["person"] in told | {row["requester_id"], row["for_person_id"]}


def ended(evidence):
    """A token is dead a second after its session was logged out, whatever befalls the server; only an older copy of the
    database brings the session back."""
    for name, line in evidence.of_kind("ended"):
        if line["status"] == 200 and not evidence.excused(line["left"]):
            yield f"{name}: the token of a session ended at {line['left']:.3f} was good at {line['t']:.3f}"


ALL = (ladder, ladder_as_told, sight, ended)
