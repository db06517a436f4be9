"""What is read from an answer of the explorer, and what is refused without repeating it."""

from typing import Any

import pytest

from ethereum_watcher.explorer_wire import (
    HEIGHT,
    RECEIPT,
    TRANSACTION,
    AnswerUnusable,
    ExplorerReceipt,
    ExplorerTransaction,
    read_result,
)

HASH, BLOCK = "0x" + "ab" * 32, "0x" + "cd" * 32
RECEIPT_SENT = {"transactionHash": HASH, "blockHash": BLOCK, "status": "0x1", "type": "0x2"}
TRANSACTION_SENT = {"hash": HASH, "blockHash": None, "to": None, "value": "0x0", "gas": "0x1"}
SECRET = "the key 5up3r53cr37"


def sent(result: Any, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result, **more}


def refused(text: Any) -> dict[str, Any]:
    return {"status": "0", "message": "NOTOK", "result": text}


def test_results() -> None:
    assert read_result(HEIGHT, sent("0x10")) == 16
    receipt = read_result(RECEIPT, sent(RECEIPT_SENT))
    assert receipt == ExplorerReceipt.model_validate(RECEIPT_SENT)
    assert receipt is not None
    assert (receipt.hash, receipt.block_hash, receipt.status, receipt.logs) == (HASH, BLOCK, 1, [])
    found = read_result(TRANSACTION, sent(TRANSACTION_SENT))
    assert found == ExplorerTransaction.model_validate(TRANSACTION_SENT)


def test_what_the_explorer_does_not_know_is_none() -> None:
    assert read_result(RECEIPT, sent(None)) is None
    assert read_result(TRANSACTION, sent(None)) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Max rate limit reached", "the rate limit is reached"),
        ("Max calls per sec rate limit reached (3/sec)", "the rate limit is reached"),
        (
            "Max rate limit reached, please use API Key for higher rate limit",
            "the rate limit is reached",
        ),
        ("Invalid API Key", "the key is refused"),
        ("Too many invalid api key attempts, please try again later", "the key is refused"),
        ("Missing or unsupported chainid parameter", "the chain or the plan is refused"),
        (
            "Free API access is not supported for this chain. Please upgrade your plan",
            "the chain or the plan is refused",
        ),
        ("Error! Missing Or invalid Action name", "the call is refused"),
        (SECRET, "the call is refused"),
        (None, "the call is refused"),
        ({"rate limit": 1}, "the call is refused"),
    ],
)
def test_what_it_refuses_is_told_in_words_of_ours(text: Any, told: str) -> None:
    with pytest.raises(AnswerUnusable) as error:
        read_result(HEIGHT, refused(text))
    assert str(error.value) == told


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"result": "0x1"},
        {"jsonrpc": "1.0", "result": "0x1"},
        {"jsonrpc": "2.0"},
        {"status": "1", "message": "OK", "result": "0x1"},
        {"status": "1", "message": "OK-Missing/Invalid API Key", "result": "595623370144773"},
        sent("0x1", error={"code": -32000, "message": SECRET}),
        sent("0x1", error=SECRET),
        sent(None),
        sent(1),
        sent("1"),
        sent("0x01"),
        sent("0x" + "f" * 65),
        sent(hex(2**63)),
        sent("Max rate limit reached"),
        sent(SECRET),
    ],
)
def test_other_answers_are_no_height(document: dict[str, Any] | None) -> None:
    with pytest.raises(AnswerUnusable) as error:
        read_result(HEIGHT, document)
    assert SECRET not in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None


@pytest.mark.parametrize(
    "change",
    [
        {"transactionHash": None},
        {"transactionHash": HASH.upper()},
        {"blockHash": None},
        {"status": 1},
        {"status": None},
        {"status": hex(2**256)},
        {"logs": None},
        {"logs": [{}]},
    ],
)
def test_other_receipts_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AnswerUnusable, match="result of another form"):
        read_result(RECEIPT, sent({**RECEIPT_SENT, **change}))


@pytest.mark.parametrize(
    "change", [{"hash": None}, {"value": 10**18}, {"value": None}, {"to": "0x12"}, {"to": 0}]
)
def test_other_transactions_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AnswerUnusable, match="result of another form"):
        read_result(TRANSACTION, sent({**TRANSACTION_SENT, **change}))
