"""Rounds: set a district up, load it, hurt it, let it heal, write down what is left, check. See scripts/fault --help."""

import argparse
import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import time

import checker
from client import Client, Flash
from dump import dump
from journal import Journal
from nemesis import Nemesis, clock_environment
from plan import FAULTS, Plan
from proxy import Link
from room import Room
from server import PASSWORD, Ground, Server, possible_grounds
from tamper import tamper
from terminal import Terminal

BUGS = {
    "ack_before_commit": "kill,power", "sync_off": "power", "forget_deadline": "kill", "drop_when_full": "full,locked",
    "replay_twice": "kill", "keep_epoch": "rollback",
}
# Seconds after the last fault for outboxes to empty, and then for the last limits to run out.
DRAIN, SETTLE = 25, 9


class Someone:
    """A terminal or a room, its link and its journal."""

    def __init__(self, name, role, app, link, journal):
        self.name, self.role, self.app, self.link, self.journal = name, role, app, link, journal


class Round:
    def __init__(self, folder, plan):
        self.folder, self.plan = folder, plan
        self.journals = os.path.join(folder, "journals")
        self.world, self.admin, self.ready = [], None, False
        environment = clock_environment(folder) if any(name == "clock" for _, name, _ in plan.faults) else None
        self.ground = Ground(folder, plan.ground)
        self.server = Server(folder, plan.backend, self.ground, environment)

    async def link(self):
        link = Link(self.server.port)
        await link.open()
        return link

    async def set_up(self):
        """Two stations with a room of two seats each, and their people, all on duty."""
        plan, admin_journal = self.plan, Journal(self.journals, "admin")
        self.admin = Client(Flash("admin", None, None, "room"), await self.link(), admin_journal, random.Random(0))
        self.admin.start()
        await self.admin.sign_in()
        root = (await self.ask("GET", "/me"))["unit_id"]
        stations = []
        for number in range(2):
            unit = await self.ask("POST", "/units", {"name": f"Station {number}", "kind": "station_command_room",
                                                     "parent_id": root})
            stations.append({"id": unit["id"], "place": (119.57 + number * 0.3, 31.74), "people": []})
        made = []
        for number in range(plan.terminals):
            station = stations[number % 2]
            person = await self.person(f"officer{number}", "police_officer", station["id"])
            station["people"].append(person)
            made.append((number, station, person))
        for number, station, person in made:
            skew = plan.skew(number)
            await self.add(f"officer{number}", "terminal", station, person, skew)
        for number in range(4):
            station = stations[number % 2]
            person = await self.person(f"room{number}", "dispatcher", station["id"])
            await self.add(f"room{number}", "room", station, person, 0)

    async def add(self, name, role, station, person, skew):
        dice, link, journal = self.plan.dice("work", name), await self.link(), Journal(self.journals, name)
        flash = Flash(name, person, station["id"], role, skew)
        if role == "terminal":
            place = [station["place"][0] + dice.uniform(-0.02, 0.02), station["place"][1] + dice.uniform(-0.02, 0.02)]
            app = Terminal(flash, link, journal, dice, place)
        else:
            app = Room(flash, link, journal, dice, station["place"], station["people"])
        app.start()
        await app.sign_in()
        if role == "terminal":
            await app.call("PUT", "/me/duty", {"on_duty": True})
        await app.kill()
        journal.note("who", name=name, role=role, person=person, device=flash.device, unit=station["id"], skew=skew)
        self.world.append(Someone(name, role, app, link, journal))

    async def person(self, name, kind, unit):
        body = {"username": name, "password": PASSWORD, "name": name, "kind": kind, "unit_id": unit, "badge_no": name}
        return (await self.ask("POST", "/people", body))["id"]

    async def ask(self, method, path, body=None):
        status, found = await self.admin.call(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {found}")
        return found

    async def load(self):
        nemesis = Nemesis(self.plan, self.server, self.world, Journal(self.journals, "nemesis"), self.folder)
        for one in self.world:
            one.app.run()
        await nemesis.run(time.time())
        for one in self.world:
            one.app.working = False
            # What was never sent is an intention, not a debt.
            one.app.flash.outbox[:] = [item for item in one.app.flash.outbox if item["sent"]]
        return nemesis.applied

    async def drain(self):
        """Waits until nobody has anything left to say; what is left then was not acknowledged and proves nothing."""
        until = time.time() + DRAIN
        while time.time() < until:
            left = sum(len(one.app.flash.outbox) + len(getattr(one.app.flash, "fixes", ())) for one in self.world)
            if left == 0:
                break
            await asyncio.sleep(0.25)
        Journal(self.journals, "nemesis").note("drained", left=left, alive=self.server.alive())
        await asyncio.sleep(SETTLE)

    async def run(self):
        applied = {}
        try:
            await asyncio.to_thread(self.server.create)
            await self.server.start()
            await self.set_up()
            self.ready = True
            applied = await self.load()
            await self.drain()
            # Whatever is still wanted of somebody waits: the state must hold still while it is read.
            for one in self.world:
                one.app.frozen = True
            await asyncio.sleep(1)
            for one in self.world:
                if one.app.failed():
                    raise one.app.failed()
            await dump(self.folder, self.admin, self.world)
        finally:
            for one in self.world:
                await one.app.kill()
                await one.link.close()
            if self.admin:
                await self.admin.kill()
            await asyncio.to_thread(self.save_data)
            self.server.destroy()
        return applied

    def save_data(self):
        """What lies on a mount is gone with it: a copy is kept beside."""
        self.server.kill()
        if self.plan.ground != "plain" and not self.server.postgres and os.path.isdir(self.server.data):
            shutil.copytree(self.server.data, os.path.join(self.folder, "data-kept"), dirs_exist_ok=True)


def one_round(options, backend, number, total, only, bug=None):
    """Runs and checks one round; gives its violations."""
    plan = Plan(options.seed, number, backend, options.terminals, options.seconds, only, options.grounds)
    folder = os.path.join(options.keep, f"{bug + '-' if bug else ''}{backend}-{options.seed}-{number}")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o755)
    with open(os.path.join(folder, "plan.json"), "w") as file:
        json.dump(plan.told(), file)
    say(f"== {backend}, round {number}: {', '.join(f'{name}@{at}' for at, name, _ in plan.faults) or 'no fault'}")
    begun = time.monotonic()
    attempt = Round(folder, plan)
    try:
        applied = asyncio.run(attempt.run())
        report = checker.check(folder)
    except Exception as error:
        # A server that does not come back, or a harness that fails: both end the round, neither is a pass.
        when = "" if attempt.ready else " before its load began"
        report = {"violations": [f"the round broke off{when}: {type(error).__name__}: {error}"], "acknowledged": {}}
        applied = {}
        if options.verbose:
            raise
    total["rounds"] += 1
    for name, count in report["acknowledged"].items():
        total["acknowledged"][name] = total["acknowledged"].get(name, 0) + count
    for name, count in applied.items():
        total["faults"][name] = total["faults"].get(name, 0) + count
    violations = report["violations"]
    for line in violations:
        print(f"VIOLATION {backend} seed {options.seed} round {number}: {line}", flush=True)
    say(f"== {backend}, round {number}: {len(violations)} violations, "
        f"{sum(report['acknowledged'].values())} acknowledged ({time.monotonic() - begun:.0f} s)")
    if violations:
        say(f"   kept: {folder}")
    elif not options.keep_all:
        shutil.rmtree(folder, ignore_errors=True)
    return violations


