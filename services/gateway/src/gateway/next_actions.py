"""What the customer must do next, with its secrets opened for the owner.

A worker seals what only the payer's client may hold (a client secret): its key ends in `_sealed`.
The ledger's events leave such keys out; the merchant who asks for the payment gets them in clear.
"""

from collections.abc import Mapping

from cift_shared.errors import SealBroken
from cift_shared.log import get_logger
from cift_shared.vault import Vault

CONTEXT = "next_action"
SEALED = "_sealed"
CLIENT_SECRET = "client_secret"  # noqa: S105  the name of a field
PUBLISHABLE_KEY = "publishable_key"

log = get_logger()


def opened(action: Mapping[str, str] | None, vault: Vault | None) -> dict[str, str] | None:
    """The action with sealed fields in clear, under their plain names; None when nothing is left.

    Without a vault, and where a seal can't be opened, the field is left out.
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
