#!/usr/bin/env bash
# The prompt without a terminal, one frame of `top`, completion, colours, and help for every verb. Usage: console.sh PROGRAM
. "$(dirname "$0")/lib.sh"
begin console "$1"
escape=$'\033'
expect 0 up --detach
expect 0 wait cluster --for ready --timeout 20s

# ---- the console, fed from a pipe ----
typed() { # STATUS TEXT: runs the console over these lines
  said="printf '%b' '$2' | coppice console" status=0
  printf '%b' "$2" | timeout 30 "$program" console >"$out" 2>"$err" || status=$?
  checks=$((checks + 1))
  [ "$status" = "$1" ] || fail "$said" "exit status $1" "$status: $(head -c 600 "$err")"
}
typed 0 'nodes -o name\nrequest gamma:/user/edge/host edge.get_status -o json\nexit\nversion -o json\n'
for node in alpha beta gamma; do check_in "nodes in the console" "$node" "$out"; done
check_in "request in the console" '"type":"edge.status"' "$out"
check "nothing runs after exit" 0 "$(grep -c '"caf"' "$out")"
typed 0 'cd gamma:/user/edge\ninspect host -o json\n'
check_in "a path relative to cd" '"path":"/user/edge/host"' "$out"
check_in "a path relative to cd" '"node":"gamma"' "$out"
# A script sees the mistake in the exit status, though the lines behind it run.
typed 2 'statuss\nversion -o json\n'
check_in "an unknown verb in the console" status "$err"
check_in "the console goes on after a mistake" '"caf"' "$out"
typed 0 "send beta:/user/edge/host edge.set_interval '{\"interval\":\"33s\"}'\n"
changed() { is 33s 'd["body"]["interval"]' request beta:/user/edge/host edge.get_status; }
eventually 10 "quotes in the console reach the message" changed
typed 2 'inspect "unfinished\nversion -o json\n'
check_in "an open quote is a mistake, no end" '"caf"' "$out"
typed 0 ''
check "colour codes in a pipe" 0 "$(cat "$out" "$err" | grep -c "$escape")"

# ---- top --once ----
expect 0 top --once
for node in alpha beta gamma; do check_in "top --once" "$node" "$out"; done
check_in "top --once" edge.host_poller "$out"
check "colour codes of top in a pipe" 0 "$(grep -c "$escape" "$out")"
expect 0 top --once --list --sort busy
check_in "top --once --list" /user/edge/host "$out"
COLUMNS=80 expect 0 top --once
check "lines of top --once over 80 columns" "" "$("$python" -IS -c 'import sys; print("\n".join(l for l in open(sys.argv[1], encoding="utf-8").read().splitlines() if len(l) > 80), end="")' "$out")"
expect_error 2 usage top --once --sort nonsense

