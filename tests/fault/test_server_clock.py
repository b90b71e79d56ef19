"""The checker's own tests, on rounds of a few lines: python3 -m unittest discover tests/fault."""

import datetime
import json
import os
import tempfile
import unittest

import checks_live
import checks_time
import checks_truth
from checker import streams
from evidence import Evidence

BEGUN = 1_000_000_000.0
ROOM = {"e": "who", "role": "room", "person": "r", "device": "d", "unit": "u", "skew": 0}
OFFICER = {"e": "who", "role": "terminal", "person": "p", "device": "e", "unit": "u", "skew": 0}


def text(t):
    return datetime.datetime.fromtimestamp(BEGUN + t, datetime.timezone.utc).isoformat()


def evidence(nemesis=(), room=(), officer=(), admin=(), incidents=()):
    """All times count from the round's beginning; it ends after 100 s."""
    journals = {"nemesis": nemesis, "room": [{**ROOM, "t": 0}, *room], "officer": [{**OFFICER, "t": 0}, *officer],
                "admin": admin}
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "journals"))
        for name, lines in journals.items():
            with open(os.path.join(folder, "journals", name + ".jsonl"), "w") as file:
                for line in lines:
                    moved = {key: value + BEGUN if key in MOMENTS else value for key, value in line.items()}
                    file.write(json.dumps(moved) + "\n")
        final = {"begun": BEGUN + 100, "incidents": list(incidents), "backups": [], "crews": [], "units": {"u": "/u/"},
                 "people": {}, "tracks": {}, "backups_at": BEGUN + 100,
                 "inboxes": {who: {"epoch": "e", "last_seq": 0, "items": []} for who in "rp"}}
        for name, what in (("final", final), ("plan", {})):
            with open(os.path.join(folder, name + ".json"), "w") as file:
                json.dump(what, file)
        return Evidence(folder)


MOMENTS = {"t", "from", "to", "asked", "copied", "restored", "left", "since"}


def down(begun, ended):
    return {"t": ended, "e": "down", "from": begun, "to": ended}


def reclock(begun, ended, step):
    return [{"t": ended, "e": "shifted", "from": begun, "step": step}, down(begun, ended)]


def kill(begun, ended):
    return [{"t": ended, "e": "fault", "name": "kill", "from": begun, "to": ended}]


def write(sent, answered):
    key = f"key {sent}"
    return [{"t": sent, "e": "send", "op": "note", "key": key, "copies": 1, "about": {}},
            {"t": answered, "e": "ack", "op": "note", "key": key, "ids": {}, "again": False}]


def read(t, by, fresh=()):
    return {"t": t, "asked": t - 0.02, "e": "live", "server": text(by), "fresh": list(fresh)}


