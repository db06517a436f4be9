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
ProviderShown = Annotated[str | None, Field(examples=[example_rail().provider])]
ProviderNameShown = Annotated[str | None, Field(examples=[example_rail().shown])]
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


def amount_text(minor: Any, currency: str) -> str:
    """Minor units from the database as decimal text."""
    return Money(int(minor), currency).text
