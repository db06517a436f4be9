"""The requests and answers of MTN's API, as far as we use them.

Answers are read leniently: unknown fields are ignored, and numbers may be text. Source:
momodeveloper.mtn.com, the descriptions of Collection and Disbursement.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

NOTE = "Payment"
"""What payer and payee read in their list of transactions: plain ASCII, shorter than 160."""
_WORD_MAX = 64
"""Longer words are cut: they are stored with the attempt."""


class Part(BaseModel):
    """A part of an answer; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class AccessToken(Part):
    """The answer to a request for a token."""

    access_token: str = Field(min_length=1, max_length=8192)
    expires_in: int = Field(gt=0, le=10**7)
    """Lifetime in seconds."""


class Party(Part):
    """Payer or payee."""

    partyId: str | None = None  # noqa: N815  MTN's name


class Status(Part):
    """A request to pay, a payout or a refund as MTN has it."""

    status: str | None = None
    amount: str | None = None
    currency: str | None = None
    externalId: str | None = None  # noqa: N815  MTN's name
    financialTransactionId: str | None = None  # noqa: N815  MTN's name
    payer: Party | None = None
    payee: Party | None = None
    reason: str | None = None
    """Why it ended: text, or in some versions of the API an object with a code."""

    @field_validator("reason", mode="before")
    @classmethod
    def _is_word(cls, value: Any) -> Any:
        return value.get("code") if isinstance(value, Mapping) else value

    @field_validator("status", "reason")
    @classmethod
    def _is_short(cls, value: str | None) -> str | None:
        return value[:_WORD_MAX] if value else value


class Balance(Part):
    """What can be paid out now."""

    availableBalance: str  # noqa: N815  MTN's name
    currency: str


class Holder(Part):
    """Whether a number has an active wallet."""

    result: bool

    @field_validator("result", mode="before")
    @classmethod
    def _is_truth(cls, value: Any) -> Any:
        return value.lower() == "true" if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What is sent to move money, in the words of MTN."""

    amount: str
    """Whole units as text, without a sign."""
    currency: str
    external_id: str
    """Our own reference, which callbacks and statements repeat."""
    payer: str | None = None
    """The phone that pays: of a request to pay."""
    payee: str | None = None
    """The phone that is paid: of a payout."""
    refunds: str | None = None
    """The X-Reference-Id of the collection that is refunded."""

    def document(self) -> dict[str, Any]:
        """The JSON of the request."""
        fields: dict[str, Any] = {
            "amount": self.amount,
            "currency": self.currency,
            "externalId": self.external_id,
            "payerMessage": NOTE,
            "payeeNote": NOTE,
        }
        for name, phone in (("payer", self.payer), ("payee", self.payee)):
            if phone is not None:
                fields[name] = {"partyIdType": "MSISDN", "partyId": phone}
        if self.refunds is not None:
            fields["referenceIdToRefund"] = self.refunds
        return fields
