"""What the gateway needs to know to start."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from cift_shared.errors import SettingsInvalid
from cift_shared.settings import ServiceSettings

Network = IPv4Network | IPv6Network

# Safaricom publishes no list of its own; these are the addresses that integrators agree on.
MPESA_SOURCES = ",".join(
    [f"196.201.212.{host}" for host in (69, 74, 127, 128, 129, 132, 136, 138)]
    + [f"196.201.213.{host}" for host in (44, 114)]
    + [f"196.201.214.{host}" for host in (200, 206, 207, 208)]
)


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _from_text(value: object) -> object:
    return _networks(value) if isinstance(value, str) else value


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_from_text)]
"""Comma separated addresses or CIDR ranges."""


class GatewaySettings(ServiceSettings):
    """Settings of the gateway beside those of every service."""

    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")
    """Path of a price list; the shipped one by default."""
    rate_table: str | None = Field(default=None, validation_alias="CIFT_RATES")
    """Path of a table of exchange rates; the shipped one by default, in live mode for fees only."""
    conversion_spread_bps: int = Field(
        default=50, ge=0, lt=10_000, validation_alias="CIFT_GATEWAY_CONVERSION_SPREAD_BPS"
    )
    """Our margin on conversions, in hundredths of a percent of the rate."""
    quote_lifetime_s: int = Field(
        default=900, ge=1, le=86_400, validation_alias="CIFT_GATEWAY_QUOTE_LIFETIME_S"
    )
    """How long a quote keeps its terms, in seconds."""
    trusted_proxies: Networks = Field(default=(), validation_alias="CIFT_GATEWAY_TRUSTED_PROXIES")
    """Our own proxies: only their X-Forwarded-For is believed."""
    mpesa_sources: Networks = Field(
        default=_networks(MPESA_SOURCES),
        validation_alias="CIFT_GATEWAY_MPESA_SOURCES",
    )
    """Where genuine M-Pesa notices come from."""
    mpesa_enforce_sources: bool | None = Field(
        default=None, validation_alias="CIFT_GATEWAY_MPESA_ENFORCE_SOURCES"
    )
    """Set aside notices from elsewhere; unset means: in live mode only."""
    streams_per_key: int = Field(
        default=50, ge=1, le=10_000, validation_alias="CIFT_GATEWAY_STREAMS_PER_KEY"
    )
    """Open event streams and waiting requests of one API key."""
    requests_per_second: int = Field(
        default=500, ge=1, le=100_000, validation_alias="CIFT_GATEWAY_REQUESTS_PER_SECOND"
    )
    """Requests that one API key may make of one process, with a burst of a second's worth."""
    notices_per_second: int = Field(
        default=50, ge=1, validation_alias="CIFT_GATEWAY_NOTICES_PER_SECOND"
    )
    """Notices without a callback token that one source may send."""
    stripe_publishable_key: str | None = Field(
        default=None, validation_alias="STRIPE_PUBLISHABLE_KEY"
    )
    """Handed to clients that enter cards; without it cards are not offered."""
    stripe_webhook_secret: SecretStr | None = Field(
        default=None, validation_alias="STRIPE_WEBHOOK_SECRET"
    )
    """What Stripe signs its webhooks with; two, comma separated, while it is being rotated."""

    @property
    def cards_offered(self) -> bool:
        """True when clients can be told how to enter a card."""
        return self.stripe_publishable_key is not None

    @property
    def stripe_webhook_secrets(self) -> tuple[str, ...]:
        """Every secret that may sign; none: the webhook is not set up."""
        text = self.stripe_webhook_secret.get_secret_value() if self.stripe_webhook_secret else ""
        return tuple(filter(None, (part.strip() for part in text.split(","))))

    def checked(self) -> Self:
        """These settings, tried; sandbox keys and live keys don't mix.

        Raises:
            SettingsInvalid: the publishable key is a secret one, or one of the other mode; in live
                mode, every address is a proxy of ours.
        """
        if self.livemode and any(network.prefixlen == 0 for network in self.trusted_proxies):
            raise SettingsInvalid(
                "CIFT_GATEWAY_TRUSTED_PROXIES: everybody; then anyone may say where they call from"
            )
        key = self.stripe_publishable_key
        if key is not None and not key.startswith(f"pk_{self.mode}_"):
            raise SettingsInvalid(
                f"STRIPE_PUBLISHABLE_KEY: with CIFT_MODE={self.mode} it begins with pk_{self.mode}_"
            )
        return super().checked()

    @property
    def sources_enforced(self) -> bool:
        """True when notices from unlisted sources are set aside."""
        if self.mpesa_enforce_sources is None:
            return self.livemode
        return self.mpesa_enforce_sources
