# fish completion for nacre:
#   nacre completion fish > ~/.config/fish/completions/nacre.fish
function __nacre_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete -- $words[2..] "$current" 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path "$current"
    else
      echo $line
    end
  end
end
complete -c nacre -f -a '(__nacre_complete)'
