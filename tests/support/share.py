"""A part of a long list of checks, another one for each commit, where a run has no time for all."""

import subprocess
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def share_of(items: Sequence[Item], shares: int, *, commit: str) -> list[Item]:
    """One of so many parts, which the commit's name (hex) chooses; every item is in one of them."""
    turn = int(commit[:8], 16)
    return [item for place, item in enumerate(items) if (place + turn) % shares == 0]


def head() -> str:
    """The name of the commit that is checked out; zeros outside a repository."""
    argv = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    return done.stdout.strip() or "0" * 40
