#!/usr/bin/env bash
# Three nodes as one: the tree, actors on other nodes, a drill, a killed node, a clean end. Usage: cluster.sh PROGRAM
. "$(dirname "$0")/lib.sh"
begin cluster "$1"
host=/user/edge/host

# ---- up ----
expect 0 up --detach -o json
check_json "up --detach" '["alpha", "beta", "gamma"]' 'sorted(n["name"] for n in d["nodes"])'
check_json "up --detach" true 'd["nats_url"].startswith("nats://127.0.0.1:") and d["data"] == a[0]' "$COPPICE_DATA"
expect 0 wait cluster --for ready --timeout 5s -o json
expect 0 nodes -o json
check_json nodes '[["alpha", "up"], ["beta", "up"], ["gamma", "up"]]' 'sorted([n["name"], n["state"]] for n in d)'
check_json nodes true 'len({n["schema"] for n in d}) == 1 and all(n["actors"] > 0 and n["uptime_s"] >= 0 for n in d)'

# ---- one tree, whichever node is asked ----
edge='sorted([n["node"], n["path"], n["state"]] for n in walk(d) if n["kind"] == "worker" and n["path"].startswith("/user/"))'
whole=$("$python" -IS -c 'import json; print(json.dumps([[n, "/user/edge/" + c, "running"] for n in ("alpha", "beta", "gamma") for c in ("alerts", "host", "journal")]))')
expect 0 tree -o json
check_json tree "$whole" "$edge"
check_json tree '[["/", "supervisor"], ["/", "supervisor"], ["/", "supervisor"]]' '[[n["path"], n["kind"]] for n in d]'
check_json tree true '[n for n in walk(d) if n["path"] == "/user/edge"][0].keys() >= {"strategy", "intensity", "period", "restarts_in_window"}'
for node in alpha beta gamma; do
  # Nothing but this socket is known to the asker.
  COPPICE_DATA=$home/elsewhere expect 0 tree --node "unix://$COPPICE_DATA/$node/admin.sock" -o json
  check_json "tree over $node's socket" "$whole" "$edge"
done
expect 0 tree
for node in alpha beta gamma; do check_in "tree as text" "$node:/" "$out"; done

# ---- actors of another node ----
expect 0 request "gamma:$host" edge.get_status '{}' --node alpha -o json
check_json "request to gamma" edge.status 'd["type"]'
expect 0 send "gamma:$host" edge.set_interval '{"interval":"200ms"}' --node alpha
changed() { is 200ms 'd["body"]["interval"]' request "gamma:$host" edge.get_status --node beta; }
eventually 10 "a message sent over alpha reaches gamma" changed

extra=beta:/user/edge/extra
expect 0 spawn "$extra" --type edge.host_poller --args '{"interval":"1h"}' --node alpha -o json
check_json spawn '["beta", "/user/edge/extra", "running", 1]' '[d["node"], d["path"], d["state"], d["incarnation"]]'
expect 0 wait "$extra" --for running --node gamma --timeout 10s
expect 0 stop "$extra" --yes --node alpha
expect 0 inspect "$extra" -o json
check_json stop stopped 'd["state"]'
expect 0 restart "$extra" --node gamma
expect 0 inspect "$extra" -o json
check_json restart '["running", 2]' '[d["state"], d["incarnation"]]'
expect 0 suspend "$extra" --node gamma
expect 0 send "$extra" edge.set_interval '{"interval":"2h"}' --node gamma
expect 0 inspect "$extra" --node gamma -o json
check_json suspend '["suspended", 1, "1h"]' '[d["state"], d["mailbox"], d["user_state"]["interval"]]'
expect 0 resume "$extra" --node gamma
expect 0 request "$extra" edge.get_status -o json
check_json resume 2h 'd["body"]["interval"]'
expect 0 spawn /user/edge/second --type edge.host_poller --args '{"interval":"1h"}' --on gamma --node beta -o json
check_json "spawn --on" '["gamma", "/user/edge/second"]' '[d["node"], d["path"]]'
expect 0 delete gamma:/user/edge/second --yes --node beta -o json
check_json delete '["gamma", "/user/edge/second", "removed", []]' '[d["node"], d["path"], d["state"], d["killed"]]'
expect_error 4 not_found inspect gamma:/user/edge/second
expect_error 1 refused delete "gamma:$host" --yes --node alpha   # the configuration has it
expect_error 1 refused delete alpha:/system/store --yes
expect_error 2 usage delete "$extra"

