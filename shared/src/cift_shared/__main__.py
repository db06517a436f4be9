"""`python -m cift_shared`: the same as the `cift` command."""

from cift_shared.cli import main

main(prog_name="cift")
