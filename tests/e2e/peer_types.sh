#!/usr/bin/env bash
# Two programs with different message types in one cluster: they join, and what the other does not know fails here.
# Usage: peer_types.sh PROGRAM (its neighbour e2e_trial brings types that PROGRAM does not have)
. "$(dirname "$0")/lib.sh"
begin peer_types "$1"
trial=$(dirname "$program")/e2e_trial
free_port() { "$python" -IS -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
expect 0 pki init "$home/ca"
for node in alpha beta; do expect 0 pki issue "$node" --ca "$home/ca" --out "$home/$node"; done
config() { # NODE PORT: prints what both have
  cat <<YAML
node: {name: $1, data: $home/$1/data}
cluster:
  name: mixed
  listen: 127.0.0.1:$2
  seeds: ['127.0.0.1:$port']
  certificates: {ca: $home/$1/ca.crt, cert: $home/$1/$1.crt, key: $home/$1/$1.key}
admin: {socket: $home/$1/s}
log: {file: $home/$1/node.log}
user:
YAML
}
config alpha "$port" >"$home/alpha.yaml"
cat >>"$home/alpha.yaml" <<'YAML'
  - {id: first, type: trial.forwarder, args: {to: 'beta:/user/host'}}
  - {id: self, type: trial.forwarder, args: {to: 'alpha:/user/last'}}
  - {id: last, type: trial.sink}
YAML
config beta 0 >"$home/beta.yaml"
cat >>"$home/beta.yaml" <<'YAML'
  - {id: host, type: edge.host_poller, args: {interval: 1h}}
YAML
"$trial" node --config "$home/alpha.yaml" 2>"$home/alpha.log" &
"$program" node --config "$home/beta.yaml" 2>"$home/beta.log" &
beta=$!
export COPPICE_NODE=unix://$home/alpha/s

# ---- the join allows types that one side lacks ----
joined() { is '[["alpha", "up"], ["beta", "up"]]' 'sorted([n["name"], n["state"]] for n in d)' nodes; }
eventually 20 "nodes of two programs join" joined
check_json "their schemas differ" 2 'len({n["schema"] for n in d})'
expect 0 request beta:/user/host edge.get_status -o json
check_json "the other program's own messages go there" edge.status 'd["type"]'

# ---- schema diff ----
expect 0 schema diff alpha beta -o json
check_json "schema diff of the two" compatible 'd["verdict"]'
check_json "schema diff names what one lacks" true 'any("trial.step" in x for x in d["differences"]) and any("edge.set_interval" in x for x in d["differences"])'
"$trial" schema show >"$home/trial.json"
"$program" schema show >"$home/coppice.json"
expect 0 schema diff alpha "$home/trial.json" -o json
check_json "schema diff of a program with itself" '["equal", []]' '[d["verdict"], d["differences"]]'
expect 0 schema diff "$home/trial.json" "$home/coppice.json"
check_in "schema diff" compatible "$out"
sed 's/"how_long"/"how_short"/' "$home/trial.json" >"$home/changed.json"
run schema diff "$home/trial.json" "$home/changed.json" -o json
check_json "schema diff of a changed field" breaking 'd["verdict"]'
check "exit status of a breaking difference" 1 "$status"

# ---- a message that the other does not know fails here ----
expect_error 1 unknown_type_at_peer request alpha:/user/first trial.step '{"text":"x"}'
for text in trial.step beta; do check_in "the error names it" "$text" "$out"; done
expect 0 request alpha:/user/self trial.step '{"text":"y"}' -o json
check_json "on a node that knows it it arrives" '["y"]' 'd["body"]["texts"]'
expect 0 send alpha:/user/first trial.step '{"text":"z"}'
letter() { is '["actor", "beta:/user/host", "trial.step"]' '[d[0][k] for k in ("origin", "subject", "type")]' dlq ls; }
eventually 10 "a message that nobody waits for becomes a dead letter" letter
check_json "its reason" true '"unknown_type_at_peer" in d[0]["reason"] or "does not know the message type" in d[0]["reason"]'
expect_error 1 unknown_type send beta:/user/host trial.step '{"text":"x"}' --node "unix://$home/beta/s"
expect 0 request beta:/user/host edge.get_status   # the link minds nothing of it

# ---- a type that both know must be equal: see cluster tests; a program of the same types again is welcome ----
kill "$beta"; wait "$beta" 2>/dev/null || true
config beta 0 >"$home/beta.yaml"
echo "  - {id: host, type: trial.sink}" >>"$home/beta.yaml"
"$trial" node --config "$home/beta.yaml" 2>>"$home/beta.log" &
known() { run request alpha:/user/first trial.step '{"text":"again"}' -o json; [ "$status" = 0 ]; }
eventually 20 "the same node with a program that knows the type" known
check_json "now it arrives" '["again"]' 'd["body"]["texts"]'
for job in $(jobs -p); do kill "$job"; done
wait 2>/dev/null || true
