# shellcheck shell=bash
# The receivers of a demo that are called over HTTPS, and an agent that answers: none of them is part of the product but the last.
#
#   receivers_configure FOLDER        a port for each, from those that are free behind the departments'
#   receivers_port FOLDER NAME        of province, province-control (the simulator's, plain HTTP), tender, serve
#   receivers_describe FOLDER         lines for FOLDER/env
#   receivers_start FOLDER
#   receivers_serve FOLDER            the agent that answers; the court's tables are there once its agent has run
#   receivers_stop FOLDER
#
# province: the simulator of the provincial platform, its ledger in FOLDER/receivers/province/. tender: the reference receiver of
# docs/recipes, its tables in FOLDER/receivers/tender.sqlite. serve: the court's agent that answers what the court holds (--serve).

RECEIVERS=(province province-control tender serve)
RECEIVERS_PORT_DISTANCE=20 # behind the broker's: those between are the departments'

receivers_configure() {
    local folder=$1 name port
    port=$(($(departments_first_port "$folder") + RECEIVERS_PORT_DISTANCE))
    mkdir -p "$folder/receivers/province"
    for name in "${RECEIVERS[@]}"; do
        port=$(ports_free 1 $((port + 1)))
        printf '%d\n' "$port" >"$folder/receivers/$name.port"
    done
}

receivers_port() {
    cat "$1/receivers/$2.port"
}

receivers_describe() {
    local folder=$1
    printf 'XQ_PROVINCE=%q\n' "$folder/receivers/province"
    printf 'XQ_PROVINCE_ADDRESS=https://127.0.0.1:%d\n' "$(receivers_port "$folder" province)"
    printf 'XQ_PROVINCE_CONTROL=http://127.0.0.1:%d\n' "$(receivers_port "$folder" province-control)"
    printf 'XQ_TENDER=%q\n' "$folder/receivers/tender.sqlite"
    printf 'XQ_TENDER_ADDRESS=https://127.0.0.1:%d\n' "$(receivers_port "$folder" tender)"
    printf 'XQ_SERVE=https://127.0.0.1:%d\n' "$(receivers_port "$folder" serve)"
}

# Those whose agents run here, and before them, so that nobody waits for anybody.
receivers_start() {
    local folder=$1 name
    for name in "${EXCHANGE_SUBSCRIBERS[@]}"; do
        case $name in
            province | tender) "receivers_start_$name" "$folder" ;;
        esac
    done
}

receivers_start_province() {
    local folder=$1
    process_start "$folder" receiver-province "$XQ_ROOT/tests/province/simulator.py" --folder "$folder/receivers/province" \
        --certificates "$folder/certificates" --port "$(receivers_port "$folder" province)" \
        --control-port "$(receivers_port "$folder" province-control)"
}

receivers_start_tender() {
    local folder=$1 certificates=$1/certificates
    process_start "$folder" receiver-tender python3 "$XQ_ROOT/docs/recipes/receiver.py" --listen "127.0.0.1:$(receivers_port "$folder" tender)" \
        --certificate "$certificates/server.pem" --private-key "$certificates/server.key" --authority "$certificates/ca.pem" \
        --keys "$folder/keys" --exchange "$(sed -n 's/^exchange = "\(.*\)";/\1/p' "$XQ_ROOT/schemas/catalogue.cfg")" \
        --topic "${EXCHANGE_PREFIX}out.tender" --store "$folder/receivers/tender.sqlite"
}

receivers_serve() {
    process_start "$1" serve-court "$EXCHANGE_BIN/xinqiao-agent" --config "$1/config/agent-court.cfg" --serve
}

receivers_stop() {
    process_stop "$1" receiver-province receiver-tender serve-court
}
