# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# `suixing verify` on a whole data folder: every file hashed again and held against its receipt, every receipt against the
# log, the log against its signed heads. The folder is filled by tus and its server stopped; the files are in the cache of
# the kernel, so that the figure is the program's and not the disk's. Sourced by scripts/bench.

figure_verify() {
    local backend=$1
    fresh_server "$backend"
    printf '%s\n' "$password" | taskset -c "$generator_core" "$beside" tus --target suixing --url "$SERVER_URL" \
        --server-pid "$SERVER_PID" --mib 64 --files $((verify_mib / 64)) >>"$WORK/generator.log" 2>&1 ||
        { tail -n 5 "$WORK/generator.log" >&2; die "the folder could not be filled"; }
    # The last tree head is signed within half a second.
    sleep 2
    stop "$SERVER_PID"
    note verify "$backend" suixing "$(taskset -c "$server_core" python3 - "$verify_mib" "$DATA/evidence" \
        "$binary" verify "${URL_ARGUMENT[@]}" "$DATA" <<'PY'
import json, os, resource, subprocess, sys, time
mib, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
files = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
size = sum(map(os.path.getsize, files))
for path in files:
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass
begun = time.monotonic()
done = subprocess.run(command, stdout=subprocess.PIPE)
took = time.monotonic() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"offered": {"mib": mib, "files": len(files)}, "took_s": round(took, 3), "gb_per_s": round(size / took / 1e9, 3),
                  "cpu_s": round(used.ru_utime + used.ru_stime, 2), "peak_mib": round(used.ru_maxrss / 1024, 1),
                  "said": done.stdout.decode().splitlines()[:1], "sound": done.returncode == 0 and size >= mib << 20}))
PY
    )"
    rm -rf "$DATA"
}
