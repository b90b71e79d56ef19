"""What terminals and rooms have in common: a session, an outbox that repeats until answered, a stream.

`Flash` is what an app keeps over a kill. A `Client` is one run of the app on it.
"""

import asyncio
import datetime
import json
import random
import time
import uuid

import aiohttp

from server import PASSWORD

TIMEOUT = aiohttp.ClientTimeout(total=12, connect=3)
TROUBLE = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
# 408: the link never delivered it whole.
AGAIN = {401, 408, 429, 500, 502, 503, 504}


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="microseconds").replace(
        "+00:00", "Z")


def uuid7():
    """A UUIDv7 from the right time."""
    value = int(time.time() * 1000) << 80 | 0x7 << 76 | random.getrandbits(12) << 64 | 0x2 << 62 | random.getrandbits(62)
    return str(uuid.UUID(int=value))


class Flash:
    """Kept over an app kill."""

    def __init__(self, username, person, unit, kind, skew=0):
        self.username, self.person, self.unit, self.kind, self.skew = username, person, unit, kind, skew
        self.access = self.refresh = self.device = None
        self.cursor = {"epoch": None, "last_seq": 0, "last_id": None}
        self.outbox, self.fixes, self.known = [], [], {}

    def owed(self):
        """How many writes were sent, and fixes made, that nobody has answered for good. A confirmation that waits for
        its time was not sent, and the copy of an answered write that is long on the way owes nothing: while messages
        come there is nearly always one of those."""
        return sum(1 for item in self.outbox if item["sent"] and not item.get("answered")) + len(self.fixes)


