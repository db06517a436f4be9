"""Settings: contradictions stop the start, and no value is repeated."""

import pytest
from pydantic import ValidationError

from bitcoin_method.settings import BitcoinSettings
from bitcoin_watcher.domain import Depths
from bitcoin_watcher.processor import build_processor
from chain_watch.rpc import AddressRefused, endpoints
from cift_shared.attempts.processor import get_payment_processor
from tests.support.bitcoin import SHARED, TPUB, config

ADDRESS = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"


@pytest.mark.parametrize(
    ("over", "name"),
    [
        ({"mode": "live"}, "CRYPTO_BTC_NETWORK"),
        ({"network": "main"}, "CRYPTO_BTC_NETWORK"),
        ({"xpub": None}, "CRYPTO_BTC_XPUB"),
        ({"deposit_address": ADDRESS}, "CRYPTO_BTC_DEPOSIT_ADDRESS"),
        ({"xpub": None, "deposit_address": "nonsense"}, "CRYPTO_BTC_DEPOSIT_ADDRESS"),
        ({"confirmations": 0}, "'confirmations'"),
        ({"confirmations": 101}, "'confirmations'"),
        ({"confirmation_tiers": "0.01:2,0.001:1"}, "rise"),
        ({"confirmation_tiers": "0.01:0"}, "confirmations"),
        ({"confirmation_tiers": "0.01"}, "confirmations"),
        ({"confirmation_tiers": "1e-3:1"}, "confirmations"),
        ({"rpc_url": "http://user:secret@node.example:8332"}, "https"),
        ({"rpc_url": "ftp://127.0.0.1"}, "https"),
        ({"rpc_url": "http://127.0.0.1:1,,http://127.0.0.1:2"}, "https"),
        ({"fee_floor": 600}, "CRYPTO_BTC_FEE_FLOOR"),
    ],
)
def test_contradictions_are_refused(over: dict[str, object], name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        config(**over)
    problems = str(refused.value.errors(include_input=False, include_url=False))
    assert name in problems
    assert "secret" not in problems


def test_tiers_give_the_confirmations_of_an_amount() -> None:
    depths = config(confirmation_tiers="0.001:1, 0.01:2", confirmations=4).depths
    assert depths == Depths(4, ((100_000, 1), (1_000_000, 2)))
    needed = [depths.confirmations_for(one) for one in (1, 100_000, 100_001, 1_000_001)]
    assert needed == [1, 1, 2, 4]


def test_credentials_are_taken_out_of_the_address_and_not_shown() -> None:
    first, second = endpoints(
        "http://us%40er:p%3Aw@10.0.0.5:8332/wallet/x, https://h.example/v2/key"
    )
    assert first.auth == ("us@er", "p:w")
    assert first.url == "http://10.0.0.5:8332/wallet/x"
    assert (second.name, second.auth, second.url) == ("node-2", None, "https://h.example/v2/key")
    assert "key" not in repr(second)
    assert "p:w" not in repr(first)


@pytest.mark.parametrize(
    "text", ["", "http://", "http://8.8.8.8:8332", "https://h.example/#key", "http://h.example:x/"]
)
def test_other_addresses_of_nodes_are_refused(text: str) -> None:
    with pytest.raises(AddressRefused):
        endpoints(text)


@pytest.mark.parametrize(
    "host", ["localhost", "bitcoind", "10.1.2.3", "[::1]", "n.svc.cluster.local"]
)
def test_http_is_for_private_networks(host: str) -> None:
    assert endpoints(f"http://{host}:8332")[0].url == f"http://{host}:8332/"


def test_with_a_key_the_deposit_address_is_not_the_one_of_deposits() -> None:
    assert config(deposit_address=SHARED).shared is None
    alone = config(xpub=None, deposit_address=SHARED)
    assert alone.shared is not None
    assert alone.key() is None


def test_the_gateway_offers_bitcoin_when_there_is_an_address() -> None:
    assert not BitcoinSettings().is_offered
    assert BitcoinSettings(xpub=TPUB).is_offered
    assert BitcoinSettings(deposit_address=SHARED).is_offered


async def test_a_processor_without_a_database_takes_no_deposit() -> None:
    processor = get_payment_processor("bitcoin", config())
    assert isinstance(processor, type(build_processor(config())))
    assert processor.unavailable_reason() == "provider_unavailable"
    await processor.close()
