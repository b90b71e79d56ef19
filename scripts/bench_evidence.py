"""The tables of scripts/bench about evidence: previews, uploads, cameras beside assignments, verifying a store; and papers of
mediations."""

from bench_pairs import grouped, latency, median, of_server, ratio, remark, show

LIMITS = "limits of this machine"
GIB = 1 << 30


def noted(runs):
    """What the table of pairs remarks, for figures whose generator may be busy."""
    return remark([{**run, "generator_fair": True} for run in runs])


def previews(runs):
    groups = grouped(runs, "previews")
    rows = []
    for (backend, server, *_), group in groups.items():
        peer = of_server(groups, backend, "sharp")
        version = next((run["version"] for run in group if "version" in run), server)
        rate, cpu, peak = (median(group, path) for path in ("images_per_s", "cpu_ms_per_image", "peak_mib"))
        rows.append([version, f"{show(median(group, 'offered.mean_kib'))} KiB each", show(rate),
                     ratio(rate, median(peer, "images_per_s")), show(cpu), show(peak),
                     ratio(peak, median(peer, "peak_mib")), noted(group)])
    head = ["by", "pictures", "images/s", "of sharp", "CPU ms each", "peak memory MiB", "of sharp", "remark"]
    return "Previews of 12-megapixel JPEGs, 1,600 and 320 px, one core", head, 2, rows


def allowed(limits):
    """The smaller of what one core hashes and what the disk writes, MB/s; none where nothing was measured."""
    hashing = max(median(limits, f"sha256_mb_per_s.{library}") or 0 for library in ("sha2", "aws_lc_rs"))
    disk = max(median(limits, path) or 0 for path in ("disk_mb_per_s", "disk_mb_per_s_each_synced"))
    return min(hashing, disk) or None


def share(value, base):
    return f"{value / base:.0%}" if value is not None and base else "–"


def grown_by(runs):
    """What the upload itself took of the memory, MiB."""
    peak, before = median(runs, "peak_mib"), median(runs, "before_mib")
    return peak - before if peak is not None and before is not None else None


def tus(runs):
    groups = grouped(runs, "tus")
    rows = []
    for (backend, server, *_), group in groups.items():
        if server == LIMITS:
            by = {library: median(group, f"sha256_mb_per_s.{library}") for library in ("sha2", "aws_lc_rs")}
            for library, rate in by.items():
                rows.append([f"limit: SHA-256 of {library}, one core", backend, "", show(rate), *[""] * 10])
            for path, words in (("disk_mb_per_s", "one sync at the end"), ("disk_mb_per_s_each_synced", "synced every 8 MiB")):
                rows.append([f"limit: disk, {words}", backend, f"{show(median(group, 'offered.mib'))} MiB",
                             show(median(group, path)), *[""] * 10])
            continue
        limits, peer = (of_server(groups, backend, name) for name in (LIMITS, "@tus/server"))
        ours = server.startswith("suixing")
        rate, cpu, peak = (median(group, path) for path in ("mb_per_s", "cpu_s_per_gib", "peak_mib"))
        hashing = median(limits, "sha256_mb_per_s.sha2")
        grown = grown_by(group)
        # What a GiB costs beside the hashing, which the peer does not do.
        apart = cpu - GIB / (hashing * 1e6) if ours and cpu is not None and hashing else cpu
        rows.append([server, backend if ours else "none", f"{show(median(group, 'offered.mib'))} MiB by {show(median(group, 'offered.chunk_mib'))}",
                     show(rate), ratio(rate, median(peer, "mb_per_s")), share(rate, allowed(limits)), show(cpu), show(apart),
                     ratio(apart, median(peer, "cpu_s_per_gib")), show(peak), ratio(peak, median(peer, "peak_mib")),
                     show(grown), ratio(grown, grown_by(peer)), noted(group)])
    head = ["server", "database", "offered", "MB/s", "of @tus/server", "of the smaller limit", "CPU s/GiB", "without hashing",
            "of @tus/server", "peak memory MiB", "of @tus/server", "grown by MiB", "of @tus/server", "remark"]
    return "Uploads by tus over loopback, one stream, hashed in flight", head, 3, rows


SENT = "load.latency_ms.assignment_due_to_device"


def cameras(runs):
    groups = grouped(runs, "cameras")
    rows = []
    for (backend, server, *_), group in groups.items():
        idle = of_server(groups, backend, "suixing, nobody uploads")
        uploads = median(group, "cameras.offered.uploads")
        p99 = median([run for run in group if run.get("generator_fair", True)], f"{SENT}.p99")
        rows.append([server, backend, f"{show(uploads)} × {show(median(group, 'cameras.mib_per_s'))} MiB/s together" if uploads else "none",
                     f"{show(median(group, 'offered.assignments_per_s'))}/s", latency(group, f"{SENT}.p50"), latency(group, f"{SENT}.p99"),
                     ratio(p99, median(idle, f"{SENT}.p99")), show(median(group, "cameras.kib_per_upload")),
                     show(median(group, "cameras.server_cores")), remark(group)])
    head = ["server", "database", "uploads", "assignments", "to the officer p50 ms", "p99 ms", "of idle", "KiB per upload",
            "server cores", "remark"]
    return "Assignments beside cameras that upload", head, 4, rows


def verify(runs):
    rows = []
    for (backend, server, *_), group in grouped(runs, "verify").items():
        rows.append([server, backend, f"{show(median(group, 'offered.mib'))} MiB in {show(median(group, 'offered.files'))} files",
                     show(median(group, "took_s")), show(median(group, "gb_per_s")), show(median(group, "cpu_s")),
                     show(median(group, "peak_mib")), noted(group)])
    head = ["program", "database", "store", "s", "GB/s", "CPU s", "peak memory MiB", "remark"]
    return "Verifying a whole store against its log", head, 3, rows


def papers(runs):
    groups = grouped(runs, "papers")
    rows = []
    for (backend, server, *_), group in groups.items():
        peer = of_server(groups, backend, "WeasyPrint")
        version = next((run["version"] for run in group if "version" in run), server)
        half, rate, peak = (median(group, path) for path in ("p50_ms", "papers_per_s", "peak_mib"))
        rows.append([version, show(half), show(median(group, "p99_ms")), show(rate), ratio(rate, median(peer, "papers_per_s")),
                     show(median(group, "kib")), show(peak), ratio(peak, median(peer, "peak_mib")), noted(group)])
    head = ["by", "p50 ms", "p99 ms", "papers/s", "of WeasyPrint", "KiB each", "peak memory MiB", "of WeasyPrint", "remark"]
    return "Papers of a mediation, two pages of PDF/A-2u with Chinese fonts, one core", head, 1, rows


TABLES = (previews, tus, cameras, verify, papers)
