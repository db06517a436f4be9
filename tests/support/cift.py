"""The `cift` command as a process of its own, for tests."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

KEPT = ("PATH", "HOME", "LANG")


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    def is_one_line(self, code: int, *words: str) -> None:
        """Check that it failed with one plain line that holds these words."""
        assert self.code == code, self
        assert self.out == "", self
        assert len(self.err.splitlines()) == 1, self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self.err


def cift_now(*words: str, stdin: str = "", **env: str) -> Said:
    """Run `cift` with these variables and no others of ours."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "cift_shared", *words],
        check=False, input=stdin, capture_output=True, text=True, env={**kept, **env},
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


async def cift(*words: str, stdin: str = "", **env: str) -> Said:
    """Run `cift` while the loop goes on."""
    return await asyncio.to_thread(cift_now, *words, stdin=stdin, **env)


def shape(value: Any) -> Any:
    """A JSON document with its values taken for their types; of a list, its first element."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return type(value).__name__
