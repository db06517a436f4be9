"""What withdrawals and transfers work with: settings, store, nodes, the public key, the tip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_CEILING

from bitcoin_watcher.addresses import CHANGE, AddressKey
from bitcoin_watcher.broadcast_codes import Broadcast
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.domain import Output
from bitcoin_watcher.mapping import rate_of
from bitcoin_watcher.payout_groups import PayoutGroups
from bitcoin_watcher.payout_store import PayoutStore
from bitcoin_watcher.settings import BitcoinConfig
from chain_watch.approval_gate import ApprovalGate
from chain_watch.deposit_store import DepositStore
from chain_watch.domain import Tip
from chain_watch.rpc import NodeFailed
from cift_shared.clock import Clock
from cift_shared.errors import ProviderUnavailable
from cift_shared.messaging.messages import Step
from cift_shared.security.field_encryption import Vault

_BEST_FIRST = tuple(Broadcast)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletContext:
    """The dependencies of everything that spends our coins."""

    config: BitcoinConfig
    store: PayoutStore
    deposits: DepositStore[Output]
    nodes: Sequence[BitcoinNode]
    clock: Clock
    key: AddressKey
    _scripts: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """Derived before, by branch and index."""

    @property
    def resend_every(self) -> timedelta:
        """How often unconfirmed bytes are sent again."""
        return timedelta(seconds=self.config.poll_s * 3)

    def change_script(self, index: int) -> bytes:
        """The script of change."""
        return self.key.derive(index, CHANGE).script

    def signable(self, coins: Sequence[Coin]) -> list[Coin]:
        """The coins that belong to the key of now: an earlier key may have made others."""
        return [one for one in coins if self._script(one.chain, one.index) == one.script]

    def _script(self, chain: int, index: int) -> bytes:
        known = self._scripts.get((chain, index))
        if known is None:
            known = self._scripts[chain, index] = self.key.derive(index, chain).script
        return known

    async def tip(self) -> Tip:
        """How far the chain is read.

        Raises:
            ProviderUnavailable: nothing was read yet.
        """
        tip = await self.deposits.tip()
        if tip is None:
            raise ProviderUnavailable("node_unavailable", "the chain was never read")
        return tip

    async def rate(self) -> int:
        """The fee rate of now, in satoshi for 1000 virtual bytes, within its limits.

        Raises:
            NodeFailed: no node answers.
        """
        failed = NodeFailed("no node is configured")
        for node in self.nodes:
            try:
                estimate = await node.fee_estimate()
            except NodeFailed as error:
                failed = error
                continue
            rate = rate_of(
                estimate.feerate,
                lowest=self.config.fee_floor,
                highest=self.config.fee_ceiling,
                instead=self.config.fee_fallback,
            )
            return int((rate * 1000).to_integral_value(ROUND_CEILING))
        raise failed

    async def are_unspent(self, coins: Sequence[Coin]) -> bool:
        """True if every node that answers has all of the coins, its mempool included.

        Raises:
            NodeFailed: no node answers.
        """
        answers, failed = [], NodeFailed("no node is configured")
        for node in self.nodes:
            try:
                answers += [await node.has_coin(one.txid, one.vout) for one in coins]
            except NodeFailed as error:
                failed = error
        if not answers:
            raise failed
        return all(answers)

    async def broadcast(self, raw: bytes) -> Broadcast:
        """Send bytes to every node; the best of their answers."""
        answers = [await node.send(raw) for node in self.nodes]
        return min(answers, key=_BEST_FIRST.index, default=Broadcast.UNKNOWN)

    def step(self, name: str, detail: Mapping[str, object] | None = None) -> Step:
        """A step for the timeline, now."""
        return Step.of(self.clock.now(), f"bitcoin.{name}", detail or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutContext(WalletContext):
    """The dependencies of withdrawals."""

    groups: PayoutGroups
    approvals: ApprovalGate
    vault: Vault
    denied: frozenset[bytes]
