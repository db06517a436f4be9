"""Requests and answers of Payouts v1, and balances; fields that we do not read are ignored.

Source: PayPal's API descriptions (github.com/paypal/paypal-rest-api-specifications): Payouts v1,
Transaction Search v1. An amount's currency is `currency` in Payouts, `currency_code` elsewhere.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from cift_shared.errors import OutcomeUnknown
from cift_shared.money.amount import Money
from paypal_method.accounts import Account
from paypal_method.currencies import from_text, to_text
from paypal_worker import wire

_MOVED = frozenset({"SUCCESS", "UNCLAIMED", "ONHOLD", "REVERSED", "REFUNDED", "RETURNED"})
"""Statuses of an item that had money; PayPal shows none of them in a denied batch."""
_BATCH_PATH = re.compile(r"/v1/payments/payouts/([A-Z0-9]{1,30})")


class PayoutAmount(wire.Part):
    """An amount in Payouts v1."""

    currency: str
    value: str

    def money(self) -> Money:
        """The amount.

        Raises:
            OutcomeUnknown: it can't be read.
        """
        return readable(self.value, self.currency)


class SenderBatch(wire.Part):
    """What we sent with a batch."""

    sender_batch_id: str | None = None


class BatchHeader(wire.Part):
    """A batch without its items."""

    payout_batch_id: str = Field(pattern=r"^[A-Za-z0-9]{1,30}$")
    batch_status: str | None = None
    sender_batch_header: SenderBatch | None = None


class PayoutDetail(wire.Part):
    """What we sent of an item; the receiver is not read."""

    amount: PayoutAmount
    sender_item_id: str | None = None


class ItemError(wire.Part):
    """Why an item was not paid, or waits."""

    name: str | None = None


class PayoutItem(wire.Part):
    """One payment of a batch."""

    payout_item_id: str = Field(pattern=r"^[A-Za-z0-9]{1,30}$")
    transaction_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9]{0,30}$")
    transaction_status: str | None = None
    payout_item_fee: PayoutAmount | None = None
    payout_item: PayoutDetail
    errors: ItemError | None = None

    @property
    def status(self) -> str:
        """The status; "" when PayPal shows none."""
        return self.transaction_status or ""

    @property
    def error(self) -> str | None:
        """PayPal's word for why it was not paid."""
        return self.errors.name if self.errors else None

    @property
    def reference(self) -> str:
        """PayPal's id of the transaction, or of the item while there is no transaction."""
        return self.transaction_id or self.payout_item_id


class PayoutBatch(wire.Part):
    """A batch, with its items where they were requested."""

    batch_header: BatchHeader
    items: list[PayoutItem] = Field(default_factory=list)

    def is_ours(self, batch_key: str, item_keys: Collection[str]) -> bool:
        """True when the batch carries our id, and each of its items once one of these ids."""
        found = [item.payout_item.sender_item_id for item in self.items]
        return (
            self._has_id(batch_key)
            and len(set(found)) == len(found)
            and set(found) <= set(item_keys)
        )

    def item_of(self, batch_key: str, item_key: str) -> PayoutItem | None:
        """Our item; None when PayPal does not show it yet, or the batch is not ours."""
        found = [item for item in self.items if item.payout_item.sender_item_id == item_key]
        return found[0] if self._has_id(batch_key) and len(found) == 1 else None

    def is_denied(self, batch_key: str, item_key: str) -> bool:
        """True when PayPal denied our batch, and so did not pay our item."""
        if self.batch_header.batch_status != "DENIED" or not self._has_id(batch_key):
            return False
        item = self.item_of(batch_key, item_key)
        return not self.items if item is None else item.status not in _MOVED

    def _has_id(self, batch_key: str) -> bool:
        sent = self.batch_header.sender_batch_header
        return sent is not None and sent.sender_batch_id == batch_key


class Balance(wire.Part):
    """Our balance in one currency."""

    currency: str
    available_balance: wire.Amount | None = None


class Balances(wire.Part):
    """Our balances."""

    balances: list[Balance] = Field(default_factory=list)

    def available(self) -> list[Money]:
        """What can be paid out now, for each currency.

        Raises:
            OutcomeUnknown: an amount can't be read.
        """
        return [
            readable(amount.value, amount.currency_code)
            for amount in (balance.available_balance for balance in self.balances)
            if amount is not None
        ]


def readable(value: str, currency: str) -> Money:
    """An amount of an answer.

    Raises:
        OutcomeUnknown: it can't be read.
    """
    try:
        return from_text(value, currency)
    except ValueError as error:
        raise OutcomeUnknown("provider_answer_unreadable", str(error)) from error


def payout_item(account: Account, amount: Money, *, item_key: str) -> Mapping[str, Any]:
    """One payout of a batch; always the same for the same payout, as PayPal compares repeats.

    Raises:
        ValueError: PayPal does not move this amount.
    """
    kind, receiver = (
        ("PAYPAL_ID", account.payer_id) if account.payer_id else ("EMAIL", account.email)
    )
    return {
        "recipient_type": kind,
        "receiver": receiver,
        "amount": {"currency": amount.currency, "value": to_text(amount)},
        "sender_item_id": item_key,
    }


def payout_request(batch_key: str, items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A batch."""
    return {"sender_batch_header": {"sender_batch_id": batch_key}, "items": list(items)}


def first_batch(error: wire.ApiError) -> str | None:
    """The id of the batch that a refusal of a used batch id links to; None without a link."""
    for link in error.links:
        found = _BATCH_PATH.fullmatch(urlsplit(link.href).path)
        if found is not None:
            return found[1]
    return None
