"""What the gateway does for a rail: its settings there, and its webhooks.

A rail offers it under the entry point group `cift.gateway`. It imports none of its worker's
libraries: the gateway is installed without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

from cift_shared.rails.entries import load_entries
from cift_shared.rails.webhooks import WebhookRoute
from cift_shared.settings import EnvironmentSettings, load_settings

GROUP = "cift.gateway"


class RailSettings(EnvironmentSettings):
    """Settings of one rail in the gateway, read from the environment."""

    @property
    def is_offered(self) -> bool:
        """False where this deployment has not set the rail up."""
        return True

    @property
    def client_key(self) -> str | None:
        """The provider's key for clients that enter an instrument at the provider themselves."""
        return None

    def checked(self, mode: str) -> Self:  # noqa: ARG002  for those that override it
        """These settings; `mode` is `test` or `live`.

        Raises:
            SettingsInvalid: names the variable that does not fit the mode.
        """
        return self


@dataclass(frozen=True, slots=True)
class GatewayRail:
    """One rail in the gateway."""

    settings: type[RailSettings]
    webhooks: Sequence[WebhookRoute] = ()


@cache
def gateway_rails() -> Mapping[str, GatewayRail]:
    """What the gateway does for each installed rail, by the rail's name; read once per process.

    Raises:
        SettingsInvalid: an entry point is not a `GatewayRail`.
    """
    return dict(load_entries(GROUP, GatewayRail))


def load_rail_settings() -> Mapping[str, RailSettings]:
    """The settings of each installed rail, by the rail's name.

    Raises:
        SettingsInvalid: names every variable of a rail that is missing, wrong or misspelt.
    """
    return {name: load_settings(rail.settings) for name, rail in gateway_rails().items()}
