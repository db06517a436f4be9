"""The transactions that wait for a block, with geth's rules and texts.

Source: go-ethereum's core/txpool (errors.go, validation.go, legacypool).
"""

from collections.abc import Iterable

from eth.abc import SignedTransactionAPI
from eth_utils import to_checksum_address

from provider_sandbox.ethereum.evm import GAS_LIMIT, Accounts

MIN_BUMP_PERCENT = 10
"""How much more a replacement must pay, both at most and as priority fee."""
_LARGEST = 128 * 1024
_BLOB = 3


class PoolRefused(Exception):
    """A transaction is not accepted; the message is geth's."""


class Pool:
    """Waiting transactions by sender and nonce."""

    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id
        self.waiting: dict[bytes, dict[int, SignedTransactionAPI]] = {}
        self.full = False
        """Whether new transactions are refused, as by a pool without room."""
        self.min_tip = 1
        """The lowest priority fee, in wei."""

    def find(self, transaction_hash: bytes) -> SignedTransactionAPI | None:
        """A waiting transaction."""
        return next((one for one in self.all() if one.hash == transaction_hash), None)

    def all(self) -> list[SignedTransactionAPI]:
        """All waiting transactions."""
        return [one for by_nonce in self.waiting.values() for one in by_nonce.values()]

    def add(self, one: SignedTransactionAPI, accounts: Accounts) -> None:
        """Accept a transaction, or the replacement of one.

        Raises:
            PoolRefused: it breaks a rule.
        """
        if self.find(one.hash):
            raise PoolRefused("already known")
        self._check_form(one)
        nonce = accounts.nonce(one.sender)
        if one.nonce < nonce:
            raise PoolRefused(f"nonce too low: next nonce {nonce}, tx nonce {one.nonce}")
        self._check_funds(one, accounts.balance(one.sender))
        if self.full:
            raise PoolRefused("txpool is full")
        self._check_replacement(one)
        self.waiting.setdefault(bytes(one.sender), {})[one.nonce] = one

    def _check_form(self, one: SignedTransactionAPI) -> None:
        if one.type_id == _BLOB:
            raise PoolRefused("transaction type not supported")
        if one.chain_id is None:
            text = "only replay-protected (EIP-155) transactions allowed over RPC"
            raise PoolRefused(text)
        if one.chain_id != self._chain_id:
            have, want = one.chain_id, self._chain_id
            raise PoolRefused(
                f"invalid sender: invalid chain id for signer: have {have} want {want}"
            )
        if len(one.encode()) > _LARGEST:
            raise PoolRefused(
                f"oversized data: transaction size {len(one.encode())}, limit {_LARGEST}"
            )
        if one.gas > GAS_LIMIT:
            raise PoolRefused("exceeds block gas limit")
        self._check_fees(one)
        if one.gas < one.intrinsic_gas:
            text = f"intrinsic gas too low: gas {one.gas}, minimum needed {one.intrinsic_gas}"
            raise PoolRefused(text)

    def _check_fees(self, one: SignedTransactionAPI) -> None:
        most, tip = one.max_fee_per_gas, one.max_priority_fee_per_gas
        if tip > most:
            sender = to_checksum_address(one.sender)
            raise PoolRefused(
                "max priority fee per gas higher than max fee per gas: "
                f"address {sender}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {most}"
            )
        if tip < self.min_tip:
            text = f"transaction underpriced: gas tip cap {tip}, minimum needed {self.min_tip}"
            raise PoolRefused(text)

    def _check_funds(self, one: SignedTransactionAPI, balance: int) -> None:
        cost = cost_of(one)
        start = "insufficient funds for gas * price + value"
        if balance < cost:
            over = cost - balance
            raise PoolRefused(f"{start}: balance {balance}, tx cost {cost}, overshot {over}")
        others = self.waiting.get(bytes(one.sender), {})
        queued = sum(cost_of(other) for nonce, other in others.items() if nonce != one.nonce)
        if balance < queued + cost:
            over = queued + cost - balance
            raise PoolRefused(
                f"{start}: balance {balance}, queued cost {queued}, tx cost {cost}, overshot {over}"
            )

    def _check_replacement(self, one: SignedTransactionAPI) -> None:
        old = self.waiting.get(bytes(one.sender), {}).get(one.nonce)
        if old is None:
            return
        for name in ("max_fee_per_gas", "max_priority_fee_per_gas"):
            least = getattr(old, name) * (100 + MIN_BUMP_PERCENT) // 100
            if getattr(one, name) < least or getattr(one, name) <= getattr(old, name):
                raise PoolRefused("replacement transaction underpriced")

    def next_nonce(self, sender: bytes, accounts: Accounts) -> int:
        """The nonce after the waiting transactions that follow each other without a gap."""
        nonce = accounts.nonce(sender)
        while nonce in self.waiting.get(sender, {}):
            nonce += 1
        return nonce

    def ordered(self, base_fee: int) -> list[SignedTransactionAPI]:
        """What a block with this base fee takes: the highest priority fee first, each sender's by
        nonce. A transaction that pays less than the base fee keeps its sender's later ones back.
        """
        heads = {sender: sorted(by_nonce) for sender, by_nonce in self.waiting.items()}
        chosen: list[SignedTransactionAPI] = []
        while heads:
            sender = max(heads, key=lambda one: self._tip(one, heads[one][0], base_fee))
            if self._tip(sender, heads[sender][0], base_fee) < 0:
                break
            chosen.append(self.waiting[sender][heads[sender].pop(0)])
            if not heads[sender]:
                del heads[sender]
        return chosen

    def _tip(self, sender: bytes, nonce: int, base_fee: int) -> int:
        one = self.waiting[sender][nonce]
        return min(int(one.max_priority_fee_per_gas), int(one.max_fee_per_gas) - base_fee)

    def remove(self, transaction_hash: bytes) -> bool:
        """Forget a waiting transaction; False: it is not there."""
        one = self.find(transaction_hash)
        if one is not None:
            self._forget(bytes(one.sender), one.nonce)
        return one is not None

    def settle(self, accounts: Accounts) -> None:
        """Forget transactions whose nonce is used."""
        for sender in list(self.waiting):
            nonce = accounts.nonce(sender)
            for used in [one for one in self.waiting[sender] if one < nonce]:
                self._forget(sender, used)

    def restore(self, transactions: Iterable[SignedTransactionAPI], accounts: Accounts) -> None:
        """Wait again for a block, after the old one is no longer active."""
        for one in transactions:
            if one.nonce >= accounts.nonce(one.sender):
                self.waiting.setdefault(bytes(one.sender), {}).setdefault(one.nonce, one)

    def _forget(self, sender: bytes, nonce: int) -> None:
        del self.waiting[sender][nonce]
        if not self.waiting[sender]:
            del self.waiting[sender]


def cost_of(one: SignedTransactionAPI) -> int:
    """The wei that a transaction can cost at most."""
    return int(one.value) + int(one.gas) * int(one.max_fee_per_gas)
