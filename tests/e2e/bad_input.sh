#!/usr/bin/env bash
# What is wrong gets its own error: exit status, code, place and hint; and nothing else is harmed. Usage: bad_input.sh PROGRAM
. "$(dirname "$0")/lib.sh"
begin bad_input "$1"
host=alpha:/user/edge/host
expect 0 up --detach
expect 0 wait cluster --for ready --timeout 20s
before=$("$program" request "$host" edge.get_status -o json | sed -E 's/.*"interval":"([^"]*)".*/\1/')
check "the interval at the beginning" 1s "$before"

refused() { # STATUS CODE AT HINT ARGUMENT...
  local at=$3 hint=$4
  expect_error "$1" "$2" "${@:5}"
  check_json "'coppice ${*:5}': at and hint" "[\"$at\", \"$hint\"]" '[d["error"]["at"], d["error"].get("hint") or ""]'
  checks=$((checks + 1))
  [ "$(get 'len(d["error"]["message"]) > 10')" = true ] || fail "'coppice ${*:5}'" "a message" "$(cat "$out")"
}
set_interval() { # CODE AT HINT BODY: the same for `send` and `request`
  refused 1 "$1" "$2" "$3" request "$host" edge.set_interval "$4"
  refused 1 "$1" "$2" "$3" send "$host" edge.set_interval "$4"
}

# ---- messages ----
refused 1 unknown_type /type edge.set_interval send "$host" edge.set_intervall '{}'
refused 1 unknown_type /type "" request "$host" no.such.type.at_all '{}'
set_interval unknown_field /intervall interval '{"intervall":"2s"}'
set_interval missing_field /interval "" '{}'
set_interval missing_field /interval "" '{"interval":null}'
set_interval wrong_type /interval 2s '{"interval":2}'
set_interval wrong_type "" "" '[1,2]'
set_interval invalid_value /interval "" '{"interval":"2"}'
set_interval invalid_value /interval "" '{"interval":"2 parsecs"}'
set_interval invalid_value /interval "" '{"interval":"-2s"}'
expect_error 1 invalid_json send "$host" edge.set_interval '{"interval":"2s","interval":"3s"}'
expect_error 1 invalid_json send "$host" edge.set_interval '{"interval":"2s"} {}'
expect_error 1 invalid_json send "$host" edge.set_interval '{"interval":"2s"'
expect_error 1 invalid_json send "$host" edge.set_interval "{\"interval\":\"2s\",\"x\":$("$python" -IS -c 'print("[" * 70 + "]" * 70)')}"
expect_error 1 invalid_json send "$host" edge.set_interval $'{"interval":"\xff\xfe"}'
expect_error 1 invalid_json send "$host" edge.set_interval '{"interval":"\ud800"}'
expect_error 1 invalid_json send "$host" edge.set_interval '{"interval":NaN}'
refused 1 not_accepted /user/edge/journal "" send alpha:/user/edge/journal edge.set_interval '{"interval":"2s"}'
refused 1 out_of_range /interval "" request "$host" edge.set_interval '{"interval":"1ns"}'
refused 2 usage PATH "" send 'alpha:user//x' edge.get_status
expect_error 2 usage send "$host"
expect_error 1 not_accepted send alpha:/user/edge edge.set_interval '{"interval":"2s"}'

