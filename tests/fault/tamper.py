"""Proves the checker on a round that passed: falsifies a copy of what it left, one way at a time.

Each falsification stands for a fault of the server; a checker that says nothing to one is blind there.
"""

import copy
import json
import os
import shutil
import tempfile

import checker
import tamper_time
from tamper_time import Absent, faults, first, rows

# Whoever is not among the journals of the world; the rest is one file a person.
HARNESS = {"admin.jsonl", "machine.jsonl", "nemesis.jsonl"}


def acked(lines, op):
    """What was sent and accepted of one kind, over all journals: (send, ack)."""
    sends = {line["key"]: line for line in lines if line["e"] == "send"}
    return [(sends[line["key"]], line) for line in lines if line["e"] == "ack" and line["op"] == op]


def incidents_with(final, name):
    return [one for one in final["incidents"] if one[name]]


def lose_fix(final, lines):
    stored = {at for line in lines if line["e"] == "stored" for at in line["at"]}
    track = first(final["tracks"].values(), len)
    track.remove(first(track, lambda fix: fix[1] in stored))


def double_fix(final, lines):
    track = first(final["tracks"].values(), len)
    track.append(track[0])


def lose_note(final, lines):
    incidents_with(final, "notes")[0]["notes"].pop()


def double_note(final, lines):
    notes = incidents_with(final, "notes")[0]["notes"]
    notes.append({**notes[0], "id": "another"})


def lose_incident(final, lines):
    _, ack = acked(lines, "incident")[0]
    final["incidents"] = [one for one in final["incidents"] if one["incident"]["id"] != ack["ids"]["id"]]


def lose_assignment(final, lines):
    _, ack = acked(lines, "assign")[0]
    for one in final["incidents"]:
        one["assignments"] = [row for row in one["assignments"] if row["id"] not in ack["ids"]["assignments"]]


def lose_rung(final, lines):
    sent, _ = acked(lines, "rung")[0]
    for one in final["incidents"]:
        for row in one["assignments"]:
            if row["id"] == sent["about"]["assignment"]:
                row["rungs"] = [rung for rung in row["rungs"] if rung["rung"] != sent["about"]["event"]]


def double_rung(final, lines):
    row = first((row for one in final["incidents"] for row in one["assignments"]),
                lambda row: any("device_at" in rung for rung in row["rungs"]))
    row["rungs"].append(first(row["rungs"], lambda rung: "device_at" in rung))


def human_receipt(final, lines):
    rungs = (rung for one in final["incidents"] for row in one["assignments"] for rung in row["rungs"])
    first(rungs, lambda rung: rung["rung"] == "delivered")["truth"] = "human"


def untapped(final, lines):
    row = first((row for one in final["incidents"] for row in one["assignments"]),
                lambda row: row["state"] in ("sent", "delivered") and row["people"])
    row["rungs"].append({"rung": "viewed", "truth": "human", "via": "device", "applied": True,
                         "person_id": row["people"][0]["person_id"], "at": row["created_at"]})


def fall_back(final, lines):
    row = first((row for one in final["incidents"] for row in one["assignments"]), lambda row: row["state"] == "cleared")
    row["state"] = "viewed"


def forget_escalation(final, lines):
    for one in final["incidents"]:
        one["timeline"] = [line for line in one["timeline"] if line["kind"] != "deadline.missed"]


def forget_alarm(final, lines):
    for row in final["backups"]:
        row["taken_by"], row["closed"], row["timeline"] = None, None, []


def lose_backup(final, lines):
    final["backups"].pop()


def undone(lines, t):
    """Whether what was written then went with an older copy of the database."""
    return any(line["copied"] <= t <= line["restored"] for line in lines if line["e"] == "rolled_back")


