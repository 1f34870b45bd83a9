_coppice() {
  local IFS=$'\n'
  local line=${COMP_LINE:0:COMP_POINT}
  local -a words
  IFS=$' \t' read -r -a words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  local last=${words[-1]}
  COMPREPLY=($(coppice complete "${words[@]:1}" 2>/dev/null))
  # The shell splits words at colons: give back only what stands behind the last one.
  if [[ $last == *:* && $COMP_WORDBREAKS == *:* ]]; then
    local front=${last%"${last##*:}"}
    COMPREPLY=("${COMPREPLY[@]#"$front"}")
  fi
}
complete -o default -F _coppice coppice
