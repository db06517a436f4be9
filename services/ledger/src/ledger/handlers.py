"""Results in: a batch from Kafka goes to the books in one call.

    decode -> ledger.apply_results -> count, wake the relay -> refuse what can't be applied

The function in the database recognises repeats by their result id, so the same batch may come
again, whole or in part, at any time.
"""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import Counter
from pydantic import ValidationError

from cift_shared import metrics
from cift_shared.failpoints import failpoint
from cift_shared.kafka import Record, Refusal
from cift_shared.log import get_logger
from cift_shared.messages import PaymentResult, first_problem
from cift_shared.money import Money
from ledger.domain import Outcome
from ledger.store import LedgerStore

RESULTS = Counter(
    "cift_ledger_results_total", "Results by what became of them.", ["method", "kind", "outcome"]
)

AMOUNT_DIGITS_MAX = 30
"""More than all ether in wei. A balance holds 38: one result that filled it would keep every later
one of that account out of the books."""

log = get_logger()


class ResultsHandler:
    """Handles `payments.results`."""

    def __init__(self, store: LedgerStore, *, wake_relay: Callable[[], None]) -> None:
        self._store = store
        self._wake_relay = wake_relay

    async def __call__(self, records: Sequence[Record]) -> list[Refusal]:
        """Apply what can be read; refuse what can't, and results for payments we don't have."""
        decoded = [(record, decode(record)) for record in records]
        refusals = [answer for _, answer in decoded if isinstance(answer, Refusal)]
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
            _tell(result, outcome)
            if outcome is Outcome.UNKNOWN_PAYMENT:
                detail = f"no {result.method[:40]} payment {result.payment_id}"
                refusals.append(Refusal(record, "unknown_payment", detail))
        return refusals


def decode(record: Record) -> PaymentResult | Refusal:
    """The result in a record, or why there is none."""
    try:
        result = PaymentResult.model_validate_json(record.body or b"")
    except ValidationError as error:
        place = error.errors(include_input=False, include_url=False)[0]["loc"]
        reason = "unknown_schema_version" if place == ("schema_version",) else "undecodable"
        return Refusal(record, reason, first_problem(error))
    if any(len(str(abs(money.minor))) > AMOUNT_DIGITS_MAX for money in _amounts(result)):
        return Refusal(record, "amount_beyond_reason", f"more than {AMOUNT_DIGITS_MAX} digits")
    return result


def _amounts(result: PaymentResult) -> Iterator[Money]:
    news = result.dispute
    told = [result.amount, result.provider_fee]
    if news is not None:
        told += [news.amount, news.withdrawn, news.fee, news.reinstated, news.fee_reinstated]
    yield from filter(None, told)


def _tell(result: PaymentResult, outcome: Outcome) -> None:
    RESULTS.labels(result.method, result.kind, outcome).inc()
    if outcome is Outcome.DUPLICATE:
        metrics.DUPLICATES.labels("ledger").inc()
    if outcome is Outcome.CONFLICT:
        log.warning(
            "ledger.result.conflict",
            payment_id=str(result.payment_id),
            result_id=result.result_id,
            kind=result.kind,
        )
