# shellcheck shell=bash
# A private PostgreSQL: its data and its socket in one folder, no TCP port, no password, closed to other users.
#
#   postgresql_start FOLDER                 makes the cluster when new, starts it supervised and waits for it
#   postgresql_connection FOLDER DATABASE   prints a libpq connection string
#   postgresql_database FOLDER DATABASE     creates a database when it is missing
#   postgresql_query FOLDER DATABASE SQL    prints rows, unaligned
#   postgresql_run FOLDER DATABASE FILE     runs a file of statements, whole or not at all
#   postgresql_stop FOLDER
#   postgresql_remove FOLDER                removes the cluster's files
#
# PostgreSQL refuses to run as root: then user postgres runs it, and root reaches it by a peer mapping to the role xinqiao.
# User postgres must be able to walk down to the data, and a socket's path holds at most 107 bytes: where FOLDER does not
# allow that (a checkout below /root), the cluster is in /tmp. FOLDER/postgresql/home names the place.

POSTGRESQL_ROLE=xinqiao
POSTGRESQL_START_SECONDS=60
POSTGRESQL_SOCKET_PATH_MAX=107
POSTGRESQL_USER=$(id -un)
POSTGRESQL_AS_USER=()
if ((EUID == 0)); then
    POSTGRESQL_USER=postgres
    # setpriv replaces itself by the command: the pid stays the server's.
    POSTGRESQL_AS_USER=(setpriv "--reuid=$POSTGRESQL_USER" "--regid=$POSTGRESQL_USER" --init-groups --)
fi

postgresql_home() {
    cat "$1/postgresql/home"
}


postgresql_program() {
    local found
    found=$(find /usr/lib/postgresql/*/bin -maxdepth 1 -name "$1" 2>/dev/null | sort -V | tail -n 1)
    [[ -n $found ]] || fail "找不到 $1 / $1 is not below /usr/lib/postgresql: apt-get install postgresql"
    printf '%s\n' "$found"
}

postgresql_connection() {
    printf "host=%s dbname=%s user=%s\n" "$(postgresql_home "$1")" "$2" "$POSTGRESQL_ROLE"
}

postgresql_query() {
    psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$(postgresql_connection "$1" "$2")" -c "$3"
}

postgresql_run() {
    psql -X -q -v ON_ERROR_STOP=1 --single-transaction -d "$(postgresql_connection "$1" "$2")" -f "$3"
}

postgresql_database() {
    local found
    found=$(postgresql_query "$1" postgres "SELECT 1 FROM pg_database WHERE datname = '$2'")
    if [[ $found != 1 ]]; then
        postgresql_query "$1" postgres "CREATE DATABASE \"$2\""
    fi
}

postgresql_start() {
    local folder=$1 home
    if [[ ! -e $folder/postgresql/home ]]; then
        postgresql_make "$folder"
    fi
    home=$(postgresql_home "$folder")
    XQ_STOP_SIGNAL=INT process_start "$folder" postgresql \
        "${POSTGRESQL_AS_USER[@]}" "$(postgresql_program postgres)" -D "$home/data"
    wait_until "$POSTGRESQL_START_SECONDS" "PostgreSQL" postgresql_serves "$folder" ||
        fail "PostgreSQL 没有就绪 / PostgreSQL does not serve: see $folder/log/postgresql.log"
}

postgresql_serves() {
    postgresql_query "$1" postgres 'SELECT 1' >/dev/null 2>&1
}

postgresql_make() {
    local folder=$1 home
    home=$(postgresql_place "$folder")
    mkdir -p "$folder/postgresql"
    install -d -m 0700 -o "$POSTGRESQL_USER" "$home"
    "${POSTGRESQL_AS_USER[@]}" "$(postgresql_program initdb)" --pgdata="$home/data" --username="$POSTGRESQL_ROLE" \
        --encoding=UTF8 --locale=C.UTF-8 --auth=peer --no-sync --no-instructions
    postgresql_configure "$home"
    printf '%s\n' "$home" >"$folder/postgresql/home"
}

postgresql_configure() {
    local home=$1 data=$1/data
    {
        printf "\n# deploy/lib/postgresql.sh\n"
        printf "listen_addresses = ''\n"
        printf "unix_socket_directories = '%s'\n" "$home"
        printf "max_connections = 50\n"
        # Bureaus' databases lie beside the subscribers' here, and are followed by their changes.
        printf "wal_level = logical\n"
        printf "max_wal_senders = 10\n"
        printf "max_replication_slots = 10\n"
        printf "log_line_prefix = '%%m [%%p] %%d '\n"
    } >>"$data/postgresql.conf"
    printf 'local all all peer map=xinqiao\n' >"$data/pg_hba.conf"
    printf 'xinqiao %s %s\nxinqiao %s %s\n' "$(id -un)" "$POSTGRESQL_ROLE" "$POSTGRESQL_USER" "$POSTGRESQL_ROLE" \
        >"$data/pg_ident.conf"
}

postgresql_place() {
    local folder=$1 home=$1/postgresql/cluster
    mkdir -p "$folder/postgresql"
    if ! postgresql_fits "$home" || ! "${POSTGRESQL_AS_USER[@]}" test -x "$folder/postgresql"; then
        home=/tmp/xinqiao-$(printf '%s' "$folder" | sha256sum | cut -c 1-12)
        printf '使用 / using %s: %s is too long for a socket or closed to user %s\n' "$home" "$folder" "$POSTGRESQL_USER" >&2
    fi
    if [[ -e $home && $(stat -c %U "$home") != "$POSTGRESQL_USER" ]]; then
        fail "$home 属于其他用户 / belongs to another user: remove it"
    fi
    rm -rf "$home"
    printf '%s\n' "$home"
}

postgresql_fits() {
    local socket=$1/.s.PGSQL.5432
    ((${#socket} <= POSTGRESQL_SOCKET_PATH_MAX))
}

postgresql_stop() {
    process_stop "$1" postgresql
}

postgresql_remove() {
    local folder=$1
    if [[ -e $folder/postgresql/home ]]; then
        rm -rf "$(postgresql_home "$folder")"
    fi
    rm -rf "$folder/postgresql"
}
