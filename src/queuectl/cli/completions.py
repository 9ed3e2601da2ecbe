"""`queuectl completions`: the script that teaches a shell to complete; it asks `queuectl _complete` at each TAB."""

from __future__ import annotations

from queuectl.cli.parser import one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser

BASH = """\
_queuectl() {
    local IFS=$'\\n' word words=() typed
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        # bash takes --state=p apart at =
        if [[ ${words[*]: -1} && $word == = || ${words[*]: -1} == --*= && $word != -* ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
    done
    COMPREPLY=($(queuectl _complete -- "${words[@]}" 2>/dev/null))
    typed=${words[*]: -1}
    if [[ $COMP_WORDBREAKS == *=* && $typed == --*=* ]]; then COMPREPLY=("${COMPREPLY[@]#--*=}"); fi
}
complete -o default -F _queuectl queuectl
"""

ZSH = """\
#compdef queuectl
_queuectl() {
    local -a found
    found=("${(@f)$(queuectl _complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n ${found[1]} ]]; then compadd -a found; else compset -P '*='; _files; fi
}
if [[ $funcstack[1] == _queuectl ]]; then _queuectl "$@"; else compdef _queuectl queuectl; fi
"""

FISH = """\
function __queuectl_complete
    set -l words (commandline -opc) (commandline -ct)
    queuectl _complete -- $words[2..-1] 2>/dev/null
end
complete -c queuectl -n 'count (__queuectl_complete) >/dev/null' -f -a '(__queuectl_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def configure(parser: Parser) -> None:
    """Describe the command line of `completions`."""
    parser.describe(
        "SHELL",
        "Print the completion script of bash, zsh or fish: commands, options, ids, queues, states.",
        """\
source <(queuectl completions bash)                              in ~/.bashrc
source <(queuectl completions zsh)                               in ~/.zshrc, after compinit
queuectl completions fish > ~/.config/fish/completions/queuectl.fish""",
    )
    parser.add_argument("shell", metavar="SHELL", type=one_of("shell", SCRIPTS), help="bash, zsh or fish")


def run(args: Namespace, app: App) -> int:
    """Print the script."""
    app.out.line(SCRIPTS[args.shell].rstrip())
    return 0
