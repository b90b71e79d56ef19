"""One round: set a district up, load it, hurt it, let it heal, write down what is left."""

import asyncio
import os
import random
import shutil
import time

import machine
from client import Client, Flash
from dump import dump
from journal import Journal
from nemesis import Nemesis, clock_environment
from proxy import Link
from room import Room
from server import PASSWORD, Ground, Server
from terminal import Terminal

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
        environment = clock_environment(folder) if any(name in ("clock", "reclock") for _, name, _ in plan.faults) else None
        self.ground = Ground(folder, plan.ground)
        self.server = Server(folder, plan.backend, self.ground, environment)

    async def link(self):
        link = Link(self.server.port)
        await link.open()
        return link

    async def set_up(self):
        """A centre above two stations with a room of two seats or more each, and their people, all on duty."""
        plan, admin_journal = self.plan, Journal(self.journals, "admin")
        self.admin = Client(Flash("admin", None, None, "room"), await self.link(), admin_journal, random.Random(0))
        self.admin.start()
        await self.admin.sign_in()
        root = (await self.ask("GET", "/me"))["unit_id"]
        stations = []
        for number in range(2):
            unit = await self.ask("POST", "/units", {"name": f"Station {number}", "kind": "station_command_room",
                                                     "parent_id": root})
            stations.append({"id": unit["id"], "place": (119.57 + number * 0.3, 31.74), "people": [], "centre": False})
        for one, other in (stations, reversed(stations)):
            one["neighbours"] = [other["id"]]
        centre = {"id": root, "place": (119.72, 31.74), "people": [], "centre": True,
                  "neighbours": [one["id"] for one in stations]}
        made = []
        for number in range(plan.terminals):
            station = stations[number % 2]
            person = await self.person(f"officer{number}", "police_officer", station["id"])
            station["people"].append(person)
            made.append((number, station, person))
        for number, station, person in made:
            skew = plan.skew(number)
            await self.add(f"officer{number}", "terminal", station, person, skew)
        seats = [stations[number % 2] for number in range(max(4, plan.terminals // 50))]
        for number, station in enumerate([*seats, centre]):
            name = "centre" if station is centre else f"room{number}"
            await self.add(name, "room", station, await self.person(name, "dispatcher", station["id"]), 0)

    async def add(self, name, role, station, person, skew):
        dice, link, journal = self.plan.dice("work", name), await self.link(), Journal(self.journals, name)
        flash = Flash(name, person, station["id"], role, skew)
        if role == "terminal":
            place = [station["place"][0] + dice.uniform(-0.02, 0.02), station["place"][1] + dice.uniform(-0.02, 0.02)]
            app = Terminal(flash, link, journal, dice, place)
        else:
            app = Room(flash, link, journal, dice, station)
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
        """Waits until all that was sent is answered; what is left then was not acknowledged and proves nothing."""
        until = time.time() + DRAIN
        # Counted once more when the time is up: what was answered since the last look is not left.
        while (left := sum(one.app.flash.owed() for one in self.world)) and time.time() < until:
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
            watching = asyncio.create_task(machine.watch(Journal(self.journals, "machine"), self.server.processes))
            try:
                applied = await self.load()
                await self.drain()
            finally:
                watching.cancel()
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
