#!/usr/bin/env bash
# The front door of a checkout looks at a line before it installs, formats or builds anything. Usage: front_door.sh PROGRAM
. "$(dirname "$0")/lib.sh"
begin front_door "$1"

# 2 at once: what would build takes longer.
wrong() { # WORD...
  said="./coppice $*" status=0
  timeout 5 "$root/coppice" "$@" >"$out" 2>"$err" </dev/null || status=$?
  check "$said: exit status" 2 "$status"
  check "$said: on stdout" "" "$(cat "$out")"
  status=0
  timeout 5 "$root/coppice" "$@" -o json >"$out" 2>"$err" </dev/null || status=$?
  check "$said -o json: exit status" 2 "$status"
  check_json "$said -o json" '["usage", "", "", true]' '[d["error"][k] for k in ["code", "at", "hint"]] + [len(d["error"]["message"]) > 10]'
  [ "$(wc -l <"$err")" = 1 ] || fail "$said" "one line on stderr" "$(cat "$err")"
}
for verb in test build check bench; do wrong $verb --bogus; done
wrong test --preset 'no "such" \\ one'
wrong test --preset
wrong check --write --long
wrong check --preset nosuch
wrong build --all more
wrong bench actors --rows
wrong bench nosuch
