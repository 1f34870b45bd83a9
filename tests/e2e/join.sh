#!/usr/bin/env bash
# A fourth node joins the development cluster by one command, and is seen to go. Usage: join.sh PROGRAM
. "$(dirname "$0")/lib.sh"
begin join "$1"

expect 0 up --detach -o json
nats=$(get 'd["nats_url"]')
seed=$(json "$COPPICE_DATA/cluster.json" '"127.0.0.1:" + str(d["nodes"][0]["link_port"])')
data=$home/delta

# ---- what is missing is named ----
expect 2 node --name delta --join "$seed" --data "$data"
check_in "no certificates" "--certificates DIR (ca.crt, delta.crt and delta.key" "$err"
mkdir "$home/empty"
expect 2 node --name delta --join "$seed" --data "$data" --certificates "$home/empty"
check_in "an empty folder" "lacks ca.crt, delta.crt and delta.key" "$err"
expect 2 node --name delta --join 10.0.0.1:7400 --data "$data" --certificates "$COPPICE_DATA/ca"
check_in "no address for the others" "--listen HOST:PORT" "$err"

# ---- another cluster's: turned away, and the history says so once ----
"$program" node --name delta --cluster other --join "$seed" --certificates "$COPPICE_DATA/ca" --nats "$nats" \
  --data "$home/other" >"$home/other.log" 2>&1 &
other=$!
refused='[x for x in d if x["kind"] == "node" and "(cluster_name)" in x["text"]]'
told() { is true "len($refused) == 1" history --of alpha; }
eventually 10 "alpha tells that it refused a node" told
expect 0 history --of alpha -o json
check_json "who was refused" '[["127.0.0.1", "cluster_name", 1]]' "[[x['details'][k] for k in ('source', 'reason', 'count')] for x in $refused]"
kill -TERM "$other"; wait "$other" || true

# ---- one command ----
"$program" node --name delta --cluster dev --join "$seed" --certificates "$COPPICE_DATA/ca" --nats "$nats" \
  --data "$data" >"$home/delta.log" 2>&1 &
delta=$!
seen() { # STATE ASKED
  is "$1" '([n["state"] for n in d if n["name"] == "delta"] or ["unknown"])[0]' nodes --node "$2"
}
for node in alpha beta gamma; do eventually 10 "$node sees delta" seen up "$node"; done
expect 0 wait node/delta --for ready --timeout 10s
expect 0 tree -o json
check_json "one tree with delta" true '"delta" in [n["node"] for n in d]'
expect 0 spawn /user/extra --type edge.host_poller --on delta -o json
check_json "an actor there" '["delta", "running"]' '[d["node"], d["state"]]'
expect 0 request delta:/user/extra edge.get_status --node gamma -o json
check_json "asked over gamma" edge.status 'd["type"]'

# ---- SIGTERM: it leaves ----
kill -TERM "$delta"
status=0; wait "$delta" || status=$?
check "exit status of delta" 0 "$status"
left() { is true 'all(n["state"] in ("down", "removed", "leaving") for n in d if n["name"] == "delta")' nodes --node "$1"; }
for node in alpha beta gamma; do eventually 5 "$node sees delta gone" left "$node"; done
expect_error 3 node_down request delta:/user/extra edge.get_status --node alpha

# ---- again, by the environment and with the certificate that was issued ----
COPPICE_JOIN=$seed COPPICE_CLUSTER=dev COPPICE_CERTIFICATES=$data/tls COPPICE_NATS=$nats \
  "$program" node --name delta --data "$data" >"$home/delta2.log" 2>&1 &
delta=$!
for node in alpha gamma; do eventually 10 "$node sees delta again" seen up "$node"; done
kill -TERM "$delta"
status=0; wait "$delta" || status=$?
check "exit status of delta" 0 "$status"
expect 0 down --yes
check "processes left over" "" "$(ours | tr '\n' ' ')"
