"""The live view: what a marker may claim, by REST and on the socket, and that it goes on while the disk is full."""

import collections

# A picture is told by the socket: what a change takes to get there; what the machine took comes on top.
LATE_S = 2.5
# After a hindrance, for sockets to be back and everything to be told again.
CALM_S = 4.0
# What stops the live view itself; it goes on while nothing can be stored.
STOPPING = {"kill", "pause", "rollback", "power", "reclock"}


def freshness(evidence):
    """No marker read is fresh beyond what its device promised."""
    for name, line in evidence.of_kind("live"):
        server = evidence.clock.by(line["server"])
        now = server + evidence.clock.state(line["t"]).lag
        for person, at, due in line["fresh"]:
            if evidence.clock.by(due) + 0.01 < server:
                yield f"{name}: {person} is shown fresh at {line['server']}, due {due}"
            until = evidence.fresh_until(person, line["t"])
            if until + 1.0 < now and person in evidence.names:
                yield f"{name}: {evidence.names[person]} is shown fresh {now - until:.1f} s past every promise (fix {at})"


def pictures(evidence):
    """What the socket has drawn is not fresh beyond it either."""
    windows = evidence.windows_of(STOPPING)
    found = collections.defaultdict(list)
    for name, line in evidence.of_kind("picture"):
        if calm(line, windows):
            for person, at, due in line["fresh"]:
                end = min([evidence.fresh_until(person, line["t"])] + ([evidence.at(due)] if due else []))
                if end + LATE_S < line["t"] and person in evidence.names:
                    if end + LATE_S + evidence.taken(end, line["t"]) < line["t"]:
                        found[name].append(f"{line['way']} socket at {line['t']:.1f}: {evidence.names[person]} "
                                           f"{line['t'] - end:.1f} s too long (fix {at})")
    for name, lines in found.items():
        yield f"{name}: {len(lines)} markers were drawn fresh too long, first {lines[0]}, last {lines[-1]}"


def calm(line, windows):
    hindered = any(begun < line["t"] and line["t"] - CALM_S < ended for begun, ended in windows)
    return line["t"] - line["since"] > CALM_S and not hindered


def full(evidence):
    """With the disk full: writes are refused as such, reading and the live view go on, relief needs no restart."""
    for fault in evidence.of_nemesis("was_full"):
        begun, ended, until = fault["from"], fault["to"], fault["until"]
        inside = [(name, line) for name, lines in evidence.journals.items() for line in lines
                  if begun < line["t"] < ended]
        codes = collections.Counter(line["code"] for _, line in inside if line["e"] == "unavailable")
        if set(codes) - {"storage_full", "busy"}:
            yield f"writes were refused with {dict(codes)}"
        # 408: the request itself never came whole; that is the link.
        unread = [(name, line) for name, line in inside if line["e"] == "unread" and line["status"] != 408]
        for name, line in unread[:1]:
            yield f"{len(unread)} reads failed, first {name}: {line['what']} with {line['status']} {line['code']}"
        if not any(line["e"] == "live" for _, line in inside):
            yield "the live view could not be read"
        yield from drawn(evidence, inside, begun, ended)
        taken = {line["e"] for lines in evidence.journals.values() for line in lines if ended < line["t"] < until}
        for what in ("ack", "stored"):
            if what not in taken:
                yield f"no {'write' if what == 'ack' else 'fix'} was taken within {until - ended:.1f} s of relief"
        if not fault["same"]:
            yield "the process is another one after it"


def drawn(evidence, inside, begun, ended):
    """Sockets tell who fell silent meanwhile, which needs nothing stored."""
    fell = [end for ends in evidence.horizon.values() for end in [max((to for t, to in ends if t < ended), default=0)]
            if begun + 1 < end < ended - LATE_S]
    watched = collections.defaultdict(int)
    for name, line in inside:
        if line["e"] == "picture" and line["since"] < begun:
            watched[name] += line["frames"]
    if fell and watched and not any(watched.values()):
        yield f"{len(fell)} people fell silent, no socket was told"


ALL = (freshness, pictures, full)
