function _coppice
  set -l words (commandline -opc) (commandline -ct)
  coppice complete $words[2..-1] 2>/dev/null
end
complete -c coppice -f -a '(_coppice)'
