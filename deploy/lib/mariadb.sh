# shellcheck shell=bash
# A private MariaDB: its data and its socket in one folder, TCP on 127.0.0.1 only. Stands for a department's own database.
#
#   mariadb_start FOLDER PORT               makes the data when new, starts it supervised and waits for it
#   mariadb_query FOLDER DATABASE SQL       prints rows, tab-separated; DATABASE may be ""
#   mariadb_file FOLDER DATABASE FILE       runs the statements of a file
#   mariadb_database FOLDER DATABASE        creates a database (utf8mb4) when it is missing
#   mariadb_reader FOLDER DATABASE USER PASSWORD_FILE
#                                           makes an account that may read this database, its password in the file
#   mariadb_connection FOLDER DATABASE USER prints an ODBC connection string without password
#   mariadb_stop FOLDER
#   mariadb_remove FOLDER                   removes the server's files
#
# Where root runs this, user mysql runs the server; root (or whoever made the data) reaches it by its socket without a password.
# Where FOLDER is closed to user mysql or too long for a socket, the data is in /tmp: FOLDER/mariadb/home names the place.

MARIADB_START_SECONDS=90
MARIADB_SOCKET_PATH_MAX=107
MARIADB_USER=$(id -un)
MARIADB_AS_USER=()
if ((EUID == 0)); then
    MARIADB_USER=mysql
    MARIADB_AS_USER=(setpriv "--reuid=$MARIADB_USER" "--regid=$MARIADB_USER" --init-groups --)
fi

mariadb_home() {
    cat "$1/mariadb/home"
}

mariadb_query() {
    mariadb --no-defaults --socket="$(mariadb_home "$1")/socket" --default-character-set=utf8mb4 --batch \
        --skip-column-names ${2:+--database="$2"} --execute="$3"
}

mariadb_file() {
    mariadb --no-defaults --socket="$(mariadb_home "$1")/socket" --default-character-set=utf8mb4 --batch --database="$2" <"$3"
}

mariadb_database() {
    mariadb_query "$1" "" "CREATE DATABASE IF NOT EXISTS \`$2\` CHARACTER SET utf8mb4"
}

mariadb_reader() {
    local folder=$1 database=$2 user=$3 file=$4 password
    if [[ ! -s $file ]]; then
        (umask 077 && openssl rand -hex 16 >"$file")
    fi
    password=$(cat "$file")
    mariadb_query "$folder" "" "CREATE USER IF NOT EXISTS '$user'@'127.0.0.1'; ALTER USER '$user'@'127.0.0.1' IDENTIFIED BY '$password';
        GRANT SELECT ON \`$database\`.* TO '$user'@'127.0.0.1'"
}

mariadb_connection() {
    printf 'Driver=MariaDB Unicode;Server=127.0.0.1;Port=%s;Database=%s;User=%s\n' "$(cat "$1/mariadb/port")" "$2" "$3"
}

mariadb_start() {
    local folder=$1 port=$2 home
    if [[ ! -e $folder/mariadb/home ]]; then
        mariadb_make "$folder"
    fi
    home=$(mariadb_home "$folder")
    printf '%s\n' "$port" >"$folder/mariadb/port"
    process_start "$folder" mariadb "${MARIADB_AS_USER[@]}" /usr/sbin/mariadbd --no-defaults --datadir="$home/data" \
        --socket="$home/socket" --pid-file="$home/pid" --bind-address=127.0.0.1 --port="$port" \
        --innodb-buffer-pool-size=64M --character-set-server=utf8mb4
    wait_until "$MARIADB_START_SECONDS" "MariaDB" mariadb_serves "$folder" ||
        fail "MariaDB 没有就绪 / MariaDB does not serve: see $folder/log/mariadb.log"
}

mariadb_serves() {
    mariadb_query "$1" "" 'SELECT 1' >/dev/null 2>&1
}

mariadb_make() {
    local folder=$1 home
    [[ -x /usr/sbin/mariadbd ]] || fail "找不到 mariadbd / mariadbd is missing: apt-get install mariadb-server"
    home=$(mariadb_place "$folder")
    install -d -m 0755 -o "$MARIADB_USER" "$home"
    "${MARIADB_AS_USER[@]}" mariadb-install-db --no-defaults --datadir="$home/data" --skip-test-db \
        --auth-root-authentication-method=socket --auth-root-socket-user="$(id -un)" >"$folder/mariadb/install.log" 2>&1 ||
        fail "MariaDB 初始化失败 / MariaDB cannot be made: see $folder/mariadb/install.log"
    printf '%s\n' "$home" >"$folder/mariadb/home"
}

mariadb_place() {
    local folder=$1 home=$1/mariadb/server socket=$1/mariadb/server/socket
    mkdir -p "$folder/mariadb"
    if ((${#socket} > MARIADB_SOCKET_PATH_MAX)) || ! "${MARIADB_AS_USER[@]}" test -x "$folder/mariadb"; then
        home=/tmp/xinqiao-mariadb-$(printf '%s' "$folder" | sha256sum | cut -c 1-12)
        printf '使用 / using %s: %s is too long for a socket or closed to user %s\n' "$home" "$folder" "$MARIADB_USER" >&2
    fi
    if [[ -e $home && $(stat -c %U "$home") != "$MARIADB_USER" ]]; then
        fail "$home 属于其他用户 / belongs to another user: remove it"
    fi
    rm -rf "$home"
    printf '%s\n' "$home"
}

mariadb_stop() {
    process_stop "$1" mariadb
}

mariadb_remove() {
    local folder=$1
    if [[ -e $folder/mariadb/home ]]; then
        rm -rf "$(mariadb_home "$folder")"
    fi
    rm -rf "$folder/mariadb"
}
