"""Keystore files of other wallets: the specification's vectors, and what is refused."""

import copy
import json
from typing import Any

import pytest
from eth_account import Account
from eth_keyfile.keyfile import create_keyfile_json

from wallet_keys.envelope import WalletUnusable
from wallet_keys.keystore import read_keystore

PASSWORD = "testpassword"
PRIVATE = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
ADDRESS = "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b"
BY_PBKDF2: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
BY_SCRYPT: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "r": 1,
            "p": 8,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
"""The two test vectors of the specification."""


def quick() -> dict[str, Any]:
    """A file of the same key that is opened at once."""
    made = create_keyfile_json(bytes.fromhex(PRIVATE), PASSWORD.encode(), iterations=2)
    return copy.deepcopy(dict(made))


def sent(document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize("vector", [BY_PBKDF2, BY_SCRYPT], ids=["pbkdf2", "scrypt"])
def test_the_vectors_of_the_specification(vector: dict[str, Any]) -> None:
    key = read_keystore(sent(vector), PASSWORD)
    assert (key.private.hex(), key.address) == (PRIVATE, ADDRESS)


@pytest.mark.parametrize("kdf", ["scrypt", "pbkdf2"])
def test_files_of_another_library_are_read(kdf: Any) -> None:
    made = Account.encrypt(PRIVATE, PASSWORD, kdf=kdf, iterations=2**12)
    key = read_keystore(sent(made), PASSWORD)
    assert (key.private.hex(), key.address) == (PRIVATE, ADDRESS)


def test_an_address_in_any_spelling() -> None:
    for address in (ADDRESS, ADDRESS[2:].lower(), ADDRESS[2:].upper(), None):
        document = {**quick(), "address": address}
        assert read_keystore(sent(document), PASSWORD).address == ADDRESS


def test_the_address_of_another_key_is_refused() -> None:
    document = {**quick(), "address": "11" * 20}
    with pytest.raises(WalletUnusable, match="of another key"):
        read_keystore(sent(document), PASSWORD)


def test_a_wrong_passphrase_is_one_plain_line() -> None:
    for passphrase in ("", "Testpassword", PASSWORD + " "):
        with pytest.raises(WalletUnusable, match="wrong passphrase of the keystore") as refused:
            read_keystore(sent(quick()), passphrase)
        assert "\n" not in str(refused.value)
        assert PRIVATE not in repr(refused.value)


@pytest.mark.parametrize("field", ["ciphertext", "mac"])
def test_what_the_mac_covers_can_not_be_changed(field: str) -> None:
    document = quick()
    text = document["crypto"][field]
    document["crypto"][field] = ("0" if text[0] != "0" else "1") + text[1:]
    with pytest.raises(WalletUnusable, match="wrong passphrase"):
        read_keystore(sent(document), PASSWORD)


def changed(path: str, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = quick()
    *parents, name = path.split(".")
    place = document
    for one in parents:
        place = place[one]
    place[name] = value
    return document


SCRYPT = {"n": 2**12, "r": 8, "p": 1, "dklen": 32, "salt": "00" * 16}


def by_scrypt(**over: Any) -> dict[str, Any]:
    document = changed("crypto.kdf", "scrypt")
    document["crypto"]["kdfparams"] = {**SCRYPT, **over}
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 1),
        ("version", 4),
        ("version", "3"),
        ("crypto", None),
        ("crypto.cipher", "aes-128-cbc"),
        ("crypto.cipherparams", {}),
        ("crypto.cipherparams.iv", "00" * 15),
        ("crypto.ciphertext", "00" * 31),
        ("crypto.ciphertext", "00" * 33),
        ("crypto.ciphertext", "zz" * 32),
        ("crypto.ciphertext", "00" * 600),
        ("crypto.kdf", "none"),
        ("crypto.kdf", "scrypt"),
        ("crypto.kdfparams.c", 0),
        ("crypto.kdfparams.c", 2_000_001),
        ("crypto.kdfparams.c", 1.0),
        ("crypto.kdfparams.c", "262144"),
        ("crypto.kdfparams.dklen", 16),
        ("crypto.kdfparams.prf", "hmac-sha1"),
        ("crypto.kdfparams.salt", "0"),
    ],
)
def test_what_is_no_keystore_is_refused(path: str, value: Any) -> None:
    with pytest.raises(WalletUnusable, match="not a keystore file"):
        read_keystore(sent(changed(path, value)), PASSWORD)


@pytest.mark.parametrize(
    ("n", "r", "p", "dklen"),
    [
        (0, 8, 1, 32),
        (1, 8, 1, 32),
        (3, 8, 1, 32),
        (2**12 + 1, 8, 1, 32),
        (2**24, 8, 1, 32),
        (2**12, 8, 1, 16),
        (2**20, 8, 2, 32),
        (2**12, 0, 1, 32),
        (2**12, 8, 0, 32),
        (2, 2**10 + 1, 1, 32),
        (2, 1, 65, 32),
    ],
)
def test_parameters_of_scrypt_that_no_wallet_uses_are_refused(
    n: int, r: int, p: int, dklen: int
) -> None:
    with pytest.raises(WalletUnusable, match="not a keystore file"):
        read_keystore(sent(by_scrypt(n=n, r=r, p=p, dklen=dklen)), PASSWORD)


@pytest.mark.parametrize(("n", "r", "p"), [(2, 1, 64), (2, 2**10, 1), (2**12, 8, 1)])
def test_other_parameters_of_scrypt_are_tried(n: int, r: int, p: int) -> None:
    with pytest.raises(WalletUnusable, match="wrong passphrase"):
        read_keystore(sent(by_scrypt(n=n, r=r, p=p)), PASSWORD)


def test_bytes_that_are_no_json_are_refused() -> None:
    for content in (b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 10_000, b"<html>"):
        with pytest.raises(WalletUnusable, match="not a keystore file"):
            read_keystore(content, PASSWORD)


@pytest.mark.parametrize(
    "private",
    [
        bytes(32),
        bytes.fromhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
    ],
    ids=["zero", "order of the curve"],
)
def test_a_number_that_is_no_key_is_refused(private: bytes) -> None:
    document = quick()
    one = create_keyfile_json(b"\x01".rjust(32, b"\0"), PASSWORD.encode(), iterations=2)
    document["crypto"] = _with_plain(dict(one["crypto"]), private)
    del document["address"]
    with pytest.raises(WalletUnusable, match="not a private key"):
        read_keystore(sent(document), PASSWORD)


def _with_plain(crypto: dict[str, Any], plain: bytes) -> dict[str, Any]:
    """The same file with another content: AES in counter mode is an exclusive or."""
    import hashlib

    from eth_utils import keccak

    old = int.from_bytes(b"\x01".rjust(32, b"\0")) ^ int(crypto["ciphertext"], 16)
    ciphertext = (old ^ int.from_bytes(plain)).to_bytes(32)
    params = crypto["kdfparams"]
    salt = bytes.fromhex(params["salt"])
    derived = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, params["c"], 32)
    mac = keccak(derived[16:] + ciphertext).hex()
    return {**crypto, "ciphertext": ciphertext.hex(), "mac": mac}
