"""Identifiers in Stripe's shapes: the same seed and the same order of calls make the same ids."""

import hashlib
import string

from provider_sandbox.store import Store

_ALPHABET = string.digits + string.ascii_letters


def letters(text: str, length: int) -> str:
    """Letters and digits that follow from a text."""
    number = int.from_bytes(hashlib.sha512(text.encode()).digest())
    made = []
    for _ in range(length):
        number, rest = divmod(number, len(_ALPHABET))
        made.append(_ALPHABET[rest])
    return "".join(made)


class Ids:
    """Counts in the store, so a restarted twin goes on where it stopped."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._seed = seed

    def make(self, prefix: str, length: int = 24) -> str:
        """A new id, such as ``pi_`` and 24 letters and digits."""
        row = self._store.one(
            "INSERT INTO stripe_counters VALUES (?, 1)"
            " ON CONFLICT (prefix) DO UPDATE SET n = n + 1 RETURNING n",
            (prefix,),
        )
        count = 0 if row is None else row["n"]
        return f"{prefix}_{letters(f'{self._seed}|{prefix}|{count}', length)}"

    def client_secret(self, intent: str) -> str:
        """What the paying client proves itself with: ``pi_…_secret_…``."""
        return f"{intent}_secret_{letters(f'{self._seed}|secret|{intent}', 25)}"
