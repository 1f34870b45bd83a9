#!/usr/bin/env bash
# Events: seen by us and by a foreign client, bridged to an actor, complete after NATS was killed, dead letters.
# Usage: events.sh PROGRAM
. "$(dirname "$0")/lib.sh"
begin events "$1"
host=/user/edge/host
foreign() { "$python" -IS "$here/nats_client.py" "$COPPICE_DATA" "$@"; }

# ---- the development cluster's file with three things of our own ----
"$python" -IS - "$root/config/dev.yaml" >"$home/mine.yaml" <<'PYTHON'
import sys
text = open(sys.argv[1]).read()
def change(old, new):
    global text
    if text.count(old) != 1:
        sys.exit(f"config/dev.yaml: expected {old!r} once, found it {text.count(old)} times")
    text = text.replace(old, new)
change("args: {interval: 1s}", "args: {interval: 50ms}")
change("      - {name: EDGE,", "      - {name: DEMO, subjects: [demo.>], max_age: 1d, max_bytes: 16MiB}\n      - {name: EDGE,")
change("  alerts:\n", """    bridges:
      - {subject: demo.interval, durable: demo, to: 'beta:/user/edge/host', type: edge.set_interval}
      - {subject: demo.small, durable: small, to: 'alpha:/user/edge/small', type: edge.set_interval}
  alerts:
""")
change("        - id: alerts ", "        - {id: small, type: edge.host_poller, args: {interval: 1h}, mailbox: {limit: 2}}\n        - id: alerts ")
print(text, end="")
PYTHON
expect 0 config check "$home/mine.yaml"
expect 0 up --detach --config "$home/mine.yaml"

# ---- the same CloudEvents here and in a foreign client ----
foreign sub 'edge.>' "$home/foreign.jsonl" 2>"$home/foreign.log" &
reader=$!
eventually 10 "the foreign client subscribes" test -e "$home/foreign.jsonl.ready"
expect 0 sub 'edge.*.host.sample' --count 12 -o json
cp "$out" "$home/ours.jsonl"
# Compares line by line; prints what differs, or how many were found in both.
compare() {
  "$python" -IS - "$home/ours.jsonl" "$home/foreign.jsonl" <<'PYTHON'
import json, sys
ours, foreign = ([json.loads(line) for line in open(name) if line.endswith("\n")] for name in sys.argv[1:])
theirs = {event["id"]: event for event in foreign}
same = 0
for event in ours:
    nats = event.pop("nats")
    if event["id"] not in theirs:
        sys.exit("not seen by the foreign client: " + event["id"])
    if event != theirs[event["id"]]:
        sys.exit(f"differs: {event} {theirs[event['id']]}")
    node = event["source"].split(":")[0]
    wrong = [key for key, want in {"specversion": "1.0", "type": "edge.host.sample", "source": node + ":/user/edge/host",
             "datacontenttype": "application/json"}.items() if event.get(key) != want]
    if wrong or nats["subject"] != f"edge.{node}.host.sample" or "busy" not in event["data"]["cpu"]:
        sys.exit(f"no sample as it should be, see {wrong}: {event} {nats}")
    if nats["headers"].get("Nats-Msg-Id") != [event["id"]]:
        sys.exit(f"Nats-Msg-Id is not the event's id: {nats}")
    same += 1
print(same)
PYTHON
}
arrived() { compare >/dev/null 2>&1; }
end=$((SECONDS + 5)); until arrived || [ $SECONDS -ge $end ]; do sleep 0.05; done
check "events in both clients" 12 "$(compare 2>&1)"
kill "$reader"; wait "$reader" 2>/dev/null || true

