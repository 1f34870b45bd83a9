#!/usr/bin/env bash
# `up --respawn`: a node that is killed comes back by itself, each time, and the history shows it.
# Usage: respawn.sh PROGRAM (needs nats-server)
. "$(dirname "$0")/lib.sh"
begin respawn "$1"
expect 0 up --detach --nodes 2 --respawn
expect 0 wait cluster --for ready
alpha=$(pid_of alpha)
another() { # PID: beta runs, in another process
  local now
  now=$(pid_of beta)
  [ "$now" != "$1" ] && [ "$now" != 0 ] && ! gone "$now"
}
for times in 1 2; do
  killed=$(pid_of beta)
  kill -KILL "$killed"
  eventually 20 "beta is started again ($times)" another "$killed"
  eventually 20 "alpha tells of an end and a return of beta ($times)" is true \
    "re.search('(beta is down.*beta is up.*){$times}', ' '.join(x['text'] for x in d if x['node'] == 'alpha' and x['kind'] == 'node')) is not None" history
  expect 0 wait node/beta --for ready
  expect 0 tree beta:/system
done
expect 0 history
check_in "history for people" "beta is down" "$out"
expect 0 wait cluster --for ready
check "the other one ran on" "$alpha" "$(pid_of alpha)"
beta=$(pid_of beta)
expect 0 down --yes
for pid in "$alpha" "$beta"; do gone "$pid" || fail "down ends what was started again, too" "gone" "$pid runs"; done
expect 3 tree
