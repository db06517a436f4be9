"""The setting that chooses tokens, in the gateway and in the watcher."""

import pytest
from pydantic import ValidationError

from cift_shared.errors import SettingsInvalid
from ethereum_method.rail import RAIL
from ethereum_method.settings import EthereumSettings
from ethereum_method.tokens import CONTRACTS, MAIN, SEPOLIA, Token, TokensInvalid, read_tokens
from ethereum_watcher.addresses import parse_address
from ethereum_watcher.terms import terms_of
from tests.support import ethereum
from tests.support.ethereum import config

USDC, USDT = ethereum.CONTRACTS["USDC"], ethereum.CONTRACTS["USDT"]


def test_the_published_contracts_are_spelled_with_their_checksum() -> None:
    assert set(CONTRACTS) == {"USDC", "USDT"}
    for contracts in CONTRACTS.values():
        for contract in contracts.values():
            assert parse_address(contract).address == contract


def test_the_chains_have_their_numbers_of_eip_155() -> None:
    assert (MAIN, SEPOLIA) == (1, 11_155_111)


def test_the_tokens_of_the_main_network_have_six_places() -> None:
    found = read_tokens(None, MAIN)
    assert [(one.currency, one.decimals, one.unit) for one in found] == [
        ("USDC", 6, 1_000_000), ("USDT", 6, 1_000_000),
    ]  # fmt: skip
    assert [one.contract for one in found] == [
        "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        "0xdAC17F958D2ee523a2206206994597C13D831ec7",
    ]
    assert all(one.is_offered for one in found)


@pytest.mark.parametrize(
    ("text", "chain_id", "expected"),
    [
        (None, SEPOLIA, [Token("USDC", CONTRACTS["USDC"][SEPOLIA])]),
        (None, 31337, []),
        ("none", MAIN, []),
        ("USDT", MAIN, [Token("USDT", CONTRACTS["USDT"][MAIN])]),
        ("-USDC, USDT", MAIN, [
            Token("USDC", CONTRACTS["USDC"][MAIN], is_offered=False),
            Token("USDT", CONTRACTS["USDT"][MAIN]),
        ]),
        (f"USDC={USDC}", MAIN, [Token("USDC", USDC)]),
        (f"-USDT={USDT}", 31337, [Token("USDT", USDT, is_offered=False)]),
    ],
)  # fmt: skip
def test_the_tokens_of_a_setting(text: str | None, chain_id: int, expected: list[Token]) -> None:
    assert list(read_tokens(text, chain_id)) == expected


WRONG = [
    "", ",", "USDC,", "DAI", "usdc", "ETH", "USDC=", "USDC=0x12", f"USDC={USDC}0", "USDC",
    f"USDC={USDC},USDC={USDT}", f"USDC={USDC},USDT={USDC}", f"USDC={USDC},USDT={USDC.lower()}",
    f"USDC={USDC},none", "--USDC", f"USDC:{USDC}",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_list_of_tokens_is_refused(text: str) -> None:
    with pytest.raises(TokensInvalid):
        read_tokens(text, 31337)
    with pytest.raises(ValidationError, match="CRYPTO_ETH_TOKENS"):
        config(token_list=text)
    with pytest.raises(ValidationError, match="CRYPTO_ETH_TOKENS"):
        EthereumSettings(xpub="xpub", chain_id=31337, tokens=text)


def test_a_contract_with_a_wrong_checksum_stops_the_start() -> None:
    assert config(token_list=f"USDC={USDC.lower()}").tokens[0].contract == USDC.lower()
    for wrong in (USDC.swapcase().replace("X", "x"), "0x" + "00" * 20):
        with pytest.raises(ValidationError, match="CRYPTO_ETH_TOKENS"):
            config(token_list=f"USDC={wrong}")


def test_the_gateway_offers_the_tokens_that_are_set_up() -> None:
    usual = EthereumSettings(xpub="xpub")
    assert usual.currencies == {"ETH", "USD", "USDC", "USDT"} == RAIL.currencies
    assert EthereumSettings(xpub="xpub", chain_id=31337).currencies == {"ETH", "USD"}
    assert EthereumSettings(xpub="xpub", tokens="USDT,-USDC").currencies == {"ETH", "USD", "USDT"}
    assert EthereumSettings(xpub="xpub", tokens="none").currencies == {"ETH", "USD"}


def test_without_a_chain_only_real_money_has_the_tokens_of_the_main_network() -> None:
    usual = EthereumSettings(xpub="xpub")
    assert usual.checked("live").currencies == {"ETH", "USD", "USDC", "USDT"}
    assert usual.checked("test").currencies == {"ETH", "USD"}
    named = EthereumSettings(tokens=f"USDC={USDC}").checked("test")
    assert named.currencies == {"ETH", "USD", "USDC"}
    with pytest.raises(SettingsInvalid, match="CRYPTO_ETH_TOKENS"):
        EthereumSettings(tokens="USDC").checked("test")
    sepolia = EthereumSettings(chain_id=SEPOLIA, tokens="USDC").checked("test")
    assert sepolia.currencies == {"ETH", "USD", "USDC"}


def test_what_is_too_little_and_what_is_shown_of_a_token() -> None:
    terms = terms_of(config(token_list=f"USDC={USDC.lower()}"))
    assert terms.dusts == {"ETH": 10**14, "USDC": 100_000}
    assert terms.details("USDC") == {"contract": USDC}
    assert terms.details("ETH") == {}
