"""Settings of PayPal in the gateway, and the words for its two environments."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field

from cift_shared.errors import SettingsInvalid
from cift_shared.rails.gateway import RailSettings


def _environment(value: object) -> object:
    return "live" if value == "production" else value


Environment = Annotated[Literal["sandbox", "live"], BeforeValidator(_environment)]
"""`sandbox` or `live`; `production` is another word for `live`."""


class PayPalSettings(RailSettings):
    """What the gateway needs to offer PayPal."""

    client_id: str | None = Field(default=None, validation_alias="PAYPAL_CLIENT_ID")
    """PayPal's app; without it PayPal is not offered."""
    environment: Environment = Field(default="sandbox", validation_alias="PAYPAL_ENVIRONMENT")
    api_base: str | None = Field(default=None, validation_alias="PAYPAL_API_BASE")
    """Base address of another PayPal; one on this machine also has the certificates."""
    webhook_id: str | None = Field(default=None, validation_alias="PAYPAL_WEBHOOK_ID")
    """The id that PayPal gave our webhook; without it no webhook is accepted."""

    @property
    def is_offered(self) -> bool:
        """True when the deployment has an app at PayPal."""
        return self.client_id is not None

    def checked(self, mode: str) -> Self:
        """These settings; PayPal's sandbox and real money don't mix.

        Raises:
            SettingsInvalid: the environment is not the mode's.
        """
        if self.is_offered and (self.environment == "live") is not (mode == "live"):
            raise SettingsInvalid(
                f"PAYPAL_ENVIRONMENT={self.environment} does not go with CIFT_MODE={mode}"
            )
        return self
