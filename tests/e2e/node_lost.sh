#!/usr/bin/env bash
# What becomes of messages and requests to another node when they cannot arrive, and when the node dies meanwhile.
# Usage: node_lost.sh PROGRAM (its neighbour e2e_trial brings the actors)
. "$(dirname "$0")/lib.sh"
begin node_lost "$(dirname "$1")/e2e_trial"
cat >"$home/trial.yaml" <<'YAML'
cluster: {name: trial}
nodes:
  alpha:
    user:
      - {id: to_none, type: trial.forwarder, args: {to: 'beta:/user/none'}}
      - {id: to_sink, type: trial.forwarder, args: {to: 'beta:/user/sink'}}
      - {id: call, type: trial.patient, args: {to: 'beta:/user/silent'}}
      - {id: ever, type: trial.patient, args: {to: 'beta:/user/silent', how: ever}}
      - {id: outside, type: trial.patient, args: {to: 'beta:/user/silent', how: outside}}
      - {id: passed, type: trial.patient, args: {to: /user/delegator}}
      - {id: delegator, type: trial.delegator, args: {to: 'beta:/user/silent'}}
      - {id: near, type: trial.patient, args: {to: /user/silent}}
      - {id: silent, type: trial.silent}
  beta:
    user:
      - {id: sink, type: trial.sink}
      - {id: silent, type: trial.silent}
YAML
expect 0 up --detach --config "$home/trial.yaml"

# ---- a message that nobody waits for becomes a dead letter where it is known that it reaches nobody ----
lost() { # SENDER RECEIVER REASON KEEPER
  expect 0 send "alpha:/user/$1" trial.step '{"text":"lost"}' --node alpha -o json
  local trace; trace=$(get 'd["trace_id"]')
  letters() { run dlq ls --node "$2" -o json; [ "$(get '[x["subject"] for x in d if x["trace_id"] == a[0]] == [a[1]]' "$trace" "$1")" = true ]; }
  eventually 10 "a dead letter at $4: $3" letters "$2" "$4"
  check_json "the letter" '["actor", "trial.step", "waiting"]' '[[x[k] for k in ("origin", "type", "state")] for x in d if x["trace_id"] == a[0]][0]' "$trace"
  check_json "its reason" true 'a[1] in [x["reason"] for x in d if x["trace_id"] == a[0]][0]' "$trace" "$3"
  expect 0 dlq show "$(get '[x["id"] for x in d if x["trace_id"] == a[0]][0]' "$trace")" --node "$4" -o json
  check_json "its payload" '{"text": "lost"}' 'json.loads(d["payload"])'
}
lost to_none beta:/user/none "has no child" beta
expect_error 4 not_found request alpha:/user/to_none trial.step '{"text":"asked"}'
expect 0 send alpha:/user/to_sink trial.step '{"text":"arrives"}'
arrived() { is '["arrives"]' 'd["body"]["texts"]' request beta:/user/sink trial.look; }
eventually 10 "a message that arrives" arrived
expect 0 stop beta:/user/sink --yes
lost to_sink beta:/user/sink "nothing runs there" beta
expect_error 5 actor_stopped request alpha:/user/to_sink trial.step '{"text":"asked"}'

# ---- requests under way to a node that dies ----
ask() { # NAME PATH
  "$program" request "$2" trial.question '{"text":"?"}' --node alpha --timeout 30s -o json >"$home/$1.out" 2>"$home/$1.err" &
  asking[$1]=$!
}
declare -A asking=()
for who in call ever outside passed near; do ask "$who" "alpha:/user/$who"; done
ask direct beta:/user/silent
open='sorted([w["from"], w["to"]] for w in d["waits"] if w["type"] == "trial.question" and w["from"] != "(outside)" and w["to"] != "(unknown)")'
all='[["alpha:/user/call", "beta:/user/silent"], ["alpha:/user/ever", "beta:/user/silent"], ["alpha:/user/near", "alpha:/user/silent"], ["alpha:/user/passed", "beta:/user/silent"]]'
eventually 10 "why shows who waits" is "$all" "$open" why --node alpha
on_beta() { is 1 'len([w for w in d["waits"] if w["to"] == "beta:/user/silent" and w["from"] == "(outside)"])' why --node beta; }
eventually 10 "the direct request has arrived" on_beta
sleep 0.3   # the one from outside of the tree is on no list
beta=$(pid_of beta)
begun=$(milliseconds)
kill -KILL "$beta"
for who in call ever outside passed direct; do
  status=0; wait "${asking[$who]}" || status=$?
  took=$(($(milliseconds) - begun))
  check "exit status of the request '$who'" 3 "$status"
  check "its error" node_down "$(json "$home/$who.out" 'd["error"]["code"]')"
  [ "$took" -le 5000 ] || fail "the request '$who' ends with the node" "within 5000 ms" "$took ms"
done
note "answered $took ms after kill -9"
eventually 5 "why shows who waits still" is '[["alpha:/user/near", "alpha:/user/silent"]]' "$open" why --node alpha
expect_error 3 node_down request alpha:/user/call trial.question '{"text":"again"}'
lost to_sink beta:/user/sink "node 'beta' is" alpha

# ---- the node comes back, and so do its answers ----
expect 0 up --detach --config "$home/trial.yaml"
expect 0 wait node/beta --for ready --timeout 10s
eventually 10 "messages arrive again" is true '"again" in d["body"]["texts"]' request alpha:/user/to_sink trial.step '{"text":"again"}'
ask call alpha:/user/call
eventually 10 "a request over the new link is open" is '[["alpha:/user/call", "beta:/user/silent"], ["alpha:/user/near", "alpha:/user/silent"]]' "$open" why --node alpha
expect 0 stop beta:/user/silent --yes
status=0; wait "${asking[call]}" || status=$?
check "and is answered over it" actor_crashed "$(json "$home/call.out" 'd["error"]["code"]')"
expect 0 down --yes
