#!/usr/bin/env bash
# Installs a build into a temporary folder and builds a stranger's project against it. Usage: run.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); build=$1
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" 2>&1 || { cat "$work/install.log"; exit 1; }
[ ! -e "$work/prefix/include/coppice/runtime/base/duration.test.cpp" ]
flags=$(sed -n 's/^COPPICE_SANITIZE:.*=//p' "$build/CMakeCache.txt")
cmake -G Ninja -S "$here" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/prefix" \
  ${flags:+"-DCMAKE_CXX_FLAGS=-fsanitize=$flags"} >"$work/configure.log" 2>&1 || { cat "$work/configure.log"; exit 1; }
ninja -C "$work/build" >"$work/build.log" 2>&1 || { tail -40 "$work/build.log"; exit 1; }
"$work/build/consumer" version
"$work/build/consumer" explain unknown_field | grep -q field
"$work/prefix/bin/coppice" version
