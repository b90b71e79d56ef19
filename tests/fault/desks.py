"""What a room does beyond sending single people: crews, and calls between units."""

from client import uuid7


class CrewDesk:
    """Forms crews out of the room's people and changes them mid-shift."""

    def crew_work(self):
        chance = self.dice.random()
        crew = self.dice.choice(self.crews) if self.crews else None
        if crew is None or chance < 0.35:
            self.form(self.dice.sample(self.people, min(self.dice.choice([2, 2, 3]), len(self.people))))
        elif chance < 0.6:
            whom = self.dice.choice(self.people)
            self.put("crew_join", "POST", f"/crews/{crew}/join", {"person_id": whom, "role": "assist"}, crew=crew,
                     people=[whom])
        elif chance < 0.85:
            whom = self.dice.choice(self.people)
            self.put("crew_leave", "POST", f"/crews/{crew}/leave", {"person_id": whom}, crew=crew, people=[whom])
        else:
            # Whoever the crew was formed with; some have left by now, and the server is to refuse that.
            lead = self.formed[crew][0]
            call_sign = f"part {uuid7()}"
            self.put("crew_split", "POST", f"/crews/{crew}/split",
                     {"call_sign": call_sign, "members": [{"person_id": lead, "role": "lead"}]}, crew=crew,
                     people=[lead], call_sign=call_sign)

    def form(self, people):
        call_sign = f"crew {uuid7()}"
        members = [{"person_id": one, "role": "assist" if place else "lead"} for place, one in enumerate(people)]
        self.put("crew", "POST", "/crews", {"call_sign": call_sign, "members": members}, people=people,
                 call_sign=call_sign)

    def crew_made(self, item, body):
        self.crews.append(body["id"])
        self.formed[body["id"]] = item["about"]["people"]


class UnitDesk:
    """Signs for calls, gives them back, hands them on, diverts and cancels them."""

    def unit_offered(self, assignment):
        """A call for this station lies on the desk; some are left lying, and must climb."""
        incident, chance = assignment["incident_id"], self.dice.random()
        if chance < 0.6:
            self.put("sign", "POST", f"/incidents/{incident}/sign", after=self.dice.uniform(0.2, 3), incident=incident)
        elif chance < 0.7:
            self.put("return", "POST", f"/incidents/{incident}/return", {"reason": "not ours"},
                     after=self.dice.uniform(0.2, 3), incident=incident)
        elif chance < 0.85:
            to = {**self.someone(), "override_claim": True}
            self.put("assign", "POST", f"/incidents/{incident}/assignments", to, after=self.dice.uniform(0.2, 3),
                     incident=incident)

    def unit_silent(self, card):
        """Nobody at a station below has signed in time; the room above signs for some of them, by name."""
        about = card["data"]
        if self.dice.random() < 0.4:
            self.put("sign", "POST", f"/incidents/{about['incident_id']}/sign", {"unit_id": about["unit_id"]},
                     after=self.dice.uniform(0, 2), incident=about["incident_id"], unit=about["unit_id"])

    def call_work(self):
        """Something that ends a call here."""
        call = self.calls[self.dice.randrange(len(self.calls))]
        incident, chance = call["id"], self.dice.random()
        if chance < 0.5 and self.neighbours:
            to = self.dice.choice(self.neighbours)
            self.put("transfer", "POST", f"/incidents/{incident}/transfer", {"unit_id": to, "reason": "nearer"},
                     incident=incident, to=to)
            return
        # Over: no revision is to wake it.
        self.calls.remove(call)
        if chance < 0.75:
            self.put("divert", "POST", f"/incidents/{incident}/divert", {"to": "the water works", "reason": "a burst pipe"},
                     incident=incident)
        else:
            self.put("call_off", "POST", f"/incidents/{incident}/cancel", {"reason": "taken back"}, incident=incident)
