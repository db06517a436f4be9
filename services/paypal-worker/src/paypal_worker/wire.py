"""Models of the fields that we read from PayPal's answers; all other fields are ignored.

Source: PayPal's API descriptions (github.com/paypal/paypal-rest-api-specifications): Orders v2,
Payments v2. Statuses stay plain text, so that a new status does not break parsing.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

TEXT_CHARS_MAX = 5_000
"""Maximum length of a text; the longest are addresses and descriptions."""


class Part(BaseModel):
    """Base of all models that are read."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_max_length=TEXT_CHARS_MAX)


class Link(Part):
    """A related address."""

    href: str = Field(repr=False)
    rel: str


class Amount(Part):
    """An amount in Orders v2 and Payments v2."""

    currency_code: str
    value: str


class ErrorDetail(Part):
    """One reason of a refusal."""

    issue: str | None = None
    field: str | None = None


class ApiError(Part):
    """The body of a refusal; OAuth's form has only `error`."""

    name: str | None = None
    debug_id: str | None = None
    details: list[ErrorDetail] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)
    error: str | None = None

    @property
    def issues(self) -> list[str]:
        """PayPal's words for the reasons, the first one first; the error's name if it has none."""
        found = [detail.issue for detail in self.details if detail.issue]
        return found or [word for word in (self.name, self.error) if word]

    @property
    def issue(self) -> str:
        """The first reason; "" when there is none."""
        return next(iter(self.issues), "")


class AccessToken(Part):
    """The answer of OAuth."""

    access_token: str = Field(repr=False, min_length=1)
    expires_in: int = Field(ge=0, le=10**9)


class Breakdown(Part):
    """`seller_receivable_breakdown` of a capture."""

    paypal_fee: Amount | None = None
    paypal_fee_in_receivable_currency: Amount | None = None


class StatusDetails(Part):
    """Why a capture or refund is pending."""

    reason: str | None = None


class RelatedIds(Part):
    """`related_ids` of a capture."""

    order_id: str | None = None


class SupplementaryData(Part):
    """`supplementary_data` of a capture."""

    related_ids: RelatedIds | None = None


class Capture(Part):
    """One payment of an order: only its status and amount say that money moved."""

    id: str
    status: str | None = None
    status_details: StatusDetails | None = None
    amount: Amount | None = None
    custom_id: str | None = None
    seller_receivable_breakdown: Breakdown | None = None
    supplementary_data: SupplementaryData | None = None

    @property
    def order_id(self) -> str | None:
        """The order that it belongs to."""
        data = self.supplementary_data
        return data.related_ids.order_id if data and data.related_ids else None


class Refund(Part):
    """A refund of a capture."""

    id: str
    status: str | None = None
    status_details: StatusDetails | None = None
    amount: Amount | None = None
    custom_id: str | None = None
    links: list[Link] = Field(default_factory=list)

    @property
    def capture_id(self) -> str | None:
        """The capture that it refunds, by its link; None: the answer has no such link."""
        href = next((link.href for link in self.links if link.rel == "up"), None)
        return None if href is None else href.rpartition("/captures/")[2]


class UnitPayments(Part):
    """`payments` of a purchase unit."""

    captures: list[Capture] = Field(default_factory=list)
    refunds: list[Refund] = Field(default_factory=list)


class PurchaseUnit(Part):
    """What an order is for; ours have one."""

    custom_id: str | None = None
    payments: UnitPayments | None = None


class Order(Part):
    """A payment that its payer approves at PayPal, and that we capture then."""

    id: str
    status: str | None = None
    purchase_units: list[PurchaseUnit] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)

    @property
    def approval_link(self) -> str | None:
        """The address where the payer approves, as PayPal gives it; None: it has none now."""
        return approval_link(self.links)

    @property
    def captures(self) -> list[Capture]:
        """Every capture of the order."""
        return [capture for payments in self._payments() for capture in payments.captures]

    @property
    def refunds(self) -> list[Refund]:
        """Every refund of the order's captures."""
        return [refund for payments in self._payments() for refund in payments.refunds]

    def _payments(self) -> Iterator[UnitPayments]:
        return (unit.payments for unit in self.purchase_units if unit.payments)


class Verification(Part):
    """The answer to a postback; HTTP 200 also for FAILURE."""

    status: str | None = Field(default=None, validation_alias="verification_status")


class EventPage(Part):
    """A page of the list of events."""

    events: list[Any] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)

    @property
    def next_query(self) -> str | None:
        """The query of the next page; the rest of its address is never used. None: the last."""
        href = next((link.href for link in self.links if link.rel == "next"), None)
        return None if href is None else href.partition("?")[2]


class DisputeHead(Part):
    """A dispute in a list."""

    dispute_id: str


class DisputePage(Part):
    """Disputes of a capture; a list without disputes has no items."""

    items: list[DisputeHead] = Field(default_factory=list)


class DisputeOutcome(Part):
    """`dispute_outcome`."""

    outcome_code: str | None = None


class MoneyMovement(Part):
    """Money that a dispute moved."""

    affected_party: str | None = None
    amount: Amount | None = None
    type: str | None = None
    reason: str | None = None


class Dispute(Part):
    """A dispute: only its money movements say what PayPal took or gave back."""

    dispute_id: str
    status: str | None = None
    reason: str | None = None
    dispute_amount: Amount | None = None
    dispute_outcome: DisputeOutcome | None = None
    money_movements: list[MoneyMovement] = Field(default_factory=list)
    seller_response_due_date: str | None = None


APPROVAL_RELS = ("payer-action", "approve", "redirect")
"""The names of the link that leads the payer to PayPal: an order with a payment source has the
first, one without it the second, an error after a declined payment the third."""


def approval_link(links: list[Link]) -> str | None:
    """The address where the payer approves; None when there is none."""
    found = {link.rel: link.href for link in links}
    return next((found[rel] for rel in APPROVAL_RELS if rel in found), None)
