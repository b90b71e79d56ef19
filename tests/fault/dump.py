"""After the load: everything the checker needs, read through REST and written down, so that it can be checked again."""

import asyncio
import json
import os
import time
import urllib.parse

from client import stamp


class Reader:
    def __init__(self, admin):
        self.admin = admin

    async def get(self, path, who=None):
        for _ in range(20):
            status, body = await (who or self.admin).call("GET", path)
            if status == 200:
                return body
            if status not in (401, 503):
                break
            await asyncio.sleep(0.5)
        raise RuntimeError(f"GET {path}: {status} {body}")

    async def pages(self, path):
        found, cursor = [], ""
        while True:
            join = "&" if "?" in path else "?"
            page = await self.get(f"{path}{join}limit=500{cursor}")
            found += page["items"]
            if not page.get("next_cursor"):
                return found
            cursor = "&cursor=" + urllib.parse.quote(page["next_cursor"])

    async def incident(self, one):
        where = f"/incidents/{one['id']}"
        assignments = []
        for brief in (await self.get(where + "/assignments"))["items"]:
            full = await self.get(f"/assignments/{brief['id']}")
            assignments.append({**full, "read_at": time.time()})
        return {"incident": one, "assignments": assignments,
                "notes": (await self.get(where + "/notes"))["items"],
                "feedbacks": (await self.get(where + "/feedbacks"))["items"],
                "timeline": (await self.get(where + "/timeline"))["items"]}

    async def track(self, person):
        found, since = [], stamp(time.time() - 7200)
        until = stamp(time.time() + 7200)
        while since:
            page = await self.get(f"/people/{person}/track?from={since}&to={until}")
            found += [[fix["device_id"], fix["at"]] for fix in page["fixes"]]
            since = page.get("next_from")
        return found

    async def inbox(self, who):
        """The person's whole stream as the server has it now."""
        head = await self.get("/me/inbox?limit=1", who)
        found, query = [], f"epoch={head['epoch']}&after_seq=0"
        while True:
            page = await self.get(f"/me/inbox?limit=500&{query}", who)
            found += [[one["seq"], one["id"], one["kind"], one["sent_at"]] for one in page["items"]]
            if not page.get("next_cursor"):
                return {"epoch": head["epoch"], "last_seq": page["last_seq"], "items": found}
            query = "cursor=" + urllib.parse.quote(page["next_cursor"])


async def dump(folder, admin, world):
    """Writes final.json."""
    reader, begun = Reader(admin), time.time()
    incidents = [await reader.incident(one) for one in await reader.pages("/incidents")]
    backups = [await reader.get(f"/backups/{one['id']}") for one in await reader.pages("/backups")]
    final = {
        "units": {one["id"]: one["path"] for one in await reader.pages("/units")},
        "people": {one["id"]: {"kind": one["kind"], "unit": one["unit_id"], "username": one["username"]}
                   for one in await reader.pages("/people")},
        "crews": [one for status in ("active", "ended") for one in await reader.pages(f"/crews?status={status}")],
        "begun": begun, "incidents": incidents, "backups": backups, "backups_at": time.time(),
        "tracks": {one.app.flash.person: await reader.track(one.app.flash.person)
                   for one in world if one.role == "terminal"},
        "inboxes": {one.app.flash.person: await reader.inbox(one.app) for one in world},
    }
    with open(os.path.join(folder, "final.json"), "w") as file:
        json.dump(final, file)
    return final
