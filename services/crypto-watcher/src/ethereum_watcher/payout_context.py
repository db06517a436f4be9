"""What withdrawals work with: settings, store, nodes, the account that pays, the tip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from chain_watch.approval_gate import ApprovalGate
from chain_watch.deposit_store import DepositStore
from chain_watch.domain import Derived, Tip
from chain_watch.rpc import NodeFailed
from cift_shared.clock import Clock
from cift_shared.errors import ProviderUnavailable
from cift_shared.messaging.messages import Step
from cift_shared.security.field_encryption import Vault
from ethereum_watcher.broadcast_codes import Broadcast
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.domain import Arrival
from ethereum_watcher.mapping import TOKEN_GAS_MAX, TRANSFER_GAS
from ethereum_watcher.payout_fees import Fee, first_fee
from ethereum_watcher.payout_store import StoredPayouts
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.token_calls import transfer_data

_BEST_FIRST = tuple(Broadcast)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutContext:
    """The dependencies of withdrawals."""

    config: EthereumConfig
    store: StoredPayouts
    approvals: ApprovalGate
    deposits: DepositStore[Arrival]
    nodes: Sequence[EthereumNode]
    vault: Vault
    clock: Clock
    hot: Derived
    """The account that pays."""
    denied: frozenset[bytes]
    contracts: Mapping[str, Derived]
    """The contracts of the tokens by their currencies."""
    token_accounts: frozenset[bytes]
    """Contracts of tokens, which are never paid."""

    @property
    def resend_every(self) -> timedelta:
        """How often bytes that are in no block are sent again."""
        return timedelta(seconds=self.config.poll_s * 3)

    async def tip(self) -> Tip:
        """How far the chain is read.

        Raises:
            ProviderUnavailable: nothing was read yet.
        """
        tip = await self.deposits.tip()
        if tip is None:
            raise ProviderUnavailable("node_unavailable", "the chain was never read")
        return tip

    async def offer(self) -> Fee:
        """What a first transaction offers now.

        Raises:
            NodeFailed: no node answers.
        """
        lowest, highest = self.config.fee_limits
        failed = NodeFailed("no node is configured")
        for node in self.nodes:
            try:
                return first_fee(await node.fees(), lowest=lowest, highest=highest)
            except NodeFailed as error:
                failed = error
        raise failed

    async def is_ours_alone(self) -> bool:
        """False while the account has a transaction that is not ours and no operator knows of."""
        foreign = await self.store.highest_foreign()
        return foreign is None or foreign <= self.config.known_nonce

    async def gas(
        self,
        recipient: Derived,
        wei: int,
        contract: Derived | None,
        *,
        sender: Derived | None = None,
    ) -> int | None:
        """The limit that a transfer needs; None: the contract of recipient or token refuses it.

        Args:
            recipient: who is paid.
            wei: how much, in the smallest unit.
            contract: of the token; None: ether.
            sender: who pays; None: the account that pays withdrawals.

        Raises:
            NodeFailed: no node answers.
        """
        payer, failed = sender or self.hot, NodeFailed("no node is configured")
        for node in self.nodes:
            try:
                if contract is not None:
                    return await _token_gas(node, payer, recipient, wei, contract)
                if not await node.has_code(recipient.address):
                    return TRANSFER_GAS
                return await node.gas(payer.address, recipient.address, wei)
            except NodeFailed as error:
                failed = error
        raise failed

    async def broadcast(self, raw: bytes) -> Broadcast:
        """Send bytes to every node; the best of their answers."""
        answers = [await node.send(raw) for node in self.nodes]
        return min(answers, key=_BEST_FIRST.index, default=Broadcast.UNKNOWN)

    def step(self, name: str, detail: Mapping[str, object] | None = None) -> Step:
        """A step for the timeline, now."""
        return Step.of(self.clock.now(), f"ethereum.{name}", detail or {})


async def _token_gas(
    node: EthereumNode, payer: Derived, recipient: Derived, amount: int, contract: Derived
) -> int | None:
    data = transfer_data(recipient.script, amount)
    gas = await node.gas(payer.address, contract.address, 0, data)
    if gas is None:
        # The node may not have the block yet that has paid the tokens to us.
        held = await node.token_balance(contract.address, payer.script)
        if held < amount:
            raise NodeFailed(f"{node.name}: too few tokens there")
    elif gas > TOKEN_GAS_MAX:
        raise NodeFailed(f"{node.name}: a transfer of the token needs {gas} gas")
    return gas
