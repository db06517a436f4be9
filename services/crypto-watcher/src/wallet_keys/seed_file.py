"""A wallet's seed in a file (`envelope`)."""

import os
from dataclasses import dataclass

from bitcoin_method.networks import Network
from wallet_keys import envelope
from wallet_keys.envelope import Label, Lock, WalletUnusable

ENTROPY_BYTES = 32
"""24 words of BIP 39."""


@dataclass(frozen=True, slots=True)
class Seed:
    """The secret of a wallet. It is not shown by `repr`."""

    network: Network
    wallet_id: str
    entropy: bytearray
    """Overwritten by `forget`. Python may have made copies that nobody can overwrite."""

    def __repr__(self) -> str:
        return f"Seed(network={self.network!r}, wallet_id={self.wallet_id!r})"

    def forget(self) -> None:
        """Overwrite the entropy."""
        self.entropy[:] = bytes(len(self.entropy))


def new_seed(network: Network) -> Seed:
    """A seed of random bytes."""
    return Seed(network, os.urandom(8).hex(), bytearray(os.urandom(ENTROPY_BYTES)))


def seal(seed: Seed, lock: Lock) -> bytes:
    """The file's content; another one each time.

    Raises:
        WalletUnusable: the passphrase is too short.
    """
    label = Label(seed.network, seed.wallet_id, "bitcoin-seed")
    return envelope.seal(label, bytes(seed.entropy), lock)


def unseal(content: bytes, lock: Lock, network: Network) -> Seed:
    """The seed in a file's content; raises as `envelope.unseal`."""
    label, secret = envelope.unseal(content, "bitcoin-seed", lock, network)
    if len(secret) != ENTROPY_BYTES:
        raise WalletUnusable("the file has no seed of 24 words")
    return Seed(label.network, label.wallet_id, bytearray(secret))
