# shellcheck shell=bash
# The departments of an exchange: every folder below adapters/departments with a mapping in it, their adapters, and what they deliver.
#
#   departments_list                     their names, one a line
#   departments_adapters DEPARTMENT      the names of its adapters: deploy/templates/adapters/<department>/<adapter>.cfg, or else one of
#                                        the department's own name, from deploy/templates/adapter.cfg, that takes files
#   departments_make_sources FOLDER      the databases of bureaus, with the rows of <department>/samples-postgresql/*.sql and
#                                        samples-mariadb/*.sql
#   departments_configure FOLDER NAME=VALUE…   FOLDER/config/adapter-<adapter>.cfg of each, with these values in their templates
#   departments_describe FOLDER         lines for FOLDER/env; the adapters are configured
#   departments_start FOLDER
#   departments_stop FOLDER              every adapter that runs there
#   departments_are_taken FOLDER         whether what the bureaus' databases held at the start has been taken
#   departments_feed FOLDER WHICH        the files of <department>/WHICH/<feed>/ into the inboxes
#   departments_feed_from FOLDER SOURCE  those of SOURCE/<department>/<feed>/
#   departments_push FOLDER WHICH        the files of <department>/WHICH/<feed>/ by HTTPS, each until it is taken
#   departments_push_address FOLDER DEPARTMENT   https://host:port of the adapter to which the department pushes

DEPARTMENTS_FOLDER=$XQ_ROOT/adapters/departments
DEPARTMENTS_TEMPLATES=$XQ_ROOT/deploy/templates
DEPARTMENTS_LISTEN_SECONDS=120
DEPARTMENTS_READER=xinqiao_reader # an account of the exchange in a bureau's MariaDB

departments_list() {
    find "$DEPARTMENTS_FOLDER" -mindepth 2 -maxdepth 2 -name '*.cfg' -printf '%h\n' | sed 's|.*/||' | sort -u
}

departments_adapters() {
    local own=$DEPARTMENTS_TEMPLATES/adapters/$1
    if [[ -d $own ]]; then
        find "$own" -maxdepth 1 -name '*.cfg' -printf '%f\n' | sed 's/\.cfg$//' | sort
    else
        printf '%s\n' "$1"
    fi
}

departments_template() {
    local own=$DEPARTMENTS_TEMPLATES/adapters/$1/$2.cfg
    if [[ -e $own ]]; then
        printf '%s\n' "$own"
    else
        printf '%s\n' "$DEPARTMENTS_TEMPLATES/adapter.cfg"
    fi
}

# Departments that have a folder of that name.
departments_with() {
    find "$DEPARTMENTS_FOLDER" -mindepth 2 -maxdepth 2 -type d -name "$1" -printf '%h\n' | sed 's|.*/||' | sort
}

departments_make_sources() {
    local folder=$1 name file
    for name in $(departments_with samples-postgresql); do
        postgresql_database "$folder" "$name"
        for file in "$DEPARTMENTS_FOLDER/$name"/samples-postgresql/*.sql; do
            postgresql_run "$folder" "$name" "$file"
        done
    done
    for name in $(departments_with samples-mariadb); do
        [[ -e $folder/mariadb/port ]] || mariadb_start "$folder" "$(ports_free 1 $(($(departments_first_port "$folder") + 1)))"
        mariadb_database "$folder" "$name"
        mariadb_reader "$folder" "$name" "$DEPARTMENTS_READER" "$folder/secret/$name.password"
        for file in "$DEPARTMENTS_FOLDER/$name"/samples-mariadb/*.sql; do
            mariadb_file "$folder" "$name" "$file"
        done
    done
}

departments_configure() {
    local folder=$1 department adapter template port odbc
    shift
    port=$(departments_first_port "$folder")
    for department in $(departments_list); do
        mkdir -p "$folder/inbox/$department"
        for adapter in $(departments_adapters "$department"); do
            template=$(departments_template "$department" "$adapter")
            if grep -q '@PUSH_PORT@' "$template"; then
                port=$(ports_free 1 $((port + 1)))
            fi
            odbc=
            if grep -q '@ODBC@' "$template"; then
                odbc=$(mariadb_connection "$folder" "$department" "$DEPARTMENTS_READER")
            fi
            template_fill "$template" "$folder/config/adapter-$adapter.cfg" "$@" DEPARTMENT="$department" ADAPTER="$adapter" \
                CERTIFICATES="$folder/certificates" PUSH_PORT="$port" BUREAU="$(postgresql_connection "$folder" "$department")" \
                ODBC="$odbc"
        done
    done
}

# Those behind the broker's and its controller's.
departments_first_port() {
    local bootstrap
    bootstrap=$(kafka_bootstrap "$1")
    printf '%d\n' $((${bootstrap##*:} + 1))
}

# Lines of FOLDER/env: where a shell or a test finds the departments.
departments_describe() {
    local folder=$1
    printf 'XQ_DEPARTMENTS=%q\n' "$DEPARTMENTS_FOLDER"
    printf 'XQ_BUREAU="%s"\n' "$(postgresql_connection "$folder" housingfund)"
    printf 'XQ_CERTIFICATES=%q\n' "$folder/certificates"
    printf 'XQ_PUSH=%s\n' "$(departments_push_address "$folder" ecommerce)"
}

# Side by side: each waits for its process alone.
departments_start() {
    local folder=$1 configuration name pid started=()
    for configuration in "$folder"/config/adapter-*.cfg; do
        name=$(basename "$configuration" .cfg)
        process_start "$folder" "$name" "$EXCHANGE_BIN/xinqiao-adapter" --config "$configuration" &
        started+=($!)
    done
    for pid in "${started[@]}"; do
        wait "$pid"
    done
}

# Of adapters that go and look for themselves: nothing waits in an inbox.
departments_are_taken() {
    local folder=$1 names
    [[ ! -e $folder/run/databases-taken ]] || return 0
    names=$(grep -lE '^(replication|odbc) =' "$folder"/config/adapter-*.cfg | sed 's|.*/adapter-||; s|\.cfg$||')
    # shellcheck disable=SC2086 # names without blanks
    exchange_operator "$folder" feeds list --json | "$XQ_ROOT/deploy/lib/feeds-taken" $names || return 1
    touch "$folder/run/databases-taken"
}

