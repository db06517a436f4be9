"""Models of the fields that we read from Stripe's objects; all other fields are ignored.

Source: Stripe's API description (github.com/stripe/openapi). Statuses stay plain text, so that a
new status does not break parsing.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

TEXT_CHARS_MAX = 5_000
"""Maximum length of a text; Stripe's longest texts are addresses of that length."""

Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
"""An amount, or a time in Unix seconds."""


class Part(BaseModel):
    """Base of all models that are read."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_max_length=TEXT_CHARS_MAX)


def _expanded_only(value: Any) -> Any:
    """None for an id where an expanded object is expected."""
    return None if isinstance(value, str) else value


def _id_of(value: Any) -> Any:
    """The id, also when the object is expanded."""
    return value.get("id") if isinstance(value, Mapping) else value


Reference = Annotated[str | None, BeforeValidator(_id_of)]


class CardPart(Part):
    """The card inside a payment method or a charge."""

    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None


class BalanceTransaction(Part):
    """One movement of our balance at Stripe, in the currency of the balance."""

    id: str
    amount: Whole
    """Signed: negative when money left our balance."""
    fee: Whole
    currency: str


class ChargeDetails(Part):
    """`payment_method_details` of a charge."""

    card: CardPart | None = None


class Charge(Part):
    """One try to take money from a card."""

    id: str
    disputed: bool = False
    payment_method_details: ChargeDetails | None = None
    balance_transaction: Annotated[BalanceTransaction | None, BeforeValidator(_expanded_only)] = (
        None
    )


class ApiError(Part):
    """An error of Stripe, in an answer or stored in an intent."""

    type: str | None = None
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    param: str | None = None


class Redirect(Part):
    """`redirect_to_url` of a next action."""

    url: str | None = None


class NextAction(Part):
    """The action that the payer must take."""

    type: str
    redirect_to_url: Redirect | None = None


class PaymentIntent(Part):
    """A payment at Stripe: at most one of its charges succeeds."""

    id: str
    status: str
    amount: Whole | None = None
    amount_received: Whole | None = None
    currency: str | None = None
    client_secret: str | None = Field(default=None, repr=False)
    next_action: NextAction | None = None
    last_payment_error: ApiError | None = None
    cancellation_reason: str | None = None
    latest_charge: Annotated[Charge | None, BeforeValidator(_expanded_only)] = None
    metadata: dict[str, str] = Field(default_factory=dict)


class Refund(Part):
    """A refund to a card."""

    id: str
    status: str | None = None
    amount: Whole
    currency: str
    failure_reason: str | None = None
    balance_transaction: Annotated[BalanceTransaction | None, BeforeValidator(_expanded_only)] = (
        None
    )
    metadata: dict[str, str] | None = None


class EvidenceDetails(Part):
    """`evidence_details` of a dispute."""

    due_by: Annotated[int, Field(ge=0, lt=2**33)] | None = None


class Dispute(Part):
    """A payer's dispute at the bank; its balance transactions show all money moved for it."""

    id: str
    status: str
    reason: str
    amount: Whole
    currency: str
    balance_transactions: list[BalanceTransaction] = Field(default_factory=list)
    evidence_details: EvidenceDetails | None = None


class PaymentMethod(Part):
    """A card stored at Stripe."""

    id: str
    customer: Reference = None
    card: CardPart | None = None


class SetupIntent(Part):
    """A setup intent, which saves a card."""

    id: str
    status: str
    client_secret: str | None = Field(default=None, repr=False)
    next_action: NextAction | None = None
    last_setup_error: ApiError | None = None
    payment_method: Annotated[PaymentMethod | None, BeforeValidator(_expanded_only)] = None


class Customer(Part):
    """A Stripe customer, which owns saved cards."""

    id: str


class Event(Part):
    """A webhook's event: which object changed; its content is only a hint."""

    id: str
    type: str
    object: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def read(cls, body: bytes) -> Self | None:
        """Parse a webhook's body; None when it is not an event."""
        try:
            event = _Envelope.model_validate_json(body)
        except ValidationError:
            return None
        return cls(id=event.id, type=event.type, object=event.data.object)

    def text(self, name: str) -> str | None:
        """A text field of the object, or the id of an expanded one."""
        value = _id_of(self.object.get(name))
        return value if isinstance(value, str) else None

    def metadata(self, name: str) -> str | None:
        """A text field of the object's metadata."""
        metadata = self.object.get("metadata")
        value = metadata.get(name) if isinstance(metadata, dict) else None
        return value if isinstance(value, str) else None


class _EventData(Part):
    object: dict[str, Any]


class _Envelope(Part):
    id: str
    type: str
    data: _EventData
