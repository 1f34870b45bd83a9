#!/usr/bin/env bash
# Installs a build into a temporary folder, builds a stranger's project against it, and then the program that `new` writes.
# Usage: run.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); build=$1
work=$(mktemp -d); node=
finish() { [ -z "$node" ] || kill "$node" 2>/dev/null || true; [ -z "$node" ] || wait "$node" || true; rm -rf "$work"; }
trap finish EXIT
fail() { echo "consumer: $*" >&2; exit 1; }
quietly() { "$@" >"$work/log" 2>&1 || { tail -60 "$work/log" >&2; fail "'$*' failed"; }; }
expect() { # STATUS TEXT COMMAND...: the exit status, and a text that the output has
  local want=$1 text=$2 got=0; shift 2
  "$@" >"$work/out" 2>&1 || got=$?
  [ "$got" = "$want" ] || fail "'$*' ended with $got, expected $want: $(cat "$work/out")"
  grep -qF -- "$text" "$work/out" || fail "'$*' lacks '$text': $(cat "$work/out")"
}
export HOME=$work XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
unset COPPICE_DATA COPPICE_CONTEXT COPPICE_YES COPPICE_NODE

quietly cmake --install "$build" --prefix "$work/prefix"
[ ! -e "$work/prefix/include/coppice/runtime/base/duration.test.cpp" ]
[ -e "$work/prefix/include/coppice/runtime/testkit/testkit.hpp" ]
[ -e "$work/prefix/share/doc/coppice/testkit.md" ]
flags=$(sed -n 's/^COPPICE_SANITIZE:.*=//p' "$build/CMakeCache.txt")
fast=(-DCMAKE_CXX_FLAGS_RELEASE=-O0 ${flags:+"-DCMAKE_CXX_FLAGS=-fsanitize=$flags"}) # optimising is most of the time
printed() { sed -n 's/^    \(cmake -.* -B .*\)/\1/p' "$1"; } # README: how it says to configure
guide=$(printed "$here/../../examples/first_actor/README.md")
read -ra configure <<<"${guide//PREFIX_PATH=PREFIX/PREFIX_PATH=$work/prefix}"

# A stranger's project, and its test.
mkdir "$work/stranger"
cp "$here"/CMakeLists.txt "$here"/*pp "$work/stranger"
cd "$work/stranger"
quietly "${configure[@]}" "${fast[@]}"
# What Debian needs for `./coppice up` has no make.
[ -e build/build.ninja ] || fail "'$guide' does not ask for Ninja"
quietly ninja -C build
expect 0 . "$work/stranger/build/consumer" version
expect 0 field "$work/stranger/build/consumer" explain unknown_field
# What the catalog accepts is known without another word, also where no node runs.
quietly "$work/stranger/build/consumer" schema write "$work/schemas"
expect 0 demo.set_interval cat "$work/schemas/type_ids.txt"
# The tree that it has written in code.
"$work/stranger/build/consumer" node --name alpha --data "$work/consumer" >"$work/node.log" 2>&1 &
node=$!
export COPPICE_NODE=unix://$work/consumer/admin.sock
expect 0 running "$work/stranger/build/consumer" wait /user/always --for running --timeout 20s
expect 0 demo.ticker "$work/stranger/build/consumer" tree
unset COPPICE_NODE
kill "$node"; wait "$node" || fail "the node ended with $?: $(tail -n 20 "$work/node.log")"
node=
quietly ctest --test-dir build --output-on-failure --no-tests=error
coppice=$work/prefix/bin/coppice
expect 0 . "$coppice" version

# Names that cannot be, and names that are taken.
cd "$work"
expect 2 1x "$coppice" new app 1x
expect 2 'a b' "$coppice" new app 'a b'
expect 2 int "$coppice" new app int
expect 2 SYSTEM.NAME "$coppice" new actor till
expect 2 '' "$coppice" new pudding shop
expect 0 shop/main.cpp "$coppice" new app shop
expect 5 'already' "$coppice" new app shop
expect 1 'no build folder' "$coppice" test
for verb in test check build; do expect 0 "usage: coppice $verb" "$coppice" help $verb; done

# What `new` wrote builds, passes its tests and shows up in the tree.
cd "$work/shop"
expect 0 'changed node.yaml' "$coppice" new actor shop.till
expect 0 'changed main.cpp' "$coppice" new message shop.order
expect 5 till.hpp "$coppice" new actor shop.till
[ "$(printed README.md)" = "$guide" ] || fail "README.md configures by '$(printed README.md)', the guide by '$guide'"
quietly "${configure[@]}" "${fast[@]}"
quietly cmake --build build
program=$work/shop/build/shop
expect 0 '100% tests passed' "$program" test
expect 1 'No tests' "$program" test nothing_like_that
expect 0 right "$program" config check node.yaml
"$program" node --config node.yaml --data "$work/alpha" >"$work/node.log" 2>&1 &
node=$!
export COPPICE_NODE=unix://$work/alpha/admin.sock
expect 0 running "$program" wait /user/shop/till --for running --timeout 20s
expect 0 shop.till "$program" tree
expect 0 shop.counter "$program" tree
expect 0 shop.order "$program" types
expect 0 '{"total":2}' "$program" request /user/shop/till shop.till_add '{"amount":2}' -o json
kill "$node"
status=0; wait "$node" || status=$?
node=
[ "$status" = 0 ] || fail "the node ended with $status: $(tail -n 20 "$work/node.log")"
echo "consumer: ok"
