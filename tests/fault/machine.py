"""How much of the machine others took from the server, as the kernel counts it.

A line every quarter of a second: how long threads of the server, its database and its ground were ready to run and did
not, and how long the processors worked for somebody else. What is late by less than the smaller of the two, a
processor, was late because of the machine.
"""

import asyncio
import os

EVERY_S = 0.25
TICKS = os.sysconf("SC_CLK_TCK")
PROCESSORS = os.cpu_count()


async def watch(journal, processes):
    """Notes until it is cancelled. `processes` gives the ids of those whose waiting counts, children included."""
    waited, ours, busy = {}, {}, total_busy()
    while True:
        await asyncio.sleep(EVERY_S)
        found = [thread for process in families(processes()) for thread in threads(process)]
        now_waited, now_ours = {name: wait for name, wait, _ in found}, {name: ran for name, _, ran in found}
        wait = sum(value - waited.get(name, value) for name, value in now_waited.items())
        ran = sum(value - ours.get(name, value) for name, value in now_ours.items())
        now_busy = total_busy()
        others = max(0.0, now_busy - busy - ran) / PROCESSORS
        journal.note("machine", wait=round(wait, 3), others=round(others, 3))
        waited, ours, busy = now_waited, now_ours, now_busy


def families(roots):
    """The processes and their children, which is what a database has."""
    found = set()
    for root in roots:
        found.add(root)
        try:
            with open(f"/proc/{root}/task/{root}/children") as file:
                found.update(int(word) for word in file.read().split())
        except OSError:
            continue
    return found


def threads(process):
    """(name, seconds waited for a processor, seconds run) of each thread."""
    try:
        names = os.listdir(f"/proc/{process}/task")
    except OSError:
        return
    for name in names:
        try:
            with open(f"/proc/{process}/task/{name}/schedstat") as file:
                ran, wait, _ = file.read().split()
        except OSError:
            continue
        yield (process, name), int(wait) / 1e9, int(ran) / 1e9


def total_busy():
    """Seconds all processors have worked."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, soft, steal = (int(word) for word in file.readline().split()[1:9])
    return (user + nice + system + irq + soft + steal) / TICKS
