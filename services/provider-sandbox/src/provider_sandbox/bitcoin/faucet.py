"""The wallet of the payers in tests: coins that need no key.

They are locked by a script that is always true (P2WSH of OP_TRUE), so the node can pay anybody,
and replace what it has paid.
"""

from collections.abc import Sequence

from provider_sandbox.bitcoin import policy
from provider_sandbox.bitcoin.mempool import Mempool
from provider_sandbox.bitcoin.serial import sha256
from provider_sandbox.bitcoin.transaction import Input, Outpoint, Output, Transaction

_TRUE = b"\x51"
SCRIPT = b"\x00\x20" + sha256(_TRUE)
"""The script of the faucet's coins."""
REPLACEABLE, NOT_SIGNALING = 0xFFFFFFFD, 0xFFFFFFFE


class FaucetRefused(ValueError):
    """The faucet cannot make this payment."""


class Faucet:
    """Makes transactions; it does not put them into the mempool."""

    def __init__(self, pool: Mempool) -> None:
        self._pool = pool

    def balance(self) -> int:
        """The satoshi that can be paid now."""
        return sum(self._value(one) for one in self._confirmed())

    def payment(
        self, outputs: Sequence[Output], *, rate: int, sequence: int = REPLACEABLE
    ) -> Transaction:
        """A transaction to these outputs, with change.

        Args:
            outputs: what is paid.
            rate: fee rate in satoshi per 1000 virtual bytes.
            sequence: of every input.

        Raises:
            FaucetRefused: the faucet has too little.
        """
        coins = self._confirmed()
        coins.sort(key=self._value)
        for chosen in self._selections(coins, sum(one.value for one in outputs)):
            if transaction := self._built(chosen, outputs, rate, sequence):
                return transaction
        raise FaucetRefused("the faucet has too little; mine blocks")

    def replacement(self, txid: str, outputs: Sequence[Output] | None, *, rate: int) -> Transaction:
        """A transaction that spends the same coins as an unconfirmed one of the faucet.

        Args:
            txid: the transaction that is replaced.
            outputs: what is paid instead; None: the same, with the change reduced by the fee.
            rate: fee rate in satoshi per 1000 virtual bytes.

        Raises:
            FaucetRefused: not a transaction of the faucet, or its coins are too small.
        """
        old = self._pool.pooled[txid].transaction if txid in self._pool.pooled else None
        if old is None:
            raise FaucetRefused("no such unconfirmed transaction")
        return self.conflict(old, outputs, rate=rate)

    def conflict(
        self, old: Transaction, outputs: Sequence[Output] | None, *, rate: int
    ) -> Transaction:
        """As `replacement`, for any transaction, also one that was in a block.

        Raises:
            FaucetRefused: not a transaction of the faucet, or its coins are too small.
        """
        if any(one.witness != (_TRUE,) for one in old.inputs):
            raise FaucetRefused("not a transaction of the faucet: it needs a signature")
        paid = outputs
        if paid is None:
            paid = [one for one in old.outputs if one.script != SCRIPT]
        chosen = [one.outpoint for one in old.inputs]
        transaction = self._built(chosen, paid, rate, REPLACEABLE)
        if transaction is None:
            raise FaucetRefused("the coins of the transaction are too small")
        return transaction

    def _confirmed(self) -> list[Outpoint]:
        chain = self._pool.chain
        return [
            outpoint
            for outpoint in chain.by_script.get(SCRIPT, ())
            if outpoint not in self._pool.spenders
            and not (
                chain.coins[outpoint].coinbase
                and chain.height + 1 - chain.coins[outpoint].height < policy.MATURITY
            )
        ]

    def _change(self) -> list[Outpoint]:
        """Unconfirmed outputs of the faucet that nothing spends."""
        return [
            outpoint
            for pooled in self._pool.pooled.values()
            for index, output in enumerate(pooled.transaction.outputs)
            if output.script == SCRIPT
            and (outpoint := pooled.transaction.outpoint(index)) not in self._pool.spenders
        ]

    def _selections(self, coins: list[Outpoint], wanted: int) -> list[list[Outpoint]]:
        """Coins to try: each single one that is large enough, then the largest together, then the
        unconfirmed change.
        """
        single = [[one] for one in coins if self._value(one) > wanted]
        together = [coins[-count:] for count in (2, 4, 8, 16, 32, 64, 128, 256)]
        change = [[one] for one in self._change() if self._value(one) > wanted]
        return [*single[:3], *together, *change]

    def _value(self, outpoint: Outpoint) -> int:
        coin = self._pool.coin(outpoint)
        return coin.output.value if coin else 0

    def _built(
        self, coins: Sequence[Outpoint], outputs: Sequence[Output], rate: int, sequence: int
    ) -> Transaction | None:
        """The transaction, with change if it is not dust; None: the coins are too small."""
        inputs = tuple(Input(one, b"", sequence, (_TRUE,)) for one in coins)
        spent = sum(self._spent_value(one) for one in coins)
        left = spent - sum(one.value for one in outputs)
        with_change = Transaction(inputs, (*outputs, Output(0, SCRIPT)))
        change = left - policy.fee_at(rate, with_change.virtual_size)
        if change >= policy.dust_limit(SCRIPT):
            return Transaction(inputs, (*outputs, Output(change, SCRIPT)))
        alone = Transaction(inputs, tuple(outputs))
        enough = left >= policy.fee_at(rate, alone.virtual_size)
        return alone if enough and outputs else None

    def _spent_value(self, outpoint: Outpoint) -> int:
        """The value of a coin, also of one that a confirmed transaction has spent."""
        if value := self._value(outpoint):
            return value
        chain = self._pool.chain
        found = (chain.entries[one].spent.get(outpoint) for one in reversed(chain.active))
        return next((coin.output.value for coin in found if coin), 0)
