"""Turns the runs of scripts/bench into the marked table of docs/BENCHMARKS.md: medians, void runs told."""

import json
import statistics
import sys

import bench_evidence
import bench_marked
import bench_pairs
from bench_pairs import show

ALONE = ("disk", "assignments", "backup", "ingest", "live")
PAIRS = ("fanout", "nearby", "durable", "idle", "coldstart", "previews", "tus", "cameras", "verify", "papers")


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


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


def about(runs):
    """One line for those figures that were measured together; figures of different days may stand side by side."""
    series = {}
    for run in runs:
        key = (run.get("measured", ""), run.get("runs", ""), run.get("seconds", ""))
        series.setdefault(key, {}).setdefault(run["name"])
    for (measured, count, seconds), names in series.items():
        yield f"{', '.join(f'`{name}`' for name in names)}: {measured}; medians of {count} runs of {seconds} s."


def tables(runs):
    alone = list(rows([run for run in runs if run["name"] in ALONE]))
    if alone:
        yield "| figure | database | offered | measured | p50 ms | p99 ms | p99.9 ms | max ms | per second | remark |"
        yield "|---|---|---|---|---:|---:|---:|---:|---:|---|"
        for row in alone:
            yield "| " + " | ".join(row + [""] * (10 - len(row))) + " |"
    yield from bench_pairs.tables(runs, bench_evidence.TABLES)


def main():
    source, target, count, seconds = sys.argv[1:5]
    with open(source, encoding="utf-8") as file:
        runs = [json.loads(line) for line in file if line.strip()]
    runs = [{**run, "runs": count, "seconds": seconds} for run in runs if run["name"] in (*ALONE, *PAIRS)]
    # On a screen the runs have been seen already.
    if target == "/dev/stdout":
        print("\n".join(tables(runs)))
        return
    runs = bench_marked.with_kept(target, runs)
    bench_marked.write(target, ["", "Server on one core, generator on another.", "", *about(runs), "", *tables(runs), *bench_marked.every_run(runs)])


if __name__ == "__main__":
    main()
