#!/usr/bin/env bash
# One `trace` follows a message from the console over three nodes, a timer and NATS; streams of other nodes.
# Usage: trace.sh PROGRAM (its neighbour e2e_trial brings the actors)
. "$(dirname "$0")/lib.sh"
begin trace "$(dirname "$1")/e2e_trial"
cat >"$home/trial.yaml" <<'YAML'
cluster: {name: trial}
defaults:
  admin: {read_only_without_token: true}
  chaos: {enabled: true}
  events:
    streams:
      - {name: TRIAL, subjects: [trial.>], max_age: 1d, max_bytes: 16MiB}
nodes:
  alpha:
    user:
      - {id: first, type: trial.forwarder, args: {to: 'beta:/user/second'}}
      - {id: lone, type: trial.sink}
  beta:
    user:
      - {id: second, type: trial.publisher, args: {subject: trial.step, wait: 20ms}}
      - {id: lone, type: trial.sink}
  gamma:
    events:
      bridges:
        - {subject: trial.step, durable: third, to: /user/third, type: trial.step}
        - {subject: trial.step, to: /user/fourth, type: trial.step}
    user:
      - {id: third, type: trial.sink}
      - {id: fourth, type: trial.sink}
      - {id: fifth, type: trial.subscriber, args: {subject: trial.step, durable: fifth}}
      - {id: sixth, type: trial.subscriber, args: {subject: trial.step}}
      - {id: lone, type: trial.sink}
YAML
expect 0 config check "$home/trial.yaml"
expect 0 up --detach --config "$home/trial.yaml"

# ---- one trace over everything ----
"$program" trace / --limit 1000/s -o json >"$home/trace.jsonl" 2>"$home/trace.log" &
tracer=$!
# The stream has begun when it shows what every node does.
watched() {
  run send alpha:/user/first trial.step '{"text":"warm"}'
  for node in alpha beta gamma; do grep -q "\"node\":\"$node\"" "$home/trace.jsonl" || return 1; done
}
eventually 20 "the trace shows all nodes" watched
said='console' status=0
printf '%s\n' "send alpha:/user/first trial.step '{\"text\":\"real\"}' -o json" \
  | timeout 30 "$program" console >"$out" 2>"$err" || status=$?
check "send in the console" 0 "$status"
trace=$(get 'd["trace_id"]')
check "a trace id" 32 "${#trace}"

# Prints the way of a trace: each span as PARENT>SPAN, by what it is; "whole" when nothing is missing.
way() {
  "$python" -IS - "$home/trace.jsonl" "$1" <<'PYTHON'
import json, sys
spans = [json.loads(line) for line in open(sys.argv[1]) if line.endswith("\n")]
spans = [s for s in spans if s["trace_id"] == sys.argv[2] and s["direction"] != "out"]
def name(s):
    return f'{s["node"]}:{s["path"]} {s["direction"]} {s["type"]}'
by_id = {}
for s in spans:
    if s["span_id"] in by_id:
        sys.exit(f'{name(s)} and {name(by_id[s["span_id"]])} have one span id')
    by_id[s["span_id"]] = s
def edge(s):
    parent = by_id.get(s["parent_id"])
    # The client has a span of its own, which only it knows.
    client = "the client" if name(s) == console else "UNKNOWN " + str(s["parent_id"])
    return (name(parent) if parent else client, name(s))
console = "alpha:/system/admin in POST /v1/actors/messages"
found = sorted(edge(s) for s in spans)
first = "alpha:/user/first in trial.step"
second = "beta:/user/second in trial.step"
timer = "beta:/user/second timer timer"
def arrives(at, message):
    return [(timer, f"gamma:/user/{at} nats trial.step"), (f"gamma:/user/{at} nats trial.step", f"gamma:/user/{at} in {message}")]
wanted = [("the client", console), (console, first), (first, second), (second, "alpha:/user/first in trial.seen"), (second, timer),
          *arrives("third", "trial.step"), *arrives("fourth", "trial.step"),
          *arrives("fifth", "coppice.event"), *arrives("sixth", "coppice.event")]
missing = [x for x in wanted if x not in found]
more = [x for x in found if x not in wanted]
if missing or more:
    for what, list in ("missing", missing), ("not expected", more):
        for parent, child in list:
            print(f"{what}: {parent} -> {child}")
    sys.exit(1)
for s in spans:
    if s["skipped"] or not s["ok"] or s["duration_us"] < 0:
        sys.exit(f"odd: {s}")
print("whole")
PYTHON
}
whole() { [ "$(way "$trace" 2>/dev/null)" = whole ]; }
end=$((SECONDS + 10)); until whole || [ $SECONDS -ge $end ]; do sleep 0.05; done
check "console -> alpha -> beta -> timer -> NATS -> gamma in one trace" whole "$(way "$trace" 2>&1)"
sent() { # PATH PEER: how often the trace shows that PATH sent something to PEER
  "$python" -IS -c '
import json, sys
spans = [json.loads(l) for l in open(sys.argv[1]) if l.endswith("\n")]
print(sum(1 for s in spans if s["trace_id"] == sys.argv[2] and s["direction"] == "out"
          and s["node"] + ":" + s["path"] == sys.argv[3] and s["peer"] == sys.argv[4]))' "$home/trace.jsonl" "$trace" "$1" "$2"
}
check "beta sends to NATS" 1 "$(sent beta:/user/second nats:trial.step)"
# Log lines know the trace too, and so does the event.
expect 0 logs --trace "$trace" -o json
check_json "log lines of the trace" true 'len(d) > 0 and all(x["trace_id"] == a[0] for x in d)' "$trace"
expect 0 sub 'trial.step' --last --count 1 -o json
check_json "the event's trace" "$trace" 'd["traceparent"].split("-")[1]'

