"""Nothing told is lost on its way, and nothing waits that nobody will carry on."""

from collections.abc import Iterator
from datetime import timedelta

from tests.chaos.checks.finding import Finding, Kind, grouped
from tests.chaos.evidence.facts import OPEN, Attempt, Evidence, Payment

LATE = timedelta(seconds=10)
"""Twice the longest sleep of a loop that looks for due attempts."""
HORIZON = timedelta(minutes=5)
"""The longest gap between two questions, in a cluster at least three times as fast as ours."""


def results_have_arrived(evidence: Evidence) -> Iterator[Finding]:
    """Every result that a worker counted is in the ledger's history."""
    known = {change.result_id for change in evidence.changes}
    payments = {payment.payment_id for payment in evidence.payments}
    for attempt in evidence.attempts:
        if attempt.payment_id not in payments:
            continue  # of a saved method: its results go to the gateway
        for seq in range(1, attempt.seq + 1):
            if f"{attempt.attempt_id}.{seq}" not in known:
                words = f"result {seq} of {attempt.seq} never came to the ledger"
                yield Finding(Kind.LOST, attempt.payment_id, words)


def webhooks_have_arrived(evidence: Evidence) -> Iterator[Finding]:
    """What the provider posted and was thanked for is in the inbox, and from there at a worker."""
    kept = {webhook.attempt_id for webhook in evidence.webhooks}
    for callback in evidence.callbacks:
        if callback.attempt_id not in kept:
            words = f"callback {callback.number} was answered with 2xx, and is not in the inbox"
            yield Finding(Kind.LOST, callback.attempt_id, words)
    known = {notice.notice_id for notice in evidence.notices}
    for webhook in evidence.webhooks:
        if webhook.published and webhook.notice_id not in known:
            words = "a notice in the inbox that no worker has"
            yield Finding(Kind.LOST, webhook.attempt_id or webhook.notice_id, words)


def outboxes_are_empty(evidence: Evidence) -> Iterator[Finding]:
    """Every message has left."""
    for queued in evidence.queued:
        words = f"a message for {queued.topic} is still in the outbox of {queued.schema}"
        yield Finding(Kind.STUCK, queued.key, words)


def attempts_have_a_next_check(evidence: Evidence) -> Iterator[Finding]:
    """What is not over has a next check: neither long past nor beyond every schedule."""
    for attempt in evidence.attempts:
        due = attempt.next_check_at
        if due is not None and due < evidence.taken_at - LATE:
            words = f"{attempt.state}, and its check was due {evidence.taken_at - due} ago"
            yield Finding(Kind.STUCK, attempt.payment_id, words)
        elif due is None and attempt.state not in ("done", "review"):
            yield Finding(Kind.STUCK, attempt.payment_id, f"{attempt.state}, without a next check")
        elif due is not None and due > evidence.taken_at + HORIZON and attempt.state != "done":
            words = f"{attempt.state}, and its next check is {due - evidence.taken_at} away"
            yield Finding(Kind.STUCK, attempt.payment_id, words)


def open_payments_are_worked_on(evidence: Evidence) -> Iterator[Finding]:
    """An open payment has an attempt that is not over, and the sweeper can see it."""
    attempts = grouped(evidence.attempts, lambda attempt: attempt.payment_id)
    for payment in evidence.payments:
        if payment.status not in OPEN:
            continue
        found = attempts.get(payment.payment_id, [])
        if not found:
            yield Finding(Kind.STUCK, payment.payment_id, f"{payment.status}, no worker has it")
        for attempt in found:
            if attempt.state in ("done", "review"):
                words = f"{payment.status}, and its attempt is {attempt.state}"
                yield Finding(Kind.STUCK, payment.payment_id, words)
        if not payment.swept:
            yield Finding(Kind.STUCK, payment.payment_id, "open, and the sweeper can't see it")


def notices_are_taken_in(evidence: Evidence) -> Iterator[Finding]:
    """A notice that nobody has read belongs to an attempt that is going to be looked at."""
    attempts = {attempt.attempt_id: attempt for attempt in evidence.attempts}
    for notice in evidence.notices:
        if not notice.is_open or notice.attempt_id is None:
            continue
        attempt = attempts.get(notice.attempt_id)
        if attempt is None:
            words = "a notice is open, and no worker has its attempt"
            yield Finding(Kind.STUCK, notice.attempt_id, words)
        elif attempt.next_check_at is None:
            words = f"a notice is open, and its attempt is {attempt.state} without a next check"
            yield Finding(Kind.STUCK, attempt.payment_id, words)


def one_process_leads(evidence: Evidence) -> Iterator[Finding]:
    """Each role has one leader at most."""
    for role, leaders in grouped(evidence.leaders, lambda leader: leader.role).items():
        if len(leaders) > 1:
            names = " and ".join(leader.process for leader in leaders)
            yield Finding(Kind.DOUBLE, role, f"{names} lead at once")


def indefinite(evidence: Evidence) -> list[Payment]:
    """Open payments whose outcome nobody can know yet, and that are asked about again."""
    unknown = {a.payment_id for a in evidence.attempts if _is_indefinite(a)}
    return [p for p in evidence.payments if p.status in OPEN and p.payment_id in unknown]


def _is_indefinite(attempt: Attempt) -> bool:
    return attempt.state == "unknown" and attempt.next_check_at is not None
