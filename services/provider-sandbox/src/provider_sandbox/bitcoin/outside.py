"""The addresses of the people who pay and are paid, and the record of what moved.

Every other address is the platform's. So what the platform has on the chain is the sum of the
record: payments and rewards less withdrawals and fees.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from provider_sandbox.bitcoin.addresses import address_of
from provider_sandbox.bitcoin.chain import Chain, Entry
from provider_sandbox.bitcoin.faucet import SCRIPT
from provider_sandbox.bitcoin.serial import sha256, text_bytes
from provider_sandbox.bitcoin.transaction import Output, Transaction
from provider_sandbox.clock import utc_text

_DROP_TRUE = b"\x75\x51"


@dataclass(slots=True)
class Outside:
    """The scripts that are not the platform's."""

    scripts: set[bytes] = field(default_factory=lambda: {SCRIPT})
    _made: int = 0

    def new_address(self) -> str:
        """An address of somebody; nobody needs a key to spend from it."""
        self._made += 1
        condition = text_bytes(b"person" + self._made.to_bytes(4, "big")) + _DROP_TRUE
        script = b"\x00\x20" + sha256(condition)
        self.scripts.add(script)
        address = address_of(script)
        assert address
        return address

    def movements(self, chain: Chain) -> list[dict[str, Any]]:
        """What moved between the platform and others in the active chain, in its order."""
        entries: list[dict[str, Any]] = []
        for block_hash in chain.active[1:]:
            entry = chain.entries[block_hash]
            values = {outpoint: coin.output for outpoint, coin in entry.spent.items()}
            for one in entry.block.transactions:
                values.update((one.outpoint(n), out) for n, out in enumerate(one.outputs))
                confirmations = chain.height - entry.height + 1
                entries += [
                    {"seq": len(entries) + number, **movement, "confirmations": confirmations}
                    for number, movement in enumerate(self._of(one, entry, values), 1)
                ]
        return entries

    def _of(
        self, one: Transaction, entry: Entry, values: dict[tuple[str, int], Output]
    ) -> Iterator[dict[str, Any]]:
        incoming = [values[i.outpoint] for i in one.inputs if not one.is_coinbase]
        ours = [out for out in incoming if out.script not in self.scripts]
        fee = sum(out.value for out in incoming) - sum(out.value for out in one.outputs)
        if not ours:
            kind = "reward" if one.is_coinbase else "payment"
            for index, out in enumerate(one.outputs):
                if out.script not in self.scripts and out.value:
                    yield _movement(kind, one, index, entry, fee=0)
            return
        paid = [n for n, out in enumerate(one.outputs) if out.script in self.scripts]
        for number, index in enumerate(paid):
            yield _movement("withdrawal", one, index, entry, fee=0 if number else fee)
        if not paid:
            yield _movement("move", one, None, entry, fee=fee)


def _movement(
    kind: str, one: Transaction, index: int | None, entry: Entry, *, fee: int
) -> dict[str, Any]:
    """One entry; `move`: between addresses of the platform, which costs only the fee."""
    output = None if index is None else one.outputs[index]
    return {
        "at": utc_text(entry.block.time),
        "provider": "bitcoin",
        "kind": kind,
        "amount": str(output.value if output else 0),
        "currency": "BTC",
        "fee": str(fee),
        "receipt": f"{one.id}:{0 if index is None else index}",
        "provider_ids": {
            "txid": one.id,
            "block": entry.block.hash,
            "height": str(entry.height),
            "address": (output and address_of(output.script)) or "",
        },
    }
