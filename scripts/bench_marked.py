"""What the tables of scripts/bench share: the machine they were taken on, and the marked place of a document."""

import json
import os
import platform
import re
import sys
import time

BEGIN, END = "<!-- figures: begin (written by scripts/bench) -->", "<!-- figures: end -->"
RUNS_BEGIN, RUNS_END = "```json\n", "\n```"


def machine():
    cpu = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo", encoding="utf-8").read())
    name = cpu.group(1) if cpu else platform.machine()
    return f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} cores ({name}), Linux {platform.release()}"


def read(target):
    """What stands between the marks of a document."""
    return _parts(target)[1]


def write(target, lines):
    """Puts lines between the marks, in the place of what stood there."""
    head, _, tail = _parts(target)
    with open(target, "w", encoding="utf-8") as file:
        file.write(head + "\n".join([BEGIN, *lines, END]) + tail)


def _parts(target):
    with open(target, encoding="utf-8") as file:
        text = file.read()
    if BEGIN not in text or END not in text:
        sys.exit(f"{target} has no marked place for the figures")
    head, rest = text.split(BEGIN, 1)
    marked, tail = rest.split(END, 1)
    return head, marked, tail


def with_kept(target, runs):
    """The runs of this time and, read back from the document, those of figures that were not measured this time."""
    for run in runs:
        run["measured"] = machine()
    measured = {(run["name"], run["backend"]) for run in runs}
    marked = read(target)
    if RUNS_BEGIN not in marked:
        return runs
    before = marked.split(RUNS_BEGIN, 1)[1].split(RUNS_END, 1)[0]
    return runs + [run for run in map(json.loads, before.splitlines()) if (run["name"], run["backend"]) not in measured]


def every_run(runs):
    """The runs themselves, so that a table can be made again and the next series can keep them."""
    return ["", "<details><summary>Every run, as JSON</summary>", "", RUNS_BEGIN + "\n".join(map(json.dumps, runs)) + RUNS_END,
            "", "</details>", ""]
