# shellcheck shell=bash disable=SC2154,SC2034 # options and cores are set by scripts/bench
# Large files by tus: ours, which hashes in flight and records what it acknowledges, beside the reference server in Node
# on a folder, which does neither; and what the machine itself allows. One client for both. Sourced by scripts/bench.

figure_tus() {
    local backend=$1
    note tus "$backend" "limits of this machine" "$(taskset -c "$server_core" "$beside" limits --folder "$WORK" --mib "$tus_mib")"
    fresh_server "$backend"
    generate tus "$backend" suixing tus --target suixing --url "$SERVER_URL" --server-pid "$SERVER_PID" --mib "$tus_mib"
    server_gone
    tus_node "$backend"
}

tus_node() {
    local home folder=$WORK/tus.$RANDOM
    home=$(node_home "$ROOT/benches/peers_evidence") || die "@tus/server could not be installed"
    mkdir "$folder"
    SERVER_RUNNER=(taskset -c "$server_core")
    server_start node "$home/tus_server.mjs" "$folder" || die "@tus/server did not start"
    generate tus "$1" "@tus/server" tus --target tus-node --url "$SERVER_URL" --server-pid "$SERVER_PID" --mib "$tus_mib"
    stop "$SERVER_PID"
    rm -rf "$folder"
}
