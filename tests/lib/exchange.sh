# shellcheck shell=bash
# An exchange of a test's own.
#
#   exchange_open NAME [DEMO OPTION…]    deploy/demo in build/tests/NAME, stopped when the test ends; its env is sourced.
#                                        Counts as one; without it nothing else can be proved, so a failure ends the test
#   exchange_end                         stops it, proves that nothing is left, and ends as prove_end

source "$(dirname "${BASH_SOURCE[0]}")/prove.sh"

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
