#!/usr/bin/env bash
# Runs the commands of README.md's "Five minutes" as they stand there. Usage: readme.sh PATH_TO_COPPICE
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin readme "$1"

export COPPICE_YES=1
"$program" up --detach >/dev/null
"$program" wait alpha:/user/edge/host --for running --timeout 10s >/dev/null
mkdir "$home/checkout" && ln -s "$program" "$home/checkout/coppice"
ran=0
while IFS= read -r line; do
  command=${line%%#*}
  # The prompt reads its verbs from a pipe here.
  input=/dev/null
  [[ $command != *' console'* ]] || { echo "nodes" > "$home/typed"; input=$home/typed; }
  (cd "$home/checkout" && eval "$command") <"$input" >"$home/out" 2>"$home/err" \
    || { [[ $command == *' status'* ]] && [ -s "$home/out" ]; } \
    || fail "$command" "exit status 0" "$(cat "$home/out" "$home/err")"
  ran=$((ran + 1))
done < <(sed -n '/^## Five minutes/,/^## /p' "$root/README.md" | grep -E '^    \./coppice ')
checks=$ran
[ "$ran" -ge 12 ] || fail "the commands of the README" "at least 12" "$ran"

# The wrong message whose answer the README shows.
said=$(sed -n 's/^    \$ \.\/coppice request beta/request beta/p' "$root/README.md")
answer=$(cd "$home/checkout" && eval "./coppice $said" 2>&1) && fail "$said" "a refusal"
shown=$(grep -F "unknown field 'intervall'" "$root/README.md" | sed 's/^ *//')
[ "$answer" = "$shown" ] || fail "the answer to a wrong field" "$shown" "$answer"
