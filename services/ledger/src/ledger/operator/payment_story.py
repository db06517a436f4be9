"""Describe in sentences the state of a payment and what happens next; pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cift_shared.money.amount import Money
from ledger.operator.payment_state import Attempt, PaymentState

FINAL = frozenset({"completed", "failed", "expired", "canceled"})
OUTBOX_WAIT_MAX = timedelta(minutes=1)
"""A message that waits longer in an outbox is a finding."""


def story(state: PaymentState, *, now: datetime) -> list[str]:
    """Sentences: the payment's status, what each service has stored of it, what happens next."""
    payment = state.payment
    amount = Money(int(payment["minor"]), payment["currency"])
    first = (
        f"The {payment['type']} of {amount.text} {amount.currency} by {payment['method']} is "
        f"{payment['status']}, since {_ago(payment['updated_at'], now)}."
    )
    return [first, *_past(state), *_waiting(state, now), *_next(state, now)]


def findings(state: PaymentState, *, now: datetime) -> list[str]:
    """What is wrong or needs an operator; empty for a payment without problems."""
    return list(_findings(state, now))


def _past(state: PaymentState) -> Iterator[str]:
    for state_of_hold, amount in state.holds:
        yield f"Its hold of {amount.text} {amount.currency} is {state_of_hold}."
    for posted in state.posted:
        if posted.total_minor == 0:
            yield f"{posted.transactions} postings in {posted.currency} sum to zero."
    if not state.posted:
        yield "Nothing has been posted."
    if reference := state.payment["provider_reference"]:
        yield f"The provider's receipt is {reference}."
    for name, word in (("reversed_minor", "reversed"), ("disputed_minor", "disputed")):
        if minor := int(state.payment[name]):
            back = Money(minor, state.payment["currency"])
            yield f"{back.text} {back.currency} of it were {word} afterwards."


def _waiting(state: PaymentState, now: datetime) -> Iterator[str]:
    for row in state.outbox:
        waits = _duration(now - row.since)
        yield f"A message to {row.topic} has waited in the outbox of {row.schema} for {waits}."
    if state.notices:
        yield f"Webhooks that the worker has not handled yet: {state.notices}."
    if state.unreadable:
        yield f"Not checked, because this login may not read it: {', '.join(state.unreadable)}."


def _next(state: PaymentState, now: datetime) -> Iterator[str]:
    payment = state.payment
    if payment["status"] in FINAL:
        yield "It is final: nothing more happens automatically."
        return
    if payment["status"] == "in_review":
        yield "An operator must decide: see `cift ledger review`, then `cift ledger resolve`."
        return
    if not state.attempts:
        yield from _without_attempt(state)
    for attempt in state.attempts:
        yield _attempt_sentence(attempt, payment["method"], now)
    if payment["overdue_since"] is not None:
        yield (
            f"The worker is overdue since {_ago(payment['overdue_since'], now)}; the sweeper has "
            f"published the command again {payment['sweep_count']} times and goes on."
        )


def _without_attempt(state: PaymentState) -> Iterator[str]:
    method = state.payment["method"]
    if any(table.endswith(".attempt") for table in state.unreadable):
        yield f"What the {method} worker has stored can't be read by this login."
    elif any(row.topic == f"payments.commands.{method}" for row in state.outbox):
        yield "Its command is not published yet: that outbox's relay or Kafka is not working."
    else:
        yield (
            f"Its command was published and the {method} worker has not stored it: the worker is "
            "down or behind. The sweeper publishes it again."
        )


def _attempt_sentence(attempt: Attempt, method: str, now: datetime) -> str:
    when = _due(attempt.next_check_at, now)
    name = f"Attempt {attempt.number} of the {method} worker"
    sent = "may have reached" if attempt.maybe_sent else "has not reached"
    words = {
        "ready": f"is to be sent to the provider {when}; a request {sent} it before.",
        "sending": f"is being sent; if its process dies, another process takes over {when}.",
        "waiting": (
            f"is at the provider; the worker queries the provider {when} ({attempt.checks} times "
            "before)."
        ),
        "unknown": (
            f"got no readable answer: the worker queries the provider {when} and does not repeat "
            "the request blindly."
        ),
        "done": "is done; its result is on its way to the ledger.",
        "review": "has an outcome that the worker cannot determine: an operator must decide.",
    }
    return f"{name} {words.get(attempt.state, f'is {attempt.state}.')}"


def _findings(state: PaymentState, now: datetime) -> Iterator[str]:
    payment = state.payment
    for posted in state.posted:
        if posted.total_minor:
            total = Money(posted.total_minor, posted.currency)
            yield f"its postings in {posted.currency} sum to {total.minor} minor units, not to zero"
    is_final = payment["status"] in FINAL
    if is_final and any(hold == "held" for hold, _ in state.holds):
        yield "it is final, but its hold is still open"
    if payment["status"] == "completed" and not state.posted:
        yield "it is completed and nothing has been posted"
    if payment["status"] == "in_review":
        yield "it waits for an operator"
    if payment["overdue_since"] is not None:
        yield "its worker is overdue"
    for row in state.outbox:
        if now - row.since > OUTBOX_WAIT_MAX:
            yield f"a message to {row.topic} does not leave the outbox of {row.schema}"


def _ago(at: datetime, now: datetime) -> str:
    return f"{at.isoformat(timespec='seconds')} ({_duration(now - at)} ago)"


def _due(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "at the next notice or result"
    return "now" if at <= now else f"in {_duration(at - now)}"


def _duration(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7_200:
        return f"{seconds // 60} min"
    return f"{seconds // 3_600} h" if seconds < 172_800 else f"{seconds // 86_400} d"
