# shellcheck shell=bash disable=SC2154,SC2034 # options and cores are set by scripts/bench; what is set here is read by the figures
# TLS as operators have it: a proxy from the distribution with the file of deploy/, on the server's core. Sourced by
# scripts/bench.

# tls_proxy haproxy|nginx URL: that proxy in front of that server; sets PROXY_URL, PROXY_PORT, BENCH_CA and PROXY_COUNTED,
# its processes as options of the generator. Stop it by tls_proxy_gone.
tls_proxy() {
    local kind=$1 url=$2 home=$WORK/$1.$RANDOM worker workers=()
    need openssl openssl
    mkdir -p "$home"
    tls_certificate "$home"
    PROXY_PORT=$(free_port)
    "tls_$kind" "$home" "$url"
    for _ in $(seq 100); do
        ! (: >"/dev/tcp/127.0.0.1/$PROXY_PORT") 2>/dev/null || break
        kill -0 "$PROXY_PID" 2>/dev/null || die "$kind: $(cat "$home"/*log)"
        sleep 0.1
    done
    PROXY_URL=https://127.0.0.1:$PROXY_PORT
    PROXY_COUNTED=(--also-pid "$PROXY_PID")
    read -ra workers <"/proc/$PROXY_PID/task/$PROXY_PID/children" || true
    for worker in "${workers[@]}"; do PROXY_COUNTED+=(--also-pid "$worker"); done
    export BENCH_CA=$home/ca.pem
}

tls_proxy_gone() { stop "$PROXY_PID"; }

tls_haproxy() {
    need haproxy haproxy
    cat "$1/leaf.pem" "$1/leaf.key" >"$1/both.pem"
    # Two sockets for each connection have to fit into what a process may have open.
    sed -e "s#maxconn .*#maxconn $((($(ulimit -n) - 200) / 2))#" -e "s#bind :443 ssl crt .*#bind 127.0.0.1:$PROXY_PORT ssl crt $1/both.pem#" \
        -e "s#127.0.0.1:8420#${2#http://}#" "$ROOT/deploy/haproxy.cfg" >"$1/haproxy.cfg"
    taskset -c "$server_core" haproxy -db -f "$1/haproxy.cfg" >"$1/log" 2>&1 &
    PROXY_PID=$!
    keep "$PROXY_PID"
}

tls_nginx() {
    need nginx nginx-light
    {
        printf 'daemon off; worker_processes 1; pid %s/pid; error_log %s/error.log;\n' "$1" "$1"
        [ "$(id -u)" != 0 ] || echo 'user root;'
        printf 'events { worker_connections %s; }\nhttp { access_log off;\n' "$(($(ulimit -n) - 100))"
        sed -e "s#listen 443 ssl#listen 127.0.0.1:$PROXY_PORT ssl#" -e "s#/etc/ssl/suixing\.#$1/leaf.#" \
            -e "s#http://127.0.0.1:8420#$2#" "$ROOT/deploy/nginx.conf"
        echo '}'
    } >"$1/nginx.conf"
    taskset -c "$server_core" nginx -p "$1" -e "$1/error.log" -c "$1/nginx.conf" >"$1/out.log" 2>&1 &
    PROXY_PID=$!
    keep "$PROXY_PID"
}

# tls_certificate FOLDER: an authority of its own and a certificate of it for 127.0.0.1.
tls_certificate() {
    (
        cd "$1"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench -keyout ca.key -out ca.pem
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1 -keyout leaf.key -out leaf.csr
        printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >leaf.ext
        openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.pem
        cat ca.pem >>leaf.pem
    ) >>"$WORK/openssl.log" 2>&1 || die "openssl: $(tail -n 3 "$WORK/openssl.log")"
}
