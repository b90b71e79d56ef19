# shellcheck shell=bash disable=SC2154,SC2034 # options and cores are set by scripts/bench; what is set here is read by the figures
# Servers full of people: accounts and history of a size are made once, through the public interface, and copied for
# each run, with the sessions that belong to them. Sourced by scripts/bench.

# Accounts that watch; the same in every crowd.
CROWD_WATCHERS=200
# History of factor 1: fixes of each terminal, and seconds of assignments at a rate that leaves none unanswered.
HISTORY_FIXES=100 HISTORY_SECONDS=20

# Assignments a second for so many terminals: 2 for each hundred, no more than the promise says of 10,000; and a quarter
# of that, which one core carries for all sizes.
assignments_of() { echo $((($1 < 10000 ? $1 : 10000) / 50)); }
calm_assignments_of() { echo $(($1 / 200)); }

# crowd_make BACKEND SIZE FACTOR: sets CROWD to the folder with data and sessions.
crowd_make() {
    local backend=$1 size=$2 factor=$3 begun=$SECONDS
    CROWD=$WORK/crowd.$backend.$size.$factor
    [ ! -e "$CROWD/ready" ] || return 0
    mkdir -p "$CROWD"
    fresh_server "$backend"
    local common=(--terminals "$size" --state "$CROWD/state.json")
    crowd_step simulate "$binary" simulate --username admin --password-stdin --watchers "$CROWD_WATCHERS" "${common[@]}" --only-accounts
    crowd_step history "$beside" history "${common[@]}" --fixes $((size * HISTORY_FIXES * factor))
    crowd_step incidents "$binary" simulate --username admin --password-stdin --watchers 0 "${common[@]}" \
        --duration $((HISTORY_SECONDS * factor)) --assignments-per-s "$(calm_assignments_of "$size")"
    stop "$SERVER_PID"
    mv "$DATA" "$CROWD/data"
    if [ "$backend" = postgres ]; then
        "$PG_BIN/psql" -q "$PG_URL" -c "ALTER DATABASE bench RENAME TO crowd_${size}_$factor" >>"$WORK/server.log"
    fi
    say "$size people with history × $factor made in $((SECONDS - begun)) s"
    : >"$CROWD/ready"
}

# crowd_step NAME COMMAND…: one generator against SERVER_URL; nothing is noted.
crowd_step() {
    local name=$1
    shift
    printf '%s\n' "$password" | taskset -c "$generator_core" "$@" --url "$SERVER_URL" >>"$WORK/crowd.log" 2>&1 ||
        { tail -n 5 "$WORK/crowd.log" >&2 && die "no crowd: $name"; }
}

# crowd_server BACKEND SIZE FACTOR [OPTION OF serve…]: a server on a copy of that crowd; sets STATE beside what fresh_server sets.
crowd_server() {
    local backend=$1 size=$2 factor=$3
    shift 3
    crowd_make "$backend" "$size" "$factor"
    DATA=$WORK/data.$RANDOM URL_ARGUMENT=() STATE=$WORK/state.$RANDOM.json
    cp -r --reflink=auto "$CROWD/data" "$DATA"
    cp "$CROWD/state.json" "$STATE"
    if [ "$backend" = postgres ]; then
        "$PG_BIN/psql" -q "$PG_URL" -c "DROP DATABASE IF EXISTS bench WITH (FORCE)" \
            -c "CREATE DATABASE bench TEMPLATE crowd_${size}_$factor"
        URL_ARGUMENT=(--database-url "${PG_URL%/*}/bench")
    fi
    serve_data "$@"
}

# load NAME BACKEND LABEL REMARK ARGUMENTS OF simulate…: one run against the crowd's server; its terminals keep their sessions.
load() {
    local name=$1 backend=$2 label=$3 remark=$4 report
    shift 4
    report=$(printf '%s\n' "$password" | taskset -c "$generator_core" "$binary" simulate --url "$SERVER_URL" --state "$STATE" \
        --username admin --password-stdin --server-pid "$SERVER_PID" "$@" 2>>"$WORK/simulate.log") ||
        { tail -n 5 "$WORK/simulate.log" >&2 && say "$name, $label: the generator reports a failure"; }
    [ -n "$report" ] || report='{"failed": true, "sound": false}'
    note "$name" "$backend" "$label" "$(python3 -c 'import json, sys
report = json.loads(sys.argv[1])
report["remark"] = sys.argv[2]
print(json.dumps(report))' "$report" "$remark")"
}

# crowd_size N: N, or as many as this machine lets one process have open files for, with the reason in CROWD_REMARK.
crowd_size() {
    local most=$(($(ulimit -n) - 600))
    CROWD_SIZE=$1 CROWD_REMARK=""
    if [ "$1" -gt "$most" ]; then
        CROWD_SIZE=$most
        CROWD_REMARK="$1 asked for; a process of this machine may have $(ulimit -n) files open"
    fi
}