# ---- paths, nodes, children ----
refused 4 not_found /user/edge/hosst host inspect alpha:/user/edge/hosst
refused 4 not_found /user/edge/hosst host request alpha:/user/edge/hosst edge.get_status
refused 4 not_found zeta beta inspect zeta:/user/edge/host
refused 4 not_found --node alpha tree --node alfa
refused 5 already_exists /user/edge/host "" spawn "$host" --type edge.host_poller
refused 4 not_found /user/nowhere "" spawn alpha:/user/nowhere/x --type edge.host_poller
expect_error 1 unknown_type spawn alpha:/user/edge/x --type edge.host_pollr
check_json "spawn of an unknown type" edge.host_poller 'd["error"]["hint"]'
expect_error 1 unknown_field spawn alpha:/user/edge/x --type edge.host_poller --args '{"intervall":"1s"}'
expect_error 1 invalid_value spawn alpha:/user/edge/x --type edge.host_poller --args '{"interval":"1"}'
expect_error 1 refused spawn alpha:/user/edge/host/x --type edge.host_poller
expect_error 4 not_found inspect alpha:/user/edge/x
expect 0 suspend "$host"
refused 6 timeout "$host" "" request "$host" edge.get_status --timeout 300ms
expect 0 resume "$host"
expect_error 4 not_found events read alpha:no-such-stream
expect_error 4 not_found stream info NOSUCH
expect_error 4 not_found dlq show nonsense

# ---- the command line ----
expect_error 2 usage statuss
check_json "an unknown verb" status 'd["error"]["hint"]'
expect_error 2 usage tree --deptth 2
check_json "an unknown flag" true '"--depth" in d["error"]["hint"] + d["error"]["message"]'
for verb in "delete $host" "consumer rm EDGE journal" "stop $host" "kill $host" "chaos crash $host" "dlq drop x" "dlq replay --all" down; do
  # shellcheck disable=SC2086  # the words of a verb
  expect_error 2 usage $verb
done
expect_error 2 usage tree --depth many
expect_error 2 usage tree --timeout 5
refused 2 usage --state failed ls --state running,faild
refused 2 usage --since "" history --since yesterday
refused 2 usage --since "" logs --since 15
refused 2 usage --trace "" logs --trace abc
refused 2 usage --limit "" events read alpha:x --limit 0
refused 2 usage --to "" dlq replay x --to bogus
refused 2 usage --origin "" dlq ls --origin bogus
refused 2 usage SUBJECT "" sub 'a b'
refused 2 usage --event "" pub a.b x --event ''
refused 2 usage --count "" pub a.b x --count 0
refused 2 usage --node "" tree --node foo://x
refused 2 usage --type "" spawn alpha:/user/edge/x
refused 2 usage WHAT "" wait bogus
refused 2 usage PATH "" inspect /USER
refused 2 usage PATH "" spawn alpha:/user/X --type edge.host_poller
refused 2 usage --last "" sub x --since 1m --last
refused 2 usage --durable "" sub x --durable 'x y'
refused 2 usage --for "" chaos pause "$host" --for 0s --yes
refused 2 usage "@$home/nofile" "" send "$host" edge.set_interval "@$home/nofile"
check_in "a file that is not there" "$home/nofile cannot be read" "$err"
expect_error 2 usage send "$host" edge.set_interval @
# In a message `m` is ambiguous, on the command line it means minutes.
set_interval invalid_value /interval "" '{"interval":"2m"}'
expect 0 history --since 15m -o json
expect 0 logs --since 10m -o json
expect 0 log-level cluster info --for 5m
expect 0 ls '*no-such*'
check_in "ls without a match" "no actor matches" "$out"
expect_error 3 unavailable tree --node "unix://$home/nothing.sock"
COPPICE_DATA=$home/none expect_error 3 unavailable tree
COPPICE_NODE=alfa expect_error 4 not_found tree

# ---- the event store ----
expect 0 events append alpha:bad-input noted '{"n":1}' --expect no_stream
expect_error 5 conflict events append alpha:bad-input noted '{"n":2}' --expect no_stream
expect_error 5 conflict events append alpha:bad-input noted '{"n":2}' --expect 7
expect_error 2 usage events append alpha:bad-input noted '{"n":2}' --expect soon
expect 0 events read alpha:bad-input -o json
check_json "events read" 1 'len(d)'

