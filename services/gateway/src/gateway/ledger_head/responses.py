"""Response body of the head of the ledger's hash chain."""

from pydantic import AwareDatetime, Field

from gateway.http.responses import Out


class LedgerHeadOut(Out):
    """The head of the hash chain over the journal."""

    hash: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    """The newest link, 64 hexadecimal digits; the chain's genesis before the first block."""
    transactions: int = Field(examples=[128])
    """The number of transactions in the chain."""
    last_transaction_id: str | None = Field(examples=["1024"])
    """The newest of them; null before the first block."""
    sealed_at: AwareDatetime | None
    """When the newest block was sealed; null before the first."""
    block: int = Field(examples=[7])
    """The number of the newest block, 0 before the first."""
