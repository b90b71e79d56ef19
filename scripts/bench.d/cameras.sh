# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# Many cameras that upload at once: how long an assignment takes to its officer beside them and without them, and what
# each upload costs in memory. Sourced by scripts/bench.

figure_cameras() {
    local backend=$1
    fresh_server "$backend"
    assigning
    assigned "$backend" "suixing, nobody uploads" "{}"
    server_gone
    fresh_server "$backend"
    cameras_begin
    assigning
    cameras_end
    assigned "$backend" "suixing, beside uploads" "$CAMERAS_REPORT"
    server_gone
}

# Starts the cameras against SERVER_URL and waits until all of them upload.
cameras_begin() {
    CAMERAS=$WORK/cameras.$RANDOM
    mkdir "$CAMERAS"
    printf '%s\n' "$password" | taskset -c "$generator_core" "$beside" cameras --url "$SERVER_URL" --server-pid "$SERVER_PID" \
        --uploads "$cameras" --mib-per-s "$cameras_mib_per_s" --begun-file "$CAMERAS/begun" --stop-file "$CAMERAS/stop" \
        >"$CAMERAS/report" 2>>"$WORK/generator.log" &
    CAMERAS_PID=$!
    keep "$CAMERAS_PID"
    for _ in $(seq 1200); do
        [ ! -e "$CAMERAS/begun" ] || return 0
        kill -0 "$CAMERAS_PID" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 5 "$WORK/generator.log" >&2
    die "the cameras did not begin"
}

# Lets the cameras end; sets CAMERAS_REPORT.
cameras_end() {
    : >"$CAMERAS/stop"
    wait "$CAMERAS_PID" || tail -n 5 "$WORK/generator.log" >&2
    stop "$CAMERAS_PID"
    CAMERAS_REPORT='{"failed": true, "sound": false}'
    [ ! -s "$CAMERAS/report" ] || CAMERAS_REPORT=$(cat "$CAMERAS/report")
}

# Assignments to a crowd at a steady rate; sets ASSIGNED to the report.
assigning() {
    ASSIGNED=$(printf '%s\n' "$password" | taskset -c "$generator_core" "$binary" simulate --url "$SERVER_URL" \
        --username admin --password-stdin --server-pid "$SERVER_PID" --duration "$seconds" --terminals "$terminals" \
        --watchers 0 --fix-every 10 --assignments-per-s "$cameras_assignments" 2>>"$WORK/simulate.log") ||
        { tail -n 5 "$WORK/simulate.log" >&2; say "cameras: the generator reports a failure"; }
    [ -n "$ASSIGNED" ] || ASSIGNED='{"failed": true, "sound": false}'
}

# assigned BACKEND LABEL CAMERAS: notes ASSIGNED with what the cameras report.
assigned() {
    note cameras "$1" "$2" "$(python3 -c 'import json, sys
report, cameras = map(json.loads, sys.argv[1:3])
report["cameras"] = cameras
report["sound"] = report.get("sound", False) and cameras.get("sound", True)
print(json.dumps(report))' "$ASSIGNED" "$3")"
}
