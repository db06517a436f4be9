"""Identifiers in PayPal's formats: the same seed and order of calls give the same ids."""

import hashlib
import string

from provider_sandbox.store import Store

_ALPHABET = string.digits + string.ascii_uppercase
_ACCOUNT_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Account ids have no characters that people confuse."""


def letters(text: str, length: int, alphabet: str = _ALPHABET) -> str:
    """Characters derived from a hash of the text."""
    number = int.from_bytes(hashlib.sha512(text.encode()).digest())
    made = []
    for _ in range(length):
        number, rest = divmod(number, len(alphabet))
        made.append(alphabet[rest])
    return "".join(made)


def account(email: str) -> str:
    """The payer id of an e-mail address: always the same, 13 characters."""
    return letters(f"account|{email.lower()}", 13, _ACCOUNT_ALPHABET)


class Ids:
    """Makes ids from counters in the store, so a restarted twin continues where it stopped."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._seed = seed

    def make(self, kind: str, length: int = 17) -> str:
        """A new id of digits and capital letters, such as that of an order."""
        return letters(f"{self._seed}|{kind}|{self._count(kind)}", length)

    def event(self) -> str:
        """The id of a new event: ``WH-…-…``."""
        return f"WH-{self.make('event')}-{self.make('event')}"

    def dispute(self) -> str:
        """The id of a new dispute: ``PP-D-`` and digits."""
        number = self._count("dispute")
        return f"PP-D-{letters(f'{self._seed}|dispute|{number}', 9, string.digits)}"

    def _count(self, kind: str) -> int:
        row = self._store.one(
            "INSERT INTO paypal_counters VALUES (?, 1)"
            " ON CONFLICT (kind) DO UPDATE SET n = n + 1 RETURNING n",
            (kind,),
        )
        return 0 if row is None else int(row["n"])
