"""`cift completion`: shell code that completes commands, options and their values."""

import click

from cift_shared.cli.command import command
from cift_shared.cli.output import Output

_SHELLS = ("bash", "zsh", "fish")


@command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> Output:
    """Print completion code for a shell.

    \b
    bash:  eval "$(cift completion bash)"     in ~/.bashrc
    zsh:   eval "$(cift completion zsh)"      in ~/.zshrc
    fish:  cift completion fish | source      in ~/.config/fish/config.fish
    """  # noqa: D301  \b is click's mark for lines that stay as they are
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    from cift_shared.cli.root import COMPLETE_VARIABLE  # noqa: PLC0415  root names this module

    root = ctx.find_root().command
    found = get_completion_class(shell)
    assert found is not None, "click completes each of _SHELLS"
    code = found(root, {}, "cift", COMPLETE_VARIABLE).source()
    return Output({"shell": shell, "code": code}, [code], [code])
