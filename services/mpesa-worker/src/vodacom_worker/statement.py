"""Statements of M-Pesa Tanzania: the organisation statement, and what finds a line's payment."""

from functools import cache, partial
from uuid import UUID

from cift_shared.attempts.store import attempt_id_of
from cift_shared.rails.statements import StatementFormat
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import VaultSettings, load_settings
from mpesa_common import portal
from vodacom_worker.domain import CURRENCY, DAR_ES_SALAAM, transaction_reference


@cache
def _vault() -> Vault:
    return load_settings(VaultSettings).vault()


def _references(payment_id: UUID) -> tuple[str, ...]:
    """The reference that the requests of a payment carry, as a line shows it.

    Raises:
        SettingsInvalid: a key of the worker is not in the environment.
    """
    return (f"account {transaction_reference(_vault(), attempt_id_of(payment_id))}",)


FORMAT = StatementFormat(partial(portal.read, currency=CURRENCY), DAR_ES_SALAAM, _references)
"""The entry point `cift.statements`."""
