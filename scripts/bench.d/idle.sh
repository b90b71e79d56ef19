# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# Memory per idle connection, after each received a 60 KB replay and sent a 60 KB batch, beside a plain `ws` server.
# Sourced by scripts/bench.

figure_idle() {
    local backend=$1
    fresh_server "$backend"
    generate idle "$backend" suixing idle --target suixing --url "$SERVER_URL" --server-pid "$SERVER_PID" --connections "$idle"
    server_gone
    peer_server ws_idle.mjs --expose-gc
    generate idle "$backend" ws idle --target ws --url "$SERVER_URL" --server-pid "$SERVER_PID" --connections "$idle"
    stop "$SERVER_PID"
}
