#compdef coppice
_coppice() {
  local -a found
  found=("${(@f)$(coppice complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -Q -- $found
}
compdef _coppice coppice