# ---- the whole screen: keys act on the row that is chosen, and on nothing when there is none ----
on_screen() { # PATH STEP...: `top PATH` on a terminal; a step is KEYS=TEXT, and TEXT comes after KEYS
  said="coppice top $1 (on a terminal)" checks=$((checks + $# - 1))
  "$python" -IS - "$program" "$@" <<'END' >"$out" 2>"$err" || fail "$said" "every text behind its keys" "$(tail -n 1 "$err")"
import fcntl, os, pty, re, select, struct, sys, termios, time
program, path, steps = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, screen = pty.fork()
if pid == 0:
    time.sleep(0.2)  # until the size is set
    os.environ["TERM"] = "xterm-256color"
    os.execv(program, [program, "top", path])
fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
for step in steps:
    keys, text = step.split("=", 1)
    os.write(screen, keys.encode().decode("unicode_escape").encode())
    seen, until = "", time.monotonic() + 10
    while text not in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen):
        if time.monotonic() > until:
            sys.exit(f"no {text!r} behind {keys!r}")
        if select.select([screen], [], [], 0.1)[0]:
            seen += os.read(screen, 65536).decode("utf-8", "replace")
os.write(screen, b"q")
try:
    while os.read(screen, 65536):
        pass
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
if status != 0:
    sys.exit(f"exit status {status}")
END
}
on_screen alpha:/user/edge '=journal' '/zzz\r=nothing matches the filter' 'r=none to restart' 'k=none to kill' \
  't=none to trace' '\r=none to inspect' '\x1b=journal' '?=keys and columns' '?=1 node' 'r=restart alpha:/user/edge? [y/N]' 'n=q quit'
is_one() { is 1 'd["incarnation"]' inspect alpha:/user/edge/host; }
is_one || fail "keys without a row" "nothing restarted" "$(cat "$out")"
# Keys that come faster than frames are about the list as it is, not as it was drawn.
on_screen alpha:/user/edge '=journal' '/zzz\rr=none to restart' '\x1b=journal' '/host\r=filter host' '\x1b[Fr=restart alpha:/user/edge/host: '
is_one && fail "r on a row" "a restart" "incarnation 1"

# ---- a terminal: colours, unless NO_COLOR ----
in_terminal() { # COMMAND...: what it prints on a terminal
  said="$* (on a terminal)"
  TERM=xterm-256color timeout 20 script -qec "$*" /dev/null </dev/null >"$out" 2>"$err" || fail "$said" "exit status 0" "$? $(cat "$out")"
}
in_terminal "'$program' tree"
check_in "tree on a terminal has colours" "$escape[" "$out"
export NO_COLOR=1
in_terminal "'$program' tree"
check "colour codes with NO_COLOR" 0 "$(grep -c "$escape\[[0-9;]*m" "$out")"
unset NO_COLOR

# ---- completion ----
for shell in bash zsh fish; do
  expect 0 completion "$shell"
  cp "$out" "$home/completion.$shell"
  check_in "completion $shell" "coppice complete" "$home/completion.$shell"
done
bash -n "$home/completion.bash" || fail "completion bash" "valid bash" "a syntax error"
# As a shell would: load it, ask for what begins with "insp".
offered=$(bash -c '
  . "$1"; PATH=$2:$PATH
  handler=$(complete -p coppice | sed -E "s/.*-F ([^ ]+).*/\1/")
  COMP_WORDS=(coppice insp) COMP_CWORD=1 COMP_LINE="coppice insp" COMP_POINT=12
  "$handler" coppice insp coppice; printf "%s\n" "${COMPREPLY[@]}"' - "$home/completion.bash" "$(dirname "$program")" 2>"$err" | tr -d ' ')
check "completion of 'insp'" inspect "$offered"
expect 2 completion tcsh
offered() { "$program" complete "$@" | sort | tr '\n' ' '; }
takes=$(offered send alpha:/user/edge/host edge.)
check "completion offers what the actor takes" true "$([[ $takes == *edge.set_interval* ]] && echo true || echo "$takes")"
check "completion offers no actor type" true "$([[ $takes != *edge.host_poller* ]] && echo true || echo "$takes")"
check "completion of a message that the actor does not take" "" "$(offered send alpha:/user/edge/host edge.set_rules)"

# ---- help ----
expect 0 help
check "lines of help" "" "$(sed -n "25,\$p" "$out")"
expect 0 help --all
verbs=$(awk '/^every verb takes/ { exit } /^  [a-z]/ { line = substr($0, 3); sub(/ (  |$).*/, "", line); sub(/  .*/, "", line); print line }' "$out")
count=$(wc -l <<<"$verbs")
[ "$count" -ge 50 ] || fail "help lists the verbs" "at least 50" "$count: $verbs"
while read -r verb; do
  # shellcheck disable=SC2086  # a verb may be two words
  expect 0 help $verb
  check_in "help $verb" "usage: coppice $verb" "$out"
  checks=$((checks + 1))
  sed -n '/^examples/,$p' "$out" | grep -q "^  .*coppice ${verb%% *}" || fail "help $verb" "an example" "$(cat "$out")"
  ! grep -q 'coppice echo' "$out" || fail "help $verb" "examples that can be typed" "$(grep 'coppice echo' "$out")"
  # shellcheck disable=SC2086
  expect 0 $verb --help
done <<<"$verbs"
note "$count verbs have help with an example"
expect 2 help nosuchverb
expect 0 explain unknown_field
check_in "explain" "unknown_field" "$out"
expect 4 explain no_such_code

for flag in --config --name --join --nats --data --set; do
  expect 0 help node
  check_in "help node" " $flag " "$out"
done

# ---- a node that is down: lists hold records, and stderr names it ----
expect 0 chaos kill-node gamma --yes
expect 0 wait node/gamma --for absent --timeout 20s --node alpha
for verb in "dlq ls" "dlq summary" "history --since 15m" "logs --since 15m"; do
  # shellcheck disable=SC2086  # the words of a verb
  COPPICE_NODE=alpha expect 0 $verb -o json
  check_json "$verb without gamma" '[]' '[x for x in d if set(x) == {"node", "error"}]'
  check_in "$verb names the node that is down" "gamma: " "$err"
done
expect 0 log-level cluster info --node alpha
check_in "log-level names the node that is down" "gamma: " "$err"
expect 0 dlq replay --all --yes --node alpha
check_in "dlq replay names the node that is down" "gamma: " "$err"

expect 0 down --yes
check "processes left over" "" "$(ours | tr '\n' ' ')"
