"""The checker: reads a round's journals and the server's final state and says what was promised and not kept.

Shares no code with the server. Runs on a kept folder alone: `scripts/fault --check FOLDER`.
"""

import collections
import os

import checks_crews
import checks_live
import checks_time
import checks_truth
from evidence import Evidence, micros


def check(folder):
    """{violations, acknowledged, doubled, unavailable, counts}"""
    if not os.path.exists(os.path.join(folder, "final.json")):
        return {"violations": ["no final state: the round did not end"], "acknowledged": {}, "doubled": {},
                "unavailable": {}, "counts": {}}
    evidence = Evidence(folder)
    found = []
    for one in (writes, fixes, streams, alive, *checks_truth.ALL, *checks_time.ALL, *checks_crews.ALL,
                *checks_live.ALL):
        found += [f"{one.__name__}: {text}" for text in one(evidence)]
    acknowledged = collections.Counter(answers[0]["op"] for answers in evidence.acks.values())
    acknowledged["fix"] = sum(len(line["at"]) for _, line in evidence.of_kind("stored"))
    acknowledged["message"] = sum(1 for _ in evidence.of_kind("got"))
    # What the links did to requests, beside what they did to connections.
    doubled = collections.Counter(f"link.doubled_{line['way']}" for _, line in evidence.of_kind("send")
                                  if line["copies"] > 1)
    unavailable = collections.Counter(str(line["code"]) for _, line in evidence.of_kind("unavailable"))
    refused = collections.Counter(f"{lines[0]['op']} {lines[0]['code']}" for lines in evidence.refusals.values())
    return {"violations": found, "acknowledged": dict(acknowledged), "doubled": dict(doubled),
            "unavailable": dict(unavailable),
            "counts": {"acknowledged": dict(acknowledged), "refused": dict(refused)}}


# Acknowledged means there, exactly once.

def writes(evidence):
    """Every accepted write is there once; a repeat gave the first answer; nothing is there twice."""
    present = Present(evidence)
    for key, answers in evidence.acks.items():
        sent = evidence.sends[key]
        counted = [one for one in answers if not evidence.excused(one["t"])]
        ids = {str(sorted((name, str(value)) for name, value in one["ids"].items() if name != "applied"))
               for one in counted}
        if len(ids) > 1:
            yield f"{sent['op']} {key} by {sent['by']} was answered differently: {sorted(ids)}"
        # A refusal wrote nothing and is not kept: the same request may be granted later, but never the other way round.
        first = min((one["t"] for one in counted), default=0)
        refused = [one for one in evidence.refusals.get(key, [])
                   if one["t"] > first and not other_history(evidence, sent, counted, one)]
        if counted and refused and len(counted) == len(answers):
            codes = [one["code"] for one in refused]
            yield f"{sent['op']} {key} by {sent['by']} was accepted and, repeated, refused: {codes}"
        if counted:
            wrong = present.of(sent, counted[-1])
            if wrong:
                yield f"{sent['op']} {key} by {sent['by']}, acknowledged at {counted[0]['t']:.3f}: {wrong}"
    for key, lines in evidence.refusals.items():
        if lines[0]["code"] in ("key_reused", "internal", "not_json", "revision_conflict"):
            yield f"{lines[0]['op']} {key} was refused with {lines[0]['status']} {lines[0]['code']}"
    yield from present.doubled()


def other_history(evidence, sent, answers, refusal):
    """A receipt by REST names a place in a stream; put back from a copy, that stream has another history. The server
    knows it at the latest when one of the person's devices shows more than the copy has, and begins a new epoch then: a
    receipt of the old one may still have been taken meanwhile."""
    if sent["op"] != "inbox_ack":
        return False
    begun = [line["t"] for who, line in evidence.of_kind("welcome")
             if who == sent["by"] and line["epoch"] != sent["body"]["epoch"]]
    return any(restored < refusal["t"] and (any(one["t"] < restored for one in answers)
                                            or any(restored < t <= refusal["t"] for t in begun))
               for _, restored in evidence.lost)


