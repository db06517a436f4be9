"""What clients were answered, against what is stored: nothing accepted is lost, nothing doubled."""

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from tests.chaos.checks.finding import Finding, Kind, grouped
from tests.chaos.clients.history import Said
from tests.chaos.evidence.facts import Evidence, Payment, exponent

PAY = "POST /payments"
_REFUND = re.compile(r"POST /payments/([0-9a-f-]{36})/refunds")
_READ = re.compile(r"GET /payments/([0-9a-f-]{36})|POST /payments/([0-9a-f-]{36})/verify")
"""A verification answers with the payment as it is."""
_ACCEPTED = 202
_MADE = frozenset({201, 202})
_DEFINITE = frozenset(range(400, 500)) - {409}
"""Answers that say that nothing was made; 409 says that somebody else may be making it."""
_ABSENT = 404
_TRY_AGAIN = 503
"""Nothing is stored under the key: a repeat is judged anew."""
_REVERSIBLE = frozenset(
    {
        "insufficient_funds",
        "not_refundable",
        "quote_expired",
        "quote_not_found",
        "rate_unavailable",
        "refund_exceeds_captured",
    }
)
"""Refusals for what the state was: a moment later the same request could be accepted."""


def orders(evidence: Evidence) -> list[Said]:
    """Every request that asks for money to be moved, answered or not."""
    return [
        said
        for said in evidence.said
        if said.request == PAY or _REFUND.fullmatch(said.request) is not None
    ]


def refunded_by(said: Said) -> str | None:
    """The deposit that an order refunds."""
    found = _REFUND.fullmatch(said.request)
    return found.group(1) if found else None


def read_of(said: Said) -> str | None:
    """The payment that a request reads."""
    found = _READ.fullmatch(said.request)
    return found.group(1) or found.group(2) if found else None


def accepted_payments_exist(evidence: Evidence) -> Iterator[Finding]:
    """Each 202 stands for a payment with the terms that were asked and answered."""
    payments = {payment.payment_id: payment for payment in evidence.payments}
    for said in orders(evidence):
        if said.status != _ACCEPTED:
            continue
        payment_id = str(said.answer.get("id"))
        payment = payments.get(payment_id)
        if payment is None:
            yield Finding(Kind.LOST, payment_id, "answered with 202, and the ledger has none")
            continue
        for name, asked in _terms(said).items():
            kept = _kept(payment)[name]
            if asked is not None and asked != kept:
                words = f"{name} was {asked}, the ledger has {kept}"
                yield Finding(Kind.LOST, payment_id, words)


def _terms(said: Said) -> dict[str, object]:
    body, answer = said.body or {}, said.answer
    currency = str(answer.get("currency"))
    return {
        "type": body.get("type") or "refund",
        "method": body.get("method"),
        "customer": body.get("customer_id"),
        "currency": body.get("currency"),
        "minor": minor(body.get("amount") or answer.get("amount"), currency),
        "fee": minor(answer.get("fee"), currency),
        "net": minor(answer.get("net"), currency),
        "parent": refunded_by(said),
    }


def _kept(payment: Payment) -> dict[str, object]:
    return {
        name: getattr(payment, name)
        for name in ("type", "method", "customer", "currency", "minor", "fee", "net", "parent")
    }


def minor(text: object, currency: str) -> int | None:
    """An amount of the API in minor units; None where there is none."""
    try:
        return int(Decimal(str(text)).scaleb(exponent(currency)))
    except InvalidOperation:
        return None


def one_key_is_one_payment(evidence: Evidence) -> Iterator[Finding]:
    """A repeated key answers the same payment, and no two keys share one."""
    accepted = [said for said in orders(evidence) if said.status == _ACCEPTED]
    for key, answers in grouped(accepted, _key).items():
        ids = {str(said.answer.get("id")) for said in answers}
        if len(ids) > 1:
            yield Finding(Kind.DOUBLE, min(ids), f"key {key[2]} was answered with {sorted(ids)}")
    by_id = grouped(accepted, lambda said: str(said.answer.get("id")))
    for payment_id, answers in by_id.items():
        keys = {_key(said) for said in answers}
        if len(keys) > 1:
            words = f"{len(keys)} orders were answered with this one payment"
            yield Finding(Kind.LOST, payment_id, words)


