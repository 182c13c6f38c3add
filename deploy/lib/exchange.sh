# shellcheck shell=bash
# A whole exchange in one folder: broker, database, gateway, adapters and agents, configured, started, fed and stopped.
#
#   exchange_prepare FOLDER                        stops what runs there, empties the folder and makes its places
#   exchange_configure FOLDER                      keys, certificates, configuration, FOLDER/env; the broker and PostgreSQL must run
#   exchange_configure_agents FOLDER NAME=VALUE…   part of it: theirs, once receivers_configure has found the ports
#   exchange_start_gateway|agents|adapters FOLDER  agents with the receivers that they call
#   exchange_feed_samples FOLDER                   every department's samples, files and pushes
#   exchange_feed_rights FOLDER                    departments' decisions about records of the samples, which must have come
#   exchange_feed_generated FOLDER RECORDS SEED
#   exchange_wait FOLDER SECONDS                   until inboxes and databases are read and the books balance; tells how far it is
#   exchange_stop FOLDER                           everything, in order; also remnants of a crashed run
#   exchange_is_running FOLDER
#
# FOLDER is absolute. Layout: env, log/, run/, inbox/<department>/<feed>/, state/ (the gateway's), adapters/<adapter>/ (an adapter's state),
# agents/<subscriber>/ (an agent's memory), keys/ (public), receipt_keys/<subscriber>/ (public, of subscribers), secret/ (private keys and
# pepper, mode 0700), social/ and website/ (files of their agents), receivers/ (of those that are called), certificates/, kafka/, postgresql/,
# mariadb/.

source "$XQ_ROOT/deploy/lib/certificates.sh"
source "$XQ_ROOT/deploy/lib/mariadb.sh"
source "$XQ_ROOT/deploy/lib/departments.sh"
source "$XQ_ROOT/deploy/lib/receivers.sh"

EXCHANGE_SUBSCRIBERS=(bank court procurement province social tender website)
EXCHANGE_CALLERS=(province tender) # whose agents call a receiver, with the certificate <name>-agent
EXCHANGE_SCHEMAS=(court procurement bank)
EXCHANGE_PREFIX=xq.
EXCHANGE_PARTITIONS=6
EXCHANGE_DATABASE=xinqiao
EXCHANGE_BIN=$XQ_ROOT/build/release/bin

exchange_is_running() {
    [[ -n $(processes_marked "$1") ]]
}

exchange_prepare() {
    local folder=$1
    exchange_stop "$folder"
    postgresql_remove "$folder"
    mariadb_remove "$folder"
    find "$folder" -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf {} +
    find "$folder/log" -type f ! -name 'steps.log' -delete
    mkdir -p "$folder"/{log,run/gateway,inbox,state,adapters,agents,keys,receipt_keys,receivers,social,website,config}
    install -d -m 0700 "$folder/secret"
}

exchange_configure() {
    local folder=$1 values
    values=(ROOT="$XQ_ROOT" FOLDER="$folder" BOOTSTRAP="$(kafka_bootstrap "$folder")" PREFIX="$EXCHANGE_PREFIX"
        PARTITIONS="$EXCHANGE_PARTITIONS")
    template_fill "$XQ_ROOT/deploy/templates/xinqiao.cfg" "$folder/config/xinqiao.cfg" "${values[@]}"
    departments_configure "$folder" "${values[@]}"
    exchange_make_certificates "$folder"
    receivers_configure "$folder"
    exchange_describe "$folder"
    departments_describe "$folder" >>"$folder/env"
    receivers_describe "$folder" >>"$folder/env"
    exchange_make_keys "$folder"
    template_fill "$XQ_ROOT/deploy/templates/gateway.cfg" "$folder/config/gateway.cfg" "${values[@]}"
    exchange_configure_agents "$folder" "${values[@]}"
    exchange_operator "$folder" topics create --partitions "$EXCHANGE_PARTITIONS"
}

exchange_configure_agents() {
    local folder=$1 name
    shift
    for name in "${EXCHANGE_SUBSCRIBERS[@]}"; do
        template_fill "$XQ_ROOT/deploy/templates/agent-$name.cfg" "$folder/config/agent-$name.cfg" "$@" \
            SUBSCRIBER="$name" CONNECTION="$(postgresql_connection "$folder" "$EXCHANGE_DATABASE")" \
            PROVINCE_PORT="$(receivers_port "$folder" province)" TENDER_PORT="$(receivers_port "$folder" tender)" \
            SERVE_PORT="$(receivers_port "$folder" serve)"
    done
}

# For departments that push, and agents that call: each is known by its name.
exchange_make_certificates() {
    # shellcheck disable=SC2046 # names without blanks
    certificates_make "$1" $(departments_with samples-push) "${EXCHANGE_CALLERS[@]/%/-agent}"
}

