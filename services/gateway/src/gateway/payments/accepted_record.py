"""The record of an acceptance that its command carries: a restored database accepts it again.

A database that is restored to an earlier moment has forgotten the payments accepted since; their
commands are still in Kafka. A command says what the worker does. This record adds what the gateway
and the ledger stored with it, sealed because descriptions and metadata are the merchant's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cift_shared.errors import SealBroken, SettingsInvalid
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.idempotency.acceptance import Acceptance
from gateway.idempotency.store import RequestKey
from gateway.payments.commands import acceptance_of, stored_command

HEADER = "cift-acceptance"
"""The header of a command's record."""
_CONTEXT = "acceptance"
_OPERATOR = "restore"
"""Stands in the place of the API key and of the request that are not known any more."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An acceptance as its command's record tells it, and the idempotency key it was made under."""

    key: RequestKey
    acceptance: Acceptance


def with_record(acceptance: Acceptance, key: RequestKey, vault: Vault) -> Acceptance:
    """The acceptance, with a command that also carries the record of it."""
    message = acceptance.message
    if message is None:
        return acceptance
    document = {
        "route": key.route,
        "key_digest": key.key_digest,
        "request_digest": key.request_digest,
        "index_check": _index_check(acceptance.row["payment_id"], vault),
        "row": {name: value for name, value in acceptance.row.items() if name != "command"},
    }
    sealed = vault.seal(json.dumps(document).encode(), context=_CONTEXT)
    return replace(
        acceptance, message=replace(message, headers={**message.headers, HEADER: sealed})
    )


def read_record(message: OutgoingMessage, vault: Vault) -> Recorded | None:
    """The acceptance that a command tells of; None: the command carries no record.

    Raises:
        SettingsInvalid: the keys are not those under which it was recorded.
    """
    sealed = message.headers.get(HEADER)
    if sealed is None:
        return None
    document = _opened(sealed, vault)
    row: dict[str, Any] = document["row"]
    if document["index_check"] != _index_check(row["payment_id"], vault):
        raise SettingsInvalid(f"CIFT_INDEX_KEY {_NOT_THEIRS}")
    plain = replace(message, headers=_without_record(message.headers))
    row["command"] = stored_command(plain)
    caller = Caller(_OPERATOR, row["merchant_id"], row["livemode"], frozenset())
    key = RequestKey(
        caller, document["route"], document["key_digest"], document["request_digest"], _OPERATOR
    )
    return Recorded(key, acceptance_of(row, message))


_NOT_THEIRS = (
    "is not the key of the payments in Kafka: data, index and callback keys belong to the backup, "
    "restore them with it"
)


def _opened(sealed: str, vault: Vault) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(vault.open(sealed, context=_CONTEXT))
    except SealBroken as error:
        raise SettingsInvalid(
            f"CIFT_DATA_KEYS: {sealed.partition('.')[0]!r} is missing, or {_NOT_THEIRS}"
        ) from error
    return document


def _index_check(payment_id: str, vault: Vault) -> str:
    return vault.fingerprint(payment_id.encode(), context=_CONTEXT)


def _without_record(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != HEADER}
