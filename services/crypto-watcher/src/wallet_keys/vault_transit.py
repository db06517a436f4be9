"""A lock whose wrapping key never leaves a KMS: HashiCorp Vault or OpenBao, transit secrets engine.

    data key --POST /v1/transit/encrypt/KEY--> vault:v1:...   in the file
    vault:v1:... --POST /v1/transit/decrypt/KEY--> data key   at the signer's start

Of its answers only the class of a failure is told; neither token nor texts are ever shown.

Source: developer.hashicorp.com/vault/api-docs/secret/transit, .../vault/api-docs (status codes).
"""

import base64
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cift_shared.http.untrusted_json import read_object
from wallet_keys.envelope import Envelope, KmsBox, WalletUnusable, unboxed

KMS = "vault-transit"
KEY_BYTES = 32
BODY_BYTES_MAX = 64 * 1024
TIMEOUT_S = 10.0

REFUSALS = {
    307: "it is a standby; name the active node",
    400: "it refused the request: the file was changed, or the key can't encrypt with context",
    403: "the token is refused, or its policy does not allow this",
    404: "there is no such engine",
    503: "it is sealed or not ready",
}
"""What the status codes mean here."""


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Encrypted(_Answer):
    ciphertext: KmsBox


class _Decrypted(_Answer):
    plaintext: str


_ENCRYPTED, _DECRYPTED = TypeAdapter(_Encrypted), TypeAdapter(_Decrypted)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultTransit:
    """The lock."""

    address: str
    key: str
    """The name of the key in the engine."""
    token: str = field(repr=False)
    mount: str = "transit"
    namespace: str | None = None
    ca_file: Path | None = None
    timeout_s: float = TIMEOUT_S
    transport: httpx.BaseTransport | None = field(default=None, repr=False)
    """Replaces the network in tests."""

    def wrap(self, data_key: bytes, bound: bytes) -> dict[str, Any]:
        """As `Lock.wrap`."""
        order = {"plaintext": _text(data_key), "associated_data": _text(bound)}
        answer = self._asked("encrypt", order)
        found = self._read(_ENCRYPTED, answer)
        return {"kms": {"name": KMS, "key": self.key}, "data_key": found.ciphertext}

    def unwrap(self, envelope: Envelope, bound: bytes) -> bytes:
        """As `Lock.unwrap`."""
        if envelope.kms is None:
            raise WalletUnusable("its key is wrapped by a passphrase: CRYPTO_WALLET_PASSPHRASE")
        if envelope.kms.key != self.key:
            raise WalletUnusable(f"its key is wrapped by {envelope.kms.key}, not by {self.key}")
        order = {"ciphertext": envelope.data_key, "associated_data": _text(bound)}
        found = self._read(_DECRYPTED, self._asked("decrypt", order))
        try:
            data_key = unboxed(found.plaintext)
        except ValueError:
            data_key = b""
        if len(data_key) != KEY_BYTES:
            raise self._failed("an answer of another form")
        return data_key

    def _read(self, kind: TypeAdapter[Any], answer: dict[str, Any] | None) -> Any:
        try:
            return kind.validate_python((answer or {}).get("data"))
        except ValidationError:
            raise self._failed("an answer of another form") from None

    def _asked(self, action: str, order: dict[str, str]) -> dict[str, Any] | None:
        path = f"/v1/{self.mount}/{action}/{self.key}"
        headers = {"X-Vault-Token": self.token, "Accept-Encoding": "identity"}
        if self.namespace is not None:
            headers["X-Vault-Namespace"] = self.namespace
        try:
            with (
                self._client() as http,
                http.stream(
                    "POST", f"{self.address.rstrip('/')}{path}", json=order, headers=headers
                ) as response,
            ):
                raw = self._body(response)
        except (httpx.HTTPError, OSError) as error:
            raise self._failed(f"it does not answer ({type(error).__name__})") from None
        if response.status_code != httpx.codes.OK:
            told = REFUSALS.get(response.status_code, "it refused")
            raise self._failed(f"HTTP {response.status_code} for {path}: {told}")
        return read_object(raw)

    def _client(self) -> httpx.Client:
        trusted = None if self.ca_file is None else str(self.ca_file)
        return httpx.Client(
            timeout=self.timeout_s,
            trust_env=False,
            transport=self.transport,
            verify=httpx.create_ssl_context(verify=trusted or True, trust_env=False),
        )

    def _body(self, response: httpx.Response) -> bytes:
        """The body, if it is small and comes in time."""
        until, parts = time.monotonic() + self.timeout_s, bytearray()
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._failed("an answer of another form")
        for part in response.iter_bytes():
            parts += part
            if len(parts) > BODY_BYTES_MAX or time.monotonic() > until:
                raise self._failed("its answer does not end")
        return bytes(parts)

    def _failed(self, problem: str) -> WalletUnusable:
        return WalletUnusable(f"Vault (key {self.key}): {problem}")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
