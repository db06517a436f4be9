"""Consume `payments.results`: apply each batch from Kafka to the ledger in one call.

    decode -> ledger.apply_results -> count, wake the relay -> reject what can't be applied

The database function recognises a repeated result by its id, so Kafka may deliver the same batch
again, whole or in part, at any time.
"""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import Counter, Histogram
from pydantic import ValidationError

from cift_shared.failpoints import failpoint
from cift_shared.ids import made_at_ms
from cift_shared.kafka import Record, RejectedRecord
from cift_shared.messaging.message import first_problem
from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from ledger.posting.domain import Outcome
from ledger.posting.store import LedgerStore

RESULTS = Counter("cift_ledger_results_total", "Results by outcome.", ["method", "kind", "outcome"])
ENDS = ("settled", "declined", "expired", "canceled")
"""Kinds of results that end a payment."""
PAYMENT_SECONDS = Histogram(
    "cift_payment_seconds",
    "Time from the acceptance of a payment to the result that ended it; its count by kind is the "
    "number of payments that ended so.",
    ["method", "kind"],
    buckets=(1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3_600, 21_600, 86_400),
)
SETTLED = Counter(
    "cift_settled_minor_units_total",
    "Amounts that settled, of all types of payments, in minor units.",
    ["method", "currency"],
)

AMOUNT_DIGITS_MAX = 30
"""Maximum number of digits of an amount in a result; all existing ether in wei has fewer. A balance
column has 38 digits: if one result filled it, every later posting to that account would fail."""

log = get_logger()


class ResultsHandler:
    """Handles `payments.results`."""

    def __init__(self, store: LedgerStore, *, wake_relay: Callable[[], None]) -> None:
        self._store = store
        self._wake_relay = wake_relay

    async def __call__(self, records: Sequence[Record]) -> list[RejectedRecord]:
        """Apply results; return as rejected those that are invalid or name an unknown payment."""
        decoded = [(record, decode(record)) for record in records]
        refusals = [answer for _, answer in decoded if isinstance(answer, RejectedRecord)]
        readable = [
            (record, answer) for record, answer in decoded if isinstance(answer, PaymentResult)
        ]
        if not readable:
            return refusals
        failpoint("ledger.before_apply")
        outcomes = await self._store.apply_results(
            [result for _, result in readable],
            [record.headers.get("traceparent") for record, _ in readable],
        )
        failpoint("ledger.after_apply")
        self._wake_relay()
        for (record, result), outcome in zip(readable, outcomes, strict=True):
            _count(result, outcome)
            if outcome is Outcome.UNKNOWN_PAYMENT:
                detail = f"no {result.method[:40]} payment {result.payment_id}"
                refusals.append(RejectedRecord(record, "unknown_payment", detail))
        return refusals


def decode(record: Record) -> PaymentResult | RejectedRecord:
    """The result in a record, or a rejection with its reason."""
    try:
        result = PaymentResult.model_validate_json(record.body or b"")
    except ValidationError as error:
        place = error.errors(include_input=False, include_url=False)[0]["loc"]
        reason = "unknown_schema_version" if place == ("schema_version",) else "undecodable"
        return RejectedRecord(record, reason, first_problem(error))
    if any(len(str(abs(money.minor))) > AMOUNT_DIGITS_MAX for money in _amounts(result)):
        return RejectedRecord(
            record, "amount_beyond_reason", f"more than {AMOUNT_DIGITS_MAX} digits"
        )
    return result


def _amounts(result: PaymentResult) -> Iterator[Money]:
    dispute = result.dispute
    amounts = [result.amount, result.provider_fee]
    if dispute is not None:
        amounts += [dispute.amount, dispute.withdrawn, dispute.fee]
        amounts += [dispute.reinstated, dispute.fee_reinstated]
    yield from filter(None, amounts)


def _count(result: PaymentResult, outcome: Outcome) -> None:
    """Count a result; log it if it contradicts its payment."""
    RESULTS.labels(result.method, result.kind, outcome).inc()
    if outcome is Outcome.APPLIED and result.kind in ENDS:
        _count_end(result)
    if outcome is Outcome.DUPLICATE:
        metrics.DUPLICATES.labels("ledger").inc()
    if outcome is Outcome.CONFLICT:
        log.warning(
            "ledger.result.conflict",
            payment_id=str(result.payment_id),
            result_id=result.result_id,
            kind=result.kind,
        )


def _count_end(result: PaymentResult) -> None:
    """Count a payment that has ended: its id tells when it was accepted."""
    accepted_ms = made_at_ms(result.payment_id)
    if accepted_ms is not None:
        took_s = max(result.occurred_at.timestamp() - accepted_ms / 1_000, 0.0)
        PAYMENT_SECONDS.labels(result.method, result.kind).observe(took_s)
    if result.kind == "settled" and result.amount is not None:
        SETTLED.labels(result.method, result.amount.currency).inc(result.amount.minor)
