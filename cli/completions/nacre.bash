# bash completion for nacre: put this in ~/.bashrc
#   source <(nacre completion bash)
_nacre() {
  local words current line word prefix
  read -r -a words <<< "${COMP_LINE:0:COMP_POINT}"
  [[ "${COMP_LINE:0:COMP_POINT}" == *" " ]] && words+=("")
  current="${words[-1]}"
  prefix=""
  if [[ "$current" == *[:=]* ]]; then prefix="${current%"${current##*[:=]}"}"; fi
  [[ "$COMP_WORDBREAKS" == *[:=]* ]] || prefix=""
  COMPREPLY=()
  while IFS=$'\n' read -r line; do
    word="${line%%$'\t'*}"
    if [[ "$word" == ":files" ]]; then
      compopt -o default 2>/dev/null
      continue
    fi
    COMPREPLY+=("${word#"$prefix"}")
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _nacre nacre