# Private keys and the pepper stay where only this user reads; subscribers get the folder of public keys, and the exchange theirs, by which
# it knows their receipts.
exchange_make_keys() {
    local folder=$1 name
    (umask 077 && openssl rand -hex 32 | tr -d '\n' >"$folder/secret/pepper")
    exchange_operator "$folder" keys new --private "$folder/secret/seal.pem" --public "$folder/keys"
    for name in "${EXCHANGE_SUBSCRIBERS[@]}"; do
        exchange_operator "$folder" keys new --private "$folder/secret/receipt-$name.pem" --public "$folder/receipt_keys/$name"
    done
}

# A schema a subscriber in one database: for the agents as far apart as two databases, and one connection to look at both.
exchange_make_database() {
    local folder=$1 name schemas=''
    postgresql_database "$folder" "$EXCHANGE_DATABASE"
    for name in "${EXCHANGE_SCHEMAS[@]}"; do
        postgresql_query "$folder" "$EXCHANGE_DATABASE" "CREATE SCHEMA IF NOT EXISTS $name"
        schemas+="${schemas:+, }$name"
    done
    postgresql_query "$folder" "$EXCHANGE_DATABASE" "ALTER DATABASE $EXCHANGE_DATABASE SET search_path = $schemas"
}

# What a shell, a test or an operator needs to look into the running exchange.
exchange_describe() {
    local folder=$1
    {
        printf 'XQ_BOOTSTRAP=%s\n' "$(kafka_bootstrap "$folder")"
        printf 'XQ_PREFIX=%s\n' "$EXCHANGE_PREFIX"
        printf 'XQ_PG="%s"\n' "$(postgresql_connection "$folder" "$EXCHANGE_DATABASE")"
        printf 'XQ_KEYS=%q\n' "$folder/keys"
        printf 'XQ_RECEIPT_KEYS=%q\n' "$folder/receipt_keys"
        printf 'XQ_CATALOGUE=%q\n' "$XQ_ROOT/schemas/catalogue.cfg"
        printf 'XQ_SCHEMAS=%q\n' "$XQ_ROOT/schemas"
        printf 'XQ_CONFIG=%q\n' "$folder/config/xinqiao.cfg"
        printf 'XQ_BIN=%q\n' "$EXCHANGE_BIN"
        printf 'XQ_DEMO=%q\n' "$folder"
        printf 'XQ_WEBSITE=%q\n' "$folder/website"
    } >"$folder/env"
}

exchange_operator() {
    local folder=$1
    shift
    XQ_CONFIG=$folder/config/xinqiao.cfg "$EXCHANGE_BIN/xinqiao" "$@"
}

exchange_start_gateway() {
    process_start "$1" gateway "$EXCHANGE_BIN/xinqiao-gateway" --config "$1/config/gateway.cfg"
}

exchange_start_agents() {
    local name
    receivers_start "$1"
    for name in "${EXCHANGE_SUBSCRIBERS[@]}"; do
        process_start "$1" "agent-$name" "$EXCHANGE_BIN/xinqiao-agent" --config "$1/config/agent-$name.cfg"
    done
}

exchange_start_adapters() {
    departments_start "$1"
}

exchange_feed_samples() {
    departments_feed "$1" samples
    departments_push "$1" samples-push
}

exchange_feed_rights() {
    departments_feed "$1" samples-rights
}

exchange_feed_generated() {
    local folder=$1
    python3 "$XQ_ROOT/tests/generate" --records "$2" --seed "$3" --out "$folder/generated"
    departments_feed_from "$folder" "$folder/generated"
}

exchange_wait() {
    local folder=$1 limit=$2 deadline
    deadline=$((SECONDS + limit))
    until exchange_is_settled "$folder"; do
        if ((SECONDS >= deadline)); then
            fail "$limit 秒内账目未平 / the books do not balance within $limit s" \
                "请看 / see: xinqiao books, xinqiao lag, $folder/log/"
        fi
        exchange_tell_progress "$folder"
        sleep 0.5
    done
}

# What waits to be read comes first: books may balance before.
exchange_is_settled() {
    (($(exchange_waiting_files "$1") == 0)) && departments_are_taken "$1" && exchange_operator "$1" books --json --brief >"$1/run/books.json"
}

# done/ and held/ lie one level deeper.
exchange_waiting_files() {
    find "$1/inbox" -mindepth 3 -maxdepth 3 -type f | wc -l
}

exchange_tell_progress() {
    local waiting
    waiting=$(exchange_waiting_files "$1")
    if ((waiting > 0)) || [[ ! -e $1/run/databases-taken ]]; then
        exchange_operator "$1" books --json --brief >"$1/run/books.json" || true
    fi
    printf '待取文件/files waiting %d  ' "$waiting"
    "$XQ_ROOT/deploy/lib/books-line" <"$1/run/books.json" 2>&1 || true
}

exchange_stop() {
    local folder=$1
    departments_stop "$folder"
    process_stop "$folder" gateway
    process_stop "$folder" "${EXCHANGE_SUBSCRIBERS[@]/#/agent-}"
    receivers_stop "$folder"
    process_stop "$folder" postgresql mariadb kafka
    processes_stop_all "$folder"
}
