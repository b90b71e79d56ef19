# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# A shift comes home: how long until the docks of all its cameras have named what there is and know in which order to
# bring it (promised: 250 manifests in 10 s). Sourced by scripts/bench.

figure_manifests() {
    local backend=$1
    fresh_server "$backend"
    generate manifests "$backend" suixing manifests --url "$SERVER_URL" --server-pid "$SERVER_PID" \
        --manifests "$manifests" --recordings "$manifest_recordings"
    server_gone
}
