"""The next action of a payer, with its secrets decrypted for the merchant.

A worker seals values that only the payer's client may have (a client secret); their keys end in
`_sealed`. The ledger's events leave these keys out; a merchant that reads the payment gets the
values in clear text.
"""

from collections.abc import Mapping

from cift_shared.errors import SealBroken
from cift_shared.messaging.messages import DELIVERED_BY
from cift_shared.observability.log import get_logger
from cift_shared.security.field_encryption import Vault

CONTEXT = "next_action"
SEALED = "_sealed"
CLIENT_SECRET = "client_secret"  # noqa: S105  the name of a field
PUBLISHABLE_KEY = "publishable_key"

log = get_logger()


def waits_for_caller(action: Mapping[str, str] | None) -> bool:
    """True for an action that the caller must pass to the payer: a page, client secret or address.

    False when there is no action, and when the payer has received it already (`delivered_by`).
    """
    return bool(action) and DELIVERED_BY not in (action or {})


def opened(action: Mapping[str, str] | None, vault: Vault | None) -> dict[str, str] | None:
    """The action with its sealed fields in clear text, under their plain names; None when empty.

    Without a vault, and when a field can't be decrypted, the field is left out.
    """
    shown: dict[str, str] = {}
    for name, text in (action or {}).items():
        if not name.endswith(SEALED):
            shown[name] = text
        elif (secret := _open(name, text, vault)) is not None:
            shown[name.removesuffix(SEALED)] = secret
    return shown or None


def _open(name: str, sealed: str, vault: Vault | None) -> str | None:
    if vault is None:
        return None
    try:
        return vault.open(sealed, context=CONTEXT).decode()
    except SealBroken:
        log.exception("gateway.next_action.seal_broken", field=name)
        return None
