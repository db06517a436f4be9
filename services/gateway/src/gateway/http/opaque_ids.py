"""Public ids of ledger entries and transactions, which reveal nothing about the ledger's numbers.

The ledger numbers everything on the platform in one sequence, so its numbers would show every
merchant how much business all the others do. Encrypted with a key, the ids show neither order nor
distance. The same number always has the same id, so a client recognises a line that it has seen
(deterministic authenticated encryption, AES-SIV, RFC 5297).
"""

import base64
import binascii
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from cift_shared.security.field_encryption import Vault

Kind = Literal["entry", "transaction"]
_NUMBER_BYTES = 8


class OpaqueIds:
    """Converts the ledger's numbers to public ids, and back."""

    def __init__(self, vault: Vault) -> None:
        # derived from the index key, which never changes: ids stay valid when data keys change
        self._cipher = AESSIV(bytes.fromhex(vault.fingerprint(b"ids", context="opaque-ids")))

    def of(self, kind: Kind, number: int) -> str:
        """The public id of a ledger entry or transaction."""
        sealed = self._cipher.encrypt(number.to_bytes(_NUMBER_BYTES), [kind.encode()])
        return base64.urlsafe_b64encode(sealed).decode()

    def number(self, kind: Kind, text: str) -> int:
        """The ledger's number for a public id.

        Raises:
            ValueError: the gateway did not make this id, or made it for another kind.
        """
        try:
            sealed = base64.b64decode(text, altchars=b"-_", validate=True)
            return int.from_bytes(self._cipher.decrypt(sealed, [kind.encode()]))
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise ValueError(f"not an id of this {kind}") from error