class Client:
    """One run of the app. `start` and `kill` as often as wanted."""

    protocols = ()

    def __init__(self, flash, link, journal, dice):
        self.flash, self.link, self.journal, self.dice = flash, link, journal, dice
        self.http = self.socket = None
        self.tasks, self.replies = [], {}
        self.signing = asyncio.Lock()
        self.broken, self.frozen, self.killed = None, False, True

    def now(self):
        """What this device believes the time is."""
        return time.time() + self.flash.skew

    def url(self, path):
        return f"http://127.0.0.1:{self.link.port}/api/v1{path}"

    # One request.

    async def call(self, method, path, body=None, key=None, token=True):
        """(status, body); raises one of TROUBLE when there is no answer."""
        headers = {"Idempotency-Key": key} if key else {}
        used = self.flash.access
        if token and used:
            headers["Authorization"] = f"Bearer {used}"
        bare = ["Content-Type"] if body is None else []
        async with self.http.request(method, self.url(path), json=body, headers=headers,
                                     skip_auto_headers=bare) as reply:
            text = await reply.text()
            try:
                found = json.loads(text) if text else {}
            except ValueError:
                found = {"code": "not_json"}
        if reply.status == 401 and token:
            await self.sign_in(used)
        return reply.status, found

    async def sign_in(self, used=None):
        """Refreshes, or logs in again when that is refused."""
        async with self.signing:
            if used is not None and self.flash.access != used:
                return
            flash = self.flash
            if flash.refresh:
                status, grant = await self.call("POST", "/auth/refresh", {"refresh_token": flash.refresh}, token=False)
                if status == 200:
                    flash.access, flash.refresh = grant["access_token"], grant["refresh_token"]
                    return
                if status != 401:
                    raise asyncio.TimeoutError
                flash.refresh = None
            body = {"username": flash.username, "password": PASSWORD}
            if flash.device:
                body["device_id"] = flash.device
            elif flash.kind == "terminal":
                body["device"] = {"kind": "handheld", "name": flash.username}
            status, grant = await self.call("POST", "/auth/login", body, token=False)
            if status != 200:
                await asyncio.sleep(1)
                raise asyncio.TimeoutError
            flash.access, flash.refresh = grant["access_token"], grant["refresh_token"]
            flash.device = grant["device_id"]

    # The outbox: writes that are repeated, in order, with one key, until there is an answer.

    def put(self, op, method, path, body=None, socket=None, after=0.0, **about):
        """Queues a write. `socket` is the same as a socket command, used when one is open."""
        self.flash.outbox.append({"op": op, "method": method, "path": path, "body": body, "key": uuid7(),
                                  "socket": socket, "due": time.time() + after, "about": about, "sent": 0})

    async def outbox(self):
        queue = self.flash.outbox
        while True:
            now = time.time()
            item = None
            if not self.frozen:
                item = next((one for one in queue if one["due"] <= now and not one.get("out")), None)
            if item is None:
                await asyncio.sleep(0.1)
                continue
            item["out"] = True
            try:
                done = await self.send(item)
            except TROUBLE:
                done = False
            item["out"] = False
            if done and not item.get("echoed") and self.dice.random() < 0.04:
                # A copy that was long on the way: it arrives when the first was answered and done.
                item.update(echoed=True, due=time.time() + self.dice.uniform(1, 5))
            elif done and item in queue:
                queue.remove(item)
            elif not done:
                # Others may go first: an app does not let one bad line hold up an alarm.
                item["due"] = time.time() + self.dice.uniform(0.3, 1.2)

    async def send(self, item):
        """True when there was an answer for good."""
        item["sent"] += 1
        if item["socket"] and self.socket is not None and not self.socket.closed:
            # The way is part of the request: once by socket, always by socket.
            item.setdefault("way", "socket")
        item.setdefault("way", "rest")
        # A duplicate on the way: the same request twice at once.
        twice = self.dice.random() < 0.12
        self.journal.note("send", op=item["op"], key=item["key"], path=item["path"], body=item["body"],
                          about=item["about"], way=item["way"], copies=2 if twice else 1)
        tries = await asyncio.gather(*[self.attempt(item, twice) for _ in range(2 if twice else 1)],
                                     return_exceptions=True)
        for found in tries:
            if isinstance(found, BaseException) and not isinstance(found, TROUBLE):
                raise found
        return any(found is True for found in tries)

    async def attempt(self, item, twice):
        """One copy of a request; its answer goes into the journal the moment it is here. True when it is for good."""
        status, body = await self.once(item)
        again = twice or item["sent"] > 1
        if 200 <= status < 300:
            self.accepted(item, status, body, again)
        elif status not in AGAIN:
            self.journal.note("refused", op=item["op"], key=item["key"], status=status, code=body.get("code"))
        else:
            if status == 503:
                self.journal.note("unavailable", op=item["op"], key=item["key"], code=body.get("code"))
            return False
        item["answered"] = True
        return True

    async def once(self, item):
        if item["way"] == "rest":
            return await self.call(item["method"], item["path"], item["body"], item["key"])
        if self.socket is None or self.socket.closed:
            raise asyncio.TimeoutError
        reply = asyncio.get_running_loop().create_future()
        self.replies.setdefault(item["key"], []).append(reply)
        try:
            # A socket that is just closing refuses: who stayed in the list then would take the answer of the next try.
            await self.socket.send_json({**item["socket"], "request_id": item["key"]})
            found = await asyncio.wait_for(reply, 8)
        finally:
            if reply in self.replies.get(item["key"], []):
                self.replies[item["key"]].remove(reply)
        if found["type"] == "reply":
            return found["status"], found.get("body") or {}
        return found.get("status", 500), found

    def accepted(self, item, status, body, again):
        ids = {"id": body.get("id")}
        if "assignments" in body:
            ids = {"assignments": [one["id"] for one in body["assignments"]]}
        if "applied" in body:
            ids["applied"] = body["applied"]
        self.journal.note("ack", op=item["op"], key=item["key"], status=status, ids=ids, again=again)
        if not item.get("done"):
            item["done"] = True
            self.on_accepted(item, body)

    def on_accepted(self, item, body):
        """For those who go on from an answer."""

    # The stream.

    async def stream(self):
        """Connects, says hello with what it has, reads; again and again."""
        while True:
            try:
                if not self.flash.access:
                    await self.sign_in()
                used = self.flash.access
                async with self.http.ws_connect(f"ws://127.0.0.1:{self.link.port}/ws", autoping=True, max_msg_size=0,
                                                protocols=self.protocols,
                                                headers={"Authorization": f"Bearer {used}"}) as socket:
                    await self.listen(socket)
                    self.journal.note("closed", code=socket.close_code)
            except aiohttp.WSServerHandshakeError as refused:
                if refused.status == 401:
                    try:
                        await self.sign_in(used)
                    except TROUBLE:
                        pass
            except TROUBLE:
                pass
            self.socket = None
            await asyncio.sleep(self.dice.uniform(0.05, 0.8))

    async def listen(self, socket):
        flash = self.flash
        had = dict(flash.cursor)
        await socket.send_json({"type": "hello", **had})
        async for frame in socket:
            if frame.type == aiohttp.WSMsgType.BINARY:
                await self.on_frame(socket, frame.data)
            if frame.type != aiohttp.WSMsgType.TEXT:
                continue
            message = json.loads(frame.data)
            kind = message.get("type")
            if kind == "welcome":
                flash.cursor = {name: message.get(name) for name in ("epoch", "last_seq", "last_id")}
                self.journal.note("welcome", recovered=message["recovered"], reason=message.get("reason"), had=had,
                                  **flash.cursor)
                self.socket = socket
                await self.on_welcome(socket)
            elif kind == "message":
                about = concerns(message)
                self.journal.note("got", epoch=flash.cursor["epoch"], seq=message["seq"], id=message["id"],
                                  kind=message["kind"], about=about)
                flash.cursor.update(last_seq=message["seq"], last_id=message["id"])
                self.on_message(message)
                way = self.dice.random()
                if way < 0.06:
                    # Confirmed later and by REST, as an app does that was woken without a socket.
                    self.put("inbox_ack", "POST", "/me/inbox/ack", after=self.dice.uniform(0, 5),
                             body={"epoch": flash.cursor["epoch"], "seq": message["seq"], "id": message["id"]})
                elif way < 0.92:
                    await socket.send_json({"type": "ack", "seq": message["seq"]})
                    self.journal.note("receipt", epoch=flash.cursor["epoch"], seq=message["seq"])
            elif message.get("request_id") in self.replies:
                waiting = [reply for reply in self.replies.pop(message["request_id"]) if not reply.done()]
                if waiting:
                    waiting.pop(0).set_result(message)
                if waiting:
                    self.replies[message["request_id"]] = waiting
            else:
                await self.on_other(socket, message)

    async def on_welcome(self, socket):
        """The stream is open."""

    def on_message(self, message):
        """A must-deliver message; it is in the journal already."""

    async def on_frame(self, socket, frame):
        """A binary frame of the live view."""

    async def on_other(self, socket, message):
        """Anything else the server says."""

    # One run of the app.

    def start(self, *work):
        for item in self.flash.outbox:
            item["out"] = False
        self.killed = False
        self.http = aiohttp.ClientSession(timeout=TIMEOUT, connector=aiohttp.TCPConnector(limit=6))
        self.tasks = [asyncio.create_task(one) for one in (self.outbox(), self.stream(), *work)]

    async def kill(self):
        self.killed = True
        for task in self.tasks:
            task.cancel()
        self.broken = self.failed()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks, self.socket, self.replies = [], None, {}
        if self.http:
            await self.http.close()

    def failed(self):
        """An error of the harness itself, which must not look like silence."""
        ended = (task.exception() for task in self.tasks if task.done() and not task.cancelled())
        return self.broken or next(ended, None)


def concerns(message):
    """The ids in a message's body that say whose business it is."""
    data = message.get("data") or {}
    found = {name: data[name] for name in ("incident_id", "assignment_id", "backup_id", "state") if data.get(name)}
    if message["kind"].startswith("card"):
        found = {"card": data.get("id") or data.get("card_id")}
    return found
