#compdef nacre
# zsh completion for nacre: put this in ~/.zshrc
#   source <(nacre completion zsh)
_nacre() {
  local line word says files=0
  local -a described
  while IFS= read -r line; do
    word="${line%%$'\t'*}"
    says="${line#*$'\t'}"
    if [[ "$word" == ":files" ]]; then
      files=1
    elif [[ "$word" == "$line" ]]; then
      described+=("${word//:/\\:}")
    else
      described+=("${word//:/\\:}:$says")
    fi
  done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#described} )) && _describe 'nacre' described
  (( files )) && _files
}
(( $+functions[compdef] )) && compdef _nacre nacre
