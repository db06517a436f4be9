"""The fail points there are, read from the source: nothing keeps a list of them by hand.

A service passes the points of its own package and of every module of `cift_shared` that it imports,
directly or through others.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.chaos.cluster.cluster import SERVICES

ROOT = Path(__file__).parents[3]
SHARED = "cift_shared"
_CALL = "failpoint"


class DuplicateName(Exception):
    """One name for two places in a service: which of them was hit nobody could say."""


def points_of(service: str) -> dict[str, str]:
    """Every fail point of a service, with the place of its call.

    Raises:
        DuplicateName: two calls share a name.
    """
    found: dict[str, str] = {}
    for module in _modules_of(service):
        for name, place in _calls(module):
            if name in found:
                raise DuplicateName(f"{name}: {found[name]} and {place}")
            found[name] = place
    return found


def all_points() -> Mapping[str, dict[str, str]]:
    """The fail points of every service."""
    return {service: points_of(service) for service in SERVICES}


def names_in(source: str) -> list[tuple[str, int]]:
    """The names of the fail points in a module's text, with their lines.

    Raises:
        ValueError: a name is not written out, so nobody could find it.
    """
    return list(_named(ast.parse(source)))


def _named(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id != _CALL:
            continue
        if len(node.args) != 1 or not isinstance(node.args[0], ast.Constant):
            raise ValueError(f"line {node.lineno}: a fail point needs a written name")
        yield str(node.args[0].value), node.lineno


def _calls(module: Path) -> Iterator[tuple[str, str]]:
    for name, line in names_in(module.read_text()):
        yield name, f"{module.relative_to(ROOT)}:{line}"


def _modules_of(service: str) -> list[Path]:
    package = service.replace("-", "_")
    own = sorted((ROOT / "services" / service / "src" / package).rglob("*.py"))
    return [*own, *_shared_by(own)]


def _shared_by(modules: list[Path]) -> list[Path]:
    """The modules of `cift_shared` that these import, and what those import."""
    reached: set[Path] = set()
    waiting = list(modules)
    while waiting:
        for path in _imports(waiting.pop()) - reached:
            reached.add(path)
            waiting.append(path)
    return sorted(reached)


def _imports(module: Path) -> set[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {path for name in names if (path := _shared_file(name)) is not None}


def _shared_file(name: str) -> Path | None:
    parts = name.split(".")
    if parts[0] != SHARED:
        return None
    path = ROOT / "shared" / "src" / Path(*parts)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None