class Present:
    """The final state, counted by what makes each thing unmistakable."""

    def __init__(self, evidence):
        self.evidence = evidence
        count = collections.Counter
        incidents = evidence.incidents.values()
        self.titles = count(one["incident"]["title"] for one in incidents)
        self.numbers = count(one["incident"].get("external_no") for one in incidents)
        self.notes = count(note["text"] for one in incidents for note in one["notes"])
        self.feedbacks = count(given["text"] for one in incidents for given in one["feedbacks"])
        self.rungs = count((one["id"], rung["rung"], rung.get("person_id"), micros(rung["device_at"]))
                           for one in evidence.assignments.values() for rung in one["rungs"] if "device_at" in rung)
        self.crews = count(one["call_sign"] for one in evidence.crews.values())
        self.presses = count(one["note"] for one in evidence.backups.values() if one["note"])

    def of(self, sent, ack):
        """What is wrong with an acknowledged write, if anything."""
        op, about, ids = sent["op"], sent["about"], ack["ids"]
        evidence = self.evidence
        if op == "incident":
            if ids["id"] not in evidence.incidents:
                return "the incident is missing"
        elif op == "revision":
            return self.revision(ids["id"], about["revision"])
        elif op == "note":
            if self.notes[about["text"]] == 0:
                return "the note is missing"
        elif op == "feedback":
            if self.feedbacks[about["text"]] == 0:
                return "the feedback is missing"
        elif op in ("assign", "reassign"):
            missing = [one for one in ids.get("assignments", []) if one not in evidence.assignments]
            if missing:
                return f"assignments are missing: {missing}"
        elif op == "rung":
            person = evidence.who[sent["by"]]["person"]
            if self.rungs[about["assignment"], about["event"], person, micros(about["at"])] == 0:
                return f"the rung {about['event']} of {about['assignment']} is missing"
        elif op == "cancel":
            row = evidence.assignments.get(about["assignment"])
            if row is None or not (row["closed_at"] or row["cancel_asked"]):
                return f"the assignment {about['assignment']} is not cancelled"
        elif op in ("crew", "crew_split", "crew_join", "crew_leave"):
            if ids["id"] not in evidence.crews:
                return "the crew is missing"
        elif op in ("sign", "return", "transfer", "divert", "call_off"):
            return self.call(op, about)
        elif op in ("backup", "backup_response", "take", "close"):
            return self.backup(op, about, ids, evidence.who[sent["by"]]["person"])
        return None

    def revision(self, incident, revision):
        """Of the incident that was answered: after a rollback the push of a source may have made it anew."""
        row = self.evidence.incidents.get(incident)
        if row is None or row["incident"]["revision"] < revision:
            return f"the incident is not at revision {revision}"
        return None

    def call(self, op, about):
        """What became of a call as a whole stands in its timeline; a unit asked to take it has it on its desk."""
        found = self.evidence.incidents.get(about["incident"])
        if found is None:
            return "the incident is missing"
        wanted = {"return": "incident.returned", "divert": "incident.diverted", "call_off": "incident.cancelled"}
        if op in wanted and not any(line["kind"] == wanted[op] for line in found["timeline"]):
            return f"the call has no {wanted[op]}"
        if op == "sign" and not found["incident"]["signed_by"]:
            return "nobody has signed for the call"
        if op == "transfer":
            asked = {row["assignee"]["id"] for row in found["assignments"] if row["assignee"]["kind"] == "unit"}
            if about["to"] not in asked | {found["incident"]["unit_id"]}:
                return f"unit {about['to']} was never asked to take it"
        return None

    def backup(self, op, about, ids, person):
        row = self.evidence.backups.get(ids["id"])
        if row is None:
            return "the backup is missing"
        if op == "backup_response":
            told = [one for one in row["alerted"] + row["informed"] if one["person_id"] == person]
            if not told or told[0]["answer"] is None:
                return f"the answer {about['answer']} is missing"
        elif op == "take" and not row["taken_by"]:
            return "the backup is not taken"
        elif op == "close" and row["state"] != "closed":
            return "the backup is not closed"
        return None

    def doubled(self):
        for what, counted in (("incident", self.titles), ("external number", self.numbers), ("note", self.notes),
                              ("feedback", self.feedbacks), ("rung", self.rungs), ("press", self.presses),
                              ("crew", self.crews)):
            for name, number in counted.items():
                if number > 1 and name is not None:
                    yield f"{what} {name} is there {number} times"


