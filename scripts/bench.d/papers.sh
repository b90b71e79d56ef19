# shellcheck shell=bash disable=SC2154 # options and cores are set by scripts/bench
# Papers of mediations (two pages, PDF/A-2u, Chinese fonts embedded, signatures drawn), by our own code in process and by
# WeasyPrint from HTML: one after the other on the same core. Sourced by scripts/bench.

figure_papers() {
    local backend=$1 python
    # Nothing of it touches a database.
    [ "$backend" = "${backends%% *}" ] || return 0
    paper_fonts
    # What WeasyPrint sets text with.
    ldconfig -p | grep -q libpangoft2-1.0 || need no-such-command libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0
    python=$(python_tool weasyprint "$WEASYPRINT_VERSION" python) || die "WeasyPrint could not be installed"
    paper "suixing, in process" "$papers" --seconds "$half_seconds"
    paper "WeasyPrint" "$python" "$ROOT/benches/peers_papers/weasyprint_papers.py" "$half_seconds"
}

# paper SERVER COMMAND…: one run, pinned.
paper() {
    local server=$1 report
    shift
    report=$(taskset -c "$server_core" env PYTHONDONTWRITEBYTECODE=1 "$@" 2>>"$WORK/generator.log") || {
        tail -n 5 "$WORK/generator.log" >&2
        report='{"failed": true, "sound": false}'
    }
    note papers none "$server" "$report"
}
