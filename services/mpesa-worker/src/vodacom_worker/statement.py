"""Statements of M-Pesa Tanzania: the organisation statement, and what finds a line's payment."""

from functools import cache, partial
from uuid import UUID

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cift_shared.attempts.store import attempt_id_of
from cift_shared.rails.statements import StatementFormat
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import load_settings
from mpesa_common import portal
from vodacom_worker.domain import CURRENCY, DAR_ES_SALAAM, transaction_reference


class _Keys(BaseSettings):
    """The keys that are needed to compute our references."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    data_keys: SecretStr = Field(validation_alias="CIFT_DATA_KEYS")
    index_key: SecretStr = Field(validation_alias="CIFT_INDEX_KEY")


@cache
def _vault() -> Vault:
    keys = load_settings(_Keys)
    return Vault.from_text(keys.data_keys.get_secret_value(), keys.index_key.get_secret_value())


def _references(payment_id: UUID) -> tuple[str, ...]:
    """The reference that the requests of a payment carry, as a line shows it.

    Raises:
        SettingsInvalid: a key of the worker is not in the environment.
    """
    return (f"account {transaction_reference(_vault(), attempt_id_of(payment_id))}",)


FORMAT = StatementFormat(partial(portal.read, currency=CURRENCY), DAR_ES_SALAAM, _references)
"""The entry point `cift.statements`."""
