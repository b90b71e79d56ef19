"""Turns the runs of scripts/bench about one node (scale, promises, uplink) into the marked part of docs/CAPACITY.md.
Figures that were not measured this time stay as they are: their runs are read back from the file."""

import json
import sys

import bench_marked
from bench_pairs import at, fair, grouped, latency, median, remark, show

NAMES = ("scale", "promises", "uplink", "manifests")


def notes(runs):
    """What the runs themselves had to remark, and what is wrong with them."""
    told = {at(run, "remark") for run in runs if at(run, "remark")}
    return "; ".join([*sorted(told), *([remark(runs)] if remark(runs) else [])])


def all_back(run):
    """A run of whose terminals some never came back has no time."""
    return at(run, "reconnect.all_caught_up_s")


def scale(runs):
    rows = []
    for (backend, server, size), group in sorted(grouped(runs, "scale", "offered.terminals").items(), key=str_last):
        of = "load.latency_ms."
        back = [run for run in group if all_back(run) is not None]
        returned = show(median(back, "reconnect.all_caught_up_s")) if len(back) == len(group) else "not all"
        rows.append([
            f"{size or 0:,}", backend, server, show(median(group, "offered.assignments_per_s")),
            show(median(group, "usage.rss_mib")), show(median(group, "usage.kib_per_terminal")), show(median(group, "usage.cores")),
            latency(group, of + "assignment_due_to_device.p50"), latency(group, of + "assignment_due_to_device.p99"),
            latency(group, of + "fix_ack.p99"), latency(group, of + "live_snapshot_json.p50"),
            latency(group, of + "live_snapshot_binary.p50"), returned, notes(group)])
    head = ["terminals", "database", "kept before", "assignments/s", "server memory MiB", "KiB a terminal", "server cores",
            "push p50 ms", "push p99 ms", "fix ack p99 ms", "live picture JSON ms", "live picture binary ms",
            "all back after s", "remark"]
    return "One node by the number of terminals, each with a fix every 10 s", head, 3, rows


def str_last(item):
    (backend, server, size), _ = item
    return backend, len(server), server, size or 0


# What is measured, of which run, from where, and what was promised (ms at p99; a maximum where it says so).
PROMISES = (
    *((*row[:1], f"{row[1]} until {rung}", *row[2:]) for rung in ("viewed", "cleared") for row in (
        ("assignment committed → on the device", "assignments", "assignment_sent_to_device", 100),
        ("assignment due → on the device", "assignments", "assignment_due_to_device", 100),
        ("backup tap → third unit alerted", "backup", "backup_tap_to_third_alert", 100),
        ("assignment due → on the device", "backup", "assignment_due_to_device", None),
        ("assignment due → on the device", "bad night", "assignment_due_to_device", 200),
        ("backup tap → third unit alerted", "bad night", "backup_tap_to_third_alert", 200),
        ("reported → on a watcher's map", "bad night", "live_frame_delay", None),
        ("dialled again → caught up", "bad night", "reconnect_caught_up", 1000),
        ("dialled again, having missed something → caught up", "bad night", "reconnect_caught_up_after_missing", 1000),
    )),
    ("deadline missed → the room is told", "missed deadlines", "deadline_due_to_room", 1000),
    ("revoked → socket closed", "revocation", "closed_ms", 1000),
    ("revoked → refused on REST", "revocation", "refused_ms", 1000),
)


def offered(run):
    about = run.get("offered", {})
    if "revoked" in about:
        return f"{about['connected']:,} connected, {about['per_s']:g} revoked/s"
    parts = [f"{about.get('terminals', 0):,} terminals, a fix every {about.get('fix_every_s', 0):g} s"]
    for key, word in (("assignments_per_s", "assignments/s"), ("backups_per_s", "taps/s"), ("watchers", "watchers")):
        if about.get(key):
            parts.append(f"{about[key]:g} {word}" + (rungs(about) if key == "assignments_per_s" else ""))
    if at(about, "faults.cut"):
        parts.append(f"{about['faults']['cut']:.0%} cut and back each minute")
    return ", ".join(parts)


def rungs(about):
    count = about.get("rungs_of_officers", 0)
    return f" of {count} rung{'s' if count > 1 else ''} by officers" if count else ""