departments_stop() {
    local names
    [[ -d $1/run ]] || return 0
    names=$(find "$1/run" -maxdepth 1 -name 'adapter-*.supervisor.pid' -printf '%f\n' | sed 's/\.supervisor\.pid$//')
    # shellcheck disable=SC2086 # names without blanks
    process_stop "$1" $names
}

departments_feed() {
    local folder=$1 which=$2 name
    mkdir -p "$folder/$which"
    for name in $(departments_list); do
        [[ ! -d $DEPARTMENTS_FOLDER/$name/$which ]] || ln -sfn "$DEPARTMENTS_FOLDER/$name/$which" "$folder/$which/$name"
    done
    departments_feed_from "$folder" "$folder/$which"
}

# A file appears in an inbox by rename, so that no adapter ever sees half of it.
departments_feed_from() {
    local folder=$1 source=$2 file inbox count=0
    while read -r -d '' file; do
        inbox=$folder/inbox/$(dirname "$file")
        mkdir -p "$inbox"
        cp "$source/$file" "$inbox/.$(basename "$file").part"
        mv "$inbox/.$(basename "$file").part" "$inbox/$(basename "$file")"
        count=$((count + 1))
        printf '%s\n' "$file"
    done < <(cd "$source" && find -L . -mindepth 3 -maxdepth 3 -type f ! -name '.*' -printf '%P\0' | sort -z)
    ((count > 0)) || fail "没有可投放的文件 / there are no files to feed in $source"
}

departments_push_address() {
    sed -n 's|.*listen = "\([^"]*\)".*|https://\1|p' "$1"/config/adapter-"$2"*.cfg | sed -n 1p
}

# A repeated file is known by its key, so it may be sent until it is answered.
departments_push() {
    local folder=$1 name file address
    for name in $(departments_with "$2"); do
        address=$(departments_push_address "$folder" "$name")
        wait_until "$DEPARTMENTS_LISTEN_SECONDS" "$address" port_is_used "${address##*:}"
        for file in "$DEPARTMENTS_FOLDER/$name/$2"/*/*; do
            printf '\n%s: ' "${file#"$DEPARTMENTS_FOLDER/"}"
            curl --silent --show-error --fail-with-body --retry 30 --retry-delay 1 --retry-all-errors \
                --cacert "$folder/certificates/ca.pem" --cert "$folder/certificates/$name.pem" --key "$folder/certificates/$name.key" \
                --header "Idempotency-Key: $(basename "$file")" --header "$(departments_content_type "$file")" --data-binary "@$file" \
                "$address/feeds/$(basename "$(dirname "$file")")"
        done
    done
}

departments_content_type() {
    case $1 in
        *.ndjson) printf 'Content-Type: application/x-ndjson\n' ;;
        *) printf 'Content-Type: application/json\n' ;;
    esac
}
