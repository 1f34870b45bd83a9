# Helpers of the end-to-end tests; each test sources this file and then calls `begin NAME PROGRAM`.
# What a test starts lives below one temporary folder and is stopped with it, also after a failure.
set -euo pipefail

begin() { # NAME PROGRAM
  name=$1 program=$(readlink -f "${2:?usage: $1.sh PATH_TO_COPPICE}")
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  root=$(cd "$here/../.." && pwd)
  home=$(mktemp -d "${TMPDIR:-/tmp}/coppice-$name.XXXXXX")
  export HOME=$home XDG_STATE_HOME=$home/state XDG_CONFIG_HOME=$home/config COPPICE_DATA=$home/cluster
  unset COPPICE_NODE COPPICE_CONTEXT COPPICE_YES COPPICE_TIMEOUT COPPICE_OUTPUT NO_COLOR
  out=$home/out err=$home/err status=0 said='' checks=0
  trap 'finish $?' EXIT
  trap 'exit 130' INT TERM
  trap 'echo "$name: stopped at line $LINENO: $BASH_COMMAND" >&2' ERR
  # Finding the interpreter once saves a launcher's start at every check.
  python=$(python3 -c 'import sys; print(sys.executable)')
}

note() { echo "$name: $*"; }

fail() { # WHAT [EXPECTED [FOUND]]
  trap - ERR
  # A file, because this may be a subshell.
  echo "$name: FAILED: $1${2+$'\n'  expected: $2}${3+$'\n'  found:    $3}" | tee "$home/failed" >&2
  exit 1
}

# The processes of this test: whatever names its temporary folder on the command line.
ours() {
  local entry pid
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    [ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ] || continue
    if { tr '\0' '\n' <"$entry/cmdline"; } 2>/dev/null | grep -qF "$home/"; then echo "$pid"; fi
  done
}

finish() { # STATUS
  local result=$1 pid log
  trap - EXIT ERR INT TERM
  set +e
  if [ "$result" != 0 ]; then
    {
      [ -z "$said" ] || { echo "--- last command: $said -> $status"; head -c 2000 "$out"; head -c 2000 "$err"; }
      for log in "$home"/*/*/node.log "$home"/*/*/stderr.log "$home"/*/up.log "$home"/*.log; do
        [ ! -s "$log" ] || { echo "--- ${log#"$home"/}"; tail -n 15 "$log" | cut -c1-400; }
      done
      [ ! -s "$home/failed" ] || cat "$home/failed" # again and last, where it is seen
    } >&2
  fi
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null; done
  "$program" down --yes --timeout 5s >/dev/null 2>&1
  for pid in $(ours); do kill -KILL "$pid" 2>/dev/null; done
  rm -rf "$home"
  [ "$result" != 0 ] || echo "$name: ok, $checks checks in $SECONDS s"
  exit "$result"
}

# ---- running ---------------------------------------------------------------------------------------------------------

run() { # ARGUMENT...: runs the program; sets status, and leaves what it printed in $out and $err
  said="coppice $*" status=0
  timeout 40 "$program" "$@" >"$out" 2>"$err" </dev/null || status=$?
}

expect() { # STATUS ARGUMENT...
  local want=$1; shift
  run "$@"
  checks=$((checks + 1))
  [ "$status" = "$want" ] || fail "coppice $*" "exit status $want" "$status: $(head -c 600 "$err")"
}

expect_error() { # STATUS CODE ARGUMENT...: also checks that stderr and JSON tell of it
  local want=$1 code=$2; shift 2
  expect "$want" "$@" -o json
  check "error code of 'coppice $*'" "$code" "$(get 'd["error"]["code"]')"
  [ -s "$err" ] || fail "coppice $*" "a line on stderr" "nothing"
}

# ---- checks ----------------------------------------------------------------------------------------------------------

check() { # WHAT EXPECTED FOUND
  checks=$((checks + 1))
  [ "$2" = "$3" ] || fail "$1" "$2" "$3"
}

check_in() { # WHAT PART FILE: the file has that text
  checks=$((checks + 1))
  grep -qF -- "$2" "$3" || fail "$1" "...$2..." "$(head -c 800 "$3")"
}

json() { # FILE EXPRESSION [ARGUMENT...]: prints a Python expression over the document d and the arguments a
  "$python" -IS -c '
import json, re, sys
try:
    with open(sys.argv[1]) as file: text = file.read()
    d = json.loads(text)
    def walk(nodes):
        for node in nodes:
            yield node
            yield from walk(node.get("children", []))
    value = eval(sys.argv[2], {"d": d, "a": sys.argv[3:], "re": re, "json": json, "walk": walk})
    print(value if isinstance(value, str) else json.dumps(value))
except Exception as problem:
    print(f"({type(problem).__name__}: {problem}; the text is {text[:300]!r})")
' "$@"
}

get() { json "$out" "$@"; }

check_json() { # WHAT EXPECTED EXPRESSION [ARGUMENT...]: over what the last command printed
  local what=$1 want=$2 found; shift 2
  found=$(get "$@")
  checks=$((checks + 1))
  [ "$found" = "$want" ] || fail "$what: $1" "$want" "$found"
}

# ---- waiting ---------------------------------------------------------------------------------------------------------

eventually() { # SECONDS WHAT COMMAND...: polls until the command succeeds
  local end=$((SECONDS + $1)) what=$2; shift 2
  checks=$((checks + 1))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "$what" "within the time" "not yet: $*"
    sleep 0.05
  done
}

is() { # EXPECTED EXPRESSION ARGUMENT...: asks the program and compares; for `eventually`
  local want=$1 expression=$2; shift 2
  run "$@" -o json
  [ "$status" = 0 ] && [ "$(get "$expression")" = "$want" ]
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

pid_of() { # NODE|nats|watcher: from the record of the development cluster
  json "$COPPICE_DATA/cluster.json" \
    'd[a[0]]["pid"] if a[0] in d and a[0] != "nodes" else [n["pid"] for n in d["nodes"] if n["name"] == a[0]][0]' "$1"
}
