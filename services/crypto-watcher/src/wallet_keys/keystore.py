"""Read an account from a keystore file of other wallets (web3 secret storage, version 3). No I/O.

    passphrase --scrypt or PBKDF2--> 16 bytes of AES-128-CTR | 16 bytes of the MAC

Source: ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage.
"""

import hmac
from typing import Annotated, Any, Literal

from Crypto.Protocol.KDF import scrypt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ethereum_watcher.addresses import keccak256
from wallet_keys.envelope import WalletUnusable
from wallet_keys.key_file import KEY_BYTES, SingleKey

SCRYPT_BYTES_MAX = 1024 * 1024 * 1024
"""Of 128 * n * r * p: a file must not ask for all memory, nor for hours. Usual is a quarter."""
_HALF = 16
_SCRYPT: Any = scrypt
"""Its annotations say text, and it takes bytes."""

_Hex = Annotated[str, Field(pattern=r"^(0x)?([0-9a-fA-F]{2})*$", max_length=1024)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Scrypt(_Part):
    n: int = Field(ge=2, le=2**24)
    r: int = Field(ge=1, le=2**10)
    p: int = Field(ge=1, le=64)
    dklen: Literal[32]
    salt: _Hex

    def derive(self, passphrase: bytes) -> bytes:
        """The derived key.

        Raises:
            ValueError: the parameters are none of scrypt's, or ask for too much memory.
        """
        if self.n & (self.n - 1) or 128 * self.n * self.r * self.p > SCRYPT_BYTES_MAX:
            raise ValueError("n")
        # Not OpenSSL's: it refuses n >= 2**(16 * r), which the specification's own vector has.
        return bytes(_SCRYPT(passphrase, _bytes(self.salt), self.dklen, self.n, self.r, self.p))


class _Pbkdf2(_Part):
    c: int = Field(ge=1, le=2_000_000)
    prf: Literal["hmac-sha256"]
    dklen: Literal[32]
    salt: _Hex

    def derive(self, passphrase: bytes) -> bytes:
        """The derived key."""
        kdf = PBKDF2HMAC(SHA256(), length=self.dklen, salt=_bytes(self.salt), iterations=self.c)
        return kdf.derive(passphrase)


class _CipherParams(_Part):
    iv: _Hex


class _Crypto(_Part):
    cipher: Literal["aes-128-ctr"]
    cipherparams: _CipherParams
    ciphertext: _Hex
    mac: _Hex


class _ByScrypt(_Crypto):
    kdf: Literal["scrypt"]
    kdfparams: _Scrypt


class _ByPbkdf2(_Crypto):
    kdf: Literal["pbkdf2"]
    kdfparams: _Pbkdf2


class _Keystore(_Part):
    version: Literal[3]
    address: _Hex | None = None
    crypto: Annotated[_ByScrypt | _ByPbkdf2, Field(discriminator="kdf")]


def read_keystore(content: bytes, passphrase: str) -> SingleKey:
    """The key in a keystore file.

    Raises:
        WalletUnusable: not such a file, a wrong passphrase, or the address in it is of another key.
    """
    try:
        found = _Keystore.model_validate_json(content)
        iv, ciphertext = _bytes(found.crypto.cipherparams.iv), _bytes(found.crypto.ciphertext)
        if (len(iv), len(ciphertext)) != (_HALF, KEY_BYTES):
            raise ValueError("length")
        derived = found.crypto.kdfparams.derive(passphrase.encode())
    except (ValidationError, ValueError, MemoryError):
        raise WalletUnusable("not a keystore file of version 3 that can be read") from None
    if not hmac.compare_digest(keccak256(derived[_HALF:] + ciphertext), _bytes(found.crypto.mac)):
        raise WalletUnusable("wrong passphrase of the keystore, or its file was changed")
    key = SingleKey(Cipher(AES(derived[:_HALF]), CTR(iv)).decryptor().update(ciphertext))
    if found.address is not None and _bytes(found.address) != key.account:
        raise WalletUnusable(f"the keystore's address is of another key than that of {key.address}")
    return key


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
