# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# Live fan-out: officers reporting once a second, every report to every watcher. Ours in binary and JSON, viewports over
# all and over a tenth of the officers; `ws` batched by hand without any filter; socket.io with one message a frame, at
# the same load and at one it carries. Sourced by scripts/bench.

figure_fanout() {
    local backend=$1 load=(--officers "$officers" --seconds "$seconds") all=(--watchers "$watchers")
    fresh_server "$backend"
    local ours=(--url "$SERVER_URL" --server-pid "$SERVER_PID" "${load[@]}" "${all[@]}")
    generate fanout "$backend" "suixing, binary" fanout --target binary "${ours[@]}"
    fanout_peer "$backend" ws_batch.mjs "ws, batched by hand" ws "${load[@]}" "${all[@]}"
    generate fanout "$backend" "suixing, JSON" fanout --target json "${ours[@]}"
    fanout_peer "$backend" socketio_each.mjs "socket.io, a message a frame" socketio "${load[@]}" "${all[@]}"
    fanout_peer "$backend" socketio_each.mjs "socket.io, a load it carries" socketio "${load[@]}" \
        --watchers $((watchers / 50 > 0 ? watchers / 50 : 1))
    generate fanout "$backend" "suixing, binary, a tenth in view" fanout --target binary "${ours[@]}" --coverage 0.1
    generate fanout "$backend" "suixing, JSON, a tenth in view" fanout --target json "${ours[@]}" --coverage 0.1
    server_gone
}

# fanout_peer BACKEND FILE LABEL TARGET ARGUMENTS…: the peer beside ours, which stays up and idle meanwhile.
fanout_peer() {
    local backend=$1 file=$2 label=$3 target=$4 our_pid=$SERVER_PID our_url=$SERVER_URL
    shift 4
    peer_server "$file"
    generate fanout "$backend" "$label" fanout --target "$target" --url "$SERVER_URL" --server-pid "$SERVER_PID" "$@"
    stop "$SERVER_PID"
    SERVER_PID=$our_pid SERVER_URL=$our_url
}