# ---- bridge: from a subject to an actor ----
interval() { is "$2" 'd["body"]["interval"]' request "$1" edge.get_status; }
expect 0 pub demo.interval '{"interval":"61ms"}' --event edge.set_interval -o json
check_json pub '["demo.interval", "DEMO", false]' '[d["subject"], d["stream"], d["duplicate"]]'
eventually 10 "the bridge changes the interval" interval "beta:$host" 61ms
foreign pub demo.interval '{"specversion":"1.0","id":"foreign-1","source":"/bench","type":"edge.set_interval","data":{"interval":"52ms"}}'
eventually 10 "a foreign client's event changes the interval" interval "beta:$host" 52ms
expect 0 pub demo.once one -H 'Nats-Msg-Id: same' -o json
check_json "the first one" false 'd["duplicate"]'
expect 0 pub demo.once one -H 'Nats-Msg-Id: same' -o json
check_json "the same message id again" true 'd["duplicate"]'
expect 0 pub nobody.keeps.this hello -o json
check_json "a subject that no stream keeps" true 'd["stream"] is None'

# ---- kill -9 of nats-server under load, twice ----
# Under load: the journals have filed more since the last look.
filed() {
  local sum=0 node
  for node in alpha beta gamma; do
    expect 0 request "$node:/user/edge/journal" edge.get_status -o json
    sum=$((sum + $(get 'd["body"]["filed"]')))
  done
  echo "$sum"
}
more_filed() { [ "$(filed)" -gt $((before + 60)) ]; }
back() { # OLD PID
  local now; now=$(pid_of nats)
  [[ $now =~ ^[0-9]+$ ]] && [ "$now" != "$1" ] && ! gone "$now" && is true 'len(d) > 0' streams
}
for round in 1 2; do
  before=$(filed)
  eventually 20 "journals file samples (round $round)" more_filed
  nats=$(pid_of nats)
  begun=$(milliseconds)
  kill -KILL "$nats"
  expect 0 request "alpha:$host" edge.get_status   # no node minds
  eventually 20 "nats-server is started again" back "$nats"
  note "round $round: NATS was back after $(($(milliseconds) - begun)) ms"
done
told() { # every node
  is '[["alpha", true, true], ["beta", true, true], ["gamma", true, true]]' \
    '[[n] + [any(x["node"] == n and x["kind"] == "nats" and word in x["text"] for x in d) for word in ("away", "back")] for n in ("alpha", "beta", "gamma")]' history
}
eventually 20 "history tells that NATS went and came" told
before=$(filed)
eventually 20 "journals go on" more_filed

# ---- quiet ----
for node in alpha beta gamma; do expect 0 request "$node:$host" edge.set_interval '{"interval":"10h"}'; done
settled=$((SECONDS + 45))

# ---- dead letters ----
waiting() { is "$1" 'len(d)' dlq ls; }
expect 0 dlq ls -o json
check_json "dead letters of good events" '[]' d
foreign pub demo.interval '{"specversion":"1.0","id":"bad-1","source":"/bench","type":"edge.set_interval","data":{"intervall":"1s"}}'
eventually 10 "a wrongly typed message becomes a dead letter" waiting 1
expect 0 dlq ls -o json
check_json "dlq ls" '["bridge", "demo.interval", "edge.set_interval", "waiting"]' '[d[0][k] for k in ("origin", "subject", "type", "state")]'
check_json "dlq ls" true 'set(d[0]) >= {"id","at","reason","origin","subject","type","attempts","trace_id","size"} and "intervall" in d[0]["reason"]'
letter=$(get 'd[0]["id"]')
expect 0 dlq show "$letter" -o json
check_json "dlq show" bad-1 'json.loads(d["payload"])["id"]'
expect 0 dlq summary -o json
check_json "dlq summary" '[1, "demo.interval"]' '[d[0]["count"], d[0]["subject"]]'
expect 0 dlq replay "$letter" --to nats:demo.small --dry-run -o json
check_json "dlq replay --dry-run" '[false, "nats:demo.small"]' '[d["replayed"], d["to"]]'
expect 2 dlq drop "$letter"
expect 0 dlq drop "$letter" --yes
expect 0 dlq ls -o json
check_json "dlq ls after drop" '[]' d
expect 0 dlq show "$letter" -o json
check_json "a dropped letter" dropped 'd["state"]'
run dlq replay "$letter"
[ "$status" != 0 ] || fail "replay of a dropped letter" "refused" "exit status 0"
expect_error 4 not_found dlq show 00000000-0000-7000-8000-000000000000
expect_error 4 not_found dlq drop 00000000-0000-7000-8000-000000000000 --yes

