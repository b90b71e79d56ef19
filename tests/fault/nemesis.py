"""Carries the schedule out: faults of the server and its ground, of every link, and of every app."""

import asyncio
import os
import signal
import time

from plan import RELIEF, SECONDS

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def clock_environment(folder):
    """Puts the server's system clock (not its monotonic one) under our hand, if libfaketime is there."""
    if not os.path.exists(FAKETIME):
        return None
    steps = os.path.join(folder, "clock")
    with open(steps, "w") as file:
        file.write("+0")
    os.chmod(steps, 0o644)
    return {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": steps, "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


class Nemesis:
    def __init__(self, plan, server, world, journal, folder):
        self.plan, self.server, self.world, self.journal, self.folder = plan, server, world, journal, folder
        self.applied = {}

    async def run(self, begun):
        links = [asyncio.create_task(self.pester(begun, one)) for one in self.world]
        try:
            for at, name, seed in self.plan.faults:
                await asyncio.sleep(max(0.0, begun + at - time.time()))
                started = time.time()
                done = await getattr(self, name)(seed)
                self.journal.note("fault", name=name, **{"from": started, "to": time.time()}, detail=done)
                self.applied[name] = self.applied.get(name, 0) + 1
            await asyncio.sleep(max(0.0, begun + self.plan.seconds - time.time()))
        finally:
            for task in links:
                task.cancel()
            await asyncio.gather(*links, return_exceptions=True)
            for one in self.world:
                one.link.heal()
                if one.app.killed:
                    # Perhaps in the middle of it.
                    await one.app.kill()
                    one.app.run()

    async def pester(self, begun, one):
        """The link and the app of one terminal or room."""
        for at, kind, seconds in self.plan.link_faults(one.name):
            await asyncio.sleep(max(0.0, begun + at - time.time()))
            self.applied["link." + kind] = self.applied.get("link." + kind, 0) + 1
            if kind == "cut":
                one.link.cut(True)
            elif kind == "stall":
                one.link.stall(True)
            elif kind == "throttle":
                one.link.throttle(3000)
            else:
                await one.app.kill()
            await asyncio.sleep(seconds)
            one.link.heal()
            if kind == "app":
                one.app.run()

    # Faults of the server. Each ends with a server that works.

    async def kill(self, seed):
        self.server.kill()
        await asyncio.sleep(SECONDS["kill"] * (seed % 3) / 2)
        return await self.server.start()

    async def pause(self, seed):
        self.server.pause(True)
        await asyncio.sleep(SECONDS["pause"] * (1 + seed % 3) / 2)
        self.server.pause(False)

    async def storm(self, seed):
        for one in self.world:
            one.link.reset()
        await asyncio.sleep(SECONDS["storm"])

    async def slow(self, seed):
        some = [one for index, one in enumerate(self.world) if (seed + index) % 4 == 0]
        for one in some:
            one.link.listen(False)
        await asyncio.sleep(SECONDS["slow"])
        for one in some:
            one.link.listen(True)

    async def locked(self, seed):
        other = await asyncio.to_thread(self.server.lock)
        await asyncio.sleep(SECONDS["locked"] * (1 + seed % 2))
        other.close()

    async def database(self, seed):
        await asyncio.to_thread(self.server.postgres.stop, signal.SIGQUIT)
        await asyncio.sleep(SECONDS["database"])
        await asyncio.to_thread(self.server.postgres.start)

    async def rollback(self, seed):
        """Copies the database, lets work go on, puts the copy back."""
        self.server.kill()
        copied = time.time()
        await asyncio.to_thread(self.server.copy_aside)
        await self.server.start()
        self.journal.note("down", **{"from": copied, "to": time.time()})
        await asyncio.sleep(SECONDS["rollback"])
        self.server.kill()
        gone = time.time()
        # What was answered is to reach its terminal before the past comes back, and nothing of it later.
        await asyncio.sleep(0.5)
        for one in self.world:
            one.link.reset()
        await asyncio.to_thread(self.server.put_back)
        await self.server.start()
        self.journal.note("rolled_back", copied=copied, restored=time.time())
        self.journal.note("down", **{"from": gone, "to": time.time()})

    async def power(self, seed):
        """Everything that was not synced is gone."""
        self.server.kill()
        if self.server.postgres:
            self.server.postgres.stop(signal.SIGKILL)
        lost = await asyncio.to_thread(self.server.ground.cut, seed)
        if self.server.postgres:
            await asyncio.to_thread(self.server.postgres.start)
        await self.server.start()
        return f"{lost} pages lost"

    async def full(self, seed):
        """Nothing free for some seconds; what can be read goes on, and no restart is needed after it."""
        # PostgreSQL writes a file before it takes the first connection after a restart, and with a full disk takes none.
        await self.server.ready()
        begun, process = time.time(), self.server.process
        await asyncio.to_thread(self.server.ground.fill)
        await asyncio.sleep(SECONDS["full"])
        await asyncio.to_thread(self.server.ground.relieve)
        relieved = time.time()
        postgres = self.server.postgres
        if postgres and postgres.process.poll() is not None:
            # Its recovery needs room, too: without any it ends for good, and whoever keeps services starts it again.
            await asyncio.to_thread(postgres.start)
        # Nothing else may happen before it has shown that it works again by itself.
        await asyncio.sleep(RELIEF)
        self.journal.note("was_full", **{"from": begun, "to": relieved}, until=time.time(),
                          same=self.server.process is process and self.server.alive())

    async def reclock(self, seed):
        """The machine comes up with a wrong clock and is told the right time later, as after a dead battery."""
        steps = os.path.join(self.folder, "clock")
        if not os.path.exists(steps):
            return "skipped: no libfaketime"
        step = [-300, 300, -900, 900][seed % 4]
        self.server.kill()
        begun = time.time()
        with open(steps, "w") as file:
            file.write(f"{step:+d}")
        # PostgreSQL, which goes on, reads it once a second.
        await asyncio.sleep(1.2)
        took = await self.server.start()
        self.journal.note("shifted", **{"from": begun}, step=step)
        self.journal.note("down", **{"from": begun, "to": time.time()})
        await asyncio.sleep(SECONDS["reclock"])
        with open(steps, "w") as file:
            file.write("+0")
        await asyncio.sleep(1.2)
        return f"{step:+d} s, up in {took:.1f} s"

    async def clock(self, seed):
        """The system clock jumps and, after a while, jumps back."""
        steps = os.path.join(self.folder, "clock")
        if not os.path.exists(steps):
            return "skipped: no libfaketime"
        step = [-300, 300, -3600, 3600][seed % 4]
        for text, seconds in ((f"{step:+d}", SECONDS["clock"] + seed % 4), ("+0", 2)):
            with open(steps, "w") as file:
                file.write(text)
            await asyncio.sleep(seconds)
        return f"{step:+d} s"
