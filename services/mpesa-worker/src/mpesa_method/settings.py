"""Settings of M-Pesa in the gateway."""

from pydantic import Field

from cift_shared.networks import Networks, networks
from cift_shared.rails.gateway import RailSettings

# Safaricom publishes no list of its own; these are the addresses that integrators agree on.
SOURCES = ",".join(
    [f"196.201.212.{host}" for host in (69, 74, 127, 128, 129, 132, 136, 138)]
    + [f"196.201.213.{host}" for host in (44, 114)]
    + [f"196.201.214.{host}" for host in (200, 206, 207, 208)]
)


class MpesaSettings(RailSettings):
    """Where genuine notices of M-Pesa come from, and what is done with others."""

    sources: Networks = Field(
        default=networks(SOURCES), validation_alias="CIFT_GATEWAY_MPESA_SOURCES"
    )
    """Where genuine notices come from."""
    enforce_sources: bool | None = Field(
        default=None, validation_alias="CIFT_GATEWAY_MPESA_ENFORCE_SOURCES"
    )
    """Quarantine notices from other addresses; unset means: in live mode only."""

    offered: bool = Field(default=True, validation_alias="CIFT_GATEWAY_MPESA_OFFERED")
    """False in a deployment whose worker does not serve M-Pesa Kenya."""

    @property
    def is_offered(self) -> bool:
        """True unless the deployment says otherwise."""
        return self.offered

    def is_enforced(self, *, livemode: bool) -> bool:
        """True when notices from unlisted sources are quarantined."""
        return livemode if self.enforce_sources is None else self.enforce_sources
