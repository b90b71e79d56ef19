# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# The promises that are told with a load, at that load: assignments, backup on top of them, both in a bad night; missed
# deadlines; revocations. Coming back after an absence is measured in the bad night. Sourced by scripts/bench.

figure_promises() {
    local backend=$1 all
    crowd_size "$promise_terminals"
    all=(--terminals "$CROWD_SIZE" --fix-every 10 --assignments-per-s "$(assignments_of "$CROWD_SIZE")")
    local taps=(--backups-per-s "$(backups_of "$CROWD_SIZE")")
    crowd_server "$backend" "$CROWD_SIZE" 1
    load promises "$backend" assignments "$CROWD_REMARK" "${all[@]}" --watchers 0 --duration "$half_seconds"
    load promises "$backend" backup "$CROWD_REMARK" "${all[@]}" "${taps[@]}" --watchers 0 --duration "$half_seconds"
    load promises "$backend" "bad night" "without the 50 uploads: evidence is not built yet${CROWD_REMARK:+; $CROWD_REMARK}" \
        "${all[@]}" "${taps[@]}" --watchers "$night_watchers" --binary --faults cut=0.1 --duration "$seconds"
    server_gone

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

# Taps a second for so many terminals: 20 for 10,000.
backups_of() { echo $((($1 + 499) / 500)); }
