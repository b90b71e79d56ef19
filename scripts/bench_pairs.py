"""The tables of scripts/bench that stand ours beside its peers: one per pair, medians, ratios, void latencies told."""

import statistics

COPY = "PostgreSQL COPY, 2 × 10,000 rows"


def at(run, path):
    for key in path.split("."):
        run = run.get(key) if isinstance(run, dict) else None
    return run


def median(runs, path):
    values = [value for value in (at(run, path) for run in runs) if isinstance(value, (int, float))]
    return statistics.median(values) if values else None


def show(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def ratio(value, base):
    return f"{value / base:.2f} ×" if value is not None and base else "–"


def fair(run):
    return run.get("generator_fair", True) and not run.get("failed")


def latency(runs, path):
    """The median over fair runs; void when every run was the generator's fault."""
    good = [run for run in runs if fair(run)]
    return show(median(good, path)) if good else "void"


def remark(runs):
    notes = []
    failed = sum(1 for run in runs if run.get("failed"))
    void = sum(1 for run in runs if not run.get("failed") and not fair(run))
    if failed:
        notes.append(f"{failed} of {len(runs)} runs FAILED")
    if void:
        share = show(median(runs, "generator.cpu_share_of_one_core"))
        notes.append(f"latency of {void} of {len(runs)} runs void (generator at {share} core)")
    if any(not run.get("sound", True) for run in runs if not run.get("failed")):
        notes.append("NOT SOUND: something was lost or a connection ended")
    return "; ".join(notes)


def grouped(runs, name, *keys):
    groups = {}
    for run in runs:
        if run["name"] == name:
            groups.setdefault((run["backend"], run["server"], *(at(run, key) for key in keys)), []).append(run)
    return groups


def of_server(groups, backend, server):
    return groups.get((backend, server), [])


def fanout(runs):
    groups = grouped(runs, "fanout")
    rows = []
    for (backend, server, *_), group in groups.items():
        about = next((run["offered"] for run in group if "offered" in run), {})
        peer = of_server(groups, backend, "ws, batched by hand")
        rows.append([
            server, backend if server.startswith("suixing") else "none",
            f"{about.get('officers', 0):,} × {about.get('watchers', 0):,}, {about.get('coverage', 0):.0%} in view",
            show(median(group, "deliveries.per_second")), ratio(median(group, "deliveries.per_second"), median(peer, "deliveries.per_second")),
            show(median(group, "deliveries.missing")), latency(group, "delay_ms.p50"), latency(group, "delay_ms.p99"),
            show(median(group, "server_cores")), ratio(median(group, "server_cores"), median(peer, "server_cores")),
            show(median(group, "mib_per_s")), show(median(group, "bytes_per_delivery")), remark(group)])
    head = ["server", "database", "offered", "deliveries/s", "of `ws`", "not delivered", "p50 ms", "p99 ms", "server cores",
            "of `ws`", "MiB/s", "bytes each", "remark"]
    return "Live fan-out: every report to every watcher who may see it, from when the report is due to when it is there", head, 3, rows


def best(group, moving, path="queries_per_s"):
    """The best number of connections of each run: its median."""
    values = []
    for run in group:
        rows = [row for row in run.get("rows", []) if row["moving"] == moving]
        if rows:
            values.append(max(rows, key=lambda row: row["queries_per_s"]))
    return median(values, path)


def nearby(runs):
    groups = grouped(runs, "nearby", "offered.people")

    def still(backend, server, people):
        return best(groups.get((backend, server, people), []), False)

    rows = []
    for (backend, server, people), group in groups.items():
        if people is None:
            rows.append([server, backend, "", "", "", "", "", "", "", remark(group)])
            continue
        redis, postgis = still(backend, "Redis GEOSEARCH", people), still(backend, "PostGIS <->", people)
        if "in process" in server:
            rate, moving, p99 = median(group, "live_queries_per_s"), median(group, "live_moving_queries_per_s"), "–"
        else:
            rate, moving, p99 = best(group, False), best(group, True), show(best(group, False, "latency_ms.p99"))
        rows.append([server, backend if "REST" in server else "none", f"{people:,}", show(rate), show(moving), p99,
                     ratio(rate, redis), ratio(rate, postgis),
                     show(median(group, "index_queries_per_s")), remark(group)])
    rows.sort(key=lambda row: (int(row[2].replace(",", "") or 0), row[0]))
    head = ["server", "database", "people", "queries/s", "with updates", "p99 ms at the best", "of Redis", "of PostGIS",
            "bare index/s", "remark"]
    return "The ten nearest: closed loop, the best number of connections of each", head, 3, rows


def durable(runs):
    groups = grouped(runs, "durable")
    rows = []
    for (backend, server, *_), group in groups.items():
        if server.startswith("limit"):
            for count in (1, 100, 1000):
                rows.append([server, backend, f"{count:,} of 64 bytes a sync", show(median(group, f"records_per_s_by_{count}")),
                             "", "", "", "", "", ""])
            continue
        about = next((run["offered"] for run in group if "offered" in run), {})
        copy, keyed = (of_server(groups, backend, COPY + key) for key in ("", ", keyed"))
        rate = median(group, "fixes_per_s")
        if about.get("clients"):
            offered, of_ack = f"{about['clients']} clients", "commit_ms"
        elif about.get("rate"):
            offered, of_ack = f"{about['connections']:,} connections, {about['rate']:,.0f} messages/s, {about['per_write']} a write", "ack_ms"
        else:
            offered, of_ack = f"{about.get('connections', 0):,} connections, {about.get('window', 0)} unacknowledged", "ack_ms"
        closed = not about.get("rate")
        p50, p99 = (show(median(group, f"{of_ack}.{p}")) if closed else latency(group, f"{of_ack}.{p}") for p in ("p50", "p99"))
        notes = "closed loop" if closed else remark(group)
        if closed and any(not run.get("sound", True) for run in group):
            notes = remark(group)
        rows.append([server, backend if server.startswith("suixing") else "none", offered, show(rate), p50, p99,
                     ratio(rate, median(copy, "fixes_per_s")), ratio(rate, median(keyed, "fixes_per_s")),
                     show(median(group, "server_cores")), notes])
    head = ["server", "database", "offered", "fixes/s", "ack p50 ms", "ack p99 ms", "of COPY", "of COPY with a key", "server cores", "remark"]
    return "Durable ingest: fixes acknowledged after commit", head, 3, rows


def idle(runs):
    groups = grouped(runs, "idle")
    rows = []
    for (backend, server, *_), group in groups.items():
        each = median(group, "kib_per_connection")
        peer = of_server(groups, backend, server.replace("suixing", "ws"))
        rows.append([server, backend if server.startswith("suixing") else "none", show(median(group, "offered.connections")), show(each),
                     ratio(each, median(peer, "kib_per_connection")), show(median(group, "kib_of_proxy")),
                     show(median(group, "own_after_mib")), remark([{**run, "generator_fair": True} for run in group])])
    head = ["server", "database", "connections", "KiB each", "of `ws`", "of it the proxy", "server memory MiB", "remark"]
    return "Memory per idle connection, after 60 KB each way", head, 2, rows


def coldstart(runs):
    rows = []
    for (backend, server, *_), group in grouped(runs, "coldstart").items():
        slowest = max((run["ready_s"] for run in group if "ready_s" in run), default=None)
        rows.append([server, backend, show(median(group, "offered.fixes")), show(median(group, "folder_mib")),
                     show(median(group, "ready_s")), show(slowest), show(median(group, "server_rss_mib")), remark(group)])
    head = ["server", "database", "fixes of history", "data MiB", "s from exec to serving", "slowest", "server memory MiB", "remark"]
    return "Cold start after SIGKILL", head, 2, rows


def tables(runs, more=()):
    """Lines of Markdown: a heading and a table for each pair that was measured."""
    lines = []
    for pair in (fanout, nearby, durable, idle, coldstart, *more):
        title, head, words, rows = pair(runs)
        if rows:
            align = ["---"] * words + ["---:"] * (len(head) - words - 1) + ["---"]
            lines += ["", f"**{title}**", "", "| " + " | ".join(head) + " |", "|" + "|".join(align) + "|"]
            lines += ["| " + " | ".join(row) + " |" for row in rows]
    gears = [run["gear"] for run in runs if "gear" in run]
    if gears:
        lines += ["", f"Gear of the core beside the runs (SHA-256, MB/s): {min(gears)} to {max(gears)}, median {statistics.median(gears):.0f}. "
                  "Cores that change gear move every figure; differences under 40 % between rows of different minutes are nothing."]
    return lines
