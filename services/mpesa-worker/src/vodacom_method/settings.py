"""Settings of M-Pesa Tanzania in the gateway, and the words for its two environments."""

from typing import Literal, Self

from pydantic import Field

from cift_shared.errors import SettingsInvalid
from cift_shared.networks import Networks
from cift_shared.rails.gateway import RailSettings

Environment = Literal["sandbox", "production"]


class VodacomSettings(RailSettings):
    """What the gateway needs to offer M-Pesa Tanzania."""

    service_provider_code: str | None = Field(
        default=None, validation_alias="MPESA_TZ_SERVICE_PROVIDER_CODE"
    )
    """Our code at Vodacom; without it the rail is not offered."""
    environment: Environment = Field(default="sandbox", validation_alias="MPESA_TZ_ENVIRONMENT")
    sources: Networks = Field(default=(), validation_alias="CIFT_GATEWAY_MPESA_TZ_SOURCES")
    """Where genuine notices come from. Vodacom publishes no list: unset, every address may post."""

    @property
    def is_offered(self) -> bool:
        """True when the deployment has a code at Vodacom."""
        return self.service_provider_code is not None

    def checked(self, mode: str) -> Self:
        """These settings; Vodacom's sandbox and real money don't mix.

        Raises:
            SettingsInvalid: the environment is not the mode's.
        """
        if self.is_offered and (self.environment == "production") is not (mode == "live"):
            raise SettingsInvalid(
                f"MPESA_TZ_ENVIRONMENT={self.environment} does not go with CIFT_MODE={mode}"
            )
        return self
