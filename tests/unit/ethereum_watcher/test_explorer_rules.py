"""Only what the explorer has exactly as the nodes say is confirmed."""

from dataclasses import replace
from typing import Any

import pytest

from ethereum_watcher.domain import BY_TRANSACTION, PLACE_STEP
from ethereum_watcher.explorer_rules import CONTRADICTIONS, Claim, Doubt, doubt_of
from ethereum_watcher.explorer_wire import ExplorerReceipt, ExplorerTransaction
from ethereum_watcher.token_transfers import TOPIC

HASH, BLOCK, OTHER = "0x" + "ab" * 32, "0x" + "cd" * 32, "0x" + "ef" * 32
ACCOUNT, TOKEN, STRANGER = b"\x11" * 20, b"\x22" * 20, b"\x33" * 20
HEIGHT = 100
ETHER = Claim(HASH, BY_TRANSACTION, BLOCK, HEIGHT, ACCOUNT, 5)
IN_TOKEN = Claim(HASH, 1, BLOCK, HEIGHT, ACCOUNT, 5, TOKEN)


def word(account: bytes) -> str:
    return "0x" + account.rjust(32, b"\0").hex()


def log(contract: bytes = TOKEN, to: bytes = ACCOUNT, amount: int = 5, **over: Any) -> Any:
    return {
        "address": "0x" + contract.hex(),
        "topics": [TOPIC, word(STRANGER), word(to)],
        "data": "0x" + amount.to_bytes(32).hex(),
        "transactionHash": HASH,
        "blockHash": BLOCK,
        "logIndex": "0x7",
        **over,
    }


def receipt(*logs: Any, **over: Any) -> ExplorerReceipt:
    fields = {"transactionHash": HASH, "blockHash": BLOCK, "status": "0x1", "logs": list(logs)}
    return ExplorerReceipt.model_validate({**fields, **over})


def transaction(**over: Any) -> ExplorerTransaction:
    fields = {"hash": HASH, "blockHash": BLOCK, "to": "0x" + ACCOUNT.hex(), "value": "0x5"}
    return ExplorerTransaction.model_validate({**fields, **over})


def test_ether_that_both_have() -> None:
    assert doubt_of(ETHER, HEIGHT, receipt(), transaction()) is None
    assert doubt_of(ETHER, 0, receipt(), transaction()) is None


@pytest.mark.parametrize(
    ("found", "sent", "doubt"),
    [
        (receipt(transactionHash=OTHER), transaction(), Doubt.OTHER_TRANSACTION),
        (receipt(blockHash=OTHER), transaction(), Doubt.OTHER_BLOCK),
        (receipt(status="0x0"), transaction(), Doubt.FAILED),
        (receipt(status="0x2"), transaction(), Doubt.FAILED),
        (receipt(), transaction(hash=OTHER), Doubt.OTHER_TRANSACTION),
        (receipt(), transaction(blockHash=OTHER), Doubt.OTHER_BLOCK),
        (receipt(), transaction(blockHash=None), Doubt.OTHER_BLOCK),
        (receipt(), transaction(to="0x" + STRANGER.hex()), Doubt.OTHER_RECEIVER),
        (receipt(), transaction(to=None), Doubt.OTHER_RECEIVER),
        (receipt(), transaction(value="0x4"), Doubt.OTHER_AMOUNT),
        (receipt(), transaction(value="0x6"), Doubt.OTHER_AMOUNT),
        (receipt(log()), transaction(value="0x0"), Doubt.OTHER_AMOUNT),
    ],
)
def test_ether_that_the_explorer_has_otherwise(
    found: ExplorerReceipt, sent: ExplorerTransaction, doubt: Doubt
) -> None:
    assert doubt_of(ETHER, HEIGHT, found, sent) is doubt


@pytest.mark.parametrize("claim", [ETHER, IN_TOKEN])
@pytest.mark.parametrize(
    ("height", "doubt"),
    [(0, Doubt.BEHIND), (99, Doubt.BEHIND), (100, Doubt.UNKNOWN), (101, Doubt.UNKNOWN)],
)
def test_what_the_explorer_does_not_have(claim: Claim, height: int, doubt: Doubt) -> None:
    assert doubt_of(claim, height, None, None) is doubt
    assert doubt_of(claim, height, None, transaction()) is doubt


def test_ether_needs_the_transaction_too() -> None:
    assert doubt_of(ETHER, HEIGHT, receipt(), None) is Doubt.UNKNOWN
    assert doubt_of(ETHER, HEIGHT - 1, receipt(), None) is Doubt.BEHIND


def test_a_token_that_both_have() -> None:
    logs = log(to=STRANGER), log()
    assert doubt_of(IN_TOKEN, HEIGHT, receipt(*logs), None) is None
    moved = replace(IN_TOKEN, place=1 + 3 * PLACE_STEP)
    assert doubt_of(moved, HEIGHT, receipt(*logs), None) is None


@pytest.mark.parametrize(
    ("found", "doubt"),
    [
        (receipt(log()), Doubt.NO_TRANSFER),
        (receipt(), Doubt.NO_TRANSFER),
        (receipt(log(), log(STRANGER)), Doubt.NO_TRANSFER),
        (receipt(log(), log(topics=[])), Doubt.NO_TRANSFER),
        (receipt(log(), log(to=STRANGER)), Doubt.OTHER_RECEIVER),
        (receipt(log(), log(amount=6)), Doubt.OTHER_AMOUNT),
        (receipt(log(), log(amount=4)), Doubt.OTHER_AMOUNT),
        (receipt(log(), log(), status="0x0"), Doubt.FAILED),
        (receipt(log(), log(), blockHash=OTHER), Doubt.OTHER_BLOCK),
        (receipt(log(), log(), transactionHash=OTHER), Doubt.OTHER_TRANSACTION),
    ],
)
def test_a_token_that_the_explorer_has_otherwise(found: ExplorerReceipt, doubt: Doubt) -> None:
    assert doubt_of(IN_TOKEN, HEIGHT, found, None) is doubt
    assert doubt_of(IN_TOKEN, HEIGHT, found, transaction()) is doubt


def test_no_answer_is_no_contradiction() -> None:
    assert [one for one in Doubt if not one.contradicts] == [Doubt.UNAVAILABLE, Doubt.BEHIND]
    assert set(CONTRADICTIONS) == set(Doubt) - {Doubt.UNAVAILABLE, Doubt.BEHIND}


def test_claims_have_the_key_of_their_arrivals() -> None:
    assert ETHER.key == (HASH, BY_TRANSACTION)


def test_stored_words_never_change() -> None:
    assert [one.value for one in Doubt] == [
        "explorer_unavailable",
        "explorer_behind",
        "unknown_to_explorer",
        "other_transaction",
        "other_block",
        "transaction_failed",
        "no_such_transfer",
        "other_receiver",
        "other_amount",
    ]