def promises(runs):
    groups, rows = grouped(runs, "promises"), []
    for backend in sorted({key[0] for key in groups}):
        for what, label, measure, promised in PROMISES:
            group = groups.get((backend, label), [])
            if not group:
                continue
            path = measure if measure.endswith("_ms") else f"load.latency_ms.{measure}"
            p99 = median([run for run in group if fair(run)], f"{path}.p99")
            verdict = "" if promised is None or p99 is None else ("held" if p99 <= promised else "NOT held")
            rows.append([
                what, label, backend, offered(next((run for run in group if "offered" in run), {})),
                *(latency(group, f"{path}.{key}") for key in ("p50", "p99", "max")), show(median(group, f"{path}.n")),
                f"p99 ≤ {promised:,}" if promised else "", verdict, show(median(group, "usage.cores") or median(group, "server_cores")), notes(group)])
    head = ["measured", "run", "database", "offered", "p50 ms", "p99 ms", "max ms", "in a run", "promised ms", "verdict",
            "server cores", "remark"]
    return "The promises, at the load they are made for", head, 4, rows


def uplink(runs):
    rows = []
    for (backend, server, *_), group in grouped(runs, "uplink").items():
        hours = (median(group, "offered.shift_s") or 43200) / 3600
        about = next((run["offered"] for run in group if "offered" in run), {})
        every = "at once" if about.get("at_once") else f"every {about.get('batch_s', 0)} s"
        total = median(group, "wire.shift_bytes")
        verdict = "" if total is None or about.get("at_once") else ("held" if total <= 1_000_000 else "NOT held")
        rows.append([
            server, every, show(median(group, "fixes")), show(median(group, "messages")), show(median(group, "signs_of_life")),
            show(median(group, "wire.bytes_per_message")), show(median(group, "wire.connect_bytes")),
            f"{median(group, 'wire.up_bytes') or 0:,.0f}", f"{median(group, 'wire.down_bytes') or 0:,.0f}", f"{total or 0:,.0f}",
            show((total or 0) / hours / 1000), verdict, notes([{**run, "generator_fair": True} for run in group])])
    head = ["fixes as", "sent", "fixes", "messages", "signs of life", "bytes a message, both ways", "bytes to connect",
            "up bytes", "down bytes", "a shift, bytes", "kB an hour", "≤ 1,000,000", "remark"]
    return "Uplink of a twelve-hour shift, counted with IP headers behind TLS", head, 2, rows


def manifests(runs):
    rows = []
    for (backend, server, *_), group in grouped(runs, "manifests").items():
        about = next((run["offered"] for run in group if "offered" in run), {})
        all_s = median(group, "all_s")
        held = "" if all_s is None else ("held" if all_s <= 10 else "NOT held")
        rows.append([
            f"{about.get('manifests', 0):,} cameras with {about.get('recordings', 0)} recordings, {about.get('docks', 0)} docks", backend,
            show(all_s), show(median(group, "manifests_per_s")), latency(group, "manifest_ms.p50"), latency(group, "manifest_ms.p99"),
            show(median(group, "again_s")), show(median(group, "server_cores")), "≤ 10 s", held, notes(group)])
    head = ["docked at once", "database", "all named after s", "manifests/s", "p50 ms", "p99 ms", "all again after s",
            "server cores", "promised", "verdict", "remark"]
    return "A shift of cameras comes home: every manifest taken and the order of upload answered", head, 2, rows


def tables(runs):
    lines = []
    for figure in (promises, scale, uplink, manifests):
        title, head, words, rows = figure(runs)
        if rows:
            align = ["---"] * words + ["---:"] * (len(head) - words - 1) + ["---"]
            lines += ["", f"**{title}**", "", "| " + " | ".join(head) + " |", "|" + "|".join(align) + "|"]
            lines += ["| " + " | ".join(row) + " |" for row in rows]
    return lines


def about(runs):
    """One line per figure: when, on what, how often; figures of different days may stand side by side."""
    for name in NAMES:
        mine = [run for run in runs if run["name"] == name]
        if mine:
            gears = [run["gear"] for run in mine if "gear" in run]
            each = max(len(group) for group in grouped(mine, name, "offered.terminals").values())
            yield (f"`{name}`: {mine[-1].get('measured', '')}; medians of {each} runs; gear of the core beside them "
                   f"{min(gears)} to {max(gears)} MB/s of SHA-256.")


def main():
    source, target = sys.argv[1:3]
    with open(source, encoding="utf-8") as file:
        runs = [run for run in map(json.loads, filter(str.strip, file)) if run["name"] in NAMES]
    if target == "/dev/stdout":
        print("\n".join(tables(runs)))
        return
    runs = bench_marked.with_kept(target, runs)
    bench_marked.write(target, ["", *about(runs), *tables(runs), *bench_marked.every_run(runs)])


if __name__ == "__main__":
    main()
