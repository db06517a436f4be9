"""The unconfirmed transactions, with the rules and the order of checks of Bitcoin Core 30."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provider_sandbox.bitcoin import policy
from provider_sandbox.bitcoin.chain import Chain, Coin
from provider_sandbox.bitcoin.kernel import first_bad_input
from provider_sandbox.bitcoin.policy import Fees, Rejected
from provider_sandbox.bitcoin.replacement import check_replacement
from provider_sandbox.bitcoin.transaction import Outpoint, Output, Transaction

MISSING = "bad-txns-inputs-missingorspent"


@dataclass(frozen=True, slots=True)
class Pooled:
    """An unconfirmed transaction."""

    transaction: Transaction
    fee: int
    time: int
    """When it entered, seconds since 1970."""
    height: int
    """The height of the chain at that time."""

    @property
    def size(self) -> int:
        """Virtual bytes."""
        return self.transaction.virtual_size


class Mempool:
    """The unconfirmed transactions of one node."""

    def __init__(self, chain: Chain, fees: Fees) -> None:
        self.chain = chain
        self.fees = fees
        self.pooled: dict[str, Pooled] = {}
        """By transaction id, oldest first."""
        self.spenders: dict[Outpoint, str] = {}
        """The transaction that spends an output."""
        self.sequence = 1
        """Grows with each transaction that enters, or leaves for another reason than a block."""

    def check(self, transaction: Transaction, *, now: int, any_fee: bool = False) -> Pooled:
        """Check a transaction without keeping it.

        Args:
            transaction: the transaction.
            now: seconds since 1970.
            any_fee: accept any fee, as after a reorganisation.

        Raises:
            Rejected: it is not accepted.
        """
        policy.check_form(transaction)
        policy.check_standard(transaction)
        self._check_new(transaction)
        coins = self._coins(transaction)
        self._check_locks(transaction, coins)
        spent = [coin.output for coin in coins]
        fee = self._fee(transaction, coins)
        policy.check_spent(spent)
        policy.check_dust(transaction, fee)
        checked = Pooled(transaction, fee, now, self.chain.height)
        if not any_fee:
            self._check_fee(checked)
        self._check_chain_limits(checked)
        check_replacement(self, checked)
        _check_scripts(transaction, spent)
        return checked

    def accept(self, transaction: Transaction, *, now: int, any_fee: bool = False) -> Pooled:
        """Check a transaction, remove what it replaces, and keep it.

        Raises:
            Rejected: it is not accepted.
        """
        checked = self.check(transaction, now=now, any_fee=any_fee)
        for conflict in self.conflicts(transaction):
            self.remove(conflict)
        self.pooled[transaction.id] = checked
        for one in transaction.inputs:
            self.spenders[one.outpoint] = transaction.id
        self.sequence += 1
        return checked

    def remove(self, txid: str) -> list[Transaction]:
        """Remove a transaction and all its descendants; returns them, parents first."""
        removed = [self.pooled[one].transaction for one in self.descendants(txid)]
        for transaction in removed:
            self._forget(transaction)
            self.sequence += 1
        return removed

    def confirm(self, transactions: Iterable[Transaction]) -> None:
        """Remove the transactions of a block, and what conflicts with them."""
        for transaction in transactions:
            if transaction.id in self.pooled:
                self._forget(transaction)
            for conflict in self.conflicts(transaction):
                self.remove(conflict)

    def restore(self, disconnected: Sequence[Transaction], now: int) -> None:
        """After a reorganisation: accept the transactions of the blocks that are gone, and check
        the others again.
        """
        waiting = [*disconnected, *(one.transaction for one in self.pooled.values())]
        known = self.pooled
        self.pooled, self.spenders = {}, {}
        for transaction in waiting:
            old = known.get(transaction.id)
            with contextlib.suppress(Rejected):
                self.accept(transaction, now=old.time if old else now, any_fee=True)
                if old:
                    self.pooled[transaction.id] = old
                    self.sequence -= 1

    def _forget(self, transaction: Transaction) -> None:
        del self.pooled[transaction.id]
        for one in transaction.inputs:
            del self.spenders[one.outpoint]

    def coin(self, outpoint: Outpoint) -> Coin | None:
        """An output that is unspent in the chain, or the output of an unconfirmed transaction."""
        if coin := self.chain.coins.get(outpoint):
            return coin
        txid, index = outpoint
        if parent := self.pooled.get(txid):
            outputs = parent.transaction.outputs
            if index < len(outputs):
                return Coin(outputs[index], self.chain.height + 1, coinbase=False)
        return None

    def conflicts(self, transaction: Transaction) -> list[str]:
        """The unconfirmed transactions that spend an output which this one spends, too."""
        found = (self.spenders.get(one.outpoint) for one in transaction.inputs)
        return list(dict.fromkeys(txid for txid in found if txid and txid != transaction.id))

    def parents(self, transaction: Transaction) -> list[str]:
        """The unconfirmed transactions whose outputs it spends."""
        found = (one.outpoint[0] for one in transaction.inputs)
        return list(dict.fromkeys(txid for txid in found if txid in self.pooled))

    def children(self, txid: str) -> list[str]:
        """The unconfirmed transactions that spend its outputs."""
        outputs = range(len(self.pooled[txid].transaction.outputs))
        found = (self.spenders.get((txid, index)) for index in outputs)
        return list(dict.fromkeys(child for child in found if child))

    def ancestors(self, transaction: Transaction) -> set[str]:
        """Its unconfirmed parents, their parents and so on."""
        found: set[str] = set()
        waiting = self.parents(transaction)
        while waiting:
            txid = waiting.pop()
            if txid not in found:
                found.add(txid)
                waiting += self.parents(self.pooled[txid].transaction)
        return found

    def descendants(self, txid: str) -> list[str]:
        """The transaction itself, its children, their children and so on, parents first."""
        found = {txid}
        waiting = [txid]
        while waiting:
            for child in self.children(waiting.pop()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return [one for one in self.pooled if one in found]

    def _check_new(self, transaction: Transaction) -> None:
        height, median = self.chain.height + 1, self.chain.median_time(self.chain.tip)
        if not policy.is_final(transaction, height, median):
            raise Rejected("non-final")
        if known := self.pooled.get(transaction.id):
            same = known.transaction.witness_id == transaction.witness_id
            raise Rejected(
                "txn-already-in-mempool" if same else "txn-same-nonwitness-data-in-mempool"
            )

    def _coins(self, transaction: Transaction) -> list[Coin]:
        coins = [self.coin(one.outpoint) for one in transaction.inputs]
        if None in coins:
            created = range(len(transaction.outputs))
            if any((transaction.id, index) in self.chain.coins for index in created):
                raise Rejected("txn-already-known")
            raise Rejected(MISSING)
        return [coin for coin in coins if coin]

    def _check_locks(self, transaction: Transaction, coins: list[Coin]) -> None:
        chain = self.chain
        now = chain.median_time(chain.tip)
        for one, coin in zip(transaction.inputs, coins, strict=True):
            lock = policy.relative_lock(transaction.version, one.sequence)
            if lock is None:
                continue
            below = chain.entries[chain.active[min(max(coin.height - 1, 0), chain.height)]]
            too_low = coin.height + lock.blocks > chain.height + 1
            too_young = lock.seconds and chain.median_time(below) + lock.seconds > now
            if too_low or too_young:
                raise Rejected("non-BIP68-final")

    def _fee(self, transaction: Transaction, coins: list[Coin]) -> int:
        height = self.chain.height + 1
        for coin in coins:
            age = height - coin.height
            if coin.coinbase and age < policy.MATURITY:
                raise Rejected(
                    "bad-txns-premature-spend-of-coinbase",
                    f"tried to spend coinbase at depth {age}",
                )
        incoming = sum(coin.output.value for coin in coins)
        outgoing = sum(output.value for output in transaction.outputs)
        if incoming < outgoing:
            texts = policy.money_text(incoming), policy.money_text(outgoing)
            raise Rejected("bad-txns-in-belowout", "value in ({}) < value out ({})".format(*texts))
        return incoming - outgoing

    def _check_fee(self, checked: Pooled) -> None:
        rates = (
            ("mempool min fee not met", self.fees.mempool_min),
            ("min relay fee not met", self.fees.min_relay),
        )
        for reason, rate in rates:
            least = policy.fee_at(rate, checked.size)
            if checked.fee < least:
                raise Rejected(reason, f"{checked.fee} < {least}")

    def _check_chain_limits(self, checked: Pooled) -> None:
        replaced = {
            one for txid in self.conflicts(checked.transaction) for one in self.descendants(txid)
        }
        above = self.ancestors(checked.transaction)
        size = checked.size + sum(self.pooled[one].size for one in above)
        if len(above) + 1 > policy.CHAIN_LIMIT:
            raise _too_long(f"too many unconfirmed ancestors [limit: {policy.CHAIN_LIMIT}]")
        if size > policy.CHAIN_SIZE_LIMIT:
            raise _too_long(f"exceeds ancestor size limit [limit: {policy.CHAIN_SIZE_LIMIT}]")
        for txid in above:
            below = [one for one in self.descendants(txid) if one not in replaced]
            if len(below) + 1 > policy.CHAIN_LIMIT:
                limit = f"[limit: {policy.CHAIN_LIMIT}]"
                raise _too_long(f"too many descendants for tx {txid} {limit}")


def _too_long(details: str) -> Rejected:
    return Rejected("too-long-mempool-chain", details)


def _check_scripts(transaction: Transaction, spent: list[Output]) -> None:
    bad = first_bad_input(transaction, spent)
    if bad is not None:
        wtxid = transaction.witness_id
        txid, index = transaction.inputs[bad].outpoint
        raise Rejected(
            "mempool-script-verify-flag-failed (the script does not allow it)",
            f"input {bad} of {transaction.id} (wtxid {wtxid}), spending {txid}:{index}",
        )