def _key(said: Said) -> tuple[str, str, str | None]:
    return said.merchant, said.request, said.key


def refused_keys_stay_refused(evidence: Evidence) -> Iterator[Finding]:
    """Once a key was answered with a refusal, no copy of its request is accepted, before or after.

    Whether a copy that was never answered was accepted, `no_more_than_asked` finds out.
    """
    keyed = [said for said in evidence.said if said.key is not None]
    for (_, request, key), answers in grouped(keyed, _key).items():
        final = [said for said in answers if said.status != _TRY_AGAIN]
        codes = {str(said.answer.get("code")) for said in final} & _REVERSIBLE
        accepted = [said for said in answers if said.status in _MADE]
        if codes and accepted:
            words = f"{request}, key {key}: answered {sorted(codes)} and {accepted[0].status}"
            yield Finding(Kind.ILLEGAL_STATE, str(accepted[0].answer.get("id")), words)


def no_more_than_asked(evidence: Evidence) -> Iterator[Finding]:
    """There are no more payments of the same terms than keys that asked for them."""
    asked: Counter[tuple[object, ...]] = Counter()
    for answers in grouped(orders(evidence), _key).values():
        accepted = [said for said in answers if said.status == _ACCEPTED]
        refused = any(
            said.answer.get("code") in _REVERSIBLE and said.status != _TRY_AGAIN for said in answers
        )
        may_be = [said for said in answers if said.status not in _DEFINITE and not refused]
        asked.update({_asked_terms(said) for said in accepted[:1] or may_be})
    made = grouped([one for one in evidence.payments if not one.received], _made_terms)
    for terms, payments in made.items():
        if len(payments) > asked[terms]:
            words = f"{len(payments)} payments for {asked[terms]} orders: {terms}"
            yield Finding(Kind.DOUBLE, payments[-1].payment_id, words)


def _asked_terms(said: Said) -> tuple[object, ...]:
    parent, body = refunded_by(said), said.body or {}
    if parent is not None:
        return ("refund", parent)
    currency = str(body.get("currency"))
    return (
        body.get("type"),
        body.get("method"),
        minor(body.get("amount"), currency),
        currency,
        body.get("customer_id"),
    )


def _made_terms(payment: Payment) -> tuple[object, ...]:
    if payment.type == "refund":
        return ("refund", payment.parent)
    return payment.type, payment.method, payment.minor, payment.currency, payment.customer


def accepted_payments_are_found(evidence: Evidence) -> Iterator[Finding]:
    """Whoever was answered with 202 finds the payment from then on."""
    since: dict[tuple[str, str], float] = {}
    for said in orders(evidence):
        if said.status == _ACCEPTED:
            since.setdefault((said.merchant, str(said.answer.get("id"))), said.at)
    for said in evidence.said:
        payment_id = read_of(said)
        accepted_at = since.get((said.merchant, payment_id or ""))
        if said.status == _ABSENT and accepted_at is not None and accepted_at <= said.began:
            yield Finding(Kind.LOST, str(payment_id), "accepted, and then not found")


def reads_never_go_back(evidence: Evidence) -> Iterator[Finding]:
    """No read is older than what an answer before its beginning had told."""
    seen: dict[str, list[tuple[float, int]]] = {}
    for said in evidence.said:
        payment_id, version = said.answer.get("id"), said.answer.get("version")
        if not isinstance(version, int) or not isinstance(payment_id, str):
            continue
        if read_of(said) == payment_id:
            newest = max((v for at, v in seen.get(payment_id, []) if at <= said.began), default=0)
            if version < newest:
                words = f"version {version} was read after version {newest}"
                yield Finding(Kind.STALE_READ, payment_id, words)
        seen.setdefault(payment_id, []).append((said.at, version))