# A message for another node's actor, sent to this node by any HTTP client: the client's trace goes on there.
trace=0af7651916cd43dd8448eb211c80319c
"$python" -IS - "$COPPICE_DATA/alpha/admin.sock" "$trace" >"$out" <<'PYTHON'
import http.client, socket, sys
class client(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])
c = client("alpha", timeout=10)
c.request("POST", "/v1/actors/messages?path=beta:/user/second&mode=send", '{"type":"trial.step","body":{"text":"relayed"}}',
          {"Content-Type": "application/json", "traceparent": f"00-{sys.argv[2]}-b7ad6b7169203331-01"})
print(c.getresponse().read().decode())
PYTHON
check_json "the client's trace" "$trace" 'd["trace_id"]'
relayed() { grep "\"trace_id\":\"$trace\"" "$home/trace.jsonl" | grep -q '"path":"/user/third","direction":"in"'; }
eventually 10 "a relayed message is traced" relayed
kill "$tracer"; wait "$tracer" 2>/dev/null || true

# ---- streams of other nodes: each record once, within a second ----
# Adds to each line when it came.
stamp='
import json, sys, time
for line in sys.stdin:
    x = json.loads(line); x["came"] = time.time(); print(json.dumps(x), flush=True)'
follow() { # FILE ARGUMENT...: a stream in the background; sets `follower`
  local file=$1; shift
  "$program" "$@" -o json 2>>"$home/follow.log" > >("$python" -IS -c "$stamp" >"$file") &
  follower=$!
}
# Prints "once" when the file has each of these texts once, in order, none later than a second after it happened.
arrived() { # FILE COUNT PREFIX
  "$python" -IS - "$@" <<'PYTHON'
import json, sys, datetime
file, count, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3]
records = [json.loads(line) for line in open(file) if line.endswith("\n")]
mine = [x for x in records if prefix in json.dumps(x)]
if len(mine) != count:
    sys.exit(f"{len(mine)} of {count}")
if len({json.dumps({k: v for k, v in x.items() if k != "came"}) for x in mine}) != count:
    sys.exit("doubled")
at = [datetime.datetime.fromisoformat(x["at"][:26].rstrip("Z")).replace(tzinfo=datetime.timezone.utc).timestamp() for x in mine]
if at != sorted(at):
    sys.exit("out of order")
slow = max(x["came"] - t for x, t in zip(mine, at))
print("once" if slow < 1 else f"after {slow:.2f} s")
PYTHON
}
check_stream() { # WHAT FILE COUNT PREFIX
  local end=$((SECONDS + 5)) found=
  until found=$(arrived "$2" "$3" "$4" 2>&1) && [ "$found" = once ] || [ $SECONDS -ge $end ]; do sleep 0.05; done
  check "$1" once "$found"
}
count=30
follow "$home/spans.jsonl" trace gamma:/user --node alpha --limit 1000/s; spans=$follower
COPPICE_NODE=alpha follow "$home/logs.jsonl" logs -f; logs=$follower
COPPICE_NODE=alpha follow "$home/history.jsonl" history -f; history=$follower
follow "$home/of.jsonl" history -f --of gamma --node beta; of=$follower
begun() {
  run send gamma:/user/fourth trial.step '{"text":"begin"}'
  for file in spans logs history of; do [ -s "$home/$file.jsonl" ] || return 1; done
}
eventually 20 "the streams begin" begun
cat >"$home/lines" <<LINES
$(for ((i = 0; i < count; ++i)); do echo "send gamma:/user/lone trial.step '{\"text\":\"x$i\"}'"; done)
LINES
said='30 sends in the console' status=0
timeout 60 "$program" console <"$home/lines" >"$out" 2>"$err" || status=$?
check "sends in the console" 0 "$status"
check_stream "trace of another node" "$home/spans.jsonl" "$count" '"path": "/user/lone", "direction": "in"'
check_stream "logs -f of another node" "$home/logs.jsonl" "$count" '"target": "/user/lone"'
check_stream "history -f of another node" "$home/history.jsonl" "$count" '"path": "/user/lone"'
check_stream "history -f --of" "$home/of.jsonl" "$count" '"path": "/user/lone"'
check "nodes in history -f --of gamma" gamma "$(grep -o '"node": "[a-z]*"' "$home/of.jsonl" | sort -u | sed 's/.*: "\(.*\)"/\1/' | tr '\n' ' ' | sed 's/ $//')"
expect 0 history --of beta --node gamma -o json
check_json "history --of" true 'len(d) > 0 and {x["node"] for x in d} == {"beta"}'
expect 0 history --node beta -o json
check_json "history --node" '["beta"]' 'sorted({x["node"] for x in d})'
COPPICE_NODE=beta expect 0 history -o json
check_json "a node that is asked tells of all" '["alpha", "beta", "gamma"]' 'sorted({x["node"] for x in d})'
kill "$spans" "$logs" "$history" "$of"; wait 2>/dev/null || true
expect 0 down --yes
