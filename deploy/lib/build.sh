# shellcheck shell=bash
# Builds into build/NAME with cmake and ninja.
#
#   build_make NAME [CMAKE OPTION…]     configures build/NAME when new and brings it up to date; ninja's progress on stdout

BUILD_JOBS=${BUILD_JOBS:-$(nproc)}

build_make() {
    local folder=$XQ_ROOT/build/$1
    shift
    # Configuring again costs a second and makes changed options count.
    cmake -S "$XQ_ROOT" -B "$folder" -G Ninja "$@" ||
        fail "cmake 失败 / cmake failed: the lines above name what is missing"
    ninja -C "$folder" -j "$BUILD_JOBS" ||
        fail "编译失败 / the build failed: the first error above names file and line"
}
