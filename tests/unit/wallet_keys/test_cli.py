"""`cift wallet`: made once, copied, and made again elsewhere with the same addresses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from eth_keyfile.keyfile import create_keyfile_json

from provider_sandbox.vault.engine import Engine
from tests.support.ethereum import FIRST, FIRST_KEY
from tests.support.vault import TOKEN
from tests.support.vault import vault as in_front_of
from wallet_keys import cli, envelope
from wallet_keys.cli import wallet
from wallet_keys.envelope import Passphrase
from wallet_keys.settings import LockSettings

ENV = {
    "CRYPTO_WALLET_PASSPHRASE": "the signer's passphrase",
    "CRYPTO_WALLET_BACKUP_PASSPHRASE": "another one, in a safe",
    "CRYPTO_BTC_NETWORK": "regtest",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Passphrase.__init__, "__defaults__", (2**14,))


def run(*words: str, env: dict[str, str] | None = None, stdin: str = "") -> Result:
    return CliRunner().invoke(wallet, words, env={**ENV, **(env or {})}, input=stdin)


def created(path: Path, *more: str) -> dict[str, str]:
    done = run("create", "--file", str(path), "--json", *more)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.output))


def addresses(path: Path, *more: str, env: dict[str, str] | None = None) -> str:
    done = run("addresses", "--file", str(path), "--quiet", *more, env=env)
    assert done.exit_code == 0, done.output
    return done.output


def test_create_prints_the_public_key_and_no_secret(tmp_path: Path) -> None:
    made = created(tmp_path / "wallet.json")
    assert made["xpub"].startswith("tpub")
    assert made["path"] == "m/84h/1h/0h"
    assert "words" not in made


def test_the_words_are_shown_when_asked_for_and_restore_the_wallet(tmp_path: Path) -> None:
    made = created(tmp_path / "one.json", "--show-words")
    done = run("restore", "--file", str(tmp_path / "two.json"), "--words", "--quiet",
               stdin=made["words"])  # fmt: skip
    assert done.output.strip() == made["xpub"]


def test_a_wallet_restored_elsewhere_has_the_same_addresses(tmp_path: Path) -> None:
    here, there, copy = tmp_path / "here.json", tmp_path / "there.json", tmp_path / "backup.json"
    made = created(here)
    assert run("backup", "--file", str(here), "--to", str(copy)).exit_code == 0
    before = addresses(here), addresses(here, "--change")
    here.unlink()
    env = {"CRYPTO_WALLET_PASSPHRASE": "a new machine, a new one"}
    done = run("restore", "--file", str(there), "--from", str(copy), "--quiet", env=env)
    assert done.output.strip() == made["xpub"]
    assert (addresses(there, env=env), addresses(there, "--change", env=env)) == before


def test_a_wallet_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "wallet.json"
    created(path)
    content = path.read_bytes()
    assert run("create", "--file", str(path)).exit_code == 3
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("words", "env", "exit_code"),
    [
        (("create", "--file", "new.json"), {"CRYPTO_WALLET_PASSPHRASE": ""}, 2),
        (("create", "--file", "new.json"), {"CRYPTO_WALLET_PASSPHRASE": "short"}, 3),
        (("addresses", "--file", "none.json"), {}, 3),
        (("restore", "--file", "new.json"), {}, 2),
        (("restore", "--file", "new.json", "--words"), {}, 3),
    ],
    ids=["no passphrase", "short one", "no file", "restore from nothing", "no words"],
)
def test_a_mistake_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    env: dict[str, str],
    exit_code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words, env=env)
    assert done.exit_code == exit_code, done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "new.json").exists()


def test_a_wrong_passphrase_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "wallet.json"
    created(path)
    done = run("addresses", "--file", str(path), env={"CRYPTO_WALLET_PASSPHRASE": "not that one"})
    assert done.exit_code == 3
    assert "wrong passphrase" in done.output


KEYSTORE = create_keyfile_json(FIRST_KEY.to_bytes(32), b"testpassword", iterations=2)


def keystore(path: Path) -> str:
    envelope.write(path, json.dumps(dict(KEYSTORE)).encode())
    return str(path)


def test_an_imported_account_pays(tmp_path: Path) -> None:
    wallet_file, key = tmp_path / "wallet.json", tmp_path / "key.json"
    made = created(wallet_file)
    env = {"CRYPTO_KEYSTORE_PASSPHRASE": "testpassword"}
    done = run("import-keystore", keystore(tmp_path / "UTC"), "--to", str(key), "--json", env=env)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == {"address": FIRST, "file": str(key)}
    assert key.stat().st_mode & 0o777 == 0o600
    env = {"CRYPTO_ETH_KEY_FILE": str(key)}
    shown = json.loads(run("show", "--file", str(wallet_file), "--json", env=env).output)
    assert shown == {**made, "ethereum_hot_address": FIRST}


def test_the_passphrase_of_a_keystore_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("testpassword\n")
    env = {"CRYPTO_KEYSTORE_PASSPHRASE_FILE": str(secret)}
    key = str(tmp_path / "key.json")
    done = run("import-keystore", keystore(tmp_path / "UTC"), "--to", key, "--quiet", env=env)
    assert done.output.strip() == FIRST


def test_a_person_is_asked_for_the_passphrase_of_a_keystore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_is_person", lambda: True)
    key = str(tmp_path / "key.json")
    words = "import-keystore", keystore(tmp_path / "UTC"), "--to", key, "--quiet"
    done = run(*words, stdin="testpassword\n")
    assert done.exit_code == 0, done.output
    assert FIRST in done.output
    assert "testpassword" not in done.output


@pytest.mark.parametrize(
    ("env", "mode", "told"),
    [
        ({}, 0o600, "CRYPTO_KEYSTORE_PASSPHRASE is not set"),
        ({"CRYPTO_KEYSTORE_PASSPHRASE_FILE": "/nowhere"}, 0o600, "can't be read"),
        ({"CRYPTO_KEYSTORE_PASSPHRASE": "testpasswort"}, 0o600, "wrong passphrase of the keystore"),
        ({"CRYPTO_KEYSTORE_PASSPHRASE": "testpassword"}, 0o640, "chmod 600"),
        (
            {"CRYPTO_KEYSTORE_PASSPHRASE": "testpassword", "CRYPTO_WALLET_PASSPHRASE": "short"},
            0o600,
            "12 characters",
        ),
    ],
)
def test_a_keystore_that_can_not_be_imported_is_one_line(
    tmp_path: Path, env: dict[str, str], mode: int, told: str
) -> None:
    source, key = keystore(tmp_path / "UTC"), tmp_path / "key.json"
    Path(source).chmod(mode)
    done = run("import-keystore", source, "--to", str(key), env=env)
    assert done.exit_code in (2, 3)
    assert told in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert "testpasswor" not in done.output
    assert not key.exists()


def test_an_imported_account_is_never_overwritten(tmp_path: Path) -> None:
    source, key = keystore(tmp_path / "UTC"), tmp_path / "key.json"
    words = "import-keystore", source, "--to", str(key)
    env = {"CRYPTO_KEYSTORE_PASSPHRASE": "testpassword"}
    assert run(*words, env=env).exit_code == 0
    before = key.read_bytes()
    assert run(*words, env=env).exit_code == 3
    assert key.read_bytes() == before


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Commands use Vault instead of a passphrase."""
    engine = Engine(TOKEN)
    made = in_front_of(engine)
    monkeypatch.setattr(LockSettings, "lock", lambda _: made)
    return engine


