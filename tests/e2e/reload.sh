#!/usr/bin/env bash
# `config reload`: alert rules, log levels and the tree change while actors run; what is wrong changes nothing.
# Usage: reload.sh PROGRAM
. "$(dirname "$0")/lib.sh"
begin reload "$1"
file=$home/mine.yaml
write() { # RULES LEVEL [CHILD]: the configuration; children of edge go on with CHILD
  cat >"$file" <<YAML
cluster: {name: mine}
defaults:
  log: {level: $2}
  alerts:
    rules:
$1
  events: {streams: [{name: EDGE, subjects: [edge.>]}]}
  user:
    - id: edge
      supervisor: {}
      children:
        - {id: host, type: edge.host_poller, args: {interval: 100ms}}
        - {id: alerts, type: edge.alerts}
        - id: own
          type: edge.alerts
          args: {rules: [{name: always, series: cpu.busy, above: 7}]}
${3:-}
nodes:
  alpha: {}
  beta: {}
YAML
}
always='      - {name: always, series: cpu.busy, above: -1}'
never='      - {name: always, series: cpu.busy, above: 5}'
more='      - {name: more, series: load.avg_1m, above: -1, severity: critical}'
write "$always" info
expect 0 config check "$file"
expect 0 up --detach --config "$file"
raised() { # WANTED ACTOR: rules that are raised there
  is "$1" 'sorted(x["rule"] for x in d["body"]["raised"])' request "$2" edge.get_status
}
rules() { # ACTOR
  expect 0 request "$1" edge.get_status -o json
  get 'd["body"]["rules"]'
}
for node in alpha beta; do eventually 10 "the rule of the configuration raises" raised '["always"]' "$node:/user/edge/alerts"; done
eventually 10 "the actor's own rule of that name wins" raised '[]' alpha:/user/edge/own
check "rules of the one with its own" 1 "$(rules alpha:/user/edge/own)"

# ---- dry run: the plan, and nothing else ----
write "$never
$more" debug "        - {id: late, type: edge.alerts, args: {subjects: [nothing.here]}}"
expect 0 config reload --dry-run -o json
check_json "plan of both nodes" '[["alpha", false], ["beta", false]]' 'sorted([x["node"], x["applied"]] for x in d)'
check_json "plan" '[["alerts.rules"], ["log.level"], ["/user/edge/late"], [], []]' '[[s["target"] for s in d[0]["plan"][k]] for k in ("alert_rules", "log_levels", "added", "restarted", "refused")]'
check_json "lines of the plan" true 'all(re.match(re.escape(a[0]) + r":\d+:\d+$", s["where"]) for k in ("alert_rules", "added") for s in d[0]["plan"][k])' "$file"
expect 0 config reload --dry-run
check_in "config reload --dry-run" alerts.rules "$out"
check "rules after a dry run" 1 "$(rules alpha:/user/edge/alerts)"

# ---- for real ----
expect 0 config reload -o json
check_json "applied" '[["alpha", true], ["beta", true]]' 'sorted([x["node"], x["applied"]] for x in d)'
for node in alpha beta; do
  eventually 10 "other rules on $node" raised '["more"]' "$node:/user/edge/alerts"
  check "rules on $node" 2 "$(rules "$node:/user/edge/alerts")"
  expect 0 inspect "$node:/user/edge/alerts" -o json
  check_json "the actor was not restarted" '[1, 0]' '[d["incarnation"], d["restarts"]]'
  expect 0 inspect "$node:/user/edge/late" -o json
done
eventually 10 "a rule beside its own" raised '["more"]' alpha:/user/edge/own
expect 0 history -o json
check_json "history: the alert and the reload" true '{"alert", "reload"} <= {x["kind"] for x in d}'
check_json "history: cleared because the rule changed" true 'any("always" in x["text"] and "cleared" in x["text"] for x in d if x["kind"] == "alert")'
expect 0 logs --of beta --level debug -o json
expect 0 config show --effective --of alpha -o json
check_json "config show --effective" debug 'd[0]["config"]["log.level"]["value"]'
expect 0 config reload -o json
check_json "nothing to do" '[false, false]' '[x["applied"] for x in d]'
# A restart takes the rules that are in force.
expect 0 restart alpha:/user/edge/alerts --yes
eventually 10 "rules after a restart" raised '["more"]' alpha:/user/edge/alerts

# ---- mistakes: file, line and key; the old configuration stays ----
mistake() { # LINE KEY WHAT
  expect 1 config check "$file"
  check_in "config check" "$file:$1" "$out"
  check_in "config check" "$2" "$out"
  run config reload -o json
  check "exit status of a reload that is refused" 1 "$status"
  check "error code" invalid_config "$(get 'd["error"]["code"]')"
  for text in "$file:$1" "$2" "$3"; do check_in "config reload" "$text" "$out"; done
  check "rules after a refused reload" 2 "$(rules beta:/user/edge/alerts)"
}
write "      - {name: always, series: cpu.busy, above: 0.9, below: 0.1}" info
mistake 6: 'alerts.rules[0].below' 'two rules for a band'
write "      - {name: always, series: cpu.busy, above: 0.9, for: 10}" info
mistake 6:59 'alerts.rules[0].for' unit
write "      - {name: always, series: cpu.busy, abov: 0.9}" info
mistake 6: 'alerts.rules[0].abov' above
write "$always
$always" info
mistake 7: 'alerts.rules[1].name' "another rule is called 'always' too"
write "$always" info "        - {id: bad, type: edge.alerts, args: {rules: [{name: x, series: cpu.busy}]}}"
mistake 17: 'args.rules' threshold
write "$always" loud
run config reload -o json
check "a wrong level" 1 "$status"

# ---- what cannot change live is refused, and nothing is applied ----
write "$always" info
sed -i 's/{name: mine}/{name: other}/' "$file"
run config reload -o json
check "exit status" 1 "$status"
check_json "refused" '[["cluster.name"], ["cluster.name"]]' '[[s["target"] for s in x["plan"]["refused"]] for x in d]'
check "rules after a refused reload" 2 "$(rules beta:/user/edge/alerts)"

# ---- one node refuses: none applies, and it is named ----
write "$never" warn
sed -i 's|  beta: {}|  beta: {store: {path: /elsewhere/store.db}}|' "$file"
run config reload -o json
check "exit status" 1 "$status"
check_json "none applied" '[false, false]' '[x["applied"] for x in d]'
check_json "who refuses" '[["alpha", []], ["beta", ["store.path"]]]' 'sorted([x["node"], [s["target"] for s in x["plan"]["refused"]]] for x in d)'
check_json "who is held back, and why" true 're.match("beta: .*store.path.*cannot change", [x for x in d if x["node"] == "alpha"][0]["held_back"]) is not None'
run config reload
check_in "as text" "alpha  held back, nothing applied: beta: " "$out"
check "rules of the one that would have" 2 "$(rules alpha:/user/edge/alerts)"
expect 0 config show --effective --of alpha -o json
check_json "its level" debug 'd[0]["config"]["log.level"]["value"]'
# Alone it may be told to.
expect 0 config reload --of alpha -o json
check_json "only alpha" '[["alpha", true]]' '[[x["node"], x["applied"]] for x in d]'

# ---- back, with SIGHUP ----
write "$always" info
kill -HUP "$(pid_of beta)"
eventually 10 "SIGHUP reloads" raised '["always"]' beta:/user/edge/alerts
expect 4 inspect beta:/user/edge/late
expect 0 down --yes
