"""`python -m cift_shared`: the same as the `cift` command."""

from cift_shared.cli.root import main

main()
