"""The settings of the gateway."""

from typing import Self

from pydantic import Field

from cift_shared.errors import SettingsInvalid
from cift_shared.networks import Networks
from cift_shared.settings import LiveRateSettings, ServiceSettings


class GatewaySettings(LiveRateSettings, ServiceSettings):
    """Settings of the gateway, in addition to those that every service has."""

    http_host: str = Field(default="127.0.0.1", validation_alias="CIFT_HTTP_HOST")
    http_port: int = Field(validation_alias="CIFT_HTTP_PORT", ge=1, le=65535)
    """The port of the API, which merchants, payers and providers use."""
    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")
    """Path of a price list; None: the shipped one."""
    conversion_spread_bps: int = Field(
        default=50, ge=0, lt=10_000, validation_alias="CIFT_GATEWAY_CONVERSION_SPREAD_BPS"
    )
    """Our margin on conversions, in hundredths of a percent of the rate."""
    quote_lifetime_s: int = Field(
        default=900, ge=1, le=86_400, validation_alias="CIFT_GATEWAY_QUOTE_LIFETIME_S"
    )
    """How long a quote is valid, in seconds."""
    rate_lock_s: int = Field(
        default=900, ge=60, le=86_400, validation_alias="CIFT_GATEWAY_RATE_LOCK_S"
    )
    """How long the rate of a deposit that is paid in another currency is locked, in seconds."""
    trusted_proxies: Networks = Field(default=(), validation_alias="CIFT_GATEWAY_TRUSTED_PROXIES")
    """Our own proxies: only their X-Forwarded-For header is trusted."""
    streams_per_key: int = Field(
        default=50, ge=1, le=10_000, validation_alias="CIFT_GATEWAY_STREAMS_PER_KEY"
    )
    """Maximum number of open event streams and waiting requests of one API key."""
    requests_per_second: int = Field(
        default=500, ge=1, le=100_000, validation_alias="CIFT_GATEWAY_REQUESTS_PER_SECOND"
    )
    """Requests per second that one API key may send to one process, with a burst of one second."""
    notices_per_second: int = Field(
        default=50, ge=1, validation_alias="CIFT_GATEWAY_NOTICES_PER_SECOND"
    )
    """Notices without a callback token that one source address may send per second."""

    def checked(self) -> Self:
        """These settings, after a check.

        Raises:
            SettingsInvalid: both ports are the same; in live mode, every address is a trusted
                proxy; or as in every service.
        """
        if self.http_port == self.ops_port:
            raise SettingsInvalid("CIFT_OPS_PORT: the same as CIFT_HTTP_PORT; it needs its own")
        if self.livemode and any(network.prefixlen == 0 for network in self.trusted_proxies):
            raise SettingsInvalid(
                "CIFT_GATEWAY_TRUSTED_PROXIES: every address; any client could forge its address"
            )
        return super().checked()
