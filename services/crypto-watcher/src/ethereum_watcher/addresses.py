"""Addresses: derived from an extended public key, checked for their spelling. No private key.

Source: BIP 32, BIP 44, EIP-55; the derivation is libwally's, the hash pycryptodome's.
"""

import re
from typing import Any

from Crypto.Hash import keccak

from chain_watch.domain import Derived
from chain_watch.libwally import wally
from cift_shared.errors import SettingsInvalid

_TEXT = re.compile(r"0x[0-9a-fA-F]{40}")
_KEY = re.compile(r"[xt]pub[1-9A-HJ-NP-Za-km-z]{100,112}")
_EXTERNAL, _INTERNAL = 0, 1
"""The branches (BIP 44): addresses that are shown to payers, and what stays among ourselves."""
_ACCOUNT_DEPTH = 3
"""m / 44' / 60' / account'."""
_PRECOMPILED_MAX = 0x1FF
"""Contracts of the protocol itself; nobody has a key for their addresses."""
_EIGHT = 8

_VECTOR_KEY = (
    "xpub6DCoCpSuQZB2jawqnGMEPS63ePKWkwWPH4TU45Q7LPXWuNd8TMtVxRrgjtEshuqpK3mdhaWHPFsBngh5GFZaM"
    "6si3yZdUsT8ddYM3PwnATt"
)
_VECTOR_ADDRESS = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
"""The first address of the account m/44h/60h/0h of BIP 39's test mnemonic."""


class AddressInvalid(Exception):
    """The text is not an address that ether may be received at."""


def keccak256(data: bytes) -> bytes:
    """The hash of Ethereum."""
    return bytes(keccak.new(data=data, digest_bits=256).digest())


def checksummed(account: bytes) -> str:
    """An address as it is shown: its capital letters are a checksum (EIP-55)."""
    text = account.hex()
    digits = keccak256(text.encode()).hex()
    pairs = zip(text, digits, strict=False)
    return "0x" + "".join(
        letter.upper() if int(digit, 16) >= _EIGHT else letter for letter, digit in pairs
    )


def parse_address(text: str) -> Derived:
    """An address in its usual spelling.

    Raises:
        AddressInvalid: not an address, its checksum is wrong, or nobody can have its key.
    """
    if not _TEXT.fullmatch(text):
        raise AddressInvalid("not 0x and 40 hex digits")
    account = bytes.fromhex(text[2:])
    if int.from_bytes(account) <= _PRECOMPILED_MAX:
        raise AddressInvalid("an address of the protocol itself")
    letters = text[2:]
    if letters not in (letters.lower(), letters.upper()) and text != checksummed(account):
        raise AddressInvalid("its capital letters are not its checksum (EIP-55)")
    return Derived(checksummed(account), account)


class AddressKey:
    """The extended public key of an account, which addresses are derived from."""

    def __init__(self, text: str) -> None:
        """Parse the key of an account (`xpub...`).

        Raises:
            SettingsInvalid: it is none, or a private key.
        """
        if text.startswith(("xprv", "tprv")):
            raise SettingsInvalid("CRYPTO_ETH_XPUB: a private key; the watcher must have none")
        problem = SettingsInvalid("CRYPTO_ETH_XPUB: not the extended public key of an account")
        if not _KEY.fullmatch(text):
            raise problem
        try:
            account = wally.bip32_key_from_base58(text)
        except ValueError:
            raise problem from None
        if wally.bip32_key_get_depth(account) != _ACCOUNT_DEPTH:
            raise problem
        self._branch = _child(account, _EXTERNAL)
        self._internal = _child(account, _INTERNAL)

    def derive(self, index: int) -> Derived:
        """The deposit address of an index, 0 to 2**31 - 1."""
        return _address(_child(self._branch, index))

    @property
    def hot(self) -> Derived:
        """The address of the account that pays withdrawals: the first of the internal branch."""
        return _address(_child(self._internal, 0))


def account_of(public_key: bytes) -> bytes:
    """The account of a compressed public key."""
    point = wally.ec_public_key_decompress(public_key)
    return keccak256(bytes(point)[1:])[12:]


def _child(key: Any, index: int) -> Any:
    return wally.bip32_key_from_parent(key, index, wally.BIP32_FLAG_KEY_PUBLIC)


def _address(key: Any) -> Derived:
    account = account_of(bytes(wally.bip32_key_get_pub_key(key)))
    return Derived(checksummed(account), account)


def check_library() -> None:
    """Derive a known address.

    Raises:
        SettingsInvalid: another one is derived; nothing can be received safely.
    """
    if AddressKey(_VECTOR_KEY).derive(0).address != _VECTOR_ADDRESS:
        raise SettingsInvalid("libwally does not derive the known address of Ethereum")
