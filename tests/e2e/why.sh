#!/usr/bin/env bash
# `why` names actors that wait for each other, on one node and over two, and what holds up a shutdown.
# Usage: why.sh PROGRAM (its neighbour e2e_trial brings the actors)
. "$(dirname "$0")/lib.sh"
begin why "$(dirname "$1")/e2e_trial"
cat >"$home/trial.yaml" <<'YAML'
cluster: {name: trial}
nodes:
  alpha:
    user:
      - {id: left, type: trial.waiter, args: {to: /user/right}}
      - {id: right, type: trial.waiter, args: {to: 'alpha:/user/left'}}
      - {id: near, type: trial.waiter, args: {to: 'beta:/user/far'}}
      - {id: calm, type: trial.sink}
  beta:
    user:
      - {id: far, type: trial.waiter, args: {to: 'alpha:/user/near'}}
      - {id: deaf, type: trial.holder, shutdown: 20s}
YAML
expect 0 up --detach --config "$home/trial.yaml"
expect 0 why -o json
check_json "nobody waits yet" '[[], [], []]' '[d["waits"], d["cycles"], d["shutdown_blockers"]]'

# ---- two actors that wait for each other's answers ----
expect 0 send alpha:/user/left trial.question '{"text":"a"}'
expect 0 send beta:/user/far trial.question '{"text":"b"}'
cycles='[["alpha:/user/left", "alpha:/user/right"], ["alpha:/user/near", "beta:/user/far"]]'
for node in alpha beta; do
  eventually 10 "why names both cycles, asked at $node" is "$cycles" 'sorted(sorted(x) for x in d["cycles"])' why --node "$node"
done
sleep 1.1   # so that there is an age to be seen
expect 0 why -o json
check_json "each of the four waits once" '[["alpha:/user/left", "alpha:/user/right"], ["alpha:/user/near", "beta:/user/far"], ["alpha:/user/right", "alpha:/user/left"], ["beta:/user/far", "alpha:/user/near"]]' 'sorted([w["from"], w["to"]] for w in d["waits"] if w["type"] == "trial.question")'
check_json "type and since when" true 'all(1 < w["age_s"] < 60 for w in d["waits"] if w["type"] == "trial.question")'
check_json "the oldest" true 'd["oldest"]["age_s"] == max(w["age_s"] for w in d["waits"])'
expect 0 why
for text in alpha:/user/left alpha:/user/right alpha:/user/near beta:/user/far trial.question cycle; do check_in why "$text" "$out"; done
expect 0 why alpha:/user/left -o json
check_json "why PATH: that cycle alone" '[["alpha:/user/left", "alpha:/user/right"]]' '[sorted(x) for x in d["cycles"]]'
# Asked at the node that has it and at the other; and what no node has.
for node in alpha beta; do
  expect 0 why /user/calm --node "$node"
  expect_error 4 not_found why /user/none --node "$node"
done
expect 0 why alpha:/user/calm -o json
check_json "why of an actor that waits for nobody" '[[], []]' '[d["waits"], d["cycles"]]'
# Stopping one breaks the cycle: the other's question is answered with an error.
expect 0 stop alpha:/user/left --yes
eventually 10 "stopping one breaks the cycle" is '[["alpha:/user/near", "beta:/user/far"]]' '[sorted(x) for x in d["cycles"]]' why

# ---- what holds up a shutdown ----
expect 0 send beta:/user/deaf trial.hold '{"how_long":"9s"}'
begun=$(milliseconds)
"$program" down --yes --timeout 25s >"$home/down.out" 2>"$home/down.err" &
down=$!
blocked() { is '["beta:/user/deaf"]' '[x["path"] for x in d["shutdown_blockers"]]' why --node beta; }
eventually 10 "why names the child that does not stop" blocked
note "named after $(($(milliseconds) - begun)) ms"
check_json "why it does not" true '"does not return" in d["shutdown_blockers"][0]["reason"]'
check_json "since when" true '0 <= d["shutdown_blockers"][0]["age_s"] < 20'
expect 0 why --node beta
check_in "why while down waits" "blocks a shutdown: beta:/user/deaf" "$out"
status=0; wait "$down" || status=$?
check "down ends when the child does" 0 "$status"
