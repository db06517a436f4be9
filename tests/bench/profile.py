"""Where the services spend their time: samples by py-spy, summed up by function.

py-spy (https://github.com/benfred/py-spy) is not among our dependencies: `pip install py-spy`, or
name it with `--py-spy`. It looks at a process from outside, a hundred times a second here, so
nothing has to be built in and the services run as they are.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.bench.cluster import SERVICES, Cluster

SAMPLES_PER_S = 100
TOP = 20
TRUNK = 0.8
"""A function in more than this share of the samples is the trunk, not a branch."""


def find_sampler(named: str | None) -> str:
    """The py-spy program.

    Raises:
        SystemExit: there is none.
    """
    found = shutil.which(named or "py-spy")
    if found is None:
        raise SystemExit("--profile needs py-spy: `pip install py-spy`, or name it with --py-spy")
    return found


async def record(sampler: str, pid: int, seconds: float, file: Path) -> None:
    """Samples a process into a file of folded stacks.

    Raises:
        RuntimeError: py-spy failed.
    """
    process = await asyncio.create_subprocess_exec(
        sampler, "record", "--pid", str(pid), "--duration", str(round(seconds)), "--nonblocking",
        "--rate", str(SAMPLES_PER_S), "--format", "raw", "--output", str(file),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"py-spy: {said.decode().strip()}")


def hottest(stacks: Iterable[str]) -> tuple[Counter[str], Counter[str], int]:
    """Samples by function, from folded stacks (`outer;inner 12`): itself, with what it calls, all.

    A function that stands twice in a stack counts once.
    """
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    total = 0
    for line in stacks:
        stack, _, text = line.rpartition(" ")
        frames, count = [_without_line(frame) for frame in stack.split(";")], int(text)
        own[frames[-1]] += count
        whole.update(dict.fromkeys(frames, count))
        total += count
    return own, whole, total


def _without_line(frame: str) -> str:
    """`name (path/to/module.py:12)` without the number, the path cut to its end."""
    name, _, place = frame.partition(" (")
    path = place.rstrip(")").rpartition(":")[0] or place.rstrip(")")
    return f"{name} ({'/'.join(path.split('/')[-3:])})" if place else name


def table(service: str, stacks: Iterable[str]) -> str:
    """The hottest functions of a service as text, in percent of its samples.

    First by their own time, then by all they call; what every sample passes through is left out.
    """
    own, whole, total = hottest(stacks)
    if not total:
        return f"{service}: no samples"
    wanted = [name for name, _ in own.most_common(TOP)]
    wanted += [
        name for name, count in whole.most_common() if count < TRUNK * total and name not in wanted
    ][:TOP]
    lines = [f"\n{service}: {total} samples", "   self  whole  function"]
    lines += [f"  {own[name] / total:5.1%}  {whole[name] / total:5.1%}  {name}" for name in wanted]
    return "\n".join(lines)


async def profile(cluster: Cluster, sampler: str, rate: float, seconds: float) -> None:
    """Prints the hottest functions of every service and of the twin under load."""
    pids = {name: cluster.pids()[name] for name in (*SERVICES, "provider-sandbox")}
    files = {name: cluster.folder / f"{name}.stacks" for name in pids}
    await asyncio.gather(
        cluster.load(rate, seconds),
        *(record(sampler, pid, seconds, files[name]) for name, pid in pids.items()),
    )
    await cluster.settled()
    for name, file in files.items():
        print(table(name, file.read_text().splitlines()))
