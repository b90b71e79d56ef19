# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# Figures of our server alone, by `suixing simulate`: assignments, backup, ingest, live view; and the disk's own limit.
# Sourced by scripts/bench.

figure_disk() {
    if [ "$1" = sqlite ]; then note disk sqlite limit "$(disk_commits)"; else note disk postgres limit "$(pgbench_commits)"; fi
}

disk_commits() {
    python3 - "$WORK" <<'PY'
import json, os, sys, time
file = os.open(os.path.join(sys.argv[1], "append"), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
end, n = time.monotonic() + 3, 0
while time.monotonic() < end:
    os.write(file, b"x" * 4096)
    os.fdatasync(file)
    n += 1
print(json.dumps({"commits_per_s": round(n / 3)}))
PY
}

pgbench_commits() {
    local bin=$PG_BIN
    "$bin/psql" -q "$PG_URL" -c 'DROP TABLE IF EXISTS row_test; CREATE TABLE row_test (a bigint, b text)'
    printf 'INSERT INTO row_test VALUES (1, %s);\n' "'one row'" >"$WORK/insert.sql"
    taskset -c "$server_core" "$bin/pgbench" -n -h 127.0.0.1 -p "$PG_PORT" -U suixing -c 8 -j 1 -T 5 -f "$WORK/insert.sql" postgres 2>/dev/null |
        sed -n 's/^tps = \([0-9]*\).*/{"commits_per_s": \1}/p'
}

# simulate NAME BACKEND ARGUMENTS OF simulate…: one run on an empty server.
simulate() {
    local name=$1 backend=$2 report
    shift 2
    fresh_server "$backend"
    report=$(printf '%s\n' "$password" | taskset -c "$generator_core" "$binary" simulate --url "$SERVER_URL" \
        --username admin --password-stdin --duration "$seconds" "$@" 2>>"$WORK/simulate.log") ||
        { tail -n 5 "$WORK/simulate.log" >&2; say "$name: the generator reports a failure"; }
    if [ -n "$report" ]; then
        report=$(python3 -c 'import json, sys
report = json.loads(sys.argv[1])
status = dict(line.split(":", 1) for line in open(f"/proc/{sys.argv[2]}/status"))
report["server_rss_mib"] = int(status["VmRSS"].split()[0]) // 1024
print(json.dumps(report))' "$report" "$SERVER_PID")
        note "$name" "$backend" suixing "$report"
    fi
    server_gone
}

figure_assignments() { simulate assignments "$1" --terminals "$terminals" --watchers 0 --fix-every 10 --assignments-per-s 50; }
figure_backup() {
    simulate backup "$1" --terminals "$terminals" --watchers 0 --fix-every 10 --assignments-per-s 10 --backups-per-s 5
}
figure_ingest() { simulate ingest "$1" --terminals 1000 --watchers 0 --fix-every 0.25 --assignments-per-s 0; }
figure_live() { simulate live "$1" --terminals 500 --watchers 50 --fix-every 1 --assignments-per-s 1; }