expect_error 1 not_accepted send alpha:/system/store edge.get_status '{}' --node beta
expect_error 1 not_accepted request alpha:/system/store edge.get_status '{}'

# ---- what commands NATS itself is not published to ----
expect_error 1 refused pub '$JS.API.STREAM.DELETE.EDGE' ''
expect_error 1 refused req '$JS.API.STREAM.DELETE.EDGE' ''
expect 0 stream info EDGE

# ---- consumers of a stream ----
expect 0 sub 'edge.>' --durable audit --ack --count 1 -o json
expect 0 consumer info EDGE audit -o json
check_json "consumer info" '["EDGE", "audit"]' '[d["stream"], d["name"]]'
expect_error 5 conflict consumer rm EDGE journal --yes   # the journals read from it
expect 0 consumer rm EDGE audit --yes
expect_error 4 not_found consumer rm EDGE audit --yes
expect 0 sub 'edge.>' --last --count 1 -o json
eventually 5 "the consumers of sub go with it" is '["journal"]' '[x["name"] for x in d]' consumers EDGE
expect 0 outbox -o json
check_json outbox '["alpha", "beta", "gamma"]' 'sorted(x["node"] for x in d)'

# ---- a drill: restarted in place, with its mailbox ----
expect 0 suspend "beta:$host"
for seconds in 41 42 43; do expect 0 send "beta:$host" edge.set_interval "{\"interval\":\"${seconds}s\"}"; done
expect 0 inspect "beta:$host" -o json
check_json "before the drill" '[1, 3, []]' '[d["incarnation"], d["mailbox"], d["history"]]'
handled=$(get 'd["messages"]["in"]')
expect 0 chaos crash "beta:$host" --yes
restarted() { is 2 'd["incarnation"]' inspect "beta:$host"; }
eventually 10 "chaos crash restarts the poller" restarted
run resume "beta:$host"   # only needed when the suspension outlives the restart
expect 0 request "beta:$host" edge.get_status -o json
check_json "messages that waited during the crash" 43s 'd["body"]["interval"]'
expect 0 inspect "beta:$host" --node alpha -o json
check_json "after the drill" '["running", 2, 1, 1, 0]' '[d["state"], d["incarnation"], d["restarts"], len(d["history"]), d["mailbox"]]'
check_json "after the drill" true 'd["messages"]["in"] >= int(a[0]) + 3' "$handled"
check_json "last_exit" true 'bool(d["last_exit"]["reason"]) and d["last_exit"]["reason"] == d["history"][0]["reason"] and d["last_exit"]["at"] == d["history"][0]["at"]'
check_json "history" true 'd["history"][0]["downtime_ms"] < 5000 and {"at", "reason", "message_type", "trace_id", "downtime_ms", "stack"} <= d["history"][0].keys()'
at=$(get 'd["history"][0]["at"]')
expect 0 history --path "$host" --of beta -o json
# What is told a moment late stands behind what was told already: here, behind the audit of the drill.
seconds='(lambda t: sum(float(x) * y for x, y in zip(t[11:-1].split(":"), (3600, 60, 1))))'
check_json "history has the restart at the time of the crash" true "any(x['kind'] == 'restart' and 0 <= $seconds(x['at']) - $seconds(a[0]) < 1 for x in d)" "$at"
check_json "history has the restart" true 'any(x["kind"] == "restart" and x["node"] == "beta" and x["path"].endswith("/user/edge/host") for x in d)'
expect 0 history --node gamma -o json
check_json "history --node" '["gamma"]' 'sorted({x["node"] for x in d})'
expect 0 history -o json
check_json "history has the drill" true 'any(x["kind"] == "drill" for x in d)'

# ---- a killed supervisor: all below it, as in a shutdown, and then its restart ----
expect 0 kill beta:/user/edge --yes
told_in_order() {
  is '["extra", "journal", "alerts", "host", "edge"]' \
    '[x["path"].split("/")[-1] for x in d if "its supervisor was killed" in x["text"] or x["kind"] == "restart" and x["path"].endswith("/user/edge")]' \
    history --of beta
}
eventually 10 "history of a killed supervisor" told_in_order
expect 0 wait beta:/user/edge/journal --for running --timeout 10s
expect 0 kill beta:/user --yes
with_user() {
  is '["journal", "alerts", "host", "edge", "user"]' \
    '[x["path"].split("/")[-1] for x in d if "its supervisor was killed" in x["text"] or x["kind"] == "restart" and x["path"].endswith("/user")][-5:]' \
    history --of beta
}
eventually 10 "history of a killed /user" with_user
expect 0 wait beta:/user/edge/journal --for running --timeout 10s
check "nothing stray on stderr" "" "$(cat "$COPPICE_DATA"/*/stderr.log | grep -F '***' || true)"

