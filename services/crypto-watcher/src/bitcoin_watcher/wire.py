"""A node's answers: the fields that we use, strictly typed.

Source: developer.bitcoin.org/reference/rpc and Bitcoin Core's release notes up to 31.0.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

HASH = r"^[0-9a-f]{64}$"
Hash = Annotated[str, Field(pattern=HASH)]
HEIGHT_MAX = 2**31 - 1


class Part(BaseModel):
    """Base of the answers: other fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class ChainInfo(Part):
    """`getblockchaininfo`."""

    chain: str
    blocks: Annotated[int, Field(ge=0, le=HEIGHT_MAX)]
    bestblockhash: Hash
    initialblockdownload: bool = False


class FeeEstimate(Part):
    """`estimatesmartfee`: no rate while the node has too few data."""

    feerate: Decimal | int | None = None
    """BTC for 1000 virtual bytes."""


class UnspentOutput(Part):
    """`gettxout` of an output that is unspent."""

    value: Decimal | int
    """In BTC."""
    confirmations: Annotated[int, Field(ge=0)]
