"""Turns the runs of scripts/bench into the marked table of docs/BENCHMARKS.md: medians, void runs told."""

import json
import os
import platform
import re
import statistics
import sys
import time

import bench_pairs

ALONE = ("disk", "assignments", "backup", "ingest", "live")
BEGIN, END = "<!-- figures: begin (written by scripts/bench) -->", "<!-- figures: end -->"


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def show(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def offered(run):
    about = run.get("offered", {})
    parts = [f"{about.get('terminals', 0)} terminals, a fix every {about.get('fix_every_s', 0):g} s"]
    for key, word in (("watchers", "watchers"), ("assignments_per_s", "assignments/s"), ("backups_per_s", "backups/s")):
        if about.get(key):
            parts.append(f"{about[key]:g} {word}")
    return ", ".join(parts)


def rows(runs):
    groups = {}
    for run in runs:
        groups.setdefault((run["name"], run["backend"]), []).append(run)
    for (name, backend), group in groups.items():
        if name == "disk":
            limit = "append + fdatasync of 4 KiB" if backend == "sqlite" else "pgbench, one-row commits, 8 clients"
            yield ["limit of this machine", backend, limit, "commits", "", "", "", "", show(median([r["commits_per_s"] for r in group])), ""]
            continue
        fair = [run for run in group if run.get("generator_fair")]
        note = [] if len(fair) == len(group) else [f"{len(group) - len(fair)} of {len(group)} runs void (generator too busy)"]
        if not all(run.get("sound") for run in group):
            note.append("NOT SOUND: something acknowledged was lost or doubled")
        shown = fair or group
        names = sorted({key for run in shown for key in run["load"]["latency_ms"]})
        for measure in names:
            cells = [run["load"]["latency_ms"].get(measure, {}) for run in shown]
            percentiles = [show(median([cell.get(key) for cell in cells])) for key in ("p50", "p99", "p999", "max")]
            rate = show(median([cell.get("per_second") for cell in cells]))
            yield [name, backend, offered(shown[0]), measure.replace("_", " "), *percentiles, rate, "; ".join(note)]
        memory = show(median([run.get("server_rss_mib") for run in shown]))
        share = show(median([run["load"]["generator"]["cpu_share_of_one_core"] for run in shown]))
        yield [name, backend, offered(shown[0]), f"server memory {memory} MiB, generator {share} core", "", "", "", "", "", ""]


def main():
    source, target, count, seconds = sys.argv[1:5]
    with open(source, encoding="utf-8") as file:
        runs = [json.loads(line) for line in file if line.strip()]
    cpu = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo", encoding="utf-8").read())
    lines = [
        BEGIN,
        "",
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} cores ({cpu.group(1) if cpu else platform.machine()}), "
        f"Linux {platform.release()}; medians of {count} runs of {seconds} s. Server on one core, generator on another.",
        "",
        "| figure | database | offered | measured | p50 ms | p99 ms | p99.9 ms | max ms | per second | remark |",
        "|---|---|---|---|---:|---:|---:|---:|---:|---|",
    ]
    alone = [run for run in runs if run["name"] in ALONE]
    if not alone:
        lines = lines[:-2]
    for row in rows(alone):
        row = row + [""] * (10 - len(row))
        lines.append("| " + " | ".join(row) + " |")
    lines += bench_pairs.tables(runs)
    # On a screen the runs have been seen already.
    if target != "/dev/stdout":
        lines += ["", "<details><summary>Every run, as JSON</summary>", "", "```json", *(json.dumps(run) for run in runs), "```", "", "</details>"]
    lines += ["", END]
    table = "\n".join(lines)
    if target == "/dev/stdout":
        print(table)
        return
    with open(target, encoding="utf-8") as file:
        text = file.read()
    if BEGIN not in text or END not in text:
        sys.exit(f"{target} has no marked place for the figures")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    with open(target, "w", encoding="utf-8") as file:
        file.write(head + table + tail)


if __name__ == "__main__":
    main()
