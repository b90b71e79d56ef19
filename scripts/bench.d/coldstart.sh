# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# Cold start: a server full of history is killed with SIGKILL and started again; the time from exec to the line that says
# it serves. Filled once for all runs of a backend, killed anew in each. Sourced by scripts/bench.

COLD_DATA="" COLD_URL=()

figure_coldstart() {
    local backend=$1 filled="{}"
    if [ "$COLD_BACKEND" != "$backend" ]; then
        [ -z "$COLD_DATA" ] || rm -rf "$COLD_DATA"
        fresh_server "$backend"
        filled=$(printf '%s\n' "$password" | taskset -c "$generator_core" "$beside" history --url "$SERVER_URL" \
            --server-pid "$SERVER_PID" --fixes "$history" 2>>"$WORK/generator.log") ||
            { tail -n 5 "$WORK/generator.log" >&2; die "history could not be filled"; }
        COLD_DATA=$DATA COLD_URL=("${URL_ARGUMENT[@]}") COLD_BACKEND=$backend
        kill -9 "$SERVER_PID"
        stop "$SERVER_PID"
        if [ "$backend" = postgres ]; then
            # The next figure empties the database `bench`.
            "$PG_BIN/psql" -q "$PG_URL" -c 'DROP DATABASE IF EXISTS bench_cold WITH (FORCE)' \
                -c "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'bench'" \
                -c 'ALTER DATABASE bench RENAME TO bench_cold' >>"$WORK/server.log"
            COLD_URL=(--database-url "${PG_URL%/*}/bench_cold")
        fi
        say "filled: $filled"
    fi
    note coldstart "$backend" suixing "$(taskset -c "$server_core" env SUIXING_LOG=warn python3 - "$history" "$COLD_DATA" \
        "$binary" serve --listen 127.0.0.1:0 --data-dir "$COLD_DATA" "${COLD_URL[@]}" <<'PY'
import json, os, signal, subprocess, sys, time
history, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
begun = time.monotonic()
server = subprocess.Popen(command, stdout=subprocess.PIPE)
line = server.stdout.readline()
ready = time.monotonic() - begun
size = sum(os.path.getsize(os.path.join(at, file)) for at, _, files in os.walk(folder) for file in files)
status = dict(line.split(":", 1) for line in open(f"/proc/{server.pid}/status"))
server.send_signal(signal.SIGKILL)
server.wait()
print(json.dumps({"offered": {"fixes": history}, "ready_s": round(ready, 3), "sound": b"listening" in line,
                  "folder_mib": size >> 20, "server_rss_mib": int(status["VmRSS"].split()[0]) >> 10}))
PY
    )"
}
COLD_BACKEND=none