VAULT_ENV = {
    "CRYPTO_WALLET_PASSPHRASE": "",
    "CRYPTO_WALLET_VAULT_KEY": "cift-wallet",
    "VAULT_ADDR": "https://vault.example:8200",
    "VAULT_TOKEN": TOKEN,
}


def test_a_wallet_of_vault_is_backed_up_under_a_passphrase(vault: Engine, tmp_path: Path) -> None:
    path, copy, again = (tmp_path / name for name in ("wallet.json", "backup.json", "again.json"))
    done = run("create", "--file", str(path), "--json", env=VAULT_ENV)
    assert done.exit_code == 0, done.output
    assert "vault:v1:" in path.read_text()
    done = run("backup", "--file", str(path), "--to", str(copy), env=VAULT_ENV)
    assert done.exit_code == 0, done.output
    assert "vault" not in copy.read_text()
    vault.rotate("cift-wallet")
    before = addresses(path, env=VAULT_ENV)
    done = run("restore", "--file", str(again), "--from", str(copy))
    assert "passphrase" not in done.output
    assert TOKEN not in done.output
    assert addresses(path, env=VAULT_ENV) == before


def test_two_locks_are_one_mistake_in_one_line(tmp_path: Path) -> None:
    env = {**VAULT_ENV, "CRYPTO_WALLET_PASSPHRASE": "the signer's passphrase"}
    done = run("create", "--file", str(tmp_path / "wallet.json"), env=env)
    assert done.exit_code == 2
    assert "and not both" in done.output
    assert TOKEN not in done.output
