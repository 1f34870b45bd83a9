#!/usr/bin/env bash
# Two nodes whose event streams are in one PostgreSQL: each sees what the other appends; an outage is waited for.
# Usage: postgres.sh PROGRAM (needs Debian's package postgresql)
. "$(dirname "$0")/lib.sh"
begin postgres "$1"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -x "$bin/initdb" ] || fail "a PostgreSQL server" "initdb in /usr/lib/postgresql/*/bin" "none"

# ---- a server of this test: a socket in its folder and no port; it refuses to run as root ----
chmod 755 "$home"
mkdir "$home/pg"
as_server=()
if [ "$(id -u)" = 0 ]; then chown postgres "$home/pg"; as_server=(setpriv --reuid=postgres --regid=postgres --clear-groups); fi
"${as_server[@]}" "$bin/initdb" -D "$home/pg/data" -U coppice -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$home/initdb.log" 2>&1 ||
  fail "initdb" 0 "$(tail -n 3 "$home/initdb.log")"
server() { # start|stop
  "${as_server[@]}" "$bin/pg_ctl" -D "$home/pg/data" -w -m immediate -l "$home/pg/log" \
    -o "-k $home/pg -c listen_addresses=" "$1" >/dev/null 2>&1
}
server start || fail "the server" running "$(tail -n 3 "$home/pg/log")"

config() { # NODE
  cat <<YAML
node: {name: $1, data: $home/$1/data}
admin: {socket: $home/$1/s}
log: {file: $home/$1/node.log}
store: {postgres: {url: 'postgresql://coppice@/postgres?host=$home/pg', schema: shop}}
YAML
}
for node in alpha beta; do
  mkdir "$home/$node"
  config "$node" >"$home/$node.yaml"
  expect 0 config check "$home/$node.yaml"
  "$program" node --config "$home/$node.yaml" 2>"$home/$node.log" &
done
on() { echo "unix://$home/$1/s"; }
for node in alpha beta; do expect 0 wait "node/$node" --for ready --timeout 20s --node "$(on $node)"; done

# ---- one store for both ----
expect 0 events append acct-1 acct.opened '{"n":1}' --expect no_stream --node "$(on alpha)" -o json
check_json "append" '["acct-1", 1, "cluster"]' '[d["stream"], d["version"], d["scope"]]'
expect_error 5 conflict events append acct-1 acct.opened '{}' --expect no_stream --node "$(on beta)"
expect 0 events append acct-1 acct.paid '{"n":2}' --expect 1 --node "$(on beta)"
expect 0 events read acct-1 --node "$(on alpha)" -o json
check_json "the other node's events" '[[1, "acct.opened"], [2, "acct.paid"]]' '[[e["version"], e["type"]] for e in d]'
"$program" events tail acct-1 --node "$(on beta)" -o json >"$home/tail" 2>/dev/null &
tail=$!
append_until_seen() { "$program" events append acct-1 acct.paid '{"seen":true}' --node "$(on alpha)" >/dev/null && grep -q seen "$home/tail"; }
eventually 20 "a follower on the other node" append_until_seen
kill "$tail"
expect 0 events read acct-1 --node "$(on alpha)" --limit 1000 -o json
before=$(get 'len(d)')

# ---- the server goes away and comes back ----
server stop
expect_error 3 unavailable events read acct-1 --node "$(on alpha)"
away() { curl -s --unix-socket "$home/alpha/s" 'http://x/readyz?verbose' | grep '^store waiting .*PostgreSQL' >"$home/ready"; }
# One that waits for the server to come back.
"$program" events append acct-1 acct.late '{}' --timeout 30s --node "$(on alpha)" >"$home/late" 2>&1 &
late=$!
eventually 10 "readiness tells of it" away
expect 1 status --node "$(on alpha)" -o json
check_json "status tells of it" true 'any("PostgreSQL" in json.dumps(p) for p in d["problems"])'
server start
expect 0 wait node/alpha --for ready --timeout 20s --node "$(on alpha)"
wait "$late" || fail "an append during the outage" 0 "$(cat "$home/late")"
expect 0 events append acct-1 acct.closed '{}' --node "$(on beta)"
expect 0 events read acct-1 --node "$(on alpha)" --limit 1000 -o json
check_json "nothing is lost" true "len(d) == $before + 2 and [e['version'] for e in d] == list(range(1, len(d) + 1))"

# ---- wrong settings ----
sed 's/schema: shop/schema: "My Shop"/; s/name: alpha/name: gamma/; s,/alpha/,/gamma/,g' "$home/alpha.yaml" >"$home/gamma.yaml"
mkdir "$home/gamma"
run node --config "$home/gamma.yaml"
check "a wrong schema ends the node" 1 "$status"
check_in "and says why" "cannot be the schema" "$err"
