#!/usr/bin/env bash
# How a node ends whose actors do not: by one signal, and at once by a second one.
# Usage: stop.sh PROGRAM (its neighbour e2e_trial brings the actors)
. "$(dirname "$0")/lib.sh"
begin stop "$(dirname "$1")/e2e_trial"

start() { # SHUTDOWN: a node with an actor that is busy for 30 s
  cat >"$home/node.yaml" <<YAML
node: {name: alpha, data: $home/data}
user:
  - {id: calm, type: trial.sink}
  - {id: deaf, type: trial.holder, shutdown: $1}
YAML
  "$program" node --config "$home/node.yaml" 2>"$home/node.log" &
  node=$!
  eventually 10 "the node is ready" is true 'd[0]["node"] == "alpha"' tree --node "unix://$home/data/admin.sock"
  expect 0 send /user/deaf trial.hold '{"how_long":"30s"}' --node "unix://$home/data/admin.sock"
}
ended() { # MILLISECONDS WHAT: it is gone within the time, with 7
  local end=$(($(milliseconds) + $1))
  until gone "$node"; do
    [ "$(milliseconds)" -lt "$end" ] || fail "$2" "gone within $1 ms" "it runs"
    sleep 0.02
  done
  status=0; wait "$node" || status=$?
  check "$2: exit status" 7 "$status"
}

# ---- a second signal ends it at once ----
for shutdown in infinity 2s; do
  start "$shutdown"
  kill -TERM "$node"
  eventually 5 "it stops" grep -qF "stopping: SIGTERM" "$home/node.log"
  kill -TERM "$node"
  ended 2000 "shutdown: $shutdown, a second SIGTERM"
  check_in "the log names the busy one" '"/user/deaf had not ended' "$home/node.log"
  check_in "so does the last line" "had not ended: /user/deaf" "$home/node.log"
done

# ---- left behind by one signal ----
start 500ms
kill -TERM "$node"
ended 9000 "a handler that does not return"
check_in "the log names it" "/user/deaf does not return from its handler and is left behind" "$home/node.log"

