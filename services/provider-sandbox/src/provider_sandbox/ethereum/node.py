"""The node: chain, pool, faucet, and the proposer that tests command."""

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from eth.abc import SignedTransactionAPI
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth_keys import keys
from eth_typing import Address
from eth_utils import keccak

from provider_sandbox.ethereum.chain import Chain, Entry
from provider_sandbox.ethereum.contracts import FORWARDER, REFUSER, TOKENS
from provider_sandbox.ethereum.evm import NEW_CONTRACT, Evm
from provider_sandbox.ethereum.outside import Outside
from provider_sandbox.ethereum.pool import Pool
from provider_sandbox.node_rpc.behaviour import Behaviour

CHAIN_ID = 31337
FIRST_BLOCKS = 12
"""Mined at the start, so that there is a finalized block."""
GWEI = 10**9
_SLOT_S = 12
_KEY = keys.PrivateKey(keccak(b"the faucet of the Ethereum test node"))
_RICHES = 10**9 * 10**18
_THOUSAND = 10**3 * 10**18
_NOBODY = bytes(20)
"""Where tokens come from when a contract is created."""
_DEPLOYMENT_GAS = 2_000_000


@dataclass(frozen=True, slots=True)
class Fee:
    """What a transaction pays, in wei per gas."""

    most: int
    """With the base fee."""
    tip: int
    """Above the base fee."""


class ReorgRefused(ValueError):
    """The reorganisation is not possible."""


@dataclass(frozen=True, slots=True)
class ReorgPlan:
    """A new branch that replaces the highest blocks."""

    depth: int
    """How many blocks are replaced."""
    blocks: int
    """How many the new branch has."""
    drop: AbstractSet[bytes] = frozenset()
    """Hashes of transactions that the new branch does not have."""
    drop_all: bool = False
    """Leave out every transaction of the old blocks."""
    forget: bool = False
    """The dropped ones do not wait for a block afterwards, either."""
    replace: Mapping[bytes, SignedTransactionAPI] = field(default_factory=dict)
    """What stands in the place of a transaction."""


