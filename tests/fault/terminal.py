"""A handheld terminal: reports where it is, climbs the ladder, calls for backup and answers, logs in and out."""

import asyncio
import time

from client import TROUBLE, Client, stamp, uuid7

# Seconds within which a terminal promises its next report.
PROMISES = [5, 8, 12]
LADDER = ["viewed", "accepted", "en_route", "on_scene", "cleared"]


class Terminal(Client):
    def __init__(self, flash, link, journal, dice, place):
        super().__init__(flash, link, journal, dice)
        self.place = list(place)
        self.counter = 0
        self.waiting = {}
        self.working = True
        self.promise = dice.choice(PROMISES)
        # Some read and never tap: their deadlines are to be missed and escalated.
        self.sleepy = dice.random() < 0.15

    def run(self):
        self.start(self.report(), self.tap())

    # Fixes: kept until the server says it has them.

    async def report(self):
        while True:
            await asyncio.sleep(self.dice.uniform(0.6, 1.8))
            if self.working:
                self.place[0] += self.dice.uniform(-3e-4, 3e-4)
                self.place[1] += self.dice.uniform(-3e-4, 3e-4)
                self.flash.fixes.append({"at": stamp(self.now()), "lon": self.place[0], "lat": self.place[1],
                                         "accuracy_m": 8, "next_within_s": self.promise})
            try:
                if self.socket is not None:
                    await self.send_fixes(self.socket)
                elif self.flash.fixes and self.flash.access and self.dice.random() < 0.3:
                    await self.post_fixes()
            except TROUBLE:
                pass

    async def send_fixes(self, socket, again=False):
        out = {at for batch in self.waiting.values() for at in batch}
        fresh = [fix for fix in self.flash.fixes if again or fix["at"] not in out][:200]
        if not fresh:
            return
        self.counter += 1
        self.waiting[self.counter] = [fix["at"] for fix in fresh]
        self.journal.note("fixes", at=self.waiting[self.counter], promise=self.promise)
        await socket.send_json({"type": "fixes", "n": self.counter, "fixes": fresh})
        if self.dice.random() < 0.05:
            # A duplicate: the same fixes under the next number.
            self.counter += 1
            self.waiting[self.counter] = [fix["at"] for fix in fresh]
            await socket.send_json({"type": "fixes", "n": self.counter, "fixes": fresh})

    async def post_fixes(self):
        batch = self.flash.fixes[:200]
        self.journal.note("fixes", at=[fix["at"] for fix in batch], promise=self.promise)
        status, _ = await self.call("POST", "/positions", {"fixes": batch})
        if status == 200:
            self.stored({fix["at"] for fix in batch})

    def stored(self, times):
        self.journal.note("stored", at=sorted(times))
        self.flash.fixes = [fix for fix in self.flash.fixes if fix["at"] not in times]

    async def on_welcome(self, socket):
        self.counter, self.waiting = 0, {}
        await self.send_fixes(socket, again=True)

    async def on_other(self, socket, message):
        if message["type"] == "fixes_ack":
            done = [n for n in self.waiting if n <= message["up_to"]]
            if message.get("rejected"):
                self.journal.note("rejected", what=message["rejected"])
            times = {at for n in done for at in self.waiting.pop(n)}
            if times:
                self.stored(times)
        elif message["type"] == "error":
            self.journal.note("error", code=message.get("code"), n=message.get("n"))

    # The ladder and alarms.

    def on_message(self, message):
        data, known = message.get("data") or {}, self.flash.known
        if not self.working:
            return
        if message["kind"] == "assignment.offered" and not self.sleepy:
            assignment = data["assignment_id"]
            if assignment not in known:
                known[assignment] = "offered"
                self.climb(assignment, data["incident_id"])
        elif message["kind"] == "backup.alert":
            backup = data["backup_id"]
            if backup not in known and self.dice.random() < 0.7:
                known[backup] = "alerted"
                first = self.dice.choice(["coming", "coming", "declined"])
                self.answer(backup, first, self.dice.uniform(0.2, 2))
                if first == "coming" and self.dice.random() < 0.4:
                    self.answer(backup, "arrived", self.dice.uniform(3, 5))

    def answer(self, backup, answer, after):
        self.put("backup_response", "POST", f"/backups/{backup}/responses", {"answer": answer}, after=after,
                 socket={"type": "backup_response", "backup_id": backup, "answer": answer}, backup=backup,
                 answer=answer)

    def climb(self, assignment, incident):
        after = 0.0
        steps = LADDER[:self.dice.choice([1, 2, 3, 4, 5, 5, 5])]
        if self.dice.random() < 0.1:
            steps = ["viewed", "change_requested"]
        for event in steps:
            after += self.dice.uniform(0.2, 2.5)
            at = stamp(self.now() + after)
            body = {"event": event, "at": at}
            if event == "change_requested":
                body["reason"] = "a burst tyre"
            self.put("rung", "POST", f"/assignments/{assignment}/events", body, after=after,
                     socket={"type": "assignment_event", "assignment_id": assignment, **body},
                     assignment=assignment, event=event, at=at)
        if steps[-1] == "cleared":
            text = f"settled {uuid7()}"
            body = {"id": uuid7(), "stage": "final", "result_code": "01", "text": text, "resolved_on_scene": True,
                    "assignment_id": assignment}
            self.put("feedback", "POST", f"/incidents/{incident}/feedbacks", body, after=after + 0.5,
                     incident=incident, text=text)

    async def tap(self):
        """What an officer does by himself."""
        dice = self.dice
        while True:
            await asyncio.sleep(dice.uniform(1, 4))
            if not self.working:
                continue
            chance = dice.random()
            if chance < 0.01:
                body = {"id": uuid7(), "kind": dice.choice(["help", "help", "weapon", "crowd"]),
                        "pressed_at": stamp(time.time()), "note": f"press {uuid7()}"}
                self.put("backup", "POST", "/backups", body, socket={"type": "backup", **body})
            elif chance < 0.05:
                title = f"met {uuid7()}"
                body = {"id": uuid7(), "category": "dispute", "priority": 3, "title": title,
                        "location": {"lon": self.place[0], "lat": self.place[1]}}
                self.put("incident", "POST", "/incidents", body, title=title)
            elif chance < 0.12 and self.flash.refresh:
                await self.renew()
            elif chance < 0.16 and self.flash.refresh:
                await self.log_out()

    async def renew(self):
        """The terminal refreshes its token though it need not, and loses every fifth answer."""
        try:
            async with self.signing:
                status, grant = await self.call("POST", "/auth/refresh", {"refresh_token": self.flash.refresh},
                                                token=False)
                if status == 200 and self.dice.random() < 0.8:
                    self.flash.access, self.flash.refresh = grant["access_token"], grant["refresh_token"]
                self.journal.note("refreshed", status=status)
        except TROUBLE:
            pass

    async def log_out(self):
        """Logs out and tries the old token, which must be dead a second later."""
        used, refresh = self.flash.access, self.flash.refresh
        try:
            status, _ = await self.call("POST", "/auth/logout", {"refresh_token": refresh})
            if status != 204:
                return
            left = time.time()
            if self.flash.access == used:
                self.flash.access = self.flash.refresh = None
            await asyncio.sleep(1.2)
            async with self.http.get(self.url("/me"), headers={"Authorization": f"Bearer {used}"}) as reply:
                self.journal.note("ended", status=reply.status, left=left)
        except TROUBLE:
            pass
