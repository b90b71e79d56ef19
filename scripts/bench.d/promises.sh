# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# The promises that are told with a load, at that load: assignments, backup on top of them, both in a bad night; missed
# deadlines; revocations. Coming back after an absence is measured in the bad night. Sourced by scripts/bench.

figure_promises() {
    local backend=$1 last
    # Officers who open what they are sent, and leave the rest for later than the run; and who go through all of it at once.
    for last in viewed cleared; do promises_until "$backend" "$last"; done

    # Nobody looks at an offer, and the room must be told after four seconds instead of minutes.
    printf '[dispatch]\nviewed_s = [4, 4, 4, 4]\n' >"$WORK/hasty.toml"
    crowd_server "$backend" "$CROWD_SIZE" 1 --config "$WORK/hasty.toml"
    load promises "$backend" "missed deadlines" "nobody looks at an offer; due 4 s after it" --terminals "$CROWD_SIZE" \
        --fix-every 10 --watchers 0 --assignments-per-s "$(backups_of "$CROWD_SIZE")" --faults mute=1 --duration "$half_seconds"
    server_gone

    fresh_server "$backend"
    generate promises "$backend" revocation revoke --url "$SERVER_URL" --server-pid "$SERVER_PID" --revoked "$revoked" --staying "$terminals"
    server_gone
}

# promises_until BACKEND RUNG: each run on a copy of the crowd, with nothing unanswered by the run before.
promises_until() {
    local backend=$1 rung=$2 night="without the 50 uploads"
    crowd_size "$promise_terminals"
    local all=(--terminals "$CROWD_SIZE" --fix-every 10 --assignments-per-s "$(assignments_of "$CROWD_SIZE")" --until "$rung")
    local taps=(--backups-per-s "$(backups_of "$CROWD_SIZE")")
    promise "assignments until $rung" "$CROWD_REMARK" --watchers 0 --duration "$half_seconds"
    promise "backup until $rung" "$CROWD_REMARK" "${taps[@]}" --watchers 0 --duration "$half_seconds"
    promise "bad night until $rung" "$night${CROWD_REMARK:+; $CROWD_REMARK}" "${taps[@]}" --watchers "$night_watchers" --binary \
        --faults cut=0.1 --duration "$seconds"
}

# promise LABEL REMARK ARGUMENTS OF simulate…
promise() {
    local label=$1 remark=$2
    shift 2
    crowd_server "$backend" "$CROWD_SIZE" 1
    load promises "$backend" "$label" "$remark" "${all[@]}" "$@"
    server_gone
}

# Taps a second for so many terminals: 20 for 10,000.
backups_of() { echo $((($1 + 499) / 500)); }