# A good message for an actor that was stopped: replaying has the effect that was missing, once.
expect 0 stop alpha:/user/edge/small --yes
expect 0 pub demo.small '{"interval":"3h"}' --event edge.set_interval
eventually 20 "a message for a stopped actor becomes a dead letter" waiting 1
expect 0 dlq ls --origin bridge -o json
letter=$(get 'd[0]["id"]')
check_json "dlq ls" true 'd[0]["attempts"] > 1 and "/user/edge/small" in d[0]["reason"]'
expect 0 restart alpha:/user/edge/small
expect 0 request alpha:/user/edge/small edge.get_status -o json
check_json "before the replay" 1h 'd["body"]["interval"]'
expect 0 dlq replay "$letter" -o json
check_json "dlq replay" '[true, "nats:demo.small"]' '[d["replayed"], d["to"]]'
eventually 10 "the replayed message has its effect" interval alpha:/user/edge/small 3h
expect 0 request alpha:/user/edge/small edge.set_interval '{"interval":"4h"}'
expect 0 dlq replay "$letter" -o json
check_json "the second replay" false 'd["replayed"]'
# Had the second replay been sent, it would come before this one, which takes the same way.
expect 0 pub demo.small '{"interval":4}' --event edge.set_interval
eventually 20 "the next message is through" waiting 1
expect 0 request alpha:/user/edge/small edge.get_status -o json
check_json "the second replay does nothing" 4h 'd["body"]["interval"]'
expect 0 dlq ls --state replayed -o json
check_json "dlq ls --state replayed" true '[x["id"] for x in d] == a' "$letter"
expect 0 dlq show "$letter" -o json
check_json "dlq show of a replayed letter" nats:demo.small 'd["replayed_to"]'

# ---- everything published is filed, once ----
# An event whose acknowledgement died with the server comes again after the consumer's ack_wait of 30 s.
eventually 20 "the outbox is empty" is true 'all(x["pending"] == 0 for x in d)' outbox ls
eventually $((settled > SECONDS ? settled - SECONDS : 1)) "the consumer is through" \
  is '[0, 0]' '[[x["lag"], x["ack_pending"]] for x in d if x["name"] == "journal"][0]' consumers
for node in alpha beta gamma; do
  for actor in host small; do
    expect 0 request "$node:/user/edge/$actor" edge.get_status -o json
    cp "$out" "$home/status-$node-$actor"
  done
  expect 0 events read "$node:edge-samples" --limit 10000 -o json
  cp "$out" "$home/filed-$node"
done
cat >"$home/audit.py" <<'PYTHON'
import collections, json, sys
home = sys.argv[1]
nodes = ("alpha", "beta", "gamma")
where = collections.defaultdict(list)
by_source = collections.Counter()
for node in nodes:
    events = json.load(open(f"{home}/filed-{node}"))
    if [e["version"] for e in events] != list(range(1, len(events) + 1)):
        print(f"versions of {node} have gaps")
    for event in events:
        if not where[event["id"]]:
            by_source[event["metadata"]["source"]] += 1
        where[event["id"]].append(node)
for node in nodes:
    for actor in ("host", "small"):
        body = json.load(open(f"{home}/status-{node}-{actor}"))["body"]
        source = f"{node}:/user/edge/{actor}"
        if body["published"] != body["polls"] - body["failures"]:
            print(f"{source} polled {body['polls']} times and published {body['published']}")
        # `small` was stopped and started on the way, so its own figures began anew.
        if by_source[source] < body["published"] or (actor == "host" and by_source[source] != body["published"]):
            print(f"{source} published {body['published']}, filed are {by_source[source]}")
twice = {id: at for id, at in where.items() if len(at) > 1}
if twice:
    print(f"{len(twice)} of {len(where)} events are filed more than once, for example {list(twice.items())[:3]}")
if len(where) < 180:  # what the three waits above saw at least
    print(f"only {len(where)} events: that was no load")
PYTHON
check "each event is filed exactly once over the three journals" "" "$("$python" -IS "$home/audit.py" "$home" 2>&1)"
