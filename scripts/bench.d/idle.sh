# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# Memory per idle connection, after each received a 60 KB replay and sent a 60 KB batch, beside a plain `ws` server; both
# plain, and with TLS ended by the same proxy, whose memory counts. Sourced by scripts/bench.

figure_idle() {
    local backend=$1
    idle_ours "$backend" suixing
    idle_ws "$backend" ws
    idle_ours "$backend" "suixing, TLS by HAProxy" haproxy
    idle_ws "$backend" "ws, TLS by HAProxy" haproxy
    idle_ours "$backend" "suixing, TLS by nginx" nginx
    idle_ws "$backend" "ws, TLS by nginx" nginx
}

# idle_ours BACKEND LABEL [PROXY]
idle_ours() {
    fresh_server "$1"
    idle_one suixing "$@"
    server_gone
}

idle_ws() {
    peer_server ws_idle.mjs --expose-gc
    idle_one ws "$@"
    stop "$SERVER_PID"
}

idle_one() {
    local target=$1 backend=$2 label=$3 proxy=${4:-} through=()
    if [ -n "$proxy" ]; then
        tls_proxy "$proxy" "$SERVER_URL"
        through=(--socket-url "$PROXY_URL" "${PROXY_COUNTED[@]}")
    fi
    generate idle "$backend" "$label" idle --target "$target" --url "$SERVER_URL" --server-pid "$SERVER_PID" \
        --connections "$idle" "${through[@]}"
    [ -z "$proxy" ] || tls_proxy_gone
}
