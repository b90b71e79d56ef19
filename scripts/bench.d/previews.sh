# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# Previews of 12-megapixel JPEGs (1600 and 320 px, one decoding, upright), by our own code in process, by sharp and by
# Pillow with an explicit draft: the same files, one after the other on the same core. Sourced by scripts/bench.

PREVIEW_FILES=""

figure_previews() {
    local backend=$1 home python
    # Nothing of it touches a database.
    [ "$backend" = "${backends%% *}" ] || return 0
    home=$(node_home "$ROOT/benches/peers_evidence") || die "sharp could not be installed"
    python=$(python_tool pillow "$PILLOW_VERSION" python) || die "Pillow could not be installed"
    if [ -z "$PREVIEW_FILES" ]; then
        PREVIEW_FILES=$WORK/pictures
        PREVIEW_MADE=$("$previews" make --folder "$PREVIEW_FILES" --count "$pictures") || die "no pictures"
    fi
    preview "suixing, in process" "$previews" run --folder "$PREVIEW_FILES" --seconds "$seconds"
    preview "sharp" node "$home/sharp_previews.mjs" "$PREVIEW_FILES" "$seconds"
    preview "Pillow, explicit draft" "$python" "$ROOT/benches/peers_evidence/pillow_previews.py" "$PREVIEW_FILES" "$seconds"
}

# preview SERVER COMMAND…: one run, pinned.
preview() {
    local server=$1 report
    shift
    report=$(taskset -c "$server_core" env PYTHONDONTWRITEBYTECODE=1 "$@" 2>>"$WORK/generator.log") || {
        tail -n 5 "$WORK/generator.log" >&2
        report='{"failed": true, "sound": false}'
    }
    note previews none "$server" "{\"offered\": $PREVIEW_MADE, ${report#\{}"
}
PREVIEW_MADE="{}"