def held(final, lines):
    """Items of inboxes that somebody received on a stream that was not begun anew since."""
    restored = max((line["restored"] for line in lines if line["e"] == "rolled_back"), default=0)
    people = {line["_"]: line["person"] for line in lines if line["e"] == "who"}
    found, opened = {}, {}
    for line in lines:
        if line["e"] == "welcome":
            opened[line["_"]] = line["t"]
            if not line["recovered"]:
                found[line["_"]] = []
        elif line["e"] == "got" and line["_"] in people:
            found.setdefault(line["_"], []).append(line)
    for name, got in ((name, got) for name, got in found.items() if name in people):
        inbox = final["inboxes"][people[name]]
        for line in got:
            item = first(inbox["items"], lambda item: item[:2] == [line["seq"], line["id"]])
            if item and line["epoch"] == inbox["epoch"] and opened[name] > restored and line["t"] < final["begun"]:
                return inbox, item
    raise Absent("nobody's stream was opened after the older copy came back, and brought something")


def lose_message(final, lines):
    inbox, item = held(final, lines)
    inbox["items"].remove(item)


def other_history(final, lines):
    _, item = held(final, lines)
    item[1] = "00000000-0000-7000-8000-000000000000"


def skip_number(final, lines):
    first(lines, lambda line: line["e"] == "got" and line["seq"] > 2 and line["t"] < final["begun"]
          and line["_"] not in HARNESS)["seq"] += 1


def skip_number_of_admin(final, lines):
    first(lines, lambda line: line["e"] == "got" and line["seq"] > 2 and line["_"] == "admin.jsonl")["seq"] += 1


def other_answer(final, lines):
    _, ack = acked(lines, "note")[0]
    lines.append({**ack, "ids": {"id": "another"}})


def foreign_message(final, lines):
    person = first(final["people"], lambda one: final["people"][one]["kind"] == "police_officer")
    for one in final["incidents"]:
        one["incident"]["created_by"] = None
        for row in one["assignments"]:
            row["people"] = [member for member in row["people"] if member["person_id"] == person]


def stale_marker(final, lines):
    line = first(lines, lambda line: line["e"] == "live" and line["fresh"])
    line["fresh"][0][2] = "2020-01-01T00:00:00Z"


def living_token(final, lines):
    """Of a session whose end was not undone; also when it ended in the middle of a fault."""
    line = first(lines, lambda line: line["e"] == "ended" and line["status"] == 401 and line["t"] < final["begun"]
                 and not undone(lines, line["left"]))
    if line is None:
        raise Absent("no token of an ended session was tried")
    line["status"] = 200


def living_token_in_fault(final, lines):
    """No fault excuses one but an older copy."""
    times = faults(lines)
    line = first(lines, lambda line: line["e"] == "ended" and line["status"] == 401 and not undone(lines, line["left"])
                 and any(begun < line["left"] < ended for begun, ended in times))
    if line is None:
        raise Absent("no session was ended during a fault")
    line["status"] = 200


def lose_crew(final, lines):
    _, ack = acked(lines, "crew")[0]
    final["crews"] = [one for one in final["crews"] if one["id"] != ack["ids"]["id"]]


def ride_twice(final, lines):
    one, other = [one for one in final["crews"] if one["status"] == "active"][:2]
    other["members"].append(one["members"][0])


def leave_behind(final, lines):
    crews = {one["id"] for one in final["crews"] if one["status"] == "active"}
    row = first(rows(final), lambda row: row["assignee"]["id"] in crews and row["closed_at"] is None)
    row["people"].pop()


def unsaid_signature(final, lines):
    """By a seat of another unit: who sends his own unit's people signs for it."""
    row = first(rows(final), lambda row: row["assignee"]["kind"] == "unit" and row["state"] in ("sent", "delivered"))
    room = first(final["people"], lambda one: final["people"][one]["kind"] == "dispatcher"
                 and final["people"][one]["unit"] != row["assignee"]["id"])
    row["rungs"].append({"rung": "signed", "truth": "human", "via": "device", "applied": False, "person_id": room,
                         "at": row["created_at"]})


def forget_unit(final, lines):
    """Nobody was told that nobody signed."""
    unsigned = {row["id"] for row in rows(final) if row["assignee"]["kind"] == "unit" and row["closed_at"] is None
                and row["state"] in ("sent", "delivered", "viewed")}
    for one in final["incidents"]:
        one["timeline"] = [line for line in one["timeline"] if line["kind"] != "deadline.missed"
                           or line["data"]["assignment_id"] not in unsigned]
    if not unsigned:
        raise ValueError


