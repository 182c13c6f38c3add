# shellcheck shell=bash
# The Debian packages that Xinqiao is built, run and tested with. One list: nothing else is asked of the machine.
#
#   packages_install GROUP…     installs what is missing of the groups build, run and test; needs root only when something is

declare -A PACKAGES=(
    [build]='gcc libc6-dev cmake ninja-build pkg-config librdkafka-dev libavro-dev libconfig-dev liblmdb-dev libpq-dev
        libssl-dev libjansson-dev libxxhash-dev libzip-dev libexpat1-dev libmicrohttpd-dev libgnutls28-dev unixodbc-dev libcurl4-openssl-dev zlib1g-dev libqrencode-dev libcmocka-dev'
    [run]='openjdk-17-jre-headless maven postgresql postgresql-client openssl python3 procps util-linux ca-certificates curl
        mariadb-server mariadb-client odbc-mariadb odbc-postgresql odbcinst'
    [test]='clang clang-format libclang-rt-14-dev shellcheck git python3-venv python3-confluent-kafka python3-psycopg2
        python3-lmdb python3-cryptography python3-avro kcat openjdk-17-jdk-headless nghttp2-server zbar-tools'
)

packages_install() {
    local group package missing=()
    for group in "$@"; do
        for package in ${PACKAGES[$group]}; do
            if ! package_is_installed "$package"; then
                missing+=("$package")
            fi
        done
    done
    if ((${#missing[@]} == 0)); then
        printf '无缺少的软件包 / no package is missing\n'
        return 0
    fi
    packages_fetch "${missing[@]}"
}

package_is_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

packages_fetch() {
    printf '安装 / installing: %s\n' "$*"
    command -v apt-get >/dev/null ||
        fail "需要 Debian 12 的 apt-get / this needs apt-get of Debian 12; elsewhere install by hand: $*"
    ((EUID == 0)) ||
        fail "缺少软件包，请以 root 运行 / packages are missing, run as root: apt-get install --no-install-recommends $*"
    export DEBIAN_FRONTEND=noninteractive
    if ! apt-get update || ! apt-get install -y --no-install-recommends "$@"; then
        fail "apt 失败 / apt failed: check the network and /etc/apt/sources.list, then run again"
    fi
}
