"""The answers of an Ethereum node that are read, validated: numbers are hex text, hence exact.

Source: ethereum.github.io/execution-apis.
"""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

HASH = "^0x[0-9a-f]{64}$"
Hash = Annotated[str, StringConstraints(pattern=HASH)]
_QUANTITY = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,63})")
_ACCOUNT = re.compile(r"0x[0-9a-fA-F]{40}")
_BYTES = re.compile(r"0x(?:[0-9a-f]{2})*")
HEIGHT_MAX = 2**63 - 1
BLOOM_BYTES = 256


def _number(value: Any) -> int:
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise ValueError("must be a number in hex")
    return int(value, 16)


def _account(value: Any) -> bytes:
    if not isinstance(value, str) or not _ACCOUNT.fullmatch(value):
        raise ValueError("must be an address")
    return bytes.fromhex(value[2:])


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str) or not _BYTES.fullmatch(value):
        raise ValueError("must be bytes in hex")
    return bytes.fromhex(value[2:])


Quantity = Annotated[int, BeforeValidator(_number)]
"""A number below 2**256."""
Height = Annotated[int, BeforeValidator(_number), Field(le=HEIGHT_MAX)]
Account = Annotated[bytes, BeforeValidator(_account)]
"""An address as its 20 bytes."""
Bytes = Annotated[bytes, BeforeValidator(_bytes)]


class Part(BaseModel):
    """Base of the answers: other fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Header(Part):
    """A block without its transactions."""

    hash: Hash
    height: Height = Field(alias="number")
    prev_hash: Hash = Field(alias="parentHash")


class Transaction(Part):
    """A transaction of a block."""

    hash: Hash
    block_hash: Hash = Field(alias="blockHash")
    sender: Account = Field(alias="from")
    nonce: Quantity
    recipient: Account | None = Field(alias="to")
    """None: it creates a contract."""
    value: Quantity
    """Wei."""


class Block(Header):
    """A block with its transactions."""

    transactions: list[Transaction]
    bloom: Bytes = Field(alias="logsBloom", min_length=BLOOM_BYTES, max_length=BLOOM_BYTES)
    """The filter of its logs (`bloom`)."""


class Log(Part):
    """What a contract reports of a transaction, such as a transfer of a token."""

    contract: Account = Field(alias="address")
    topics: list[Hash]
    data: Bytes
    hash: Hash = Field(alias="transactionHash")
    block_hash: Hash = Field(alias="blockHash")
    number: Quantity = Field(alias="logIndex")
    """Its place among the logs of the block."""
    removed: bool = False
    """True if its block is in the chain no more."""


class Receipt(Part):
    """What a transaction did."""

    hash: Hash = Field(alias="transactionHash")
    block_hash: Hash = Field(alias="blockHash")
    status: Quantity
    """1: it did what it says. 0: it failed, so it moved nothing and cost its fee."""
    gas_used: Quantity = Field(alias="gasUsed")
    gas_price: Quantity = Field(alias="effectiveGasPrice")
    """Wei."""
    logs: list[Log] = Field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """True if the transaction moved its value."""
        return self.status == 1


class FeeHistory(Part):
    """`eth_feeHistory`: fees of recent blocks."""

    base_fees: list[Quantity] = Field(alias="baseFeePerGas", min_length=1)
    """Wei per gas of each block, and of the next one at the end."""
    tips: list[list[Quantity]] = Field(default_factory=list, alias="reward")
    """Wei per gas above it, for each block by the requested percentiles."""
