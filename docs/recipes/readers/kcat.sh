#!/usr/bin/env bash
# 用kcat读取输出主题并逐签章验证，读到末尾为止 / reads an output topic with kcat and checks every seal, up to the end of what there is.
#
#   kcat.sh TOPIC PARTITIONS EXCHANGE KEYS POSITION KCAT OPTION…      kcat.sh xq.out.court 6 liuzhou keys court.position -b kafka:9092
#
# LOG=NAME in the environment: the topic is a copy of NAME, by MirrorMaker for example.
# Records that are proved go to standard output: offset, key in hex, value in base64. What was verified, and up to where, goes to
# standard error. POSITION is a file of the reader's own: the next call goes on there. Exit 1: something does not fit; 3: kcat failed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if (($# < 7)); then
    sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
topic=$1 partitions=$2 exchange=$3 keys=$4 position=$5
shift 5

for ((partition = 0; partition < partitions; partition++)); do
    log=${LOG:-$topic}/$partition
    offset=beginning
    [[ ! -e $position ]] || offset=$(awk -v name="$log" '$1 == name { found = $2 } END { print found ? found : "beginning" }' "$position")
    set +e
    kcat -C -t "$topic" -p "$partition" -o "$offset" -e -q -J \
        -X isolation.level=read_committed -X auto.offset.reset=error "$@" |
        python3 "$here/sealed_log.py" --log "$log" --exchange "$exchange" --keys "$keys" --position "$position"
    status=("${PIPESTATUS[@]}")
    set -e
    ((status[1] == 0)) || exit "${status[1]}"
    if ((status[0] != 0)); then
        printf '✗ %s: 读不到Kafka / kcat could not read it to its end\n' "$log" >&2
        exit 3
    fi
done
