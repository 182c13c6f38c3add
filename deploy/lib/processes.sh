# shellcheck shell=bash
# Processes of one folder: started under a supervisor, found again by their mark, stopped within a bound.
#
#   process_start FOLDER NAME COMMAND…  supervised in the background; log FOLDER/log/NAME.log, pid FOLDER/run/NAME.pid
#   process_pid FOLDER NAME             prints the pid of the running command; 1 when there is none
#   process_is_up FOLDER NAME           0 when the command runs
#   process_stop FOLDER NAME…           stops these supervisors and their commands, side by side
#   processes_stop_all FOLDER           ends whatever still carries the folder's mark
#   ports_free COUNT [FIRST]            prints COUNT neighbouring TCP ports on which nobody listens
#
# The mark is XQ_FOLDER=FOLDER in a process's environment: children inherit it, so remnants of a crashed run are found too,
# and a pid that the kernel has given to somebody else is never signalled.

PROCESS_START_SECONDS=30
PROCESS_STOP_SECONDS=40

process_start() {
    local folder=$1 name=$2
    shift 2
    mkdir -p "$folder/log" "$folder/run"
    if process_supervisor "$folder" "$name" >/dev/null; then
        printf '%s 已在运行 / is running already\n' "$name"
        return 0
    fi
    XQ_FOLDER=$folder setsid --fork "$XQ_ROOT/deploy/lib/supervise" "$folder" "$name" "$@" </dev/null >/dev/null 2>&1
    wait_until "$PROCESS_START_SECONDS" "$name" process_is_up "$folder" "$name"
}

process_is_marked() {
    local folder=$1 pid=$2
    [[ -r /proc/$pid/environ ]] && grep -qzxF "XQ_FOLDER=$folder" "/proc/$pid/environ" 2>/dev/null
}

process_pid() {
    process_from_file "$1" "$1/run/$2.pid"
}

process_supervisor() {
    process_from_file "$1" "$1/run/$2.supervisor.pid"
}

process_from_file() {
    local folder=$1 file=$2 pid
    pid=$(cat "$file" 2>/dev/null) && [[ $pid =~ ^[0-9]+$ ]] && process_is_marked "$folder" "$pid" && printf '%s\n' "$pid"
}

process_is_up() {
    process_pid "$1" "$2" >/dev/null
}

process_is_gone() {
    ! process_is_up "$1" "$2" && ! process_supervisor "$1" "$2" >/dev/null
}

process_stop() {
    local folder=$1 name pid
    shift
    for name in "$@"; do
        if pid=$(process_supervisor "$folder" "$name") || pid=$(process_pid "$folder" "$name"); then
            kill -TERM "$pid" 2>/dev/null || true
        fi
    done
    for name in "$@"; do
        wait_until "$PROCESS_STOP_SECONDS" "$name" process_is_gone "$folder" "$name" || true
    done
}

processes_marked() {
    local folder=$1 entry
    for entry in /proc/[0-9]*; do
        if process_is_marked "$folder" "${entry#/proc/}"; then
            printf '%s\n' "${entry#/proc/}"
        fi
    done
}

processes_none_marked() {
    [[ -z $(processes_marked "$1") ]]
}

processes_signal_marked() {
    local pid
    for pid in $(processes_marked "$2"); do
        kill "-$1" "$pid" 2>/dev/null || true
    done
}

processes_stop_all() {
    local folder=$1
    processes_signal_marked TERM "$folder"
    if ! wait_until "$PROCESS_STOP_SECONDS" "$folder" processes_none_marked "$folder"; then
        processes_signal_marked KILL "$folder"
        wait_until 5 "$folder" processes_none_marked "$folder"
    fi
}

port_is_used() {
    local hex
    printf -v hex '%04X' "$1"
    awk -v port=":$hex" 'index($2, port) && $4 == "0A" { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

ports_free() {
    local count=$1 first=${2:-$((20000 + RANDOM % 8000))} port
    while ((first + count <= 32768)); do
        for ((port = first; port < first + count; port++)); do
            if port_is_used "$port"; then
                first=$((port + 1))
                continue 2
            fi
        done
        seq "$first" $((first + count - 1))
        return 0
    done
    fail "没有空闲端口 / no free TCP ports below 32768: stop what listens there, or set XQ_PORT"
}
