"""The schedule: what a seed decides before anything runs. The same seed gives the same work and faults."""

import random

# Faults of the server and its ground, with the kind of ground they need.
FAULTS = {
    "kill": "plain",        # kill -9, then a start
    "pause": "plain",       # SIGSTOP for seconds
    "storm": "plain",       # everybody is cut off at once and comes back at once
    "slow": "plain",        # some read nothing for seconds
    "locked": "plain",      # another process holds the database (SQLite)
    "database": "plain",    # PostgreSQL goes down at once and comes back
    "rollback": "plain",    # an older copy of the database is put back
    "clock": "plain",       # the system clock steps
    "reclock": "plain",     # kill -9, a start under a stepped clock, which is right again some seconds later
    "power": "power",       # what was not synced is gone
    "full": "full",         # the disk is full for seconds
}
ONLY = {"locked": "sqlite", "database": "postgres"}
SECONDS = {"kill": 1.0, "pause": 3.0, "storm": 0.5, "slow": 6.0, "locked": 4.0, "database": 1.0, "rollback": 4.0,
           "clock": 5.0, "reclock": 4.0, "power": 1.0, "full": 9.0}
# Seconds after a full disk was relieved within which writes are to be taken again.
RELIEF = 2.5
# At most so many a round: each leaves time for work to go on.
A_ROUND = 4


class Plan:
    """One round."""

    def __init__(self, seed, number, backend, terminals, seconds, only=(), grounds=("plain", "power", "full")):
        self.seed, self.number, self.backend = seed, number, backend
        self.terminals, self.seconds = terminals, seconds
        possible = [name for name in FAULTS if ONLY.get(name, backend) == backend and FAULTS[name] in grounds
                    and (not only or name in only)]
        self.faults = self._faults(possible)
        needed = {FAULTS[name] for _, name, _ in self.faults} - {"plain"}
        self.ground = needed.pop() if needed else "plain"

    def dice(self, *who):
        return random.Random(":".join(str(part) for part in (self.seed, self.number, self.backend, *who)))

    def _faults(self, possible):
        """Every fault comes round: a shuffled cycle, of which each round takes the next few."""
        order = list(possible)
        random.Random(f"{self.seed}:{self.backend}").shuffle(order)
        # Ground is one a round, so faults of the two special grounds never meet.
        special = [name for name in order if FAULTS[name] != "plain"]
        plain = [name for name in order if FAULTS[name] == "plain"]
        names = []
        if special:
            names.append(special[self.number % len(special)])
        while len(names) < A_ROUND and (plain or names):
            names.append(plain[(self.number * (A_ROUND - 1) + len(names)) % len(plain)] if plain else names[0])
        dice = self.dice("faults")
        dice.shuffle(names)
        room = (self.seconds - 3) / max(len(names), 1)
        return [(round(2 + room * (at + dice.uniform(0, 0.3)), 2), name, dice.randrange(1 << 30))
                for at, name in enumerate(names)]

    def link_faults(self, who):
        """(at, kind, seconds) of one terminal's link, and of its app."""
        dice = self.dice("link", who)
        found, at = [], dice.uniform(1, 12)
        while at < self.seconds:
            kind = dice.choice(["cut", "cut", "stall", "throttle", "app"])
            found.append((round(at, 2), kind, round(dice.uniform(0.3, 4), 2)))
            at += dice.uniform(4, 15)
        return found

    def skew(self, who):
        """Seconds the device's clock is off; most are right."""
        return self.dice("skew", who).choice([0, 0, 0, 0, 0, 0, 0, 0, -600, 600])

    def told(self):
        return {"seed": self.seed, "round": self.number, "backend": self.backend, "ground": self.ground,
                "terminals": self.terminals, "seconds": self.seconds, "faults": self.faults}
