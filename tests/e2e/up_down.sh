#!/usr/bin/env bash
# A development cluster from start to end, as a person would use it. Usage: up_down.sh PROGRAM (needs nats-server).
set -euo pipefail
program=$1
home=$(mktemp -d)
export HOME=$home XDG_STATE_HOME=$home/state XDG_CONFIG_HOME=$home/config COPPICE_DATA=$home/cluster
unset COPPICE_NODE COPPICE_CONTEXT COPPICE_YES
fail() { echo "up_down: $*" >&2; exit 1; }
field() { # FILE KEY: every number or string of that name, one a line
  grep -oE "\"$2\": ?(\"[^\"]*\"|[0-9]+)" "$1" | sed -E 's/^"[^"]*": ?"?([^"]*)"?$/\1/'
}
expect() { # STATUS COMMAND...
  local want=$1 got=0; shift
  "$@" >"$home/out" 2>"$home/err" || got=$?
  [ "$got" = "$want" ] || { cat "$home/out" "$home/err" >&2; fail "'$*' gave $got, expected $want"; }
}
runs() { # PID: and is not merely waiting to be collected by its parent
  local line
  line=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  case ${line##*) } in Z*|X*) return 1 ;; esac
}
finish() {
  "$program" down --yes --timeout 5s >/dev/null 2>&1 || true
  rm -rf "$home"
}
trap finish EXIT

# What was open when it started is not held by what it leaves running.
exec 9>"$home/lock"
flock 9
expect 0 "$program" up --detach -o json
exec 9>&-
flock -n "$home/lock" true || fail "the cluster holds a lock of who started it"
[ "$(field "$home/out" name | sort -u | tr '\n' ' ')" = "alpha beta gamma " ] || fail "not three nodes: $(cat "$home/out")"
field "$home/out" nats_url | grep -q '^nats://127.0.0.1:' || fail "no NATS URL"
mapfile -t pids < <(field "$COPPICE_DATA/cluster.json" pid)

# Again: everything runs, nothing changes, and that is said.
expect 0 "$program" up --detach
for node in alpha beta gamma; do grep -qE "$node +runs already" "$home/err" || fail "up does not say that $node ran: $(cat "$home/err")"; done
expect 0 "$program" up --nodes 2
grep -q -- '--nodes 2 stops none of the 3 that run' "$home/err" || fail "up does not say what --nodes 2 means: $(cat "$home/err")"
grep -q 'nothing here for ctrl-C to stop' "$home/err" || fail "up does not say that it stays detached: $(cat "$home/err")"
expect 0 "$program" wait cluster --for ready --timeout 20s
expect 0 "$program" tree -o json
for node in alpha beta gamma; do grep -q "\"node\":\"$node\"" "$home/out" || fail "tree lacks $node"; done
expect 0 "$program" nodes -o name
expect 5 "$program" up --detach --fresh
expect 2 "$program" down
expect 4 "$program" inspect /user/nothing/here
expect 1 "$program" send alpha:/user no.such_type '{}'

# A node that was killed stays dead until somebody wants it again.
gamma=$("$program" nodes -o json >/dev/null; grep -A2 '"name": "gamma"' "$COPPICE_DATA/cluster.json" | grep -oE '"pid": [0-9]+' | grep -oE '[0-9]+')
kill -KILL "$gamma"
expect 0 "$program" wait node/gamma --for absent --timeout 10s
expect 0 "$program" tree -o json
expect 0 "$program" up --detach
expect 0 "$program" wait node/gamma --for ready --timeout 20s
mapfile -t -O "${#pids[@]}" pids < <(field "$COPPICE_DATA/cluster.json" pid)

# Somebody wants it again while it still stops: a node that does not answer makes that last.
beta=$(grep -A2 '"name": "beta"' "$COPPICE_DATA/cluster.json" | grep -oE '"pid": [0-9]+' | grep -oE '[0-9]+')
kill -STOP "$beta"
"$program" down --yes --timeout 2s >"$home/down.out" 2>&1 & down=$!
until [ -e "$COPPICE_DATA/down.grace" ]; do sleep 0.01; done
expect 5 "$program" up --detach --timeout 100ms
grep -q 'is still under way after 100ms' "$home/err" || fail "up does not say what it waited for: $(cat "$home/err")"
# Two that wait for it: one starts the cluster, the other finds it there.
"$program" up --detach >"$home/second.out" 2>"$home/second.err" & second=$!
expect 0 "$program" up --detach
got=0; wait "$second" || got=$?
[ "$got" = 0 ] || fail "up beside up gave $got: $(cat "$home/second.err")"
grep -q 'in this folder already' "$home/err" "$home/second.err" || fail "no up says that the cluster runs: $(cat "$home/err" "$home/second.err")"
grep -q 'a `down` is under way in this folder' "$home/err" || fail "up does not say that it waits: $(cat "$home/err")"
got=0; wait "$down" || got=$?
[ "$got" = 7 ] || fail "down gave $got, expected 7: $(cat "$home/down.out")"
expect 0 "$program" wait cluster --for ready --timeout 20s
for node in alpha beta gamma; do grep -q "\"name\":\"$node\",\"state\":\"up\"" <("$program" nodes -o json) || fail "$node is not up after down and up"; done
mapfile -t -O "${#pids[@]}" pids < <(field "$COPPICE_DATA/cluster.json" pid)

expect 0 "$program" down --yes
for pid in "${pids[@]}"; do
  [ "$pid" = 0 ] || ! runs "$pid" || fail "process $pid is left: $(tr '\0' ' ' </proc/"$pid"/cmdline)"
done
for file in down.json down.grace; do [ ! -e "$COPPICE_DATA/$file" ] || fail "down leaves $file"; done
expect 3 "$program" tree
expect 0 "$program" down --yes
# The watcher is lost, its nodes are not: the next `up` knows what it was asked for and starts no others.
nodes_are() { [ "$(field "$home/out" name | sort -u | tr '\n' ' ')" = "$1" ] || fail "other nodes than $1: $(cat "$home/out")"; }
lose_watcher() {
  local watcher
  watcher=$(grep -A2 '"watcher"' "$COPPICE_DATA/cluster.json" | grep -oE '"pid": [0-9]+' | grep -oE '[0-9]+')
  kill -KILL "$watcher"
  for _ in $(seq 100); do runs "$watcher" || return 0; sleep 0.02; done
  fail "the watcher stays"
}
expect 0 "$program" up --detach --fresh --nodes 1
lose_watcher
expect 0 "$program" up --detach -o json
nodes_are 'alpha '
grep -q 'runs without its watcher' "$home/err" || fail "up does not say that it takes over: $(cat "$home/err")"
expect 0 "$program" down --yes
printf 'node: {name: lone}\n' >"$home/own.yaml"
expect 0 "$program" up --detach --fresh --config "$home/own.yaml"
lose_watcher
expect 0 "$program" up --detach -o json
nodes_are 'lone '
expect 2 "$program" up --detach --nodes 2
expect 0 "$program" down --yes
echo "up_down: ok"
