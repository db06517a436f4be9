"""The fail points there are, read from the source: nothing keeps a list of them by hand.

A service passes the points of its own packages and of every module of `cift_shared` that it
imports, directly or through others.
"""

import ast
import importlib.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from cift_local.stack import SERVICES as MODULES
from cift_shared.rails.local import local_rails
from cift_shared.rails.registry import rails
from tests.chaos.cluster.cluster import SERVICES

ROOT = Path(__file__).parents[3]
SHARED = "cift_shared"
_CALL = "failpoint"
CANCELS = ("worker.before_provider_cancel", "worker.after_provider_cancel")
"""Points that only the worker of a rail passes whose provider can cancel a payment."""
NOTICES = ("worker.before_notices_commit", "worker.after_notices")
"""Points that only the worker of a rail passes whose provider posts notices."""


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
            if name in CANCELS and not _rails_have(service, "cancel_after_submit"):
                continue
            if name in NOTICES and not _rails_have(service, "has_notices"):
                continue
            if name in found:
                raise DuplicateName(f"{name}: {found[name]} and {place}")
            found[name] = place
    return found


def _rails_have(service: str, flag: str) -> bool:
    """Whether a rail of this worker has a flag: without it, some places are never passed."""
    return any(
        getattr(rails()[rail], flag)
        for rail, local in local_rails().items()
        if local.worker == service
    )


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
        yield name, f"{os.path.relpath(module, ROOT)}:{line}"


def _modules_of(service: str) -> list[Path]:
    """The package of the service, and what it imports of its neighbours and of `cift_shared`."""
    package = _package(MODULES[service])
    own = sorted(package.rglob("*.py"))
    return [*own, *sorted(_reached_by(own, package.parent) - set(own))]


def _package(name: str) -> Path:
    """The folder of an installed package."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(name)
    return Path(spec.submodule_search_locations[0])


def _reached_by(modules: list[Path], folder: Path) -> set[Path]:
    """The modules that these import, and what those import: shared ones and those in a folder."""
    reached: set[Path] = set()
    waiting = list(modules)
    while waiting:
        for path in _imports(waiting.pop(), folder) - reached:
            reached.add(path)
            waiting.append(path)
    return reached


def _imports(module: Path, folder: Path) -> set[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {path for name in names if (path := _file_of(name, folder)) is not None}


def _file_of(name: str, folder: Path) -> Path | None:
    parts = name.split(".")
    place = _package(SHARED).parent if parts[0] == SHARED else folder
    path = place / Path(*parts)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None