class Behind(unittest.TestCase):
    def lag(self, found, t):
        return round(found.clock.state(BEGUN + t).lag, 2)

    def most(self, found, t):
        return round(found.clock.state(BEGUN + t).most, 2)

    def test_a_start_under_the_right_clock_is_never_behind(self):
        found = evidence(kill(20, 24), room=[*write(19.9, 20), read(30, 20)])
        self.assertEqual((0, 0), (self.lag(found, 30), self.most(found, 30)))
        self.assertEqual(1, len(list(checks_time.clock(found))))

    def test_steps_while_it_runs_change_nothing(self):
        found = evidence([{"t": 30, "e": "fault", "name": "clock", "from": 20, "to": 30}, *kill(40, 44)], room=write(39, 40))
        self.assertEqual(0, self.most(found, 50))

    def test_a_clock_set_back_loses_the_time_since_the_last_write(self):
        found = evidence(reclock(20, 24, -300), room=[*write(19, 19.5), read(30, 25.5)])
        self.assertEqual((0, 0), (self.lag(found, 19), self.most(found, 23.9)))
        self.assertEqual((4.5, 5.0), (self.lag(found, 30), self.most(found, 30)))
        self.assertEqual([], list(checks_time.clock(found)))

    def test_no_more_than_that_is_allowed(self):
        found = evidence(reclock(20, 24, -300), room=[*write(19, 19.5), read(30, 23.9)])
        self.assertEqual(1, len(list(checks_time.clock(found))))

    def test_an_answer_may_be_of_the_server_before(self):
        long_on_the_way = {**read(43.5, 35), "asked": 39}
        found = evidence([*reclock(20, 24, -300), *kill(40, 43)], room=[*write(19, 19.5), long_on_the_way])
        self.assertEqual([], list(checks_time.clock(found)))
        found = evidence([*reclock(20, 24, -300), *kill(40, 43)], room=[*write(19, 19.5), {**long_on_the_way, "asked": 43.1}])
        self.assertEqual(1, len(list(checks_time.clock(found))))

    def test_only_what_its_answers_show_is_allowed(self):
        found = evidence(reclock(20, 24, -300), room=[*write(19, 19.5), read(30, 29.9), read(31, 30.99)])
        self.assertEqual(0.01, self.lag(found, 30))

    def test_a_clock_ahead_makes_the_next_start_late_until_one_under_it(self):
        found = evidence([*reclock(20, 24, 300), *kill(40, 43)], room=[*write(39.5, 39.6), read(50, 347)])
        self.assertEqual(0, self.most(found, 30))
        self.assertEqual((3.0, 3.5), (self.lag(found, 50), self.most(found, 50)))

    def test_a_copy_that_is_put_back_is_as_old_as_it_is(self):
        lost = {"t": 52, "e": "rolled_back", "copied": 40, "restored": 52}
        found = evidence([*reclock(20, 24, 300), down(40, 42), lost, down(48, 52.001)],
                         room=[*write(39, 39.5), *write(45, 45.5), read(60, 348)])
        self.assertEqual(3.0, self.most(found, 45))
        self.assertEqual((12.0, 13.0), (self.lag(found, 60), self.most(found, 60)))

    def test_a_copy_of_before_the_wrong_clock_is_right(self):
        lost = {"t": 52, "e": "rolled_back", "copied": 10, "restored": 52}
        found = evidence([down(10, 12), *reclock(20, 24, 300), lost, down(48, 52.001)], room=write(9, 9.5))
        self.assertEqual(0, self.most(found, 60))

    def test_what_went_with_the_copy_was_not_written(self):
        lost = {"t": 32, "e": "rolled_back", "copied": 20, "restored": 32}
        with_it = [down(20, 22), lost, down(28, 32.001), *reclock(33, 36, -300)]
        found = evidence(with_it, room=[*write(19, 19.5), *write(25, 25.5)])
        self.assertEqual(17.0, self.most(found, 40))
        found = evidence(with_it, room=[*write(19, 19.5), *write(25, 25.5), *write(32.4, 32.5)])
        self.assertEqual(3.6, self.most(found, 40))

    def test_an_answer_may_be_of_a_server_whose_start_is_not_noted_yet(self):
        early = {**read(23.9, 19.5), "asked": 23.85}
        found = evidence(reclock(20, 24, -300), room=[*write(19, 19.5), early])
        self.assertEqual([], list(checks_time.clock(found)))
        found = evidence(reclock(20, 24, -300), room=[*write(19, 19.5), {**read(19.95, 15), "asked": 19.9}])
        self.assertEqual(1, len(list(checks_time.clock(found))), "before it went down it was right")

    def test_a_step_that_did_not_reach_it_is_none(self):
        due = 320
        found = evidence(reclock(20, 24, 300), room=[read(30, 30)])
        self.assertAlmostEqual(BEGUN + due, found.at(text(due)), 3)
        found = evidence(reclock(20, 24, 300), room=[read(30, 330)])
        self.assertAlmostEqual(BEGUN + due - 300, found.at(text(due)), 3)

    def test_its_instants_are_read_by_its_clock(self):
        found = evidence(reclock(20, 24, -300), room=[*write(19.9, 20), read(30, 26)])
        for by, right in ((10, 10), (26, 30), (40, 44)):
            self.assertAlmostEqual(BEGUN + right, found.at(text(by)), 3)
        # What was to be done in the meantime, by its clock, is due when that is there.
        self.assertAlmostEqual(BEGUN + 28, found.at(text(18), 6), 3)
        self.assertAlmostEqual(BEGUN + 19, found.at(text(18), 1), 3)


