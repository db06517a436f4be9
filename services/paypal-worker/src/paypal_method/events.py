"""Read PayPal's events: which event, and which of our payments it is about. Nothing else of it.

An event is only a reason to query PayPal: no amount and no status of it is read.
Source: developer.paypal.com/api/rest/webhooks/event-names.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

KNOWN = frozenset(
    {
        "CHECKOUT.ORDER.APPROVED",
        "CHECKOUT.ORDER.COMPLETED",
        "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
        "PAYMENT.CAPTURE.COMPLETED",
        # PayPal's documents use both words for a refused capture.
        "PAYMENT.CAPTURE.DENIED",
        "PAYMENT.CAPTURE.DECLINED",
        "PAYMENT.CAPTURE.PENDING",
        "PAYMENT.CAPTURE.REFUNDED",
        "PAYMENT.CAPTURE.REVERSED",
        "PAYMENT.REFUND.PENDING",
        "PAYMENT.REFUND.FAILED",
        "PAYMENT.PAYOUTSBATCH.PROCESSING",
        "PAYMENT.PAYOUTSBATCH.SUCCESS",
        "PAYMENT.PAYOUTSBATCH.DENIED",
        "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
        "PAYMENT.PAYOUTS-ITEM.FAILED",
        "PAYMENT.PAYOUTS-ITEM.DENIED",
        "PAYMENT.PAYOUTS-ITEM.UNCLAIMED",
        "PAYMENT.PAYOUTS-ITEM.RETURNED",
        "PAYMENT.PAYOUTS-ITEM.HELD",
        "PAYMENT.PAYOUTS-ITEM.BLOCKED",
        "PAYMENT.PAYOUTS-ITEM.REFUNDED",
        "PAYMENT.PAYOUTS-ITEM.CANCELED",
        "CUSTOMER.DISPUTE.CREATED",
        "CUSTOMER.DISPUTE.UPDATED",
        "CUSTOMER.DISPUTE.RESOLVED",
        "VAULT.PAYMENT-TOKEN.CREATED",
        "VAULT.PAYMENT-TOKEN.DELETED",
        "VAULT.PAYMENT-TOKEN.DELETION-INITIATED",
    }
)
"""The types that we subscribe to."""

_EVENT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_TYPE = re.compile(r"[A-Z0-9_.-]{1,100}")
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,100}")
_OUR_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_CAPTURE_LINK = re.compile(r"https?://[^/?#]+/v2/payments/captures/([A-Za-z0-9_-]{1,100})")
_LISTED_MAX = 50
"""How many entries of a list in an event are read."""


@dataclass(frozen=True, slots=True)
class References:
    """What an event is about: ids, in the order in which they are tried."""

    attempts: tuple[UUID, ...] = ()
    """Ids of our attempts, which PayPal sends back."""
    provider: tuple[str, ...] = ()
    """Ids of PayPal: of orders, captures, batches, items, tokens."""

    @property
    def first(self) -> str | None:
        """The first id; None if there is none."""
        return next(iter((*map(str, self.attempts), *self.provider)), None)


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    event_id: str
    type: str
    resource: Mapping[str, Any]

    @property
    def is_known(self) -> bool:
        """True for a type that we subscribe to."""
        return self.type in KNOWN

    @property
    def references(self) -> References:
        """The payments that it is about."""
        attempts = (_our_id(value) for value in _ours(self.resource))
        provider = (_reference(value) for value in _theirs(self.type, self.resource))
        return References(
            tuple(dict.fromkeys(found for found in attempts if found)),
            tuple(dict.fromkeys(found for found in provider if found)),
        )


def read_event(body: bytes) -> Event | None:
    """The event in a raw body; None when there is none.

    Numbers are not read, so none is too large; a field of a wrong type is as if it were missing.
    """
    try:
        told = json.loads(
            body.decode("utf-8-sig"),
            parse_int=_ignore,
            parse_float=_ignore,
            parse_constant=_ignore,
        )
    except (ValueError, RecursionError):
        return None
    return event_of(told)


def event_of(told: Any) -> Event | None:
    """The event in a JSON document; None when there is none."""
    if not isinstance(told, Mapping):
        return None
    event_id, kind = _text(told.get("id"), _EVENT_ID), _text(told.get("event_type"), _TYPE)
    if event_id is None or kind is None:
        return None
    return Event(event_id, kind, _object(told.get("resource")))


def _ours(resource: Mapping[str, Any]) -> Iterator[Any]:
    """Where PayPal sends our own ids back."""
    yield resource.get("custom_id")
    for unit in _objects(resource.get("purchase_units")):
        yield unit.get("custom_id")
    yield _object(resource.get("payout_item")).get("sender_item_id")
    yield resource.get("sender_item_id")
    yield _batch_head(resource).get("sender_batch_id")
    for transaction in _objects(resource.get("disputed_transactions")):
        yield transaction.get("custom")


def _theirs(kind: str, resource: Mapping[str, Any]) -> Iterator[Any]:
    """Where the ids of PayPal's objects are that a payment of ours remembers."""
    yield resource.get("order_id")
    related = _object(_object(resource.get("supplementary_data")).get("related_ids"))
    yield related.get("order_id")
    yield related.get("capture_id")
    for link in _objects(resource.get("links")):
        if link.get("rel") == "up":
            yield _captured(link.get("href"))
    for transaction in _objects(resource.get("disputed_transactions")):
        yield transaction.get("seller_transaction_id")
    yield resource.get("payout_item_id")
    yield resource.get("payout_batch_id")
    yield _object(resource.get("batch_header")).get("payout_batch_id")
    if not kind.startswith("CUSTOMER.DISPUTE."):
        yield resource.get("id")


def _batch_head(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return _object(_object(resource.get("batch_header")).get("sender_batch_header"))


def _captured(link: Any) -> str | None:
    """The capture of a refund's link; a reversal names its capture nowhere else."""
    found = _CAPTURE_LINK.fullmatch(link) if isinstance(link, str) else None
    return found[1] if found else None


def _ignore(number: str) -> None:
    """Read no number: we need none of them."""
    del number


def _our_id(value: Any) -> UUID | None:
    text = _text(value, _OUR_ID)
    return UUID(text) if text else None


def _reference(value: Any) -> str | None:
    return _text(value, _REFERENCE)


def _text(value: Any, pattern: re.Pattern[str]) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [_object(entry) for entry in value[:_LISTED_MAX]] if isinstance(value, list) else []
