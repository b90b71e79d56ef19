"""A command room: takes calls in, sends people, changes its mind, takes and closes alarms, watches the map."""

import asyncio
import time

from client import TROUBLE, Client, uuid7
from desks import CrewDesk, UnitDesk
from live import Picture


class Room(CrewDesk, UnitDesk, Client):
    """A seat of a station, or of the centre above the stations, which sends units instead of people."""

    def __init__(self, flash, link, journal, dice, station):
        super().__init__(flash, link, journal, dice)
        self.place, self.people = station["place"], station["people"]
        # The stations a call can be handed to; those below a centre are its own.
        self.neighbours, self.centre = station["neighbours"], station["centre"]
        self.working = True
        self.sent, self.calls, self.alarms, self.crews, self.formed = [], [], set(), [], {}
        self.number = 0
        self.binary = dice.random() < 0.5
        self.protocols = ("suixing.v1.bin",) if self.binary else ()
        self.picture = Picture()

    def run(self):
        # A room has more than two hands.
        self.start(self.desk(), self.alarm_desk(), self.watch(), self.look(), self.outbox(), self.outbox(), self.outbox())

    async def desk(self):
        dice = self.dice
        while True:
            await asyncio.sleep(dice.uniform(0.5, 1.6))
            if not self.working:
                continue
            chance = dice.random()
            if chance < 0.4 or not self.calls:
                self.take_call()
            elif chance < 0.5:
                self.revise()
            elif chance < 0.62:
                incident = dice.choice(self.calls)["id"]
                text = f"note {uuid7()}"
                self.put("note", "POST", f"/incidents/{incident}/notes", {"id": uuid7(), "text": text},
                         incident=incident, text=text)
            elif chance < 0.7:
                self.call_work()
            elif chance < 0.8 and not self.centre:
                self.crew_work()
            elif chance < 0.9 and self.sent:
                assignment = self.sent.pop(dice.randrange(len(self.sent)))
                self.put("cancel", "POST", f"/assignments/{assignment}/cancel", {"reason": "calm now"},
                         assignment=assignment)
            elif self.sent:
                assignment = self.sent.pop(dice.randrange(len(self.sent)))
                self.put("reassign", "POST", f"/assignments/{assignment}/reassign",
                         {"to": self.someone(), "reason": "nearer"}, assignment=assignment)

    def someone(self):
        """Whom to send: mostly a person, some crews, some the nearest; a centre sends units."""
        chance = self.dice.random()
        if self.centre:
            return {"unit_ids": [self.dice.choice(self.neighbours)]}
        if chance < 0.25 and self.crews:
            return {"crew_ids": [self.dice.choice(self.crews)]}
        if chance < 0.5:
            return {"nearest": {"k": self.dice.choice([1, 2])}}
        return {"person_ids": [self.dice.choice(self.people)]}

    def take_call(self):
        self.number += 1
        title = f"call {uuid7()}"
        body = {"source": "110", "external_no": f"{self.flash.username}-{self.number}", "revision": 1,
                "category": self.dice.choice(["dispute", "theft", "brawl"]), "priority": self.dice.choice([1, 2, 3, 4]),
                "title": title, "location": {"lon": self.place[0], "lat": self.place[1]}}
        self.put("incident", "POST", "/incidents", body, title=title, external_no=body["external_no"])

    def revise(self):
        call = self.dice.choice(self.calls)
        call["body"] = {**call["body"], "revision": call["body"]["revision"] + 1, "description": f"rev {uuid7()}"}
        self.put("revision", "POST", "/incidents", call["body"], incident=call["id"],
                 revision=call["body"]["revision"])

    def on_accepted(self, item, body):
        if not self.working:
            return
        if item["op"] == "incident" and not any(call["id"] == body["id"] for call in self.calls):
            self.calls.append({"id": body["id"], "body": item["body"]})
            if self.dice.random() < 0.9:
                self.put("assign", "POST", f"/incidents/{body['id']}/assignments", self.someone(), incident=body["id"])
        elif item["op"] in ("assign", "reassign"):
            self.sent += [one["id"] for one in body.get("assignments", [])]
        elif item["op"] in ("crew", "crew_split"):
            self.crew_made(item, body)

    def on_message(self, message):
        assignment = (message.get("data") or {}).get("assignment") or {}
        if message["kind"] == "assignment.offered" and self.working and assignment["assignee"]["kind"] == "unit":
            if assignment["id"] not in self.flash.known:
                self.flash.known[assignment["id"]] = "offered"
                self.unit_offered(assignment)
        card = message.get("data") or {}
        if message["kind"] == "card.raised" and card.get("kind") == "deadline.signed" and self.working:
            self.unit_silent(card)

    async def alarm_desk(self):
        """Takes most alarms and closes them; those nobody takes are to climb."""
        while True:
            await asyncio.sleep(self.dice.uniform(1, 2))
            try:
                if not self.flash.access:
                    continue
                status, page = await self.call("GET", "/backups?state=open&limit=100")
            except TROUBLE:
                continue
            if status != 200:
                self.journal.note("unread", what="alarms", status=status, code=page.get("code"))
                continue
            for one in page["items"]:
                if one["id"] in self.alarms or not self.working:
                    continue
                self.alarms.add(one["id"])
                if self.dice.random() < 0.6:
                    self.put("take", "POST", f"/backups/{one['id']}/take", after=self.dice.uniform(0, 2),
                             backup=one["id"], socket={"type": "backup_take", "backup_id": one["id"]})
                    self.put("close", "POST", f"/backups/{one['id']}/close", {"reason": "resolved"},
                             after=self.dice.uniform(3, 8), backup=one["id"])

    async def watch(self):
        """Reads the map and notes who is shown as fresh."""
        while True:
            await asyncio.sleep(self.dice.uniform(0.8, 1.6))
            if not self.flash.access:
                continue
            asked = time.time()
            try:
                status, view = await self.call("GET", f"/live?unit_id={self.flash.unit}")
            except TROUBLE:
                continue
            if status == 200:
                fresh = [[one["person_id"], one["at"], one["due_at"]] for one in view["people"]
                         if one["freshness"] == "fresh"]
                self.journal.note("live", asked=asked, server=view["server_time"], fresh=fresh,
                                  seen=len(view["people"]))
            elif status != 401:
                self.journal.note("unread", what="map", status=status, code=view.get("code"))

    async def look(self):
        """Looks at what the socket has drawn, and notes who is shown as fresh there."""
        while True:
            await asyncio.sleep(1.0)
            picture = self.picture
            frames, picture.frames = picture.frames, 0
            calm = self.link.untroubled_since()
            if self.socket is None or picture.whole_since is None or calm is None:
                continue
            self.journal.note("picture", way="bin" if self.binary else "json", since=max(calm, picture.whole_since),
                              fresh=picture.told(), frames=frames)

    async def on_welcome(self, socket):
        self.picture = Picture()
        await socket.send_json({"type": "subscribe", "request_id": "live", "unit_id": self.flash.unit})

    async def on_frame(self, socket, frame):
        await socket.send_json({"type": "live_ack", "version": self.picture.binary(frame, time.time())})

    async def on_other(self, socket, message):
        if message["type"] in ("live_snapshot", "live_delta"):
            await socket.send_json({"type": "live_ack", "version": self.picture.json(message, time.time())})
