"""Rounds, one after another or side by side, and what came of them. See scripts/fault --help."""

import argparse
import concurrent.futures
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time

import uvloop

import checker
from plan import FAULTS, Plan
from round import Round
from server import possible_grounds
from tamper import tamper

BUGS = {
    "ack_before_commit": "kill,power", "sync_off": "power", "forget_deadline": "kill", "drop_when_full": "full,locked",
    "replay_twice": "kill", "keep_epoch": "rollback",
}
# PostgreSQL syncs by itself.
BUGS_OF = {"sync_off": "sqlite"}


def one_round(options, backend, number, only, bug=None):
    """Runs and checks one round; gives what came of it."""
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
        applied = uvloop.run(attempt.run())
        report = checker.check(folder)
    except Exception as error:
        # A server that does not come back, or a harness that fails: both end the round, neither is a pass.
        when = "" if attempt.ready else " before its load began"
        report = {"violations": [f"the round broke off{when}: {type(error).__name__}: {error}"], "acknowledged": {},
                  "doubled": {}, "unavailable": {}}
        applied = {}
        if options.verbose:
            raise
    violations = report["violations"]
    for line in violations:
        print(f"VIOLATION {backend} seed {options.seed} round {number}: {line}", flush=True)
    took = time.monotonic() - begun
    say(f"== {backend}, round {number}: {len(violations)} violations, "
        f"{sum(report['acknowledged'].values())} acknowledged ({took:.0f} s)")
    if violations:
        say(f"   kept: {folder}")
    elif not options.keep_all:
        shutil.rmtree(folder, ignore_errors=True)
    return {"backend": backend, "seed": options.seed, "round": number, "terminals": plan.terminals,
            "seconds": plan.seconds, "ended": round(time.time()), "took_s": round(took), "violations": violations,
            "acknowledged": report["acknowledged"], "faults": {**applied, **report["doubled"]},
            "unavailable": report["unavailable"], "cpu_s": {"harness": cpu(resource.RUSAGE_SELF),
                                                            "server": cpu(resource.RUSAGE_CHILDREN)}}


def cpu(who):
    used = resource.getrusage(who)
    return round(used.ru_utime + used.ru_stime)


class Total:
    """The sum over rounds, per database, and a line a round in `rounds.jsonl` for a series that is cut short."""

    def __init__(self, options):
        self.seed, self.databases = options.seed, {}
        self.lines = os.path.join(options.keep, "rounds.jsonl")

    def add(self, result):
        with open(self.lines, "a") as file:
            file.write(json.dumps(result, separators=(",", ":")) + "\n")
        self.count(result)

    def count(self, result):
        one = self.databases.setdefault(result["backend"],
                                        {"rounds": 0, "violations": 0, "acknowledged": {}, "faults": {},
                                                            "unavailable": {}})
        one["rounds"] += 1
        one["violations"] += len(result["violations"])
        for name in ("acknowledged", "faults", "unavailable"):
            for what, number in result[name].items():
                one[name][what] = one[name].get(what, 0) + number

    @property
    def violations(self):
        return sum(one["violations"] for one in self.databases.values())

    def told(self):
        rounds = sum(one["rounds"] for one in self.databases.values())
        return {"seed": self.seed, "rounds": rounds, "violations": self.violations, **self.databases}


def say(text):
    print(text, file=sys.stderr, flush=True)


def follow(parent):
    """A round ends in good order, its server and mounts with it, when the series is killed."""
    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=watch, daemon=True).start()


def series(options, backends, only, total):
    """All rounds, `--jobs` of them at a time, each in a process of its own."""
    wanted = [(backend, number) for number in range(options.from_round, options.from_round + options.rounds)
              for backend in backends]
    with concurrent.futures.ProcessPoolExecutor(options.jobs, initializer=follow, initargs=(os.getpid(),),
                                                max_tasks_per_child=1) as pool:
        running = [pool.submit(one_round, options, backend, number, only) for backend, number in wanted]
        for ended in concurrent.futures.as_completed(running):
            total.add(ended.result())


def bugs(options, backends, total):
    """Every deliberate bug must be caught within some rounds."""
    missed = []
    wanted = options.bugs.split(",") if options.bugs != "all" else list(BUGS)
    for backend in backends:
        for bug in wanted:
            if BUGS_OF.get(bug, backend) != backend:
                continue
            only = [name for name in BUGS[bug].split(",") if name in FAULTS]
            os.environ["SUIXING_BUG"] = bug
            caught = None
            for number in range(options.rounds):
                result = one_round(options, backend, number, only, bug)
                total.add(result)
                # A round that never began shows that something is wrong, but not that the checker sees it.
                if any("before its load began" not in line for line in result["violations"]):
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
        if isinstance(objections, str):
            say(f"{name}: not applicable: {objections}")
        else:
            say(f"{name}: {(objections or ['NOT SEEN'])[0][:150]}")
    missed = [name for name, objections in found.items() if objections == []]
    absent = [name for name, objections in found.items() if isinstance(objections, str)]
    print(json.dumps({"ways": len(found), "seen": len(found) - len(missed) - len(absent), "not_applicable": absent,
                      "missed": missed}))
    return 1 if missed else 0


def summed(options, folders):
    """Adds up what the rounds in these folders came to."""
    total = Total(options)
    total.seed = []
    for folder in folders:
        with open(os.path.join(folder, "rounds.jsonl")) as file:
            for result in map(json.loads, file):
                total.count(result)
                total.seed += [] if result["seed"] in total.seed else [result["seed"]]
    print(json.dumps(total.told()))
    return 1 if total.violations else 0


def checked(folder):
    report = checker.check(folder)
    for line in report["violations"]:
        print("VIOLATION", line)
    print(json.dumps({"rounds": 1, "violations": len(report["violations"]), **report["counts"]}))
    return 1 if report["violations"] else 0


def main():
    parser = argparse.ArgumentParser(prog="scripts/fault")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--backend", choices=["sqlite", "postgres", "both"], default="sqlite")
    parser.add_argument("--terminals", type=int, default=120)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--from-round", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", default="")
    parser.add_argument("--keep-all", action="store_true")
    parser.add_argument("--check", default="")
    parser.add_argument("--sum", nargs="+", default=[])
    parser.add_argument("--lying-disk", action="store_true")
    parser.add_argument("--tamper", default="")
    parser.add_argument("--bugs", nargs="?", const="all", default="")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if options.check:
        return checked(options.check)
    if options.tamper:
        return tampered(options.tamper)
    if options.sum:
        return summed(options, options.sum)
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
    total = Total(options)
    if options.bugs:
        missed = bugs(options, backends, total)
        print(json.dumps({**total.told(), "missed": missed}))
        return 1 if missed else 0
    series(options, backends, only, total)
    print(json.dumps(total.told()))
    return 1 if total.violations else 0


if __name__ == "__main__":
    sys.exit(main())