def go_on_after_end(final, lines):
    one = first(final["incidents"], lambda one: one["incident"]["state"] in ("cancelled", "diverted") and one["assignments"])
    one["assignments"][0].update(closed_at=None, cancel_asked=False)


def hold_twice(final, lines):
    one = first(final["incidents"], lambda one: any(row["closed_at"] is None for row in one["assignments"]))
    row = first(one["assignments"], lambda row: row["closed_at"] is None)
    one["assignments"].append({**row, "id": "another", "rungs": []})


def lose_transfer(final, lines):
    sent, _ = acked(lines, "divert")[0]
    for one in final["incidents"]:
        if one["incident"]["id"] == sent["about"]["incident"]:
            one["timeline"] = []


def stale_picture(final, lines):
    """A socket goes on showing as fresh whom nobody has heard of for long."""
    line = max((line for line in lines if line["e"] == "picture" and line["fresh"]), key=lambda line: line["t"])
    person = line["fresh"][0][0]
    for line in [line for line in lines if line["e"] == "picture"]:
        line["since"] = 0
    line = max((line for line in lines if line["e"] == "picture" and line["t"] < final["begun"]), key=lambda line: line["t"])
    line["fresh"] = [[person, "2020-01-01T00:00:00Z", None]]
    for line in lines:
        if line["e"] == "fixes":
            line["at"] = line["at"][:1]
            line["t"] -= 60


def full_disk(lines):
    full = first(lines, lambda line: line["e"] == "was_full")
    if full is None:
        raise Absent("the disk was not full")
    return full


def blind_when_full(final, lines):
    full = full_disk(lines)
    room = first(lines, lambda line: line["e"] == "live")
    lines.append({"t": full["from"] + 1, "e": "unread", "what": "map", "status": 503, "code": "storage_full",
                  "_": room["_"]})


def stuck_after_full(final, lines):
    full = full_disk(lines)
    lines[:] = [line for line in lines if not (line["e"] in ("ack", "stored") and full["to"] < line["t"] < full["until"])]


WAYS = (lose_fix, double_fix, lose_note, double_note, lose_incident, lose_assignment, lose_rung, double_rung,
        human_receipt, untapped, fall_back, forget_escalation, forget_alarm, lose_backup, lose_message, other_history,
        skip_number, skip_number_of_admin, other_answer, foreign_message, stale_marker, living_token,
        living_token_in_fault, lose_crew, ride_twice, leave_behind, unsaid_signature, forget_unit, go_on_after_end,
        hold_twice, lose_transfer, stale_picture, *tamper_time.WAYS, blind_when_full, stuck_after_full)


def tamper(folder):
    """{name: new objections of the checker, or why there is nothing to falsify}; the folder itself is left as it is."""
    already = checker.check(folder)["violations"]
    with open(os.path.join(folder, "final.json")) as file:
        final = json.load(file)
    journals = os.path.join(folder, "journals")
    lines = []
    for name in sorted(os.listdir(journals)):
        with open(os.path.join(journals, name)) as file:
            lines += [{**json.loads(line), "_": name} for line in file]
    found = {}
    for way in WAYS:
        with tempfile.TemporaryDirectory() as copied:
            shutil.copy(os.path.join(folder, "plan.json"), copied)
            os.makedirs(os.path.join(copied, "journals"))
            false_final, false_lines = copy.deepcopy(final), copy.deepcopy(lines)
            try:
                way(false_final, false_lines)
            except Absent as reason:
                found[way.__name__] = str(reason)
                continue
            except (IndexError, AttributeError, KeyError, TypeError, ValueError):
                found[way.__name__] = "no such thing in this round"
                continue
            with open(os.path.join(copied, "final.json"), "w") as file:
                json.dump(false_final, file)
            for line in false_lines:
                with open(os.path.join(copied, "journals", line.pop("_")), "a") as file:
                    file.write(json.dumps(line) + "\n")
            found[way.__name__] = [one for one in checker.check(copied)["violations"] if one not in already
                                   and one.startswith(tamper_time.WAYS.get(way, ""))]
    return found
