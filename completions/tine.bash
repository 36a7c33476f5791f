# Completion of tine(1) for bash.
_tine_split_value() { # the value typed so far of --OPTION=VALUE or --OPTION VALUE
  case $1 in
    --page-tables) COMPREPLY=($(compgen -W 'shared copied' -- "$2")) ;;
    --net) COMPREPLY=($(compgen -W 'none host' -- "$2")) ;;
    --code-cache) COMPREPLY=($(compgen -W 'off' -d -- "$2")) ;;
    --root | --workdir | --bind) COMPREPLY=($(compgen -d -- "$2")) ;;
    --strace | --stats | --secret) COMPREPLY=($(compgen -f -- "$2")) ;;
    --user) COMPREPLY=($(compgen -u -- "$2")) ;;
    --env) COMPREPLY=($(compgen -e -- "$2")) ;;
    --memory) COMPREPLY=($(compgen -W '512M 1G 4G 16G' -- "$2")) ;;
    --cpus) COMPREPLY=($(compgen -W '1 2 4 8' -- "$2")) ;;
    *) return 1 ;;
  esac
}

_tine_boxes() { # names of boxes that begin so
  compgen -W "$(tine ps -q 2>/dev/null)" -- "$1"
}

# Completion of the commands about boxes in the background: tine COMMAND [OPTION]... BOX...
_tine_box_command() { # COMMAND CURRENT PREVIOUS
  local options=
  case $1 in
    ps) options='--quiet --json' ;;
    fork) options='--count --listen --with-secrets' ;;
    restore) options='--count --name --memory --cpus --allow-write --net --rm --no-seccomp' ;;
    exec) options='--interactive --tty --env --workdir --user' ;;
    attach) options='--no-stdin --keep-open --logs' ;;
    logs) options='--follow --tail' ;;
    kill) options='--signal' ;;
    rm) options='--force' ;;
  esac
  case $3 in
    -s | --signal) COMPREPLY=($(compgen -A signal -- "$2")) && return ;;
    -n | --count | --tail | --workdir) return ;;
    --name) [[ $1 == restore ]] && return ;;
    --allow-write) COMPREPLY=($(compgen -d -- "$2")) && return ;;
    --net | --memory | --cpus) [[ $1 == restore ]] && _tine_split_value "$3" "$2" && return ;;
    --user) COMPREPLY=($(compgen -u -- "$2")) && return ;;
    --env) COMPREPLY=($(compgen -e -- "$2")) && return ;;
  esac
  if [[ $2 == -* ]]; then
    COMPREPLY=($(compgen -W "$options --help" -- "$2"))
  elif [[ $1 == cp ]]; then
    compopt -o nospace 2>/dev/null
    COMPREPLY=($(compgen -f -- "$2") $(_tine_boxes "$2" | sed 's/$/:/'))
  elif [[ $1 == restore || ($1 == save && $3 != save) ]]; then
    COMPREPLY=($(compgen -f -- "$2"))
  elif [[ $1 != ps ]]; then
    COMPREPLY=($(_tine_boxes "$2"))
  fi
}

_tine() {
  local current previous words cword
  _init_completion -n = 2>/dev/null || {
    current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
  }
  current=${cur:-$current} previous=${prev:-$previous}
  COMPREPLY=()

  if ((cword == 1)); then
    COMPREPLY=($(compgen -W 'run ps fork save restore exec attach logs wait kill pause resume rm cp diff --help --version' \
      -- "$current"))
    return
  fi
  if [[ ${words[1]} != run ]]; then
    _tine_box_command "${words[1]}" "$current" "$previous"
    return
  fi
  # The program of `tine run` is the first word that is neither an option nor an option's value.
  local index=2
  while ((index < cword)); do
    case ${words[index]} in
      --) index=$((index + 1)) && break ;;
      --*=* | --clear-env | --strace | --stats | --help | --detach | --tty | --rm | -d | -t | -dt) index=$((index + 1)) ;;
      --*) index=$((index + 2)) ;;
      *) break ;;
    esac
  done
  if ((index < cword)); then
    declare -F _command_offset >/dev/null && _command_offset "$index" || COMPREPLY=($(compgen -f -- "$current"))
    return
  fi
  if [[ $current == --*=* ]]; then
    _tine_split_value "${current%%=*}" "${current#*=}"
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W '--root --bind --secret --workdir --env --clear-env --hostname --user --memory --cpus
      --processes --page-tables --net --code-cache --no-seccomp --strace --stats --detach --name --tty --rm
      --log-size --help --' -- "$current"))
  elif ! _tine_split_value "$previous" "$current"; then
    COMPREPLY=($(compgen -c -- "$current"))
  fi
}
complete -o default -F _tine tine
