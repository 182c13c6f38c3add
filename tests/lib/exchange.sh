# shellcheck shell=bash
# An exchange of a test's own, and counts of what was proved on it.
#
#   exchange_open NAME [DEMO OPTION…]    deploy/demo in build/tests/NAME, stopped when the test ends; its env is sourced.
#                                        Counts as one; without it nothing else can be proved, so a failure ends the test
#   prove TITLE COMMAND…                 runs COMMAND; counts its own "N passed, N failed" lines, else its exit status as one
#   exchange_end                         stops it, proves that nothing is left, and ends as prove_end
#   prove_end                            prints the sum; 0 when something passed and nothing failed

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

prove_passed=0
prove_failed=0

exchange_open() {
    local name=$1
    shift
    exchange_folder=$XQ_ROOT/build/tests/$name
    trap exchange_close EXIT
    prove "deploy/demo $*" "$XQ_ROOT/deploy/demo" --folder "$exchange_folder" --port $((20000 + RANDOM % 8000)) "$@"
    if [[ ! -e $exchange_folder/env ]]; then
        prove_end
        exit 1
    fi
    set -a
    # shellcheck source=/dev/null
    source "$exchange_folder/env"
    set +a
}

# What was proved also includes that nothing is left running.
exchange_end() {
    prove "deploy/demo --stop" "$XQ_ROOT/deploy/demo" --folder "$exchange_folder" --stop
    prove "nothing is left running" exchange_is_gone
    trap - EXIT
    prove_end
}

exchange_is_gone() {
    ! grep -lzxF "XQ_FOLDER=$exchange_folder" /proc/[0-9]*/environ 2>/dev/null
}

exchange_close() {
    "$XQ_ROOT/deploy/demo" --folder "$exchange_folder" --stop >/dev/null 2>&1 || true
}

prove() {
    local title=$1 log status passed failed started=$SECONDS
    shift
    log=$(mktemp)
    printf '── %s\n' "$title"
    set +e
    "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    set -e
    read -r passed failed <<<"$(count_lines_sum "$log")"
    if ((passed + failed == 0 && status == 0)); then
        passed=1
    elif ((failed == 0 && status != 0)); then
        failed=1
    fi
    rm -f "$log"
    prove_passed=$((prove_passed + passed))
    prove_failed=$((prove_failed + failed))
    printf '   %s: %d ✓ %d ✗, %d s\n' "$title" "$passed" "$failed" $((SECONDS - started))
}

prove_end() {
    printf '%d passed, %d failed\n' "$prove_passed" "$prove_failed"
    ((prove_failed == 0 && prove_passed > 0))
}