def say(text):
    print(text, file=sys.stderr, flush=True)


def bugs(options, backends, total):
    """Every deliberate bug must be caught within some rounds."""
    missed = []
    wanted = options.bugs.split(",") if options.bugs != "all" else list(BUGS)
    for backend in backends:
        for bug in wanted:
            only = [name for name in BUGS[bug].split(",") if name in FAULTS]
            os.environ["SUIXING_BUG"] = bug
            caught = None
            for number in range(options.rounds):
                violations = one_round(options, backend, number, total, only, bug)
                # A round that never began shows that something is wrong, but not that the checker sees it.
                if any("before its load began" not in line for line in violations):
                    caught = number
                    break
            del os.environ["SUIXING_BUG"]
            say(f"== {bug} on {backend}: {'caught in round ' + str(caught + 1) if caught is not None else 'MISSED'}")
            if caught is None:
                missed.append(f"{bug} on {backend}")
    return missed


def tampered(folder):
    """Falsifies what a round left; every way must be seen."""
    found = tamper(folder)
    for name, objections in found.items():
        say(f"{name}: {'no such thing in this round' if objections is None else (objections or ['NOT SEEN'])[0][:150]}")
    missed = [name for name, objections in found.items() if objections == []]
    print(json.dumps({"ways": len(found), "seen": sum(1 for one in found.values() if one), "missed": missed}))
    return 1 if missed else 0


def main():
    parser = argparse.ArgumentParser(prog="scripts/fault")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--backend", choices=["sqlite", "postgres", "both"], default="sqlite")
    parser.add_argument("--terminals", type=int, default=120)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--from-round", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", default="")
    parser.add_argument("--keep-all", action="store_true")
    parser.add_argument("--check", default="")
    parser.add_argument("--lying-disk", action="store_true")
    parser.add_argument("--tamper", default="")
    parser.add_argument("--bugs", nargs="?", const="all", default="")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if options.check:
        report = checker.check(options.check)
        for line in report["violations"]:
            print("VIOLATION", line)
        print(json.dumps({"rounds": 1, "violations": len(report["violations"]), **report["counts"]}))
        return 1 if report["violations"] else 0
    if options.tamper:
        return tampered(options.tamper)
    options.rounds = options.rounds or (5 if options.bugs else 1)
    options.keep = options.keep or tempfile.mkdtemp(prefix="suixing-fault-kept.")
    os.makedirs(options.keep, exist_ok=True)
    os.chmod(options.keep, 0o755)
    if options.lying_disk:
        os.environ["FAULT_LYING_DISK"] = "yes"
    options.grounds = possible_grounds(options.keep)
    for missing in {"power", "full"} - options.grounds:
        say(f"this machine does not permit the mount for {missing}: rounds go without it")
    only = [name for name in options.only.split(",") if name]
    for name in only:
        if name not in FAULTS:
            parser.error(f"no fault {name}; faults: {' '.join(FAULTS)}")
    backends = ["sqlite", "postgres"] if options.backend == "both" else [options.backend]
    total = {"rounds": 0, "violations": 0, "acknowledged": {}, "faults": {}, "seed": options.seed}
    if options.bugs:
        missed = bugs(options, backends, total)
        total["missed"] = missed
        print(json.dumps(total))
        return 1 if missed else 0
    for number in range(options.from_round, options.from_round + options.rounds):
        for backend in backends:
            total["violations"] += len(one_round(options, backend, number, total, only))
    print(json.dumps(total))
    return 1 if total["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
