# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# The ten nearest: ours in process and through REST with authorisation, beside Redis GEOSEARCH with a radius tuned to
# the density and PostGIS `<->` over an index; still, and under 2,000 updates a second. Sourced by scripts/bench.

figure_nearby() {
    local backend=$1 count line lines pid port
    # Noted only when all are there: the gear is that of an idle machine, as of the others.
    mapfile -t lines < <(taskset -c "$server_core" "$near_in_process" --people "$people" --seconds "$nearby_seconds")
    [ "${#lines[@]}" -gt 0 ] || die "nothing was found in process"
    for line in "${lines[@]}"; do note nearby "$backend" "suixing, in process" "$line"; done

    need redis-server redis-server
    port=$(free_port)
    taskset -c "$server_core" redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$WORK" \
        >"$WORK/redis.log" 2>&1 &
    pid=$!
    keep "$pid"
    for _ in $(seq 100); do
        ! (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
        sleep 0.1
    done
    for count in ${people//,/ }; do
        generate nearby "$backend" "Redis GEOSEARCH" nearby --target redis --url "127.0.0.1:$port" --server-pid "$pid" \
            --people "$count" --seconds "$nearby_seconds"
    done
    stop "$pid"

    [ -n "$(find /usr/share/postgresql -name postgis.control 2>/dev/null)" ] ||
        need no-such-command postgresql postgresql-postgis
    peer_postgres
    for count in ${people//,/ }; do
        generate nearby "$backend" "PostGIS <->" nearby --target postgis --url "$PEER_PG" --people "$count" \
            --seconds "$nearby_seconds"
    done
    stop "$PEER_PG_PID"

    for count in ${rest_people//,/ }; do
        fresh_server "$backend"
        generate nearby "$backend" "suixing, REST" nearby --target suixing --url "$SERVER_URL" --server-pid "$SERVER_PID" \
            --people "$count" --seconds "$nearby_seconds"
        server_gone
    done
}
