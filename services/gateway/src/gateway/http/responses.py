"""Base of response bodies, and the fields that several features show."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cift_shared.money.amount import Money
from cift_shared.rails.registry import example_rail

AmountShown = Annotated[str, Field(examples=["1000.00"])]
"""Decimal text with all the decimal places of its currency."""
CurrencyShown = Annotated[str, Field(examples=["KES"])]
CustomerShown = Annotated[str, Field(examples=["c_42"])]
MethodShown = Annotated[str, Field(examples=[example_rail().method])]
RailShown = Annotated[str, Field(examples=[example_rail().name])]
ProviderShown = Annotated[str, Field(examples=[example_rail().provider])]
ProviderNameShown = Annotated[str, Field(examples=[example_rail().provider_name])]
CursorShown = Annotated[str, Field(examples=["WyIyMDI2LTAxLTMxVDEyOjAwOjAwKzAwOjAwIl0"])]


class Out(BaseModel):
    """Base of every response body."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, use_attribute_docstrings=True
    )


class PageOut(Out):
    """What every page of a list has."""

    next_cursor: CursorShown | None
    """Pass it as `after` for the rows that follow, which are older; null on the last page."""
    previous_cursor: CursorShown | None
    """Pass it as `before` for the rows that come before; null where the list begins."""


class ItemOut(Out):
    """What became of one item of a batch: the answer that a single request would have."""

    status: int = Field(examples=[202])
    """The HTTP status of that answer."""
    location: str | None = Field(examples=["/api/v1/payments/019a2f6e-3c1d-7b42-8f10-5a6b7c8d9e0f"])
    """The address of the created object; null for a refusal."""
    replayed: bool
    """True when this is the stored answer to an earlier request with the key."""


def amount_text(minor: Any, currency: str) -> str:
    """Minor units from the database as decimal text."""
    return Money(int(minor), currency).text
