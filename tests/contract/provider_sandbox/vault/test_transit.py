"""The engine as a process: Vault's forms, and the wallet's lock in front of it."""

import base64
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from crypto_signer.main import chains_of
from provider_sandbox.vault.engine import Mode
from tests.contract.provider_sandbox.test_process import free_port
from tests.support.bitcoin_wallet import SEED
from tests.support.commands import DATA_KEYS, INDEX_KEY
from tests.support.vault import KEY, TOKEN, VaultProcess
from tests.unit.crypto_signer.test_start import settings
from wallet_keys import envelope, seed_file
from wallet_keys.envelope import WalletUnusable

BROKEN = [
    Mode.SEALED, Mode.FORBIDDEN, Mode.STANDBY, Mode.HTML, Mode.TRUNCATED, Mode.ENDLESS,
    Mode.WRONG_TYPES, Mode.HUGE, Mode.SHORT, Mode.OTHER_KEY, Mode.EMPTY,
]  # fmt: skip


@pytest.fixture(scope="module")
def process() -> Iterator[VaultProcess]:
    with VaultProcess() as one:
        yield one


@pytest.fixture
def engine(process: VaultProcess) -> Iterator[VaultProcess]:
    yield process
    process.behave(mode="normal")


@pytest.fixture
def wallet(tmp_path: Path, engine: VaultProcess) -> Path:
    path = tmp_path / "wallet.json"
    envelope.write(path, seed_file.seal(SEED, engine.lock()))
    return path


def post(engine: VaultProcess, path: str, order: Any, token: str | None = TOKEN) -> httpx.Response:
    headers = {} if token is None else {"X-Vault-Token": token}
    body = order if isinstance(order, bytes) else json.dumps(order).encode()
    url = f"{engine.url}/v1/{path}"
    return httpx.post(url, content=body, headers=headers, timeout=30, trust_env=False)


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def test_what_is_encrypted_is_decrypted_with_the_same_context(engine: VaultProcess) -> None:
    order = {"plaintext": text(b"secret"), "associated_data": text(b"label")}
    made = post(engine, f"transit/encrypt/{KEY}", order)
    assert made.status_code == 200
    document = made.json()
    assert {"request_id", "lease_id", "renewable", "lease_duration", "data"} <= set(document)
    assert set(document["data"]) == {"ciphertext", "key_version"}
    order = {"ciphertext": document["data"]["ciphertext"], "associated_data": text(b"label")}
    opened = post(engine, f"transit/decrypt/{KEY}", order)
    assert opened.json()["data"] == {"plaintext": text(b"secret")}
    other = post(engine, f"transit/decrypt/{KEY}", {**order, "associated_data": text(b"other")})
    assert other.status_code == 400
    assert other.json() == {"errors": ["cipher: message authentication failed"]}


@pytest.mark.parametrize(
    ("path", "order", "token", "status"),
    [
        (f"transit/encrypt/{KEY}", {"plaintext": ""}, None, 403),
        (f"transit/encrypt/{KEY}", {"plaintext": ""}, "other", 403),
        ("transit/encrypt/other", {"plaintext": ""}, TOKEN, 400),
        (f"transit/encrypt/{KEY}", {}, TOKEN, 400),
        (f"transit/encrypt/{KEY}", {"plaintext": "!"}, TOKEN, 400),
        (f"transit/encrypt/{KEY}", {"plaintext": 5}, TOKEN, 400),
        (f"transit/encrypt/{KEY}", [], TOKEN, 400),
        (f"transit/encrypt/{KEY}", b"<html>", TOKEN, 400),
        (f"transit/encrypt/{KEY}", b"[" * 100_000, TOKEN, 400),
        (f"transit/decrypt/{KEY}", {}, TOKEN, 400),
        (f"transit/decrypt/{KEY}", {"ciphertext": "AAAA"}, TOKEN, 400),
        (f"transit/decrypt/{KEY}", {"ciphertext": "vault:v99:AAAA"}, TOKEN, 400),
        (f"transit/decrypt/{KEY}", {"ciphertext": "vault:v1:AAA"}, TOKEN, 400),
        (f"transit/decrypt/{KEY}", {"ciphertext": "vault:v1:AAAA"}, TOKEN, 400),
        ("kv/data/x", {}, TOKEN, 404),
        ("transit/keys/x", {}, TOKEN, 404),
    ],
)
def test_what_it_refuses(
    engine: VaultProcess, path: str, order: Any, token: str | None, status: int
) -> None:
    refused = post(engine, path, order, token)
    assert refused.status_code == status
    (message,) = refused.json()["errors"]
    assert isinstance(message, str)


