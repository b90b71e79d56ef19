# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# Durable ingest: fixes acknowledged after commit. Ours as single-fix messages over 1,000 sockets (the highest rate, then
# the latency at a fixed one), in batches over sockets and over POST; beside PostgreSQL COPY with two clients (fsync on,
# with and without the key that finds a fix sent twice) and the limit, append + fdatasync. Sourced by scripts/bench.

figure_durable() {
    local backend=$1
    generate durable "$backend" "limit: append + fdatasync" append --folder "$WORK" --seconds 2
    durable_ours "$backend" "suixing, single fixes, highest rate" --connections 1000 --window 16
    durable_copy "$backend" "PostgreSQL COPY, 2 × 10,000 rows"
    durable_ours "$backend" "suixing, single fixes, fixed rate" --connections 1000 --rate "$ingest_rate" --per-write 5
    durable_ours "$backend" "suixing, 500 a message" --connections 100 --batch 500 --window 2
    durable_copy "$backend" "PostgreSQL COPY, 2 × 10,000 rows, keyed" --keyed
    durable_ours "$backend" "suixing, 10,000 a POST" --way post --connections 8 --batch 10000
}

durable_ours() {
    local backend=$1 label=$2
    shift 2
    fresh_server "$backend"
    generate durable "$backend" "$label" ingest --url "$SERVER_URL" --server-pid "$SERVER_PID" --seconds "$seconds" "$@"
    server_gone
}

durable_copy() {
    local backend=$1 label=$2
    shift 2
    peer_postgres
    generate durable "$backend" "$label" copy --address "$PEER_PG" --clients 2 --rows 10000 --seconds "$seconds" "$@"
    stop "$PEER_PG_PID"
    rm -rf "$WORK"/peer-pg.*
}
