"""A guide's shell blocks and what it says that they print: read from Markdown, run in one shell."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NOT_RUN = "not-run"
NOTHING = "It prints nothing."
_ANY = "…"
"""In a promised output: what differs from run to run; alone on a line, any number of lines."""
_PART = re.compile(
    r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$|^(?P<line>[^\n]*)$", re.MULTILINE | re.DOTALL
)
_BEGIN, _END = "@@ block {} begins", "@@ block {} ended"


@dataclass(frozen=True, slots=True)
class Block:
    """One shell block."""

    script: str
    promised: str | None
    """What it prints; empty: nothing; None: the guide does not say."""
    is_run: bool

    @property
    def name(self) -> str:
        """Its first line."""
        return self.script.splitlines()[0]


def read_blocks(markdown: str) -> list[Block]:
    """Every block that is marked ``sh``, with the output that follows it."""
    parts = [part for part in _PART.finditer(markdown) if part["info"] or part["line"]]
    blocks = []
    for number, part in enumerate(parts):
        info = (part["info"] or "").split()
        if info[:1] == ["sh"]:
            after = parts[number + 1] if number + 1 < len(parts) else None
            blocks.append(Block(part["body"], _promised(after), NOT_RUN not in info))
    return blocks


def _promised(after: "re.Match[str] | None") -> str | None:
    if after is None:
        return None
    if after["info"] == "text":
        return str(after["body"])
    return "" if (after["line"] or "").startswith(NOTHING) else None


def run_blocks(
    blocks: Sequence[Block], *, environment: Mapping[str, str], folder: Path, timeout_s: float
) -> list[str]:
    """Run them in one plain shell, which ends where a command fails; what each printed.

    Raises:
        AssertionError: one failed; with its errors.
    """
    script = "\n".join(
        # a line of its own, also after output that does not end with one
        f"printf '\\n%s\\n' '{_BEGIN.format(n)}'\n{block.script}\n"
        f"printf '\\n%s\\n' '{_END.format(n)}'"
        for n, block in enumerate(blocks)
    )
    file, errors = folder / "guide.sh", folder / "guide.err"
    file.write_text(f"set -eu\n{script}\n", "utf-8")
    with errors.open("wb") as told:
        done = subprocess.run(
            ["sh", str(file)],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=told,
            timeout=timeout_s,
            check=False,
        )
    output = done.stdout.decode()
    printed = [_between(output, n) for n in range(len(blocks))]
    failed = next((n for n, text in enumerate(printed) if text is None), None)
    if failed is not None or done.returncode:
        where = blocks[failed].script if failed is not None else "the end"
        tail = "\n".join(errors.read_text().splitlines()[-30:])
        raise AssertionError(f"status {done.returncode} in:\n{where}\n{output[-2000:]}\n{tail}")
    return [text for text in printed if text is not None]


def _between(output: str, number: int) -> str | None:
    found = re.search(
        f"^{_BEGIN.format(number)}\n(.*?)\n{_END.format(number)}$", output, re.MULTILINE | re.DOTALL
    )
    return found[1] if found else None


def keeps(promised: str, printed: str) -> bool:
    """Whether an output is the promised one."""
    pattern = ""
    for line in promised.splitlines():
        if line == _ANY:
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += r"[^\n]*".join(map(re.escape, line.split(_ANY))) + r"\n"
    text = printed if not printed or printed.endswith("\n") else f"{printed}\n"
    return re.fullmatch(pattern, text) is not None