# ---- kill -9 ----
timeout 60 "$program" sub 'coppice.>' -o json >"$home/told.jsonl" 2>"$home/told.log" &
reader=$!
audited() { run log-level admin info --node alpha; grep -q coppice.audit "$home/told.jsonl"; }
eventually 10 "the reader has begun" audited
gamma=$(pid_of gamma)
begun=$(milliseconds)
kill -KILL "$gamma"
down() { is down '[n["state"] for n in d if n["name"] == "gamma"][0]' nodes --node "$1"; }
eventually 10 "alpha sees gamma down" down alpha
took=$(($(milliseconds) - begun))
eventually 3 "beta sees gamma down" down beta
note "gamma was seen down after $took ms"
[ "$took" -le 3000 ] || fail "kill -9 of a node" "seen as down within 3000 ms" "$took ms"
expect 0 request "beta:$host" edge.get_status --node alpha
expect 0 send "alpha:$host" edge.set_interval '{"interval":"1s"}' --node beta
expect_error 3 node_down request "gamma:$host" edge.get_status --node alpha
expect 0 tree -o json --node alpha
check_json "tree without gamma" '[["alpha", "running"], ["beta", "running"], ["gamma", "failed"]]' 'sorted([n["node"], n["state"]] for n in d)'
check_json "tree without gamma" node_down '[n["error"]["code"] for n in d if n["node"] == "gamma"][0]'
expect 1 status -o json
check_json "status tells of gamma" true 'not d["ok"] and any(p["node"] == "gamma" and p["area"] == "node" for p in d["problems"])'
gone "$gamma" || fail "the killed process" "gone" "$gamma runs"

begun=$(milliseconds)
expect 0 up --detach
expect 0 wait node/gamma --for ready --timeout 10s
up() { is '[["alpha", "up"], ["beta", "up"], ["gamma", "up"]]' 'sorted([n["name"], n["state"]] for n in d)' nodes --node "$1"; }
for node in alpha beta gamma; do eventually 10 "$node sees three nodes up again" up "$node"; done
note "gamma was back after $(($(milliseconds) - begun)) ms"
told() { # SUBJECT: about gamma
  grep -F "\"subject\":\"$1\"" "$home/told.jsonl" | grep -qF '"node":"gamma"'
}
for state in suspect down up; do eventually 5 "alpha's event of gamma: $state" told "coppice.alpha.node.$state"; done
kill "$reader"; wait "$reader" 2>/dev/null || true
check "gamma is another process" no "$([ "$(pid_of gamma)" = "$gamma" ] && echo yes || echo no)"
expect 0 history --of gamma -o json
check_json "what gamma told before is there" true 'any("spawn" in x["text"] and "/user/edge/second" in x["text"] for x in d)'
expect 0 request "gamma:$host" edge.get_status --node alpha -o json
check_json "gamma answers again" edge.status 'd["type"]'

# ---- a drill that kills a node, and `up` at once ----
gamma=$(pid_of gamma)
expect 0 chaos kill-node gamma --yes --node alpha
# Its links are closed before the system has taken the process away.
eventually 2 "kill-node ends when the node is gone" gone "$gamma"
expect 0 up --detach -o json
check_json "up after kill-node" true '[n["state"] == "up" and n["pid"] != int(a[0]) for n in d["nodes"] if n["name"] == "gamma"][0]' "$gamma"
gamma=$(pid_of gamma) ports=$(json "$COPPICE_DATA/cluster.json" '[n["link_port"] for n in d["nodes"]]')
kill -KILL "$gamma"
expect 0 up --detach -o json
check_json "up after a crash" true '[n["state"] == "up" and n["pid"] != int(a[0]) for n in d["nodes"] if n["name"] == "gamma"][0]' "$gamma"
check "ports after a crash" "$ports" "$(json "$COPPICE_DATA/cluster.json" '[n["link_port"] for n in d["nodes"]]')"

# ---- down ----
pids="$(pid_of alpha) $(pid_of beta) $(pid_of gamma) $(pid_of nats) $(pid_of watcher)"
expect 0 down --yes
for pid in $pids; do
  gone "$pid" || fail "down leaves no process" "none" "$pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
done
check "processes left over" "" "$(ours | tr '\n' ' ')"
expect_error 3 unavailable tree
