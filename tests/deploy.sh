#!/usr/bin/env bash
# Is what deploy/ holds true? Usage: deploy.sh COPPICE SOURCE_DIR
set -euo pipefail
coppice=$(realpath "$1") source=$2
work=$(mktemp -d); node=
trap '[ -z "$node" ] || { kill "$node" 2>/dev/null; wait "$node" 2>/dev/null; }; rm -rf "$work"' EXIT

# Each metric that a rule asks for is one that a node with NATS configured shows (nobody answers there, which is enough).
printf 'node: {name: alpha, data: %s/data}\nadmin: {socket: %s/admin.sock}\nnats: {url: "nats://127.0.0.1:1"}\n' "$work" "$work" > "$work/node.yaml"
"$coppice" node --config "$work/node.yaml" > "$work/log" 2>&1 & node=$!
for _ in $(seq 100); do
  curl -fs --unix-socket "$work/admin.sock" http://node/livez > "$work/live" 2>/dev/null && grep -q ok "$work/live" \
    && "$coppice" --node "unix://$work/admin.sock" wait /user --for running --timeout 100ms > /dev/null 2>&1 && break
  kill -0 "$node" || { cat "$work/log" >&2; exit 1; }
  sleep 0.1
done
curl -fs --unix-socket "$work/admin.sock" http://node/metrics > "$work/metrics"
for name in $(grep -oE 'coppice_[a-z_]+' "$source/deploy/prometheus/rules.yml" | sort -u); do
  # A lone node has no members to count.
  [ "$name" = coppice_cluster_members ] && grep -rq "\"$name\"" "$source/runtime/node" && continue
  grep -q "^# TYPE $name " "$work/metrics" || { echo "deploy/prometheus/rules.yml: no node has $name" >&2; exit 1; }
done

# systemd takes the unit, with this program in the place where a package would put it.
if command -v systemd-analyze > /dev/null; then
  sed "s|/usr/bin/coppice|$coppice|; s|^User=.*|User=root|; s|^Group=.*|Group=root|" "$source/deploy/systemd/coppice@.service" > "$work/coppice@.service"
  said=$(systemd-analyze verify --man=no "$work/coppice@.service" 2>&1 | grep -F 'coppice@' || true)
  [ -z "$said" ] || { echo "$said" >&2; exit 1; }
fi
