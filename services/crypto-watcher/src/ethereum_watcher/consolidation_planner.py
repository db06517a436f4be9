"""Look for addresses of deposits from which something is worth moving, and plan that.

Tokens first: ether that was sent for their gas must not be moved back. It is planned from what the
chain has for good, as more than half of the nodes tell it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chain_watch.domain import Derived, Tip
from chain_watch.heads import Agreed, NodesDisagree
from chain_watch.rpc import NodeFailed
from cift_shared.database.lease import Lease
from cift_shared.ids import IdFactory
from cift_shared.money.amount import Money
from cift_shared.observability.log import get_logger
from ethereum_method.tokens import Token
from ethereum_watcher.addresses import AddressKey
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.consolidation import Terms, ether_moved, gas_sent, tokens_moved
from ethereum_watcher.consolidation_store import Account, Place, StoredConsolidations
from ethereum_watcher.domain import COIN
from ethereum_watcher.ether_transfers import Transfer
from ethereum_watcher.payout_context import PayoutContext
from ethereum_watcher.payout_fees import Fee
from ethereum_watcher.payout_plans import Room

log = get_logger()


@dataclass(frozen=True, slots=True)
class Look:
    """The chain at our tip and at the final block, and the fee of now."""

    lease: Lease
    agreed: Agreed[EthereumNode]
    tip: Tip
    final_height: int
    offer: Fee


class Planner:
    """Plans transfers of our own; holds no key."""

    def __init__(
        self, store: StoredConsolidations, context: PayoutContext, key: AddressKey, ids: IdFactory
    ) -> None:
        config = context.config
        self._store = store
        self._context = context
        self._key = key
        self._ids = ids
        self._token_min = config.consolidate_token_min
        self._terms = Terms(
            chain_id=config.chain_id,
            hot=context.hot.script,
            worth=config.consolidate_worth,
            fee_max=config.payout_fee_max,
            open_max=max(config.open_max // 2, 1),
            keep=config.float_min,
        )
        self._of_another_key: set[int] = set()
        self._refused: set[tuple[int, str]] = set()

    @property
    def is_on(self) -> bool:
        """True if anything is moved."""
        return bool(self._terms.worth or self._token_min)

    async def plan(
        self, lease: Lease, agreed: Agreed[EthereumNode], tip: Tip, final_height: int, *, most: int
    ) -> bool:
        """Plan up to so many transfers; False: there may be more to plan at this final block.

        Raises:
            LeaseLost: another process leads; nothing more was stored.
            NodeFailed: no node tells the fee of now, or a final balance.
        """
        if not await self._context.store.has_signer():
            return False
        look = Look(lease, agreed, tip, final_height, await self._context.offer())
        left = most
        for token in self._context.config.tokens if self._token_min else ():
            least = Money(self._token_min * token.unit, token.currency)
            contract = self._context.contracts[token.currency]
            for place in await self._holding(look, least, contract, limit=left):
                left -= await self._plan_token(look, place, token, contract)
        if self._terms.worth and left:
            least = Money(self._terms.ether_min(look.offer), COIN)
            for place in await self._holding(look, least, None, limit=left):
                left -= await self._plan_ether(look, place)
        return left > 0

    async def account(self, agreed: Agreed[EthereumNode], address: str, tip: Tip) -> Account:
        """An address of a deposit at our tip.

        Raises:
            NodesDisagree: nodes tell different numbers, or have another block there.
        """
        head = await self._hash_at(tip.height)
        nonce = await agreed.answer(lambda node: node.nonce(address, head))
        wei = await agreed.answer(lambda node: node.balance(address, head))
        return Account(tip.height, nonce, wei)

    async def _holding(
        self, look: Look, least: Money, contract: Derived | None, *, limit: int
    ) -> Sequence[Place]:
        """Without the addresses of a key that was set before: the signer has not got it."""
        if not limit:
            return []
        found = await self._store.holding(
            least,
            None if contract is None else contract.script,
            final_height=look.final_height,
            but=self._of_another_key,
            limit=limit,
        )
        others = {one.index for one in found if self._key.derive(one.index).script != one.script}
        self._of_another_key |= others
        return [one for one in found if one.index not in others]

    async def _plan_ether(self, look: Look, place: Place) -> bool:
        account = await self.account(look.agreed, place.address, look.tip)
        held = await self._final_wei(look, place)

        def make(room: Room) -> Transfer | None:
            return ether_moved(self._terms, _final(room, held), look.offer)

        if not await self._store.plan(look.lease, self._ids.new_id(), place, account, make):
            return False
        log.info("ethereum.consolidation_planned", index=place.index, amount=str(held))
        return True

    async def _plan_token(self, look: Look, place: Place, token: Token, contract: Derived) -> bool:
        """The token's transfer if the address has ether for it, else the ether first."""
        final = await self._hash_at(look.final_height)
        amount = await look.agreed.answer(
            lambda node: node.token_balance(token.contract, place.script, final)
        )
        held = await self._final_wei(look, place)
        gas = await self._gas(place, amount, token, contract)
        if gas is None:
            return False
        if held < gas * look.offer.max_fee:
            return await self._plan_gas(look, place, held=held, gas=gas)
        account = await self.account(look.agreed, place.address, look.tip)

        def make(room: Room) -> Transfer | None:
            return tokens_moved(
                self._terms,
                _final(room, held),
                look.offer,
                contract=contract.script,
                amount=amount,
                gas=gas,
            )

        if not await self._store.plan(look.lease, self._ids.new_id(), place, account, make):
            return False
        fields = {"index": place.index, "amount": str(amount), "currency": token.currency}
        log.info("ethereum.consolidation_planned", **fields)
        return True

    async def _gas(self, place: Place, amount: int, token: Token, contract: Derived) -> int | None:
        """The gas that moving a token needs; None: not known, or the token refuses it."""
        sender = Derived(place.address, place.script)
        try:
            gas = await self._context.gas(self._context.hot, amount, contract, sender=sender)
        except NodeFailed as error:
            log.warning("ethereum.consolidation_not_planned", index=place.index, error=str(error))
            return None
        if gas is None and (place.index, token.currency) not in self._refused:
            self._refused.add((place.index, token.currency))
            log.error(
                "ethereum.consolidation_not_possible",
                index=place.index,
                currency=token.currency,
                meaning="the token refuses the transfer; its issuer may have frozen the address",
            )
        return gas

    async def _plan_gas(self, look: Look, place: Place, *, held: int, gas: int) -> bool:
        if not await self._context.is_ours_alone():
            return False

        def make(room: Room) -> Transfer | None:
            return gas_sent(self._terms, room, look.offer, account=place.script, held=held, gas=gas)

        if not await self._store.plan_gas(look.lease, self._ids.new_id(), place, make):
            return False
        log.info("ethereum.gas_planned", index=place.index)
        return True

    async def _final_wei(self, look: Look, place: Place) -> int:
        final = await self._hash_at(look.final_height)
        return await look.agreed.answer(lambda node: node.balance(place.address, final))

    async def _hash_at(self, height: int) -> str:
        found = await self._store.hash_at(height)
        if found is None:
            raise NodesDisagree(f"block {height} was never read")
        return found


def _final(room: Room, held: int) -> Room:
    """What an address has now, and had at the final block."""
    return replace(room, wei=min(room.wei, held))
