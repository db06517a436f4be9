"""The life of every payment against the table of states, and what clients were shown of it."""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.checks.answers import read_of
from tests.chaos.checks.finding import Finding, Kind, grouped
from tests.chaos.evidence.facts import FINAL, Change, Evidence, Payment

_ENDS = {"completed", "failed", "expired", "in_review"}
MOVES = {
    "pending": _ENDS | {"processing", "requires_action", "canceled"},
    "processing": _ENDS | {"requires_action"},
    "requires_action": _ENDS | {"processing", "requires_action"},
    "completed": set(),
    "in_review": set(),
    "failed": {"in_review"},
    "expired": {"in_review"},
    "canceled": {"in_review"},
}
"""The table of docs/ledger.md once more, by hand: pending -> processing -> requires_action -> an
end; an end is final, but what did not move may turn out to have moved, and then people look."""

LATE_CANCEL = defaultdict(set, processing={"canceled"}, requires_action={"canceled"})
"""Further moves where the provider can cancel what it has."""

RECEIVED_AS = {"completed", "in_review"}
_SILENT = {"cancel_requested"}


def histories_are_paths(evidence: Evidence) -> Iterator[Finding]:
    """A payment begins as pending, moves as the table allows, and stands where its history ends.

    Money that no order asked for begins with its end: credited, or in review.
    """
    changes = grouped(evidence.changes, lambda change: change.payment_id)
    for payment in evidence.payments:
        history = changes.get(payment.payment_id, [])
        moves = [change for change in history if change.to_status is not None]
        begins = RECEIVED_AS if payment.received else {"pending"}
        if not moves or moves[0].from_status is not None or moves[0].to_status not in begins:
            words = f"does not begin as {' or '.join(sorted(begins))}"
            yield Finding(Kind.ILLEGAL_STATE, payment.payment_id, words)
            continue
        yield from _path(payment, moves)


def _path(payment: Payment, moves: list[Change]) -> Iterator[Finding]:
    status = str(moves[0].to_status)
    for move in moves[1:]:
        target = str(move.to_status)
        allowed = MOVES[status] | (LATE_CANCEL[status] if payment.cancels_after_submit else set())
        if move.from_status != status or target not in allowed:
            words = f"moved from {status} (it says {move.from_status}) to {target}"
            yield Finding(Kind.ILLEGAL_STATE, payment.payment_id, words)
        status = target
    if status != payment.status:
        words = f"is {payment.status}, its history ends as {status}"
        yield Finding(Kind.ILLEGAL_STATE, payment.payment_id, words)


def versions_grow_by_one(evidence: Evidence) -> Iterator[Finding]:
    """Every change that a merchant can see raises the version by one, and nothing else does."""
    changes = grouped(evidence.changes, lambda change: change.payment_id)
    for payment in evidence.payments:
        version = 0
        for change in changes.get(payment.payment_id, []):
            step = int(change.disposition == "applied" and change.kind not in _SILENT)
            if change.version != version + step:
                words = f"version {change.version} follows {version} ({change.kind})"
                yield Finding(Kind.ILLEGAL_STATE, payment.payment_id, words)
            version = change.version
        if version != payment.version:
            words = f"is at version {payment.version}, its history at {version}"
            yield Finding(Kind.ILLEGAL_STATE, payment.payment_id, words)


def results_count_once(evidence: Evidence) -> Iterator[Finding]:
    """A result of a worker is in the history once, however often it was told."""
    told = [change for change in evidence.changes if change.result_id]
    for result_id, changes in grouped(told, lambda change: change.result_id).items():
        if len(changes) > 1:
            words = f"result {result_id} was taken in {len(changes)} times"
            yield Finding(Kind.DOUBLE, changes[0].payment_id, words)


def answers_were_true(evidence: Evidence) -> Iterator[Finding]:
    """The status a client read is the one that the ledger had at that version."""
    at_version = statuses(evidence)
    for said in evidence.said:
        payment_id = read_of(said)
        version, status = said.answer.get("version"), said.answer.get("status")
        if payment_id is None or said.answer.get("id") != payment_id:
            continue
        true = at_version.get((payment_id, version)) if isinstance(version, int) else None
        if true != status:
            words = f"a client read {status} at version {version}, the ledger had {true}"
            yield Finding(Kind.ILLEGAL_STATE, payment_id, words)


def statuses(evidence: Evidence) -> dict[tuple[str, int], str | None]:
    """The status of every payment at each of its versions."""
    found: dict[tuple[str, int], str | None] = {}
    for payment_id, changes in grouped(evidence.changes, lambda c: c.payment_id).items():
        status = None
        for change in changes:
            status = change.to_status or status
            found[payment_id, change.version] = status
    return found


def ends_are_ends_for_the_worker(evidence: Evidence) -> Iterator[Finding]:
    """Once a payment is over, its attempt is."""
    attempts = grouped(evidence.attempts, lambda attempt: attempt.payment_id)
    for payment in evidence.payments:
        for attempt in attempts.get(payment.payment_id, []):
            if payment.status in FINAL and attempt.state not in ("done", "review"):
                words = f"{payment.status}, and its attempt is {attempt.state}"
                yield Finding(Kind.ILLEGAL_STATE, payment.payment_id, words)
