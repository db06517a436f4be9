"""The addresses of the people who pay and are paid, and the record of what moved.

Every other address is the platform's, except contracts. So what the platform has on the chain is
the sum of the record: payments less withdrawals and fees.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from eth.abc import ComputationAPI
from eth_utils import keccak, to_checksum_address

from provider_sandbox.clock import utc_text
from provider_sandbox.ethereum.chain import Chain, Entry, Place
from provider_sandbox.ethereum.contracts import TRANSFER_TOPIC
from provider_sandbox.ethereum.evm import Executed, base_fee_of


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement of ether or a token."""

    sender: bytes
    recipient: bytes
    amount: int
    currency: str


@dataclass(slots=True)
class Outside:
    """The addresses that are not the platform's."""

    addresses: set[bytes]
    contracts: frozenset[bytes] = frozenset()
    _made: int = field(default=0)

    def new_address(self) -> bytes:
        """An address of somebody; nobody has its key."""
        self._made += 1
        address = keccak(b"person" + self._made.to_bytes(4))[12:]
        self.addresses.add(address)
        return address

    def movements(self, chain: Chain, tokens: dict[str, bytes]) -> list[dict[str, Any]]:
        """What moved between the platform and others in the active chain, in its order."""
        symbols = {address: symbol for symbol, address in tokens.items()}
        entries: list[dict[str, Any]] = []
        for block_hash in chain.active:
            entry = chain.entries[block_hash]
            confirmations = chain.height - entry.number + 1
            for index in range(len(entry.executed)):
                entries += [
                    {**moved, "confirmations": confirmations}
                    for moved in self._of(Place(entry, index), symbols)
                ]
        return [{"seq": number, **entry} for number, entry in enumerate(entries, 1)]

    def _of(self, place: Place, symbols: dict[bytes, str]) -> Iterator[dict[str, Any]]:
        one = place.executed
        paid = self._is_ours(bytes(one.transaction.sender))
        fee = one.gas_used * effective_price(one, place.entry) if paid else 0
        number = 0
        for moved in (*ether_moved(one), *_tokens_moved(one, symbols)):
            kind = self._kind(moved)
            if kind:
                yield _entry(place, kind, moved, number, fee=fee)
                fee, number = 0, number + 1
        if fee:
            sender = bytes(one.transaction.sender)
            yield _entry(place, "move", Moved(sender, sender, 0, "ETH"), number, fee=fee)

    def _is_ours(self, address: bytes) -> bool:
        return address not in self.addresses and address not in self.contracts

    def _kind(self, moved: Moved) -> str | None:
        ours_before, ours_after = self._is_ours(moved.sender), self._is_ours(moved.recipient)
        if ours_before == ours_after or not moved.amount:
            return None
        return "payment" if ours_after else "withdrawal"


def effective_price(one: Executed, entry: Entry) -> int:
    """The wei per gas that a transaction paid."""
    base = base_fee_of(entry.header)
    tip = min(
        int(one.transaction.max_priority_fee_per_gas), int(one.transaction.max_fee_per_gas) - base
    )
    return base + tip


def ether_moved(one: Executed) -> Iterator[Moved]:
    """The movements of ether, also those inside contracts."""
    if not one.computation.is_error:
        yield from _moved_in(one.computation)


def _moved_in(computation: ComputationAPI) -> Iterator[Moved]:
    message = computation.msg
    if message.should_transfer_value and message.value:
        recipient = bytes(message.storage_address)
        yield Moved(bytes(message.sender), recipient, int(message.value), "ETH")
    for child in computation.children:
        if not child.is_error:
            yield from _moved_in(child)


def _tokens_moved(one: Executed, symbols: dict[bytes, str]) -> Iterator[Moved]:
    for log in one.receipt.logs:
        symbol = symbols.get(bytes(log.address))
        if symbol and log.topics and log.topics[0] == TRANSFER_TOPIC:
            sender, recipient = (topic.to_bytes(32)[12:] for topic in log.topics[1:3])
            yield Moved(sender, recipient, int.from_bytes(log.data), symbol)


def _entry(place: Place, kind: str, moved: Moved, number: int, *, fee: int) -> dict[str, Any]:
    """A line of the record; the fee is of the transaction, in ether."""
    one = place.executed.transaction
    return {
        "at": utc_text(place.entry.header.timestamp),
        "provider": "ethereum",
        "kind": kind,
        "amount": str(moved.amount),
        "currency": moved.currency,
        "fee": str(fee),
        "receipt": f"0x{bytes(one.hash).hex()}:{number}",
        "provider_ids": {
            "txid": f"0x{bytes(one.hash).hex()}",
            "block": f"0x{place.entry.hash.hex()}",
            "height": str(place.entry.number),
            "address": to_checksum_address(moved.recipient),
            **({"fee_currency": "ETH"} if moved.currency != "ETH" else {}),
        },
    }
