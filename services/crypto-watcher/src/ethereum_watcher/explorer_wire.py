"""The answers of the explorer (Etherscan, API V2), validated. Pure, no I/O.

It answers a proxied call as a node would. What it refuses has HTTP status 200, too, and another
form: `{"status": "0", "message": "NOTOK", "result": "Max rate limit reached"}`. No text of it is
shown: its class is, in words of ours.

Source: docs.etherscan.io (Geth/Parity Proxy; Common Error Messages).
"""

from typing import Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from ethereum_watcher.wire import Account, Hash, Height, Log, Part, Quantity

REFUSALS = {
    "rate limit": "the rate limit is reached",
    "api key": "the key is refused",
    "chain": "the chain or the plan is refused",
}
"""Parts of its texts in lower case, and what they mean; the first one counts."""

Found = TypeVar("Found")


class AnswerUnusable(ValueError):
    """The answer says nothing about the chain; the message does not repeat it."""


class ExplorerReceipt(Part):
    """What a transaction did, as far as it is compared."""

    hash: Hash = Field(alias="transactionHash")
    block_hash: Hash = Field(alias="blockHash")
    status: Quantity
    """1: it did what it says."""
    logs: list[Log] = Field(default_factory=list)


class ExplorerTransaction(Part):
    """What a transaction says."""

    hash: Hash
    block_hash: Hash | None = Field(alias="blockHash")
    """None: it waits for a block."""
    recipient: Account | None = Field(alias="to")
    value: Quantity
    """Wei."""


HEIGHT: TypeAdapter[int] = TypeAdapter(Height)
RECEIPT: TypeAdapter[ExplorerReceipt | None] = TypeAdapter(ExplorerReceipt | None)
TRANSACTION: TypeAdapter[ExplorerTransaction | None] = TypeAdapter(ExplorerTransaction | None)


def read_result(kind: TypeAdapter[Found], document: dict[str, Any] | None) -> Found:
    """The result in an answer; None where the explorer does not know what was asked for.

    Raises:
        AnswerUnusable: it was refused, or the answer has another form.
    """
    if document is None:
        raise AnswerUnusable("not a JSON object")
    if document.get("status") == "0":
        raise AnswerUnusable(_refusal(document.get("result")))
    if document.get("error") is not None:
        raise AnswerUnusable("the call failed at its node")
    if document.get("jsonrpc") != "2.0" or "result" not in document:
        raise AnswerUnusable("an answer of another form")
    try:
        return kind.validate_python(document["result"])
    except ValidationError:
        raise AnswerUnusable("a result of another form") from None


def _refusal(text: Any) -> str:
    words = text.lower() if isinstance(text, str) else ""
    return next((told for part, told in REFUSALS.items() if part in words), "the call is refused")
