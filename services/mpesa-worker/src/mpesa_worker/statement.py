"""Statements of M-Pesa Kenya: the organisation statement, and what finds the payment of a line."""

from datetime import datetime
from functools import cache, partial
from typing import Any
from uuid import UUID

from cift_shared.attempts.store import attempt_id_of
from cift_shared.rails.statements import ProviderLine, StatementFormat
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import VaultSettings, load_settings
from mpesa_common import portal
from mpesa_worker.domain import NAIROBI, account_reference, keyed_account_reference

_CURRENCY = "KES"

read = partial(portal.read, currency=_CURRENCY)
"""The completed rows of an organisation statement; see `portal.read`."""


@cache
def _vault() -> Vault:
    return load_settings(VaultSettings).vault()


def _accounts(payment_id: UUID) -> tuple[str, ...]:
    """The account references that a payment's push may carry: keyed, or as in earlier releases.

    Raises:
        SettingsInvalid: a key of the worker is not in the environment.
    """
    attempt_id = attempt_id_of(payment_id)
    keyed = [keyed_account_reference(_vault(), attempt_id, variant) for variant in range(2)]
    return tuple(f"account {account}" for account in (*keyed, account_reference(payment_id)))


async def _pulled_lines(
    connection: Any, since: datetime, until: datetime
) -> tuple[ProviderLine, ...]:
    """Statement lines of the rows that the worker has read from the records."""
    rows = await connection.fetch(
        "select receipt, reference, amount_minor, at from mpesa.pulled_line"
        " where at >= $1 and at < $2 order by at, receipt",
        since,
        until,
    )
    return tuple(
        ProviderLine(
            external_id=row["receipt"],
            kind="payment",
            at=row["at"],
            gross=row["amount_minor"],
            currency=_CURRENCY,
            references=(row["receipt"],),
            hints=(f"account {row['reference']}",) if row["reference"] else (),
        )
        for row in rows
    )


FORMAT = StatementFormat(read, NAIROBI, _accounts, _pulled_lines)
"""The entry point `cift.statements`."""
