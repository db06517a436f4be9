"""Settings: contradictions stop the start, and no value is repeated."""

from typing import Any

import pytest
from pydantic import ValidationError

from cift_shared.attempts.processor import get_payment_processor
from cift_shared.errors import SettingsInvalid
from cift_shared.money.amount import Money
from crypto_watcher import main
from crypto_watcher.settings import WorkerSettings
from ethereum_method.rail import RAIL
from ethereum_method.settings import EthereumSettings
from ethereum_watcher import app
from ethereum_watcher.addresses import parse_address
from ethereum_watcher.domain import Depths
from ethereum_watcher.processor import build_processor
from ethereum_watcher.terms import terms_of
from tests.support.ethereum import SHARED, TOKENS, XPUB, config


@pytest.mark.parametrize(
    ("over", "name"),
    [
        ({"mode": "live"}, "CRYPTO_ETH_CHAIN_ID"),
        ({"chain_id": 1}, "CRYPTO_ETH_CHAIN_ID"),
        ({"chain_id": 0}, "'chain_id'"),
        ({"xpub": None}, "CRYPTO_ETH_XPUB"),
        ({"deposit_address": "0x12"}, "CRYPTO_ETH_DEPOSIT_ADDRESS"),
        ({"xpub": None, "deposit_address": SHARED.swapcase()}, "CRYPTO_ETH_DEPOSIT_ADDRESS"),
        ({"confirmations": "0"}, "finalized"),
        ({"confirmations": "1001"}, "finalized"),
        ({"confirmations": "safe"}, "finalized"),
        ({"confirmations": ""}, "finalized"),
        ({"confirmations": "\u0661"}, "finalized"),
        ({"rpc_url": "http://node.example/v3/secret"}, "https"),
        ({"rpc_url": "ftp://127.0.0.1"}, "https"),
        ({"explorer_base": "http://api.etherscan.io/v2/api"}, "https"),
        ({"explorer_base": "https://a.example,https://b.example"}, "https"),
        ({"explorer_base": "https://secret@a.example/"}, "without a user"),
        ({"explorer_base": "https://a.example/?apikey=secret"}, "without a user"),
        ({"hot_address": "0x12"}, "CRYPTO_ETH_HOT_ADDRESS"),
        ({"hot_address": SHARED.swapcase()}, "CRYPTO_ETH_HOT_ADDRESS"),
        (
            {"xpub": None, "deposit_address": SHARED, "hot_address": SHARED},
            "CRYPTO_ETH_HOT_ADDRESS needs",
        ),
        ({"fee_floor": "301"}, "CRYPTO_ETH_FEE_FLOOR"),
        ({"fee_floor": "0"}, "'fee_floor'"),
    ],
)
def test_contradictions_are_refused(over: dict[str, object], name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        config(**over)
    problems = str(refused.value.errors(include_input=False, include_url=False))
    assert name in problems
    assert "secret" not in problems


def test_a_private_key_stops_the_start() -> None:
    with pytest.raises(SettingsInvalid, match="private key"):
        build_processor(config(xpub="xprv" + XPUB[4:]))


def test_what_credits() -> None:
    assert config().depths == Depths(None)
    assert config(confirmations="1000").depths == Depths(1000)
    assert config(confirmations="1").depths == Depths(1)


@pytest.mark.parametrize(
    ("over", "asks"),
    [
        ({"xpub": None, "deposit_address": SHARED, "explorer_key": "k"}, True),
        ({"xpub": None, "deposit_address": SHARED}, False),
        ({"deposit_address": SHARED, "explorer_key": "k"}, False),
        ({"explorer_key": "k"}, False),
    ],
)
def test_the_explorer_is_asked_where_all_deposits_share_an_address(
    over: dict[str, Any], asks: bool
) -> None:
    assert config(**over).depths == Depths(None, asks_explorer=asks)
    assert (app.explorer_of(config(**over)) is not None) is asks


def test_who_pays() -> None:
    key = config().key()
    assert key is not None
    assert config().hot() == key.hot
    assert config(hot_address=SHARED).hot() == parse_address(SHARED)
    assert config(xpub=None, deposit_address=SHARED).hot() is None


def test_fees_are_exact() -> None:
    assert config(fee_floor="0.1", fee_ceiling="300").fee_limits == (10**8, 300 * 10**9)


def test_what_must_be_there_to_be_spent() -> None:
    over = {"token_list": TOKENS, "float_min": 7, "token_float_min": 2}
    assert config(**over).floats_min == {
        "ETH": Money(7, "ETH"),
        "USDC": Money(2_000_000, "USDC"),
        "USDT": Money(2_000_000, "USDT"),
    }
    assert set(config(token_list="none").floats_min) == {"ETH"}


def test_addresses_of_nodes_are_not_shown() -> None:
    assert "secret" not in repr(config())
    assert "secret" not in repr(config().nodes)


def test_a_named_transaction_is_read_in_any_case_and_nothing_else_is() -> None:
    read = terms_of(config()).transaction_of
    name = "0x" + "ab" * 32
    assert read(name) == read("0x" + "AB" * 32) == read("0X" + "Ab" * 32) == name
    for text in ("", "ab" * 32, name[:-1], name + "0", f"{name}:0", f"{name}\n"):
        assert read(text) is None


def test_with_a_key_the_deposit_address_is_not_the_one_of_deposits() -> None:
    assert config(deposit_address=SHARED).shared is None
    alone = config(xpub=None, deposit_address=SHARED)
    assert alone.shared is not None
    assert alone.key() is None


def test_the_gateway_offers_ethereum_when_there_is_an_address() -> None:
    assert not EthereumSettings().is_offered
    assert EthereumSettings(xpub=XPUB).is_offered
    assert EthereumSettings(deposit_address=SHARED).is_offered


def test_refunds_are_refused() -> None:
    assert set(RAIL.refusals) == {"refund"}
    assert set(RAIL.limits["ETH"]) == {"deposit", "withdrawal"}


async def test_a_processor_without_a_database_takes_no_deposit() -> None:
    processor = get_payment_processor("ethereum", config())
    assert isinstance(processor, type(build_processor(config())))
    assert processor.unavailable_reason() == "provider_unavailable"
    await processor.close()


def served(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    for name in ("BITCOIN_RPC_URL", "ETHEREUM_RPC_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings: Any = WorkerSettings.model_construct(concurrency=1)
    return [unit.name for unit in main.served(settings)]


def test_the_process_serves_the_chains_that_are_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = {"CRYPTO_ETH_CHAIN_ID": "31337", "CRYPTO_ETH_XPUB": XPUB}
    found = served(monkeypatch, ETHEREUM_RPC_URL="http://127.0.0.1:1", **chain)
    assert found == ["ethereum-worker"]
    with pytest.raises(SettingsInvalid, match=r"BITCOIN_RPC_URL; or ETHEREUM_RPC_URL"):
        served(monkeypatch)
