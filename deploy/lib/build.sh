# shellcheck shell=bash
# Builds into build/NAME with cmake and ninja.
#
#   build_make NAME programs|all [CMAKE OPTION…]     configures build/NAME and brings it up to date: the programs that one
#                                                    installs, or with all the tests
#
# Ninja's progress goes to standard output.

BUILD_JOBS=${BUILD_JOBS:-$(nproc)}
BUILD_PROGRAMS=(xinqiao xinqiao-adapter xinqiao-gateway xinqiao-agent)

build_make() {
    local folder=$XQ_ROOT/build/$1 targets=(all)
    if [[ $2 == programs ]]; then
        targets=("${BUILD_PROGRAMS[@]}")
    fi
    shift 2
    # Configuring again costs a second and makes changed options count.
    cmake -S "$XQ_ROOT" -B "$folder" -G Ninja "$@" ||
        fail "cmake 失败 / cmake failed: the lines above name what is missing"
    ninja -C "$folder" -j "$BUILD_JOBS" "${targets[@]}" ||
        fail "编译失败 / the build failed: the first error above names file and line"
}
