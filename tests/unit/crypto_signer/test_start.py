"""What stops the signer's start, and what it does to its memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cift_shared.errors import SettingsInvalid
from cift_shared.settings import load_settings
from crypto_signer.app import health_app
from crypto_signer.main import chains_of, ethereum_account
from crypto_signer.settings import SignerSettings
from ethereum_signer.policy import Caps
from ethereum_signer.settings import EthereumSignerSettings
from tests.support import bitcoin, bitcoin_wallet, ethereum, ethereum_wallet
from tests.support.commands import DATA_KEYS, INDEX_KEY
from tests.support.ethereum import CHAIN_ID, XPUB
from wallet_keys import envelope, key_file, seed_file
from wallet_keys.envelope import Passphrase, WalletUnusable
from wallet_keys.key_file import SingleKey

PASSPHRASE = "the signer's passphrase"
LOCK = Passphrase(PASSPHRASE, cost=2**14)
SEALED = seed_file.seal(bitcoin_wallet.SEED, LOCK)


@pytest.fixture
def wallet(tmp_path: Path) -> Path:
    path = tmp_path / "wallet.json"
    envelope.write(path, SEALED)
    return path


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    key = SingleKey(ethereum.FIRST_KEY.to_bytes(32))
    envelope.write(path, key_file.seal(key, LOCK, "regtest"))
    return path


def settings(wallet: Path, **over: Any) -> SignerSettings:
    fields: dict[str, Any] = {
        "database_url": "postgresql://cift@127.0.0.1/cift",
        "data_keys": DATA_KEYS,
        "index_key": INDEX_KEY,
        "ops_port": 8086,
        "instance": "0",
        "network": "regtest",
        "wallet_file": wallet,
        "passphrase": PASSPHRASE,
    }
    return SignerSettings(**{**fields, **over})


def ethereum_settings(**over: Any) -> EthereumSignerSettings:
    fields = {"chain_id": CHAIN_ID, "xpub": ethereum_wallet.ACCOUNT.xpub}
    return EthereumSignerSettings(**{**fields, **over})


class TestChains:
    def test_the_wallet_is_opened_for_both_chains(self, wallet: Path) -> None:
        made = settings(wallet, xpub=bitcoin_wallet.ACCOUNT.xpub)
        chains = chains_of(made, ethereum_settings())
        assert [one.reads for one in chains] == ["bitcoin", "ethereum"]

    def test_without_its_key_ethereum_is_not_served(self, wallet: Path) -> None:
        assert [one.reads for one in chains_of(settings(wallet), None)] == ["bitcoin"]

    def test_a_descriptor_with_its_key_is_the_same_wallet(self, wallet: Path) -> None:
        text = f"wpkh({bitcoin_wallet.ACCOUNT.xpub}/<0;1>/*)"
        assert chains_of(settings(wallet, xpub=text), None)

    def test_another_wallet_than_the_watchers_stops_the_start(self, wallet: Path) -> None:
        with pytest.raises(SettingsInvalid, match="CRYPTO_BTC_XPUB"):
            chains_of(settings(wallet, xpub=bitcoin.TPUB), None)

    def test_ether_of_another_wallet_is_not_signed(
        self, wallet: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        chains = chains_of(settings(wallet), ethereum_settings(xpub=XPUB))
        assert [one.reads for one in chains] == ["bitcoin"]
        assert "CRYPTO_ETH_XPUB is of another wallet" in capsys.readouterr().err

    def test_an_imported_account_pays(self, wallet: Path, imported: Path) -> None:
        made = ethereum_settings(key_file=imported, hot_address=ethereum.FIRST)
        seed = seed_file.unseal(SEALED, LOCK, "regtest")
        account = ethereum_account(made, seed, LOCK)
        assert account is not None
        assert account.hot_address == ethereum.FIRST
        assert [one.reads for one in chains_of(settings(wallet), made)] == ["bitcoin", "ethereum"]

    @pytest.mark.parametrize("told", [None, ethereum.SHARED, ethereum_wallet.ACCOUNT.hot_address])
    def test_the_watcher_must_have_been_told_of_an_imported_account(
        self, wallet: Path, imported: Path, told: str | None
    ) -> None:
        made = ethereum_settings(key_file=imported, hot_address=told)
        with pytest.raises(SettingsInvalid, match=f"HOT_ADDRESS: must be {ethereum.FIRST}"):
            chains_of(settings(wallet), made)

    def test_without_its_file_no_imported_account_pays(self, wallet: Path) -> None:
        own = ethereum_wallet.ACCOUNT.hot_address
        assert len(chains_of(settings(wallet), ethereum_settings(hot_address=own))) == 2
        with pytest.raises(SettingsInvalid, match=f"HOT_ADDRESS: must be {own}"):
            chains_of(settings(wallet), ethereum_settings(hot_address=ethereum.FIRST))

    def test_a_file_of_an_imported_account_that_others_may_read_stops_the_start(
        self, wallet: Path, imported: Path
    ) -> None:
        imported.chmod(0o640)
        made = ethereum_settings(key_file=imported, hot_address=ethereum.FIRST)
        with pytest.raises(WalletUnusable, match="chmod 600"):
            chains_of(settings(wallet), made)

    def test_a_wrong_passphrase_stops_the_start(self, wallet: Path) -> None:
        with pytest.raises(WalletUnusable, match="wrong passphrase"):
            chains_of(settings(wallet, passphrase="another passphrase"), None)

    def test_a_file_that_others_may_read_stops_the_start(self, wallet: Path) -> None:
        wallet.chmod(0o644)
        with pytest.raises(WalletUnusable, match="chmod 600"):
            chains_of(settings(wallet), None)


class TestSettings:
    @pytest.mark.parametrize(
        ("mode", "network"), [("live", "regtest"), ("test", "main")], ids=["live", "test"]
    )
    def test_real_money_is_on_the_main_network_only(
        self, wallet: Path, mode: str, network: str
    ) -> None:
        with pytest.raises(ValueError, match="CRYPTO_BTC_NETWORK"):
            settings(wallet, mode=mode, network=network)

    @pytest.mark.parametrize(("mode", "chain_id"), [("live", 31337), ("test", 1)])
    def test_real_ether_is_on_the_main_chain_only(self, mode: str, chain_id: int) -> None:
        with pytest.raises(ValueError, match="CRYPTO_ETH_CHAIN_ID"):
            ethereum_settings(mode=mode, chain_id=chain_id)

    def test_each_token_has_caps_of_its_own_in_whole_tokens(self) -> None:
        made = ethereum_settings(token_list=ethereum.TOKENS, token_max=5, token_day_max=7).limits()
        contracts = {name: bytes.fromhex(one[2:]) for name, one in ethereum.CONTRACTS.items()}
        assert made.tokens == {
            contract: Caps(currency=name, transaction_max=5_000_000, day_max=7_000_000)
            for name, contract in contracts.items()
        }
        assert set(contracts.values()) <= made.denied
        assert made.ether == Caps(currency="ETH", transaction_max=10**19, day_max=10**20)

    @pytest.mark.parametrize(
        "tokens", ["USDC", "DOGE", f"USDC=0x{'0' * 40}", f"USDC={ethereum.FIRST.swapcase()}"]
    )
    def test_a_token_that_is_not_known_stops_the_start(self, tokens: str) -> None:
        with pytest.raises(ValueError, match="CRYPTO_ETH_TOKENS"):
            ethereum_settings(token_list=tokens)

    def test_no_broker_is_needed_and_no_secret_is_shown(
        self, wallet: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        for name, value in {
            "DATABASE_URL": "postgresql://cift:hidden@127.0.0.1/cift",
            "CIFT_DATA_KEYS": DATA_KEYS,
            "CIFT_INDEX_KEY": INDEX_KEY,
            "CIFT_OPS_PORT": "8086",
            "CRYPTO_BTC_NETWORK": "regtest",
            "CRYPTO_WALLET_FILE": str(wallet),
            "CRYPTO_WALLET_PASSPHRASE": PASSPHRASE,
        }.items():
            monkeypatch.setenv(name, value)
        loaded = load_settings(SignerSettings)
        assert PASSPHRASE not in repr(loaded)
        assert "hidden" not in repr(loaded)
        assert loaded.limits().denied == frozenset()


async def test_only_what_reads_is_served() -> None:
    sent: list[dict[str, Any]] = []

    async def route(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    app = health_app({"/healthz": route})
    await app({"type": "http", "path": "/healthz", "method": "GET"}, receive, send)
    await app({"type": "http", "path": "/sign", "method": "POST"}, receive, send)
    assert [one["status"] for one in sent if one["type"] == "http.response.start"] == [200, 404]


PROTECTED = """
import json, resource
from pathlib import Path
from wallet_keys import memory
refused = memory.protect()
import ctypes
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
print(json.dumps([resource.getrlimit(resource.RLIMIT_CORE), dumpable, refused]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
def test_no_core_dump_and_no_other_process_reads_the_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROTECTED], check=True, capture_output=True, text=True
    )
    cores, dumpable, refused = json.loads(done.stdout)
    assert cores == [0, 0]
    assert dumpable == 0
    assert "other processes of the same user may read the memory" not in refused