class Late(unittest.TestCase):
    """Just within, and just beyond."""

    def drawn(self, t, nemesis=(), room=()):
        fixes = [{"t": 40, "e": kind, "at": [text(40)], "promise": 5} for kind in ("fixes", "stored")]
        picture = {"t": t, "e": "picture", "way": "bin", "since": 30, "frames": 1, "fresh": [["p", text(40), None]]}
        return len(list(checks_live.pictures(evidence(nemesis, [*room, picture], fixes))))

    def test_a_marker(self):
        self.assertEqual(0, self.drawn(50.4))
        self.assertEqual(1, self.drawn(50.6))

    def test_a_marker_of_before_under_a_clock_behind(self):
        behind = reclock(42, 45, -300), [*write(41.9, 42), read(46, 43)]
        self.assertEqual(0, self.drawn(53.4, *behind))
        self.assertEqual(1, self.drawn(53.6, *behind))

    def test_a_marker_of_after_is_not_late(self):
        behind = reclock(20, 23, -300), [*write(19.9, 20), read(24, 21)]
        self.assertEqual(0, self.drawn(50.4, *behind))
        self.assertEqual(1, self.drawn(50.6, *behind))

    def told(self, created, at, nemesis=(), room=()):
        row = {"id": "a", "incident_id": "i", "assignee": {"kind": "unit", "id": "u"}, "created_at": text(created),
               "priority": 1, "rungs": [], "closed_at": None, "read_at": BEGUN + 100, "deadlines": [], "people": []}
        line = {"kind": "deadline.missed", "at": text(at), "data": {"assignment_id": "a", "limit": "signed"}}
        one = {"incident": {"id": "i"}, "assignments": [row], "timeline": [line], "notes": [], "feedbacks": []}
        return len(list(checks_time.deadlines(evidence(nemesis, room, incidents=[one]))))

    def test_a_deadline(self):
        self.assertEqual(0, self.told(40, 44.4))
        self.assertEqual(1, self.told(40, 44.6))

    def test_a_deadline_under_a_clock_behind_is_late_by_that_clock(self):
        behind = reclock(20, 23, -300), [*write(19.9, 20), read(24, 21)]
        self.assertEqual(0, self.told(40, 44.4, *behind))
        self.assertEqual(1, self.told(40, 44.6, *behind))


class Never(unittest.TestCase):
    def ended(self, left, nemesis):
        line = {"t": left + 1.2, "e": "ended", "status": 200, "left": left}
        return len(list(checks_truth.ended(evidence(nemesis, officer=[line]))))

    def test_a_fault_does_not_excuse_a_living_token_but_an_older_copy_does(self):
        self.assertEqual(1, self.ended(21, kill(20, 24)))
        self.assertEqual(1, self.ended(19, [{"t": 24, "e": "rolled_back", "copied": 20, "restored": 24}]))
        self.assertEqual(0, self.ended(21, [{"t": 24, "e": "rolled_back", "copied": 20, "restored": 24}]))

    def test_the_stream_of_who_set_the_round_up_has_no_gap_either(self):
        got = [{"t": seq, "e": "got", "epoch": "e", "seq": seq, "id": f"m{seq}", "kind": "k", "about": {}} for seq in (1, 2, 4)]
        self.assertEqual(["admin: after 2 came 4"], list(streams(evidence(admin=got))))


if __name__ == "__main__":
    unittest.main()
