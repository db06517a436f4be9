"""anvil, an Ethereum node in one binary, from its npm package; its version is pinned by hash.

The package has no script that runs at its installation. It is fetched once, into `.cift/nodes`.
"""

from pathlib import Path

import pytest

from tests.api_docs.tools import node_modules

HERE = Path(__file__).parent / "anvil_tool"
KEPT = Path(__file__).parents[2] / ".cift" / "nodes"


def anvil_program() -> Path:
    """The binary; skips the test without Node, or where the package has none for this machine."""
    program = node_modules(HERE, KEPT) / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    if not program.exists():
        pytest.skip("the package of anvil is for Linux on x86-64")
    return program
