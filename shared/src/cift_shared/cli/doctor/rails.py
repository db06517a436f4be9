"""Checks of the installed rails' settings, as far as this environment has them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import get_type_hints

from pydantic_settings import BaseSettings

from cift_shared.cli.doctor.finding import Finding, fail, ok
from cift_shared.errors import SettingsInvalid
from cift_shared.rails.gateway import gateway_rails
from cift_shared.settings import load_if_set, required_variables

_CONFIGS = "cift.processor_configs"
_DESCRIBED = "correct the settings: .env.example.payments describes them"


def check_rails(mode: str) -> Iterator[tuple[str, Finding]]:
    """A finding for each rail that is set up in this environment, with the rail's name.

    Settings themselves refuse what does not fit `mode`: a provider's sandbox, a test key, or a
    callback address without https with real money.
    """
    kinds = _kinds()
    own = _own_variables(kinds)
    for rail, kind in kinds.items():
        try:
            if load_if_set(kind, own[rail]) is None:
                continue
            gateway = gateway_rails()[rail].settings
            if (found := load_if_set(gateway)) is not None:
                found.checked(mode)
        except SettingsInvalid as error:
            yield rail, fail(f"rails.{rail}", str(error), _DESCRIBED)
        else:
            yield rail, ok(f"rails.{rail}", "its settings can be used")


def _kinds() -> Mapping[str, type[BaseSettings]]:
    """By rail, the class of its worker's settings: what the rail's loader returns."""
    loaders = {point.name: point.load() for point in entry_points(group=_CONFIGS)}
    return {rail: get_type_hints(loaders[rail])["return"] for rail in sorted(loaders)}


def _own_variables(kinds: Mapping[str, type[BaseSettings]]) -> Mapping[str, list[str]]:
    """By rail, the required variables that no other rail reads; they say whether it is set up."""
    required = {rail: required_variables(kind) for rail, kind in kinds.items()}
    uses = Counter(name for names in required.values() for name in names)
    return {rail: [name for name in names if uses[name] == 1] for rail, names in required.items()}
