"""Which of our modules see which: so that a server may load all that a change can't reach."""

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]


def is_ours(name: str) -> bool:
    """True for modules of this repository."""
    return _is_in_repository(name.partition(".")[0])


@cache
def _is_in_repository(package: str) -> bool:
    try:
        spec = find_spec(package)
    except ValueError:  # the program that was started has none
        return False
    if spec is None or spec.origin is None:
        return False
    path = Path(spec.origin)
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts


def path_of(module: str) -> Path:
    """The file of one of our modules, found without importing its packages.

    Raises:
        LookupError: there is no such module.
    """
    top, _, below = module.partition(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        raise LookupError(f"no module {module}")
    if not below:
        return Path(spec.origin)
    path = Path(spec.origin).parent.joinpath(*below.split(".")).with_suffix(".py")
    if not path.exists():
        raise LookupError(f"no module {module}")
    return path


def out_of_reach(changed: str, loaded: Iterable[str]) -> list[str]:
    """Those of the loaded modules that see nothing of the changed one."""
    names = list(loaded)
    return [name for name in names if not _sees(name, changed, frozenset(names), set())]


def _sees(name: str, changed: str, known: frozenset[str], passed: set[str]) -> bool:
    if name == changed:
        return True
    if name in passed:
        return False
    passed.add(name)
    return any(_sees(seen, changed, known, passed) for seen in _imported(name) if seen in known)


@cache
def _imported(name: str) -> frozenset[str]:
    """The modules that a module names in its imports, its own packages included."""
    module = sys.modules.get(name)
    origin = getattr(module, "__file__", None)
    if not origin or not origin.endswith(".py"):
        return frozenset()
    parents = name.split(".")
    packages = {".".join(parents[:end]) for end in range(1, len(parents))}
    return frozenset(packages | set(_named(ast.parse(Path(origin).read_text("utf-8")))))


def _named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from _with_packages(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))
