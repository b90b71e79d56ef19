# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# What the fixes of a twelve-hour shift cost on the wire, both ways, counted packet by packet between a terminal and the
# proxy that ends TLS. The shift runs fifteen times as fast, and so does the beat of the socket. Sourced by scripts/bench.

figure_uplink() {
    local backend=$1
    printf '[socket]\nping_every_s = 1\n' >"$WORK/beat.toml"
    fresh_server "$backend" --config "$WORK/beat.toml"
    tls_proxy haproxy "$SERVER_URL"
    uplink_one "$backend" "JSON" --form json
    uplink_one "$backend" "binary" --form binary
    uplink_one "$backend" "binary, every fix at once" --form binary --at-once
    tls_proxy_gone
    server_gone
}

uplink_one() {
    local backend=$1 label=$2 count=$WORK/packets.$RANDOM.json pid report
    shift 2
    python3 "$ROOT/scripts/bench_packets.py" "$PROXY_PORT" "$count" &
    pid=$!
    keep "$pid"
    report=$(printf '%s\n' "$password" | taskset -c "$generator_core" "$beside" uplink --url "$SERVER_URL" \
        --socket-url "$PROXY_URL" --server-pid "$SERVER_PID" --connections "$uplink_connections" \
        --trace "$ROOT/src/wiring/demo/traces/garmin_with_extensions.csv" \
        --trace "$ROOT/src/wiring/demo/traces/garmin-activity.csv" "$@" 2>>"$WORK/generator.log") || {
        tail -n 5 "$WORK/generator.log" >&2
        report='{"failed": true, "sound": false}'
    }
    stop "$pid"
    note uplink "$backend" "$label" "$(python3 "$ROOT/scripts/bench_packets.py" --sum "$report" "$count")"
}
