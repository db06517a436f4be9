"""Settings of cards in the gateway."""

from typing import Self

from pydantic import Field, SecretStr

from cift_shared.errors import SettingsInvalid
from cift_shared.rails.gateway import RailSettings
from cift_shared.security.published_keys import refuse_published


class CardSettings(RailSettings):
    """What the gateway needs to offer cards and to take Stripe's events."""

    publishable_key: str | None = Field(default=None, validation_alias="STRIPE_PUBLISHABLE_KEY")
    """Handed to clients that enter cards; without it cards are not offered."""
    webhook_secret: SecretStr | None = Field(default=None, validation_alias="STRIPE_WEBHOOK_SECRET")
    """What Stripe signs its webhooks with; two, comma separated, while it is being rotated."""

    @property
    def is_offered(self) -> bool:
        """True when clients have a key with which they can enter a card."""
        return self.publishable_key is not None

    @property
    def client_key(self) -> str | None:
        """The key with which clients enter cards at Stripe."""
        return self.publishable_key

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Every secret that may sign; none: the webhook is not set up."""
        text = self.webhook_secret.get_secret_value() if self.webhook_secret else ""
        return tuple(filter(None, (part.strip() for part in text.split(","))))

    def checked(self, mode: str) -> Self:
        """These settings; keys of Stripe's test mode and live mode don't mix.

        Raises:
            SettingsInvalid: the publishable key is a secret one, or one of the other mode; in live
                mode, a webhook secret is a published one.
        """
        if mode == "live":
            refuse_published("STRIPE_WEBHOOK_SECRET", self.webhook_secrets)
        key = self.publishable_key
        if key is not None and not key.startswith(f"pk_{mode}_"):
            raise SettingsInvalid(
                f"STRIPE_PUBLISHABLE_KEY: with CIFT_MODE={mode} it begins with pk_{mode}_"
            )
        return self
