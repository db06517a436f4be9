"""Settings of MTN MoMo in the gateway: whether each country is offered, and with which money."""

from typing import ClassVar, Self

from pydantic import AliasGenerator
from pydantic_settings import SettingsConfigDict

from cift_shared.errors import SettingsInvalid
from cift_shared.rails.gateway import RailSettings
from momo_method.countries import RWANDA, UGANDA, Country

SANDBOX = "sandbox"
"""The target environment of MTN's sandbox, whose money is play money in EUR."""


def named(country: Country) -> SettingsConfigDict:
    """The model configuration that puts the country's prefix before the name of each field."""
    prefix = country.prefix
    return SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: f"{prefix}_{name.upper()}")
    )


class MomoSettings(RailSettings):
    """What the gateway needs to offer MTN MoMo in one country."""

    country: ClassVar[Country]
    collection_api_user: str | None = None
    """Our API user for collections; without it the country is not offered."""
    target_environment: str = SANDBOX
    """`sandbox`, or the country's own environment."""

    @property
    def is_offered(self) -> bool:
        """True when the deployment has an API user in this country."""
        return self.collection_api_user is not None

    def checked(self, mode: str) -> Self:
        """These settings; MTN's sandbox never serves live mode.

        Raises:
            SettingsInvalid: the environment is not the mode's.
        """
        if self.is_offered and mode == "live" and self.target_environment == SANDBOX:
            raise SettingsInvalid(
                f"{self.country.prefix}_TARGET_ENVIRONMENT=sandbox does not go with CIFT_MODE=live"
            )
        return self


class UgandaSettings(MomoSettings):
    """MTN MoMo Uganda in the gateway."""

    model_config = named(UGANDA)
    country = UGANDA


class RwandaSettings(MomoSettings):
    """MTN MoMo Rwanda in the gateway."""

    model_config = named(RWANDA)
    country = RWANDA
