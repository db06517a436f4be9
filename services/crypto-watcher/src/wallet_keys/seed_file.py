"""A wallet's seed in a file: encrypted, bound to its wallet, readable by its owner only.

    passphrase --scrypt--> wrapping key --AES-256-GCM--> data key --AES-256-GCM--> entropy

The associated data of both encryptions are version, network, wallet and purpose, so a file that
was made for another network can't be renamed into this one. Each file has a data key of its own.
"""

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bitcoin_method.networks import Network
from cift_shared.errors import CiftError

VERSION = 1
PURPOSE = "bitcoin-seed"
ENTROPY_BYTES = 32
"""24 words of BIP 39."""
PASSPHRASE_CHARS_MIN = 12
FILE_BYTES_MAX = 16 * 1024
SCRYPT_COST = 2**17
"""With blocks of 8 and one lane: about 0.4 s and 128 MiB for one guess."""
_BLOCKS, _LANES = 8, 1
_NONCE_BYTES, _SALT_BYTES, _KEY_BYTES = 12, 16, 32
_OWNER_ONLY = 0o600


class WalletUnusable(CiftError):
    """A wallet's file can't be read, opened or written; the message has no secret in it."""


Box = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/=]{1,400}$")]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Kdf(_Part):
    name: Literal["scrypt"]
    # 128 * n * r bytes of memory: an edited file must not ask for all of it.
    n: Literal[16384, 32768, 65536, 131072, 262144, 524288, 1048576]
    r: Literal[8]
    p: Literal[1]
    salt: Box


class _Envelope(_Part):
    format: Literal["cift-wallet"]
    version: Literal[1]
    network: Network
    wallet_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    purpose: Literal["bitcoin-seed"]
    kdf: _Kdf
    data_key: Box
    """Nonce and encrypted data key."""
    entropy: Box
    """Nonce and encrypted entropy."""


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


def seal(seed: Seed, passphrase: str, *, cost: int = SCRYPT_COST) -> bytes:
    """The file's content; another one each time.

    Raises:
        WalletUnusable: the passphrase is too short.
    """
    if len(passphrase) < PASSPHRASE_CHARS_MIN:
        raise WalletUnusable(f"the passphrase needs at least {PASSPHRASE_CHARS_MIN} characters")
    salt, data_key = os.urandom(_SALT_BYTES), os.urandom(_KEY_BYTES)
    bound = _bound(seed.network, seed.wallet_id)
    wrapping = _wrapping_key(passphrase, salt, cost)
    envelope = {
        "format": "cift-wallet",
        "version": VERSION,
        "network": seed.network,
        "wallet_id": seed.wallet_id,
        "purpose": PURPOSE,
        "kdf": {"name": "scrypt", "n": cost, "r": _BLOCKS, "p": _LANES, "salt": _text(salt)},
        "data_key": _text(_encrypted(wrapping, data_key, bound + b"|key")),
        "entropy": _text(_encrypted(data_key, bytes(seed.entropy), bound + b"|seed")),
    }
    return _Envelope.model_validate(envelope).model_dump_json(indent=2).encode() + b"\n"


def unseal(content: bytes, passphrase: str, network: Network) -> Seed:
    """The seed in a file's content.

    Raises:
        WalletUnusable: not such a file, one of another network, a wrong passphrase, or the content
            was changed.
    """
    try:
        envelope = _Envelope.model_validate_json(content)
        salt = _bytes(envelope.kdf.salt)
        data_key_box, entropy_box = _bytes(envelope.data_key), _bytes(envelope.entropy)
    except (ValidationError, ValueError):
        raise WalletUnusable("not a wallet's file, or one of a later version") from None
    if envelope.network != network:
        raise WalletUnusable(f"a wallet of the network {envelope.network}, not of {network}")
    bound = _bound(envelope.network, envelope.wallet_id)
    try:
        wrapping = _wrapping_key(passphrase, salt, envelope.kdf.n)
        data_key = _decrypted(wrapping, data_key_box, bound + b"|key")
        entropy = _decrypted(data_key, entropy_box, bound + b"|seed")
    except (InvalidTag, ValueError):
        raise WalletUnusable("wrong passphrase, or the file was changed") from None
    return Seed(envelope.network, envelope.wallet_id, bytearray(entropy))


def write(path: Path, content: bytes) -> None:
    """Create the file, readable by its owner only.

    Raises:
        WalletUnusable: it exists already (a seed is never overwritten), or can't be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise WalletUnusable(f"{path}: exists already; a wallet is never overwritten") from None
    except OSError as error:
        raise WalletUnusable(f"{path}: can't be written: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, _OWNER_ONLY)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def read(path: Path) -> bytes:
    """The file's content.

    Raises:
        WalletUnusable: it can't be read, is too large, or others may read or write it.
    """
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise WalletUnusable(f"{path}: can't be read: {error.strerror}") from None
    if stat.S_IMODE(state.st_mode) & ~_OWNER_ONLY:
        mode = f"{stat.S_IMODE(state.st_mode):04o}"
        raise WalletUnusable(f"{path}: mode {mode}; only its owner may read it: chmod 600")
    if len(content) > FILE_BYTES_MAX:
        raise WalletUnusable(f"{path}: not a wallet's file")
    return content


def _bound(network: str, wallet_id: str) -> bytes:
    return f"cift-wallet|{VERSION}|{network}|{wallet_id}|{PURPOSE}".encode()


def _wrapping_key(passphrase: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=cost, r=_BLOCKS, p=_LANES).derive(
        passphrase.encode()
    )


def _encrypted(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _decrypted(key: bytes, box: bytes, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], bound)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
