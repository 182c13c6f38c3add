# shellcheck shell=bash
# A one-node Kafka of our own, without containers.
#
#   kafka_fetch                 the broker's jars by Maven into build/cache/kafka, once
#   kafka_start FOLDER [PORT]   formats FOLDER/kafka when new, starts the broker supervised and waits for it; the broker
#                               listens on PORT or the first free ports above it, the controller on the next
#   kafka_bootstrap FOLDER      prints host:port
#   kafka_stop FOLDER

KAFKA_VERSION=4.3.1
KAFKA_JARS=$XQ_ROOT/build/cache/kafka
KAFKA_BROKER_HEAP='-Xms512m -Xmx1g'
KAFKA_START_SECONDS=90
KAFKA_FETCH_TRIES=3

kafka_fetch() {
    local try
    if [[ -e $KAFKA_JARS/$KAFKA_VERSION.complete ]]; then
        printf 'Kafka %s: %s\n' "$KAFKA_VERSION" "$KAFKA_JARS"
        return 0
    fi
    mkdir -p "$KAFKA_JARS"
    for ((try = 1; try <= KAFKA_FETCH_TRIES; try++)); do
        if mvn -B -ntp -f "$XQ_ROOT/deploy/kafka/pom.xml" dependency:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$KAFKA_JARS"; then
            touch "$KAFKA_JARS/$KAFKA_VERSION.complete"
            return 0
        fi
        sleep "$try"
    done
    fail "Maven 未能下载 Kafka / Maven could not fetch Kafka $KAFKA_VERSION" \
        "请检查网络或 ~/.m2/settings.xml 中的镜像，再运行一次 / check the network or the mirror there, then run again"
}

kafka_bootstrap() {
    cat "$1/kafka/bootstrap"
}

kafka_start() {
    local folder=$1
    if [[ ! -e $folder/kafka/bootstrap ]]; then
        kafka_format "$folder" "${2:-}"
    fi
    KAFKA_HEAP=$KAFKA_BROKER_HEAP process_start "$folder" kafka \
        "$XQ_ROOT/deploy/kafka/java" kafka.Kafka "$folder/kafka/server.properties"
    wait_until "$KAFKA_START_SECONDS" "Kafka" kafka_serves "$folder" ||
        fail "Kafka 没有就绪 / Kafka does not serve: see $folder/log/kafka.log"
}

# The bootstrap file is written last: without it the folder counts as new.
kafka_format() {
    local folder=$1 ports cluster
    ports=$(ports_free 2 "$2")
    rm -rf "$folder/kafka"
    mkdir -p "$folder/kafka/data"
    template_fill "$XQ_ROOT/deploy/kafka/server.properties" "$folder/kafka/server.properties" \
        PORT="${ports%%$'\n'*}" CONTROLLER_PORT="${ports##*$'\n'}" DATA="$folder/kafka/data"
    cluster=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d =)
    "$XQ_ROOT/deploy/kafka/java" kafka.tools.StorageTool format "--cluster-id=$cluster" -c "$folder/kafka/server.properties"
    printf '127.0.0.1:%s\n' "${ports%%$'\n'*}" >"$folder/kafka/bootstrap"
}

# The port opens before the node serves: what counts is the last word of its log since the start.
kafka_serves() {
    local folder=$1 bootstrap
    bootstrap=$(kafka_bootstrap "$folder")
    process_is_up "$folder" kafka && port_is_used "${bootstrap##*:}" &&
        awk '/ starting \(kafka.server/ || /initialized|supervise: / { up = 0 } /Kafka Server started/ { up = 1 } END { exit !up }' \
            "$folder/log/kafka.log"
}

kafka_stop() {
    process_stop "$1" kafka
}
