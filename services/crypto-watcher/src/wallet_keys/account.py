"""The keys of a Bitcoin account (BIP 84), derived from a seed by libwally.

Source: BIP 32, BIP 39, BIP 84.
"""

from typing import Any

from bitcoin_method.networks import Network
from bitcoin_watcher.addresses import check_library
from chain_watch.libwally import wally
from wallet_keys.envelope import WalletUnusable
from wallet_keys.seed_file import ENTROPY_BYTES, Seed

_HARD = 0x80000000
_PURPOSE = 84
_P2WPKH = b"\x00\x14"


class BitcoinAccount:
    """The first account of a seed. It can sign; nothing of it is shown by `repr`."""

    def __init__(self, seed: Seed) -> None:
        """Derive `m/84h/0h/0h`, or `m/84h/1h/0h` on a test network.

        Raises:
            SettingsInvalid: libwally does not derive the test vector of BIP 84.
        """
        check_library()
        is_main = seed.network == "main"
        version = wally.BIP32_VER_MAIN_PRIVATE if is_main else wally.BIP32_VER_TEST_PRIVATE
        stretched = wally.bip39_mnemonic_to_seed512(words_of(seed), None)
        master = wally.bip32_key_from_seed(stretched, version, 0)
        path = [_PURPOSE | _HARD, (0 if is_main else 1) | _HARD, _HARD]
        self.network: Network = seed.network
        self.path = f"84h/{0 if is_main else 1}h/0h"
        self.fingerprint = bytes(wally.bip32_key_get_fingerprint(master)).hex()
        self._account: Any = wally.bip32_key_from_parent_path(
            master, path, wally.BIP32_FLAG_KEY_PRIVATE
        )

    @property
    def xpub(self) -> str:
        """The extended public key: addresses without the power to spend."""
        return str(wally.bip32_key_to_base58(self._account, wally.BIP32_FLAG_KEY_PUBLIC))

    def key(self, chain: int, index: int) -> tuple[bytes, bytes]:
        """The private and the public key of an address: chain 0 deposits, chain 1 change."""
        child = wally.bip32_key_from_parent_path(
            self._account, [chain, index], wally.BIP32_FLAG_KEY_PRIVATE
        )
        private = bytes(wally.bip32_key_get_priv_key(child))
        return private, bytes(wally.bip32_key_get_pub_key(child))

    def script(self, chain: int, index: int) -> bytes:
        """The script that pays to an address of the account (P2WPKH)."""
        _, public = self.key(chain, index)
        return _P2WPKH + bytes(wally.hash160(public))


def words_of(seed: Seed) -> str:
    """The seed as 24 words (BIP 39): a secret that other wallets can restore."""
    return str(wally.bip39_mnemonic_from_bytes(None, bytes(seed.entropy)))


def entropy_of(words: str) -> bytearray:
    """The entropy in 24 words.

    Raises:
        WalletUnusable: other words, another number of them, or their checksum is wrong.
    """
    try:
        entropy = bytearray(wally.bip39_mnemonic_to_bytes(None, " ".join(words.lower().split())))
    except ValueError:
        entropy = bytearray()
    if len(entropy) != ENTROPY_BYTES:
        raise WalletUnusable("not 24 words of BIP 39 with a right checksum")
    return entropy
