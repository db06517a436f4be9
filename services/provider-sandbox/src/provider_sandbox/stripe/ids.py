"""Identifiers in Stripe's formats: the same seed and order of calls give the same ids."""

import hashlib
import string

from provider_sandbox.store import Store

_ALPHABET = string.digits + string.ascii_letters


def letters(text: str, length: int) -> str:
    """Letters and digits derived from a hash of the text."""
    number = int.from_bytes(hashlib.sha512(text.encode()).digest())
    made = []
    for _ in range(length):
        number, rest = divmod(number, len(_ALPHABET))
        made.append(_ALPHABET[rest])
    return "".join(made)


class Ids:
    """Makes ids from counters in the store, so a restarted twin continues where it stopped."""

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
        """The secret that authorizes a paying client: ``pi_…_secret_…``."""
        return f"{intent}_secret_{letters(f'{self._seed}|secret|{intent}', 25)}"
