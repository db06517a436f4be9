"""A withdrawal's transactions so far, and what a new one can use. Pure, no I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ethereum_watcher.ether_transfers import Transfer
from ethereum_watcher.payout_fees import Fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a withdrawal's transaction, as far as it has come."""

    version: int
    unsigned: bytes
    gas: int
    offer: Fee
    nonce: int | None
    """None: given back."""
    chain_nonce: int
    """The first nonce of the account that no block has."""
    sent_at: datetime | None = None
    sent_height: int | None = None
    hash: str | None = None
    raw: bytes | None = field(default=None, repr=False)
    """The signed bytes; None: not signed."""
    refusal: str | None = None
    """Why the signer does not sign it."""
    height: int | None = None
    """The height of its block; None: it is in no block of our chain."""
    block_hash: str | None = None
    succeeded: bool | None = None
    fee: int | None = None
    """Wei that the network took, in its block."""
    has_moved: bool = True
    """False: it pays a token, whose contract has not reported just this transfer."""

    @property
    def is_passed(self) -> bool:
        """True if a block has a transaction with its nonce."""
        return self.nonce is not None and self.nonce < self.chain_nonce

    @property
    def is_next(self) -> bool:
        """True if it waits for no other transaction of the account."""
        return self.nonce == self.chain_nonce


@dataclass(frozen=True, slots=True)
class Room:
    """What a new transaction can use."""

    nonce: int
    """The lowest that no transaction of ours has."""
    wei: int
    """What the account has, less what open transactions can cost at most."""
    count: int
    """How many transactions are open."""
    tokens: Mapping[bytes, int] = field(default_factory=dict)
    """The same of each token by its contract, in its smallest unit."""

    def covers(self, transfer: Transfer) -> bool:
        """True if there is enough of what it pays, and enough ether for its fee."""
        contract = transfer.contract
        has_token = contract is None or transfer.wei <= self.tokens.get(contract, 0)
        return has_token and transfer.ether_max <= self.wei


MakeTransfer = Callable[[Room], Transfer | None]
"""From what there is to a transaction; None: too little."""
