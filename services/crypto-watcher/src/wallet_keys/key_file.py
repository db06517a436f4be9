"""One key of Ethereum in a file (`envelope`): an account that was imported."""

import os
from dataclasses import dataclass

from bitcoin_method.networks import Network
from chain_watch.libwally import wally
from ethereum_watcher.addresses import account_of, checksummed
from wallet_keys import envelope
from wallet_keys.envelope import Label, Lock, WalletUnusable

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SingleKey:
    """A private key of secp256k1. It is not shown by `repr`."""

    private: bytes

    def __post_init__(self) -> None:
        """Check the key.

        Raises:
            WalletUnusable: no key of the curve.
        """
        try:
            wally.ec_private_key_verify(self.private)
        except ValueError:
            raise WalletUnusable("not a private key of Ethereum") from None

    def __repr__(self) -> str:
        return f"SingleKey({self.address})"

    @property
    def account(self) -> bytes:
        """Its account, as 20 bytes."""
        return account_of(bytes(wally.ec_public_key_from_private_key(self.private)))

    @property
    def address(self) -> str:
        """The same as it is shown."""
        return checksummed(self.account)


def seal(key: SingleKey, lock: Lock, network: Network) -> bytes:
    """The file's content; another one each time; raises as `envelope.seal`."""
    return envelope.seal(Label(network, os.urandom(8).hex(), "ethereum-key"), key.private, lock)


def unseal(content: bytes, lock: Lock, network: Network) -> SingleKey:
    """The key in a file's content; raises as `envelope.unseal`."""
    _, secret = envelope.unseal(content, "ethereum-key", lock, network)
    return SingleKey(secret)
