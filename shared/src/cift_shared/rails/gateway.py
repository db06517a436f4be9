"""What a rail registers for the gateway: settings, instruments, webhooks.

It is registered under the entry point group `cift.gateway`. It must not import libraries of the
rail's worker, because the gateway is installed without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

from cift_shared.errors import SettingsInvalid
from cift_shared.rails.entries import load_entries
from cift_shared.rails.instruments import InstrumentKind
from cift_shared.rails.registry import rails, rails_of
from cift_shared.rails.webhooks import WebhookRoute
from cift_shared.settings import EnvironmentSettings, load_settings

GROUP = "cift.gateway"


class RailSettings(EnvironmentSettings):
    """Settings of one rail in the gateway, read from the environment."""

    @property
    def is_offered(self) -> bool:
        """False if the rail is not configured in this deployment."""
        return True

    @property
    def currencies(self) -> frozenset[str] | None:
        """The currencies of the rail that this deployment has set up; None: all of them."""
        return None

    @property
    def client_key(self) -> str | None:
        """The provider's key for clients that send an instrument to the provider directly."""
        return None

    def checked(self, mode: str) -> Self:  # noqa: ARG002  for those that override it
        """These settings; `mode` is `test` or `live`.

        Raises:
            SettingsInvalid: names the variable that does not fit the mode.
        """
        return self


@dataclass(frozen=True, slots=True)
class GatewayRail:
    """One rail, as the gateway uses it."""

    settings: type[RailSettings]
    instruments: Mapping[str, InstrumentKind]
    """The kind of instrument of each operation, `deposit` and `withdrawal`."""
    webhooks: Sequence[WebhookRoute] = ()
    payments: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Example payment requests for the OpenAPI document: the name, the title, the JSON of each."""

    @property
    def keeps_at_provider(self) -> bool:
        """True if the provider stores instruments for later payments."""
        kinds = self.instruments.values()
        return any(kind.saving and kind.saving.at_provider for kind in kinds)


@cache
def gateway_rails() -> Mapping[str, GatewayRail]:
    """The gateway's part of each installed rail, by the rail's name; read once per process.

    Rails whose providers store no instruments come first: their requests are the simplest, and the
    API's documents begin with them.

    Raises:
        SettingsInvalid: an entry point is not a `GatewayRail`, or a rail without notices has a
            webhook.
    """
    found = load_entries(GROUP, GatewayRail)
    for name, rail in found:
        if rail.webhooks and name in rails() and not rails()[name].has_notices:
            raise SettingsInvalid(f"{GROUP}: {name!r} has webhooks, but no topic for notices")
    return dict(sorted(found, key=lambda entry: entry[1].keeps_at_provider))


def payer_country(method: str, fields: Mapping[str, Any]) -> str | None:
    """The payer's country (ISO 3166 alpha-2) in the fields of an instrument; None: not told.

    Raises:
        InvalidCommand: no installed rail serves the method.
    """
    for rail in rails_of(method):
        for kind in gateway_rails()[rail.name].instruments.values():
            country = kind.country_of(fields)
            if country is not None:
                return country
    return None


def saving_examples() -> list[tuple[str, str, Mapping[str, Any]]]:
    """A request to save each kind of instrument, for the OpenAPI document."""
    kinds = {
        kind.kind: kind for rail in gateway_rails().values() for kind in rail.instruments.values()
    }
    return [kind.saving.example for kind in kinds.values() if kind.saving]


def load_rail_settings() -> Mapping[str, RailSettings]:
    """The settings of each installed rail, by the rail's name.

    Raises:
        SettingsInvalid: names every variable of a rail that is missing, wrong or misspelt.
    """
    return {name: load_settings(rail.settings) for name, rail in gateway_rails().items()}
