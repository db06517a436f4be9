"""Field types that bodies, queries and paths share: what they accept, and their error messages."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from cift_shared.rails.registry import example_rail, methods

CUSTOMER_ID = (
    r"^([A-Za-z0-9_:-][A-Za-z0-9_.:-]{0,63}|\.[A-Za-z0-9_:-][A-Za-z0-9_.:-]{0,62}"
    r"|\.\.[A-Za-z0-9_.:-]{1,62})$"
)
"""Never `.` or `..` alone: clients and proxies remove these from a URL path (RFC 3986, 5.2.4)."""
PaymentType = Literal["deposit", "withdrawal"]
_CUSTOMER_ID = re.compile(CUSTOMER_ID)
_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


def _customer_id(text: str) -> str:
    if not _CUSTOMER_ID.fullmatch(text):
        raise PydanticCustomError(
            "customer_id_invalid",
            "Send 1 to 64 letters, digits, or _ . : - characters; not . or .. alone.",
        )
    return text


def _built_method(name: str) -> str:
    if name not in methods():
        raise PydanticCustomError(
            "method_unavailable", "Available: {names}.", {"names": ", ".join(methods())}
        )
    return name


def _amount_text(value: object) -> object:
    """Accept only text: a JSON number has lost its decimals before this code reads it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise PydanticCustomError(
            "amount_not_text", 'Send decimal text in quotes, "100.00", not a number.'
        )
    return value


def _written_out(value: object) -> object:
    """Refuse a bare number: it would be read as seconds since 1970, `2026` as a moment of 1970."""
    if isinstance(value, str) and not _DATE_AND_TIME.match(value):
        raise _moment_invalid()
    return value


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, as the database accepts it.

    Raises:
        ValueError: in UTC it is outside the years 1 to 9999.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def _moment_invalid() -> PydanticCustomError:
    return PydanticCustomError("moment_invalid", "Date, time and offset: 2026-01-31T12:00:00Z.")


CustomerId = Annotated[
    str,
    AfterValidator(_customer_id),
    Field(examples=["c_42"], json_schema_extra={"pattern": CUSTOMER_ID}),
]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written_out),
    AfterValidator(in_utc),
    Field(examples=["2026-01-31T12:00:00Z"]),
]
"""A moment in the format of RFC 3339."""
MethodName = Annotated[
    str,
    StringConstraints(max_length=32),
    AfterValidator(_built_method),
    Field(examples=[example_rail().method], json_schema_extra={"enum": methods()}),
]
AmountText = Annotated[
    str,
    BeforeValidator(_amount_text),
    Field(
        max_length=64,
        examples=["1000.00"],
        json_schema_extra={"pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?$"},
    ),
]
CurrencyCode = Annotated[str, StringConstraints(max_length=8), Field(examples=["KES"])]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=40)]
MetadataValue = Annotated[str, StringConstraints(max_length=500)]
Metadata = Annotated[
    dict[MetadataKey, MetadataValue], Field(max_length=50, examples=[{"order_id": "1001"}])
]
Description = Annotated[str, StringConstraints(max_length=255), Field(examples=["Top up"])]
BodyId = Annotated[UUID, Field(strict=False, examples=["019a2f6e-3c1d-7b42-8f10-5a6b7c8d9e0f"])]
"""An id of ours in a JSON body, where it is text."""
CustomerPath = Annotated[str, Path(pattern=CUSTOMER_ID)]
