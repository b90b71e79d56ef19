# shellcheck shell=bash disable=SC2154,SC2034 # options and cores are set by scripts/bench; what is set here is read by the figures
# What every figure of scripts/bench needs: the programs, a pinned server on empty data, the pinned generator, a note.
# Sourced by scripts/bench.

# Builds or finds the server and the generators.
bench_tools() {
    need taskset util-linux
    need python3 python3
    local tools=${SUIXING_BENCH_TOOLS:-} built
    binary=${SUIXING_BIN:-}
    if [ -z "$binary" ] || [ -z "$tools" ]; then build_tools; fi
    if [ -z "$binary" ]; then
        say "building the server (release) ..."
        cargo build --release --locked --bin suixing
        binary=${CARGO_TARGET_DIR:-$ROOT/target}/release/suixing
    fi
    beside=$tools/beside near_in_process=$tools/nearby previews=$tools/previews papers=$tools/papers
    if [ -z "$tools" ] && needs_beside; then
        say "building the generators (release) ..."
        built=$(cargo build --release --locked --bench beside --bench nearby --bench previews --bench papers \
            --message-format json) || die "no generators"
        beside=$(built_program beside <<<"$built") near_in_process=$(built_program nearby <<<"$built")
        previews=$(built_program previews <<<"$built") papers=$(built_program papers <<<"$built")
    fi
}

# Whether a figure is wanted that the server's own generator cannot measure alone.
needs_beside() { any_of "$PAIRS,$NODE"; }

# The path of a built program, out of what cargo says on standard input.
built_program() {
    python3 -c 'import json, sys
for line in sys.stdin:
    said = json.loads(line)
    if said.get("executable") and said["target"]["name"] == sys.argv[1]:
        print(said["executable"])' "$1"
}

# note NAME BACKEND SERVER JSON: one run. The gear is how fast a core was just then (SHA-256, MB/s): cores of shared
# machines change it within seconds.
note() {
    taskset -c "$server_core" python3 -c 'import hashlib, json, sys, time
block, begun, n = b"x" * 65536, time.perf_counter(), 0
while time.perf_counter() - begun < 0.1:
    hashlib.sha256(block).digest()
    n += 1
gear = round(n * 65536 / (time.perf_counter() - begun) / 1e6)
name, backend, server, report = sys.argv[1:5]
print(json.dumps({"name": name, "backend": backend, "server": server, "gear": gear, **json.loads(report)}))' "$@" |
        tee -a "$results"
}

# fresh_server BACKEND [OPTION OF serve…]: our server, pinned, on empty data; sets SERVER_PID, SERVER_URL, DATA and URL_ARGUMENT.
fresh_server() {
    DATA=$WORK/data.$RANDOM URL_ARGUMENT=()
    if [ "$1" = postgres ]; then
        "$PG_BIN/psql" -q "$PG_URL" -c "DROP DATABASE IF EXISTS bench WITH (FORCE)" -c "CREATE DATABASE bench"
        URL_ARGUMENT=(--database-url "${PG_URL%/*}/bench")
    fi
    printf '%s\n' "$password" |
        "$binary" admin create --data-dir "$DATA" "${URL_ARGUMENT[@]}" --username admin --password-stdin >>"$WORK/server.log" 2>&1
    shift
    serve_data "$@"
}

# serve_data [OPTION OF serve…]: our server, pinned, on DATA and URL_ARGUMENT.
serve_data() {
    SERVER_RUNNER=(taskset -c "$server_core" env SUIXING_LOG=warn SUIXING_AUTH__ARGON2_MEMORY_KIB=1024 SUIXING_AUTH__ARGON2_PASSES=1)
    server_start "$binary" serve --listen 127.0.0.1:0 --data-dir "$DATA" "${URL_ARGUMENT[@]}" "$@" || die "the server did not start"
}

# Stops what fresh_server started.
server_gone() {
    stop "$SERVER_PID"
    rm -rf "$DATA"
}

# peer_server FILE [NODE OPTION…]: one of benches/peers, pinned; sets SERVER_PID and SERVER_URL. Stop it by `stop`.
peer_server() {
    local file=$1 home
    shift
    home=$(node_home "$ROOT/benches/peers") || die "the Node peers could not be installed"
    SERVER_RUNNER=(taskset -c "$server_core")
    server_start node "$@" "$home/$file" || die "$file did not start"
}

# generate NAME BACKEND SERVER ARGUMENTS…: runs the generator, pinned, against SERVER_URL, and notes its report.
generate() {
    local name=$1 backend=$2 server=$3 report
    shift 3
    report=$(printf '%s\n' "$password" | taskset -c "$generator_core" "$beside" "$@" 2>>"$WORK/generator.log") || {
        tail -n 5 "$WORK/generator.log" >&2
        note "$name" "$backend" "$server" '{"failed": true, "sound": false}'
        return 0
    }
    note "$name" "$backend" "$server" "$report"
}

# peer_postgres: a PostgreSQL of the peers' own, pinned, with fsync; sets PEER_PG (HOST:PORT) and PEER_PG_PID.
peer_postgres() {
    local bin=${PG_BIN:-} port=${PG_PORT:-} url=${PG_URL:-}
    POSTGRES_RUNNER=(taskset -c "$server_core")
    postgres_start safe "peer-pg.$RANDOM"
    POSTGRES_RUNNER=()
    PEER_PG=127.0.0.1:$PG_PORT PEER_PG_PID=$PG_PID
    PG_BIN=$bin PG_PORT=$port PG_URL=$url
}