# ---- HTTP: bodies, methods, parameters ----
curl_alpha() { # STATUS CODE CURL_ARGUMENT...: a problem document
  local want=$1 code=$2; shift 2
  said="curl $*" status=$(curl -sS -m 20 -o "$out" -w '%{http_code} %{content_type}' --unix-socket "$COPPICE_DATA/alpha/admin.sock" "$@" 2>"$err") || true
  check "$said" "$want application/problem+json" "$status"
  check_json "$said" "[\"$code\", $want]" '[d["code"], d["status"]]'
}
messages="http://localhost/v1/actors/messages?path=$host&mode=send"
head -c 10485760 /dev/zero | tr '\0' x >"$home/big"
curl_alpha 413 too_large --data-binary @"$home/big" "$messages"
curl_alpha 413 too_large -H 'Expect: 100-continue' -H 'Transfer-Encoding: chunked' --data-binary @"$home/big" "$messages"
curl_alpha 400 invalid_json -d 'type=edge.get_status' "$messages"
curl_alpha 404 not_found http://localhost/v1/nothing
curl_alpha 400 unknown_field 'http://localhost/v1/tree?dept=1'
check_json "an unknown parameter" depth 'd["hint"]'
curl_alpha 404 not_found 'http://localhost/v1/tree?node=zeta'
curl_alpha 422 unknown_type -d '{"type":"no.such","body":{}}' "$messages"
port=$("$python" -IS -c 'import json, sys; print([n["admin_port"] for n in json.load(open(sys.argv[1]))["nodes"] if n["name"] == "alpha"][0])' "$COPPICE_DATA/cluster.json")
code=$(curl -sS -m 10 -o "$out" -w '%{http_code}' -d '{"type":"edge.set_interval","body":{"interval":"9s"}}' "http://127.0.0.1:$port/v1/actors/messages?path=$host&mode=send")
check "a change over TCP without a token" 403 "$code"
check_json "a change over TCP without a token" forbidden 'd["code"]'

# ---- the port for nodes ----
link=$("$python" -IS -c 'import json, sys; print([n["link_port"] for n in json.load(open(sys.argv[1]))["nodes"] if n["name"] == "alpha"][0])' "$COPPICE_DATA/cluster.json")
since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
hung_up() { # BYTES_FILE: the node ends the connection by itself
  "$python" -IS - "$link" "$1" <<'PYTHON'
import socket, sys
wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=15)
try:
    wire.sendall(open(sys.argv[2], "rb").read())
    while wire.recv(4096):
        pass
except (ConnectionError, BrokenPipeError):
    pass
print("hung up")
PYTHON
}
printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' >"$home/http"
head -c 100000 /dev/urandom >"$home/noise"
printf '\026\003\001\377\377' >"$home/hello"; head -c 70000 /dev/urandom >>"$home/hello"
head -c 1000000 /dev/zero >"$home/zeroes"
for bytes in http noise hello zeroes; do check "$bytes on the node port" "hung up" "$(hung_up "$home/$bytes" 2>&1)"; done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$home/key.pem" -out "$home/cert.pem" -subj /CN=beta -days 2 2>"$err"
# Held open, so that the node's answer to the certificate arrives.
foreign_certificate() {
  { tail -f /dev/null & echo $! >"$home/holder"; wait; } |
    timeout 15 openssl s_client -connect "127.0.0.1:$link" "$@" -quiet >"$home/s_client" 2>&1 || true
  kill "$(cat "$home/holder")" 2>/dev/null || true
}
foreign_certificate -cert "$home/cert.pem" -key "$home/key.pem"
check_in "a foreign certificate" "alert unknown ca" "$home/s_client"
foreign_certificate
check_in "no certificate" "alert certificate required" "$home/s_client"
told() { # WORD: the node says who was refused and why
  run logs --level warn --since "$since" --node alpha -o json
  grep -qF "($1)" "$out"
}
for reason in not_tls certificate; do eventually 5 "the log tells of $reason" told "$reason"; done
check_in "HTTP on the node port is named" "it spoke HTTP" "$out"

