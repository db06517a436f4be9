"""Deposits: an address of their own, then what the watcher has read from the chain.

submit: address stored -> ActionRequired: the payer sends the money
check:  arrivals of the deposit, depth of the chain -> nothing yet | seen | settled | expired

A deposit is settled once: its arrivals are claimed first, in one transaction, so that none of them
is also reported as received without a command (`credits.py`). What the chain does after that is
reported by `credits.py`, too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic

from chain_watch.context import Context
from chain_watch.deposit_store import DepositStore
from chain_watch.domain import ArrivalType, Asked, Awaited, Seen, Settle, TooLate, judge, shown
from chain_watch.exchange import Credit, Exchange, current_rate, exchange
from chain_watch.next_action import pay_to_address
from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import OutcomeUnknown, ProviderUnavailable
from cift_shared.messaging.exchange import LockedExchange
from cift_shared.messaging.messages import RequestDeposit, Step
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Expired,
    Failure,
    FailureCategory,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.money.amount import Money

ADDRESS, EXPIRES, SHOWN, NAMED = "address", "expires_at", "shown", "transactions"
DOUBTS = "doubts"
WAITS = "waits_for"
"""Memory fields, stored with attempts, so their names never change."""

CHECK_EVERY = timedelta(seconds=30)
"""The watcher makes a deposit due when something happens to it; this is for what it may miss."""
CHECK_SOON = timedelta(seconds=1)
NAMED_MAX = 20
"""Maximum number of transactions that callers can name for one deposit."""

EXPIRED = Failure(
    "action_expired",
    FailureCategory.DECLINED,
    "No transaction was seen in time.",
    retryable=True,
)


class Deposits(Generic[ArrivalType]):
    """Takes deposits; knows the chain only through what the watcher has stored."""

    def __init__(self, context: Context[ArrivalType], store: DepositStore[ArrivalType]) -> None:
        self._context = context
        self._terms = context.terms
        self._store = store

    async def submit(self, attempt: Attempt) -> Answer:
        """Assign an address; the same one if it is called again.

        Raises:
            ProviderUnavailable: the chain is not being read, so a payment would not be noticed.
        """
        if self._context.watch.unavailable_reason() is not None:
            raise ProviderUnavailable("node_unavailable", "the chain is not being read")
        address = await self._address(attempt)
        expires_at = self._expires_at(attempt)
        mark = self._mark(attempt, Awaited())
        memory = {ADDRESS: address, EXPIRES: expires_at.isoformat(), SHOWN: mark}
        action = self._action(attempt, address, expires_at, Awaited())
        step = self._context.step("address.assigned")
        return Answer(ActionRequired(action), memory, evidence=[step], check_after=CHECK_EVERY)

    async def check(self, attempt: Attempt) -> Answer:
        """Judge a deposit by what was read from the chain.

        Raises:
            OutcomeUnknown: nothing was read yet.
        """
        if attempt.ended:
            return Answer(Pending())
        if ADDRESS not in attempt.memory:
            return await self.submit(attempt)
        memory, steps = await self._named(attempt)
        tip = await self._store.tip()
        if tip is None:
            raise OutcomeUnknown("node_unavailable", "the chain was never read")
        asked = Asked(to_pay(attempt).minor, self._expires_at(attempt))
        arrivals = await self._arrivals(attempt)
        doubts, doubted = self._doubted(attempt, arrivals)
        memory, steps = {**memory, **doubts}, [*steps, *doubted]
        dust = self._terms.dusts[to_pay(attempt).currency]
        verdict = judge(asked, arrivals, tip, self._terms.depths, dust=dust)
        match verdict:
            case Settle():
                return await self._settled(attempt, verdict, memory, steps, tip.height)
            case TooLate():
                return Answer(Expired(EXPIRED), memory, evidence=steps)
            case Awaited() | Seen():
                return self._progress(attempt, verdict, memory, steps)

    async def _arrivals(self, attempt: Attempt) -> Sequence[ArrivalType]:
        """What arrived in the deposit's currency; `credits.py` reports what came in another one."""
        found = await self._store.arrivals(attempt.request.payment_id)
        return [one for one in found if one.currency == to_pay(attempt).currency]

    def _doubted(
        self, attempt: Attempt, arrivals: Sequence[ArrivalType]
    ) -> tuple[Mapping[str, str], Sequence[Step]]:
        """Tell, once for each change, what a second source does not confirm."""
        found = {one.reference: word for one in arrivals if (word := self._terms.doubt(one))}
        mark = ",".join(f"{reference}={word}" for reference, word in found.items())
        if mark == attempt.memory.get(DOUBTS, ""):
            return {}, []
        details = [{"arrival": reference, "problem": word} for reference, word in found.items()]
        return {DOUBTS: mark}, [self._context.step("arrival.doubted", one) for one in details]

    async def _settled(
        self,
        attempt: Attempt,
        verdict: Settle[ArrivalType],
        memory: Mapping[str, str],
        steps: Sequence[Step],
        tip: int,
    ) -> Answer:
        """Claim the arrivals, then settle with their sum, or with what that is worth."""
        payment_id, reference = attempt.request.payment_id, verdict.arrivals[0].reference
        terms, credits_ = _exchange_terms(attempt), list[Credit[ArrivalType]]()
        outcome = Settled(Money(verdict.minor, to_pay(attempt).currency), reference)
        if terms is not None:
            worth = self._worth(verdict, terms, attempt.request.amount)
            if worth is None:
                return self._without_rate(attempt, memory, steps)
            outcome = Settled(worth.amount, reference, exchanged=worth.exchanged)
            credits_ = list(worth.credits)
        if not await self._store.claim(payment_id, verdict.arrivals, credits_):
            return Answer(Pending(), memory, evidence=steps, check_after=CHECK_SOON)
        found = [self._confirmed(one, tip) for one in verdict.arrivals]
        return Answer(outcome, memory, evidence=[*steps, *found])

    def _worth(
        self, verdict: Settle[ArrivalType], terms: LockedExchange, quoted: Money
    ) -> Exchange[ArrivalType] | None:
        """What is credited in the currency of the price; None: the current rate is not known."""
        watch, paid_in = self._context.watch, terms.amount.currency
        now = current_rate(watch.rates, paid_in, quoted.currency, self._context.clock.now())
        return exchange(verdict.arrivals, terms, quoted, now)

    def _without_rate(
        self, attempt: Attempt, memory: Mapping[str, str], steps: Sequence[Step]
    ) -> Answer:
        """Wait for the current rate, and say so once."""
        if WAITS in attempt.memory:
            return Answer(Pending(), memory, evidence=steps, check_after=CHECK_SOON)
        step = self._context.step("credit.waits_for_rate")
        return Answer(
            Pending(), {**memory, WAITS: "rate"}, evidence=[*steps, step], check_after=CHECK_SOON
        )

    def _progress(
        self,
        attempt: Attempt,
        verdict: Awaited | Seen,
        memory: Mapping[str, str],
        steps: Sequence[Step],
    ) -> Answer:
        """Report what is under way, once for each change."""
        mark = self._mark(attempt, verdict)
        delay = min(CHECK_EVERY, self._left(attempt))
        if attempt.memory.get(SHOWN) == mark:
            return Answer(Pending(), memory, evidence=steps, check_after=delay)
        action = self._action(attempt, attempt.memory[ADDRESS], self._expires_at(attempt), verdict)
        is_seen = isinstance(verdict, Seen)
        step = self._context.step(
            "deposit.seen" if is_seen else "deposit.gone", self._shown(attempt, verdict)
        )
        outcome = Submitted(next_action=action) if is_seen else ActionRequired(action)
        memory = {**memory, SHOWN: mark}
        return Answer(outcome, memory, evidence=[*steps, step], check_after=delay)

    async def _named(self, attempt: Attempt) -> tuple[dict[str, str], list[Step]]:
        """Note the transactions that the caller has named; with its own address none is needed."""
        known = [one for one in attempt.memory.get(NAMED, "").split(",") if one]
        given = map(self._terms.transaction_of, attempt.references)
        named = list(dict.fromkeys([*known, *(one for one in given if one)]))[:NAMED_MAX]
        if self._context.shared is None:
            return {}, []
        steps = []
        for txid in named:
            found = await self._store.name_payment(
                attempt.request.payment_id,
                txid,
                attempt.memory[ADDRESS],
                since=attempt.request.accepted_at,
            )
            if found:
                detail = {"transaction": txid, "arrivals": str(found)}
                steps.append(self._context.step("transaction.named", detail))
        return {NAMED: ",".join(named)} if named else {}, steps

    async def _address(self, attempt: Attempt) -> str:
        if self._context.shared is not None:
            return self._context.shared.address
        return await self._store.assign(attempt.request.payment_id, self._context.derive)

    def _expires_at(self, attempt: Attempt) -> datetime:
        stored = attempt.memory.get(EXPIRES)
        if stored is not None:
            return datetime.fromisoformat(stored)
        terms = _exchange_terms(attempt)
        if terms is not None:
            return terms.expires_at
        return self._context.clock.now() + self._terms.action_timeout

    def _left(self, attempt: Attempt) -> timedelta:
        """The time until the deposit expires, a second at least."""
        return max(self._expires_at(attempt) - self._context.clock.now(), CHECK_SOON)

    def _action(
        self, attempt: Attempt, address: str, expires_at: datetime, verdict: Awaited | Seen
    ) -> dict[str, str]:
        amount, terms = to_pay(attempt), self._terms
        seen = verdict.minor if isinstance(verdict, Seen) else 0
        needed = terms.depths.needed(max(seen, amount.minor))
        return pay_to_address(
            address,
            amount,
            uri=terms.uri(address, amount),
            network=terms.network,
            expires_at=expires_at,
            progress={
                **terms.details(amount.currency),
                **self._shown(attempt, verdict),
                "confirmations_required": needed,
                **_price_shown(attempt),
            },
        )

    def _confirmed(self, arrival: ArrivalType, tip: int) -> Step:
        detail = {
            "arrival": arrival.reference,
            "amount": Money(arrival.minor, arrival.currency).text,
            "confirmations": str(arrival.confirmations(tip)),
            "block": str(arrival.block_hash),
        }
        return self._context.step("arrival.confirmed", detail)

    def _shown(self, attempt: Attempt, verdict: Awaited | Seen) -> Mapping[str, str]:
        return shown(verdict, to_pay(attempt).currency)

    def _mark(self, attempt: Attempt, verdict: Awaited | Seen) -> str:
        return "/".join(self._shown(attempt, verdict).values())


def _exchange_terms(attempt: Attempt) -> LockedExchange | None:
    """What the payer was quoted in the chain's coin; None if the deposit is priced in it."""
    request = attempt.request
    return request.exchange if isinstance(request, RequestDeposit) else None


def to_pay(attempt: Attempt) -> Money:
    """What the payer is asked for, in the currency that is paid."""
    terms = _exchange_terms(attempt)
    return attempt.request.amount if terms is None else terms.amount


def _price_shown(attempt: Attempt) -> Mapping[str, str]:
    """What the payer is shown of the price: the amount that is credited, and the rate."""
    terms, price = _exchange_terms(attempt), attempt.request.amount
    if terms is None:
        return {}
    return {
        "priced_amount": price.text,
        "priced_currency": price.currency,
        "rate": terms.rate.value,
    }
