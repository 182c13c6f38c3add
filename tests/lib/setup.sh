# shellcheck shell=bash
# What the tests need beside the product.
#
#   setup_everything           packages, Kafka's jars, the release build, the Python of the tests; all cached
#   setup_python               build/cache/venv: Debian's Python with its packages, and tests/requirements.txt

setup_everything() {
    step "软件包 / packages" packages_install build run test
    step "Kafka 程序 / Kafka's jars" kafka_fetch
    step "编译 / building" build_make release all -DCMAKE_BUILD_TYPE=Release
    step "测试用 Python / Python of the tests" setup_python
}

setup_python() {
    local venv=$XQ_ROOT/build/cache/venv wanted
    wanted=$(sha256sum <"$XQ_ROOT/tests/requirements.txt")
    if [[ $(cat "$venv/requirements.sha256" 2>/dev/null) == "$wanted" ]]; then
        return 0
    fi
    /usr/bin/python3 -m venv --clear --system-site-packages "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$XQ_ROOT/tests/requirements.txt" ||
        fail "pip 失败 / pip failed: check the network, then run again"
    printf '%s\n' "$wanted" >"$venv/requirements.sha256"
}