@dataclass(slots=True)
class Node:
    """One Ethereum node on a chain of its own."""

    now: Callable[[], int] = field(default=lambda: int(time.time()))
    """Seconds since 1970."""
    chain_id: int = CHAIN_ID
    rich: AbstractSet[bytes] = frozenset()
    """Addresses that have 1,000 ether, and a million of each token, from the beginning."""
    behaviour: Behaviour = field(default_factory=Behaviour)
    chain: Chain = field(init=False)
    pool: Pool = field(init=False)
    outside: Outside = field(init=False)
    base_fee: int | None = None
    """Of the next blocks, in wei; None: it follows from the blocks."""
    tokens: dict[str, bytes] = field(default_factory=dict)
    """The addresses of the tokens by symbol."""
    forwarder: bytes = b""
    refuser: bytes = b""
    impostor: bytes = b""
    """A contract that calls itself USDC, as everybody can deploy one."""

    def __post_init__(self) -> None:
        start = self.now() - FIRST_BLOCKS * _SLOT_S
        balances = {self.faucet: _RICHES, **dict.fromkeys(self.rich, _THOUSAND)}
        self.chain = Chain(Evm(self.chain_id, balances, start))
        self.pool = Pool(self.chain_id)
        self.outside = Outside({self.faucet, _NOBODY})
        self._deploy()
        while self.chain.height < FIRST_BLOCKS:
            self._add([], start + (self.chain.height + 1) * _SLOT_S)

    @property
    def faucet(self) -> bytes:
        """The address of the faucet."""
        return bytes(_KEY.public_key.to_canonical_address())

    def _deploy(self) -> None:
        tokens = [token.deployment(self.faucet, sorted(self.rich)) for token in TOKENS]
        codes = [*tokens, FORWARDER, REFUSER]
        codes.append(TOKENS[0].deployment(self.faucet))
        created = []
        for nonce, code in enumerate(codes):
            transaction = self.sign(NEW_CONTRACT, 0, code, gas=_DEPLOYMENT_GAS, nonce=nonce)
            self.pool.add(transaction, self.chain.accounts())
        [block] = self.mine(1)
        for one in self.chain.entries[block].executed:
            assert not one.computation.is_error
            created.append(bytes(one.computation.msg.storage_address))
        *tokens, self.forwarder, self.refuser, self.impostor = created
        self.tokens = {token.symbol: at for token, at in zip(TOKENS, tokens, strict=True)}
        self.outside.contracts = frozenset(created)

    def sign(
        self,
        to: bytes,
        value: int,
        data: bytes = b"",
        *,
        gas: int = 21_000,
        nonce: int | None = None,
        fee: Fee | None = None,
    ) -> SignedTransactionAPI:
        """A transaction of the faucet.

        Args:
            to: the recipient.
            value: wei.
            data: of the call.
            gas: its limit.
            nonce: None: the next one.
            fee: None: a priority fee of 1 gwei, and at most twice the next base fee in addition.
        """
        paid = fee or Fee(2 * self.next_base_fee + GWEI, GWEI)
        if nonce is None:
            nonce = self.pool.next_nonce(self.faucet, self.chain.accounts())
        unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
            chain_id=self.chain_id,
            nonce=nonce,
            max_priority_fee_per_gas=paid.tip,
            max_fee_per_gas=paid.most,
            gas=gas,
            to=Address(to),
            value=value,
            data=data,
            access_list=(),
        )
        return unsigned.as_signed_transaction(_KEY)

    @property
    def next_base_fee(self) -> int:
        """The base fee of the next block, in wei."""
        if self.base_fee is not None:
            return self.base_fee
        return self.chain.evm.next_base_fee(self.chain.latest.header)

    def send(self, transaction: SignedTransactionAPI) -> bytes:
        """Accept a transaction; returns its hash.

        Raises:
            PoolRefused: it is not accepted.
        """
        self.pool.add(transaction, self.chain.accounts())
        return bytes(transaction.hash)

    def mine(self, count: int, *, only: AbstractSet[bytes] | None = None) -> list[bytes]:
        """Add blocks; returns their hashes.

        Args:
            count: how many.
            only: the first block has only these, the others none; None: what fits and pays.
        """
        hashes = []
        for _ in range(count):
            waiting = self.pool.ordered(self.next_base_fee)
            if only is not None:
                waiting = [one for one in waiting if bytes(one.hash) in only]
            hashes.append(self._add(waiting, self.now()))
        return hashes

    def _add(self, transactions: Sequence[SignedTransactionAPI], at: int) -> bytes:
        below = self.chain.latest
        built = self.chain.build(below, transactions, time=at, base_fee=self.base_fee)
        self.chain.activate([bytes(built.block.hash)], below.number)
        self.pool.settle(self.chain.accounts())
        return bytes(built.block.hash)

    def reorganise(self, plan: ReorgPlan) -> list[bytes]:
        """Replace the highest blocks by others; returns the hashes of the new branch.

        Raises:
            ReorgRefused: the plan is not possible on this chain.
        """
        chain = self.chain
        if not 0 < plan.depth <= chain.height or plan.blocks < 1:
            raise ReorgRefused("the depth is not in the chain, or the new branch is empty")
        old = [chain.entries[one] for one in chain.active[-plan.depth :]]
        known = {bytes(one.transaction.hash) for entry in old for one in entry.executed}
        if missing := (plan.drop | plan.replace.keys()) - known:
            raise ReorgRefused(f"not in the replaced blocks: {min(missing).hex()}")
        branch = self._branch(old, plan)
        removed = chain.activate(branch, old[0].number - 1)
        self._restore(removed, plan)
        return branch

    def _branch(self, old: Sequence[Entry], plan: ReorgPlan) -> list[bytes]:
        below = self.chain.entries[bytes(old[0].header.parent_hash)]
        branch: list[bytes] = []
        for place in range(plan.blocks):
            content = _content(old[place], plan) if place < len(old) else []
            # Later than the old block, so that another one results even from equal contents.
            at = max(self.now(), old[0].header.timestamp + 1)
            built = self.chain.build(below, content, time=at, base_fee=self.base_fee)
            below = self.chain.entries[bytes(built.block.hash)]
            branch.append(below.hash)
        return branch

    def _restore(self, removed: Sequence[Entry], plan: ReorgPlan) -> None:
        """Let the transactions wait again that the new branch does not have."""
        waiting = [
            one.transaction
            for entry in removed
            for one in entry.executed
            if bytes(one.transaction.hash) not in self.chain.places and not plan.forget
        ]
        accounts = self.chain.accounts()
        self.pool.restore(waiting, accounts)
        self.pool.settle(accounts)


def _content(entry: Entry, plan: ReorgPlan) -> list[SignedTransactionAPI]:
    """What the block of the new branch has instead of this one."""
    content = []
    for one in entry.executed:
        key = bytes(one.transaction.hash)
        if key in plan.replace:
            content.append(plan.replace[key])
        elif key not in plan.drop and not plan.drop_all:
            content.append(one.transaction)
    return content
