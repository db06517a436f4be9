"""A wallet whose key is wrapped by Vault: what opens it, what does not, and what is told."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from provider_sandbox.vault.engine import Engine
from tests.support.bitcoin_wallet import SEED
from tests.support.ethereum import FIRST_KEY
from tests.support.vault import KEY, TOKEN, vault
from wallet_keys import key_file, seed_file
from wallet_keys.envelope import Passphrase, WalletUnusable
from wallet_keys.key_file import SingleKey
from wallet_keys.vault_transit import BODY_BYTES_MAX, VaultTransit

PASSPHRASE = Passphrase("correct horse battery", cost=2**14)


@pytest.fixture
def engine() -> Engine:
    return Engine(TOKEN)


def test_vault_opens_what_it_has_wrapped(engine: Engine) -> None:
    content = seed_file.seal(SEED, vault(engine))
    assert seed_file.unseal(content, vault(engine), "regtest") == SEED
    document = json.loads(content)
    assert document["kms"] == {"name": "vault-transit", "key": KEY}
    assert document["data_key"].startswith("vault:v1:")
    assert "kdf" not in document
    assert bytes(SEED.entropy) not in content


def test_after_a_rotation_it_still_opens(engine: Engine) -> None:
    content = seed_file.seal(SEED, vault(engine))
    assert engine.rotate(KEY) == 2
    assert seed_file.unseal(content, vault(engine), "regtest") == SEED
    assert json.loads(seed_file.seal(SEED, vault(engine)))["data_key"].startswith("vault:v2:")


def test_the_data_key_of_another_file_does_not_open_it(engine: Engine) -> None:
    """Whoever may only call `decrypt` must not open the seed as something else."""
    lock = vault(engine)
    seed, key = (
        json.loads(one)
        for one in (
            seed_file.seal(SEED, lock),
            key_file.seal(SingleKey(FIRST_KEY.to_bytes(32)), lock, "regtest"),
        )
    )
    mixed = json.dumps({**seed, "data_key": key["data_key"]}).encode()
    with pytest.raises(WalletUnusable, match="the file was changed"):
        seed_file.unseal(mixed, lock, "regtest")


def test_another_vault_does_not_open_it(engine: Engine) -> None:
    content = seed_file.seal(SEED, vault(engine))
    with pytest.raises(WalletUnusable, match="HTTP 400"):
        seed_file.unseal(content, vault(Engine(TOKEN)), "regtest")


def test_each_lock_opens_its_own_files(engine: Engine) -> None:
    by_vault, by_words = (seed_file.seal(SEED, one) for one in (vault(engine), PASSPHRASE))
    with pytest.raises(WalletUnusable, match="set CRYPTO_WALLET_VAULT_KEY"):
        seed_file.unseal(by_vault, PASSPHRASE, "regtest")
    with pytest.raises(WalletUnusable, match="by a passphrase"):
        seed_file.unseal(by_words, vault(engine), "regtest")
    with pytest.raises(WalletUnusable, match="wrapped by cift-wallet, not by other"):
        seed_file.unseal(by_vault, vault(engine, key="other"), "regtest")


@pytest.mark.parametrize(
    "change",
    [
        {"kms": None},
        {"kms": {"name": "aws", "key": KEY}},
        {"kms": {"name": "vault-transit", "key": "../sys/seal"}},
        {"kms": {"name": "vault-transit", "key": ""}},
        {"kdf": {"name": "scrypt", "n": 16384, "r": 8, "p": 1, "salt": "AAAA"}},
        {"data_key": "AAAA"},
        {"data_key": "vault:v0:AAAA"},
        {"data_key": "vault:v1:" + "A" * 401},
        {"data_key": "vault:v1:AAAA\n"},
    ],
)
def test_what_is_no_envelope_of_vault_is_refused(engine: Engine, change: dict[str, Any]) -> None:
    document = json.loads(seed_file.seal(SEED, vault(engine))) | change
    with pytest.raises(WalletUnusable, match="not a wallet's file"):
        seed_file.unseal(json.dumps(document).encode(), vault(engine), "regtest")


def _data(**data: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, json={"data": data})


def _cut(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError(f"{TOKEN} {request.headers}", request=request)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (_cut, "it does not answer (ReadError)"),
        (lambda _: httpx.Response(403, json={"errors": [TOKEN]}), "HTTP 403"),
        (lambda _: httpx.Response(404, json={"errors": []}), "there is no such engine"),
        (lambda _: httpx.Response(307, headers={"location": "http://127.0.0.1/"}), "a standby"),
        (lambda _: httpx.Response(503, text="<html>"), "it is sealed or not ready"),
        (lambda _: httpx.Response(418), "it refused"),
        (lambda _: httpx.Response(200, text="<html>"), "an answer of another form"),
        (lambda _: httpx.Response(200, content=b"[" * 9_000), "an answer of another form"),
        (lambda _: httpx.Response(200, content=b" " * (BODY_BYTES_MAX + 1)), "does not end"),
        (
            lambda _: httpx.Response(200, headers={"content-encoding": "br"}, content=b""),
            "an answer of another form",
        ),
        (lambda _: httpx.Response(200, json={"data": None}), "an answer of another form"),
        (lambda _: httpx.Response(200, json={"errors": [TOKEN]}), "an answer of another form"),
        (_data(), "an answer of another form"),
        (_data(plaintext=5), "an answer of another form"),
        (_data(plaintext="!"), "an answer of another form"),
        (_data(plaintext="A" * 40 + "AA=="), "an answer of another form"),
        (_data(plaintext="A" * 44), "an answer of another form"),
    ],
)
def test_a_failure_is_one_plain_line(
    engine: Engine, answer: Callable[[httpx.Request], httpx.Response], told: str
) -> None:
    content = seed_file.seal(SEED, vault(engine))
    lock = vault(engine, transport=httpx.MockTransport(answer))
    with pytest.raises(WalletUnusable) as failed:
        seed_file.unseal(content, lock, "regtest")
    assert str(failed.value).startswith(f"Vault (key {KEY}): ")
    assert told in str(failed.value)
    assert "\n" not in str(failed.value)
    assert TOKEN not in f"{failed.value!r} {failed.getrepr(chain=True).reprcrash}"


@pytest.mark.parametrize("text", ["", "vault:v1:", "AAAA", "vault:v1:" + "A" * 401, "vault:x:AA"])
def test_what_is_no_ciphertext_is_not_written(engine: Engine, text: str) -> None:
    lock = vault(engine, transport=httpx.MockTransport(_data(ciphertext=text, key_version=1)))
    with pytest.raises(WalletUnusable, match="another form"):
        seed_file.seal(SEED, lock)


def test_what_it_is_asked() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"data": {"ciphertext": "vault:v1:AAAA"}})

    lock = VaultTransit(
        address="https://vault.example:8200/",
        key=KEY,
        token=TOKEN,
        mount="kms/transit",
        namespace="payments",
        transport=httpx.MockTransport(answer),
    )
    lock.wrap(bytes(32), b"label")
    (request,) = asked
    assert str(request.url) == f"https://vault.example:8200/v1/kms/transit/encrypt/{KEY}"
    assert (request.method, request.headers["x-vault-namespace"]) == ("POST", "payments")
    assert request.headers["x-vault-token"] == TOKEN
    assert json.loads(request.content) == {
        "plaintext": "A" * 43 + "=",
        "associated_data": "bGFiZWw=",
    }
    assert TOKEN not in repr(lock)
