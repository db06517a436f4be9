"""A secret in a file: encrypted, bound to its wallet, readable by its owner only.

    lock (passphrase, or a KMS) --wraps--> data key --AES-256-GCM--> secret

The associated data of both encryptions are version, network, wallet and purpose, so a file that
was made for another network can't be renamed into this one. Each file has a data key of its own.
"""

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bitcoin_method.networks import Network
from cift_shared.errors import CiftError

VERSION = 1
PASSPHRASE_CHARS_MIN = 12
FILE_BYTES_MAX = 16 * 1024
SCRYPT_COST = 2**17
"""With blocks of 8 and one lane: about 0.4 s and 128 MiB for one guess."""
_BLOCKS, _LANES = 8, 1
_NONCE_BYTES, _SALT_BYTES, _KEY_BYTES = 12, 16, 32
_OWNER_ONLY = 0o600

Purpose = Literal["bitcoin-seed", "ethereum-key"]
"""What the secret is: a seed, which has the accounts of both chains, or one key of Ethereum."""


class WalletUnusable(CiftError):
    """A wallet's file can't be read, opened or written; the message has no secret in it."""


Box = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/=]{1,400}$")]
KmsBox = Annotated[str, Field(pattern=r"^vault:v[1-9][0-9]{0,5}:[A-Za-z0-9+/=]{1,400}$")]
KmsKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Kdf(_Part):
    """How the wrapping key follows from a passphrase."""

    name: Literal["scrypt"]
    # 128 * n * r bytes of memory: an edited file must not ask for all of it.
    n: Literal[16384, 32768, 65536, 131072, 262144, 524288, 1048576]
    r: Literal[8]
    p: Literal[1]
    salt: Box


class Kms(_Part):
    """Which key of a KMS has wrapped the data key."""

    name: Literal["vault-transit"]
    key: KmsKey


class Envelope(_Part):
    """The content of a file."""

    format: Literal["cift-wallet"]
    version: Literal[1]
    network: Network
    wallet_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    purpose: Purpose
    kdf: Kdf | None = None
    kms: Kms | None = None
    data_key: Box | KmsBox
    """Nonce and encrypted data key; of a KMS what it has answered."""
    entropy: Box
    """Nonce and encrypted secret; the first files had seeds only."""

    @model_validator(mode="after")
    def _has_one_lock(self) -> Self:
        if (self.kdf is None) == (self.kms is None):
            raise ValueError("kdf or kms")
        if (self.kms is None) == (":" in self.data_key):
            raise ValueError("data_key")
        return self


@dataclass(frozen=True, slots=True)
class Label:
    """What a secret is bound to."""

    network: Network
    wallet_id: str
    purpose: Purpose

    @property
    def bound(self) -> bytes:
        """The associated data of the encryptions."""
        text = f"cift-wallet|{VERSION}|{self.network}|{self.wallet_id}|{self.purpose}"
        return text.encode()


class Lock(Protocol):
    """What wraps data keys."""

    def wrap(self, data_key: bytes, bound: bytes) -> dict[str, Any]:
        """The fields of an envelope that hold the wrapped data key.

        Raises:
            WalletUnusable: it can't be wrapped.
        """
        ...

    def unwrap(self, envelope: Envelope, bound: bytes) -> bytes:
        """The data key of an envelope.

        Raises:
            WalletUnusable: another lock has wrapped it, or the envelope was changed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A lock that is a passphrase. It is not shown by `repr`."""

    text: str
    cost: int = SCRYPT_COST

    def __repr__(self) -> str:
        return "Passphrase(...)"

    def wrap(self, data_key: bytes, bound: bytes) -> dict[str, Any]:
        """As `Lock.wrap`.

        Raises:
            WalletUnusable: the passphrase is too short.
        """
        if len(self.text) < PASSPHRASE_CHARS_MIN:
            raise WalletUnusable(f"the passphrase needs at least {PASSPHRASE_CHARS_MIN} characters")
        salt = os.urandom(_SALT_BYTES)
        wrapping = self._key(salt, self.cost)
        kdf = {"name": "scrypt", "n": self.cost, "r": _BLOCKS, "p": _LANES, "salt": _text(salt)}
        return {"kdf": kdf, "data_key": _text(encrypted(wrapping, data_key, bound))}

    def unwrap(self, envelope: Envelope, bound: bytes) -> bytes:
        """As `Lock.unwrap`."""
        if envelope.kdf is None:
            raise WalletUnusable("its key is wrapped by a KMS: set CRYPTO_WALLET_VAULT_KEY")
        try:
            wrapping = self._key(unboxed(envelope.kdf.salt), envelope.kdf.n)
            return decrypted(wrapping, unboxed(envelope.data_key), bound)
        except (InvalidTag, ValueError):
            raise WalletUnusable("wrong passphrase, or the file was changed") from None

    def _key(self, salt: bytes, cost: int) -> bytes:
        return Scrypt(salt=salt, length=_KEY_BYTES, n=cost, r=_BLOCKS, p=_LANES).derive(
            self.text.encode()
        )


def seal(label: Label, secret: bytes, lock: Lock) -> bytes:
    """The file's content; another one each time.

    Raises:
        WalletUnusable: the lock can't wrap its data key.
    """
    data_key = os.urandom(_KEY_BYTES)
    envelope = {
        "format": "cift-wallet",
        "version": VERSION,
        "network": label.network,
        "wallet_id": label.wallet_id,
        "purpose": label.purpose,
        **lock.wrap(data_key, label.bound + b"|key"),
        "entropy": _text(encrypted(data_key, secret, label.bound + b"|seed")),
    }
    made = Envelope.model_validate(envelope)
    return made.model_dump_json(indent=2, exclude_none=True).encode() + b"\n"


def unseal(content: bytes, purpose: Purpose, lock: Lock, network: Network) -> tuple[Label, bytes]:
    """What a file's content is labelled with, and its secret.

    Raises:
        WalletUnusable: not such a file, one of another network or purpose, another lock, or the
            content was changed.
    """
    try:
        envelope = Envelope.model_validate_json(content)
        box = unboxed(envelope.entropy)
        if envelope.kdf is not None:
            unboxed(envelope.data_key)
            unboxed(envelope.kdf.salt)
    except (ValidationError, ValueError):
        raise WalletUnusable("not a wallet's file, or one of a later version") from None
    if envelope.purpose != purpose:
        raise WalletUnusable(f"a file of a {envelope.purpose}, not of a {purpose}")
    if envelope.network != network:
        raise WalletUnusable(f"a wallet of the network {envelope.network}, not of {network}")
    label = Label(envelope.network, envelope.wallet_id, envelope.purpose)
    data_key = lock.unwrap(envelope, label.bound + b"|key")
    try:
        return label, decrypted(data_key, box, label.bound + b"|seed")
    except (InvalidTag, ValueError):
        raise WalletUnusable("the file was changed") from None


def write(path: Path, content: bytes) -> None:
    """Create the file, readable by its owner only.

    Raises:
        WalletUnusable: it exists already (a secret is never overwritten), or can't be written.
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


def encrypted(key: bytes, plain: bytes, bound: bytes) -> bytes:
    """Nonce and ciphertext."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def decrypted(key: bytes, box: bytes, bound: bytes) -> bytes:
    """What `encrypted` has encrypted.

    Raises:
        InvalidTag, ValueError: with another key or label, or it was changed.
    """
    return AESGCM(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], bound)


def unboxed(text: str) -> bytes:
    """The bytes of a box.

    Raises:
        ValueError: not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