def test_any_order_is_answered(engine: VaultProcess) -> None:
    chance = random.Random(5)
    values: tuple[Any, ...] = (
        None,
        True,
        0,
        1.5,
        2**70,
        "",
        "é",
        "AAAA",
        "vault:v1:AAAA",
        [],
        {},
        "vault:v1:" * 99,
    )
    names = ("plaintext", "ciphertext", "associated_data", "context", "nonce", "batch_input")
    for _ in range(150):
        order = {chance.choice(names): chance.choice(values) for _ in range(chance.randrange(5))}
        action = chance.choice(("encrypt", "decrypt"))
        assert post(engine, f"transit/{action}/{KEY}", order).status_code in (200, 400)


def test_the_signer_opens_its_wallet_with_it(engine: VaultProcess, wallet: Path) -> None:
    made = settings(wallet, **vault_fields(engine))
    assert [one.reads for one in chains_of(made, None)] == ["bitcoin"]
    engine.control("POST", f"/keys/{KEY}/rotate")
    assert [one.reads for one in chains_of(made, None)] == ["bitcoin"]


@pytest.mark.parametrize("mode", BROKEN)
def test_a_broken_vault_stops_the_start(engine: VaultProcess, wallet: Path, mode: Mode) -> None:
    engine.behave(mode=mode)
    with pytest.raises(WalletUnusable) as stopped:
        chains_of(settings(wallet, **vault_fields(engine)), None)
    assert "\n" not in str(stopped.value)
    assert TOKEN not in str(stopped.value)


@pytest.mark.parametrize("mode", [Mode.HANG, Mode.ENDLESS])
def test_a_vault_that_does_not_end_its_answer_is_given_up(
    engine: VaultProcess, wallet: Path, mode: Mode
) -> None:
    engine.behave(mode=mode)
    with pytest.raises(WalletUnusable, match=r"does not (answer|end)"):
        seed_file.unseal(envelope.read(wallet), engine.lock(timeout_s=0.3), "regtest")


def test_the_process_of_the_signer_says_in_one_line_why_it_does_not_start(
    engine: VaultProcess, wallet: Path
) -> None:
    engine.behave(mode=Mode.SEALED)
    environment = {
        "DATABASE_URL": "postgresql://cift@127.0.0.1:1/cift",
        "CIFT_DATA_KEYS": DATA_KEYS,
        "CIFT_INDEX_KEY": INDEX_KEY,
        "CIFT_OPS_PORT": str(free_port()),
        "CRYPTO_BTC_NETWORK": "regtest",
        "CRYPTO_WALLET_FILE": str(wallet),
        "CRYPTO_WALLET_VAULT_KEY": KEY,
        "VAULT_ADDR": engine.url,
        "VAULT_TOKEN": TOKEN,
    }
    done = subprocess.run(
        [sys.executable, "-m", "crypto_signer"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode not in (0, None)
    told = done.stdout + done.stderr
    assert "it is sealed or not ready" in told
    assert "Traceback" not in told
    assert TOKEN not in told


def vault_fields(engine: VaultProcess) -> dict[str, Any]:
    return {
        "passphrase": None,
        "vault_key": KEY,
        "vault_address": engine.url,
        "vault_token": TOKEN,
    }
