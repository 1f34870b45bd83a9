#!/usr/bin/env bash
# Runs the guide of this folder against a node of its own. Usage: run.sh PATH_TO_BINARY
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$1
work=$(mktemp -d)
export HOME=$work XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
unset COPPICE_DATA COPPICE_CONTEXT COPPICE_YES
export COPPICE_NODE=unix://$work/demo/admin.sock # what --node says, for every verb
node=

fail() { echo "first_actor: $*" >&2; [ ! -e "$work/log" ] || tail -n 20 "$work/log" >&2; exit 1; }
finish() { [ -z "$node" ] || kill "$node" 2>/dev/null || true; [ -z "$node" ] || wait "$node" || true; rm -rf "$work"; }
trap finish EXIT
expect() { # STATUS TEXT COMMAND...: the exit status, and a text that the output has
  local want=$1 text=$2 got=0; shift 2
  "$@" >"$work/out" 2>&1 || got=$?
  [ "$got" = "$want" ] || fail "'$*' ended with $got, expected $want: $(cat "$work/out")"
  grep -qF -- "$text" "$work/out" || fail "'$*' lacks '$text': $(cat "$work/out")"
}

# What the guide shows is what the files say, but for comments and blank lines.
shown=$(python3 -IS - "$here" <<'PYTHON'
import pathlib, re, sys
here = pathlib.Path(sys.argv[1])
def code(text, comment):
    lines = (re.sub(r"\s*" + comment + ".*", "", line).rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)
def files(*names):
    return "".join((here / name).read_text() for name in names)
whole = {"cpp": code(files("till.hpp", "till.cpp", "main.cpp", "till.test.cpp"), "//"), "yaml": code(files("first.yaml"), "#")}
count = 0
for kind, block in re.findall(r"```(\w+)\n(.*?)```", (here / "README.md").read_text(), re.S):
    for part in re.split(r"\n\n+", block):
        count += 1
        if code(part, "//" if kind == "cpp" else "#") not in whole[kind]:
            sys.exit("README.md shows what no file has:\n" + part)
print(count)
PYTHON
) || fail "the code of the guide"
[ "$shown" -ge 8 ] || fail "README.md shows only $shown pieces of code"

"${program}_test" --colour-mode none >"$work/out" 2>&1 || fail "the actor's own tests: $(cat "$work/out")"
expect 0 right "$program" config check "$here/first.yaml"
expect 0 permanent "$program" config explain user.restart
"$program" node --config "$here/first.yaml" --data "$work/demo" >"$work/log" 2>&1 &
node=$!
expect 0 running "$program" wait /user/shop/till --for running --timeout 20s
expect 0 shop.till "$program" tree
expect 0 shop.sale "$program" types shop.till

# Messages, with and without an answer.
expect 0 '{"cents":5250,"sales":1}' "$program" request /user/shop/till shop.sale '{"item":"apple","cents":250}' -o json
expect 0 shop.sale "$program" send /user/shop/till shop.sale '{"item":"pear","cents":300}'
expect 0 '{"cents":5550,"sales":2}' "$program" request /user/shop/till shop.get_total -o json --node "$COPPICE_NODE"

# Bodies and types that are wrong never reach the actor.
expect 1 cents "$program" request /user/shop/till shop.sale '{"item":"apple","cent":250}'
expect 1 not_accepted "$program" request /user/shop/till shop.till_total '{"cents":1,"sales":1}' -o json
expect 0 '"restarts":0' "$program" inspect /user/shop/till -o json

# A crash: the sender hears of it, the message is a dead letter, the actor is there again with a new state.
expect 1 actor_crashed "$program" request /user/shop/till shop.sale '{"item":"apple","cents":0}' -o json
expect 0 '{"cents":5000,"sales":0}' "$program" request /user/shop/till shop.get_total -o json
expect 0 'a sale of 0 cents' "$program" inspect /user/shop/till -o json
expect 0 '"incarnation":2' "$program" inspect /user/shop/till -o json
expect 0 'shop.sale' "$program" dlq ls -o json

# A drill does the same from outside.
expect 0 crashed "$program" chaos crash /user/shop/till --yes
expect 0 '{"cents":5000,"sales":0}' "$program" request /user/shop/till shop.get_total -o json
expect 0 '"incarnation":3' "$program" inspect /user/shop/till -o json
expect 0 'fault drill' "$program" history

# Too many of them, and its supervisor gives up; the one above starts that again, with all below.
for _ in 1 2 3 4 5 6; do expect 0 crashed "$program" chaos crash /user/shop/till --yes; done
expect 0 'gave up' "$program" history
expect 0 running "$program" wait /user/shop/till --for running --timeout 20s
expect 0 '"incarnation":2' "$program" inspect /user/shop -o json
expect 0 '{"cents":5000,"sales":0}' "$program" request /user/shop/till shop.get_total -o json

kill -INT "$node" # as ctrl-C does
status=0; wait "$node" || status=$?
node=
[ "$status" = 0 ] || fail "the node ended with $status"
echo "first_actor: ok"
