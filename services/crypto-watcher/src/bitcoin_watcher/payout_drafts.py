"""From a withdrawal and coins to an unsigned transaction, and to its replacement. Pure, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import randbelow

from bitcoin_watcher.coin_selection import Coin, Selection, Wanted, extend, select
from bitcoin_watcher.payout_store import Version
from bitcoin_watcher.sizes import vbytes_of, weight_of
from bitcoin_watcher.spend_store import Draft
from bitcoin_watcher.spending import Paid, Spent, build, parse

BUMP_PERCENT = 125
"""A replacement pays this rate at least, of the rate before."""
INCREMENT_RATE = 1_000
"""A replacement pays this more for each 1000 virtual bytes, so that nodes relay it: their
`incrementalrelayfee` before Bitcoin Core 30 (since then a tenth)."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is paid what."""

    script: bytes
    satoshi: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What a transaction says besides its coins."""

    change_script: bytes
    lock_time: int
    """Our tip: a transaction that is valid only from now on gains nothing by undoing blocks."""


def first_draft(
    recipients: Sequence[Recipient], coins: Sequence[Coin], frame: Frame, *, rate: int, fee_max: int
) -> Draft | None:
    """A transaction that pays withdrawals; None: the coins are too few, or the fee too high."""
    return _draft(recipients, select(coins, _wanted(recipients, rate)), frame, fee_max)


@dataclass(frozen=True, slots=True)
class Replaced:
    """The version that is to be replaced."""

    version: Version
    coins: Sequence[Coin]

    @property
    def rate(self) -> int:
        """Its fee in satoshi for 1000 virtual bytes, rounded up."""
        return -(-self.version.fee * 1000 // vbytes_of(self.version.weight))


def replacement(
    recipients: Sequence[Recipient],
    old: Replaced,
    others: Sequence[Coin],
    frame: Frame,
    *,
    rate: int,
    fee_max: int,
) -> Draft | None:
    """The same payments with a higher fee, from the same coins and more if needed.

    It spends every coin of the version before, so only one of them can be confirmed.

    Source: BIP 125, and Bitcoin Core, doc/policy/mempool-replacements.md.
    """
    rate = max(rate, -(-old.rate * BUMP_PERCENT // 100))
    sizes = [len(one.script) for one in recipients]
    selection = extend(old.coins, others, _wanted(recipients, rate))
    if selection is None:
        return None
    weight = weight_of(len(selection.coins), [*sizes, sizes[0]])
    least = old.version.fee + -(-INCREMENT_RATE * vbytes_of(weight) // 1000)
    if selection.fee < least:
        selection = extend(old.coins, others, _wanted(recipients, rate, least))
    return _draft(recipients, selection, frame, fee_max)


def places_of(unsigned: bytes, recipients: Sequence[Recipient]) -> list[int]:
    """The place of each recipient's output; no two have the same, even with equal payments."""
    outputs = list(parse(unsigned).outputs)
    taken: list[int] = []
    for one in recipients:
        wanted = Paid(one.script, one.satoshi)
        found = (at for at, paid in enumerate(outputs) if paid == wanted and at not in taken)
        taken.append(next(found))
    return taken


def fee_shares(fee: int, count: int) -> list[int]:
    """A transaction's fee shared by its withdrawals: equally; the first ones bear the remainder."""
    share, more = divmod(fee, count)
    return [share + 1 if place < more else share for place in range(count)]


def _wanted(recipients: Sequence[Recipient], rate: int, fee_min: int = 0) -> Wanted:
    first, *others = [len(one.script) for one in recipients]
    return Wanted(sum(one.satoshi for one in recipients), first, rate, fee_min, tuple(others))


def _draft(
    recipients: Sequence[Recipient], selection: Selection | None, frame: Frame, fee_max: int
) -> Draft | None:
    if selection is None or selection.fee > fee_max:
        return None
    paid = [(one.script, one.satoshi) for one in recipients]
    return draft_of(selection.coins, paid, selection.change, frame)


def draft_of(
    coins: Sequence[Coin], paid: Sequence[tuple[bytes, int]], change: int, frame: Frame
) -> Draft:
    """The unsigned transaction; what its coins have more than its outputs is the fee.

    Args:
        coins: what it spends.
        paid: script and satoshi of each output that is no change.
        change: satoshi; 0: there is none.
        frame: the script of change, and the lock time.
    """
    outputs = [(script, satoshi, False) for script, satoshi in paid]
    if change:
        # At a random place, so that the change can't be told by its place.
        place = randbelow(len(outputs) + 1)
        outputs.insert(place, (frame.change_script, change, True))
    unsigned = build(
        [Spent(one.txid, one.vout) for one in coins],
        [Paid(script, satoshi) for script, satoshi, _ in outputs],
        lock_time=frame.lock_time,
    )
    return Draft(
        txid=parse(unsigned).txid,
        unsigned=unsigned,
        fee=sum(one.satoshi for one in coins) - sum(satoshi for _, satoshi, _ in outputs),
        weight=weight_of(len(coins), [len(script) for script, _, _ in outputs]),
        coins=coins,
        outputs=outputs,
    )
