"""Addresses: derived from an extended public key, checked for their network. No private key.

Source: BIP 32, BIP 84, BIP 173, BIP 350, BIP 380; the work is done by libwally.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bitcoin_method.networks import Network
from chain_watch.domain import Derived
from chain_watch.libwally import wally
from cift_shared.errors import SettingsInvalid

_NETWORKS: dict[Network, tuple[int, str]] = {
    "main": (wally.WALLY_NETWORK_BITCOIN_MAINNET, "bc"),
    "test": (wally.WALLY_NETWORK_BITCOIN_TESTNET, "tb"),
    "testnet4": (wally.WALLY_NETWORK_BITCOIN_TESTNET, "tb"),
    "signet": (wally.WALLY_NETWORK_BITCOIN_TESTNET, "tb"),
    "regtest": (wally.WALLY_NETWORK_BITCOIN_REGTEST, "bcrt"),
}
"""libwally's number of the network, and the prefix of its SegWit addresses (BIP 173)."""

DEPOSITS, CHANGE = 0, 1
"""The branches of an account (BIP 44)."""

_BARE_KEY = re.compile(r"[xt]pub[1-9A-HJ-NP-Za-km-z]{100,112}")
_WITNESS_MAX = 1
"""Anyone may spend an output of a later witness version today."""
_TAPROOT_BYTES = 34

_VECTOR_KEY = (
    "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4"
    "ZeZXYVUhLv1VMrjPC7PW6V"
)
_VECTOR_ADDRESS = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
"""The first test vector of BIP 84."""


class AddressInvalid(Exception):
    """The text is not an address of the network."""


@dataclass(frozen=True, slots=True)
class Child:
    """The public key of an address, and where a wallet finds its private key."""

    public: bytes
    fingerprint: bytes
    """Of the key at which the path begins: the master key, if the setting names it."""
    path: Sequence[int]


class AddressKey:
    """An extended public key, or a descriptor with one, that addresses are derived from."""

    def __init__(self, text: str, network: Network) -> None:
        """Parse a bare account key (`xpub...`, `tpub...`) or a `wpkh(...)` descriptor.

        Raises:
            SettingsInvalid: it is neither, is a private key, or is of another network.
        """
        descriptor = f"wpkh({text}/<0;1>/*)" if _BARE_KEY.fullmatch(text) else text
        problem = SettingsInvalid(
            "CRYPTO_BTC_XPUB: neither an extended public key nor a wpkh() descriptor with one, "
            f"of the network {network}"
        )
        if not descriptor.startswith("wpkh("):
            raise problem
        try:
            self._parsed: Any = wally.descriptor_parse(descriptor, None, _NETWORKS[network][0], 0)
            features = wally.descriptor_get_features(self._parsed)
        except ValueError:
            raise problem from None
        if features & wally.WALLY_MS_IS_PRIVATE:
            raise SettingsInvalid("CRYPTO_BTC_XPUB: a private key; the watcher must have none")
        if not features & wally.WALLY_MS_IS_RANGED:
            raise SettingsInvalid("CRYPTO_BTC_XPUB: a descriptor without /* has one address only")

    @property
    def has_change(self) -> bool:
        """True if there is a second branch, for change: `<0;1>`, or a bare key."""
        return int(wally.descriptor_get_num_paths(self._parsed)) > 1

    def child(self, chain: int, index: int) -> Child:
        """The public key of an address.

        Its path begins at the master key if the descriptor has that key's fingerprint, else at the
        account's own key, as wallets do that know no other.
        """
        account = wally.bip32_key_from_base58(wally.descriptor_get_key(self._parsed, 0))
        flags = wally.BIP32_FLAG_KEY_PUBLIC
        child = wally.bip32_key_from_parent_path(account, [chain, index], flags)
        public = bytes(wally.bip32_key_get_pub_key(child))
        try:
            origin = bytes(wally.descriptor_get_key_origin_fingerprint(self._parsed, 0))
            path = _numbers(wally.descriptor_get_key_origin_path_str(self._parsed, 0))
        except ValueError:
            origin, path = bytes(wally.bip32_key_get_fingerprint(account)), []
        return Child(public, origin, [*path, chain, index])

    def derive(self, index: int, chain: int = DEPOSITS) -> Derived:
        """The address of an index, 0 to 2**31 - 2: of deposits, or of change."""
        address = wally.descriptor_to_address(self._parsed, 0, chain, index, 0)
        script = wally.descriptor_to_script(self._parsed, 0, 0, 0, chain, index, 0)
        return Derived(str(address), bytes(script))


def parse_address(text: str, network: Network) -> Derived:
    """An address of the network in its usual spelling, with its script.

    Raises:
        AddressInvalid: not an address, one of another network, or one that anyone may spend from.
    """
    number, prefix = _NETWORKS[network]
    try:
        if text.lower().startswith(f"{prefix}1"):
            script = bytes(wally.addr_segwit_to_bytes(text, prefix, 0))
            text = text.lower()
        else:
            script = bytes(wally.address_to_scriptpubkey(text, number))
    except ValueError:
        raise AddressInvalid(f"not an address of the network {network}") from None
    _check_witness(script, is_segwit=text.startswith(f"{prefix}1"))
    return Derived(text, script)


def address_of(script: bytes, network: Network) -> str:
    """The address of a SegWit script.

    Raises:
        AddressInvalid: the script has none.
    """
    try:
        return str(wally.addr_segwit_from_bytes(script, _NETWORKS[network][1], 0))
    except ValueError:
        raise AddressInvalid("no SegWit script") from None


def check_library() -> None:
    """Derive the vector of BIP 84.

    Raises:
        SettingsInvalid: libwally derives another address; nothing can be received safely.
    """
    if AddressKey(_VECTOR_KEY, "main").derive(0).address != _VECTOR_ADDRESS:
        raise SettingsInvalid("libwally does not derive the test vector of BIP 84")


def _numbers(path: str) -> list[int]:
    """The numbers of a path such as `84h/0h/0h`."""
    hard = wally.BIP32_INITIAL_HARDENED_CHILD
    return [
        int(part.rstrip("h'")) + (hard if part[-1] in "h'" else 0)
        for part in filter(None, path.split("/"))
    ]


def _check_witness(script: bytes, *, is_segwit: bool) -> None:
    if not is_segwit:
        return
    version = script[0] - 0x50 if script[0] else 0
    if version > _WITNESS_MAX or (version == 1 and len(script) != _TAPROOT_BYTES):
        raise AddressInvalid(f"witness version {version} is not protected by the network's rules")
