# shellcheck shell=bash
# Counts of what was proved: every test that consists of others ends with a line "N passed, N failed".
#
#   prove TITLE COMMAND…     runs COMMAND; its last line "N passed, N failed" counts, or else its exit status as one
#   prove_end                prints again what failed, then the sum; 0 when something passed and nothing failed
#   failures_print TITLE FILE   the failed lines of FILE, each with what stands before and behind it; without one, the end of FILE
#   count_last FILE          prints "N N" of the last line "N passed, N failed" of FILE, "0 0" without one

FAILURE_LINES_BEFORE=20
FAILURE_LINES_BEHIND=8
prove_passed=0
prove_failed=0
prove_failures=

prove() {
    local title=$1 log status passed failed started=$SECONDS
    shift
    log=$(mktemp)
    printf '── %s\n' "$title"
    set +e
    "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    set -e
    read -r passed failed <<<"$(count_last "$log")"
    if ((passed + failed == 0 && status == 0)); then
        passed=1
    elif ((failed == 0 && status != 0)); then
        failed=1
    fi
    if ((failed > 0)); then
        prove_failures+=$(failures_print "$title" "$log")$'\n'
    fi
    rm -f "$log"
    prove_passed=$((prove_passed + passed))
    prove_failed=$((prove_failed + failed))
    printf '   %s: %d ✓ %d ✗, %d s\n' "$title" "$passed" "$failed" $((SECONDS - started))
}

prove_end() {
    printf '%s' "$prove_failures"
    printf '%d passed, %d failed\n' "$prove_passed" "$prove_failed"
    ((prove_failed == 0 && prove_passed > 0))
}

# Each line has a bar before it, so that who looks for failures in this output finds each once.
failures_print() {
    local title=$1 file=$2
    {
        LC_ALL=C grep -aE -B "$FAILURE_LINES_BEFORE" -A "$FAILURE_LINES_BEHIND" \
            '^(✗|\[  FAILED  \]|   .*: [0-9]+ ✓ [1-9][0-9]* ✗)' "$file" || tail -n "$FAILURE_LINES_BEFORE" "$file"
    } | cut -c 1-600 | TITLE=$title awk '{ print ENVIRON["TITLE"] " │ " $0 }'
}

count_last() {
    awk 'match($0, /[0-9]+ passed, [0-9]+ failed/) { split(substr($0, RSTART, RLENGTH), word, /[ ,]+/) }
         END { printf "%d %d\n", word[1], word[3] }' "$1"
}