def fixes(evidence):
    """Every fix the server said it has is in the track once."""
    tracks = {person: collections.Counter((device, micros(at)) for device, at in track)
              for person, track in evidence.final["tracks"].items()}
    for name, line in evidence.of_kind("stored"):
        who = evidence.who[name]
        if evidence.excused(line["t"]):
            continue
        missing = [at for at in line["at"] if tracks[who["person"]][who["device"], micros(at)] == 0]
        if missing:
            yield f"{name}: {len(missing)} fixes acknowledged at {line['t']:.3f} are missing, first {missing[0]}"
    for person, track in tracks.items():
        twice = [at for (_, at), number in track.items() if number > 1]
        if twice:
            yield f"{evidence.names[person]}: {len(twice)} fixes are in the track twice"


def streams(evidence):
    """Each person's stream: in order, without a gap, the same number the same message, nothing silently gone on."""
    reused = []
    for name, lines in {**evidence.journals, "admin": evidence.admin}.items():
        stream = Stream(evidence, name, lines)
        yield from stream.check()
        reused += stream.reused[:1]
    if reused:
        # It happens to everybody at once: one line.
        yield f"{len(reused)} people got other messages under the same numbers of one epoch, {reused[0]}"


class Stream:
    def __init__(self, evidence, name, lines):
        self.evidence, self.name, self.lines = evidence, name, lines
        # Who set the round up belongs to nobody's unit, and his inbox is not read at the end.
        self.person = evidence.who[name]["person"] if name in evidence.who else None
        self.reused = []

    def check(self):
        by_number, segment, ids, position, opened = {}, {}, {}, None, 0.0
        for line in self.lines:
            if line["e"] == "welcome":
                opened = line["t"]
                if not line["recovered"]:
                    segment, ids, position = {}, {}, line["last_seq"]
                elif position is not None and line["last_seq"] != position:
                    yield f"{self.name}: had {position}, was continued from {line['last_seq']}"
                    position = line["last_seq"]
            elif line["e"] == "got":
                seq = line["seq"]
                if position is not None and seq != position + 1:
                    yield f"{self.name}: after {position} came {seq}"
                position = seq
                number = (line["epoch"], seq)
                if by_number.setdefault(number, line["id"]) != line["id"]:
                    self.reused.append(f"{self.name}: number {seq} of epoch {line['epoch']} was {by_number[number]}, "
                                       f"then {line['id']}")
                if ids.setdefault(line["id"], seq) != seq:
                    yield f"{self.name}: message {line['id']} came as {ids[line['id']]} and as {seq}"
                segment[seq] = line
        if self.person:
            yield from self.against(segment, position, opened)

    def against(self, segment, position, opened):
        """What was received since the last break, beside what the server has."""
        inbox = self.evidence.final["inboxes"][self.person]
        if any(opened < restored for _, restored in self.evidence.lost):
            return
        here = {seq: (identity, at) for seq, identity, _, at in inbox["items"]}
        for seq, line in segment.items():
            if line["epoch"] == inbox["epoch"] and here.get(seq, (None,))[0] != line["id"]:
                yield f"{self.name}: received {line['id']} as {seq}, the server has {here.get(seq, ('nothing',))[0]} there"
        late = self.evidence.final["begun"] - 5
        waiting = [seq for seq, (_, at) in here.items() if seq > (position or 0) and self.evidence.at(at) < late]
        if waiting and opened:
            yield f"{self.name}: messages {min(waiting)} to {max(waiting)} never arrived"


def alive(evidence):
    """After the faults everything was done, without help."""
    for line in evidence.nemesis:
        if line["e"] == "drained":
            if not line["alive"]:
                yield "the server had ended by itself"
            if line["left"]:
                yield f"{line['left']} writes and fixes were still not taken at the end"
