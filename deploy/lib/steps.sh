# shellcheck shell=bash
# Steps: one line for each thing that a script does, as it goes, and a clear word when one fails.
#
#   step TITLE COMMAND [ARGUMENT…]     runs COMMAND in a subshell under `set -e`, its output in $STEP_LOG, and prints
#                                      "▸ TITLE … 3 s". A long step shows its last line of output now and then. When it
#                                      fails, the end of its output is shown and the script ends with status 1.
#   note TEXT                          prints one line outside of any step
#   fail TEXT [TEXT…]                  says on standard error what failed and what to do, and exits 1
#   wait_until SECONDS WHAT COMMAND…   repeats COMMAND until it succeeds, at most SECONDS; 1 and a message when it never did
#   template_fill FILE OUT NAME=VALUE… copies FILE to OUT with every @NAME@ replaced; an unknown @NAME@ is an error
#
# Never call step inside a condition (`if`, `||`): there bash does not stop at the step's first failing command.
# A step runs in a subshell, so what it finds out (a port, a folder) goes into a file, never into a variable.

STEP_LOG=${STEP_LOG:-/dev/null}
STEP_HEARTBEAT_SECONDS=15
STEP_TAIL_LINES=15
step_pid=0

note() {
    printf '%s\n' "$*"
}

fail() {
    printf '✗ %s\n' "$@" >&2
    exit 1
}

step() {
    local title=$1 status=0 started=$SECONDS first_line=1
    shift
    if [[ -f $STEP_LOG ]]; then
        first_line=$(($(wc -l <"$STEP_LOG") + 1))
    fi
    printf '▸ %s … ' "$title"
    printf '== %s\n' "$title" >>"$STEP_LOG"
    # A process group of its own, so that an interrupt ends the whole step and nothing else.
    set -m
    (
        set -euo pipefail
        "$@"
    ) </dev/null >>"$STEP_LOG" 2>&1 &
    step_pid=$!
    set +m
    trap 'step_interrupted' INT TERM
    step_watch "$started" "$title"
    wait "$step_pid" || status=$?
    step_pid=0
    trap - INT TERM
    if ((status != 0)); then
        printf '失败 / failed\n'
        step_explain "$first_line"
        exit 1
    fi
    printf '%d s\n' $((SECONDS - started))
}

# Shows that a long step is alive: on a terminal the line is redrawn, elsewhere a line is added now and then.
step_watch() {
    local started=$1 title=$2 shown=$1 last
    while kill -0 "$step_pid" 2>/dev/null; do
        sleep 0.2
        if [[ -t 1 ]] && ((SECONDS != shown)); then
            last=$(step_last_line)
            printf '\r\033[K▸ %s … %d s  %s' "$title" $((SECONDS - started)) "${last:0:60}"
            shown=$SECONDS
        elif ((SECONDS - shown >= STEP_HEARTBEAT_SECONDS)); then
            printf '\n    %d s  %s … ' $((SECONDS - started)) "$(step_last_line)"
            shown=$SECONDS
        fi
    done
    if [[ -t 1 ]] && ((shown != started)); then
        printf '\r\033[K▸ %s … ' "$title"
    fi
}

step_last_line() {
    [[ -f $STEP_LOG ]] || return 0
    tail -c 400 "$STEP_LOG" | tr '\r' '\n' | tail -n 1 | cut -c 1-100
}

step_explain() {
    [[ -f $STEP_LOG ]] || return 0
    tail -n "+$1" "$STEP_LOG" | tail -n "$STEP_TAIL_LINES" | sed 's/^/    /' >&2
    printf '✗ 全部输出 / the whole output: %s\n' "$STEP_LOG" >&2
}

step_interrupted() {
    if ((step_pid > 0)); then
        kill -TERM -- "-$step_pid" 2>/dev/null || true
    fi
    printf '\n✗ 已中断 / interrupted\n' >&2
    exit 130
}

wait_until() {
    local limit=$1 what=$2 deadline
    shift 2
    deadline=$((SECONDS + limit))
    until "$@"; do
        if ((SECONDS >= deadline)); then
            printf '✗ %s：%d 秒内未完成 / not within %d s\n' "$what" "$limit" "$limit" >&2
            return 1
        fi
        sleep 0.2
    done
}

template_fill() {
    local file=$1 out=$2 text pair
    shift 2
    text=$(<"$file")
    for pair in "$@"; do
        text=${text//"@${pair%%=*}@"/"${pair#*=}"}
    done
    if [[ $text =~ @[A-Z_]+@ ]]; then
        fail "模板 $file 中没有值的占位符 / no value for ${BASH_REMATCH[0]} in the template $file"
    fi
    printf '%s\n' "$text" >"$out"
}
