# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# What one node carries: memory, processor, push, acknowledgement, the first live picture and the return of everybody, by
# the number of terminals; and the same on a database with more history. Sourced by scripts/bench.

figure_scale() {
    local size
    for size in ${sizes//,/ }; do scale_one "$1" "$size" 1; done
    [ "$history_factor" -gt 1 ] || return 0
    for size in ${history_sizes//,/ }; do scale_one "$1" "$size" "$history_factor"; done
}

# Two watchers take JSON and two binary frames; each looks anew every two seconds.
scale_one() {
    local backend=$1 factor=$3
    crowd_size "$2"
    crowd_server "$backend" "$CROWD_SIZE" "$factor"
    load scale "$backend" "history × $factor" "$CROWD_REMARK" --terminals "$CROWD_SIZE" --fix-every 10 \
        --watchers 4 --half-binary --look-every 2 --assignments-per-s "$(calm_assignments_of "$CROWD_SIZE")" \
        --duration "$half_seconds" --reconnect-all
    server_gone
}
