#!/usr/bin/env bash
# A child that crashes past every intensity, up to the root: the log has the chain of reasons, the process ends with 1.
# Usage: gives_up.sh PROGRAM
. "$(dirname "$0")/lib.sh"
begin gives_up "$1"
cat >"$home/node.yaml" <<YAML
node: {name: alpha, data: $home/data}
chaos: {enabled: true}
user:
  - id: outer
    supervisor: {intensity: 0}
    children:
      - id: inner
        supervisor: {intensity: 0}
        children: [{id: host, type: edge.host_poller}]
YAML
"$program" node --config "$home/node.yaml" 2>"$home/node.log" &
node=$!
eventually 10 "the node is ready" is true 'd[0]["node"] == "alpha"' tree --node "unix://$home/data/admin.sock"

# Two supervisors allow no restart, /user and the root a few; a drill that comes while nothing runs there is refused.
drill() {
  curl -s -m 5 -o /dev/null -X POST --unix-socket "$home/data/admin.sock" \
    'http://node/v1/chaos/crash?path=/user/outer/inner/host' || true
}
drilled_down() { gone "$node" || { drill; gone "$node"; }; }
eventually 30 "the node ends" drilled_down
status=0; wait "$node" || status=$?
check "exit status" 1 "$status"

chain=''
for child in "'host': fault drill" "'inner': " "'outer': " "'user': "; do
  chain="[0-9]+ restarts within [0-9]+s, [0-9]+ allowed, the last one for child $child$chain"
done
said_once() { # WHAT PATTERN
  check "$1" 1 "$(grep -cE -- "$2" "$home/node.log" || true)"
}
said_once "the log: the root gave up, with the reasons of all below it" "\"level\":\"error\".*\"message\":\"the root supervisor gave up: $chain\""
said_once "the last words" "^coppice node: the root supervisor gave up: $chain\$"
for path in /user /user/outer /user/outer/inner; do
  check_in "$path gave up" "\"level\":\"error\",\"subsystem\":\"supervision\",\"node\":\"alpha\",\"path\":\"$path\",\"message\":\"$path gave up: " "$home/node.log"
done
check_in "the node closed what it had open" '"message":"stopped"' "$home/node.log"
