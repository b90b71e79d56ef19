"""Crews and units: who rides with whom, who signed, and that a call that is over is over for everybody."""

import collections

# Writes that move people into or out of crews, and whether they put them in.
MOVES = {"crew": True, "crew_join": True, "crew_split": True, "crew_leave": False}
OVER = {"cancelled", "diverted"}


def crews(evidence):
    """Nobody rides twice, no crew is empty, and the people of a crew's open calls are the crew."""
    riding = collections.Counter(member["person_id"] for one in evidence.crews.values() if one["status"] == "active"
                                 for member in one["members"])
    for person, number in riding.items():
        if number > 1:
            yield f"{evidence.names[person]} is in {number} crews"
    for one in evidence.crews.values():
        if (one["status"] == "active") != bool(one["members"]):
            yield f"crew {one['id']} is {one['status']} with {len(one['members'])} members"
    for row in evidence.assignments.values():
        crew = evidence.crews.get(row["assignee"]["id"])
        if row["assignee"]["kind"] == "crew" and row["closed_at"] is None and crew and crew["status"] == "active":
            sent = {member["person_id"] for member in row["people"] if member["left_at"] is None}
            members = {member["person_id"] for member in crew["members"]}
            if sent != members:
                yield f"{row['id']}: {len(sent)} people are on it, crew {crew['id']} has {len(members)}"


def membership(evidence):
    """The last acknowledged change of somebody's crew is what holds."""
    moves = collections.defaultdict(list)
    for key, sent in evidence.sends.items():
        if sent["op"] in MOVES:
            for person in sent["about"]["people"]:
                moves[person].append((key, sent))
    now = {member["person_id"]: one["id"] for one in evidence.crews.values() if one["status"] == "active"
           for member in one["members"]}
    for person, found in moves.items():
        key, last = max(found, key=lambda move: move[1]["t"])
        answers = [one for one in evidence.acks.get(key, []) if not evidence.excused(one["t"])]
        # Only what nothing else can have followed: all others were answered before it was first sent.
        if not answers or evidence.lost or not all(settled(evidence, other, last["t"]) for other, _ in found if other != key):
            continue
        crew = last["about"].get("crew") if last["op"] == "crew_join" else answers[-1]["ids"]["id"]
        if MOVES[last["op"]] and now.get(person) != crew:
            yield f"{evidence.names[person]} was put into crew {crew} and is in {now.get(person)}"
        if not MOVES[last["op"]] and now.get(person) == last["about"]["crew"]:
            yield f"{evidence.names[person]} left crew {last['about']['crew']} and is in it"


def settled(evidence, key, before):
    """Every copy of a write was answered by then."""
    answers = evidence.acks.get(key, []) + evidence.refusals.get(key, [])
    return len(answers) >= evidence.copies[key] and all(one["t"] < before for one in answers)


def units(evidence):
    """A unit's call was signed, given back or handed on by somebody who did; who sends his own people signs for his unit,
    for another only who named it."""
    did = collections.defaultdict(set)
    for name, line in evidence.of_kind("send"):
        incident = line["about"].get("incident")
        if line["op"] == "reassign":
            incident = evidence.incident_of.get(line["about"]["assignment"])
        unit = line["about"].get("unit")
        did[incident, evidence.who[name]["person"]].add(f"{line['op']} for {unit}" if unit else line["op"])
    for row in evidence.assignments.values():
        if row["assignee"]["kind"] != "unit":
            continue
        for rung in row["rungs"]:
            person = rung.get("person_id")
            if rung["truth"] != "human" or person not in evidence.names or rung["rung"] == "created":
                continue
            own = evidence.who[evidence.names[person]]["unit"] == row["assignee"]["id"]
            named = f"sign for {row['assignee']['id']}"
            words = {"signed": {"sign", "assign", "reassign", named} if own else {named}, "returned": {"return"},
                     "dispatched": {"assign", "reassign"}}.get(rung["rung"], set())
            if not words & did[row["incident_id"], person]:
                yield f"{row['id']}: {rung['rung']} is shown as the word of {evidence.names[person]}, who did not say it"


def over(evidence):
    """A call that was cancelled or handed out of the house has nobody on it, but who is asked to confirm."""
    for found in evidence.incidents.values():
        if found["incident"]["state"] in OVER:
            for row in found["assignments"]:
                if row["closed_at"] is None and not row["cancel_asked"]:
                    yield f"{row['id']} is {row['state']}, its call is {found['incident']['state']}"


def once(evidence):
    """Nobody has the same call twice at a time."""
    for found in evidence.incidents.values():
        held = collections.Counter((row["assignee"]["kind"], row["assignee"]["id"]) for row in found["assignments"]
                                   if row["closed_at"] is None)
        for (kind, identity), number in held.items():
            if number > 1:
                yield f"{found['incident']['id']}: {kind} {identity} has it {number} times"


ALL = (crews, membership, units, over, once)
