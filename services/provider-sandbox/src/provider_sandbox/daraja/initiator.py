"""Authenticate the API operator; several wrong passwords in a row lock it.

Source: Daraja documentation, B2C result codes 2001 and 8006.
"""

import secrets

from provider_sandbox.daraja.credential import CredentialKeys
from provider_sandbox.daraja.wire import Initiator
from provider_sandbox.twin import Twin

_FAILURES = "daraja.initiator.failures"


def refusal_code(twin: Twin, keys: CredentialKeys, operator: Initiator) -> str | None:
    """The result code that a wrong or locked operator forces on this request; None if valid."""
    failures = int(twin.store.meta(_FAILURES) or 0)
    if failures >= twin.settings.initiator_attempts:
        return "8006"
    password = twin.settings.initiator_password.get_secret_value().encode()
    matches = secrets.compare_digest(keys.open(operator.credential), password)
    if matches and operator.name == twin.settings.initiator_name:
        if failures:
            unlock(twin)
        return None
    twin.store.set_meta(_FAILURES, str(failures + 1))
    return "2001"


def unlock(twin: Twin) -> None:
    """Reset the count of wrong passwords."""
    twin.store.set_meta(_FAILURES, "0")
