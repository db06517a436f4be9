"""Payouts v1: batches. Source: developer.paypal.com/docs/api/payments.payouts-batch/v1."""

from decimal import Decimal
from typing import Any

from provider_sandbox.paypal import events, ledger, money, payout_items
from provider_sandbox.paypal.errors import PayPalError
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import Call, RequestContext
from provider_sandbox.paypal.request_ids import DAY_S

PROCESS = "paypal.batch"
_SCOPE, _BATCH_ID_S = "payouts.batch", 30 * DAY_S
_MOST_ITEMS, _PAGE = 15_000, 1000


def create(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Accept a batch; HTTP 201 with the status PENDING."""
    header, items = call.body["sender_batch_header"], call.body["items"]
    _check_new(context, header.get("sender_batch_id"))
    sums = _sums(context, items)
    short = any(_free(context, currency) < amount for currency, amount in sums.items())
    if short and context.twin.settings.paypal_short_balance == "refused":
        raise PayPalError(
            422,
            name="INSUFFICIENT_FUNDS",
            message="Sender does not have sufficient funds. Please add funds and retry.",
        )
    batch = _add_batch(context, header, sums, len(items))
    for given in items:
        payout_items.make(context, batch, given)
    call.about = batch.id
    context.later(PROCESS, batch, after_s=context.twin.settings.paypal_payout_s)
    return 201, _created(context, batch)


def repeat(context: RequestContext, call: Call, name: str) -> tuple[int, Any]:
    """The answer to a request with a used PayPal-Request-Id: the batch as it is now."""
    return 201, _created(context, context.find("batch", name, call.operation))


def show(context: RequestContext, call: Call) -> tuple[int, Any]:
    """The batch with a page of its items."""
    batch = context.find("batch", call.path[0], call.operation)
    items = context.objects.all("item", parent=batch.id)
    size, page = _number(call, "page_size", _PAGE), _number(call, "page", 1)
    shown = items[(page - 1) * size : page * size]
    path = f"/v1/payments/payouts/{batch.id}"
    made: dict[str, Any] = {
        "batch_header": _header(context, batch),
        "items": [payout_items.view(context, item, in_batch=True) for item in shown],
        "links": [context.link("self", f"{path}?page_size={size}&page={page}")],
    }
    if page * size < len(items):
        made["links"].append(context.link("next", f"{path}?page_size={size}&page={page + 1}"))
    if call.query.get("total_required") == "true":
        made |= {"total_items": len(items), "total_pages": -(-len(items) // size)}
    return 200, made


def process(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: pay the items of a batch, or deny the batch when money is missing."""
    batch = context.objects.get("batch", payload["id"])
    if batch is None or batch.status != "PENDING":
        return
    sums = {currency: Decimal(text) for currency, text in batch.hidden["sums"].items()}
    if any(ledger.balance(context, currency) < amount for currency, amount in sums.items()):
        _end(context, batch, "DENIED")
        return
    batch.status = "PROCESSING"
    context.objects.save(batch)
    _report(context, batch)
    for item in context.objects.all("item", parent=batch.id):
        payout_items.advance(context, item)
    _end(context, batch, "SUCCESS")


def _end(context: RequestContext, batch: Record, status: str) -> None:
    batch.status = status
    batch.body["time_completed"] = context.time()
    context.objects.save(batch)
    _report(context, batch)


def _check_new(context: RequestContext, name: str | None) -> None:
    """Refuse a ``sender_batch_id`` of the last 30 days, with a link to the batch that has it.

    Raises:
        PayPalError: HTTP 400.
    """
    if name is None:
        return
    since = context.twin.clock.now() - _BATCH_ID_S
    row = context.twin.store.one(
        "SELECT about, made_at FROM paypal_request_ids WHERE scope = ? AND key = ?", (_SCOPE, name)
    )
    if row is None or row["made_at"] <= since:
        return
    raise PayPalError(
        400,
        name="USER_BUSINESS_ERROR",
        message="User business error.",
        details=[
            {
                "field": "SENDER_BATCH_ID",
                "location": "body",
                "value": name[:100],
                "issue": f"Batch with given sender_batch_id already exists: {name[:100]}",
            }
        ],
        links=[context.link("self", f"/v1/payments/payouts/{row['about']}")],
    )


def _sums(context: RequestContext, items: list[dict[str, Any]]) -> dict[str, Decimal]:
    """What the items cost with their fees, by currency.

    Raises:
        PayPalError: HTTP 400, an amount is not one, or there are none or too many items.
    """
    if not 1 <= len(items) <= _MOST_ITEMS:
        raise _invalid("items", "Number of items must be between 1 and 15000")
    sums: dict[str, Decimal] = {}
    fee = Decimal(context.twin.settings.paypal_payout_fee)
    for index, item in enumerate(items):
        amount = item["amount"]
        try:
            value = money.read(amount["value"], amount["currency"])
        except money.NotAnAmount as fault:
            raise _invalid(f"items[{index}].amount", "Amount is invalid") from fault
        sums[amount["currency"]] = sums.get(amount["currency"], Decimal(0)) + value + fee
    return sums


def _free(context: RequestContext, currency: str) -> Decimal:
    """Our balance without what batches that wait will cost."""
    waiting = (
        Decimal(batch.hidden["sums"].get(currency, "0"))
        for batch in context.objects.all("batch", status="PENDING")
    )
    return ledger.balance(context, currency) - sum(waiting)


def _add_batch(
    context: RequestContext, header: dict[str, Any], sums: dict[str, Decimal], count: int
) -> Record:
    shown = {
        name: header[name]
        for name in ("sender_batch_id", "recipient_type", "email_subject", "email_message")
        if name in header
    }
    batch = Record(
        context.ids.make("batch", 13),
        "batch",
        {"time_created": context.time(), "sender_batch_header": shown},
        {"sums": {currency: str(total) for currency, total in sums.items()}, "count": count},
        status="PENDING",
    )
    name = header.get("sender_batch_id")
    if name is not None:
        context.twin.store.execute(
            "INSERT OR REPLACE INTO paypal_request_ids VALUES (?, ?, '', ?, ?)",
            (_SCOPE, name, batch.id, context.twin.clock.now()),
        )
    return context.objects.add(batch)


def _header(context: RequestContext, batch: Record) -> dict[str, Any]:
    """The header with its totals, which PayPal shows for a batch in one currency."""
    made = {"payout_batch_id": batch.id, "batch_status": batch.status, **batch.body}
    if len(batch.hidden["sums"]) == 1:
        ((currency, total),) = batch.hidden["sums"].items()
        fees = Decimal(context.twin.settings.paypal_payout_fee) * batch.hidden["count"]
        made["amount"] = money.of_payouts(Decimal(total) - fees, currency)
        made["fees"] = money.of_payouts(fees, currency)
    return made


def _created(context: RequestContext, batch: Record) -> dict[str, Any]:
    header = {
        "payout_batch_id": batch.id,
        "batch_status": batch.status,
        "sender_batch_header": batch.body["sender_batch_header"],
    }
    return {
        "batch_header": header,
        "links": [context.link("self", f"/v1/payments/payouts/{batch.id}")],
    }


def _report(context: RequestContext, batch: Record) -> None:
    resource = {
        "batch_header": _header(context, batch),
        "links": [context.link("self", f"/v1/payments/payouts/{batch.id}")],
    }
    kind = f"PAYMENT.PAYOUTSBATCH.{batch.status}"
    events.emit(context, kind, "payouts", resource, f"Payouts batch is {batch.status.lower()}.")


def _number(call: Call, name: str, usual: int) -> int:
    text = call.query.get(name, str(usual))
    if not text.isdigit() or not 1 <= int(text) <= _PAGE:
        raise _invalid(name, "Value is invalid", location="query")
    return int(text)


def _invalid(field: str, issue: str, *, location: str = "body") -> PayPalError:
    return PayPalError(
        400,
        name="VALIDATION_ERROR",
        message="Invalid request - see details",
        details=[{"field": field, "location": location, "issue": issue}],
    )