# ---- unharmed ----
expect 0 nodes --node beta -o json
check_json "links after all this" '[["alpha", "up"], ["beta", "up"], ["gamma", "up"]]' 'sorted([n["name"], n["state"]] for n in d)'
expect 0 tree -o json
check_json "restarts after all this" 0 'sum(n["restarts"] for n in walk(d))'
expect 0 request "$host" edge.get_status --node gamma -o json
check_json "the interval that nobody could change" 1s 'd["body"]["interval"]'

# ---- configuration ----
wrong() { # LINE TEXT KEY PART [HINT]: config check names line and key, and says PART
  printf '%b' "$2" >"$home/wrong.yaml"
  expect 1 config check "$home/wrong.yaml"
  checks=$((checks + 1))
  cat "$out" "$err" | grep -F "$home/wrong.yaml:$1:" | grep -F "$3" | grep -qF -- "$4" ||
    fail "config check" "$home/wrong.yaml:$1: $3 ... $4" "$(cat "$out" "$err")"
  expect 1 config check "$home/wrong.yaml" -o json
  check_json "config check" true 'not d["ok"] and any(m["line"] == int(a[0]) and m["key"] == a[1] for m in d["mistakes"])' "$1" "$3"
  if [ $# -gt 4 ]; then check_json "config check's hint" true 'a[0] in [m["hint"] for m in d["mistakes"]]' "$5"; fi
}
wrong 2 'cluster: {name: x\nnode: [' '' 'do not match'
wrong 3 'node:\n  name: a\n\tdata: x\n' '' ''
wrong 2 'node: {name: a}\nlogg: {level: info}\n' logg 'unknown key' log
wrong 3 'node:\n  name: a\n  nam: b\n' node.nam 'unknown key' name
wrong 1 'node: {name: Alpha}\n' node.name Alpha alpha
wrong 2 'node: {name: a}\nlog: {level: loud}\n' log.level loud
wrong 2 'node: {name: a}\ncluster: {listen: nowhere}\n' cluster.listen 'no port'
wrong 4 'node: {name: a}\nevents:\n  streams:\n    - {name: A, subjects: [a.>], max_age: 7}\n' 'events.streams[0].max_age' 'no unit'
wrong 5 'node: {name: a}\nevents:\n  streams:\n    - {name: A, subjects: [a.>]}\n    - {name: B, subjects: [a.b]}\n' 'events.streams[1].subjects[0]' overlaps
wrong 4 'node: {name: a}\nuser:\n  - id: x\n    type: edge.host_pollr\n' 'user[0].type' edge.host_pollr edge.host_poller
wrong 3 'node: {name: a}\nuser:\n  - {id: x, type: edge.host_poller, args: {intervall: 1s}}\n' 'user[0].args.intervall' 'unknown field' interval
wrong 4 'node: {name: a}\nuser:\n  - {id: x, type: edge.host_poller}\n  - {id: x, type: edge.host_poller}\n' 'user[1].id' 'second time'
wrong 3 'node: {name: a}\nuser:\n  - {id: x, type: edge.host_poller, restart: sometimes}\n' 'user[0].restart' sometimes
check_json "config check's error" '["invalid_config", true]' '[d["error"]["code"], d["error"]["at"].startswith(a[0])]' "$home/wrong.yaml"
expect 2 config check "$home/none.yaml"
check_in "config check of a missing file" "$home/none.yaml" "$out"
expect 2 config check "$home/none.yaml" -o json
check_json "config check of a missing file" '["usage", false, 1]' '[d["error"]["code"], d["ok"], len(d["mistakes"])]'

# ---- a node that must not start ----
expect 1 node --config "$home/wrong.yaml"
check_in "node with a wrong configuration" "$home/wrong.yaml:" "$err"
expect_error 1 invalid_config node --config "$home/wrong.yaml"
expect_error 1 invalid_config node --config "$home/none.yaml"
expect_error 2 usage node
expect_error 2 usage node --bogus
expect_error 2 usage node --config "$COPPICE_DATA/cluster.yaml"
expect_error 1 storage node --name q --data "$home/wrong.yaml/q"
expect_error 5 in_use node --config "$COPPICE_DATA/cluster.yaml" --name beta
expect 5 node --config "$COPPICE_DATA/cluster.yaml" --name beta
check_in "a data folder in use" "$COPPICE_DATA/beta" "$err"
check_in "a data folder in use" "pid $(pid_of beta)" "$err"
expect 1 node --config "$COPPICE_DATA/cluster.yaml" --name delta
check_in "a node that the file does not have" delta "$err"
expect 1 node --name q --data "$home/wrong.yaml/q"
check_in "a data folder that cannot be made" "$home/wrong.yaml/q" "$err"
# Another beta: a data folder and ports of its own, and a certificate that is good.
"$python" -IS - "$COPPICE_DATA/cluster.yaml" "$home/second" >"$home/second.yaml" <<'PYTHON'
import re, sys
text, folder = open(sys.argv[1]).read(), sys.argv[2]
head, rest = text.split("\n  beta:\n")
beta, tail = rest.split("\n  gamma:\n")
beta = re.sub(r"listen: 127.0.0.1:\d+", "listen: 127.0.0.1:0", beta)
beta = re.sub(r'data: "[^"]*"', f'data: "{folder}"', beta)
beta = re.sub(r'file: "[^"]*"', f'file: "{folder}.log"', beta)
print(head + "\n  beta:\n" + beta + "\n  gamma:\n" + tail)
PYTHON
expect 5 node --config "$home/second.yaml" --name beta
cp "$err" "$home/name_in_use"
expect 0 nodes --node alpha -o json
check_json "the first beta stays" '["up"]' '[n["state"] for n in d if n["name"] == "beta"]'

# ---- what is lost on the way out, and what has no end ----
full=0; "$program" help >/dev/full 2>"$err" || full=$?
check "help on a full disk" 1 "$full"
check_in "help on a full disk" "not all of the output could be written" "$err"
expect 2 spawn alpha:/user/endless --type edge.host_poller --args @/dev/zero
check_in "a file without an end" "more than 64 MiB" "$err"
check "without a home, contexts are the user's" 4 "$(got=0; env -u HOME -u XDG_CONFIG_HOME "$program" context use nosuch >/dev/null 2>&1 || got=$?; echo $got)"

got=0; "$program" pub a.b --node alpha </dev/zero >"$out" 2>"$err" || got=$?
check "a standard input without an end" 1 "$got"
check_in "a standard input without an end" "more than 64 MiB" "$err"

# ---- files of JSON ----
echo '{' >"$home/broken.json"; echo '{"typs":[]}' >"$home/other.json"
refused 1 invalid_json "$home/broken.json" "" schema diff alpha "$home/broken.json"
refused 1 invalid_json "$home/broken.json" "" schema diff "$home/broken.json" alpha
refused 1 unknown_field "$home/other.json, /typs" types schema diff alpha "$home/other.json"
expect_error 1 storage schema diff "$home" "$home"
refused 1 invalid_json --args "" spawn alpha:/user/edge/x --type edge.host_poller --args '{'

# ---- folders ----
echo file >"$home/plain"
expect_error 1 refused schema write "$home/plain"
check_in "a folder that cannot be written" "$home/plain/json: cannot be made: Not a directory" "$err"
mkdir "$home/precious"; echo mine >"$home/precious/file"
expect_error 1 refused up --detach --fresh --data "$home/precious"
check "a folder without the marker" mine "$(cat "$home/precious/file")"
expect_error 5 in_use up --detach --fresh

# ---- what was seen on the way ----
check_in "a name in use, on stderr" "the name beta is in use" "$home/name_in_use"
written() { grep -qF "(certificate)" "$COPPICE_DATA/alpha/node.log"; }
eventually 5 "the refusal stands in the log file" written
wrong 4 'node: {name: a}\nevents:\n  bridges:\n    - {subject: a.b, to: /user/x, type: no.such}\n' 'events.bridges[0].type' no.such
