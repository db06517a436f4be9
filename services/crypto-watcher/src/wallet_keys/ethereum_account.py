"""The keys of an Ethereum account (BIP 44), derived from a wallet's seed by libwally.

The same seed has the Bitcoin account: one file, one backup, one passphrase. Other wallets restore
both from the same 24 words.

Source: BIP 32, BIP 39, BIP 44; SLIP 44 for the number 60.
"""

from typing import Any

from chain_watch.libwally import wally
from ethereum_watcher.addresses import account_of, check_library, checksummed
from wallet_keys.account import words_of
from wallet_keys.key_file import SingleKey
from wallet_keys.seed_file import Seed

_HARD = 0x80000000
_EXTERNAL = 0
_HOT = (1, 0)
"""The internal branch, so that no deposit ever gets this address."""


class EthereumAccount:
    """The first account of a seed. It can sign; nothing of it is shown by `repr`."""

    path = "44h/60h/0h"

    def __init__(self, seed: Seed, payer: SingleKey | None = None) -> None:
        """Derive `m/44h/60h/0h`: test networks have the same keys, and other numbers of the chain.

        `payer` is an imported account that pays withdrawals instead of the first of the internal
        branch; deposits keep the addresses of the seed.

        Raises:
            SettingsInvalid: libwally does not derive the known address.
        """
        check_library()
        self._payer = payer
        stretched = wally.bip39_mnemonic_to_seed512(words_of(seed), None)
        master = wally.bip32_key_from_seed(stretched, wally.BIP32_VER_MAIN_PRIVATE, 0)
        path = [44 | _HARD, 60 | _HARD, _HARD]
        self._account: Any = wally.bip32_key_from_parent_path(
            master, path, wally.BIP32_FLAG_KEY_PRIVATE
        )

    @property
    def xpub(self) -> str:
        """The extended public key: addresses without the power to spend."""
        return str(wally.bip32_key_to_base58(self._account, wally.BIP32_FLAG_KEY_PUBLIC))

    @property
    def hot(self) -> bytes:
        """The account that pays withdrawals, as its 20 bytes."""
        if self._payer is not None:
            return self._payer.account
        return account_of(bytes(wally.bip32_key_get_pub_key(self._child(*_HOT))))

    @property
    def hot_address(self) -> str:
        """The same as it is shown."""
        return checksummed(self.hot)

    def address(self, branch: int, index: int) -> str:
        """An address: branch 0 deposits, branch 1 ours."""
        return checksummed(
            account_of(bytes(wally.bip32_key_get_pub_key(self._child(branch, index))))
        )

    def deposit(self, index: int) -> bytes:
        """The address of a deposit, as its 20 bytes; its index is below 2**31."""
        return account_of(bytes(wally.bip32_key_get_pub_key(self._child(_EXTERNAL, index))))

    def deposit_key(self, index: int) -> bytes:
        """The private key of the address of a deposit."""
        return bytes(wally.bip32_key_get_priv_key(self._child(_EXTERNAL, index)))

    def hot_key(self) -> bytes:
        """The private key of the account that pays withdrawals."""
        if self._payer is not None:
            return self._payer.private
        return bytes(wally.bip32_key_get_priv_key(self._child(*_HOT)))

    def _child(self, branch: int, index: int) -> Any:
        return wally.bip32_key_from_parent_path(
            self._account, [branch, index], wally.BIP32_FLAG_KEY_PRIVATE
        )
